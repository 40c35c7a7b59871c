//! The operator's door to the keys that SPs sign with: set, list, end.
//!
//! A secret comes in here, is sealed at once with the key of the vault and never shown again, not even to who set it.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::ids::{IssuedId, SpKeyId};
use mpss_domain::sp_keys::{SetSpKey, SpKey, SpKeyAlgorithm, SpKeyMaterial};
use mpss_domain::{LogTime, Outcome, Refusal, SpId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use crate::intake::field::{self, Shown};
use crate::intake::json::{Secret, Str};
use crate::intake::{EdgeCode, Problem};
use crate::message_signature::CheckKey;
use crate::not_done::NotDone;

/// Characters of the secret of the ISAG's header, at least and at most.
const ISAG_SECRET_CHARS: std::ops::RangeInclusive<usize> = 8..=64;

const ALGORITHMS: [(&str, SpKeyAlgorithm); 4] = [
    (SpKeyAlgorithm::HmacSha256.name(), SpKeyAlgorithm::HmacSha256),
    (SpKeyAlgorithm::Ed25519.name(), SpKeyAlgorithm::Ed25519),
    (SpKeyAlgorithm::Sm2Sm3.name(), SpKeyAlgorithm::Sm2Sm3),
    (SpKeyAlgorithm::IsagMd5.name(), SpKeyAlgorithm::IsagMd5),
];

/// What sets a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetSpKey)]
pub(crate) struct SetKeyAsk<'a> {
    /// What it is called: 1 to 32 letters, digits, `.`, `-` or `_`, never used before by this SP.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 32, pattern = "^[A-Za-z0-9._-]{1,32}$", example = "2026-a")]
    key_id: Str<'a>,
    /// `ed25519`, `sm2-sm3` or `hmac-sha256` (HTTP Message Signatures), or `isag-md5` (the header of the ISAG).
    #[serde(borrow)]
    #[schema(value_type = String, example = "ed25519")]
    algorithm: Str<'a>,
    /// Of `ed25519` and `sm2-sm3`, in hex: 32 bytes, or a point of SM2, compressed or not.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb")]
    public_key: Option<Str<'a>>,
    /// Of `hmac-sha256` 16 to 64 bytes in hex, of `isag-md5` a text of 8 to 64 characters. Never shown again.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Password)]
    secret: Option<Secret<'a>>,
    /// Good from then on (RFC 3339); from now on when not given.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    good_from: Option<Str<'a>>,
    /// Good before then (RFC 3339); until it is ended when not given.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    good_until: Option<Str<'a>>,
}

/// A key, without what is secret of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpKey)]
pub(crate) struct SpKeyBody {
    /// What it is called.
    #[schema(value_type = String, example = "2026-a")]
    key_id: Shown<SpKeyId>,
    /// What `keyid` of a signature by it says: SP and key.
    #[schema(example = "S20260101120000000-44-00001/2026-a")]
    signature_key_id: String,
    /// How is signed with it.
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// In hex; not of a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    /// `waiting` for its time, `good`, `over`, or `ended` before its time.
    #[schema(example = "good")]
    status: &'static str,
    /// Good from then on.
    #[schema(value_type = String, format = DateTime)]
    good_from: Shown<LogTime>,
    /// Good before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    good_until: Option<Shown<LogTime>>,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    set_at: Shown<LogTime>,
    /// When it was ended before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Shown<LogTime>>,
}

impl SpKeyBody {
    fn of(sp: SpId, id: SpKeyId, key: &SpKey, now: LogTime) -> Self {
        Self {
            key_id: Shown(id),
            signature_key_id: format!("{sp}/{id}"),
            algorithm: key.algorithm.name(),
            public_key: match &key.material {
                SpKeyMaterial::Public(bytes) => Some(hex::encode(bytes)),
                SpKeyMaterial::Secret(_) => None,
            },
            status: match key {
                _ if key.ended_at.is_some() => "ended",
                _ if key.is_good_at(now) => "good",
                _ if key.is_open_at(now) => "waiting",
                _ => "over",
            },
            good_from: Shown(key.good_from),
            good_until: key.good_until.map(Shown),
            set_at: Shown(key.set_at),
            ended_at: key.ended_at.map(Shown),
        }
    }
}

/// The keys of an SP.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpKeys)]
pub(crate) struct SpKeysBody {
    /// By what they are called; ended ones for as long as they are remembered.
    keys: Vec<SpKeyBody>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// A key that was set or ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpKeyChanged)]
pub(crate) struct SpKeyChanged {
    /// Whose.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// Which.
    #[schema(value_type = String, example = "2026-a")]
    key_id: Shown<SpKeyId>,
    /// What `keyid` of a signature by it says.
    #[schema(example = "S20260101120000000-44-00001/2026-a")]
    signature_key_id: String,
    /// Position in the province's log.
    log_index: u64,
}

impl SpKeyChanged {
    fn new(sp: SpId, key: SpKeyId, log_index: u64) -> Self {
        Self { sp_id: Shown(sp), key_id: Shown(key), signature_key_id: format!("{sp}/{key}"), log_index }
    }
}

/// What a key is called: it stands in signatures, so it is made of what needs no escaping there.
pub(super) fn key_id(text: &str) -> Result<SpKeyId, Problem> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let id = text.parse().ok().filter(|_| plain);
    id.ok_or_else(|| Problem::field(EdgeCode::InvalidId, "key_id", "1 to 32 letters, digits, '.', '-' or '_'"))
}

impl DoorParts {
    /// What signatures will be checked with; a secret leaves here sealed.
    fn material(
        &self,
        sp: SpId,
        id: SpKeyId,
        algorithm: SpKeyAlgorithm,
        ask: &SetKeyAsk<'_>,
    ) -> Result<SpKeyMaterial, Problem> {
        let missing = |field| Problem::field(EdgeCode::MissingField, field, "this algorithm needs it");
        let wrong = |field, what| Problem::field(EdgeCode::InvalidValue, field, what);
        if algorithm.is_secret() {
            if ask.public_key.is_some() {
                let what = "this algorithm has a secret, no public key";
                return Err(Problem::field(EdgeCode::ConflictingFields, "public_key", what));
            }
            let given = ask.secret.as_ref().ok_or_else(|| missing("secret"))?.reveal();
            let secret = if algorithm == SpKeyAlgorithm::IsagMd5 {
                let good =
                    ISAG_SECRET_CHARS.contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_graphic());
                good.then(|| Zeroizing::new(given.as_bytes().to_vec()))
                    .ok_or_else(|| wrong("secret", "8 to 64 visible ASCII characters"))?
            } else {
                let bytes = hex::decode(given).ok().map(Zeroizing::new);
                bytes
                    .filter(|bytes| CheckKey::new(algorithm, bytes).is_ok())
                    .ok_or_else(|| wrong("secret", "16 to 64 bytes in hex"))?
            };
            let pins = self.context.pins.as_ref().ok_or(EdgeCode::SecretsClosed)?;
            let sealed = pins.seal_sp_secret(sp, id, &secret, &*self.context.seams.random);
            return Ok(SpKeyMaterial::Secret(sealed));
        }
        if ask.secret.is_some() {
            let what = "this algorithm has a public key; the private one stays with the SP";
            return Err(Problem::field(EdgeCode::ConflictingFields, "secret", what));
        }
        let given = ask.public_key.as_ref().ok_or_else(|| missing("public_key"))?;
        let key = hex::decode(given.as_str()).ok().and_then(|bytes| CheckKey::new(algorithm, &bytes).ok());
        let public = key.and_then(|key| key.public_bytes());
        public.map(SpKeyMaterial::Public).ok_or_else(|| wrong("public_key", "no public key of this algorithm in hex"))
    }
}

/// Sets a key that an SP signs with, beside those it has. Asked by the operator.
#[utoipa::path(
    post, path = "/v1/sps/{id}/keys", tag = "catalogue", operation_id = "set_sp_key",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    request_body = SetKeyAsk<'_>,
    responses((status = 201, description = "Set", body = SpKeyChanged)),
)]
pub(crate) async fn set(State(door): State<Door>, call: Call) -> Answer {
    let (request, sp): (_, SpId) = (call.key()?, call.id()?);
    let ask: SetKeyAsk<'_> = call.json()?;
    let key = key_id(ask.key_id.as_str())?;
    let algorithm = field::choice("algorithm", ask.algorithm.as_str(), &ALGORITHMS)?;
    let time = |field, text: &Option<Str<'_>>| text.as_ref().map(|text| field::time(field, text.as_str())).transpose();
    let (good_from, good_until) = (time("good_from", &ask.good_from)?, time("good_until", &ask.good_until)?);
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let material = door.material(sp, key, algorithm, &ask)?;
    let verb = Verb::SetSpKey(Box::new(SetSpKey { sp, key, algorithm, material, good_from, good_until }));
    let reply = door.propose(call.request(request, &ask), verb).await.map_err(Problem::of_path)?;
    let Outcome::Sp(sp) = reply.outcome else { return Err(unexpected(&reply)) };
    let body = SpKeyChanged::new(sp, key, reply.index);
    Ok(answer::created(&body, &reply, &format!("/v1/sps/{sp}/keys")))
}

/// Lists the keys of an SP, without what is secret of them. Asked by the operator.
#[utoipa::path(
    get, path = "/v1/sps/{id}/keys", tag = "catalogue", operation_id = "list_sp_keys",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    responses((status = 200, description = "The keys", body = SpKeysBody)),
)]
pub(crate) async fn list(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let sp: SpId = call.id()?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let wall = door.wall();
    let look = |state: &mpss_domain::State| {
        state.sp(sp)?;
        let now = state.now().max(wall);
        let keys = state.sp_keys(sp).map(|(id, key)| SpKeyBody::of(sp, id, key, now)).collect();
        Some(SpKeysBody { keys, log_index: state.index() })
    };
    let body = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    Ok(answer::found(&body.ok_or_else(|| Problem::refused(Refusal::SpNotFound).of_path())?))
}

/// What ends a key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndSpKey)]
pub(crate) struct EndKeyAsk<'a> {
    /// Which.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 32, pattern = "^[A-Za-z0-9._-]{1,32}$", example = "2026-a")]
    key_id: Str<'a>,
}

/// Ends a key at once: nothing signed with it is taken any more. Asked by the operator.
#[utoipa::path(
    post, path = "/v1/sps/{id}/keys/end", tag = "catalogue", operation_id = "end_sp_key",
    params(("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001")),
    request_body = EndKeyAsk<'_>,
    responses((status = 200, description = "Ended", body = SpKeyChanged)),
)]
pub(crate) async fn end(State(door): State<Door>, call: Call) -> Answer {
    let (request, sp): (_, SpId) = (call.key()?, call.id()?);
    let ask: EndKeyAsk<'_> = call.json()?;
    let key = key_id(ask.key_id.as_str())?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let reply =
        door.propose(call.request(request, &ask), Verb::EndSpKey { sp, key }).await.map_err(Problem::of_path)?;
    Ok(answer::changed(StatusCode::OK, &SpKeyChanged::new(sp, key, reply.index), &reply))
}
