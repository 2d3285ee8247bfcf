//! What an engine needs in a cluster, and nothing else can bring: two namespaces, the rights of the reconciler,
//! and the wall around what it could delete for good; in a cluster with Argo CD also the projects that tenants share. No release ever holds these.

mod argocd;
mod namespaces;
mod rights;
mod wall;

use std::fmt;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use orz_core::Value;
use orz_core::object::{Object, ObjectKey};

use crate::apply::Connection;
use crate::apply::api::{Api, Call, Collection, MANAGER};
use crate::apply::mark::{entries, is, others};
use crate::argocd::ArgoSettings;
use crate::engine::{EngineError, ObjectError};
use crate::plan::Refusal;
use rights::Writer;

/// Who is to reconcile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user, by the name that the cluster's authentication gives it.
    User(String),
    /// Everybody in a group.
    Group(String),
    /// A service account.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// What happened to one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The object.
    pub key: ObjectKey,
    /// What happened to it.
    pub change: InstallChange,
}

/// What an installation did with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallChange {
    /// It did not exist.
    Created,
    /// It differed.
    Updated,
    /// It was as it should be.
    Unchanged,
}

/// The objects, in the order in which they are applied.
pub fn manifests(subject: &Subject) -> Vec<Object> {
    // The wall stands before the rights that it limits.
    let mut objects = namespaces::objects();
    objects.extend(wall::objects(subject));
    objects.extend(rights::objects(subject, Writer::Us));
    objects
}

/// The objects for a cluster in which Argo CD is installed, in the order in which they are applied.
pub fn manifests_for_argocd(subject: &Subject, settings: &ArgoSettings) -> Vec<Object> {
    let mut objects = namespaces::objects();
    objects.extend(wall::objects(subject));
    objects.extend(rights::objects(subject, Writer::ArgoCd));
    objects.extend(argocd::objects(subject, settings));
    objects
}

/// Brings the objects into a cluster. Doing it again changes nothing.
///
/// Whoever calls this needs every right that it grants. An object under one of the names that is not ours is
/// an error before anything is changed.
pub fn install(connection: &Connection, subject: &Subject) -> Result<Vec<Installed>, EngineError> {
    install_all(connection, &manifests(subject))
}

/// The same for a cluster in which Argo CD is installed. Argo CD's settings gain the keys that we state, unless
/// somebody else states them already.
pub fn install_for_argocd(
    connection: &Connection,
    subject: &Subject,
    settings: &ArgoSettings,
) -> Result<Vec<Installed>, EngineError> {
    install_all(connection, &manifests_for_argocd(subject, settings))
}

fn install_all(connection: &Connection, objects: &[Object]) -> Result<Vec<Installed>, EngineError> {
    let api = Api::connect(connection)?;
    let mut found = Vec::new();
    let mut refusals = Vec::new();
    for object in objects {
        let live = read(&api, object)?;
        let foreign = |live: &&Value| !is_shared(object) && !is_ours(live);
        if let Some(live) = live.as_ref().filter(foreign) {
            refusals.push(Refusal::NotOurs {
                key: object.key(),
                managers: others(live),
            });
        }
        found.push(live);
    }
    if !refusals.is_empty() {
        return Err(EngineError::Refused(refusals));
    }
    let mut installed: Vec<Installed> = Vec::new();
    for (object, before) in objects.iter().zip(found) {
        let walled = |done: &Installed| done.key.group == wall::ADMISSION;
        if object.group() != wall::ADMISSION
            && installed.last().is_some_and(walled)
            && installed
                .iter()
                .any(|done| walled(done) && done.change != InstallChange::Unchanged)
        {
            thread::sleep(WALL_PAUSE);
        }
        let call = Call::Apply {
            name: object.name(),
            body: object.value(),
            force: !is_shared(object),
        };
        let failed = |error| {
            EngineError::Objects(vec![ObjectError {
                key: object.key(),
                error,
            }])
        };
        let after = api.send(&collection(object)?, &call).map_err(failed)?.body;
        let change = match before {
            None => InstallChange::Created,
            Some(before) if stated(before.clone()) == stated(after) => InstallChange::Unchanged,
            Some(_) => InstallChange::Updated,
        };
        installed.push(Installed {
            key: object.key(),
            change,
        });
    }
    Ok(installed)
}

/// An object of the namespace of a missing Namespace does not exist either.
fn read(api: &Api, object: &Object) -> Result<Option<Value>, EngineError> {
    let what = || format!("read {}", object.key());
    api.get(&collection(object)?, object.name())
        .map_err(|error| EngineError::Api {
            what: what(),
            error,
        })
}

fn collection(object: &Object) -> Result<Collection, EngineError> {
    // The kinds that no release may hold, and that are therefore in no table.
    let plural = match object.kind() {
        "ClusterRole" => "clusterroles",
        "ClusterRoleBinding" => "clusterrolebindings",
        "ValidatingAdmissionPolicy" => "validatingadmissionpolicies",
        "ValidatingAdmissionPolicyBinding" => "validatingadmissionpolicybindings",
        "AppProject" => {
            return Ok(Collection::read_only(
                object.group(),
                object.version(),
                object.kind(),
                "appprojects",
                object.namespace(),
            ));
        }
        _ => {
            return Collection::new(
                object.group(),
                object.version(),
                object.kind(),
                object.namespace(),
            );
        }
    };
    Ok(Collection::of_cluster(
        object.group(),
        object.version(),
        object.kind(),
        plural,
    ))
}

/// Whether the object is somebody else's, who lets others add to it.
fn is_shared(object: &Object) -> bool {
    object.kind() == "ConfigMap" && object.name() == argocd::SETTINGS
}

/// Only an apply of ours makes such an entry.
fn is_ours(live: &Value) -> bool {
    entries(live).any(|entry| is(entry, "manager", MANAGER) && is(entry, "operation", "Apply"))
}

/// An object without what the server and controllers write, which may happen at any time.
fn stated(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["generation", "managedFields", "resourceVersion"] {
            metadata.remove(field);
        }
    }
    object
}

/// An API server takes up policies once a second, and rights at once: the wall has to stand first.
const WALL_PAUSE: Duration = Duration::from_secs(3);

impl Subject {
    /// The service account of the reconciler in its own namespace.
    pub fn reconciler() -> Self {
        Self::ServiceAccount {
            namespace: crate::apply::NAMESPACE.to_owned(),
            name: rights::NAME.to_owned(),
        }
    }
}

impl fmt::Display for Subject {
    /// As it is given on a command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::ServiceAccount { namespace, name } => {
                write!(f, "serviceaccount:{namespace}/{name}")
            }
        }
    }
}

/// A text that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names nobody: write `user:NAME`, `group:NAME` or `serviceaccount:NAMESPACE/NAME`")]
pub struct SubjectError(String);

impl FromStr for Subject {
    type Err = SubjectError;
    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError(text.to_owned());
        let (kind, name) = text
            .split_once(':')
            .filter(|(_, name)| !name.is_empty())
            .ok_or_else(wrong)?;
        match kind {
            "user" => Ok(Self::User(name.to_owned())),
            "group" => Ok(Self::Group(name.to_owned())),
            "serviceaccount" => {
                let (namespace, name) = name
                    .split_once('/')
                    .filter(|(n, a)| !n.is_empty() && !a.is_empty())
                    .ok_or_else(wrong)?;
                Ok(Self::ServiceAccount {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                })
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_back() {
        for text in [
            "user:orz",
            "user:system:admin",
            "group:ops",
            "serviceaccount:orz-system/orz-reconciler",
        ] {
            assert_eq!(
                text.parse::<Subject>().map(|s| s.to_string()).as_deref(),
                Ok(text)
            );
        }
        for text in [
            "",
            "orz",
            "user:",
            "serviceaccount:x",
            "serviceaccount:/x",
            "robot:x",
        ] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_object_is_one_of_ours_by_label_and_has_a_collection() {
        let settings = ArgoSettings::new("https://git.example.com/state.git");
        for object in manifests_for_argocd(&Subject::reconciler(), &settings) {
            assert!(collection(&object).is_ok(), "{}", object.key());
            if is_shared(&object) {
                continue;
            }
            let label = object
                .value()
                .pointer("/metadata/labels/app.kubernetes.io~1managed-by");
            assert_eq!(
                label.and_then(Value::as_str),
                Some("orz"),
                "{}",
                object.key()
            );
        }
    }
}
