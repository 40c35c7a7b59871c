//! Nodes that end and come back: all at once by SIGKILL, one after the other by SIGTERM, one with a
//! damaged disk, one replaced for good.

#![allow(clippy::expect_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mpss_tests::client::Ask;
use mpss_tests::country::{CountryPlan, Node};
use mpss_tests::rolling::{self, Shop, bought, open_shop};
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Kind, Trade, purchase};
use mpss_tests::{binary, books, patience};
use serde_json::json;

/// How long a node may take to end after SIGTERM.
const STOP_BOUND: Duration = Duration::from_secs(20);
/// How often each buyer buys, at most.
const PACE: Duration = Duration::from_millis(10);
/// What a damaged or otherwise unusable folder ends with, as `mpss --help` says.
const COULD_NOT_START: i32 = 3;

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44", "51"], 3)
        .replicas("51", 1)
        .replicas("00", 1)
        .setting("door", "subscriber_requests_per_second = 0")
});

/// A product's title that stands in the log as it is written here.
fn title(name: &str) -> String {
    format!("title-of-{name}")
}

/// Buys until told to stop, each buyer on its own, retrying as long as it takes.
async fn buy_on(trade: Trade<'_>, shop: &Shop, name: &str, stop: &AtomicBool) {
    let buying = shop.buyers.iter().map(|buyer| async move {
        let mut pace = patience::pace(PACE);
        for turn in 0_u64.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            // An unknown outcome is in the record and asked for at the end.
            let _ = trade.buy("44", &format!("{name}-{buyer}-{turn}"), buyer, &shop.product).await;
            pace.tick().await;
        }
    });
    futures::future::join_all(buying).await;
}

#[test]
fn a_province_that_loses_power_keeps_everything_acknowledged() {
    STAGE.play(async |trade| {
        let country = trade.country;
        let shop = open_shop(trade, "power", &title("power")).await;
        let stop = AtomicBool::new(false);
        let outage = async {
            for _ in 0..2 {
                bought(trade, 100).await;
                let nodes = country.nodes_of("44");
                for node in &nodes {
                    node.process.kill();
                }
                for node in &nodes {
                    node.process.start();
                }
                country.all_ready().await;
            }
            bought(trade, 50).await;
            stop.store(true, Ordering::Relaxed);
        };
        tokio::join!(buy_on(trade, &shop, "power", &stop), outage);
        let findings = books::check(trade).await;
        eprintln!("{findings:?}");
    });
}

#[test]
fn a_rolling_restart_fails_no_request() {
    STAGE.play(async |trade| {
        let country = trade.country;
        let shop = open_shop(trade, "rolling", &title("rolling")).await;
        let stop = AtomicBool::new(false);
        let rolling = async {
            for node in country.nodes_of("44") {
                bought(trade, 40).await;
                let begun = Instant::now();
                node.process.terminate();
                let status = node.process.ended(STOP_BOUND).await;
                assert_eq!(status.code(), Some(0), "{} ends cleanly\n{}", node.process.name(), node.process.log_tail());
                let ended = begun.elapsed();
                node.process.start();
                country.ready(&node).await;
                eprintln!("{}: ended after {ended:?}, ready again after {:?}", node.process.name(), begun.elapsed());
            }
            bought(trade, 40).await;
            stop.store(true, Ordering::Relaxed);
        };
        let (failed, ()) = tokio::join!(rolling::buy_with_one_retry(trade, &shop, "rolling", &stop), rolling);
        assert!(failed.is_empty(), "{} failed although they were tried twice:\n{}", failed.len(), failed.join("\n"));
        books::check(trade).await;
    });
}

#[test]
fn a_leader_that_stood_still_tells_nothing_old_when_it_goes_on() {
    STAGE.play(async |trade| {
        let country = trade.country;
        let shop = open_shop(trade, "frozen", &title("frozen")).await;
        let buyer = &shop.buyers[0];
        let account = trade.record.rows().wallets[buyer].account_id.clone();
        for round in 0..3 {
            let frozen = country.leader("44").await;
            let before = trade.balance("44", &account).await;
            frozen.process.freeze();
            let question = Ask::get(format!("/v1/accounts/{account}"));
            let url = frozen.url();
            let others: Vec<_> = country.urls("44").into_iter().filter(|other| *other != url).collect();
            for turn in 0..5 {
                let ask = purchase(&format!("frozen-{round}-{turn}"), buyer, &shop.product, None);
                let answer = country.client().ask(&others, &ask, Duration::from_secs(60)).await.expect("answered");
                assert!(answer.is_success(), "{}", answer.body);
                trade.record.note("44", &Kind::Purchase { sp_accepts: true }, &answer);
            }
            frozen.process.thaw();
            // The very first thing it is asked afterwards. It may say that it does not know now; it
            // must not say what is no longer true.
            match country.client().once(&url, &question).await {
                Ok(answer) if answer.is_success() => {
                    assert_eq!(answer.fen("balance"), before - 500, "round {round}: an old balance");
                }
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.body),
                Err(_) => {}
            }
            country.all_ready().await;
        }
        books::check(trade).await;
    });
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Turns one bit of the log record that holds `text`; the file's name and the place.
fn damage(data_dir: &Path, text: &str) -> (String, usize) {
    let mut found = Vec::new();
    files(data_dir, &mut found);
    for path in found.iter().filter(|path| path.components().any(|part| part.as_os_str() == "log")) {
        let mut bytes = std::fs::read(path).expect("a readable file");
        if let Some(place) = bytes.windows(text.len()).position(|piece| piece == text.as_bytes()) {
            bytes[place] ^= 0x10;
            std::fs::write(path, bytes).expect("a writable file");
            return (path.file_name().expect("a name").to_string_lossy().into_owned(), place);
        }
    }
    panic!("{text:?} is in none of {found:?}");
}

async fn stop(node: &Node) {
    node.process.terminate();
    assert_eq!(node.process.ended(STOP_BOUND).await.code(), Some(0), "{}", node.process.log_tail());
}

#[test]
fn a_damaged_log_is_named_and_never_used_and_its_replica_is_replaced() {
    STAGE.play(async |trade| {
        let country = trade.country;
        let shop = open_shop(trade, "damage", &title("damage")).await;
        trade.buy("44", "before", &shop.buyers[0], &shop.product).await.expect("answered");

        let broken = country.follower("44").await;
        stop(&broken).await;
        let (file, place) = damage(&broken.data_dir, &title("damage"));
        broken.process.start();
        let status = broken.process.ended(STOP_BOUND).await;
        let log = broken.process.log();
        assert_eq!(status.code(), Some(COULD_NOT_START), "{}", broken.process.log_tail());
        let line =
            log.lines().rev().find(|line| line.contains(&file)).unwrap_or_else(|| panic!("{file} is not named\n{log}"));
        let named: Vec<usize> = line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        // The record begins somewhat before its text.
        assert!(named.iter().any(|offset| *offset <= place && place - offset < 4_096), "{place} is not in {line:?}");

        replace(trade, &broken).await;
        trade.buy("44", "after", &shop.buyers[0], &shop.product).await.expect("answered");
        books::check(trade).await;
    });
}

/// Takes a replica out for good and puts another in its place, under a number of its own.
async fn replace(trade: Trade<'_>, gone: &Arc<Node>) {
    let country = trade.country;
    let number = country.nodes_of("44").iter().map(|node| node.number).max().expect("nodes") + 1;
    country.forget(gone);
    let newcomer = country.start_newcomer("44", number).await;
    let learner = json!({
        "change": "add_learner", "node": number,
        "raft_address": newcomer.raft.to_string(), "http_url": newcomer.url(),
    });
    trade.must("44", &Ask::post("/v1/cluster/members", format!("learner-{number}"), learner)).await;
    let voters: Vec<_> = country.nodes_of("44").iter().map(|node| node.number).collect();
    let change = json!({ "change": "change_voters", "voters": voters });
    trade.must("44", &Ask::post("/v1/cluster/members", format!("voters-{number}"), change)).await;
    country.ready(&newcomer).await;
    // It holds everything the others hold and can carry the province with one of them.
    let (_, replicas) = books::replicas_agree(trade, "44").await;
    assert_eq!(replicas, 3);
}
