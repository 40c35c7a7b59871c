//! HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530): how SPs sign to us, and we to them
//! (product §6 "SP direct", §9).
//!
//! ```text
//!  request ─▶ presented (what it says of its signature) ─▶ its key, by the caller ─▶ is it right? ─▶ is it new?
//!             window, coverage, digest of the body          known, good now          constant time    nonces
//! ```
//!
//! A request is only taken when its signature covers everything that it does: method, target, and of a change the
//! body's digest, its type and the request id. So nothing of it can be changed on its way, and the whole of it, sent
//! again at another node, is the same request and gets the same answer: what a node does not know of another's nonces
//! is no harm. Nothing in here reads a clock or looks up a key; there is no other word for a wrong signature than
//! [`Fault`].

mod base;
mod content_digest;
mod fault;
pub mod fuzz;
mod key;
mod nonces;
mod presented;
mod sign;

#[cfg(test)]
mod tests;

pub use base::Message;
pub use content_digest::content_digest;
pub use fault::Fault;
pub use key::{CheckKey, NoKey, SignKey};
pub use nonces::{NonceFault, Nonces};
pub use presented::{Kind, Presented, WINDOW_S};
pub use sign::{Signature, Signer};

/// The header that says what is signed, and how.
pub const SIGNATURE_INPUT: &str = "signature-input";
/// The header with the signature itself.
pub const SIGNATURE: &str = "signature";
/// The header with the digest of the body.
pub const CONTENT_DIGEST: &str = "content-digest";
