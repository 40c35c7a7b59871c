//! What is between two machines: every connection from one to the other goes through a link, and a link
//! has its weather.
//!
//! ```text
//!  caller ──▶ door ──▶ link (clear │ cut │ hold │ slow; reset) ──▶ callee
//!                      request bytes go there, answer bytes come back
//! ```
//!
//! A link is named after who opens its connections: the connections two machines open to each other are
//! two links. Bytes are never lost or changed inside a connection that goes on, as TCP would not lose
//! them: what is held arrives later, what is cut ends the connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::processes::seeded::Seeded;

/// Bytes taken at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks on their way in one direction of one connection at most; the sender waits beyond that.
const CHUNKS_MAX: usize = 64;
/// Bytes written at once while a link is throttled.
const TRICKLE_BYTES: usize = 512;

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Clear,
    /// What is open is reset, and what is opened too.
    Cut,
    /// Connections stay and nothing passes this way.
    Hold(Way),
    /// Everything passes late.
    Slow(Slowness),
}

/// A direction inside a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the caller to the callee.
    There,
    /// From the callee to the caller.
    Back,
    /// Either.
    Both,
}

/// How late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slowness {
    /// What every chunk is late by at least.
    pub delay: Duration,
    /// What it is late by in addition, at most.
    pub jitter: Duration,
    /// How many bytes pass in a second at most, when there is a bound.
    pub bytes_per_second: Option<u32>,
}

/// The way from one machine to another.
#[derive(Debug)]
pub struct Link {
    name: String,
    seeded: Seeded,
    mood: watch::Sender<Mood>,
    counts: Counts,
}

#[derive(Debug, Clone, Copy)]
struct Mood {
    weather: Weather,
    /// Rises with each reset.
    resets: u64,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
    held: AtomicU64,
    delayed: AtomicU64,
    throttled: AtomicU64,
}

/// What a link did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Connections carried.
    pub connections: u64,
    /// Connections turned away because the link was cut.
    pub refused: u64,
    /// Open connections that were reset.
    pub broken: u64,
    /// Chunks of bytes that had to wait until they were no longer held.
    pub held: u64,
    /// Chunks that came late.
    pub delayed: u64,
    /// Chunks that came little by little.
    pub throttled: u64,
}

impl Passed {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            connections: self.connections + other.connections,
            refused: self.refused + other.refused,
            broken: self.broken + other.broken,
            held: self.held + other.held,
            delayed: self.delayed + other.delayed,
            throttled: self.throttled + other.throttled,
        }
    }
}

impl Link {
    /// A clear link; its jitter comes from `seeded`.
    #[must_use]
    pub fn new(name: impl Into<String>, seeded: &Seeded) -> Arc<Self> {
        let name = name.into();
        let seeded = seeded.fork(&name);
        let mood = watch::Sender::new(Mood { weather: Weather::Clear, resets: 0 });
        Arc::new(Self { name, seeded, mood, counts: Counts::default() })
    }

    /// From whom to whom.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Changes the weather, for open connections too.
    pub fn set(&self, weather: Weather) {
        self.mood.send_modify(|mood| mood.weather = weather);
    }

    /// Resets every open connection.
    pub fn reset(&self) {
        self.mood.send_modify(|mood| mood.resets += 1);
    }

    /// What it did so far.
    #[must_use]
    pub fn passed(&self) -> Passed {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { connections, refused, broken, held, delayed, throttled } = &self.counts;
        Passed {
            connections: read(connections),
            refused: read(refused),
            broken: read(broken),
            held: read(held),
            delayed: read(delayed),
            throttled: read(throttled),
        }
    }

    /// Carries one connection to `callee` until it ends. A callee that can not be reached resets the
    /// caller: whether nobody listens is not seen before the connection is made.
    pub async fn carry(self: Arc<Self>, caller: TcpStream, callee: SocketAddr) {
        let mut mood = self.mood.subscribe();
        let begun = *mood.borrow_and_update();
        if begun.weather == Weather::Cut {
            count(&self.counts.refused);
            reset(&caller);
            return;
        }
        let Ok(callee) = TcpStream::connect(callee).await else {
            reset(&caller);
            return;
        };
        // Late bytes are the weather's to make, not Nagle's; a connection that is gone already shows below.
        let _ = caller.set_nodelay(true).and_then(|()| callee.set_nodelay(true));
        let number = self.counts.connections.fetch_add(1, Ordering::Relaxed);
        let dice = |way: Way| self.seeded.fork(&format!("{number} {way:?}"));
        let ((mut caller_in, mut caller_out), (mut callee_in, mut callee_out)) =
            (caller.into_split(), callee.into_split());
        let ended = tokio::select! {
            biased;
            // The sender is in `self`, so this can not fail.
            _ = mood.wait_for(|now| now.weather == Weather::Cut || now.resets != begun.resets) => {
                count(&self.counts.broken);
                Err(io::ErrorKind::ConnectionReset.into())
            }
            ended = futures::future::try_join(
                self.pass(Way::There, &mut caller_in, &mut callee_out, dice(Way::There)),
                self.pass(Way::Back, &mut callee_in, &mut caller_out, dice(Way::Back)),
            ) => ended,
        };
        // A connection that broke on one side breaks on the other, it does not end. Whole again first: half a
        // connection that is dropped ends in good order.
        if ended.is_err()
            && let (Ok(caller), Ok(callee)) = (caller_in.reunite(caller_out), callee_in.reunite(callee_out))
        {
            reset(&caller);
            reset(&callee);
        }
    }

    /// Passes bytes one way until their sender has no more.
    async fn pass(
        &self,
        way: Way,
        from: &mut OwnedReadHalf,
        to: &mut OwnedWriteHalf,
        mut dice: Seeded,
    ) -> io::Result<()> {
        let (queue, mut queued) = mpsc::channel::<(Instant, Bytes)>(CHUNKS_MAX);
        let reading = async move {
            let mut due = Instant::now();
            loop {
                let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
                if from.read_buf(&mut chunk).await? == 0 {
                    return Ok(());
                }
                // Never before what came before it: a stream keeps its order.
                due = due.max(Instant::now() + self.late_by(&mut dice));
                if queue.send((due, chunk.freeze())).await.is_err() {
                    return Ok(());
                }
            }
        };
        let writing = async {
            let mut mood = self.mood.subscribe();
            while let Some((due, chunk)) = queued.recv().await {
                if due > Instant::now() {
                    tokio::time::sleep_until(due).await;
                }
                if mood.borrow_and_update().holds(way) {
                    count(&self.counts.held);
                    // The sender is in `self`, so this can not fail.
                    let _ = mood.wait_for(|now| !now.holds(way)).await;
                }
                self.write(to, chunk).await?;
            }
            to.shutdown().await
        };
        futures::future::try_join(reading, writing).await.map(|_| ())
    }

    fn late_by(&self, dice: &mut Seeded) -> Duration {
        let Weather::Slow(slowness) = self.mood.borrow().weather else { return Duration::ZERO };
        count(&self.counts.delayed);
        let jitter_us = u64::try_from(slowness.jitter.as_micros()).unwrap_or(u64::MAX - 1);
        slowness.delay + Duration::from_micros(dice.below(jitter_us + 1))
    }

    async fn write(&self, to: &mut OwnedWriteHalf, mut chunk: Bytes) -> io::Result<()> {
        while !chunk.is_empty() {
            let weather = self.mood.borrow().weather;
            let Weather::Slow(Slowness { bytes_per_second: Some(bytes_per_second), .. }) = weather else {
                return to.write_all(&chunk).await;
            };
            count(&self.counts.throttled);
            let part = chunk.split_to(chunk.len().min(TRICKLE_BYTES));
            to.write_all(&part).await?;
            let us = part.len() as u64 * 1_000_000 / u64::from(bytes_per_second.max(1));
            tokio::time::sleep(Duration::from_micros(us)).await;
        }
        Ok(())
    }
}

impl Mood {
    fn holds(&self, way: Way) -> bool {
        matches!(self.weather, Weather::Hold(held) if held == way || held == Way::Both)
    }
}

fn count(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// The socket's close will be a reset. One that can not be told is gone already.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests;
