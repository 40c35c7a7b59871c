//! Outcomes: what a command came to. A refusal is an outcome like any other.

use serde::{Deserialize, Serialize};

use crate::ids::{
    AccountId, AwardId, BindingId, OrderId, PaymentId, ProductId, RefundId, SpApplicationId, SpId, TopUpId, TransferId,
    WishId,
};
use crate::journal::JournalRecord;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::tickets::TicketId;
use crate::time::LogTime;
use crate::vault::CardResult;

/// What a command came to. Kept with the request id so that the same request gets the same answer;
/// whoever renders it reads the named rows as they were at the reply's log position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Refused; nothing moved.
    Refused(Refusal),
    /// An order that was recorded and then declined.
    OrderDeclined(OrderId, Refusal),
    /// An account was opened, changed, closed, frozen or thawed: as it is now.
    Account(Box<AccountView>),
    /// Money came in.
    ToppedUp {
        /// The top-up.
        top_up: TopUpId,
        /// Into which account.
        account: AccountId,
        /// How much.
        amount: Money,
        /// The balance after it.
        balance: Money,
    },
    /// An SP was admitted, suspended or resumed.
    Sp(SpId),
    /// A product moved on.
    Product(ProductId),
    /// An order was taken or moved on; see its row as of the reply's log position.
    Order(OrderId),
    /// A refund of an order was taken; it is final when the timeline says so.
    Refund(OrderId, RefundId),
    /// A payment was captured.
    Paid(AccountId),
    /// A payment is reversed: money went back, or will never be taken.
    Reversed,
    /// A payment was refunded.
    Refunded,
    /// A transfer was taken; see its row.
    Transfer(TransferId),
    /// A transfer from elsewhere was credited.
    Credited(AccountId),
    /// Done, and there is nothing to say.
    Done,
    /// A binding was asked for or moved on; see its row.
    Binding(BindingId),
    /// A rail outside is asked for a payment; see its row.
    PaymentPending(AccountId),
    /// A rail outside holds the money of a payment; it is taken once the order is delivered.
    Held(AccountId),
    /// An award was taken or moved on; see its row.
    Award(AwardId),
    /// A prize pool was funded, or money was taken out of it.
    Pool {
        /// Whose.
        sp: SpId,
        /// What is in it now.
        balance: Money,
    },
    /// A batch of cards was loaded: what became of each of its lines.
    CardsLoaded(Vec<CardResult>),
    /// The cards of an order may be shown to its buyer; see the order and its cards.
    CardsShown(OrderId),
    /// A ticket was checked, at that time.
    TicketChecked(TicketId, LogTime),
    /// A top-up by card was taken; see its row.
    TopUpTaken(TopUpId),
    /// An order of the UPP moved on, or was asked about again: as it is now.
    Upp(Box<crate::upp::UppView>),
    /// A card is to be bound, or is not; see its row.
    Wish(WishId),
    /// A payment code was issued.
    PaymentCode(Box<crate::payment_codes::CodeView>),
    /// The subscriber is asked whether to pay.
    ConfirmationAsked(PaymentId),
    /// What a subscriber's word came to.
    Word(Box<crate::confirmation::Word>),
    /// Words of a subscriber were heard.
    Heard {
        /// What is done because of them is done once under this number.
        number: u64,
        /// They were heard a moment ago.
        again: bool,
    },
    /// A product has another delivery deadline, and needs no review for it.
    DeadlineChanged {
        /// Which.
        product: ProductId,
        /// It is on sale; else it is approved.
        on_sale: bool,
    },
    /// An SP is to be admitted, is not, or has other documents; see its row.
    SpApplication(SpApplicationId),
    /// Texts of an SP are to be sent.
    TextsTaken(Box<crate::texts::by_sp::TextsTaken>),
}

/// An account as it was when a command had changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The account.
    pub account: crate::account::Account,
    /// What was paid out at its closing.
    pub paid_out: Money,
}

/// The answer to one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What it came to.
    pub outcome: Outcome,
    /// The log entry of its effect; of the first answer when this is a repetition.
    pub index: u64,
    /// True when the request id was known and this is the first answer again.
    pub replayed: bool,
}

/// The result of applying one log entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// One for each command, in order.
    pub replies: Vec<Reply>,
    /// What happened, for the read side.
    pub journal: Vec<JournalRecord>,
    /// Effects were added: the outbox has work.
    pub effects_added: bool,
    /// A digest given by the leader differs from ours: this replica must stop.
    pub diverged: Option<Divergence>,
}

/// A replica that computed something else than its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divergence {
    /// The log entry compared.
    pub index: u64,
    /// The leader's digest.
    pub leader: u128,
    /// Ours.
    pub ours: u128,
}
