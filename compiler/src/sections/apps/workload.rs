//! The Deployment and the ServiceAccount it runs as.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, EnvVar,
    EnvVarSource, HTTPGetAction, PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec,
    PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile, SecretKeySelector,
    SecurityContext, ServiceAccount, TCPSocketAction, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use orz_core::id::Part;

use super::literal::literal;
use super::settled::Settled;
use super::storage::claim_name;
use super::{Health, Text};
use crate::platform::Resources;
use crate::resolve::Scope;
use crate::sections::{Draft, Objects, configs, secret_refs};

/// The first container in every pod of ours; diagnostics point into it.
pub(super) const CONTAINER: &str = "/spec/template/spec/containers/0";

pub(super) fn lower(scope: &Scope, app: &Settled, out: &mut Objects) {
    let name = app.entry.name.as_str();
    let account = ServiceAccount {
        metadata: scope.meta(name, scope.app_labels(name)),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    };
    out.add(Part::Work, app.entry.span(), &account);
    let draft = out.add(Part::Work, app.entry.span(), &deployment(scope, app));
    name_causes(draft, app);
}

fn deployment(scope: &Scope, app: &Settled) -> Deployment {
    let name = app.entry.name.as_str();
    let defaults = &scope.platform.apps;
    // An update starts one pod more before it stops an old one, so capacity never falls, and quotas can be
    // checked: the default of a quarter more depends on the number of replicas.
    let rolling = RollingUpdateDeployment {
        max_surge: Some(IntOrString::Int(1)),
        max_unavailable: Some(IntOrString::Int(0)),
    };
    let strategy = if app.recreate {
        DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            rolling_update: None,
        }
    } else {
        DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(rolling),
        }
    };
    Deployment {
        metadata: scope.meta(name, scope.app_labels(name)),
        spec: Some(DeploymentSpec {
            replicas: Some(signed(app.replicas)),
            revision_history_limit: Some(signed(defaults.revision_history_limit)),
            progress_deadline_seconds: Some(signed(
                app.entry
                    .deadline_seconds
                    .unwrap_or(defaults.progress_deadline_seconds),
            )),
            selector: LabelSelector {
                match_labels: Some(scope.selector(name)),
                ..LabelSelector::default()
            },
            strategy: Some(strategy),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(scope.app_labels(name)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod_of_app(scope, app)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pod_of_app(scope: &Scope, app: &Settled) -> PodSpec {
    let (volumes, mounts) = volumes(scope, app);
    pod(scope, app, main_container(scope, app, mounts), volumes)
}

/// A pod of the app's identity under the restricted Pod Security profile, with one container.
pub(super) fn pod(
    scope: &Scope,
    app: &Settled,
    container: Container,
    volumes: Vec<Volume>,
) -> PodSpec {
    let defaults = &scope.platform.apps;
    let user = i64::from(defaults.uid);
    PodSpec {
        service_account_name: Some(app.entry.name.clone()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(i64::from(defaults.termination_grace_seconds)),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(user),
            run_as_group: Some(user),
            fs_group: Some(user),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![container],
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

fn main_container(scope: &Scope, app: &Settled, mounts: Vec<VolumeMount>) -> Container {
    let entry = app.entry;
    let ports = app.ports.iter().map(|port| ContainerPort {
        name: Some(port.name.clone()),
        container_port: i32::from(port.port),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    });
    let probes = Probes::new(scope, app);
    Container {
        command: entry.command.as_deref().map(texts),
        args: entry.args.as_deref().map(texts),
        env: env(&entry.env, &entry.secrets),
        ports: some(ports.collect()),
        startup_probe: probes.as_ref().map(Probes::startup),
        readiness_probe: probes.as_ref().map(Probes::readiness),
        liveness_probe: probes.as_ref().map(Probes::liveness),
        ..container(app, &entry.name, &entry.image, mounts)
    }
}

/// A container under the restricted Pod Security profile, with the resources of the app.
pub(super) fn container(
    app: &Settled,
    name: &str,
    image: &str,
    mounts: Vec<VolumeMount>,
) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        resources: Some(ResourceRequirements {
            requests: Some(amounts(&app.requests)),
            limits: Some(amounts(&app.limits)),
            claims: None,
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            privileged: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

/// Literals first, then secrets, each sorted by name.
pub(super) fn env(
    literals: &BTreeMap<String, Text>,
    secrets: &BTreeMap<String, String>,
) -> Option<Vec<EnvVar>> {
    let literals = literals.iter().map(|(name, text)| EnvVar {
        name: name.clone(),
        value: Some(literal(text.as_str())),
        value_from: None,
    });
    let secrets = secrets.iter().map(|(name, reference)| EnvVar {
        name: name.clone(),
        value: None,
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret_refs::secret_name(reference),
                key: secret_refs::SECRET_KEY.to_owned(),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
    });
    some(literals.chain(secrets).collect())
}

/// What every program of an app has, then the app's disks.
fn volumes(scope: &Scope, app: &Settled) -> (Vec<Volume>, Vec<VolumeMount>) {
    let entry = app.entry;
    let (mut volumes, mut mounts) = config_volumes(scope, &entry.configs);
    for (i, _) in &app.volumes {
        let volume = &entry.volumes[*i];
        let name = format!("volume-{}", volume.name);
        mounts.push(mount(&name, volume.mount.clone(), false));
        volumes.push(Volume {
            name,
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim_name(&entry.name, &volume.name),
                read_only: None,
            }),
            ..Volume::default()
        });
    }
    (volumes, mounts)
}

/// `/tmp`, which every program expects to be writable; then configs.
pub(super) fn config_volumes(scope: &Scope, configs: &[String]) -> (Vec<Volume>, Vec<VolumeMount>) {
    let size = Quantity(scope.platform.apps.tmp_size.to_string());
    let mut volumes = vec![Volume {
        name: "tmp".to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: Some(size),
            medium: None,
        }),
        ..Volume::default()
    }];
    let mut mounts = vec![mount("tmp", "/tmp".to_owned(), false)];
    for (i, config) in configs.iter().enumerate() {
        let Some(config_map) = configs::active_config_map(scope, config) else {
            continue;
        };
        let name = format!("config-{i}");
        mounts.push(mount(&name, format!("/etc/orz/configs/{config}"), true));
        volumes.push(Volume {
            name,
            config_map: Some(ConfigMapVolumeSource {
                name: config_map,
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        });
    }
    (volumes, mounts)
}

fn mount(name: &str, path: String, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path,
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// How the kubelet asks an app whether it has started, takes requests, and lives.
struct Probes {
    handler: Probe,
    startup_failures: i32,
    failures: i32,
}

impl Probes {
    /// `None` for an app that listens on no port.
    fn new(scope: &Scope, app: &Settled) -> Option<Self> {
        let defaults = &scope.platform.apps.probe;
        let health = app.entry.health.as_ref();
        let asked = health.and_then(|health| health.port.clone());
        let port =
            IntOrString::String(asked.or_else(|| app.http_port().map(|port| port.name.clone()))?);
        let say = |value: fn(&Health) -> Option<u32>, default: u32| {
            health.and_then(value).unwrap_or(default)
        };
        let period = say(|health| health.period_seconds, defaults.period_seconds);
        let startup = say(|health| health.startup_seconds, defaults.startup_seconds);
        let timeout = say(|health| health.timeout_seconds, defaults.timeout_seconds);
        let handler = match health {
            Some(health) => Probe {
                http_get: Some(HTTPGetAction {
                    path: Some(health.path.clone().unwrap_or_else(|| defaults.path.clone())),
                    port,
                    ..HTTPGetAction::default()
                }),
                ..Probe::default()
            },
            None => Probe {
                tcp_socket: Some(TCPSocketAction { port, host: None }),
                ..Probe::default()
            },
        };
        Some(Self {
            handler: Probe {
                period_seconds: Some(signed(period)),
                timeout_seconds: Some(signed(timeout)),
                ..handler
            },
            startup_failures: signed(startup.div_ceil(period)),
            failures: signed(defaults.failure_threshold),
        })
    }

    fn startup(&self) -> Probe {
        Probe {
            failure_threshold: Some(self.startup_failures),
            ..self.handler.clone()
        }
    }

    fn readiness(&self) -> Probe {
        Probe {
            failure_threshold: Some(self.failures),
            ..self.handler.clone()
        }
    }

    /// Twice as patient as readiness: an app that is busy stops getting requests before it is killed.
    fn liveness(&self) -> Probe {
        Probe {
            failure_threshold: Some(self.failures.saturating_mul(2)),
            ..self.handler.clone()
        }
    }
}

/// Which places of the bundle stand behind which fields, for diagnostics of the checks.
fn name_causes(draft: &mut Draft, app: &Settled) {
    let entry = app.entry;
    draft.because("/metadata/name", entry.at("/name"));
    draft.because(format!("{CONTAINER}/resources"), entry.at("/resources"));
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        draft.because(format!("{CONTAINER}/{probe}"), entry.at("/health/port"));
    }
    for i in 0..app.ports.len() {
        let pointer = if entry.port.is_some() {
            "/port".to_owned()
        } else {
            format!("/ports/{i}")
        };
        draft.because(format!("{CONTAINER}/ports/{i}"), entry.at(&pointer));
    }
    let names = entry.env.keys().map(|name| format!("/env/{name}"));
    let names = names.chain(entry.secrets.keys().map(|name| format!("/secrets/{name}")));
    for (i, pointer) in names.enumerate() {
        draft.because(format!("{CONTAINER}/env/{i}"), entry.key_at(&pointer));
    }
    let first_disk = 1 + entry.configs.len();
    for i in 0..entry.configs.len() {
        draft.because(
            format!("{CONTAINER}/volumeMounts/{}", i + 1),
            entry.at(&format!("/configs/{i}")),
        );
    }
    for (n, (i, _)) in app.volumes.iter().enumerate() {
        draft.because(
            format!("{CONTAINER}/volumeMounts/{}", first_disk + n),
            entry.at(&format!("/volumes/{i}/mount")),
        );
        draft.because(
            format!("/spec/template/spec/volumes/{}", first_disk + n),
            entry.at(&format!("/volumes/{i}/name")),
        );
    }
}

fn amounts(resources: &Resources) -> BTreeMap<String, Quantity> {
    resources
        .iter()
        .map(|(key, amount)| (key.clone(), Quantity(amount.to_string())))
        .collect()
}

pub(super) fn texts(list: &[Text]) -> Vec<String> {
    list.iter().map(|text| text.as_str().to_owned()).collect()
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// Kubernetes counts in signed numbers; every count here is bounded far below their end.
pub(super) fn signed(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
