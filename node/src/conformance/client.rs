//! The sandbox, as the run sees it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::command_line::Failure;
use crate::demo::{Answer, Caller};
use crate::sandbox::Exchange;

/// How long one look may take.
const LOOK_MAX: Duration = Duration::from_secs(20);

/// Asks a sandbox.
pub(super) struct Client {
    caller: Caller,
    url: String,
}

impl Client {
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').to_owned();
        // Another name for each run: what one run asks is not what another one has asked.
        let mut name = crate::demo::place::pepper();
        name.truncate(16);
        Ok(Self { caller: Caller::new(format!("conformance-{name}"))?, url })
    }

    /// Who is there.
    pub(super) async fn sandbox(&self) -> Result<Value, Failure> {
        let found = self.caller.look(&self.url, "/sandbox", LOOK_MAX).await;
        let found = found.map_err(|why| Failure::usage(format!("--sandbox {}: {why}", self.url)))?;
        if found.is_done() && found.body["sp_id"].is_string() {
            Ok(found.body)
        } else {
            Err(Failure::usage(format!("--sandbox {}: no sandbox is there: {}", self.url, found.told())))
        }
    }

    /// Sets what becomes of the next requests of the SP, or of what it is told.
    pub(super) async fn play(&self, what: &str, manner: Value) -> Result<(), Failure> {
        let path = format!("/sandbox/{what}");
        done(&path, self.caller.put(&self.url, &path, &manner).await?).map(|_| ())
    }

    /// What went past after that number, and the number of the last.
    pub(super) async fn seen(&self, after: u64) -> Result<(Vec<Exchange>, u64), Failure> {
        let path = format!("/sandbox/seen?after={after}");
        let answer = done(&path, self.get(&path).await?)?;
        let exchanges = serde_json::from_value(answer.body["exchanges"].clone());
        let exchanges = exchanges.map_err(|error| Failure::start(format!("{path}: {error}")))?;
        Ok((exchanges, answer.body["last"].as_u64().unwrap_or(after)))
    }

    /// Tells the SP once more of these orders, in some manner: its status, and its answer.
    pub(super) async fn tell(&self, orders: &[String], manner: &str) -> Result<(u64, Value), Failure> {
        let body = json!({ "orders": orders, "as": manner });
        let answer = done("/sandbox/notices", self.post("/sandbox/notices", &body).await?)?;
        Ok((answer.body["status"].as_u64().unwrap_or_default(), answer.body["answer"].clone()))
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.caller.get(std::slice::from_ref(&self.url), path).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.caller.post(std::slice::from_ref(&self.url), path, body).await
    }

    /// Gives a task to whoever drives the SP.
    pub(super) async fn give(&self, driver: &str, task: &Value) -> Result<(), String> {
        let (url, path) = split(driver).ok_or_else(|| "http://host:port/path, or https".to_owned())?;
        let answer = self.caller.post(&[url.to_owned()], path, task).await.map_err(|failure| failure.what)?;
        if answer.is_done() { Ok(()) } else { Err(answer.told()) }
    }
}

/// Origin and path of an address.
fn split(url: &str) -> Option<(&str, &str)> {
    let origin = url.find("://")? + "://".len();
    let end = url[origin..].find('/').map_or(url.len(), |end| origin + end);
    Some((&url[..end], &url[end..]))
}

fn done(what: &str, answer: Answer) -> Result<Answer, Failure> {
    if answer.is_done() { Ok(answer) } else { Err(Failure::start(format!("{what}: {}", answer.told()))) }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn an_address_is_origin_and_path() {
        assert_eq!(split("http://127.0.0.1:9/driver?a=b"), Some(("http://127.0.0.1:9", "/driver?a=b")));
        assert_eq!(split("https://sp.example"), Some(("https://sp.example", "")));
        assert_eq!(split("nowhere"), None);
    }
}
