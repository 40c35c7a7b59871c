//! Steps of calls, brought by voice gateways.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use mpss_domain::LogTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{self, LOG_INDEX};
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use super::query::Query;
use crate::channel::ivr::Stepped;
use crate::channel::ivr::menu::{self, Standing, Then};
use crate::channel::ivr::prompts::{Part, tag};
use crate::channel::ivr::token::{self, StepOf};
use crate::channel::ivr::voicexml::{self, Sheet};
use crate::intake::json::{Secret, Str};
use crate::intake::problem::REPLAYED;
use crate::intake::{EdgeCode, Problem, field};

/// Letters of a call's name at most.
const CALL_BYTES_MAX: usize = 64;
/// Digits of the number that was dialled at most.
const CALLED_DIGITS_MAX: usize = 20;
/// Keys in one entry at most; more than any entry takes.
const KEYS_MAX: usize = 32;
/// How far the gateway's clock may be before ours, in ms.
const AHEAD_MS: u64 = 5 * 60_000;

/// What a document-driven gateway submits.
const FORM: &str = "application/x-www-form-urlencoded";
const FORM_FIELDS: &[&str] = &["caller", "called", "started_at", "step", "state", "digits", "status"];

const STATUSES: [(&str, bool); 2] = [("in_progress", false), ("ended", true)];

/// A step of a call.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IvrStep)]
pub(crate) struct StepAsk<'a> {
    /// From which number; the gateway vouches for it.
    #[serde(borrow)]
    #[schema(value_type = String, example = "18912345678")]
    caller: Str<'a>,
    /// The number that was dialled, up to 20 digits.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, example = "10001")]
    called: Option<Str<'a>>,
    /// When the call began; the same in all its steps.
    #[serde(borrow)]
    #[schema(value_type = String, format = DateTime)]
    started_at: Str<'a>,
    /// 1 for the first, then one more each time; the same again when our answer was lost.
    #[schema(minimum = 1, example = 2)]
    step: u32,
    /// What the answer to the step before gave; not with the first.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    state: Option<Str<'a>>,
    /// The keys that were pressed, `0` to `9`, `*` and `#`; empty when none were in time. They may be a payment password.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, format = Password, example = "1")]
    digits: Option<Secret<'a>>,
    /// `in_progress`, or `ended` when the caller has hung up.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, example = "in_progress")]
    status: Option<Str<'a>>,
}

/// What a gateway is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IvrAnswer)]
pub(crate) struct AnswerBody<'a> {
    /// The call.
    call: &'a str,
    /// The step that this answers.
    step: u32,
    /// `collect`, `transfer` or `hang_up`, after everything is said.
    #[schema(example = "collect")]
    next: &'static str,
    /// In which language.
    #[schema(example = "zh-CN")]
    language: &'static str,
    /// What is said, in this order.
    prompts: Vec<PromptBody>,
    /// With `collect`: what the caller is to enter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = CollectBody, required = false)]
    collect: Option<CollectBody>,
    /// With `transfer`: the number of who takes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_to: Option<&'a str>,
    /// With `collect`: to be given back with the next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

/// One part of what is said.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IvrPrompt)]
pub(crate) struct PromptBody {
    /// Stable name, by which a recording may be played; `refusal.` and the code for why something was refused.
    #[schema(example = "menu")]
    id: String,
    /// `prompt`, `amount`, `digits` or `name`.
    #[schema(example = "prompt")]
    kind: &'static str,
    /// The words, in the language of the answer.
    text: String,
    /// An amount in yuan, digits, or a name, bare.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

/// What the caller is to enter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IvrCollect)]
pub(crate) struct CollectBody {
    /// Keys at most.
    digits_max: u8,
    /// The key that ends an entry before that; it need not be sent.
    #[schema(example = "#")]
    ends_with: &'static str,
    /// How long it is waited for; then an empty entry is sent.
    timeout_ms: u64,
    /// What is entered is in no log and no recording.
    secret: bool,
}

/// What a step says, understood. The keys in it are never printed.
struct Understood<'a> {
    of: StepOf<'a>,
    started_at: &'a str,
    state: Option<&'a str>,
    digits: &'a str,
    ended: bool,
}

/// Takes a step of a call from a voice gateway, which signs it, and answers what to say and what to collect: as JSON, or as
/// VoiceXML 2.1 when `Accept` asks for it, whose form is taken as the next step. A step that comes again gets the same
/// answer, and nothing is done again; the keys of the first time count. What is known of the call is in `state`.
#[utoipa::path(
    post, path = "/v1/ivr/calls/{call}/steps", tag = "accounts", operation_id = "step_ivr_call",
    params(
        ("call" = String, Path, pattern = "^[!-~]{1,64}$", description = "The gateway's name for the call: 1 to 64 visible ASCII characters"),
        ("mpss-signature" = String, Header, description = "`t=milliseconds,v1=HMAC-SHA256 in hex`"),
    ),
    request_body = StepAsk<'_>,
    responses((status = 200, description = "What to say and what to collect", content(
        (AnswerBody<'_> = "application/json"),
        (String = "application/voicexml+xml"),
    ))),
)]
pub(crate) async fn step(State(door): State<Door>, call: Call) -> Answer {
    call.key()?;
    let gateway = door.gateway_of(&call)?;
    let Some(key) = door.context.settings.ivr.state_key_bytes() else {
        return Err(Problem::field(EdgeCode::BadSignature, "mpss-signature", "no voice gateway is known here"));
    };
    let form;
    let json;
    let is_form = call.headers().get(CONTENT_TYPE).is_some_and(|given| given.as_bytes().starts_with(FORM.as_bytes()));
    let understood = if is_form {
        call.media_type(FORM)?;
        let text = std::str::from_utf8(&call.body)
            .map_err(|_| Problem::detailed(EdgeCode::InvalidText, "the body is not UTF-8"))?;
        form = Query::read(text, FORM_FIELDS)?;
        understand_form(&form, gateway, call.param("call"))?
    } else {
        json = call.json::<StepAsk<'_>>()?;
        understand(&json, gateway, call.param("call"))?
    };
    door.admit(understood.of.caller.number())?;
    let stepped = door.step(&key, &understood).await?;
    metrics::counter!("mpss_ivr_steps_total", "next" => next_name(stepped.next.then)).increment(1);
    Ok(door.told(&call, &key, &understood, &stepped))
}

impl DoorParts {
    /// The gateway whose signature this is.
    fn gateway_of<'a>(&'a self, call: &Call) -> Result<&'a str, Problem> {
        let mut refusal = None;
        for (name, gateway) in &self.context.settings.ivr_gateways {
            match self.is_signed(call, Some(&gateway.key_bytes()), "") {
                Ok(()) => return Ok(name),
                Err(problem) => refusal = Some(problem),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            Problem::field(EdgeCode::BadSignature, "mpss-signature", "no voice gateway is known here")
        }))
    }

    async fn step(&self, key: &[u8], asked: &Understood<'_>) -> Result<Stepped, Problem> {
        if asked.ended {
            return Ok(menu::ended(Default::default()).into());
        }
        let now = self.wall().0;
        if asked.of.started_at > now + AHEAD_MS {
            return Err(Problem::field(EdgeCode::InvalidTime, "started_at", "no call begins later than now"));
        }
        if now.saturating_sub(asked.of.started_at) > self.context.settings.ivr.call_lifetime_ms {
            return Err(Problem::field(EdgeCode::CallExpired, "started_at", "the call has gone on for too long"));
        }
        let standing = asked.standing(key)?;
        Ok(self.calls.step(&asked.of, standing, asked.digits).await?)
    }

    fn told(&self, call: &Call, key: &[u8], asked: &Understood<'_>, stepped: &Stepped) -> Response {
        let (next, settings) = (&stepped.next, &self.context.settings.ivr);
        let state = match next.then {
            Then::Collect(standing) => {
                let of = StepOf { step: asked.of.step.saturating_add(1), ..asked.of };
                Some(token::seal(key, &of, standing))
            }
            Then::Transfer | Then::HangUp => None,
        };
        let wants = call.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut response = if wants.to_ascii_lowercase().contains(voicexml::MEDIA_TYPE) {
            let sheet = Sheet {
                of: &asked.of,
                started_at: asked.started_at,
                path: call.parts.uri.path(),
                state: state.as_deref(),
                timeout_ms: settings.entry_timeout_ms,
                operator: &settings.operator,
            };
            let mut response = Response::new(Body::from(voicexml::write(next, &sheet)));
            *response.status_mut() = StatusCode::OK;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(voicexml::MEDIA_TYPE));
            response
        } else {
            answer::found(&AnswerBody {
                call: asked.of.call,
                step: asked.of.step,
                next: next_name(next.then),
                language: tag(next.language),
                prompts: next.says.iter().map(|part| shown(part, stepped)).collect(),
                collect: match next.then {
                    Then::Collect(standing) => Some(collected(standing, settings.entry_timeout_ms)),
                    Then::Transfer | Then::HangUp => None,
                },
                transfer_to: (next.then == Then::Transfer).then_some(settings.operator.as_str()),
                state: state.as_deref(),
            })
        };
        if let Some(reply) = &stepped.reply {
            response.headers_mut().insert(LOG_INDEX, HeaderValue::from(reply.index));
            if reply.replayed {
                response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            }
        }
        response
    }
}

impl Understood<'_> {
    /// Where the call stands: `None` at its beginning.
    fn standing(&self, key: &[u8]) -> Result<Option<Standing>, Problem> {
        let refuse = |what: &'static str| Err(Problem::field(EdgeCode::InvalidCallState, "state", what));
        match (self.of.step, self.state) {
            (1, None) => Ok(None),
            (1, Some(_)) => refuse("a call begins without one"),
            (_, None) => refuse("only the first step has none"),
            (_, Some(state)) => match token::open(key, &self.of, state) {
                Some(standing) => Ok(Some(standing)),
                None => refuse("not the one that was given out for this step of this call"),
            },
        }
    }
}

fn understand<'a>(ask: &'a StepAsk<'_>, gateway: &'a str, call: &'a str) -> Result<Understood<'a>, Problem> {
    let status = ask.status.as_ref().map_or(STATUSES[0].0, Str::as_str);
    let fields = Fields {
        caller: ask.caller.as_str(),
        called: ask.called.as_ref().map(Str::as_str),
        started_at: ask.started_at.as_str(),
        state: ask.state.as_ref().map(Str::as_str),
        digits: ask.digits.as_ref().map(Secret::reveal),
        status,
    };
    fields.checked(gateway, call, ask.step)
}

fn understand_form<'a>(form: &'a Query, gateway: &'a str, call: &'a str) -> Result<Understood<'a>, Problem> {
    let step = form.required("step")?;
    let step = step.parse().map_err(|_| Problem::field(EdgeCode::OutOfRange, "step", "a whole number from 1 on"))?;
    let fields = Fields {
        caller: form.required("caller")?,
        called: form.get("called"),
        started_at: form.required("started_at")?,
        state: form.get("state").filter(|state| !state.is_empty()),
        digits: form.get("digits"),
        status: form.get("status").unwrap_or(STATUSES[0].0),
    };
    fields.checked(gateway, call, step)
}

/// A step as it was written, in either form.
struct Fields<'a> {
    caller: &'a str,
    called: Option<&'a str>,
    started_at: &'a str,
    state: Option<&'a str>,
    digits: Option<&'a str>,
    status: &'a str,
}

impl<'a> Fields<'a> {
    fn checked(self, gateway: &'a str, call: &'a str, step: u32) -> Result<Understood<'a>, Problem> {
        let caller = field::msisdn("caller", self.caller)?;
        let called = self.called.unwrap_or_default();
        if called.len() > CALLED_DIGITS_MAX || !called.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::field(EdgeCode::InvalidValue, "called", "up to 20 digits"));
        }
        if call.is_empty() || call.len() > CALL_BYTES_MAX || !call.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::field(EdgeCode::InvalidId, "call", "1 to 64 visible ASCII characters"));
        }
        if step == 0 {
            return Err(Problem::field(EdgeCode::OutOfRange, "step", "a whole number from 1 on"));
        }
        let LogTime(started_at) = field::time("started_at", self.started_at)?;
        let ended = field::choice("status", self.status, &STATUSES)?;
        let digits = self.digits.unwrap_or_default();
        // What a form submits when no grammar matched is an entry that nothing can be.
        let is_key = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'*' | b'#' | b'?');
        if digits.len() > KEYS_MAX || !digits.bytes().all(is_key) {
            return Err(Problem::field(EdgeCode::InvalidValue, "digits", "up to 32 of 0 to 9, * and #"));
        }
        let of = StepOf { gateway, call, caller, called, started_at, step };
        Ok(Understood { of, started_at: self.started_at, state: self.state, digits, ended })
    }
}

fn shown(part: &Part, stepped: &Stepped) -> PromptBody {
    PromptBody { id: part.id(), kind: part.kind(), text: part.text(stepped.next.language), value: part.value() }
}

fn collected(standing: Standing, timeout_ms: u64) -> CollectBody {
    let place = standing.place;
    CollectBody { digits_max: place.digits_max(), ends_with: "#", timeout_ms, secret: place.is_secret() }
}

const fn next_name(then: Then) -> &'static str {
    match then {
        Then::Collect(_) => "collect",
        Then::Transfer => "transfer",
        Then::HangUp => "hang_up",
    }
}
