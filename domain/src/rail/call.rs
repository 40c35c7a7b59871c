//! Calls: what is asked of a peer outside, as rows of the replicated state. A row says whether it may
//! have happened, when and how often it is asked about, and when reconciliation takes over; so a new
//! leader goes on where the last one stopped.
//!
//! ```text
//!             ┌────────────────────────── answered ──────────────────────────┐
//!  queued ─▶ ready ─▶ sent ─no answer─▶ unknown ─▶ asking ─▶ unknown …       ▼
//!                      │ it may have              │ past the budget,     approved, declined
//!                      ▼ happened                 ▼ or it can not be asked
//!                 not_done                    superseded: its undoing is a call of its own
//!             surely never arrived            sent (again) ─▶ … ─past the bound─▶ abandoned
//! ```

use serde::{Deserialize, Serialize};

use super::RailName;
use crate::effect::EffectId;
use crate::ids::{AccountId, AwardId, CallId, Msisdn, PaymentId, RefundId, TopUpId};
use crate::money::Money;
use crate::outside::Card;
use crate::refusal::Refusal;
use crate::time::LogTime;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CallStep {
    /// Set money aside.
    Hold,
    /// Take money at once.
    Take,
    /// Take what was set aside, or less of it.
    Capture,
    /// Give up what was set aside.
    Release,
    /// Make sure that a call nobody knows the end of never was: 冲正 at the bank.
    Undo,
    /// Take back what was confirmed, as if it had never been: 撤销 at the bank.
    Void,
    /// Give money back for what was taken, whole or in part.
    Refund,
    /// Give money: a prize.
    Credit,
}

impl CallStep {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Take => "take",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Undo => "undo",
            Self::Void => "void",
            Self::Refund => "refund",
            Self::Credit => "credit",
        }
    }

    /// Does it take money from the subscriber on somebody's word? It may then be undone. The others
    /// have to be done: they are sent until they are acknowledged.
    #[must_use]
    pub const fn is_asked(self) -> bool {
        matches!(self, Self::Hold | Self::Take)
    }

    /// Does it let go of money that was set aside, and forbid what may still come? There may be nothing there.
    #[must_use]
    pub const fn gives_up(self) -> bool {
        matches!(self, Self::Release | Self::Undo)
    }
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A payment.
    Payment(PaymentId),
    /// A refund of a payment.
    Refund(PaymentId, RefundId),
    /// What was asked of a payment and not captured.
    Rest(PaymentId),
    /// A prize.
    Award(AwardId),
    /// A top-up by recharge card.
    Recharge(TopUpId),
    /// A top-up by bank card.
    BankTopUp(TopUpId),
}

impl Subject {
    /// The payment it is about, when it is about one.
    #[must_use]
    pub const fn payment(self) -> Option<PaymentId> {
        match self {
            Self::Payment(payment) | Self::Refund(payment, _) | Self::Rest(payment) => Some(payment),
            Self::Award(_) | Self::Recharge(_) | Self::BankTopUp(_) => None,
        }
    }
}

/// By what the peer knows a call; the same however often it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// Rises with every call of this province; what a peer counts in fewer digits is taken from it.
    pub serial: u64,
    /// When the call was decided.
    pub at: LogTime,
}

/// The call that another one completes or undoes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// Which.
    pub call: CallId,
    /// What it asked.
    pub step: CallStep,
    /// How much.
    pub amount: Money,
    /// By what the peer knows it.
    pub keys: Keys,
    /// What the peer called it in its answer; empty without one.
    pub reference: String,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Waits for an earlier call of the same payment to end.
    Queued,
    /// Not sent: it surely did not happen.
    Ready,
    /// Sent: it may have happened.
    Sent,
    /// Sent and not answered: to be asked about, or sent again, at `next_at`.
    Unknown,
    /// A question about it is under way.
    Asking,
    /// Done. Final.
    Approved,
    /// Not done, and never will be. Final.
    Declined(Refusal),
    /// It never reached the peer. Final.
    NotDone,
    /// Nobody knows, and it is undone by another call. Final.
    Superseded,
    /// Past its bound: reconciliation decides. Final.
    Abandoned,
}

impl Phase {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ready => "ready",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Asking => "asking",
            Self::Approved => "approved",
            Self::Declined(_) => "declined",
            Self::NotDone => "not_done",
            Self::Superseded => "superseded",
            Self::Abandoned => "abandoned",
        }
    }

    /// True when nothing more is sent for it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Approved | Self::Declined(_) | Self::NotDone | Self::Superseded | Self::Abandoned)
    }

    /// May it have happened, as far as is known here?
    #[must_use]
    pub const fn may_have_happened(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown | Self::Asking | Self::Superseded | Self::Abandoned)
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its id; sorts by time.
    pub id: CallId,
    /// Whom it goes to.
    pub rail: RailName,
    /// What is asked.
    pub step: CallStep,
    /// What it is for.
    pub subject: Subject,
    /// Whose money.
    pub msisdn: Msisdn,
    /// Of which account.
    pub account: AccountId,
    /// The card it is asked of, from when it may go, when the account stands on one: however often it is sent,
    /// and whatever card the account stands on by then.
    pub card: Option<Box<Card>>,
    /// How much; zero for a recharge card whose worth is not known yet.
    pub amount: Money,
    /// By what the peer knows it.
    pub keys: Keys,
    /// What it completes or undoes.
    pub original: Option<Original>,
    /// What the peer called it in its answer; empty without one.
    pub reference: String,
    /// Where it stands.
    pub phase: Phase,
    /// How often it was sent.
    pub sent: u16,
    /// How often it was asked about.
    pub asked: u8,
    /// When it was first sent; zero before.
    pub first_sent_at: LogTime,
    /// When something happens next by itself; zero when nothing does.
    pub next_at: LogTime,
    /// After this nothing is sent any more.
    pub bound: LogTime,
    /// The effect that has it done; 0 when none.
    pub waits_for: EffectId,
    /// An approval that came after it had been superseded. It revived nothing.
    pub late_approval: Option<LogTime>,
}

impl Call {
    /// Questions that may still be asked about it.
    #[must_use]
    pub fn asks_left(&self) -> u8 {
        let habits = self.rail.habits();
        let asks = (0..habits.asks_max).filter(|number| habits.ask_after_ms(*number).is_some()).count();
        u8::try_from(asks).unwrap_or(u8::MAX).saturating_sub(self.asked)
    }

    /// The call as another one refers to it.
    pub(crate) fn as_original(&self) -> Original {
        Original {
            call: self.id,
            step: self.step,
            amount: self.amount,
            keys: self.keys,
            reference: self.reference.clone(),
        }
    }
}

/// What came of sending a call, or of asking about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Done; what the peer calls it.
    Approved {
        /// The peer's name for it: a retrieval reference, a reservation; may be empty.
        reference: String,
    },
    /// Not done, and never will be under these keys.
    Declined(Refusal),
    /// It surely never reached the peer.
    NotSent,
    /// Nobody knows.
    NoAnswer,
    /// The peer was asked and has never seen it. It may still be on its way.
    NeverSeen,
    /// Done: a card is set aside, and this is what it is worth.
    Worth {
        /// The peer's name for it; may be empty.
        reference: String,
        /// How much.
        amount: Money,
    },
}

/// An answer to one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallAnswer {
    /// Which call.
    pub call: CallId,
    /// What came of it.
    pub answer: Answer,
}
