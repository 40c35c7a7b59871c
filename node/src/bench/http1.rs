//! The leanest HTTP/1.1 client that is still correct for our own nodes: one connection, one request
//! under way, requests that are patched instead of built. The load generator shares the machine with
//! what it measures, so every microsecond it does not use is the platform's.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 4_096;

/// One connection.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer. The body lives in the connection until the next request.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(READ_BYTES) })
    }

    /// Sends a whole request and waits for its answer.
    pub(super) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
            self.read_more().await?;
        };
        let end = head.bytes + head.content_length;
        while self.buffer.len() < end {
            self.read_more().await?;
        }
        Ok(Answer { status: head.status, body: &self.buffer[head.bytes..end] })
    }

    async fn read_more(&mut self) -> io::Result<()> {
        if self.buffer.len() > ANSWER_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
        }
        self.buffer.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// What is needed of an answer's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    content_length: usize,
    /// Length of the head itself.
    bytes: usize,
}

impl Head {
    /// `None` while the head is not complete.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        const END: &[u8] = b"\r\n\r\n";
        const LENGTH: &[u8] = b"content-length:";
        let wrong = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
        let Some(end) = bytes.windows(END.len()).position(|window| window == END) else { return Ok(None) };
        let mut lines = bytes[..end].split(|byte| *byte == b'\n');
        let status = lines.next().and_then(|line| line.get(9..12)).ok_or_else(|| wrong("no status line"))?;
        let status = decimal(status).and_then(|status| u16::try_from(status).ok()).ok_or_else(|| wrong("no status"))?;
        let length = lines
            .find(|line| line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH))
            .and_then(|line| decimal(line[LENGTH.len()..].trim_ascii()))
            .ok_or_else(|| wrong("no content-length"))?;
        Ok(Some(Self { status, content_length: length, bytes: end + END.len() }))
    }
}

fn decimal(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A request whose key, buyer and product are patched in: their places have fixed widths.
pub(super) struct PurchaseRequest {
    bytes: Vec<u8>,
    key_at: usize,
    msisdn_at: usize,
    product_at: usize,
}

/// Digits of a request id.
const KEY_DIGITS: usize = 16;
const MSISDN_DIGITS: usize = 11;
/// Length of a product's or an order's id.
pub(super) const ID_BYTES: usize = 27;

impl PurchaseRequest {
    /// A purchase of one piece at `host`.
    pub(super) fn new(host: SocketAddr, password: &str) -> Self {
        let key = "0".repeat(KEY_DIGITS);
        let msisdn = "1".repeat(MSISDN_DIGITS);
        let product = "G".repeat(ID_BYTES);
        let body = format!(
            "{{\"msisdn\":\"{msisdn}\",\"product_id\":\"{product}\",\"quantity\":1,\"account_kind\":\"virtual\",\
             \"payment_password\":\"{password}\",\"channel\":\"app\"}}"
        );
        let head = format!(
            "POST /v1/orders HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             idempotency-key: {key}\r\n\r\n",
            body.len()
        );
        let at = |text: &str, what: &str| text.find(what).expect("just written");
        let (key_at, msisdn_at, product_at) =
            (at(&head, &key), head.len() + at(&body, &msisdn), head.len() + at(&body, &product));
        Self { bytes: format!("{head}{body}").into_bytes(), key_at, msisdn_at, product_at }
    }

    /// The request with these.
    pub(super) fn patched(&mut self, key: u64, msisdn: u64, product: &[u8; ID_BYTES]) -> &[u8] {
        write_digits(&mut self.bytes[self.key_at..self.key_at + KEY_DIGITS], key);
        write_digits(&mut self.bytes[self.msisdn_at..self.msisdn_at + MSISDN_DIGITS], msisdn);
        self.bytes[self.product_at..self.product_at + ID_BYTES].copy_from_slice(product);
        &self.bytes
    }
}

fn write_digits(place: &mut [u8], mut value: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).expect("a digit");
        value /= 10;
    }
}

/// The order named in an answer's body.
pub(super) fn order_of(body: &[u8]) -> Option<[u8; ID_BYTES]> {
    const FIELD: &[u8] = b"\"order_id\":\"";
    let at = body.windows(FIELD.len()).position(|window| window == FIELD)? + FIELD.len();
    body.get(at..at + ID_BYTES)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_when_they_are_complete() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nx: y\r\n\r\nhello";
        assert_eq!(Head::parse(&answer[..30]).expect("no fault yet"), None);
        let head = Head::parse(answer).expect("well formed").expect("complete");
        assert_eq!((head.status, head.content_length, &answer[head.bytes..]), (201, 5, &b"hello"[..]));
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(Head::parse(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn a_patched_request_is_a_whole_request() {
        let mut request = PurchaseRequest::new("127.0.0.1:80".parse().expect("an address"), "482913");
        let product = *b"G20260101120000000-44-00001";
        let text = String::from_utf8(request.patched(77, 18_912_345_678, &product).to_vec()).expect("ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains("idempotency-key: 0000000000000077"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(
            (&body["msisdn"], &body["product_id"]),
            (&"18912345678".into(), &"G20260101120000000-44-00001".into())
        );
        assert_eq!(order_of(b"{\"order_id\":\"O20260101120000000-44-00001\"}"), Some(*b"O20260101120000000-44-00001"));
        assert_eq!(order_of(b"{\"order_id\":\"O2026\"}"), None);
    }
}
