//! The sections of a bundle, one file each.
//!
//! Adding a section is one file, one schema type, one fixture:
//!
//! 1. `sections/<name>.rs` with the type of one entry (`serde::Deserialize`, `schemars::JsonSchema`,
//!    `deny_unknown_fields`) and `impl Section` for it;
//! 2. one line in the `sections!` list below, in the order of the keys' names;
//! 3. `tests/fixtures/ok/<name>/`, and one `tests/fixtures/bad/…` for every new way to be wrong.
//!
//! Everything else follows from the list: the bundle's type and JSON Schema, merging of fragments,
//! duplicate detection, deserialization, and the calls of [`Section::resolve`] and [`Section::lower`].

use orz_core::Value;
use orz_core::diag::Diagnostics;
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;

pub use crate::lower::{Draft, Objects};
pub use crate::model::{Entry, Unit};
pub use crate::resolve::{Named, Scope, find};

pub mod apps;
pub mod configs;
pub mod connectors;
pub mod policies;
pub mod secret_refs;
pub(crate) mod shared;
pub mod tenant;

pub use apps::App;
pub use configs::Config;
pub use connectors::Connector;
pub use policies::Policy;
pub use secret_refs::SecretRef;
pub use tenant::Tenant;

/// How the value of a section looks in the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One object; it stands in exactly one file.
    Object,
    /// A list of objects, each named by these string fields together. The lists of all files are united
    /// and sorted by key; a key twice is `duplicate-name`.
    List(&'static [&'static str]),
}

/// A section of the bundle. The implementing type is one entry of it.
///
/// Both functions see one unit (namespace) at a time through [`Scope`]: the typed entries of every section
/// of that unit (`scope.unit.bundle.<section>`, each an [`Entry`] that knows its place in the source),
/// the tenant, its plan and the platform's data. They are called for every unit, also when the section
/// is absent there.
pub trait Section: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The key in the bundle.
    const NAME: &'static str;
    /// Object or keyed list.
    const SHAPE: Shape;

    /// Finds names that do not fit together and values that the platform does not allow.
    ///
    /// Use [`find`] for a reference to an entry of this unit: it reports `unknown-reference` with a
    /// did-you-mean. Report everything; the pipeline stops after all sections have resolved.
    fn resolve(scope: &Scope, problems: &mut Diagnostics) {
        let _ = (scope, problems);
    }

    /// Turns the entries into objects with [`Objects::add`], each with the part it belongs to and the span
    /// of the entry that caused it. What resolve found wrong does not reach this function.
    fn lower(scope: &Scope, out: &mut Objects);
}

macro_rules! sections {
    ($($(#[$doc:meta])* $field:ident: $type:ty;)+) => {
        /// The typed bundle of one unit: per section its entries, sorted by key.
        #[derive(Debug, Default)]
        pub struct Bundle {
            $($(#[$doc])* pub $field: Vec<Entry<$type>>,)+
        }

        /// Every section's key and shape, in the order of the keys.
        pub(crate) static SECTIONS: &[(&str, Shape)] =
            &[$((<$type as Section>::NAME, <$type as Section>::SHAPE)),+];

        impl Bundle {
            /// Deserializes merged entries. `take` yields the nodes of a section; the schema has accepted
            /// them, so an error here is a fault of ours: type and schema disagree.
            pub(crate) fn from_entries(
                mut take: impl FnMut(&'static str) -> Vec<orz_core::read::Node>,
            ) -> Result<Self, (&'static str, serde_json::Error, orz_core::diag::Span)> {
                Ok(Self { $($field: typed::<$type>(take(<$type as Section>::NAME))?,)+ })
            }
        }

        pub(crate) fn resolve_all(scope: &Scope, problems: &mut Diagnostics) {
            $(<$type as Section>::resolve(scope, problems);)+
        }

        pub(crate) fn lower_all(scope: &Scope, out: &mut Objects) {
            $(<$type as Section>::lower(scope, out);)+
        }

        /// The schema of each section's value, in the order of [`SECTIONS`].
        pub(crate) fn section_schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Value)> {
            vec![$((<$type as Section>::NAME, section_schema::<$type>(generator))),+]
        }
    };
}

sections! {
    /// Programs that run from an image.
    apps: App;
    /// Versioned, immutable configuration.
    configs: Config;
    /// Instances of connector types.
    connectors: Connector;
    /// Timeouts, retries, limits and breakers that apps and connectors name.
    policies: Policy;
    /// Where secrets are; never their values.
    secret_refs: SecretRef;
    /// The tenant itself; at most one entry.
    tenant: Tenant;
}

fn typed<T: Section>(
    nodes: Vec<orz_core::read::Node>,
) -> Result<Vec<Entry<T>>, (&'static str, serde_json::Error, orz_core::diag::Span)> {
    nodes
        .into_iter()
        .map(|node| match serde_json::from_value(node.to_value()) {
            Ok(value) => Ok(Entry::new(value, node)),
            Err(error) => Err((T::NAME, error, node.span)),
        })
        .collect()
}

fn section_schema<T: Section>(generator: &mut SchemaGenerator) -> Value {
    let entry = generator.subschema_for::<T>().to_value();
    match T::SHAPE {
        Shape::Object => entry,
        Shape::List(_) => serde_json::json!({ "type": "array", "items": entry }),
    }
}
