//! 统一支付平台, UPP: a platform beside the federation that takes orders for national goods and has its own SPs
//! deliver them; the payer's home province pays (product §5, 6.3.4 and 6.5.4).
//!
//! ```text
//!  payment ─▶ decided at once: paid, or declined          reversal ─▶ money back, or: never seen, remembered
//!         └─▶ pending ─▶ decided ─▶ notice to the UPP     refund   ─▶ part or all of it back
//!                                                         confirmation ─▶ delivered: what is held is taken
//! ```
//!
//! | step | debit | credit |
//! |---|---|---|
//! | paid from stored value, or by a rail | the wallet, `rail_held`, `rail_clearing` | `due_to:upp` |
//! | reversed, refunded | `due_to:upp` | the wallet, `rail_held`, `rail_returning` |
//!
//! The UPP is a serving party like another province, but it has no identities of ours: an order is known
//! by the UPP's own number, and whatever is asked again under it is answered as before. What is kept under
//! a number is a payment like any other, so its rails, its reversal and its refunds are those of every
//! purchase. A refusal that concerns the payer is kept with the number; one that says the number plan
//! leads elsewhere, or that an amount is none, tried nothing and is not. The rows came with state version 3.

use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::effect::EffectId;
pub use crate::ids::UppNumber;
use crate::ids::{Msisdn, OrderId, PaymentId, RefundId};
use crate::money::Money;
use crate::password::PasswordVerdict;
use crate::payment::{Payment, PaymentStatus};
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

mod ask;
mod rows;

/// What [`crate::Verb::PayUpp`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayUpp {
    /// The UPP's number of the order; the same on every retry.
    pub number: UppNumber,
    /// Who pays.
    pub msisdn: Msisdn,
    /// From which account.
    pub kind: AccountKind,
    /// How much.
    pub amount: Money,
    /// What is bought, for the subscriber's text.
    pub title: String,
    /// The password's verdict, reached here.
    pub verdict: PasswordVerdict,
}

/// What was asked for under a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UppAsked {
    /// From which account.
    pub kind: AccountKind,
    /// How much.
    pub amount: Money,
    /// What is bought.
    pub title: String,
}

/// Does the UPP wait for the end of a payment that it was told is pending?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UppWait {
    /// It had the end in its answer.
    Never,
    /// It waits.
    Open,
    /// It has called the payment off itself.
    CalledOff,
    /// It is told by this effect, or was.
    Told(EffectId),
}

/// How a payment that was pending has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UppEnd {
    /// The money is taken, or set aside for the UPP.
    Paid,
    /// It was refused.
    Declined(Refusal),
    /// Nobody knew for too long; it can never be paid any more.
    Reversed,
}

impl UppEnd {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Declined(_) => "declined",
            Self::Reversed => "reversed",
        }
    }
}

/// An order of the UPP, beside its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UppOrder {
    /// The UPP's number of it.
    pub number: UppNumber,
    /// Its payment; also when a reversal came first, so that the late one is refused.
    pub payment: PaymentId,
    /// Who pays.
    pub msisdn: Msisdn,
    /// What was asked for; `None` when a reversal came first.
    pub asked: Option<UppAsked>,
    /// The UPP's number of its reversal.
    pub reversal: Option<UppNumber>,
    /// The UPP's number of each refund, oldest first.
    pub refunds: Vec<(UppNumber, RefundId)>,
    /// When the UPP first said that it was delivered.
    pub confirmed_at: Option<LogTime>,
    /// Does the UPP wait for its end?
    pub wait: UppWait,
}

impl UppOrder {
    /// An order of which nothing is known but its payment.
    const fn new(number: UppNumber, payment: PaymentId, msisdn: Msisdn) -> Self {
        Self {
            number,
            payment,
            msisdn,
            asked: None,
            reversal: None,
            refunds: Vec::new(),
            confirmed_at: None,
            wait: UppWait::Never,
        }
    }

    /// The order, when it is this subscriber's.
    fn of(&self, msisdn: Msisdn) -> Result<&Self, Refusal> {
        if self.msisdn == msisdn { Ok(self) } else { Err(Refusal::UppOrderMismatch) }
    }
}

/// An order of the UPP as it is answered for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UppView {
    /// The UPP's number of it.
    pub number: UppNumber,
    /// Its payment.
    pub payment: PaymentId,
    /// The number the subscriber knows it by; `None` when a reversal came first.
    pub order: Option<OrderId>,
    /// Who pays.
    pub msisdn: Msisdn,
    /// How much; zero when a reversal came first.
    pub amount: Money,
    /// What was given back by refunds.
    pub refunded: Money,
    /// Where its payment stands.
    pub status: PaymentStatus,
    /// The UPP's number of its reversal.
    pub reversal: Option<UppNumber>,
    /// When the UPP first said that it was delivered.
    pub confirmed_at: Option<LogTime>,
}

/// The orders of the UPP.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct UppOrders {
    pub(crate) rows: Table<UppNumber, UppOrder, 32>,
    /// The number of each payment.
    pub(crate) numbers: Table<PaymentId, UppNumber, 64>,
    /// What is owed to the UPP by rows that are forgotten.
    pub(crate) forgotten: Money,
}

impl State {
    /// An order of the UPP.
    #[must_use]
    pub fn upp_order(&self, number: UppNumber) -> Option<&UppOrder> {
        self.outside.upp.rows.get(&number)
    }

    /// All orders of the UPP that are kept, by number.
    pub fn upp_orders(&self) -> impl Iterator<Item = &UppOrder> {
        self.outside.upp.rows.iter().map(|(_, row)| row)
    }

    /// An order of the UPP as it is now.
    #[must_use]
    pub fn upp_view(&self, number: UppNumber) -> Option<UppView> {
        let row = self.upp_order(number)?;
        let payment = self.payment(row.payment)?;
        Some(UppView {
            number,
            payment: row.payment,
            order: payment.order,
            msisdn: row.msisdn,
            amount: payment.amount,
            refunded: payment.refunded,
            status: payment.status,
            reversal: row.reversal,
            confirmed_at: row.confirmed_at,
        })
    }

    /// Is a payment for an order of the UPP, and so for none that is kept here?
    pub(crate) fn is_for_upp(&self, payment: PaymentId) -> bool {
        self.outside.upp.numbers.get(&payment).is_some()
    }

    /// Its payment is forgotten, and with it the order of the UPP, when it is for one.
    pub(crate) fn forget_upp(&mut self, payment: &Payment) {
        let upp = &mut self.outside.upp;
        if let Some(number) = upp.numbers.remove(&payment.id) {
            upp.rows.remove(&number);
            upp.forgotten += rows::owed_for(payment);
        }
    }
}
