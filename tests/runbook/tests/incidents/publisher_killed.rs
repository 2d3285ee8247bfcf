use std::path::Path;
use std::process::Stdio;

use orz_runbook_tests::{TestResult, World};

/// What stands in for `git` where a publisher dies: once every lock is taken, it and whoever called it are killed.
const DYING: &str = r#"#!/bin/sh
case " $* " in
*" update-ref "*) ;;
*) exec "$REAL_GIT" "$@" ;;
esac
input=$WORLD/input
cat > "$input"
mkfifo "$WORLD/pipe"
"$REAL_GIT" "$@" < "$WORLD/pipe" &
git=$!
exec 3> "$WORLD/pipe"
# Everything but the last word, which is `commit`.
head -c -7 "$input" >&3
while ! [ -e "$WORLD/gitops.git/refs/heads/main.lock" ]; do sleep 0.01; done
sleep 0.1
kill -9 $git $PPID
"#;

/// A publisher and its Git are killed while they hold the locks; and a lock that nothing is known about.
#[test]
fn a_killed_publisher_stands_in_nobodys_way() -> TestResult {
    let mut world = World::new()?;
    let reconciler = world.reconciler()?;
    world.deploy("acme", "1.0.0", "one")?;
    world.until_verified("acme")?;
    // It would take away the locks of the dead before anybody sees them.
    drop(reconciler);
    world.bundle("acme", "2.0.0")?;
    world.commit("web 2.0.0")?;
    die(&world)?;
    let lock = world.path("gitops.git/refs/heads/main.lock");
    assert!(lock.exists(), "the kill left no lock, so nothing is shown");
    let mut reconciler = None;
    world.play("publisher-killed.md", |world, event| match event {
        "the-reconciler-is-started" => {
            reconciler = Some(world.reconciler()?);
            Ok(())
        }
        "a-lock-of-somebody-else" => {
            world.bundle("acme", "3.0.0")?;
            world.commit("web 3.0.0")?;
            // A plain `git push` that was killed leaves it empty.
            Ok(std::fs::write(&lock, "")?)
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })?;
    drop(reconciler);
    assert_eq!(world.git("gitops.git", "fsck --strict --no-dangling")?, "");
    Ok(())
}

fn die(world: &World) -> TestResult {
    use std::os::unix::fs::PermissionsExt as _;
    let git = world.ok("command -v git")?;
    world.write("dying/git", DYING)?;
    let program = world.path("dying/git");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    let mut publish = world.hermetic(Path::new("sh"));
    let status = publish
        .args(["-c", "PATH=$WORLD/dying:$PATH exec orzc publish --activate --tenant acme --reason '2.0.0 of web'"])
        .env("WORLD", world.path(""))
        .env("REAL_GIT", git.trim())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.code().is_some() {
        return Err(format!("the publisher was not killed: {status}").into());
    }
    Ok(())
}
