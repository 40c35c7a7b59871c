//! What must be true: while the country runs, at every entry, every promise and every message, and
//! when it is quiet again. One file for each property.

use std::sync::Arc;

use bytes::Bytes;
use mpss_cluster::inspect::{DurableLog, Place};
use mpss_cluster::{AppliedEntry, Witness};
use mpss_domain::journal::JournalBody;
use mpss_domain::rail::Subject;
use mpss_domain::{ProvinceId, State};
use mpss_node::gateway::sp::Notice;
use parking_lot::Mutex;

use crate::country::Country;
use crate::people::Told;
use crate::record::Violation;
use crate::tally::Tally;
use crate::world::network::Eavesdropper;
use crate::world::{SimClock, Trace};

mod acknowledged;
mod after_commit;
mod agreement;
mod awards;
mod balance_reads;
mod bill_payers;
mod bills;
mod card_buyers;
mod clearing;
mod debits_at_home;
mod deliveries;
mod finality;
mod group;
mod late_debits;
mod limits;
mod log_ids;
mod milestones;
mod money;
mod one_answer;
mod one_debit;
mod payment_codes;
mod promises;
mod rails;
mod recharges;
mod replay;
mod reversals;
mod sealed_passwords;
mod stock;
mod texts;
mod ticket_checks;
mod upp;
mod used;
mod versions;
mod visibility;

/// Lines of history shown with a violation.
const AROUND_MAX: usize = 60;

/// Something that was seen.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// A replica applied an entry. `first` when no replica had applied it before.
    Applied {
        /// The machine.
        machine: &'a str,
        /// Whose log.
        province: ProvinceId,
        /// The entry.
        entry: &'a AppliedEntry<'a>,
        /// No replica had applied it before.
        first: bool,
    },
    /// A replica took its state from a snapshot.
    Installed {
        /// The machine.
        machine: &'a str,
        /// Whose state.
        province: ProvinceId,
        /// The state.
        state: &'a State,
    },
    /// A replica asks another to append entries.
    Appending {
        /// Whose log.
        province: ProvinceId,
        /// The entries, with a hash of what they carry.
        entries: &'a [(Place, u64)],
    },
    /// A machine of a province asks one of another over HTTP, or has heard its answer.
    OverHttp {
        /// When, in milliseconds since the start.
        at_ms: u64,
        /// Who asks.
        from: &'a str,
        /// Who is asked.
        to: ProvinceId,
        /// Path and query.
        path: &'a str,
        /// What is asked, or what was answered.
        body: &'a Bytes,
        /// It is the answer.
        answered: bool,
    },
    /// Entries became durable on a machine.
    Durable {
        /// Whose log.
        province: ProvinceId,
        /// The entries, with a hash of what they carry.
        entries: &'a [(Place, u64)],
    },
    /// A machine is about to answer another.
    Answering {
        /// The machine.
        machine: &'a str,
        /// What it was asked.
        request: &'a Bytes,
        /// What it answers.
        answer: &'a Bytes,
        /// What is durable on it.
        durable: &'a DurableLog,
        /// The last entry of its newest durable snapshot.
        snapshot: Option<Place>,
    },
    /// The SMS centre was handed a text.
    Text {
        /// Its id.
        message_id: &'a str,
    },
    /// An SP was told something.
    Noticed {
        /// What.
        notice: &'a Notice,
    },
    /// The process of a machine ended in the middle of whatever it did.
    Crashed {
        /// The machine.
        machine: &'a str,
        /// It led, as far as it knew.
        led: bool,
        /// Bytes that were not synced.
        unsynced: u64,
    },
    /// The process of a machine ended in good order.
    Stopped {
        /// The machine.
        machine: &'a str,
    },
}

/// A country that is quiet, and what people were told in it.
pub struct AtRest<'a> {
    /// The country.
    pub country: &'a Country,
    /// What people were told.
    pub told: &'a Told,
}

/// One property.
pub trait Property: Send {
    /// As a violation names it.
    fn name(&self) -> &'static str;

    /// Where it comes from.
    fn clause(&self) -> &'static str;

    /// Something was seen; gives everything that is wrong with it.
    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let _ = seen;
        Vec::new()
    }

    /// The country is quiet; gives everything that is wrong then.
    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let _ = rest;
        Vec::new()
    }
}

/// True when nothing is open and all replicas have one state.
#[must_use]
pub fn quiet(country: &Country) -> bool {
    finality::open(country).is_empty() && agreement::apart(country).is_empty() && versions::behind(country).is_empty()
}

/// Names of all properties and where they come from, for a reader.
#[must_use]
pub fn catalogue() -> Vec<(&'static str, &'static str)> {
    all(&Tally::new()).iter().map(|property| (property.name(), property.clause())).collect()
}

fn all(tally: &Tally) -> Vec<Box<dyn Property>> {
    vec![
        Box::<promises::Promises>::default(),
        Box::<log_ids::LogIds>::default(),
        Box::<agreement::Agreement>::default(),
        Box::<money::Money>::default(),
        Box::<limits::Limits>::default(),
        Box::<one_debit::OneDebit>::default(),
        Box::<one_answer::OneAnswer>::default(),
        Box::<debits_at_home::DebitsAtHome>::default(),
        Box::<visibility::Visibility>::default(),
        Box::<reversals::Reversals>::default(),
        Box::<late_debits::LateDebits>::default(),
        Box::<stock::Stock>::default(),
        Box::<card_buyers::CardBuyers>::default(),
        Box::<ticket_checks::TicketChecks>::default(),
        Box::<used::UsedStays>::default(),
        Box::<bills::Bills>::default(),
        Box::<bill_payers::BillPayers>::default(),
        Box::new(recharges::Recharges::new(tally.clone())),
        Box::<upp::Upp>::default(),
        Box::new(payment_codes::PaymentCodes::new(tally.clone())),
        Box::<texts::Texts>::default(),
        Box::<after_commit::AfterCommit>::default(),
        Box::new(milestones::Milestones::new(tally.clone())),
        Box::<sealed_passwords::SealedPasswords>::default(),
        Box::<finality::Finality>::default(),
        Box::<clearing::Clearing>::default(),
        Box::new(rails::Rails::new(tally.clone())),
        Box::<awards::Awards>::default(),
        Box::<deliveries::Deliveries>::default(),
        Box::<acknowledged::Acknowledged>::default(),
        Box::<balance_reads::BalanceReads>::default(),
        Box::<group::Group>::default(),
        Box::<versions::Versions>::default(),
        Box::<replay::Replay>::default(),
    ]
}

struct Inner {
    properties: Vec<Box<dyn Property>>,
    /// The last entry of each province that any replica has applied.
    applied: std::collections::BTreeMap<ProvinceId, u64>,
    violations: Vec<Violation>,
}

/// All properties, watching. Cheap to clone.
#[derive(Clone)]
pub struct Oracles {
    inner: Arc<Mutex<Inner>>,
    clock: SimClock,
    trace: Trace,
}

impl Oracles {
    /// Properties that have seen nothing yet.
    #[must_use]
    pub fn new(clock: SimClock, trace: Trace, tally: &Tally) -> Self {
        let properties = all(tally);
        let inner = Inner { properties, applied: std::collections::BTreeMap::new(), violations: Vec::new() };
        Self { inner: Arc::new(Mutex::new(inner)), clock, trace }
    }

    /// Something was seen.
    pub fn see(&self, seen: &Seen<'_>) {
        let mut inner = self.inner.lock();
        let Inner { properties, violations, .. } = &mut *inner;
        for property in properties {
            let wrong = property.see(seen);
            self.note(violations, property.name(), property.clause(), wrong);
        }
    }

    fn see_applied(&self, machine: &str, province: ProvinceId, entry: &AppliedEntry<'_>) {
        let first = {
            let mut inner = self.inner.lock();
            let last = inner.applied.entry(province).or_default();
            let first = entry.index > *last;
            *last = entry.index.max(*last);
            first
        };
        if first {
            self.tell_calls(province, entry);
        }
        self.see(&Seen::Applied { machine, province, entry, first });
    }

    /// Tells what becomes of calls to whoever has the money of accounts outside.
    fn tell_calls(&self, province: ProvinceId, entry: &AppliedEntry<'_>) {
        for record in entry.journal {
            let JournalBody::CallMoved { call, step, phase } = record.body else { continue };
            let order_of = |payment| entry.state.payment(payment).and_then(|payment| payment.order);
            let about = match entry.state.call(call).map(|call| call.subject) {
                Some(Subject::Payment(payment) | Subject::Refund(payment, _) | Subject::Rest(payment)) => {
                    order_of(payment).map_or_else(|| payment.to_string(), |order| order.to_string())
                }
                Some(Subject::Award(award)) => award.to_string(),
                Some(Subject::Recharge(top_up) | Subject::BankTopUp(top_up)) => top_up.to_string(),
                None => "what is forgotten".to_owned(),
            };
            self.trace.tell(format!("{province}: call {call} for {about}: {} is {}", step.name(), phase.name()));
        }
    }

    /// The country is quiet: everything that is checked then.
    pub fn judge(&self, rest: &AtRest<'_>) {
        let mut inner = self.inner.lock();
        let Inner { properties, violations, .. } = &mut *inner;
        for property in properties {
            let wrong = property.at_rest(rest);
            self.note(violations, property.name(), property.clause(), wrong);
        }
    }

    /// Something is wrong that no property could see.
    pub fn object(&self, property: &str, clause: &str, what: String) {
        let mut inner = self.inner.lock();
        self.note(&mut inner.violations, property, clause, vec![what]);
    }

    fn note(&self, violations: &mut Vec<Violation>, property: &str, clause: &str, wrong: Vec<String>) {
        for what in wrong {
            self.trace.tell(format!("VIOLATED {property}: {what}"));
            let violation = Violation {
                property: property.to_owned(),
                clause: clause.to_owned(),
                at_ms: self.clock.elapsed_ms(),
                around: self.trace.around(&names_in(&what), AROUND_MAX),
                what,
            };
            violations.push(violation);
        }
    }

    /// True when something is wrong.
    #[must_use]
    pub fn is_violated(&self) -> bool {
        !self.inner.lock().violations.is_empty()
    }

    /// Everything that is wrong.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.inner.lock().violations.clone()
    }

    /// One that looks on while the replica on `machine` applies its log.
    #[must_use]
    pub fn witness(&self, machine: &str, province: ProvinceId) -> Arc<dyn Witness> {
        Arc::new(MachineWitness { oracles: self.clone(), machine: machine.to_owned(), province })
    }
}

/// What a violation speaks of, to find the lines about it: ids, numbers, machines.
fn names_in(what: &str) -> Vec<String> {
    let words = what.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.filter(|word| word.len() >= 4 && word.bytes().any(|byte| byte.is_ascii_digit())).map(str::to_owned).collect()
}

struct MachineWitness {
    oracles: Oracles,
    machine: String,
    province: ProvinceId,
}

impl Witness for MachineWitness {
    fn applied(&self, entry: &AppliedEntry<'_>) {
        self.oracles.see_applied(&self.machine, self.province, entry);
    }

    fn installed(&self, state: &State) {
        self.oracles.see(&Seen::Installed { machine: &self.machine, province: self.province, state });
    }
}

/// Listens to replicas, and knows what is durable on their machines.
pub(crate) struct Listener {
    pub(crate) oracles: Oracles,
    pub(crate) disks: crate::country::Disks,
}

impl Eavesdropper for Listener {
    fn asked(&self, from: &str, _to: &str, request: &Bytes) {
        if let Some(mpss_cluster::inspect::Question::Append { entries, .. }) = mpss_cluster::inspect::question(request)
            && !entries.is_empty()
            && let Some(province) = crate::country::province_of(from)
        {
            self.oracles.see(&Seen::Appending { province, entries: &entries });
        }
    }

    fn over_http(&self, from: &str, to: &str, path: &str, body: &Bytes, answered: bool) {
        let at_ms = self.oracles.clock.elapsed_ms();
        if let Some(to) = crate::country::province_of(to) {
            self.oracles.see(&Seen::OverHttp { at_ms, from, to, path, body, answered });
        }
    }

    fn answering(&self, machine: &str, request: &Bytes, answer: &Bytes) {
        self.disks.look(machine, |durable, snapshot| {
            self.oracles.see(&Seen::Answering { machine, request, answer, durable, snapshot });
        });
    }
}

impl std::fmt::Debug for Oracles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Oracles")
    }
}
