//! Which key signs, and by which program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::git::said;
use crate::remote;

/// The variable that names the key whatever Git's settings say.
const VARIABLE: &str = "ORZ_SIGNING_KEY";
/// The setting of Git that names it.
const SETTING: &str = "user.signingKey";

/// How commits are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) format: Format,
    pub(super) key: Key,
    /// The program, by its name on the `PATH` or by its path.
    pub(super) program: OsString,
    /// Where the key is named: all that a message may say about it.
    pub(super) named_by: &'static str,
}

/// Whose signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Ssh,
    OpenPgp,
    X509,
}

/// What names the key. It is never shown: somebody may have put the key itself there.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A public key of SSH whose private one an agent has.
    Literal(String),
    /// A file with a key of SSH, private or public.
    File(PathBuf),
    /// An id, a fingerprint or an address that `gpg` or `gpgsm` knows.
    Id(String),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Literal(_) => "Literal",
            Self::File(_) => "File",
            Self::Id(_) => "Id",
        })
    }
}

/// What Git's settings say about signing.
#[derive(Debug, Default)]
struct Config {
    signing_key: Option<String>,
    format: Option<String>,
    openpgp: Option<String>,
    ssh: Option<String>,
    x509: Option<String>,
}

impl Settings {
    /// As the environment and Git's settings have it, those of the repository at `git_dir` included.
    pub(super) fn of_user(git_dir: &Path) -> Result<Option<Self>> {
        let variable = match std::env::var_os(VARIABLE) {
            Some(value) => Some(
                value
                    .into_string()
                    .map_err(|_| unusable(VARIABLE, "is not UTF-8"))?,
            ),
            None => None,
        };
        let home = std::env::var_os("HOME").map(PathBuf::from);
        Self::of(variable, config(git_dir)?, home.as_deref())
    }

    fn of(variable: Option<String>, config: Config, home: Option<&Path>) -> Result<Option<Self>> {
        let (key, named_by) = match (variable, config.signing_key) {
            // A secret that is missing in CI arrives as nothing; it must not pass for "do not sign".
            (Some(key), _) if key.trim().is_empty() => return Err(unusable(VARIABLE, "is empty")),
            (Some(key), _) => (key, VARIABLE),
            (None, Some(key)) if !key.trim().is_empty() => (key, SETTING),
            (None, _) => return Ok(None),
        };
        let key = key.trim();
        if key.contains('\n') || key.contains("PRIVATE KEY") {
            return Err(unusable(named_by, "holds a key, and has to name one"));
        }
        let format = match config.format.as_deref() {
            Some("ssh") => Format::Ssh,
            Some("openpgp") => Format::OpenPgp,
            Some("x509") => Format::X509,
            Some(other) => {
                let message = format!("has the unknown value `{}`", other.escape_debug());
                return Err(unusable("gpg.format", &message));
            }
            // No key of OpenPGP is named by a path.
            None if literal(key).is_some() || key.contains('/') => Format::Ssh,
            None => Format::OpenPgp,
        };
        let (program, usual) = match format {
            Format::Ssh => (config.ssh, "ssh-keygen"),
            Format::OpenPgp => (config.openpgp, "gpg"),
            Format::X509 => (config.x509, "gpgsm"),
        };
        let program = program.filter(|program| !program.is_empty());
        let program = program.map_or_else(|| usual.into(), |program| expand(&program, home).into());
        let key = match (format, literal(key)) {
            (Format::Ssh, Some(public)) => Key::Literal(public.to_owned()),
            (Format::Ssh, None) => Key::File(expand(key, home)),
            _ => Key::Id(key.to_owned()),
        };
        if let Key::File(file) = &key
            && !file.is_file()
        {
            return Err(unusable(named_by, "names no file that is there"));
        }
        Ok(Some(Self {
            format,
            key,
            program,
            named_by,
        }))
    }
}

/// The public key that stands there itself, told from a path as Git does.
fn literal(key: &str) -> Option<&str> {
    key.strip_prefix("key::")
        .or_else(|| Some(key).filter(|key| key.starts_with("ssh-")))
}

fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

fn unusable(named_by: &'static str, message: &str) -> Error {
    Error::SigningKey {
        named_by,
        message: message.to_owned(),
    }
}

/// Git's own answer, with everything that its settings may include.
fn config(git_dir: &Path) -> Result<Config> {
    let failed = |message: String| Error::Git {
        command: "config".to_owned(),
        message,
    };
    let mut git_dir_option = OsString::from("--git-dir=");
    git_dir_option.push(git_dir);
    let mut command = Command::new("git");
    for variable in remote::POINTERS {
        command.env_remove(variable);
    }
    let output = command
        .env("LC_ALL", "C")
        .arg(git_dir_option)
        .args(["config", "--null", "--get-regexp"])
        .arg(r"^(user\.signingkey|gpg\.(format|program|(openpgp|ssh|x509)\.program))$")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| failed(e.to_string()))?;
    match output.status.code() {
        Some(0) => Ok(parse(&String::from_utf8_lossy(&output.stdout))),
        // Nothing of it is set.
        Some(1) => Ok(Config::default()),
        _ => Err(failed(said(&output))),
    }
}

/// `<key>\n<value>\0`, of which the last one of a key counts; a key alone has no value.
fn parse(listed: &str) -> Config {
    let mut config = Config::default();
    for item in listed.split_terminator('\0') {
        let Some((key, value)) = item.split_once('\n') else {
            continue;
        };
        let field = match key {
            "user.signingkey" => &mut config.signing_key,
            "gpg.format" => &mut config.format,
            "gpg.program" | "gpg.openpgp.program" => &mut config.openpgp,
            "gpg.ssh.program" => &mut config.ssh,
            "gpg.x509.program" => &mut config.x509,
            _ => continue,
        };
        *field = Some(value.to_owned());
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_the_key_and_what_it_is() {
        type Expected<'e> = Option<(Format, &'e str, &'e str)>;
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("UTF-8");
        let cases: &[(Option<&str>, &str, Expected)] = &[
            (None, "", None),
            (None, "user.signingkey\n\0", None),
            (None, "user.signingkey\0", None),
            (None, "gpg.format\nssh\0", None),
            (
                None,
                "user.signingkey\nann@example.com\0",
                Some((Format::OpenPgp, "gpg", "user.signingKey")),
            ),
            (
                None,
                "user.signingkey\nA1B2\0gpg.program\n/bin/g\0gpg.format\nx509\0",
                Some((Format::X509, "gpgsm", "user.signingKey")),
            ),
            (
                None,
                "user.signingkey\nkey::ssh-ed25519 AAAA\0gpg.ssh.program\n~/bin/s\0",
                Some((Format::Ssh, "/home/ann/bin/s", "user.signingKey")),
            ),
            (
                Some("ssh-ed25519 AAAA"),
                "user.signingkey\nA1B2\0",
                Some((Format::Ssh, "ssh-keygen", "ORZ_SIGNING_KEY")),
            ),
            (
                Some(path),
                "user.signingkey\nA1B2\0",
                Some((Format::Ssh, "ssh-keygen", "ORZ_SIGNING_KEY")),
            ),
            (
                Some("A1B2"),
                "gpg.program\na\0gpg.openpgp.program\nb\0",
                Some((Format::OpenPgp, "b", "ORZ_SIGNING_KEY")),
            ),
        ];
        for (variable, listed, expected) in cases {
            let variable = variable.map(str::to_owned);
            let found = Settings::of(variable, parse(listed), Some(Path::new("/home/ann")));
            let found = found.unwrap_or_else(|e| panic!("{listed:?}: {e}"));
            let found = found.map(|s| (s.format, s.program, s.named_by));
            let expected = expected.map(|(format, program, by)| (format, program.into(), by));
            assert_eq!(found, expected, "{listed:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_said_without_showing_it() {
        for (variable, listed, says) in [
            (
                Some(""),
                "user.signingkey\nA1B2\0",
                "`ORZ_SIGNING_KEY` is empty",
            ),
            (Some(" \n"), "", "`ORZ_SIGNING_KEY` is empty"),
            (
                Some("-----BEGIN OPENSSH PRIVATE KEY-----\nhush\n-----END"),
                "",
                "`ORZ_SIGNING_KEY` holds a key, and has to name one",
            ),
            (
                Some("/nowhere/hush"),
                "",
                "`ORZ_SIGNING_KEY` names no file that is there",
            ),
            (
                None,
                "user.signingkey\n/nowhere/hush\0",
                "`user.signingKey` names no file that is there",
            ),
            (
                None,
                "user.signingkey\nA\0gpg.format\npgp\0",
                "`gpg.format` has the unknown value `pgp`",
            ),
        ] {
            let found = Settings::of(variable.map(str::to_owned), parse(listed), None);
            let error = found.expect_err(says);
            assert_eq!(error.to_string(), says);
            assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        }
    }
}
