//! Money that comes back: goods not delivered, a partial refund, and a refund into a frozen account.

use serde_json::json;

use super::{Shelf, province};
use crate::command_line::Failure;
use crate::demo::caller::yuan;
use crate::demo::cast::{PASSWORD, Person};
use crate::demo::stage::{Bought, Purchase, Stage};

/// An SP that refuses and one that stays silent: both reversed.
pub(super) async fn not_delivered(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("冲正", "Not delivered: the SP refuses, or stays silent until its deadline");
    let local = stage.cast.local.clone();
    stage.buys_and_gets(&local, Purchase::of(&shelf.cinema, 1), "reversed").await?;
    stage.buys_and_gets(&local, Purchase::of(&shelf.night_snack, 1), "reversed").await?;
    // Back again, the SP learns that the order it was silent about is void.
    let (simulator, path) = (stage.nation.map().sp_url(), format!("/simulator/sps/{}", stage.of_day("late-kitchen")));
    let answer = stage.caller.put(&simulator, &path, &json!({ "mode": "accepts" })).await?;
    stage.must("深夜食堂", "is back", answer);
    Ok(())
}

/// Refunds part of the roaming purchase, across provinces.
pub(super) async fn partial_refund(stage: &mut Stage<'_>, lounge: Option<Bought>) -> Result<(), Failure> {
    const PART: i128 = 3_000;
    const TOO_MUCH: i128 = 6_000;
    stage.scene("退款", "Partial refund, back the way it came");
    let traveller = stage.cast.traveller.clone();
    let Some(order) = lounge else { return Ok(()) };
    refund(stage, &traveller, &order, PART, "partly_refunded").await?;
    let path = format!("/v1/orders/{}/refunds", order.id);
    let body = json!({ "amount": yuan(TOO_MUCH), "reason": "more than is left" });
    let answer = stage.caller.post(&stage.doors(order.place), &path, &body).await?;
    stage.refused("白云机场", &format!("refunds {} more", yuan(TOO_MUCH)), "refund_exceeds_paid", &answer);
    Ok(())
}

pub(super) async fn refund(
    stage: &mut Stage<'_>,
    buyer: &Person,
    order: &Bought,
    amount: i128,
    status: &str,
) -> Result<(), Failure> {
    let who = Stage::who(buyer);
    let doors = stage.doors(order.place);
    let body = json!({ "amount": yuan(amount), "reason": "buyer asked" });
    let begun = std::time::Instant::now();
    let answer = stage.caller.post(&doors, &format!("/v1/orders/{}/refunds", order.id), &body).await?;
    if stage.must(&who, "gets a refund", answer).is_none() {
        return Ok(());
    }
    let give_up = begun + std::time::Duration::from_secs(10);
    loop {
        let now = stage.settled(order).await?;
        if now.text("status") == status && now.text("refunded") == yuan(amount) {
            break;
        }
        if std::time::Instant::now() > give_up {
            stage.bad(&who, format!("gets {} back: must be {status}, and is {}", yuan(amount), now.told()));
            return Ok(());
        }
        tokio::time::sleep(crate::demo::nation::LOOK_PAUSE).await;
    }
    stage.moved(buyer.msisdn, amount, 1);
    let place = order.place;
    let what = format!("gets {} of order {} back from {}", yuan(amount), order.id, place.name_zh());
    stage.good(&who, &what, Some(amount), begun.elapsed());
    Ok(())
}

/// A frozen account takes no part in new transactions; money that must come back still lands.
pub(super) async fn frozen_account(stage: &mut Stage<'_>, shelf: &Shelf, card: Option<Bought>) -> Result<(), Failure> {
    stage.scene("账户冻结", "A frozen account: nothing goes out, money that must come back still lands");
    let careful = stage.cast.careful.clone();
    let (who, doors) = (Stage::who(&careful), stage.doors(careful.home));
    let Some(account) = stage.wallets.get(&careful.msisdn).map(|wallet| wallet.account.clone()) else { return Ok(()) };
    let password = json!({ "payment_password": PASSWORD });
    let answer = stage.caller.post(&doors, &format!("/v1/accounts/{account}/freeze"), &password).await?;
    let Some(answer) = stage.must(&who, "freezes the account", answer) else { return Ok(()) };
    stage.moved(careful.msisdn, 0, 1);
    stage.good(&who, "freezes the account", None, answer.took);
    let purchase = Purchase::of(&shelf.phone_card, 1).asked_at(province(51));
    stage.may_not_buy(&careful, purchase, "account_frozen").await?;
    if let Some(order) = card {
        refund(stage, &careful, &order, shelf.phone_card.price, "refunded").await?;
    }
    let answer = stage.caller.post(&doors, &format!("/v1/accounts/{account}/unfreeze"), &password).await?;
    let Some(answer) = stage.must(&who, "thaws the account", answer) else { return Ok(()) };
    stage.moved(careful.msisdn, 0, 1);
    stage.good(&who, "thaws the account", None, answer.took);
    stage.buys(&careful, purchase).await?;
    Ok(())
}
