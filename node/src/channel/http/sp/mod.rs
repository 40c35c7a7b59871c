//! The doors of SPs that speak HTTP with us directly (product §6 "SP direct", 6.3.2): every request is signed, and the
//! SP is whose key has signed.
//!
//! ```text
//!  SP ─signed─▶ any node of its province ─▶ who signed? ─▶ its own? ─▶ what the other doors do ─▶ answer
//!     ◀─ events by number, from any node ─ history            else: as if it were not there
//! ```
//!
//! An SP may touch its own orders and awards only; another's are not found. Its request ids are its own: those of two
//! SPs, or of an SP and whoever else asks, never meet.

use axum::http::header::HOST;
use mpss_domain::ids::IssuedId;
use mpss_domain::sp_keys::{SpKey, SpKeyAlgorithm, SpKeyMaterial};
use mpss_domain::{LogTime, OrderId, Refusal, SpId, State as ProvinceState};

use super::call::Call;
use super::door::DoorParts;
use crate::channel::guard::is_change;
use crate::intake::request_id::RequestKey;
use crate::intake::{EdgeCode, Problem};
use crate::message_signature::{CheckKey, Fault, Kind, Message, NonceFault, Presented};
use crate::not_done::NotDone;

pub(super) mod awards;
pub(super) mod charges;
pub(super) mod events;
pub(super) mod goods;
mod order_body;
pub(super) mod orders;
pub(super) mod requests;

/// Longest target that is read as one that was signed, in bytes.
const TARGET_BYTES_MAX: usize = 4 << 10;

impl DoorParts {
    /// The SP whose key has signed this request.
    ///
    /// In the end the key is read from a state that holds everything acknowledged before, so that one that was ended opens
    /// no door any more, whichever node is asked; what is read after this is at least as new.
    ///
    /// # Errors
    /// Every [`Fault`]; too many requests.
    pub(super) async fn signed_by(&self, call: &Call) -> Result<SpId, Problem> {
        let host = call.headers().get(HOST).and_then(|host| host.to_str().ok());
        let uri = &call.parts.uri;
        let authority = uri.authority().map_or(host, |authority| Some(authority.as_str()));
        if call.target().len() > TARGET_BYTES_MAX {
            return Err(Fault::TooLarge.into());
        }
        let message = Message {
            method: call.method().as_str(),
            scheme: &self.context.settings.sp.target_scheme,
            authority: authority.unwrap_or_default(),
            path: uri.path(),
            query: uri.query(),
            headers: call.headers(),
        };
        let now_s = self.wall().0 / 1_000;
        let kind = if is_change(call.method()) { Kind::Change } else { Kind::Question };
        let presented = Presented::read(&message, &call.body, kind, now_s)?;
        let (sp, id) = presented.key_id.split_once('/').ok_or(Fault::UnknownKey)?;
        let sp: SpId = sp.parse().map_err(|_| Fault::UnknownKey)?;
        let id = super::sp_keys::key_id(id).map_err(|_| Fault::UnknownKey)?;
        let look = |state: &ProvinceState| state.sp_key(sp, id).map(|key| (key.clone(), state.now()));
        let replica = &self.context.replica;
        // A key is never changed once it is set, so the row of this replica, however old, tells whose signature it is.
        let known = match replica.read(look) {
            Some(known) => known,
            None => replica.read_linearizable(look).await.map_err(NotDone::from)?.ok_or(Fault::UnknownKey)?,
        };
        self.is_good_now(&known)?;
        let (row, _) = known;
        if !presented.is_by(row.algorithm) || row.algorithm == SpKeyAlgorithm::IsagMd5 {
            return Err(Fault::AlgorithmMismatch.into());
        }
        presented.check(&self.check_key(sp, id, &row)?)?;
        // Only who has the key gets here: nobody else can use up what the SP may ask, nor have others asked.
        self.sp_rates.admit(sp.bits(), self.context.seams.clock.monotonic())?;
        let newest = replica.read_linearizable(look).await.map_err(NotDone::from)?;
        self.is_good_now(&newest.ok_or(Fault::UnknownKey)?)?;
        match self.nonces.take(&presented.key_id, &presented.nonce, presented.created_s, now_s) {
            Ok(()) => Ok(sp),
            Err(NonceFault::Used) => Err(Fault::Replayed.into()),
            Err(NonceFault::Full) => Err(Problem::detailed(EdgeCode::TooManyRequests, "too many signed requests")),
        }
    }

    /// May something be signed with this key, in log time or ours, whichever is later?
    fn is_good_now(&self, (row, log_time): &(SpKey, LogTime)) -> Result<(), Fault> {
        if row.is_good_at(self.wall().max(*log_time)) { Ok(()) } else { Err(Fault::KeyNotGood) }
    }

    fn check_key(&self, sp: SpId, id: mpss_domain::ids::SpKeyId, row: &SpKey) -> Result<CheckKey, Problem> {
        let key = match &row.material {
            SpKeyMaterial::Public(bytes) => CheckKey::new(row.algorithm, bytes),
            SpKeyMaterial::Secret(sealed) => {
                let pins = self.context.pins.as_ref().ok_or(EdgeCode::SecretsClosed)?;
                let secret = pins.open_sp_secret(sp, id, sealed).map_err(|error| {
                    tracing::error!(%error, %sp, key = %id, "a secret was sealed with another vault.key");
                    Problem::detailed(EdgeCode::Unavailable, "this node can not open the key's secret")
                })?;
                CheckKey::new(row.algorithm, &secret)
            }
        };
        key.map_err(|error| {
            tracing::error!(%error, %sp, key = %id, "a key in the state is none");
            Problem::edge(EdgeCode::Internal)
        })
    }

    /// An order of the SP's own.
    ///
    /// # Errors
    /// [`Refusal::OrderNotFound`], also for an order of somebody else.
    async fn own_order(&self, sp: SpId, call: &Call) -> Result<OrderId, Problem> {
        let id: OrderId = call.id()?;
        let look = |state: &ProvinceState| state.order(id).is_some_and(|order| order.sp == sp);
        // The signature was checked against a state that holds everything acknowledged before.
        if self.context.replica.read(look) { Ok(id) } else { Err(Problem::refused(Refusal::OrderNotFound).of_path()) }
    }
}

/// The SP's request id, which is its own whatever others call their requests.
fn own_key(sp: SpId, call: &Call) -> Result<RequestKey, Problem> {
    Ok(call.key()?.of_sp(sp))
}

fn number(name: &'static str, text: Option<&str>) -> Result<u64, Problem> {
    let Some(text) = text else { return Ok(0) };
    let number = text.parse::<u64>().ok().filter(|number| *number <= i64::MAX as u64);
    number.ok_or_else(|| Problem::field(EdgeCode::OutOfRange, name, "a whole number"))
}
