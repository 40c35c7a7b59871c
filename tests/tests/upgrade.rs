//! A province is upgraded to a newer state version while it is bought at: the new program is put on one
//! node after the other, and the rules change when the last one has it.
//!
//! `MPSS_BIN_BEFORE` names a program from before; without it the nodes begin with this one, held at the
//! first version.

#![allow(clippy::expect_used, reason = "a test")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mpss_tests::client::Ask;
use mpss_tests::country::{CountryPlan, Node};
use mpss_tests::rolling::{self, bought, open_shop};
use mpss_tests::stage::Stage;
use mpss_tests::trade::Trade;
use mpss_tests::{binary, books, patience};
use serde_json::Value;

/// How long a node may take to end after SIGTERM.
const STOP_BOUND: Duration = Duration::from_secs(20);
/// How long a group may take to agree on a version.
const RAISED_BOUND: Duration = Duration::from_secs(60);
/// What this program raises a group to.
const NEWEST: u64 = mpss_domain::StateVersion::NEWEST.0 as u64;
const HELD: &str = "state_version_max = 1";
/// What a folder that can not be used ends with, as `mpss --help` says, and a replica that must not go on.
const COULD_NOT_GO_ON: [i32; 2] = [3, 4];

fn program_before() -> Option<PathBuf> {
    std::env::var_os("MPSS_BIN_BEFORE").map(PathBuf::from)
}

static STAGE: Stage = Stage::new(|| {
    let plan = CountryPlan::new(binary::mpss(), &["44"], 3)
        .replicas("00", 1)
        .setting("door", "subscriber_requests_per_second = 0")
        .setting("replication", "heartbeat_ms = 100");
    match program_before() {
        Some(program) => plan.first_program(program),
        None => plan.setting("replication", HELD),
    }
});

/// What a node itself tells of the group.
async fn group_at(trade: Trade<'_>, node: &Node) -> Result<Value, String> {
    let ask = Ask::get("/v1/cluster".into()).header("mpss-to-leader", "1");
    let answer = trade.country.client().once(&node.url(), &ask).await?;
    if answer.is_success() { Ok(answer.body) } else { Err(format!("{} {}", answer.status, answer.body)) }
}

/// The version in force at a node; a program from before there were versions does not say, and is at the
/// first.
async fn version_at(trade: Trade<'_>, node: &Node) -> Result<u64, String> {
    Ok(group_at(trade, node).await?["state_version"].as_u64().unwrap_or(1))
}

async fn stop(node: &Node) {
    node.process.terminate();
    let status = node.process.ended(STOP_BOUND).await;
    assert_eq!(status.code(), Some(0), "{} ends cleanly\n{}", node.process.name(), node.process.log_tail());
}

#[test]
fn a_rolling_upgrade_changes_the_rules_and_fails_no_request() {
    STAGE.play(async |trade| {
        let country = trade.country;
        let shop = open_shop(trade, "upgrade", "title-of-upgrade").await;
        let stop_buying = AtomicBool::new(false);
        let upgrade = async {
            let nodes = country.nodes_of("44");
            for node in &nodes {
                bought(trade, 40).await;
                for other in &nodes {
                    let version = version_at(trade, other).await.expect("it runs");
                    assert_eq!(version, 1, "{} before the last is upgraded", other.process.name());
                }
                stop(node).await;
                match program_before() {
                    Some(_) => node.process.install(None),
                    None => country.without_setting(node, HELD),
                }
                node.process.start();
                country.ready(node).await;
            }
            for node in &nodes {
                patience::until(&format!("{} is at version {NEWEST}", node.process.name()), RAISED_BOUND, async || {
                    let version = version_at(trade, node).await?;
                    if version == NEWEST { Ok(()) } else { Err(format!("it is at {version}")) }
                })
                .await;
            }
            bought(trade, 40).await;
            stop_buying.store(true, Ordering::Relaxed);
        };
        let (failed, ()) = tokio::join!(rolling::buy_with_one_retry(trade, &shop, "upgrade", &stop_buying), upgrade);
        assert!(failed.is_empty(), "{} failed although they were tried twice:\n{}", failed.len(), failed.join("\n"));
        let findings = books::check(trade).await;
        eprintln!("{findings:?}");

        // Everyone can look at it.
        let leader = country.leader("44").await;
        let group = group_at(trade, &leader).await.expect("it leads");
        for replica in group["replicas"].as_array().expect("a list") {
            let executes = (replica["oldest_state_version"].as_u64(), replica["newest_state_version"].as_u64());
            assert_eq!(executes, (Some(1), Some(NEWEST)), "{group}");
        }

        // There is no way back: the node says why, and the others go on without it.
        let back = country.follower("44").await;
        stop(&back).await;
        match program_before() {
            Some(program) => back.process.install(Some(&program)),
            None => country.with_setting(&back, "replication", HELD),
        }
        back.process.start();
        let status = back.process.ended(STOP_BOUND).await;
        let log = back.process.log();
        assert!(
            status.code().is_some_and(|code| COULD_NOT_GO_ON.contains(&code)),
            "{status}\n{}",
            back.process.log_tail()
        );
        if program_before().is_none() {
            let why = format!("this replica executes state versions 1 to 1; the log asks for {NEWEST} at entry");
            assert!(log.contains(&why), "{}", back.process.log_tail());
        }
        trade.buy("44", "after", &shop.buyers[0], &shop.product).await.expect("answered");
        match program_before() {
            Some(_) => back.process.install(None),
            None => country.without_setting(&back, HELD),
        }
        back.process.start();
        country.ready(&back).await;
        books::check(trade).await;
    });
}
