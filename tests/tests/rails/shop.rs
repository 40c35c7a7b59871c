//! What is sold, and orders of our own: kept where they were taken, delivered by a simulated SP.

use std::collections::BTreeMap;

use mpss_tests::client::fen;
use mpss_tests::trade::{Errand, Goods, Kind, Trade, is_final, purchase};
use serde_json::{Value, json};

use super::cell::Cell;
use super::outcome::{Act, Flow, PRICE, REFUND, Sp};
use super::play::{GoodsSeen, Seen, Taken, calls_of, told};

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
                let scopes = Flow::ALL.into_iter().filter_map(|flow| Some((flow, flow.scope()?)));
                for (flow, scope) in scopes.filter(|(flow, _)| flow.serving() == province) {
                    let title = format!("{scope} of the {}", sp.name());
                    let delivery_deadline_ms = sp.delivery_deadline_ms();
                    let goods = Goods { delivery_deadline_ms, ..Goods::new(&id, &title, scope, PRICE) };
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

/// Buys.
pub(crate) async fn buy(trade: Trade<'_>, shop: &Shop, cell: &Cell) -> Result<Taken, String> {
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

/// Has an order reversed, or partly refunded.
pub(crate) async fn give_back(trade: Trade<'_>, cell: &Cell, order: &str) -> Result<(), String> {
    let serving = cell.flow.serving();
    let answer = match cell.outcome.act() {
        Act::Refund => trade.refund(serving, &cell.key("refund"), order, REFUND).await?,
        _ => trade.reverse(serving, &cell.key("reverse"), order).await?,
    };
    if answer.is_success() { Ok(()) } else { Err(told(&answer)) }
}

/// An order as it is now, or soon: it is waited for so long to be final, in seconds.
pub(crate) async fn look(trade: Trade<'_>, cell: &Cell, order: &str, wait_s: u32) -> Result<Seen, String> {
    let body = trade.order(cell.flow.serving(), order, wait_s).await?.body;
    let pending = body["refund_pending"].as_str().is_some_and(|pending| fen(pending) > 0);
    let rests = is_final(body["status"].as_str().unwrap_or_default()) && !pending;
    Ok(Seen { status: status_of(&body), rests, calls: calls_of(&body) })
}

/// What the SP knows of an order.
pub(crate) async fn goods(trade: Trade<'_>, cell: &Cell, order: &str) -> GoodsSeen {
    let sp = sp_name(cell.outcome.sp(), cell.flow.serving());
    let saw = trade.country.sp_saw(&sp, order).await;
    let count = |name: &str| saw[name].as_u64().unwrap_or(0);
    GoodsSeen { told: count("deliver_notices") > 0, handed_out: count("delivered") }
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
