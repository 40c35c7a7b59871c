//! Simulators of what stands outside: service providers and the SMS centre. They belong to the
//! product: testers and integrators start them alone (`mpss simulate sp`, `mpss simulate sms`), the
//! demo and the bench start them beside their provinces.
//!
//! ```text
//!  outbox ─▶ gateway ─▶ POST /sps/{name}/notices  ─▶ sp::SpSimulator    PUT, GET /simulator/sps/{name}
//!                    ─▶ POST /messages            ─▶ sms::SmsSimulator  PUT /simulator/sms, GET /simulator/sms/{msisdn}
//! ```
//!
//! How a simulator behaves is set while it runs. What it did is remembered, so that a test can ask
//! how often an effect reached the world, however often it was asked for.

use std::net::TcpListener;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mpss_runtime::BoxFuture;
use tokio::sync::watch;

use crate::gateway::rail::Lost;

pub mod bank;
pub mod ismp;
pub mod keys;
pub mod manner;
mod nodes;
pub mod recharge;
pub mod remembered;
mod signed;
pub mod sms;
pub mod sp;
mod sp_signing;
pub mod upp;
pub mod upp_accounts;

/// Serves a simulator until `shutdown` becomes true (or its sender is gone).
///
/// # Errors
/// When the listener can not be used.
pub async fn serve(listener: TcpListener, router: Router, mut shutdown: watch::Receiver<bool>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let ended = async move {
        // An error means the sender is gone: whoever started the simulator has ended.
        let _ = shutdown.wait_for(|end| *end).await;
    };
    axum::serve(NoDelay(listener), router).with_graceful_shutdown(ended).await
}

/// How long a request that is never answered is held before the connection is given up, in ms.
const SILENCE_MS: u64 = 120_000;

/// The request is taken and never answered.
async fn silence() -> Response {
    tokio::time::sleep(Duration::from_millis(SILENCE_MS)).await;
    StatusCode::GATEWAY_TIMEOUT.into_response()
}

/// What comes of a request over HTTP: its answer, made of what it is refused with, at once, late or never.
async fn over_http(fate: manner::Fate, answer: impl FnOnce(Option<&str>) -> Response) -> Response {
    if fate.lost {
        return silence().await;
    }
    let answer = answer(fate.refused.as_deref());
    if fate.answer_lost || fate.crash {
        return silence().await;
    }
    if fate.after_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fate.after_ms)).await;
    }
    answer
}

/// What comes of a request without a socket. Time does not pass, so an answer that takes longer than it is waited
/// for is none.
fn at_once<R: Send + 'static>(
    fate: &manner::Fate,
    patience: Duration,
    answer: impl FnOnce(Option<&str>) -> R,
) -> BoxFuture<'static, Result<R, Lost>> {
    let heard = !fate.answer_lost && !fate.crash && fate.after_ms <= patience.as_millis() as u64;
    let answer = (!fate.lost).then(|| answer(fate.refused.as_deref()));
    Box::pin(std::future::ready(answer.filter(|_| heard).ok_or(Lost::Unknown)))
}

/// Answers leave at once: a gateway that waits for its answer must not wait for a delayed ACK.
struct NoDelay(tokio::net::TcpListener);

impl axum::serve::Listener for NoDelay {
    type Io = tokio::net::TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        // Only slower without it.
        let _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}
