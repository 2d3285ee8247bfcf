//! Disks: where they are mounted, of which class and how large.

use orz_core::diag::{Diagnostic, Diagnostics, codes};

use super::amounts::out_of_bounds;
use super::{invalid, not_in_plan};
use crate::resolve::{Scope, unknown_reference};
use crate::sections::Entry;
use crate::sections::apps::settled::{Settled, class_name};
use crate::sections::apps::{App, Volume};

/// Folders that a program and its container cannot do without; `true`: nor what is below them.
const KEPT: &[(&str, bool)] = &[
    ("/", false),
    ("/bin", true),
    ("/boot", true),
    ("/dev", true),
    ("/etc", true),
    ("/lib", true),
    ("/lib64", true),
    ("/proc", true),
    ("/run", true),
    ("/sbin", true),
    ("/sys", true),
    ("/tmp", true),
    ("/usr", false),
    ("/usr/bin", true),
    ("/usr/lib", true),
    ("/usr/sbin", true),
    ("/var", false),
    ("/var/run", true),
];

/// Reports what is wrong with the disks of an app.
pub(super) fn find(scope: &Scope, app: &Entry<App>, problems: &mut Diagnostics) {
    for (i, volume) in app.volumes.iter().enumerate() {
        if let Some(first) = app.volumes[..i]
            .iter()
            .position(|other| other.name == volume.name)
        {
            let (span, first) = (
                app.at(&format!("/volumes/{i}/name")),
                app.at(&format!("/volumes/{first}/name")),
            );
            let message = format!(
                "two volumes of app `{}` are named `{}`",
                app.name, volume.name
            );
            problems.push(
                Diagnostic::error(&codes::model::DUPLICATE_NAME, span, message)
                    .label("again here")
                    .related(first, "first here")
                    .help("rename one of them"),
            );
        }
        find_mount(app, i, volume, problems);
        find_class(scope, app, i, problems);
        find_size(scope, app, i, volume, problems);
    }
    let settled = Settled::new(scope, app);
    if settled.recreate && app.replicas.is_some_and(|replicas| replicas > 1) {
        problems.push(
            Diagnostic::error(
                &codes::reference::SINGLE_REPLICA,
                app.at("/replicas"),
                format!(
                    "app `{}` has a volume that one pod can use at a time",
                    app.name
                ),
            )
            .label("more than one replica")
            .related(app.key_at("/volumes"), "because of these")
            .help("write `\"replicas\": 1`, or use a volume class that several pods can share"),
        );
    }
}

fn find_mount(app: &Entry<App>, i: usize, volume: &Volume, problems: &mut Diagnostics) {
    let span = app.at(&format!("/volumes/{i}/mount"));
    let path = volume.mount.trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    if path != "/"
        && path[1..]
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
    {
        let message = format!("`{}` is not a plain path", volume.mount);
        problems.push(invalid(
            span,
            message,
            "write it without `.`, `..` and doubled `/`",
        ));
        return;
    }
    let below = |folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    if let Some((folder, _)) = KEPT
        .iter()
        .find(|(folder, deep)| path == *folder || (*deep && below(folder)))
    {
        let message = format!("a volume may not hide `{folder}`");
        problems.push(invalid(
            span,
            message,
            "mount it at a folder of its own, such as `/data`",
        ));
    }
}

fn find_class(scope: &Scope, app: &Entry<App>, i: usize, problems: &mut Diagnostics) {
    let span = app.at(&format!("/volumes/{i}/class"));
    let name = class_name(scope, app, i);
    let allowed = &scope.plan.volume_classes;
    if !scope.platform.volumes.classes.contains_key(name) {
        let known = scope.platform.volumes.classes.keys().map(String::as_str);
        problems.push(unknown_reference("volume class", name, span, known));
    } else if !allowed.iter().any(|class| class == name) {
        let help = format!("the plan has `{}`", allowed.join("`, `"));
        problems.push(not_in_plan(
            scope,
            span,
            format_args!("volume class `{name}` is not"),
            help,
        ));
    }
}

fn find_size(
    scope: &Scope,
    app: &Entry<App>,
    i: usize,
    volume: &Volume,
    problems: &mut Diagnostics,
) {
    let span = app.at(&format!("/volumes/{i}/size"));
    let limits = &scope.plan.volume;
    if out_of_bounds(&volume.size, Some(&limits.min), Some(&limits.max)) {
        let help = format!("choose {} to {}", limits.min, limits.max);
        problems.push(not_in_plan(
            scope,
            span,
            format_args!("a volume of {} is not", volume.size),
            help,
        ));
    }
}
