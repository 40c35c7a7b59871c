//! Feeds the read side from applied entries, in order, on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::JournalRecord;
use mpss_runtime::Clock;
use tokio::sync::{mpsc, oneshot};

use super::History;
use super::store::StoreError;
use crate::fatal::Fatal;

/// Entries that wait to be fed at most; applying waits beyond that.
const QUEUE_ENTRIES_MAX: usize = 4_096;
/// Entries written in one step.
const BATCH_ENTRIES_MAX: usize = 512;
/// How long entries gather before they are written: a write costs the store much the same whatever
/// is in it, and a reader who wants the newest waits for it.
const GATHER: Duration = Duration::from_millis(50);
/// What was written is flushed at least this often.
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);

enum Item {
    Entry { index: u64, records: Vec<JournalRecord> },
    Jump { index: u64 },
    Flush { done: oneshot::Sender<()> },
    Close { done: oneshot::Sender<()> },
}

/// Hands applied entries to the feeder.
#[derive(Clone)]
pub(crate) struct Feed {
    queue: mpsc::Sender<Item>,
}

/// Feeds [`History`].
pub(crate) struct Feeder {
    history: History,
    queue: mpsc::Receiver<Item>,
}

pub(crate) fn channel(history: History) -> (Feed, Feeder) {
    let (sender, queue) = mpsc::channel(QUEUE_ENTRIES_MAX);
    (Feed { queue: sender }, Feeder { history, queue })
}

impl Feed {
    /// The records of the next entry, which may be none.
    pub(crate) async fn entry(&self, index: u64, records: Vec<JournalRecord>) {
        // A feeder that has ended has reported why.
        let _ = self.queue.send(Item::Entry { index, records }).await;
    }

    /// The state is at `index` now without the entries before it.
    pub(crate) async fn jump(&self, index: u64) {
        let _ = self.queue.send(Item::Jump { index }).await;
    }

    /// Waits until everything handed over so far is stored and flushed.
    pub(crate) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Item::Flush { done }).await.is_ok() {
            let _ = flushed.await;
        }
    }
}

impl Feed {
    /// Ends the feeder and waits for its end.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Item::Close { done }).await.is_ok() {
            let _ = closed.await;
        }
    }
}

impl Feeder {
    /// Feeds until every [`Feed`] is gone.
    pub(crate) async fn run(mut self, clock: Arc<dyn Clock>, fatal: Fatal) {
        let mut items = Vec::new();
        let mut flush_at: Option<Duration> = None;
        loop {
            let received = match flush_at {
                None => self.queue.recv_many(&mut items, BATCH_ENTRIES_MAX).await,
                Some(at) => {
                    tokio::select! {
                        biased;
                        received = self.queue.recv_many(&mut items, BATCH_ENTRIES_MAX) => received,
                        () = clock.sleep_until(at) => usize::MAX,
                    }
                }
            };
            if received == 0 {
                break;
            }
            if received < BATCH_ENTRIES_MAX {
                self.gather(&mut items, clock.as_ref()).await;
            }
            let due = flush_at.is_some_and(|at| clock.monotonic() >= at);
            let stored = self.store(&mut items);
            let flushed =
                stored.and_then(|closed| if due { self.history.flush().map(|()| closed) } else { Ok(closed) });
            match flushed {
                Ok(None) => {}
                Ok(Some(closed)) => {
                    // What fails to be flushed here is fed again.
                    let _ = self.history.flush();
                    let _ = closed.send(());
                    return;
                }
                Err(error) => {
                    fatal.report(format!("the history can not be written: {}", chain(&error)));
                    return;
                }
            }
            flush_at = match flush_at {
                Some(at) if !due => Some(at),
                _ if received == usize::MAX => None,
                _ => Some(clock.monotonic() + FLUSH_INTERVAL),
            };
        }
        // A clean end; what fails here is fed again.
        let _ = self.history.flush();
    }

    /// Takes more entries as they come, for [`GATHER`], or until one of the items is waited for.
    async fn gather(&mut self, items: &mut Vec<Item>, clock: &dyn Clock) {
        let until = clock.monotonic() + GATHER;
        while items.len() < BATCH_ENTRIES_MAX && items.iter().all(|item| matches!(item, Item::Entry { .. })) {
            let room = BATCH_ENTRIES_MAX - items.len();
            tokio::select! {
                biased;
                received = self.queue.recv_many(items, room) => if received == 0 {
                    return;
                },
                () = clock.sleep_until(until) => return,
            }
        }
    }

    /// Stores what was taken from the queue; whom to tell when that was the end.
    fn store(&self, items: &mut Vec<Item>) -> Result<Option<oneshot::Sender<()>>, StoreError> {
        let mut closed = None;
        let mut entries = Vec::with_capacity(items.len());
        for item in items.drain(..) {
            match item {
                Item::Entry { index, records } => entries.push((index, records)),
                Item::Jump { index } => {
                    self.history.record(&std::mem::take(&mut entries))?;
                    self.history.jump(index)?;
                }
                Item::Flush { done } => {
                    self.history.record(&std::mem::take(&mut entries))?;
                    self.history.flush()?;
                    // Whoever asked may have been ended.
                    let _ = done.send(());
                }
                Item::Close { done } => closed = Some(done),
            }
        }
        self.history.record(&entries)?;
        Ok(closed)
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
