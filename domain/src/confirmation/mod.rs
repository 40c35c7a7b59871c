//! 二次确认, the subscriber's word for a purchase that somebody else began (product §5, 6.3.1 step 1).
//!
//! ```text
//!  an SP, or a page without the password ─▶ order `awaiting_confirmation` ─▶ home: a text with merchant, amount and code
//!     the code ─▶ account, limits, funds ─▶ debited, or set aside for a reservation
//!     "N" and the code, or three wrong codes ─▶ declined          five minutes without a word ─▶ expired
//! ```
//!
//! The subscriber is asked at home, whoever took the order, and only home knows the code. It is for one order, one
//! amount and one merchant. While the subscriber is asked there is no payment yet, so nothing can be debited by its id
//! but by the subscriber's word; what ends the asking keeps the payment id as declined or reversed for ever.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::account::AccountSelector;
use crate::command::PayRequest;
use crate::ids::{IssuedId, Msisdn, OrderId, PaymentId, ProvinceId};
use crate::money::Money;
use crate::purchase::Purchase;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

mod answer;
mod ask;
mod check;

/// Without the subscriber's word for so long the order expires, in ms.
pub const CONFIRM_WITHIN_MS: u64 = 5 * 60_000;

/// Purchases that one subscriber may be asked about at once.
pub const OPEN_MAX: usize = 5;

/// Wrong codes that end what a subscriber is asked.
pub const WRONG_CODES_MAX: u8 = 3;

/// A purchase that a subscriber is asked about.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The payment that the subscriber's word makes.
    pub payment: PaymentId,
    /// What for.
    pub order: OrderId,
    /// Where the order was taken.
    pub serving: ProvinceId,
    /// Who is asked.
    pub msisdn: Msisdn,
    /// From which account.
    pub account: AccountSelector,
    /// How much.
    pub amount: Money,
    /// The number plan epoch it was routed by.
    pub epoch: u64,
    /// What is bought.
    pub title: String,
    /// What the subscriber has to repeat: six digits.
    pub code: u32,
    /// Wrong codes so far.
    pub wrong_codes: u8,
    /// It expires then.
    pub until: LogTime,
    /// The money is only set aside: see `reservation.rs`.
    pub reserve: bool,
}

impl fmt::Debug for Confirmation {
    /// Without the code: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmation")
            .field("payment", &self.payment)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

/// What [`crate::Verb::AskPurchase`] says.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct AskPurchase {
    /// What is bought, by whom; its `verdict` says nothing.
    pub purchase: Purchase,
    /// What the subscriber will have to repeat when this is home: six digits, drawn by whoever proposes.
    pub code: u32,
    /// The money is only set aside.
    pub reserve: bool,
}

/// What [`crate::Verb::AskConfirmation`] says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskConfirmation {
    /// What is asked; its `verdict` says nothing.
    pub request: PayRequest,
    /// Who sells, as the subscriber is told.
    pub merchant: String,
    /// What the subscriber will have to repeat: six digits, drawn by whoever proposes.
    pub code: u32,
    /// The money is only set aside.
    pub reserve: bool,
}

impl fmt::Debug for AskPurchase {
    /// Without the code: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskPurchase").field("purchase", &self.purchase).finish_non_exhaustive()
    }
}

impl fmt::Debug for AskConfirmation {
    /// Without the code: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskConfirmation").field("request", &self.request).finish_non_exhaustive()
    }
}

/// What a subscriber's word came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// What it was about.
    pub order: OrderId,
    /// The payment.
    pub payment: PaymentId,
    /// What is bought.
    pub title: String,
    /// How much.
    pub amount: Money,
    /// Yes, and it was debited, set aside, or is being asked of whoever has the money; or no.
    pub agreed: bool,
}

/// The rows of what subscribers are asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Confirmations {
    pub(crate) rows: Table<PaymentId, Confirmation, 32>,
    /// By who is asked.
    pub(crate) of: Table<(Msisdn, PaymentId), (), 64>,
}

impl State {
    /// What a subscriber is asked about a payment, while it is open.
    #[must_use]
    pub fn confirmation(&self, payment: PaymentId) -> Option<&Confirmation> {
        self.doors.confirmations.rows.get(&payment)
    }

    /// All that is asked of subscribers.
    pub fn confirmations(&self) -> impl Iterator<Item = &Confirmation> {
        self.doors.confirmations.rows.iter().map(|(_, row)| row)
    }

    /// What one subscriber is asked, oldest first.
    pub fn confirmations_of(&self, msisdn: Msisdn) -> impl Iterator<Item = &Confirmation> {
        let first = (msisdn, PaymentId::from_bits(0));
        let of = self.doors.confirmations.of.iter_from(first).map(|(key, ())| *key);
        of.take_while(move |(whose, _)| *whose == msisdn).filter_map(|(_, payment)| self.confirmation(payment))
    }
}
