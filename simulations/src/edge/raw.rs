//! A connection of somebody who writes what no HTTP client would.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::TcpStream;

use super::clock::now;
use super::http::Reply;
use super::machine::Machine;

/// How long a connection may wait for its turn.
const CONNECT_MAX: Duration = Duration::from_secs(15);

/// The connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    machine: Machine,
    changes: u64,
    read: Vec<u8>,
    /// When it was accepted.
    pub since: Duration,
}

impl Raw {
    /// Connects, waiting for a place; nothing when the machine is off or too crowded.
    pub async fn connect(machine: &Machine, port: u16) -> Option<Self> {
        let changes = machine.changes();
        let connected = TcpStream::connect((machine.name.as_str(), port));
        let stream = tokio::time::timeout(CONNECT_MAX, connected).await.ok()?.ok()?;
        let raw = Self { stream, machine: machine.clone(), changes, read: Vec::new(), since: now() };
        raw.is_served().then_some(raw)
    }

    /// True while the process that accepted it is still there: else anything may happen to it.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.machine.is_up() && self.machine.changes() == self.changes
    }

    /// Writes; a connection that is gone says so when it is read.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next answer, within `limit`.
    pub async fn reply(&mut self, limit: Duration) -> Option<Reply> {
        let read = async {
            loop {
                if let Some((reply, length)) = whole_reply(&self.read) {
                    self.read.drain(..length);
                    return Some(reply);
                }
                if self.more().await == 0 {
                    return None;
                }
            }
        };
        tokio::time::timeout(limit, read).await.ok().flatten()
    }

    /// Waits until the other side has closed, for `limit` at most; how long after it was accepted that
    /// was. Writes `drip` every now and then meanwhile.
    pub async fn closed(&mut self, limit: Duration, drip: Option<(&[u8], Duration)>) -> Option<Duration> {
        let until = now() + limit;
        let every = drip.map_or(limit, |(_, every)| every);
        while now() < until {
            match tokio::time::timeout(every, self.more()).await {
                Ok(0) => return Some(now().saturating_sub(self.since)),
                Ok(_) => {}
                Err(_) => {
                    if let Some((bytes, _)) = drip {
                        self.write(bytes).await;
                    }
                }
            }
        }
        None
    }

    /// Reads some more; 0 when there will be none.
    async fn more(&mut self) -> usize {
        self.stream.read_buf(&mut self.read).await.unwrap_or(0)
    }
}

/// The first answer in `bytes`, when it is whole, and how long it is.
fn whole_reply(bytes: &[u8]) -> Option<(Reply, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(Some(0), |(_, length)| length.parse::<usize>().ok())?;
    let body = bytes.get(head..head + length)?;
    Some((Reply { status, headers, body: Bytes::copy_from_slice(body) }, head + length))
}

/// A change as it goes over the wire: the head, and the body it announces.
#[must_use]
pub fn change(path: &str, key: &str, more: &str, body: &Value) -> (Vec<u8>, Vec<u8>) {
    let body = body.to_string().into_bytes();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: n\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\n{more}content-length: {length}\r\n\r\n"
    );
    (head.into_bytes(), body)
}
