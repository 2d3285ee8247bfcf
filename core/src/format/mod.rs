//! Every format that is written to a GitOps repository.
//!
//! All of them are JSON with two-space indentation, keys in the order of the type, and a final newline
//! ([`to_bytes`]), so that equal values are equal blobs. Files that we wrote accept unknown fields,
//! so that an older reader survives a newer writer.

mod claim;
mod digest;
mod interval;
mod inventory;
mod pointer;
mod reconciler;
mod release;
mod status;
mod trailers;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use claim::{Claim, ClaimKey, ClaimState};
pub use digest::digest_of;
pub use interval::{Interval, IntervalError};
pub use inventory::{Inventory, InventoryItem, Writer};
pub use pointer::{Blocks, Hold, HoldKind, Pointer, Source, State, StateKind};
pub use reconciler::{BrakeSettings, ReconcilerSettings};
pub use release::{Compiler, InputFile, Inputs, ObjectRef, Release, Requirement};
pub use status::{Baseline, Blocking, Brake, HealthWord, Memory, Next, ObjectName, Phase, Status};
pub use trailers::{Action, Cause, TrailerError, Trailers};

/// The version of every format here.
pub const API_VERSION: &str = "orz.dev/v1";

/// Why a stored file is not what its path says.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Not JSON, or a field is missing or of another type.
    #[error("not a valid {kind}: {source}")]
    Json {
        /// Which kind of document was expected.
        kind: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// `apiVersion` or `kind` is of something else.
    #[error("expected a {kind} of {API_VERSION}, found `{found}`")]
    Kind {
        /// Which kind of document was expected.
        kind: &'static str,
        /// `apiVersion/kind` as found.
        found: String,
    },
}

/// A document with `apiVersion` and `kind`.
pub trait Document: Serialize + DeserializeOwned {
    /// The `kind` it carries.
    const KIND: &'static str;
}

/// The bytes that stand for `document` in the repository.
pub fn to_bytes<T: Document>(document: &T) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope<'a, T> {
        api_version: &'static str,
        kind: &'static str,
        #[serde(flatten)]
        document: &'a T,
    }
    let envelope = Envelope {
        api_version: API_VERSION,
        kind: T::KIND,
        document,
    };
    let mut bytes = serde_json::to_vec_pretty(&envelope)
        .expect("formats hold only string keys and finite numbers");
    bytes.push(b'\n');
    bytes
}

/// Reads what [`to_bytes`] wrote.
pub fn from_bytes<T: Document>(bytes: &[u8]) -> Result<T, FormatError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        api_version: String,
        kind: String,
    }
    let json = |source| FormatError::Json {
        kind: T::KIND,
        source,
    };
    let head: Head = serde_json::from_slice(bytes).map_err(json)?;
    if head.api_version != API_VERSION || head.kind != T::KIND {
        return Err(FormatError::Kind {
            kind: T::KIND,
            found: format!("{}/{}", head.api_version, head.kind),
        });
    }
    serde_json::from_slice(bytes).map_err(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Part;

    fn pointer() -> Pointer {
        Pointer {
            tenant: "buildos-dev".parse().expect("valid"),
            part: Part::Work,
            cluster: "in-cluster".parse().expect("valid"),
            namespace: "buildos-dev".to_owned(),
            release: "0123456789abcdef0123456789abcdef01234567"
                .parse()
                .expect("valid"),
            digest: digest_of([]),
            source: Source {
                repository: "example".to_owned(),
                commit: None,
                dirty: true,
            },
            newest_source: None,
            state: State::LIVE,
            hold: None,
        }
    }

    /// The bytes are a contract: an older reader and `git diff` rely on them.
    #[test]
    fn a_pointer_has_these_bytes() {
        let expected = r#"{
  "apiVersion": "orz.dev/v1",
  "kind": "Pointer",
  "tenant": "buildos-dev",
  "part": "work",
  "cluster": "in-cluster",
  "namespace": "buildos-dev",
  "release": "0123456789abcdef0123456789abcdef01234567",
  "digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "source": {
    "repository": "example",
    "commit": null,
    "dirty": true
  },
  "newestSource": null,
  "state": {
    "kind": "live"
  },
  "hold": null
}
"#;
        assert_eq!(
            String::from_utf8(to_bytes(&pointer())).expect("JSON is UTF-8"),
            expected
        );
        assert_eq!(
            from_bytes::<Pointer>(expected.as_bytes()).expect("readable"),
            pointer()
        );
    }

    #[test]
    fn a_hold_blocks_all_or_a_list() {
        let blocked = pointer().release;
        let other: crate::id::ReleaseId = "89abcdef0123456789abcdef0123456789abcdef"
            .parse()
            .expect("valid");
        for (blocks, json, stops_other) in [
            (Blocks::All, "\"all\"", true),
            (
                Blocks::Releases(vec![blocked.clone()]),
                "[\"0123456789abcdef0123456789abcdef01234567\"]",
                false,
            ),
        ] {
            assert_eq!(serde_json::to_string(&blocks).expect("serializable"), json);
            assert_eq!(
                serde_json::from_str::<Blocks>(json).expect("readable"),
                blocks
            );
            let hold = Hold {
                kind: HoldKind::Manual,
                by: "ann".to_owned(),
                reason: "incident".to_owned(),
                at: "2026-01-01T00:00:00Z".to_owned(),
                until: None,
                blocks,
                over: None,
            };
            assert!(hold.blocks(&blocked));
            assert_eq!(hold.blocks(&other), stops_other);
        }
        assert!(serde_json::from_str::<Blocks>("\"none\"").is_err());
    }

    #[test]
    fn a_newer_writer_does_not_break_an_older_reader() {
        let mut value: serde_json::Value =
            serde_json::from_slice(&to_bytes(&pointer())).expect("JSON");
        value["invented"] = serde_json::json!({ "later": true });
        assert_eq!(
            from_bytes::<Pointer>(value.to_string().as_bytes()).expect("readable"),
            pointer()
        );
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        let text = String::from_utf8(to_bytes(&pointer())).expect("JSON is UTF-8");
        let error = from_bytes::<Claim>(text.as_bytes()).expect_err("a pointer is no claim");
        assert_eq!(
            error.to_string(),
            "expected a Claim of orz.dev/v1, found `orz.dev/v1/Pointer`"
        );
        assert!(from_bytes::<Pointer>(b"{").is_err());
        assert!(from_bytes::<Pointer>(text.replace("in-cluster", "../x").as_bytes()).is_err());
    }
}
