//! Applications with rules of their own: a bill is paid once, a card is shown to its buyer, a code opens a gate
//! once, a ticket lets one in.

use serde_json::{Value, json};

use super::Shelf;
use crate::command_line::Failure;
use crate::demo::caller::{Answer, fen, yuan};
use crate::demo::cast::PASSWORD;
use crate::demo::stage::{Bought, Purchase, Stage};

/// The bill of the day; each day has one of its own.
const BILL_FEN: i128 = 8_650;

/// Asked at the SP, paid to the fen, once.
pub(super) async fn bill(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("缴费", "A bill: asked at the SP, paid to the fen, once");
    let (local, payee) = (stage.cast.local.clone(), stage.cast.crowd[0].clone());
    let (who, doors) = (Stage::who(&local), stage.doors(shelf.power.place));
    let number = format!("E-2026-10-{BILL_FEN:06}");
    let path = format!("/v1/products/{}/bill?number={number}", shelf.power.id);
    let asked = stage.caller.get(&doors, &path).await?;
    let Some(asked) = stage.must(&who, "asks what a bill comes to", asked) else { return Ok(()) };
    if (asked.text("status"), fen(asked.text("amount"))) != ("due", Some(BILL_FEN)) {
        stage.bad(&who, format!("bill {number} must be due with {}: {}", yuan(BILL_FEN), asked.told()));
        return Ok(());
    }
    let what = format!("asks for bill {number}: {} due, of {}", asked.text("amount"), asked.text("payer"));
    stage.good(&who, &what, None, asked.took);
    let paying = Purchase::of(&shelf.power, 1);
    stage.may_not_buy(&local, paying.bill(&number, BILL_FEN - 1), "price_changed").await?;
    stage.buys(&local, paying.bill(&number, BILL_FEN)).await?;
    stage.may_not_buy(&payee, paying.bill(&number, BILL_FEN), "bill_paid").await
}

/// Two cards in the vault: bought, shown once and for ever the same, sold out.
pub(super) async fn cards(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("购卡", "PIN cards: sold from the vault, shown to their buyer");
    let (local, other) = (stage.cast.local.clone(), stage.cast.crowd[0].clone());
    let (who, doors) = (Stage::who(&local), stage.doors(shelf.game_card.place));
    let card = |number: &str, pin: &str| json!({ "number": number, "pin": pin, "expires": "2099-12-31" });
    let batch = json!({
        "batch_id": "2026-11/001",
        "cards": [card("8888000000000001", "730955118842907716"), card("8888000000000001", "1234")],
    });
    let loaded = stage.caller.post(&doors, &format!("/v1/products/{}/cards", shelf.game_card.id), &batch).await?;
    let Some(loaded) = stage.must("游戏世界", "loads cards", loaded) else { return Ok(()) };
    let results: Vec<&str> = list(&loaded.body["results"]).filter_map(|line| line["result"].as_str()).collect();
    stage.good("游戏世界", &format!("loads a batch of PIN cards: {}", results.join(", ")), None, loaded.took);

    let Some(order) = stage.buys(&local, Purchase::of(&shelf.game_card, 1)).await? else { return Ok(()) };
    stage.may_not_buy(&other, Purchase::of(&shelf.game_card, 1), "out_of_stock").await?;
    let path = format!("/v1/orders/{}/cards", order.id);
    let by = |person: &crate::demo::cast::Person| json!({ "msisdn": person.msisdn.to_string() });
    let refused = stage.caller.post(&doors, &path, &by(&other)).await?;
    stage.refused(&Stage::who(&other), "wants to see the card", "not_the_buyer", &refused);
    let first = stage.caller.post(&doors, &path, &by(&local)).await?;
    let again = stage.caller.post(&doors, &path, &by(&local)).await?;
    let (Some(first), Some(again)) = (stage.must(&who, "looks", first), stage.must(&who, "looks again", again)) else {
        return Ok(());
    };
    let pin = first.body["cards"][0]["pin"].as_str().unwrap_or_default();
    if pin == "730955118842907716" && first.body["cards"] == again.body["cards"] {
        let what = format!("sees the card: PIN {}…; looks again: the same card", &pin[..6]);
        stage.good(&who, &what, None, first.took + again.took);
    } else {
        stage.bad(&who, format!("must see the card twice: {} {}", first.told(), again.told()));
    }
    let reason = json!({ "reason": "changed my mind" });
    let answer = stage.caller.post(&doors, &format!("/v1/orders/{}/reversal", order.id), &reason).await?;
    stage.refused("客服", "wants to reverse it", "card_shown", &answer);
    Ok(())
}

/// A gate is paid by a one-time code, which pays once.
pub(super) async fn gate(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    const AT_MOST: i128 = 2_000;
    const GATE: &str = "地铁闸机";
    stage.scene("付费", "Pay per use: a gate is paid by a one-time code, without number and password");
    let local = stage.cast.local.clone();
    let (who, doors) = (Stage::who(&local), stage.doors(shelf.metro.place));
    let Some(account) = stage.wallets.get(&local.msisdn).map(|wallet| wallet.account.clone()) else { return Ok(()) };
    let body = json!({ "payment_password": PASSWORD, "amount": yuan(AT_MOST) });
    let issued = stage.caller.post(&doors, &format!("/v1/accounts/{account}/payment-codes"), &body).await?;
    let Some(issued) = stage.must(&who, "asks for a payment code", issued) else { return Ok(()) };
    let code = issued.text("payment_code").to_owned();
    let what =
        format!("asks for a payment code: {}…, pays once, at most {}", code.get(..4).unwrap_or(""), yuan(AT_MOST));
    stage.good(&who, &what, None, issued.took);
    let (id, title, price) = (&shelf.metro.id, shelf.metro.title, shelf.metro.price);
    let asks = |quantity: u32| json!({ "product_id": id, "quantity": quantity, "payment_code": code });
    let path = "/v1/pay-per-use/orders";
    let above = stage.caller.post(&doors, path, &asks(6)).await?;
    stage.refused(GATE, &format!("reads the code, asks for {title} ×6"), "amount_above_code", &above);
    let taken = stage.caller.post(&doors, path, &asks(1)).await?;
    let Some(taken) = stage.must(GATE, "is paid by the code", taken) else { return Ok(()) };
    stage.moved(local.msisdn, -price, 1);
    let order = Bought { id: taken.text("order_id").to_owned(), place: shelf.metro.place };
    stage.orders.push(order.clone());
    let settled = stage.settled(&order).await?;
    if (settled.text("status"), fen(settled.text("amount"))) == ("delivered", Some(price)) {
        let what = format!("reads the code, asks for {title}: paid by {}, opens", local.name);
        stage.good(GATE, &what, Some(-price), taken.took + settled.took);
    } else {
        stage.bad(GATE, format!("must be paid {} and open: {}", yuan(price), settled.told()));
    }
    let again = stage.caller.post(&doors, path, &asks(1)).await?;
    stage.refused(GATE, "reads the code again", "payment_code_used", &again);
    Ok(())
}

/// Two tickets: one is checked, and checked again; the other is given back.
pub(super) async fn tickets(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("票务", "Tickets: signed codes, each lets one in once");
    let local = stage.cast.local.clone();
    let (who, doors) = (Stage::who(&local), stage.doors(shelf.play.place));
    let Some(order) = stage.buys(&local, Purchase::of(&shelf.play, 2)).await? else { return Ok(()) };
    let path = format!("/v1/orders/{}/tickets?msisdn={}", order.id, local.msisdn);
    let shown = stage.caller.get(&doors, &path).await?;
    let Some(shown) = stage.must(&who, "looks at the tickets", shown) else { return Ok(()) };
    let codes: Vec<String> =
        list(&shown.body["tickets"]).filter_map(|ticket| ticket["code"].as_str()).map(str::to_owned).collect();
    let [first, second] = codes.as_slice() else {
        stage.bad(&who, format!("must have two tickets: {}", shown.told()));
        return Ok(());
    };
    stage.good(&who, &format!("has two tickets, the first {first}"), None, shown.took);
    let gate = async |stage: &Stage<'_>, code: &str| -> Result<Answer, Failure> {
        stage.caller.post(&doors, "/v1/tickets/check", &json!({ "code": code })).await
    };
    let checked = gate(stage, first).await?;
    let Some(checked) = stage.must("剧院门口", "checks the first ticket", checked) else { return Ok(()) };
    let what = format!("checks it: {}, ticket {}, let in", checked.text("title"), checked.body["place"]);
    stage.good("剧院门口", &what, None, checked.took);
    let again = gate(stage, first).await?;
    if again.text("checked_at") == checked.text("checked_at") {
        let what = format!("checks it again (first: {})", again.text("checked_at"));
        stage.refused("剧院门口", &what, "ticket_used", &again);
    } else {
        stage.bad("剧院门口", format!("a second check must tell the time of the first: {}", again.told()));
    }
    let mut forged = second.clone();
    let last = if forged.pop() == Some('7') { '8' } else { '7' };
    forged.push(last);
    let answer = gate(stage, &forged).await?;
    stage.refused("剧院门口", "checks a code that was made up", "ticket_not_found", &answer);
    super::returns::refund(stage, &local, &order, shelf.play.price, "partly_refunded").await?;
    let answer = gate(stage, second).await?;
    stage.refused("剧院门口", "checks the one that was given back", "ticket_void", &answer);
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
