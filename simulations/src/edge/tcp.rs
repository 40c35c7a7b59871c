//! Simulated TCP as the product and its callers use it: a listener for doors, a connector for HTTP
//! clients, and connections that break in the middle of what they carry.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use mpss_node::channel::Accept;
use mpss_routing::http::CONNECT_DEADLINE;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

use super::scene::Scene;

/// Bytes a connection that is going to break carries at most before it does.
const BREAKS_AFTER_MAX: u64 = 4_000;

/// A door's listener on the simulated network.
pub struct Listener(TcpListener);

impl Listener {
    /// Listens on a port of the host that runs at the moment.
    ///
    /// # Errors
    /// When somebody listens there already.
    pub async fn bind(port: u16) -> io::Result<Self> {
        TcpListener::bind(("0.0.0.0", port)).await.map(Self)
    }
}

impl Accept for Listener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        self.0.accept().await.map(|(stream, _)| stream)
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.0.local_addr().ok()).finish()
    }
}

/// Connects HTTP clients of the host that runs at the moment.
#[derive(Debug, Clone)]
pub struct Connector(pub Scene);

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Fragile>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let scene = self.0.clone();
        Box::pin(async move {
            let host = uri.host().unwrap_or_default().to_owned();
            let connected = TcpStream::connect((host, uri.port_u16().unwrap_or(80)));
            let stream = tokio::time::timeout(CONNECT_DEADLINE, connected).await??;
            Ok(TokioIo::new(Fragile::new(stream, scene)))
        })
    }
}

/// A connection that may break after some bytes.
#[derive(Debug)]
pub struct Fragile {
    stream: Option<TcpStream>,
    /// Bytes until it breaks, when it is going to.
    left: Option<u64>,
    scene: Scene,
}

impl Fragile {
    fn new(stream: TcpStream, scene: Scene) -> Self {
        let breaks = scene.random.happens(scene.breaks());
        let left = breaks.then(|| scene.random.between(1, BREAKS_AFTER_MAX));
        Self { stream: Some(stream), left, scene }
    }

    /// Carries some bytes; breaks when they were too many.
    fn carry(&mut self, bytes: usize, how: &'static str) {
        let Some(left) = &mut self.left else { return };
        *left = left.saturating_sub(bytes as u64);
        if *left == 0 && self.stream.take().is_some() {
            self.scene.count(how);
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Fragile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(self.stream()?.poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.carry(read, "connections broken in an answer");
        if self.stream.is_none() {
            // What was read last is lost with the rest.
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Fragile {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // What breaks in a request sends the part before, and no more.
        let carried =
            self.left.map_or(bytes.len(), |left| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        let written = std::task::ready!(self.stream()?.poll_write(context, &bytes[..carried]))?;
        self.carry(written, "connections broken in a request");
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}

impl Connection for Fragile {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
