//! The ISMP: the phone bill's rail. Its wire format is not public; what is spoken here is ours, and this
//! file alone holds it.
//!
//! | request | answer |
//! |---|---|
//! | `POST /ismp/v1/calls` `{"key","verb","msisdn","amount_fen","of"}` | `{"result":"approved","reference"}`, `{"result":"declined","reason"}` |
//! | `GET /ismp/v1/calls/{key}` | the same, or `{"result":"never_seen"}` |
//! | `GET /ismp/v1/lines/{msisdn}` | `{"status":"in_service","billing"}`, `{"status":"not_in_service"}` |
//!
//! Verbs: `reserve` money, `confirm` all or less of a reservation, `cancel` one (also one that never came:
//! it can not come any more), `credit` the bill. `of` names the call it is about. A key is the call's id;
//! the same key is done once and answered the same.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::outside::Billing;
use mpss_domain::rail::{Answer, CallStep};
use mpss_domain::{Msisdn, Refusal};
use mpss_runtime::BoxFuture;
use serde::{Deserialize, Serialize};

use super::json_peer::JsonPeer;
use super::rail::{Lost, RailGateway, RailRequest};

/// What the ISMP is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsmpVerb {
    /// Set money aside.
    Reserve,
    /// Take what was set aside, or less.
    Confirm,
    /// Give up what was set aside, or forbid it.
    Cancel,
    /// Give money.
    Credit,
}

/// `POST /ismp/v1/calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IsmpCall {
    /// By which it is known; the same on every retry.
    pub key: String,
    /// What.
    pub verb: IsmpVerb,
    /// Whose bill.
    pub msisdn: String,
    /// How much, in fen.
    pub amount_fen: i64,
    /// The key of the call it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IsmpRequest {
    /// Do something.
    Call(IsmpCall),
    /// What became of a key?
    Query(String),
    /// How is this line?
    Line(Msisdn),
}

/// Why it declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsmpReason {
    /// The line has no more credit.
    InsufficientFunds,
    /// The line is suspended, or not known.
    NotInService,
    /// More than the line may spend.
    LimitExceeded,
    /// The call it is about was cancelled, or is not known.
    NoSuchReservation,
    /// Anything else.
    Refused,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum IsmpAnswer {
    /// Done.
    Approved {
        /// What the ISMP calls it.
        reference: String,
    },
    /// Not done, and never will be under this key.
    Declined {
        /// Why.
        reason: IsmpReason,
    },
    /// The key is not known.
    NeverSeen,
}

/// How a line is: the answer to [`IsmpRequest::Line`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum IsmpLine {
    /// In service.
    InService {
        /// `prepaid` or `postpaid`.
        billing: IsmpBilling,
    },
    /// Suspended, or not known.
    NotInService,
}

/// How a line is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsmpBilling {
    /// 预付费.
    Prepaid,
    /// 后付费.
    Postpaid,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IsmpReply {
    /// To a call or a query.
    Call(IsmpAnswer),
    /// To a question about a line.
    Line(IsmpLine),
}

/// The way to the ISMP: sockets, or the simulator.
pub trait IsmpLink: Send + Sync + 'static {
    /// Sends one request and waits for its answer at most so long.
    fn exchange(&self, request: IsmpRequest, patience: Duration) -> BoxFuture<'_, Result<IsmpReply, Lost>>;
}

/// The phone bill as a rail.
#[derive(Clone)]
pub struct IsmpRail {
    link: Arc<dyn IsmpLink>,
}

impl std::fmt::Debug for IsmpRail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IsmpRail")
    }
}

impl IsmpRail {
    /// A rail over this link.
    #[must_use]
    pub fn new(link: Arc<dyn IsmpLink>) -> Self {
        Self { link }
    }

    async fn answer(&self, request: IsmpRequest, patience: Duration, step: CallStep) -> Answer {
        match self.link.exchange(request, patience).await {
            Ok(IsmpReply::Call(answer)) => meaning(answer, step),
            // It answered something else than it was asked.
            Ok(IsmpReply::Line(_)) => Answer::NoAnswer,
            Err(lost) => lost.into(),
        }
    }
}

/// A call in the ISMP's words.
fn call_of(request: &RailRequest) -> IsmpCall {
    let call = &request.call;
    let verb = match call.step {
        // It sets aside first; there is no taking at once.
        CallStep::Hold | CallStep::Take => IsmpVerb::Reserve,
        CallStep::Capture => IsmpVerb::Confirm,
        CallStep::Release | CallStep::Undo => IsmpVerb::Cancel,
        CallStep::Void | CallStep::Refund | CallStep::Credit => IsmpVerb::Credit,
    };
    IsmpCall {
        key: request.key(),
        verb,
        msisdn: call.msisdn.to_string(),
        amount_fen: call.amount.as_fen(),
        of: request.key_of_original(),
    }
}

fn meaning(answer: IsmpAnswer, step: CallStep) -> Answer {
    match answer {
        IsmpAnswer::Approved { reference } => Answer::Approved { reference },
        // There is nothing to give up.
        IsmpAnswer::Declined { reason: IsmpReason::NoSuchReservation } if step.gives_up() => {
            Answer::Approved { reference: String::new() }
        }
        IsmpAnswer::Declined { reason } => Answer::Declined(match reason {
            IsmpReason::InsufficientFunds => Refusal::InsufficientFunds,
            IsmpReason::NotInService => Refusal::LineNotInService,
            IsmpReason::LimitExceeded | IsmpReason::NoSuchReservation | IsmpReason::Refused => Refusal::DeclinedOutside,
        }),
        IsmpAnswer::NeverSeen => Answer::NeverSeen,
    }
}

impl RailGateway for IsmpRail {
    fn send<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        let step = request.call.step;
        Box::pin(self.answer(IsmpRequest::Call(call_of(request)), request.patience(), step))
    }

    fn ask<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        Box::pin(self.answer(IsmpRequest::Query(request.key()), request.patience(), request.call.step))
    }
}

/// How long the status of a line is waited for.
const LINE_PATIENCE: Duration = Duration::from_secs(3);

impl IsmpRail {
    /// How a line is billed; `None` when it is not in service.
    ///
    /// # Errors
    /// When the ISMP does not answer.
    pub async fn billing_of(&self, msisdn: Msisdn) -> Result<Option<Billing>, Lost> {
        match self.link.exchange(IsmpRequest::Line(msisdn), LINE_PATIENCE).await? {
            IsmpReply::Line(IsmpLine::InService { billing }) => Ok(Some(match billing {
                IsmpBilling::Prepaid => Billing::Prepaid,
                IsmpBilling::Postpaid => Billing::Postpaid,
            })),
            IsmpReply::Line(IsmpLine::NotInService) => Ok(None),
            IsmpReply::Call(_) => Err(Lost::Unknown),
        }
    }
}

/// The ISMP over HTTP.
#[derive(Debug, Clone)]
pub struct HttpIsmp(JsonPeer);

impl HttpIsmp {
    /// The ISMP at `url`, such as `http://ismp.example:8080`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(url: &str) -> Result<Self, reqwest::Error> {
        JsonPeer::new(url).map(Self)
    }

    async fn ask(&self, request: IsmpRequest, patience: Duration) -> Result<IsmpReply, Lost> {
        let Self(peer) = self;
        match request {
            IsmpRequest::Call(call) => peer.post("/ismp/v1/calls", &call, patience).await.map(IsmpReply::Call),
            IsmpRequest::Query(key) => peer.get(&format!("/ismp/v1/calls/{key}"), patience).await.map(IsmpReply::Call),
            IsmpRequest::Line(msisdn) => {
                peer.get(&format!("/ismp/v1/lines/{msisdn}"), patience).await.map(IsmpReply::Line)
            }
        }
    }
}

impl IsmpLink for HttpIsmp {
    fn exchange(&self, request: IsmpRequest, patience: Duration) -> BoxFuture<'_, Result<IsmpReply, Lost>> {
        Box::pin(self.ask(request, patience))
    }
}
