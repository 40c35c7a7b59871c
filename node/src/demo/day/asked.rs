//! An SP asks by itself, signed, and the subscriber answers by text.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Shelf, province};
use crate::command_line::Failure;
use crate::demo::caller::{Answer, yuan};
use crate::demo::cast::Person;
use crate::demo::nation::LOOK_PAUSE;
use crate::demo::place::pepper;
use crate::demo::stage::{Bought, Product, Stage};
use crate::simulator::sms::code_in;

/// The SP's name at the simulator.
const SP: &str = "metro";
/// How it is called.
const NAME: &str = "广州地铁";
/// How long a text, or an order, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Charges that a subscriber agrees to, and does not; and what the SP reads of them.
pub(super) async fn charges(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("二次确认", "An SP asks, signed; the subscriber is asked by text and answers");
    let metro = shelf.metro.clone();
    if !give_key(stage, &metro).await? {
        return Ok(());
    }
    let rider = stage.cast.local.clone();
    charge(stage, &metro, &rider, 'Y').await?;
    charge(stage, &metro, &rider, 'N').await?;
    events(stage).await
}

/// A key of the SP's own, known to the province and to the simulated SP.
async fn give_key(stage: &mut Stage<'_>, product: &Product) -> Result<bool, Failure> {
    let (doors, secret) = (stage.doors(product.place), pepper());
    let key = json!({ "key_id": "demo", "algorithm": "hmac-sha256", "secret": secret });
    let set = stage.caller.post(&doors, &format!("/v1/sps/{}/keys", product.sp), &key).await?;
    let Some(set) = stage.must(NAME, "is given a key", set) else { return Ok(false) };
    let key = json!({ "key_id": set.text("signature_key_id"), "algorithm": "hmac-sha256", "secret": secret });
    let path = format!("/simulator/sps/{}/key", stage.of_day(SP));
    let known = stage.caller.put(&stage.nation.map().sp_url(), &path, &key).await?;
    Ok(stage.must(NAME, "knows its key", known).is_some())
}

/// What the SP asks of a node, and what it is answered: the status of that answer, and its body.
async fn asks(stage: &mut Stage<'_>, method: &str, path: &str, body: Value) -> Result<(u64, Value), Failure> {
    let node = stage.doors(province(44)).remove(0);
    let request_id = stage.caller.key();
    let errand = json!({ "node": node, "method": method, "path": path, "request_id": request_id, "body": body });
    let door = format!("/simulator/sps/{}/requests", stage.of_day(SP));
    let answer = stage.caller.post(&[stage.nation.map().sp_url()], &door, &errand).await?;
    Ok((answer.body["status"].as_u64().unwrap_or_default(), answer.body["body"].clone()))
}

async fn charge(stage: &mut Stage<'_>, product: &Product, rider: &Person, word: char) -> Result<(), Failure> {
    let who = Stage::who(rider);
    let begun = Instant::now();
    let body = json!({ "msisdn": rider.msisdn.to_string(), "product_id": product.id, "quantity": 1 });
    let before = code(stage, rider, None).await?;
    let (status, asked) = asks(stage, "POST", "/v1/sp/charges", body).await?;
    if status != 201 || asked["status"] != "awaiting_confirmation" {
        stage.bad(NAME, format!("asks for {}: {status} {asked}", yuan(product.price)));
        return Ok(());
    }
    let order = Bought { id: asked["order_id"].as_str().unwrap_or_default().to_owned(), place: product.place };
    let Some(code) = next_code(stage, rider, before).await? else {
        stage.bad(&who, "was not asked by text");
        return Ok(());
    };
    let path = format!("/simulator/sms/{}/words", rider.msisdn);
    let words = json!({ "text": format!("{word}{code}") });
    stage.caller.post(&[stage.nation.map().sms_url()], &path, &words).await?;
    let (becomes, moved) = if word == 'Y' { ("delivered", -product.price) } else { ("declined", 0) };
    let settled = settled(stage, &order, becomes).await?;
    if settled.text("status") != becomes {
        stage.bad(&who, format!("answers {word}: must be {becomes}, and is {}", settled.told()));
        return Ok(());
    }
    // Asked, and told what came of it.
    stage.moved(rider.msisdn, moved, 2);
    let asked = format!("is asked by {NAME} for {}", yuan(product.price));
    if word == 'Y' {
        stage.orders.push(order);
        stage.good(&who, &format!("{asked}, texts Y and the code: paid, delivered"), Some(moved), begun.elapsed());
    } else {
        stage.good(&who, &format!("{asked}, texts N and the code: declined"), Some(0), begun.elapsed());
    }
    Ok(())
}

/// The code of the newest text that asks, when there is one that is not `before`.
async fn code(stage: &Stage<'_>, rider: &Person, before: Option<&str>) -> Result<Option<String>, Failure> {
    let path = format!("/simulator/sms/{}", rider.msisdn);
    let inbox = stage.caller.get(&[stage.nation.map().sms_url()], &path).await?;
    let texts = inbox.body["texts"].as_array().into_iter().flatten().rev();
    let newest = texts.filter_map(|text| code_in(text["text"].as_str()?)).next();
    Ok(newest.filter(|code| Some(*code) != before).map(str::to_owned))
}

async fn next_code(stage: &Stage<'_>, rider: &Person, before: Option<String>) -> Result<Option<String>, Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = code(stage, rider, before.as_deref()).await?;
        if found.is_some() || Instant::now() > end {
            return Ok(found);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

/// The order once it is so, or as it is when that takes too long.
async fn settled(stage: &Stage<'_>, order: &Bought, status: &str) -> Result<Answer, Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = stage.settled(order).await?;
        if now.text("status") == status || Instant::now() > end {
            return Ok(now);
        }
    }
}

/// The SP reads what has happened to its orders: 1, 2, 3 … and nothing left out.
async fn events(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let begun = Instant::now();
    let (mut read, mut last) = (Vec::new(), 0);
    // A node's answer ends before what it does not have yet: one reads on behind the last number.
    while begun.elapsed() < PATIENCE && (last == 0 || (read.len() as u64) < last) {
        let path = format!("/v1/sp/events?after={}", read.last().copied().unwrap_or_default());
        let (status, page) = asks(stage, "GET", &path, json!(null)).await?;
        if status != 200 {
            stage.bad(NAME, format!("reads its events: {status} {page}"));
            return Ok(());
        }
        last = page["last_number"].as_u64().unwrap_or_default();
        let events = page["events"].as_array().into_iter().flatten();
        read.extend(events.filter_map(|event| event["number"].as_u64()));
    }
    if last > 0 && read.iter().copied().eq(1..=last) {
        let what = format!("reads by number what happened to its orders: 1 to {last}, none left out");
        stage.good(NAME, &what, None, begun.elapsed());
    } else {
        stage.bad(NAME, format!("reads its events: {read:?} of {last}"));
    }
    Ok(())
}
