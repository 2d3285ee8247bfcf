//! What a kubelet writes into the status of a pod on its node.

use serde_json::{Value, json};

use super::references::Missing;
use crate::kube_api::{items, text};

/// What becomes of the pods of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// They run and are ready; those that shall end (restart policy other than `Always`) end
    /// with exit code 0.
    #[default]
    Runs,
    /// Their image cannot be pulled.
    CannotPull,
    /// They run and their readiness probe never succeeds.
    NeverReady,
    /// Their process ends with this exit code: those with restart policy `Always` or `OnFailure`
    /// crash again and again, those with `Never` have failed. Not for exit code 0.
    Exits(i32),
}

/// What is known of a pod besides its object.
pub(super) struct Facts<'a> {
    /// What becomes of an image.
    pub(super) outcome: &'a dyn Fn(&str) -> Outcome,
    /// What the pod refers to and is not there.
    pub(super) missing: Option<Missing>,
    /// Address on the node.
    pub(super) ip: &'a str,
    /// Now, as `metav1.Time`.
    pub(super) now: &'a str,
    /// Whether a process that ends has run long enough to.
    pub(super) ran_long_enough: bool,
}

/// The status that a kubelet would write now.
///
/// Shapes: `pkg/kubelet/kubelet_pods.go` (`generateAPIPodStatus`, `getPhase`) and
/// `pkg/kubelet/status/generate.go` (conditions) of Kubernetes 1.36.
pub(super) fn status(pod: &Value, facts: &Facts) -> Value {
    let init = containers(pod, "initContainers", facts, Role::Init);
    let main = containers(pod, "containers", facts, Role::Main);
    let initialized = init.iter().all(Container::finished_init);
    let main = if initialized {
        main
    } else {
        waiting(pod, "PodInitializing")
    };

    let ended = initialized
        && main
            .iter()
            .all(|container| matches!(container.state, State::Ended(_)));
    let phase = if ended {
        let success = main
            .iter()
            .all(|container| container.state == State::Ended(0));
        if success { "Succeeded" } else { "Failed" }
    } else if main.iter().any(|container| container.state.has_run()) {
        "Running"
    } else {
        "Pending"
    };
    let ready = !ended && initialized && main.iter().all(|container| container.ready);
    let reason = if ready {
        None
    } else if phase == "Succeeded" {
        Some("PodCompleted")
    } else if phase == "Failed" {
        Some("PodFailed")
    } else if initialized {
        Some("ContainersNotReady")
    } else {
        Some("ContainersNotInitialized")
    };
    let conditions = conditions(facts.now, initialized, ready, ended, reason);
    let mut status = json!({
        "phase": phase,
        "conditions": conditions,
        "containerStatuses": main.iter().map(|container| container.json(facts.now)).collect::<Vec<_>>(),
        "hostIP": super::kubelet::NODE_IP,
        "hostIPs": [{"ip": super::kubelet::NODE_IP}],
        "podIP": facts.ip,
        "podIPs": [{"ip": facts.ip}],
        "qosClass": pod.pointer("/status/qosClass").cloned().unwrap_or_else(|| json!("BestEffort")),
        "observedGeneration": pod.pointer("/metadata/generation").cloned().unwrap_or_default(),
        "startTime": pod.pointer("/status/startTime").cloned().unwrap_or_else(|| json!(facts.now)),
    });
    if !init.is_empty() {
        status["initContainerStatuses"] = init
            .iter()
            .map(|container| container.json(facts.now))
            .collect();
    }
    status
}

/// Whether two statuses say the same, but for moments.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    let states = |status: &Value, list: &str| -> Vec<Value> {
        items(status, list)
            .iter()
            .map(|container| {
                let state = container["state"]
                    .as_object()
                    .and_then(|state| state.iter().next());
                let (kind, detail) = state.map_or(("", ""), |(kind, detail)| {
                    (kind.as_str(), text(detail, "/reason"))
                });
                json!([
                    container["name"],
                    container["image"],
                    container["ready"],
                    kind,
                    detail
                ])
            })
            .collect()
    };
    one["phase"] == other["phase"]
        && states(one, "/containerStatuses") == states(other, "/containerStatuses")
        && states(one, "/initContainerStatuses") == states(other, "/initContainerStatuses")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Main,
    Init,
}

#[derive(Clone, PartialEq, Eq)]
enum State {
    Waiting {
        reason: &'static str,
        message: String,
    },
    Running,
    Ended(i32),
    /// Between two attempts; it ran and ended with this code.
    Crashed(i32),
}

impl State {
    fn has_run(&self) -> bool {
        !matches!(self, Self::Waiting { .. })
    }
}

struct Container {
    name: String,
    image: String,
    sidecar: bool,
    ready: bool,
    state: State,
}

impl Container {
    fn finished_init(&self) -> bool {
        self.state == State::Ended(0) || (self.sidecar && self.state == State::Running)
    }

    fn json(&self, now: &str) -> Value {
        let id = format!("containerd://{:064x}", hash(&self.name, &self.image));
        let ended = |code: i32| {
            json!({
                "exitCode": code,
                "reason": if code == 0 { "Completed" } else { "Error" },
                "startedAt": now,
                "finishedAt": now,
                "containerID": id,
            })
        };
        let mut status = json!({
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "ready": self.ready,
            "started": self.state == State::Running,
            "restartCount": 0,
            "lastState": {},
        });
        status["state"] = match &self.state {
            State::Waiting { reason, message } if message.is_empty() => {
                json!({"waiting": {"reason": reason}})
            }
            State::Waiting { reason, message } => {
                json!({"waiting": {"reason": reason, "message": message}})
            }
            State::Running => json!({"running": {"startedAt": now}}),
            State::Ended(code) => json!({"terminated": ended(*code)}),
            State::Crashed(code) => {
                status["restartCount"] = json!(3);
                status["lastState"] = json!({"terminated": ended(*code)});
                json!({"waiting": {
                    "reason": "CrashLoopBackOff",
                    "message": format!("back-off 40s restarting failed container={}", self.name),
                }})
            }
        };
        if self.state.has_run() {
            status["containerID"] = json!(id);
            status["imageID"] = json!(image_id(&self.image));
        }
        status
    }
}

fn containers(pod: &Value, list: &str, facts: &Facts, role: Role) -> Vec<Container> {
    let policy = text(pod, "/spec/restartPolicy");
    items(pod, &format!("/spec/{list}"))
        .iter()
        .map(|spec| {
            let image = text(spec, "/image");
            let sidecar = role == Role::Init && text(spec, "/restartPolicy") == "Always";
            let ends = if role == Role::Init {
                !sidecar
            } else {
                policy != "Always"
            };
            let (state, ready) = match (&facts.missing, (facts.outcome)(image)) {
                (Some(missing), _) => (waiting_for(missing), false),
                (None, Outcome::CannotPull) => {
                    let message = format!("Back-off pulling image \"{image}\"");
                    (
                        State::Waiting {
                            reason: "ImagePullBackOff",
                            message,
                        },
                        false,
                    )
                }
                (None, Outcome::Exits(code)) if policy == "Never" && !sidecar => {
                    (State::Ended(code), false)
                }
                (None, Outcome::Exits(code)) => (State::Crashed(code), false),
                (None, Outcome::NeverReady) => (State::Running, false),
                // An init container that ends is done before anybody looks.
                (None, Outcome::Runs) if ends && (facts.ran_long_enough || role == Role::Init) => {
                    (State::Ended(0), role == Role::Init)
                }
                (None, Outcome::Runs) => (State::Running, true),
            };
            Container {
                name: text(spec, "/name").into(),
                image: image.into(),
                sidecar,
                ready,
                state,
            }
        })
        .collect()
}

/// The main containers while init containers have not ended.
fn waiting(pod: &Value, reason: &'static str) -> Vec<Container> {
    items(pod, "/spec/containers")
        .iter()
        .map(|spec| Container {
            name: text(spec, "/name").into(),
            image: text(spec, "/image").into(),
            sidecar: false,
            ready: false,
            state: State::Waiting {
                reason,
                message: String::new(),
            },
        })
        .collect()
}

fn waiting_for(missing: &Missing) -> State {
    match missing {
        // A volume that cannot be mounted shows in events only.
        Missing::Volume => State::Waiting {
            reason: "ContainerCreating",
            message: String::new(),
        },
        Missing::Variable(message) => State::Waiting {
            reason: "CreateContainerConfigError",
            message: message.clone(),
        },
    }
}

fn conditions(
    now: &str,
    initialized: bool,
    ready: bool,
    ended: bool,
    reason: Option<&str>,
) -> Vec<Value> {
    let condition = |kind: &str, holds: bool| {
        let mut condition = json!({
            "type": kind,
            "status": if holds { "True" } else { "False" },
            "lastProbeTime": null,
            "lastTransitionTime": now,
        });
        if let Some(reason) = reason
            && (!holds || (ended && kind == "Initialized"))
        {
            condition["reason"] = json!(reason);
        }
        condition
    };
    vec![
        condition("PodReadyToStartContainers", !ended),
        condition("Initialized", initialized),
        condition("Ready", ready),
        condition("ContainersReady", ready),
        condition("PodScheduled", true),
    ]
}

fn image_id(image: &str) -> String {
    let name = image.split('@').next().unwrap_or(image);
    match image.split_once("@sha256:") {
        Some((_, digest)) => format!("{name}@sha256:{digest}"),
        None => format!("{name}@sha256:{:064x}", hash(image, "")),
    }
}

/// FNV-1a: a stable filler for ids that nothing resolves.
fn hash(one: &str, other: &str) -> u64 {
    one.bytes()
        .chain([0])
        .chain(other.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(policy: &str, outcome: Outcome, long: bool, missing: Option<Missing>) -> Value {
        let pod = json!({
            "metadata": {"name": "p", "generation": 1},
            "spec": {
                "restartPolicy": policy,
                "initContainers": [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}],
                "containers": [{"name": "app", "image": "app:1"}],
            },
        });
        let outcome = move |image: &str| {
            if image == "app:1" {
                outcome
            } else {
                Outcome::Runs
            }
        };
        let facts = Facts {
            outcome: &outcome,
            missing,
            ip: "10.244.0.1",
            now: "2026-01-01T00:00:00Z",
            ran_long_enough: long,
        };
        status(&pod, &facts)
    }

    #[test]
    fn phase_reason_and_readiness_follow_the_outcome() {
        let missing = || Some(Missing::Variable("secret \"s\" not found".into()));
        let cases = [
            ("Always", Outcome::Runs, false, None, "Running", "", "True"),
            ("Always", Outcome::Runs, true, None, "Running", "", "True"),
            ("Never", Outcome::Runs, false, None, "Running", "", "True"),
            (
                "Never",
                Outcome::Runs,
                true,
                None,
                "Succeeded",
                "Completed",
                "False",
            ),
            (
                "Never",
                Outcome::Exits(2),
                true,
                None,
                "Failed",
                "Error",
                "False",
            ),
            (
                "Always",
                Outcome::Exits(2),
                true,
                None,
                "Running",
                "CrashLoopBackOff",
                "False",
            ),
            (
                "Always",
                Outcome::CannotPull,
                true,
                None,
                "Pending",
                "ImagePullBackOff",
                "False",
            ),
            (
                "Always",
                Outcome::NeverReady,
                true,
                None,
                "Running",
                "",
                "False",
            ),
        ];
        for (policy, outcome, long, missing, phase, reason, ready) in cases {
            let status = of(policy, outcome, long, missing);
            assert_eq!(status["phase"], phase, "{policy} {outcome:?}");
            let state = status["containerStatuses"][0]["state"].as_object();
            let detail = state
                .and_then(|state| state.values().next())
                .cloned()
                .unwrap_or_default();
            assert_eq!(text(&detail, "/reason"), reason, "{policy} {outcome:?}");
            assert_eq!(
                status["conditions"][2]["status"], ready,
                "{policy} {outcome:?}"
            );
        }
        let status = of("Always", Outcome::Runs, false, missing());
        assert_eq!(status["phase"], "Pending");
        assert_eq!(
            status["initContainerStatuses"][0]["state"]["waiting"]["reason"],
            "CreateContainerConfigError"
        );
        assert_eq!(
            status["containerStatuses"][0]["state"]["waiting"]["reason"],
            "PodInitializing"
        );
    }

    #[test]
    fn a_later_moment_is_no_difference() {
        let mut one = of("Always", Outcome::Runs, false, None);
        let other = one.clone();
        one["containerStatuses"][0]["state"]["running"]["startedAt"] =
            json!("2027-01-01T00:00:00Z");
        assert!(same(&one, &other));
        assert!(!same(&one, &of("Always", Outcome::NeverReady, false, None)));
    }
}
