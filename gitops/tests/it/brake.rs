//! The brake of a cluster.

use orz_core::format::Brake;
use orz_core::id::ClusterName;
use orz_core::paths;
use orz_gitops::{Error, verify};

use crate::support::{Fixture, NOW, request, work};

pub(crate) fn brake(cluster: &str, failed: u64) -> Brake {
    Brake {
        cluster: cluster.parse().expect("valid"),
        at: NOW.to_owned(),
        failed,
        recent: 100,
        reason: format!("{failed} of 100 activations failed"),
    }
}

#[test]
fn the_first_one_stands_until_a_person_lifts_it() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    fixture.live(vec![work("acme", "one")]);
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let stands = |cluster: &ClusterName| repo.view().expect("view").brake(cluster);
    assert_eq!(stands(&cluster).expect("readable"), None);
    assert!(
        repo.set_brake(&brake("in-cluster", 9), &request("outage"))
            .expect("set")
            .is_some()
    );
    let before = fixture.fingerprint();
    let again = repo.set_brake(&brake("in-cluster", 30), &request("outage"));
    assert_eq!(again.expect("stands"), None, "one alarm, not two");
    assert_eq!(fixture.fingerprint(), before);
    assert_eq!(
        stands(&cluster).expect("readable"),
        Some(brake("in-cluster", 9))
    );
    let other: ClusterName = "edge".parse().expect("valid");
    assert_eq!(stands(&other).expect("readable"), None);
    let report = repo.verify(None).expect("verify");
    assert!(report.is_ok() && (report.brakes, report.pointers) == (1, 1));

    let lifted = repo.resume(&cluster, &request("fixed")).expect("resume");
    assert_eq!(lifted, Some(brake("in-cluster", 9)));
    assert_eq!(stands(&cluster).expect("readable"), None);
    let before = fixture.fingerprint();
    assert_eq!(
        repo.resume(&cluster, &request("fixed")).expect("resume"),
        None
    );
    assert_eq!(fixture.fingerprint(), before);
    let log = fixture.git(&[
        "log",
        "--format=%s %(trailers:key=Orz-Action,valueonly)",
        "main",
    ]);
    assert!(
        log.contains("brake in-cluster brake") && log.contains("resume in-cluster resume"),
        "{log}"
    );
    fixture.fsck();
}

#[test]
fn one_that_cannot_be_read_is_not_taken_for_none() {
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let path = paths::brake(&cluster);
    for bytes in [
        b"{}".to_vec(),
        b"".to_vec(),
        orz_core::format::to_bytes(&brake("edge", 9)),
    ] {
        let fixture = Fixture::new();
        let repo = &fixture.repo;
        fixture.commit_by_hand("main", &[(&path, Some(&bytes))]);
        let read = repo.view().expect("view").brake(&cluster);
        assert!(matches!(read, Err(Error::Malformed { .. })), "{read:?}");
        let lift = repo.resume(&cluster, &request("x"));
        assert!(matches!(lift, Err(Error::Malformed { .. })), "{lift:?}");
        let report = repo.verify(None).expect("verify");
        assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
        assert_eq!(
            (report.findings[0].code, report.findings[0].path.as_ref()),
            (verify::code::BRAKE_MALFORMED, Some(&path))
        );
        // Setting it makes it readable again.
        assert!(
            repo.set_brake(&brake("in-cluster", 9), &request("x"))
                .expect("set")
                .is_some()
        );
        assert!(repo.verify(None).expect("verify").is_ok());
    }
}
