//! What became of texts to subscribers, for whoever audits them (source §5.4: every account change is told).

use axum::extract::State;
use mpss_domain::texts::{Fate, PartStatus, Text};
use mpss_domain::{Effect, EffectId, LogTime, Msisdn, State as ProvinceState};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::field::{self, Shown};
use crate::not_done::NotDone;

/// Texts shown when nothing is said, and at most: the newest.
const TEXTS_USUAL: usize = 100;
const TEXTS_MAX: usize = 500;

/// What became of texts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Texts)]
pub(crate) struct TextsBody {
    /// How many came to what, in this province.
    totals: TotalsBody,
    /// The newest texts to the number that was asked about, the newest last; without words.
    texts: Vec<TextBody>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// How many texts came to what, those included that are not remembered one by one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TextTotals)]
pub(crate) struct TotalsBody {
    /// Decided, and not handed to a centre yet.
    waiting: u64,
    /// Handed over in part, or in doubt.
    sending: u64,
    /// Taken by the centre; of a centre without receipts nothing more is known.
    sent: u64,
    /// The handset has it.
    delivered: u64,
    /// It did not arrive.
    failed: u64,
    /// It was no longer good, and not sent.
    superseded: u64,
    /// Nobody can say.
    unknown: u64,
    /// Receipts that no text was found for.
    unmatched_receipts: u64,
}

/// What became of one text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Text)]
pub(crate) struct TextBody {
    /// Its number in the outbox.
    #[schema(example = "44-1234")]
    text_id: String,
    /// To whom.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// `waiting`, `sending`, `sent`, `delivered`, `failed`, `superseded` or `unknown`.
    #[schema(example = "delivered")]
    status: &'static str,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    at: Shown<LogTime>,
    /// When it became final.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    final_at: Option<Shown<LogTime>>,
    /// Why it did not arrive, in the centre's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "UNDELIV 069")]
    reason: Option<String>,
    /// How often one of its messages was handed over.
    tries: u32,
    /// Its messages at the centre.
    messages: Vec<MessageBody>,
}

/// One message at the centre: a text, or a part of one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TextMessage)]
pub(crate) struct MessageBody {
    /// What the centre calls it, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0f3a9c")]
    message_id: Option<String>,
    /// `waiting`, `asked`, `taken`, `delivered`, `failed` or `unknown`.
    #[schema(example = "delivered")]
    status: &'static str,
}

impl TextBody {
    fn of(state: &ProvinceState, text: &Text) -> Self {
        let message = |part: &mpss_domain::texts::Part| MessageBody {
            message_id: part.message.clone(),
            status: match part.status {
                PartStatus::Waiting => "waiting",
                PartStatus::Asked(_) => "asked",
                PartStatus::Taken(_) => "taken",
                PartStatus::Delivered => "delivered",
                PartStatus::Failed => "failed",
                PartStatus::Unknown => "unknown",
            },
        };
        Self {
            text_id: format!("{}-{}", state.province(), text.id.0),
            msisdn: Shown(text.to),
            status: text.fate.name(),
            at: Shown(text.at),
            final_at: text.final_at.map(Shown),
            reason: text.why.clone(),
            tries: text.tries,
            messages: text.parts.iter().map(message).collect(),
        }
    }

    fn waiting(state: &ProvinceState, id: EffectId, msisdn: Msisdn, at: LogTime) -> Self {
        Self {
            text_id: format!("{}-{}", state.province(), id.0),
            msisdn: Shown(msisdn),
            status: "waiting",
            at: Shown(at),
            final_at: None,
            reason: None,
            tries: 0,
            messages: Vec::new(),
        }
    }
}

/// Shows what became of texts: how many came to what, and the newest to one number.
#[utoipa::path(
    get, path = "/v1/texts", tag = "operation", operation_id = "show_texts",
    params(
        ("msisdn" = Option<String>, Query, description = "The texts to this number", example = "18912345678"),
        ("limit" = Option<u32>, Query, description = "Texts shown, 1 to 500; 100 when not given"),
    ),
    responses((status = 200, description = "What became of them", body = TextsBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["msisdn", "limit"])?;
    let msisdn = query.get("msisdn").map(|text| field::msisdn("msisdn", text)).transpose()?;
    let limit = query.limit("limit", TEXTS_USUAL, TEXTS_MAX)?;
    // Tables are copied by a pointer each, so a long walk stops nobody.
    let state = door.context.replica.read_linearizable(ProvinceState::clone).await.map_err(NotDone::from)?;
    Ok(answer::found(&texts(&state, msisdn, limit)))
}

fn texts(state: &ProvinceState, msisdn: Option<Msisdn>, limit: usize) -> TextsBody {
    let mut waiting = 0;
    let mut texts: Vec<TextBody> = Vec::new();
    if let Some(msisdn) = msisdn {
        texts.extend(state.texts_of(msisdn).map(|text| TextBody::of(state, text)));
    }
    for row in state.effects_from(EffectId(0)) {
        let Effect::Sms { to, .. } = row.effect else { continue };
        if state.text(row.id).is_some() {
            continue;
        }
        waiting += 1;
        if msisdn == Some(to) {
            texts.push(TextBody::waiting(state, row.id, to, row.at));
        }
    }
    texts.drain(..texts.len().saturating_sub(limit));
    let totals = state.text_totals();
    TextsBody {
        totals: TotalsBody {
            waiting,
            sending: totals.of(Fate::Sending),
            sent: totals.of(Fate::Sent),
            delivered: totals.of(Fate::Delivered),
            failed: totals.of(Fate::Failed),
            superseded: totals.of(Fate::Superseded),
            unknown: totals.of(Fate::Unknown),
            unmatched_receipts: totals.unmatched,
        },
        texts,
        log_index: state.index(),
    }
}
