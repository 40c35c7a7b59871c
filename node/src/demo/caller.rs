//! A caller of the public interface, as any integrator would write one: the same `Idempotency-Key` on
//! every try, another node after a failure, a bound over all tries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mpss_runtime::Clock;
use mpss_runtime::real::TokioClock;
use reqwest::Method;
use serde_json::Value;

use crate::channel::TO_LEADER;
use crate::channel::http::signed;
use crate::command_line::Failure;

/// How long one try may take; longer than a node's own deadline, so that its answer is seen.
const TRY_MAX: Duration = Duration::from_secs(20);
/// How long all tries of one request may take.
const TRIES_MAX: Duration = Duration::from_secs(40);
/// Pause after every node of a list was asked in vain.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks nodes over HTTP. Cheap to clone; clones share connections and keys.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    keys: Arc<AtomicU64>,
    name: String,
}

/// One request.
struct Ask<'a> {
    method: Method,
    path: &'a str,
    key: Option<&'a str>,
    /// What the bank signs its requests with.
    signature: Option<&'a [u8]>,
    body: Option<&'a Value>,
    /// Seconds the node may wait until what is asked for is final.
    wait_s: u32,
    /// The node tells what it knows itself instead of asking its leader.
    itself: bool,
}

impl<'a> Ask<'a> {
    const fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, key: None, signature: None, body: None, wait_s: 0, itself: false }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// The first answer to the same request again.
    pub(crate) replayed: bool,
    /// The body; null when it is no JSON.
    pub(crate) body: Value,
    /// Tries it took.
    pub(crate) tries: u32,
    /// From the first try to this answer.
    pub(crate) took: Duration,
}

impl Answer {
    /// It was done.
    pub(crate) fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A text of the body; empty when there is none of the name.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The stable name of a refusal; empty when it is none.
    pub(crate) fn code(&self) -> &str {
        self.text("code")
    }

    /// In short, for messages about answers nobody expected.
    pub(crate) fn told(&self) -> String {
        const CHARS_MAX: usize = 300;
        let body: String = self.body.to_string().chars().take(CHARS_MAX).collect();
        format!("{} {body}", self.status)
    }
}

impl Caller {
    /// A caller whose request ids start with `name`.
    pub(crate) fn new(name: impl Into<String>) -> Result<Self, Failure> {
        Self::with_patience(name, TRY_MAX)
    }

    /// A caller who gives one try this long.
    pub(crate) fn with_patience(name: impl Into<String>, try_max: Duration) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(2))
            .timeout(try_max)
            .build()
            .map_err(|error| Failure::start(format!("no HTTP client: {error}")))?;
        Ok(Self { http, keys: Arc::new(AtomicU64::new(1)), name: name.into() })
    }

    /// A request id that was not used before.
    pub(crate) fn key(&self) -> String {
        format!("{}-{}", self.name, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Looks something up.
    pub(crate) async fn get(&self, urls: &[String], path: &str) -> Result<Answer, Failure> {
        self.ask(urls, &Ask::get(path)).await
    }

    /// Looks an order up, and waits for its final status for up to `wait_s` seconds.
    pub(crate) async fn order(&self, urls: &[String], order: &str, wait_s: u32) -> Result<Answer, Failure> {
        let path = format!("/v1/orders/{order}");
        self.ask(urls, &Ask { wait_s, ..Ask::get(&path) }).await
    }

    /// Does something once, under a new request id.
    pub(crate) async fn post(&self, urls: &[String], path: &str, body: &Value) -> Result<Answer, Failure> {
        self.post_as(&self.key(), urls, path, body).await
    }

    /// Does something once, under this request id.
    pub(crate) async fn post_as(
        &self,
        key: &str,
        urls: &[String],
        path: &str,
        body: &Value,
    ) -> Result<Answer, Failure> {
        self.ask(urls, &Ask { method: Method::POST, key: Some(key), body: Some(body), ..Ask::get(path) }).await
    }

    /// Does something once as the bank does, signed with its key.
    pub(crate) async fn post_signed(
        &self,
        bank_key: &[u8],
        urls: &[String],
        path: &str,
        body: &Value,
    ) -> Result<Answer, Failure> {
        let (key, signature) = (self.key(), Some(bank_key));
        let ask = Ask { method: Method::POST, key: Some(&key), signature, body: Some(body), ..Ask::get(path) };
        self.ask(urls, &ask).await
    }

    /// Sets something.
    pub(crate) async fn put(&self, url: &str, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.ask(&[url.to_owned()], &Ask { method: Method::PUT, body: Some(body), ..Ask::get(path) }).await
    }

    /// One look at one node, without a second try.
    pub(crate) async fn look(&self, url: &str, path: &str, deadline: Duration) -> Result<Answer, String> {
        let begun = Instant::now();
        match tokio::time::timeout(deadline, self.send(url, &Ask { itself: true, ..Ask::get(path) })).await {
            Ok(answer) => answer.map(|answer| Answer { took: begun.elapsed(), ..answer }),
            Err(_) => Err(format!("no answer within {} ms", deadline.as_millis())),
        }
    }

    /// Asks one node after the other until one gives an answer that is one: not "not now" (429, 503),
    /// not "unknown" (504), not silence.
    async fn ask(&self, urls: &[String], ask: &Ask<'_>) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let mut tries = 0_u32;
        loop {
            let url = &urls[tries as usize % urls.len()];
            tries += 1;
            let why = match self.send(url, ask).await {
                Ok(answer) if !matches!(answer.status, 429 | 503 | 504) => {
                    return Ok(Answer { tries, took: begun.elapsed(), ..answer });
                }
                Ok(answer) => answer.told(),
                Err(error) => error,
            };
            if begun.elapsed() > TRIES_MAX {
                let (bound, method, path) = (TRIES_MAX.as_secs(), &ask.method, ask.path);
                return Err(Failure::check(format!(
                    "{method} {path}: no answer in {bound} s and {tries} tries: {why}"
                )));
            }
            // The other nodes are asked at once; only a whole round in vain is a reason to wait.
            if (tries as usize).is_multiple_of(urls.len()) {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn send(&self, url: &str, ask: &Ask<'_>) -> Result<Answer, String> {
        let mut request = self.http.request(ask.method.clone(), format!("{url}{}", ask.path));
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(key) = ask.signature {
            let body = ask.body.map(Value::to_string).unwrap_or_default();
            let now = TokioClock::new().wall_ms();
            let signature = signed(key, now, ask.method.as_str(), ask.path, body.as_bytes());
            request = request.header("mpss-signature", signature);
        }
        if ask.itself {
            request = request.header(TO_LEADER, "1");
        }
        if ask.wait_s > 0 {
            request = request.header("prefer", format!("wait={}", ask.wait_s));
        }
        if let Some(body) = ask.body {
            request = request.json(body);
        }
        let told = |error: reqwest::Error| super::told(&error);
        let response = request.send().await.map_err(told)?;
        let status = response.status().as_u16();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let bytes = response.bytes().await.map_err(told)?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, replayed, body, tries: 1, took: Duration::ZERO })
    }
}

/// Fen of an amount as the interface writes it (yuan with two places); `None` when it is something else.
pub(crate) fn fen(text: &str) -> Option<i128> {
    let (yuan, places) = text.split_once('.')?;
    let digits = yuan.strip_prefix('-').unwrap_or(yuan);
    if places.len() != 2 || digits.is_empty() || !digits.bytes().chain(places.bytes()).all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    format!("{yuan}{places}").parse().ok()
}

/// An amount as the interface writes it.
pub(crate) fn yuan(fen: i128) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::{fen, yuan};

    #[test]
    fn amounts_are_read_and_written_in_yuan() {
        for (amount, text) in [(0, "0.00"), (5, "0.05"), (1_230, "12.30"), (-5, "-0.05"), (-1_230, "-12.30")] {
            assert_eq!(yuan(amount), text);
            assert_eq!(fen(text), Some(amount), "{text}");
        }
        for text in ["", "1", "1.2", "1.234", ".50", "-.50", "1e3.00", "１.00", "1.+0"] {
            assert_eq!(fen(text), None, "{text}");
        }
    }
}
