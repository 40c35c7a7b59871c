//! An SMS centre that tells what becomes of each message, as whoever sends texts sees it.
//!
//! ```text
//!  outbox ──ShortMessage──▶ MessageCentre ──▶ smpp         SMPP 3.4
//!         ──WholeText─────▶               └─▶ isag_texts   Parlay X SMS, by way of the ISAG
//!         ◀──Inbound: receipts, words of subscribers──┘
//! ```
//!
//! A centre is handed one message once and says what came of it. When to send, to ask or to send again is said by
//! what is written down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::texts::{Receipt, ReceiptFate};
use mpss_domain::{EffectId, LogTime, Msisdn, ProvinceId};
use mpss_runtime::{BoxFuture, Seams};
use tokio::sync::watch;

use super::rail::Lost;

/// One message: a text, or a part of one.
#[derive(Clone, PartialEq, Eq)]
pub struct ShortMessage {
    /// From which of our numbers.
    pub source: String,
    /// To whom.
    pub to: Msisdn,
    /// How its bytes are to be read: the data coding of the protocol.
    pub coding: u8,
    /// Its bytes; with a header in front when it is a part.
    pub bytes: Vec<u8>,
    /// It is a part, with a header in front.
    pub is_part: bool,
    /// What centres that echo it give back with the receipt.
    pub reference: u16,
}

impl fmt::Debug for ShortMessage {
    /// Without the words: they may hold a code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortMessage").field("to", &self.to).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// A text as it is read.
#[derive(Clone, PartialEq, Eq)]
pub struct WholeText {
    /// To whom.
    pub to: Msisdn,
    /// What it says.
    pub words: String,
    /// What we call it: the same however often it is handed over. See [`name_of`].
    pub name: String,
}

impl fmt::Debug for WholeText {
    /// Without the words: they may hold a code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WholeText").field("to", &self.to).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// A message.
    Message(ShortMessage),
    /// A text.
    Text(WholeText),
}

/// How a centre is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// In messages that are cut here. One whose answer was lost is taken back before it is sent again.
    Messages,
    /// In texts, each under a name of ours.
    Texts {
        /// A name that it has is the same text to it, however often it is handed over.
        known_again: bool,
    },
}

/// What we call a text: of which province, when it was decided, and its number.
#[must_use]
pub fn name_of(province: ProvinceId, at: LogTime, text: EffectId) -> String {
    format!("{}-{:x}-{:x}", province.code(), at.0, text.0)
}

/// Whose name that is.
#[must_use]
pub fn named(name: &str) -> Option<(ProvinceId, LogTime, EffectId)> {
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| u64::from_str_radix(text, 16).ok()).flatten()
    };
    let mut parts = name.split('-');
    let (province, at, text) = (parts.next()?.parse().ok()?, number(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some((province, LogTime(at), EffectId(text)))
}

/// What a centre answers to what it is handed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It has it, and calls it so.
    Taken(String),
    /// It has too much to do, and has not taken it.
    Busy,
    /// It does not take it, whenever it is asked: why, in its words.
    Refused(String),
}

/// What a centre answers when a message whose answer was lost is to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It had it, had not delivered it, and has it no more.
    Gone,
    /// It has no such message that is not delivered.
    Nothing,
    /// It can not be asked.
    Unsupported,
}

/// The word that something inbound is written down, and need not come again.
pub struct Acknowledge(Box<dyn FnOnce(bool) + Send>);

impl Acknowledge {
    /// Calls `answer` with whether it is done; without either word the centre sends it again by itself.
    pub fn new(answer: impl FnOnce(bool) + Send + 'static) -> Self {
        Self(Box::new(answer))
    }

    /// It is done.
    pub fn done(self) {
        (self.0)(true);
    }

    /// It can not be done now: it is to come again.
    pub fn later(self) {
        (self.0)(false);
    }
}

impl fmt::Debug for Acknowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acknowledge")
    }
}

/// Something that comes from the centre by itself.
#[derive(Debug)]
pub struct Inbound {
    /// What.
    pub what: Came,
    /// Whom to tell that it is done.
    pub acknowledge: Acknowledge,
}

/// What comes from a centre by itself.
pub enum Came {
    /// What became of a message.
    Receipt(Receipt),
    /// A subscriber has sent words.
    Words {
        /// Who.
        from: Msisdn,
        /// What; may hold a password.
        words: zeroize::Zeroizing<String>,
    },
}

impl fmt::Debug for Came {
    /// Without the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receipt(receipt) => receipt.fmt(f),
            Self::Words { from, .. } => f.debug_struct("Words").field("from", from).finish_non_exhaustive(),
        }
    }
}

/// The way to one centre.
pub trait MessageCentre: Send + Sync + 'static {
    /// How it is spoken to.
    fn manner(&self) -> Manner;

    /// Hands a message, or a text, over once.
    fn submit(&self, handed: Handed) -> BoxFuture<'_, Result<Submitted, Lost>>;

    /// Takes back whatever went from `source` to `to` and is not delivered yet.
    fn cancel(&self, source: String, to: Msisdn) -> BoxFuture<'_, Result<Cancelled, Lost>>;

    /// What became of a message that went from `source`.
    fn query(&self, source: String, message: String) -> BoxFuture<'_, Result<ReceiptFate, Lost>>;

    /// Waits for the next thing that comes by itself.
    fn next(&self) -> BoxFuture<'_, Inbound>;

    /// Since when there is a line, by the monotonic clock; `None` while there is none.
    fn open_since(&self) -> watch::Receiver<Option<Duration>>;
}

/// Opens a line; it is held as long as what is given is.
pub type OpenCentre = Arc<dyn Fn(&Seams) -> Arc<dyn MessageCentre> + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_given_and_nothing_else_is() {
        let guangdong = ProvinceId::new(44).expect("Guangdong");
        for (at, text) in [(0, 0), (1_795_437_296_789, 77), (u64::MAX, u64::MAX)] {
            let name = name_of(guangdong, LogTime(at), EffectId(text));
            assert_eq!(named(&name), Some((guangdong, LogTime(at), EffectId(text))), "{name}");
            assert!(name.len() <= mpss_domain::texts::MESSAGE_CHARS_MAX);
        }
        for other in
            ["", "44", "44-1", "44-1-", "44-1-2-3", "44-1-g", "44-+1-2", "44-1-A", "x-1-2", "44-1-10000000000000000"]
        {
            assert_eq!(named(other), None, "{other}");
        }
    }
}
