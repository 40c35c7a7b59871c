//! The line to the SMS centre: one connection that is kept up, bound as a transceiver and tested, with many PDUs on
//! their way at once.
//!
//! ```text
//!  connect ─▶ bind_transceiver ─▶ open: messages out, answers in any order, receipts and words in
//!     ▲                            │ silence: enquire_link
//!     └── pause, doubling, jitter ◀┘ broken, unbound, or a test unanswered
//! ```
//!
//! A message that was not written is not sent; one that was, and whose answer does not come, is unknown. A message
//! that waited too long to be written is not written any more: whoever leads by then may have asked about it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use mpss_domain::Msisdn;
use mpss_domain::texts::ReceiptFate;
use mpss_runtime::{BoxFuture, Clock, Seams, TaskHandle};
use parking_lot::Mutex;
use rusmpp::{Command, CommandStatus, Pdu};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::line::Line;
use super::receipt::fate_of_state;
use super::wire::{Identity, command};
use crate::gateway::message_centre::{Cancelled, Handed, Inbound, Manner, MessageCentre, Submitted};
use crate::gateway::rail::Lost;

/// Inbound PDUs in hand at most; more are to come again.
const IN_HAND_MAX: usize = 512;

/// How a line is kept.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// The centre: `host:port`.
    pub address: String,
    /// How we are known there.
    pub identity: Identity,
    /// PDUs that wait for their answers at once.
    pub window: usize,
    /// How long an answer is waited for.
    pub answer_deadline: Duration,
    /// How long connecting and binding may take, each.
    pub connect_deadline: Duration,
    /// After so much silence the line is tested.
    pub enquire: Duration,
    /// Pause before connecting again.
    pub reconnect_min: Duration,
    /// Longest pause.
    pub reconnect_max: Duration,
}

/// Where a PDU of ours stands between whoever waits for its answer and whoever writes it.
#[derive(Debug, Default)]
pub(super) struct Stage(AtomicU8);

impl Stage {
    const WAITS: u8 = 0;
    const WRITTEN: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// Its first byte is about to be written; false when it was given up.
    pub(super) fn begin(&self) -> bool {
        self.0.compare_exchange(Self::WAITS, Self::WRITTEN, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Nobody waits any more: what that means. Whoever writes sees it, or had begun.
    fn give_up(&self) -> Lost {
        match self.0.compare_exchange(Self::WAITS, Self::GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst) {
            Err(Self::WRITTEN) => Lost::Unknown,
            _ => Lost::NotSent,
        }
    }
}

/// One PDU on its way.
pub(super) struct Sending {
    pub(super) pdu: Command,
    pub(super) stage: Arc<Stage>,
    /// Not to be written later than this.
    pub(super) until: Duration,
}

pub(super) type Outgoing = mpsc::UnboundedSender<Sending>;

pub(super) struct Shared {
    pub(super) waiting: Mutex<BTreeMap<u32, oneshot::Sender<Command>>>,
    window: Semaphore,
    pub(super) out: watch::Sender<Option<Outgoing>>,
    pub(super) open_since: watch::Sender<Option<Duration>>,
    sequence: AtomicU32,
    pub(super) in_hand: Arc<Semaphore>,
}

impl Shared {
    /// The next number of a PDU: 1 to 0x7fff_ffff.
    pub(super) fn next_sequence(&self) -> u32 {
        self.sequence.fetch_add(1, Ordering::Relaxed) % 0x7fff_ffff + 1
    }
}

/// Somebody waits for the answer to a PDU.
struct Waiting<'a> {
    shared: &'a Shared,
    sequence: u32,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.waiting.lock().remove(&self.sequence);
    }
}

/// A line that is kept up until it is dropped.
pub struct SmppLink {
    shared: Arc<Shared>,
    options: LinkOptions,
    clock: Arc<dyn Clock>,
    inbound: tokio::sync::Mutex<mpsc::UnboundedReceiver<Inbound>>,
    keeper: TaskHandle,
}

impl std::fmt::Debug for SmppLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmppLink").field("address", &self.options.address).finish_non_exhaustive()
    }
}

impl Drop for SmppLink {
    fn drop(&mut self) {
        self.keeper.abort();
        metrics::gauge!("mpss_smpp_line_open").set(0);
    }
}

impl SmppLink {
    /// Begins to keep a line up.
    #[must_use]
    pub fn keep(options: LinkOptions, seams: &Seams) -> Self {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            window: Semaphore::new(options.window),
            out: watch::Sender::new(None),
            open_since: watch::Sender::new(None),
            sequence: AtomicU32::new(0),
            in_hand: Arc::new(Semaphore::new(IN_HAND_MAX)),
        });
        let (hand, inbound) = mpsc::unbounded_channel();
        let line = Line { shared: shared.clone(), options: options.clone(), seams: seams.clone(), hand };
        let keeper = seams.spawner.spawn("smpp line", Box::pin(async move { line.run().await }));
        Self { shared, options, clock: seams.clock.clone(), inbound: tokio::sync::Mutex::new(inbound), keeper }
    }

    async fn ask(&self, pdu: Pdu) -> Result<Command, Lost> {
        let stage = Arc::new(Stage::default());
        let sequence = self.shared.next_sequence();
        let deadline = self.options.answer_deadline;
        let until = self.clock.monotonic() + deadline / 2;
        let asked = async {
            // A window that stays full for so long sends nothing.
            let _place = self.shared.window.acquire().await.map_err(|_| Lost::NotSent)?;
            let Some(out) = self.shared.out.borrow().clone() else { return Err(Lost::NotSent) };
            let (answer, answered) = oneshot::channel();
            self.shared.waiting.lock().insert(sequence, answer);
            // Also when whoever asks ends before the answer.
            let _forgotten = Waiting { shared: &self.shared, sequence };
            let sending = Sending { pdu: command(sequence, pdu), stage: stage.clone(), until };
            out.send(sending).map_err(|_| Lost::NotSent)?;
            answered.await.map_err(|_| stage.give_up())
        };
        within(&*self.clock, deadline, asked).await.unwrap_or_else(|| Err(stage.give_up()))
    }
}

/// What came of it in time; `None` when it took longer.
pub(super) async fn within<R>(clock: &dyn Clock, deadline: Duration, work: impl Future<Output = R>) -> Option<R> {
    tokio::select! {
        biased;
        result = work => Some(result),
        () = clock.sleep(deadline) => None,
    }
}

/// Is the centre too busy now, so that the same may be asked again later?
const fn is_busy(status: CommandStatus) -> bool {
    matches!(
        status,
        CommandStatus::EsmeRthrottled
            | CommandStatus::EsmeRmsgqful
            | CommandStatus::EsmeRsyserr
            | CommandStatus::EsmeRxTAppn
    )
}

pub(super) fn in_words(status: CommandStatus) -> String {
    format!("0x{:02x}", u32::from(status))
}

impl MessageCentre for SmppLink {
    fn manner(&self) -> Manner {
        Manner::Messages
    }

    fn submit(&self, handed: Handed) -> BoxFuture<'_, Result<Submitted, Lost>> {
        Box::pin(async move {
            let Handed::Message(message) = handed else { return Ok(Submitted::Refused("not cut".into())) };
            let answer = self.ask(self.options.identity.submit(&message)).await?;
            let status = answer.status();
            Ok(match (status, answer.pdu()) {
                (CommandStatus::EsmeRok, Some(Pdu::SubmitSmResp(taken))) if taken.message_id().len() > 1 => {
                    Submitted::Taken(taken.message_id().as_str().trim_end_matches('\0').to_owned())
                }
                // It says yes and not to what: only the receipt can tell.
                (CommandStatus::EsmeRok, _) => return Err(Lost::Unknown),
                (status, _) if is_busy(status) => Submitted::Busy,
                (status, _) => Submitted::Refused(in_words(status)),
            })
        })
    }

    fn cancel(&self, source: String, to: Msisdn) -> BoxFuture<'_, Result<Cancelled, Lost>> {
        Box::pin(async move {
            let answer = self.ask(self.options.identity.cancel(&source, to)).await?;
            Ok(match answer.status() {
                CommandStatus::EsmeRok => Cancelled::Gone,
                CommandStatus::EsmeRcancelfail | CommandStatus::EsmeRinvmsgid => Cancelled::Nothing,
                status if is_busy(status) => return Err(Lost::NotSent),
                _ => Cancelled::Unsupported,
            })
        })
    }

    fn query(&self, source: String, message: String) -> BoxFuture<'_, Result<ReceiptFate, Lost>> {
        Box::pin(async move {
            let answer = self.ask(self.options.identity.query(&source, &message)).await?;
            Ok(match (answer.status(), answer.pdu()) {
                (CommandStatus::EsmeRok, Some(Pdu::QuerySmResp(found))) => {
                    fate_of_state(u8::from(found.message_state), &format!("{:03}", found.error_code))
                }
                (status, _) if is_busy(status) => return Err(Lost::NotSent),
                _ => ReceiptFate::Unknown,
            })
        })
    }

    fn next(&self) -> BoxFuture<'_, Inbound> {
        Box::pin(async move {
            match self.inbound.lock().await.recv().await {
                Some(inbound) => inbound,
                // The keeper holds the other end as long as the line is kept.
                None => std::future::pending().await,
            }
        })
    }

    fn open_since(&self) -> watch::Receiver<Option<Duration>> {
        self.shared.open_since.subscribe()
    }
}
