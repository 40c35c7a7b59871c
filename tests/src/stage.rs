//! One country shared by the tests of one file, which take turns on it.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, OnceLock};

use futures::FutureExt;

use crate::country::{Country, CountryPlan};
use crate::trade::{Record, Trade};

/// A country that starts with the first test that needs it and ends with the test process, and the
/// record of everything that was acknowledged on it.
#[derive(Debug)]
pub struct Stage {
    plan: fn() -> CountryPlan,
    turn: Mutex<()>,
    playing: OnceLock<Playing>,
}

#[derive(Debug)]
struct Playing {
    runtime: tokio::runtime::Runtime,
    country: Country,
    record: Record,
}

impl Stage {
    /// A stage for the country of `plan`.
    #[must_use]
    pub const fn new(plan: fn() -> CountryPlan) -> Self {
        Self { plan, turn: Mutex::new(()), playing: OnceLock::new() }
    }

    /// Waits for its turn and plays. When the play fails, the end of every node's log is shown.
    ///
    /// # Panics
    /// When the play does.
    pub fn play(&self, act: impl AsyncFnOnce(Trade<'_>)) {
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Playing { runtime, country, record } = self.playing.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
            let country = runtime.block_on(Country::start((self.plan)()));
            Playing { runtime, country, record: Record::default() }
        });
        let played = runtime.block_on(AssertUnwindSafe(act(Trade::new(country, record))).catch_unwind());
        if let Err(panic) = played {
            eprintln!("{}", country.logs());
            std::panic::resume_unwind(panic);
        }
    }
}
