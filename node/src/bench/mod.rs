//! `mpss bench`: purchases per second of one province, durable, three replicas in three processes,
//! beside the disk's own durable write rate in the same run.
//!
//! ```text
//!  this process ── load ──▶ HTTP door ─┐
//!                           proposer ──┴─▶ node 1 ◀─▶ node 2 ◀─▶ node 3      simulators: SPs, SMS centre
//! ```
//!
//! Whatever is not acknowledged at once is counted and shown. Afterwards every acknowledged order is
//! looked up, and the books must hold exactly what was acknowledged, to the fen.

use std::net::SocketAddr;
use std::time::Duration;

use mpss_domain::{Msisdn, ProvinceId};
use mpss_routing::{national_plan, subscribers_of};

use crate::command_line::{BenchArguments, BenchTarget, Failure, Printer};
use crate::demo::place::Folder;

mod disk;
mod door;
mod http1;
mod latency;
mod processes;
mod proof;
pub(crate) mod proposer;
mod report;
mod scale;
mod shop;
mod usage;

use door::Errand;
use latency::figure;
use processes::{PROVINCE, Province};
use proposer::{Done, Load, Purchases};
use report::{Measured, Report};
use shop::Shop;
use usage::Usage;

/// What each account gets, in fen: enough for every purchase of the bench.
const BALANCE: i64 = 500_000;
/// Price of everything, in fen.
const PRICE: i64 = 1;
/// How long the disk is measured.
const DISK_TIME: Duration = Duration::from_secs(3);
/// How long the outbox may take to come to rest between two measurements.
const REST_MAX: Duration = Duration::from_secs(300);

/// Carries out `mpss bench`.
pub(crate) fn run(arguments: &BenchArguments, printer: &mut Printer) -> Result<(), Failure> {
    let mut folder = Folder::open(arguments.data_dir.as_deref(), "bench")?;
    // One thread: the load must not take more of the machine than it needs.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::start(format!("no runtime: {error}")))?;
    let ended = runtime.block_on(bench(arguments, folder.path(), printer));
    if let Err(failure) = ended {
        let kept = folder.keep();
        return Err(Failure {
            what: format!("{}\nlogs and data are kept in {}", failure.what, kept.display()),
            ..failure
        });
    }
    Ok(())
}

async fn bench(arguments: &BenchArguments, folder: &std::path::Path, printer: &mut Printer) -> Result<(), Failure> {
    printer.heading("Durable writes of this disk");
    let writes = disk::measure(folder, DISK_TIME)?;
    let mut report = Report::new(writes);
    report.print_disk(printer);

    printer.heading("Starting three replicas of Guangdong as three processes");
    let province = Province::start(&folder.join("province")).await?;
    let bench = Bench { arguments, province: &province };
    let loaded = bench.load(printer).await?;
    let hot = shop::open(&province, 1).await?;
    let many = shop::open(&province, arguments.sps).await?;

    let mut proof = proof::Acknowledged::default();
    printer.heading(format!("HTTP door: {} connections, one purchase per request", arguments.connections));
    let mut key = 1;
    for (name, shop) in [("many SPs", &many), ("one hot SP", &hot), ("many SPs, again", &many)] {
        let measured = bench.at_the_door(name, shop, &loaded, &mut key, &mut proof).await?;
        report.add(measured, printer);
        bench.rest(printer).await?;
    }
    report.compare_hot(printer);

    printer.heading(format!("Proposer: {} commands under way inside the leader", arguments.in_flight));
    let measured = bench.at_the_proposer(&many, &mut proof).await?;
    report.add(measured, printer);

    printer.heading("All of it");
    report.print_table(printer);

    printer.heading("Proof");
    let proved = proof.check(&province, arguments.connections, &[&hot, &many], PRICE, printer).await;
    report.proof_failed(proved.as_ref().err().map(|failure| failure.what.clone()));
    drop(province);
    if arguments.scale_accounts > 0 {
        let scale = scale::measure(&folder.join("scale"), u64::from(arguments.scale_accounts), printer).await?;
        report.scale(scale);
    }
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    proved
}

/// What every measurement needs.
struct Bench<'a> {
    arguments: &'a BenchArguments,
    province: &'a Province,
}

impl Bench<'_> {
    /// Opens the accounts that buy; returns their numbers.
    async fn load(&self, printer: &mut Printer) -> Result<Vec<Msisdn>, Failure> {
        let accounts = u64::from(self.arguments.accounts);
        let load = Load { accounts, balance: BALANCE, in_flight: 512 };
        let done: Done = self.ask_leader("/bench/load", &load).await?;
        if done.acknowledged != accounts {
            return Err(Failure::start(format!(
                "{} of {accounts} accounts were opened: {:?}",
                done.acknowledged, done.errors
            )));
        }
        let rate = latency::per_second(done.counted, done.counted_ms);
        printer.line(format!("  {} accounts opened and filled, {} a second", figure(accounts), figure(rate)));
        let province = ProvinceId::new(PROVINCE).expect("a province");
        let plan = national_plan();
        let numbers = subscribers_of(&plan, province);
        Ok((0..accounts).filter_map(|position| numbers.at(position)).collect())
    }

    async fn at_the_door(
        &self,
        name: &str,
        shop: &Shop,
        buyers: &[Msisdn],
        key: &mut u64,
        proof: &mut proof::Acknowledged,
    ) -> Result<Measured, Failure> {
        let doors = self.doors().await?;
        let errand = Errand {
            doors: &doors,
            connections: self.arguments.connections,
            buyers,
            products: &shop.products,
            warm_up: Duration::from_secs(self.arguments.warm_up_seconds),
            run: Duration::from_secs(self.arguments.seconds),
            first_key: *key,
        };
        let before = Usage::now(self.province);
        let bought = door::buy(&errand).await;
        let usage = before.until_now(self.province);
        *key = bought.next_key;
        proof.bought(&bought.done, bought.orders);
        let backlog = self.rows().await?.effects;
        Ok(Measured::new(format!("HTTP door, {name}"), bought.done, usage, backlog))
    }

    async fn at_the_proposer(&self, shop: &Shop, proof: &mut proof::Acknowledged) -> Result<Measured, Failure> {
        let ask = Purchases {
            products: shop.ids(),
            accounts: u64::from(self.arguments.accounts),
            in_flight: self.arguments.in_flight as usize,
            warm_up_ms: self.arguments.warm_up_seconds * 1_000,
            run_ms: self.arguments.seconds * 1_000,
            count: 0,
            run: 1,
        };
        let before = Usage::now(self.province);
        let done: Done = self.ask_leader("/bench/purchases", &ask).await?;
        let usage = before.until_now(self.province);
        proof.bought(&done, Vec::new());
        let backlog = self.rows().await?.effects;
        Ok(Measured::new("proposer".to_owned(), done, usage, backlog))
    }

    async fn doors(&self) -> Result<Vec<SocketAddr>, Failure> {
        let mut doors = self.province.doors().await?;
        if self.arguments.target == BenchTarget::Leader {
            doors.truncate(1);
        }
        Ok(doors)
    }

    /// Waits until the outbox is empty, so that one measurement does not pay for another's texts.
    async fn rest(&self, printer: &mut Printer) -> Result<(), Failure> {
        let begun = std::time::Instant::now();
        let first = self.rows().await?.effects;
        while self.rows().await?.effects > 0 {
            if begun.elapsed() > REST_MAX {
                let left = self.rows().await?.effects;
                printer.line(format!("  the outbox did not come to rest: {} effects are left", figure(left)));
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let took = begun.elapsed().as_millis();
        printer.line(format!("    outbox: {} effects were waiting and were done within {took} ms", figure(first)));
        Ok(())
    }

    async fn rows(&self) -> Result<proposer::Rows, Failure> {
        rows(self.province).await
    }

    async fn ask_leader<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        ask: &impl serde::Serialize,
    ) -> Result<T, Failure> {
        ask_leader(self.province, path, ask).await
    }
}

/// How large the leader's state is.
async fn rows(province: &Province) -> Result<proposer::Rows, Failure> {
    let leader = province.leader().await?;
    let answer = province.caller.get(std::slice::from_ref(&leader.bench_url), "/bench/state").await?;
    read(answer)
}

async fn ask_leader<T: serde::de::DeserializeOwned>(
    province: &Province,
    path: &str,
    ask: &impl serde::Serialize,
) -> Result<T, Failure> {
    let leader = province.leader().await?;
    let body = serde_json::to_value(ask).map_err(|error| Failure::check(error.to_string()))?;
    read(province.caller.post(std::slice::from_ref(&leader.bench_url), path, &body).await?)
}

fn read<T: serde::de::DeserializeOwned>(answer: crate::demo::Answer) -> Result<T, Failure> {
    let told = answer.told();
    serde_json::from_value(answer.body).map_err(|error| Failure::check(format!("{error}: {told}")))
}
