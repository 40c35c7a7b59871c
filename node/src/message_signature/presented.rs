//! What a request says of its own signature, before anything of it is believed.

use axum::http::HeaderMap;
use mpss_domain::sp_keys::SpKeyAlgorithm;
use sfv::{BareItem, Dictionary, InnerList, Item, ListEntry, Parser};

use super::base::Message;
use super::content_digest;
use super::fault::Fault;
use super::key::CheckKey;

/// How far the time of a signature may be from ours, before and after, in seconds.
pub const WINDOW_S: u64 = 300;

/// Largest headers of signatures together, in bytes.
const HEADERS_BYTES_MAX: usize = 4 << 10;
/// Components covered at most.
const COMPONENTS_MAX: usize = 32;
/// Characters of a nonce, at least and at most.
const NONCE_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

/// What must be covered of every request: its method, and its target in one of two ways.
const METHOD: &str = "@method";
const TARGET: &str = "@target-uri";
const TARGET_PARTS: [&str; 2] = ["@authority", "@path"];

/// What a request is, as far as its signature must cover it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Changes nothing and has no body.
    Question,
    /// Has a body, and a request id.
    Change,
    /// Has a body with ids of its own.
    Notice,
}

impl Kind {
    /// What must be covered besides method and target.
    const fn covered(self) -> &'static [&'static str] {
        match self {
            Self::Question => &[],
            Self::Change => &["content-digest", "content-type", "idempotency-key"],
            Self::Notice => &["content-digest", "content-type"],
        }
    }
}

/// A signature that is complete and of now, of a body that is what it says; not checked yet.
#[derive(Debug)]
pub struct Presented {
    /// The key it says it is by.
    pub key_id: String,
    /// Different for every signature by one key.
    pub nonce: String,
    /// When it was made, in s since 1970.
    pub created_s: u64,
    algorithm: String,
    base: String,
    signature: Vec<u8>,
}

impl Presented {
    /// Reads the signature of a request that came at `now_s` (s since 1970).
    ///
    /// # Errors
    /// What is wrong with it, in the order of [`Fault`].
    pub fn read(message: &Message<'_>, body: &[u8], kind: Kind, now_s: u64) -> Result<Self, Fault> {
        let (input, signature) = the_one_signature(message.headers)?;
        if input.items.len() > COMPONENTS_MAX {
            return Err(Fault::TooLarge);
        }
        covers_what_it_must(&input, message, kind)?;
        let (key_id, nonce) = (text(&input, "keyid")?, text(&input, "nonce")?);
        let algorithm = text(&input, "alg")?;
        if !NONCE_CHARS.contains(&nonce.len()) {
            return Err(Fault::Malformed("a nonce has 8 to 128 characters"));
        }
        let created_s = seconds(&input, "created")?.ok_or(Fault::Incomplete("created"))?;
        let expired = seconds(&input, "expires")?.is_some_and(|expires| expires < now_s);
        if created_s > now_s.saturating_add(WINDOW_S) {
            return Err(Fault::FromFuture);
        }
        if expired || created_s.saturating_add(WINDOW_S) < now_s {
            return Err(Fault::Expired);
        }
        if kind != Kind::Question {
            content_digest::check(message.headers, body)?;
        }
        let base = message.base(&input)?;
        Ok(Self { key_id, nonce, created_s, algorithm, base, signature })
    }

    /// Is it a signature by this key?
    ///
    /// # Errors
    /// [`Fault::AlgorithmMismatch`], [`Fault::Wrong`].
    pub fn check(&self, key: &CheckKey) -> Result<(), Fault> {
        if !self.is_by(key.algorithm()) {
            return Err(Fault::AlgorithmMismatch);
        }
        if key.has_signed(self.base.as_bytes(), &self.signature) { Ok(()) } else { Err(Fault::Wrong) }
    }

    /// Does it say that it was made in this way?
    #[must_use]
    pub fn is_by(&self, algorithm: SpKeyAlgorithm) -> bool {
        self.algorithm == algorithm.name()
    }
}

/// What is signed and the signature of it, of a request that is signed once.
fn the_one_signature(headers: &HeaderMap) -> Result<(InnerList, Vec<u8>), Fault> {
    let read = |name: &str| {
        let mut texts = Vec::new();
        for value in headers.get_all(name) {
            texts.push(value.to_str().map_err(|_| Fault::Malformed("a header of the signature is not ASCII"))?);
        }
        Ok(texts.join(", "))
    };
    let (inputs, signatures) = (read(super::SIGNATURE_INPUT)?, read(super::SIGNATURE)?);
    if inputs.is_empty() || signatures.is_empty() {
        return Err(Fault::Missing);
    }
    if inputs.len() + signatures.len() > HEADERS_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let parsed = |text: &str| Parser::new(text).parse::<Dictionary>();
    let inputs = parsed(&inputs).map_err(|_| Fault::Malformed("Signature-Input is no dictionary of RFC 9651"))?;
    let signatures = parsed(&signatures).map_err(|_| Fault::Malformed("Signature is no dictionary of RFC 9651"))?;
    if inputs.len() != 1 || signatures.len() != 1 {
        return Err(Fault::Malformed("a request is signed once"));
    }
    let (Some((label, input)), Some((other, signature))) = (inputs.first(), signatures.first()) else {
        return Err(Fault::Missing);
    };
    match (label == other, input, signature) {
        (true, ListEntry::InnerList(input), ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. })) => {
            Ok((input.clone(), bytes.clone()))
        }
        _ => Err(Fault::Malformed("Signature-Input and Signature do not belong together")),
    }
}

fn covers_what_it_must(input: &InnerList, message: &Message<'_>, kind: Kind) -> Result<(), Fault> {
    let covers = |name: &str| {
        let named = |item: &Item| matches!(&item.bare_item, BareItem::String(text) if text.as_str() == name);
        input.items.iter().any(named)
    };
    if !covers(METHOD) {
        return Err(Fault::Incomplete(METHOD));
    }
    let query = message.query.is_none() || covers("@query");
    if !(covers(TARGET) || TARGET_PARTS.into_iter().all(covers) && query) {
        return Err(Fault::Incomplete(TARGET));
    }
    let missing = kind.covered().iter().copied().find(|name| !covers(name));
    match missing {
        // Without the header itself there is nothing that could be covered.
        Some(name) if name == super::CONTENT_DIGEST && !message.headers.contains_key(name) => Err(Fault::DigestMissing),
        Some(name) => Err(Fault::Incomplete(name)),
        None => Ok(()),
    }
}

fn text(input: &InnerList, name: &'static str) -> Result<String, Fault> {
    match input.params.get(name) {
        Some(BareItem::String(text)) if !text.as_str().is_empty() => Ok(text.as_str().to_owned()),
        Some(_) => Err(Fault::Malformed("keyid, nonce and alg are strings")),
        None => Err(Fault::Incomplete(name)),
    }
}

fn seconds(input: &InnerList, name: &'static str) -> Result<Option<u64>, Fault> {
    let wrong = Fault::Malformed("created and expires are whole seconds since 1970");
    match input.params.get(name) {
        Some(BareItem::Integer(seconds)) => u64::try_from(i64::from(*seconds)).map(Some).map_err(|_| wrong),
        Some(_) => Err(wrong),
        None => Ok(None),
    }
}
