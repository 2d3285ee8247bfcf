//! Automatic rollback: what it does, and the second wall against doing it wrongly.

use orz_core::format::{Action, Blocks, Brake, Hold, HoldKind};
use orz_core::id::{ClusterName, Part, ReleaseId};
use orz_gitops::{ActivateOptions, Error, HoldChange, PointerMove, Repo, Request};

use crate::support::{Fixture, NOW, failed, name, request, request_at, work};

fn cluster() -> ClusterName {
    "in-cluster".parse().expect("valid")
}

fn brake() -> Brake {
    Brake {
        cluster: cluster(),
        at: NOW.to_owned(),
        failed: 9,
        recent: 10,
        reason: "9 of 10 activations failed".to_owned(),
    }
}

fn reconciler() -> Request<'static> {
    Request {
        reason: None,
        actor: "orz-reconciler",
        request_id: None,
        now: NOW.to_owned(),
    }
}

struct Script {
    fixture: Fixture,
}

impl Script {
    fn id(&self, letter: &str) -> ReleaseId {
        let published = self
            .fixture
            .repo
            .publish(vec![work("acme", letter)], false, &request("x"))
            .expect("publish");
        published.items[0].release.clone()
    }

    fn auto(&self, from: &str, to: &str) -> Result<Option<orz_gitops::Move>, Error> {
        let rollback = failed("acme", &self.id(from), &self.id(to));
        self.fixture.repo.auto_rollback(&rollback, &reconciler())
    }

    fn step(&self, step: &str) {
        let repo: &Repo = &self.fixture.repo;
        let acme = name("acme");
        let (verb, rest) = step.split_at(1);
        match verb {
            "p" => drop(self.fixture.live(vec![work("acme", rest)])),
            "a" => {
                let options = ActivateOptions {
                    override_hold: true,
                    ..ActivateOptions::default()
                };
                repo.activate(&acme, Part::Work, &self.id(rest), options, &request("x"))
                    .map(drop)
                    .expect("activate");
            }
            "r" => {
                repo.rollback(&acme, &[Part::Work], Some(&self.id(rest)), &request("x"))
                    .map(drop)
                    .expect("rollback");
            }
            "g" => self.fixture.revert_main(),
            "h" => drop(repo.hold(&acme, &[], None, &request("x")).expect("hold")),
            "u" => drop(repo.release_hold(&acme, &[], &request("x")).expect("free")),
            "z" => drop(
                repo.freeze(&acme, &[], None, &request("x"))
                    .expect("freeze"),
            ),
            "t" => drop(repo.thaw(&acme, &[], &request("x")).expect("thaw")),
            "k" => drop(repo.set_brake(&brake(), &reconciler()).expect("brake")),
            "l" => drop(repo.resume(&cluster(), &request("x")).expect("resume")),
            "f" => drop(self.auto(&rest[..1], &rest[1..]).expect("rolled back")),
            _ => panic!("{step}"),
        }
    }
}

#[test]
fn when_it_moves_the_pointer_and_when_not() {
    // The last step asks; the release it then names, `-` for "somebody was faster", or a word of the refusal.
    let cases = [
        ("pa pb fba", "a"),
        // newer than what failed, in every way
        ("pa pb pc fba", "-"),
        ("pa pb ra fba", "-"),
        ("pa pb g fba", "-"),
        ("pa pb fba fba", "-"),
        // what people say about the part comes first
        ("pa pb z fba", "-"),
        ("pa pb z t fba", "a"),
        ("pa pb h fba", "a"),
        ("pa pb k fba", "9 of 10"),
        ("pa pb k l fba", "a"),
        // never a second time for the same release, whoever brought it back
        ("pa pb fba ab fba", "never twice"),
        ("pa pb fba u pb fba", "never twice"),
        ("pa pb fba u pc pb fbc", "never twice"),
        // never a rollback of a rollback, whichever kind
        ("pa pb fba fab", "gone back to"),
        ("pa pb pc rb fba", "gone back to"),
        ("pa pb g fab", "gone back to"),
        ("pa pb pc rb h fba", "gone back to"),
        // a deliberate activation of an older release is none
        ("pa pb pc ab fba", "a"),
        ("pa pb pc ra u ab fba", "a"),
        // only to what was live here and did not fail
        ("pa fab", "never live"),
        ("pa pb faa", "-"),
        ("pa pb fbb", "release that failed"),
        ("pa pb fba pc fcb", "failed before"),
        ("pa pb fba u pc fcb", "failed before"),
        ("pa pb fba pc fca", "a"),
    ];
    for (script, expected) in cases {
        let it = Script {
            fixture: Fixture::new(),
        };
        let (steps, last) = script.rsplit_once(' ').expect("several steps");
        for step in steps.split(' ') {
            it.step(step);
        }
        let (from, to) = last[1..].split_at(1);
        // Published now, so that the fingerprint below shows the rollback alone.
        let ids = (it.id(from), it.id(to));
        let before = it.fixture.fingerprint();
        match it.auto(from, to) {
            Ok(Some(moved)) => {
                assert_eq!(moved.to, it.id(expected), "{script}");
                assert_eq!(
                    it.fixture.live_release("acme", Part::Work).as_ref(),
                    Some(&ids.1),
                    "{script}"
                );
                let hold = moved.hold.expect("blocks what failed");
                assert!(hold.names(&ids.0) && !hold.names(&ids.1), "{script}");
            }
            Ok(None) => {
                assert_eq!(expected, "-", "{script}");
                assert_eq!(it.fixture.fingerprint(), before, "{script}");
            }
            Err(error) => {
                assert!(
                    matches!(error, Error::NoAutoRollback { .. }),
                    "{script}: {error}"
                );
                assert!(error.to_string().contains(expected), "{script}: {error}");
                assert_eq!(error.exit_code().code(), 4);
                assert_eq!(it.fixture.fingerprint(), before, "{script}");
            }
        }
        let report = it.fixture.repo.verify(None).expect("verify");
        assert!(report.is_ok(), "{script}: {:#?}", report.findings);
    }
}

#[test]
fn the_commit_says_what_failed_and_the_hold_blocks_it_alone() {
    let it = Script {
        fixture: Fixture::new(),
    };
    for step in ["pa", "pb", "fba"] {
        it.step(step);
    }
    let repo = &it.fixture.repo;
    let item = repo
        .history(&name("acme"), None)
        .expect("history")
        .swap_remove(0);
    assert_eq!(
        (item.action, item.automatic, item.actor.as_str()),
        (Some(Action::AutoRollback), true, "orz-reconciler")
    );
    assert_eq!(
        item.cause,
        Some(failed("acme", &it.id("b"), &it.id("a")).cause)
    );
    let message = it.fixture.git(&["log", "-1", "--format=%B", "main"]);
    for line in [
        "Orz-Action: auto-rollback",
        "Orz-Object: Deployment acme/web",
        "Orz-Message: exceeded its progress deadline",
        "Orz-Detail: pod web-1: ImagePullBackOff",
    ] {
        assert!(message.lines().any(|l| l == line), "{message}");
    }
    let hold = it.fixture.pointer("acme", Part::Work).hold.expect("held");
    assert_eq!(
        (
            hold.kind,
            &hold.blocks,
            hold.by.as_str(),
            hold.reason.as_str()
        ),
        (
            HoldKind::Auto,
            &Blocks::Releases(vec![it.id("b")]),
            "orz-reconciler",
            "Deployment acme/web: exceeded its progress deadline"
        )
    );

    // The failed release is skipped, and says so.
    let skipped = it.fixture.live(vec![work("acme", "b")]);
    assert_eq!(
        skipped.items[0].pointer,
        PointerMove::Held {
            hold: hold.clone(),
            live: it.id("a")
        }
    );
    let end = |letter: &str| -> Option<HoldChange> {
        repo.end_auto_hold(
            &cluster(),
            &name("acme"),
            Part::Work,
            &it.id(letter),
            &reconciler(),
        )
        .expect("readable")
    };
    assert_eq!(end("a"), None, "that the old one is well says nothing");
    // The fixing one goes live under the same hold, which ends when it is verified.
    it.step("pc");
    let pointer = it.fixture.pointer("acme", Part::Work);
    assert_eq!((pointer.release, pointer.hold), (it.id("c"), Some(hold)));
    assert_eq!(end("b"), None, "not the release that is live");
    let ended = end("c").expect("verified");
    assert!(ended.hold.is_none() && ended.commit.is_some());
    assert_eq!(end("c"), None, "only once");
    let history = repo.history(&name("acme"), None).expect("history");
    assert_eq!(
        (history[0].action, history[0].automatic),
        (Some(Action::EndHold), true)
    );
}

#[test]
fn a_manual_hold_stands_over_the_automatic_one() {
    let it = Script {
        fixture: Fixture::new(),
    };
    let repo = &it.fixture.repo;
    for step in ["pa", "pb", "fba", "pc", "fca"] {
        it.step(step);
    }
    let hold = || it.fixture.pointer("acme", Part::Work).hold;
    let both = Blocks::Releases(vec![it.id("b"), it.id("c")]);
    let auto = hold().expect("held");
    assert_eq!(auto.blocks, both, "the second failure adds to the first");

    // Held and released by a person, also twice, and also by a rollback: the automatic one stands again.
    for laid in [vec!["h"], vec!["h", "h"], vec!["ad", "ra"]] {
        for step in &laid {
            it.step(step);
        }
        let manual = hold().expect("held");
        assert_eq!(
            (manual.kind, manual.over.as_deref()),
            (HoldKind::Manual, Some(&auto)),
            "{laid:?}"
        );
        it.step("u");
        assert_eq!(hold().as_ref(), Some(&auto), "{laid:?}");
    }
    // A failure under a manual hold is remembered below it.
    it.step("h");
    it.step("ae");
    it.step("fea");
    let manual = hold().expect("held");
    assert_eq!(manual.kind, HoldKind::Manual);
    assert!(
        manual
            .automatic()
            .is_some_and(|under| under.names(&it.id("e")))
    );
    let end = |letter: &str| {
        repo.end_auto_hold(
            &cluster(),
            &name("acme"),
            Part::Work,
            &it.id(letter),
            &reconciler(),
        )
        .expect("readable")
    };
    it.step("af");
    let left = end("f")
        .expect("verified")
        .hold
        .expect("the manual one stays");
    assert_eq!((left.kind, left.over), (HoldKind::Manual, None));
    it.step("u");
    assert_eq!(hold(), None);

    // A manual hold that has ended leaves the automatic one in force.
    for step in ["pg", "fgf"] {
        it.step(step);
    }
    let until = "2027-01-31T13:00:00Z";
    repo.hold(&name("acme"), &[], Some(until), &request("x"))
        .expect("hold");
    let publish = |letter: &str, now: &str| {
        let published = repo.publish(vec![work("acme", letter)], true, &request_at("x", now));
        match published.expect("publish").items.remove(0).pointer {
            PointerMove::Held { hold, .. } => format!("held {:?}", hold.kind),
            PointerMove::Moved { .. } => "moved".to_owned(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(publish("g", "2027-01-31T12:30:00Z"), "held Manual");
    assert_eq!(publish("h", "2027-01-31T12:30:00Z"), "held Manual");
    assert_eq!(publish("g", until), "held Auto");
    assert_eq!(publish("h", until), "moved");
    let hold: Hold = hold().expect("the automatic one");
    assert_eq!((hold.kind, hold.names(&it.id("g"))), (HoldKind::Auto, true));
    it.step("u");
    assert_eq!(publish("g", until), "moved", "a person released it");
}
