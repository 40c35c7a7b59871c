//! How far a long work is, on one line of the terminal; and the machine's own time: in this program
//! the usual clocks stand still, so that nothing simulated can depend on them.

use std::io::IsTerminal;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Characters of the bar.
const BAR_CHARS: u64 = 30;

/// The machine's own time.
pub(super) fn real_time() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// How far a long work is.
pub(super) struct Progress {
    begun: Duration,
    done: u64,
    all: u64,
    what: &'static str,
    shown: bool,
}

impl Progress {
    pub(super) fn over(all: u64, what: &'static str) -> Self {
        Self { begun: real_time(), done: 0, all, what, shown: std::io::stderr().is_terminal() }
    }

    pub(super) fn took(&self) -> Duration {
        real_time().saturating_sub(self.begun)
    }

    pub(super) fn one_more(&mut self, note: &str) {
        self.done += 1;
        if !self.shown {
            // Not a terminal: a line now and then.
            if self.done.is_multiple_of(50) || self.done == self.all {
                eprintln!("{} of {} {}, {} s {note}", self.done, self.all, self.what, self.took().as_secs());
            }
            return;
        }
        let full = BAR_CHARS * self.done / self.all.max(1);
        let bar: String = (0..BAR_CHARS).map(|at| if at < full { '█' } else { '·' }).collect();
        let left = self.took().as_secs() * self.all.saturating_sub(self.done) / self.done;
        eprint!(
            "\r{bar} {} of {} {}, {} s, about {left} s left {note}\x1b[K",
            self.done,
            self.all,
            self.what,
            self.took().as_secs()
        );
        if self.done == self.all {
            eprintln!();
        }
    }

    /// Leaves the line, for something else to be printed.
    pub(super) fn leave(&self) {
        if self.shown {
            eprintln!();
        }
    }
}
