//! One decline for each common reason. Nothing moves in any of them, which the books show at the end.

use serde_json::json;

use super::{Shelf, province};
use crate::command_line::Failure;
use crate::demo::cast::{Person, WRONG_PASSWORD};
use crate::demo::stage::{Purchase, Stage};

/// Wrong passwords in a day that lock.
const FAILURES_MAX: usize = 5;

pub(super) async fn play(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("拒绝", "Declined, each for its reason; nothing moves");
    let cast = stage.cast.clone();
    let lottery = |quantity| Purchase::of(&shelf.lottery, quantity);
    stage.may_not_buy(&cast.poor, lottery(2), "insufficient_funds").await?;
    stage.may_not_buy(&cast.thrifty, lottery(6), "per_payment_limit_exceeded").await?;
    stage.buys(&cast.thrifty, lottery(5)).await?;
    stage.may_not_buy(&cast.thrifty, lottery(3), "daily_limit_exceeded").await?;
    wrong_passwords(stage, shelf).await?;
    for (name, msisdn, code) in [("某人", cast.unknown, "unknown_number"), ("某人", cast.foreign, "foreign_operator")]
    {
        let nobody = Person { name, msisdn, home: province(44) };
        let answer = stage.tries(msisdn, lottery(1)).await?;
        stage.refused(&format!("{name}      {}", nobody.msisdn), "tries 体彩大乐透", code, &answer);
    }
    suspended_sp(stage, shelf).await?;
    same_request_twice(stage, shelf).await
}

async fn wrong_passwords(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    let forgetful = stage.cast.forgetful.clone();
    let purchase = Purchase::of(&shelf.lottery, 1);
    let who = Stage::who(&forgetful);
    for time in 1..=FAILURES_MAX {
        let answer = stage.tries(forgetful.msisdn, purchase.password(WRONG_PASSWORD)).await?;
        let what = format!("tries 体彩大乐透, wrong password {time} of {FAILURES_MAX}");
        stage.refused(&who, &what, "wrong_password", &answer);
    }
    // The fifth locks, and the subscriber is told.
    stage.moved(forgetful.msisdn, 0, 1);
    let answer = stage.tries(forgetful.msisdn, purchase).await?;
    stage.refused(&who, "tries 体彩大乐透, right password", "password_locked", &answer);
    Ok(())
}

async fn suspended_sp(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    let doors = stage.doors(shelf.closed_shop.place);
    let product = stage.caller.get(&doors, &format!("/v1/products/{}", shelf.closed_shop.id)).await?;
    let Some(product) = stage.must("停业商店", "is looked up", product) else { return Ok(()) };
    let path = format!("/v1/sps/{}/suspend", product.text("sp_id"));
    let answer = stage.caller.post(&doors, &path, &json!({})).await?;
    let Some(answer) = stage.must("停业商店", "is suspended", answer) else { return Ok(()) };
    stage.good("停业商店", "is suspended by the operator", None, answer.took);
    let local = stage.cast.local.clone();
    stage.may_not_buy(&local, Purchase::of(&shelf.closed_shop, 1), "sp_suspended").await
}

/// The same request id: the same answer again for the same content, a refusal for other content.
async fn same_request_twice(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    let local = stage.cast.local.clone();
    let (who, doors, key) = (Stage::who(&local), stage.doors(shelf.lottery.place), stage.caller.key());
    let one = Purchase::of(&shelf.lottery, 1);
    let body = one.body(local.msisdn);
    let first = stage.caller.post_as(&key, &doors, "/v1/orders", &body).await?;
    let Some(first) = stage.must(&who, "buys 体彩大乐透", first) else { return Ok(()) };
    let order = crate::demo::stage::Bought { id: first.text("order_id").to_owned(), place: shelf.lottery.place };
    stage.orders.push(order.clone());
    stage.moved(local.msisdn, -one.cost(), 1);
    stage.settled(&order).await?;
    let again = stage.caller.post_as(&key, &doors, "/v1/orders", &body).await?;
    if again.is_done() && again.replayed && again.text("order_id") == order.id {
        let what = "buys 体彩大乐透, sends the same request again: the same order, paid once";
        stage.good(&who, what, Some(-one.cost()), first.took + again.took);
    } else {
        stage
            .bad(&who, format!("the same request again must answer {} as replayed, and is {}", order.id, again.told()));
    }
    let other = Purchase::of(&shelf.lottery, 3).body(local.msisdn);
    let answer = stage.caller.post_as(&key, &doors, "/v1/orders", &other).await?;
    stage.refused(&who, "uses that request id for ×3", "duplicate_request", &answer);
    Ok(())
}
