//! From one request to its answer.

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ALLOW, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::secret::{Hashing, SecretFile};

/// How large a body may be, in bytes: GitHub sends nothing larger. It is hashed as it comes, and never kept.
const BODY_MAX: u64 = 25 * 1024 * 1024;
/// GitHub (and Gitea, Forgejo): HMAC-SHA-256 of the body, keyed with the secret.
const SIGNATURE: &str = "x-hub-signature-256";
/// GitLab: the secret itself.
const TOKEN: &str = "x-gitlab-token";

/// What proves that a request is authentic.
enum Proof {
    Signature([u8; 32]),
    Token(HeaderValue),
}

/// 202 when it is authentic, else 400, 401, 405 or 413; without a body.
pub(super) async fn answer(
    request: Request<Incoming>,
    secret: &SecretFile,
) -> Response<Empty<Bytes>> {
    let status = match judge(request, secret).await {
        Ok(()) => StatusCode::ACCEPTED,
        Err(status) => status,
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

async fn judge(request: Request<Incoming>, secret: &SecretFile) -> Result<(), StatusCode> {
    if request.method() != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let proof = proof(request.headers())?;
    let mut body = request.into_body();
    if body.size_hint().lower() > BODY_MAX {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let secrets = secret.read();
    let mut hashing = Hashing::new(&secrets);
    let mut size = 0u64;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        size = size.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if size > BODY_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        hashing.update(&data);
    }
    let authentic = match proof {
        Proof::Signature(signature) => hashing.is(&signature),
        Proof::Token(token) => secrets.contain(token.as_bytes()),
    };
    authentic.then_some(()).ok_or(StatusCode::UNAUTHORIZED)
}

/// Exactly one proof: of two nobody knows which one somebody meant.
fn proof(headers: &HeaderMap) -> Result<Proof, StatusCode> {
    let mut signatures = headers.get_all(SIGNATURE).iter();
    let mut tokens = headers.get_all(TOKEN).iter();
    match (
        signatures.next(),
        tokens.next(),
        signatures.next().or_else(|| tokens.next()),
    ) {
        (None, None, _) => Err(StatusCode::UNAUTHORIZED),
        (Some(signature), None, None) => signature
            .to_str()
            .ok()
            .and_then(|text| digest(text.strip_prefix("sha256=")?))
            .map(Proof::Signature)
            .ok_or(StatusCode::BAD_REQUEST),
        (None, Some(token), None) => Ok(Proof::Token(token.clone())),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let digits = hex.as_bytes();
    if digits.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_sixty_four_digits() {
        let good = "0f".repeat(32);
        assert_eq!(digest(&good), Some([15; 32]));
        assert_eq!(digest(&good.to_uppercase()), Some([15; 32]));
        for bad in [
            "",
            "0",
            &good[1..],
            &format!("{good}0"),
            &"0g".repeat(32),
            &"é".repeat(32),
        ] {
            assert_eq!(digest(bad), None, "{bad}");
        }
    }
}
