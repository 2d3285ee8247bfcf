//! What is said of a branch, on made-up histories with branches and merges of all kinds.

use proptest::prelude::*;

use super::*;
use crate::trust::Distrust;
use crate::view::commit_id;

/// The files of each commit: what it has at each path, or nothing.
type Files = BTreeMap<&'static str, u8>;

const PATHS: [&str; 2] = ["pointers/a.json", "pointers/b.json"];

/// A commit as it is drawn.
#[derive(Clone, Debug)]
struct Drawn {
    trusted: bool,
    /// Which of the commits before it are its parents, by how far back they lie.
    parents: Vec<usize>,
    /// For each path: from which parent, or else this value; zero is no file.
    files: [(Option<usize>, u8); 2],
}

fn drawn() -> impl Strategy<Value = Drawn> {
    // Few values, so that sides of a merge often agree without having it from each other.
    let file = || {
        (
            proptest::option::weighted(0.75, 0usize..2),
            prop_oneof![1 => Just(0u8), 9 => 1u8..3],
        )
    };
    let parents = prop_oneof![
        10 => proptest::collection::vec(1usize..4, 1),
        6 => proptest::collection::vec(1usize..6, 2),
        1 => Just(Vec::new()),
    ];
    (any::<bool>(), parents, [file(), file()]).prop_map(|(trusted, parents, files)| Drawn {
        trusted,
        parents,
        files,
    })
}

struct Made {
    _folder: tempfile::TempDir,
    objects: Objects,
    ids: Vec<ObjectId>,
    parents: Vec<Vec<usize>>,
    files: Vec<Files>,
    trusted: Vec<bool>,
}

fn made(history: &[Drawn]) -> Made {
    let folder = tempfile::tempdir().expect("a folder");
    let repo = git2::Repository::init_bare(folder.path()).expect("a repository");
    let who = git2::Signature::new("A", "a@b", &git2::Time::new(0, 0)).expect("a person");
    let (mut ids, mut parents, mut files): (Vec<git2::Oid>, Vec<Vec<usize>>, Vec<Files>) =
        Default::default();
    for (position, drawn) in history.iter().enumerate() {
        let mut of: Vec<usize> = Vec::new();
        for back in &drawn.parents {
            if let Some(parent) = position.checked_sub(*back).filter(|p| !of.contains(p)) {
                of.push(parent);
            }
        }
        let mut has = Files::new();
        for (path, (from, value)) in PATHS.iter().zip(drawn.files) {
            let kept = from
                .and_then(|from| of.get(from))
                .map(|parent| files[*parent].get(path).copied());
            if let Some(value) = kept.unwrap_or(Some(value).filter(|value| *value > 0)) {
                has.insert(path, value);
            }
        }
        let mut inner = repo.treebuilder(None).expect("a tree");
        for (path, value) in &has {
            let blob = repo.blob(&[*value]).expect("a blob");
            let name = path.trim_start_matches("pointers/");
            inner.insert(name, blob, 0o100_644).expect("an entry");
        }
        let mut root = repo.treebuilder(None).expect("a tree");
        if !has.is_empty() {
            let inner = inner.write().expect("a tree");
            root.insert("pointers", inner, 0o040_000).expect("an entry");
        }
        let tree = repo
            .find_tree(root.write().expect("a tree"))
            .expect("a tree");
        let commits: Vec<_> = of
            .iter()
            .map(|p| repo.find_commit(ids[*p]).expect("a commit"))
            .collect();
        let commits: Vec<_> = commits.iter().collect();
        let message = format!("{position}");
        ids.push(
            repo.commit(None, &who, &who, &message, &tree, &commits)
                .expect("a commit"),
        );
        parents.push(of);
        files.push(has);
    }
    let objects = Objects::new(gix::open(folder.path()).expect("open"));
    Made {
        _folder: folder,
        objects,
        ids: ids
            .iter()
            .map(|id| ObjectId::from_bytes_or_panic(id.as_bytes()))
            .collect(),
        parents,
        files,
        trusted: history.iter().map(|drawn| drawn.trusted).collect(),
    }
}

impl Made {
    fn verdict(&self, id: ObjectId) -> Option<UntrustedCommit> {
        let position = self.ids.iter().position(|known| *known == id)?;
        (!self.trusted[position]).then(|| UntrustedCommit {
            branch: "main",
            commit: commit_id(id),
            distrust: Distrust::new("unsigned", "x", None),
            author: String::new(),
            time: String::new(),
            subject: String::new(),
        })
    }

    fn walk(&self, walked: &mut Walked, head: usize, since: &BTreeSet<ObjectId>) -> Vec<String> {
        let verdict = |id| Ok(self.verdict(id));
        let head = self.ids[head];
        let standing = walked
            .at(&self.objects, Branch::Main, head, since, verdict)
            .expect("walked");
        standing.tainted.keys().cloned().collect()
    }

    fn before(&self, head: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut queue = vec![head];
        while let Some(next) = queue.pop() {
            if found.insert(next) {
                queue.extend(&self.parents[next]);
            }
        }
        found
    }

    fn brings(&self, commit: usize, path: &str) -> bool {
        let has = |c: usize| self.files[c].get(path);
        let parents = &self.parents[commit];
        if parents.is_empty() {
            return has(commit).is_some();
        }
        parents.iter().any(|parent| has(*parent) != has(commit))
    }

    /// The rule as it is stated: each commit that brings a file is trusted, or one that is brings it after it.
    fn tainted(&self, head: usize, since: Option<usize>) -> Vec<String> {
        let taken = since.filter(|since| self.before(head).contains(since));
        let taken = taken.map_or_else(BTreeSet::new, |since| self.before(since));
        let walked: Vec<usize> = self.before(head).difference(&taken).copied().collect();
        let is_tainted = |path: &str| {
            let bad = walked
                .iter()
                .filter(|c| !self.trusted[**c] && self.brings(**c, path));
            let made_up = |bad: usize| {
                let good = walked
                    .iter()
                    .filter(|c| self.trusted[**c] && self.brings(**c, path));
                good.into_iter()
                    .any(|good| self.before(*good).contains(&bad))
            };
            bad.into_iter().any(|bad| !made_up(*bad))
        };
        PATHS
            .iter()
            .filter(|path| is_tainted(path))
            .map(ToString::to_string)
            .collect()
    }

    /// Whether the file at the head is what a trusted commit made it, going back through whoever left it alone.
    fn is_vouched_for(&self, head: usize, path: &str) -> bool {
        if self.brings(head, path) {
            return self.trusted[head];
        }
        let parents = &self.parents[head];
        !self.files[head].contains_key(path)
            || parents
                .iter()
                .any(|parent| self.is_vouched_for(*parent, path))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn a_head_stands_as_its_history_says_however_it_was_walked_to(
        history in proptest::collection::vec(drawn(), 4..14),
        heads in proptest::collection::vec(0usize..14, 1..6),
        since in proptest::option::of(0usize..4),
    ) {
        let made = made(&history);
        let since = since.filter(|since| *since < made.ids.len());
        let demanded: BTreeSet<ObjectId> = since.map(|since| made.ids[since]).into_iter().collect();
        let mut watching = Walked::default();
        for head in heads {
            let head = head % made.ids.len();
            let expected = made.tainted(head, since);
            prop_assert_eq!(&made.walk(&mut watching, head, &demanded), &expected, "watching");
            prop_assert_eq!(&made.walk(&mut Walked::default(), head, &demanded), &expected, "beginning");
            if since.is_none() {
                for path in PATHS {
                    let clean = !expected.iter().any(|tainted| tainted == path);
                    prop_assert!(!clean || made.is_vouched_for(head, path), "{path} at {head}");
                }
            }
        }
    }
}
