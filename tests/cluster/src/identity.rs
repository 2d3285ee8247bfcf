//! Who may talk to the API server of a test, and as whom.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::ClusterError;

/// The test itself; member of `system:masters`.
pub const HARNESS_USER: &str = "harness";
/// The product under test: no group, no rights but what a test or the product's own installation
/// grants.
pub const PRODUCT_USER: &str = "orz";
/// The stand-ins; member of `system:masters`.
pub const STANDIN_USER: &str = "standin";
/// Argo CD; member of `system:masters`, as its own installation makes it one in effect.
pub const ARGOCD_USER: &str = "argocd";
/// As whom the controllers act.
pub(crate) const CONTROLLER_USER: &str = "system:kube-controller-manager";

const MASTERS: &str = "system:masters";

/// The users' tokens and the service accounts' key, in files of one control plane.
pub(crate) struct Identities {
    folder: PathBuf,
    users: Vec<(&'static str, String)>,
}

impl Identities {
    /// Writes the token file, the audit policy and the service accounts' key.
    pub(crate) fn create(folder: &Path) -> Result<Self, ClusterError> {
        let mut users = Vec::new();
        let mut table = String::new();
        for (user, group) in [
            (HARNESS_USER, MASTERS),
            (PRODUCT_USER, ""),
            (STANDIN_USER, MASTERS),
            (ARGOCD_USER, MASTERS),
            (CONTROLLER_USER, MASTERS),
        ] {
            let token = random::<16>()?.map(|byte| format!("{byte:02x}")).concat();
            writeln!(table, "{token},{user},{user},\"{group}\"")
                .map_err(|error| ClusterError::Unexpected(error.to_string()))?;
            users.push((user, token));
        }
        let identities = Self {
            folder: folder.to_path_buf(),
            users,
        };
        write(&identities.token_file(), &table)?;
        write(&identities.audit_policy(), &audit_policy())?;
        write(&identities.service_account_key(), &elliptic_key(random()?))?;
        Ok(identities)
    }

    /// For `--token-auth-file`.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.join("tokens.csv")
    }

    /// For `--audit-policy-file`.
    pub(crate) fn audit_policy(&self) -> PathBuf {
        self.folder.join("audit-policy.json")
    }

    /// The private key of the service accounts' tokens.
    pub(crate) fn service_account_key(&self) -> PathBuf {
        self.folder.join("service-accounts.key")
    }

    /// The path of a user's kubeconfig.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        let name = user.rsplit(':').next().unwrap_or(user);
        self.folder.join(format!("{name}.kubeconfig"))
    }

    /// Writes a kubeconfig for each user. JSON, which every reader of kubeconfig files takes.
    pub(crate) fn write_kubeconfigs(&self, url: &str, ca: &Path) -> Result<(), ClusterError> {
        for (user, token) in &self.users {
            let config = json!({
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": ca}}],
                "users": [{"name": user, "user": {"token": token}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
                "current-context": "test",
            });
            write(&self.kubeconfig(user), &config.to_string())?;
        }
        Ok(())
    }
}

/// Who did what to which object, once per request. The constant reading of the components, of the
/// stand-ins and of Argo CD is left out; everybody's writes and everything the product does are in.
fn audit_policy() -> String {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "None",
                "verbs": ["get", "list", "watch"],
                "users": ["system:apiserver", CONTROLLER_USER, STANDIN_USER, ARGOCD_USER],
            },
            {"level": "Metadata"},
        ],
    })
    .to_string()
}

/// A P-256 private key as PEM (`EC PRIVATE KEY`, RFC 5915), from random bytes: the encoding of
/// one has a fixed frame, so no cryptography is needed to write it.
fn elliptic_key(mut secret: [u8; 32]) -> String {
    // Below the order of the curve for certain, and above zero.
    secret[0] &= 0x7f;
    secret[31] |= 1;
    let mut der = vec![0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    der.extend(secret);
    // [0] the curve: 1.2.840.10045.3.1.7
    der.extend([
        0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ]);
    let label = "EC PRIVATE KEY";
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        base64(&der)
    )
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            if place <= group.len() {
                let digit = (bits >> (18 - 6 * place)) & 0x3f;
                text.push(char::from(DIGITS[digit as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

fn random<const N: usize>() -> Result<[u8; N], ClusterError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(ClusterError::io(source))?;
    Ok(bytes)
}

fn write(path: &Path, text: &str) -> Result<(), ClusterError> {
    fs::write(path, text).map_err(ClusterError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn tokens_differ_and_only_the_product_has_no_group() -> Result<(), ClusterError> {
        let folder = tempfile::tempdir().map_err(ClusterError::io(Path::new("tmp")))?;
        let identities = Identities::create(folder.path())?;
        let table = fs::read_to_string(identities.token_file())
            .map_err(ClusterError::io(&identities.token_file()))?;
        let without_group: Vec<&str> = table
            .lines()
            .filter(|line| line.ends_with("\"\""))
            .collect();
        assert_eq!(without_group.len(), 1);
        assert!(without_group[0].contains(",orz,orz,"));
        let mut tokens: Vec<&str> = table
            .lines()
            .filter_map(|line| line.split(',').next())
            .collect();
        tokens.dedup();
        assert_eq!(tokens.len(), 5);
        Ok(())
    }
}
