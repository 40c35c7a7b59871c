//! A shop that is bought at while the nodes below it end and come back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::client::{Answer, Ask, Client};
use crate::seeded::Seeded;
use crate::trade::{Errand, Goods, Kind, Trade, purchase};
use crate::{number_table, patience};

/// Who buys at once.
const BUYERS: usize = 8;
/// How often each of them buys, at most: the door slows down who asks more often.
const PACE: Duration = Duration::from_millis(60);
/// Purchases go on within this, whatever happens to the nodes.
const BOUGHT_BOUND: Duration = Duration::from_secs(60);

/// A product and who buys it, all of Guangdong.
#[derive(Debug)]
pub struct Shop {
    /// What is bought.
    pub product: String,
    /// Who buys, with money enough.
    pub buyers: Vec<String>,
}

/// Opens a shop of its own for one play.
pub async fn open_shop(trade: Trade<'_>, name: &str, title: &str) -> Shop {
    let sp = trade.admit_sp("44", name).await;
    let product = trade.publish("44", &Goods::new(&sp, title, "local", 100)).await;
    let buyers = number_table::subscribers_of("44", BUYERS, &mut Seeded::new(5).fork(name));
    for buyer in &buyers {
        trade.open_with("44", buyer, 400_000).await;
    }
    Shop { product, buyers }
}

/// Waits until so many purchases more were acknowledged.
pub async fn bought(trade: Trade<'_>, more: usize) {
    let from = trade.record.rows().orders.len();
    patience::until("purchases go on", BOUGHT_BOUND, async || {
        let is = trade.record.rows().orders.len() - from;
        if is >= more { Ok(()) } else { Err(format!("{is} of {more}")) }
    })
    .await;
}

/// Buys until told to stop, each purchase at one node and once more at another when the first has no
/// answer or says to wait; what failed all the same.
pub async fn buy_with_one_retry(trade: Trade<'_>, shop: &Shop, name: &str, stop: &AtomicBool) -> Vec<String> {
    let urls = trade.country.urls("44");
    let clients: Vec<_> = shop.buyers.iter().map(|_| trade.country.client().another()).collect();
    let buying = shop.buyers.iter().zip(&clients).enumerate().map(|(number, (buyer, client))| {
        let mut urls = urls.clone();
        async move {
            let mut failed = Vec::new();
            let mut pace = patience::pace(PACE);
            for turn in 0_u64.. {
                if stop.load(Ordering::Relaxed) {
                    return failed;
                }
                urls.rotate_left(1 + number % 2);
                let ask = purchase(&format!("{name}-{buyer}-{turn}"), buyer, &shop.product, None);
                let kind = Kind::Purchase { sp_accepts: true };
                match try_twice(client, &urls, &ask).await {
                    Ok(answer) if answer.is_success() => trade.record.note("44", &kind, &answer),
                    Ok(answer) => failed.push(format!("{} {}", answer.status, answer.body)),
                    Err(error) => {
                        failed.push(error);
                        trade.record.rows().unknown.push(("44".into(), Errand { ask, kind }));
                    }
                }
                pace.tick().await;
            }
            failed
        }
    });
    futures::future::join_all(buying).await.into_iter().flatten().collect()
}

/// One retry, at another node, when the first try has no answer or is told to wait.
async fn try_twice(client: &Client, urls: &[String], ask: &Ask) -> Result<Answer, String> {
    let mut failures = Vec::new();
    for url in urls.iter().take(2) {
        match client.once(url, ask).await {
            Ok(answer) if !matches!(answer.status, 429 | 503 | 504) => return Ok(answer),
            Ok(answer) => failures.push(format!("{url}: {} {}", answer.status, answer.body)),
            Err(error) => failures.push(format!("{url}: {error}")),
        }
    }
    Err(failures.join("; then "))
}
