//! Pointers that nobody should have written: each stops its own tenant, and nobody else.

use std::collections::BTreeMap;

use orz_cluster_tests::{ARGOCD_USER, AuditMark, PRODUCT_USER, Ref};
use orz_core::format::Phase;
use orz_core::id::{Digest, Part, ReleaseId};
use orz_scenario_tests::{
    App, Engine, Forgery, Hand, TestResult, World, deployment, pointer_path, size,
};
use orz_test_tools::say;
use serde_json::{Value, json};

#[test]
fn a_broken_pointer_stops_its_own_tenant_only_with_apply() -> TestResult {
    a_broken_pointer_stops_its_own_tenant_only(Engine::Apply)
}

#[test]
fn a_broken_pointer_stops_its_own_tenant_only_with_argocd() -> TestResult {
    a_broken_pointer_stops_its_own_tenant_only(Engine::ArgoCd)
}

/// What is done to the pointer of a tenant of that name, and the reason that is given for not following it.
const CASES: [(&str, &str); 8] = [
    ("binding", "not-allowed"),
    ("crossed", "path-mismatch"),
    ("foreign", "no-index-entry"),
    ("forged", "not-canonical"),
    ("garbled", "malformed"),
    ("missing", "no-index-entry"),
    ("neighbour", "not-allowed"),
    ("unlisted", "no-index-entry"),
];
/// Who is not a tenant.
const SYSTEM: &str = "kube-system";

fn a_broken_pointer_stops_its_own_tenant_only(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    // Until its pods have had their turn on a small machine.
    let deadline = json!({"progress_deadline_seconds": size(10, 60)});
    world.write("platform/apps.json", &deadline)?;
    let running = world.fleet_reconciler(&[])?;
    let good: Vec<String> = (0..size(8, 50)).map(|n| format!("good-{n}")).collect();
    let bad: Vec<String> = CASES.iter().map(|(name, _)| (*name).to_owned()).collect();
    let everybody: Vec<String> = good.iter().chain(&bad).cloned().collect();
    let before = deploy(&world, &everybody, "1")?;
    world.until_all(&before, Phase::Verified)?;
    let live = fingerprints(&world, &bad)?;
    let mark = world.plane.audit_mark()?;

    let hand = world.hand()?;
    let mut commits = BTreeMap::new();
    for name in &bad {
        commits.insert(name.clone(), break_pointer(&hand, name, &before)?);
    }
    let path = system_path();
    let pointer = hand.read("main", &pointer_path(&good[0], Part::Work)?)?;
    let pointer = pointer.replace(&good[0], SYSTEM);
    let system = hand.commit("main", &path, &pointer, "all pods belong to us")?;

    let broken: BTreeMap<String, ReleaseId> = before
        .iter()
        .filter(|(tenant, _)| bad.contains(tenant))
        .map(|(tenant, release)| (tenant.clone(), release.clone()))
        .collect();
    until_invalid(&world, &broken)?;
    says_what_is_wrong(&world, &broken, &commits)?;

    // The others move, also while the reconciler is another one.
    let after = deploy(&world, &good, "2")?;
    world.until_all(&after, Phase::Verified)?;
    drop(running);
    let _running = world.fleet_reconciler(&[])?;
    let last = deploy(&world, &good[..1], "3")?;
    world.until_all(&last, Phase::Verified)?;
    until_invalid(&world, &broken)?;
    says_what_is_wrong(&world, &broken, &commits)?;
    assert_eq!(world.repo.statuses()?.len(), 2 * everybody.len());

    assert_eq!(fingerprints(&world, &bad)?, live);
    nothing_was_written(&world, mark, &bad)?;

    // What was forged on the index is found where status says that it is.
    let found = world.orzc(&["verify"], 1)?;
    for name in ["forged", "binding", "neighbour"] {
        let folder = orz_core::paths::index_folder(&name.parse()?, Part::Work);
        assert!(found.contains(&folder), "{name}: {found}");
    }

    // One is repaired as `orzc status` says, the others as somebody does who has nothing but Git.
    world.orzc(&["rollback", "forged", "--reason", "not ours"], 0)?;
    world.orzc(&["release-hold", "forged", "--reason", "repaired"], 0)?;
    for (name, commit) in &commits {
        if name != "forged" {
            hand.revert(commit)?;
        }
    }
    hand.revert(&system)?;
    world.until_all(&broken, Phase::Verified)?;
    assert_eq!(fingerprints(&world, &bad)?, live);
    world.orzc(&["status"], 0)?;
    let repaired = deploy(&world, &bad, "2")?;
    world.until_all(&repaired, Phase::Verified)?;
    for name in &bad {
        let image = world.image(name, "web")?;
        assert!(image.is_some_and(|image| image.ends_with(":2")), "{name}");
    }
    nothing_is_there(&world, &good[0])?;
    for name in &everybody {
        assert!(world.automatic(name)?.is_empty(), "{name}");
    }
    Ok(())
}

fn deploy(world: &World, tenants: &[String], tag: &str) -> TestResult<BTreeMap<String, ReleaseId>> {
    let bundles: Vec<_> = tenants
        .iter()
        .map(|tenant| (tenant.clone(), vec![App::new("web", tag)]))
        .collect();
    world.deploy_all(&bundles)
}

/// Breaks the pointer of a tenant; the commit that did it.
fn break_pointer(
    hand: &Hand,
    name: &str,
    releases: &BTreeMap<String, ReleaseId>,
) -> TestResult<String> {
    let path = pointer_path(name, Part::Work)?;
    let base = &releases[name];
    let digest = hand.digest(base)?;
    match name {
        "garbled" => {
            let ours = hand.read("main", &path)?;
            let text = format!("<<<<<<< HEAD\n{ours}\n=======\n{ours}\n>>>>>>> hotfix\n");
            hand.commit("main", &path, &text, "merge the hotfix")
        }
        "crossed" => {
            let theirs = hand.read("main", &pointer_path("good-0", Part::Work)?)?;
            hand.commit("main", &path, &theirs, "the same as good-0")
        }
        "missing" => hand.point(name, &"0badc0de".repeat(5).parse()?, &digest),
        "foreign" => {
            let theirs = &releases["good-0"];
            hand.point(name, theirs, &hand.digest(theirs)?)
        }
        _ => {
            let manifest = manifest(name);
            let forgery = match name {
                "unlisted" | "forged" => Forgery::Plain,
                _ => Forgery::Careful,
            };
            let release = hand.forge(forgery, base, std::slice::from_ref(&manifest))?;
            if name != "unlisted" {
                hand.list(name, base, &release, &[manifest])?;
            }
            hand.point(name, &release, &hand.digest(&release)?)
        }
    }
}

/// What was added to a release by hand: power over the cluster, or something of another tenant.
fn manifest(name: &str) -> Value {
    match name {
        "neighbour" => json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "by-hand", "namespace": "good-0"},
            "data": {"whose": name},
        }),
        _ => json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("by-hand-{name}")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": name}],
        }),
    }
}

/// Where the pointer of `kube-system` would be if it could be a tenant.
fn system_path() -> String {
    let digest = Digest::of(SYSTEM.as_bytes());
    let shard = &digest.as_str()[..2];
    format!("pointers/in-cluster/{shard}/{SYSTEM}/work.json")
}

/// Every one of them is said to be invalid, for the reason that it is, and with the release that stays live.
fn until_invalid(world: &World, broken: &BTreeMap<String, ReleaseId>) -> TestResult {
    world.until("every broken pointer is said to be one", || {
        for (name, reason) in CASES {
            let Some(status) = world.status(name, Part::Work)? else {
                return Ok(false);
            };
            let said = status.reason.unwrap_or_default();
            let named = said.starts_with(&format!("pointer-invalid: {reason}: "));
            if status.phase != Phase::Invalid
                || !named
                || status.observed != broken.get(name).cloned()
            {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// `orzc status` says for each what is wrong, what stays live, who did it and what repairs it.
fn says_what_is_wrong(
    world: &World,
    broken: &BTreeMap<String, ReleaseId>,
    commits: &BTreeMap<String, String>,
) -> TestResult {
    let text = world.orzc(&["status"], 1)?;
    say(&text);
    let document: Value = serde_json::from_str(&world.orzc(&["--format", "json", "status"], 1)?)?;
    let all = |list: &str| document[list].as_array().cloned().unwrap_or_default();
    for (name, reason) in CASES {
        let stays = format!("{} stays live", &broken[name].as_str()[..12]);
        let commit = &commits[name];
        let revert = format!("git revert {}", &commit[..12]);
        let block = text
            .split("\n\n")
            .find(|block| block.starts_with(&format!("{name}/work  invalid")))
            .ok_or_else(|| format!("nothing about {name}: {text}"))?;
        let detail = detail(name);
        for expected in [
            reason,
            detail,
            &stays,
            "Mallory <mallory@example.com>",
            &revert,
        ] {
            assert!(block.contains(expected), "{expected}: {block}");
        }
        let rows = all("pointers").into_iter().chain(all("malformed"));
        let row = rows
            .into_iter()
            .find(|row| row["tenant"] == name && row["part"] == "work")
            .ok_or_else(|| format!("nothing about {name}: {document}"))?;
        let invalid = row["invalid"].as_str().unwrap_or_default();
        assert!(invalid.contains(reason), "{row}");
        assert_eq!(row["changed"]["commit"], commit.as_str(), "{row}");
        assert_eq!(row["status"]["observed"], broken[name].as_str(), "{row}");
        assert!(row["help"][0].is_string(), "{row}");
    }
    assert!(text.contains(&format!("`{SYSTEM}`")), "{text}");
    assert_eq!(
        all("pointers").len() + all("malformed").len(),
        world.repo.statuses()?.len() + 1
    );
    Ok(())
}

/// What a person is told beside the reason.
fn detail(name: &str) -> &'static str {
    match name {
        "binding" => {
            "kind `ClusterRoleBinding.rbac.authorization.k8s.io` is not one that a release may hold"
        }
        "crossed" => "it is the pointer of `good-0/work` on `in-cluster`",
        "foreign" => "it is one of `good-0/work`",
        "forged" => "its author, date or message is another",
        "garbled" => "it holds the conflict markers of a merge",
        "missing" => "there is no such commit",
        "neighbour" => "namespace `good-0` does not belong to tenant `neighbour`",
        _ => "the commit was not made by `orzc publish`",
    }
}

/// The Deployments as far as somebody could have changed them.
fn fingerprints(world: &World, tenants: &[String]) -> TestResult<Vec<Value>> {
    tenants
        .iter()
        .map(|tenant| {
            let found = world.server.get(&deployment(tenant, "web"))?;
            let object = found.ok_or_else(|| format!("{tenant} has no `web`"))?;
            Ok(json!({
                "uid": object["metadata"]["uid"],
                "generation": object["metadata"]["generation"],
                "spec": object["spec"],
            }))
        })
        .collect()
}

/// Nobody who follows pointers wrote anything for the broken ones.
fn nothing_was_written(world: &World, mark: AuditMark, bad: &[String]) -> TestResult {
    for user in [PRODUCT_USER, ARGOCD_USER] {
        for entry in world.plane.audit_writes_by(user, mark)? {
            let theirs = bad.contains(&entry.namespace) || entry.namespace == SYSTEM;
            let by_hand = entry.name.starts_with("by-hand");
            let power = entry.group == "rbac.authorization.k8s.io";
            assert!(!theirs && !by_hand && !power, "{entry:?}");
        }
    }
    Ok(())
}

fn nothing_is_there(world: &World, neighbour: &str) -> TestResult {
    for (name, _) in CASES {
        let binding = Ref::new(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            "",
            &format!("by-hand-{name}"),
        );
        assert_eq!(world.server.get(&binding)?, None);
    }
    let smuggled = Ref::new("v1", "ConfigMap", neighbour, "by-hand");
    assert_eq!(world.server.get(&smuggled)?, None);
    let web = deployment(SYSTEM, "web");
    assert_eq!(world.server.get(&web)?, None);
    Ok(())
}
