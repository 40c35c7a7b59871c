//! What operators do while people live: replace machines, install a newer program, hand leadership
//! over, put a newer number plan in force, note that a number was carried to another operator.

use std::time::Duration;

use bytes::Bytes;
use mpss_domain::number_plan::NumberRange;
use mpss_domain::{Msisdn, NumberPlan, ProvinceId, StateVersion};
use mpss_routing::plan_file::render_plan;
use mpss_runtime::Clock;
use serde_json::{Value, json};

use super::{Hand, Supervisor};
use crate::country::{Country, province_of};
use crate::people::{Answer, Body, Question, Street};
use crate::scenario::{FaultKind, Strike, Target};

/// How long an operator tries before giving up; by then faults are long over.
const PATIENCE: Duration = Duration::from_secs(180);
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one request is tried.
const ASK_MAX: Duration = Duration::from_secs(10);

impl Hand {
    pub(super) async fn operate(&mut self, strike: &Strike) {
        match (strike.kind, &strike.target) {
            (FaultKind::MachineReplaced, _) => {
                let Some(name) = self.machine(&strike.target) else { return self.spared(strike) };
                if province_of(&name).is_none_or(|province| !self.supervisor.may_lose(province, &name)) {
                    return self.spared(strike);
                }
                let span = self.broken(strike, &name, "");
                self.lose_and_replace(&name, strike.lasts_ms).await;
                self.mended(span);
            }
            (FaultKind::ProvinceReplaced, Target::Province(province)) => {
                if self.country.plan().replicas < 3 {
                    return self.spared(strike);
                }
                let span = self.broken(strike, &province.to_string(), "");
                let mut replaced = 0;
                for name in self.country.names_of(*province) {
                    if self.wait_until_it_may_be_lost(*province, &name).await {
                        self.lose_and_replace(&name, strike.lasts_ms).await;
                        replaced += 1;
                    }
                }
                if replaced == self.country.plan().replicas {
                    self.country.tally().see("province replaced machine by machine");
                }
                self.mended(span);
            }
            (FaultKind::LeadershipHandedOver, Target::Province(province)) => self.hand_over(strike, *province).await,
            (FaultKind::RollingUpgrade, Target::Province(province)) => self.upgrade(strike, *province).await,
            (FaultKind::PortedNumber, Target::Province(province)) => self.port(strike, *province).await,
            _ => self.install_plan(strike).await,
        }
    }

    async fn wait_until_it_may_be_lost(&self, province: ProvinceId, name: &str) -> bool {
        let clock = self.country.clock().clone();
        let until = clock.monotonic() + PATIENCE;
        while clock.monotonic() < until {
            if self.supervisor.may_lose(province, name) {
                return true;
            }
            clock.sleep(PAUSE).await;
        }
        false
    }

    async fn lose_and_replace(&mut self, name: &str, dark_ms: u64) {
        self.supervisor.lose(name);
        self.country.crash(name, mpss_runtime::memory::Crash::Lost);
        self.last(dark_ms).await;
        replace(&self.country, &self.street, &self.supervisor, name).await;
    }

    async fn hand_over(&mut self, strike: &Strike, province: ProvinceId) {
        let Some(leader) = self.country.leader(province) else { return self.spared(strike) };
        let numbers = self.country.names_of(province).into_iter().filter(|name| *name != leader);
        let numbers: Vec<u64> = numbers.map(|name| self.country.number_of(&name)).collect();
        if numbers.is_empty() {
            return self.spared(strike);
        }
        let to = *self.random.pick(&numbers);
        let span = self.broken(strike, &leader, format!("to replica {to}"));
        let body = json!({ "change": "transfer_leadership", "node": to });
        change_group(&self.street, province, &format!("hand-{province}-{}", strike.at_ms), body).await;
        self.mended(span);
    }

    /// Every machine of a province gets the newest program, one after the other: stopped in good order,
    /// changed, started. Replicas that are lost meanwhile come back with the new one.
    async fn upgrade(&mut self, strike: &Strike, province: ProvinceId) {
        let names = self.country.names_of(province);
        if names.iter().all(|name| self.country.has_newest_program(name)) {
            return self.spared(strike);
        }
        let span = self.broken(strike, &province.to_string(), "");
        for name in &names {
            if self.country.has_newest_program(name) {
                continue;
            }
            self.country.install_newest_program(name);
            self.country.trace().tell(format!("{name} gets the newest program"));
            // One that starts or stops just now can not be stopped; one whose process is off starts
            // with the new program.
            while self.country.runs_older_program(name) {
                if self.country.stop(name).await {
                    self.supervisor.start_again(name, self.country.generation(name)).await;
                } else {
                    self.country.clock().sleep(PAUSE).await;
                }
            }
            let before = self.decided_by_old_rules(province);
            self.last(strike.lasts_ms).await;
            let mixed = names
                .iter()
                .any(|name| self.country.runs_older_program(name) || !self.country.has_newest_program(name));
            if mixed && before.is_some() && self.decided_by_old_rules(province) > before {
                self.country.tally().see("mixed versions decided by the old rules");
            }
        }
        self.mended(span);
    }

    /// The last entry of a province, while the rules before are in force.
    fn decided_by_old_rules(&self, province: ProvinceId) -> Option<u64> {
        let leader = self.country.leader(province)?;
        let (version, index) = self.country.read(&leader, |state| (state.version(), state.index()))?;
        (version < StateVersion::NEWEST).then_some(index)
    }

    async fn port(&mut self, strike: &Strike, province: ProvinceId) {
        let Some(person) = self.porters.iter().find(|person| person.home == province).cloned() else {
            return self.spared(strike);
        };
        let span = self.broken(strike, &person.msisdn, "");
        self.port_everywhere(&person.msisdn, "china-mobile", strike.at_ms).await;
        self.last(strike.lasts_ms).await;
        self.port_everywhere(&person.msisdn, "china-telecom", strike.at_ms).await;
        self.mended(span);
    }

    async fn port_everywhere(&self, msisdn: &str, operator: &str, at_ms: u64) {
        for province in self.country.plan().provinces.clone() {
            let body = json!({ "msisdn": msisdn, "operator": operator });
            let question = Question {
                who: "operator".to_owned(),
                flow: "port_number",
                province,
                method: "POST",
                path: "/v1/number-plan/portability".to_owned(),
                key: format!("port-{msisdn}-{operator}-{at_ms}"),
                body: Body::Json(body),
            };
            self.street.ask(&question).await;
        }
    }

    /// Puts the next plan in force, province by province: those who move belong to the next province
    /// by every other plan, and home by those between.
    async fn install_plan(&mut self, strike: &Strike) {
        let epochs = self.country.plan().provinces.iter().filter_map(|province| self.country.leader(*province));
        let newest = epochs.filter_map(|leader| self.country.read(&leader, |state| state.plan().epoch)).max();
        let Some(epoch) = newest.map(|newest| newest + 1) else { return self.spared(strike) };
        let provinces: Vec<ProvinceId> =
            self.country.plan().provinces.iter().copied().filter(|province| !province.is_national()).collect();
        let away = epoch % 2 == 0 && provinces.len() > 1;
        let moved = self.movers.iter().filter(|_| away).filter_map(|person| {
            let at = provinces.iter().position(|province| *province == person.home)?;
            let number: Msisdn = person.msisdn.parse().ok()?;
            Some((number.prefix(), provinces[(at + 1) % provinces.len()]))
        });
        let plan = with_moved(crate::country::number_plan(), moved.collect());
        let span =
            self.broken(strike, "all", format!("epoch {epoch}, {} move", if away { self.movers.len() } else { 0 }));
        let csv = Bytes::from(render_plan(&plan));
        let mut all = self.country.plan().provinces.clone();
        let first = usize::try_from(self.below(all.len() as u64)).unwrap_or(0);
        all.rotate_left(first);
        for province in all {
            let question = Question {
                who: "operator".to_owned(),
                flow: "new_plan",
                province,
                method: "PUT",
                path: format!("/v1/number-plan?epoch={epoch}"),
                key: format!("plan-{epoch}-{}", strike.at_ms),
                body: Body::Other("text/csv", csv.clone()),
            };
            self.street.ask(&question).await;
            self.last(strike.lasts_ms / 4).await;
        }
        self.mended(span);
    }
}

/// Puts another machine in the place of one, and brings it into the group: started, caught up, voting
/// instead of the one that is gone.
pub(super) async fn replace(country: &Country, street: &Street, supervisor: &Supervisor, name: &str) {
    let Some(province) = province_of(name) else { return };
    supervisor.lose(name);
    let old = country.number_of(name);
    country.crash(name, mpss_runtime::memory::Crash::Lost);
    let new = country.replace(name);
    supervisor.has_another_disk(name);
    country.trace().tell(format!("{name} is another machine now, replica {new} instead of {old}"));
    let generation = country.generation(name);
    supervisor.start_again(name, generation).await;
    let address = json!({
        "change": "add_learner", "node": new,
        "raft_address": format!("{name}:82"), "http_url": format!("http://{name}:80"),
    });
    let clock = country.clock();
    let until = clock.monotonic() + PATIENCE;
    let mut turn = 0;
    while clock.monotonic() < until {
        turn += 1;
        let key = |what: &str| format!("{what}-{name}-{new}-{turn}");
        // What was meant before is meant still: each change names what is wanted.
        let added = change_group(street, province, &key("add"), address.clone()).await;
        if added.is_some_and(|answer| answer.is_done())
            && let Some(voters) = voters_without(street, province, old, new).await
        {
            let body = json!({ "change": "change_voters", "voters": voters });
            let changed = change_group(street, province, &key("voters"), body).await;
            if changed.is_some_and(|answer| answer.is_done()) {
                country.trace().tell(format!("replica {new} votes on {name}"));
                country.tally().see("group changed under faults");
                country.tally().count("machines replaced");
                supervisor.found(name);
                return;
            }
        }
        clock.sleep(PAUSE).await;
    }
    let what = format!("{name}: replica {new} could not take the place of {old} in {PATIENCE:?}");
    country.oracles().object("a lost machine can be replaced", "product §8: replace a dead node", what);
}

async fn voters_without(street: &Street, province: ProvinceId, old: u64, new: u64) -> Option<Vec<u64>> {
    let question = Question {
        who: "operator".to_owned(),
        flow: "show_cluster",
        province,
        method: "GET",
        path: "/v1/cluster".to_owned(),
        key: String::new(),
        body: Body::Nothing,
    };
    let answer = street.ask_for(&question, ASK_MAX).await.filter(Answer::is_done)?;
    let replicas = answer.body["replicas"].as_array()?;
    let votes =
        replicas.iter().filter(|replica| replica["votes"] == true).filter_map(|replica| replica["node"].as_u64());
    let mut voters: Vec<u64> = votes.filter(|node| *node != old && *node != new).collect();
    voters.push(new);
    Some(voters)
}

async fn change_group(street: &Street, province: ProvinceId, key: &str, body: Value) -> Option<Answer> {
    let question = Question {
        who: "operator".to_owned(),
        flow: "change_group",
        province,
        method: "POST",
        path: "/v1/cluster/members".to_owned(),
        key: key.to_owned(),
        body: Body::Json(body),
    };
    street.ask_for(&question, ASK_MAX).await
}

/// The plan with some prefixes in other provinces.
fn with_moved(mut plan: NumberPlan, moved: Vec<(u32, ProvinceId)>) -> NumberPlan {
    for (prefix, province) in moved {
        let Some(place) = plan.ranges.iter().position(|range| range.first <= prefix && prefix <= range.last) else {
            continue;
        };
        let range = plan.ranges[place];
        let parts = [
            NumberRange { last: prefix.saturating_sub(1), ..range },
            NumberRange { first: prefix, last: prefix, province, ..range },
            NumberRange { first: prefix + 1, ..range },
        ];
        plan.ranges.splice(place..=place, parts.into_iter().filter(|part| part.first <= part.last));
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_in_which_a_prefix_moves_is_the_old_one_but_for_that() {
        let plan = crate::country::number_plan();
        let (guangdong, sichuan) = (ProvinceId::new(44).expect("44"), ProvinceId::new(51).expect("51"));
        let prefix = mpss_routing::subscribers_of(&plan, guangdong).next().expect("somebody").prefix();
        let moved = with_moved(plan.clone(), vec![(prefix, sichuan)]);
        let read = mpss_routing::parse_plan_bytes(render_plan(&moved).as_bytes(), 2).expect("a plan");
        let home = |plan: &NumberPlan, prefix: u32| {
            let number = Msisdn::new(u64::from(prefix) * 10_000 + 7).expect("a number");
            plan.lookup(number, mpss_domain::LogTime(0)).map(|belonging| belonging.home)
        };
        assert_eq!((home(&plan, prefix), home(&read, prefix)), (Some(guangdong), Some(sichuan)));
        for other in (1_330_000..1_340_000).filter(|other| *other != prefix) {
            assert_eq!(home(&plan, other), home(&read, other), "{other}");
        }
    }
}
