//! Why something asked of a node was not done.

use std::time::Duration;

use mpss_cluster::{ProposeError, ReadError};
use mpss_domain::{OrderId, Outcome, Refusal, Reply};
use mpss_routing::PeerError;

use crate::password::PepperMissing;

/// When it is worth asking again what another province was too busy for.
const PEER_BUSY_PAUSE: Duration = Duration::from_secs(1);

/// Why something asked of a node was not done, as far as the node knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// Refused by a rule; nothing moved. Names the order when one was recorded.
    #[error("refused: {}", refusal.code())]
    Refused {
        /// Which rule.
        refusal: Refusal,
        /// The order that was recorded and declined.
        order: Option<OrderId>,
        /// True when this is the first answer to the same request again.
        replayed: bool,
    },
    /// The request itself can not be taken, whatever the state is; nothing happened.
    #[error("{field}: {what}")]
    Malformed {
        /// The stable name, such as `weak_password`.
        code: &'static str,
        /// The field to blame.
        field: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Too much to do; nothing happened.
    #[error("too busy")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Whoever decides this can not be reached; nothing happened.
    #[error("not available now: {0}")]
    Unavailable(String),
    /// The key that a payment password is sealed to can not be had or is not known here; nothing happened.
    #[error("the payment password can not be sealed or opened now: {0}")]
    SealKey(String),
    /// It may have happened or not. Ask again with the same request id.
    #[error("the outcome is unknown; ask again with the same request id")]
    Unknown,
}

impl NotDone {
    /// A refusal that names no order and is told for the first time.
    #[must_use]
    pub const fn refused(refusal: Refusal) -> Self {
        Self::Refused { refusal, order: None, replayed: false }
    }

    /// A new payment password that is tried first by whoever guesses.
    #[must_use]
    pub fn weak_password(field: &'static str) -> Self {
        Self::Malformed { code: "weak_password", field, what: "this payment password is too easily guessed".into() }
    }
}

/// What a reply came to, with refusals told from the rest.
///
/// # Errors
/// [`NotDone::Refused`] for a refusal and for an order that was declined.
pub fn accepted(reply: Reply) -> Result<Reply, NotDone> {
    match reply.outcome {
        Outcome::Refused(refusal) => Err(NotDone::Refused { refusal, order: None, replayed: reply.replayed }),
        Outcome::OrderDeclined(order, refusal) => {
            Err(NotDone::Refused { refusal, order: Some(order), replayed: reply.replayed })
        }
        _ => Ok(reply),
    }
}

impl From<PepperMissing> for NotDone {
    fn from(error: PepperMissing) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ProposeError> for NotDone {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Busy { retry_after } => Self::Busy { retry_after },
            ProposeError::Unknown => Self::Unknown,
            ProposeError::TooLarge { .. } => Self::Malformed { code: "too_large", field: "", what: error.to_string() },
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<ReadError> for NotDone {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<PeerError> for NotDone {
    fn from(error: PeerError) -> Self {
        match error {
            error if error.is_unknown() => Self::Unknown,
            PeerError::Busy(_) => Self::Busy { retry_after: PEER_BUSY_PAUSE },
            error => Self::Unavailable(error.to_string()),
        }
    }
}
