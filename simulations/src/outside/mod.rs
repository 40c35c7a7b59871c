//! Who stands outside: service providers and the SMS centre, each with its own ways, and with what
//! may go wrong on the way to them.

mod rails;
mod smsc;
mod sps;
mod upp;

pub(crate) use rails::{BANK_KEY, VAULT_KEY};
pub use rails::{Peer, SimRails, token_of};
pub use smsc::SimSmsc;
pub use sps::{Deliveries, SimSps, due_on};
pub(crate) use upp::UPP_KEY;
pub use upp::{Heard, SimUpp, UppOrder};

use std::collections::BTreeMap;
use std::time::Duration;

use mpss_node::gateway::NoAnswer;
use parking_lot::Mutex;

/// What a node hears of a request that nobody answers.
const SILENCE: NoAnswer = NoAnswer::Status(504);
/// How long a silent party is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a party outside is at the moment. Rates are in parts of a million.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mood {
    /// Requests, and answers, that get lost.
    pub lost: u32,
    /// Added to the time it takes to answer, in milliseconds.
    pub late_ms: u64,
    /// Requests that are worked on twice, as when a proxy between sends them again.
    pub twice: u32,
    /// Requests that are turned away with an error.
    pub refused: u32,
}

impl Mood {
    /// The same towards a question: it does nothing, and whoever counts how often we ask counts ours alone.
    const fn of_a_question(self) -> Self {
        Self { twice: 0, ..self }
    }
}

/// Moods that hold at the moment, by number; what holds is the worst of each.
#[derive(Debug, Default)]
struct Moods {
    holding: Mutex<(u64, BTreeMap<u64, Mood>)>,
}

impl Moods {
    fn begin(&self, mood: Mood) -> u64 {
        let mut holding = self.holding.lock();
        holding.0 += 1;
        let number = holding.0;
        holding.1.insert(number, mood);
        number
    }

    fn end(&self, number: u64) {
        self.holding.lock().1.remove(&number);
    }

    fn now(&self) -> Mood {
        self.holding.lock().1.values().fold(Mood::default(), |worst, mood| Mood {
            lost: worst.lost.max(mood.lost),
            late_ms: worst.late_ms.max(mood.late_ms),
            twice: worst.twice.max(mood.twice),
            refused: worst.refused.max(mood.refused),
        })
    }
}
