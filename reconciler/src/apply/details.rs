//! The last lines that Kubernetes gives about a workload that is not healthy: what its pods wait for, and the
//! newest warnings about it and about them.
//!
//! They end in commits that many people may read, so they never hold what a container wrote (its termination
//! message, the output of a probe) nor a value of an environment variable. Secrets are never read at all.

use std::collections::BTreeMap;

use orz_core::Value;
use orz_core::object::{Object, ObjectKey};

use super::api::{Api, ApiError, Collection};
use crate::engine::Observation;
use crate::health::{Health, ObjectHealth};
use crate::judge::{Seen, is_workload};

/// Of how many workloads at once; the others wait for the same, nearly always.
const WORKLOADS: usize = 5;
/// Of how many pods of each.
const PODS: usize = 2;
/// How many events about one object are looked at.
const EVENTS: u32 = 50;
/// A line is cut after so many characters.
const LINE: usize = 300;
/// Shorter values of environment variables are words of any message.
const VALUE_LEAST: usize = 4;

/// The lines about the workloads in `health` that are not healthy. What cannot be read is left out: it explains,
/// and decides nothing.
pub(crate) fn of(
    api: &Api,
    observation: &Observation,
    health: &[ObjectHealth],
) -> BTreeMap<ObjectKey, Vec<String>> {
    health
        .iter()
        .filter(|object| matches!(object.health, Health::Progressing | Health::Degraded))
        .filter(|object| is_workload(&object.key))
        .filter_map(|object| observation.live.get(&object.key)?.object.as_ref())
        .take(WORKLOADS)
        .filter_map(|object| {
            let lines = about(api, object).ok()?;
            (!lines.is_empty()).then(|| (object.key(), lines))
        })
        .collect()
}

fn about(api: &Api, object: &Object) -> Result<Vec<String>, ApiError> {
    let mut pods = match selector(object) {
        Some(labels) => {
            let collection = Collection::read_only("", "v1", "Pod", "pods", object.namespace());
            api.find(&collection, &labels, "", super::api::PAGE)?
        }
        None => Vec::new(),
    };
    pods.retain(|pod| pod.pointer("/metadata/deletionTimestamp").is_none() && !is_ready(pod));
    // The newest pods are of the newest template.
    let made = |pod: &Value| text(pod, "/metadata/creationTimestamp").to_owned();
    pods.sort_by_key(|pod| std::cmp::Reverse(made(pod)));
    pods.truncate(PODS);

    let mut lines: Vec<String> = pods.iter().flat_map(pod_lines).collect();
    let mut events = Vec::new();
    let names = [object.name()]
        .into_iter()
        .chain(pods.iter().map(|pod| text(pod, "/metadata/name")));
    for name in names {
        let collection = Collection::read_only("", "v1", "Event", "events", object.namespace());
        let fields = format!("type=Warning,involvedObject.name={name}");
        events.extend(api.find(&collection, "", &fields, EVENTS)?);
    }
    events.sort_by_key(|event| std::cmp::Reverse(event_time(event)));
    lines.extend(events.iter().map(event_line));

    let secret: Vec<&str> = pods
        .iter()
        .chain([object.value()])
        .flat_map(environment)
        .collect();
    let mut kept: Vec<String> = Vec::new();
    for line in lines {
        let line = tame(&line, &secret);
        if kept.len() < Seen::DETAILS && !kept.contains(&line) {
            kept.push(line);
        }
    }
    Ok(kept)
}

/// `a=b,c=d` of a selector that has labels only; ours have.
fn selector(object: &Object) -> Option<String> {
    let labels = object.value().pointer("/spec/selector/matchLabels")?;
    let pairs = labels.as_object()?.iter();
    let pairs: Option<Vec<String>> = pairs
        .map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    pairs.map(|pairs| pairs.join(",")).filter(|s| !s.is_empty())
}

fn is_ready(pod: &Value) -> bool {
    list(pod, "/status/conditions")
        .any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True")
}

fn pod_lines(pod: &Value) -> Vec<String> {
    let name = text(pod, "/metadata/name");
    let mut lines = Vec::new();
    for condition in list(pod, "/status/conditions") {
        if text(condition, "/type") == "PodScheduled" && text(condition, "/status") == "False" {
            lines.push(format!(
                "pod {name}: {}",
                said(text(condition, "/reason"), text(condition, "/message"))
            ));
        }
    }
    let containers = list(pod, "/status/initContainerStatuses");
    for container in containers.chain(list(pod, "/status/containerStatuses")) {
        let of = format!("pod {name}: container {}", text(container, "/name"));
        if let Some(waiting) = container.pointer("/state/waiting") {
            let said = said(text(waiting, "/reason"), text(waiting, "/message"));
            if said != "ContainerCreating" && said != "PodInitializing" {
                lines.push(format!("{of}: {said}"));
            }
        }
        for ended in ["/state/terminated", "/lastState/terminated"] {
            if let Some(ended) = container.pointer(ended)
                && let Some(code) = ended.get("exitCode").and_then(Value::as_i64)
                && code != 0
            {
                lines.push(format!(
                    "{of}: ended with code {code}: {}",
                    text(ended, "/reason")
                ));
            }
        }
    }
    lines
}

fn event_line(event: &Value) -> String {
    let of = format!(
        "{} {}",
        text(event, "/involvedObject/kind").to_lowercase(),
        text(event, "/involvedObject/name")
    );
    let reason = text(event, "/reason");
    let message = text(event, "/message");
    // What a probe answered is the container's own text.
    let message = match reason {
        "Unhealthy" => match message.split_once(" probe failed: ") {
            Some((_, answer))
                if answer.starts_with("HTTP probe failed with statuscode")
                    || answer.starts_with("dial tcp ") =>
            {
                message
            }
            Some((probe @ ("Readiness" | "Liveness" | "Startup"), _)) => probe,
            _ => "",
        },
        hook if hook.contains("Hook") => "",
        _ => message,
    };
    format!("{of}: {}", said(reason, message))
}

/// `reason: message`, whichever of them there is.
fn said(reason: &str, message: &str) -> String {
    match (reason, message) {
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

fn event_time(event: &Value) -> String {
    [
        "/lastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ]
    .into_iter()
    .map(|at| text(event, at))
    .find(|at| !at.is_empty())
    .unwrap_or_default()
    .to_owned()
}

/// Every literal value of an environment variable of a pod or of a pod template.
fn environment(value: &Value) -> Vec<&str> {
    let mut values = Vec::new();
    for spec in ["/spec", "/spec/template/spec"] {
        for containers in ["containers", "initContainers"] {
            for container in list(value, &format!("{spec}/{containers}")) {
                let literal = list(container, "/env").map(|entry| text(entry, "/value"));
                values.extend(literal.filter(|v| v.chars().count() >= VALUE_LEAST));
            }
        }
    }
    values
}

/// One line without control characters, without values of the environment, and of bounded length.
fn tame(line: &str, secret: &[&str]) -> String {
    let mut line = line
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    for value in secret {
        line = line.replace(value, "…");
    }
    // `https://user:password@host`
    line = line
        .split(' ')
        .map(|word| match word.split_once("://") {
            Some((scheme, rest)) => match rest.split_once('@') {
                Some((_, host)) => format!("{scheme}://…@{host}"),
                None => word.to_owned(),
            },
            None => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_pods_wait_for_is_said_without_what_containers_wrote() {
        let pod = json!({
            "metadata": {"name": "web-1"},
            "status": {
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}],
                "initContainerStatuses": [{"name": "prepare", "state": {"waiting": {"reason": "PodInitializing"}}}],
                "containerStatuses": [{
                    "name": "app",
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}},
                    "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "password=hunter2"}},
                }],
            },
        });
        assert_eq!(
            pod_lines(&pod),
            [
                "pod web-1: Unschedulable: 0/1 nodes are available",
                "pod web-1: container app: CrashLoopBackOff: back-off 10s restarting failed container",
                "pod web-1: container app: ended with code 1: Error",
            ]
        );
    }

    #[test]
    fn events_of_probes_hold_no_output() {
        let event = |reason: &str, message: &str| {
            event_line(&json!({
                "involvedObject": {"kind": "Pod", "name": "web-1"}, "reason": reason, "message": message,
            }))
        };
        for (reason, message, expected) in [
            (
                "Failed",
                "Error: ErrImagePull",
                "pod web-1: Failed: Error: ErrImagePull",
            ),
            (
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 500",
                "pod web-1: Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500",
            ),
            (
                "Unhealthy",
                "Readiness probe failed: token=hunter2",
                "pod web-1: Unhealthy: Readiness",
            ),
            ("Unhealthy", "token=hunter2", "pod web-1: Unhealthy"),
            (
                "FailedPostStartHook",
                "said hunter2",
                "pod web-1: FailedPostStartHook",
            ),
        ] {
            assert_eq!(event(reason, message), expected);
        }
    }

    #[test]
    fn lines_are_tamed() {
        let pod = json!({"spec": {"containers": [{"env": [
            {"name": "TOKEN", "value": "hunter2"}, {"name": "N", "value": "1"},
        ]}]}});
        let secret = environment(&pod);
        assert_eq!(secret, ["hunter2"]);
        for (line, expected) in [
            ("exec: \"hunter2\"\nnot found", "exec: \"…\" not found"),
            (
                "pull https://me:pw@example.com/x 1",
                "pull https://…@example.com/x 1",
            ),
            ("\u{1b}[31mred", "[31mred"),
        ] {
            assert_eq!(tame(line, &secret), expected);
        }
        assert_eq!(tame(&"x".repeat(1_000), &[]).chars().count(), LINE + 1);
    }
}
