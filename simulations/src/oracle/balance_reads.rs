//! Balance reads are linearizable. Every change and every read names its position in the province's
//! log, so the recorded history is checked in one pass: a read shows nothing older than what was
//! acknowledged before it was sent, one reader never goes back, and what is shown is the balance that
//! the account had at that very position.

use std::collections::BTreeMap;

use mpss_domain::ids::IssuedId;
use mpss_domain::journal::JournalBody;
use mpss_domain::{AccountId, Money, ProvinceId};

use super::{AtRest, Property, Seen};
use crate::people::{Ack, Read};

/// See the module.
#[derive(Default)]
pub(super) struct BalanceReads {
    /// Each account's balance from each entry on.
    balances: BTreeMap<(AccountId, u64), Money>,
}

/// What is wrong with reads by their positions: each must be at or behind everything that was
/// acknowledged in its province before it was sent, changes and reads alike.
pub(crate) fn out_of_order(acks: &[Ack], reads: &[Read]) -> Vec<String> {
    // By the time of the answer: what was known to be there by then.
    let mut known: BTreeMap<ProvinceId, Vec<(u64, u64)>> = BTreeMap::new();
    for ack in acks {
        known.entry(ack.province).or_default().push((ack.at_ms, ack.index));
    }
    for read in reads {
        known.entry(read.province).or_default().push((read.answered_ms, read.index));
    }
    for positions in known.values_mut() {
        positions.sort_unstable();
        let mut highest = 0;
        for (_, index) in positions {
            highest = highest.max(*index);
            *index = highest;
        }
    }
    let mut wrong = Vec::new();
    for read in reads {
        let positions = &known[&read.province];
        let before = positions.partition_point(|(at, _)| *at < read.sent_ms);
        let must = before.checked_sub(1).map_or(0, |last| positions[last].1);
        if read.index < must {
            wrong.push(format!(
                "{} read {} at entry {} of {}, sent at {} ms, when entry {must} was known to be there",
                read.who, read.balance, read.index, read.province, read.sent_ms
            ));
        }
    }
    wrong
}

impl Property for BalanceReads {
    fn name(&self) -> &'static str {
        "balance reads are linearizable"
    }

    fn clause(&self) -> &'static str {
        "product §2: query"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { entry, first: true, .. } = seen else { return Vec::new() };
        for record in entry.journal {
            if let JournalBody::Posted { statement: Some(line), .. } = &record.body {
                self.balances.insert((line.account, entry.index), line.balance);
            }
        }
        Vec::new()
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let mut wrong = out_of_order(&rest.told.acks, &rest.told.reads);
        for read in &rest.told.reads {
            let Ok(account) = read.account.parse::<AccountId>() else { continue };
            let then = self.balances.range((account, 0)..=(account, read.index)).next_back();
            // Of an account at the UPP nothing is known here, and nothing shown.
            let elsewhere = account.province().is_some_and(|home| rest.country.plan().upp_accounts.contains(&home));
            let then = then.map_or(Money::ZERO, |(_, balance)| *balance);
            let then = if elsewhere { String::new() } else { then.to_string() };
            if then != read.balance {
                wrong.push(format!(
                    "{} was shown {} of account {account} at entry {}; it was {then}",
                    read.who, read.balance, read.index
                ));
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn province() -> ProvinceId {
        ProvinceId::new(44).expect("Guangdong")
    }

    fn read(sent_ms: u64, answered_ms: u64, index: u64) -> Read {
        let (who, account, balance) = ("a".to_owned(), String::new(), "1.00".to_owned());
        Read { who, province: province(), account, balance, index, sent_ms, answered_ms }
    }

    fn ack(at_ms: u64, index: u64) -> Ack {
        Ack { province: province(), key: String::new(), index, at_ms }
    }

    #[test]
    fn a_read_behind_an_acknowledged_change_is_seen() {
        assert!(out_of_order(&[ack(10, 7)], &[read(11, 20, 7)]).is_empty());
        assert_eq!(out_of_order(&[ack(10, 7)], &[read(11, 20, 6)]).len(), 1);
        // Sent before the change was acknowledged, so either answer is right.
        assert!(out_of_order(&[ack(10, 7)], &[read(9, 20, 6)]).is_empty());
    }

    #[test]
    fn a_read_behind_another_read_is_seen() {
        assert_eq!(out_of_order(&[], &[read(0, 5, 9), read(6, 8, 8)]).len(), 1);
        assert!(out_of_order(&[], &[read(0, 5, 9), read(4, 8, 8)]).is_empty());
    }
}
