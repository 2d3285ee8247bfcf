//! Times as this package needs them: seconds since 1970 for commits, RFC 3339 in UTC for documents.

use crate::error::{Error, Result};

/// 2000-01-01T00:00:00Z: the date of every release commit, so that equal bytes are one commit.
pub(crate) const RELEASE_DATE: i64 = 946_684_800;

/// Seconds since 1970 of `YYYY-MM-DDTHH:MM:SS[.fraction]Z`; the fraction is dropped.
pub(crate) fn parse(text: &str) -> Result<i64> {
    parts(text).ok_or_else(|| Error::Time {
        text: text.chars().take(80).collect(),
    })
}

/// `YYYY-MM-DDTHH:MM:SSZ`.
pub(crate) fn format(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

fn parts(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let (hour, rest) = time.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let year = number(year, 4, 1970, 9999)?;
    let month = number(month, 2, 1, 12)?;
    let day = number(day, 2, 1, 31)?;
    let days = days_since_1970(year, month, day);
    // A day that the month does not have comes back as another one.
    if civil(days) != (year, month, day) {
        return None;
    }
    let second = number(hour, 2, 0, 23)? * 3_600
        + number(minute, 2, 0, 59)? * 60
        + number(second, 2, 0, 59)?;
    Some(days * 86_400 + second)
}

fn number(text: &str, digits: usize, least: i64, most: i64) -> Option<i64> {
    if text.len() != digits || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|n| (least..=most).contains(n))
}

/// Years here begin in March, so that the day that some years lack is their last one.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let before_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let before_month = (153 * month + 2) / 5;
    before_year + before_month + day - 1 - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year_of_era + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        // From `date -u -d … +%s`.
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-01-01T00:00:00Z", RELEASE_DATE),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2027-03-01T12:34:56Z", 1_803_904_496),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(parse(text).expect(text), seconds, "{text}");
            assert_eq!(format(seconds), text);
        }
        assert_eq!(
            parse("1970-01-01T00:00:01.999Z").expect("a fraction is dropped"),
            1
        );
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in 0..146_097 {
            let text = format(day * 86_400);
            assert_eq!(parse(&text).expect("valid"), day * 86_400, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_in_utc_is_refused() {
        for bad in [
            "",
            "now",
            "2027-01-01",
            "2027-01-01T00:00:00",
            "2027-01-01T00:00:00+00:00",
            "2027-02-30T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-01-01T24:00:00Z",
            "2027-1-01T00:00:00Z",
            "2027-01-01T00:00:00.Z",
            "2027-01-01 00:00:00Z",
            "+027-01-01T00:00:00Z",
        ] {
            assert!(parse(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
