//! A caller as an integrator would write one: the same `Idempotency-Key` on every retry, another
//! node after a failure, a bound over all tries.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use super::attempts::Attempts;
use super::patience::Pause;

/// How long one try may take; longer than a node's own deadline, so that its answer is seen.
const TRY_DEADLINE: Duration = Duration::from_secs(20);

/// One request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The body.
    pub body: Option<Value>,
    /// The caller's request id.
    pub key: Option<String>,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Ask {
    /// A question.
    #[must_use]
    pub const fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: None, key: None, headers: Vec::new() }
    }

    /// Something to be done, once, however often it is sent.
    #[must_use]
    pub fn post(path: impl Into<String>, key: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, key: Some(key.into()), ..Self::put(path.into(), body) }
    }

    /// A change, once, however often it is sent.
    #[must_use]
    pub fn patch(path: impl Into<String>, key: impl Into<String>, body: Value) -> Self {
        Self { method: Method::PATCH, ..Self::post(path, key, body) }
    }

    /// A setting.
    #[must_use]
    pub const fn put(path: String, body: Value) -> Self {
        Self { method: Method::PUT, path, body: Some(body), key: None, headers: Vec::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The first answer to the same request again.
    pub replayed: bool,
    /// The body; null when it is no JSON.
    pub body: Value,
    /// What the body is said to be.
    pub content_type: String,
    /// When to try again, in seconds.
    pub retry_after: Option<String>,
    /// Tries it took.
    pub tries: u32,
}

impl Answer {
    /// True when it was done.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The stable name of a refusal.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A text of the body.
    ///
    /// # Panics
    /// When there is none of the name: the answer is not what was expected.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name:?} in {} {}", self.status, self.body)).to_owned()
    }

    /// An amount of the body, in fen.
    ///
    /// # Panics
    /// When there is none of the name or it is not yuan with two places.
    #[must_use]
    pub fn fen(&self, name: &str) -> i64 {
        fen(&self.text(name))
    }
}

/// Fen of an amount as the interface writes it: yuan with two places.
///
/// # Panics
/// When it is anything else.
#[must_use]
pub fn fen(text: &str) -> i64 {
    let (yuan, places) = text.split_once('.').unwrap_or_else(|| panic!("{text:?} has no two places"));
    assert_eq!(places.len(), 2, "{text:?} has no two places");
    format!("{yuan}{places}").parse().unwrap_or_else(|_| panic!("{text:?} is no amount"))
}

/// An amount as the interface writes it.
#[must_use]
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
}

/// A caller. Cheap to clone; clones share connections and record.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    try_deadline: Duration,
    attempts: Attempts,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A caller with its own connections.
    ///
    /// # Panics
    /// When the HTTP library can not start.
    #[must_use]
    pub fn new() -> Self {
        Self::with_deadline(TRY_DEADLINE)
    }

    /// A caller with its own connections that waits this long for the answer to one try.
    ///
    /// # Panics
    /// When the HTTP library can not start.
    #[must_use]
    pub fn with_deadline(try_deadline: Duration) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(2))
            .timeout(try_deadline)
            .build()
            .expect("an HTTP client without TLS");
        Self { http, try_deadline, attempts: Attempts::default() }
    }

    /// Another caller with connections of its own and the same record.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { attempts: self.attempts.clone(), ..Self::with_deadline(self.try_deadline) }
    }

    /// Everything it tried.
    #[must_use]
    pub const fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// One try at one node.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn once(&self, url: &str, ask: &Ask) -> Result<Answer, String> {
        let begun = Instant::now();
        let result = self.send(url, ask).await;
        let told = match &result {
            Ok(answer) => format!("{} {}", answer.status, answer.body),
            Err(error) => error.clone(),
        };
        self.attempts.note(begun, url, format!("{} {}", ask.method, ask.path), ask.key.as_deref(), told);
        result
    }

    /// Asks one node after the other, the first one first, until one gives an answer that is an
    /// answer: not "not now" (429, 503), not "unknown" (504), not silence.
    ///
    /// # Errors
    /// The last failure, when there is no answer within `bound`: the outcome is unknown.
    ///
    /// # Panics
    /// When there is no node to ask.
    pub async fn ask(&self, urls: &[String], ask: &Ask, bound: Duration) -> Result<Answer, String> {
        let begun = Instant::now();
        let (mut pause, mut tries) = (Pause::default(), 0);
        loop {
            let url = &urls[tries as usize % urls.len()];
            tries += 1;
            let failure = match self.once(url, ask).await {
                Ok(answer) if !matches!(answer.status, 429 | 503 | 504) => return Ok(Answer { tries, ..answer }),
                Ok(answer) => format!("{} {}", answer.status, answer.body),
                Err(error) => error,
            };
            if begun.elapsed() > bound {
                return Err(format!(
                    "{} {}: no answer in {bound:?} and {tries} tries: {failure}",
                    ask.method, ask.path
                ));
            }
            // The other nodes are asked at once; only a whole round without an answer is a reason to wait.
            if (tries as usize).is_multiple_of(urls.len()) {
                pause.wait().await;
            }
        }
    }

    async fn send(&self, url: &str, ask: &Ask) -> Result<Answer, String> {
        let mut request = self.http.request(ask.method.clone(), format!("{url}{}", ask.path));
        if let Some(key) = &ask.key {
            request = request.header("idempotency-key", key);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(told)?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, content_type) = (response.status().as_u16(), header("content-type").unwrap_or_default());
        let (replayed, retry_after) = (header("idempotent-replayed").is_some(), header("retry-after"));
        let bytes = response.bytes().await.map_err(told)?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, replayed, body, content_type, retry_after, tries: 1 })
    }
}

/// The whole chain of reasons; the first alone says only which URL.
fn told(error: reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(reason) = source {
        text = format!("{text}: {reason}");
        source = reason.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn amounts_are_read_and_written_in_yuan() {
        for (fen, text) in [(0, "0.00"), (5, "0.05"), (1_230, "12.30"), (-5, "-0.05")] {
            assert_eq!(super::yuan(fen), text);
            assert_eq!(super::fen(text), fen);
        }
    }
}
