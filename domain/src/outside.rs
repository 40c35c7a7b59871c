//! What the state holds of accounts whose money is outside, and of the calls to those who have it; and
//! the vault of PIN cards, tickets, bills, top-ups by recharge card, orders of the UPP, goods that are sent,
//! draws, cards that subscribers want to be bound, payment codes, and top-ups by bank card.
//!
//! All of it came with state version 3. It stands apart from the other rows, so that what is written
//! of them is what older programs wrote: a snapshot of a lower version ends before it.

use serde::{Deserialize, Serialize};

use crate::award::Awards;
use crate::bank_top_up::BankTopUps;
use crate::bills::Bills;
use crate::draws::Draws;
use crate::effect::EffectId;
use crate::former_home::FormerHome;
use crate::ids::{AccountId, BindingId, CallId, OrderId, PaymentId};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::payment_codes::PaymentCodes;
use crate::rail::{Binding, Call, RailName, Subject};
use crate::recharge::Recharges;
use crate::refusal::Refusal;
use crate::shipping::Shipping;
use crate::state::State;
use crate::table::Table;
use crate::tickets::Tickets;
use crate::upp::UppOrders;
use crate::vault::Vault;
use crate::wish::Wishes;

/// How the subscriber pays the phone bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Billing {
    /// 预付费.
    Prepaid,
    /// 后付费.
    Postpaid,
}

impl Billing {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepaid => "prepaid",
            Self::Postpaid => "postpaid",
        }
    }
}

/// A bound bank card. Its number is not known here: the bank gave a token for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The bank's institution code, up to 11 digits.
    pub bank: String,
    /// What stands for the card number between the bank and this province: up to 19 digits.
    pub token: String,
    /// The last four digits of the card, as the subscriber may be shown them.
    pub last_four: String,
    /// The bank sets money aside first and takes it after the delivery.
    pub pre_freeze: bool,
}

impl std::fmt::Debug for Card {
    /// Without the token: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Card")
            .field("bank", &self.bank)
            .field("last_four", &self.last_four)
            .field("pre_freeze", &self.pre_freeze)
            .finish_non_exhaustive()
    }
}

/// Where the money of an account outside is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Means {
    /// On the phone bill.
    PhoneBill(Billing),
    /// On a bank card.
    Card(Box<Card>),
    /// In a virtual account that the UPP keeps under the subscriber's number.
    Upp,
}

impl Means {
    /// By which rail it is reached.
    #[must_use]
    pub fn rail(&self) -> RailName {
        match self {
            Self::PhoneBill(_) => RailName::Communication,
            Self::Card(card) if card.pre_freeze => RailName::BankPreFreeze,
            Self::Card(_) => RailName::BankRealTime,
            Self::Upp => RailName::Upp,
        }
    }
}

/// What an account outside is linked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where its money is.
    pub means: Means,
    /// Calls about it that are not final.
    pub open_calls: u32,
}

/// What is known of a payment by an account outside, beside its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailPayment {
    /// By which rail.
    pub rail: RailName,
    /// What was asked of it; less may have been captured.
    pub asked: Money,
    /// Whom we owe for it.
    pub against: LedgerAccount,
    /// It is only to be set aside, even by a rail that can not: what is taken then counts as held.
    pub hold: bool,
    /// What is bought, for the subscriber's text.
    pub title: String,
    /// Its calls, oldest first.
    pub calls: Vec<CallId>,
}

/// The rows of state version 3.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outside {
    pub(crate) links: Table<AccountId, Link, 64>,
    pub(crate) payments: Table<PaymentId, RailPayment, 64>,
    pub(crate) calls: Table<CallId, Call, 32>,
    pub(crate) bindings: Table<BindingId, Binding, 64>,
    /// The serial of the last call.
    pub(crate) last_serial: u64,
    /// Orders taken here whose home holds the money; the effect that has it captured, once delivered.
    pub(crate) holds: Table<OrderId, EffectId, 64>,
    pub(crate) awards: Awards,
    /// PIN cards, for sale and sold.
    pub(crate) vault: Vault,
    /// Tickets, issued and checked.
    pub(crate) tickets: Tickets,
    /// Bills, being paid and paid.
    pub(crate) bills: Bills,
    /// Top-ups by card.
    pub(crate) recharges: Recharges,
    /// Goods that are sent.
    pub(crate) shipping: Shipping,
    /// Draws of lotteries.
    pub(crate) draws: Draws,
    /// Orders of the UPP.
    pub(crate) upp: UppOrders,
    /// Where numbers were at home before, oldest first.
    pub(crate) former_homes: Vec<FormerHome>,
    /// Cards that subscribers want to be bound.
    pub(crate) wishes: Wishes,
    /// One-time payment codes.
    pub(crate) payment_codes: PaymentCodes,
    /// Top-ups by bank card.
    pub(crate) bank_top_ups: BankTopUps,
}

impl State {
    /// The rows that came with version 3.
    #[must_use]
    pub fn outside(&self) -> &Outside {
        &self.outside
    }

    /// The same state with other rows of version 3, for whoever reads a state back.
    #[must_use]
    pub fn with_outside(mut self, outside: Outside) -> Self {
        self.outside = outside;
        self
    }

    /// What an account outside is linked to; `None` for stored value that is kept here.
    #[must_use]
    pub fn link(&self, account: AccountId) -> Option<&Link> {
        self.outside.links.get(&account)
    }

    /// Is the money of a virtual account here, and not with the UPP?
    ///
    /// # Errors
    /// [`Refusal::AccountKindUnsupported`].
    pub(crate) fn check_kept_here(&self, account: AccountId) -> Result<(), Refusal> {
        if self.link(account).is_none() { Ok(()) } else { Err(Refusal::AccountKindUnsupported) }
    }

    /// A call to a peer outside.
    #[must_use]
    pub fn call(&self, id: CallId) -> Option<&Call> {
        self.outside.calls.get(&id)
    }

    /// All calls kept, oldest first.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.outside.calls.iter().map(|(_, call)| call)
    }

    /// What is known of a payment by an account outside; `None` for stored value.
    #[must_use]
    pub fn rail_payment(&self, id: PaymentId) -> Option<&RailPayment> {
        self.outside.payments.get(&id)
    }

    /// The calls about the same payment, prize or top-up, oldest first.
    pub fn calls_about(&self, subject: Subject) -> impl Iterator<Item = &Call> {
        let calls = match subject {
            Subject::Payment(payment) | Subject::Refund(payment, _) | Subject::Rest(payment) => {
                self.rail_payment(payment).map(|row| row.calls.as_slice())
            }
            Subject::Award(award) => self.prize(award).map(|prize| prize.calls.as_slice()),
            Subject::Recharge(top_up) => self.recharge(top_up).map(|row| row.calls.as_slice()),
            Subject::BankTopUp(top_up) => self.bank_top_up(top_up).map(|row| row.calls.as_slice()),
        };
        calls.unwrap_or_default().iter().filter_map(|id| self.call(*id))
    }

    /// The calls of a payment, oldest first.
    pub fn calls_of(&self, payment: PaymentId) -> impl Iterator<Item = &Call> {
        self.calls_about(Subject::Payment(payment))
    }
}
