//! Virtual accounts that the unified payment platform (统一支付平台, UPP) keeps (product §2, source §5.1): the rail
//! contract as signed JSON over HTTP.
//!
//! | request | answer |
//! |---|---|
//! | `POST /upp/v1/calls` `{"key","verb","msisdn","amount_fen","of"}` | `{"result":"approved","reference"}`, `{"result":"declined","reason"}` |
//! | `GET /upp/v1/calls/{key}` | the same, or `{"result":"never_seen"}` |
//! | `GET /upp/v1/accounts/{msisdn}` | `{"status":"open","balance_fen"}`, `{"status":"none"}` |
//!
//! Verbs: `reserve` money, `capture` all or less of a reservation (the rest is free again), `release` one (also one
//! that never came: it can not come any more), `reverse` a capture as if it had never been, `credit` the account. `of`
//! names the call it is about. A key is the call's id; the same key is done once and answered the same. Every
//! request is signed as [`crate::channel::http::signed`] says.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::rail::{Answer, CallStep};
use mpss_domain::{Msisdn, Refusal};
use mpss_runtime::{BoxFuture, Clock};
use serde::{Deserialize, Serialize};

use super::json_peer::JsonPeer;
use super::rail::{Lost, RailGateway, RailRequest};

/// What the UPP is asked to do with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UppVerb {
    /// Set money aside.
    Reserve,
    /// Take what was set aside, or less.
    Capture,
    /// Give up what was set aside, or forbid it.
    Release,
    /// Give back what was taken, as if it had never been.
    Reverse,
    /// Give money.
    Credit,
}

/// `POST /upp/v1/calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UppCall {
    /// By which it is known; the same on every retry.
    pub key: String,
    /// What.
    pub verb: UppVerb,
    /// Whose account.
    pub msisdn: String,
    /// How much, in fen.
    pub amount_fen: i64,
    /// The key of the call it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UppRequest {
    /// Do something.
    Call(UppCall),
    /// What became of a key?
    Query(String),
    /// How is this subscriber's account?
    Account(Msisdn),
}

/// Why it declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UppReason {
    /// The account has less.
    InsufficientFunds,
    /// The subscriber has no account there.
    NoAccount,
    /// More than is reserved, or was captured.
    LimitExceeded,
    /// What it is about was released, reversed, or is not known.
    NothingThere,
    /// Anything else.
    Refused,
}

/// One answer to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum UppAnswer {
    /// Done.
    Approved {
        /// What the UPP calls it.
        reference: String,
    },
    /// Not done, and never will be under this key.
    Declined {
        /// Why.
        reason: UppReason,
    },
    /// The key is not known.
    NeverSeen,
}

/// How an account is: the answer to [`UppRequest::Account`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum UppAccount {
    /// It can be used.
    Open {
        /// What can be spent, in fen.
        balance_fen: i64,
    },
    /// There is none.
    None,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UppReply {
    /// To a call or a query.
    Call(UppAnswer),
    /// To a question about an account.
    Account(UppAccount),
}

/// The way to the UPP: sockets, or the simulator.
pub trait UppLink: Send + Sync + 'static {
    /// Sends one request and waits for its answer at most so long.
    fn exchange(&self, request: UppRequest, patience: Duration) -> BoxFuture<'_, Result<UppReply, Lost>>;
}

/// Accounts at the UPP as a rail.
#[derive(Clone)]
pub struct UppRail {
    link: Arc<dyn UppLink>,
}

impl std::fmt::Debug for UppRail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UppRail")
    }
}

/// How long the status of an account is waited for.
const ACCOUNT_PATIENCE: Duration = Duration::from_secs(3);

impl UppRail {
    /// A rail over this link.
    #[must_use]
    pub fn new(link: Arc<dyn UppLink>) -> Self {
        Self { link }
    }

    async fn answer(&self, request: UppRequest, patience: Duration, step: CallStep) -> Answer {
        match self.link.exchange(request, patience).await {
            Ok(UppReply::Call(answer)) => meaning(answer, step),
            // It answered something else than it was asked.
            Ok(UppReply::Account(_)) => Answer::NoAnswer,
            Err(lost) => lost.into(),
        }
    }

    /// Has a subscriber an account there?
    ///
    /// # Errors
    /// When the UPP does not answer.
    pub async fn has_account(&self, msisdn: Msisdn) -> Result<bool, Lost> {
        match self.link.exchange(UppRequest::Account(msisdn), ACCOUNT_PATIENCE).await? {
            UppReply::Account(account) => Ok(account != UppAccount::None),
            UppReply::Call(_) => Err(Lost::Unknown),
        }
    }
}

/// A call in the UPP's words.
fn call_of(request: &RailRequest) -> UppCall {
    let call = &request.call;
    let verb = match call.step {
        // It sets aside first; there is no taking at once.
        CallStep::Hold | CallStep::Take => UppVerb::Reserve,
        CallStep::Capture => UppVerb::Capture,
        CallStep::Release | CallStep::Undo => UppVerb::Release,
        CallStep::Void => UppVerb::Reverse,
        CallStep::Refund | CallStep::Credit => UppVerb::Credit,
    };
    UppCall {
        key: request.key(),
        verb,
        msisdn: call.msisdn.to_string(),
        amount_fen: call.amount.as_fen(),
        of: request.key_of_original(),
    }
}

fn meaning(answer: UppAnswer, step: CallStep) -> Answer {
    match answer {
        UppAnswer::Approved { reference } => Answer::Approved { reference },
        // There is nothing to give up.
        UppAnswer::Declined { reason: UppReason::NothingThere } if step.gives_up() => {
            Answer::Approved { reference: String::new() }
        }
        UppAnswer::Declined { reason } => Answer::Declined(match reason {
            UppReason::InsufficientFunds => Refusal::InsufficientFunds,
            UppReason::NoAccount => Refusal::AccountNotFound,
            UppReason::LimitExceeded | UppReason::NothingThere | UppReason::Refused => Refusal::DeclinedOutside,
        }),
        UppAnswer::NeverSeen => Answer::NeverSeen,
    }
}

impl RailGateway for UppRail {
    fn send<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        let step = request.call.step;
        Box::pin(self.answer(UppRequest::Call(call_of(request)), request.patience(), step))
    }

    fn ask<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        Box::pin(self.answer(UppRequest::Query(request.key()), request.patience(), request.call.step))
    }
}

/// The UPP over HTTP.
#[derive(Debug, Clone)]
pub struct HttpUppAccounts(JsonPeer);

impl HttpUppAccounts {
    /// The UPP at `url`, such as `http://upp.example:8080`; requests are signed with `key`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(url: &str, key: Vec<u8>, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        Ok(Self(JsonPeer::new(url)?.signed_with(key, clock)))
    }

    async fn ask(&self, request: UppRequest, patience: Duration) -> Result<UppReply, Lost> {
        let Self(peer) = self;
        match request {
            UppRequest::Call(call) => peer.post("/upp/v1/calls", &call, patience).await.map(UppReply::Call),
            UppRequest::Query(key) => peer.get(&format!("/upp/v1/calls/{key}"), patience).await.map(UppReply::Call),
            UppRequest::Account(msisdn) => {
                peer.get(&format!("/upp/v1/accounts/{msisdn}"), patience).await.map(UppReply::Account)
            }
        }
    }
}

impl UppLink for HttpUppAccounts {
    fn exchange(&self, request: UppRequest, patience: Duration) -> BoxFuture<'_, Result<UppReply, Lost>> {
        Box::pin(self.ask(request, patience))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_reads_as_written() {
        let call = UppCall {
            key: "C1".into(),
            verb: UppVerb::Capture,
            msisdn: "18900000001".into(),
            amount_fen: 120,
            of: Some("C0".into()),
        };
        let text = r#"{"key":"C1","verb":"capture","msisdn":"18900000001","amount_fen":120,"of":"C0"}"#;
        assert_eq!(serde_json::to_string(&call).expect("JSON"), text);
        assert_eq!(serde_json::from_str::<UppCall>(text).expect("a call"), call);
        let read = |(text, step)| meaning(serde_json::from_str(text).expect(text), step);
        let approved = |reference: &str| Answer::Approved { reference: reference.into() };
        assert_eq!(
            [
                (r#"{"result":"approved","reference":"R1"}"#, CallStep::Hold),
                (r#"{"result":"declined","reason":"insufficient_funds"}"#, CallStep::Hold),
                (r#"{"result":"declined","reason":"no_account"}"#, CallStep::Hold),
                (r#"{"result":"declined","reason":"nothing_there"}"#, CallStep::Capture),
                (r#"{"result":"declined","reason":"nothing_there"}"#, CallStep::Undo),
                (r#"{"result":"never_seen"}"#, CallStep::Hold),
            ]
            .map(read),
            [
                approved("R1"),
                Answer::Declined(Refusal::InsufficientFunds),
                Answer::Declined(Refusal::AccountNotFound),
                Answer::Declined(Refusal::DeclinedOutside),
                approved(""),
                Answer::NeverSeen,
            ]
        );
        let account: UppAccount = serde_json::from_str(r#"{"status":"open","balance_fen":7}"#).expect("an account");
        assert_eq!(account, UppAccount::Open { balance_fen: 7 });
    }
}
