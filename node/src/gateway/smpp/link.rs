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
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use mpss_domain::Msisdn;
use mpss_domain::texts::ReceiptFate;
use mpss_runtime::{BoxFuture, Clock, Seams, TaskHandle};
use parking_lot::Mutex;
use rusmpp::pdus::{DeliverSm, DeliverSmResp};
use rusmpp::{Command, CommandStatus, Pdu};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::receipt::{came, fate_of_state};
use super::wire::{BadLength, Frame, Identity, PDU_BYTES_MAX, bytes_of, command, take};
use crate::gateway::message_centre::{
    Acknowledge, Cancelled, Inbound, MessageCentre, ShortMessage, Submitted,
};
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
struct Stage(AtomicU8);

impl Stage {
    const WAITS: u8 = 0;
    const WRITTEN: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// Its first byte is about to be written; false when it was given up.
    fn begin(&self) -> bool {
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
struct Sending {
    pdu: Command,
    stage: Arc<Stage>,
    /// Not to be written later than this.
    until: Duration,
}

type Outgoing = mpsc::UnboundedSender<Sending>;

struct Shared {
    waiting: Mutex<BTreeMap<u32, oneshot::Sender<Command>>>,
    window: Semaphore,
    out: watch::Sender<Option<Outgoing>>,
    open_since: watch::Sender<Option<Duration>>,
    sequence: AtomicU32,
    in_hand: Arc<Semaphore>,
}

impl Shared {
    /// The next number of a PDU: 1 to 0x7fff_ffff.
    fn next_sequence(&self) -> u32 {
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
async fn within<R>(clock: &dyn Clock, deadline: Duration, work: impl Future<Output = R>) -> Option<R> {
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

fn in_words(status: CommandStatus) -> String {
    format!("0x{:02x}", u32::from(status))
}

impl MessageCentre for SmppLink {
    fn submit(&self, message: ShortMessage) -> BoxFuture<'_, Result<Submitted, Lost>> {
        Box::pin(async move {
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

/// What keeps one line up.
struct Line {
    shared: Arc<Shared>,
    options: LinkOptions,
    seams: Seams,
    hand: mpsc::UnboundedSender<Inbound>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    #[error("the centre closed the connection")]
    Closed,
    #[error("what came can not be understood: {0}")]
    Frame(#[from] BadLength),
    #[error("it could not be made in time")]
    TooLate,
    #[error("the centre did not let us bind: {0}")]
    Bind(String),
    #[error("a test of the line was not answered")]
    Silent,
    #[error("the centre unbinds")]
    Unbound,
}

type Reader = tokio::net::tcp::OwnedReadHalf;

impl Line {
    async fn run(self) {
        let mut failures = 0_u32;
        loop {
            let ended = self.one_connection(&mut failures).await;
            metrics::gauge!("mpss_smpp_line_open").set(0);
            self.shared.open_since.send_replace(None);
            self.shared.out.send_replace(None);
            // Whoever waits for an answer on it waits in vain.
            self.shared.waiting.lock().clear();
            if let Err(ended) = ended {
                tracing::warn!(centre = self.options.address, %ended, "the line to the SMS centre is down");
            }
            metrics::counter!("mpss_smpp_lines_ended_total").increment(1);
            failures = failures.saturating_add(1);
            let pause =
                self.options.reconnect_min.saturating_mul(1 << (failures - 1).min(16)).min(self.options.reconnect_max);
            let jitter = self.seams.random.below(u64::try_from(pause.as_millis()).unwrap_or(1) / 2 + 1);
            self.seams.clock.sleep(pause / 2 + Duration::from_millis(jitter)).await;
        }
    }

    async fn one_connection(&self, failures: &mut u32) -> Result<(), Ended> {
        let (clock, deadline) = (&*self.seams.clock, self.options.connect_deadline);
        let connecting = TcpStream::connect(self.options.address.as_str());
        let stream = within(clock, deadline, connecting).await.ok_or(Ended::TooLate)??;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        let mut received = BytesMut::new();

        // Nobody else speaks before we are let in.
        let sequence = self.shared.next_sequence();
        writer.write_all(&bytes_of(&command(sequence, self.options.identity.bind()))).await?;
        let answered = async {
            loop {
                let frame = next(&mut reader, &mut received).await?;
                if frame.sequence == sequence {
                    return Ok::<_, Ended>(frame);
                }
            }
        };
        let answer = within(clock, deadline, answered).await.ok_or(Ended::TooLate)??;
        match answer.pdu.map(|pdu| pdu.status()) {
            Some(CommandStatus::EsmeRok) => {}
            Some(status) => return Err(Ended::Bind(in_words(status))),
            None => return Err(Ended::Bind("its answer can not be read".into())),
        }
        *failures = 0;
        tracing::info!(centre = self.options.address, "bound to the SMS centre");
        metrics::gauge!("mpss_smpp_line_open").set(1);
        let (out, mut outgoing) = mpsc::unbounded_channel::<Sending>();
        self.shared.out.send_replace(Some(out.clone()));
        self.shared.open_since.send_replace(Some(clock.monotonic()));

        let mut tested = false;
        loop {
            tokio::select! {
                frame = next(&mut reader, &mut received) => {
                    tested = false;
                    if let Some(reply) = self.take(frame?, &out)? {
                        writer.write_all(&bytes_of(&reply)).await?;
                    }
                }
                sending = outgoing.recv() => {
                    let Some(Sending { pdu, stage, until }) = sending else { return Ok(()) };
                    // Too late is never: whoever waits is told that it was not sent.
                    if clock.monotonic() > until || !stage.begin() {
                        self.shared.waiting.lock().remove(&pdu.sequence_number());
                        continue;
                    }
                    writer.write_all(&bytes_of(&pdu)).await?;
                }
                () = clock.sleep(self.options.enquire) => {
                    if std::mem::replace(&mut tested, true) {
                        return Err(Ended::Silent);
                    }
                    let enquiry = command(self.shared.next_sequence(), Pdu::EnquireLink);
                    writer.write_all(&bytes_of(&enquiry)).await?;
                }
            }
        }
    }

    /// Hands an answer to whoever waits for it, and whatever comes by itself on; gives what is answered at once.
    fn take(&self, frame: Frame, out: &Outgoing) -> Result<Option<Command>, Ended> {
        let Frame { command: id, sequence, pdu } = frame;
        if id & 0x8000_0000 != 0 {
            let waits = self.shared.waiting.lock().remove(&sequence);
            // An answer that can not be read is none; one that nobody waits for tells nothing that its receipt does
            // not.
            if let (Some(waiting), Some(pdu)) = (waits, pdu) {
                let _ = waiting.send(pdu);
            }
            return Ok(None);
        }
        let answer = |status, pdu: Pdu| Ok(Some(Command::new(status, sequence, pdu)));
        match pdu.as_ref().and_then(Command::pdu) {
            Some(Pdu::EnquireLink) => answer(CommandStatus::EsmeRok, Pdu::EnquireLinkResp),
            Some(Pdu::Unbind) => Err(Ended::Unbound),
            Some(Pdu::DeliverSm(deliver)) => Ok(self.deliver(sequence, deliver, out)),
            _ => {
                tracing::warn!(command = id, "a PDU of the SMS centre can not be used");
                metrics::counter!("mpss_smpp_unusable_total").increment(1);
                answer(CommandStatus::EsmeRinvcmdid, Pdu::GenericNack)
            }
        }
    }

    /// Hands something inbound on; answered when it is written down.
    fn deliver(&self, sequence: u32, deliver: &DeliverSm, out: &Outgoing) -> Option<Command> {
        let respond = move |status| Command::new(status, sequence, DeliverSmResp::default());
        let Some(what) = came(deliver, &self.options.identity.prefix) else {
            // It would only come again.
            metrics::counter!("mpss_smpp_unusable_total").increment(1);
            return Some(respond(CommandStatus::EsmeRok));
        };
        let Ok(place) = self.shared.in_hand.clone().try_acquire_owned() else {
            return Some(respond(CommandStatus::EsmeRxTAppn));
        };
        let out = out.clone();
        let acknowledge = Acknowledge::new(move |done| {
            let status = if done { CommandStatus::EsmeRok } else { CommandStatus::EsmeRxTAppn };
            let sending = Sending { pdu: respond(status), stage: Arc::default(), until: Duration::MAX };
            // Without this connection it comes again.
            let _ = out.send(sending);
            drop(place);
        });
        let _ = self.hand.send(Inbound { what, acknowledge });
        None
    }
}

/// The next PDU. Safe to be given up: what was read is kept in `received`.
async fn next(reader: &mut Reader, received: &mut BytesMut) -> Result<Frame, Ended> {
    loop {
        if let Some(frame) = take(received)? {
            return Ok(frame);
        }
        received.reserve(PDU_BYTES_MAX);
        if reader.read_buf(received).await? == 0 {
            return Err(Ended::Closed);
        }
    }
}
