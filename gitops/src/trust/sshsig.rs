//! Signatures of SSH, as `ssh-keygen -Y sign` makes them: read and checked in this process, because a program for each
//! commit of a long history takes minutes.

use ring::digest;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

use super::wire::{self, Reader};

const BEGIN: &[u8] = b"-----BEGIN SSH SIGNATURE-----\n";
const END: &[u8] = b"-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";
/// What Git signs for.
const NAMESPACE: &[u8] = b"git";

/// The kinds of keys that can be checked.
pub(super) const KINDS: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ssh-rsa",
];

/// A signature, taken apart and not checked yet.
#[derive(Debug)]
pub(super) struct SshSignature {
    /// The public key that it claims to be of.
    pub(super) key: Vec<u8>,
    namespace: Vec<u8>,
    hash: Vec<u8>,
    signature: Vec<u8>,
}

impl SshSignature {
    /// Whether this is one, whatever is in it.
    pub(super) fn is_one(armoured: &[u8]) -> bool {
        armoured.starts_with(BEGIN)
    }

    /// Takes it apart.
    pub(super) fn parse(armoured: &[u8]) -> Option<Self> {
        let text = armoured.strip_prefix(BEGIN)?.trim_ascii_end();
        let blob = wire::decode(text.strip_suffix(END)?)?;
        let mut reader = Reader(&blob);
        if reader.take(MAGIC.len())? != MAGIC || reader.number()? != 1 {
            return None;
        }
        let key = reader.string()?.to_vec();
        let namespace = reader.string()?.to_vec();
        // Kept free for later; what is signed has an empty one.
        reader.string()?;
        let hash = reader.string()?.to_vec();
        let signature = reader.string()?.to_vec();
        reader.is_empty().then_some(Self {
            key,
            namespace,
            hash,
            signature,
        })
    }

    /// Whether its key made it over this payload, for Git; otherwise why not.
    pub(super) fn check(&self, payload: &[u8]) -> Result<(), &'static str> {
        if self.namespace != NAMESPACE {
            return Err("it was made for something else than Git");
        }
        let algorithm = match self.hash.as_slice() {
            b"sha256" => &digest::SHA256,
            b"sha512" => &digest::SHA512,
            _ => return Err("it hashes in an unknown way"),
        };
        let mut message = MAGIC.to_vec();
        wire::put(&mut message, NAMESPACE);
        wire::put(&mut message, b"");
        wire::put(&mut message, &self.hash);
        wire::put(&mut message, digest::digest(algorithm, payload).as_ref());
        match matches(&self.key, &self.signature, &message) {
            Some(true) => Ok(()),
            Some(false) => Err("it is not of this commit"),
            None => Err("it cannot be read"),
        }
    }
}

/// The name by which people know a key.
pub(super) fn fingerprint(key: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, key);
    format!("SHA256:{}", wire::encode(hash.as_ref()))
}

/// Whether a signature of one of [`KINDS`] is of this message; `None` if key or signature make no sense.
fn matches(key: &[u8], signed: &[u8], message: &[u8]) -> Option<bool> {
    let mut key = Reader(key);
    let kind = key.string()?;
    let mut signed = Reader(signed);
    let made_by = signed.string()?;
    let blob = signed.string()?;
    if !signed.is_empty() {
        return None;
    }
    let of = |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8], blob: &[u8]| {
        UnparsedPublicKey::new(algorithm, key)
            .verify(message, blob)
            .is_ok()
    };
    match kind {
        b"ssh-ed25519" if made_by == kind => {
            let point = last(&mut key)?;
            Some(of(&signature::ED25519, point, blob))
        }
        b"ecdsa-sha2-nistp256" if made_by == kind => {
            key.string()?;
            let point = last(&mut key)?;
            let algorithm = &signature::ECDSA_P256_SHA256_FIXED;
            Some(of(algorithm, point, &numbers(blob, 32)?))
        }
        b"ecdsa-sha2-nistp384" if made_by == kind => {
            key.string()?;
            let point = last(&mut key)?;
            let algorithm = &signature::ECDSA_P384_SHA384_FIXED;
            Some(of(algorithm, point, &numbers(blob, 48)?))
        }
        b"ssh-rsa" => {
            let (e, n) = (key.natural()?, key.natural()?);
            let algorithm = match made_by {
                b"rsa-sha2-256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                b"rsa-sha2-512" => &signature::RSA_PKCS1_2048_8192_SHA512,
                // SHA-1 among them.
                _ => return None,
            };
            let components = RsaPublicKeyComponents { n, e };
            Some(components.verify(algorithm, message, blob).is_ok())
        }
        _ => None,
    }
}

fn last<'b>(reader: &mut Reader<'b>) -> Option<&'b [u8]> {
    let bytes = reader.string()?;
    reader.is_empty().then_some(bytes)
}

/// The two numbers of an ECDSA signature, one after the other in this many bytes each.
fn numbers(blob: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut reader = Reader(blob);
    let mut out = Vec::with_capacity(2 * length);
    for _ in 0..2 {
        let number = reader.natural()?;
        out.resize(out.len() + length.checked_sub(number.len())?, 0);
        out.extend_from_slice(number);
    }
    reader.is_empty().then_some(out)
}
