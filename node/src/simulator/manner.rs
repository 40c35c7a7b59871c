//! How a simulated peer behaves: late, silent, refusing, repeating itself, crashing. The same words for all
//! of them, set while they run, for everybody or for one card or line.
//!
//! ```text
//!  request ─▶ fate: [lost] ─▶ worked on, once or twice ─▶ [answer lost] ─▶ [late] ─▶ answered, once or twice
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::put;
use axum::{Json, Router};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Shares are parts of a million.
const MILLION: u32 = 1_000_000;

/// How a peer behaves. Rates are in parts of a million requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manner {
    /// Every answer takes this long, in ms.
    pub latency_ms: u64,
    /// Requests that never arrive.
    pub lost: u32,
    /// Requests that are done and whose answer never comes.
    pub answer_lost: u32,
    /// Requests whose answer comes `late_ms` after it was due.
    pub late: u32,
    /// How late, in ms.
    pub late_ms: u64,
    /// Answers that come twice.
    pub twice: u32,
    /// Requests that are refused.
    pub refused: u32,
    /// With which code, in the peer's own words; its usual refusal when empty.
    pub refusal: String,
    /// Requests after which the peer crashes: everybody is cut off, what was done stays done.
    pub crash: u32,
    /// Nothing is answered at all.
    pub dead: bool,
    /// What becomes of the next requests, before the rates are looked at again.
    pub next: Vec<Trouble>,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It is answered as it should be.
    None,
    /// It never arrives.
    Lost,
    /// It is done, and the answer never comes.
    AnswerLost,
    /// It is done, and the answer comes late.
    Late,
    /// It is answered twice.
    Twice,
    /// It is refused.
    Refused,
    /// It is done, and the peer crashes before it answers.
    Crash,
}

/// What becomes of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fate {
    /// It never arrives.
    pub lost: bool,
    /// It is refused, with this code.
    pub refused: Option<String>,
    /// Its answer never comes.
    pub answer_lost: bool,
    /// Its answer comes after so many ms.
    pub after_ms: u64,
    /// Its answer comes so many times.
    pub times: u32,
    /// The peer crashes before it answers.
    pub crash: bool,
}

/// A peer's manner, that to some of those it serves when it has another one to them, and the dice they are
/// played with.
pub struct Temper {
    inner: Mutex<Inner>,
}

struct Inner {
    usual: Mood,
    /// By card or line.
    own: BTreeMap<String, Mood>,
    dice: StdRng,
}

/// A manner, and what is left of what comes next.
#[derive(Default)]
struct Mood {
    manner: Manner,
    next: VecDeque<Trouble>,
}

impl std::fmt::Debug for Temper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Temper").field("manner", &self.inner.lock().usual.manner).finish_non_exhaustive()
    }
}

impl Temper {
    /// Behaves well until told otherwise. Equal seeds behave equally.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let (usual, own, dice) = (Mood::default(), BTreeMap::new(), StdRng::seed_from_u64(seed));
        Self { inner: Mutex::new(Inner { usual, own, dice }) }
    }

    /// Sets how it behaves from now on.
    pub fn behave(&self, manner: Manner) {
        self.inner.lock().usual = Mood::of(manner);
    }

    /// Sets how it behaves from now on when it is about this card or line, however it behaves to others.
    pub fn behave_to(&self, whom: &str, manner: Manner) {
        self.inner.lock().own.insert(whom.to_owned(), Mood::of(manner));
    }

    /// How it behaves.
    #[must_use]
    pub fn manner(&self) -> Manner {
        self.inner.lock().usual.now()
    }

    /// How it behaves when it is about this card or line.
    #[must_use]
    pub fn manner_to(&self, whom: &str) -> Manner {
        let inner = self.inner.lock();
        inner.own.get(whom).unwrap_or(&inner.usual).now()
    }

    /// What becomes of the next request.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let Inner { usual, dice, .. } = &mut *self.inner.lock();
        usual.fate(dice)
    }

    /// What becomes of the next request about this card or line.
    #[must_use]
    pub fn fate_to(&self, whom: &str) -> Fate {
        let Inner { usual, own, dice } = &mut *self.inner.lock();
        own.get_mut(whom).unwrap_or(usual).fate(dice)
    }
}

/// Where testers set it.
impl Temper {
    /// `PUT {path}`: how it behaves to everybody.
    pub(crate) fn router(self: &Arc<Self>, path: &str) -> Router {
        Router::new().route(path, put(behave)).with_state(self.clone())
    }

    /// `PUT` and `GET {path}`: how it behaves when it is about the card or line that the path names.
    pub(super) fn router_to(self: &Arc<Self>, path: &str) -> Router {
        Router::new().route(path, put(behave_to).get(show_to)).with_state(self.clone())
    }
}

async fn behave(State(temper): State<Arc<Temper>>, Json(manner): Json<Manner>) -> Json<Manner> {
    temper.behave(manner);
    Json(temper.manner())
}

async fn behave_to(
    State(temper): State<Arc<Temper>>,
    Path(whom): Path<String>,
    Json(manner): Json<Manner>,
) -> Json<Manner> {
    temper.behave_to(&whom, manner);
    Json(temper.manner_to(&whom))
}

async fn show_to(State(temper): State<Arc<Temper>>, Path(whom): Path<String>) -> Json<Manner> {
    Json(temper.manner_to(&whom))
}

impl Mood {
    fn of(mut manner: Manner) -> Self {
        let next = std::mem::take(&mut manner.next).into();
        Self { manner, next }
    }

    fn now(&self) -> Manner {
        Manner { next: self.next.iter().copied().collect(), ..self.manner.clone() }
    }

    fn fate(&mut self, dice: &mut StdRng) -> Fate {
        let Self { manner, next } = self;
        let mut fate = Fate { after_ms: manner.latency_ms, times: 1, ..Fate::default() };
        if manner.dead {
            fate.lost = true;
            return fate;
        }
        let trouble = next.pop_front().unwrap_or_else(|| {
            let rates = [
                (manner.lost, Trouble::Lost),
                (manner.answer_lost, Trouble::AnswerLost),
                (manner.late, Trouble::Late),
                (manner.twice, Trouble::Twice),
                (manner.refused, Trouble::Refused),
                (manner.crash, Trouble::Crash),
            ];
            let mut thrown = dice.random_range(0..MILLION);
            for (rate, trouble) in rates {
                if thrown < rate {
                    return trouble;
                }
                thrown -= rate.min(thrown);
            }
            Trouble::None
        });
        match trouble {
            Trouble::None => {}
            Trouble::Lost => fate.lost = true,
            Trouble::AnswerLost => fate.answer_lost = true,
            Trouble::Late => fate.after_ms += manner.late_ms,
            Trouble::Twice => fate.times = 2,
            Trouble::Refused => fate.refused = Some(manner.refusal.clone()),
            Trouble::Crash => fate.crash = true,
        }
        fate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_comes_before_the_rates_and_rates_are_kept() {
        let temper = Temper::new(7);
        assert_eq!(temper.fate(), Fate { times: 1, ..Fate::default() }, "good until told otherwise");
        let manner = Manner { next: vec![Trouble::Lost, Trouble::Twice], twice: 250_000, ..Manner::default() };
        temper.behave(manner.clone());
        assert_eq!(temper.manner(), manner);
        assert!(temper.fate().lost);
        assert_eq!(temper.fate().times, 2);
        let twice = (0..4_000).filter(|_| temper.fate().times == 2).count();
        assert!((800..1_200).contains(&twice), "a quarter of 4000, and it was {twice}");
        temper.behave(Manner { dead: true, ..Manner::default() });
        assert!(temper.fate().lost);
    }

    #[test]
    fn one_may_be_treated_otherwise_than_the_others() {
        let temper = Temper::new(7);
        temper.behave_to("a", Manner { next: vec![Trouble::None, Trouble::Lost], ..Manner::default() });
        temper.behave(Manner { dead: true, ..Manner::default() });
        assert!(!temper.fate_to("a").lost);
        assert!(temper.fate().lost && temper.fate_to("b").lost);
        assert_eq!(temper.manner_to("a").next, [Trouble::Lost], "others have not used it up");
        assert!(temper.fate_to("a").lost);
        assert!(!temper.fate_to("a").lost, "its own manner goes on when nothing comes next");
    }
}
