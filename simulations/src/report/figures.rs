//! What can be counted about requests: by flow, and by time.

use std::collections::BTreeMap;

use super::words;
use crate::record::{Ending, Operation};

/// How many requests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Done, and told so.
    pub done: u64,
    /// Refused, and told so.
    pub refused: u64,
    /// Nobody was told.
    pub unknown: u64,
}

impl Ended {
    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.done + self.refused + self.unknown
    }

    const fn one_more(&mut self, ending: Ending) {
        match ending {
            Ending::Done => self.done += 1,
            Ending::Refused => self.refused += 1,
            Ending::Unknown => self.unknown += 1,
        }
    }

    /// How many ended how, over all of these.
    #[must_use]
    pub fn of(operations: &[Operation]) -> Self {
        let mut ended = Self::default();
        operations.iter().for_each(|operation| ended.one_more(operation.result));
        ended
    }
}

/// How long requests took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Took {
    /// Half of them took no longer.
    pub p50: u64,
    /// 99 of 100 took no longer.
    pub p99: u64,
    /// None took longer.
    pub max: u64,
}

impl Took {
    /// Of these; sorts them.
    #[must_use]
    pub fn of(took_ms: &mut [u64]) -> Self {
        took_ms.sort_unstable();
        Self { p50: part(took_ms, 50), p99: part(took_ms, 99), max: took_ms.last().copied().unwrap_or(0) }
    }
}

/// The value that `percent` of the sorted values do not exceed: one of them, never in between.
fn part(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

/// One kind of request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flow {
    /// Its name.
    pub name: String,
    /// How they ended.
    pub ended: Ended,
    /// How long they took.
    pub took: Took,
    /// How often something was sent for it; more than the requests when there were tries again.
    pub sent: u64,
    /// Refusals by their code, the most frequent first.
    pub codes: Vec<(String, u64)>,
}

/// Requests by what they ask for, purchases first.
#[must_use]
pub fn flows(operations: &[Operation]) -> Vec<Flow> {
    let mut by_name: BTreeMap<(usize, &str), Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        by_name.entry((words::flow_place(&operation.flow), &operation.flow)).or_default().push(operation);
    }
    by_name.into_iter().map(|((_, name), operations)| flow(name, &operations)).collect()
}

fn flow(name: &str, operations: &[&Operation]) -> Flow {
    let mut flow = Flow { name: name.to_owned(), ..Flow::default() };
    let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
    for operation in operations {
        flow.ended.one_more(operation.result);
        flow.sent += u64::from(operation.tries.max(1));
        if operation.result == Ending::Refused {
            *codes.entry(&operation.code).or_default() += 1;
        }
    }
    let mut took: Vec<u64> = operations.iter().map(|operation| operation.took_ms).collect();
    flow.took = Took::of(&mut took);
    flow.codes = codes.into_iter().map(|(code, times)| (code.to_owned(), times)).collect();
    flow.codes.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    flow
}

/// Requests that ended within one stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins.
    pub from_ms: u64,
    /// How they ended.
    pub ended: Ended,
    /// How long they took.
    pub took: Took,
}

/// Requests by when they ended, in stretches of `long_ms`; every stretch until `until_ms` is there, also
/// when nothing ended in it.
#[must_use]
pub fn buckets(operations: &[&Operation], long_ms: u64, until_ms: u64) -> Vec<Bucket> {
    let last = usize::try_from(until_ms / long_ms.max(1)).unwrap_or(0);
    let mut took: Vec<Vec<u64>> = vec![Vec::new(); last + 1];
    let mut buckets: Vec<Bucket> = vec![Bucket::default(); last + 1];
    for operation in operations {
        let at = operation.at_ms.saturating_add(operation.took_ms) / long_ms.max(1);
        let place = usize::try_from(at).unwrap_or(last).min(last);
        buckets[place].ended.one_more(operation.result);
        took[place].push(operation.took_ms);
    }
    for ((bucket, took), from_ms) in
        buckets.iter_mut().zip(&mut took).zip((0..).step_by(usize::try_from(long_ms).unwrap_or(1)))
    {
        bucket.from_ms = from_ms;
        bucket.took = Took::of(took);
    }
    buckets
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    fn operation(at_ms: u64, took_ms: u64, result: Ending, code: &str) -> Operation {
        Operation { at_ms, took_ms, result, code: code.into(), flow: "local".into(), tries: 1, ..Operation::default() }
    }

    #[test]
    fn parts_are_values_that_were_there() {
        let mut took: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(Took::of(&mut took), Took { p50: 100, p99: 198, max: 200 });
        assert_eq!(Took::of(&mut [7]), Took { p50: 7, p99: 7, max: 7 });
        assert_eq!(Took::of(&mut []), Took::default());
    }

    #[test]
    fn requests_are_counted_by_flow_and_by_when_they_ended() {
        let operations = [
            operation(900, 50, Ending::Done, ""),
            operation(990, 20, Ending::Refused, "busy"),
            operation(2_000, 100, Ending::Refused, "limit"),
            operation(2_000, 900, Ending::Refused, "limit"),
            operation(0, u64::MAX, Ending::Unknown, ""),
        ];
        let flows = flows(&operations);
        assert_eq!(flows.len(), 1);
        assert_eq!(flows[0].ended, Ended { done: 1, refused: 3, unknown: 1 });
        assert_eq!(flows[0].codes, [("limit".to_owned(), 2), ("busy".to_owned(), 1)]);
        let all: Vec<u64> = buckets(&operations.iter().collect::<Vec<_>>(), 1_000, 3_500)
            .iter()
            .map(|bucket| bucket.ended.all())
            .collect();
        assert_eq!(all, [1, 1, 2, 1], "what ends after the run is in the last stretch");
    }
}
