//! What is no HTTP, too much of it, or comes drop by drop.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Instant;

use futures::future::join_all;
use mpss_tests::client::Ask;
use mpss_tests::raw_http::Connection;
use mpss_tests::seeded::Seeded;
use mpss_tests::trade::Trade;

use crate::HEADER_DEADLINE;
use crate::wrong::request;

/// What breaks HTTP itself is answered with a 4xx or ended, never left hanging.
pub(crate) async fn broken_http(trade: Trade<'_>) {
    let country = trade.country;
    let node = &country.nodes_of("44")[0];
    let pid = node.process.pid();
    let mut seeded = Seeded::from_environment("MPSS_BAD_INPUT_SEED");
    let books = trade.must("44", &Ask::get("/v1/trial-balance".into())).await.body["accounts"].clone();
    let order = "POST /v1/orders HTTP/1.1\r\nhost: n\r\nidempotency-key: h\r\ncontent-type: application/json\r\n";
    let many: String = (0..2_000).fold(String::new(), |mut text, number| {
        write!(text, "x-{number}: y\r\n").expect("a string");
        text
    });
    let mut pieces: Vec<(String, Vec<u8>)> = [
        ("no HTTP".to_owned(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("no version".into(), b"GET /healthz\r\n\r\n".to_vec()),
        ("version 9".into(), b"GET /healthz HTTP/9.9\r\nhost: n\r\n\r\n".to_vec()),
        ("HTTP/2 preface".into(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("bare line feeds".into(), b"GET /nowhere HTTP/1.1\nhost: n\n\n".to_vec()),
        ("a header without a colon".into(), b"GET /healthz HTTP/1.1\r\nhost n\r\n\r\n".to_vec()),
        ("a header name with a blank".into(), b"GET /healthz HTTP/1.1\r\nho st: n\r\n\r\n".to_vec()),
        ("a null in a header".into(), b"GET /healthz HTTP/1.1\r\nhost: n\x00m\r\n\r\n".to_vec()),
        ("two lengths".into(), format!("{order}content-length: 1\r\ncontent-length: 2\r\n\r\n{{}}").into_bytes()),
        ("a negative length".into(), format!("{order}content-length: -1\r\n\r\n{{}}").into_bytes()),
        ("an absurd length".into(), format!("{order}content-length: 99999999999999999999999\r\n\r\n{{}}").into_bytes()),
        (
            "length and chunks".into(),
            format!("{order}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").into_bytes(),
        ),
        (
            "chunks of no size".into(),
            format!("{order}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n").into_bytes(),
        ),
        (
            "a chunk past all bounds".into(),
            format!("{order}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{{}}").into_bytes(),
        ),
        ("unknown coding".into(), format!("{order}transfer-encoding: gzip\r\n\r\n{{}}").into_bytes()),
        ("many headers".into(), format!("GET /nowhere HTTP/1.1\r\nhost: n\r\n{many}\r\n").into_bytes()),
        (
            "a long header".into(),
            format!("GET /nowhere HTTP/1.1\r\nhost: {}\r\n\r\n", "n".repeat(600_000)).into_bytes(),
        ),
        ("a long path".into(), format!("GET /{} HTTP/1.1\r\nhost: n\r\n\r\n", "p".repeat(600_000)).into_bytes()),
        ("a body that ends early".into(), format!("{order}content-length: 500\r\n\r\n{{\"msisdn\":").into_bytes()),
    ]
    .into();
    // One byte more than nothing: whoever says nothing at all is merely idle.
    pieces.extend((0..200).map(|number| (format!("noise {number}"), [vec![b'~'], seeded.bytes(400)].concat())));
    let alone = pieces.iter().map(|(what, bytes)| async move {
        let mut connection = Connection::open(node.public).await.expect("the node takes connections");
        connection.send(bytes).await;
        let answer = connection.answer().await?;
        (!(400..500).contains(&answer.status)).then(|| format!("{what}: {}", answer.status))
    });
    let complaints: Vec<_> = join_all(alone).await.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // Garbage behind a good request does not spoil the good one.
    for (what, bytes) in &pieces {
        let mut connection = Connection::open(node.public).await.expect("the node takes connections");
        let good = request("GET", "/healthz", &[], b"");
        connection.send(&[good, bytes.clone()].concat()).await;
        let first = connection.answer().await;
        assert_eq!(first.map(|answer| answer.status), Some(200), "{what} behind a good request");
    }

    // Many good and wrong requests in one go are answered in their order.
    let mut connection = Connection::open(node.public).await.expect("the node takes connections");
    let mut all = Vec::new();
    for number in 0..100 {
        let path = if number % 2 == 0 { "/healthz" } else { "/nowhere" };
        all.extend(request("GET", path, &[], b""));
    }
    connection.send(&all).await;
    for number in 0..100 {
        let answer = connection.answer().await.expect("an answer for each");
        assert_eq!(answer.status, if number % 2 == 0 { 200 } else { 404 }, "in order");
    }
    slow(node.public, order).await;
    let after = trade.must("44", &Ask::get("/v1/trial-balance".into())).await.body["accounts"].clone();
    assert_eq!(after, books, "something moved");
    assert!(node.process.runs() && node.process.pid() == pid, "the node ended");
    assert!(!node.process.log().contains("panicked"), "a panic:\n{}", node.process.log_tail());
}

/// Callers that send their headers or body drop by drop are sent away, and hold nobody up.
async fn slow(address: SocketAddr, order: &str) {
    const DROPS_MAX: u32 = 200;
    let drip = async |begin: Vec<u8>| {
        let mut connection = Connection::open(address).await.expect("the node takes connections");
        let begun = Instant::now();
        connection.send(&begin).await;
        let answered = connection.answer();
        tokio::pin!(answered);
        let answer = answered.await;
        assert!(begun.elapsed() < HEADER_DEADLINE * DROPS_MAX / 10, "held for {:?}", begun.elapsed());
        if let Some(answer) = answer {
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
    };
    let dripping = (0..50).map(|number| {
        let begin = match number % 3 {
            0 => b"GET /healthz HTTP/1.1\r\nhost: n\r\nx-slow: ".to_vec(),
            1 => b"G".to_vec(),
            _ => format!("{order}content-length: 50\r\n\r\n{{").into_bytes(),
        };
        drip(begin)
    });
    let others = async {
        for _ in 0..50 {
            let mut connection = Connection::open(address).await.expect("the node takes connections");
            connection.send(&request("GET", "/healthz", &[], b"")).await;
            assert_eq!(connection.answer().await.expect("an answer").status, 200);
        }
    };
    tokio::join!(join_all(dripping), others);
}
