//! One run: set the scene, let people live while faults strike, heal, wait until it is quiet, judge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::catalogue::Application;
use mpss_domain::{ProvinceId, State, StateVersion};
use mpss_runtime::Clock;

use crate::country::{Country, CountryPlan, number_plan};
use crate::faults::{Faults, Supervisor};
use crate::oracle::{AtRest, quiet};
use crate::people::{Flow, Goods, Habits, Rules, Scene, Street, first_batch, live, load_cards, move_in, set_out};
use crate::record::{FORMAT, Leadership, Province, Record, Verdict};
use crate::scenario::{FaultKind, Scenario, Strike, Target, strikes};
use crate::stories;
use crate::world::SeededRandom;
use crate::world::clock::BEGIN_MS;

/// How often it is looked whether something strikes or has died.
const LOOK: Duration = Duration::from_millis(100);
/// How long everything may take to come to its end once faults stop: the bound of liveness.
pub const QUIET_MAX: Duration = Duration::from_secs(600);
/// How long the country may take to be ready when nothing is wrong.
const READY_MAX: Duration = Duration::from_secs(60);

/// How a run is made.
#[derive(Debug, Clone)]
pub struct RunPlan {
    /// What is run.
    pub scenario: Scenario,
    /// Everything by chance comes from it.
    pub seed: u64,
    /// Keep what a report needs: operations, stories, every line.
    pub recorded: bool,
    /// Print what happens as it happens.
    pub echo: bool,
}

/// Runs a plan to its end, on a runtime of its own.
///
/// # Panics
/// When the machine can not make a runtime.
#[must_use]
pub fn run(plan: &RunPlan) -> Record {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without sockets");
    let record = runtime.block_on(play(plan));
    // Tasks that still wait for something would be polled no more.
    runtime.shutdown_background();
    record
}

/// A run in progress.
struct Play {
    country: Country,
    street: Street,
    supervisor: Supervisor,
    leaders: Vec<Leadership>,
    open_ms: u64,
    healed_ms: u64,
}

async fn play(plan: &RunPlan) -> Record {
    let random = SeededRandom::new(plan.seed);
    let strikes = strikes(&plan.scenario, &random.named("faults"));
    let upgraded: BTreeSet<_> = strikes.iter().filter_map(upgraded).collect();
    let country_plan = CountryPlan {
        provinces: plan.scenario.provinces(),
        replicas: plan.scenario.topology.replicas,
        // A program of before can not open an account there.
        upp_accounts: plan.scenario.upp_accounts().filter(|province| !upgraded.contains(province)).collect(),
        upgraded,
        recorded: plan.recorded,
        echo: plan.echo,
    };
    let country = Country::new(country_plan, random);
    let street = Street::new(&country);
    let supervisor = Supervisor::new(&street);
    let mut play = Play { country, street, supervisor, leaders: Vec::new(), open_ms: 0, healed_ms: 0 };
    let mut faults = None;
    let set = play.set_scene(&plan.scenario).await;
    match set {
        Ok(scene) => faults = Some(play.live(plan, scene, strikes).await),
        // That says nothing about faults, but a country that can not even begin is no pass.
        Err(why) => play.country.oracles().object("the scene can be set", "product §2, §3", why),
    }
    play.record(plan, faults.as_ref())
}

impl Play {
    /// Starts all machines, waits until provinces have leaders and a number plan, sets out goods and
    /// lets people move in.
    async fn set_scene(&mut self, scenario: &Scenario) -> Result<Arc<Scene>, String> {
        let mut starting = tokio::task::JoinSet::new();
        for name in self.country.names() {
            let country = self.country.clone();
            starting.spawn(async move { country.start(&name).await.map_err(|why| format!("{name}: {why:?}")) });
        }
        while let Some(started) = starting.join_next().await {
            started.map_err(|error| error.to_string())??;
        }
        let until = self.country.clock().monotonic() + READY_MAX;
        while !self.is_ready() {
            if self.country.clock().monotonic() > until {
                return Err(format!("not every province has a leader and a number plan within {READY_MAX:?}"));
            }
            self.country.clock().sleep(LOOK).await;
        }
        let mut setting = tokio::task::JoinSet::new();
        for province in self.country.plan().provinces.clone() {
            let (street, people, habits) = (self.street.clone(), scenario.workload.people, scenario.workload.habits);
            setting.spawn(async move { (province, set_province(&street, province, people, &habits).await) });
        }
        let mut parts = BTreeMap::new();
        while !setting.is_empty() {
            tokio::select! {
                biased;
                Some(set) = setting.join_next() => {
                    let (province, part) = set.map_err(|error| error.to_string())?;
                    parts.insert(province, part?);
                }
                () = self.country.clock().sleep(LOOK) => self.look(),
            }
        }
        let mut scene = Scene::default();
        for part in parts.into_values() {
            scene.goods.extend(part.goods);
            scene.people.extend(part.people);
        }
        self.country.trace().tell(format!("{} people, {} products", scene.people.len(), scene.goods.len()));
        Ok(Arc::new(scene))
    }

    fn is_ready(&self) -> bool {
        self.country.plan().provinces.iter().all(|province| {
            let leader = self.country.leader(*province);
            // Accounts at the UPP are opened by the newest rules.
            let by_newest = self.country.plan().upp_accounts.contains(province);
            let is_ready =
                |state: &State| state.plan().epoch > 0 && (!by_newest || state.version() == StateVersion::NEWEST);
            leader.and_then(|leader| self.country.read(&leader, is_ready)) == Some(true)
        })
    }

    /// Lets people live and faults strike, heals, and waits until it is quiet.
    async fn live(&mut self, plan: &RunPlan, scene: Arc<Scene>, strikes: Vec<Strike>) -> Faults {
        let clock = self.country.clock().clone();
        let workload = &plan.scenario.workload;
        let begin = clock.monotonic();
        let until = begin + Duration::from_secs(workload.seconds);
        self.open_ms = clock.elapsed_ms();
        let rules = Rules {
            habits: workload.habits,
            pause_ms: (workload.pause_ms[0], workload.pause_ms[1]),
            twice: workload.twice_ppm,
            hot: workload.hot_sp_ppm,
            only: workload.only.clone().map(Arc::new),
        };
        let mut lives = tokio::task::JoinSet::new();
        for person in &scene.people {
            let (street, scene, rules) = (self.street.clone(), scene.clone(), rules.clone());
            lives.spawn(live(street, person.clone(), scene, rules, until));
        }
        for goods in scene.goods.iter().filter(|goods| goods.application == Application::CardSale) {
            lives.spawn(load_cards(self.street.clone(), goods.clone(), rules.clone(), until));
        }
        let mut faults = Faults::new(&self.street, self.supervisor.clone(), &scene.people);
        let mut coming = strikes.into_iter().enumerate().peekable();
        while clock.monotonic() < until && !self.country.oracles().is_violated() {
            let next = coming.peek().map(|(_, strike)| begin + Duration::from_millis(strike.at_ms));
            let wake = next.unwrap_or(until).min(clock.monotonic() + LOOK).max(clock.monotonic());
            clock.sleep_until(wake).await;
            while let Some((number, strike)) =
                coming.next_if(|(_, strike)| begin + Duration::from_millis(strike.at_ms) <= clock.monotonic())
            {
                faults.strike(number, strike);
            }
            self.look();
        }
        {
            let ending = faults.end_all();
            tokio::pin!(ending);
            loop {
                tokio::select! {
                    biased;
                    () = &mut ending => break,
                    () = clock.sleep(LOOK) => self.look(),
                }
            }
        }
        self.healed_ms = clock.elapsed_ms();
        while !lives.is_empty() && !self.country.oracles().is_violated() {
            tokio::select! {
                biased;
                Some(lived) = lives.join_next() => if let Err(error) = lived {
                    self.country.oracles().object("people live", "the simulator", error.to_string());
                },
                () = clock.sleep(LOOK) => self.look(),
            }
        }
        self.wait_until_quiet().await;
        faults
    }

    async fn wait_until_quiet(&mut self) {
        let clock = self.country.clock().clone();
        let until = clock.monotonic() + QUIET_MAX;
        while clock.monotonic() < until && !self.country.oracles().is_violated() {
            self.look();
            if self.supervisor.is_content() && quiet(&self.country) {
                self.country.trace().tell("it is quiet");
                self.country.tally().add("milliseconds until quiet", clock.elapsed_ms() - self.healed_ms);
                break;
            }
            clock.sleep(LOOK).await;
        }
        if !self.country.oracles().is_violated() {
            self.street.look(|told| self.country.oracles().judge(&AtRest { country: &self.country, told }));
        }
    }

    /// What happens whether anybody strikes or not: processes that died are started again, and it is
    /// noted who leads.
    fn look(&mut self) {
        self.supervisor.look();
        for province in &self.country.plan().provinces {
            let machine = self.country.leader(*province).unwrap_or_default();
            let code = province.to_string();
            let last = self.leaders.iter().rev().find(|last| last.province == code);
            if last.is_none_or(|last| last.machine != machine) {
                let context = (!machine.is_empty()).then(|| self.country.context(&machine)).flatten();
                let term = context.map_or(0, |context| context.replica.watch().borrow().term);
                self.leaders.push(Leadership {
                    province: code,
                    machine,
                    term,
                    from_ms: self.country.clock().elapsed_ms(),
                });
            }
        }
    }

    fn record(self, plan: &RunPlan, faults: Option<&Faults>) -> Record {
        let country = &self.country;
        let passed = country.network().passed();
        let tally = country.tally();
        for (name, times) in [
            ("messages delivered", passed.delivered),
            ("messages lost", passed.lost),
            ("messages cut off", passed.cut),
            ("messages that came twice", passed.doubled),
            ("messages out of order", passed.reordered),
            ("messages delayed", passed.delayed),
            ("texts", country.smsc().received().0 as u64),
            ("texts that came again", country.smsc().received().1 as u64),
            ("notices to SPs", country.sps().look(|sps| sps.notices)),
            ("notices that came again", country.sps().look(|sps| sps.repeated)),
        ] {
            tally.add(name, times);
        }
        let violations = country.oracles().violations();
        let (hash, events) = country.trace().hash();
        let province = |province: &ProvinceId| Province {
            code: province.to_string(),
            name: province.name_en().to_owned(),
            name_zh: province.name_zh().to_owned(),
            machines: country.names_of(*province),
        };
        let operations = self.street.look(|told| told.operations.clone());
        let turns = self.street.look(|told| told.turns.iter().cloned().collect());
        let stories = if plan.recorded { stories::choose(country, &self.street, &self.leaders) } else { Vec::new() };
        Record {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: plan.scenario.name.clone(),
            seed: plan.seed,
            command: String::new(),
            trace: format!("{hash:032x}"),
            events,
            began_at_ms: BEGIN_MS,
            virtual_ms: country.clock().elapsed_ms(),
            open_ms: self.open_ms,
            healed_ms: self.healed_ms,
            real_ms: 0,
            provinces: country.plan().provinces.iter().map(province).collect(),
            verdict: if violations.is_empty() { Verdict::Passed } else { Verdict::Violated },
            violations,
            operations,
            turns,
            faults: faults.map(Faults::spans).unwrap_or_default(),
            leaders: self.leaders,
            stories,
            counts: tally.counts(),
            seen: tally.seen(),
            lines: if plan.recorded { country.trace().lines() } else { Vec::new() },
        }
    }
}

/// The province that a strike upgrades: its machines begin with the program before.
fn upgraded(strike: &Strike) -> Option<ProvinceId> {
    match (strike.kind, &strike.target) {
        (FaultKind::RollingUpgrade, Target::Province(province)) => Some(*province),
        _ => None,
    }
}

/// What is on sale in a province and who lives there.
async fn set_province(street: &Street, province: ProvinceId, people: usize, habits: &Habits) -> Result<Scene, String> {
    let mut scene = Scene::default();
    let goods: &[(&str, &'static str)] = if province.is_national() {
        &[("accepts-national", "national"), ("slow-national", "national"), ("refuses-national", "national")]
    } else {
        &[
            ("accepts-local", "local"),
            ("refuses-local", "local"),
            ("silent-local", "local"),
            ("accepts-roaming", "roaming"),
            ("slow-roaming", "roaming"),
            ("silent-roaming", "roaming"),
        ]
    };
    for (name, scope) in goods {
        scene.goods.push(set_out(street, province, name, scope, Application::Lottery).await?);
    }
    let scopes: &[&'static str] = if province.is_national() { &["national"] } else { &["local", "roaming"] };
    // Where nobody wants them there are none, so that a country without is as it was.
    for scope in scopes.iter().filter(|_| habits.share(Flow::Cards) > 0) {
        let goods = set_out(street, province, &format!("accepts-cards-{scope}"), scope, Application::CardSale).await?;
        first_batch(street, &goods).await?;
        scene.goods.push(goods);
    }
    for scope in scopes.iter().filter(|_| habits.share(Flow::Tickets) > 0) {
        for way in ["accepts", "slow"] {
            let name = format!("{way}-tickets-{scope}");
            scene.goods.push(set_out(street, province, &name, scope, Application::Ticketing).await?);
        }
    }
    for scope in scopes.iter().filter(|_| habits.share(Flow::Bills) > 0) {
        for way in ["accepts", "slow", "refuses"] {
            let name = format!("{way}-bills-{scope}");
            scene.goods.push(set_out(street, province, &name, scope, Application::BillPayment).await?);
        }
    }
    for scope in scopes.iter().filter(|_| habits.share(Flow::Shopping) > 0) {
        for way in ["accepts", "slow", "refuses"] {
            let name = format!("{way}-shopping-{scope}");
            scene.goods.push(set_out(street, province, &name, scope, Application::Shopping).await?);
        }
    }
    for scope in scopes.iter().filter(|_| habits.share(Flow::Codes) > 0) {
        for way in ["accepts", "slow", "refuses"] {
            let name = format!("{way}-machines-{scope}");
            scene.goods.push(set_out(street, province, &name, scope, Application::PayPerUse).await?);
        }
    }
    for scope in scopes.iter().filter(|_| habits.share(Flow::Bets) > 0) {
        let lottery = set_out(street, province, &format!("accepts-draws-{scope}"), scope, Application::Lottery).await?;
        scene.goods.push(Goods { draws: true, ..lottery });
    }
    if !province.is_national() {
        scene.people = move_in(street, &number_plan(), province, people).await?;
    }
    Ok(scene)
}
