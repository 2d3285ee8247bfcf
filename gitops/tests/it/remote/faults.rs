use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use orz_gitops::{Error, RemoteOptions, Repo};

use super::{World, live_in, publish, releases};
use crate::support::{git, request, work};

/// A write that must fail while `fault` lasts: nothing of it stays, on the remote or here, and it works afterwards.
fn refused_then_right(hook: &str, script: &str, code: u8, said: &str) {
    let world = World::new();
    let ann = world.open("ann");
    let one = releases(&ann, "acme", &["one"]);
    let (before, heads) = (world.refs(), ann.heads().expect("heads"));
    world.hook(hook, script);
    let error = ann
        .publish(vec![work("acme", "two")], true, &request("two"))
        .expect_err("refused");
    assert_eq!(error.exit_code().code(), code, "{error}");
    assert!(error.to_string().contains(said), "{error}");
    assert!(error.help().is_some(), "{error}");
    assert_eq!(world.refs(), before, "{script}: both branches or none");
    assert_eq!(ann.heads().expect("heads"), heads, "{script}");
    assert_eq!(live_in(&ann, "acme").as_ref(), one.first());
    world.no_hook(hook);
    publish(&ann, "acme", "two");
    assert_ne!(world.live("acme").as_ref(), one.first());
    world.is_sound();
}

#[test]
fn refusals_say_what_the_remote_said() {
    refused_then_right(
        "pre-receive",
        "echo 'no releases on Fridays' >&2; exit 1",
        4,
        "no releases on Fridays",
    );
    // Of one branch only: the other one does not move either.
    refused_then_right(
        "update",
        "case $1 in refs/heads/main) echo protected branch >&2; exit 1;; esac",
        4,
        "protected branch",
    );
    refused_then_right("pre-receive", "kill -9 $PPID", 70, "hung up");
}

#[test]
fn a_full_disk_is_the_remotes_fault_and_leaves_nothing() {
    let world = World::new();
    let ann = world.open("ann");
    publish(&ann, "acme", "one");
    let before = world.refs();
    // The remote stops taking the pack in the middle, as when there is no room for it.
    git(&world.path(), &["config", "receive.maxInputSize", "10"]);
    let error = ann
        .publish(vec![work("acme", "two")], true, &request("two"))
        .expect_err("refused");
    assert_eq!(error.exit_code().code(), 70, "{error}");
    assert!(matches!(error, Error::RemoteFailed { .. }), "{error:?}");
    assert_eq!(world.refs(), before);
    git(
        &world.path(),
        &["config", "--unset", "receive.maxInputSize"],
    );
    publish(&ann, "acme", "two");
    world.is_sound();
}

#[test]
fn a_push_without_an_answer_is_looked_for() {
    let world = World::new();
    let ann = world.open("ann");
    // It lands, and the answer is lost.
    world.hook("post-receive", "kill -9 $PPID");
    let landed = publish(&ann, "acme", "one");
    assert_eq!(
        world.git(&["rev-list", "--count", "main"]),
        "2",
        "init and ours, once"
    );
    assert_eq!(
        ann.heads().expect("heads").0,
        landed.main_commit.expect("moved"),
        "what landed is known here"
    );
    world.no_hook("post-receive");

    // It does not land the first time, and lands the second.
    let mark = world.path().join("died");
    world.hook(
        "pre-receive",
        &format!(
            "test -e {0} || {{ touch {0}; kill -9 $PPID; }}",
            mark.display()
        ),
    );
    publish(&ann, "acme", "two");
    assert!(mark.exists());
    assert_eq!(world.git(&["rev-list", "--count", "main"]), "3");
    world.is_sound();
}

#[test]
fn somebody_may_build_upon_a_push_without_an_answer() {
    let world = World::new();
    let ann = world.open("ann");
    let bob = world.open("bob");
    publish(&bob, "other", "one");
    let ann = {
        drop(ann);
        world.open("ann")
    };
    // Bob is there before ann looks.
    let tip = "new=$(git commit-tree -p main -m 'by hand' 'main^{tree}') && git update-ref refs/heads/main $new";
    world.hook(
        "post-receive",
        &format!("export GIT_AUTHOR_NAME=b GIT_AUTHOR_EMAIL=b@c GIT_COMMITTER_NAME=b GIT_COMMITTER_EMAIL=b@c; {tip}; kill -9 $PPID"),
    );
    publish(&ann, "acme", "one");
    assert_eq!(
        world.git(&["rev-list", "--count", "main"]),
        "4",
        "init, bob's, ours once, the one by hand"
    );
    assert_eq!(
        ann.heads().expect("heads").0.as_str(),
        world.git(&["rev-parse", "main"])
    );
}

#[test]
fn a_remote_that_is_silent_is_given_up_and_may_still_do_it() {
    let world = World::new();
    let options = RemoteOptions {
        stall: Duration::from_millis(1500),
        ..world.options("ann")
    };
    let ann = Repo::open_remote(&world.url(), &options).expect("open");
    let mark = world.path().join("slow");
    world.hook(
        "pre-receive",
        &format!("test -e {0} || {{ touch {0}; sleep 3; }}", mark.display()),
    );
    publish(&ann, "acme", "one");
    // Long enough for the first push to find that it came too late.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(
        world.git(&["rev-list", "--count", "main"]),
        "2",
        "landed once"
    );
    world.is_sound();
}

#[test]
fn a_remote_that_is_away_changes_nothing() {
    let world = World::new();
    let ann = world.open("ann");
    let one = releases(&ann, "acme", &["one"]);
    world.away();
    let error = ann
        .publish(vec![work("acme", "two")], true, &request("two"))
        .expect_err("away");
    assert!(
        matches!(error, Error::NoRemoteRepository { .. }),
        "{error:?}"
    );
    assert_eq!(live_in(&ann, "acme").as_ref(), one.first());
    let error = Repo::open_remote(&world.url(), &world.options("ann")).expect_err("away");
    assert!(
        matches!(error, Error::NoRemoteRepository { .. }),
        "{error:?}"
    );
    assert_eq!(live_in(&world.offline("ann"), "acme").as_ref(), one.first());
    let error = Repo::open_remote(&world.url(), &world.options("eve")).expect_err("away");
    assert!(
        matches!(error, Error::NoRemoteRepository { .. }),
        "{error:?}"
    );
    assert!(!world.cached("eve").exists(), "no empty cache is left");
    world.back();
    publish(&ann, "acme", "two");
    world.is_sound();
}

#[test]
fn a_branch_that_was_replaced_is_followed_and_said() {
    let world = World::new();
    let ann = world.open("ann");
    let ids = releases(&ann, "acme", &["one", "two"]);
    world.git(&["update-ref", "refs/heads/main", "main~1"]);
    // Between her look and her push: the push is refused, and she goes on from what is there.
    publish(&ann, "other", "one");
    let notes = ann.take_notes().join("\n");
    assert!(
        notes.contains("`main`") && notes.contains("was replaced"),
        "{notes}"
    );
    assert_eq!(ann.take_notes(), Vec::<String>::new(), "said once");
    assert_eq!(
        world.live("acme").as_ref(),
        Some(&ids[0]),
        "the head is the truth"
    );
    assert_eq!(live_in(&world.open("bob"), "acme").as_ref(), Some(&ids[0]));
    world.is_sound();
}

#[test]
fn formats_that_would_be_misread_are_refused() {
    for (args, said) in [
        (&["--object-format=sha256"][..], "SHA-256"),
        (&[][..], "does not know"),
    ] {
        let world = World::empty();
        std::fs::remove_dir_all(world.path()).expect("removed");
        let mut init = vec!["init", "-q", "--bare", "--initial-branch=main"];
        init.extend(args);
        init.push("remote.git");
        git(world.path().parent().expect("the folder"), &init);
        if args.is_empty() {
            // As a newer Git makes it.
            git(
                &world.path(),
                &["config", "core.repositoryFormatVersion", "1"],
            );
            git(
                &world.path(),
                &["config", "extensions.refStorage", "reftable"],
            );
        } else {
            let tree = git(&world.path(), &["mktree"]);
            let commit = git(&world.path(), &["commit-tree", "-m", "x", &tree]);
            for branch in ["main", "releases"] {
                git(
                    &world.path(),
                    &["update-ref", &format!("refs/heads/{branch}"), &commit],
                );
            }
        }
        let error = Repo::open_remote(&world.url(), &world.options("ann")).expect_err(said);
        assert!(
            matches!(error, Error::UnsupportedFormat { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(error.exit_code().code(), 1);
        assert!(!world.cached("ann").exists());
    }
}

#[test]
fn a_remote_without_branches_is_no_gitops_repository() {
    let world = World::empty();
    let error = Repo::open_remote(&world.url(), &world.options("ann")).expect_err("empty");
    assert!(
        matches!(error, Error::NotInitialised { branch: "main", .. }),
        "{error:?}"
    );
    Repo::init_remote(&world.url(), &world.options("ann"), &request("init")).expect("init");
    world.git(&["update-ref", "-d", "refs/heads/releases"]);
    let error = Repo::open_remote(&world.url(), &world.options("ann")).expect_err("half");
    assert!(
        matches!(
            error,
            Error::NotInitialised {
                branch: "releases",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_branch_that_the_remote_lost_is_known_from_what_was_fetched() {
    let world = World::new();
    let options = world.options("ann");
    let repo = Repo::open_remote(&world.url(), &options).expect("open");
    publish(&repo, "acme", "1");
    let releases = world.git(&["rev-parse", "releases"]);
    world.git(&["update-ref", "-d", "refs/heads/releases"]);
    let lost = |error: &Error| {
        matches!(
            error,
            Error::BranchLost {
                branch: "releases",
                ..
            }
        ) && error
            .help()
            .is_some_and(|help| help.contains(&world.url().to_string()))
    };
    let error = Repo::open_remote(&world.url(), &options).expect_err("lost");
    assert!(lost(&error), "{error:?}");
    // Whoever never saw it does not put an empty one in its place either.
    for who in ["ann", "bob"] {
        let made = Repo::init_remote(&world.url(), &world.options(who), &request("init"));
        let error = made.expect_err("lost");
        assert!(lost(&error), "{error:?}");
    }
    assert_eq!(world.git(&["branch", "--list", "releases"]), "");
    world.git(&["update-ref", "refs/heads/releases", &releases]);
    Repo::open_remote(&world.url(), &options).expect("it is back");
}

/// A server that answers every request alike, and what it was sent.
fn server(answer: String) -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let (sender, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = std::io::BufReader::new(&stream);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n")
                && reader.read_line(&mut request).is_ok_and(|n| n > 0)
            {}
            // Whoever asked may have gone; what it sent is what counts.
            let _ = (&stream).write_all(answer.as_bytes());
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (port, heard)
}

#[test]
fn a_password_goes_to_its_host_alone() {
    let ask = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (theirs, their_requests) = server(ask.to_owned());
    let (ours, _requests) = server(format!(
        "HTTP/1.1 302 Found\r\nLocation: http://localhost:{theirs}/a.git/info/refs?service=git-upload-pack\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    ));
    let open = |port: u16| {
        let url = format!("http://ann:hunter22@127.0.0.1:{port}/a.git");
        let world = World::empty();
        Repo::open_remote(&url.parse().expect("a URL"), &world.options("ann")).expect_err("denied")
    };
    open(ours);
    let sent: Vec<String> = their_requests.try_iter().collect();
    assert!(!sent.is_empty(), "the redirect was followed");
    assert!(
        sent.iter()
            .all(|request| !request.contains("Authorization")),
        "{sent:?}"
    );
    // Where it belongs, it goes.
    open(theirs);
    let sent: Vec<String> = their_requests.try_iter().collect();
    assert!(
        sent.iter()
            .any(|request| request.contains("Authorization: Basic ")),
        "{sent:?}"
    );
}
