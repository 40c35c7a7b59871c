//! An SMS centre.

use mpss_runtime::BoxFuture;
use parking_lot::Mutex;

use crate::gateway::NoAnswer;
use crate::gateway::smsc::{SmsGateway, Text};

/// How the SMS centre behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Centre {
    /// Accepts every text.
    #[default]
    Accepts,
    /// Accepts none.
    Down,
    /// Takes every text; the answer is lost.
    LosesAnswers,
    /// Accepts every other text.
    Half,
    /// The gateway itself breaks.
    Panics,
}

/// An SMS centre.
#[derive(Default)]
pub(crate) struct FakeSmsc {
    pub(crate) manner: Mutex<Centre>,
    /// Every text that came, repetitions included.
    pub(crate) texts: Mutex<Vec<Text>>,
    /// Requests that came.
    pub(crate) tries: Mutex<u32>,
    turn: Mutex<bool>,
}

impl SmsGateway for FakeSmsc {
    fn send(&self, texts: Vec<Text>) -> BoxFuture<'_, Result<Vec<String>, NoAnswer>> {
        Box::pin(async move {
            let manner = *self.manner.lock();
            *self.tries.lock() += 1;
            assert!(manner != Centre::Panics, "a fault of the gateway, on purpose");
            if manner == Centre::Down {
                return Err(NoAnswer::Status(503));
            }
            let mut turn = self.turn.lock();
            let taken: Vec<Text> = texts
                .into_iter()
                .filter(|_| {
                    *turn = !*turn;
                    manner != Centre::Half || *turn
                })
                .collect();
            let ids = taken.iter().map(|text| text.message_id.clone()).collect();
            self.texts.lock().extend(taken);
            if manner == Centre::LosesAnswers { Err(NoAnswer::Status(500)) } else { Ok(ids) }
        })
    }
}
