//! Effects: what the world has to be told, kept as rows of state until it is acknowledged through
//! the log. A leader may die at any moment; the next one finds the rows.

use serde::{Deserialize, Serialize};

use crate::account::{AccountKind, Language};
use crate::ids::{
    AwardId, BindingId, CallId, Msisdn, OrderId, PaymentId, ProvinceId, RefundId, SpId, TransferId, UppNumber, WishId,
};
use crate::money::Money;
use crate::rail::RailName;
use crate::refusal::Refusal;
use crate::shipping::TrackingNumber;
use crate::texts::answer::SmsAnswer;
use crate::time::LogTime;
use crate::upp::UppEnd;
use crate::wish::WishRefusal;

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
    /// Send a call to a peer outside, or ask what became of it; removed and added anew as it moves on.
    Call {
        /// Which.
        call: CallId,
        /// By which rail.
        rail: RailName,
    },
    /// Tell the bank how a binding stands; removed by [`crate::Verb::AcknowledgeEffects`].
    TellBank {
        /// Which.
        binding: BindingId,
    },
    /// Have the home province take what it holds for a delivered order; stored and forwarded until it
    /// is acknowledged.
    CapturePayment {
        /// Which order.
        order: OrderId,
        /// Where.
        home: ProvinceId,
    },
    /// Have the winner's home province take an award; stored and forwarded until it is answered.
    CreditAward {
        /// Which.
        award: AwardId,
        /// Where.
        home: ProvinceId,
    },
    /// Tell the UPP how a payment has ended that it was told is pending; removed by
    /// [`crate::Verb::AcknowledgeEffects`].
    TellUpp {
        /// Which; the notice is known by it.
        payment: PaymentId,
        /// The UPP's number of the order.
        number: UppNumber,
        /// How.
        end: UppEnd,
    },
    /// Tell the bank of a card that a subscriber wants to be bound; removed by
    /// [`crate::Verb::AcknowledgeEffects`], or when the wish is over.
    AskBank {
        /// Which wish.
        wish: WishId,
    },
    /// Have the home province ask its subscriber, and find out what came of it; removed when that is recorded.
    AskConfirmation {
        /// Which order.
        order: OrderId,
        /// Where.
        home: ProvinceId,
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
    /// A purchase was paid from an account whose money is outside.
    PaidOutside {
        /// Which.
        order: OrderId,
        /// What was bought.
        title: String,
        /// How much.
        amount: Money,
        /// From which kind of account.
        kind: AccountKind,
    },
    /// What was set aside for a purchase is given up; nothing was taken.
    HoldGivenUp {
        /// Which.
        order: OrderId,
        /// How much.
        amount: Money,
        /// At which kind of account.
        kind: AccountKind,
    },
    /// A purchase was reversed, and whoever has the money has given it back.
    ReversedOutside {
        /// Which.
        order: OrderId,
        /// How much came back.
        amount: Money,
        /// To which kind of account.
        kind: AccountKind,
    },
    /// A purchase was refunded, and whoever has the money has given it back.
    RefundedOutside {
        /// Which.
        order: OrderId,
        /// How much came back.
        amount: Money,
        /// To which kind of account.
        kind: AccountKind,
    },
    /// A bank wants to bind a card: the subscriber repeats the code.
    ConfirmBinding {
        /// The card's last four digits.
        last_four: String,
        /// Six digits.
        code: u32,
        /// Until then.
        until: LogTime,
    },
    /// A prize came in.
    Awarded {
        /// The bet.
        order: OrderId,
        /// How much, tax taken off.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// Whoever has the money of an account has credited a prize.
    AwardedOutside {
        /// The bet.
        order: OrderId,
        /// How much, tax taken off.
        amount: Money,
        /// To which kind of account.
        kind: AccountKind,
    },
    /// A prize waits until an account can take it.
    AwardWaits {
        /// The bet.
        order: OrderId,
        /// How much, tax taken off.
        amount: Money,
    },
    /// A recharge card was used, and its money came in.
    RechargedByCard {
        /// How much.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// A top-up by recharge card came to nothing.
    RechargeRefused {
        /// Why.
        why: Refusal,
    },
    /// Too many wrong PINs of recharge cards.
    RechargeLocked {
        /// Until then.
        until: LogTime,
    },
    /// Goods are on their way.
    Shipped {
        /// The order.
        order: OrderId,
        /// Who carries them.
        carrier: String,
        /// What the carrier calls them.
        tracking: TrackingNumber,
    },
    /// A bank account stands on another card, or is debited in another mode.
    CardChanged {
        /// The card's last four digits.
        last_four: String,
    },
    /// The bank does not bind a card that the subscriber asked for.
    WishRefused {
        /// The card's last four digits.
        last_four: String,
        /// Why.
        why: WishRefusal,
    },
    /// The bank did not answer whether it binds a card.
    WishLapsed {
        /// The card's last four digits.
        last_four: String,
    },
    /// Money came in from the subscriber's own bank account.
    ToppedUpByBank {
        /// How much.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// A top-up from the subscriber's own bank account came to nothing.
    BankTopUpRefused {
        /// How much was asked for.
        amount: Money,
        /// Why.
        why: Refusal,
    },
    /// Somebody wants to be paid: the subscriber repeats the code.
    ConfirmPurchase {
        /// Which order.
        order: OrderId,
        /// Who sells.
        merchant: String,
        /// What is bought.
        title: String,
        /// How much.
        amount: Money,
        /// Six digits.
        code: u32,
        /// Until then.
        until: LogTime,
        /// The money is only set aside.
        reserve: bool,
    },
    /// Of what was set aside a part is taken, and the rest is free.
    PartTaken {
        /// Which order.
        order: OrderId,
        /// Taken.
        taken: Money,
        /// Free again.
        freed: Money,
        /// At which kind of account.
        kind: AccountKind,
    },
    /// What a subscriber is answered who has sent a command.
    Answer(Box<SmsAnswer>),
    /// What an SP sends.
    FromSp {
        /// The SP's name.
        sender: String,
        /// Its words.
        words: String,
    },
}
