//! Races of what reconcilers do with what people do.

use orz_core::format::Brake;
use orz_core::id::{ClusterName, Part, ReleaseId};

use super::{BOB, as_bob, raced, three_releases};
use crate::support::{Fixture, NOW, failed, name, request, status, work};
use crate::{ActivateOptions, Error, Repo};

const BACK: ActivateOptions = ActivateOptions {
    override_hold: false,
    override_leaving: true,
    newest: false,
};

fn activate(repo: &Repo, release: &ReleaseId, options: ActivateOptions) {
    repo.activate(&name("acme"), Part::Work, release, options, &as_bob())
        .map(drop)
        .expect("bob is first");
}

#[test]
fn an_automatic_rollback_never_undoes_what_came_in_between() {
    type Other = fn(&Repo, &[ReleaseId]);
    // What bob does while the rollback from the third to the second release is being written: whether it still
    // happens, a word of the refusal, or the place of the release that stands after nothing was done.
    enum Then {
        Happens,
        Refused(&'static str),
        Stands(Option<usize>),
    }
    let cases: [(&str, Other, Then); 10] = [
        (
            "publishes a fix",
            |repo, _| {
                repo.publish(vec![work("acme", "fix")], true, &as_bob())
                    .map(drop)
                    .expect("bob");
            },
            Then::Stands(None),
        ),
        (
            "goes back himself",
            |repo, _| {
                repo.rollback(&name("acme"), &[Part::Work], None, &as_bob())
                    .map(drop)
                    .expect("bob");
            },
            Then::Stands(Some(1)),
        ),
        (
            "goes elsewhere and comes back",
            |repo, ids| {
                activate(repo, &ids[0], ActivateOptions::default());
                activate(repo, &ids[2], ActivateOptions::default());
            },
            Then::Stands(Some(2)),
        ),
        (
            "freezes",
            |repo, _| {
                drop(
                    repo.freeze(&name("acme"), &[], None, &as_bob())
                        .expect("bob"),
                );
            },
            Then::Stands(Some(2)),
        ),
        (
            "retires",
            |repo, _| drop(repo.retire(&name("acme"), &as_bob()).expect("bob")),
            Then::Stands(Some(2)),
        ),
        (
            "is another reconciler",
            |repo, ids| {
                repo.auto_rollback(&failed("acme", &ids[2], &ids[1]), &as_bob())
                    .expect("bob")
                    .expect("moved");
            },
            Then::Stands(Some(1)),
        ),
        (
            "sets the brake",
            |repo, _| {
                let brake = Brake {
                    cluster: "in-cluster".parse().expect("valid"),
                    at: NOW.to_owned(),
                    failed: 9,
                    recent: 10,
                    reason: "outage".to_owned(),
                };
                repo.set_brake(&brake, &as_bob()).map(drop).expect("bob");
            },
            Then::Refused("outage"),
        ),
        (
            "holds",
            |repo, _| {
                drop(repo.hold(&name("acme"), &[], None, &as_bob()).expect("bob"));
            },
            Then::Happens,
        ),
        (
            "publishes for another tenant",
            |repo, _| {
                repo.publish(vec![work("other", "x")], true, &as_bob())
                    .map(drop)
                    .expect("bob");
            },
            Then::Happens,
        ),
        (
            "publishes the same again",
            |repo, _| {
                repo.publish(vec![work("acme", "three")], true, &as_bob())
                    .map(drop)
                    .expect("bob");
            },
            Then::Happens,
        ),
    ];
    for (what, other, then) in cases {
        let (fixture, ids) = three_releases();
        let known = ids.clone();
        let repo = raced(&fixture.path(), move |repo| other(repo, &known));
        let rollback = failed("acme", &ids[2], &ids[1]);
        let result = repo.auto_rollback(&rollback, &request("not healthy"));
        let live = fixture.live_release("acme", Part::Work).expect("live");
        let newest = &fixture.repo.history(&name("acme"), None).expect("history")[0];
        match (then, result) {
            (Then::Happens, Ok(Some(moved))) => {
                assert_eq!((&live, &moved.to), (&ids[1], &ids[1]), "{what}");
                let hold = moved.hold.expect("blocks");
                assert!(hold.names(&ids[2]), "{what}");
                assert_eq!(hold.over.is_some(), what == "holds", "bob's hold stays");
            }
            (Then::Refused(why), Err(error)) => {
                assert!(error.to_string().contains(why), "{what}: {error}");
                assert_eq!(live, ids[2], "{what}");
            }
            (Then::Stands(place), Ok(None)) => {
                let stands = ids.iter().position(|id| *id == live);
                assert_eq!((stands, newest.actor.as_str()), (place, BOB), "{what}");
            }
            (_, result) => panic!("{what}: {result:?}"),
        }
        fixture.fsck();
    }
}

#[test]
fn a_change_of_state_minds_states_and_not_releases() {
    type Verb = fn(&Repo) -> Result<(), Error>;
    type Other = fn(&Repo, &[ReleaseId]);
    type Case<'a> = (&'a str, &'a [Verb], Verb, Other, Result<&'a str, u8>);
    let publish: Other = |repo, _| {
        repo.publish(vec![work("acme", "four")], true, &as_bob())
            .map(drop)
            .expect("bob");
    };
    let freeze: Verb = |repo| {
        repo.freeze(&name("acme"), &[], None, &request("x"))
            .map(drop)
    };
    let thaw: Verb = |repo| repo.thaw(&name("acme"), &[], &request("x")).map(drop);
    let retire: Verb = |repo| repo.retire(&name("acme"), &request("x")).map(drop);
    let destroy: Verb = |repo| repo.destroy(&name("acme"), &request("x")).map(drop);
    let bob_freezes: Other = |repo, _| {
        drop(
            repo.freeze(&name("acme"), &[], None, &as_bob())
                .expect("bob"),
        );
    };
    let bob_thaws: Other = |repo, _| drop(repo.thaw(&name("acme"), &[], &as_bob()).expect("bob"));
    let bob_retires: Other = |repo, _| drop(repo.retire(&name("acme"), &as_bob()).expect("bob"));
    let bob_calls_back: Other = |repo, ids| activate(repo, &ids[2], BACK);
    // What stood before, who does what, what bob does meanwhile, and the state after it or the exit code.
    let cases: [Case<'_>; 9] = [
        ("freeze, publish", &[], freeze, publish, Ok("frozen")),
        ("retire, publish", &[], retire, publish, Ok("retiring")),
        ("freeze, freeze", &[], freeze, bob_freezes, Ok("frozen")),
        ("freeze, retire", &[], freeze, bob_retires, Err(4)),
        ("retire, freeze", &[], retire, bob_freezes, Err(5)),
        ("thaw, thaw", &[freeze], thaw, bob_thaws, Ok("live")),
        ("thaw, retire", &[freeze], thaw, bob_retires, Err(4)),
        (
            "destroy, called back",
            &[retire],
            destroy,
            bob_calls_back,
            Err(1),
        ),
        (
            "retire, called back",
            &[retire, destroy],
            retire,
            bob_calls_back,
            Err(5),
        ),
    ];
    for (what, before, verb, other, expected) in cases {
        let (fixture, ids) = three_releases();
        for step in before {
            step(&fixture.repo).expect(what);
        }
        let repo = raced(&fixture.path(), move |repo| other(repo, &ids));
        let result = verb(&repo);
        let state = fixture.pointer("acme", Part::Work).state;
        match (result, expected) {
            (Ok(()), Ok(kind)) => assert_eq!(state.kind.as_str(), kind, "{what}"),
            (Err(error), Err(code)) => {
                assert_eq!(error.exit_code().code(), code, "{what}: {error}");
            }
            (result, _) => panic!("{what}: {result:?}"),
        }
        fixture.fsck();
    }
}

#[test]
fn a_pointer_that_was_called_back_is_not_removed() {
    let (fixture, ids) = three_releases();
    fixture
        .repo
        .retire(&name("acme"), &request("x"))
        .expect("retire");
    let stored = fixture.stored("acme", Part::Work);
    let release = ids[2].clone();
    let repo = raced(&fixture.path(), move |repo| activate(repo, &release, BACK));
    let removed = repo.remove_pointer(&stored, &request("nothing is left"));
    assert_eq!(removed.expect("no error"), None);
    assert_eq!(
        fixture.pointer("acme", Part::Work).state.kind.as_str(),
        "live"
    );
}

#[test]
fn of_two_who_write_one_status_the_later_stands() {
    let fixture = Fixture::new();
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let mine = status("acme", Part::Work, &[]);
    let theirs = status("globex", Part::Work, &[]);
    let (other, there) = (theirs, cluster.clone());
    let repo = raced(&fixture.path(), move |repo| {
        repo.write_status(&there, 0, std::slice::from_ref(&other), NOW)
            .expect("bob");
    });
    repo.write_status(&cluster, 0, std::slice::from_ref(&mine), NOW)
        .expect("written");
    assert_eq!(fixture.repo.statuses().expect("readable"), [mine]);
    fixture.fsck();
}
