//! A recharge card is credited once, with what it is worth, and only after the platform has used it; when it
//! is quiet every card that was used is in somebody's account, and no card is kept for nobody.

use std::collections::BTreeMap;

use mpss_domain::journal::{JournalBody, PostingReason};
use mpss_domain::recharge::RechargeStatus;
use mpss_domain::{Money, State, TopUpId};

use super::{AtRest, Property, Seen};
use crate::tally::Tally;

/// See the module.
pub(super) struct Recharges {
    tally: Tally,
    /// What was credited by each top-up.
    credited: BTreeMap<TopUpId, Money>,
}

impl Recharges {
    pub(super) fn new(tally: Tally) -> Self {
        Self { tally, credited: BTreeMap::new() }
    }
}

impl Property for Recharges {
    fn name(&self) -> &'static str {
        "a recharge card is credited once"
    }

    fn clause(&self) -> &'static str {
        "product §2: topping up by recharge card"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for record in entry.journal {
            let JournalBody::Posted { reason: PostingReason::TopUp(id), statement: Some(line), .. } = &record.body
            else {
                continue;
            };
            // The line of the bank account that it came from.
            if line.amount.is_negative() {
                continue;
            }
            if entry.state.recharge(*id).is_some() {
                self.tally.count("recharge cards credited");
            }
            if entry.state.bank_top_up(*id).is_some() {
                self.tally.count("top-ups by bank card credited");
            }
            if let Some(before) = self.credited.insert(*id, line.amount) {
                wrong.push(format!("entry {} of {province}: {id} was credited {before} and again", entry.index));
            }
        }
        wrong
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let mut wrong = Vec::new();
        let mut credited = BTreeMap::<_, Vec<TopUpId>>::new();
        let mut sum = Money::ZERO;
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let look = |state: &State| state.recharges().cloned().collect::<Vec<_>>();
            for row in country.read(&leader, look).unwrap_or_default() {
                if !row.status.is_final() {
                    wrong.push(format!("{} is still {}", row.id, row.status.name()));
                }
                if row.status == RechargeStatus::Credited {
                    sum += row.amount;
                    credited.entry(row.card).or_default().push(row.id);
                    if self.credited.get(&row.id) != Some(&row.amount) {
                        let booked = self.credited.get(&row.id);
                        wrong.push(format!("{} of {} is credited and {booked:?} is in the books", row.id, row.amount));
                    }
                }
            }
        }
        let twice = credited.into_iter().filter(|(_, top_ups)| top_ups.len() > 1);
        wrong.extend(twice.map(|(card, top_ups)| format!("{card:?} was credited by {top_ups:?}")));
        let (used, kept) = country.rails().look_at_recharge(|book| (Money::fen(book.used_fen()), book.set_aside()));
        if used != sum {
            wrong.push(format!("cards of {used} were used, and {sum} was credited"));
        }
        if kept > 0 {
            wrong.push(format!("{kept} recharge cards are set aside for nobody"));
        }
        wrong
    }
}
