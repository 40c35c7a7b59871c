//! Top-ups by recharge card (product §2): the card is set aside at the recharge platform and then used, once, and one
//! account gets what it is worth.

use mpss_tests::client::Ask;
use mpss_tests::trade::{Trade, province_of};
use serde_json::json;

use super::cell::Cell;
use super::outcome::{Outcome, PRICE};
use super::payer::Payer;
use super::play::{GoodsSeen, Seen, Taken, calls_of, told};

/// Between the two of a cell of two.
const AND: &str = " and ";

/// Has a card printed and an account opened for it, and one for whoever else has its PIN.
pub(crate) async fn open(
    trade: Trade<'_>,
    outcome: Outcome,
    msisdn: &str,
    rival: Option<(&'static str, String)>,
) -> (Payer, Option<Payer>) {
    let pin = format!("73{msisdn:0>16}");
    let state = if outcome == Outcome::CardUsed { "used" } else { "active" };
    trade.country.outside().recharge_card(trade.client, &pin, PRICE, state).await;
    let payer = Payer::with_card(trade, "44", msisdn, &pin).await;
    let rival = match rival {
        Some((home, msisdn)) => Some(Payer::with_card(trade, home, &msisdn, &pin).await),
        None => None,
    };
    (payer, rival)
}

/// Asks for the card; the two of a cell of two at once. What is taken is known by its id, of the other the refusal is.
pub(crate) async fn top_up(trade: Trade<'_>, cell: &Cell) -> Result<Taken, String> {
    let Some(rival) = &cell.rival else { return ask(trade, cell, &cell.payer).await };
    let (ours, theirs) = tokio::join!(ask(trade, cell, &cell.payer), ask(trade, cell, rival));
    let both = [ours?, theirs?].map(|taken| match taken {
        Taken::Order(id) => id,
        Taken::Refused(why) => why,
    });
    Ok(Taken::Order(both.join(AND)))
}

async fn ask(trade: Trade<'_>, cell: &Cell, payer: &Payer) -> Result<Taken, String> {
    let body = json!({ "method": "recharge_card", "card_pin": cell.payer.pin() });
    let ask = Ask::post(format!("/v1/accounts/{}/top-ups", payer.account), format!("card-{}", payer.msisdn), body);
    let answer = trade.ask(payer.home, &ask).await?;
    match answer.status {
        202 => Ok(Taken::Order(answer.text("top_up_id"))),
        422 => Ok(Taken::Refused(format!("refused: {}", answer.code()))),
        _ => Err(told(&answer)),
    }
}

/// A top-up as it is now, or soon: it is waited for so long to be final, in seconds.
pub(crate) async fn look(trade: Trade<'_>, order: &str, wait_s: u32) -> Result<Seen, String> {
    let mut seen = Seen { status: String::new(), rests: true, calls: Vec::new() };
    let mut statuses = Vec::new();
    for id in order.split(AND) {
        if id.starts_with("refused") {
            statuses.push(id.to_owned());
            continue;
        }
        let ask = Ask::get(format!("/v1/top-ups/{id}")).header("prefer", format!("wait={wait_s}"));
        let body = trade.ask(province_of(id), &ask).await?.body;
        let status = body["status"].as_str().unwrap_or_default();
        seen.rests &= matches!(status, "credited" | "refused");
        seen.calls.extend(calls_of(&body));
        statuses.push(match body["refused_because"].as_str() {
            Some(code) => format!("{status}: {code}"),
            None => status.to_owned(),
        });
    }
    statuses.sort();
    seen.status = statuses.join(AND);
    Ok(seen)
}

/// Who has what the card is worth: how often it is in the accounts of a cell.
pub(crate) async fn goods(trade: Trade<'_>, cell: &Cell) -> GoodsSeen {
    let mut in_accounts = 0;
    for payer in [&cell.payer].into_iter().chain(&cell.rival) {
        in_accounts += trade.balance(payer.home, &payer.account).await;
    }
    assert_eq!(in_accounts % PRICE, 0, "accounts of {} hold parts of a card", cell.payer.msisdn);
    GoodsSeen { told: true, handed_out: (in_accounts / PRICE).unsigned_abs() }
}

/// Writes down whom it was credited to, as the top-ups say.
pub(crate) async fn note(trade: Trade<'_>, order: &str) {
    for id in order.split(AND).filter(|id| !id.starts_with("refused")) {
        let body = trade.must(province_of(id), &Ask::get(format!("/v1/top-ups/{id}"))).await;
        if body.text("status") == "credited" {
            trade.record.note_recharged(&body.text("msisdn"), body.fen("amount"));
        }
    }
}
