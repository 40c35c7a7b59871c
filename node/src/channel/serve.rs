//! One listening socket, served: bounded connections, time for headers, idle connections ended,
//! and an end that lets what was begun finish.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mpss_config::DoorSettings;
use mpss_runtime::Seams;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Semaphore, watch};
use tower::Service;

use super::accept::{Accept, From};

/// Headers of one request at most, in bytes together.
const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// How long an idle connection is kept.
const IDLE_MAX: Duration = Duration::from_secs(90);
/// How long a door that closes waits for requests that were begun.
const CLOSING_MAX: Duration = Duration::from_secs(10);
/// Pause after the machine refused a connection (no file handles left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bounds of one door.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Connections at most; more wait in the machine's own queue.
    pub connections_max: usize,
    /// A request's headers must have come within this time.
    pub header_deadline: Duration,
    /// How long an idle connection is kept.
    pub idle_max: Duration,
    /// How long a door that closes waits for requests that were begun.
    pub closing_max: Duration,
}

impl ServeOptions {
    /// The bounds that the settings name.
    #[must_use]
    pub fn new(settings: &DoorSettings) -> Self {
        Self {
            connections_max: settings.connections_max,
            header_deadline: Duration::from_millis(settings.header_deadline_ms),
            idle_max: IDLE_MAX,
            closing_max: CLOSING_MAX,
        }
    }
}

/// Serves `router` on `listener` until `shutdown` becomes true and what was begun is answered, or
/// `closing_max` is over. Needs a tokio runtime.
pub async fn serve(
    listener: std::net::TcpListener,
    router: Router,
    options: ServeOptions,
    seams: Seams,
    shutdown: watch::Receiver<bool>,
) {
    match listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener)) {
        Ok(listener) => serve_on(listener, router, options, seams, shutdown).await,
        Err(error) => tracing::error!(%error, "the door can not be opened"),
    }
}

/// The same, wherever connections come from.
pub async fn serve_on<A: Accept>(
    listener: A,
    router: Router,
    options: ServeOptions,
    seams: Seams,
    mut shutdown: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(options.connections_max));
    let options = Arc::new(options);
    loop {
        // Taking a place before accepting leaves surplus callers in the machine's queue, where they
        // cost nothing.
        let place = tokio::select! {
            biased;
            () = closed(&mut shutdown) => break,
            place = Arc::clone(&places).acquire_owned() => place.expect("the semaphore is never closed"),
        };
        let accepted = tokio::select! {
            biased;
            () = closed(&mut shutdown) => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                seams.clock.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let from = A::other_end(&stream).map(From);
        let connection =
            connection((stream, from), router.clone(), Arc::clone(&options), seams.clone(), shutdown.clone());
        seams.spawner.spawn(
            "connection",
            Box::pin(async move {
                connection.await;
                drop(place);
            }),
        );
    }
    drop(listener);
    // Every connection holds a place, so all places free means every connection has ended.
    let all = u32::try_from(options.connections_max).unwrap_or(u32::MAX);
    let over = seams.clock.sleep(options.closing_max);
    tokio::select! {
        biased;
        _ = places.acquire_many(all) => {}
        () = over => tracing::warn!("requests were still under way when the door closed"),
    }
}

/// Completes when the door is to close; a sender that is gone closes it too.
async fn closed(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|shut| *shut).await;
}

async fn connection<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    (stream, from): (S, Option<From>),
    router: Router,
    options: Arc<ServeOptions>,
    seams: Seams,
    mut shutdown: watch::Receiver<bool>,
) {
    let progress = Arc::new(Progress::default());
    let stream = Watched { stream, progress: Arc::clone(&progress) };
    let service = {
        let progress = Arc::clone(&progress);
        service_fn(move |request: hyper::Request<Incoming>| {
            let begun = Begun::new(&progress);
            let mut request = request;
            if let Some(from) = from {
                request.extensions_mut().insert(from);
            }
            let answer = respond(router.clone(), request);
            async move {
                let _begun = begun;
                answer.await
            }
        })
    };
    let connection = hyper::server::conn::http1::Builder::new()
        .max_buf_size(HEADERS_BYTES_MAX)
        .half_close(false)
        // Header time and idleness are watched below, once a period instead of once a request.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut seen = progress.look();
    let mut quiet = Duration::ZERO;
    let mut period = seams.clock.sleep(options.header_deadline);
    let mut closing = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%error, "a connection ended early");
                }
                return;
            }
            () = closed(&mut shutdown), if !closing => {
                // What is idle ends now, what is under way after its answer.
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut period => {
                let now = progress.look();
                if now.answers_begun != now.answers_ended || now.answers_begun != seen.answers_begun {
                    quiet = Duration::ZERO;
                } else {
                    quiet += options.header_deadline;
                    // Bytes without a request: headers that do not end. None: an idle connection.
                    let begun_to_send = now.bytes_since_answer > 0;
                    if begun_to_send && seen.bytes_since_answer > 0 || quiet >= options.idle_max {
                        return;
                    }
                }
                seen = now;
                period = seams.clock.sleep(options.header_deadline);
            }
        }
    }
}

fn respond(
    mut router: Router,
    request: hyper::Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> {
    let request: Request = request.map(axum::body::Body::new);
    // A router is always ready.
    router.call(request)
}

/// What a connection has done so far.
#[derive(Debug, Default)]
struct Progress {
    bytes_since_answer: AtomicU64,
    answers_begun: AtomicU64,
    answers_ended: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
struct Looked {
    bytes_since_answer: u64,
    answers_begun: u64,
    answers_ended: u64,
}

impl Progress {
    fn look(&self) -> Looked {
        Looked {
            bytes_since_answer: self.bytes_since_answer.load(Ordering::Relaxed),
            answers_begun: self.answers_begun.load(Ordering::Relaxed),
            answers_ended: self.answers_ended.load(Ordering::Relaxed),
        }
    }
}

/// A request that is being answered.
struct Begun(Arc<Progress>);

impl Begun {
    fn new(progress: &Arc<Progress>) -> Self {
        progress.answers_begun.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(progress))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.bytes_since_answer.store(0, Ordering::Relaxed);
        self.0.answers_ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// A socket that counts what is read from it.
struct Watched<S> {
    stream: S,
    progress: Arc<Progress>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = std::pin::Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = buffer.filled().len().saturating_sub(before) as u64;
        self.progress.bytes_since_answer.fetch_add(bytes, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
