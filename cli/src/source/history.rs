//! The history of a source repository, as far as this clone has it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use orz_core::id::{CommitId, TenantName};
use orz_gitops::{Relation, SourceHistory};

use super::COMPILED;
use crate::git::{Answer, git, git_with};

/// From how many commits on it is cheaper to read the whole history once than to ask for each.
const MANY: usize = 8;

/// The clone at a folder.
#[derive(Debug)]
pub(crate) struct History {
    root: PathBuf,
    shallow: OnceCell<bool>,
}

impl History {
    /// The history of the clone that `root` lies in. Nothing is read yet.
    pub(crate) fn of(root: PathBuf) -> Self {
        Self {
            root,
            shallow: OnceCell::new(),
        }
    }

    fn git(&self, args: &[&str]) -> Result<Answer, String> {
        git(&self.root, args).map_err(|error| error.message)
    }

    /// The standard output of a command that must succeed.
    fn output(&self, args: &[&str], input: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
        let answer = git_with(&self.root, args, input).map_err(|error| error.message)?;
        if answer.ok {
            Ok(answer.stdout)
        } else {
            Err(format!("`git {}`: {}", args[0], answer.stderr))
        }
    }

    fn is_shallow(&self) -> Result<bool, String> {
        if let Some(known) = self.shallow.get() {
            return Ok(*known);
        }
        let answer = self.git(&["rev-parse", "--is-shallow-repository"])?;
        let shallow = answer.line().as_deref() == Some("true");
        Ok(*self.shallow.get_or_init(|| shallow))
    }

    fn has(&self, commit: &CommitId) -> Result<bool, String> {
        let commit = format!("{commit}^{{commit}}");
        Ok(self.git(&["cat-file", "-e", &commit])?.ok)
    }

    /// Whether `upper` descends from `lower`; both are here.
    fn descends(&self, upper: &CommitId, lower: &CommitId) -> Result<bool, String> {
        let args = [
            "merge-base",
            "--is-ancestor",
            lower.as_str(),
            upper.as_str(),
        ];
        let answer = self.git(&args)?;
        if answer.ok || answer.stderr.is_empty() {
            Ok(answer.ok)
        } else {
            Err(format!("`git merge-base`: {}", answer.stderr))
        }
    }

    fn relation(&self, ours: &CommitId, theirs: &CommitId) -> Result<Relation, String> {
        if ours == theirs {
            return Ok(Relation::Same);
        }
        let known = self.has(theirs)?;
        if known && self.descends(ours, theirs)? {
            return Ok(Relation::Newer);
        }
        if known && self.descends(theirs, ours)? {
            return Ok(Relation::Older);
        }
        // What is cut off could hold the one, or the link between the two.
        Ok(match (self.is_shallow()?, known) {
            (true, _) => Relation::Shallow,
            (false, true) => Relation::Unrelated,
            (false, false) => Relation::Missing,
        })
    }

    /// What `ours` descends from, itself included, down to what all of `since` descend from.
    fn graph(&self, ours: &CommitId, since: &BTreeSet<&CommitId>) -> Result<Graph, String> {
        let mut args = vec!["rev-list", "--parents", ours.as_str()];
        let base;
        if since.len() <= MANY {
            let mut ask = vec!["merge-base", "--octopus"];
            ask.extend(since.iter().map(|commit| commit.as_str()));
            if let Some(found) = self.git(&ask)?.line() {
                base = format!("^{found}");
                args.push(&base);
            }
        }
        Ok(Graph::parse(&self.output(&args, None)?))
    }

    /// The files that each of these commits changed against its first parent.
    ///
    /// What a merge brings from its other parents was changed by commits that are looked at themselves.
    fn changes(&self, graph: &Graph, commits: &[usize]) -> Result<Vec<(usize, String)>, String> {
        let mut input = Vec::with_capacity(commits.len() * 82);
        for commit in commits {
            input.extend_from_slice(graph.names[*commit].as_bytes());
            if let Some(parent) = graph.first_parents[*commit].as_ref() {
                input.push(b' ');
                input.extend_from_slice(parent.as_bytes());
            }
            input.push(b'\n');
        }
        let mut args = vec![
            "diff-tree",
            "--stdin",
            "-r",
            "--root",
            "--name-only",
            "-z",
            "--relative",
            "--",
        ];
        args.extend(COMPILED);
        let output = self.output(&args, Some(input))?;
        let mut changes = Vec::new();
        let mut of = None;
        for token in output.split(|byte| *byte == 0) {
            let token = String::from_utf8_lossy(token);
            match graph.positions.get(token.as_ref()) {
                Some(position) => of = Some(*position),
                // Every path begins with the name of a folder, so none is a commit.
                None if token.is_empty() => {}
                None => changes.extend(of.map(|of| (of, token.into_owned()))),
            }
        }
        Ok(changes)
    }
}

impl SourceHistory for History {
    fn relations(
        &self,
        ours: &CommitId,
        theirs: &BTreeSet<CommitId>,
    ) -> Result<BTreeMap<CommitId, Relation>, String> {
        let mut newer = BTreeSet::new();
        if theirs.len() > MANY {
            let output = self.output(&["rev-list", ours.as_str()], None)?;
            let lines = output.split(|byte| *byte == b'\n');
            newer = lines.map(<[u8]>::to_vec).collect();
        }
        theirs
            .iter()
            .map(|theirs| {
                let relation = if theirs != ours && newer.contains(theirs.as_str().as_bytes()) {
                    Relation::Newer
                } else {
                    self.relation(ours, theirs)?
                };
                Ok((theirs.clone(), relation))
            })
            .collect()
    }

    fn touched(
        &self,
        ours: &CommitId,
        since: &BTreeSet<(TenantName, CommitId)>,
    ) -> Result<BTreeSet<(TenantName, CommitId)>, String> {
        let mut asked: BTreeMap<&CommitId, Vec<&TenantName>> = BTreeMap::new();
        for (tenant, commit) in since {
            asked.entry(commit).or_default().push(tenant);
        }
        let graph = self.graph(ours, &asked.keys().copied().collect())?;
        let mut news = vec![false; graph.names.len()];
        for commit in asked.keys() {
            for (new, before) in news.iter_mut().zip(graph.up_to(commit)) {
                *new |= !before;
            }
        }
        let changes = Changes::of(self.changes(&graph, &positions(&news))?);
        let mut touched = BTreeSet::new();
        for (commit, tenants) in asked {
            let before = graph.up_to(commit);
            let is_new = |of: &BTreeSet<usize>| of.iter().any(|position| !before[*position]);
            let hit = tenants
                .into_iter()
                .filter(|tenant| changes.to(tenant).any(is_new));
            touched.extend(hit.map(|tenant| (tenant.clone(), commit.clone())));
        }
        Ok(touched)
    }
}

fn positions(marks: &[bool]) -> Vec<usize> {
    let marked = marks.iter().enumerate().filter(|(_, mark)| **mark);
    marked.map(|(position, _)| position).collect()
}

/// Which commits changed what tenants are compiled from.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    /// The platform's data, from which all are.
    shared: BTreeSet<usize>,
    /// The operator's word on a tenant, which is the platform's data too.
    operators: BTreeSet<usize>,
    /// The files of one tenant, by its name.
    own: BTreeMap<String, BTreeSet<usize>>,
}

impl Changes {
    fn of(paths: impl IntoIterator<Item = (usize, String)>) -> Self {
        let mut changes = Self::default();
        for (commit, path) in paths {
            let mut own = |tenant: &str| {
                let own = changes.own.entry(tenant.to_owned()).or_default();
                own.insert(commit);
            };
            if let Some(path) = path.strip_prefix("tenants/") {
                own(path.split('/').next().unwrap_or_default());
            } else if let Some(file) = path.strip_prefix("platform/tenants/") {
                own(file.strip_suffix(".json").unwrap_or(file));
                changes.operators.insert(commit);
            } else {
                changes.shared.insert(commit);
            }
        }
        changes
    }

    fn to(&self, tenant: &TenantName) -> impl Iterator<Item = &BTreeSet<usize>> {
        let operators = tenant.is_platform().then_some(&self.operators);
        self.own
            .get(tenant.as_str())
            .into_iter()
            .chain([&self.shared])
            .chain(operators)
    }
}

/// Commits and what they descend from, by position.
struct Graph {
    names: Vec<String>,
    positions: BTreeMap<String, usize>,
    /// Those that are in the graph.
    parents: Vec<Vec<usize>>,
    first_parents: Vec<Option<String>>,
}

impl Graph {
    /// Reads lines of `<commit> <parent>…`.
    fn parse(lines: &[u8]) -> Self {
        let text = String::from_utf8_lossy(lines);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
        let names: Vec<String> = rows.iter().map(|row| row[0].to_owned()).collect();
        let positions: BTreeMap<String, usize> = names.iter().cloned().zip(0..).collect();
        let parents = rows
            .iter()
            .map(|row| {
                let found = row[1..].iter().filter_map(|name| positions.get(*name));
                found.copied().collect()
            })
            .collect();
        let first = |row: &Vec<&str>| row.get(1).map(|name| (*name).to_owned());
        Self {
            parents,
            first_parents: rows.iter().map(first).collect(),
            names,
            positions,
        }
    }

    /// For each commit whether it is `commit`, or `commit` descends from it.
    fn up_to(&self, commit: &CommitId) -> Vec<bool> {
        let mut before = vec![false; self.names.len()];
        let mut queue = Vec::from_iter(self.positions.get(commit.as_str()).copied());
        while let Some(position) = queue.pop() {
            if !std::mem::replace(&mut before[position], true) {
                queue.extend(&self.parents[position]);
            }
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_compiled_from_its_files_and_from_the_platforms() {
        let paths = [
            "tenants/acme/bundle.json",
            "tenants/acme-dev/bundle.json",
            "platform/plans.json",
            "platform/tenants/acme.json",
            "platform/tenants/other.json",
        ];
        let changes = Changes::of((0..).zip(paths.map(str::to_owned)));
        for (tenant, expected) in [
            ("acme", &[0, 2, 3][..]),
            ("acme-dev", &[1, 2]),
            ("other", &[2, 4]),
            ("third", &[2]),
            (TenantName::PLATFORM, &[2, 3, 4]),
        ] {
            let tenant: TenantName = tenant.parse().expect("valid");
            let found: BTreeSet<usize> = changes.to(&tenant).flatten().copied().collect();
            assert_eq!(Vec::from_iter(found), expected, "{tenant}");
        }
    }

    #[test]
    fn what_a_commit_has_before_it_follows_every_parent() {
        // a - b - d - e, a - c - d; `e` is the newest.
        let name = |letter: &str| letter.repeat(40);
        let row = |names: &str| {
            let names: Vec<String> = names.split(' ').map(name).collect();
            names.join(" ")
        };
        let text = ["e d", "d b c", "c a", "b a", "a"].map(row).join("\n");
        let graph = Graph::parse(text.as_bytes());
        let after = |letter: &str| {
            let commit = name(letter).parse().expect("an id");
            let before = graph.up_to(&commit);
            let after = before.iter().zip(&graph.names);
            let after = after.filter(|(before, _)| !**before);
            after.map(|(_, name)| &name[..1]).collect::<String>()
        };
        assert_eq!(after("a"), "edcb");
        assert_eq!(after("b"), "edc");
        assert_eq!(after("d"), "e");
        assert_eq!(after("f"), "edcba", "one that was cut off has nothing here");
        assert_eq!(graph.first_parents[1], Some(name("b")));
    }
}
