//! Orders of the UPP (product §5, 6.3.4 and 6.5.4): asked for at the national platform, paid at home, delivered and
//! confirmed by the UPP as each cell has its SP treat it.

use std::time::Duration;

use mpss_tests::outside::Heard;
use mpss_tests::trade::{PASSWORD, Trade, UppPaid};
use serde_json::{Value, json};

use super::cell::Cell;
use super::outcome::{Act, Outcome, PRICE, REFUND, Sp};
use super::play::{GoodsSeen, Seen, Taken};

/// A UPP that hears nothing goes on asking; it is answered within this, whoever was killed.
const ANSWER_BOUND: Duration = Duration::from_secs(60);
/// How long the UPP's silent SP is waited for, in ms.
const SILENT_SP_MS: u64 = 2_000;

/// Has the UPP ask for something about a cell's order, under a request id of its own for each `key`.
async fn asks(trade: Trade<'_>, cell: &Cell, verb: &str, key: &str, more: Value) -> Result<Heard, String> {
    let mut errand = json!({ "key": cell.key(&format!("upp-{key}")), "body": { "msisdn": cell.payer.msisdn } });
    for (name, value) in more.as_object().into_iter().flatten() {
        match name.as_str() {
            "delivery" | "times" => errand[name] = value.clone(),
            _ => errand["body"][name] = value.clone(),
        }
    }
    let number = number_of(cell);
    trade.country.outside().upp_asks(trade.client, (&number, verb), errand, ANSWER_BOUND).await
}

/// The UPP's number of a cell's order.
fn number_of(cell: &Cell) -> String {
    cell.key("UPP")
}

fn done(heard: &Heard) -> Result<(), String> {
    if heard.status == 200 { Ok(()) } else { Err(format!("{} {}", heard.status, heard.body)) }
}

/// Has it paid.
pub(crate) async fn pay(trade: Trade<'_>, cell: &Cell) -> Result<Taken, String> {
    let number = number_of(cell);
    let delivery = match (cell.outcome.act(), cell.outcome.sp()) {
        // It is called off while it is pending, or it waits to be told.
        (Act::CallOff, _) | (_, Sp::Waiting) => json!({ "fulfilment": "silent" }),
        (_, Sp::Accepts) => json!({ "fulfilment": "confirmed" }),
        (_, Sp::Refuses) => json!({ "fulfilment": "refused" }),
        (_, Sp::Silent) => json!({ "fulfilment": "refused", "after_ms": SILENT_SP_MS }),
    };
    let payment = json!({
        "account_kind": cell.account.kind(), "amount_fen": PRICE, "title": "a flight", "payment_password": PASSWORD,
        "delivery": delivery,
    });
    let listens = match cell.outcome {
        Outcome::NoticeLost => Some("lost"),
        Outcome::NoticeUnanswered => Some("answer_lost"),
        _ => None,
    };
    if let Some(trouble) = listens {
        trade.country.outside().upp_listens(trade.client, &number, json!({ "next": [trouble] })).await;
    }
    if cell.outcome == Outcome::CalledOffFirst {
        give_back(trade, cell, &number).await?;
        let late = asks(trade, cell, "payment", "pay", payment).await?;
        let refused = late.status == 422 && late.body["code"] == "already_reversed";
        return if refused { Ok(Taken::Order(number)) } else { Err(format!("{} {}", late.status, late.body)) };
    }
    let paid = asks(trade, cell, "payment", "pay", payment.clone());
    let paid = if cell.outcome == Outcome::SentTwice {
        let (first, second) = tokio::join!(paid, asks(trade, cell, "payment", "pay-again", payment.clone()));
        let mut twice = payment;
        twice["times"] = 2.into();
        let third = asks(trade, cell, "payment", "pay", twice).await?;
        let [first, second] = [first?, second?];
        let id = |heard: &Heard| heard.body["payment_id"].clone();
        if first != third || id(&first) != id(&second) {
            return Err(format!("one order, different answers: {first:?}, {second:?}, {third:?}"));
        }
        first
    } else {
        paid.await?
    };
    match paid.status {
        201 | 202 => Ok(Taken::Order(number)),
        422 => Ok(Taken::Refused(format!("refused: {}", paid.body["code"].as_str().unwrap_or_default()))),
        status => Err(format!("{status} {}", paid.body)),
    }
}

/// The UPP reverses it, or refunds a part.
pub(crate) async fn give_back(trade: Trade<'_>, cell: &Cell, number: &str) -> Result<(), String> {
    let heard = match cell.outcome.act() {
        Act::Refund => {
            let refund = json!({ "refund_number": format!("F.{number}"), "amount_fen": REFUND });
            asks(trade, cell, "refund", "refund", refund).await?
        }
        _ => {
            let reversal = json!({ "reversal_number": format!("R.{number}"), "reason": "buyer asked" });
            asks(trade, cell, "reversal", "reverse", reversal).await?
        }
    };
    done(&heard)
}

/// The UPP says that it was delivered.
pub(crate) async fn confirm(trade: Trade<'_>, cell: &Cell) -> Result<(), String> {
    done(&asks(trade, cell, "confirmation", "confirm", json!({})).await?)
}

async fn shown(trade: Trade<'_>, cell: &Cell) -> Result<Value, String> {
    let heard = asks(trade, cell, "query", "query", json!({})).await?;
    done(&heard).map(|()| heard.body)
}

/// The order as its payer's home shows it, in the words of other orders: `delivered` is paid and confirmed.
pub(crate) async fn look(trade: Trade<'_>, cell: &Cell) -> Result<Seen, String> {
    let body = shown(trade, cell).await?;
    let payment = body["status"].as_str().unwrap_or_default();
    let confirmed = body["confirmed_at"].is_string();
    let status = match payment {
        "captured" if confirmed => "delivered".to_owned(),
        "captured" | "reserved" => "paid".to_owned(),
        // What was held and is given back.
        "released" => "reversed".to_owned(),
        "declined" => format!("declined: {}", body["declined_because"].as_str().unwrap_or_default()),
        other => other.to_owned(),
    };
    let undecided = status == "reversing" && cell.case().suspense == 0;
    let rests = !undecided && !matches!(status.as_str(), "pending" | "paid");
    Ok(Seen { status, rests, calls: vec![(format!("payment {payment}"), rests)] })
}

/// What the UPP's SP has done, as the payer's home was told.
pub(crate) async fn goods(trade: Trade<'_>, cell: &Cell) -> Result<GoodsSeen, String> {
    let handed_out = shown(trade, cell).await?["confirmed_at"].is_string().into();
    Ok(GoodsSeen { told: true, handed_out })
}

/// A UPP that was told "pending" is told how that has ended, unless it has called it off itself, and nothing else.
pub(crate) async fn was_told(trade: Trade<'_>, cell: &Cell, status: &str) -> Result<(), String> {
    let known = trade.country.outside().upp_knows(trade.client, &number_of(cell)).await;
    let mut answers = known["answers"].as_array().into_iter().flatten();
    let was_pending = answers.any(|answer| answer[0] == "payment" && answer[1]["status"] == 202);
    let called_off = matches!(cell.outcome.act(), Act::CallOff | Act::CallOffFirst);
    let must = match status {
        _ if !was_pending || called_off => Value::Null,
        _ if status.starts_with("declined") => "declined".into(),
        // Nobody knew its end for too long, and nobody has reversed what was paid.
        "reversed" if cell.outcome.act() == Act::Purchase && cell.outcome.sp() == Sp::Accepts => "reversed".into(),
        _ => "paid".into(),
    };
    let is = &known["notice"]["status"];
    if *is == must { Ok(()) } else { Err(format!("{status}: the UPP was told {is} instead of {must}")) }
}

/// Writes down what it has cost its payer.
pub(crate) async fn note(trade: Trade<'_>, cell: &Cell, cost: i64) {
    let body = shown(trade, cell).await.unwrap_or_else(|why| panic!("{why}"));
    // A reversal that came first has left no order.
    if let Some(order) = body["order_id"].as_str() {
        let paid = UppPaid { msisdn: cell.payer.msisdn.clone(), cost };
        trade.record.rows().upp.insert(order.to_owned(), paid);
    }
}
