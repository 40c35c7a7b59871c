//! Gateways that are broken on purpose.

use std::sync::Arc;

use mpss_domain::Refusal;
use mpss_domain::ids::IssuedId;
use mpss_domain::rail::{Answer, CallAnswer, CallStep};
use mpss_node::gateway::rail::{RailGateway, RailRequest};
use mpss_runtime::BoxFuture;

/// How a gateway is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// No answer is taken for a refusal.
    SilenceIsRefusal,
    /// No answer is taken for an approval.
    SilenceIsApproval,
    /// A refusal is taken for an approval.
    RefusalIsApproval,
    /// No answer is taken for "it was never sent".
    SilenceIsNotSent,
    /// What is sent again is sent under new keys.
    NewKeys,
    /// What gives money back is said to be done and is not sent.
    NothingComesBack,
    /// The amount of what a call is about is sent instead of the call's own.
    WrongAmount,
}

impl Break {
    pub(crate) const ALL: [Self; 7] = [
        Self::SilenceIsRefusal,
        Self::SilenceIsApproval,
        Self::RefusalIsApproval,
        Self::SilenceIsNotSent,
        Self::NewKeys,
        Self::NothingComesBack,
        Self::WrongAmount,
    ];
}

pub(crate) struct Broken {
    pub(crate) whole: Arc<dyn RailGateway>,
    pub(crate) how: Break,
}

impl RailGateway for Broken {
    fn send<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let mut request = request.clone();
            let call = &mut request.call;
            let gives_back = !call.step.is_asked() && call.step != CallStep::Capture;
            match self.how {
                Break::NothingComesBack if gives_back => return Answer::Approved { reference: String::new() },
                Break::NewKeys => {
                    call.keys.serial += u64::from(call.sent) * 500_000;
                    call.id = mpss_domain::CallId::from_bits(call.id.bits() + u64::from(call.sent) * 7);
                }
                Break::WrongAmount => {
                    if let Some(original) = &call.original {
                        call.amount = original.amount + mpss_domain::Money::fen(1);
                    }
                }
                _ => {}
            }
            match (self.how, self.whole.send(&request).await) {
                (Break::SilenceIsRefusal, Answer::NoAnswer) => Answer::Declined(Refusal::DeclinedOutside),
                (Break::SilenceIsApproval, Answer::NoAnswer) | (Break::RefusalIsApproval, Answer::Declined(_)) => {
                    Answer::Approved { reference: String::new() }
                }
                (Break::SilenceIsNotSent, Answer::NoAnswer) => Answer::NotSent,
                (_, answer) => answer,
            }
        })
    }

    fn ask<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        self.whole.ask(request)
    }

    fn late(&self) -> BoxFuture<'_, CallAnswer> {
        self.whole.late()
    }
}
