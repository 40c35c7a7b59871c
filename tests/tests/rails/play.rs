//! One cell played: bought, perhaps reversed or refunded, and looked at until nothing more happens.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use futures::StreamExt;
use mpss_tests::client::{Answer, fen};
use mpss_tests::number_table;
use mpss_tests::patience::{self, Pause};
use mpss_tests::seeded::Seeded;
use mpss_tests::trade::{Errand, Goods, Kind, Trade, is_final, purchase};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::outcome::{Account, Act, Case, Flow, Outcome, PRICE, REFUND, Sp};
use super::payer::Payer;

/// Whatever is silent twice is done by then: the bank is told again after 20 s, and after 40 s more.
const END_BOUND: Duration = Duration::from_secs(150);
/// Every cell stands at its step by then.
const STEP_BOUND: Duration = Duration::from_secs(90);
/// Pause between two looks: there are many cells and few processors.
const LOOK_PAUSE: Duration = Duration::from_millis(400);
/// Accounts opened at once.
const OPENED_AT_ONCE: usize = 12;

/// What is sold, by how its SP behaves.
pub(crate) struct Shop {
    products: BTreeMap<(Flow, Sp), String>,
}

fn sp_name(sp: Sp, province: &str) -> String {
    format!("{}-{province}", sp.name())
}

impl Shop {
    /// Admits the SPs and puts on sale what they have.
    pub(crate) async fn open(trade: Trade<'_>) -> Self {
        let mut products = BTreeMap::new();
        for sp in Sp::ALL {
            for province in ["44", "00"] {
                let name = sp_name(sp, province);
                trade.country.sp_behaves(&name, json!({ "mode": sp.mode() })).await;
                let id = trade.admit_sp(province, &name).await;
                for flow in Flow::ALL.into_iter().filter(|flow| flow.serving() == province) {
                    let title = format!("{} of the {}", flow.scope(), sp.name());
                    let delivery_deadline_ms = sp.delivery_deadline_ms();
                    let goods = Goods { delivery_deadline_ms, ..Goods::new(&id, &title, flow.scope(), PRICE) };
                    products.insert((flow, sp), trade.publish(province, &goods).await);
                }
            }
        }
        Self { products }
    }

    /// Those that wait are told to accept.
    pub(crate) async fn waiting_sps_accept(&self, trade: Trade<'_>) {
        accept(trade, &[Sp::Waiting]).await;
    }

    /// Everybody answers again, so that what they are still to be told comes to its end.
    pub(crate) async fn all_sps_accept(&self, trade: Trade<'_>) {
        accept(trade, &Sp::ALL).await;
    }
}

async fn accept(trade: Trade<'_>, sps: &[Sp]) {
    for (sp, province) in sps.iter().flat_map(|sp| [(*sp, "44"), (*sp, "00")]) {
        trade.country.sp_behaves(&sp_name(sp, province), json!({ "mode": "accepts" })).await;
    }
}

/// One subscriber who buys once.
pub(crate) struct Cell {
    pub(crate) flow: Flow,
    pub(crate) account: Account,
    pub(crate) outcome: Outcome,
    payer: Payer,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {} | {}", self.flow.name(), self.account.name(), self.outcome.name())
    }
}

impl Cell {
    /// Every cell there is, each with a subscriber of its own.
    pub(crate) async fn all(trade: Trade<'_>) -> Vec<Self> {
        let mut numbers = BTreeMap::new();
        for home in ["44", "51"] {
            let count = 2 * Outcome::ALL.len() * Account::ALL.len();
            let subscribers = number_table::subscribers_of(home, count, &mut Seeded::new(16));
            numbers.insert(home, subscribers.into_iter());
        }
        let mut places = Vec::new();
        for flow in Flow::ALL {
            for account in Account::ALL {
                for outcome in Outcome::ALL.into_iter().filter(|outcome| outcome.case(flow, account).is_some()) {
                    let next = numbers.get_mut(flow.home()).and_then(Iterator::next);
                    places.push((flow, account, outcome, next.expect("one for every cell")));
                }
            }
        }
        let opened = places.into_iter().map(async |(flow, account, outcome, msisdn)| {
            let with_money = outcome != Outcome::Declined;
            let payer = Payer::open(trade, flow.home(), &msisdn, account, with_money).await;
            Self { flow, account, outcome, payer }
        });
        futures::stream::iter(opened).buffer_unordered(OPENED_AT_ONCE).collect().await
    }

    /// What must come of it.
    pub(crate) fn case(&self) -> Case {
        self.outcome.case(self.flow, self.account).expect("only cells that are there are played")
    }

    fn key(&self, what: &str) -> String {
        format!("{what}-{}", self.payer.msisdn)
    }
}

/// What came of a cell.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How its order ended, in words; what is not as it must be.
    pub(crate) result: Result<String, String>,
    /// How long it took from the purchase on.
    pub(crate) took: Duration,
    end: Option<End>,
}

/// How a cell's order ended.
#[derive(Debug, Clone)]
struct End {
    /// `None` when it was refused before there was one.
    order: Option<String>,
    /// Its status, and why it was declined.
    status: String,
    /// What was asked of the peer, where the serving side sees it.
    calls: Vec<String>,
}

impl Ended {
    fn of(result: Result<End, String>, begun: Instant) -> Self {
        let end = result.as_ref().ok().cloned();
        let told = |end: End| match &end.calls[..] {
            [] => end.status,
            calls => format!("{} ({})", end.status, calls.join(", ")),
        };
        Self { result: result.map(told), took: begun.elapsed(), end }
    }

    /// What it costs the subscriber in the end, in fen.
    pub(crate) fn cost(&self) -> i64 {
        self.end.as_ref().map_or(0, |end| cost(&end.status))
    }
}

fn cost(status: &str) -> i64 {
    match status {
        "delivered" => PRICE,
        "partly_refunded" => PRICE - REFUND,
        _ => 0,
    }
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
        if cell.outcome.act() != Act::Purchase {
            delivered_and_taken(trade, cell, &order).await?;
            cell.payer.peer_behaves(trade, cell.case().manner_after).await;
            give_back(trade, cell, &order).await?;
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
            Act::Purchase | Act::CallOff => {
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

enum Taken {
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
    let sp = cell.outcome.sp();
    let location = (cell.flow == Flow::Roaming).then_some("44");
    let product = &shop.products[&(cell.flow, sp)];
    let mut ask = purchase(&cell.key("buy"), &cell.payer.msisdn, product, location);
    let body = ask.body.as_mut().expect("a purchase has a body");
    body["account_kind"] = cell.account.kind().into();
    let sp_accepts = matches!(sp, Sp::Accepts | Sp::Waiting);
    let answer = trade.run(cell.flow.serving(), Errand { ask, kind: Kind::Purchase { sp_accepts } }).await?;
    if let Some(order) = answer.body["order_id"].as_str() {
        return Ok(Taken::Order(order.to_owned()));
    }
    if answer.status == 422 { Ok(Taken::Refused(format!("refused: {}", answer.code()))) } else { Err(told(&answer)) }
}

async fn give_back(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<(), String> {
    let serving = cell.flow.serving();
    let answer = match cell.outcome.act() {
        Act::Refund => trade.refund(serving, &cell.key("refund"), order, REFUND).await?,
        _ => trade.reverse(serving, &cell.key("reverse"), order).await?,
    };
    if answer.is_success() { Ok(()) } else { Err(told(&answer)) }
}

fn told(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.body)
}

/// The peer has used up what was to become of the requests up to the cell's step.
async fn at_the_peer(trade: Trade<'_>, cell: &Cell) -> Result<(), String> {
    let still = cell.payer.still_to_come(trade).await;
    let left = usize::from(cell.outcome != Outcome::KilledWhileAsked);
    if still <= left { Ok(()) } else { Err(format!("{still} requests are still to come")) }
}

/// A cell is at its step: the peer was asked and has not answered, or the SP was told and has not.
async fn stands(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<(), String> {
    let body = trade.order(cell.flow.serving(), order, 0).await?.body;
    if cell.outcome == Outcome::KilledWhileDelivering {
        let seen = trade.country.sp_saw(&sp_name(Sp::Waiting, cell.flow.serving()), order).await;
        let told = seen["deliver_notices"].as_u64().unwrap_or(0) > 0;
        let stands = told && body["status"] == "delivering";
        return if stands { Ok(()) } else { Err(format!("{} and the SP saw {seen}", body["status"])) };
    }
    if cell.account.rail().is_none() {
        // Decided in one step at home: what is between is too short to be seen.
        return Ok(());
    }
    at_the_peer(trade, cell).await?;
    if cell.flow != Flow::Local {
        return Ok(());
    }
    let phase = body["calls"].as_array().and_then(|calls| calls.last()).map(|call| call["phase"].clone());
    let open = phase.as_ref().and_then(Value::as_str).is_some_and(|phase| matches!(phase, "sent" | "unknown"));
    if open { Ok(()) } else { Err(format!("its last call is {phase:?}")) }
}

async fn delivered_and_taken(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<(), String> {
    slowly("it is delivered and taken", END_BOUND, async || {
        let body = trade.order(cell.flow.serving(), order, 5).await?.body;
        let open = open_calls(&body);
        if body["status"] != "delivered" || !open.is_empty() {
            return Err(format!("it is {} with {open:?}", body["status"]));
        }
        cell.payer.differs(trade, PRICE, 0).await
    })
    .await
}

fn call_names(order: &Value) -> impl Iterator<Item = (String, bool)> {
    order["calls"].as_array().into_iter().flatten().map(|call| {
        let [step, phase] = ["step", "phase"].map(|name| call[name].as_str().unwrap_or_default());
        let over = matches!(phase, "approved" | "declined" | "not_done" | "superseded" | "abandoned");
        (format!("{step} {phase}"), over)
    })
}

fn open_calls(order: &Value) -> Vec<String> {
    call_names(order).filter(|(_, over)| !over).map(|(name, _)| name).collect()
}

/// A status, and why it was declined.
fn status_of(order: &Value) -> String {
    let status = order["status"].as_str().unwrap_or_default();
    let events = order["timeline"].as_array().into_iter().flatten();
    let mut declined = events.filter(|entry| entry["event"] == "declined").filter_map(|entry| entry["detail"].as_str());
    match declined.next_back().and_then(|detail| detail.split(':').next()) {
        Some(code) => format!("{status}: {code}"),
        None => status.to_owned(),
    }
}

/// Waits until nothing more happens to an order, and says whether all is as it must be.
async fn comes_to_its_end(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<End, String> {
    let wanted = cell.case().ends;
    let status = slowly("its order is final", END_BOUND, async || {
        let body = trade.order(cell.flow.serving(), order, 5).await?.body;
        let status = status_of(&body);
        let pending = body["refund_pending"].as_str().is_some_and(|pending| fen(pending) > 0);
        let rests = is_final(body["status"].as_str().unwrap_or_default()) && !pending;
        if wanted.contains(&status.as_str()) || rests { Ok(status) } else { Err(format!("it is {status}")) }
    })
    .await?;
    slowly("nothing is open", END_BOUND, async || ends(trade, cell, Some(order), &status).await).await
}

/// A cell with an order of this status, or without one: what is not as it must be then.
async fn ends(trade: Trade<'_>, cell: &Cell, order: Option<&str>, status: &str) -> Result<End, String> {
    let case = cell.case();
    if !case.ends.contains(&status) {
        return Err(format!("{status} instead of {}", case.ends.join(" or ")));
    }
    let mut calls = Vec::new();
    if let Some(order) = order {
        let body = trade.order(cell.flow.serving(), order, 0).await?.body;
        let (now, open) = (status_of(&body), open_calls(&body));
        if now != status || !open.is_empty() {
            return Err(format!("it was {status} and is {now} with {open:?}"));
        }
        calls = call_names(&body).map(|(name, _)| name).collect();
        let sp = sp_name(cell.outcome.sp(), cell.flow.serving());
        let handed_out = trade.country.sp_saw(&sp, order).await["delivered"].as_u64().unwrap_or(0);
        let bought = cost(status) > 0 || cell.outcome.act() == Act::Reversal;
        if handed_out != u64::from(bought) {
            return Err(format!("it is {status} and was handed out {handed_out} times"));
        }
    }
    cell.payer.differs(trade, cost(status) + case.suspense, (-case.suspense).max(0)).await?;
    cell.payer.has_nothing_open(trade).await?;
    Ok(End { order: order.map(str::to_owned), status: status.to_owned(), calls })
}

/// Asks until the answer is `Ok`, with longer pauses than usual.
async fn slowly<T>(what: &str, bound: Duration, ask: impl AsyncFnMut() -> Result<T, String>) -> Result<T, String> {
    patience::asked_with(Pause::steady(LOOK_PAUSE), what, bound, ask).await
}

/// Brings cells to their steps in waves, so that all stand there at one moment: a bank is waited for much
/// longer than the ISMP.
pub(crate) struct Gate {
    totals: [usize; WAVES],
    arrived: watch::Sender<[usize; WAVES]>,
    /// Have looked once more.
    looked: watch::Sender<usize>,
}

const WAVES: usize = 4;

fn wave_of(cell: &Cell) -> usize {
    match (cell.outcome, cell.account) {
        (Outcome::KilledWhileUndoing, _) => 0,
        (Outcome::KilledWhileAsked, Account::Communication) => 3,
        (Outcome::KilledWhileReversing | Outcome::KilledWhileRefunding, Account::Virtual) => 3,
        (Outcome::KilledWhileDelivering, _) => 1,
        (_, Account::Communication) => 2,
        _ => 1,
    }
}

impl Gate {
    pub(crate) fn new(cells: &[&Cell]) -> Self {
        let mut totals = [0; WAVES];
        for cell in cells {
            totals[wave_of(cell)] += 1;
        }
        Self { totals, arrived: watch::Sender::new([0; WAVES]), looked: watch::Sender::new(0) }
    }

    fn visit(&self, cell: &Cell) -> Visit<'_> {
        Visit { gate: self, wave: wave_of(cell), has_arrived: false.into(), has_looked: false.into() }
    }

    /// Waits until every cell stands at its step, or has failed on its way there.
    pub(crate) async fn all_stand(&self) {
        let all: usize = self.totals.iter().sum();
        let mut looked = self.looked.subscribe();
        looked.wait_for(|looked| *looked == all).await.expect("the gate is there");
    }
}

/// One cell's way through the gate. When it fails it counts as through, so that nobody waits for it.
struct Visit<'g> {
    gate: &'g Gate,
    wave: usize,
    has_arrived: std::cell::Cell<bool>,
    has_looked: std::cell::Cell<bool>,
}

impl Visit<'_> {
    /// Waits until the waves before stand.
    async fn turn(&self) -> Result<(), String> {
        let before = |arrived: &[usize; WAVES]| arrived[..self.wave] == self.gate.totals[..self.wave];
        let mut arrived = self.gate.arrived.subscribe();
        let turn = tokio::time::timeout(STEP_BOUND, arrived.wait_for(before)).await;
        turn.map(|_| ()).map_err(|_| "the cells before it do not stand at their steps".into())
    }

    /// Waits until it stands at its step, then until all do; looks once more, and the leaders are killed.
    async fn stand(&self, look: impl AsyncFn() -> Result<(), String>) -> Result<(), String> {
        slowly("it stands at its step", STEP_BOUND, &look).await?;
        self.arrive();
        let mut arrived = self.gate.arrived.subscribe();
        let all = |arrived: &[usize; WAVES]| *arrived == self.gate.totals;
        let waited = tokio::time::timeout(STEP_BOUND, arrived.wait_for(all)).await;
        waited.map_err(|_| "the others do not come to their steps")?.map_err(|error| error.to_string())?;
        let looked = look().await;
        self.look();
        looked.map_err(|why| format!("it was past its step before the leaders were killed: {why}"))
    }

    fn arrive(&self) {
        if !self.has_arrived.replace(true) {
            self.gate.arrived.send_modify(|arrived| arrived[self.wave] += 1);
        }
    }

    fn look(&self) {
        if !self.has_looked.replace(true) {
            self.gate.looked.send_modify(|looked| *looked += 1);
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.arrive();
        self.look();
    }
}
