//! A log entry, and what it is made of.

use serde::{Deserialize, Serialize};

use super::Verb;
use crate::time::LogTime;

/// One log entry: many commands that share a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The leader's wall clock when it proposed; log time never goes back, so `apply` takes the
    /// later of this and the state's own.
    pub at: LogTime,
    /// The commands, in the order they are applied.
    pub commands: Vec<Command>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The caller's request id, when the caller has one. Commands that are idempotent by what they
    /// name (a payment id, an effect id) carry none.
    pub request: Option<Request>,
    /// What is asked.
    pub verb: Verb,
}

impl Command {
    /// A command that is idempotent by what it names.
    #[must_use]
    pub const fn internal(verb: Verb) -> Self {
        Self { request: None, verb }
    }
}

/// The caller's request id and what it was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// First 16 bytes of the SHA-256 of the caller's key.
    pub key: u128,
    /// First 8 bytes of the SHA-256 of the request's content in canonical form, **without** any
    /// password: a digest of a 6-digit secret could be searched.
    pub content: u64,
}
