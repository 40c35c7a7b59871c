//! The asking side: one peer, one connection, reconnected when a call needs it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::frame::{self, FRAME_BYTES_MAX, Frame, FrameReader, Kind};
use crate::{BoxFuture, CallError};

/// Calls that wait to be written at most, for one peer.
const QUEUE_CALLS_MAX: usize = 16_384;
/// Time to open a connection.
const CONNECT_DEADLINE: Duration = Duration::from_millis(1_000);
/// Pause after a connection that could not be opened: first, and at most.
const BACK_OFF_MIN: Duration = Duration::from_millis(20);
const BACK_OFF_MAX: Duration = Duration::from_millis(1_000);

/// Where a call is. Decides what its caller is told when there is no answer.
const QUEUED: u8 = 0;
const SENT: u8 = 1;
const GIVEN_UP: u8 = 2;

struct Call {
    id: u64,
    request: Bytes,
    deadline_ms: u32,
    place: Arc<AtomicU8>,
    answer: oneshot::Sender<Bytes>,
}

/// One peer.
pub(super) struct Peer {
    address: String,
    runtime: Handle,
    next_id: AtomicU64,
    closed: AtomicBool,
    link: Mutex<Link>,
}

/// The connection, or when the next may be tried.
struct Link {
    queue: Option<mpsc::Sender<Call>>,
    task: Option<AbortHandle>,
    retry_at: Option<Instant>,
    back_off: Duration,
}

impl Peer {
    pub(super) fn new(address: &str, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            address: address.to_owned(),
            runtime,
            next_id: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            link: Mutex::new(Link { queue: None, task: None, retry_at: None, back_off: BACK_OFF_MIN }),
        })
    }

    /// Breaks the connection for good.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.queue = None;
        if let Some(task) = link.task.take() {
            task.abort();
        }
    }

    /// Hands `request` over now and returns what waits for the answer.
    pub(super) fn call(
        self: &Arc<Self>,
        request: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, CallError>> {
        if request.len() > FRAME_BYTES_MAX {
            let refusal =
                format!("{} (a request of {} bytes; the most is {FRAME_BYTES_MAX})", self.address, request.len());
            return Box::pin(std::future::ready(Err(CallError::Unreachable(refusal))));
        }
        let (answer, answered) = oneshot::channel();
        let place = Arc::new(AtomicU8::new(QUEUED));
        let call = Call {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            request,
            deadline_ms: u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX),
            place: place.clone(),
            answer,
        };
        if let Err(refusal) = self.hand_over(call) {
            return Box::pin(std::future::ready(Err(refusal)));
        }
        let peer = self.clone();
        let timer = {
            let _entered = self.runtime.enter();
            tokio::time::sleep(deadline)
        };
        Box::pin(async move {
            let outcome = tokio::select! {
                biased;
                answer = answered => answer.ok(),
                () = timer => None,
            };
            outcome.ok_or_else(|| {
                // Whoever is first decides: the writer that sends it or this caller that gives up.
                match place.compare_exchange(QUEUED, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) | Err(GIVEN_UP) => CallError::Unreachable(peer.address.clone()),
                    Err(_) => CallError::Unknown(peer.address.clone()),
                }
            })
        })
    }

    fn hand_over(self: &Arc<Self>, call: Call) -> Result<(), CallError> {
        let unreachable = || CallError::Unreachable(self.address.clone());
        if self.closed.load(Ordering::Acquire) {
            return Err(unreachable());
        }
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let call = match &link.queue {
            None => call,
            Some(queue) => match queue.try_send(call) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Closed(call)) => call,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    let refusal = format!("{} ({QUEUE_CALLS_MAX} calls wait already)", self.address);
                    return Err(CallError::Unreachable(refusal));
                }
            },
        };
        if link.retry_at.is_some_and(|at| Instant::now() < at) {
            return Err(unreachable());
        }
        let (queue, calls) = mpsc::channel(QUEUE_CALLS_MAX);
        let sent = queue.try_send(call);
        debug_assert!(sent.is_ok(), "a fresh queue has room");
        link.queue = Some(queue);
        let peer = self.clone();
        link.task = Some(self.runtime.spawn(async move { peer.run(calls).await }).abort_handle());
        Ok(())
    }

    /// Connects and carries calls until the connection breaks.
    async fn run(self: Arc<Self>, calls: mpsc::Receiver<Call>) {
        let connected = tokio::time::timeout(CONNECT_DEADLINE, super::connect(&self.address)).await;
        match connected {
            Ok(Ok(stream)) => {
                self.link.lock().unwrap_or_else(PoisonError::into_inner).back_off = BACK_OFF_MIN;
                carry(stream, calls).await;
            }
            Ok(Err(_)) | Err(_) => {
                let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
                link.queue = None;
                link.retry_at = Some(Instant::now() + link.back_off);
                link.back_off = (link.back_off * 2).min(BACK_OFF_MAX);
                // Dropping the queue tells every caller in it; none was sent.
                drop(calls);
            }
        }
    }
}

/// Moves frames both ways until either way ends. Calls that were written get `Unknown` when their
/// sender is dropped here, calls that were not get `Unreachable`.
async fn carry(stream: TcpStream, mut calls: mpsc::Receiver<Call>) {
    let waiting: Mutex<HashMap<u64, oneshot::Sender<Bytes>>> = Mutex::new(HashMap::new());
    let (reader, writer) = stream.into_split();
    let admit = |call: Call| {
        if call.place.compare_exchange(QUEUED, SENT, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return None;
        }
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= QUEUE_CALLS_MAX {
            // Callers that gave up leave their place behind until an answer comes; none may come.
            waiting.retain(|_, answer| !answer.is_closed());
        }
        waiting.insert(call.id, call.answer);
        Some(Frame { kind: Kind::Request, id: call.id, deadline_ms: call.deadline_ms, payload: call.request })
    };
    let writing = frame::write_all(writer, &mut calls, admit);
    let reading = async {
        let mut frames = FrameReader::new(reader);
        // A broken connection and a closed one are the same to the callers.
        while let Ok(Some(frame)) = frames.next().await {
            if frame.kind == Kind::Response {
                let caller = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&frame.id);
                if let Some(caller) = caller {
                    // A caller that no longer waits has been told already.
                    let _ = caller.send(frame.payload);
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = reading => {}
        _ = writing => {}
    }
}
