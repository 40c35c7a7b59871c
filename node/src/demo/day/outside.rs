//! Accounts whose money is outside: the phone bill at the ISMP, bank cards in both modes of banks.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Shelf, province};
use crate::command_line::Failure;
use crate::demo::caller::{Answer, yuan};
use crate::demo::cast::{PASSWORD, Person};
use crate::demo::nation::LOOK_PAUSE;
use crate::demo::stage::{Purchase, Stage};

/// How long a province's replicas may take until all of them know the newest rules.
const RULES_MAX: Duration = Duration::from_secs(20);
/// How long a text may take.
const TEXT_MAX: Duration = Duration::from_secs(20);
/// How long a bank may take to have taken what it holds.
const TAKEN_MAX: Duration = Duration::from_secs(20);

/// The phone bill pays: reserved and confirmed at the ISMP.
pub(super) async fn phone_bill(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("通信账户", "Communication account: the ISMP puts it on the phone bill");
    let local = stage.cast.local.clone();
    let (who, doors) = (Stage::who(&local), stage.doors(local.home));
    let body = json!({ "msisdn": local.msisdn.to_string(), "kind": "communication", "payment_password": PASSWORD });
    let begun = Instant::now();
    let opened = loop {
        let answer = stage.caller.post(&doors, "/v1/accounts", &body).await?;
        if answer.code() != "not_yet" || begun.elapsed() > RULES_MAX {
            break answer;
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    };
    let Some(opened) = stage.must(&who, "opens a communication account", opened) else { return Ok(()) };
    stage.moved(local.msisdn, 0, 1);
    stage.good(&who, "opens a communication account; the ISMP says the line is in service", None, opened.took);

    let before = outside(stage, &local, "ismp", "credit_fen").await?;
    stage.buys(&local, Purchase::of(&shelf.lottery, 3).from("communication")).await?;
    taken(stage, &local, "ismp", "credit_fen", before, 3 * shelf.lottery.price).await
}

/// Bound from the bank's side; one bank takes at once, the other holds first.
pub(super) async fn bank(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("银行账户", "Bank accounts: bound by the bank, confirmed by text; ISO 8583 to the bank");
    let (traveller, careful) = (stage.cast.traveller.clone(), stage.cast.careful.clone());
    if bind(stage, &traveller, "real_time", "real time").await? {
        let before = outside(stage, &traveller, "bank", "balance_fen").await?;
        stage.buys(&traveller, Purchase::of(&shelf.lounge, 1).from("bank")).await?;
        taken(stage, &traveller, "bank", "balance_fen", before, shelf.lounge.price).await?;
    }
    if bind(stage, &careful, "pre_freeze", "hold first, take on delivery").await? {
        let before = outside(stage, &careful, "bank", "balance_fen").await?;
        stage.buys(&careful, Purchase::of(&shelf.phone_card, 2).from("bank").asked_at(province(51))).await?;
        taken(stage, &careful, "bank", "balance_fen", before, 2 * shelf.phone_card.price).await?;
    }
    Ok(())
}

/// The bank asks, the subscriber confirms with the code of the text.
async fn bind(stage: &mut Stage<'_>, person: &Person, mode: &str, told: &str) -> Result<bool, Failure> {
    const PATH: &str = "/v1/bank/bindings";
    let (who, doors) = (Stage::who(person), stage.doors(person.home));
    let token = token_of(person);
    let body = json!({
        "msisdn": person.msisdn.to_string(), "bank": "01020000", "card_token": token,
        "card_last_four": &token[15..], "mode": mode, "holder_checked": true,
    });
    let digits = stage.nation.map().bank_key().as_bytes().to_vec();
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or_default() as u8;
    let key: Vec<u8> = digits.chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect();
    let begun = Instant::now();
    let asked = loop {
        let answer = stage.caller.post_signed(&key, &doors, PATH, &body).await?;
        if answer.code() != "not_yet" || begun.elapsed() > RULES_MAX {
            break answer;
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    };
    if stage.must(&who, "has a card bound by the bank", asked).is_none() {
        return Ok(false);
    }
    let Some(code) = code_of(stage, person).await? else { return Ok(false) };
    let body = json!({ "msisdn": person.msisdn.to_string(), "code": code, "payment_password": PASSWORD });
    let confirmed = stage.caller.post(&doors, "/v1/bindings/confirm", &body).await?;
    if stage.must(&who, "confirms the card", confirmed).is_none() {
        return Ok(false);
    }
    // The code, and that it is open.
    stage.moved(person.msisdn, 0, 2);
    let what = format!("a bank binds card ****{} ({told}); confirmed with the code of the text", &token[15..]);
    stage.good(&who, &what, None, begun.elapsed());
    Ok(true)
}

/// The code of the text that asks for a confirmation.
async fn code_of(stage: &mut Stage<'_>, person: &Person) -> Result<Option<String>, Failure> {
    let path = format!("/simulator/sms/{}", person.msisdn);
    let begun = Instant::now();
    loop {
        let texts = stage.caller.get(&[stage.nation.map().sms_url()], &path).await?;
        let code = texts
            .body
            .to_string()
            .split_once("验证码")
            .map(|(_, after)| after.chars().take_while(char::is_ascii_digit).collect::<String>());
        if code.is_some() {
            return Ok(code);
        }
        if begun.elapsed() > TEXT_MAX {
            stage.bad(&Stage::who(person), format!("no text with a code came: {}", texts.told()));
            return Ok(None);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

/// What the bank names a card by: 19 digits.
fn token_of(person: &Person) -> String {
    format!("62{:0>17}", person.msisdn.number())
}

/// A figure of whoever has the money, in fen.
async fn outside(stage: &mut Stage<'_>, person: &Person, whose: &str, name: &str) -> Result<i128, Failure> {
    let path = match whose {
        "ismp" => format!("/simulator/ismp/lines/{}", person.msisdn),
        _ => format!("/simulator/bank/cards/{}", token_of(person)),
    };
    let url = stage.nation.simulators().get(whose).cloned().unwrap_or_default();
    let answer: Answer = stage.caller.get(&[url], &path).await?;
    Ok(answer.body[name].as_i64().unwrap_or_default().into())
}

/// Whoever has the money must have taken so much of it.
async fn taken(
    stage: &mut Stage<'_>,
    person: &Person,
    whose: &str,
    name: &str,
    before: i128,
    cost: i128,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let who = if whose == "ismp" { "ISMP" } else { "银行" };
    loop {
        let now = outside(stage, person, whose, name).await?;
        if before - now == cost {
            let what = format!("has {} → {} of {}", yuan(before), yuan(now), person.name);
            stage.good(who, &what, None, begun.elapsed());
            return Ok(());
        }
        // What was held is taken after the delivery.
        if begun.elapsed() > TAKEN_MAX {
            let what =
                format!("must have taken {} of {} and has {} → {}", yuan(cost), person.name, yuan(before), yuan(now));
            stage.bad(who, what);
            return Ok(());
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}
