//! The HTTP edge from one seed: the product's own doors and nodes behind simulated TCP, in virtual
//! time, with callers as they should and as they should not be.
//!
//! ```text
//!  callers ─┐  hyper                       serve ─▶ guard ─▶ router ─▶ node      hyper
//!           ├──────── turmoil's TCP ──────▶ one host for each province ────────── turmoil's TCP ──▶ other provinces
//!  rude ────┘  raw        ▲                           ▲                                ▲
//!                         └── cut, held, late, broken ┴── crashed, stopped, stalled ───┘
//! ```
//!
//! The country in virtual time (`run`) brings requests to a node's services itself; here every byte
//! goes through hyper and a connection, so that time-outs, lost connections and bounds are the subject.
//! Each host has a runtime of its own: a crash ends every task there is. One run belongs to one
//! process; the same program and the same seed give the same trace.

pub mod arguments;
pub mod callers;
pub mod clock;
pub mod fate;
pub mod faults;
pub mod http;
pub mod machine;
pub mod oracle;
pub mod outside;
pub mod raw;
pub mod rude;
pub mod scene;
pub mod spawner;
pub mod tcp;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mpss_domain::ProvinceId;
use mpss_routing::{national_plan, subscribers_of};
use parking_lot::Mutex;
use turmoil::Sim;

pub use arguments::{Arguments, command};

use crate::people::Goods;
use crate::world::SeededRandom;
use callers::{Book, Caller, Person};
use clock::ms;
use faults::Faults;
use http::Http;
use machine::{HEADER_DEADLINE, IDLE_MAX, Machine};
use outside::Outsiders;
use rude::Rude;
use scene::Scene;

/// Where well-behaved callers ask from.
const STREETS: [&str; 2] = ["street-1", "street-2"];
/// Where the others do.
const RUDE_HOST: &str = "rude";
/// Where the scene is set from.
const FOUNDER_HOST: &str = "founder";
/// How many are rude at once.
const RUDE_CALLERS: u64 = 6;
/// Subscribers of each province who behave.
const PEOPLE: usize = 5;
/// How often it is looked whether something strikes.
const LOOK: Duration = Duration::from_millis(250);
/// How long everything may take until it is ready, and until it is quiet again.
const READY_MAX: Duration = Duration::from_secs(60);
const QUIET_MAX: Duration = Duration::from_secs(120);
/// How long connections that nobody uses may stay: an idle time, and the looks around it.
const EMPTY_MAX: Duration = Duration::from_secs(IDLE_MAX.as_secs() + 3 * HEADER_DEADLINE.as_secs());
/// A run that is not over then has gone wrong.
const RUN_MAX: Duration = Duration::from_secs(3_600);

/// What a run is.
#[derive(Debug, Clone)]
pub struct EdgePlan {
    /// Everything by chance comes from it.
    pub seed: u64,
    /// Virtual time people live, in seconds.
    pub seconds: u64,
    /// Nothing goes wrong, and nobody is rude.
    pub calm: bool,
    /// Print what happens as it happens.
    pub echo: bool,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct EdgeReport {
    /// What was not as it must be: property and what.
    pub violations: Vec<(String, String)>,
    /// Hash over everything that happened, and how much it was.
    pub trace: (u128, u64),
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// How often what happened.
    pub counts: BTreeMap<&'static str, u64>,
    /// The last that happened, when something was wrong.
    pub last: Vec<String>,
}

/// What the founder leaves to the others.
#[derive(Default)]
struct Founded {
    people: Vec<Person>,
    goods: Vec<Goods>,
    selves: BTreeMap<ProvinceId, (Person, Goods)>,
}

/// Runs a plan to its end.
///
/// # Panics
/// When the run can not be set up: that says nothing about the product.
#[must_use]
pub fn run(plan: &EdgePlan) -> EdgeReport {
    let random = SeededRandom::new(plan.seed);
    let scene = Scene::new(random, plan.echo);
    let mut sim = turmoil::Builder::new()
        .simulation_duration(RUN_MAX)
        .epoch(SystemTime::UNIX_EPOCH)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(10))
        .tcp_capacity(1_024)
        .rng_seed(plan.seed)
        .build();
    let provinces: Vec<_> = [0, 44, 51].into_iter().filter_map(ProvinceId::new).collect();
    let machines: Vec<_> = provinces.iter().map(|province| Machine::new(*province, scene.clone())).collect();
    for machine in &machines {
        let (machine, provinces, scene) = (machine.clone(), provinces.clone(), scene.clone());
        let name = machine.name.clone();
        sim.host(name, move || machine.clone().run(provinces.clone(), Outsiders(scene.clone())));
    }
    if let Err((property, what)) = play(plan, &mut sim, &scene, &machines) {
        scene.violated(&property, what);
    }
    let violations = scene.violations();
    EdgeReport {
        trace: scene.trace(),
        virtual_ms: ms(sim.elapsed()),
        counts: scene.counts(),
        last: if violations.is_empty() { Vec::new() } else { scene.last() },
        violations,
    }
}

type Violation = (String, String);

/// The run itself went on without the product's fault, or did not.
fn stepped(result: turmoil::Result<bool>) -> Result<(), Violation> {
    result.map(|_| ()).map_err(|error| ("start".to_owned(), error.to_string()))
}

fn play(plan: &EdgePlan, sim: &mut Sim<'_>, scene: &Scene, machines: &[Machine]) -> Result<(), Violation> {
    let book = Book::default();
    let founded = found(sim, scene, machines, &book)?;
    let begin = sim.elapsed();
    scene.tell(begin, &format!("{} people, {} products", founded.people.len(), founded.goods.len()));
    scene.begin(begin + Duration::from_secs(plan.seconds));
    let ended = Arc::new(Mutex::new(0));
    let streets: Vec<String> = STREETS.iter().map(|street| (*street).to_owned()).collect();
    for (number, street) in streets.iter().enumerate() {
        populate(sim, scene, &founded, &book, number, street, &ended);
    }
    let mut faults = Faults::new(scene.clone(), machines.to_vec(), &streets);
    let mut hosts = streets.len();
    if !plan.calm {
        hosts += 1;
        annoy(sim, scene, machines, &founded, &book, &ended);
        faults.steady(sim, RUDE_HOST);
    }
    let until = begin + Duration::from_secs(plan.seconds);
    let (mut full, mut next_look, mut fair) = (BTreeSet::new(), begin, plan.calm);
    while *ended.lock() < hosts || !faults.are_over() {
        stepped(sim.step())?;
        oracle::bounds(machines, &mut full, scene);
        faults.end_due(sim);
        if sim.elapsed() >= until && !fair {
            faults.fair(sim);
            fair = true;
        }
        if !fair && sim.elapsed() >= next_look {
            next_look += LOOK;
            faults.look(sim, sim.elapsed() - begin);
        }
    }
    scene.tell(sim.elapsed(), "everybody has gone");
    wait(sim, QUIET_MAX, "quiet", || oracle::open(machines))?;
    scene.tell(sim.elapsed(), "it is quiet");
    wait(sim, EMPTY_MAX, "nothing leaks", || oracle::leaked(machines))?;
    scene.tell(sim.elapsed(), "the doors are empty");
    oracle::judge(machines, &book, scene);
    Ok(())
}

/// Steps until nothing is left to be waited for.
fn wait(sim: &mut Sim<'_>, bound: Duration, property: &str, left: impl Fn() -> Vec<String>) -> Result<(), Violation> {
    let until = sim.elapsed() + bound;
    while sim.elapsed() < until {
        for _ in 0..LOOK.as_millis() {
            stepped(sim.step())?;
        }
        if left().is_empty() {
            return Ok(());
        }
    }
    Err((property.to_owned(), left().join("; ")))
}

/// Waits for all provinces, and sets the scene through their doors.
fn found(sim: &mut Sim<'_>, scene: &Scene, machines: &[Machine], book: &Book) -> Result<Founded, Violation> {
    let founding = || {
        let founds = |machine: &&Machine| machine.read(|state| state.plan().epoch > 0) != Some(true);
        machines.iter().filter(founds).map(|machine| format!("{} has no number plan", machine.name)).collect()
    };
    wait(sim, READY_MAX, "ready", founding)?;
    let founded = Arc::new(Mutex::new(None));
    let (scene, book, done) = (scene.clone(), book.clone(), founded.clone());
    let provinces: Vec<_> = machines.iter().map(|machine| machine.province).collect();
    sim.client(FOUNDER_HOST, async move {
        let random = scene.random.named("founder");
        let caller = Caller { http: Http::new(scene.clone()), scene, random };
        let mut founded = Founded::default();
        let numbers = national_plan();
        for province in provinces {
            if province.is_national() {
                founded.goods.push(caller.set_out(province, "national").await?);
                continue;
            }
            let local = caller.set_out(province, "local").await?;
            founded.goods.extend([local.clone(), caller.set_out(province, "roaming").await?]);
            let mut subscribers = subscribers_of(&numbers, province);
            for msisdn in subscribers.by_ref().take(PEOPLE) {
                founded.people.push(caller.move_in(province, &msisdn.to_string(), &book).await?);
            }
            let own = subscribers.next().ok_or("too few numbers")?;
            founded.selves.insert(province, (caller.move_in(province, &own.to_string(), &book).await?, local));
        }
        *done.lock() = Some(founded);
        Ok(())
    });
    let waiting = || if founded.lock().is_none() { vec!["the scene is not set".to_owned()] } else { Vec::new() };
    wait(sim, READY_MAX, "ready", waiting)?;
    let founded = founded.lock().take();
    founded.ok_or_else(|| ("ready".to_owned(), "the scene is not set".to_owned()))
}

/// Lets people live in a street.
fn populate(
    sim: &mut Sim<'_>,
    scene: &Scene,
    founded: &Founded,
    book: &Book,
    number: usize,
    street: &str,
    ended: &Arc<Mutex<usize>>,
) {
    let everybody = Arc::new(founded.people.clone());
    let goods = Arc::new(founded.goods.clone());
    let (scene, book, ended) = (scene.clone(), book.clone(), ended.clone());
    sim.client(street, async move {
        let http = Http::new(scene.clone());
        let mine = everybody.iter().enumerate().filter(|(at, _)| at % STREETS.len() == number);
        let lives: Vec<_> = mine
            .map(|(_, person)| {
                let random = scene.random.named(&person.msisdn);
                let caller = Caller { http: http.clone(), scene: scene.clone(), random };
                tokio::spawn(caller.live(person.clone(), everybody.clone(), goods.clone(), book.clone()))
            })
            .collect();
        for life in lives {
            life.await?;
        }
        drop(http);
        leave(&ended).await
    });
}

/// Lets some be rude.
fn annoy(
    sim: &mut Sim<'_>,
    scene: &Scene,
    machines: &[Machine],
    founded: &Founded,
    book: &Book,
    ended: &Arc<Mutex<usize>>,
) {
    let machines: Vec<_> = machines.iter().filter(|machine| !machine.province.is_national()).cloned().collect();
    let (scene, selves, book, ended) = (scene.clone(), founded.selves.clone(), book.clone(), ended.clone());
    sim.client(RUDE_HOST, async move {
        let http = Http::new(scene.clone());
        let lives: Vec<_> = (0..RUDE_CALLERS)
            .map(|number| {
                let random = scene.random.named(&format!("rude {number}"));
                let caller = Caller { http: http.clone(), scene: scene.clone(), random };
                let (machines, selves, book) = (machines.clone(), selves.clone(), book.clone());
                tokio::spawn(Rude { caller, machines, selves, book }.live(number))
            })
            .collect();
        for life in lives {
            life.await?;
        }
        drop(http);
        leave(&ended).await
    });
}

/// A host stands still when its software ends, and would never close what it has open.
async fn leave(ended: &Mutex<usize>) -> turmoil::Result {
    tokio::time::sleep(Duration::from_secs(1)).await;
    *ended.lock() += 1;
    Ok(())
}
