//! Every format that is written to a GitOps repository.
//!
//! All of them are JSON with two-space indentation, keys in the order of the type, and a final newline
//! ([`to_bytes`]), so that equal values are equal blobs. Files that we wrote accept unknown fields,
//! so that an older reader survives a newer writer.

mod claim;
mod digest;
mod pointer;
mod release;
mod trailers;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use claim::{Claim, ClaimKey, ClaimState};
pub use digest::digest_of;
pub use pointer::{Blocks, Hold, HoldKind, Pointer, Source, State, StateKind};
pub use release::{Compiler, InputFile, Inputs, ObjectRef, Release, Requirement};
pub use trailers::{Action, TrailerError, Trailers};

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
    let envelope = Envelope { api_version: API_VERSION, kind: T::KIND, document };
    let mut bytes = serde_json::to_vec_pretty(&envelope).expect("formats hold only string keys and finite numbers");
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
    let json = |source| FormatError::Json { kind: T::KIND, source };
    let head: Head = serde_json::from_slice(bytes).map_err(json)?;
    if head.api_version != API_VERSION || head.kind != T::KIND {
        return Err(FormatError::Kind { kind: T::KIND, found: format!("{}/{}", head.api_version, head.kind) });
    }
    serde_json::from_slice(bytes).map_err(json)
}
