//! One run: set the scene, let people live while faults strike, heal, wait until it is quiet, judge.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::ProvinceId;
use mpss_routing::subscribers_of;
use mpss_runtime::Clock;

use crate::country::{Country, CountryPlan, number_plan};
use crate::faults::{FaultRates, Faults, Struck};
use crate::oracle;
use crate::people::{Goods, Person, Street};
use crate::world::SeededRandom;
use crate::world::network::Passed;

/// How often it is looked whether something strikes or has died.
const LOOK: Duration = Duration::from_millis(250);
/// How long everything may take to come to its end once faults stop.
const QUIET_MAX: Duration = Duration::from_secs(120);
/// How long the country may take to be ready when nothing is wrong.
const READY_MAX: Duration = Duration::from_secs(30);
/// Time before a process that could not go on is started again.
const RESTART_MS: u64 = 1_000;

/// What a run is.
#[derive(Debug, Clone)]
pub struct RunPlan {
    /// Everything by chance comes from it.
    pub seed: u64,
    /// The provinces, the national platform among them.
    pub provinces: Vec<ProvinceId>,
    /// Replicas of each.
    pub replicas: u64,
    /// Subscribers of each.
    pub people: usize,
    /// Virtual time people live, in seconds.
    pub seconds: u64,
    /// What goes wrong.
    pub faults: FaultRates,
    /// Print what happens as it happens.
    pub echo: bool,
}

/// What became of it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was not as it must be: property and what.
    pub violations: Vec<(String, String)>,
    /// Hash over everything that happened, and how much it was.
    pub trace: (u128, u64),
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// Faults.
    pub struck: Struck,
    /// Messages.
    pub passed: Passed,
    /// Orders that were acknowledged.
    pub orders: usize,
    /// Transfers that were acknowledged.
    pub transfers: usize,
    /// Refusals, by code.
    pub refused: Vec<(String, u64)>,
    /// Requests whose outcome nobody was told.
    pub unknown: u64,
    /// Texts the SMS centre has, and how many came again.
    pub texts: (usize, usize),
    /// The last that happened, when something was wrong.
    pub last: Vec<String>,
}

/// Runs a plan to its end, on a runtime of its own.
///
/// # Panics
/// When the run can not be set up: that says nothing about the product.
#[must_use]
pub fn run(plan: &RunPlan) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without sockets");
    runtime.block_on(play(plan))
}

async fn play(plan: &RunPlan) -> Report {
    let random = SeededRandom::new(plan.seed);
    let country_plan = CountryPlan { provinces: plan.provinces.clone(), replicas: plan.replicas };
    let mut country = Country::new(country_plan.clone(), random.clone(), plan.echo);
    let street = Street::new(
        country.network.clone(),
        country.clock.clone(),
        country.trace.clone(),
        random.named("street"),
        Arc::new(country_plan),
    );
    let mut faults = Faults::new(plan.faults);
    let mut violations = Vec::new();
    if let Err(what) = live(plan, &mut country, &street, &mut faults).await {
        violations.push(what);
    }
    if violations.is_empty() {
        street.look(|told| {
            for (property, check) in oracle::PROPERTIES {
                violations.extend(check(&country, told).into_iter().map(|what| ((*property).to_owned(), what)));
            }
        });
    }
    let last = if violations.is_empty() { Vec::new() } else { country.trace.last() };
    let virtual_ms = u64::try_from(country.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
    street.look(|told| Report {
        violations,
        trace: country.trace.hash(),
        virtual_ms,
        struck: faults.struck,
        passed: country.network.passed(),
        orders: told.orders.len(),
        transfers: told.transfers.len(),
        refused: told.refused.iter().map(|(code, times)| (code.clone(), *times)).collect(),
        unknown: told.unknown,
        texts: country.smsc.received(),
        last,
    })
}

type Violation = (String, String);

fn violated(property: &str, what: impl Into<String>) -> Violation {
    (property.to_owned(), what.into())
}

async fn live(plan: &RunPlan, country: &mut Country, street: &Street, faults: &mut Faults) -> Result<(), Violation> {
    for name in country.names() {
        country.start(&name).await.map_err(|why| violated("start", format!("{name}: {why}")))?;
    }
    wait(country, READY_MAX, "every province has a leader", |country| {
        country.plan.provinces.iter().all(|province| {
            let leader = country.leader(*province);
            leader.and_then(|leader| country.read(&leader, |state| state.plan().epoch > 0)) == Some(true)
        })
    })
    .await?;
    let mut scene = Box::pin(set_out(plan, street));
    let (goods, people) = loop {
        tokio::select! {
            biased;
            scene = &mut scene => break scene,
            () = country.clock.sleep(LOOK) => restart_what_died(country).await?,
        }
    };
    drop(scene);
    country.trace.tell(&format!("{} people, {} products", people.len(), goods.len()));
    let until = country.clock.monotonic() + Duration::from_secs(plan.seconds);
    let (people, goods) = (Arc::new(people), Arc::new(goods));
    let lives: Vec<_> = people
        .iter()
        .map(|person| tokio::spawn(street.clone().live(person.clone(), people.clone(), goods.clone(), until)))
        .collect();
    let broken = |why| violated("start", why);
    while country.clock.monotonic() < until {
        country.clock.sleep(LOOK).await;
        faults.look(country).await.map_err(broken)?;
        restart_what_died(country).await?;
    }
    faults.end_all(country).await.map_err(broken)?;
    for life in lives {
        life.await.map_err(|error| violated("people", error.to_string()))?;
    }
    let quiet_until = country.clock.monotonic() + QUIET_MAX;
    while country.clock.monotonic() < quiet_until {
        restart_what_died(country).await?;
        let quiet = street.look(|told| oracle::quiet::check(country, told).is_empty());
        if quiet && street.look(|told| oracle::replicas::check(country, told).is_empty()) {
            country.trace.tell("it is quiet");
            break;
        }
        country.clock.sleep(LOOK).await;
    }
    Ok(())
}

/// What is on sale and who lives there.
async fn set_out(plan: &RunPlan, street: &Street) -> (Vec<Goods>, Vec<Person>) {
    let (mut goods, mut people) = (Vec::new(), Vec::new());
    let numbers = number_plan();
    for province in &plan.provinces {
        if province.is_national() {
            goods.push(street.set_out(*province, "accepts-national", "national").await);
            goods.push(street.set_out(*province, "refuses-national", "national").await);
            continue;
        }
        goods.push(street.set_out(*province, "accepts-local", "local").await);
        goods.push(street.set_out(*province, "accepts-roaming", "roaming").await);
        goods.push(street.set_out(*province, "slow-roaming", "roaming").await);
        goods.push(street.set_out(*province, "refuses-local", "local").await);
        goods.push(street.set_out(*province, "silent-local", "local").await);
        for msisdn in subscribers_of(&numbers, *province).take(plan.people) {
            people.push(street.move_in(*province, &msisdn.to_string()).await);
        }
    }
    (goods, people)
}

/// A process that must not go on ends, and is started again as its supervisor would.
async fn restart_what_died(country: &mut Country) -> Result<(), Violation> {
    for name in country.names() {
        let Some(why) = country.fatal(&name).await else { continue };
        country.trace.tell(&format!("{name} must not go on: {why}"));
        if why.contains("diverged") || why.contains("broke an invariant") {
            return Err(violated("fatal", format!("{name}: {why}")));
        }
        country.crash(&name, mpss_runtime::memory::Crash::Kept);
        country.clock.sleep(Duration::from_millis(RESTART_MS)).await;
        country.start(&name).await.map_err(|why| violated("start", format!("{name}: {why}")))?;
    }
    Ok(())
}

async fn wait(country: &Country, bound: Duration, what: &str, is: impl Fn(&Country) -> bool) -> Result<(), Violation> {
    let until = country.clock.monotonic() + bound;
    while !is(country) {
        if country.clock.monotonic() > until {
            return Err(violated("ready", format!("not within {bound:?}: {what}")));
        }
        country.clock.sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
