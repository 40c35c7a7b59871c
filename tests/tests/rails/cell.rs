//! A cell of the table: who plays it, and what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use futures::StreamExt;
use mpss_tests::number_table;
use mpss_tests::seeded::Seeded;
use mpss_tests::trade::Trade;

use super::case::Case;
use super::outcome::{Account, Flow, Outcome, PRICE, REFUND};
use super::payer::Payer;
use super::{recharge, upp};

/// Accounts opened at once.
const OPENED_AT_ONCE: usize = 12;

/// Where a cell is in the table, its number, and home and number of its rival.
type Place = (Flow, Account, Outcome, String, Option<(&'static str, String)>);

/// One subscriber who buys once.
pub(crate) struct Cell {
    pub(crate) flow: Flow,
    pub(crate) account: Account,
    pub(crate) outcome: Outcome,
    pub(crate) payer: Payer,
    /// Who tops up by the same card, at the same moment.
    pub(crate) rival: Option<Payer>,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {} | {}", self.flow.name(), self.account.name(), self.outcome.name())
    }
}

impl Cell {
    /// Every cell there is, each with a subscriber of its own. Virtual accounts are kept here at first; those opened
    /// after `moved` are kept by the UPP.
    pub(crate) async fn all(trade: Trade<'_>, moved: impl AsyncFnOnce()) -> Vec<Self> {
        let mut numbers = BTreeMap::new();
        for home in ["44", "51"] {
            let count = Flow::ALL.len() * Outcome::ALL.len() * Account::ALL.len();
            let subscribers = number_table::subscribers_of(home, count, &mut Seeded::new(16));
            numbers.insert(home, subscribers.into_iter());
        }
        let mut next = |home: &str| numbers.get_mut(home).and_then(Iterator::next).expect("one for every cell");
        let mut places = Vec::new();
        for flow in Flow::ALL {
            for account in Account::ALL {
                for outcome in Outcome::ALL.into_iter().filter(|outcome| outcome.case(flow, account).is_some()) {
                    let rival = outcome.rival_of().map(|home| (home, next(home)));
                    places.push((flow, account, outcome, next(flow.home()), rival));
                }
            }
        }
        let (at_upp, others): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|(_, account, ..)| *account == Account::AtUpp);
        let mut cells = Self::open(trade, others).await;
        moved().await;
        cells.extend(Self::open(trade, at_upp).await);
        cells
    }

    async fn open(trade: Trade<'_>, places: Vec<Place>) -> Vec<Self> {
        let opened = places.into_iter().map(async |(flow, account, outcome, msisdn, rival)| {
            if flow == Flow::Recharge {
                let (payer, rival) = recharge::open(trade, outcome, &msisdn, rival).await;
                return Self { flow, account, outcome, payer, rival };
            }
            let with_money = outcome != Outcome::Declined;
            let payer = Payer::open(trade, flow.home(), &msisdn, account, with_money).await;
            Self { flow, account, outcome, payer, rival: None }
        });
        futures::stream::iter(opened).buffer_unordered(OPENED_AT_ONCE).collect().await
    }

    /// What must come of it.
    pub(crate) fn case(&self) -> Case {
        self.outcome.case(self.flow, self.account).expect("only cells that are there are played")
    }

    /// A request id of its own.
    pub(crate) fn key(&self, what: &str) -> String {
        format!("{what}-{}", self.payer.msisdn)
    }

    /// What it costs the subscriber, or takes from the recharge card, when it ends so, in fen.
    pub(crate) fn cost(&self, status: &str) -> i64 {
        match status {
            "delivered" | "credited" => PRICE,
            "partly_refunded" => PRICE - REFUND,
            // One of two.
            _ if status.starts_with("credited and ") => PRICE,
            _ => 0,
        }
    }

    /// No order uses an account of it any more.
    pub(crate) async fn has_nothing_open(&self, trade: Trade<'_>) -> Result<(), String> {
        for payer in [&self.payer].into_iter().chain(&self.rival) {
            payer.has_nothing_open(trade).await?;
        }
        Ok(())
    }

    /// Writes down what it has moved, when that is not written down already, for the books to be compared with.
    pub(crate) async fn note(&self, trade: Trade<'_>, ended: &Ended) {
        let Some(order) = ended.end.as_ref().and_then(|end| end.order.as_deref()) else { return };
        match self.flow {
            Flow::Upp if self.account == Account::Virtual => upp::note(trade, self, ended.cost(self)).await,
            Flow::Recharge => recharge::note(trade, order).await,
            _ => {}
        }
    }
}

/// What came of a cell.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How its order ended, in words; what is not as it must be.
    pub(crate) result: Result<String, String>,
    /// How long it took from the purchase on.
    pub(crate) took: Duration,
    pub(crate) end: Option<End>,
}

/// How a cell's order ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// `None` when it was refused before there was one.
    pub(crate) order: Option<String>,
    /// Its status, and why it was declined.
    pub(crate) status: String,
    /// What was asked of the peer, where the serving side sees it.
    pub(crate) calls: Vec<String>,
}

impl Ended {
    pub(crate) fn of(result: Result<End, String>, begun: Instant) -> Self {
        let end = result.as_ref().ok().cloned();
        let told = |end: End| match &end.calls[..] {
            [] => end.status,
            calls => format!("{} ({})", end.status, calls.join(", ")),
        };
        Self { result: result.map(told), took: begun.elapsed(), end }
    }

    /// What it costs the subscriber in the end, in fen.
    pub(crate) fn cost(&self, cell: &Cell) -> i64 {
        self.end.as_ref().map_or(0, |end| cell.cost(&end.status))
    }
}
