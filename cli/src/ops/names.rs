//! How people name releases and parts on the command line.

use std::collections::BTreeSet;
use std::str::FromStr;

use orz_core::format::Release;
use orz_core::id::{Part, TenantName};
use orz_gitops::{PointerFile, View};

use crate::error::CommandError;

/// A release on the command line: the first digits of its id, or `<tenant>/<part>` for what is live there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReleaseName {
    /// At least four digits of its id.
    Prefix(String),
    /// What is live there.
    Live(TenantName, Part),
}

impl FromStr for ReleaseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((tenant, part)) => {
                let tenant = tenant
                    .parse()
                    .map_err(|error: orz_core::id::IdError| error.to_string())?;
                let part = part
                    .parse()
                    .map_err(|error: orz_core::id::IdError| error.to_string())?;
                Ok(Self::Live(tenant, part))
            }
            None if (4..=40).contains(&text.len()) && text.bytes().all(is_digit) => {
                Ok(Self::Prefix(text.to_owned()))
            }
            None => Err("give at least 4 hex digits of its id, or `<tenant>/<part>`".to_owned()),
        }
    }
}

const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl ReleaseName {
    /// The index entry of the release.
    pub(crate) fn find(&self, view: &View) -> Result<Release, CommandError> {
        match self {
            Self::Prefix(prefix) => Ok(view.find_release(prefix)?),
            Self::Live(tenant, part) => {
                let mut found = BTreeSet::new();
                for file in view.pointers_of(tenant)? {
                    if let PointerFile::Valid(stored) = file
                        && stored.pointer.part == *part
                    {
                        found.insert(stored.pointer.release);
                    }
                }
                match (found.pop_first(), found.is_empty()) {
                    (Some(release), true) => Ok(view.find_release(release.as_str())?),
                    (Some(_), false) => Err(CommandError::input(format!(
                        "`{tenant}/{part}` is live on several clusters with different releases"
                    ))
                    .help(format!(
                        "`orzc status {tenant}` lists them; name one by its digits"
                    ))),
                    (None, _) => Err(CommandError::input(format!(
                        "nothing is live at `{tenant}/{part}`"
                    ))
                    .help(format!("`orzc status {tenant}` lists what is live"))),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_by_digits_or_by_where_it_is_live() {
        assert_eq!(
            "0123abcd".parse(),
            Ok(ReleaseName::Prefix("0123abcd".to_owned()))
        );
        let live = ReleaseName::Live("acme".parse().expect("valid"), Part::Work);
        assert_eq!("acme/work".parse(), Ok(live));
        assert!("acme/nothing".parse::<ReleaseName>().is_err());
        assert!("Acme/work".parse::<ReleaseName>().is_err());
        for bad in ["", "e", "012", "acme", "v1.2.3"] {
            assert!(bad.parse::<ReleaseName>().is_err(), "{bad}");
        }
    }
}
