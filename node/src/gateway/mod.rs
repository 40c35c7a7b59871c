//! Gateways: what is told to the world outside, one file for each element. A gateway speaks; it
//! decides nothing and remembers nothing. Everything it sends carries an id that is the same on every
//! retry, so an answer that was lost is no harm.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub mod bank;
pub mod isag;
pub mod isag_texts;
pub mod ismp;
mod json_peer;
pub mod message_centre;
pub mod notice_signing;
pub mod rail;
pub mod recharge;
mod signed_notices;
pub mod smpp;
pub mod smsc;
pub mod sp;
pub mod upp;
pub mod upp_account;

/// The largest answer that is read, in bytes: whoever answers more is not answering us.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Connections kept open to one address while nothing is sent.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// There is no usable answer: what was sent may have arrived or not. It is sent again with the same
/// ids.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The address did not answer in time, or not at all.
    #[error("no answer")]
    Silent(#[source] reqwest::Error),
    /// It answered with an error.
    #[error("answered with HTTP status {0}")]
    Status(u16),
    /// It answered with something else than was agreed.
    #[error("the answer can not be understood")]
    Garbage(#[source] serde_json::Error),
    /// It answered with something else than a message of SOAP.
    #[error("the answer is no message")]
    NotSoap(#[source] crate::soap::NotSoap),
    /// It answered with more than is read.
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
}

/// A client for one gateway: no proxy, no redirects (an SP must not send us elsewhere).
pub(crate) fn client(deadline: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .timeout(deadline)
        .build()
}

/// Posts JSON and reads a JSON answer of bounded size.
async fn post<A: DeserializeOwned>(client: &reqwest::Client, url: &str, body: &impl Serialize) -> Result<A, NoAnswer> {
    answer_of(client.post(url).json(body)).await
}

/// Sends a request and reads a JSON answer of bounded size.
async fn answer_of<A: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<A, NoAnswer> {
    serde_json::from_slice(&answered(request).await?).map_err(NoAnswer::Garbage)
}

/// Sends a request and reads its answer, of bounded size.
async fn answered(request: reqwest::RequestBuilder) -> Result<Vec<u8>, NoAnswer> {
    let mut response = request.send().await.map_err(NoAnswer::Silent)?;
    if !response.status().is_success() {
        return Err(NoAnswer::Status(response.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(NoAnswer::Silent)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(NoAnswer::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Path and query of an address as they arrive, and so as they are signed: with what it has in front of a path.
fn target_of(url: &str) -> String {
    url.splitn(4, '/').nth(3).map_or_else(|| "/".to_owned(), |path| format!("/{path}"))
}

/// Sends a request and reads its whole answer, of bounded size. What could not be connected was not
/// sent; everything else that goes wrong leaves it unknown, a server's error included.
async fn whole_answer(request: reqwest::RequestBuilder) -> Result<Vec<u8>, rail::Lost> {
    let (status, bytes) = whole_answer_of_any(request).await?;
    if status.is_success() { Ok(bytes) } else { Err(rail::Lost::Unknown) }
}

/// The same with its status, whichever that is.
async fn whole_answer_of_any(request: reqwest::RequestBuilder) -> Result<(reqwest::StatusCode, Vec<u8>), rail::Lost> {
    let lost = |error: reqwest::Error| if error.is_connect() { rail::Lost::NotSent } else { rail::Lost::Unknown };
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(rail::Lost::Unknown);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((status, bytes))
}
