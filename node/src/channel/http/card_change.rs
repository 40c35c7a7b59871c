//! 银行资料变更: the bank puts another card in the place of a bound one, at its own door (product §2, §5).

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::BindingId;
use mpss_domain::ids::IssuedId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::of_path;
use super::answer;
use super::bank::card;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::field::Shown;
use crate::intake::json::Str;

/// The card from now on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeCard)]
pub(crate) struct ChangeAsk<'a> {
    /// The bank's institution code: 8 to 11 digits.
    #[serde(borrow)]
    #[schema(value_type = String, example = "01020000")]
    bank: Str<'a>,
    /// What stands for the card between the bank and us, never the card's own number: 13 to 19 digits.
    #[serde(borrow)]
    #[schema(value_type = String, example = "6200000000000000002")]
    card_token: Str<'a>,
    /// The card's last four digits, as the subscriber may be shown them.
    #[serde(borrow)]
    #[schema(value_type = String, example = "5678")]
    card_last_four: Str<'a>,
    /// `real_time` or `pre_freeze`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "pre_freeze")]
    mode: Str<'a>,
}

/// Puts another card in the place of a bound one, or has it debited in another mode. What has begun ends on the
/// card it began with. Asked by the bank.
#[utoipa::path(
    put, path = "/v1/bank/bindings/{id}/card", tag = "bank", operation_id = "change_card",
    params(
        ("id" = String, Path, description = "The binding", example = "B20260101120000000-44-00001"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    request_body = ChangeAsk<'_>,
    responses((status = 200, description = "Changed", body = CardChangedBody)),
)]
pub(crate) async fn change(State(door): State<Door>, call: Call) -> Answer {
    door.is_from_bank(&call)?;
    let (key, id): (_, BindingId) = (call.key()?, call.id()?);
    let ask: ChangeAsk<'_> = call.json()?;
    let card = card(&ask.bank, &ask.card_token, &ask.card_last_four, &ask.mode)?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply = door.home.change_card(call.request(key, &ask), id, card).await.map_err(of_path)?;
    let body = CardChangedBody {
        binding_id: Shown(id),
        card_last_four: ask.card_last_four.as_str().to_owned(),
        mode: ask.mode.as_str().to_owned(),
        log_index: reply.index,
    };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}

/// A card that was changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardChanged)]
pub(crate) struct CardChangedBody {
    /// The binding.
    #[schema(value_type = String, example = "B20260101120000000-44-00001")]
    binding_id: Shown<BindingId>,
    /// The last four digits of its card.
    #[schema(example = "5678")]
    card_last_four: String,
    /// `real_time` or `pre_freeze`.
    #[schema(example = "pre_freeze")]
    mode: String,
    /// Position in the home province's log.
    log_index: u64,
}
