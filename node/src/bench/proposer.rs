//! The measuring endpoint inside a node: loads accounts and makes purchases in the node's own
//! process, so that the log is measured without a door in front of it. Only `mpss bench` opens it,
//! and only on loopback.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use hdrhistogram::Histogram;
use mpss_cluster::ProposeError;
use mpss_domain::account::{Language, Tier};
use mpss_domain::{
    AccountKind, AccountSelector, Channel, Command, Money, Msisdn, Outcome, PasswordVerdict, ProductId, Reply, Request,
    Verb,
};
use mpss_routing::{Subscribers, subscribers_of};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::latency::{Latency, new_histogram};
use crate::command_line::Failure;
use crate::node::Context;
use crate::password::PaymentPassword;

/// Everybody's payment password in the bench.
pub(super) const PASSWORD: &str = "482913";
/// Pause before a command is proposed again.
const PAUSE: Duration = Duration::from_millis(2);
/// Tries of one command.
const TRIES_MAX: u32 = 2_000;

/// Opens the endpoint and returns its address.
///
/// # Errors
/// When `address` is not loopback or can not be listened on.
pub(crate) fn listen(address: SocketAddr, context: Context) -> Result<SocketAddr, Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::usage(format!("--bench-proposer {address}: only a loopback address will do")));
    }
    let failed = |error: std::io::Error| Failure::start(format!("--bench-proposer {address}: {error}"));
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let router = Router::new()
        .route("/bench/load", post(load))
        .route("/bench/purchases", post(purchases))
        .route("/bench/snapshot", post(snapshot))
        .route("/bench/state", get(state))
        .with_state(context);
    // Ends with the process: the sender is forgotten, so the word to stop never comes.
    let (sender, shutdown) = tokio::sync::watch::channel(false);
    std::mem::forget(sender);
    tokio::spawn(crate::simulator::serve(listener, router, shutdown));
    Ok(address)
}

/// Accounts to be opened and filled.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Load {
    /// How many.
    pub(super) accounts: u64,
    /// What each gets, in fen.
    pub(super) balance: i64,
    /// Commands under way.
    pub(super) in_flight: usize,
}

/// Purchases to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Purchases {
    /// What is bought, taking turns.
    pub(super) products: Vec<String>,
    /// Accounts that buy, taking turns.
    pub(super) accounts: u64,
    /// Commands under way.
    pub(super) in_flight: usize,
    /// Not counted at the beginning, in ms.
    pub(super) warm_up_ms: u64,
    /// Counted, in ms.
    pub(super) run_ms: u64,
    /// Ends after so many purchases, however long that takes; 0 ends after `run_ms`.
    pub(super) count: u64,
    /// Makes request ids of different runs different.
    pub(super) run: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Done {
    /// Acknowledged, warm-up included.
    pub(super) acknowledged: u64,
    /// Acknowledged in the time that counts.
    pub(super) counted: u64,
    /// That time, in ms.
    pub(super) counted_ms: u64,
    /// Of what was counted.
    pub(super) latency: Latency,
    /// Everything else that was answered, by name.
    pub(super) errors: BTreeMap<String, u64>,
}

/// How large the state is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Rows {
    pub(super) accounts: u64,
    pub(super) orders: u64,
    pub(super) payments: u64,
    pub(super) effects: u64,
    pub(super) index: u64,
}

/// What the tasks of one run share.
struct Run {
    context: Context,
    next: AtomicU64,
    acknowledged: AtomicU64,
    latency: Mutex<Histogram<u64>>,
    errors: Mutex<BTreeMap<String, u64>>,
}

impl Run {
    fn new(context: Context) -> Arc<Self> {
        Arc::new(Self {
            context,
            next: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            latency: Mutex::new(new_histogram()),
            errors: Mutex::default(),
        })
    }

    fn error(&self, name: &str) {
        *self.errors.lock().entry(name.to_owned()).or_default() += 1;
    }

    /// Proposes until there is an answer; the request id makes that one purchase.
    async fn propose(&self, command: &Command) -> Option<Reply> {
        for _ in 0..TRIES_MAX {
            let error = match self.context.replica.propose(command.clone()).await {
                Ok(reply) => return Some(reply),
                Err(error) => error,
            };
            self.error(match error {
                ProposeError::Busy { .. } => "busy",
                ProposeError::Unavailable => "unavailable",
                ProposeError::TooLarge { .. } => "too_large",
                ProposeError::Unknown => "unknown",
                ProposeError::Stopped => "stopped",
            });
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    fn done(&self, counted: u64, counted_ms: u64) -> Done {
        Done {
            acknowledged: self.acknowledged.load(Ordering::Relaxed),
            counted,
            counted_ms,
            latency: Latency::of(&self.latency.lock()),
            errors: self.errors.lock().clone(),
        }
    }
}

async fn load(State(context): State<Context>, Json(load): Json<Load>) -> Json<Done> {
    let begun = Instant::now();
    let run = Run::new(context);
    let numbers = Arc::new(numbers_of(&run.context));
    let mut tasks = JoinSet::new();
    for _ in 0..load.in_flight {
        let (run, numbers) = (run.clone(), numbers.clone());
        tasks.spawn(async move {
            loop {
                let turn = run.next.fetch_add(1, Ordering::Relaxed);
                if turn >= load.accounts {
                    return;
                }
                let Some(msisdn) = numbers.at(turn) else { continue };
                open(&run, msisdn, turn, load.balance).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Json(run.done(run.acknowledged.load(Ordering::Relaxed), took))
}

async fn open(run: &Run, msisdn: Msisdn, turn: u64, balance: i64) {
    let password = PaymentPassword::parse(PASSWORD).expect("six digits");
    let verifier = run.context.judge.verifier(msisdn, &password, &*run.context.seams.random);
    let command = Command {
        request: Some(request(LOAD_RUN, turn)),
        verb: Verb::OpenAccount {
            msisdn,
            kind: AccountKind::StoredValue,
            tier: Tier::Basic,
            language: Language::Chinese,
            verifier,
            verdict: PasswordVerdict { verifier_version: 0, matches: false },
            per_payment_limit: None,
            daily_limit: None,
        },
    };
    let account = match run.propose(&command).await.map(|reply| reply.outcome) {
        Some(Outcome::Account(view)) => view.account.id,
        Some(Outcome::Refused(refusal)) => return run.error(refusal.code()),
        _ => return run.error("no_answer"),
    };
    let verb = Verb::TopUpCash { account, amount: Money::fen(balance), agent: "bench".into() };
    match run.propose(&Command { request: Some(request(TOP_UP_RUN, turn)), verb }).await.map(|reply| reply.outcome) {
        Some(Outcome::ToppedUp { .. }) => {
            run.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        Some(Outcome::Refused(refusal)) => run.error(refusal.code()),
        _ => run.error("no_answer"),
    }
}

/// Runs that are no purchases; those count from 0.
const LOAD_RUN: u64 = u64::MAX;
const TOP_UP_RUN: u64 = u64::MAX - 1;

fn request(run: u64, turn: u64) -> Request {
    Request { key: (u128::from(run) << 64) | u128::from(turn), content: turn }
}

async fn purchases(State(context): State<Context>, Json(ask): Json<Purchases>) -> Json<Done> {
    let run = Run::new(context);
    let products: Vec<ProductId> = ask.products.iter().filter_map(|id| id.parse().ok()).collect();
    if products.is_empty() || ask.accounts == 0 {
        run.error("nothing_to_buy");
        return Json(run.done(0, 0));
    }
    let epoch = run.context.replica.read(|state| state.plan().epoch);
    let shared = Arc::new((numbers_of(&run.context), products, ask.clone()));
    let begun = Instant::now();
    let counts_from = begun + Duration::from_millis(ask.warm_up_ms);
    let ends = counts_from + Duration::from_millis(ask.run_ms);
    let counted = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..ask.in_flight {
        let (run, shared, counted) = (run.clone(), shared.clone(), counted.clone());
        tasks.spawn(async move {
            let (numbers, products, ask) = &*shared;
            loop {
                let turn = run.next.fetch_add(1, Ordering::Relaxed);
                let over = if ask.count > 0 { turn >= ask.count } else { Instant::now() >= ends };
                if over {
                    return;
                }
                let Some(msisdn) = numbers.at(scattered(turn) % ask.accounts) else { continue };
                let product = products[usize::try_from(turn).unwrap_or_default() % products.len()];
                let command = purchase(&run.context, msisdn, product, epoch, request(ask.run, turn));
                let sent = Instant::now();
                match run.propose(&command).await.map(|reply| reply.outcome) {
                    Some(Outcome::Order(_)) => {
                        let answered = Instant::now();
                        run.acknowledged.fetch_add(1, Ordering::Relaxed);
                        if sent >= counts_from && (answered <= ends || ask.count > 0) {
                            counted.fetch_add(1, Ordering::Relaxed);
                            run.latency.lock().saturating_record(micros(answered - sent));
                        }
                    }
                    Some(Outcome::Refused(refusal)) => run.error(refusal.code()),
                    _ => run.error("no_answer"),
                }
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    let took = if ask.count > 0 { millis(begun.elapsed()) } else { ask.run_ms };
    Json(run.done(counted.load(Ordering::Relaxed), took))
}

fn purchase(context: &Context, msisdn: Msisdn, product: ProductId, epoch: u64, request: Request) -> Command {
    Command {
        request: Some(request),
        verb: Verb::PlaceOrder {
            msisdn,
            home: context.province,
            epoch,
            location: context.province,
            product,
            quantity: 1,
            account: AccountSelector::Kind(AccountKind::StoredValue),
            channel: Channel::App,
            // Every account of the bench has its first password.
            verdict: Some(PasswordVerdict { verifier_version: 1, matches: true }),
        },
    }
}

async fn snapshot(State(context): State<Context>) -> Json<serde_json::Value> {
    let begun = Instant::now();
    let taken = context.replica.snapshot_now().await;
    let error = taken.err().map(|error| error.to_string());
    Json(serde_json::json!({ "took_ms": millis(begun.elapsed()), "error": error }))
}

async fn state(State(context): State<Context>) -> Json<Rows> {
    Json(context.replica.read(|state| {
        let rows = state.row_counts();
        Rows {
            accounts: rows.accounts as u64,
            orders: rows.orders as u64,
            payments: rows.payments as u64,
            effects: rows.effects as u64,
            index: state.index(),
        }
    }))
}

fn numbers_of(context: &Context) -> Subscribers {
    let plan = context.replica.read(|state| state.plan().clone());
    subscribers_of(&plan, context.province)
}

/// Spreads neighbours far apart, always in the same way, so that no account is hot.
pub(super) const fn scattered(turn: u64) -> u64 {
    turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
