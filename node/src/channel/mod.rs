//! Channels: where callers and other provinces come in.
//!
//! ```text
//!  socket ─▶ serve (connections, header time) ─▶ guard (in flight, deadline, panics) ─▶ http │ peer ─▶ home, serving
//! ```
//!
//! [`http`] is the callers' interface, [`peer`] the provinces' own; `sms` understands what subscribers send by text, `ivr` what they enter in a call,
//! `portal` has pages for people. Both answer overload before
//! anything has happened, and both say in every answer whether something may have.

pub mod accept;
pub mod http;
pub mod isag;
pub mod peer;
pub mod serve;
pub(crate) mod sms;

pub(crate) mod guard;
pub(crate) mod in_flight;
pub(crate) mod ivr;
pub(crate) mod portal;
pub(crate) mod route_metrics;
pub(crate) mod whole_body;

pub use accept::Accept;
pub(crate) use http::TO_LEADER;
pub use serve::{ServeOptions, serve, serve_on};
/// For searching with damaged bytes: true when they are a complete command of a subscriber.
pub use sms::words::is_command as sms_words;
