//! Top-up by a recharge card (充值卡充值): taken here, checked and used at the recharge platform. The PIN stands in the
//! clear in the request's body alone.

use mpss_domain::AccountId;

use super::call::{Answer, Call};
use super::door::Door;
use super::top_ups::{TopUpAsk, needed, taken};
use crate::card_pin::CardPin;
use crate::intake::{EdgeCode, Problem};

const BY_RECHARGE_CARD: &str = "by recharge card";

/// What a top-up by card needs of its request; nothing of another one belongs to it.
pub(super) fn card_of(ask: &TopUpAsk<'_>) -> Result<CardPin, Problem> {
    ask.only(&["card_pin"], BY_RECHARGE_CARD)?;
    let pin = needed("card_pin", ask.card_pin.as_ref(), BY_RECHARGE_CARD)?;
    let malformed =
        || Problem::field(EdgeCode::InvalidValue, "card_pin", "the PIN of a recharge card has 8 to 32 digits");
    CardPin::parse_recharge(pin.reveal()).ok_or_else(malformed)
}

/// Takes a top-up by card. What becomes of it is told by the subscriber's text, and to whoever asks.
pub(super) async fn take(door: &Door, call: &Call, ask: &TopUpAsk<'_>, account: AccountId, pin: CardPin) -> Answer {
    if door.context.rails.recharge.is_none() {
        let what = "no recharge platform is connected here";
        return Err(Problem::field(EdgeCode::TopUpMethodUnsupported, "method", what));
    }
    let safe = door.context.pins.as_ref().ok_or_else(|| Problem::edge(EdgeCode::VaultClosed))?;
    // The keyed digest stands for the PIN, which is not written.
    let request = call.request(call.key()?, &(ask, safe.recharge_card(&pin)));
    let reply = door.home.top_up_by_card(request, safe, account, &pin).await;
    drop(pin);
    let reply = reply.map_err(|error| of_field(error.into()))?;
    taken(door, &reply).await
}

/// The account is named by the path, the card by its PIN.
fn of_field(problem: Problem) -> Problem {
    let of_card = problem.code().starts_with("recharge_card");
    if of_card { problem.blaming("card_pin") } else { problem.of_path() }
}
