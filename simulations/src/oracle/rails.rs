//! Accounts whose money is outside: when it is quiet, the peers have taken from each subscriber exactly
//! what the payments say, whatever got lost, came late or twice on the way; nobody was asked more often
//! than the budget allows; and nothing that was given up came back to life.

use std::collections::BTreeMap;

use mpss_domain::award::PrizeStatus;
use mpss_domain::bank_top_up::BankTopUpStatus;
use mpss_domain::journal::JournalBody;
use mpss_domain::outside::Means;
use mpss_domain::rail::{CallStep, Phase};
use mpss_domain::{AccountId, CallId, Money, Msisdn, PaymentStatus, State};
use mpss_node::simulator::ismp::Line;

use super::{AtRest, Property, Seen};
use crate::tally::Tally;

/// Questions about one call that a peer may see.
const ASKS_MAX: u32 = 3;

/// See the module.
pub(super) struct Rails {
    tally: Tally,
    /// Calls that are at their end, and which.
    ended: BTreeMap<CallId, Phase>,
}

impl Rails {
    pub(super) fn new(tally: Tally) -> Self {
        Self { tally, ended: BTreeMap::new() }
    }
}

/// What a subscriber has lost to payments by an account, and what is set aside for them.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
struct Taken {
    gone: Money,
    held: Money,
}

/// Where a peer keeps somebody's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Purse {
    Line(Msisdn),
    Card(Msisdn),
    Upp(Msisdn),
}

fn taken(state: &State) -> BTreeMap<AccountId, Taken> {
    let mut all = BTreeMap::<AccountId, Taken>::new();
    for payment in state.payments() {
        let (Some(row), Some(account)) = (state.rail_payment(payment.id), payment.account) else { continue };
        let taken = all.entry(account).or_default();
        match payment.status {
            PaymentStatus::Captured | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => {
                taken.gone += payment.amount - payment.refunded;
            }
            PaymentStatus::Reserved if row.rail.habits().holds => taken.held += payment.amount,
            PaymentStatus::Reserved => taken.gone += payment.amount,
            _ => {}
        }
    }
    for row in state.bank_top_ups() {
        let taken = all.entry(row.bank).or_default();
        match row.status {
            BankTopUpStatus::Credited => taken.gone += row.amount,
            BankTopUpStatus::Capturing => taken.held += row.amount,
            BankTopUpStatus::Pending | BankTopUpStatus::Refused(_) => {}
        }
    }
    for prize in state.prizes() {
        if let PrizeStatus::Paid(account) = prize.status {
            all.entry(account).or_default().gone -= prize.amount;
        }
    }
    all
}

impl Property for Rails {
    fn name(&self) -> &'static str {
        "peers have taken what the payments say"
    }

    fn clause(&self) -> &'static str {
        "product §4: a time-out is unknown, never failed"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for record in entry.journal {
            let JournalBody::CallMoved { call, step, phase } = record.body else { continue };
            if let Some(before) = self.ended.get(&call).filter(|before| **before != phase) {
                wrong.push(format!("{province}: {call} was {} and is {}", before.name(), phase.name()));
            }
            if phase.is_final() {
                if self.ended.insert(call, phase).is_none() {
                    self.tally.count(&format!("calls: {} {}", step.name(), phase.name()));
                } else if phase == Phase::Superseded {
                    self.tally.count("calls: approved after they were given up");
                }
            }
            if phase == Phase::Asking {
                self.tally.count("calls: asked about");
            }
            if phase == Phase::Abandoned && step != CallStep::Undo {
                self.tally.count("calls: left to reconciliation");
            }
        }
        wrong
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let mut wrong = Vec::new();
        let mut expected = BTreeMap::<Purse, Taken>::new();
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let seen = country.read(&leader, |state| {
                let taken = taken(state);
                let accounts = state.accounts().filter_map(|account| {
                    let link = state.link(account.id)?;
                    let taken = taken.get(&account.id).copied().unwrap_or_default();
                    Some((account.msisdn, link.means.clone(), taken))
                });
                let open = state.bank_top_ups().find(|row| !row.status.is_final()).map(|row| row.id);
                let given_up = state.calls().any(|call| call.phase == Phase::Abandoned);
                (accounts.collect::<Vec<_>>(), given_up, open)
            });
            let Some((accounts, given_up, open)) = seen else { continue };
            wrong.extend(open.map(|id| format!("{leader}: {id} has not come to its end")));
            if given_up {
                wrong.push(format!("{leader}: a call was left to reconciliation although everybody answers again"));
            }
            for (msisdn, means, taken) in accounts {
                let purse = match means {
                    Means::PhoneBill(_) => Purse::Line(msisdn),
                    Means::Card(_) => Purse::Card(msisdn),
                    Means::Upp => Purse::Upp(msisdn),
                };
                // Who was at home elsewhere before may have an account there, too, on the same line or card.
                let sum = expected.entry(purse).or_default();
                sum.gone += taken.gone;
                sum.held += taken.held;
            }
        }
        for (purse, expected) in expected {
            let found = match purse {
                Purse::Line(msisdn) => country.rails().look_at_ismp(|book| {
                    let line = book.line(msisdn);
                    let gone = Line::default().credit_fen - line.credit_fen - line.reserved_fen;
                    Some((Money::fen(gone), Money::fen(line.reserved_fen)))
                }),
                Purse::Card(msisdn) => Some(country.rails().taken_from_card(msisdn)),
                Purse::Upp(msisdn) => country.rails().upp().taken_from(msisdn),
            };
            let found = found.map(|(gone, held)| Taken { gone, held });
            if found != Some(expected) {
                wrong.push(format!("{purse:?}: {expected:?} was paid, the peer has {found:?}"));
            }
        }
        let most = country.rails().look_at_ismp(mpss_node::simulator::ismp::IsmpBook::most_asked);
        if most > ASKS_MAX {
            wrong.push(format!("the ISMP was asked {most} times about one call"));
        }
        let most = country.rails().upp().most_asked();
        if most > ASKS_MAX {
            wrong.push(format!("the UPP was asked {most} times about one call"));
        }
        wrong
    }
}
