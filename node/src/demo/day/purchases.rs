//! Local, roaming and national purchases, and a transfer between provinces.

use std::time::{Duration, Instant};

use mpss_domain::ProvinceId;
use serde_json::json;

use super::{Shelf, province};
use crate::command_line::Failure;
use crate::demo::caller::yuan;
use crate::demo::cast::PASSWORD;
use crate::demo::nation::LOOK_PAUSE;
use crate::demo::stage::{Bought, Purchase, Stage};

/// How long a transfer may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

/// For the province's own subscribers only.
pub(super) async fn local(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("本地购买", "Local purchase: for the province's own subscribers");
    let (local, traveller) = (stage.cast.local.clone(), stage.cast.traveller.clone());
    stage.buys(&local, Purchase::of(&shelf.lottery, 2)).await?;
    stage.may_not_buy(&traveller, Purchase::of(&shelf.lottery, 2), "not_visible").await
}

/// For visitors only; debited at home.
pub(super) async fn roaming(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<Option<Bought>, Failure> {
    stage.scene("漫游购买", "Roaming purchase: for visitors, debited at home");
    let (local, traveller) = (stage.cast.local.clone(), stage.cast.traveller.clone());
    stage.may_not_buy(&local, Purchase::of(&shelf.lounge, 1), "not_visible").await?;
    stage.buys(&traveller, Purchase::of(&shelf.lounge, 1)).await
}

/// For everyone, asked for at one's own province. Returns the order of the one who will freeze.
pub(super) async fn national(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<Option<Bought>, Failure> {
    stage.scene("全国购买", "National purchase: taken by the national platform, debited at home");
    let (traveller, local, careful) =
        (stage.cast.traveller.clone(), stage.cast.local.clone(), stage.cast.careful.clone());
    let card = Purchase::of(&shelf.phone_card, 1);
    stage.buys(&traveller, card.asked_at(province(11))).await?;
    stage.buys(&local, card.asked_at(province(44))).await?;
    stage.buys(&careful, card.asked_at(province(51))).await
}

/// From phone to phone, from one province to another.
pub(super) async fn transfer(stage: &mut Stage<'_>) -> Result<(), Failure> {
    const AMOUNT: i128 = 2_500;
    stage.scene("手机转帐", "Transfer between provinces");
    let (payer, payee) = (stage.cast.local.clone(), stage.cast.payee.clone());
    let who = Stage::who(&payer);
    let body = json!({
        "payer_msisdn": payer.msisdn.to_string(), "payee_msisdn": payee.msisdn.to_string(),
        "amount": yuan(AMOUNT), "payment_password": PASSWORD,
    });
    let doors = stage.doors(payer.home);
    let begun = Instant::now();
    let answer = stage.caller.post(&doors, "/v1/transfers", &body).await?;
    let Some(answer) = stage.must(&who, "sends money", answer) else { return Ok(()) };
    let path = format!("/v1/transfers/{}", answer.text("transfer_id"));
    loop {
        let now = stage.caller.get(&doors, &path).await?;
        if now.text("status") == "completed" {
            break;
        }
        if begun.elapsed() > ARRIVAL_MAX || now.text("status") == "returned" {
            stage.bad(&who, format!("sends money: it did not arrive: {}", now.told()));
            return Ok(());
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    stage.moved(payer.msisdn, -AMOUNT, 1);
    stage.moved(payee.msisdn, AMOUNT, 1);
    let to = format!("sends {} to {} in {}", payee.name, payee.msisdn, payee.home.name_zh());
    stage.good(&who, &format!("{to}: taken here, credited there, both told"), Some(-AMOUNT), begun.elapsed());
    visible_goods(stage).await
}

/// The catalogue says the same as the purchases did.
async fn visible_goods(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let guangdong: ProvinceId = province(44);
    let doors = stage.doors(guangdong);
    for (person, must, must_not) in [
        (stage.cast.local.clone(), "体彩大乐透", "机场贵宾厅"),
        (stage.cast.traveller.clone(), "机场贵宾厅", "体彩大乐透"),
    ] {
        let answer = stage.caller.get(&doors, &format!("/v1/catalogue?msisdn={}", person.msisdn)).await?;
        let who = Stage::who(&person);
        let Some(answer) = stage.must(&who, "looks at the catalogue", answer) else { continue };
        let products = answer.body["products"].as_array().cloned().unwrap_or_default();
        let shown: Vec<&str> = products.iter().filter_map(|product| product["title"].as_str()).collect();
        if shown.contains(&must) && shown.contains(&"全国话费卡") && !shown.contains(&must_not) {
            let what =
                format!("sees in {}: {} and {} more, not {must_not}", guangdong.name_zh(), must, shown.len() - 1);
            stage.good(&who, &what, None, answer.took);
        } else {
            stage.bad(&who, format!("must see {must} and 全国话费卡, and not {must_not}; sees {shown:?}"));
        }
    }
    Ok(())
}
