//! Remembered requests: the same request id gets the same answer (product §4).
//!
//! Answers are kept in generations of log time that are forgotten whole, so remembering never
//! costs a search for what is old.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::command::Request;
use crate::ids::OrderId;
use crate::outcome::Outcome;
use crate::table::{Slot, Table};
use crate::time::LogTime;

/// Log time that one generation covers.
const GENERATION_MS: u64 = 24 * 3_600_000;

/// The first answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FirstAnswer {
    content: u64,
    pub(crate) index: u64,
    pub(crate) outcome: Outcome,
}

/// Keys are random, so they land all over their table; answers are kept apart in the order in which
/// they were given, so that what is moved about by an insertion, or copied after a snapshot, is small.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Generation {
    /// Request key to the number of its answer.
    numbers: Table<u128, u64, 64>,
    answers: Table<u64, FirstAnswer, 64>,
}

impl Generation {
    fn get(&self, key: u128) -> Option<&FirstAnswer> {
        self.answers.get(self.numbers.get(&key)?)
    }

    fn insert_at(&mut self, place: Slot, key: u128, answer: FirstAnswer) {
        let number = self.answers.len() as u64;
        self.numbers.insert_at(place, key, number);
        self.answers.insert(number, answer);
    }

    /// Lets go of a part and says whether any is left.
    fn drop_some(&mut self) -> bool {
        self.numbers.drop_some() | self.answers.drop_some()
    }
}

/// What is known of a request id.
pub(crate) enum Known {
    /// Nothing; its answer goes to this place.
    Nothing(Place),
    /// Asked before with this content.
    Same(FirstAnswer),
    /// Asked before with other content.
    OtherContent,
}

/// Where the answer to a new request goes; good until the next request is remembered.
pub(crate) struct Place {
    generation: u64,
    slot: Slot,
}

/// All remembered answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Requests {
    /// By generation number, oldest first.
    generations: BTreeMap<u64, Generation>,
    /// Answers that name an order are kept as long as the order.
    by_order: Table<(OrderId, u128), FirstAnswer, 32>,
    #[serde(skip)]
    forgotten: Forgotten,
}

/// Generations that are no longer part of the state and are let go piece by piece.
#[derive(Debug, Default)]
struct Forgotten(Vec<Generation>);

impl Clone for Forgotten {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Requests {
    /// Forgets generations that lie wholly before the window. Called once for each log entry.
    pub(crate) fn rotate(&mut self, now: LogTime, window_ms: u64) {
        while let Some(oldest) = self.generations.first_entry() {
            let end_ms = (oldest.key() + 1).saturating_mul(GENERATION_MS);
            if end_ms.saturating_add(window_ms) > now.0 {
                break;
            }
            self.forgotten.0.push(oldest.remove());
        }
        if let Some(generation) = self.forgotten.0.last_mut()
            && !generation.drop_some()
        {
            self.forgotten.0.pop();
        }
    }

    /// What is known of a request, `order` being the order it names.
    pub(crate) fn look_up(&mut self, now: LogTime, request: Request, order: Option<OrderId>) -> Known {
        let newest = now.0 / GENERATION_MS;
        let generation = self.generations.entry(newest).or_default();
        let slot = match generation.numbers.place(&request.key) {
            Ok(slot) => {
                let answer = generation.answers.get(generation.numbers.at(slot));
                return request.compare(answer.expect("every number has its answer"));
            }
            Err(slot) => slot,
        };
        let earlier = self
            .generations
            .values()
            .rev()
            .skip(1)
            .find_map(|generation| generation.get(request.key))
            .or_else(|| self.by_order.get(&(order?, request.key)));
        earlier.map_or(Known::Nothing(Place { generation: newest, slot }), |answer| request.compare(answer))
    }

    /// Is anything known of a request id that names no order?
    pub(crate) fn knows(&self, key: u128) -> bool {
        self.generations.values().any(|generation| generation.get(key).is_some())
    }

    /// The answer under a request id; those that name an order too, for as long as any other.
    pub(crate) fn answer_to(&self, key: u128) -> Option<&FirstAnswer> {
        self.generations.values().rev().find_map(|generation| generation.get(key))
    }

    /// The first answer to a request that names no order; `None` when nothing is known of it.
    pub(crate) fn first_answer(&self, request: Request) -> Option<Known> {
        self.generations.values().find_map(|generation| generation.get(request.key)).map(|known| request.compare(known))
    }

    /// What a request came to that names no order, whatever its content was.
    pub(crate) fn outcome_of(&self, key: u128) -> Option<&Outcome> {
        self.generations.values().find_map(|generation| generation.get(key)).map(|known| &known.outcome)
    }

    /// Remembers the answer to a request of which nothing was known.
    pub(crate) fn remember(
        &mut self,
        place: &Place,
        index: u64,
        request: Request,
        order: Option<OrderId>,
        outcome: Outcome,
    ) {
        let answer = FirstAnswer { content: request.content, index, outcome };
        if let Some(order) = order {
            self.by_order.insert((order, request.key), answer.clone());
        }
        let generation = self.generations.get_mut(&place.generation).expect("made when the request was looked up");
        generation.insert_at(place.slot, request.key, answer);
    }

    /// Forgets what was remembered with an order.
    pub(crate) fn forget_order(&mut self, order: OrderId) {
        let keys: Vec<_> =
            self.by_order.iter_from((order, 0)).map(|(key, _)| *key).take_while(|key| key.0 == order).collect();
        for key in keys {
            self.by_order.remove(&key);
        }
    }

    /// How many answers are remembered.
    pub(crate) fn len(&self) -> usize {
        self.generations.values().map(|generation| generation.answers.len()).sum()
    }
}

impl Request {
    fn compare(self, answer: &FirstAnswer) -> Known {
        if answer.content == self.content { Known::Same(answer.clone()) } else { Known::OtherContent }
    }
}
