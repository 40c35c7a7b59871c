use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::*;

const LONG: Duration = Duration::from_secs(20);

struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Bytes) -> BoxFuture<'static, Bytes> {
        Box::pin(async move { request })
    }
}

async fn transport() -> (Arc<TcpTransport>, String) {
    let transport = TcpTransport::bind("127.0.0.1:0").await.expect("binds");
    let address = transport.local_addr().to_string();
    (Arc::new(transport), address)
}

#[tokio::test]
async fn calls_are_answered_many_at_once() {
    let (server, address) = transport().await;
    let _serving = server.serve(Arc::new(Echo)).await.expect("serves");
    let (client, _) = transport().await;
    let calls: Vec<_> = (0..500_u32)
        .map(|number| {
            // Every tenth is large, so both ways of writing are used.
            let size = if number % 10 == 0 { 100_000 } else { 4 };
            let mut request = vec![0_u8; size];
            request[..4].copy_from_slice(&number.to_le_bytes());
            (request.clone(), client.call(&address, Bytes::from(request), LONG))
        })
        .collect();
    for (request, call) in calls {
        assert_eq!(call.await.expect("answered"), request);
    }
}

/// Answers the first request only when the last has arrived, and tells the order of arrival.
struct Overtaking {
    arrived: mpsc::UnboundedSender<u8>,
    release: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Handler for Overtaking {
    fn handle(&self, request: Bytes) -> BoxFuture<'static, Bytes> {
        self.arrived.send(request[0]).expect("the test listens");
        let held = self.release.lock().expect("no panic").take();
        Box::pin(async move {
            if let Some(held) = held {
                held.await.expect("released");
            }
            request
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_start_in_order_and_answers_may_overtake() {
    let (server, address) = transport().await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (release, held) = oneshot::channel();
    let handler = Overtaking { arrived, release: Mutex::new(Some(held)) };
    let _serving = server.serve(Arc::new(handler)).await.expect("serves");
    let (client, _) = transport().await;
    let mut calls: Vec<_> = (0..100_u8).map(|number| client.call(&address, Bytes::from(vec![number]), LONG)).collect();
    let first = calls.remove(0);
    for call in calls {
        call.await.expect("answered although the first is not");
    }
    release.send(()).expect("held");
    assert_eq!(first.await.expect("answered"), vec![0]);
    for number in 0..100 {
        assert_eq!(arrivals.recv().await, Some(number));
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_the_peer_is_found_when_it_comes() {
    let (server, address) = transport().await;
    drop(server);
    let (client, _) = transport().await;
    assert!(matches!(client.call(&address, Bytes::new(), LONG).await, Err(CallError::Unreachable(_))));
    let server = TcpTransport::bind(&address).await.expect("binds the same port");
    let _serving = server.serve(Arc::new(Echo)).await.expect("serves");
    loop {
        match client.call(&address, Bytes::from_static(b"x"), LONG).await {
            Ok(answer) => break assert_eq!(answer, "x"),
            // Refused while it backs off, which is bounded.
            Err(CallError::Unreachable(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_sending_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    let (client, _) = transport().await;
    let call = client.call(&address, Bytes::from_static(b"debit"), LONG);
    let (mut stream, _) = listener.accept().await.expect("connects");
    let mut request = [0_u8; frame::HEADER_BYTES + 5];
    stream.read_exact(&mut request).await.expect("the request arrives");
    drop(stream);
    assert!(matches!(call.await, Err(CallError::Unknown(_))));
}

#[tokio::test]
async fn a_silent_peer_is_unknown_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    let (client, _) = transport().await;
    // The first call makes sure the connection stands, so the second is surely written.
    let first = client.call(&address, Bytes::from_static(b"1"), Duration::from_millis(300));
    let (mut stream, _) = listener.accept().await.expect("connects");
    let mut request = [0_u8; frame::HEADER_BYTES + 1];
    stream.read_exact(&mut request).await.expect("the request arrives");
    assert!(matches!(first.await, Err(CallError::Unknown(_))));
    // An answer nobody waits for is dropped without harm.
    request[4] = 2;
    stream.write_all(&request).await.expect("the late answer goes out");
    let second = client.call(&address, Bytes::from_static(b"2"), Duration::from_millis(100));
    assert!(matches!(second.await, Err(CallError::Unknown(_))));
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_before_it_is_sent() {
    let (server, address) = transport().await;
    let _serving = server.serve(Arc::new(Echo)).await.expect("serves");
    let (client, _) = transport().await;
    let refused = client.call(&address, Bytes::from(vec![0_u8; FRAME_BYTES_MAX + 1]), LONG).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("the most is")));
    assert_eq!(client.call(&address, Bytes::from_static(b"ok"), LONG).await.expect("goes on"), "ok");
}

#[tokio::test]
async fn rubbish_ends_its_connection_and_no_other() {
    let (server, address) = transport().await;
    let _serving = server.serve(Arc::new(Echo)).await.expect("serves");
    let mut stream = TcpStream::connect(&address).await.expect("connects");
    stream.write_all(&[0xff; 64]).await.expect("sent");
    let mut rest = Vec::new();
    // Closed or reset, both are an end.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    let (client, _) = transport().await;
    assert_eq!(client.call(&address, Bytes::from_static(b"ok"), LONG).await.expect("goes on"), "ok");
}

struct Counting(Arc<AtomicUsize>);

impl Handler for Counting {
    fn handle(&self, request: Bytes) -> BoxFuture<'static, Bytes> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { request })
    }
}

#[tokio::test]
async fn serving_ends_with_its_guard_and_can_begin_again() {
    let (server, address) = transport().await;
    let count = Arc::new(AtomicUsize::new(0));
    let serving = server.serve(Arc::new(Counting(count.clone()))).await.expect("serves");
    let (client, _) = transport().await;
    client.call(&address, Bytes::new(), LONG).await.expect("answered");
    drop(serving);
    while client.call(&address, Bytes::new(), Duration::from_millis(50)).await.is_ok() {}
    let _serving = server.serve(Arc::new(Counting(count.clone()))).await.expect("serves again");
    while client.call(&address, Bytes::new(), Duration::from_millis(50)).await.is_err() {}
    assert!(count.load(Ordering::SeqCst) >= 2);
}
