//! How long callers wait after a leader was killed: somebody buys again and again, from the moment of the
//! kill, until a purchase that was begun after it is acknowledged.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};

use super::street::Market;
use crate::processes::trade::{Errand, Kind, Trade};

/// Time between two purchases of the probe.
const PAUSE: Duration = Duration::from_millis(20);
/// Purchases of one probe under way at most.
const AT_ONCE: usize = 48;
/// How long the probe goes on. Other faults strike at the same time, so that there is no end is no
/// violation; it is told.
const BOUND: Duration = Duration::from_secs(30);

/// Waits, told together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// How many leaders were killed and their provinces came back.
    pub count: u64,
    /// Half of the waits were no longer, in ms.
    pub p50_ms: u64,
    /// 99 of 100.
    pub p99_ms: u64,
    /// All.
    pub max_ms: u64,
    /// How many did not end within 30 s, while other faults went on.
    pub not_seen: u64,
}

impl Failover {
    /// Of these waits; nothing is one that did not end.
    #[must_use]
    pub fn of(waits: &[Option<Duration>]) -> Self {
        let mut ended: Vec<u64> =
            waits.iter().flatten().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)).collect();
        ended.sort_unstable();
        // The smallest wait that no fewer than this share of all do not exceed.
        let at = |share: usize| match ended.len() {
            0 => 0,
            count => ended[(count * share).div_ceil(100).max(1) - 1],
        };
        Self {
            count: ended.len() as u64,
            p50_ms: at(50),
            p99_ms: at(99),
            max_ms: at(100),
            not_seen: (waits.len() - ended.len()) as u64,
        }
    }
}

/// Buys at a province until a purchase that was begun after now is acknowledged: how long that took.
pub async fn outage(trade: Trade<'_>, market: &Market, province: &str, number: usize) -> Option<Duration> {
    let begun = Instant::now();
    let mut probes = FuturesUnordered::new();
    for turn in 0_usize.. {
        if probes.len() < AT_ONCE {
            let ask = market.plain_purchase(province, &format!("probe{number}-{turn}"), turn);
            let mut urls = trade.country.urls(province);
            let first = turn % urls.len();
            urls.rotate_left(first);
            probes.push(async move {
                let errand = Errand { ask, kind: Kind::Purchase { sp_accepts: true } };
                let answer = trade.client.ask(&urls, &errand.ask, BOUND).await;
                match &answer {
                    Ok(answer) => trade.record.note(province, &errand.kind, answer),
                    Err(_) => trade.record.rows().unknown.push((province.into(), errand)),
                }
                answer.is_ok_and(|answer| answer.is_success())
            });
        }
        tokio::select! {
            biased;
            Some(done) = probes.next() => if done {
                let took = begun.elapsed();
                while probes.next().await.is_some() {}
                return Some(took);
            },
            () = tokio::time::sleep(PAUSE) => {}
        }
        if begun.elapsed() > BOUND {
            while probes.next().await.is_some() {}
            return None;
        }
    }
    unreachable!("the loop has no end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_told_by_their_ranks() {
        let waits: Vec<_> = (1..=200).map(|ms| Some(Duration::from_millis(ms))).chain([None]).collect();
        let told = Failover::of(&waits);
        assert_eq!(told, Failover { count: 200, p50_ms: 100, p99_ms: 198, max_ms: 200, not_seen: 1 });
        assert_eq!(Failover::of(&[]), Failover::default());
        assert_eq!(Failover::of(&[Some(Duration::from_millis(7))]).p50_ms, 7);
    }
}
