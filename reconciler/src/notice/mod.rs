//! Learning that files changed: from the operating system where it tells, else by looking.
//!
//! A notice is a hint and never the truth: whoever gets one reads the files and compares. So it may come late, twice
//! or for nothing, but not never: what cannot be listened to any more is said, and from then on looked at.

mod ears;
mod scan;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use ears::{Ears, Heard};
use scan::Scan;

/// A folder to watch. It may be missing, appear, vanish and be replaced by another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it is, from the root of the file system.
    pub path: PathBuf,
    /// Whether everything below it is watched too, and not only what lies in it.
    pub below: bool,
}

/// What may have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something is different at these paths, or below them.
    Changed(BTreeSet<PathBuf>),
    /// Anything may be different: a folder was replaced, or more happened than could be told.
    Anything,
    /// The operating system does not tell any more; from now on the files are looked at about so often.
    Looking {
        /// Why, with what helps where something does.
        why: String,
        /// How long a change may go unseen.
        every: Duration,
    },
}

/// What is watched.
pub struct Watch {
    /// Where.
    pub places: Vec<Place>,
    /// Which paths matter; what lies below a folder that does not is not looked at.
    pub relevant: Box<dyn Fn(&Path) -> bool + Send>,
    /// How often the files are looked at where the operating system does not tell; longer where a look takes long.
    pub look: Duration,
    /// Whether the operating system is not even asked, as for a network file system, whose changes it cannot see.
    pub only_look: bool,
}

impl Watch {
    /// Watches single files, each of which may come and go.
    pub fn files(files: BTreeSet<PathBuf>, look: Duration) -> Self {
        let folders: BTreeSet<PathBuf> = files
            .iter()
            .filter_map(|file| file.parent().map(Path::to_owned))
            .collect();
        let place = |path| Place { path, below: false };
        Self {
            places: folders.into_iter().map(place).collect(),
            relevant: Box::new(move |path| files.contains(path)),
            look,
            only_look: false,
        }
    }
}

/// A thread that watches; it ends with this value.
#[derive(Debug)]
pub struct Notices(Sender<Heard>);

/// How often it is looked whether the folders are still the ones that are listened to.
const TICK: Duration = Duration::from_secs(1);

impl Notices {
    /// Starts to watch. What happens after this returned is told.
    pub fn start(watch: Watch, mut tell: impl FnMut(Notice) + Send + 'static) -> Self {
        let (sender, inbox) = channel();
        let mut watching = Watching::start(watch, &sender, &mut tell);
        let of_thread = sender.clone();
        thread::spawn(
            move || {
                while watching.step(&inbox, &of_thread, &mut tell) {}
            },
        );
        Self(sender)
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        // If the thread has ended there is nothing to end.
        let _ = self.0.send(Heard::Stop);
    }
}

struct Watching {
    watch: Watch,
    how: How,
    /// When a folder came. What was written into it before its own watch stood is told by nobody.
    folder_came: Option<Instant>,
}

/// How changes are learned of.
enum How {
    Told(Ears),
    Looking(Scan),
}

impl Watching {
    fn start(watch: Watch, sender: &Sender<Heard>, tell: &mut dyn FnMut(Notice)) -> Self {
        let how = if watch.only_look {
            How::Looking(Scan::start(&watch))
        } else {
            match Ears::open(&watch.places, sender) {
                Ok(ears) => How::Told(ears),
                Err(why) => Self::look(&watch, why, tell),
            }
        };
        Self {
            watch,
            how,
            folder_came: None,
        }
    }

    /// One wait and what came of it; `false` at the end.
    fn step(
        &mut self,
        inbox: &Receiver<Heard>,
        sender: &Sender<Heard>,
        tell: &mut dyn FnMut(Notice),
    ) -> bool {
        let patience = match &self.how {
            How::Told(_) => TICK,
            How::Looking(scan) => scan.pause(self.watch.look),
        };
        let heard = match inbox.recv_timeout(patience) {
            Ok(Heard::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            Ok(heard) => Some(heard),
            Err(RecvTimeoutError::Timeout) => None,
        };
        let failed = match &mut self.how {
            // What the old ears still had to say.
            How::Looking(_) if heard.is_some() => None,
            How::Looking(scan) => {
                let changed = scan.again(&self.watch);
                if !changed.is_empty() {
                    tell(Notice::Changed(changed));
                }
                None
            }
            How::Told(ears) => {
                let came = &mut self.folder_came;
                Self::listen(&self.watch, ears, heard, inbox, sender, tell, came)
            }
        };
        if self.folder_came.is_some_and(|came| came.elapsed() >= TICK) {
            self.folder_came = None;
            tell(Notice::Anything);
        }
        if let Some(why) = failed {
            self.how = Self::look(&self.watch, why, tell);
            // What was missed in between.
            tell(Notice::Anything);
        }
        true
    }

    /// What was heard; the answer is why nothing is heard any more.
    fn listen(
        watch: &Watch,
        ears: &mut Ears,
        heard: Option<Heard>,
        inbox: &Receiver<Heard>,
        sender: &Sender<Heard>,
        tell: &mut dyn FnMut(Notice),
        folder_came: &mut Option<Instant>,
    ) -> Option<String> {
        let mut changed = BTreeSet::new();
        let mut anything = false;
        let began = Instant::now();
        let mut next = heard;
        while let Some(heard) = next.take() {
            match heard {
                Heard::Stop => {
                    // Left for the next step, which ends with it.
                    let _ = sender.send(Heard::Stop);
                    break;
                }
                Heard::Deaf(why) => return Some(why),
                Heard::TooMuch => anything = true,
                Heard::Paths(paths, is_new) => {
                    if is_new {
                        *folder_came = Some(Instant::now());
                    }
                    anything |= paths.iter().any(|path| ears.is_place(path));
                    changed.extend(paths.into_iter().filter(|path| (watch.relevant)(path)));
                }
            }
            // What came together is one notice, but somebody who writes all the time holds nothing up.
            if began.elapsed() < TICK {
                next = inbox.try_recv().ok();
            }
        }
        if anything || ears.is_stale(&watch.places) {
            match Ears::open(&watch.places, sender) {
                Ok(opened) => *ears = opened,
                Err(why) => return Some(why),
            }
            tell(Notice::Anything);
        } else if !changed.is_empty() {
            tell(Notice::Changed(changed));
        }
        None
    }

    fn look(watch: &Watch, why: String, tell: &mut dyn FnMut(Notice)) -> How {
        let scan = Scan::start(watch);
        let every = scan.pause(watch.look);
        tell(Notice::Looking { why, every });
        How::Looking(scan)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    type TestResult = Result<(), Box<dyn std::error::Error>>;

    /// For a machine that does other things as well.
    const PATIENCE: Duration = Duration::from_mins(2);

    fn start(root: &Path, only_look: bool) -> (Notices, Receiver<Notice>) {
        let (sender, notices) = channel();
        let watch = Watch {
            places: vec![Place {
                path: root.join("tenants"),
                below: true,
            }],
            relevant: Box::new(|path| !path.ends_with(".git")),
            look: Duration::from_millis(50),
            only_look,
        };
        let watching = Notices::start(watch, move |notice| drop(sender.send(notice)));
        (watching, notices)
    }

    /// Waits until something is told of `path`, of what it lies in, or of what lies in it.
    fn until(notices: &Receiver<Notice>, path: &Path) -> TestResult {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            match notices.recv_timeout(PATIENCE)? {
                Notice::Anything => return Ok(()),
                // A folder that went and came again between two looks is told by what no longer lies in it.
                Notice::Changed(paths)
                    if paths
                        .iter()
                        .any(|changed| path.starts_with(changed) || changed.starts_with(path)) =>
                {
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(format!("nothing was told of `{}`", path.display()).into())
    }

    #[test]
    fn writes_renames_new_folders_and_replaced_ones_are_told() -> TestResult {
        for only_look in [false, true] {
            let folder = tempfile::tempdir()?;
            let root = folder.path().canonicalize()?;
            let file = root.join("tenants/acme/bundle.json");
            let parent = file.parent().ok_or("a folder")?;
            // Not there yet when the watch begins.
            let (_watching, notices) = start(&root, only_look);
            fs::create_dir_all(parent)?;
            until(&notices, parent)?;
            thread::sleep(Duration::from_millis(300));
            while notices.try_recv().is_ok() {}

            fs::write(&file, "1")?;
            until(&notices, &file)?;
            fs::write(root.join("new"), "2")?;
            fs::rename(root.join("new"), &file)?;
            until(&notices, &file)?;

            // Another folder of the same name, perhaps with the same number.
            fs::remove_dir_all(root.join("tenants"))?;
            fs::create_dir_all(parent)?;
            until(&notices, parent)?;
            thread::sleep(TICK * 3);
            while notices.try_recv().is_ok() {}
            fs::write(&file, "3")?;
            until(&notices, &file)?;
        }
        Ok(())
    }

    #[test]
    fn reading_and_what_does_not_matter_are_no_change() -> TestResult {
        for only_look in [false, true] {
            let folder = tempfile::tempdir()?;
            let root = folder.path().canonicalize()?;
            let (file, hidden) = (root.join("tenants/a"), root.join("tenants/.git"));
            fs::create_dir_all(&hidden)?;
            fs::write(&file, "1")?;
            let (_watching, notices) = start(&root, only_look);
            fs::read(&file)?;
            fs::read_dir(root.join("tenants"))?.for_each(drop);
            fs::set_permissions(&hidden, fs::metadata(&hidden)?.permissions())?;
            thread::sleep(TICK * 2);
            assert_eq!(notices.try_recv().ok(), None, "{only_look}");
            fs::write(&file, "2")?;
            until(&notices, &file)?;
        }
        Ok(())
    }
}
