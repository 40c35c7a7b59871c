//! Channels: where callers and other provinces come in.
//!
//! ```text
//!  socket ─▶ serve (connections, header time) ─▶ guard (in flight, deadline, panics) ─▶ http │ peer ─▶ home, serving
//! ```
//!
//! [`http`] is the callers' interface, [`peer`] the provinces' own. Both answer overload before
//! anything has happened, and both say in every answer whether something may have.

pub mod accept;
pub mod http;
pub mod isag;
pub mod peer;
pub mod serve;

pub(crate) mod guard;
pub(crate) mod in_flight;
pub(crate) mod route_metrics;
pub(crate) mod whole_body;

pub use accept::Accept;
pub(crate) use http::TO_LEADER;
pub use serve::{ServeOptions, serve, serve_on};
