//! `mpss demo`: a nation in one process, and the scripted day that shows what it does.
//!
//! ```text
//!  place   ports, folders, settings files        stage   one line for each step, compared with what must be
//!  nation  nodes on threads of their own         day     the scenes, in their order
//!  caller  the public interface, like any client books   the books of all provinces, and the proof
//! ```
//!
//! Everything the day does goes through the public HTTP interface. A node is killed by dropping its
//! runtime, so nothing of it gets a chance to clean up.

use std::fs::OpenOptions;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mpss_domain::ProvinceId;

use crate::command_line::stop_signal::StopSignal;
use crate::command_line::{Breakage, DemoArguments, Failure, Paint, Printer, client_runtime, ready_file};
use crate::simulator::sms::SmsSimulator;
use crate::telemetry::{LogTarget, start_logs};

mod books;
mod caller;
mod cast;
mod day;
pub(crate) mod nation;
mod node_threads;
pub(crate) mod place;
mod stage;

pub(crate) use caller::{Answer, Caller, fen, yuan};
use nation::{Nation, Progress};
pub(crate) use node_threads::told;
use place::{Folder, Map};
use stage::Stage;

/// Where nodes log, below the data folder.
const LOG_FILE: &str = "mpss.log";
/// Settings of the demo's nodes that differ from the defaults: segments stay small, so that twelve
/// nodes do not pre-write gigabytes.
const SETTINGS: [&str; 1] = ["replication.segment_bytes = 8388608"];

/// Carries out `mpss demo`.
pub(crate) fn run(arguments: &DemoArguments, printer: &mut Printer) -> Result<(), Failure> {
    if let Some(Breakage::Books) = arguments.breakage {
        break_books()?;
    }
    let mut folder = Folder::open(arguments.data_dir.as_deref(), "demo")?;
    let log = folder.path().join(LOG_FILE);
    let file = OpenOptions::new().create(true).append(true).open(&log);
    let file = file.map_err(|error| Failure::start(format!("{}: {error}", log.display())))?;
    start_logs(&arguments.log, "text", LogTarget::File(file))
        .map_err(|error| Failure::usage(error.replace("telemetry.log", "--log")))?;
    let runtime = client_runtime()?;
    let ended = runtime.block_on(demo(arguments, folder.path(), printer));
    runtime.shutdown_background();
    if let Err(failure) = &ended {
        // What the nodes logged is what explains it.
        let kept = folder.keep();
        return Err(Failure {
            what: format!("{}\nlogs and data are kept in {}", failure.what, kept.display()),
            ..failure.clone()
        });
    }
    ended
}

/// The nodes of this process book one side of clearing only.
#[cfg(feature = "mutants")]
fn break_books() -> Result<(), Failure> {
    mpss_domain::mutant::plant_everywhere(mpss_domain::mutant::Mutant::ClearingOneSide);
    Ok(())
}

#[cfg(not(feature = "mutants"))]
fn break_books() -> Result<(), Failure> {
    Err(Failure::usage("--break books: this build can not; build it with --features mutants"))
}

async fn demo(arguments: &DemoArguments, folder: &std::path::Path, printer: &mut Printer) -> Result<(), Failure> {
    let mut stop = StopSignal::listen()?;
    let begun = Instant::now();
    let map = Map::open(folder, &nation::provinces())?.with_outside(folder)?;
    let mut nation = tokio::select! {
        biased;
        nation = start(folder, map, printer) => nation?,
        signal = stop.wait() => return Err(Failure::start(format!("{signal} before it was ready"))),
    };
    if !arguments.once {
        // The scripted day has SPs of its own, and nobody who looks at pages.
        nation.admit_portal_sp(&SETTINGS).await?;
    }
    introduce(&nation, printer, begun.elapsed());
    if let Some(path) = &arguments.ready_file {
        ready_file::write(path, &nation.urls())?;
    }
    if arguments.once {
        return play(nation, printer).await;
    }
    invite(&nation, printer);
    let ended = tokio::select! {
        biased;
        why = nation.wait_fatal() => Err(Failure::stopped(why)),
        _ = stop.wait() => Ok(()),
    };
    printer.line("\nstopping");
    nation.stop();
    ended
}

async fn start(folder: &std::path::Path, map: Map, printer: &Printer) -> Result<Nation, Failure> {
    let target = if printer.is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let nodes = map.places.len() as u64;
    // Whose numbers are at home elsewhere is told where to text; in the day it is Guangdong that is asked.
    let sms = SmsSimulator::new()
        .bringing_words_to(&map.urls(guangdong()), hex::decode(map.words_key()).expect("hex digits"))
        .map_err(|error| Failure::start(error.to_string()))?;
    let bar = ProgressBar::with_draw_target(Some(2 * nodes), target);
    let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} {msg}").expect("a template that is right");
    bar.set_style(style);
    let started = Nation::start(folder, map, &sms, &SETTINGS, |progress| {
        bar.inc(1);
        bar.set_message(match progress {
            Progress::Started(place) => format!("{} started", place.name()),
            Progress::Ready(place) => format!("{} ready", place.name()),
        });
    })
    .await;
    bar.finish_and_clear();
    started
}

fn guangdong() -> ProvinceId {
    ProvinceId::new(44).expect("a province of the demo")
}

fn introduce(nation: &Nation, printer: &mut Printer, took: Duration) {
    printer.heading(format!(
        "MPSS: the national platform and {} provinces, three replicas each, ready in {} ms",
        nation::PROVINCES.len() - 1,
        took.as_millis()
    ));
    for province in nation::provinces() {
        let urls = nation.map().urls(province).join("  ");
        printer.line(format!("  {} {province}  {urls}", crate::command_line::pad(province.name_zh(), 8)));
    }
    for province in nation::provinces() {
        let urls = nation.map().portals(province).join("  ");
        printer.line(format!("  {} {province}  {urls}", crate::command_line::pad("门户", 8)));
    }
    for (name, password, province) in nation.map().people() {
        let place = province.map_or_else(String::new, |code| format!(" ({code:02})"));
        printer.line(format!("  {} {name}{place}  {password}", crate::command_line::pad("门户用户", 8)));
    }
    let simulators: Vec<_> = nation.simulators().iter().map(|(name, url)| format!("{name} {url}")).collect();
    printer.line(format!("  {}  {}", crate::command_line::pad("模拟器", 11), simulators.join("  ")));
}

fn invite(nation: &Nation, printer: &mut Printer) {
    let guangdong = guangdong();
    let Some(door) = nation.map().urls(guangdong).into_iter().next() else { return };
    let plan = mpss_routing::national_plan();
    let number = mpss_routing::subscribers_of(&plan, guangdong).at(1_000);
    let number = number.map_or_else(|| "18900000000".to_owned(), |number| number.to_string());
    let sms = nation.map().sms_url();
    printer.heading("Try it");
    printer.line(format!("  curl {door}/v1/number-plan/{number}"));
    printer.line(format!(
        "  curl {door}/v1/accounts -H 'idempotency-key: first' -H 'content-type: application/json' \\\n    \
         -d '{{\"msisdn\": \"{number}\", \"kind\": \"virtual\", \"payment_password\": \"{}\"}}'",
        cast::PASSWORD
    ));
    printer.line(format!("  curl {sms}/simulator/sms/{number}"));
    printer.line(format!(
        "  curl {sms}/simulator/sms/{number}/words -H 'content-type: application/json' -d '{{\"text\": \"YE\"}}'"
    ));
    printer.line(format!("  curl {door}/v1/cluster"));
    printer.line(format!("  curl {door}/openapi.json"));
    let urls: Vec<_> = nation.map().places.iter().map(|place| format!("--url {}", place.url())).collect();
    printer.line(format!("  mpss status {}", urls.join(" ")));
    printer.line(format!("\ndata and logs in {}; Ctrl-C ends it", nation.folder().display()));
}

async fn play(nation: Nation, printer: &mut Printer) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut stage = Stage::new(nation, printer)?;
    let fatal = stage.nation.wait_fatal();
    let played = tokio::select! {
        biased;
        why = fatal => Err(Failure::check(why)),
        played = day::play(&mut stage) => played,
    };
    let mut wrong = stage.wrong().to_vec();
    wrong.extend(played.err().map(|failure| failure.what));
    wrong.extend(books::prove(&mut stage).await?);
    wrong.dedup();
    let steps = stage.steps();
    let printer = stage.printer();
    printer.line("");
    let verdict = if wrong.is_empty() {
        let seconds = begun.elapsed().as_secs();
        let good = format!("{steps} steps in {seconds} s, all as they must be; the books balance");
        printer.line(printer.paint(Paint::Good, &good));
        Ok(())
    } else {
        let list = wrong.iter().map(|what| format!("\n  {what}")).collect::<String>();
        Err(Failure::check(format!("{} of what was checked is not as it must be:{list}", wrong.len())))
    };
    stage.into_nation().stop();
    verdict
}
