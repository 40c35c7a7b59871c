//! One run, from the first process to the last check.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::FutureExt;
use indicatif::{ProgressBar, ProgressStyle};

use super::disk::SmallDisk;
use super::failover::Failover;
use super::fault::{Blow, Fault, Hand};
use super::history::{Event, History, around};
use super::network::Network;
use super::report::{ChaosReport, Checked, FORMAT, Met};
use super::schedule::Schedule;
use super::street::{self, Market, Person, sp_of};
use super::striker::{Scars, Striker};
use super::watch::Watch;
use super::{positions, sync_errors};
use crate::processes::client::Ask;
use crate::processes::country::{Country, CountryPlan};
use crate::processes::seeded::Seeded;
use crate::processes::trade::{Record, Trade};
use crate::processes::{books, deliveries, patience};
use crate::record::{Line, Violation};

/// Callers.
const PEOPLE: usize = 14;
/// A node's disk, when it has one of its own: this and so much for each second of the run. More than a
/// snapshot leaves alone.
const DISK_BYTES: u64 = 160 << 20;
const DISK_BYTES_PER_SECOND: u64 = 256 << 10;
/// Small, so that a node soon needs room for another.
const SEGMENT_BYTES: u64 = 128 << 10;
/// Small, so that snapshots are taken and the log is let go while faults strike.
const SNAPSHOT_LOG_BYTES: u64 = 1 << 20;
/// How many times as long as asked for faults strike at most, until each was seen to hit.
const LONGER_MAX: u32 = 3;
/// How long every node may take to serve again when no fault strikes any more.
const REST_BOUND: Duration = Duration::from_secs(60);
/// How often the line of progress is drawn.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// What is run.
#[derive(Debug, Clone)]
pub struct ChaosPlan {
    /// The program.
    pub mpss: PathBuf,
    /// The seed of every choice.
    pub seed: u64,
    /// How long faults strike; longer, within a bound, until each was seen to hit.
    pub seconds: u64,
    /// Provinces, without the national platform.
    pub provinces: Vec<String>,
    /// Replicas of each.
    pub replicas: u64,
    /// What strikes.
    pub faults: Vec<Fault>,
    /// Where everything is kept; nowhere when not given.
    pub data_dir: Option<PathBuf>,
    /// The command that strikes in the same way again.
    pub command: String,
}

impl ChaosPlan {
    /// The ways in which its faults strike.
    #[must_use]
    pub fn blows(&self) -> Vec<Blow> {
        let wanted =
            |blow: &Blow| self.faults.contains(&blow.fault()) && (self.replicas > 1 || !blow.needs_followers());
        Blow::ALL.into_iter().filter(wanted).collect()
    }

    fn country(&self) -> CountryPlan {
        let provinces: Vec<&str> = self.provinces.iter().map(String::as_str).collect();
        let plan = CountryPlan::new(&self.mpss, &provinces, self.replicas)
            .setting("door", "subscriber_requests_per_second = 0")
            .setting("replication", &format!("segment_bytes = {SEGMENT_BYTES}"))
            .setting("replication", &format!("snapshot_log_bytes = {SNAPSHOT_LOG_BYTES}"))
            .setting("replication", "snapshot_interval_ms = 20000")
            .setting("replication", "digest_interval_entries = 100");
        match &self.data_dir {
            Some(folder) => plan.folder(folder),
            None => plan,
        }
    }
}

/// Runs a plan. Prints a line of progress to a terminal, nothing else.
///
/// # Errors
/// When the run went wrong: that is no pass.
pub fn run(plan: &ChaosPlan) -> Result<ChaosReport, String> {
    if SystemTime::now() == SystemTime::UNIX_EPOCH {
        return Err("the clocks of this program stand still; chaos needs real ones".to_owned());
    }
    if plan.faults.contains(&Fault::SyncError) {
        sync_errors::check()?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no threads: {error}"))?;
    // What must hold of the run itself (a node that starts, an SP that is admitted) panics when it does not.
    let played = runtime.block_on(AssertUnwindSafe(Box::pin(play(plan))).catch_unwind());
    // Connections that are held would be waited for.
    runtime.shutdown_background();
    played.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        Err(format!("the run went wrong: {}", what.unwrap_or("panic")))
    })
}

async fn play(plan: &ChaosPlan) -> Result<ChaosReport, String> {
    let began = Instant::now();
    let bar = ProgressBar::new(plan.seconds)
        .with_style(ProgressStyle::with_template("{elapsed:>4} {bar:20} {msg}").expect("a template known to be good"));
    bar.set_message("nodes start");
    let country = Country::placed(plan.country());
    let disks = disks(plan, &country)?;
    let network = Arc::new(Network::between(country.nodes(), plan.seed));
    country.found(&|caller, callee| network.seen(caller, callee)).await;

    bar.set_message("accounts are opened");
    let (record, seeded) = (Record::default(), Seeded::new(plan.seed));
    let trade = Trade::new(&country, &record);
    let market = Market::open(trade, &plan.provinces, &mut seeded.fork("market")).await;

    let began_at_ms = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |age| u64::try_from(age.as_millis()).unwrap_or(0));
    let (history, watch, scars) = (History::default(), Watch::default(), Mutex::new(Scars::default()));
    let contradictions = Mutex::new(Vec::new());
    let impatient = street::caller();
    let chaos = Chaos { plan, market: &market, network: &network, disks: &disks, history: &history, watch: &watch };
    let struck = chaos.strike(trade.with(&impatient), &scars, &contradictions, &bar).await;
    let struck_ms = ms(history.now());
    let events = history.events();
    let mut violations = watch.found();
    let findings = match struck {
        Ok(()) => {
            bar.set_message("everything comes to rest");
            look_at_books(trade, &events, ms(history.now()), &mut violations).await
        }
        // A node that does not come back is the product's, not the run's; what it holds can not be asked for.
        Err(why) => {
            violations.push(violation("a node serves again when its fault ends", "docs/OPERATING.md", why, struck_ms));
            books::Findings::default()
        }
    };
    let (looked_at, wrong) = positions::check(&events);
    violations.extend(wrong);
    violations.append(&mut contradictions.into_inner().unwrap_or_else(PoisonError::into_inner));
    bar.finish_and_clear();

    let Scars { struck, spans, waits, no_room, io_errors, not_started, .. } =
        scars.into_inner().unwrap_or_else(PoisonError::into_inner);
    let requests = history.endings();
    let mut report = ChaosReport {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        mpss: plan.mpss.display().to_string(),
        seed: plan.seed,
        command: plan.command.clone(),
        began_at_ms,
        struck_ms,
        nodes: country.nodes().len() as u64,
        blows: ChaosReport::blows_of(&plan.blows(), &struck),
        met: Met { no_room, not_started, io_errors, ..Met::default() }.with(network.passed()),
        tries: (impatient.attempts().count() + country.client().attempts().count()) as u64,
        failover: Failover::of(&waits),
        checked: checked(findings, looked_at, &requests),
        requests,
        faults: spans,
        violations,
        ..ChaosReport::default()
    };
    report.judge();
    report.real_ms = ms(began.elapsed());
    Ok(report)
}

/// What the provinces and the SPs hold, beside what was acknowledged.
async fn look_at_books(
    trade: Trade<'_>,
    events: &[Event],
    at_ms: u64,
    violations: &mut Vec<Violation>,
) -> books::Findings {
    let (findings, differences) = books::compare(trade).await;
    let are_final = differences.is_empty();
    violations.extend(differences.into_iter().map(|what| difference(what, events, at_ms)));
    // Of an order that is not final nobody can say how often it must have been handed out.
    let provinces = if are_final { trade.country.provinces() } else { Vec::new() };
    for serving in provinces {
        let wrong = deliveries::not_handed_out_once(trade, &sp_of(&serving), &serving).await;
        let once = |what| violation("goods are handed out once", "product §5", what, at_ms);
        violations.extend(wrong.into_iter().map(once));
    }
    findings
}

/// A disk of its own for every node, when disks are to be filled.
fn disks(plan: &ChaosPlan, country: &Country) -> Result<BTreeMap<String, SmallDisk>, String> {
    let mut disks = BTreeMap::new();
    if plan.faults.contains(&Fault::DiskFull) {
        let bytes = DISK_BYTES + DISK_BYTES_PER_SECOND * plan.seconds;
        for node in country.nodes() {
            disks.insert(node.name().to_owned(), SmallDisk::mount(&node.data_dir, bytes)?);
        }
    }
    Ok(disks)
}

/// What a run is made of while faults strike.
struct Chaos<'a> {
    plan: &'a ChaosPlan,
    market: &'a Market,
    network: &'a Network,
    disks: &'a BTreeMap<String, SmallDisk>,
    history: &'a History,
    watch: &'a Watch,
}

impl Chaos<'_> {
    /// Lets callers live and both hands strike for as long as the plan says, then heals everything.
    async fn strike(
        &self,
        trade: Trade<'_>,
        scars: &Mutex<Scars>,
        contradictions: &Mutex<Vec<Violation>>,
        bar: &ProgressBar,
    ) -> Result<(), String> {
        let Self { plan, market, network, disks, history, watch } = *self;
        let (stop_striking, stop_living, stop_watching) =
            (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        let seeded = Seeded::new(plan.seed);
        let clients: Vec<_> = (0..PEOPLE).map(|_| trade.client.another()).collect();
        let people = clients.iter().enumerate().map(|(number, client)| {
            let seeded = seeded.fork(&format!("person {number}"));
            Person::new(trade.with(client), market, history, contradictions, number, seeded).live(&stop_living)
        });
        let striker = Striker { trade, market, network, disks, watch, history, scars, stop: &stop_striking };
        let blows = plan.blows();
        let schedule = |hand| Schedule::new(plan.seed, hand, &blows, &plan.provinces, plan.replicas);
        let striking = async {
            let (machines, net) = tokio::join!(
                striker.strike("machines", schedule(Hand::Machines)),
                striker.strike("network", schedule(Hand::Network)),
            );
            network.clear();
            stop_living.store(true, Ordering::Relaxed);
            machines.and(net)
        };
        let timing = async {
            let (begun, asked_for) = (Instant::now(), Duration::from_secs(plan.seconds));
            let is_over = || {
                let last = begun.elapsed() >= asked_for * LONGER_MAX;
                last || stop_living.load(Ordering::Relaxed) || (begun.elapsed() >= asked_for && all_hit(&blows, scars))
            };
            while !is_over() {
                tokio::time::sleep(PROGRESS_INTERVAL).await;
                bar.set_position(begun.elapsed().as_secs());
                bar.set_message(message(scars, history));
            }
            stop_striking.store(true, Ordering::Relaxed);
        };
        let living = async {
            let (_, result, ()) = tokio::join!(futures::future::join_all(people), striking, timing);
            // Watched to the end: what ends by itself now is a finding as well.
            let rested = match result {
                Ok(()) => all_serve(trade).await,
                Err(why) => Err(why),
            };
            stop_watching.store(true, Ordering::Relaxed);
            rested
        };
        let (result, ()) = tokio::join!(living, watch.keep(trade.country, history, &stop_watching));
        result
    }
}

async fn all_serve(trade: Trade<'_>) -> Result<(), String> {
    for node in trade.country.nodes() {
        patience::asked(&format!("{} serves again", node.name()), REST_BOUND, async || {
            let answer = trade.client.once(&node.url(), &Ask::get("/readyz".into())).await?;
            if answer.status == 200 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
        })
        .await?;
    }
    Ok(())
}

fn all_hit(blows: &[Blow], scars: &Mutex<Scars>) -> bool {
    let scars = scars.lock().unwrap_or_else(PoisonError::into_inner);
    blows.iter().all(|blow| scars.struck.get(blow).is_some_and(|struck| struck.hit > 0))
}

fn message(scars: &Mutex<Scars>, history: &History) -> String {
    let scars = scars.lock().unwrap_or_else(PoisonError::into_inner);
    let dealt: u64 = scars.struck.values().map(|struck| struck.dealt).sum();
    let now: Vec<&str> = scars.now.values().map(String::as_str).collect();
    let now = if now.is_empty() { "nothing now".to_owned() } else { now.join(" + ") };
    format!("{} requests, {dealt} blows: {now}", history.count())
}

fn checked(findings: books::Findings, positions: u64, requests: &BTreeMap<String, super::history::Endings>) -> Checked {
    let books::Findings { resolved, orders, by_status, transfers, wallets, replicas, in_wallets } = findings;
    let repeated =
        requests.get("the same again").map_or(0, |endings| endings.done + endings.refused.values().sum::<u64>());
    Checked {
        orders: orders as u64,
        by_status: by_status.into_iter().map(|(status, count)| (status, count as u64)).collect(),
        transfers: transfers as u64,
        resolved: resolved as u64,
        wallets: wallets as u64,
        in_wallets,
        replicas: replicas as u64,
        positions,
        repeated,
    }
}

/// A difference of the books: its first line says what, the others are its history.
fn difference(what: String, events: &[Event], at_ms: u64) -> Violation {
    let mut lines = what.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let mut history: Vec<Line> = lines.map(|what| Line { at_ms, what: what.trim().to_owned() }).collect();
    if history.is_empty() {
        history = around(events, Duration::ZERO, Duration::MAX);
    }
    let mut found =
        violation("what was acknowledged and the books agree", "docs/ARCHITECTURE.md, invariants", first, at_ms);
    found.around = history;
    found
}

fn violation(property: &str, clause: &str, what: String, at_ms: u64) -> Violation {
    Violation { property: property.into(), clause: clause.into(), what, at_ms, around: Vec::new() }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
