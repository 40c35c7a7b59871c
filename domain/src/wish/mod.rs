//! 绑卡申请: a subscriber asks from our side for a card to be bound (product §2; source §5.1: the card is named, how it
//! goes on is the bank's affair).
//!
//! ```text
//!  asked ─▶ waiting ──the bank is told──▶ told ──▶ bound: the bank binds, naming the wish; what follows is a
//!              │                            │      binding like any other, with its code and its day
//!              │                            ├────▶ refused: the bank says why not, and the subscriber is told
//!              └─────────── a day ──────────┴────▶ lapsed: the subscriber is told
//! ```
//!
//! The card's number comes in sealed, and is forgotten as soon as the bank knows it or the wish is over.

use serde::{Deserialize, Serialize};

use crate::effect::EffectId;
use crate::ids::{BindingId, Msisdn, WishId};
use crate::outside::Card;
pub use crate::sealed::SealedCardNumber;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

mod ask;
mod check;

/// Why a bank does not bind a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WishRefusal {
    /// It has no such card.
    CardUnknown,
    /// The number is not the card holder's.
    NotTheHolder,
    /// The card can not be used: lost, blocked or expired.
    CardUnusable,
    /// It does not offer this for such a card.
    NotOffered,
    /// It does not say.
    NotSaid,
}

impl WishRefusal {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::CardUnknown, Self::NotTheHolder, Self::CardUnusable, Self::NotOffered, Self::NotSaid];

    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CardUnknown => "card_unknown",
            Self::NotTheHolder => "not_the_holder",
            Self::CardUnusable => "card_unusable",
            Self::NotOffered => "not_offered",
            Self::NotSaid => "not_said",
        }
    }

    /// For the subscriber, in Chinese.
    #[must_use]
    pub const fn text_zh(self) -> &'static str {
        match self {
            Self::CardUnknown => "卡号不存在",
            Self::NotTheHolder => "本号码与持卡人预留号码不符",
            Self::CardUnusable => "该卡不可用",
            Self::NotOffered => "该卡不支持此业务",
            Self::NotSaid => "银行未受理",
        }
    }

    /// For the subscriber, in English.
    #[must_use]
    pub const fn text_en(self) -> &'static str {
        match self {
            Self::CardUnknown => "it has no such card",
            Self::NotTheHolder => "this number is not the card holder's",
            Self::CardUnusable => "the card can not be used",
            Self::NotOffered => "it is not offered for this card",
            Self::NotSaid => "the bank does not say why",
        }
    }
}

/// Where a wish stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WishStatus {
    /// The bank is to be told.
    Waiting,
    /// The bank knows, and has not answered.
    Told,
    /// The bank binds the card. Final.
    Bound(BindingId),
    /// The bank does not. Final.
    Refused(WishRefusal),
    /// The bank did not answer. Final.
    Lapsed,
}

impl WishStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Told => "told",
            Self::Bound(_) => "bound",
            Self::Refused(_) => "refused",
            Self::Lapsed => "lapsed",
        }
    }

    /// May the bank still answer?
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Told)
    }
}

/// A card that a subscriber wants to be bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Its id.
    pub id: WishId,
    /// Whose number.
    pub msisdn: Msisdn,
    /// The bank's institution code, as the subscriber gave it.
    pub bank: String,
    /// The card's last four digits.
    pub last_four: String,
    /// The card's number, sealed for this subscriber; empty once the bank knows it.
    pub number: SealedCardNumber,
    /// Where it stands.
    pub status: WishStatus,
    /// When it was asked for.
    pub at: LogTime,
    /// It lapses then.
    pub until: LogTime,
    /// The effect that tells the bank; 0 when none.
    pub waits_for: EffectId,
}

/// What a subscriber asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskBinding {
    /// Whose number.
    pub msisdn: Msisdn,
    /// The bank's institution code.
    pub bank: String,
    /// The card's last four digits.
    pub last_four: String,
    /// The card's number, sealed for this subscriber.
    pub number: SealedCardNumber,
}

/// What [`crate::Verb::BindWished`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindWished {
    /// Which wish.
    pub wish: WishId,
    /// Whose number.
    pub msisdn: Msisdn,
    /// The card.
    pub card: Card,
    /// What the subscriber will have to repeat: six digits, drawn by whoever proposes.
    pub code: u32,
}

/// The rows of wishes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Wishes {
    pub(crate) rows: Table<WishId, Wish, 64>,
    /// The one that is open.
    pub(crate) open: Table<Msisdn, WishId, 64>,
}

impl State {
    /// A wish.
    #[must_use]
    pub fn wish(&self, id: WishId) -> Option<&Wish> {
        self.outside.wishes.rows.get(&id)
    }

    /// The wish of a subscriber that the bank may still answer.
    #[must_use]
    pub fn open_wish(&self, msisdn: Msisdn) -> Option<&Wish> {
        self.outside.wishes.open.get(&msisdn).and_then(|id| self.wish(*id))
    }

    /// All wishes kept, oldest first.
    pub fn wishes(&self) -> impl Iterator<Item = &Wish> {
        self.outside.wishes.rows.iter().map(|(_, wish)| wish)
    }
}
