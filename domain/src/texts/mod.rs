//! 短信: what becomes of each text, when the SMS centre tells (source §5.4: every account change is told).
//!
//! ```text
//!  effect ─Asks─▶ asked ──answered──▶ taken ──receipt──▶ delivered │ failed
//!    │  ▲           │
//!    │  └─NotTaken──┤ certain: it is not with the centre
//!    │              ├──receipt──▶ taken: the receipt says so, the answer was lost
//!    │              └──bound────▶ unknown: nobody can say; not sent again
//!    └─ no longer good ─▶ superseded
//! ```
//!
//! A long text goes in parts, each a message of its own at the centre. A part is marked as asked before it is handed
//! over, and at most one part for a number is asked at a time: a receipt whose message is not known can then mean that
//! one alone. While the row of a text is not settled its effect stays in the outbox, which has the words.
//!
//! A centre that gives no receipts (JSON over HTTP) is told by [`crate::Verb::AcknowledgeEffects`]; what it took is
//! counted as sent, and has no rows. What subscribers send is remembered for a moment in [`heard`]; what SPs send to them
//! is [`by_sp`].

use serde::{Deserialize, Serialize};

use crate::effect::{EffectId, SmsText};
use crate::ids::Msisdn;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

pub mod answer;
pub mod by_sp;
mod check;
pub mod heard;
mod keep;
pub mod keyword;
mod receipt;
mod record;

pub use receipt::{Receipt, ReceiptFate};
pub use record::{PartNews, TextNews};

/// Parts of one text at most; more would be a fault of whoever cut it.
pub const PARTS_MAX: u8 = 10;

/// Letters of a centre's message id, and of the reason it gives, at most: SMPP allows 64 of an id.
pub const MESSAGE_CHARS_MAX: usize = 64;

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fate {
    /// Parts of it are not with the centre yet.
    Sending,
    /// The centre has taken it.
    Sent,
    /// The handset has it. Final.
    Delivered,
    /// It did not arrive, and the centre or its receipt says why. Final.
    Failed,
    /// What it says was no longer good, so it was not sent. Final.
    Superseded,
    /// Nobody can say whether it arrived. Final, unless a receipt still comes.
    Unknown,
}

impl Fate {
    /// All of them, in the order of [`TextTotals`].
    pub const ALL: [Self; 6] =
        [Self::Sending, Self::Sent, Self::Delivered, Self::Failed, Self::Superseded, Self::Unknown];

    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::Unknown => "unknown",
        }
    }

    /// Does nothing follow by itself?
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Sending | Self::Sent)
    }
}

/// Where one part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartStatus {
    /// It is not with the centre, for certain.
    Waiting,
    /// It is handed over since then, and whether the centre has it is not known.
    Asked(LogTime),
    /// The centre has it, as it last said then.
    Taken(LogTime),
    /// The handset has it.
    Delivered,
    /// It will not arrive.
    Failed,
    /// Nobody can say.
    Unknown,
}

/// One part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it stands.
    pub status: PartStatus,
    /// What the centre calls it, once that is known.
    pub message: Option<String>,
}

/// A text that a centre with receipts was asked to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The effect it is.
    pub id: EffectId,
    /// To whom.
    pub to: Msisdn,
    /// When it was decided.
    pub at: LogTime,
    /// Its parts, in order.
    pub parts: Vec<Part>,
    /// What became of it.
    pub fate: Fate,
    /// Why it did not arrive, in the centre's words.
    pub why: Option<String>,
    /// When it became final.
    pub final_at: Option<LogTime>,
    /// How often a part was handed over.
    pub tries: u32,
}

/// How many texts came to what, forgotten ones included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextTotals {
    pub(crate) by_fate: [u64; 6],
    /// Receipts that no text could be found for.
    pub unmatched: u64,
}

impl TextTotals {
    /// How many came to this, or stand so now.
    #[must_use]
    pub const fn of(&self, fate: Fate) -> u64 {
        self.by_fate[fate as usize]
    }
}

/// The rows of texts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Texts {
    pub(crate) rows: Table<EffectId, Text, 64>,
    /// By whose they are.
    pub(crate) of: Table<(Msisdn, EffectId), (), 128>,
    /// The part of each number that may or may not be with the centre.
    pub(crate) asked: Table<Msisdn, (EffectId, u8), 64>,
    /// Parts that ended as unknown, without a message of the centre.
    pub(crate) doubtful: Table<(Msisdn, EffectId, u8), (), 64>,
    /// By a digest of what the centre calls them.
    pub(crate) messages: Table<u128, (EffectId, u8), 128>,
    /// Parts that wait for their receipt, by when the centre last said that it has them.
    pub(crate) awaited: Table<(LogTime, EffectId, u8), (), 128>,
    /// Final ones, by when they became so.
    pub(crate) ends: Table<(LogTime, EffectId), (), 128>,
    pub(crate) totals: TextTotals,
    pub(crate) heard: heard::Heard,
}

/// The digest by which a centre's message is found.
fn digest_of_message(message: &str) -> u128 {
    xxhash_rust::xxh3::xxh3_128(message.as_bytes())
}

/// The short number that goes with a part (SMPP's `user_message_reference`), another one each time it is asked, and
/// comes back with its receipt from centres that echo it.
#[must_use]
pub fn reference_of(text: EffectId, part: u8, tries: u32) -> u16 {
    let place = text.0.wrapping_mul(u64::from(PARTS_MAX)).wrapping_add(u64::from(part));
    let mixed =
        place.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(tries)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    u16::try_from(mixed >> 48).expect("16 bits are left")
}

impl SmsText {
    /// Until when it is worth being sent; `None` for what stays true.
    #[must_use]
    pub const fn good_until(&self) -> Option<LogTime> {
        match self {
            Self::ConfirmBinding { until, .. } | Self::ConfirmPurchase { until, .. } => Some(*until),
            _ => None,
        }
    }
}

impl State {
    /// What became of a text; nothing of one that no centre with receipts was asked to send, or long ago.
    #[must_use]
    pub fn text(&self, id: EffectId) -> Option<&Text> {
        self.doors.texts.rows.get(&id)
    }

    /// The texts to a number that are remembered, oldest first.
    pub fn texts_of(&self, msisdn: Msisdn) -> impl Iterator<Item = &Text> {
        let of = self.doors.texts.of.iter_from((msisdn, EffectId(0)));
        let ids = of.map(|(key, ())| *key).take_while(move |(whose, _)| *whose == msisdn);
        ids.filter_map(|(_, id)| self.text(id))
    }

    /// The part to a number that may or may not be with the centre.
    #[must_use]
    pub fn asked_part(&self, to: Msisdn) -> Option<(EffectId, u8)> {
        self.doors.texts.asked.get(&to).copied()
    }

    /// Parts that wait for their receipt, those the centre was silent about longest first.
    pub fn awaited_parts(&self) -> impl Iterator<Item = (LogTime, EffectId, u8)> {
        self.doors.texts.awaited.iter().map(|(key, ())| *key)
    }

    /// How many texts came to what.
    #[must_use]
    pub fn text_totals(&self) -> TextTotals {
        self.doors.texts.totals
    }
}
