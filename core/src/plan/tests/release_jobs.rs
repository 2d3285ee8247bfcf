use super::*;
use crate::exit::ExitCode;
use crate::jobs;

/// The release job `migrate` of app `web`.
fn job(image: &str, retries: u32) -> Object {
    let template = json!({ "spec": { "containers": [{ "name": "migrate", "image": image }] } });
    object(json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": jobs::object_name("web-migrate", &template),
            "namespace": "acme",
            "labels": { "orz.dev/app": "web", jobs::LABEL: "migrate" },
            "annotations": jobs::annotations(false),
        },
        "spec": { "backoffLimit": retries, "template": template },
    }))
}

fn account(annotations: &Value) -> Object {
    object(json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": "web", "namespace": "acme", "labels": { "orz.dev/app": "web" }, "annotations": annotations },
    }))
}

fn web(image: &str) -> Object {
    deployment("web", &json!({ "image": image }))
}

fn group(before: &[Object], after: &[Object]) -> (String, ExitCode) {
    let plan = Case::new(before, after).plan();
    let text = plan.render_human(false);
    let line = text.lines().find(|line| line.starts_with("  app web"));
    (line.unwrap_or_default().trim().to_owned(), plan.exit_code())
}

#[test]
fn a_release_job_is_named_as_people_named_it() {
    let wave = json!({ jobs::SYNC_WAVE: "-2" });
    let (plain, prior) = (account(&json!({})), account(&wave));
    for (before, after, expected, code) in [
        (
            vec![],
            vec![web("r/x:1"), job("r/x:1", 0)],
            "app web: new, image r/x:1, release job migrate: new",
            ExitCode::Changes,
        ),
        (
            vec![web("r/x:1"), job("r/x:1", 0)],
            vec![web("r/x:2"), job("r/x:2", 0)],
            "app web: image r/x:1 → :2, release job migrate: new",
            ExitCode::Changes,
        ),
        (
            vec![web("r/x:1"), plain.clone()],
            vec![web("r/x:1"), prior.clone(), job("r/x:1", 0)],
            "app web: release job migrate: new",
            ExitCode::Changes,
        ),
        (
            vec![web("r/x:1"), job("r/x:1", 0), prior],
            vec![web("r/x:1"), plain],
            "app web: release job migrate: removed",
            ExitCode::Changes,
        ),
        (
            vec![job("r/x:1", 0)],
            vec![job("r/x:1", 2)],
            "app web: release job migrate: backoffLimit 0 → 2",
            ExitCode::Changes,
        ),
        (
            vec![web("r/x:1"), job("r/x:1", 0)],
            vec![job("r/x:2", 0)],
            "app web: -Deployment web, release job migrate: new",
            ExitCode::Destroys,
        ),
    ] {
        assert_eq!(group(&before, &after), (expected.to_owned(), code));
    }
}

#[test]
fn what_becomes_of_its_jobs_stands_beside_them() {
    let plan = Case::new(&[job("r/x:1", 0)], &[job("r/x:2", 0)]).plan();
    insta::assert_snapshot!(plan.render_human(false), @"
    acme/work on in-cluster, because its input changed
      app web: release job migrate: new
        - Job acme/web-migrate-9176d344b4 (stays in the cluster as what has run)
        + Job acme/web-migrate-3d19ee8fb1 (runs before the rest, unless it is complete already)

    1 to create, 0 to update, 0 to replace, 1 to delete
    ");
}
