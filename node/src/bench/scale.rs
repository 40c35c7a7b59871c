//! What many accounts and many open orders cost: memory of a replica freshly started from its
//! snapshot, and how long that start takes.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use super::latency::figure;
use super::processes::Province;
use super::proposer::{Done, Load, Purchases, Rows, millis};
use super::{ask_leader, read, rows, shop};
use crate::command_line::{Align, Failure, Printer, Table};

/// One open order for so many accounts.
const ACCOUNTS_PER_ORDER: u64 = 10;
/// What each account gets, in fen.
const BALANCE: i64 = 10_000;
/// Commands under way while loading.
const IN_FLIGHT: usize = 1_024;
/// How long the texts of all openings may take to be sent.
const REST_MAX: Duration = Duration::from_secs(1_800);
/// How long a replica may take to have what its leader has.
const CATCH_UP_MAX: Duration = Duration::from_secs(600);
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// What was measured.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Scale {
    accounts: u64,
    open_orders: u64,
    empty_resident_bytes: u64,
    with_accounts_resident_bytes: u64,
    with_orders_resident_bytes: u64,
    bytes_per_account: u64,
    bytes_per_open_order: u64,
    /// From the start of the process until it took requests.
    empty_start_ms: u64,
    with_accounts_start_ms: u64,
    with_orders_start_ms: u64,
    snapshot_ms: u64,
}

/// Measures in a province of its own.
pub(super) async fn measure(folder: &Path, accounts: u64, printer: &mut Printer) -> Result<Scale, Failure> {
    printer.heading(format!("{} accounts", figure(accounts)));
    let mut province = Province::start(folder).await?;
    let follower = follower(&province).await?;
    let mut scale = Scale { accounts, ..Scale::default() };
    let (_, resident, start) = fresh_start(&mut province, follower).await?;
    (scale.empty_resident_bytes, scale.empty_start_ms) = (resident, start);

    let begun = Instant::now();
    let load = Load { accounts, balance: BALANCE, in_flight: IN_FLIGHT };
    let done: Done = ask_leader(&province, "/bench/load", &load).await?;
    if done.acknowledged != accounts {
        return Err(Failure::check(format!(
            "{} of {accounts} accounts were opened: {:?}",
            done.acknowledged, done.errors
        )));
    }
    printer.line(format!("  opened and filled in {} s", begun.elapsed().as_secs()));
    texts_sent(&province).await?;
    printer.line(format!("  all texts sent after {} s", begun.elapsed().as_secs()));
    let (snapshot, resident, start) = fresh_start(&mut province, follower).await?;
    (scale.snapshot_ms, scale.with_accounts_resident_bytes, scale.with_accounts_start_ms) = (snapshot, resident, start);

    let orders = accounts / ACCOUNTS_PER_ORDER;
    let shop = shop::open(&province, 1).await?;
    let silent = json!({ "mode": "silent" });
    province.caller.put(&province.map.sp_url(), "/simulator/sps/bench-1-0", &silent).await?;
    let ask = Purchases {
        products: shop.ids(),
        accounts,
        in_flight: IN_FLIGHT,
        warm_up_ms: 0,
        run_ms: 0,
        count: orders,
        run: 2,
    };
    let done: Done = ask_leader(&province, "/bench/purchases", &ask).await?;
    scale.open_orders = done.acknowledged;
    notices_only(&province, orders).await?;
    let (_, resident, start) = fresh_start(&mut province, follower).await?;
    (scale.with_orders_resident_bytes, scale.with_orders_start_ms) = (resident, start);

    let grown = |after: u64, before: u64, count: u64| after.saturating_sub(before) / count.max(1);
    scale.bytes_per_account = grown(scale.with_accounts_resident_bytes, scale.empty_resident_bytes, accounts);
    scale.bytes_per_open_order =
        grown(scale.with_orders_resident_bytes, scale.with_accounts_resident_bytes, scale.open_orders);
    print(&scale, printer);
    Ok(scale)
}

fn print(scale: &Scale, printer: &mut Printer) {
    let columns = ["resident MiB", "per row bytes", "start-up ms"].map(|name| (name, Align::Right));
    let mut table = Table::new(&[[("a replica fresh from its snapshot", Align::Left)].as_slice(), &columns].concat());
    let mut row = |name: String, resident: u64, each: u64, start: u64| {
        let each = if each == 0 { "·".to_owned() } else { figure(each) };
        table.row([name, figure(resident >> 20), each, figure(start)]);
    };
    row("empty".into(), scale.empty_resident_bytes, 0, scale.empty_start_ms);
    let name = format!("{} accounts", figure(scale.accounts));
    row(name, scale.with_accounts_resident_bytes, scale.bytes_per_account, scale.with_accounts_start_ms);
    let name = format!("and {} open orders", figure(scale.open_orders));
    row(name, scale.with_orders_resident_bytes, scale.bytes_per_open_order, scale.with_orders_start_ms);
    printer.table(&table);
    printer.line(format!("  taking the snapshot of all accounts: {} ms", figure(scale.snapshot_ms)));
}

async fn follower(province: &Province) -> Result<u64, Failure> {
    let leader = province.leader().await?.place.number;
    let number = province.nodes.iter().map(|node| node.place.number).find(|number| *number != leader);
    number.ok_or_else(|| Failure::check("a province has more than one replica"))
}

/// Has `number` take a snapshot, restarts it, and returns how long the snapshot took (ms), its
/// memory (bytes) and how long its start took (ms).
async fn fresh_start(province: &mut Province, number: u64) -> Result<(u64, u64, u64), Failure> {
    let target = rows(province).await?.index;
    caught_up(province, number, target).await?;
    let node = province.nodes.iter().find(|node| node.place.number == number).expect("one of its nodes");
    let url = std::slice::from_ref(&node.bench_url);
    let taken = province.caller.post(url, "/bench/snapshot", &json!({})).await?;
    if !taken.is_done() || taken.body["error"].is_string() {
        return Err(Failure::check(format!("no snapshot: {}", taken.told())));
    }
    let snapshot = taken.body["took_ms"].as_u64().unwrap_or_default();
    let started = millis(province.restart(number).await?.started_in);
    caught_up(province, number, target).await?;
    let node = province.nodes.iter().find(|node| node.place.number == number).expect("one of its nodes");
    Ok((snapshot, node.process.usage().resident_bytes, started))
}

async fn caught_up(province: &Province, number: u64, target: u64) -> Result<(), Failure> {
    let node = province.nodes.iter().find(|node| node.place.number == number).expect("one of its nodes");
    let give_up = Instant::now() + CATCH_UP_MAX;
    loop {
        let answer = province.caller.get(std::slice::from_ref(&node.bench_url), "/bench/state").await?;
        let rows: Rows = read(answer)?;
        if rows.index >= target {
            return Ok(());
        }
        if Instant::now() > give_up {
            return Err(Failure::check(format!(
                "{} stands at {} and not at {target}",
                node.process.name(),
                rows.index
            )));
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

async fn texts_sent(province: &Province) -> Result<(), Failure> {
    notices_only(province, 0).await
}

/// Waits until no more than `notices` effects are left.
async fn notices_only(province: &Province, notices: u64) -> Result<(), Failure> {
    let give_up = Instant::now() + REST_MAX;
    loop {
        let left = rows(province).await?.effects;
        if left <= notices {
            return Ok(());
        }
        if Instant::now() > give_up {
            return Err(Failure::check(format!("{left} effects are left, and at most {notices} may be")));
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}
