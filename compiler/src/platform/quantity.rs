//! Kubernetes quantities as platform data writes them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An amount as Kubernetes writes it: `250m`, `2`, `512Mi`, `1Ti`.
///
/// No exponents (`1e3`): YAML readers disagree on them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(String);

impl Quantity {
    /// What the schema asks for.
    pub const PATTERN: &'static str = r"^[0-9]{1,15}(\.[0-9]{1,3})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$";

    /// The amount as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The amount in thousandths, so that `250m` and `1Gi` compare as whole numbers.
    ///
    /// `None` if the text is no quantity or needs more than thousandths.
    pub fn thousandths(&self) -> Option<u128> {
        let digits_end = self
            .0
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(self.0.len());
        let (number, suffix) = self.0.split_at(digits_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || fraction.len() > 3 {
            return None;
        }
        let fraction: u128 = format!("{fraction:0<3}").parse().ok()?;
        let thousandths = whole
            .parse::<u128>()
            .ok()?
            .checked_mul(1000)?
            .checked_add(fraction)?;
        let factor: u128 = match suffix {
            "m" => return (thousandths % 1000 == 0).then_some(thousandths / 1000),
            "" => 1,
            "k" => 1000,
            "M" => 1000_u128.pow(2),
            "G" => 1000_u128.pow(3),
            "T" => 1000_u128.pow(4),
            "P" => 1000_u128.pow(5),
            "Ki" => 1024,
            "Mi" => 1024_u128.pow(2),
            "Gi" => 1024_u128.pow(3),
            "Ti" => 1024_u128.pow(4),
            "Pi" => 1024_u128.pow(5),
            _ => return None,
        };
        thousandths.checked_mul(factor)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Quantity {
    /// Takes the text as it is; only a schema or [`Quantity::thousandths`] tells whether it is a quantity.
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "an amount as Kubernetes writes it: `250m`, `2`, `512Mi`",
            "pattern": Self::PATTERN,
            "x-rule": "be an amount as Kubernetes writes it: `250m`, `2`, `512Mi`"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_compare_whatever_their_unit() {
        for (text, expected) in [
            ("0", Some(0)),
            ("250m", Some(250)),
            ("1.5", Some(1500)),
            ("2", Some(2000)),
            ("1k", Some(1_000_000)),
            ("1Ki", Some(1_024_000)),
            ("1Gi", Some(1_073_741_824_000)),
            ("1024Mi", Some(1_073_741_824_000)),
            ("0.5m", None),
            ("1e3", None),
            ("Gi", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(Quantity::from(text).thousandths(), expected, "{text}");
        }
    }
}
