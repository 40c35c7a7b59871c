//! Content-Digest (RFC 9530): what a body must be.

use axum::http::HeaderMap;
use data_encoding::BASE64;
use sfv::{BareItem, Dictionary, Item, ListEntry, Parser};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::fault::Fault;

/// The header's value for a body: its SHA-256.
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(body)))
}

/// Is `body` what the header says? Every digest that is known must be right, and one must be known.
pub(super) fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
    let mut values = headers.get_all(super::CONTENT_DIGEST).iter();
    let value = values.next().ok_or(Fault::DigestMissing)?;
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let digests = text.and_then(|text| Parser::new(text).parse::<Dictionary>().ok());
    let digests = digests.ok_or(Fault::Malformed("Content-Digest is no dictionary of RFC 9530, once"))?;
    let mut known = 0;
    for (algorithm, entry) in &digests {
        let expected: Vec<u8> = match algorithm.as_str() {
            "sha-256" => Sha256::digest(body).to_vec(),
            "sha-512" => Sha512::digest(body).to_vec(),
            _ => continue,
        };
        known += 1;
        let ListEntry::Item(Item { bare_item: BareItem::ByteSequence(given), .. }) = entry else {
            return Err(Fault::DigestMismatch);
        };
        if !bool::from(expected.ct_eq(given.as_slice())) {
            return Err(Fault::DigestMismatch);
        }
    }
    if known == 0 { Err(Fault::Malformed("Content-Digest has neither sha-256 nor sha-512")) } else { Ok(()) }
}
