//! Real processes under load while leaders and followers are killed: nothing acknowledged is lost,
//! nothing is done twice, the books balance, clearing cancels out, every order comes to its end.
//!
//! `MPSS_CHAOS_KILLS` sets how often (6 when not set), `MPSS_CHAOS_SEED` repeats the choices.

#![allow(clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use mpss_tests::client::Client;
use mpss_tests::country::{CountryPlan, NATIONAL};
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Errand, Goods, Kind, Trade, purchase};
use mpss_tests::{binary, books, deliveries, number_table, patience};

const PROVINCES: [&str; 3] = ["11", "44", "51"];
const KILLS_USUAL: u64 = 6;
const WORKERS: usize = 12;
const SUBSCRIBERS_PER_PROVINCE: usize = 12;
const FIRST_BALANCE: i64 = 500_000;
/// How often one worker acts, at most: the machine is small and has twelve nodes to run.
const WORKER_PACE: Duration = Duration::from_millis(40);
/// How often a purchase looks for the end of an outage, at most.
const PROBE_PACE: Duration = Duration::from_millis(20);
/// Purchases of one probe under way at most.
const PROBES_AT_ONCE: usize = 64;
/// No outage may last this long. Far above the goal: a busy machine must not fail the build.
const OUTAGE_BOUND: Duration = Duration::from_secs(10);
/// The goal for 99 of 100 outages.
const OUTAGE_GOAL: Duration = Duration::from_secs(2);

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &PROVINCES, 3).setting("door", "subscriber_requests_per_second = 0")
});

/// What is sold and who buys.
struct Market {
    subscribers: BTreeMap<String, Vec<String>>,
    local: BTreeMap<String, String>,
    roaming: BTreeMap<String, String>,
    national: String,
    refused_by_sp: BTreeMap<String, String>,
}

async fn set_up(trade: Trade<'_>, seeded: &mut Seeded) -> Market {
    let mut market = Market {
        subscribers: BTreeMap::new(),
        local: BTreeMap::new(),
        roaming: BTreeMap::new(),
        national: String::new(),
        refused_by_sp: BTreeMap::new(),
    };
    for province in PROVINCES {
        let sp = trade.admit_sp(province, &format!("sp-{province}")).await;
        let refusing = format!("refusing-{province}");
        trade.country.sp_behaves(&refusing, serde_json::json!({"mode": "refuses"})).await;
        let refusing = trade.admit_sp(province, &refusing).await;
        let publish = async |sp: &str, scope: &str, price: i64| {
            trade.publish(province, &Goods::new(sp, &format!("{scope} {price}"), scope, price)).await
        };
        market.local.insert(province.into(), publish(&sp, "local", 123).await);
        market.roaming.insert(province.into(), publish(&sp, "roaming", 256).await);
        market.refused_by_sp.insert(province.into(), publish(&refusing, "local", 77).await);
        let numbers = number_table::subscribers_of(province, SUBSCRIBERS_PER_PROVINCE, seeded);
        for number in &numbers {
            trade.open_with(province, number, FIRST_BALANCE).await;
        }
        market.subscribers.insert(province.into(), numbers);
    }
    let sp = trade.admit_sp(NATIONAL, "sp-00").await;
    market.national = trade.publish(NATIONAL, &Goods::new(&sp, "national", "national", 199)).await;
    market
}

/// One worker: does one thing after the other until told to stop.
async fn work(
    trade: Trade<'_>,
    market: &Market,
    mut seeded: Seeded,
    number: usize,
    stop: &AtomicBool,
    done: &AtomicU64,
) {
    let mut pace = patience::pace(WORKER_PACE);
    for turn in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("w{number}-{turn}");
        let home = *seeded.pick(&PROVINCES);
        let buyer = seeded.pick(&market.subscribers[home]).clone();
        // Outcomes that stay unknown are in the record and are asked for at the end.
        let _ = match seeded.below(20) {
            0..8 => trade.buy(home, &key, &buyer, &market.local[home]).await.map(drop),
            8..11 => {
                let visited = *seeded.pick(&PROVINCES.iter().copied().filter(|p| *p != home).collect::<Vec<_>>());
                let ask = purchase(&key, &buyer, &market.roaming[visited], Some(visited));
                trade.run(visited, Errand { ask, kind: Kind::Purchase { sp_accepts: true } }).await.map(drop)
            }
            11..14 => trade.buy(NATIONAL, &key, &buyer, &market.national).await.map(drop),
            14 => {
                let ask = purchase(&key, &buyer, &market.refused_by_sp[home], None);
                trade.run(home, Errand { ask, kind: Kind::Purchase { sp_accepts: false } }).await.map(drop)
            }
            15..17 => {
                let payee = seeded.pick(&market.subscribers[*seeded.clone().pick(&PROVINCES)]).clone();
                let amount = 1 + i64::try_from(seeded.below(500)).expect("small");
                trade.transfer(home, &key, (&buyer, &payee), amount).await.map(drop)
            }
            17 => match some_order(trade, &mut seeded) {
                Some((serving, order, amount)) => {
                    let part = 1 + i64::try_from(seeded.below(amount.unsigned_abs())).expect("an amount");
                    trade.refund(&serving, &key, &order, part).await.map(drop)
                }
                None => Ok(()),
            },
            18 => match some_order(trade, &mut seeded) {
                Some((serving, order, _)) => trade.reverse(&serving, &key, &order).await.map(drop),
                None => Ok(()),
            },
            _ => {
                // The same request at several nodes at once is one purchase.
                let ask = purchase(&key, &buyer, &market.local[home], None);
                let sent = trade.country.urls(home).into_iter().map(|url| {
                    let (ask, home) = (ask.clone(), home.to_owned());
                    async move {
                        let answer = trade.client.ask(&[url], &ask, Duration::from_secs(5)).await;
                        let errand = Errand { ask, kind: Kind::Purchase { sp_accepts: true } };
                        match answer {
                            Ok(answer) => trade.record.note(&home, &errand.kind, &answer),
                            Err(_) => trade.record.rows().unknown.push((home, errand)),
                        }
                    }
                });
                futures::future::join_all(sent).await;
                Ok(())
            }
        };
        done.fetch_add(1, Ordering::Relaxed);
        pace.tick().await;
    }
}

/// An order somebody bought and that was not given back yet, as far as is known.
fn some_order(trade: Trade<'_>, seeded: &mut Seeded) -> Option<(String, String, i64)> {
    let rows = trade.record.rows();
    let orders: Vec<_> = rows.orders.iter().filter(|(_, order)| order.paid && order.sp_accepts).collect();
    if orders.is_empty() {
        return None;
    }
    let (id, order) = orders[seeded.index(orders.len())];
    Some((order.serving.clone(), id.clone(), order.amount))
}

/// Buys until a purchase that was begun after now is acknowledged; how long that took.
async fn outage(trade: Trade<'_>, market: &Market, province: &str, kill: u64) -> Duration {
    let begun = Instant::now();
    let home = if province == NATIONAL { "44" } else { province };
    let product = if province == NATIONAL { &market.national } else { &market.local[home] };
    let mut probes = FuturesUnordered::new();
    let mut pace = patience::pace(PROBE_PACE);
    for turn in 0_usize.. {
        if probes.len() < PROBES_AT_ONCE {
            let buyer = &market.subscribers[home][turn % SUBSCRIBERS_PER_PROVINCE];
            let key = format!("probe{kill}-{turn}");
            probes.push(async move { trade.buy(province, &key, buyer, product).await });
        }
        tokio::select! {
            biased;
            Some(answer) = probes.next() => {
                let answer = answer.expect("answered in time");
                // A sold-out daily limit is an answer too, but not the one that is measured.
                if answer.is_success() {
                    let took = begun.elapsed();
                    while probes.next().await.is_some() {}
                    return took;
                }
            }
            _ = pace.tick() => {}
        }
        assert!(begun.elapsed() < OUTAGE_BOUND * 3, "{province} never came back");
    }
    unreachable!("the loop has no end")
}

/// Kills `kills` times, leaders and followers of all groups in turn.
async fn kill(trade: Trade<'_>, market: &Market, kills: u64, mut seeded: Seeded, done: &AtomicU64) -> Vec<Duration> {
    const ACTIONS_BETWEEN: u64 = 60;
    let mut outages = Vec::new();
    let groups = ["44", NATIONAL, "11", "51"];
    for kill in 0..kills {
        let province = groups[usize::try_from(kill).expect("small") % groups.len()];
        // Two leaders for one follower: they are what hurts.
        let leader = kill % 3 != 2;
        let node = if leader { trade.country.leader(province).await } else { trade.country.follower(province).await };
        node.process.kill();
        let took = outage(trade, market, province, kill).await;
        eprintln!(
            "kill {kill}: {} {}: next purchase after {took:?}",
            if leader { "leader" } else { "follower" },
            node.process.name()
        );
        if leader {
            outages.push(took);
        }
        if seeded.one_in(2) {
            actions(done, ACTIONS_BETWEEN).await;
        }
        node.process.start();
        trade.country.ready(&node).await;
        actions(done, ACTIONS_BETWEEN).await;
    }
    outages
}

/// Waits until the workers have done some more.
async fn actions(done: &AtomicU64, more: u64) {
    let from = done.load(Ordering::Relaxed);
    patience::until("the workers go on", Duration::from_secs(60), async || {
        let is = done.load(Ordering::Relaxed) - from;
        if is >= more { Ok(()) } else { Err(format!("{is} of {more} actions")) }
    })
    .await;
}

fn print(outages: &mut [Duration]) {
    outages.sort_unstable();
    let at = |share: usize| outages[(outages.len() * share / 100).min(outages.len() - 1)];
    eprintln!(
        "failover seen by callers over {} leader kills: p50 {:?}, p99 {:?}, max {:?} (goal: p99 at most {OUTAGE_GOAL:?})",
        outages.len(),
        at(50),
        at(99),
        at(100)
    );
}

async fn chaos(trade: Trade<'_>) {
    let country = trade.country;
    let kills = std::env::var("MPSS_CHAOS_KILLS").map_or(KILLS_USUAL, |text| text.parse().expect("a number of kills"));
    let mut seeded = Seeded::from_environment("MPSS_CHAOS_SEED");
    let market = set_up(trade, &mut seeded).await;

    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let clients: Vec<Client> = (0..WORKERS).map(|_| country.client().another()).collect();
    let working = clients.iter().enumerate().map(|(number, client)| {
        work(trade.with(client), &market, seeded.fork(&format!("worker {number}")), number, &stop, &done)
    });
    let working = futures::future::join_all(working);
    let killing = async {
        let outages = kill(trade, &market, kills, seeded.fork("kills"), &done).await;
        stop.store(true, Ordering::Relaxed);
        outages
    };
    let begun = Instant::now();
    let (_, mut outages) = tokio::join!(working, killing);
    let (actions, took) = (done.load(Ordering::Relaxed), begun.elapsed());
    eprintln!("{kills} kills, {actions} actions, {} tries in {took:?}", country.client().attempts().count());

    country.all_ready().await;
    let findings = books::check(trade).await;
    eprintln!("{findings:?}");
    let mut wrong = Vec::new();
    for serving in PROVINCES.iter().copied().chain([NATIONAL]) {
        wrong.extend(deliveries::not_handed_out_once(trade, &format!("sp-{serving}"), serving).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(findings.orders > 100, "too little was bought to say anything");
    assert_eq!(findings.replicas, country.nodes().len());
    print(&mut outages);
    assert!(outages.iter().all(|outage| *outage < OUTAGE_BOUND), "{outages:?}");
}

#[test]
fn nothing_acknowledged_is_lost_when_nodes_are_killed() {
    STAGE.play(chaos);
}
