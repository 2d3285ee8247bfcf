//! `--expect`: what the caller goes by.

use std::str::FromStr;

use orz_core::id::{ClusterName, IdError, Part, TenantName};
use orz_gitops::{Belief, Believed};

use crate::error::CommandError;

/// One `--expect` on the command line: `[[TENANT/]PART=]ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    tenant: Option<TenantName>,
    part: Option<Part>,
    live: Believed,
}

/// Fewer digits would fit too many.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=40;

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |error: IdError| error.to_string();
        let (place, id) = match text.split_once('=') {
            Some((place, id)) => (Some(place), id),
            None => (None, text),
        };
        let (tenant, part) = match place.map(|place| place.split_once('/').ok_or(place)) {
            None => (None, None),
            Some(Err(part)) => (None, Some(part)),
            Some(Ok((tenant, part))) => (Some(tenant), Some(part)),
        };
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let live = match id {
            "none" => Believed::Nothing,
            id if DIGITS.contains(&id.len()) && id.bytes().all(is_digit) => {
                Believed::Id(id.to_owned())
            }
            _ => {
                return Err(
                    "write at least 7 hex digits of a release or of a pointer's version, or `none`"
                        .to_owned(),
                );
            }
        };
        Ok(Self {
            tenant: tenant.map(str::parse).transpose().map_err(wrong)?,
            part: part.map(str::parse).transpose().map_err(wrong)?,
            live,
        })
    }
}

/// What is believed of one tenant. Without a part, `parts` must be the one that is meant.
pub(crate) fn beliefs(
    given: &[Expectation],
    tenant: &TenantName,
    parts: &[Part],
    cluster: Option<&ClusterName>,
) -> Result<Vec<Belief>, CommandError> {
    given
        .iter()
        .map(|expected| {
            if expected
                .tenant
                .as_ref()
                .is_some_and(|other| other != tenant)
            {
                return Err(CommandError::usage(format!(
                    "`--expect` is about another tenant than `{tenant}`"
                )));
            }
            let part = match (expected.part, parts) {
                (Some(part), _) if parts.is_empty() || parts.contains(&part) => part,
                (Some(part), _) => {
                    return Err(CommandError::usage(format!(
                        "`--expect` is about part `{part}`, which this does not move"
                    )));
                }
                (None, [part]) => *part,
                (None, _) => {
                    return Err(CommandError::usage(
                        "`--expect` does not say which part it is about",
                    )
                    .help("write `--expect work=ID`, or name one part with `--part`"));
                }
            };
            Ok(Belief {
                tenant: tenant.clone(),
                part,
                cluster: cluster.cloned(),
                live: expected.live.clone(),
            })
        })
        .collect()
}

/// What is believed of the tenants that are published.
pub(crate) fn of_tenants(
    given: &[Expectation],
    selected: &[TenantName],
) -> Result<Vec<Belief>, CommandError> {
    given
        .iter()
        .map(|expected| {
            let place = (&expected.tenant, selected, expected.part);
            let ((Some(tenant), _, Some(part)) | (None, [tenant], Some(part))) = place else {
                return Err(CommandError::usage(
                    "`--expect` does not say which tenant and part it is about",
                )
                .help("write `--expect TENANT/PART=ID`"));
            };
            Ok(Belief {
                tenant: tenant.clone(),
                part,
                cluster: None,
                live: expected.live.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_names_as_much_as_is_needed() {
        let parsed = |text: &str| text.parse::<Expectation>();
        let id = || Believed::Id("0123abc".to_owned());
        for (text, tenant, part, live) in [
            ("0123abc", None, None, id()),
            ("none", None, None, Believed::Nothing),
            ("work=0123abc", None, Some(Part::Work), id()),
            (
                "acme/data=none",
                Some("acme"),
                Some(Part::Data),
                Believed::Nothing,
            ),
        ] {
            let expected = Expectation {
                tenant: tenant.map(|tenant| tenant.parse().expect("valid")),
                part,
                live,
            };
            assert_eq!(parsed(text), Ok(expected), "{text}");
        }
        for wrong in [
            "",
            "012345",
            "0123ABC",
            "work=",
            "acme/=0123abc",
            "shelf=0123abc",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn which_part_is_meant_is_never_guessed() {
        let acme: TenantName = "acme".parse().expect("valid");
        let given = |text: &str| [text.parse::<Expectation>().expect("valid")];
        let part = |text: &str, parts: &[Part]| {
            let beliefs = beliefs(&given(text), &acme, parts, None);
            beliefs.map(|beliefs| beliefs[0].part).ok()
        };
        assert_eq!(part("0123abc", &[Part::Work]), Some(Part::Work));
        assert_eq!(part("0123abc", &[]), None);
        assert_eq!(part("data=0123abc", &[]), Some(Part::Data));
        assert_eq!(part("data=0123abc", &[Part::Work]), None);
        assert_eq!(part("other/work=0123abc", &[Part::Work]), None);
        let of = |text: &str, selected: &[TenantName]| of_tenants(&given(text), selected).is_ok();
        assert!(of("acme/work=none", &[]));
        assert!(of("work=none", std::slice::from_ref(&acme)));
        assert!(!of("work=none", &[]));
        assert!(!of("none", &[acme]));
    }
}
