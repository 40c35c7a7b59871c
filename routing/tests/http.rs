//! The real link against real sockets on loopback: nodes that are gone, silent, broken or busy.
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mpss_domain::ProvinceId;
use mpss_routing::http::{HttpPeers, ProvinceUrls, REPLY_BYTES_MAX};
use mpss_routing::peer::{PeerDoor, PeerTransport};
use mpss_routing::{PeerCall, PeerError, PeerReply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const DEADLINE: Duration = Duration::from_secs(10);

/// How a node treats each request.
#[derive(Clone)]
enum Manner {
    /// Writes this and waits for the next request.
    Answers(String),
    /// Writes this and resets the connection.
    BreaksOffAfter(String),
    /// Writes this and closes the connection properly.
    ClosesAfter(String),
    /// Reads and says nothing.
    Silent,
    /// Sends a body without end, and counts its bytes.
    Endless(Arc<AtomicUsize>),
}

struct Node {
    address: SocketAddr,
    /// The requests as they came, one text each, by connection.
    requests: Arc<Mutex<Vec<(usize, String)>>>,
}

impl Node {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(converse(stream, connection, manner.clone(), seen.clone()));
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(_, text)| text.clone()).collect()
    }

    fn connections(&self) -> usize {
        let mut connections: Vec<usize> = self.requests.lock().unwrap().iter().map(|(number, _)| *number).collect();
        connections.dedup();
        connections.len()
    }
}

async fn converse(
    mut stream: TcpStream,
    connection: usize,
    manner: Manner,
    seen: Arc<Mutex<Vec<(usize, String)>>>,
) -> Option<()> {
    loop {
        let request = read_request(&mut stream).await?;
        seen.lock().unwrap().push((connection, request));
        match &manner {
            Manner::Answers(text) => stream.write_all(text.as_bytes()).await.ok()?,
            Manner::BreaksOffAfter(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
                // Without lingering, dropping it sends a reset.
                stream.set_zero_linger().ok()?;
                return None;
            }
            Manner::ClosesAfter(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                stream.shutdown().await.ok()?;
                return None;
            }
            Manner::Silent => std::future::pending().await,
            Manner::Endless(sent) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.ok()?;
                let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
                loop {
                    stream.write_all(chunk.as_bytes()).await.ok()?;
                    sent.fetch_add(chunk.len(), Ordering::Relaxed);
                }
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return Some(text);
            }
        }
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// An address where nobody listens, and the socket that keeps others from taking it.
fn nobody() -> (String, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (format!("http://{}", socket.local_addr().unwrap()), socket)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

fn good(body: &str) -> Manner {
    Manner::Answers(answer("200 OK", "content-type: application/json\r\n", body))
}

fn busy() -> Manner {
    Manner::Answers(answer("503 Service Unavailable", "mpss-not-done: 1\r\nretry-after: 1\r\n", "busy"))
}

fn province() -> ProvinceId {
    ProvinceId::new(51).unwrap()
}

fn peers(peer: &[String]) -> HttpPeers {
    let urls = ProvinceUrls { public: vec![], peer: peer.to_vec() };
    HttpPeers::new(BTreeMap::from([(province(), urls)]))
}

fn call() -> PeerCall {
    PeerCall {
        method: "POST".into(),
        path: "/peer/v1/payments?x=1".into(),
        headers: vec![("mpss-forwarded".into(), "44".into()), ("content-type".into(), "application/json".into())],
        body: Bytes::from_static("{\"title\":\"彩票\"}".as_bytes()),
    }
}

async fn ask(peers: &HttpPeers, deadline: Duration) -> Result<PeerReply, PeerError> {
    peers.call(province(), PeerDoor::Peer, call(), deadline).await
}

async fn body(peers: &HttpPeers) -> String {
    String::from_utf8(ask(peers, DEADLINE).await.unwrap().body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_call_arrives_as_it_is_and_so_does_the_reply() {
    let headers = "idempotent-replayed: true\r\nx-two: a\r\nx-two: b\r\n";
    let node = Node::start(Manner::Answers(answer("422 Unprocessable Content", headers, "{\"code\":\"x\"}"))).await;
    let peers = peers(&[node.url()]);
    let reply = ask(&peers, DEADLINE).await.unwrap();
    assert_eq!((reply.status, reply.body.as_ref()), (422, b"{\"code\":\"x\"}".as_slice()));
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    assert_eq!(reply.headers.iter().filter(|(name, _)| name == "x-two").count(), 2);
    let request = node.requests().remove(0);
    assert!(request.starts_with("POST /peer/v1/payments?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nmpss-forwarded: 44\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"title\":\"彩票\"}"), "{request}");
}

#[tokio::test]
async fn connections_are_kept_and_one_that_was_closed_in_the_meantime_is_no_failure() {
    let node = Node::start(good("a")).await;
    let peers = peers(&[node.url()]);
    for _ in 0..5 {
        assert_eq!(body(&peers).await, "a");
    }
    assert_eq!((node.requests().len(), node.connections()), (5, 1));
    let closing = Node::start(Manner::ClosesAfter(answer("200 OK", "connection: close\r\n", "b"))).await;
    let peers = self::peers(&[closing.url()]);
    for _ in 0..3 {
        assert_eq!(body(&peers).await, "b");
    }
    assert_eq!(closing.connections(), 3);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let (one, two) = (nobody(), nobody());
    let peers = peers(&[one.0.clone(), two.0.clone()]);
    assert_eq!(ask(&peers, DEADLINE).await, Err(PeerError::Unreachable(province())));
    let without = HttpPeers::new(BTreeMap::new());
    assert_eq!(ask(&without, DEADLINE).await, Err(PeerError::NotConnected(province())));
    let other_door = peers.call(province(), PeerDoor::Public, call(), DEADLINE).await;
    assert_eq!(other_door, Err(PeerError::NotConnected(province())));
    let unspeakable = self::peers(&["http://[nonsense".into()]);
    assert_eq!(ask(&unspeakable, DEADLINE).await, Err(PeerError::Unreachable(province())));
}

#[tokio::test]
async fn the_next_node_is_tried_and_remembered() {
    let node = Node::start(good("second")).await;
    let (first, socket) = nobody();
    let peers = peers(&[first, node.url()]);
    assert_eq!(body(&peers).await, "second");
    // Somebody comes up at the first address; the last good node is still asked first.
    let revived = socket.listen(8).unwrap();
    assert_eq!(body(&peers).await, "second");
    assert!(futures::FutureExt::now_or_never(revived.accept()).is_none(), "nobody knocked");
}

#[tokio::test]
async fn a_node_that_says_it_did_nothing_passes_the_turn() {
    let (one, two, three) = (Node::start(busy()).await, Node::start(busy()).await, Node::start(good("three")).await);
    let peers = peers(&[one.url(), two.url(), three.url()]);
    assert_eq!(body(&peers).await, "three");
    assert_eq!(body(&peers).await, "three");
    assert_eq!((one.requests().len(), two.requests().len(), three.requests().len()), (1, 1, 2));
    // When all of them say so, that is the answer.
    let gone = nobody();
    let peers = self::peers(&[one.url(), gone.0.clone(), two.url()]);
    let reply = ask(&peers, DEADLINE).await.unwrap();
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
}

#[tokio::test]
async fn any_other_status_ends_the_turn() {
    let spare = Node::start(good("spare")).await;
    for (status, headers) in [
        ("503 Service Unavailable", ""),
        ("503 Service Unavailable", "mpss-not-done: 0\r\n"),
        ("429 Too Many Requests", "mpss-not-done: 1\r\n"),
        ("500 Internal Server Error", ""),
        ("504 Gateway Timeout", ""),
        ("404 Not Found", ""),
    ] {
        let node = Node::start(Manner::Answers(answer(status, headers, ""))).await;
        let reply = ask(&peers(&[node.url(), spare.url()]), DEADLINE).await.unwrap();
        assert!(status.starts_with(&reply.status.to_string()), "{status}");
    }
    // Nobody sends us elsewhere.
    let location = format!("location: {}/\r\n", spare.url());
    let node = Node::start(Manner::Answers(answer("307 Temporary Redirect", &location, ""))).await;
    assert_eq!(ask(&peers(&[node.url(), spare.url()]), DEADLINE).await.unwrap().status, 307);
    assert!(spare.requests().is_empty());
}

#[tokio::test]
async fn whatever_breaks_after_the_request_was_sent_is_unknown_and_not_sent_to_another_node() {
    let spare = Node::start(good("spare")).await;
    let sent = Arc::new(AtomicUsize::new(0));
    for manner in [
        Manner::BreaksOffAfter(String::new()),
        Manner::BreaksOffAfter("HTTP/1.1 200 O".into()),
        Manner::BreaksOffAfter("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".into()),
        Manner::BreaksOffAfter("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n".into()),
        Manner::Answers("SSH-2.0-OpenSSH_9.2\r\n".into()),
        Manner::Answers(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", REPLY_BYTES_MAX + 1)),
        Manner::Endless(sent.clone()),
    ] {
        let node = Node::start(manner).await;
        let peers = peers(&[node.url(), spare.url()]);
        assert_eq!(ask(&peers, DEADLINE).await, Err(PeerError::Unknown(province())));
        assert_eq!((node.requests().len(), spare.requests().len()), (1, 0));
    }
    // What the kernels hold on the way comes on top of what is read.
    assert!(sent.load(Ordering::Relaxed) < 8 * REPLY_BYTES_MAX, "it is not read until the deadline");
}

#[tokio::test]
async fn silence_ends_with_the_deadline_and_the_next_call_goes_elsewhere() {
    let (silent, spare) = (Node::start(Manner::Silent).await, Node::start(good("spare")).await);
    let peers = peers(&[silent.url(), spare.url()]);
    let deadline = Duration::from_millis(150);
    assert_eq!(ask(&peers, deadline).await, Err(PeerError::Unknown(province())));
    assert_eq!((silent.requests().len(), spare.requests().len()), (1, 0), "sent once, and to one node only");
    assert_eq!(body(&peers).await, "spare");
    assert_eq!(silent.requests().len(), 1);
}

#[tokio::test]
async fn the_largest_answer_that_is_allowed_is_read() {
    let node = Node::start(good(&"x".repeat(REPLY_BYTES_MAX))).await;
    assert_eq!(ask(&peers(&[node.url()]), DEADLINE).await.unwrap().body.len(), REPLY_BYTES_MAX);
}

#[tokio::test]
async fn addresses_change_while_running() {
    let (old, new) = (Node::start(good("old")).await, Node::start(good("new")).await);
    let peers = peers(&[old.url()]);
    let clone = peers.clone();
    assert_eq!(body(&peers).await, "old");
    let urls = ProvinceUrls { public: vec![old.url()], peer: vec![new.url()] };
    let all = BTreeMap::from([(province(), urls)]);
    clone.set_provinces(all.clone());
    assert_eq!(body(&peers).await, "new");
    assert_eq!(peers.provinces(), all);
    let public = peers.call(province(), PeerDoor::Public, call(), DEADLINE).await.unwrap();
    assert_eq!(public.body.as_ref(), b"old");
    peers.set_provinces(BTreeMap::new());
    assert_eq!(ask(&clone, DEADLINE).await, Err(PeerError::NotConnected(province())));
}

#[tokio::test]
async fn a_path_can_not_name_another_host() {
    let node = Node::start(good("trapped")).await;
    let elsewhere = Node::start(good("elsewhere")).await;
    let peers = peers(&[node.url()]);
    for (method, path) in [
        ("GET", format!("@{}/", elsewhere.address)),
        ("GET", String::new()),
        ("GET", ".evil.example/".to_owned()),
        ("G T", "/".to_owned()),
    ] {
        let call = PeerCall { method: method.into(), path, headers: vec![], body: Bytes::new() };
        let reply = peers.call(province(), PeerDoor::Peer, call, DEADLINE).await;
        assert_eq!(reply, Err(PeerError::Unreachable(province())));
    }
    let call = PeerCall { method: "GET".into(), path: "//evil.example/".into(), headers: vec![], body: Bytes::new() };
    let reply = peers.call(province(), PeerDoor::Peer, call, DEADLINE).await.unwrap();
    assert_eq!(reply.body.as_ref(), b"trapped", "a path, however it looks");
    let bad_header = PeerCall { headers: vec![("a\r\nb".into(), "c".into())], ..call_to("/") };
    assert_eq!(
        peers.call(province(), PeerDoor::Peer, bad_header, DEADLINE).await,
        Err(PeerError::Unreachable(province()))
    );
    assert!(elsewhere.requests().is_empty());
}

fn call_to(path: &str) -> PeerCall {
    PeerCall { method: "GET".into(), path: path.into(), headers: vec![], body: Bytes::new() }
}
