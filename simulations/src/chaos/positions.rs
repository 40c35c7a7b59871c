//! Positions in the log as callers see them: linearizable by version.
//!
//! Every answer names the log entry it stands at. Whatever was acknowledged before a request was begun must
//! be in what the request sees or changes, so its position must not lie before any position acknowledged
//! before it began, to whomever. For one reader it follows that positions never go back. And one account
//! at one position has one balance.

use std::collections::BTreeMap;
use std::time::Duration;

use super::history::{self, Event, Outcome};
use crate::record::Violation;

/// The name of the property.
const ORDER: &str = "positions never go back";
const BALANCE: &str = "one position, one balance";

/// One position somebody was told.
struct Seen<'a> {
    event: &'a Event,
    index: u64,
}

/// Every answer whose position lies before one acknowledged before, and every balance that contradicts
/// another; and how many positions were looked at.
#[must_use]
pub fn check(events: &[Event]) -> (u64, Vec<Violation>) {
    let mut by_province: BTreeMap<&str, Vec<Seen<'_>>> = BTreeMap::new();
    for event in events {
        // The first answer again stands where it stood.
        if let Outcome::Done { at: Some((province, index)), again: false, .. } = &event.outcome {
            by_province.entry(province).or_default().push(Seen { event, index: *index });
        }
    }
    let looked_at = by_province.values().map(|seen| seen.len() as u64).sum();
    let mut wrong = Vec::new();
    for (province, seen) in &mut by_province {
        back_in_time(events, province, seen, &mut wrong);
    }
    balances(events, &mut wrong);
    (looked_at, wrong)
}

fn back_in_time(events: &[Event], province: &str, seen: &mut [Seen<'_>], wrong: &mut Vec<Violation>) {
    seen.sort_by_key(|seen| seen.event.ended);
    // The furthest acknowledged up to and with each.
    let mut furthest: Vec<usize> = Vec::with_capacity(seen.len());
    for (place, this) in seen.iter().enumerate() {
        let before = furthest.last().copied().filter(|before| seen[*before].index >= this.index);
        furthest.push(before.unwrap_or(place));
    }
    for this in &*seen {
        let ended_before = seen.partition_point(|other| other.event.ended < this.event.begun);
        let Some(known) = ended_before.checked_sub(1).map(|last| &seen[furthest[last]]) else { continue };
        if this.index < known.index {
            let what = format!(
                "{} of {} stands at {province}/{}, and {} of {} was told {province}/{} before it was asked",
                this.event.flow, this.event.about, this.index, known.event.flow, known.event.about, known.index
            );
            let mut around = history::around(events, this.event.begun, this.event.ended);
            around.insert(0, history::line(known.event));
            wrong.push(violation(ORDER, what, this.event.ended, around));
        }
    }
}

fn balances(events: &[Event], wrong: &mut Vec<Violation>) {
    let mut known: BTreeMap<(&str, u64), (&str, &Event)> = BTreeMap::new();
    for event in events.iter().filter(|event| event.flow == "balance") {
        let Outcome::Done { at: Some((_, index)), balance: Some(balance), .. } = &event.outcome else { continue };
        let (first, first_event) = *known.entry((&event.about, *index)).or_insert((balance, event));
        if first != balance {
            let what = format!("{} holds {first} and {balance} at log entry {index}", event.about);
            let around = vec![history::line(first_event), history::line(event)];
            wrong.push(violation(BALANCE, what, event.ended, around));
        }
    }
}

fn violation(property: &str, what: String, at: Duration, around: Vec<crate::record::Line>) -> Violation {
    let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    Violation { property: property.into(), clause: "docs/decisions/0103-reads.md".into(), what, at_ms, around }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(caller: usize, (begun, ended): (u64, u64), index: u64, balance: &str) -> Event {
        Event {
            caller,
            flow: "balance",
            asked: "44".into(),
            key: None,
            about: "A1".into(),
            begun: Duration::from_millis(begun),
            ended: Duration::from_millis(ended),
            outcome: Outcome::Done { at: Some(("44".into(), index)), balance: Some(balance.into()), again: false },
        }
    }

    fn buy(window: (u64, u64), index: u64) -> Event {
        Event { flow: "local", key: Some("k".into()), about: "O1".into(), ..read(9, window, index, "") }
    }

    fn found(events: &[Event]) -> Vec<String> {
        check(events).1.into_iter().map(|violation| violation.what).collect()
    }

    #[test]
    fn what_overlaps_may_be_in_either_order() {
        let events = [buy((0, 10), 5), read(1, (9, 20), 4, "1.00"), read(2, (12, 30), 5, "0.90")];
        assert_eq!(check(&events), (3, Vec::new()));
    }

    #[test]
    fn a_read_behind_what_was_acknowledged_is_found() {
        let stale = found(&[buy((0, 10), 5), read(1, (11, 20), 4, "1.00")]);
        assert_eq!(stale.len(), 1);
        assert!(stale[0].contains("stands at 44/4") && stale[0].contains("told 44/5"), "{stale:?}");
        let (_, wrong) = check(&[buy((0, 10), 5), read(1, (11, 20), 4, "1.00")]);
        assert!(wrong[0].around[0].what.contains("local"), "the history around it begins with what was known");
    }

    #[test]
    fn a_reader_that_goes_back_is_found_although_something_newer_ended_between() {
        let events = [read(1, (0, 10), 7, "1.00"), read(1, (11, 15), 6, "1.10"), buy((0, 12), 3)];
        assert_eq!(found(&events).len(), 1);
    }

    #[test]
    fn another_province_s_log_is_another_matter_and_a_first_answer_again_stands_where_it_stood() {
        let mut elsewhere = read(1, (11, 20), 4, "1.00");
        elsewhere.outcome = Outcome::Done { at: Some(("51".into(), 4)), balance: Some("1.00".into()), again: false };
        let mut again = buy((11, 20), 2);
        again.outcome = Outcome::Done { at: Some(("44".into(), 2)), balance: None, again: true };
        assert!(found(&[buy((0, 10), 5), elsewhere, again]).is_empty());
    }

    #[test]
    fn two_balances_at_one_position_are_found() {
        assert!(found(&[read(1, (0, 9), 5, "1.00"), read(2, (1, 9), 5, "1.00")]).is_empty());
        let wrong = found(&[read(1, (0, 9), 5, "1.00"), read(2, (1, 9), 5, "2.00")]);
        assert_eq!(wrong, ["A1 holds 1.00 and 2.00 at log entry 5"]);
    }
}
