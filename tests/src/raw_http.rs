//! HTTP by hand on a socket, for requests that no HTTP library would send.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer has more bytes than this.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long an answer may take; longer than a node gives slow headers or a body that does not come.
const ANSWER_DEADLINE: Duration = Duration::from_secs(40);

/// A connection to one node.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    pending: Vec<u8>,
}

/// What came back on a raw connection.
#[derive(Debug, Clone, PartialEq)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, uncut.
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When the node does not take the connection.
    pub async fn open(address: std::net::SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, pending: Vec::new() })
    }

    /// Sends bytes as they are. A connection that the node has closed takes none; what it answered
    /// before can still be read.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// The next answer; `None` when the node has closed the connection without one.
    ///
    /// # Panics
    /// When an answer is no HTTP, or there is neither answer nor end within the deadline: the node hangs.
    pub async fn answer(&mut self) -> Option<RawAnswer> {
        let read = async {
            loop {
                if let Some((answer, length)) = parse(&self.pending) {
                    self.pending.drain(..length);
                    return Some(answer);
                }
                assert!(self.pending.len() < ANSWER_BYTES_MAX, "an answer without end");
                let mut piece = vec![0; 16_384];
                match self.stream.read(&mut piece).await {
                    Ok(0) | Err(_) => {
                        let cut = String::from_utf8_lossy(&self.pending).into_owned();
                        assert!(cut.is_empty(), "the connection ended in the middle of an answer: {cut}");
                        return None;
                    }
                    Ok(length) => self.pending.extend_from_slice(&piece[..length]),
                }
            }
        };
        tokio::time::timeout(ANSWER_DEADLINE, read).await.expect("neither an answer nor an end: the node hangs")
    }
}

/// A whole answer at the front of `bytes`, and its length.
fn parse(bytes: &[u8]) -> Option<(RawAnswer, usize)> {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..head_end]).expect("a head is text");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")).and_then(|line| line.get(2..5));
    let status = status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no HTTP: {head}"));
    let headers: Vec<_> = lines
        .map(|line| line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}")))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let named = |name: &str| headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let from = head_end + 4;
    if named("transfer-encoding").is_some() {
        let (body, length) = unchunk(&bytes[from..])?;
        return Some((RawAnswer { status, headers, body }, from + length));
    }
    let length = named("content-length").map_or(0, |length| length.parse().expect("a length"));
    let body = bytes.get(from..from + length)?.to_vec();
    Some((RawAnswer { status, headers, body }, from + length))
}

fn unchunk(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut place) = (Vec::new(), 0);
    loop {
        let line = bytes[place..].windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&bytes[place..place + line]).expect("a chunk's size");
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16).expect("a chunk's size");
        let from = place + line + 2;
        body.extend_from_slice(bytes.get(from..from + size)?);
        place = from + size + 2;
        bytes.get(..place)?;
        if size == 0 {
            return Some((body, place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn answers_are_cut_where_they_end() {
        let two = b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}HTTP/1.1 200";
        let (answer, length) = parse(two).expect("whole");
        assert_eq!((answer.status, answer.header("x-a"), answer.body.as_slice()), (400, Some("b"), b"{}".as_slice()));
        assert_eq!(&two[length..], b"HTTP/1.1 200");
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc").is_none());
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let (answer, length) = parse(chunked).expect("whole");
        assert_eq!((answer.body.as_slice(), length), (b"abc".as_slice(), chunked.len()));
    }
}
