//! A door on a real socket.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use mpss_runtime::real::{FileDisk, OsRandom, TcpTransport, TokioClock, TokioSpawner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

use super::*;

/// How long a test waits for what it expects.
const PATIENCE: Duration = Duration::from_secs(20);

struct Place {
    address: std::net::SocketAddr,
    shutdown: watch::Sender<bool>,
    served: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

async fn open(router: Router, change: impl FnOnce(&mut ServeOptions)) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let seams = Seams {
        clock: Arc::new(TokioClock::new()),
        random: Arc::new(OsRandom),
        spawner: Arc::new(TokioSpawner::new()),
        disk: Arc::new(FileDisk::open(folder.path()).unwrap()),
        transport: Arc::new(TcpTransport::bind("127.0.0.1:0").await.unwrap()),
    };
    let mut options = ServeOptions {
        connections_max: 16,
        header_deadline: Duration::from_millis(100),
        idle_max: Duration::from_secs(60),
        closing_max: Duration::from_secs(10),
    };
    change(&mut options);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, shut) = watch::channel(false);
    let served = tokio::spawn(serve(listener, router, options, seams, shut));
    Place { address, shutdown, served, _folder: folder }
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello")).route("/echo", post(async |body: String| body))
}

async fn connect(place: &Place) -> TcpStream {
    TcpStream::connect(place.address).await.unwrap()
}

/// Reads until `end` has come, or the connection has ended.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    let read = async {
        let mut buffer = [0; 4_096];
        while !String::from_utf8_lossy(&text).ends_with(end) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(bytes) => text.extend_from_slice(&buffer[..bytes]),
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("neither answered nor closed");
    String::from_utf8(text).unwrap()
}

/// Waits until the other side has closed the connection.
async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is as good an end as any.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection stays open");
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: n\r\n\r\n";

#[tokio::test]
async fn a_connection_is_used_again_and_again() {
    let place = open(hello(), |_| {}).await;
    let mut stream = connect(&place).await;
    for _ in 0..3 {
        stream.write_all(GET).await.unwrap();
        let text = read_until(&mut stream, "hello").await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
    assert!(stream.nodelay().is_ok());
}

#[tokio::test]
async fn headers_that_do_not_end_end_the_connection_and_a_slow_answer_does_not() {
    let release = Arc::new(Notify::new());
    let wait = Arc::clone(&release);
    let slow = Router::new().route(
        "/",
        get(async move || {
            wait.notified().await;
            "hello"
        }),
    );
    let place = open(slow, |_| {}).await;
    let mut patient = connect(&place).await;
    patient.write_all(GET).await.unwrap();
    for begin in [&b"G"[..], b"GET / HTTP/1.1\r\nhost: n\r\nx-slow: "] {
        let mut stream = connect(&place).await;
        stream.write_all(begin).await.unwrap();
        closed(&mut stream).await;
    }
    // Many periods later the one that is being answered is still there.
    release.notify_one();
    assert!(read_until(&mut patient, "hello").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_idle_connection_is_ended_after_its_time() {
    let place = open(hello(), |options| options.idle_max = Duration::from_millis(300)).await;
    let mut stream = connect(&place).await;
    stream.write_all(GET).await.unwrap();
    read_until(&mut stream, "hello").await;
    closed(&mut stream).await;
    let mut silent = connect(&place).await;
    closed(&mut silent).await;
}

#[tokio::test]
async fn more_connections_than_the_bound_wait_their_turn() {
    let second_seen = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&second_seen);
    let second_path = Router::new().route(
        "/second",
        get(async move || {
            seen.store(true, Ordering::SeqCst);
            "hello"
        }),
    );
    let place = open(hello().merge(second_path), |options| options.connections_max = 1).await;
    let mut first = connect(&place).await;
    first.write_all(GET).await.unwrap();
    read_until(&mut first, "hello").await;
    let mut second = connect(&place).await;
    second.write_all(b"GET /second HTTP/1.1\r\nhost: n\r\n\r\n").await.unwrap();
    for _ in 0..100 {
        first.write_all(GET).await.unwrap();
        read_until(&mut first, "hello").await;
    }
    assert!(!second_seen.load(Ordering::SeqCst), "answered while the only place was taken");
    drop(first);
    assert!(read_until(&mut second, "hello").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_door_that_closes_lets_what_was_begun_finish() {
    let begun = Arc::new(Notify::new());
    let release = Arc::new(Notify::new());
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&release));
    let slow = Router::new().route(
        "/",
        get(async move || {
            tell.notify_one();
            wait.notified().await;
            "hello"
        }),
    );
    let place = open(slow, |_| {}).await;
    let (mut busy, mut idle) = (connect(&place).await, connect(&place).await);
    busy.write_all(GET).await.unwrap();
    begun.notified().await;
    place.shutdown.send_replace(true);
    closed(&mut idle).await;
    assert!(!place.served.is_finished(), "a request is still under way");
    release.notify_one();
    let text = read_until(&mut busy, "hello").await;
    assert!(text.starts_with("HTTP/1.1 200") && text.to_lowercase().contains("connection: close"), "{text}");
    tokio::time::timeout(PATIENCE, place.served).await.expect("the door stays open").unwrap();
    assert!(TcpStream::connect(place.address).await.is_err(), "the socket is closed");
}

#[tokio::test]
async fn a_door_that_closes_does_not_wait_for_ever() {
    let begun = Arc::new(Notify::new());
    let tell = Arc::clone(&begun);
    let stuck = Router::new().route(
        "/",
        get(async move || {
            tell.notify_one();
            std::future::pending::<&str>().await
        }),
    );
    let place = open(stuck, |options| options.closing_max = Duration::from_millis(50)).await;
    let mut stream = connect(&place).await;
    stream.write_all(GET).await.unwrap();
    begun.notified().await;
    place.shutdown.send_replace(true);
    tokio::time::timeout(PATIENCE, place.served).await.expect("the door stays open").unwrap();
}
