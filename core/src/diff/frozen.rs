//! Which changes the API server would refuse.

use crate::Value;
use crate::kinds::{Condition, Frozen, Quantity};

use super::FieldChange;
use super::path::{display, is_within, touches};

/// The frozen fields that `fields` would change, sorted.
///
/// A field is named as the table spells it; under a [`Condition::Except`] the field one level below
/// is named, because the whole of `spec` would say nothing.
pub(super) fn violated(
    frozen: &[Frozen],
    before: &Value,
    after: &Value,
    fields: &[FieldChange],
) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for rule in frozen {
        for field in fields
            .iter()
            .filter(|field| touches(rule.path, &field.steps))
        {
            let depth = rule.path.split('.').count();
            let depth = match rule.condition {
                Condition::Always => depth,
                Condition::Except(exceptions) => {
                    if exceptions
                        .iter()
                        .any(|exception| is_within(exception, &field.steps))
                    {
                        continue;
                    }
                    depth + 1
                }
                Condition::When(flag) => {
                    if at(before, flag) != Some(&Value::Bool(true)) {
                        continue;
                    }
                    depth
                }
                Condition::UnlessGrows => {
                    if grows(field) {
                        continue;
                    }
                    depth
                }
                Condition::Unless(path, text) => {
                    if [before, after]
                        .iter()
                        .any(|value| at(value, path).and_then(Value::as_str) == Some(text))
                    {
                        continue;
                    }
                    depth
                }
            };
            // What contains the frozen field came or went as a whole: the frozen field is what matters.
            paths.push(if field.steps.len() < rule.path.split('.').count() {
                rule.path.to_owned()
            } else {
                display(&field.steps[..depth.min(field.steps.len())])
            });
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// Whether every quantity in the change is at least what it was. One that is new may come.
fn grows(field: &FieldChange) -> bool {
    match (&field.before, &field.after) {
        (None, _) => true,
        (Some(before), Some(after)) => {
            match (Quantity::from_value(before), Quantity::from_value(after)) {
                (Some(before), Some(after)) => after >= before,
                _ => false,
            }
        }
        (Some(_), None) => false,
    }
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(value, |value, name| value.get(name))
}
