//! Waves: what a release job refers to is there before it runs.
//!
//! Only a release with release jobs has waves. Argo CD waits for the health of each wave before the next
//! one, so that a wave without need is a release that may never arrive.

use orz_core::Value;
use orz_core::jobs::{self, Wave};
use orz_core::object::Object;

use super::{Draft, Objects};

/// Puts everything that a release job refers to into the wave before the jobs.
pub(super) fn derive(objects: &mut Objects) {
    let jobs: Vec<Object> = objects
        .drafts
        .iter()
        .filter(|draft| jobs::name(&draft.object).is_some())
        .map(|draft| draft.object.clone())
        .collect();
    for draft in &mut objects.drafts {
        let needed = |job: &Object| {
            draft.object.namespace() == job.namespace() && is_needed(&draft.object, job)
        };
        if jobs.iter().any(needed) {
            put_first(draft);
        }
    }
}

fn put_first(draft: &mut Draft) {
    let Some(wave) = Wave::Prior.as_str() else {
        return;
    };
    let mut value = draft.object.clone().into_value();
    value["metadata"]["annotations"][jobs::SYNC_WAVE] = Value::from(wave);
    draft.object = Object::new(value).expect("an annotation takes nothing from an object");
}

/// Whether the pods of `job` cannot run without `object`, or would run without the fence that it is.
fn is_needed(object: &Object, job: &Object) -> bool {
    let template = job.value().pointer("/spec/template");
    let Some((template, pod)) = template.and_then(|t| Some((t, t.get("spec")?))) else {
        return false;
    };
    let text = |value: &Value, pointer: &str| -> Option<String> {
        value.pointer(pointer)?.as_str().map(str::to_owned)
    };
    match (object.group(), object.kind()) {
        ("", "ServiceAccount") => {
            text(pod, "/serviceAccountName").as_deref() == Some(object.name())
        }
        ("", "ConfigMap") => refers(
            pod,
            &["configMap", "configMapRef", "configMapKeyRef"],
            object.name(),
        ),
        ("external-secrets.io", "ExternalSecret") => {
            let made = text(object.value(), "/spec/target/name");
            let made = made.as_deref().unwrap_or(object.name());
            refers(pod, &["secret", "secretRef", "secretKeyRef"], made)
        }
        ("networking.k8s.io", "NetworkPolicy") => {
            let labels = template.pointer("/metadata/labels");
            let wanted = object.value().pointer("/spec/podSelector/matchLabels");
            wanted.and_then(Value::as_object).is_none_or(|wanted| {
                wanted
                    .iter()
                    .all(|(key, value)| labels.and_then(|l| l.get(key)) == Some(value))
            })
        }
        _ => false,
    }
}

/// Whether anything in a pod refers to the ConfigMap or Secret `name` under one of these keys.
fn refers(value: &Value, keys: &[&str], name: &str) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, below)| {
            let named = ["name", "secretName"]
                .iter()
                .any(|field| below.get(field).and_then(Value::as_str) == Some(name));
            (keys.contains(&key.as_str()) && named) || refers(below, keys, name)
        }),
        Value::Array(items) => items.iter().any(|item| refers(item, keys, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use orz_core::id::Part;
    use serde_json::json;

    use super::*;

    fn object(api_version: &str, kind: &str, name: &str, spec: &Value) -> Value {
        json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name, "namespace": "acme" }, "spec": spec })
    }

    #[test]
    fn what_a_job_refers_to_comes_first_and_nothing_else() {
        let mut job = object(
            "batch/v1",
            "Job",
            "web-migrate-0",
            &json!({ "template": {
                "metadata": { "labels": { "a": "1", "b": "2" } },
                "spec": {
                    "serviceAccountName": "web",
                    "containers": [{
                        "env": [{ "valueFrom": { "secretKeyRef": { "name": "url" } } }, { "valueFrom": { "configMapKeyRef": { "name": "key" } } }],
                        "envFrom": [{ "configMapRef": { "name": "from" } }, { "secretRef": { "name": "renamed" } }],
                    }],
                    "volumes": [{ "configMap": { "name": "mounted" } }, { "secret": { "secretName": "file" } }],
                },
            } }),
        );
        job["metadata"]["labels"] = json!({ jobs::LABEL: "migrate" });
        let select = |labels: Value| json!({ "podSelector": { "matchLabels": labels } });
        let (eso, net) = ("external-secrets.io/v1", "networking.k8s.io/v1");
        let nothing = Value::Null;
        let renamed = json!({ "target": { "name": "renamed" } });
        let cases = [
            ("v1", "ServiceAccount", "web", nothing.clone(), true),
            ("v1", "ServiceAccount", "api", nothing.clone(), false),
            ("v1", "ConfigMap", "mounted", nothing.clone(), true),
            ("v1", "ConfigMap", "from", nothing.clone(), true),
            ("v1", "ConfigMap", "key", nothing.clone(), true),
            ("v1", "ConfigMap", "url", nothing.clone(), false),
            (eso, "ExternalSecret", "url", nothing.clone(), true),
            (eso, "ExternalSecret", "file", nothing.clone(), true),
            (eso, "ExternalSecret", "other", renamed, true),
            (eso, "ExternalSecret", "mounted", nothing.clone(), false),
            (
                net,
                "NetworkPolicy",
                "same",
                select(json!({ "a": "1" })),
                true,
            ),
            (
                net,
                "NetworkPolicy",
                "all",
                json!({ "podSelector": {} }),
                true,
            ),
            (
                net,
                "NetworkPolicy",
                "more",
                select(json!({ "a": "1", "c": "3" })),
                false,
            ),
            ("v1", "Service", "web", nothing, false),
        ];
        let mut objects = Objects::default();
        for (api_version, kind, name, spec, _) in &cases {
            objects.add(Part::Work, None, &object(api_version, kind, name, spec));
        }
        let mut foreign = object("v1", "ConfigMap", "mounted", &Value::Null);
        foreign["metadata"]["namespace"] = json!("acme--shop");
        objects.add(Part::Work, None, &foreign);
        objects.add(Part::Work, None, &job);

        derive(&mut objects);
        let waves: Vec<bool> = objects
            .drafts
            .iter()
            .map(|draft| Wave::of(&draft.object) == Wave::Prior)
            .collect();
        for ((draft, is_prior), case) in objects.drafts.iter().zip(&waves).zip(&cases) {
            assert_eq!(*is_prior, case.4, "{}", draft.object.key());
        }
        assert_eq!(waves[cases.len()..], [false, false]);
    }

    #[test]
    fn without_release_jobs_there_are_no_waves() {
        let mut job = object(
            "batch/v1",
            "Job",
            "x",
            &json!({ "template": { "spec": { "serviceAccountName": "web" } } }),
        );
        let account = object("v1", "ServiceAccount", "web", &Value::Null);
        job["metadata"]["labels"] = json!({ "other": "x" });
        let mut objects = Objects::default();
        objects.add(Part::Work, None, &job);
        objects.add(Part::Work, None, &account);
        derive(&mut objects);
        assert_eq!(*objects.drafts[1].value(), account);
    }
}
