//! The answering side.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::frame::{self, Frame, FrameReader, Kind};
use crate::Handler;

/// Connections at most.
const CONNECTIONS_MAX: usize = 256;
/// Requests under way on one connection at most; reading waits for one to end.
const IN_FLIGHT_MAX: usize = 4_096;
/// Pause after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until it is aborted, which ends them too.
pub(super) async fn accept(listener: TcpListener, handler: Arc<dyn Handler>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
            continue;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let handler = handler.clone();
                connections.spawn(async move {
                    // A broken connection is the caller's to notice.
                    let _ = answer(stream, handler).await;
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn answer(stream: TcpStream, handler: Arc<dyn Handler>) -> io::Result<()> {
    let stream = super::accepted(stream)?;
    let (reader, writer) = stream.into_split();
    let (answers, mut answered) = mpsc::channel::<Frame>(IN_FLIGHT_MAX);
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut tasks = JoinSet::new();
    let writing = frame::write_all(writer, &mut answered, Some);
    let reading = async {
        let mut frames = FrameReader::new(reader);
        while let Some(frame) = frames.next().await? {
            if frame.kind != Kind::Request {
                continue;
            }
            let permit = in_flight.clone().acquire_owned().await.map_err(io::Error::other)?;
            // The order of arrival is kept by calling `handle` here and only waiting elsewhere.
            let work = handler.handle(frame.payload);
            let answers = answers.clone();
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                let payload = work.await;
                let response = Frame { kind: Kind::Response, id: frame.id, deadline_ms: 0, payload };
                // The connection may be gone.
                let _ = answers.send(response).await;
                drop(permit);
            });
        }
        Ok(())
    };
    tokio::select! {
        biased;
        result = reading => result,
        result = writing => result,
    }
}
