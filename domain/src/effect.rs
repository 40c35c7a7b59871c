//! Effects: what the world has to be told, kept as rows of state until it is acknowledged through
//! the log. A leader may die at any moment; the next one finds the rows.

use serde::{Deserialize, Serialize};

use crate::account::{AccountKind, Language};
use crate::ids::{Msisdn, OrderId, ProvinceId, RefundId, SpId, TransferId};
use crate::money::Money;
use crate::time::LogTime;

/// The number of an effect; ascending in the order of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId(pub u64);

/// One row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRow {
    /// Its number.
    pub id: EffectId,
    /// When it was decided.
    pub at: LogTime,
    /// Not to be done before this time.
    pub not_before: LogTime,
    /// What has to be done.
    pub effect: Effect,
}

/// What has to be done outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Send a text; removed by [`crate::Verb::AcknowledgeEffects`].
    Sms {
        /// To whom.
        to: Msisdn,
        /// In which language.
        language: Language,
        /// What.
        text: SmsText,
    },
    /// Tell the SP to deliver; removed when its answer or the deadline is recorded.
    DeliveryNotice {
        /// Whom.
        sp: SpId,
        /// What for.
        order: OrderId,
    },
    /// Tell the SP that an order it was told about is void; removed by
    /// [`crate::Verb::AcknowledgeEffects`].
    CancelNotice {
        /// Whom.
        sp: SpId,
        /// Which.
        order: OrderId,
    },
    /// Find out what became of a payment whose asker is gone; removed when it is recorded.
    ResolvePayment {
        /// Which order.
        order: OrderId,
        /// Where.
        home: ProvinceId,
    },
    /// Have the home province reverse; stored and forwarded until it is acknowledged.
    ReversePayment {
        /// Which order.
        order: OrderId,
        /// Where.
        home: ProvinceId,
    },
    /// Have the home province refund; stored and forwarded until it is acknowledged.
    RefundPayment {
        /// Which order.
        order: OrderId,
        /// Which refund.
        refund: RefundId,
        /// How much.
        amount: Money,
        /// Where.
        home: ProvinceId,
    },
    /// Have the payee's province credit a transfer; stored and forwarded until it is answered.
    CreditTransfer {
        /// Which.
        transfer: TransferId,
        /// Where.
        payee_home: ProvinceId,
    },
}

/// Every text a subscriber may be sent (source §5.4: every account change is told).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmsText {
    /// An account was opened.
    AccountOpened {
        /// Its kind.
        kind: AccountKind,
        /// Limits: per payment, per day.
        limits: (Money, Money),
    },
    /// An account was closed; what was paid out.
    AccountClosed {
        /// Its kind.
        kind: AccountKind,
        /// Paid out.
        paid_out: Money,
    },
    /// Limits or password changed.
    AccountChanged {
        /// Its kind.
        kind: AccountKind,
        /// A new password was set.
        password: bool,
        /// Limits: per payment, per day.
        limits: (Money, Money),
    },
    /// Frozen.
    AccountFrozen {
        /// Its kind.
        kind: AccountKind,
        /// Until then.
        until: Option<LogTime>,
    },
    /// Thawed.
    AccountThawed {
        /// Its kind.
        kind: AccountKind,
    },
    /// Too many wrong passwords.
    PasswordLocked {
        /// Until then.
        until: LogTime,
    },
    /// Money came in.
    ToppedUp {
        /// How much.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// A purchase was debited.
    Debited {
        /// Which.
        order: OrderId,
        /// What was bought.
        title: String,
        /// How much.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// A purchase was reversed.
    Reversed {
        /// Which.
        order: OrderId,
        /// How much came back.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// A purchase was refunded, whole or in part.
    Refunded {
        /// Which.
        order: OrderId,
        /// How much came back.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// A transfer left.
    TransferSent {
        /// Which.
        transfer: TransferId,
        /// To whom.
        payee: Msisdn,
        /// How much.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// A transfer arrived.
    TransferReceived {
        /// Which.
        transfer: TransferId,
        /// From whom.
        payer: Msisdn,
        /// How much.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// A transfer could not be credited and came back.
    TransferReturned {
        /// Which.
        transfer: TransferId,
        /// How much came back.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
}
