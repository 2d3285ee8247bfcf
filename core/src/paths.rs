//! The only place that spells a path in a GitOps repository, or a file name in a release.

use crate::format::ClaimKey;
use crate::id::{ClusterName, Digest, Part, ReleaseId, TenantName};

/// Branch of pointers, claims and brakes; what a person reviews and protects.
pub const MAIN: &str = "refs/heads/main";
/// Branch of the index; its commits keep the releases reachable.
pub const RELEASES: &str = "refs/heads/releases";

/// Longest file name in a release before it is cut.
const FILE_MAX: usize = 200;
/// How much of a long file name is kept.
const FILE_KEPT: usize = 180;

/// First two hex digits of SHA-256 of the tenant's name.
///
/// Folders are sharded because a flat folder of 10,000 tenants is a 390 KB tree object at every commit.
pub fn shard(tenant: &TenantName) -> String {
    Digest::of(tenant.as_str().as_bytes()).as_str()[..2].to_owned()
}

/// `pointers/<cluster>/<xx>/<tenant>/<part>.json` on [`MAIN`].
pub fn pointer(cluster: &ClusterName, tenant: &TenantName, part: Part) -> String {
    format!("{}/{part}.json", pointers_of(cluster, tenant))
}

/// The folder of a tenant's pointers on a cluster.
pub fn pointers_of(cluster: &ClusterName, tenant: &TenantName) -> String {
    format!("pointers/{cluster}/{}/{tenant}", shard(tenant))
}

/// A glob over the pointers of a sixteenth of the tenants: those whose folder begins with this hex digit.
pub fn pointers_of_digit(cluster: &ClusterName, digit: u8) -> String {
    format!("pointers/{cluster}/{digit:x}*/*/*.json")
}

/// Folder of all pointers; below it `<cluster>/<xx>/<tenant>/<part>.json`.
pub const POINTERS: &str = "pointers";
/// Folder of claims on [`MAIN`].
pub const CLAIMS: &str = "claims";

/// The cluster, tenant and part that a pointer's path names, if it is one.
pub fn parse_pointer(path: &str) -> Option<(ClusterName, TenantName, Part)> {
    let mut segments = path.strip_prefix("pointers/")?.split('/');
    let cluster = segments.next()?.parse().ok()?;
    let shard_found = segments.next()?;
    let tenant: TenantName = segments.next()?.parse().ok()?;
    let part = segments.next()?.strip_suffix(".json")?.parse().ok()?;
    (segments.next().is_none() && shard(&tenant) == shard_found).then_some((cluster, tenant, part))
}

/// `tenants/<xx>/<tenant>/<part>/<release>.json` on [`RELEASES`].
pub fn index_entry(tenant: &TenantName, part: Part, release: &ReleaseId) -> String {
    format!("{}/{release}.json", index_folder(tenant, part))
}

/// The folder of all releases of one part of a tenant on [`RELEASES`].
pub fn index_folder(tenant: &TenantName, part: Part) -> String {
    format!("tenants/{}/{tenant}/{part}", shard(tenant))
}

/// The tenant, part and release that an index path names, if it is one.
pub fn parse_index_entry(path: &str) -> Option<(TenantName, Part, ReleaseId)> {
    let mut segments = path.strip_prefix("tenants/")?.split('/');
    let shard_found = segments.next()?;
    let tenant: TenantName = segments.next()?.parse().ok()?;
    let part = segments.next()?.parse().ok()?;
    let release = segments.next()?.strip_suffix(".json")?.parse().ok()?;
    (segments.next().is_none() && shard(&tenant) == shard_found).then_some((tenant, part, release))
}

/// `inputs/<xx>/<sha256>` on [`RELEASES`]; `<xx>` is the start of the digest itself.
pub fn input(digest: &Digest) -> String {
    format!("inputs/{}/{digest}", &digest.as_str()[..2])
}

/// `claims/<kind>/<xx>/<sha256(value)>.json` on [`MAIN`]; the path depends on the value alone.
pub fn claim(key: &ClaimKey) -> String {
    let digest = Digest::of(key.value.as_bytes());
    format!(
        "{CLAIMS}/{}/{}/{digest}.json",
        key.kind,
        &digest.as_str()[..2]
    )
}

/// `brakes/<cluster>.json` on [`MAIN`].
pub fn brake(cluster: &ClusterName) -> String {
    format!("brakes/{cluster}.json")
}

/// `refs/orz/status/<cluster>/<shard>`: outside `refs/heads/`, so that Argo CD never fetches it.
pub fn status_ref(cluster: &ClusterName, shard: u32) -> String {
    format!("{STATUS_REFS}{cluster}/{shard}")
}

/// What every name of [`status_ref`] starts with.
pub const STATUS_REFS: &str = "refs/orz/status/";

/// `<xx>/<tenant>/<part>.json` in the tree of a status commit.
pub fn status(tenant: &TenantName, part: Part) -> String {
    format!("{}/{tenant}/{part}.json", shard(tenant))
}

/// File name of an object in a release: `<kind>[.<group>]_<namespace>_<name>.yaml`.
///
/// Kind in lower case, no group for the core group, `-` for the namespace of a cluster-scoped object,
/// bytes outside `[a-z0-9.-]` as `%XX`. A name over 200 bytes is cut to 180 and carries `~` and the
/// first 16 hex digits of SHA-256 of the whole name, so that it stays unique.
pub fn manifest(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> String {
    let kind = escape(&kind.to_ascii_lowercase());
    let group = if group.is_empty() {
        String::new()
    } else {
        format!(".{}", escape(group))
    };
    let namespace = namespace.map_or_else(|| "-".to_owned(), escape);
    let stem = format!("{kind}{group}_{namespace}_{}", escape(name));
    if stem.len() + ".yaml".len() <= FILE_MAX {
        return format!("{stem}.yaml");
    }
    let digest = Digest::of(stem.as_bytes());
    format!("{}~{}.yaml", &stem[..FILE_KEPT], &digest.as_str()[..16])
}

fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, b| {
            if b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-' {
                out.push(char::from(b));
            } else {
                write!(out, "%{b:02X}").expect("writing to a String cannot fail");
            }
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_of_objects() {
        for (group, kind, namespace, name, expected) in [
            ("", "Namespace", None, "acme", "namespace_-_acme.yaml"),
            (
                "apps",
                "Deployment",
                Some("acme"),
                "web",
                "deployment.apps_acme_web.yaml",
            ),
            (
                "rbac.authorization.k8s.io",
                "Role",
                Some("acme"),
                "a:b",
                "role.rbac.authorization.k8s.io_acme_a%3Ab.yaml",
            ),
            (
                "",
                "ConfigMap",
                Some("acme"),
                "A_b",
                "configmap_acme_%41%5Fb.yaml",
            ),
        ] {
            assert_eq!(manifest(group, kind, namespace, name), expected);
        }
        let long = manifest("", "ConfigMap", Some("acme"), &"x".repeat(253));
        assert_eq!(long.len(), 180 + 1 + 16 + 5);
        assert_ne!(
            long,
            manifest("", "ConfigMap", Some("acme"), &"x".repeat(252))
        );
    }

    #[test]
    fn hostile_names_stay_inside_their_folder() {
        for name in ["../../etc/passwd", "a/b", "a\0b", ".git", "\u{e9}"] {
            let file = manifest("", "ConfigMap", Some("../x"), name);
            assert!(
                !file.contains('/') && file.is_ascii() && !file.contains('\0'),
                "{file}"
            );
        }
    }

    #[test]
    fn paths_name_what_they_hold() {
        let (cluster, tenant) = (
            "in-cluster".parse().expect("valid"),
            "acme".parse().expect("valid"),
        );
        let path = pointer(&cluster, &tenant, Part::Work);
        assert_eq!(
            parse_pointer(&path),
            Some((cluster, tenant.clone(), Part::Work))
        );
        assert_eq!(
            parse_pointer("pointers/in-cluster/00/acme/work.json"),
            None,
            "wrong shard"
        );
        let release: ReleaseId = "0123456789abcdef0123456789abcdef01234567"
            .parse()
            .expect("valid");
        let path = index_entry(&tenant, Part::Data, &release);
        assert_eq!(
            parse_index_entry(&path),
            Some((tenant, Part::Data, release))
        );
    }
}
