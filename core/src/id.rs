//! Identifiers as newtypes: parsed once at the edge, so that nothing inside compares bare strings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of a tenant or project: `<tenant>--<project>` must fit a 63-character label.
pub const NAME_MAX: usize = 30;

/// Names no tenant or project may carry, whatever platform data adds.
const RESERVED: &[&str] = &["default", "argocd"];
/// Prefixes no tenant or project may carry.
const RESERVED_PREFIXES: &[&str] = &["kube-", "orz-"];

/// Why a text is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Empty, too long, or a character that the identifier does not allow.
    #[error("{what} `{}` is not valid: {rule}", text.escape_debug())]
    Shape {
        /// Which identifier was expected.
        what: &'static str,
        /// The text as given.
        text: String,
        /// The rule it breaks, in words.
        rule: &'static str,
    },
    /// A name that Kubernetes, Argo CD or orz keeps for itself.
    #[error("{what} `{text}` is reserved")]
    Reserved {
        /// Which identifier was expected.
        what: &'static str,
        /// The text as given.
        text: String,
    },
}

const NAME_RULE: &str = "use 1 to 30 lower-case letters, digits and single `-`, starting with a letter and ending with a letter or digit";

fn check_name(what: &'static str, text: &str) -> Result<(), IdError> {
    let shape = || IdError::Shape {
        what,
        text: text.to_owned(),
        rule: NAME_RULE,
    };
    let bytes = text.as_bytes();
    let first = bytes.first().ok_or_else(shape)?;
    if bytes.len() > NAME_MAX
        || !first.is_ascii_lowercase()
        || bytes.ends_with(b"-")
        || text.contains("--")
        || !bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
    {
        return Err(shape());
    }
    if RESERVED.contains(&text) || RESERVED_PREFIXES.iter().any(|p| text.starts_with(p)) {
        return Err(IdError::Reserved {
            what,
            text: text.to_owned(),
        });
    }
    Ok(())
}

fn check_hex(
    what: &'static str,
    text: &str,
    len: usize,
    rule: &'static str,
) -> Result<(), IdError> {
    let hex = text
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if text.len() == len && hex {
        Ok(())
    } else {
        Err(IdError::Shape {
            what,
            text: text.chars().take(80).collect(),
            rule,
        })
    }
}

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> Result<(), IdError> = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string" })
            }
        }
    };
}

string_id!(
    /// The name of a tenant: `[a-z]([a-z0-9-]*[a-z0-9])?` without `--`, at most [`NAME_MAX`] characters,
    /// not reserved. It is also the tenant's main namespace.
    TenantName,
    // The one tenant that may carry the prefix: it owns the platform's own release.
    |t| if t == TenantName::PLATFORM { Ok(()) } else { check_name("tenant name", t) }
);
string_id!(
    /// The name of a project of a tenant; same rule as [`TenantName`].
    ProjectName,
    |t| check_name("project name", t)
);
string_id!(
    /// The name of a cluster as Argo CD knows it (`in-cluster`); same characters as a tenant's name.
    ClusterName,
    |t| check_name("cluster name", t)
);
string_id!(
    /// A release: the id of its parentless Git commit, 40 lower-case hex digits.
    ReleaseId,
    |t| check_hex("release", t, 40, "a release is a full commit id of 40 hex digits")
);
string_id!(
    /// A commit of the source or GitOps repository, 40 lower-case hex digits.
    CommitId,
    |t| check_hex("commit", t, 40, "a commit is a full id of 40 hex digits")
);
string_id!(
    /// A Git blob; the version of a pointer is its blob id.
    BlobId,
    |t| check_hex("blob", t, 40, "a blob is a full id of 40 hex digits")
);
string_id!(
    /// A SHA-256 digest, 64 lower-case hex digits.
    Digest,
    |t| check_hex("digest", t, 64, "a digest is 64 hex digits of SHA-256")
);

impl Digest {
    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(hex(&sha2::Sha256::digest(bytes)))
    }
}

/// Lower-case hex of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
            write!(out, "{b:02x}").expect("writing to a String cannot fail");
            out
        })
}

impl TenantName {
    /// The reserved tenant that owns the platform's own release.
    pub const PLATFORM: &'static str = "orz-platform";

    /// The reserved tenant that owns the platform's own release.
    pub fn platform() -> Self {
        Self(Self::PLATFORM.to_owned())
    }

    /// Whether this is the reserved tenant that owns the platform's own release.
    pub fn is_platform(&self) -> bool {
        self.as_str() == Self::PLATFORM
    }

    /// The parts that this tenant has, in the order they are applied.
    pub fn parts(&self) -> &'static [Part] {
        if self.is_platform() {
            &[Part::Platform]
        } else {
            &Part::OF_TENANT
        }
    }

    /// The namespace of one of the tenant's projects: `<tenant>--<project>`.
    ///
    /// `--` is in no name, so two pairs never give the same namespace.
    pub fn project_namespace(&self, project: &ProjectName) -> String {
        format!("{self}--{project}")
    }

    /// Whether `namespace` belongs to this tenant.
    pub fn owns_namespace(&self, namespace: &str) -> bool {
        namespace == self.as_str()
            || namespace
                .strip_prefix(self.as_str())
                .and_then(|rest| rest.strip_prefix("--"))
                .is_some_and(|project| ProjectName::from_str(project).is_ok())
    }
}

/// The parts of a tenant, each with releases and pointers of its own, in the order they are applied.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// What exists without any app: namespaces, quota, limits, default-deny, secret store.
    Tenancy,
    /// Databases, volumes, their backups and secrets.
    Data,
    /// Everything else; what a person rolls back is nearly always this.
    Work,
    /// The one part of the reserved tenant `orz-platform`.
    Platform,
}

impl Part {
    /// The parts of an ordinary tenant, in the order they are applied.
    pub const OF_TENANT: [Self; 3] = [Self::Tenancy, Self::Data, Self::Work];

    /// The part as it stands in paths and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenancy => "tenancy",
            Self::Data => "data",
            Self::Work => "work",
            Self::Platform => "platform",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Part {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        [Self::Tenancy, Self::Data, Self::Work, Self::Platform]
            .into_iter()
            .find(|part| part.as_str() == text)
            .ok_or_else(|| IdError::Shape {
                what: "part",
                text: text.to_owned(),
                rule: "a part is `tenancy`, `data`, `work` or `platform`",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        let long = "a".repeat(31);
        for bad in [
            "",
            "A",
            "1a",
            "-a",
            "a-",
            "a--b",
            "a_b",
            "a.b",
            "a/b",
            "..",
            "a b",
            "é",
            "a\n",
            "default",
            "kube-system",
            "orz-system",
            "argocd",
            &long,
        ] {
            assert!(
                bad.parse::<TenantName>().is_err(),
                "{bad:?} must be refused"
            );
            assert!(
                bad.parse::<ProjectName>().is_err(),
                "{bad:?} must be refused"
            );
        }
        for good in ["a", "a1", "buildos-dev", &"a".repeat(30), "orz-platform"] {
            assert!(
                good.parse::<TenantName>().is_ok(),
                "{good:?} must be accepted"
            );
        }
    }

    #[test]
    fn a_tenant_owns_its_namespaces_only() {
        let tenant: TenantName = "acme".parse().expect("valid");
        for own in ["acme", "acme--shop"] {
            assert!(tenant.owns_namespace(own), "{own}");
        }
        for foreign in [
            "acme-shop",
            "acme--",
            "acme---x",
            "acmes",
            "acme--a--b",
            "other",
            "",
        ] {
            assert!(!tenant.owns_namespace(foreign), "{foreign}");
        }
    }

    #[test]
    fn digests_are_full_lower_case_hex() {
        assert_eq!(
            Digest::of(b"").as_str(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert!("E3B0".parse::<Digest>().is_err());
        assert!("abc".parse::<ReleaseId>().is_err());
    }
}
