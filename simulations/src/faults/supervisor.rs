//! What an operator's supervisor does: starts a process again that ended, tries again while a disk is
//! full, and has a machine replaced whose disk is damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::ProvinceId;
use mpss_runtime::Clock;
use mpss_runtime::memory::Crash;
use parking_lot::Mutex;

use super::operator;
use crate::country::{Country, LOG, NotStarted, province_of};
use crate::people::Street;

/// Time before a process that could not go on is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// How long after a fault a disk may still give trouble.
const TROUBLE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Known {
    /// Machines whose disk may give trouble, until when.
    trouble: BTreeMap<String, Duration>,
    /// Machines whose disk holds another bit than was written.
    damaged: BTreeSet<String>,
    /// Machines that are lost, or being replaced.
    lost: BTreeSet<String>,
}

/// Starts what ended. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    country: Country,
    street: Street,
    known: Arc<Mutex<Known>>,
}

impl Supervisor {
    /// A supervisor of all machines.
    #[must_use]
    pub fn new(street: &Street) -> Self {
        Self { country: street.country().clone(), street: street.clone(), known: Arc::default() }
    }

    pub(super) fn expect_disk_trouble(&self, name: &str) {
        let until = self.country.clock().monotonic() + TROUBLE_MAX;
        self.known.lock().trouble.insert(name.to_owned(), until);
    }

    pub(super) fn expect_damage(&self, name: &str) {
        self.known.lock().damaged.insert(name.to_owned());
    }

    fn is_in_trouble(&self, name: &str) -> bool {
        let now = self.country.clock().monotonic();
        self.known.lock().trouble.get(name).is_some_and(|until| now < *until)
    }

    /// A machine of the province is lost, or being replaced, or will be when it starts again and finds
    /// its disk damaged.
    #[must_use]
    pub fn has_lost(&self, province: ProvinceId) -> bool {
        let known = self.known.lock();
        known.lost.iter().chain(&known.damaged).any(|name| province_of(name) == Some(province))
    }

    /// May this machine's disk be lost now? Only when every other machine of the province runs and
    /// trusts its log: what the province knows is then on them.
    #[must_use]
    pub fn may_lose(&self, province: ProvinceId, name: &str) -> bool {
        let others: Vec<_> = self.country.names_of(province).into_iter().filter(|other| other != name).collect();
        let sound = |other: &String| {
            let names = self.country.device(other).names(LOG);
            self.country.runs(other)
                && !self.country.is_held(other)
                && !names.iter().any(|file| file == "doubt")
                && !self.known.lock().damaged.contains(other)
        };
        others.len() >= 2
            && !self.has_lost(province)
            && others.iter().all(sound)
            && self.country.leader(province).is_some()
            && self.is_caught_up(province, name)
    }

    /// Everything that is committed is on every machine of the province but this one.
    fn is_caught_up(&self, province: ProvinceId, name: &str) -> bool {
        let others = self.country.names_of(province).into_iter().filter(|other| other != name);
        let status =
            |other: &String| self.country.context(other).map(|context| context.replica.watch().borrow().clone());
        let mut statuses = self.country.names_of(province).iter().filter_map(status).collect::<Vec<_>>();
        let committed = statuses.iter().map(|status| status.committed).max().unwrap_or_default();
        statuses = others.filter_map(|other| status(&other)).collect();
        statuses.iter().all(|status| status.last_log >= committed)
    }

    /// A machine's disk is lost from now on.
    pub(super) fn lose(&self, name: &str) {
        let mut known = self.known.lock();
        known.lost.insert(name.to_owned());
        known.damaged.remove(name);
    }

    /// Another machine is in its place, whose disk gives no trouble. Until then the old one may run once more.
    pub(super) fn has_another_disk(&self, name: &str) {
        self.known.lock().trouble.remove(name);
    }

    pub(super) fn found(&self, name: &str) {
        self.known.lock().lost.remove(name);
    }

    /// Starts a machine's process again, unless something else has ended, started or replaced it since.
    pub async fn start_again(&self, name: &str, generation: u64) {
        while self.country.generation(name) == generation && self.country.is_off(name) {
            let started = self.country.start(name).await;
            match started {
                Ok(()) => {
                    self.country.trace().tell(format!("{name} runs again"));
                    self.look_for_doubt(name);
                    return;
                }
                Err(NotStarted::Ended) => return,
                Err(NotStarted::Refused(why)) => {
                    self.country.trace().tell(format!("{name} does not start: {why}"));
                    if !self.bear(name, &why).await {
                        return;
                    }
                }
            }
        }
    }

    fn look_for_doubt(&self, name: &str) {
        if self.country.device(name).names(LOG).iter().any(|file| file == "doubt") {
            self.country.tally().see("torn tail put a log in doubt");
        }
        // Its bit was not in use, or its batch is asked for anew.
        self.known.lock().damaged.remove(name);
    }

    /// A process does not start. True when it is worth trying again.
    async fn bear(&self, name: &str, why: &str) -> bool {
        if why.contains("is damaged") && self.known.lock().damaged.contains(name) {
            let milestone = if why.contains("snapshot-") {
                "damaged snapshot refused by name"
            } else {
                "damaged log refused by name"
            };
            self.country.tally().see(milestone);
            Box::pin(operator::replace(&self.country, &self.street, self, name)).await;
            return false;
        }
        if !self.is_in_trouble(name) {
            self.country.oracles().object("a process starts again", "product §8: restart", format!("{name}: {why}"));
            return false;
        }
        self.country.clock().sleep(RESTART_PAUSE).await;
        true
    }

    /// Looks for processes that must not go on, and starts them again.
    pub fn look(&self) {
        for name in self.country.names() {
            let Some(why) = self.country.fatal(&name) else { continue };
            self.country.trace().tell(format!("{name} must not go on: {why}"));
            let tally = self.country.tally();
            tally.count("processes that ended themselves");
            let of_disk = why.contains("failed") || why.contains("the device says");
            if !(of_disk && self.is_in_trouble(&name)) {
                self.country.oracles().object(
                    "a replica goes on",
                    "product §7: debits equal credits after every command",
                    format!("{name}: {why}"),
                );
            } else if why.contains("EIO") {
                tally.see("failed sync stopped a replica");
            } else {
                tally.see("disk full stopped a replica");
            }
            let Some(ended) = self.country.crash(&name, Crash::Kept) else { continue };
            let this = self.clone();
            tokio::spawn(async move {
                this.country.clock().sleep(RESTART_PAUSE).await;
                this.start_again(&name, ended.generation).await;
            });
        }
    }

    /// True when every machine's process runs.
    #[must_use]
    pub fn is_content(&self) -> bool {
        self.known.lock().lost.is_empty() && self.country.names().iter().all(|name| self.country.runs(name))
    }
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Supervisor")
    }
}
