//! The pure rules of MPSS.
//!
//! One deterministic state machine owns a province's subscribers, accounts, orders, payments and
//! books. A [`Batch`] of [`Command`]s goes in with its log position and its time, a [`Reply`] for
//! each comes out; what the world has to be told is left behind as rows of state ([`Effect`]).
//!
//! ```text
//!  Batch{at, commands} ──▶ State::apply ──▶ Applied{replies, journal}
//!                              │
//!                              ├─ duplicate?  the first answer again
//!                              ├─ one verb    checks first, then one place that writes
//!                              └─ invariants  debits = credits, nothing below its floor
//! ```
//!
//! Nothing here reads a clock, draws a random number, does I/O or depends on the order of a hash
//! map: every replica of a province computes equal bytes from equal log entries.

#![deny(clippy::float_arithmetic, clippy::disallowed_methods, clippy::disallowed_types)]

pub mod account;
mod admit_sp;
pub mod award;
pub mod bank_top_up;
pub mod bills;
mod books;
pub mod catalogue;
mod change_account;
mod check_all;
mod close_account;
pub mod command;
pub mod confirmation;
mod delivery;
pub mod digest;
pub mod distribution;
pub mod doors;
pub mod draws;
pub mod effect;
mod entry;
pub mod former_home;
mod freeze_account;
pub mod goods_reference;
mod home_check;
mod id_source;
pub mod ids;
mod install;
pub mod journal;
pub mod ledger;
mod machine;
pub mod money;
mod movement;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod number_plan;
mod open_account;
pub mod order;
mod outbox;
pub mod outcome;
pub mod outside;
pub mod password;
mod password_check;
mod pay;
mod payer;
pub mod payment;
pub mod payment_codes;
pub mod policy;
mod product_review;
mod purchase;
pub mod rail;
pub mod recharge;
mod record_payment;
mod refund;
pub mod refusal;
mod requests;
pub mod reservation;
mod retention;
mod reversal;
pub mod sealed;
pub mod shipping;
pub mod sms_text;
pub mod sp_admission;
pub mod state;
pub mod table;
mod tick;
pub mod tickets;
pub mod time;
mod timer;
mod top_up;
pub mod transfer;
mod transfer_money;
pub mod upp;
pub mod vault;
pub mod version;
pub mod visibility;
pub mod wish;

pub use account::{Account, AccountKind, AccountSelector, AccountStatus, Subscriber};
pub use command::{Batch, Command, Request, Verb};
pub use effect::{Effect, EffectId, EffectRow, SmsText};
pub use entry::BATCH_COMMANDS_MAX;
pub use ids::{
    AccountId, AwardId, BindingId, CallId, CustomerCode, GoodsReference, Msisdn, OrderId, PaymentId, ProductId,
    ProvinceId, RefundId, ReversalId, SpApplicationId, SpId, TopUpId, TransferId, UppNumber, WishId,
};
pub use journal::{JournalRecord, RecordPosition};
pub use ledger::{LedgerAccount, TrialBalance};
pub use money::Money;
pub use number_plan::{NumberPlan, Operator};
pub use order::{Channel, Order, OrderStatus};
pub use outcome::{Applied, Outcome, Reply};
pub use password::{PasswordVerdict, PasswordVerifier};
pub use payment::{Payment, PaymentStatus};
pub use purchase::Purchase;
pub use rail::RailName;
pub use refusal::Refusal;
pub use state::State;
pub use time::{BusinessDay, LogTime};
pub use transfer::{Transfer, TransferStatus};
pub use version::{StateVersion, VersionRange};
pub use visibility::{HiddenBecause, Scope};
