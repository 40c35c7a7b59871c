//! The recharge platform (充值卡平台): it knows every recharge card, what it is worth and whether it was used.
//! Its wire format is not public; what is spoken here is ours, and this file alone holds it.
//!
//! | request | answer |
//! |---|---|
//! | `POST /recharge/v1/calls` `{"key","verb","msisdn","pin","of"}` | `{"result":"approved","reference","amount_fen"}`, `{"result":"declined","reason"}` |
//! | `GET /recharge/v1/calls/{key}` | the same, or `{"result":"never_seen"}` |
//!
//! Verbs: `set_aside` the card of a `pin`, so that nobody else can use it (answered with what it is worth);
//! `use` the card that was set aside; `release` it (also one that never came: it can not come any more). `of`
//! names the key of the `set_aside`. A key is the call's id; the same key is done once and answered the same.
//!
//! The PIN stands in the clear in a `set_aside`, and nowhere else that leaves this node: the link is to be one
//! that others can not read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::rail::{Answer, CallStep};
use mpss_domain::{Money, Refusal};
use mpss_runtime::BoxFuture;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::json_peer::JsonPeer;
use super::rail::{Lost, RailGateway, RailRequest};
use crate::card_pin::PinSafe;

/// What the platform is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RechargeVerb {
    /// Keep a card for us.
    SetAside,
    /// Use the card that is kept.
    Use,
    /// Let go of it, or forbid it.
    Release,
}

/// A PIN on the wire. Never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct WirePin(Zeroizing<String>);

impl WirePin {
    /// The PIN.
    #[must_use]
    pub fn new(pin: &str) -> Self {
        Self(Zeroizing::new(pin.to_owned()))
    }

    /// The PIN, for the platform only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Serialize for WirePin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WirePin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|pin| Self(Zeroizing::new(pin)))
    }
}

impl fmt::Debug for WirePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WirePin(******)")
    }
}

/// `POST /recharge/v1/calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RechargeCall {
    /// By which it is known; the same on every retry.
    pub key: String,
    /// What.
    pub verb: RechargeVerb,
    /// Who is topped up.
    pub msisdn: String,
    /// The card; with `set_aside`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<WirePin>,
    /// The key of the `set_aside` it is about; with the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RechargeRequest {
    /// Do something.
    Call(RechargeCall),
    /// What became of a key?
    Query(String),
}

/// Why it declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RechargeReason {
    /// No card has this PIN.
    UnknownPin,
    /// The card was used.
    Used,
    /// Its last day is over.
    Expired,
    /// It is set aside under another key.
    SetAside,
    /// It was not activated, or it is locked.
    NotActive,
    /// The card it is about is not set aside.
    NotSetAside,
    /// Anything else.
    Refused,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum RechargeAnswer {
    /// Done.
    Approved {
        /// What the platform calls it.
        reference: String,
        /// What the card is worth, in fen; to a `set_aside`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount_fen: Option<i64>,
    },
    /// Not done, and never will be under this key.
    Declined {
        /// Why.
        reason: RechargeReason,
    },
    /// The key is not known.
    NeverSeen,
}

/// The way to the recharge platform: sockets, or the simulator.
pub trait RechargeLink: Send + Sync + 'static {
    /// Sends one request and waits for its answer at most so long.
    fn exchange(&self, request: RechargeRequest, patience: Duration) -> BoxFuture<'_, Result<RechargeAnswer, Lost>>;
}

/// The recharge platform as a rail.
#[derive(Clone)]
pub struct RechargeRail {
    link: Arc<dyn RechargeLink>,
    safe: PinSafe,
}

impl fmt::Debug for RechargeRail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RechargeRail")
    }
}

impl RechargeRail {
    /// A rail over this link; PINs are opened with the key of `safe`.
    #[must_use]
    pub fn new(link: Arc<dyn RechargeLink>, safe: PinSafe) -> Self {
        Self { link, safe }
    }

    /// A call in the platform's words; `None` when its PIN does not open here.
    fn call_of(&self, request: &RailRequest) -> Option<RechargeCall> {
        let call = &request.call;
        let (verb, pin) = match call.step {
            CallStep::Hold | CallStep::Take => {
                let sealed = request.pin.as_ref()?;
                let pin = self.safe.open_recharge(call.account, sealed);
                let pin = pin.inspect_err(|error| tracing::error!(call = %call.id, %error, "a card is not asked for"));
                (RechargeVerb::SetAside, Some(WirePin::new(pin.ok()?.reveal())))
            }
            CallStep::Capture | CallStep::Credit => (RechargeVerb::Use, None),
            CallStep::Release | CallStep::Undo | CallStep::Void | CallStep::Refund => (RechargeVerb::Release, None),
        };
        Some(RechargeCall {
            key: request.key(),
            verb,
            msisdn: call.msisdn.to_string(),
            pin,
            of: request.key_of_original(),
        })
    }

    async fn answer(&self, request: RechargeRequest, patience: Duration, step: CallStep) -> Answer {
        match self.link.exchange(request, patience).await {
            Ok(answer) => meaning(answer, step),
            Err(lost) => lost.into(),
        }
    }
}

fn meaning(answer: RechargeAnswer, step: CallStep) -> Answer {
    match answer {
        RechargeAnswer::Approved { reference, amount_fen } => match amount_fen {
            Some(fen) if step == CallStep::Hold => Answer::Worth { reference, amount: Money::fen(fen) },
            // Nobody knows what the card is worth: that is asked for again.
            None if step == CallStep::Hold => Answer::NoAnswer,
            _ => Answer::Approved { reference },
        },
        // There is nothing to let go of.
        RechargeAnswer::Declined { reason: RechargeReason::NotSetAside } if step.gives_up() => {
            Answer::Approved { reference: String::new() }
        }
        RechargeAnswer::Declined { reason } => Answer::Declined(match reason {
            RechargeReason::UnknownPin => Refusal::RechargeCardUnknown,
            RechargeReason::Used => Refusal::RechargeCardUsed,
            RechargeReason::Expired => Refusal::RechargeCardExpired,
            RechargeReason::SetAside => Refusal::RechargeCardInUse,
            RechargeReason::NotActive => Refusal::RechargeCardBlocked,
            RechargeReason::NotSetAside | RechargeReason::Refused => Refusal::DeclinedOutside,
        }),
        RechargeAnswer::NeverSeen => Answer::NeverSeen,
    }
}

impl RailGateway for RechargeRail {
    fn send<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let Some(call) = self.call_of(request) else { return Answer::NotSent };
            self.answer(RechargeRequest::Call(call), request.patience(), request.call.step).await
        })
    }

    fn ask<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        Box::pin(self.answer(RechargeRequest::Query(request.key()), request.patience(), request.call.step))
    }
}

/// The recharge platform over HTTP.
#[derive(Debug, Clone)]
pub struct HttpRecharge(JsonPeer);

impl HttpRecharge {
    /// The platform at `url`, such as `http://recharge.example:8080`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(url: &str) -> Result<Self, reqwest::Error> {
        JsonPeer::new(url).map(Self)
    }

    async fn ask(&self, request: RechargeRequest, patience: Duration) -> Result<RechargeAnswer, Lost> {
        let Self(peer) = self;
        match request {
            RechargeRequest::Call(call) => peer.post("/recharge/v1/calls", &call, patience).await,
            RechargeRequest::Query(key) => peer.get(&format!("/recharge/v1/calls/{key}"), patience).await,
        }
    }
}

impl RechargeLink for HttpRecharge {
    fn exchange(&self, request: RechargeRequest, patience: Duration) -> BoxFuture<'_, Result<RechargeAnswer, Lost>> {
        Box::pin(self.ask(request, patience))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_reads_as_written_and_a_pin_is_never_printed() {
        let call = RechargeCall {
            key: "C1".into(),
            verb: RechargeVerb::SetAside,
            msisdn: "18900000001".into(),
            pin: Some(WirePin::new("730955118842907716")),
            of: None,
        };
        let text = r#"{"key":"C1","verb":"set_aside","msisdn":"18900000001","pin":"730955118842907716"}"#;
        assert_eq!(serde_json::to_string(&call).expect("JSON"), text);
        assert_eq!(serde_json::from_str::<RechargeCall>(text).expect("a call"), call);
        assert!(!format!("{call:?}").contains("730955"), "{call:?}");
        let answers = [
            (r#"{"result":"approved","reference":"R1","amount_fen":5000}"#, CallStep::Hold),
            (r#"{"result":"approved","reference":"R1"}"#, CallStep::Hold),
            (r#"{"result":"approved","reference":"R2"}"#, CallStep::Capture),
            (r#"{"result":"declined","reason":"unknown_pin"}"#, CallStep::Hold),
            (r#"{"result":"declined","reason":"not_set_aside"}"#, CallStep::Capture),
            (r#"{"result":"declined","reason":"not_set_aside"}"#, CallStep::Undo),
            (r#"{"result":"never_seen"}"#, CallStep::Hold),
        ];
        let read = |(text, step)| meaning(serde_json::from_str(text).expect(text), step);
        let approved = |reference: &str| Answer::Approved { reference: reference.into() };
        assert_eq!(
            answers.map(read),
            [
                Answer::Worth { reference: "R1".into(), amount: Money::yuan(50) },
                Answer::NoAnswer,
                approved("R2"),
                Answer::Declined(Refusal::RechargeCardUnknown),
                Answer::Declined(Refusal::DeclinedOutside),
                approved(""),
                Answer::NeverSeen,
            ]
        );
    }
}
