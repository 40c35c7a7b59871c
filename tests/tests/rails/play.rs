//! One cell played: bought, perhaps reversed or refunded, and looked at until nothing more happens.

use std::time::{Duration, Instant};

use mpss_tests::client::Answer;
use mpss_tests::patience::{self, Pause};
use mpss_tests::trade::Trade;
use serde_json::Value;

use super::case::Case;
use super::cell::{Cell, End, Ended};
use super::gate::{Gate, Visit};
use super::outcome::{Act, Flow, Outcome, PRICE};
use super::shop::Shop;
use super::{recharge, shop, upp};

/// Whatever is silent twice is done by then: the bank is told again after 20 s, and after 40 s more.
const END_BOUND: Duration = Duration::from_secs(150);
/// Pause between two looks: there are many cells and few processors.
const LOOK_PAUSE: Duration = Duration::from_millis(400);

/// An order, or a top-up, as whoever keeps it shows it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its status, and why it was declined.
    pub(crate) status: String,
    /// Nothing more happens to it by itself.
    pub(crate) rests: bool,
    /// What was asked of the peer and how that stands, and whether it is over; nothing where it is not shown.
    pub(crate) calls: Vec<(String, bool)>,
}

impl Seen {
    fn open(&self) -> Vec<&str> {
        self.calls.iter().filter(|(_, over)| !over).map(|(name, _)| name.as_str()).collect()
    }
}

/// What whoever delivers knows of an order.
#[derive(Debug)]
pub(crate) struct GoodsSeen {
    /// It was told to deliver.
    pub(crate) told: bool,
    /// So often it has.
    pub(crate) handed_out: u64,
}

/// Plays a cell by itself.
pub(crate) async fn alone(trade: Trade<'_>, shop: &Shop, cell: &Cell) -> Ended {
    let begun = Instant::now();
    let played = async {
        cell.payer.peer_behaves(trade, cell.case().manner).await;
        let order = match buy(trade, shop, cell).await? {
            Taken::Order(order) => order,
            Taken::Refused(status) => return ends(trade, cell, None, &status).await,
        };
        match cell.outcome.act() {
            Act::Purchase | Act::CallOffFirst => {}
            Act::CallOff => {
                slowly("the peer is asked", END_BOUND, async || at_the_peer(trade, cell).await).await?;
                give_back(trade, cell, &order).await?;
            }
            Act::Reversal | Act::Refund => {
                delivered_and_taken(trade, cell, &order).await?;
                cell.payer.peer_behaves(trade, cell.case().manner_after).await;
                give_back(trade, cell, &order).await?;
            }
        }
        comes_to_its_end(trade, cell, &order).await
    };
    Ended::of(played.await, begun)
}

/// Plays a cell to the step at which the leaders are killed, and then to its end.
pub(crate) async fn at_step(trade: Trade<'_>, shop: &Shop, cell: &Cell, gate: &Gate) -> Ended {
    let begun = Instant::now();
    let visit = gate.visit(cell);
    let played = async {
        let order = match cell.outcome.act() {
            Act::Purchase | Act::CallOffFirst | Act::CallOff => {
                visit.turn().await?;
                cell.payer.peer_behaves(trade, cell.case().manner).await;
                if cell.outcome == Outcome::KilledWhileAsked {
                    stand_while_asked(trade, shop, cell, &visit).await?
                } else {
                    let order = buy(trade, shop, cell).await?.order()?;
                    if cell.outcome.act() == Act::CallOff {
                        give_back(trade, cell, &order).await?;
                    }
                    visit.stand(async || stands(trade, cell, &order).await).await?;
                    order
                }
            }
            Act::Reversal | Act::Refund => {
                let order = buy(trade, shop, cell).await?.order()?;
                delivered_and_taken(trade, cell, &order).await?;
                cell.payer.peer_behaves(trade, cell.case().manner_after).await;
                visit.turn().await?;
                give_back(trade, cell, &order).await?;
                visit.stand(async || stands(trade, cell, &order).await).await?;
                order
            }
        };
        if cell.outcome == Outcome::KilledWhileDelivering && cell.flow == Flow::Upp {
            upp::confirm(trade, cell).await?;
        }
        comes_to_its_end(trade, cell, &order).await
    };
    Ended::of(played.await, begun)
}

/// Buys, and stands while the peer is asked: the purchase may have no answer before the next leader gives
/// it one.
async fn stand_while_asked(trade: Trade<'_>, shop: &Shop, cell: &Cell, visit: &Visit<'_>) -> Result<String, String> {
    let standing = visit.stand(async || at_the_peer(trade, cell).await);
    let (taken, stood) = tokio::join!(buy(trade, shop, cell), standing);
    stood?;
    taken?.order()
}

/// Looks at a cell that has ended once more: it is as it was.
pub(crate) async fn look_again(trade: Trade<'_>, cell: &Cell, ended: &mut Ended) {
    let Some(end) = ended.end.clone() else { return };
    let again = ends(trade, cell, end.order.as_deref(), &end.status).await.and_then(|now| {
        let same = (&now.status, &now.calls) == (&end.status, &end.calls);
        if same { Ok(()) } else { Err(format!("it was {end:?} and is {now:?} in the end")) }
    });
    if let Err(why) = again {
        ended.result = Err(why);
    }
}

/// What came of asking.
pub(crate) enum Taken {
    /// It is known so from now on.
    Order(String),
    /// There is no order.
    Refused(String),
}

impl Taken {
    fn order(self) -> Result<String, String> {
        match self {
            Self::Order(order) => Ok(order),
            Self::Refused(why) => Err(why),
        }
    }
}

async fn buy(trade: Trade<'_>, shop: &Shop, cell: &Cell) -> Result<Taken, String> {
    match cell.flow {
        Flow::Upp => upp::pay(trade, cell).await,
        Flow::Recharge => recharge::top_up(trade, cell).await,
        _ => shop::buy(trade, shop, cell).await,
    }
}

async fn give_back(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<(), String> {
    match cell.flow {
        Flow::Upp => upp::give_back(trade, cell, order).await,
        _ => shop::give_back(trade, cell, order).await,
    }
}

/// An order as it is now, or soon: it is waited for so long to be final, in seconds.
async fn look(trade: Trade<'_>, cell: &Cell, order: &str, wait_s: u32) -> Result<Seen, String> {
    match cell.flow {
        Flow::Upp => upp::look(trade, cell).await,
        Flow::Recharge => recharge::look(trade, order, wait_s).await,
        _ => shop::look(trade, cell, order, wait_s).await,
    }
}

/// What whoever delivers knows of an order.
async fn goods(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<GoodsSeen, String> {
    match cell.flow {
        Flow::Upp => upp::goods(trade, cell).await,
        Flow::Recharge => Ok(recharge::goods(trade, cell).await),
        _ => Ok(shop::goods(trade, cell, order).await),
    }
}

/// An answer nobody expected.
pub(crate) fn told(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.body)
}

/// The peer has used up what was to become of the requests up to the cell's step.
async fn at_the_peer(trade: Trade<'_>, cell: &Cell) -> Result<(), String> {
    let still = cell.payer.still_to_come(trade).await;
    let left = match cell.outcome {
        Outcome::KilledWhileAsked | Outcome::CalledOff => 0,
        // These stand first, so they are unanswered longest: until the others stand too.
        Outcome::KilledWhileUndoing if !cell.account.is_at_bank() => 2,
        _ => 1,
    };
    if still <= left { Ok(()) } else { Err(format!("{still} requests are still to come")) }
}

/// A cell is at its step: the peer was asked and has not answered, or the SP was told and has not.
async fn stands(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<(), String> {
    if cell.outcome == Outcome::KilledWhileDelivering {
        let (seen, goods) = (look(trade, cell, order, 0).await?, goods(trade, cell, order).await?);
        let stands = goods.told && goods.handed_out == 0 && matches!(seen.status.as_str(), "delivering" | "paid");
        return if stands { Ok(()) } else { Err(format!("{seen:?} and {goods:?}")) };
    }
    if cell.account.rail().is_none() && cell.flow != Flow::Recharge {
        // Decided in one step at home: what is between is too short to be seen.
        return Ok(());
    }
    at_the_peer(trade, cell).await?;
    if !matches!(cell.flow, Flow::Local | Flow::Recharge) {
        return Ok(());
    }
    let seen = look(trade, cell, order, 0).await?;
    let last = seen.calls.last().map(|(name, _)| name.as_str());
    let open = last.is_some_and(|name| name.ends_with(" sent") || name.ends_with(" unknown"));
    if open { Ok(()) } else { Err(format!("its last call is {last:?}")) }
}

async fn delivered_and_taken(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<(), String> {
    slowly("it is delivered and taken", END_BOUND, async || {
        let seen = look(trade, cell, order, 5).await?;
        if seen.status != "delivered" || !seen.open().is_empty() {
            return Err(format!("it is {seen:?}"));
        }
        cell.payer.differs(trade, PRICE, 0).await
    })
    .await
}

/// What was asked of the peer, as an order or a top-up shows it, and whether it is over.
pub(crate) fn calls_of(shown: &Value) -> Vec<(String, bool)> {
    let calls = shown["calls"].as_array().into_iter().flatten().map(|call| {
        let [step, phase] = ["step", "phase"].map(|name| call[name].as_str().unwrap_or_default());
        let over = matches!(phase, "approved" | "declined" | "not_done" | "superseded" | "abandoned");
        (format!("{step} {phase}"), over)
    });
    calls.collect()
}

/// Waits until nothing more happens to an order, and says whether all is as it must be.
async fn comes_to_its_end(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<End, String> {
    let wanted = cell.case().ends;
    let status = slowly("its order is final", END_BOUND, async || {
        let seen = look(trade, cell, order, 5).await?;
        let is_end = wanted.contains(&seen.status.as_str()) || seen.rests;
        if is_end { Ok(seen.status) } else { Err(format!("it is {}", seen.status)) }
    })
    .await?;
    slowly("nothing is open", END_BOUND, async || ends(trade, cell, Some(order), &status).await).await
}

/// A cell with an order of this status, or without one: what is not as it must be then.
async fn ends(trade: Trade<'_>, cell: &Cell, order: Option<&str>, status: &str) -> Result<End, String> {
    let Case { ends, suspense, .. } = cell.case();
    if !ends.contains(&status) {
        return Err(format!("{status} instead of {}", ends.join(" or ")));
    }
    let mut calls = Vec::new();
    if let Some(order) = order {
        let seen = look(trade, cell, order, 0).await?;
        if seen.status != status || !seen.open().is_empty() {
            return Err(format!("it was {status} and is {seen:?}"));
        }
        calls = seen.calls.into_iter().map(|(name, _)| name).collect();
        let GoodsSeen { handed_out, .. } = goods(trade, cell, order).await?;
        let bought = cell.cost(status) > 0 || cell.outcome.act() == Act::Reversal;
        if handed_out != u64::from(bought) {
            return Err(format!("it is {status} and was handed out {handed_out} times"));
        }
        if cell.flow == Flow::Upp {
            upp::was_told(trade, cell, status).await?;
        }
    }
    cell.payer.differs(trade, cell.cost(status) + suspense, (-suspense).max(0)).await?;
    cell.has_nothing_open(trade).await?;
    Ok(End { order: order.map(str::to_owned), status: status.to_owned(), calls })
}

/// Asks until the answer is `Ok`, with longer pauses than usual.
pub(crate) async fn slowly<T>(
    what: &str,
    bound: Duration,
    ask: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, String> {
    patience::asked_with(Pause::steady(LOOK_PAUSE), what, bound, ask).await
}
