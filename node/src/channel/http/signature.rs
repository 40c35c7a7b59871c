//! Requests of the bank and of the UPP, and what they are told, are signed with the key agreed with each.
//!
//! `mpss-signature: t=1795399200000,v1=…`: milliseconds since 1970, and the HMAC-SHA256 in hex of
//! `{t}\n{METHOD}\n{path and query}\n{body}`. A signature is good for five minutes; within them the
//! request id makes sure that a request which comes again changes nothing.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::call::Call;
use super::door::DoorParts;
use crate::intake::{EdgeCode, Problem};

/// How long a signature is good, in ms, before and after.
const SIGNATURE_MS: u64 = 5 * 60_000;

impl DoorParts {
    /// Is this request signed with the key of whom it must come from? `unknown` says what there is no key for.
    pub(super) fn is_signed(&self, call: &Call, key: Option<&[u8]>, unknown: &'static str) -> Result<(), Problem> {
        let refused = |what: &'static str| Err(Problem::field(EdgeCode::BadSignature, "mpss-signature", what));
        let Some(key) = key else { return refused(unknown) };
        let given = call.headers().get("mpss-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
        match verify(key, given, self.wall().0, call.method().as_str(), call.target(), &call.body) {
            Ok(()) => Ok(()),
            Err(what) => refused(what),
        }
    }
}

/// Is `header` a signature of this message with `key`, made about `now` (ms since 1970)?
///
/// # Errors
/// What is wrong with it.
pub fn verify(key: &[u8], header: &str, now: u64, method: &str, target: &str, body: &[u8]) -> Result<(), &'static str> {
    let mut parts = header.split(',').filter_map(|part| part.trim().split_once('='));
    let (Some(("t", at)), Some(("v1", signature))) = (parts.next(), parts.next()) else {
        return Err("t=milliseconds,v1=HMAC-SHA256 in hex");
    };
    let Ok(at) = at.parse::<u64>() else { return Err("t is no time") };
    if at.abs_diff(now) > SIGNATURE_MS {
        return Err("the time is not ours: more than five minutes apart");
    }
    let expected = signature_of(key, at, method, target, body);
    let given: Option<Vec<u8>> = (0..signature.len() / 2)
        .map(|place| u8::from_str_radix(signature.get(place * 2..place * 2 + 2)?, 16).ok())
        .collect();
    // Compared in constant time.
    match given {
        Some(given) if expected.verify_slice(&given).is_ok() => Ok(()),
        _ => Err("the signature is wrong"),
    }
}

/// The header that signs a message: `at` in ms since 1970.
#[must_use]
pub fn signed(key: &[u8], at: u64, method: &str, target: &str, body: &[u8]) -> String {
    let signature = signature_of(key, at, method, target, body).finalize().into_bytes();
    format!("t={at},v1={}", hex::encode(signature))
}

fn signature_of(key: &[u8], at: u64, method: &str, target: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{at}\n{method}\n{target}\n").as_bytes());
    mac.update(body);
    mac
}
