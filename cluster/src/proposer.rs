//! The proposer: many commands that wait become one log entry.
//!
//! A permit is taken first, then everything that waits by then goes into one entry. A command that
//! finds nothing on its way goes at once. While an entry is on its way the next one gathers: until
//! that one has landed, or for [`GATHER_MAX`] where a round is longer than that. An entry costs three
//! machines the same whatever is in it, so few full ones serve everybody sooner. On a follower the
//! same batch goes to the leader as one message.
//!
//! What a caller is told: `Unavailable` and `Busy` only when nothing happened, `Unknown` whenever it
//! may have. A command that was never submitted is tried again until its deadline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mpss_domain::LogTime;
use mpss_runtime::Clock;
use openraft::errors::{ClientWriteError, RaftError};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::codec;
use crate::network::link::{Link, LinkError};
use crate::network::wire::{self, Kind, PROPOSE_COMMANDS_MAX, ProposeAnswer, ProposeRefusal};
use crate::raft_runtime::NodeScope;
use crate::replica::{ProposeError, ReplicaStatus, Role};
use crate::ticket::{Ticket, Waiting};
use crate::types::{Payload, Raft};

/// The longest an entry gathers while another is on its way.
const GATHER_MAX: Duration = Duration::from_millis(5);
/// Commands that are enough for an entry: a fuller one saves little more.
const GATHERED_COMMANDS_MAX: usize = 256;
/// Pause before a batch that nobody took is tried again, unless leadership changes before.
const RETRY_PAUSE: Duration = Duration::from_millis(5);
/// How often commands whose deadline is over are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(50);
/// When a caller that was refused as busy may try again.
const BUSY_RETRY_AFTER: Duration = Duration::from_millis(100);

/// A command that waits.
struct Waiter {
    command: bytes::Bytes,
    ticket: Arc<Ticket>,
    /// In the clock's monotonic time.
    deadline: Duration,
    /// Came from another replica: goes into the log here or back, never further.
    forwarded: bool,
}

impl AsRef<[u8]> for Waiter {
    fn as_ref(&self) -> &[u8] {
        &self.command
    }
}

/// Commands that wait to be proposed.
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Waiter>>,
    arrived: Notify,
    /// A batch is at its end, or enough waits for a full one.
    go_on: Notify,
    commands_max: usize,
    /// Batches that were taken and are not at their end.
    carried: AtomicUsize,
    refusing: AtomicBool,
    closed: AtomicBool,
}

impl Queue {
    pub(crate) fn new(commands_max: usize) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::new(VecDeque::new()),
            arrived: Notify::new(),
            go_on: Notify::new(),
            commands_max,
            carried: AtomicUsize::new(0),
            refusing: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// Puts an encoded command in line.
    pub(crate) fn push(
        &self,
        command: bytes::Bytes,
        deadline: Duration,
        forwarded: bool,
    ) -> Result<Waiting, ProposeError> {
        if command.len() > codec::COMMAND_BYTES_MAX {
            return Err(ProposeError::TooLarge { bytes: command.len(), max: codec::COMMAND_BYTES_MAX });
        }
        let (ticket, answer) = Ticket::issue();
        {
            let mut waiting = self.waiting.lock();
            // Under the lock, so that nothing comes in behind the last look of a closing queue.
            if self.closed.load(Ordering::Acquire) || self.refusing.load(Ordering::Acquire) {
                return Err(ProposeError::Stopped);
            }
            if waiting.len() >= self.commands_max {
                return Err(ProposeError::Busy { retry_after: BUSY_RETRY_AFTER });
            }
            waiting.push_back(Waiter { command, ticket, deadline, forwarded });
            if waiting.len() == GATHERED_COMMANDS_MAX {
                self.go_on.notify_one();
            }
        }
        self.arrived.notify_one();
        Ok(answer)
    }

    /// Takes what goes into one entry.
    fn take(&self, commands_max: usize) -> Vec<Waiter> {
        let mut waiting = self.waiting.lock();
        let mut bytes = 0;
        let mut taken = 0;
        for waiter in waiting.iter().take(commands_max) {
            if bytes >= codec::ENTRY_TARGET_BYTES {
                break;
            }
            bytes += waiter.command.len();
            taken += 1;
        }
        if taken > 0 {
            self.carried.fetch_add(1, Ordering::AcqRel);
        }
        waiting.drain(..taken).collect()
    }

    /// True while it is worth to wait: something is on its way and more would fit into the next entry.
    fn gathers(&self, commands_max: usize) -> bool {
        !self.is_closed()
            && self.carried.load(Ordering::Acquire) > 0
            && self.waiting.lock().len() < commands_max.min(GATHERED_COMMANDS_MAX)
    }

    /// A batch is at its end.
    fn landed(&self) {
        self.carried.fetch_sub(1, Ordering::AcqRel);
        self.go_on.notify_one();
    }

    /// Answers everyone whose deadline is over. Nothing happened to them.
    fn expire(&self, now: Duration) {
        let mut waiting = self.waiting.lock();
        // Forwarded commands have deadlines of their own, so the line is not sorted by them.
        waiting.retain(|waiter| {
            let expired = waiter.deadline <= now;
            if expired {
                waiter.ticket.finish(Err(ProposeError::Unavailable));
            }
            !expired
        });
    }

    /// Takes no more commands and answers those that wait.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting.lock();
        self.closed.store(true, Ordering::Release);
        for waiter in waiting.drain(..) {
            waiter.ticket.finish(Err(ProposeError::Stopped));
        }
        self.arrived.notify_one();
        self.go_on.notify_one();
    }

    /// Takes no more commands; those that wait go on.
    pub(crate) fn refuse_more(&self) {
        self.refusing.store(true, Ordering::Release);
    }

    /// True when everything that was accepted is at its end.
    pub(crate) fn is_idle(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.is_empty() && self.carried.load(Ordering::Acquire) == 0
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// Turns the queue into log entries.
pub(crate) struct Proposer {
    pub(crate) queue: Arc<Queue>,
    pub(crate) raft: Raft,
    pub(crate) link: Arc<Link>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scope: Arc<NodeScope>,
    pub(crate) status: watch::Receiver<ReplicaStatus>,
    pub(crate) batch_commands_max: usize,
    pub(crate) permits: Arc<Semaphore>,
}

impl Proposer {
    /// Proposes until the queue closes.
    pub(crate) async fn run(self) {
        let this = Arc::new(self);
        let expiring = this.clone();
        this.scope.spawn("proposer expiry", async move { expiring.expire().await });
        let commands_max = this.batch_commands_max.clamp(1, PROPOSE_COMMANDS_MAX);
        let mut gone_at = Duration::ZERO;
        loop {
            let Ok(permit) = this.permits.clone().acquire_owned().await else { return };
            let batch = loop {
                if this.queue.is_closed() {
                    return;
                }
                this.gather(commands_max, gone_at).await;
                let batch = this.queue.take(commands_max);
                if !batch.is_empty() {
                    break batch;
                }
                this.queue.arrived.notified().await;
            };
            gone_at = this.clock.monotonic();
            let batcher = this.clone();
            this.scope.spawn("propose", async move { batcher.carry(batch, permit).await });
        }
    }

    /// Lets the next entry gather while another is on its way.
    async fn gather(&self, commands_max: usize, last_gone_at: Duration) {
        let until = last_gone_at + GATHER_MAX;
        while self.queue.gathers(commands_max) && self.clock.monotonic() < until {
            tokio::select! {
                biased;
                () = self.queue.go_on.notified() => {}
                () = self.clock.sleep_until(until) => return,
            }
        }
    }

    async fn expire(&self) {
        while !self.queue.is_closed() {
            self.clock.sleep(EXPIRY_INTERVAL).await;
            self.queue.expire(self.clock.monotonic());
        }
    }

    /// Brings one batch to its end.
    async fn carry(&self, mut batch: Vec<Waiter>, permit: OwnedSemaphorePermit) {
        let mut status = self.status.clone();
        loop {
            let now = self.clock.monotonic();
            batch.retain(|waiter| {
                let expired = waiter.deadline <= now;
                if expired {
                    waiter.ticket.finish(Err(ProposeError::Unavailable));
                }
                !expired
            });
            if batch.is_empty() {
                break;
            }
            let (role, leader) = {
                let seen = status.borrow_and_update();
                let leader = seen.leader.and_then(|node| {
                    let member = seen.voters.get(&node).or_else(|| seen.learners.get(&node));
                    member.map(|member| (node, member.clone()))
                });
                (seen.role, leader)
            };
            batch = match (role, leader) {
                (Role::Stopped, _) => {
                    finish_all(batch, &ProposeError::Stopped);
                    break;
                }
                (Role::Leader, _) => self.write(batch).await,
                (_, leader) => {
                    // Forwarded once is enough; whoever sent it knows better by now.
                    batch.retain(|waiter| {
                        if waiter.forwarded {
                            waiter.ticket.finish(Err(ProposeError::Unavailable));
                        }
                        !waiter.forwarded
                    });
                    match leader {
                        Some((node, member)) if node != self.link.node => self.forward(batch, node, &member).await,
                        _ => batch,
                    }
                }
            };
            if batch.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                changed = status.changed() => if changed.is_err() {
                    finish_all(batch, &ProposeError::Stopped);
                    break;
                },
                () = self.clock.sleep(RETRY_PAUSE) => {}
            }
        }
        drop(permit);
        self.queue.landed();
    }

    /// Writes a batch into the log here; returns those to which nothing happened.
    async fn write(&self, mut batch: Vec<Waiter>) -> Vec<Waiter> {
        batch.retain(|waiter| waiter.ticket.submit());
        let Some(deadline) = batch.iter().map(|waiter| waiter.deadline).max() else { return batch };
        let payload = Payload(codec::join_batch(LogTime(self.clock.wall_ms()), &batch));
        let written = tokio::select! {
            biased;
            written = self.raft.client_write(payload) => written,
            () = self.clock.sleep_until(deadline) => {
                finish_all(batch, &ProposeError::Unknown);
                return Vec::new();
            }
        };
        match written {
            Ok(response) if response.data.0.len() == batch.len() => {
                for (waiter, reply) in batch.into_iter().zip(response.data.0) {
                    waiter.ticket.finish(Ok(reply));
                }
                Vec::new()
            }
            // Refused before it was appended: a leader that is not sure of itself yet, or no more.
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                put_back(&batch);
                batch
            }
            Err(RaftError::APIError(_) | RaftError::Fatal(_)) | Ok(_) => {
                finish_all(batch, &ProposeError::Unknown);
                Vec::new()
            }
        }
    }

    /// Sends a batch to the leader; returns those to which nothing happened.
    async fn forward(&self, mut batch: Vec<Waiter>, leader: u64, member: &crate::Member) -> Vec<Waiter> {
        batch.retain(|waiter| waiter.ticket.submit());
        let Some(deadline) = batch.iter().map(|waiter| waiter.deadline).max() else { return batch };
        let left = deadline.saturating_sub(self.clock.monotonic());
        // The leader gives up a little earlier, so that its answer still arrives.
        let deadline_ms = u32::try_from((left * 9 / 10).as_millis()).unwrap_or(u32::MAX);
        let request = wire::encode_propose(&self.link.envelope(Kind::Propose, leader), deadline_ms, &batch);
        match self.link.send::<ProposeAnswer>(leader, member, request, left).await {
            Ok(ProposeAnswer::Results(results)) if results.len() == batch.len() => {
                let mut again = Vec::new();
                for (waiter, result) in batch.into_iter().zip(results) {
                    match result {
                        Ok(reply) => waiter.ticket.finish(Ok(reply)),
                        Err(ProposeRefusal::Busy(ms)) => waiter
                            .ticket
                            .finish(Err(ProposeError::Busy { retry_after: Duration::from_millis(u64::from(ms)) })),
                        Err(ProposeRefusal::Unknown) => waiter.ticket.finish(Err(ProposeError::Unknown)),
                        // A leader of an older version; trying again there would not help.
                        Err(ProposeRefusal::Malformed) => waiter.ticket.finish(Err(ProposeError::Unavailable)),
                        Err(ProposeRefusal::Unavailable) => {
                            waiter.ticket.put_back();
                            again.push(waiter);
                        }
                    }
                }
                again
            }
            Ok(ProposeAnswer::NotLeader) | Err(LinkError::Unreachable(_) | LinkError::Refused(_)) => {
                put_back(&batch);
                batch
            }
            Ok(ProposeAnswer::Results(_)) | Err(LinkError::Unknown(_)) => {
                finish_all(batch, &ProposeError::Unknown);
                Vec::new()
            }
        }
    }
}

fn put_back(batch: &[Waiter]) {
    for waiter in batch {
        waiter.ticket.put_back();
    }
}

fn finish_all(batch: Vec<Waiter>, error: &ProposeError) {
    for waiter in batch {
        waiter.ticket.finish(Err(error.clone()));
    }
}
