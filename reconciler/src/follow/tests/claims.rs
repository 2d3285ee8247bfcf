//! Claims: given back once nothing uses them, and what happens to a part that lost one.

use orz_core::format::{Claim, ClaimKey, ClaimState, Status};
use orz_gitops::Error;

use super::*;
use crate::testing::{commit_file, release};

fn hostname(value: &str) -> ClaimKey {
    ClaimKey {
        kind: "hostname".to_owned(),
        value: value.to_owned(),
    }
}

/// What routes a hostname: one object per host, or one that lists them.
pub(super) fn route(tenant: &str, object_name: &str, host: &str) -> Object {
    let spec = json!({"spec": {"hostnames": [host]}});
    object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        Some(tenant),
        object_name,
        &spec,
    )
}

impl World {
    /// Makes a release live that claims this host, on these clusters.
    pub(super) fn host(
        &self,
        tenant: &str,
        route: &Object,
        clusters: &[&str],
    ) -> Result<ReleaseId, Error> {
        let host = route.value()["spec"]["hostnames"][0]
            .as_str()
            .expect("text");
        let releases = clusters.iter().map(|cluster| {
            let objects = std::slice::from_ref(route);
            let mut release = release(tenant, Part::Work, objects, &[]);
            release.claims = vec![hostname(host)];
            release.cluster = cluster.parse().expect("valid");
            release
        });
        let published = self
            .repo
            .publish(releases.collect(), true, &request("publish"))?;
        Ok(published.items[0].release.clone())
    }

    pub(super) fn claim(&self, host: &str) -> Option<(TenantName, ClaimState)> {
        let view = self.repo.view().expect("view");
        let claim: Option<Claim> = view.claim(&hostname(host)).expect("readable");
        claim.map(|claim| (claim.tenant, claim.state))
    }
}

const HERE: &[&str] = &["in-cluster"];

#[test]
fn a_claim_is_given_back_when_nothing_uses_it_any_more() {
    // The object that used it is deleted, or only names another host now.
    for (first, second) in [("a", "b"), ("web", "web")] {
        let world = World::new();
        let mut follower = world.follower();
        let (one, two) = (
            route("acme", first, "a.example.com"),
            route("acme", second, "b.example.com"),
        );
        world.host("acme", &one, HERE).expect("free");
        world.run(&mut follower, 10);
        // As an API server does with an object that has finalizers.
        let slow = first != second;
        if slow {
            let key = one.key();
            world
                .made
                .of(&name("acme"), Part::Work, |s| s.going.push(key));
        }
        world.host("acme", &two, HERE).expect("free");
        world.run(&mut follower, 10);
        if slow {
            let kept = Some((name("acme"), ClaimState::Releasing));
            assert_eq!(world.claim("a.example.com"), kept, "it still exists");
            let error = world.host("other", &route("other", "web", "a.example.com"), HERE);
            assert!(
                matches!(
                    error,
                    Err(Error::Claimed {
                        releasing: true,
                        ..
                    })
                ),
                "{error:?}"
            );
            world
                .made
                .of(&name("acme"), Part::Work, |s| s.going.clear());
            world.run(&mut follower, 120);
        }
        assert_eq!(world.claim("a.example.com"), None, "{first} {second}");
        let held = Some((name("acme"), ClaimState::Held));
        assert_eq!(world.claim("b.example.com"), held);
        let theirs = world.host("other", &route("other", "web", "a.example.com"), HERE);
        theirs.expect("anybody's");
        assert!(world.repo.verify(None).expect("verify").is_ok());
    }
}

#[test]
fn a_process_that_comes_later_gives_back_what_was_left() {
    let world = World::new();
    world
        .host("acme", &route("acme", "web", "a.example.com"), HERE)
        .expect("free");
    world.run(&mut world.follower(), 10);
    world
        .host("acme", &route("acme", "web", "b.example.com"), HERE)
        .expect("free");
    // In place, and nobody was there to give anything back.
    let objects = [route("acme", "web", "b.example.com")];
    let live = world.live("acme");
    world.made.of(&name("acme"), Part::Work, |stand| {
        stand.objects = objects.iter().map(|o| (o.key(), o.clone())).collect();
        let inventory = stand.inventory.as_mut().expect("written");
        inventory.release = live;
    });
    assert!(world.claim("a.example.com").is_some());
    world.run(&mut world.follower(), 10);
    assert_eq!(world.claim("a.example.com"), None);
}

#[test]
fn a_claim_waits_for_every_cluster() {
    let world = World::new();
    let both = &["edge", "in-cluster"];
    let mut follower = world.follower();
    world
        .host("acme", &route("acme", "web", "a.example.com"), both)
        .expect("free");
    world.run(&mut follower, 10);
    let release = world
        .host("acme", &route("acme", "web", "b.example.com"), both)
        .expect("free");
    world.run(&mut follower, 10);
    let kept = Some((name("acme"), ClaimState::Releasing));
    assert_eq!(
        world.claim("a.example.com"),
        kept,
        "nobody speaks for `edge`"
    );
    let edge: ClusterName = "edge".parse().expect("valid");
    let status = Status {
        cluster: edge.clone(),
        observed: Some(release),
        ..world.status("acme", Part::Work)
    };
    let now = world.clock.now();
    let written = world.repo.write_status(&edge, 0, &[status], &now);
    written.expect("written");
    world.run(&mut follower, 120);
    assert_eq!(world.claim("a.example.com"), None);
}

#[test]
fn a_plain_revert_that_lost_a_claim_changes_nothing() {
    let world = World::new();
    let mut follower = world.follower();
    let first = world
        .host("acme", &route("acme", "web", "a.example.com"), HERE)
        .expect("free");
    world.run(&mut follower, 10);
    let path = paths::pointer(&cluster(), &name("acme"), Part::Work);
    let pointer = || {
        let view = world.repo.view().expect("view");
        let stored = view.pointer(&cluster(), &name("acme"), Part::Work);
        stored.expect("readable").expect("there").pointer
    };
    let before = orz_core::format::to_bytes(&pointer());
    let second = world
        .host("acme", &route("acme", "web", "b.example.com"), HERE)
        .expect("free");
    world.run(&mut follower, 10);
    world
        .host("other", &route("other", "web", "a.example.com"), HERE)
        .expect("given back");
    world.run(&mut follower, 10);

    // Only the pointer goes back, as when somebody resolves the conflict of a `git revert`.
    commit_file(&world.repo, &path, &before);
    world.run(&mut follower, 10);
    assert_eq!(pointer().release, first);
    let status = world.status("acme", Part::Work);
    assert_eq!(status.phase, Phase::Invalid);
    let reason = status.reason.expect("said");
    assert!(
        reason.starts_with("claim-lost: hostname `a.example.com` is held by `other`"),
        "{reason}"
    );
    assert_eq!(status.observed, Some(second), "what is live stays");
    let live = world.made.of(&name("acme"), Part::Work, |stand| {
        let mut objects = stand.objects.values();
        objects.next().expect("live").value()["spec"]["hostnames"][0].clone()
    });
    assert_eq!(live, "b.example.com");

    // Whoever takes the host away lets it go on by itself.
    world
        .host("other", &route("other", "web", "c.example.com"), HERE)
        .expect("free");
    world.run(&mut follower, 10);
    assert_eq!(world.claim("a.example.com"), None);
    let options = orz_gitops::ActivateOptions::default();
    let again = world.repo.activate(
        &name("acme"),
        Part::Work,
        &first,
        options,
        &request("again"),
    );
    again.expect("free");
    world.run(&mut follower, 10);
    let status = world.status("acme", Part::Work);
    assert_eq!(status.observed, Some(first));
    assert_ne!(status.phase, Phase::Invalid);
}

#[test]
fn a_pointer_that_went_back_alone_keeps_the_claim_that_it_was_giving_up() {
    let world = World::new();
    let mut follower = world.follower();
    world
        .host("acme", &route("acme", "web", "a.example.com"), HERE)
        .expect("free");
    world.run(&mut follower, 10);
    let view = world.repo.view().expect("view");
    let stored = view.pointer(&cluster(), &name("acme"), Part::Work);
    let stored = stored.expect("readable").expect("there");
    let before = orz_core::format::to_bytes(&stored.pointer);
    world
        .host("acme", &route("acme", "web", "b.example.com"), HERE)
        .expect("free");
    commit_file(&world.repo, &stored.path, &before);
    world.run(&mut follower, 120);
    let held = Some((name("acme"), ClaimState::Held));
    assert_eq!(world.claim("a.example.com"), held);
    assert_ne!(world.status("acme", Part::Work).phase, Phase::Invalid);
}
