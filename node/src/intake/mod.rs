//! Intake: from the wire to typed values, and back to the caller when that fails.
//!
//! ```text
//!  bytes ─▶ json (strict, names the field) ─▶ field (one check a kind of value) ─▶ typed request
//!                        │                                   │
//!                        └───────────▶ Problem ◀─────────────┘   code, number, field, nothing moved
//! ```
//!
//! Nothing here decides about money: what is well formed goes on, what is not is answered at once
//! with a stable code. The edge's own codes have the numbers 100 to 999 ([`edge_code`]); everything
//! from 1000 on is a refusal of the domain.

pub mod edge_code;
pub mod problem;

pub(crate) mod amount;
pub(crate) mod field;
pub(crate) mod json;
pub(crate) mod refusal_text;
pub(crate) mod request_id;
pub(crate) mod text;
pub(crate) mod trace;

pub use edge_code::EdgeCode;
pub use problem::Problem;
