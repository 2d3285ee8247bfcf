//! Pod templates that no pod could be made from.
//!
//! The API server checks templates of its own kinds when they are applied, and those inside custom
//! resources only when the first pod is made. Here both are refused before anything is written to Git.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::Value;
use orz_core::diag::codes;
use orz_core::kinds::Quantity;

use super::Check;
use super::names::is_rfc1123_label;

/// Group, kind, where its pod template stands, and whether its pods run for ever.
const TEMPLATES: &[(&str, &str, &str, bool)] = &[
    ("apps", "DaemonSet", "/spec/template", true),
    ("apps", "Deployment", "/spec/template", true),
    ("apps", "StatefulSet", "/spec/template", true),
    ("batch", "CronJob", "/spec/jobTemplate/spec/template", false),
    ("batch", "Job", "/spec/template", false),
];

const HANDLERS: [&str; 4] = ["exec", "grpc", "httpGet", "tcpSocket"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

pub(super) fn check(check: &mut Check) {
    let object = &check.draft.object;
    let own = (object.group(), object.kind());
    let template = TEMPLATES
        .iter()
        .find(|(group, kind, ..)| (*group, *kind) == own);
    let Some((.., at, for_ever)) = template else {
        return;
    };
    let value = object.value();
    let Some(spec) = value.pointer(&format!("{at}/spec")) else {
        return invalid(check, at, "the template has no pod".to_owned());
    };
    selector(check, value, at);
    lifetime(check, spec, &format!("{at}/spec"), *for_ever);
    let volumes = volumes(check, spec, &format!("{at}/spec/volumes"));
    let mut names = BTreeSet::new();
    if items(spec, "containers").is_empty() {
        invalid(
            check,
            &format!("{at}/spec/containers"),
            "the pod has no container".to_owned(),
        );
    }
    for list in ["initContainers", "containers"] {
        for (i, container) in items(spec, list).iter().enumerate() {
            let pointer = format!("{at}/spec/{list}/{i}");
            let name = text(container, "name");
            if !is_rfc1123_label(name) {
                invalid(
                    check,
                    &pointer,
                    format!("`{}` is no name of a container", name.escape_debug()),
                );
            }
            if !names.insert(name) {
                invalid(
                    check,
                    &pointer,
                    format!("two containers are named `{name}`"),
                );
            }
            mounts(check, container, &pointer, &volumes);
            ports_and_probes(check, container, &pointer);
            env(check, container, &pointer);
            resources(check, container, &pointer);
        }
    }
}

fn invalid(check: &mut Check, pointer: &str, message: String) {
    check.report(&codes::object::INVALID_POD, pointer, message);
}

fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value
        .get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A selector that does not select its own template is refused by the server.
fn selector(check: &mut Check, value: &Value, at: &str) {
    let Some(wanted) = value
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object)
    else {
        return;
    };
    let labels = value.pointer(&format!("{at}/metadata/labels"));
    if wanted
        .iter()
        .any(|(key, value)| labels.and_then(|labels| labels.get(key)) != Some(value))
    {
        invalid(
            check,
            "/spec/selector",
            "the selector does not select the template's own pods".to_owned(),
        );
    }
}

fn lifetime(check: &mut Check, spec: &Value, at: &str, for_ever: bool) {
    let policy = spec
        .get("restartPolicy")
        .and_then(Value::as_str)
        .unwrap_or("Always");
    if for_ever && policy != "Always" {
        invalid(
            check,
            &format!("{at}/restartPolicy"),
            format!("`restartPolicy` must be `Always` here, not `{policy}`"),
        );
    }
    if !for_ever && !matches!(policy, "Never" | "OnFailure") {
        invalid(
            check,
            &format!("{at}/restartPolicy"),
            "`restartPolicy` must be `Never` or `OnFailure` here".to_owned(),
        );
    }
    if for_ever && spec.get("activeDeadlineSeconds").is_some() {
        invalid(
            check,
            &format!("{at}/activeDeadlineSeconds"),
            "pods that run for ever have no deadline".to_owned(),
        );
    }
}

fn volumes<'a>(check: &mut Check, spec: &'a Value, at: &str) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (i, volume) in items(spec, "volumes").iter().enumerate() {
        let pointer = format!("{at}/{i}");
        let name = text(volume, "name");
        if !is_rfc1123_label(name) {
            invalid(
                check,
                &pointer,
                format!("`{}` is no name of a volume", name.escape_debug()),
            );
        }
        if !names.insert(name) {
            invalid(check, &pointer, format!("two volumes are named `{name}`"));
        }
        if volume.as_object().is_none_or(|fields| fields.len() != 2) {
            invalid(
                check,
                &pointer,
                format!("volume `{name}` must have exactly one source"),
            );
        }
    }
    names
}

fn mounts(check: &mut Check, container: &Value, at: &str, volumes: &BTreeSet<&str>) {
    let mut paths = BTreeSet::new();
    for (i, mount) in items(container, "volumeMounts").iter().enumerate() {
        let pointer = format!("{at}/volumeMounts/{i}");
        let (name, path) = (text(mount, "name"), text(mount, "mountPath"));
        if !volumes.contains(name) {
            invalid(
                check,
                &pointer,
                format!("`{path}` mounts volume `{name}`, which the pod does not have"),
            );
        }
        if !path.starts_with('/') || path.contains(':') {
            invalid(
                check,
                &pointer,
                format!("`{}` is no path to mount at", path.escape_debug()),
            );
        }
        if !paths.insert(path.trim_end_matches('/')) {
            invalid(
                check,
                &pointer,
                format!("two volumes are mounted at `{path}`"),
            );
        }
    }
}

fn ports_and_probes(check: &mut Check, container: &Value, at: &str) {
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for (i, port) in items(container, "ports").iter().enumerate() {
        let pointer = format!("{at}/ports/{i}");
        let (name, number) = (
            text(port, "name"),
            port.get("containerPort")
                .and_then(Value::as_u64)
                .unwrap_or(0),
        );
        let protocol = port
            .get("protocol")
            .and_then(Value::as_str)
            .unwrap_or("TCP");
        if !name.is_empty() && !is_port_name(name) {
            let rule = "at most 15 lower-case letters, digits and `-`, with a letter";
            invalid(
                check,
                &pointer,
                format!("`{}` is no name of a port: {rule}", name.escape_debug()),
            );
        }
        if !name.is_empty() && !names.insert(name) {
            invalid(check, &pointer, format!("two ports are named `{name}`"));
        }
        if !(1..=65535).contains(&number) {
            invalid(check, &pointer, format!("{number} is no port"));
        }
        if !numbers.insert((protocol, number)) {
            invalid(
                check,
                &pointer,
                format!("port {number} of {protocol} is there twice"),
            );
        }
    }
    for probe in PROBES {
        let Some(spec) = container.get(probe) else {
            continue;
        };
        let pointer = format!("{at}/{probe}");
        let handlers: Vec<_> = HANDLERS
            .iter()
            .filter_map(|handler| spec.get(handler))
            .collect();
        if handlers.len() != 1 {
            invalid(
                check,
                &pointer,
                format!(
                    "`{probe}` must have exactly one of `{}`",
                    HANDLERS.join("`, `")
                ),
            );
        }
        for port in handlers.iter().filter_map(|handler| handler.get("port")) {
            let known = match port {
                Value::String(name) => names.contains(name.as_str()),
                other => numbers
                    .iter()
                    .any(|(_, number)| other.as_u64() == Some(*number)),
            };
            if !known {
                let shown = port
                    .as_str()
                    .map_or_else(|| port.to_string(), |name| name.escape_debug().to_string());
                invalid(
                    check,
                    &pointer,
                    format!("`{probe}` asks port `{shown}`, which the container does not have"),
                );
            }
        }
    }
}

fn env(check: &mut Check, container: &Value, at: &str) {
    let mut names = BTreeSet::new();
    for (i, variable) in items(container, "env").iter().enumerate() {
        let pointer = format!("{at}/env/{i}");
        let name = text(variable, "name");
        if !is_env_name(name) {
            invalid(
                check,
                &pointer,
                format!(
                    "`{}` is no name of an environment variable",
                    name.escape_debug()
                ),
            );
        }
        if !names.insert(name) {
            invalid(
                check,
                &pointer,
                format!("environment variable `{name}` is there twice"),
            );
        }
        if variable.get("value").is_some() && variable.get("valueFrom").is_some() {
            invalid(
                check,
                &pointer,
                format!("environment variable `{name}` has two values"),
            );
        }
    }
}

fn resources(check: &mut Check, container: &Value, at: &str) {
    let amounts = |field: &str| -> BTreeMap<&str, &str> {
        let map = container
            .pointer(&format!("/resources/{field}"))
            .and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
            .collect()
    };
    let (requests, limits) = (amounts("requests"), amounts("limits"));
    for (field, amounts) in [("requests", &requests), ("limits", &limits)] {
        for (resource, amount) in amounts {
            if amount.parse::<Quantity>().is_err() {
                let message = format!("`{}` is no amount of {resource}", amount.escape_debug());
                invalid(
                    check,
                    &format!("{at}/resources/{field}/{resource}"),
                    message,
                );
            }
        }
    }
    for (resource, request) in &requests {
        let (Ok(asked), Some(Ok(most))) = (
            request.parse::<Quantity>(),
            limits.get(resource).map(|limit| limit.parse::<Quantity>()),
        ) else {
            continue;
        };
        if asked > most {
            let message = format!(
                "requests {request} of {resource}, and its limit is {}",
                limits[resource]
            );
            invalid(
                check,
                &format!("{at}/resources/requests/{resource}"),
                message,
            );
        }
    }
}

/// What the API server takes as the name of a port: an IANA service name.
fn is_port_name(name: &str) -> bool {
    name.len() <= 15
        && is_rfc1123_label(name)
        && !name.contains("--")
        && name.bytes().any(|b| b.is_ascii_lowercase())
}

/// A C identifier: what every shell can read. The API server would take more.
fn is_env_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
