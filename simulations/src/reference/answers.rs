//! The same request gets the same answer (product §4): within the window of log time, and what is
//! keyed on an order as long as the order is kept.
//!
//! How long after the window an answer is still known is left open, up to [`GRAIN_MS`]: there the
//! real one is followed, and only there.

use std::collections::{BTreeMap, VecDeque};

use mpss_domain::command::Request;
use mpss_domain::{LogTime, OrderId, Outcome, Refusal, Reply};

/// Answers are repeated for the window and up to a day more, then forgotten.
const GRAIN_MS: u64 = 24 * 3_600_000;

#[derive(Debug, Clone)]
struct First {
    content: u64,
    at: LogTime,
    index: u64,
    outcome: Outcome,
}

impl First {
    /// Could this be why the request was answered so?
    fn explains(&self, request: Request, found: &Reply) -> bool {
        if self.content == request.content {
            found.replayed && found.index == self.index
        } else {
            found.outcome == Outcome::Refused(Refusal::DuplicateRequest)
        }
    }
}

/// First answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    by_key: BTreeMap<u128, First>,
    /// The keys in the order they were remembered.
    keys: VecDeque<(LogTime, u128)>,
    by_order: BTreeMap<(OrderId, u128), First>,
    /// The window has ended for whatever was answered before this. It never goes back: a window that
    /// is made longer brings nothing back.
    ended_before: LogTime,
}

/// What is known of a request.
pub(super) enum Known {
    Nothing,
    Same(Outcome, u64),
    OtherContent,
}

impl Answers {
    /// A log entry begins.
    pub(super) fn time_is(&mut self, now: LogTime, window_ms: u64) {
        self.ended_before = self.ended_before.max(LogTime(now.0.saturating_sub(window_ms)));
        while let Some(&(at, key)) = self.keys.front()
            && at.0 + GRAIN_MS <= self.ended_before.0
        {
            self.keys.pop_front();
            if self.by_key.get(&key).is_some_and(|first| first.at == at) {
                self.by_key.remove(&key);
            }
        }
    }

    pub(super) fn look_up(&mut self, request: Request, order: Option<OrderId>, found: &Reply) -> Known {
        // After the window it is known exactly when the reply shows it.
        let over = |first: &First| first.at < self.ended_before;
        if self.by_key.get(&request.key).is_some_and(|first| over(first) && !first.explains(request, found)) {
            self.by_key.remove(&request.key);
        }
        let first = self.by_key.get(&request.key).or_else(|| self.by_order.get(&(order?, request.key)));
        match first {
            None => Known::Nothing,
            Some(first) if first.content == request.content => Known::Same(first.outcome.clone(), first.index),
            Some(_) => Known::OtherContent,
        }
    }

    /// `order` is the order the request is keyed on, when there is such an order.
    pub(super) fn remember(
        &mut self,
        request: Request,
        order: Option<OrderId>,
        at: LogTime,
        index: u64,
        outcome: &Outcome,
    ) {
        let first = First { content: request.content, at, index, outcome: outcome.clone() };
        if let Some(order) = order {
            self.by_order.insert((order, request.key), first.clone());
        }
        self.keys.push_back((at, request.key));
        self.by_key.insert(request.key, first);
    }

    pub(super) fn forget_order(&mut self, order: OrderId) {
        let keys: Vec<_> = self.by_order.range((order, 0)..=(order, u128::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            self.by_order.remove(&key);
        }
    }
}

/// Does this reply show that its request was known?
pub(super) fn still_known(found: &Reply) -> bool {
    found.replayed || found.outcome == Outcome::Refused(Refusal::DuplicateRequest)
}
