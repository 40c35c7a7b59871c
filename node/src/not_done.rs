//! Why something asked of a node was not done.

use std::time::Duration;

use mpss_cluster::{ProposeError, ReadError};
use mpss_domain::{OrderId, Refusal};
use mpss_routing::PeerError;

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
    /// Too much to do; nothing happened.
    #[error("too busy")]
    Busy {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Whoever decides this can not be reached; nothing happened.
    #[error("not available now: {0}")]
    Unavailable(String),
    /// It may have happened or not. Ask again with the same request id.
    #[error("the outcome is unknown; ask again with the same request id")]
    Unknown,
}

impl From<ProposeError> for NotDone {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Busy { retry_after } => Self::Busy { retry_after },
            ProposeError::Unknown => Self::Unknown,
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
            PeerError::Unknown(_) => Self::Unknown,
            error => Self::Unavailable(error.to_string()),
        }
    }
}
