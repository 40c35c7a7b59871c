//! What subscribers send by text, brought by an SMS centre that speaks JSON over HTTP. One that speaks SMPP brings it over
//! its own line.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::field;
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem};

/// Letters of one message at most.
const WORDS_CHARS_MAX: usize = 500;

/// What a subscriber has sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SmsWords)]
pub(crate) struct WordsAsk<'a> {
    /// From which number.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    from: Str<'a>,
    /// What, up to 500 letters; it may hold a payment password.
    #[serde(borrow)]
    #[schema(value_type = String, required = true, format = Password, example = "YE")]
    text: Secret<'a>,
}

/// Words were heard.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SmsWordsHeard)]
pub(crate) struct HeardBody {
    /// Always `heard`; what follows from them is told by text.
    #[schema(example = "heard")]
    status: &'static str,
    /// Position in the province's log that has them.
    log_index: u64,
}

/// Takes what a subscriber has sent to the service number, from the SMS centre, which signs it. The same words of the same
/// number within two minutes are the same message, whatever key they come under: they are done and answered once.
#[utoipa::path(
    post, path = "/v1/sms/words", tag = "accounts", operation_id = "hear_sms_words",
    params(("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`")),
    request_body = WordsAsk<'_>,
    responses((status = 200, description = "Heard, done and answered", body = HeardBody)),
)]
pub(crate) async fn hear(State(door): State<Door>, call: Call) -> Answer {
    call.key()?;
    let key = door.context.settings.outbox.sms_door_key_bytes();
    door.is_signed(&call, key.as_ref().map(|key| key.as_slice()), "no SMS centre is known here")?;
    let ask: WordsAsk<'_> = call.json()?;
    let from = field::msisdn("from", ask.from.as_str())?;
    let text = ask.text.reveal();
    if text.chars().count() > WORDS_CHARS_MAX {
        return Err(Problem::field(EdgeCode::InvalidText, "text", format!("up to {WORDS_CHARS_MAX} letters")));
    }
    door.admit(from.number())?;
    let reply = door.words.hear(from, text).await?;
    Ok(answer::changed(StatusCode::OK, &HeardBody { status: "heard", log_index: reply.index }, &reply))
}
