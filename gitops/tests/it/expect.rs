//! What a caller believes to be live, and is told when it is not so.

use orz_core::id::{Part, ReleaseId};
use orz_gitops::{ActivateOptions, Belief, Believed, Error, Repo};

use crate::support::{Fixture, name, request, work};

fn believing(fixture: &Fixture, tenant: &str, live: Believed) -> Repo {
    let mut repo = Repo::open(fixture.path()).expect("open");
    repo.expect(vec![Belief {
        tenant: name(tenant),
        part: Part::Work,
        cluster: None,
        live,
    }]);
    repo
}

#[test]
fn a_belief_that_is_wrong_writes_nothing_and_says_who_made_it_so() {
    type Verb = fn(&Repo, &ReleaseId) -> Result<(), Error>;
    let verbs: [(&str, Verb); 4] = [
        ("publish", |repo, _| {
            repo.publish(vec![work("acme", "three")], true, &request("x"))
                .map(drop)
        }),
        ("activate", |repo, first| {
            let options = ActivateOptions::default();
            repo.activate(&name("acme"), Part::Work, first, options, &request("x"))
                .map(drop)
        }),
        ("rollback", |repo, _| {
            repo.rollback(&name("acme"), &[Part::Work], None, &request("x"))
                .map(drop)
        }),
        ("hold", |repo, _| {
            repo.hold(&name("acme"), &[], None, &request("x")).map(drop)
        }),
    ];
    for (verb, run) in verbs {
        let fixture = Fixture::new();
        let publish = |text| {
            fixture.live(vec![work("acme", text)]).items[0]
                .release
                .clone()
        };
        let first = publish("one");
        let blob = fixture.stored("acme", Part::Work).blob;
        let second = publish("two");
        let now = fixture.stored("acme", Part::Work).blob;
        let before = fixture.fingerprint();
        for wrong in [
            Believed::Id(first.as_str().to_owned()),
            Believed::Id(blob.as_str()[..9].to_owned()),
            Believed::Nothing,
        ] {
            let error = run(&believing(&fixture, "acme", wrong), &first).expect_err(verb);
            assert_eq!(error.exit_code().code(), 5, "{verb}: {error}");
            let said = error.to_string();
            assert!(said.contains("Ann <ann@example.com>"), "{verb}: {said}");
            assert!(said.contains(&second.as_str()[..12]), "{verb}: {said}");
            assert_eq!(fixture.fingerprint(), before, "{verb}");
        }
        let right = if verb == "publish" {
            Believed::Id(now.as_str().to_owned())
        } else {
            Believed::Id(second.as_str()[..7].to_owned())
        };
        run(&believing(&fixture, "acme", right), &first).expect(verb);
    }
}

#[test]
fn nothing_may_be_expected_too() {
    let fixture = Fixture::new();
    let publish = |live, text: &str| {
        believing(&fixture, "acme", live).publish(vec![work("acme", text)], true, &request("x"))
    };
    let error = publish(Believed::Id("0123abc".to_owned()), "one").expect_err("nothing is there");
    assert_eq!(error.exit_code().code(), 5, "{error}");
    publish(Believed::Nothing, "one").expect("nothing is there");
    let error = publish(Believed::Nothing, "one").expect_err("something is there");
    assert_eq!(error.exit_code().code(), 5, "{error}");
}
