//! Every flow, paid from every kind of account, with everything that can happen on the way: the table of
//! outcomes that a carrier has to be shown (product §2, §4 and §5, 6.3.2 to 6.3.5, 6.5).
//!
//! ```text
//!  44 sells and is home      local
//!  44 sells, 51 is home      roaming          three replicas each, an SP, an SMS centre, an ISMP, a bank,
//!  00 sells, 44 is home      national         a UPP and a recharge platform, all of them processes
//!  UPP asks 00, 44 is home   UPP
//!  44 is home                top-up by card
//! ```
//!
//! A cell is one subscriber with one account who buys, or tops up, once; some then have the order reversed or
//! partly refunded. The peers fail for this one's line, card or account alone, so all cells are played at once.
//! Each ends as the specification says, and the peer has taken exactly what that costs: when the cell ends, and
//! once more when all is over, since a late answer revives nothing.

#![allow(clippy::expect_used, reason = "a test")]
#![allow(clippy::print_stdout, reason = "the table is what is to be shown")]

#[path = "rails/case.rs"]
mod case;
#[path = "rails/cell.rs"]
mod cell;
#[path = "rails/gate.rs"]
mod gate;
#[path = "rails/outcome.rs"]
mod outcome;
#[path = "rails/payer.rs"]
mod payer;
#[path = "rails/play.rs"]
mod play;
#[path = "rails/recharge.rs"]
mod recharge;
#[path = "rails/shop.rs"]
mod shop;
#[path = "rails/upp.rs"]
mod upp;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use mpss_tests::client::{Ask, yuan};
use mpss_tests::country::{CountryPlan, NATIONAL, Node};
use mpss_tests::stage::Stage;
use mpss_tests::trade::Trade;
use mpss_tests::{binary, books, patience, rolling};
use tokio::sync::watch;

use cell::{Cell, Ended};
use gate::Gate;
use outcome::{Flow, Outcome};
use shop::Shop;

/// The country has two provinces beside the national platform.
const PROVINCES: [&str; 3] = ["44", "51", NATIONAL];
/// A group of three is raised to the newest rules within this.
const RAISED_BOUND: Duration = Duration::from_secs(60);
/// When everybody answers again, nothing waits in any outbox, and in no books, after this.
const EMPTY_BOUND: Duration = Duration::from_secs(90);
/// A node ends within this when it is asked to.
const STOP_BOUND: Duration = Duration::from_secs(30);
/// Cells looked at once more at the same time.
const LOOKS_AT_ONCE: usize = 16;

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44", "51"], 3).rails().setting("door", "subscriber_requests_per_second = 0")
});

/// Accounts outside came with version 3 of the rules.
async fn rules_are_raised(trade: Trade<'_>) {
    for province in PROVINCES {
        patience::until(&format!("{province} is at version 3"), RAISED_BOUND, async || {
            let group = trade.must(province, &Ask::get("/v1/cluster".into())).await.body;
            let version = group["state_version"].as_u64().unwrap_or(1);
            if version >= 3 { Ok(()) } else { Err(format!("it is at {version}")) }
        })
        .await;
    }
}

/// From now on virtual accounts are opened at the UPP: every node is started again with that setting, one after the
/// other.
async fn virtual_accounts_move_to_the_upp(trade: Trade<'_>) {
    for node in PROVINCES.iter().flat_map(|province| trade.country.nodes_of(province)) {
        trade.country.with_setting(&node, "upp", "virtual_accounts = \"upp\"");
        node.process.terminate();
        node.process.ended(STOP_BOUND).await;
        node.process.start();
        trade.country.ready(&node).await;
    }
}

/// Kills the leaders of all groups; who they were.
async fn kill_leaders(trade: Trade<'_>) -> Vec<Arc<Node>> {
    let leading = futures::future::join_all(PROVINCES.map(|province| trade.country.leader(province))).await;
    for leader in &leading {
        leader.process.kill();
    }
    leading
}

async fn start_again(trade: Trade<'_>, killed: &[Arc<Node>]) {
    for node in killed {
        node.process.start();
    }
    trade.country.all_ready().await;
}

/// The cells in which nobody dies.
async fn play_undisturbed<'c>(trade: Trade<'_>, shop: &Shop, cells: &'c [Cell]) -> Vec<(&'c Cell, Ended)> {
    let played = cells.iter().filter(|cell| !cell.outcome.kills()).map(async |cell| {
        let ended = play::alone(trade, shop, cell).await;
        (cell, ended)
    });
    futures::future::join_all(played).await
}

/// The leaders are killed while purchases are on their way to them: as soon as one of the first half was taken, when
/// the second half sets out.
async fn play_killed_at_once<'c>(trade: Trade<'_>, shop: &Shop, cells: &'c [Cell]) -> Vec<(&'c Cell, Ended)> {
    let cells: Vec<_> = cells.iter().filter(|cell| cell.outcome == Outcome::KilledAtOnce).collect();
    let (first, second) = cells.split_at(cells.len() / 2);
    let (dying, half) = (watch::Sender::new(false), first.len());
    let played = first.iter().chain(second).enumerate().map(async |(place, cell)| {
        if place >= half {
            dying.subscribe().wait_for(|dying| *dying).await.expect("it is said");
        }
        (*cell, play::alone(trade, shop, cell).await)
    });
    let killing = async {
        rolling::bought(trade, 1).await;
        dying.send_replace(true);
        kill_leaders(trade).await
    };
    let (ended, killed) = tokio::join!(futures::future::join_all(played), killing);
    start_again(trade, &killed).await;
    ended
}

/// The leaders are killed while every cell stands at its step; the others elect leaders, who finish. Those
/// killed come back afterwards.
async fn play_killed_at_steps<'c>(trade: Trade<'_>, shop: &Shop, cells: &'c [Cell]) -> Vec<(&'c Cell, Ended)> {
    let at_steps: Vec<_> =
        cells.iter().filter(|cell| cell.outcome.kills() && cell.outcome != Outcome::KilledAtOnce).collect();
    let gate = Gate::new(&at_steps);
    let played = at_steps.iter().map(async |cell| (*cell, play::at_step(trade, shop, cell, &gate).await));
    let killing = async {
        gate.all_stand().await;
        let killed = kill_leaders(trade).await;
        shop.waiting_sps_accept(trade).await;
        killed
    };
    let (ended, killed) = tokio::join!(futures::future::join_all(played), killing);
    for (province, old) in PROVINCES.iter().zip(&killed) {
        let leader = trade.country.leader(province).await;
        assert_ne!(leader.number, old.number, "{province} is led by one that was killed");
    }
    start_again(trade, &killed).await;
    ended
}

/// Nothing is open any more: no outbox has a row, on any replica.
async fn outboxes_are_empty(trade: Trade<'_>) {
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client without TLS");
    for node in trade.country.nodes() {
        patience::until(&format!("nothing waits at {}", node.name()), EMPTY_BOUND, async || {
            let answer = http.get(format!("{}/metrics", node.url())).send().await.map_err(|error| error.to_string())?;
            let text = answer.text().await.map_err(|error| error.to_string())?;
            let rows: Vec<_> = text.lines().filter(|line| line.starts_with("mpss_outbox_rows{")).collect();
            let waiting: Vec<_> = rows.iter().filter(|line| !line.ends_with(" 0")).collect();
            if !rows.is_empty() && waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:?}")) }
        })
        .await;
    }
}

/// What the books of the provinces say about the peers, against what the peers have taken.
async fn rails_differ(trade: Trade<'_>, played: &[(&Cell, Ended)]) -> Result<(), String> {
    let mut wrong = Vec::new();
    for province in PROVINCES {
        let (balance, _) = books::replicas_agree(trade, province).await;
        let mut expected: BTreeMap<String, i64> = BTreeMap::new();
        for (cell, ended) in played.iter().filter(|(cell, _)| cell.flow != Flow::Recharge) {
            let (cost, is_home) = (ended.cost(cell), cell.flow.home() == province);
            if let Some(rail) = cell.account.rail().filter(|_| is_home) {
                let suspense = cell.case().suspense;
                // Ours to get: in the books a debit.
                *expected.entry(format!("rail_clearing:{rail}")).or_default() -= cost + suspense;
                *expected.entry("suspense".into()).or_default() += suspense;
            }
            if cell.flow == Flow::Upp && is_home {
                *expected.entry("due_to:upp".into()).or_default() += cost;
            }
        }
        // By the accounts that were topped up, since two of two provinces may have tried one card.
        let recharged = trade.record.recharged_in(province);
        *expected.entry("rail_clearing:recharge".into()).or_default() -= recharged;
        let names = balance["accounts"].as_array().into_iter().flatten().filter_map(|line| line["name"].as_str());
        let about_peers = |name: &&str| name.starts_with("rail_") || matches!(*name, "suspense" | "due_to:upp");
        let outside = names.filter(about_peers).map(str::to_owned);
        for name in outside.chain(expected.keys().cloned()).collect::<std::collections::BTreeSet<_>>() {
            let is = books::credit_of(&balance, |other| other == name);
            let must = expected.get(&name).copied().unwrap_or(0);
            if is != i128::from(must) {
                wrong.push(format!("{province}: {name} is {is} fen and the peers say {}", yuan(must)));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn print(played: &[(&Cell, Ended)]) {
    println!("flow | account | outcome | ends as | took");
    for (cell, ended) in played {
        let (mark, told) = match &ended.result {
            Ok(status) => ("✓", status.clone()),
            Err(why) => ("✗", why.clone()),
        };
        println!("{mark} {cell} | {told} | {:.1} s", ended.took.as_secs_f64());
    }
    let right = played.iter().filter(|(_, ended)| ended.result.is_ok()).count();
    println!("{right} of {} cells as they must be", played.len());
    println!("— of a virtual account kept here nothing outside is asked; its home's silence is in unreachable.rs");
}

#[test]
fn every_cell_ends_as_the_specification_says() {
    STAGE.play(async |trade| {
        patience::no_midnight_within(Duration::from_secs(420)).await;
        let begun = Instant::now();
        rules_are_raised(trade).await;
        let shop = Shop::open(trade).await;
        let cells = Cell::all(trade, async || virtual_accounts_move_to_the_upp(trade).await).await;
        println!("{} cells are set after {:?}", cells.len(), begun.elapsed());

        let mut played = play_undisturbed(trade, &shop, &cells).await;
        println!("the undisturbed have ended after {:?}", begun.elapsed());
        played.extend(play_killed_at_once(trade, &shop, &cells).await);
        println!("purchases that were under way have ended after {:?}", begun.elapsed());
        played.extend(play_killed_at_steps(trade, &shop, &cells).await);
        println!("those at their steps have ended after {:?}", begun.elapsed());

        shop.all_sps_accept(trade).await;
        outboxes_are_empty(trade).await;
        let looks = played.iter_mut().map(async |(cell, ended)| play::look_again(trade, cell, ended).await);
        futures::stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE).collect::<Vec<_>>().await;
        played.sort_by_key(|(cell, _)| (cell.flow, cell.outcome, cell.account));
        print(&played);
        let cells_wrong = played.iter().filter(|(_, ended)| ended.result.is_err()).count();
        assert_eq!(cells_wrong, 0, "cells that are not as they must be");
        assert_eq!(played.len(), cells.len());

        for (cell, ended) in &played {
            cell.note(trade, ended).await;
        }
        println!("{:?}", books::check(trade).await);
        patience::until("books and peers agree", EMPTY_BOUND, async || rails_differ(trade, &played).await).await;
        for (peer, asked) in trade.country.outside().most_asked(trade.client).await {
            assert!((1..=3).contains(&asked), "{peer}: no call is asked about more than three times: {asked}");
        }
        assert_eq!(
            trade.country.outside().upp_refused(trade.client).await,
            0,
            "the UPP was told one thing, then another"
        );
        println!("books, clearing and rails agree after {:?}", begun.elapsed());
    });
}
