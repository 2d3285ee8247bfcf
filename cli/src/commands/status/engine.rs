//! What a directory has of a part.

use orz_core::Value;
use orz_core::format::{Inventory, Pointer};
use serde_json::json;

use crate::view::{Tone, count, short};

/// What a directory has of a part.
pub(super) enum Engine {
    /// Nothing.
    Absent,
    /// What the pointer names, or something else.
    Has {
        inventory: Box<Inventory>,
        current: bool,
    },
}

impl Engine {
    pub(super) fn of(pointer: &Pointer, inventory: Option<Inventory>) -> Self {
        match inventory {
            None => Self::Absent,
            Some(inventory) => {
                let current = inventory.complete && inventory.release == pointer.release;
                Self::Has {
                    inventory: Box::new(inventory),
                    current,
                }
            }
        }
    }

    pub(super) fn words(&self) -> (Tone, String) {
        match self {
            Self::Absent => (Tone::Notice, "not there yet".to_owned()),
            Self::Has {
                inventory,
                current: true,
            } => (
                Tone::Good,
                format!("in place, {}", count(inventory.objects.len(), "object")),
            ),
            Self::Has {
                inventory,
                current: false,
            } => (
                Tone::Notice,
                format!("still at {}", short(inventory.release.as_str())),
            ),
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::Has { inventory, current } => json!({
                "release": inventory.release,
                "complete": inventory.complete,
                "current": current,
                "objects": inventory.objects.len(),
            }),
        }
    }
}
