//! The network between replicas: one TCP connection to each peer, many calls on it at once.
//!
//! ```text
//!  call ─▶ queue ─▶ writer task ══ connection ══▶ reader ─▶ Handler::handle, in order of arrival
//!   ▲                                                            │ answers in any order
//!   └────────────── reader task ◀══ connection ══ writer task ◀──┘
//! ```
//!
//! A call that never reached the socket is [`CallError::Unreachable`]; one that did and has no
//! answer is [`CallError::Unknown`], because the peer may have acted on it.

mod client;
mod frame;
mod server;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

pub use frame::FRAME_BYTES_MAX;

use crate::transport::ServeGuard;
use crate::{BoxFuture, CallError, Handler, Transport};

/// Calls over TCP. Dropping it breaks its connections.
pub struct TcpTransport {
    runtime: Handle,
    local: SocketAddr,
    /// Bound when the transport is made, so that a port chosen by the machine can be told to the
    /// others before anything is served; taken by the first `serve`.
    listener: Mutex<Option<TcpListener>>,
    /// How many listen at the address: one at most.
    listening: watch::Sender<u32>,
    peers: Mutex<HashMap<String, Arc<client::Peer>>>,
}

/// Listens, until it is dropped.
struct Listening(watch::Sender<u32>);

impl Listening {
    fn begin(listening: &watch::Sender<u32>) -> Self {
        listening.send_modify(|many| *many += 1);
        Self(listening.clone())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.send_modify(|many| *many -= 1);
    }
}

impl TcpTransport {
    /// Binds `address`; port 0 lets the machine choose one.
    ///
    /// # Errors
    /// When the address can not be listened on.
    pub async fn bind(address: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            runtime: Handle::current(),
            local: listener.local_addr()?,
            listener: Mutex::new(Some(listener)),
            listening: watch::Sender::default(),
            peers: Mutex::new(HashMap::new()),
        })
    }

    /// The address that is served.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Waits until what was served here is served no more, so that the address can be bound again. Holds
    /// nothing of this transport.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut listening = self.listening.subscribe();
        async move {
            // Nobody is left to listen when nobody is left to say so.
            let _ = listening.wait_for(|many| *many == 0).await;
        }
    }

    fn peer(&self, address: &str) -> Arc<client::Peer> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = peers.get(address) {
            return peer.clone();
        }
        let peer = client::Peer::new(address, self.runtime.clone());
        peers.insert(address.to_owned(), peer.clone());
        peer
    }

    async fn listen(&self) -> io::Result<TcpListener> {
        let bound = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        match bound {
            Some(listener) => Ok(listener),
            // Served before and ended; the address is the same again.
            None => {
                self.closed().await;
                TcpListener::bind(self.local).await
            }
        }
    }
}

impl std::fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpTransport").field("local", &self.local).finish_non_exhaustive()
    }
}

impl Drop for TcpTransport {
    fn drop(&mut self) {
        for peer in self.peers.lock().unwrap_or_else(PoisonError::into_inner).values() {
            peer.close();
        }
    }
}

impl Transport for TcpTransport {
    fn call(&self, address: &str, request: Bytes, deadline: Duration) -> BoxFuture<'static, Result<Bytes, CallError>> {
        self.peer(address).call(request, deadline)
    }

    fn serve(&self, handler: Arc<dyn Handler>) -> BoxFuture<'_, io::Result<ServeGuard>> {
        Box::pin(async move {
            let listener = self.listen().await?;
            let listening = Listening::begin(&self.listening);
            let serving = self.runtime.spawn(async move {
                // Told after the listener is gone: this goes last.
                let _told = listening;
                server::accept(listener, handler).await;
            });
            Ok(ServeGuard::new(move || serving.abort()))
        })
    }
}

/// Opens a connection. The one place where an outgoing connection becomes a stream: mutual TLS
/// wraps it here.
async fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Small frames wait up to 40 ms for company otherwise.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Takes an incoming connection; mutual TLS wraps it here.
fn accepted(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
