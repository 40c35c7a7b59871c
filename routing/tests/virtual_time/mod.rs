//! Time that passes only when everybody waits: hours of retries in no time, and the same every time.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use mpss_runtime::{BoxFuture, Clock, Random};

#[derive(Default)]
struct Time {
    now: Duration,
    serial: u64,
    waiting: BTreeMap<(Duration, u64), Waker>,
}

/// A clock that [`run`] moves.
#[derive(Clone, Default)]
pub(crate) struct VirtualClock(Arc<Mutex<Time>>);

impl VirtualClock {
    /// Moves on to the next moment somebody waits for.
    fn advance(&self) -> bool {
        let mut time = self.0.lock().expect("not poisoned");
        let Some(((at, _), waker)) = time.waiting.pop_first() else { return false };
        time.now = time.now.max(at);
        drop(time);
        waker.wake();
        true
    }
}

impl Clock for VirtualClock {
    fn monotonic(&self) -> Duration {
        self.0.lock().expect("not poisoned").now
    }

    fn wall_ms(&self) -> u64 {
        1_795_437_296_789 + u64::try_from(self.monotonic().as_millis()).expect("a short test")
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        let time = self.0.clone();
        Box::pin(std::future::poll_fn(move |context| {
            let mut time = time.lock().expect("not poisoned");
            if time.now >= deadline {
                return Poll::Ready(());
            }
            let serial = time.serial;
            time.serial += 1;
            time.waiting.insert((deadline, serial), context.waker().clone());
            Poll::Pending
        }))
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end, moving `clock` whenever it can not go on.
///
/// # Panics
/// When it waits for something that will never happen.
pub(crate) fn run<T>(clock: &VirtualClock, future: impl Future<Output = T>) -> T {
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(flag.clone());
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        flag.0.store(false, Ordering::Relaxed);
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        while !flag.0.load(Ordering::Relaxed) {
            assert!(clock.advance(), "it waits for ever");
        }
    }
}

/// A small generator (SplitMix64) with a seed.
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn draw(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.draw().to_le_bytes()[..chunk.len()]);
        }
    }

    fn fork(&self, _: &str) -> Arc<dyn Random> {
        Arc::new(Self::new(self.draw()))
    }
}
