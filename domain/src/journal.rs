//! The journal: what happened, for statements, timelines and audit. Records leave the state machine
//! with each applied batch and are kept on the read side; they are never edited.

use serde::{Deserialize, Serialize};

use crate::ids::{
    AccountId, AwardId, CallId, IssuedId, Msisdn, OrderId, ProvinceId, RefundId, SpId, TopUpId, TransferId,
};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::order::OrderEvent;
use crate::rail::{CallStep, Phase};
use crate::sp_events::SpEvent;
use crate::time::LogTime;

/// Where a record stands: log index and place inside the entry. Ascending in the order of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordPosition(u64);

impl RecordPosition {
    const PLACE_BITS: u32 = 16;

    /// The `place`-th record of log entry `index`.
    #[must_use]
    pub const fn new(index: u64, place: u16) -> Self {
        Self((index << Self::PLACE_BITS) | place as u64)
    }

    /// The log entry.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.0 >> Self::PLACE_BITS
    }

    /// The place inside the entry.
    #[must_use]
    pub const fn place(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// As one number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// From one number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// Where it stands.
    pub position: RecordPosition,
    /// When, in log time.
    pub at: LogTime,
    /// The record before this one of the same account, so that a statement is a walk back.
    pub previous: Option<RecordPosition>,
    /// What.
    pub body: JournalBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JournalBody {
    /// Money moved in the books; one balanced set of postings.
    Posted {
        /// Why.
        reason: PostingReason,
        /// What moved: positive debits, negative credits; sums to zero.
        postings: Vec<(LedgerAccount, Money)>,
        /// The subscriber account it is told to, when one moved.
        statement: Option<StatementLine>,
    },
    /// An account changed without money moving.
    AccountChanged {
        /// Which.
        account: AccountId,
        /// How.
        change: AccountChange,
    },
    /// An order moved on.
    OrderMoved {
        /// Which.
        order: OrderId,
        /// How.
        event: OrderEvent,
    },
    /// A call to a peer outside moved on.
    CallMoved {
        /// Which.
        call: CallId,
        /// What it asks.
        step: CallStep,
        /// To where.
        phase: Phase,
    },
    /// An SP was told what concerns it, by the next number of its own.
    SpTold {
        /// Which.
        sp: SpId,
        /// One more than that of the SP's event before.
        number: u64,
        /// What.
        event: SpEvent,
    },
}

impl JournalBody {
    /// Of records that are numbered for whoever reads on from a number: whose stream it is, and the number in it.
    /// Numbers of one stream begin with 1 and have no gap.
    #[must_use]
    pub fn stream(&self) -> Option<(u64, u64)> {
        match self {
            Self::SpTold { sp, number, .. } => Some((sp.bits(), *number)),
            _ => None,
        }
    }
}

/// Why money moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostingReason {
    /// A purchase was paid.
    Purchase(OrderId),
    /// The serving side booked what a home province paid.
    Clearing(OrderId),
    /// A purchase was reversed.
    Reversal(OrderId),
    /// Part or all of a purchase was given back.
    Refund(OrderId, RefundId),
    /// Money came in.
    TopUp(TopUpId),
    /// A balance was paid out when the account was closed.
    PayOut(AccountId),
    /// A transfer went out or came in.
    Transfer(TransferId),
    /// A transfer that could not be credited came back.
    TransferReturned(TransferId),
    /// A peer outside did, or will never do, what was booked as its to do.
    Settled(CallId),
    /// An award went on its way, or to the winner.
    Award(AwardId),
    /// A prize pool was funded, or money was taken out of it.
    PoolFunded(SpId),
}

/// One line of a subscriber's statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// The account.
    pub account: AccountId,
    /// What changed; negative when money left.
    pub amount: Money,
    /// The available balance after it.
    pub balance: Money,
    /// The other side, when it is a subscriber.
    pub counterparty: Option<Msisdn>,
    /// The SP, when there is one.
    pub sp: Option<SpId>,
    /// The other province, when there is one.
    pub province: Option<ProvinceId>,
}

/// How an account changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountChange {
    /// Opened.
    Opened,
    /// Limits or password changed.
    Changed {
        /// A new payment password was set.
        password: bool,
        /// The limits after the change: per payment, per day.
        limits: (Money, Money),
    },
    /// Frozen.
    Frozen {
        /// Until then.
        until: Option<LogTime>,
    },
    /// Thawed, by the subscriber or on its date.
    Thawed,
    /// Closed.
    Closed,
    /// The payment password was locked.
    PasswordLocked {
        /// Until then.
        until: LogTime,
    },
    /// It stands on another card, or the bank debits that in another mode.
    CardChanged,
}
