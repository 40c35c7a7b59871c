//! The link between provinces as the rest of MPSS sees it.

use std::time::Duration;

use bytes::Bytes;
use mpss_domain::ProvinceId;
use mpss_runtime::BoxFuture;

/// One HTTP request to another province.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCall {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query, starting with `/`.
    pub path: String,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// What the other province answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerReply {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl PeerCall {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl PeerReply {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// No address is configured for the province.
    #[error("province {0} is not connected")]
    NotConnected(ProvinceId),
    /// No node of the province could be reached; none saw the call.
    #[error("province {0} can not be reached")]
    Unreachable(ProvinceId),
    /// No answer in time: the province may have acted on the call.
    #[error("no answer from province {0}: the call may have been carried out")]
    Unknown(ProvinceId),
    /// The province answered that it has too much to do, or no leader: nothing was carried out.
    #[error("province {0} can not do it now; nothing was carried out")]
    Busy(ProvinceId),
    /// The province did not understand the call; nothing was carried out, and asking again is no use.
    #[error("province {province} did not understand the call (HTTP {status}); nothing was carried out")]
    NotUnderstood {
        /// Which province.
        province: ProvinceId,
        /// The HTTP status it answered.
        status: u16,
    },
    /// The request was passed on by a province before and is not passed on a second time.
    #[error("the request was passed on once already and is not passed on to province {0}")]
    ForwardedBefore(ProvinceId),
}

impl PeerError {
    /// True when the call may have been carried out, so that its fate has to be asked for.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

/// Which interface of the other province is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerDoor {
    /// The callers' interface (`/v1/…`), for requests passed on.
    Public,
    /// The provinces' own interface (`/peer/v1/…`).
    Peer,
}

/// Calls to other provinces. Tries the nodes of a province one after the other as long as a try
/// surely had no effect.
pub trait PeerTransport: Send + Sync + 'static {
    /// One call, to any node of `province`.
    fn call(
        &self,
        province: ProvinceId,
        door: PeerDoor,
        call: PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<PeerReply, PeerError>>;
}
