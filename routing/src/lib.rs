//! The way home: whose number it is, who may buy what where, and how a request reaches the province
//! that debits.
//!
//! ```text
//!  number ─▶ NumberPlan (epoch) ─▶ home ─▶ route: Local | Roaming | National ─▶ dispatch ─▶ PeerTransport ─▶ home
//! ```
//!
//! Deciding is pure; only [`dispatch`] and [`http`] touch the network, and only through
//! [`PeerTransport`], so that the simulator can own it.

mod answer;
mod circuit;
pub mod dispatch;
mod forward;
pub mod http;
pub mod national_plan;
pub mod peer;
pub mod plan_file;
pub mod route;
pub mod subscribers;
pub mod wire;

pub use answer::{CodeOwner, Paid};
pub use dispatch::{Dispatch, DispatchOptions};
pub use http::HttpPeers;
pub use national_plan::{NATIONAL_PLAN_EPOCH, national_plan};
pub use peer::{PeerCall, PeerError, PeerReply, PeerTransport};
pub use plan_file::{PlanFileError, parse_plan, parse_plan_bytes, parse_portability_bytes};
pub use route::{Route, route};
pub use subscribers::{Subscribers, subscribers_of};
