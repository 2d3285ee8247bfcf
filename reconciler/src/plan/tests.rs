use orz_core::format::Inventory;
use orz_core::id::{Digest, Part};

use super::*;
use crate::testing::{config, namespace, volume};

/// Name, object, what the inventory says about it (if anything: the `uid` it recorded), what exists, result.
type Wanted<'a> = (
    &'a str,
    &'a Object,
    Option<Option<&'a str>>,
    Option<Live>,
    Result<Action, Refusal>,
);
/// Name, object, the `uid` that the inventory recorded, what exists, result.
type Unwanted<'a> = (&'a str, &'a Object, Option<&'a str>, Option<Live>, Action);

const RELEASE: &str = "0123456789abcdef0123456789abcdef01234567";

fn release() -> ReleaseId {
    RELEASE.parse().expect("valid")
}

fn live(uid: &str, marked: bool, state: LiveState) -> Live {
    Live {
        uid: Some(uid.to_owned()),
        marked,
        deleting: false,
        managers: vec!["kubectl".to_owned()],
        state,
        object: None,
    }
}

/// `known`: what the inventory names, with the uid that it recorded; `there`: what exists.
fn run(
    objects: &[Object],
    known: &[(&Object, Option<&str>)],
    there: Vec<(&Object, Live)>,
) -> Result<Plan, Vec<Refusal>> {
    let item = |(object, uid): &(&Object, Option<&str>)| InventoryItem {
        object: object.reference(),
        uid: uid.map(str::to_owned),
        applied: None,
        live: None,
        kept: false,
    };
    let inventory = Inventory {
        cluster: "in-cluster".parse().expect("valid"),
        tenant: "acme".parse().expect("valid"),
        part: Part::Work,
        release: release(),
        digest: Digest::of(b""),
        complete: true,
        objects: known.iter().map(item).collect(),
        memory: None,
        writer: None,
    };
    let observation = Observation {
        inventory: Some(inventory),
        version: None,
        live: there
            .into_iter()
            .map(|(object, live)| (object.key(), live))
            .collect(),
        intact: true,
    };
    plan(&release(), objects, &observation)
}

fn only(plan: Result<Plan, Vec<Refusal>>) -> Result<Action, Refusal> {
    match plan {
        Ok(mut plan) => {
            assert_eq!(plan.steps.len(), 1);
            Ok(plan.steps.remove(0).action)
        }
        Err(mut refusals) => Err(refusals.remove(0)),
    }
}

#[test]
fn what_the_release_contains() {
    let (a, disk) = (config("acme", "a", ""), volume("acme", "disk"));
    let frozen = || LiveState::Frozen {
        paths: vec!["/data".to_owned()],
    };
    let refused = |object: &Object| Refusal::NotOurs {
        key: object.key(),
        managers: vec!["kubectl".to_owned()],
    };
    let cases: Vec<Wanted<'_>> = vec![
        ("nothing there", &a, None, None, Ok(Action::Create)),
        (
            "deleted by hand",
            &a,
            Some(Some("1")),
            None,
            Ok(Action::Create),
        ),
        (
            "as it should be",
            &a,
            Some(Some("1")),
            Some(live("1", true, LiveState::Same)),
            Ok(Action::Unchanged),
        ),
        (
            "new release",
            &a,
            Some(Some("1")),
            Some(live("1", true, LiveState::Changed)),
            Ok(Action::Update { drift: false }),
        ),
        (
            "changed by hand",
            &a,
            Some(Some("1")),
            Some(live("1", true, LiveState::Drifted)),
            Ok(Action::Update { drift: true }),
        ),
        (
            "our mark was taken",
            &a,
            Some(Some("1")),
            Some(live("1", false, LiveState::Drifted)),
            Ok(Action::Update { drift: true }),
        ),
        (
            "created, then we were killed",
            &a,
            Some(None),
            Some(live("1", true, LiveState::Changed)),
            Ok(Action::Update { drift: false }),
        ),
        (
            "the inventory was lost",
            &a,
            None,
            Some(live("1", true, LiveState::Changed)),
            Ok(Action::Update { drift: false }),
        ),
        (
            "somebody else's",
            &a,
            None,
            Some(live("1", false, LiveState::Changed)),
            Err(refused(&a)),
        ),
        (
            "somebody was faster than we",
            &a,
            Some(None),
            Some(live("1", false, LiveState::Changed)),
            Err(refused(&a)),
        ),
        (
            "made again by somebody else",
            &a,
            Some(Some("1")),
            Some(live("2", false, LiveState::Changed)),
            Err(refused(&a)),
        ),
        (
            "frozen field",
            &a,
            Some(Some("1")),
            Some(live("1", true, frozen())),
            Ok(Action::Replace {
                paths: vec!["/data".to_owned()],
            }),
        ),
        (
            "frozen field of a durable object",
            &disk,
            Some(Some("1")),
            Some(live("1", true, frozen())),
            Err(Refusal::ReplaceDurable {
                key: disk.key(),
                paths: vec!["/data".to_owned()],
            }),
        ),
    ];
    for (name, object, known, there, expected) in cases {
        let known: Vec<_> = known.into_iter().map(|uid| (object, uid)).collect();
        let there: Vec<_> = there.into_iter().map(|live| (object, live)).collect();
        assert_eq!(
            only(run(std::slice::from_ref(object), &known, there)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn what_the_release_no_longer_contains() {
    let (a, disk, space) = (
        config("acme", "a", ""),
        volume("acme", "disk"),
        namespace("acme"),
    );
    let cases: Vec<Unwanted<'_>> = vec![
        (
            "ours",
            &a,
            Some("1"),
            Some(live("1", true, LiveState::Same)),
            Action::Prune,
        ),
        ("gone already", &a, Some("1"), None, Action::Forget),
        (
            "made again by somebody else",
            &a,
            Some("1"),
            Some(live("2", false, LiveState::Same)),
            Action::Keep(Kept::NotOurs),
        ),
        (
            "made again with a copy of our mark",
            &a,
            Some("1"),
            Some(live("2", true, LiveState::Same)),
            Action::Keep(Kept::NotOurs),
        ),
        (
            "our mark was taken",
            &a,
            Some("1"),
            Some(live("1", false, LiveState::Same)),
            Action::Keep(Kept::NotOurs),
        ),
        (
            "created, then we were killed",
            &a,
            None,
            Some(live("1", true, LiveState::Same)),
            Action::Prune,
        ),
        (
            "about to be created, somebody was faster",
            &a,
            None,
            Some(live("1", false, LiveState::Same)),
            Action::Keep(Kept::NotOurs),
        ),
        (
            "volume",
            &disk,
            Some("1"),
            Some(live("1", true, LiveState::Same)),
            Action::Keep(Kept::Durable),
        ),
        (
            "namespace",
            &space,
            Some("1"),
            Some(live("1", true, LiveState::Same)),
            Action::Keep(Kept::Durable),
        ),
    ];
    for (name, object, uid, there, expected) in cases {
        let there: Vec<_> = there.into_iter().map(|live| (object, live)).collect();
        assert_eq!(
            only(run(&[], &[(object, uid)], there)),
            Ok(expected),
            "{name}"
        );
    }
}

#[test]
fn what_is_live_but_in_no_inventory_is_nobody_we_know() {
    let stranger = config("acme", "stranger", "");
    let plan = run(
        &[],
        &[],
        vec![(&stranger, live("1", true, LiveState::Same))],
    )
    .expect("a plan");
    assert!(plan.steps.is_empty() && !plan.writes);
}

#[test]
fn applied_in_order_then_pruned_in_reverse() {
    let (space, a, b) = (
        namespace("acme"),
        config("acme", "a", ""),
        config("acme", "b", ""),
    );
    let account = crate::testing::object(
        "v1",
        "ServiceAccount",
        Some("acme"),
        "x",
        &serde_json::json!({}),
    );
    let there = vec![
        (&a, live("1", true, LiveState::Same)),
        (&account, live("2", true, LiveState::Same)),
    ];
    let plan = run(
        &[b.clone(), space.clone()],
        &[(&account, Some("2")), (&a, Some("1"))],
        there,
    )
    .expect("a plan");
    let order: Vec<_> = plan.steps.iter().map(|step| step.key.to_string()).collect();
    assert_eq!(
        order,
        [
            "Namespace acme",
            "ConfigMap acme/b",
            "ConfigMap acme/a",
            "ServiceAccount acme/x"
        ]
    );
}

#[test]
fn all_reasons_against_a_plan_are_given_at_once() {
    let (a, b) = (config("acme", "a", ""), config("acme", "b", ""));
    let there = vec![
        (&a, live("1", false, LiveState::Same)),
        (&b, live("2", false, LiveState::Same)),
    ];
    let refusals = run(&[a.clone(), b.clone()], &[], there).expect_err("refused");
    assert_eq!(
        refusals.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "ConfigMap acme/a exists and is not ours: `kubectl` wrote it",
            "ConfigMap acme/b exists and is not ours: `kubectl` wrote it"
        ]
    );
}

/// A release job: what has run is neither taken away nor run again.
#[test]
fn release_jobs() {
    let job = |options: &str| {
        let mut value = crate::testing::object(
            "batch/v1",
            "Job",
            Some("acme"),
            "web-migrate-0000000000",
            &serde_json::json!({}),
        )
        .into_value();
        value["metadata"]["labels"] = serde_json::json!({ jobs::LABEL: "migrate" });
        value["metadata"]["annotations"] =
            serde_json::json!({ "argocd.argoproj.io/sync-options": options });
        Object::new(value).expect("an object")
    };
    let kept = job("Prune=false");
    let there = |object: &Object, state: LiveState| {
        vec![(
            object.clone(),
            Live {
                object: Some(object.clone()),
                ..live("1", true, state)
            },
        )]
    };
    let dropped = |object: &Object| {
        let there = there(object, LiveState::Same);
        let there = there.iter().map(|(o, live)| (o, live.clone())).collect();
        only(run(&[], &[(object, Some("1"))], there))
    };
    assert_eq!(dropped(&kept), Ok(Action::Keep(Kept::ReleaseJob)));
    assert_eq!(dropped(&job("Delete=false")), Ok(Action::Prune));
    let foreign = vec![(&kept, live("2", true, LiveState::Same))];
    assert_eq!(
        only(run(&[], &[(&kept, Some("1"))], foreign)),
        Ok(Action::Keep(Kept::NotOurs))
    );

    let frozen = LiveState::Frozen {
        paths: vec!["/spec/template".to_owned()],
    };
    for (state, expected) in [
        (frozen, Action::Unchanged),
        (LiveState::Changed, Action::Update { drift: false }),
        (LiveState::Same, Action::Unchanged),
    ] {
        let there = vec![(&kept, live("1", true, state))];
        assert_eq!(
            only(run(
                std::slice::from_ref(&kept),
                &[(&kept, Some("1"))],
                there
            )),
            Ok(expected)
        );
    }
    let stranger = vec![(&kept, live("2", false, LiveState::Same))];
    assert!(run(std::slice::from_ref(&kept), &[], stranger).is_err());
    assert_eq!(Kept::ReleaseJob.to_string(), "kept: release job");
}
