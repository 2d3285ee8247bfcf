use std::path::Path;
use std::process::Command;

use orz_runbook_tests::{TestResult, World};

/// Room for the repository as it is at first, and not for much more.
const SIZE: &str = "1m";

/// The disk of the GitOps repository runs full.
#[test]
fn a_full_disk_leaves_what_was_live() -> TestResult {
    let mut world = World::new()?;
    let disk = world.path("gitops.git");
    let kept = world.path("kept.git");
    std::fs::rename(&disk, &kept)?;
    std::fs::create_dir(&disk)?;
    let Some(_disk) = Disk::mount(&disk)? else {
        return Ok(());
    };
    world.ok("cp -R /srv/kept.git/. /srv/gitops.git/"
        .replace("/srv", &world.path("").display().to_string())
        .as_str())?;
    let reconciler = world.reconciler()?;
    world.deploy("acme", "1.0.0", "one")?;
    world.until_verified("acme")?;
    drop(reconciler);
    world.bundle("acme", "2.0.0")?;
    world.commit("web 2.0.0")?;
    // Until nothing goes.
    world.run("gitops.git", "cat /dev/zero > ballast")?;
    let mut reconciler = None;
    world.play("disk-full.md", |world, event| match event {
        "room" => {
            std::fs::remove_file(world.path("gitops.git/ballast"))?;
            reconciler = Some(world.reconciler()?);
            Ok(())
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })?;
    drop(reconciler);
    Ok(())
}

/// A small disk, in place of a folder while this lives.
struct Disk<'p>(&'p Path);

impl<'p> Disk<'p> {
    /// `None` where this machine does not let us, which is said.
    fn mount(at: &'p Path) -> TestResult<Option<Self>> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={SIZE}"));
        let output = mount.arg("orz-runbook").arg(at).output()?;
        if output.status.success() {
            return Ok(Some(Self(at)));
        }
        orz_test_tools::say(&format!(
            "NOT TRIED: a full disk needs a small one, and `mount` says: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ));
        Ok(None)
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Whoever is still in it gives it up at the end of the test.
        drop(Command::new("umount").arg("--lazy").arg(self.0).status());
    }
}
