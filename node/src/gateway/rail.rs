//! Rails: whoever has the money of accounts outside, as the driver of calls sees them.
//!
//! ```text
//!  Call (row of state) ──RailRequest──▶ RailGateway ──▶ the peer's own words ──▶ Answer
//!                                        bank::rail     ISO 8583
//!                                        ismp           JSON over HTTP
//!                                        recharge       JSON over HTTP
//!                                        upp_account    signed JSON over HTTP
//! ```
//!
//! A gateway sends one call once, by the keys in its row, and says what came of it. When to send, to
//! send again, to ask or to undo is said by the state machine.

use std::time::Duration;

use mpss_domain::rail::{Answer, Call, CallAnswer};
use mpss_domain::vault::SealedPin;
use mpss_runtime::BoxFuture;

/// A call, and what the peer has to be told with it.
#[derive(Debug, Clone)]
pub struct RailRequest {
    /// The row.
    pub call: Call,
    /// The PIN of a recharge card that is asked for.
    pub pin: Option<SealedPin>,
}

impl RailRequest {
    /// By which the peer knows it; the same on every retry.
    #[must_use]
    pub fn key(&self) -> String {
        self.call.id.to_string()
    }

    /// The key of the call it is about.
    #[must_use]
    pub fn key_of_original(&self) -> Option<String> {
        self.call.original.as_ref().map(|original| original.call.to_string())
    }

    /// True when it may have been sent before.
    #[must_use]
    pub const fn is_repeat(&self) -> bool {
        self.call.sent > 1
    }

    /// How long an answer is waited for.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        // A little less than the state machine waits, so that what comes of it is recorded first.
        let answer_ms = self.call.rail.habits().answer_ms;
        Duration::from_millis(answer_ms - answer_ms / 10)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// It surely never reached the peer.
    #[error("it was not sent")]
    NotSent,
    /// It may have reached the peer.
    #[error("nobody knows whether it arrived")]
    Unknown,
}

impl From<Lost> for Answer {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NotSent => Self::NotSent,
            Lost::Unknown => Self::NoAnswer,
        }
    }
}

/// The way to whoever has the money of one kind of accounts.
pub trait RailGateway: Send + Sync + 'static {
    /// Sends a call once. Takes no longer than the request's patience.
    fn send<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer>;

    /// Asks once what became of a call.
    fn ask<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer>;

    /// Waits for the next answer that comes after its call was given up. A request over HTTP that was given up
    /// has nobody left to hear its answer.
    fn late(&self) -> BoxFuture<'_, CallAnswer> {
        Box::pin(std::future::pending())
    }
}
