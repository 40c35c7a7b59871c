//! The network between replicas of one province.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::BoxFuture;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The peer could not be reached; it never saw the call.
    #[error("peer {0} can not be reached")]
    Unreachable(String),
    /// No answer came in time or the connection broke: the peer may have acted on the call.
    #[error("no answer from peer {0}: the call may have been carried out")]
    Unknown(String),
}

/// Calls between replicas. Requests to one address are **started** by its handler in the order they
/// were sent, while they stay on one connection; answers may overtake each other. Many calls may be
/// under way at once.
pub trait Transport: Send + Sync + 'static {
    /// Sends `request` to the replica at `address` and waits for its answer. The request is handed
    /// over in the moment of this call, not when the future is first polled.
    fn call(&self, address: &str, request: Bytes, deadline: Duration) -> BoxFuture<'static, Result<Bytes, CallError>>;

    /// Serves calls that arrive here until the returned guard is dropped.
    ///
    /// # Errors
    /// When the address can not be listened on.
    fn serve(&self, handler: Arc<dyn Handler>) -> BoxFuture<'_, std::io::Result<ServeGuard>>;
}

/// What answers calls.
pub trait Handler: Send + Sync + 'static {
    /// Begins to answer `request`. Whatever must keep the order of arrival is done before this
    /// returns; the rest in the future.
    fn handle(&self, request: Bytes) -> BoxFuture<'static, Bytes>;
}

/// Ends serving when dropped.
pub struct ServeGuard {
    end: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl ServeGuard {
    /// A guard that calls `end` when dropped.
    pub fn new(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { end: Some(Box::new(end)) }
    }
}

impl Drop for ServeGuard {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

impl std::fmt::Debug for ServeGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServeGuard")
    }
}
