#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::processes::patience;

const BOUND: Duration = Duration::from_secs(20);

/// A callee that sends everything back and tells what came.
async fn echo() -> (SocketAddr, UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut bytes = vec![0; CHUNK_BYTES];
                while let Ok(length) = stream.read(&mut bytes).await {
                    if length == 0 || stream.write_all(&bytes[..length]).await.is_err() {
                        return;
                    }
                    let _ = tell.send(bytes[..length].to_vec());
                }
            });
        }
    });
    (address, told)
}

/// An address in front of `callee`, behind which is a link.
async fn door(callee: SocketAddr) -> (SocketAddr, Arc<Link>) {
    let link = Link::new("a → b", &Seeded::new(1));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let carried = link.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(carried.clone().carry(stream, callee));
        }
    });
    (address, link)
}

async fn round_trip(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    let mut answer = vec![0; bytes.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

async fn counted(link: &Link, what: &str, enough: impl Fn(Passed) -> bool) {
    patience::until(what, BOUND, async || {
        let passed = link.passed();
        if enough(passed) { Ok(()) } else { Err(format!("{passed:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_clear_link_passes_everything_and_the_end_of_it() {
    let (callee, _told) = echo().await;
    let (address, link) = door(callee).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let (mut reader, mut writer) = stream.split();
    let all = async {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.map(|_| all)
    };
    let send = async {
        writer.write_all(&bytes).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let ((), all) = tokio::join!(send, all);
    assert_eq!(all.unwrap(), bytes);
    assert_eq!(link.passed(), Passed { connections: 1, ..Passed::default() });
}

#[tokio::test]
async fn a_cut_resets_what_is_open_and_refuses_what_is_new() {
    let (callee, _told) = echo().await;
    let (address, link) = door(callee).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    assert_eq!(round_trip(&mut open, b"before").await.unwrap(), b"before");

    link.set(Weather::Cut);
    let broken = open.read(&mut [0]).await.map_err(|error| error.kind());
    assert_eq!(broken, Err(io::ErrorKind::ConnectionReset));
    // The system may take the connection before we can turn it away; then its first use fails.
    let refused = async { round_trip(&mut TcpStream::connect(address).await?, b"cut").await };
    assert!(refused.await.is_err());
    assert_eq!(link.passed(), Passed { connections: 1, broken: 1, refused: 1, ..Passed::default() });

    link.set(Weather::Clear);
    let mut again = TcpStream::connect(address).await.unwrap();
    assert_eq!(round_trip(&mut again, b"after").await.unwrap(), b"after");
}

#[tokio::test]
async fn answers_that_are_held_arrive_when_they_no_longer_are() {
    let (callee, mut told) = echo().await;
    let (address, link) = door(callee).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    link.set(Weather::Hold(Way::Back));
    stream.write_all(b"question").await.unwrap();
    assert_eq!(told.recv().await.unwrap(), b"question", "requests pass");
    counted(&link, "the answer is held", |passed| passed.held == 1).await;
    assert_eq!(stream.try_read(&mut [0]).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
    link.set(Weather::Clear);
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"question");
}

#[tokio::test]
async fn a_link_that_holds_everything_lets_no_request_through() {
    let (callee, mut told) = echo().await;
    let (address, link) = door(callee).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    link.set(Weather::Hold(Way::Both));
    stream.write_all(b"question").await.unwrap();
    counted(&link, "the request is held", |passed| passed.held == 1).await;
    assert!(told.try_recv().is_err());
    // A connection that is held can still be cut.
    link.set(Weather::Cut);
    assert_eq!(stream.read(&mut [0]).await.map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
    assert!(told.try_recv().is_err(), "what was held and cut is lost");
}

#[tokio::test]
async fn a_slow_link_is_late_and_keeps_the_order() {
    const DELAY: Duration = Duration::from_millis(30);
    let (callee, _told) = echo().await;
    let (address, link) = door(callee).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let slowness = Slowness { delay: DELAY, jitter: Duration::from_millis(20), bytes_per_second: None };
    link.set(Weather::Slow(slowness));
    let begun = std::time::Instant::now();
    assert_eq!(round_trip(&mut stream, b"once").await.unwrap(), b"once");
    // Never too early; how much too late depends on the machine.
    assert!(begun.elapsed() >= DELAY * 2, "{:?}", begun.elapsed());
    assert!(link.passed().delayed >= 2);
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let (mut reader, mut writer) = stream.split();
    let mut answer = vec![0; bytes.len()];
    let send = async {
        for part in bytes.chunks(997) {
            writer.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let ((), read) = tokio::join!(send, reader.read_exact(&mut answer));
    read.unwrap();
    assert_eq!(answer, bytes);
}

#[tokio::test]
async fn a_throttled_link_takes_its_time() {
    let (callee, _told) = echo().await;
    let (address, link) = door(callee).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let slowness = Slowness { delay: Duration::ZERO, jitter: Duration::ZERO, bytes_per_second: Some(40_000) };
    link.set(Weather::Slow(slowness));
    let begun = std::time::Instant::now();
    assert_eq!(round_trip(&mut stream, &[7; 4_000]).await.unwrap(), [7; 4_000]);
    // The last part is not waited for, and both ways go on at once.
    assert!(begun.elapsed() >= Duration::from_millis(80), "{:?}", begun.elapsed());
    assert!(link.passed().throttled >= 8, "{:?}", link.passed());
}

#[tokio::test]
async fn a_reset_breaks_what_is_open_and_nothing_else() {
    let (callee, _told) = echo().await;
    let (address, link) = door(callee).await;
    let mut open = TcpStream::connect(address).await.unwrap();
    assert_eq!(round_trip(&mut open, b"before").await.unwrap(), b"before");
    link.reset();
    assert_eq!(open.read(&mut [0]).await.map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
    let mut again = TcpStream::connect(address).await.unwrap();
    assert_eq!(round_trip(&mut again, b"after").await.unwrap(), b"after");
    assert_eq!(link.passed(), Passed { connections: 2, broken: 1, ..Passed::default() });
}

#[tokio::test]
async fn a_callee_that_is_gone_resets_its_caller() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let (address, _link) = door(gone).await;
    let asked = async { round_trip(&mut TcpStream::connect(address).await?, b"anyone?").await };
    assert!(asked.await.is_err());
}
