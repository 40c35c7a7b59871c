//! SPs are admitted; their goods are uploaded, reviewed by someone else, and put on sale.

use std::time::Duration;

use mpss_domain::ProvinceId;
use serde_json::json;

use super::{Shelf, province};
use crate::command_line::Failure;
use crate::demo::caller::yuan;
use crate::demo::stage::{Product, Stage};

/// What an SP wants to sell.
struct Offer {
    place: ProvinceId,
    sp: &'static str,
    sp_name: &'static str,
    title: &'static str,
    application: &'static str,
    scope: &'static str,
    price: i128,
    delivery_deadline_ms: u64,
}

/// How the simulated SP `late-kitchen` must not answer in time, in ms.
const SHORT_DEADLINE_MS: u64 = 1_500;
const USUAL_DEADLINE_MS: u64 = 30_000;

pub(super) async fn set_up(stage: &mut Stage<'_>) -> Result<Option<Shelf>, Failure> {
    stage.scene("商户与商品", "SPs are admitted, goods reviewed and published");
    let guangdong = province(44);
    let offer = |sp, sp_name, title, application, scope, price| Offer {
        place: guangdong,
        sp,
        sp_name,
        title,
        application,
        scope,
        price,
        delivery_deadline_ms: USUAL_DEADLINE_MS,
    };
    let offers = [
        offer("lotto", "南粤彩票", "体彩大乐透", "lottery", "local", 200),
        offer("lounge", "白云机场", "机场贵宾厅", "pay_per_use", "roaming", 8_000),
        offer("cinema", "珠江影院", "电影票", "ticketing", "local", 3_500),
        Offer {
            delivery_deadline_ms: SHORT_DEADLINE_MS,
            ..offer("late-kitchen", "深夜食堂", "夜宵", "pay_per_use", "local", 2_000)
        },
        offer("closed-shop", "停业商店", "杂货", "shopping", "local", 500),
        offer("grid", "南方电网", "电费", "bill_payment", "local", 50_000),
        offer("games", "游戏世界", "游戏点卡", "card_sale", "local", 3_000),
        offer("metro", "广州地铁", "地铁", "pay_per_use", "local", 400),
        offer("theatre", "友谊剧院", "话剧票", "ticketing", "local", 4_500),
        Offer {
            place: ProvinceId::NATIONAL,
            ..offer("phone-card", "全国充值", "全国话费卡", "card_sale", "national", 5_000)
        },
    ];
    let mut on_sale = Vec::new();
    for offer in &offers {
        let Some(product) = put_on_sale(stage, offer).await? else { return Ok(None) };
        on_sale.push(product);
    }
    let simulator = stage.nation.map().sp_url();
    for (sp, mode) in [("cinema", "refuses"), ("late-kitchen", "silent")] {
        let path = format!("/simulator/sps/{}", stage.of_day(sp));
        let answer = stage.caller.put(&simulator, &path, &json!({ "mode": mode })).await?;
        if stage.must(sp, "is set to misbehave", answer).is_none() {
            return Ok(None);
        }
    }
    let [lottery, lounge, cinema, night_snack, closed_shop, power, game_card, metro, play, phone_card]: [Product; 10] =
        on_sale.try_into().expect("one product for each offer");
    Ok(Some(Shelf { lottery, lounge, cinema, night_snack, closed_shop, power, game_card, metro, play, phone_card }))
}

async fn put_on_sale(stage: &mut Stage<'_>, offer: &Offer) -> Result<Option<Product>, Failure> {
    let doors = stage.doors(offer.place);
    let notice_url = format!("{}/sps/{}/notices", stage.nation.map().sp_url(), stage.of_day(offer.sp));
    let mut took = Duration::ZERO;
    let body = json!({ "name": offer.sp_name, "notice_url": notice_url });
    let admitted = stage.caller.post(&doors, "/v1/sps", &body).await?;
    took += admitted.took;
    let Some(admitted) = stage.must(offer.sp_name, "is admitted", admitted) else { return Ok(None) };
    let body = json!({
        "sp_id": admitted.text("sp_id"), "title": offer.title, "application": offer.application, "scope": offer.scope,
        "price": yuan(offer.price), "delivery_deadline_ms": offer.delivery_deadline_ms, "uploaded_by": "uploader-1",
    });
    let uploaded = stage.caller.post(&doors, "/v1/products", &body).await?;
    took += uploaded.took;
    let Some(uploaded) = stage.must(offer.sp_name, "uploads", uploaded) else { return Ok(None) };
    let id = uploaded.text("product_id").to_owned();
    let review = format!("/v1/products/{id}/review");
    if offer.scope == "local" && offer.sp == "lotto" {
        let body = json!({ "decision": "approve", "reviewed_by": "uploader-1" });
        let answer = stage.caller.post(&doors, &review, &body).await?;
        stage.refused(offer.sp_name, "reviews its own upload", "reviewed_by_uploader", &answer);
    }
    let steps = [
        (review, json!({ "decision": "approve", "reviewed_by": "reviewer-1" }), "is reviewed"),
        (format!("/v1/products/{id}/publish"), json!({}), "is published"),
    ];
    for (path, body, what) in steps {
        let answer = stage.caller.post(&doors, &path, &body).await?;
        took += answer.took;
        if stage.must(offer.title, what, answer).is_none() {
            return Ok(None);
        }
    }
    let place = offer.place;
    let scope = match offer.scope {
        "local" => "本地 local",
        "roaming" => "漫游 roaming",
        _ => "全国 national",
    };
    let at = if offer.application == "bill_payment" { "for bills up to" } else { "at" };
    let what = format!("sells {} ({scope}) {at} {} in {} {place}", offer.title, yuan(offer.price), place.name_zh());
    stage.good(offer.sp_name, &what, None, took);
    let sp = admitted.text("sp_id").to_owned();
    Ok(Some(Product { id, place, title: offer.title, price: offer.price, sp }))
}
