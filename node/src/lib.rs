//! An MPSS node.
//!
//! ```text
//!  channel ─▶ intake ─▶ routing ─▶ serving ─▶ home ─▶ Replica::propose ─▶ State::apply ─▶ outbox ─▶ gateway
//! ```
//!
//! One folder for each step. [`node::Node`] puts them together for one process; [`command_line`] is
//! what a person types.

mod goods_puller;
mod order_driver;
mod outbox;
mod sp_digest;
mod supervision;

pub mod bench;
pub mod card_pin;
pub mod channel;
pub mod code_digits;
pub mod command_line;
mod conformance;
pub mod demo;
pub mod gateway;
pub mod home;
pub mod home_keys;
pub mod intake;
pub mod isag_sps;
mod long_password;
pub mod message_signature;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod node;
pub mod not_done;
pub mod password;
pub mod platform_keys;
mod sandbox;
pub mod seal;
pub mod serving;
pub mod simulator;
pub mod soap;
pub mod telemetry;
pub mod ticket_code;
mod watched;
