//! What holds after any sequence of operations.

use std::collections::BTreeMap;

use orz_core::format::{Action, Pointer};
use orz_core::id::{Part, ReleaseId};
use orz_gitops::{ActivateOptions, Error};
use proptest::prelude::*;

use crate::support::{Fixture, failed, hostname, name, request, work};

#[derive(Clone, Debug)]
enum Step {
    Publish {
        tenant: usize,
        text: u8,
        activate: bool,
    },
    Activate {
        tenant: usize,
        nth: usize,
    },
    Rollback {
        tenant: usize,
    },
    RollbackTo {
        tenant: usize,
        nth: usize,
    },
    Hold {
        tenant: usize,
    },
    ReleaseHold {
        tenant: usize,
    },
    Freeze {
        tenant: usize,
    },
    Thaw {
        tenant: usize,
    },
    Retire {
        tenant: usize,
    },
    CallBack {
        tenant: usize,
    },
    Remove {
        tenant: usize,
    },
    /// What is live failed, and a judgement without memory wants to go there.
    AutoRollback {
        tenant: usize,
        nth: usize,
    },
    Revert,
}

const TENANTS: [&str; 2] = ["acme", "globex"];

fn step() -> impl Strategy<Value = Step> {
    let tenant = 0..TENANTS.len();
    prop_oneof![
        4 => (tenant.clone(), 0..5u8, any::<bool>())
            .prop_map(|(tenant, text, activate)| Step::Publish { tenant, text, activate }),
        2 => (tenant.clone(), 0..5usize).prop_map(|(tenant, nth)| Step::Activate { tenant, nth }),
        2 => tenant.clone().prop_map(|tenant| Step::Rollback { tenant }),
        1 => (tenant.clone(), 0..5usize).prop_map(|(tenant, nth)| Step::RollbackTo { tenant, nth }),
        1 => tenant.clone().prop_map(|tenant| Step::Hold { tenant }),
        1 => tenant.clone().prop_map(|tenant| Step::ReleaseHold { tenant }),
        1 => tenant.clone().prop_map(|tenant| Step::Freeze { tenant }),
        1 => tenant.clone().prop_map(|tenant| Step::Thaw { tenant }),
        1 => tenant.clone().prop_map(|tenant| Step::Retire { tenant }),
        1 => tenant.clone().prop_map(|tenant| Step::CallBack { tenant }),
        1 => tenant.clone().prop_map(|tenant| Step::Remove { tenant }),
        3 => (tenant, 0..5usize).prop_map(|(tenant, nth)| Step::AutoRollback { tenant, nth }),
        1 => Just(Step::Revert),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reachable_state_is_sound(steps in proptest::collection::vec(step(), 1..18)) {
        let fixture = Fixture::new();
        let mut published: BTreeMap<usize, Vec<ReleaseId>> = BTreeMap::new();
        let mut trees: BTreeMap<ReleaseId, String> = BTreeMap::new();
        for step in steps {
            let before = fixture.fingerprint();
            let result = run(&fixture, &step, &mut published);
            match result {
                Ok(()) => {}
                // A refusal leaves everything as it was.
                Err(error) => {
                    prop_assert!(!matches!(error.exit_code().code(), 5 | 70), "{:?}: {}", step, error);
                    prop_assert_eq!(fixture.fingerprint(), before, "{:?}: {}", step, error);
                }
            }
            let report = fixture.repo.verify(None).expect("verify");
            prop_assert!(report.is_ok(), "{:?} left {:#?}", step, report.findings);
            for tenant in TENANTS {
                prop_assert_eq!(wrong_rollback(&fixture, tenant), None, "{:?}", step);
            }
            for release in published.values().flatten() {
                let tree = fixture.git(&["rev-parse", &format!("{release}^{{tree}}")]);
                prop_assert_eq!(trees.entry(release.clone()).or_insert_with(|| tree.clone()), &tree);
            }
        }
        fixture.fsck();
    }

    #[test]
    fn activate_then_roll_back_is_the_old_pointer(texts in proptest::collection::btree_set(0..9u8, 2..5)) {
        let fixture = Fixture::new();
        for text in &texts {
            fixture.live(vec![release("acme", *text)]);
        }
        let all = fixture.repo.view().expect("view").entries(&name("acme"), Part::Work).expect("entries");
        let old = fixture.pointer("acme", Part::Work);
        for entry in all.iter().filter(|entry| entry.release != old.release) {
            let options = ActivateOptions::default();
            fixture.repo.activate(&name("acme"), Part::Work, &entry.release, options, &request("x")).expect("activate");
            fixture.repo.rollback(&name("acme"), &[Part::Work], Some(&old.release), &request("x")).expect("rollback");
            let new = fixture.pointer("acme", Part::Work);
            prop_assert!(new.hold.is_some());
            prop_assert_eq!(&Pointer { hold: None, ..new }, &old);
            fixture.repo.release_hold(&name("acme"), &[], &request("x")).expect("released");
            let blob = fixture.stored("acme", Part::Work).blob;
            let bytes = orz_core::format::to_bytes(&old);
            let hash = git2::Oid::hash_object(git2::ObjectType::Blob, &bytes).expect("hashed");
            prop_assert_eq!(blob.to_string(), hash.to_string(), "the very same bytes");
        }
    }
}

/// Each text claims a hostname of its own, and both tenants want the one of text 4.
fn release(tenant: &str, text: u8) -> orz_gitops::NewRelease {
    let mut release = work(tenant, &text.to_string());
    let host = if text == 4 {
        "shared.example.com".to_owned()
    } else {
        format!("{tenant}-{text}.example.com")
    };
    release.claims = vec![hostname(&host)];
    release
}

/// A release that was rolled back automatically twice, or right after a rollback had brought it.
fn wrong_rollback(fixture: &Fixture, tenant: &str) -> Option<String> {
    let history = fixture
        .repo
        .history(&name(tenant), Some(Part::Work))
        .expect("history");
    let mut gone = std::collections::BTreeSet::new();
    let mut brought: Option<Action> = None;
    for item in history.iter().rev().filter(|item| item.from != item.to) {
        let automatic = item.action == Some(Action::AutoRollback);
        let again = automatic && !gone.insert(item.from.clone());
        let back = matches!(brought, Some(Action::Rollback | Action::AutoRollback));
        if again || (automatic && back) {
            return Some(format!("{item:?}"));
        }
        brought = item.action;
    }
    None
}

fn run(
    fixture: &Fixture,
    step: &Step,
    published: &mut BTreeMap<usize, Vec<ReleaseId>>,
) -> Result<(), Error> {
    let repo = &fixture.repo;
    let nth = |published: &BTreeMap<usize, Vec<ReleaseId>>, tenant: usize, nth: usize| {
        published
            .get(&tenant)
            .map(|ids| ids[nth % ids.len()].clone())
    };
    let parts = [Part::Work];
    match *step {
        Step::Publish {
            tenant,
            text,
            activate,
        } => {
            let done = repo.publish(
                vec![release(TENANTS[tenant], text)],
                activate,
                &request("x"),
            )?;
            let known = published.entry(tenant).or_default();
            if !known.contains(&done.items[0].release) {
                known.push(done.items[0].release.clone());
            }
        }
        Step::Activate { tenant, nth: n } => {
            if let Some(id) = nth(published, tenant, n) {
                repo.activate(
                    &name(TENANTS[tenant]),
                    Part::Work,
                    &id,
                    ActivateOptions::default(),
                    &request("x"),
                )?;
            }
        }
        Step::Rollback { tenant } => {
            drop(repo.rollback(&name(TENANTS[tenant]), &parts, None, &request("x"))?);
        }
        Step::RollbackTo { tenant, nth: n } => {
            if let Some(id) = nth(published, tenant, n) {
                repo.rollback(&name(TENANTS[tenant]), &parts, Some(&id), &request("x"))?;
            }
        }
        Step::Hold { tenant } => {
            drop(repo.hold(&name(TENANTS[tenant]), &parts, None, &request("x"))?);
        }
        Step::ReleaseHold { tenant } => {
            drop(repo.release_hold(&name(TENANTS[tenant]), &parts, &request("x"))?);
        }
        Step::Freeze { tenant } => {
            drop(repo.freeze(&name(TENANTS[tenant]), &parts, None, &request("x"))?);
        }
        Step::Thaw { tenant } => {
            drop(repo.thaw(&name(TENANTS[tenant]), &parts, &request("x"))?);
        }
        Step::Retire { tenant } => {
            drop(repo.retire(&name(TENANTS[tenant]), &request("x"))?);
        }
        Step::CallBack { tenant } => {
            if let Some(live) = fixture.live_release(TENANTS[tenant], Part::Work) {
                let options = ActivateOptions {
                    override_hold: true,
                    override_leaving: true,
                    newest: false,
                };
                repo.activate(
                    &name(TENANTS[tenant]),
                    Part::Work,
                    &live,
                    options,
                    &request("x"),
                )?;
            }
        }
        Step::Remove { tenant } => {
            if fixture.live_release(TENANTS[tenant], Part::Work).is_some() {
                let stored = fixture.stored(TENANTS[tenant], Part::Work);
                repo.remove_pointer(&stored, &request("x"))?;
            }
        }
        Step::AutoRollback { tenant, nth: n } => {
            let live = fixture.live_release(TENANTS[tenant], Part::Work);
            if let (Some(from), Some(to)) = (live, nth(published, tenant, n)) {
                repo.auto_rollback(&failed(TENANTS[tenant], &from, &to), &request("x"))?;
            }
        }
        Step::Revert => {
            if fixture.git(&["rev-list", "--count", "main"]) != "1" {
                fixture.revert_main();
            }
        }
    }
    Ok(())
}
