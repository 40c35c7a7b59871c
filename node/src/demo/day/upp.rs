//! Orders of the unified payment platform (统一支付平台, UPP): it asks the national platform, the payer's home pays, and
//! the UPP's own SPs deliver, or do not.

use std::time::{Duration, Instant};

use mpss_domain::Msisdn;
use serde_json::{Value, json};

use crate::command_line::Failure;
use crate::demo::caller::Answer;
use crate::demo::cast::{PASSWORD, Person};
use crate::demo::nation::LOOK_PAUSE;
use crate::demo::stage::Stage;

const UPP: &str = "统一支付平台";
/// What its orders come to, in fen.
const FLIGHT: i128 = 2_600;
const HOTEL: i128 = 1_800;
/// How long the word of a delivery may take.
const WORD_MAX: Duration = Duration::from_secs(20);

/// One order that is delivered and confirmed, one whose SP refuses and that the UPP reverses.
pub(super) async fn orders(stage: &mut Stage<'_>) -> Result<(), Failure> {
    stage.scene(UPP, "Orders of the unified payment platform: paid at home, delivered by its own SPs");
    let payer = stage.cast.traveller.clone();
    let (flight, hotel) = (stage.of_day("UPP-1"), stage.of_day("UPP-2"));
    let told = "its SP delivers, and it confirms";
    if paid(stage, &payer, &flight, ("机票", FLIGHT), "confirmed").await? {
        comes_to(stage, &payer, &flight, ("captured", told, None)).await?;
    }
    if paid(stage, &payer, &hotel, ("酒店", HOTEL), "refused").await? {
        let told = "its SP refuses, and it reverses: money is back";
        stage.moved(payer.msisdn, HOTEL, 1);
        comes_to(stage, &payer, &hotel, ("reversed", told, Some(HOTEL))).await?;
        let late = asks(stage, &hotel, "payment", payment(payer.msisdn, "酒店", HOTEL)).await?;
        stage.refused(UPP, &format!("asks for {hotel} once more"), "already_reversed", &late);
    }
    Ok(())
}

fn payment(msisdn: Msisdn, title: &str, fen: i128) -> Value {
    json!({
        "msisdn": msisdn.to_string(), "account_kind": "virtual", "amount_fen": i64::try_from(fen).unwrap_or(i64::MAX),
        "title": title, "payment_password": PASSWORD,
    })
}

/// Has the UPP ask for something; what the national platform said to it.
async fn asks(stage: &Stage<'_>, number: &str, verb: &str, body: Value) -> Result<Answer, Failure> {
    run(stage, number, verb, &json!({ "body": body })).await
}

async fn run(stage: &Stage<'_>, number: &str, verb: &str, errand: &Value) -> Result<Answer, Failure> {
    let url = stage.nation.simulators().get("upp").cloned().unwrap_or_default();
    let path = format!("/simulator/upp/orders/{number}/{verb}");
    let mut answer = stage.caller.post(&[url], &path, errand).await?;
    answer.status = answer.body["status"].as_u64().and_then(|status| status.try_into().ok()).unwrap_or_default();
    answer.body = answer.body["body"].take();
    Ok(answer)
}

/// An order is paid at once, out of a virtual account.
async fn paid(
    stage: &mut Stage<'_>,
    payer: &Person,
    number: &str,
    (title, fen): (&str, i128),
    fulfilment: &str,
) -> Result<bool, Failure> {
    let who = Stage::who(payer);
    let errand = json!({ "body": payment(payer.msisdn, title, fen), "delivery": { "fulfilment": fulfilment } });
    let answer = run(stage, number, "payment", &errand).await?;
    let Some(answer) = stage.must(&who, &format!("pays {title} of the UPP"), answer) else { return Ok(false) };
    stage.moved(payer.msisdn, -fen, 1);
    if answer.status != 201 {
        stage.bad(&who, format!("must have paid {title} at once: {}", answer.told()));
        return Ok(false);
    }
    let what = format!("buys {title} at the UPP, order {number}: debited at home {}", payer.home.name_zh());
    stage.good(&who, &what, Some(-fen), answer.took);
    Ok(true)
}

/// The UPP's word of an order comes, and it is so then.
async fn comes_to(
    stage: &mut Stage<'_>,
    payer: &Person,
    number: &str,
    (status, told, moved): (&str, &str, Option<i128>),
) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        let body = json!({ "msisdn": payer.msisdn.to_string() });
        let now = asks(stage, number, "query", body).await?;
        let confirmed = now.body["confirmed_at"].is_string();
        if now.text("status") == status && confirmed == (status == "captured") {
            stage.good(UPP, &format!("{number}: {told}"), moved, begun.elapsed());
            return Ok(());
        }
        if begun.elapsed() > WORD_MAX {
            stage.bad(UPP, format!("{number} must be {status}: {}", now.told()));
            return Ok(());
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}
