//! What is wrong with a signature.

use crate::intake::{EdgeCode, Problem};

/// What is wrong with a signature, in the order in which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is none.
    #[error("Signature-Input and Signature are missing")]
    Missing,
    /// Its headers are larger than is read.
    #[error("the headers of the signature are too large")]
    TooLarge,
    /// It can not be read, for this reason.
    #[error("{0}")]
    Malformed(&'static str),
    /// It does not cover, or does not say, what it must.
    #[error("the signature does not have {0}")]
    Incomplete(&'static str),
    /// It was made too long ago, or is no longer good by its own word.
    #[error("the signature was made more than five minutes ago, or has expired")]
    Expired,
    /// It was made in the future.
    #[error("the signature was made more than five minutes from now")]
    FromFuture,
    /// A change without a digest of its body.
    #[error("Content-Digest is missing")]
    DigestMissing,
    /// The body is another one than was signed.
    #[error("the body is not the one of Content-Digest")]
    DigestMismatch,
    /// Nobody has this key.
    #[error("no key has this keyid")]
    UnknownKey,
    /// The key is not good yet, or no longer.
    #[error("the key is not good now")]
    KeyNotGood,
    /// The key signs in another way than the signature says.
    #[error("the key is of another algorithm")]
    AlgorithmMismatch,
    /// It is not this message's signature by this key.
    #[error("the signature is wrong")]
    Wrong,
    /// It was taken before.
    #[error("the nonce was used before")]
    Replayed,
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let (code, field) = match fault {
            Fault::Missing => (EdgeCode::SignatureMissing, "signature-input"),
            Fault::TooLarge => (EdgeCode::SignatureTooLarge, "signature-input"),
            Fault::Malformed(_) => (EdgeCode::SignatureMalformed, "signature-input"),
            Fault::Incomplete(what) => (EdgeCode::SignatureIncomplete, what),
            Fault::Expired => (EdgeCode::SignatureExpired, "created"),
            Fault::FromFuture => (EdgeCode::SignatureFromFuture, "created"),
            Fault::DigestMissing => (EdgeCode::DigestMissing, "content-digest"),
            Fault::DigestMismatch => (EdgeCode::DigestMismatch, "content-digest"),
            Fault::UnknownKey => (EdgeCode::UnknownKey, "keyid"),
            Fault::KeyNotGood => (EdgeCode::KeyNotGood, "keyid"),
            Fault::AlgorithmMismatch => (EdgeCode::AlgorithmMismatch, "alg"),
            Fault::Wrong => (EdgeCode::SignatureWrong, "signature"),
            Fault::Replayed => (EdgeCode::SignatureReplayed, "nonce"),
        };
        Self::field(code, field, fault.to_string())
    }
}
