//! Release jobs: Jobs that run once, before the rest of the release that holds them goes live.
//!
//! A release job is the one object of a release that *happens*. So that taking a release back cannot
//! repeat it, its name says what it runs: `<base>-<hash of its pod template>`. A Job that is complete
//! under its name has run, whichever release asks for it; it has no time to live, and no engine prunes it.
//!
//! It comes before the rest of its release, and what it refers to comes before it ([`Wave`]), in the
//! words that Argo CD knows, so that every engine keeps the same order.

use std::collections::BTreeMap;

use crate::Value;
use crate::id::Digest;
use crate::object::Object;

/// Label of a release job and of its pods: its name in the bundle.
pub const LABEL: &str = "orz.dev/release-job";
/// Annotation: whether what the job did stays right when its release is taken back, `true` or `false`.
pub const REVERSIBLE: &str = "orz.dev/reversible";
/// Annotation that names the [`Wave`] of an object.
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// How many hex digits of SHA-256 of the pod template stand in a name.
pub const HASH_DIGITS: usize = 10;

const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
const IGNORE_HEALTH: &str = "argocd.argoproj.io/ignore-healthcheck";
const KEEP: &str = "Prune=false";
const NO_DIFFERENCE: &str = "IgnoreExtraneous";

/// When an object of a release is applied. Only a release with release jobs has more than one wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wave {
    /// What a release job refers to; `-2`.
    Prior,
    /// The release jobs; `-1`.
    Job,
    /// Everything else, once the jobs are complete; without the annotation.
    Rest,
}

impl Wave {
    /// The wave of an object.
    pub fn of(object: &Object) -> Self {
        match annotation(object, SYNC_WAVE) {
            Some("-2") => Self::Prior,
            Some("-1") => Self::Job,
            _ => Self::Rest,
        }
    }

    /// The value of [`SYNC_WAVE`]; `None` for the rest, which says nothing.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Prior => Some("-2"),
            Self::Job => Some("-1"),
            Self::Rest => None,
        }
    }
}

/// The name that people gave a release job; `None` for every other object.
pub fn name(object: &Object) -> Option<&str> {
    if (object.group(), object.kind()) != ("batch", "Job") {
        return None;
    }
    object
        .value()
        .pointer("/metadata/labels")?
        .get(LABEL)?
        .as_str()
}

/// Whether the release of this job may be taken back although the job ran; `None` for every other object.
///
/// What does not say `true` is not reversible.
pub fn is_reversible(object: &Object) -> Option<bool> {
    name(object)?;
    Some(annotation(object, REVERSIBLE) == Some("true"))
}

/// Whether a live object is a Job that stays when the release no longer contains it.
pub fn is_kept(object: &Object) -> bool {
    (object.group(), object.kind()) == ("batch", "Job") && has_option(object, SYNC_OPTIONS, KEEP)
}

/// The name of the Job that runs `template`: `<base>-<hash>`.
pub fn object_name(base: &str, template: &Value) -> String {
    let digest = Digest::of(template.to_string().as_bytes());
    format!("{base}-{}", &digest.as_str()[..HASH_DIGITS])
}

/// The annotations of a release job.
///
/// Argo CD counts everything that carries its mark in the health of an Application, so that a job that failed
/// once and stays would keep the Application Degraded for ever, whatever release is in place. Within a sync it
/// waits for the job all the same.
pub fn annotations(reversible: bool) -> BTreeMap<String, String> {
    let wave = Wave::Job.as_str().unwrap_or_default();
    [
        (SYNC_WAVE, wave),
        (SYNC_OPTIONS, KEEP),
        (COMPARE_OPTIONS, NO_DIFFERENCE),
        (IGNORE_HEALTH, "true"),
        (REVERSIBLE, if reversible { "true" } else { "false" }),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// What keeps a Job from being a release job, in words. No other Job may stand in a release: a rollback
/// would run it again, and its end would look like drift.
pub(crate) fn check(object: &Object) -> Result<(), String> {
    let spec = |field: &str| object.value().pointer(&format!("/spec/{field}"));
    if name(object).is_none_or(str::is_empty) {
        return Err(format!("has no label `{LABEL}`"));
    }
    let template = spec("template").unwrap_or(&Value::Null);
    let base = object.name().rsplit_once('-').map_or("", |(base, _)| base);
    let expected = object_name(base, template);
    if object.name() != expected {
        return Err(format!(
            "its name must end with the hash of `spec.template`: `{expected}`"
        ));
    }
    if spec("ttlSecondsAfterFinished").is_some() {
        return Err(
            "`spec.ttlSecondsAfterFinished` would delete it, so that it runs again".to_owned(),
        );
    }
    for field in ["manualSelector", "selector"] {
        if spec(field).is_some() {
            return Err(format!("`spec.{field}` belongs to the API server"));
        }
    }
    if Wave::of(object) != Wave::Job {
        return Err(format!("annotation `{SYNC_WAVE}` must be `-1`"));
    }
    for (options, option) in [(SYNC_OPTIONS, KEEP), (COMPARE_OPTIONS, NO_DIFFERENCE)] {
        if !has_option(object, options, option) {
            return Err(format!("annotation `{options}` must hold `{option}`"));
        }
    }
    if !matches!(annotation(object, REVERSIBLE), Some("true" | "false")) {
        return Err(format!(
            "annotation `{REVERSIBLE}` must be `true` or `false`"
        ));
    }
    Ok(())
}

fn annotation<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object
        .value()
        .pointer("/metadata/annotations")?
        .get(key)?
        .as_str()
}

fn has_option(object: &Object, key: &str, option: &str) -> bool {
    annotation(object, key).is_some_and(|options| options.split(',').any(|o| o.trim() == option))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::Part;
    use crate::kinds;

    fn job() -> Value {
        let template =
            json!({ "spec": { "containers": [{ "name": "migrate", "image": "r/x:1" }] } });
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": object_name("web-migrate", &template),
                "namespace": "acme",
                "labels": { LABEL: "migrate" },
                "annotations": annotations(false),
            },
            "spec": { "template": template },
        })
    }

    fn with(pointer: &str, field: &str, new: Value) -> Object {
        let mut value = job();
        value
            .pointer_mut(pointer)
            .and_then(Value::as_object_mut)
            .expect("a map")
            .insert(field.to_owned(), new);
        Object::new(value).expect("an object")
    }

    #[test]
    fn the_name_is_pinned() {
        // `printf '{"a":1}' | sha256sum`
        assert_eq!(
            object_name("web-migrate", &json!({"a": 1})),
            "web-migrate-015abd7f5c"
        );
    }

    #[test]
    fn what_a_release_job_must_be() {
        let note = "/metadata/annotations";
        for (object, expected) in [
            (Object::new(job()).expect("an object"), Ok(())),
            (with("/spec", "backoffLimit", json!(3)), Ok(())),
            (
                with("/metadata", "labels", json!({})),
                Err("has no label `orz.dev/release-job`"),
            ),
            (
                with("/spec/template/spec/containers/0", "image", json!("r/x:2")),
                Err("its name must end with the hash of `spec.template`: `web-migrate-"),
            ),
            (
                with("/spec", "ttlSecondsAfterFinished", json!(60)),
                Err("`spec.ttlSecondsAfterFinished` would delete it"),
            ),
            (
                with("/spec", "manualSelector", json!(true)),
                Err("`spec.manualSelector` belongs to the API server"),
            ),
            (
                with(note, SYNC_WAVE, json!("0")),
                Err("annotation `argocd.argoproj.io/sync-wave` must be `-1`"),
            ),
            (
                with(note, SYNC_OPTIONS, json!("Delete=false")),
                Err("annotation `argocd.argoproj.io/sync-options` must hold `Prune=false`"),
            ),
            (
                with(note, COMPARE_OPTIONS, json!("")),
                Err("annotation `argocd.argoproj.io/compare-options` must hold"),
            ),
            (
                with(note, REVERSIBLE, json!("maybe")),
                Err("annotation `orz.dev/reversible` must be `true` or `false`"),
            ),
        ] {
            let found = check(&object);
            match expected {
                Ok(()) => assert_eq!(found, Ok(())),
                Err(start) => assert!(
                    found
                        .as_ref()
                        .is_err_and(|reason| reason.starts_with(start)),
                    "{found:?}"
                ),
            }
        }
    }

    #[test]
    fn no_other_job_stands_in_a_release() {
        let tenant = "acme".parse().expect("valid");
        let allowed = |part, object: &Object| {
            kinds::allowed_object(part, &tenant, object)
                .err()
                .map(|e| e.to_string())
        };
        let good = Object::new(job()).expect("an object");
        assert_eq!(allowed(Part::Work, &good), None);
        assert_eq!(
            allowed(Part::Data, &good).as_deref(),
            Some("a `Job` may not be in part `data`, only in `work`")
        );
        let plain = with("/metadata", "labels", json!({}));
        let expected = format!("Job `{}`: has no label `{LABEL}`", plain.name());
        assert_eq!(allowed(Part::Work, &plain), Some(expected));
    }

    #[test]
    fn only_jobs_with_the_label_are_release_jobs() {
        let note = "/metadata/annotations";
        let plain = Object::new(job()).expect("an object");
        assert_eq!(name(&plain), Some("migrate"));
        assert_eq!(is_reversible(&plain), Some(false));
        assert_eq!(
            is_reversible(&with(note, REVERSIBLE, json!("true"))),
            Some(true)
        );
        assert_eq!(
            is_reversible(&with(note, REVERSIBLE, json!(true))),
            Some(false)
        );
        assert!(is_kept(&plain));
        assert!(is_kept(&with(
            note,
            SYNC_OPTIONS,
            json!("Delete=false, Prune=false")
        )));
        assert!(!is_kept(&with(note, SYNC_OPTIONS, json!("Prune=falsely"))));
        let pod = with("", "kind", json!("Pod"));
        assert_eq!(
            (name(&pod), is_reversible(&pod), is_kept(&pod)),
            (None, None, false)
        );
        assert_eq!(is_reversible(&with("/metadata", "labels", json!({}))), None);
    }

    #[test]
    fn waves() {
        let of = |wave: &str| Wave::of(&with("/metadata/annotations", SYNC_WAVE, json!(wave)));
        assert_eq!(
            [of("-2"), of("-1"), of("0"), of("5")],
            [Wave::Prior, Wave::Job, Wave::Rest, Wave::Rest]
        );
        assert!(Wave::Prior < Wave::Job && Wave::Job < Wave::Rest);
    }
}
