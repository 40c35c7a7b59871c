//! Reading a request's body whole, bounded in bytes and time.

use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use mpss_runtime::Clock;

use crate::intake::{EdgeCode, Problem};

/// Bytes of a body that is too large that are still read and thrown away, so that the caller gets to
/// read the answer instead of a broken connection.
const THROWN_AWAY_BYTES_MAX: usize = 1 << 20;

/// What bounds a body.
pub(crate) struct BodyBounds {
    pub(crate) bytes_max: usize,
    pub(crate) deadline: Duration,
}

/// The whole body, or why not.
pub(crate) async fn whole_body(
    headers: &HeaderMap,
    body: Body,
    bounds: &BodyBounds,
    clock: &dyn Clock,
) -> Result<Bytes, Problem> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > (bounds.bytes_max + THROWN_AWAY_BYTES_MAX) as u64) {
        return Err(too_large(bounds.bytes_max));
    }
    let mut whole = std::pin::pin!(collect(body, bounds.bytes_max));
    // Most bodies arrive together with their headers: those set no timer.
    if let Poll::Ready(read) = futures::poll!(&mut whole) {
        return read;
    }
    let over = clock.sleep(bounds.deadline);
    tokio::select! {
        biased;
        read = &mut whole => read,
        () = over => Err(EdgeCode::BodyIncomplete.into()),
    }
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    let mut bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::edge(EdgeCode::BodyIncomplete))?;
        // Trailers say nothing that is understood here.
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len();
        if bytes > bytes_max + THROWN_AWAY_BYTES_MAX {
            return Err(too_large(bytes_max));
        }
        if bytes > bytes_max {
            (first, more) = (Bytes::new(), BytesMut::new());
        } else if first.is_empty() && more.is_empty() {
            // The usual body is one piece, and is not copied.
            first = data;
        } else {
            more.extend_from_slice(&std::mem::take(&mut first));
            more.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    if bytes > bytes_max {
        Err(too_large(bytes_max))
    } else if more.is_empty() {
        Ok(first)
    } else {
        Ok(more.freeze())
    }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::detailed(EdgeCode::BodyTooLarge, format!("at most {bytes_max} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mpss_runtime::BoxFuture;

    /// Time that is over as soon as anybody waits for it.
    struct Impatient;
    impl Clock for Impatient {
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
        fn wall_ms(&self) -> u64 {
            0
        }
        fn sleep_until(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    async fn read(pieces: &[&'static [u8]], bytes_max: usize) -> Result<Bytes, Problem> {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece))).collect();
        let bounds = BodyBounds { bytes_max, deadline: Duration::ZERO };
        let body = Body::from_stream(futures::stream::iter(pieces));
        whole_body(&HeaderMap::new(), body, &bounds, &Impatient).await
    }

    #[tokio::test]
    async fn pieces_are_put_together_up_to_the_bound() {
        assert_eq!(read(&[], 4).await.expect("empty"), "");
        assert_eq!(read(&[b"abcd"], 4).await.expect("fits"), "abcd");
        assert_eq!(read(&[b"a", b"", b"bc", b"d"], 4).await.expect("fits"), "abcd");
        for pieces in [&[b"abcde".as_slice()][..], &[b"abcd", b"e"], &[b"a", b"bcde", b"f"]] {
            assert_eq!(read(pieces, 4).await.expect_err("too large").code(), "body_too_large");
        }
    }

    #[tokio::test]
    async fn a_body_that_never_ends_or_breaks_is_given_up() {
        let bounds = BodyBounds { bytes_max: 4, deadline: Duration::ZERO };
        let never = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let problem = whole_body(&HeaderMap::new(), never, &bounds, &Impatient).await.expect_err("too slow");
        assert_eq!((problem.code(), problem.status()), ("body_incomplete", 408));
        let broken = Body::from_stream(futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
        let problem = whole_body(&HeaderMap::new(), broken, &bounds, &Impatient).await.expect_err("broken");
        assert_eq!(problem.code(), "body_incomplete");
        let endless = Body::from_stream(futures::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Bytes::from_static(&[0; 65_536]))
        }));
        let problem = whole_body(&HeaderMap::new(), endless, &bounds, &Impatient).await.expect_err("too large");
        assert_eq!(problem.code(), "body_too_large");
    }
}
