//! Who did what, from the API server's audit log.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kube_api::text;
use crate::{ClusterError, Objects};

/// A moment in the audit log: what was done after it can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditMark(usize);

/// One request, as the API server recorded it when it was answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditEntry {
    /// Who asked.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// API group; empty for the core group and for paths that are no resource.
    pub group: String,
    /// Plural name, with the subresource: `pods/status`. Empty for paths that are no resource.
    pub resource: String,
    /// Namespace; empty for a cluster-scoped object.
    pub namespace: String,
    /// Name; empty for a whole collection.
    pub name: String,
    /// Path and query.
    pub uri: String,
    /// HTTP status of the answer; 0 when the log has none.
    pub code: u16,
}

impl AuditEntry {
    /// Whether the request was to change what the cluster stores: not a read, not a dry run, and
    /// not a question that is asked by creating an object (`SelfSubjectAccessReview`).
    pub fn is_write(&self) -> bool {
        let changes = matches!(
            self.verb.as_str(),
            "create" | "update" | "patch" | "delete" | "deletecollection"
        );
        let asks = matches!(
            self.group.as_str(),
            "authorization.k8s.io" | "authentication.k8s.io"
        );
        changes && !asks && !self.uri.contains("dryRun=All")
    }

    fn read(line: &str) -> Result<Self, ClusterError> {
        let event: Value = serde_json::from_str(line)
            .map_err(|error| ClusterError::Unexpected(format!("audit log: {error}: `{line}`")))?;
        let mut resource = text(&event, "/objectRef/resource").to_owned();
        let subresource = text(&event, "/objectRef/subresource");
        if !subresource.is_empty() {
            resource = format!("{resource}/{subresource}");
        }
        let code = event
            .pointer("/responseStatus/code")
            .and_then(Value::as_u64);
        Ok(Self {
            user: text(&event, "/user/username").into(),
            verb: text(&event, "/verb").into(),
            group: text(&event, "/objectRef/apiGroup").into(),
            resource,
            namespace: text(&event, "/objectRef/namespace").into(),
            name: text(&event, "/objectRef/name").into(),
            uri: text(&event, "/requestURI").into(),
            code: code.and_then(|code| u16::try_from(code).ok()).unwrap_or(0),
        })
    }
}

/// The log file of one API server.
pub(crate) struct AuditLog {
    path: PathBuf,
}

impl AuditLog {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.into() }
    }

    /// The end of the log, once it holds everything that was answered before the call.
    pub(crate) fn mark(&self, objects: &Objects) -> Result<AuditMark, ClusterError> {
        Ok(AuditMark(self.settled(objects)?.len()))
    }

    /// The entries after a mark, once the log holds everything that was answered before the call.
    pub(crate) fn since(
        &self,
        objects: &Objects,
        mark: AuditMark,
    ) -> Result<Vec<AuditEntry>, ClusterError> {
        let text = self.settled(objects)?;
        let recent = text.get(mark.0..).unwrap_or_default();
        let mut entries: Vec<_> = recent
            .lines()
            .map(AuditEntry::read)
            .collect::<Result<_, _>>()?;
        entries.retain(|entry| !entry.uri.contains(BARRIER));
        Ok(entries)
    }

    /// An entry is written after its answer is sent. So a request of our own goes last, and the
    /// log is read when that one is in it.
    fn settled(&self, objects: &Objects) -> Result<String, ClusterError> {
        let before = self.read()?.len();
        let mark = format!("{BARRIER}{before}");
        objects.get_marked("/version", &format!("{mark}=x"))?;
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let text = self.read()?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            if text[before.min(whole)..whole].contains(&mark) {
                return Ok(text[..whole].to_owned());
            }
            if Instant::now() >= deadline {
                return Err(ClusterError::TimedOut {
                    what: format!("`{mark}` in the audit log"),
                    seconds: 10,
                    last: text.lines().last().unwrap_or_default().to_owned(),
                });
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn read(&self) -> Result<String, ClusterError> {
        fs::read_to_string(&self.path).map_err(ClusterError::io(&self.path))
    }
}

/// Begins the mark that a request of the log's own reader carries.
const BARRIER: &str = "audit-barrier-";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_dry_runs_and_questions_are_no_writes() -> Result<(), ClusterError> {
        let event = |verb: &str, group: &str, uri: &str| {
            json!({
                "user": {"username": "orz"}, "verb": verb, "requestURI": uri,
                "objectRef": {"apiGroup": group, "resource": "things", "subresource": "status", "name": "a"},
                "responseStatus": {"code": 201},
            })
            .to_string()
        };
        let cases = [
            ("patch", "apps", "/x?fieldManager=orz", true),
            ("delete", "", "/x", true),
            ("patch", "apps", "/x?dryRun=All&fieldManager=orz", false),
            ("list", "apps", "/x", false),
            ("create", "authorization.k8s.io", "/x", false),
        ];
        for (verb, group, uri, write) in cases {
            let entry = AuditEntry::read(&event(verb, group, uri))?;
            assert_eq!(entry.is_write(), write, "{entry:?}");
            assert_eq!(
                (entry.resource.as_str(), entry.code),
                ("things/status", 201)
            );
        }
        Ok(())
    }
}
