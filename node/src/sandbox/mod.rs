//! `mpss sandbox`: a province of three real nodes for an SP to try its software against, with everything that goes wrong
//! once a year going wrong at will.
//!
//! ```text
//!  SP ─signed─▶ front ─────────────────────▶ any node         front    what the SP asks, and its faults
//!  SP ◀─signed─ teller ◀─ the nodes' outbox                   teller   what it is told, truly or not
//!  subscribers ◀─ SMS centre ◀─ the nodes' outbox             subscribers   who answers what, by number
//!              ─words─▶ any node                              seen     what went past
//! ```
//!
//! The nodes are those that operators deploy; whatever is played is played between them and the SP.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::command_line::stop_signal::StopSignal;
use crate::command_line::{Failure, Printer, SandboxArguments, client_runtime, ready_file};
use crate::demo::Caller;
use crate::demo::nation::Nation;
use crate::demo::place::{Folder, Map};
use crate::simulator::manner::Temper;
use crate::simulator::sms::SmsSimulator;
use crate::telemetry::{LogTarget, start_logs};

mod cast;
mod front;
mod seen;
mod settings;
mod subscribers;
mod teller;

use cast::Cast;
use seen::Seen;
pub(crate) use seen::{Direction, Exchange};
use settings::Secrets;
use subscribers::Subscribers;
use teller::Teller;

/// Where nodes log, below the folder.
const LOG_FILE: &str = "mpss.log";

/// What stands between the SP and the nodes. Cheap to clone.
#[derive(Clone)]
struct Sandbox {
    /// What becomes of what the SP asks.
    asking: Arc<Temper>,
    /// What becomes of what the SP is told.
    telling: Arc<Temper>,
    seen: Seen,
    front: Arc<front::Nodes>,
    teller: Arc<Teller>,
    subscribers: Subscribers,
    cast: Arc<Mutex<Value>>,
    /// Has the leading replica killed and started again.
    crash: mpsc::UnboundedSender<()>,
}

/// Carries out `mpss sandbox`.
pub(crate) fn run(arguments: &SandboxArguments, printer: &mut Printer) -> Result<(), Failure> {
    let mut folder = Folder::open(None, "sandbox")?;
    let log = folder.path().join(LOG_FILE);
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&log);
    let file = file.map_err(|error| Failure::start(format!("{}: {error}", log.display())))?;
    start_logs(&arguments.log, "text", LogTarget::File(file))
        .map_err(|error| Failure::usage(error.replace("telemetry.log", "--log")))?;
    let runtime = client_runtime()?;
    let ended = runtime.block_on(serve(arguments, folder.path(), printer));
    runtime.shutdown_background();
    ended.map_err(|failure| {
        let kept = folder.keep();
        Failure { what: format!("{}\nlogs are kept in {}", failure.what, kept.display()), ..failure }
    })
}

async fn serve(arguments: &SandboxArguments, folder: &Path, printer: &mut Printer) -> Result<(), Failure> {
    let mut stop = StopSignal::listen()?;
    let failed = |error: std::io::Error| Failure::start(format!("--listen {}: {error}", arguments.listen));
    let listener = std::net::TcpListener::bind(arguments.listen).map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    let secrets = Secrets::draw();
    let map = Map::alone(folder, cast::home())?;
    let sms = SmsSimulator::new()
        .bringing_words_to(&map.urls(cast::home()), secrets.words_key())
        .map_err(|error| Failure::start(error.to_string()))?;
    let lines = secrets.lines();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut nation = tokio::select! {
        biased;
        nation = Nation::start(folder, map, &sms, &lines, |_| {}) => nation?,
        signal = stop.wait() => return Err(Failure::start(format!("{signal} before it was ready"))),
    };
    let caller = Caller::new("sandbox")?;
    let nodes = nation.map().urls(cast::home());
    let notice_url =
        arguments.notice_url.clone().unwrap_or_else(|| format!("{}/sps/sandbox/notices", nation.map().sp_url()));
    let cast = cast::play_in(&caller, &nodes, &url).await?;
    let signers = settings::signers(nation.map(), folder)?;
    let (crash, mut crashes) = mpsc::unbounded_channel();
    let seen = Seen::new();
    let sandbox = Sandbox {
        asking: Arc::new(Temper::new(arguments.seed)),
        telling: Arc::new(Temper::new(arguments.seed)),
        front: Arc::new(front::Nodes::new(&nodes)?),
        teller: Arc::new(Teller::new(&notice_url, signers, seen.clone())?),
        subscribers: Subscribers::of(&cast),
        cast: Arc::new(Mutex::new(cast.shown(&url, &notice_url))),
        seen,
        crash,
    };
    tokio::spawn(sandbox.subscribers.clone().answer(sms));
    let (end, ended) = watch::channel(false);
    tokio::spawn(crate::simulator::serve(listener, sandbox.router(), ended));
    introduce(&cast, &url, &notice_url, nation.map(), printer);
    if let Some(path) = &arguments.ready_file {
        ready_file::write(path, &sandbox.cast.lock())?;
    }
    let ended = loop {
        tokio::select! {
            biased;
            why = nation.wait_fatal() => break Err(Failure::stopped(why)),
            _ = stop.wait() => break Ok(()),
            Some(()) = crashes.recv() => {
                let leader = nation.leader(&caller, cast::home()).await?;
                nation.kill(&leader);
                nation.restart(&caller, &leader).await?;
            }
        }
    };
    printer.line("\nstopping");
    let _ = end.send(true);
    nation.stop();
    ended
}

impl Sandbox {
    fn router(&self) -> Router {
        Router::new()
            .route("/sandbox", get(show))
            .route("/sandbox/sp", put(set_sp))
            .route("/sandbox/seen", get(seen::list))
            .route("/sandbox/notices", post(teller::tell_again))
            .route(cast::NOTICES_PATH, post(teller::take))
            .route("/sandbox/subscribers/{msisdn}", put(subscribers::behave))
            .fallback(front::pass)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(self.clone())
            .merge(self.asking.router("/sandbox/asking"))
            .merge(self.telling.router("/sandbox/telling"))
    }
}

async fn show(State(sandbox): State<Sandbox>) -> Json<Value> {
    let mut shown = sandbox.cast.lock().clone();
    shown["asking"] = json!(sandbox.asking.manner());
    shown["telling"] = json!(sandbox.telling.manner());
    shown["last_seen"] = json!(sandbox.seen.last());
    Json(shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sp {
    notice_url: String,
}

/// Where the SP is told things from now on.
async fn set_sp(State(sandbox): State<Sandbox>, Json(sp): Json<Sp>) -> Json<Value> {
    sandbox.teller.tell_at(&sp.notice_url);
    let mut cast = sandbox.cast.lock();
    cast["notice_url"] = json!(sp.notice_url);
    Json(cast.clone())
}

fn introduce(cast: &Cast, url: &str, notice_url: &str, map: &Map, printer: &mut Printer) {
    printer.heading("沙箱 Sandbox: a province of three replicas, for one SP");
    for (name, value) in [
        ("the platform, for the SP", url),
        ("the SP is told at", notice_url),
        ("the SP's id", &cast.sp),
        ("keyid (hmac-sha256)", &cast.key_id),
        ("secret, hex", &cast.secret),
        ("its product, 1.00 yuan", &cast.product),
        ("simulated SP", &map.sp_url()),
    ] {
        printer.line(format!("  {name:<26} {value}"));
    }
    for (answer, numbers) in &cast.subscribers {
        printer.line(format!("  {:<26} {}", format!("subscriber: {answer}"), numbers.join("  ")));
    }
    printer.line(format!("  {:<26} {}", "their payment password", cast::PASSWORD));
    printer.heading("Try it");
    printer.line(format!("  curl {url}/sandbox"));
    printer.line(format!("  curl {url}/sandbox/seen"));
    for (what, body) in [("asking", "{\"next\": [\"answer_lost\"]}"), ("telling", "{\"dead\": true}")] {
        let json = "-H 'content-type: application/json'";
        printer.line(format!("  curl -X PUT {url}/sandbox/{what} {json} -d '{body}'"));
    }
    printer.line(format!("  mpss sp-conformance --sandbox {url}"));
    printer.line("\nnothing is kept; Ctrl-C ends it");
}
