//! The settings of the reconciler, as the platform's own release holds them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::{Document, Interval, from_bytes};
use crate::Value;
use crate::object::Object;

/// How patient the reconciler of a cluster is, and when it stops: the one key of a ConfigMap in the release of
/// `orz-platform`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconcilerSettings {
    /// How long a release must have been healthy without a break to be verified.
    pub soak: Interval,
    /// How long a release may be unhealthy before it is taken back, unless it asks for more itself.
    pub deadline: Interval,
    /// When so many activations fail that it is an outage.
    pub brake: BrakeSettings,
    /// How often a part of which nothing is expected is looked at, to put right what somebody changed.
    pub drift_interval: Interval,
    /// How often status is published at most.
    pub status_interval: Interval,
}

/// When the brake is set: more failures within the window than `min`, and than `percent` of the activations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrakeSettings {
    /// How far back activations count.
    pub window: Interval,
    /// So many failures never set it.
    pub min: u64,
    /// So many of a hundred activations never set it.
    pub percent: u64,
}

impl Document for ReconcilerSettings {
    const KIND: &'static str = "ReconcilerSettings";
}

impl ReconcilerSettings {
    /// The ConfigMap that holds them, in [`crate::kinds::SYSTEM_NAMESPACE`].
    pub const NAME: &'static str = "orz-reconciler-settings";
    /// The one key of that ConfigMap.
    pub const KEY: &'static str = "reconciler.json";

    /// Whether this is the ConfigMap that holds them, in some namespace.
    pub fn is_in(object: &Object) -> bool {
        object.group().is_empty() && object.kind() == "ConfigMap" && object.name() == Self::NAME
    }

    /// Reads them from that ConfigMap; an error says in words what is wrong with it.
    pub fn from_object(object: &Object) -> Result<Self, String> {
        let value = object.value();
        // What is immutable could never be followed by other settings.
        for field in ["binaryData", "immutable"] {
            if value.get(field).is_some() {
                return Err(format!("`{field}` may not be stated"));
            }
        }
        let empty = Map::new();
        let data = value
            .get("data")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let text = data.get(Self::KEY).and_then(Value::as_str);
        let (Some(text), 1) = (text, data.len()) else {
            return Err(format!("`data` must hold `{}` alone", Self::KEY));
        };
        let settings: Self = from_bytes(text.as_bytes())
            .map_err(|error| format!("`data[{}]`: {error}", Self::KEY))?;
        if settings.brake.percent > 100 {
            return Err(format!(
                "`data[{}]`: `brake.percent` is more than 100",
                Self::KEY
            ));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::format::to_bytes;

    fn settings() -> ReconcilerSettings {
        let interval = |text: &str| text.parse().expect("valid");
        ReconcilerSettings {
            soak: interval("2m"),
            deadline: interval("10m"),
            brake: BrakeSettings {
                window: interval("10m"),
                min: 5,
                percent: 5,
            },
            drift_interval: interval("1m"),
            status_interval: interval("1m"),
        }
    }

    fn object(content: Value) -> Object {
        let mut value = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": ReconcilerSettings::NAME, "namespace": "orz-system"},
        });
        let Value::Object(content) = content else {
            panic!("content is a map")
        };
        value.as_object_mut().expect("a map").extend(content);
        Object::new(value).expect("an object")
    }

    fn text() -> String {
        String::from_utf8(to_bytes(&settings())).expect("JSON is UTF-8")
    }

    #[test]
    fn what_is_written_is_read_back_and_unknown_fields_do_not_matter() {
        let found = ReconcilerSettings::from_object(&object(json!({"data": {
            "reconciler.json": text(),
        }})));
        assert_eq!(found, Ok(settings()));
        let newer = text().replacen('{', "{\"later\": 1,", 1);
        let found = ReconcilerSettings::from_object(&object(json!({"data": {
            "reconciler.json": newer,
        }})));
        assert_eq!(found, Ok(settings()));
    }

    #[test]
    fn anything_else_is_refused_in_words() {
        let data = |text: String| json!({"data": {"reconciler.json": text}});
        for (content, expected) in [
            (json!({}), "`data` must hold `reconciler.json` alone"),
            (
                json!({"data": {"reconciler.json": text(), "more": ""}}),
                "`data` must hold `reconciler.json` alone",
            ),
            (
                json!({"data": {"reconciler.json": text()}, "immutable": true}),
                "`immutable` may not be stated",
            ),
            (
                json!({"data": {"reconciler.json": text()}, "binaryData": {}}),
                "`binaryData` may not be stated",
            ),
            (
                data(text().replace("ReconcilerSettings", "Pointer")),
                "`data[reconciler.json]`: expected a ReconcilerSettings of orz.dev/v1, found `orz.dev/v1/Pointer`",
            ),
            (
                data(text().replace("\"percent\": 5", "\"percent\": 101")),
                "`data[reconciler.json]`: `brake.percent` is more than 100",
            ),
            (
                data(text().replace("\"2m\"", "\"0s\"")),
                "`data[reconciler.json]`: not a valid ReconcilerSettings: `0s` is not between `10ms` and `8760h`",
            ),
            (
                data(text().replace("soak", "soaks")),
                "`data[reconciler.json]`: not a valid ReconcilerSettings: missing field `soak`",
            ),
        ] {
            let found = ReconcilerSettings::from_object(&object(content))
                .err()
                .unwrap_or_default();
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
