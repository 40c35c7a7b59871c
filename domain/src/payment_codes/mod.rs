//! 付费码, one-time payment codes for pay-per-use (product §3 付费: parking, metro, vending, POS).
//!
//! ```text
//!  subscriber: account, password, at most so much ─▶ a code, good once and for a minute
//!  a machine:  product, code ─▶ whose it is, by its first two digits ─▶ home: good? enough? limits? ─▶ debited
//! ```
//!
//! A code stands for the subscriber's number and password together. It is known here by a keyed digest made at the
//! edge; its digits are in no log and no snapshot, except sealed in the answer to who asked for it.
//!
//! A code that nobody has is a guess. Guesses are counted for whoever presents them, the SP or the other province, by
//! business day; past [`WRONG_CODES_MAX`] its codes are not looked at until the next. A code that is used or expired
//! is none: who presents it has had it. With thirteen drawn digits, and a million codes open at a time, all the guesses
//! of a day meet one with a chance of one in a thousand.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, Msisdn, PaymentId, ProvinceId, SpId};
use crate::money::Money;
use crate::password::PasswordVerdict;
use crate::purchase::Purchase;
pub use crate::sealed::SealedCode;
use crate::state::State;
use crate::table::Table;
use crate::time::{BusinessDay, LogTime};

mod check;
mod issue;
mod present;

/// How long a code is good, in ms of log time.
pub const GOOD_MS: u64 = 60_000;

/// Codes of one subscriber that may be open at once.
pub const OPEN_MAX: usize = 3;

/// Guesses of one SP, or one other province, in a day that lock.
pub const WRONG_CODES_MAX: u32 = 10_000;

/// A code is told from one that never was for so long after its end, in ms.
const REMEMBERED_MS: u64 = 10 * 60_000;

/// A payment code: the first 16 bytes of a keyed digest of its digits, made at the edge. Without the key codes can not
/// be searched by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PaymentCode(u128);

impl PaymentCode {
    /// The code with this digest.
    #[must_use]
    pub const fn new(digest: u128) -> Self {
        Self(digest)
    }
}

impl fmt::Debug for PaymentCode {
    /// Eight digits, to tell codes apart by in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {:08x}", self.0 >> 96)
    }
}

/// Who presents a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Presenter {
    /// An SP that is served here.
    Sp(SpId),
    /// The province that serves it.
    Province(ProvinceId),
}

/// A code as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCode {
    /// Which.
    pub code: PaymentCode,
    /// From which account it pays.
    pub account: AccountId,
    /// Whose.
    pub msisdn: Msisdn,
    /// How much it pays at most.
    pub amount: Money,
    /// From then on it is not good.
    pub until: LogTime,
    /// The payment it was used for.
    pub used: Option<PaymentId>,
}

/// What [`crate::Verb::IssueCode`] says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueCode {
    /// From which account it pays.
    pub account: AccountId,
    /// The present password.
    pub verdict: PasswordVerdict,
    /// How much it pays at most.
    pub amount: Money,
    /// The code, drawn by whoever proposes.
    pub code: PaymentCode,
    /// Its digits, sealed for the account.
    pub sealed: SealedCode,
}

/// A code as it was issued; the answer to who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    /// From which account it pays.
    pub account: AccountId,
    /// How much it pays at most.
    pub amount: Money,
    /// From then on it is not good.
    pub until: LogTime,
    /// Its digits, sealed for the account.
    pub sealed: SealedCode,
}

/// A purchase that is paid by a code; its `verdict` says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuyByCode {
    /// What is bought, by whom: the code's subscriber and account.
    pub purchase: Purchase,
    /// The code; `None` when home is elsewhere and will judge.
    pub code: Option<PaymentCode>,
}

/// A payment that another province asks for by a code; its request's `verdict` says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayByCode {
    /// What is asked.
    pub request: crate::command::PayRequest,
    /// The code.
    pub code: PaymentCode,
}

/// The rows of codes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PaymentCodes {
    pub(crate) rows: Table<PaymentCode, IssuedCode, 64>,
    /// By whose they are.
    pub(crate) of: Table<(Msisdn, PaymentCode), (), 64>,
    /// By their end.
    pub(crate) ends: Table<(LogTime, PaymentCode), (), 128>,
    /// Guesses of a day.
    pub(crate) wrong: Table<(BusinessDay, Presenter), u32, 64>,
}

impl State {
    /// A code, as long as it is remembered.
    #[must_use]
    pub fn payment_code(&self, code: PaymentCode) -> Option<&IssuedCode> {
        self.outside.payment_codes.rows.get(&code)
    }

    /// All codes that are remembered.
    pub fn payment_codes(&self) -> impl Iterator<Item = &IssuedCode> {
        self.outside.payment_codes.rows.iter().map(|(_, row)| row)
    }
}
