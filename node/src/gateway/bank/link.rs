//! The line to the bank: one connection that is kept up, signed on and tested, with many messages on
//! their way at once.
//!
//! ```text
//!  connect ─▶ sign-on 0820/001 ─▶ 0830 ─▶ open: messages out, answers in, in any order
//!     ▲                                     │ silence: line test 0820/301
//!     └──── pause, doubling, with jitter ◀──┘ broken, or a test unanswered
//! ```
//!
//! A message that was not written is not sent; one that was, and whose answer does not come, is unknown.
//! An answer that nobody waits for any more is handed out by [`BankLink::late`].

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use mpss_domain::LogTime;
use mpss_runtime::{BoxFuture, Clock, Seams, TaskHandle};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

use super::iso8583::{
    Institution, MESSAGE_BYTES_MAX, Message, MessageType, MonthDay, MonthDayTime, NetworkCode, ResponseCode, Stan,
    TimeOfDay, number,
};
use super::rail::BankLink;
use super::wire::{Came, Wire};
use crate::gateway::rail::Lost;

/// Answers kept for whoever listens for late ones.
const LATE_MAX: usize = 1_024;

/// How a line is kept.
#[derive(Debug, Clone)]
pub struct LineOptions {
    /// The bank: `host:port`.
    pub address: String,
    /// How we are known there.
    pub institution: Institution,
    /// Messages that wait for their answers at once.
    pub in_flight_max: usize,
    /// How long connecting and signing on may take, each.
    pub connect_deadline: Duration,
    /// After so much silence the line is tested.
    pub line_test: Duration,
    /// Pause before connecting again.
    pub reconnect_min: Duration,
    /// Longest pause.
    pub reconnect_max: Duration,
}

/// By what an answer is matched with its request.
type Key = (MessageType, Stan, MonthDayTime);

/// One message on its way.
struct Sending {
    message: Message,
    /// Set before its first byte is written.
    begun: Arc<AtomicBool>,
}

struct Shared {
    waiting: Mutex<BTreeMap<Key, oneshot::Sender<Message>>>,
    late: Mutex<VecDeque<Message>>,
    late_came: Notify,
    window: Semaphore,
    open: watch::Sender<Option<mpsc::UnboundedSender<Sending>>>,
    stan: AtomicU32,
}

/// A line that is kept up until it is dropped.
pub struct TcpBankLine {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    keeper: TaskHandle,
}

impl std::fmt::Debug for TcpBankLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpBankLine").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

impl Drop for TcpBankLine {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl TcpBankLine {
    /// Begins to keep a line up.
    #[must_use]
    pub fn keep(options: LineOptions, wire: Arc<Wire>, seams: &Seams) -> Self {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            late: Mutex::default(),
            late_came: Notify::new(),
            window: Semaphore::new(options.in_flight_max),
            open: watch::Sender::new(None),
            stan: AtomicU32::new(0),
        });
        let line = Line { shared: shared.clone(), options, wire, seams: seams.clone() };
        let keeper = seams.spawner.spawn("bank line", Box::pin(async move { line.run().await }));
        Self { shared, clock: seams.clock.clone(), keeper }
    }

    /// Is the line signed on?
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shared.open.borrow().is_some()
    }

    /// Waits until the line is signed on.
    pub async fn wait_open(&self) {
        let mut open = self.shared.open.subscribe();
        // The sender lives as long as this does.
        let _ = open.wait_for(Option::is_some).await;
    }

    async fn ask(&self, request: Message, patience: Duration) -> Result<Message, Lost> {
        let begun = Arc::new(AtomicBool::new(false));
        let key = key_of(&request, request.kind().answer().ok_or(Lost::NotSent)?).ok_or(Lost::NotSent)?;
        let asked = async {
            // What is about a message before it has to be done in the end, so it goes as soon as there is a
            // line again. What asks anew is told at once that there is none.
            if request.get(number::ORIGINAL_DATA).is_some() {
                self.wait_open().await;
            }
            // A window that stays full for so long sends nothing.
            let _place = self.shared.window.acquire().await.map_err(|_| Lost::NotSent)?;
            let Some(out) = self.shared.open.borrow().clone() else { return Err(Lost::NotSent) };
            let (answer, answered) = oneshot::channel();
            self.shared.waiting.lock().insert(key, answer);
            let sending = Sending { message: request, begun: begun.clone() };
            out.send(sending).map_err(|_| Lost::NotSent)?;
            answered.await.map_err(|_| lost(&begun))
        };
        let result = within(&*self.clock, patience, asked).await.unwrap_or_else(|| Err(lost(&begun)));
        if result.is_err() {
            self.shared.waiting.lock().remove(&key);
        }
        result
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

fn lost(begun: &AtomicBool) -> Lost {
    if begun.load(Ordering::SeqCst) { Lost::Unknown } else { Lost::NotSent }
}

fn key_of(message: &Message, kind: MessageType) -> Option<Key> {
    Some((kind, message.stan().ok()??, message.transmission_time().ok()??))
}

impl BankLink for TcpBankLine {
    fn exchange(&self, request: Message, patience: Duration) -> BoxFuture<'_, Result<Message, Lost>> {
        Box::pin(self.ask(request, patience))
    }

    fn late(&self) -> BoxFuture<'_, Message> {
        Box::pin(async move {
            loop {
                let came = self.shared.late_came.notified();
                if let Some(late) = self.shared.late.lock().pop_front() {
                    return late;
                }
                came.await;
            }
        })
    }
}

/// What keeps one line up.
struct Line {
    shared: Arc<Shared>,
    options: LineOptions,
    wire: Arc<Wire>,
    seams: Seams,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    #[error("the bank closed the connection")]
    Closed,
    #[error("what came can not be understood: {0}")]
    Frame(#[from] super::iso8583::FrameError),
    #[error("it could not be made in time")]
    TooLate,
    #[error("the bank did not let us sign on: {0}")]
    SignOn(String),
    #[error("a line test was not answered")]
    Silent,
}

impl Line {
    async fn run(self) {
        let mut failures = 0_u32;
        loop {
            let ended = self.one_connection(&mut failures).await;
            metrics::gauge!("mpss_bank_line_open").set(0);
            self.shared.open.send_replace(None);
            // Whoever waits for an answer on it waits in vain.
            self.shared.waiting.lock().clear();
            if let Err(ended) = ended {
                tracing::warn!(bank = self.options.address, %ended, "the line to the bank is down");
            }
            failures = failures.saturating_add(1);
            let pause =
                self.options.reconnect_min.saturating_mul(1 << failures.min(16)).min(self.options.reconnect_max);
            let jitter = self.seams.random.below(pause.as_millis().max(1) as u64 / 2 + 1);
            self.seams.clock.sleep(pause / 2 + Duration::from_millis(jitter)).await;
        }
    }

    async fn one_connection(&self, failures: &mut u32) -> Result<(), Ended> {
        let connecting = TcpStream::connect(self.options.address.as_str());
        let (clock, deadline) = (&*self.seams.clock, self.options.connect_deadline);
        let stream = within(clock, deadline, connecting).await.ok_or(Ended::TooLate)??;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        let mut received = Vec::new();

        // Sign on before anybody else may speak.
        let sign_on = self.network_message(NetworkCode::SignOn);
        let key = key_of(&sign_on, MessageType::NetworkAdviceAnswer);
        writer.write_all(&self.wire.seal(sign_on)?).await?;
        let answered = async {
            loop {
                match self.next(&mut reader, &mut received).await? {
                    Came::Message(answer) if key_of(&answer, answer.kind()) == key => return Ok::<_, Ended>(answer),
                    _ => {}
                }
            }
        };
        let answer = within(clock, deadline, answered).await.ok_or(Ended::TooLate)??;
        let code = answer.response_code().ok().flatten();
        if code != Some(ResponseCode::APPROVED) {
            return Err(Ended::SignOn(code.map_or_else(|| "no code".into(), |code| code.to_string())));
        }
        *failures = 0;
        tracing::info!(bank = self.options.address, "signed on to the bank");
        metrics::gauge!("mpss_bank_line_open").set(1);
        let (out, mut outgoing) = mpsc::unbounded_channel();
        self.shared.open.send_replace(Some(out));

        let mut tested = false;
        loop {
            tokio::select! {
                came = self.next(&mut reader, &mut received) => {
                    tested = false;
                    if let Some(reply) = self.take(came?) {
                        writer.write_all(&self.wire.seal(reply)?).await?;
                    }
                }
                sending = outgoing.recv() => {
                    let Some(Sending { message, begun }) = sending else { return Ok(()) };
                    let frame = self.wire.seal(message)?;
                    begun.store(true, Ordering::SeqCst);
                    writer.write_all(&frame).await?;
                }
                () = self.seams.clock.sleep(self.options.line_test) => {
                    if std::mem::replace(&mut tested, true) {
                        return Err(Ended::Silent);
                    }
                    writer.write_all(&self.wire.seal(self.network_message(NetworkCode::LineTest))?).await?;
                }
            }
        }
    }

    /// The next thing that comes. Safe to be given up: what was read is kept in `received`.
    async fn next(&self, reader: &mut tokio::net::tcp::OwnedReadHalf, received: &mut Vec<u8>) -> Result<Came, Ended> {
        loop {
            if let Some((came, bytes)) = self.wire.take(received)? {
                received.drain(..bytes);
                return Ok(came);
            }
            received.reserve(MESSAGE_BYTES_MAX);
            if reader.read_buf(received).await? == 0 {
                return Err(Ended::Closed);
            }
        }
    }

    /// Hands an answer to whoever waits for it; gives what has to be answered.
    fn take(&self, came: Came) -> Option<Message> {
        let message = match came {
            Came::Idle => return None,
            Came::Unusable(why) => {
                // Nobody can tell whose answer it was: its call ends as unanswered.
                tracing::error!(%why, "a message of the bank can not be used");
                metrics::counter!("mpss_bank_unusable_total").increment(1);
                return None;
            }
            Came::Message(message) => message,
        };
        if let Some(mut answer) = message.answer() {
            // The bank asks us: a line test, or its day is cut.
            if let Ok(Some(code)) = message.network_code() {
                tracing::info!(?code, "the bank tells of the network");
                metrics::counter!("mpss_bank_network_total", "code" => code.digits()).increment(1);
            }
            answer.set_response_code(ResponseCode::APPROVED);
            return Some(answer);
        }
        if matches!(message.kind(), MessageType::NetworkAdviceAnswer | MessageType::NetworkAnswer) {
            return None;
        }
        let waits = key_of(&message, message.kind()).and_then(|key| self.shared.waiting.lock().remove(&key));
        let late = match waits {
            Some(waiting) => waiting.send(*message).err(),
            None => Some(*message),
        };
        if let Some(late) = late {
            let mut queue = self.shared.late.lock();
            if queue.len() == LATE_MAX {
                queue.pop_front();
            }
            queue.push_back(late);
            self.shared.late_came.notify_one();
        }
        None
    }

    fn network_message(&self, code: NetworkCode) -> Message {
        let mut message = Message::new(MessageType::NetworkAdvice);
        let [month, day, hour, minute, second] = LogTime(self.seams.clock.wall_ms()).month_to_second_in_china();
        if let (Some(date), Some(time)) = (MonthDay::new(month, day), TimeOfDay::new(hour, minute, second)) {
            message.set_transmission_time(MonthDayTime { date, time });
        }
        let number = self.shared.stan.fetch_add(1, Ordering::Relaxed) % 999_999 + 1;
        message.set_stan(Stan::new(number).expect("1 to 999 999"));
        message.set_acquirer(&self.options.institution);
        message.set_network_code(code);
        message.set_receiver(&self.options.institution);
        message
    }
}
