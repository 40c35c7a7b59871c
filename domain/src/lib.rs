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

pub mod account;
pub mod catalogue;
pub mod command;
pub mod effect;
pub mod ids;
pub mod journal;
pub mod ledger;
pub mod money;
pub mod number_plan;
pub mod order;
pub mod outcome;
pub mod password;
pub mod payment;
pub mod policy;
pub mod refusal;
pub mod sharded;
pub mod state;
pub mod time;
pub mod transfer;
pub mod visibility;

pub use account::{Account, AccountKind, AccountSelector, AccountStatus, Subscriber};
pub use command::{Batch, Command, Request, Verb};
pub use effect::{Effect, EffectId, EffectRow};
pub use ids::{
    AccountId, CustomerCode, Msisdn, OrderId, PaymentId, ProductId, ProvinceId, RefundId, ReversalId, SpId, TopUpId,
    TransferId,
};
pub use journal::{JournalRecord, RecordPosition};
pub use ledger::{LedgerAccount, TrialBalance};
pub use money::Money;
pub use number_plan::{NumberPlan, Operator};
pub use order::{Channel, Order, OrderStatus};
pub use outcome::{Applied, Outcome, Reply};
pub use password::{PasswordVerdict, PasswordVerifier};
pub use payment::{Payment, PaymentStatus};
pub use refusal::Refusal;
pub use state::State;
pub use time::{BusinessDay, LogTime};
pub use transfer::{Transfer, TransferStatus};
pub use visibility::{HiddenBecause, Scope};
