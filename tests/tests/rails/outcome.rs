//! The table itself: what can happen to an order, and how it must end.

use serde_json::{Value, json};

/// Price of what is bought, in fen.
pub(crate) const PRICE: i64 = 3_000;
/// What a partial refund gives back, in fen.
pub(crate) const REFUND: i64 = 1_000;
/// The bank is waited for 18 s, so this is too late, in ms.
const LATE_FOR_THE_BANK_MS: u64 = 20_000;
/// The ISMP is waited for not quite 3 s and asked after 5 s, so this is too late, in ms.
const LATE_FOR_THE_ISMP_MS: u64 = 4_000;

/// Where it is bought, by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flow {
    /// 6.3.2: by a subscriber of 44, at home.
    Local,
    /// 6.3.3: by a subscriber of 51, in 44.
    Roaming,
    /// 6.3.5: by a subscriber of 44, at the national platform.
    National,
}

impl Flow {
    pub(crate) const ALL: [Self; 3] = [Self::Local, Self::Roaming, Self::National];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Local => "local 6.3.2",
            Self::Roaming => "roaming 6.3.3",
            Self::National => "national 6.3.5",
        }
    }

    pub(crate) const fn scope(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Roaming => "roaming",
            Self::National => "national",
        }
    }

    pub(crate) const fn home(self) -> &'static str {
        match self {
            Self::Local | Self::National => "44",
            Self::Roaming => "51",
        }
    }

    pub(crate) const fn serving(self) -> &'static str {
        match self {
            Self::Local | Self::Roaming => "44",
            Self::National => "00",
        }
    }
}

/// What is paid from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Account {
    Virtual,
    Communication,
    RealTime,
    PreFreeze,
}

impl Account {
    pub(crate) const ALL: [Self; 4] = [Self::Virtual, Self::Communication, Self::RealTime, Self::PreFreeze];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::Communication => "communication",
            Self::RealTime => "bank real-time",
            Self::PreFreeze => "bank pre-freeze",
        }
    }

    /// The word of the interface.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::Communication => "communication",
            Self::RealTime | Self::PreFreeze => "bank",
        }
    }

    /// What the books call it; `None` when the money is inside.
    pub(crate) const fn rail(self) -> Option<&'static str> {
        match self {
            Self::Virtual => None,
            Self::Communication => Some("communication"),
            Self::RealTime => Some("bank_real_time"),
            Self::PreFreeze => Some("bank_pre_freeze"),
        }
    }

    /// Money is set aside first, and taken when it was delivered.
    const fn holds(self) -> bool {
        matches!(self, Self::Communication | Self::PreFreeze)
    }
}

/// How the SP treats what is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sp {
    Accepts,
    Refuses,
    /// It never answers, and its time is short.
    Silent,
    /// It answers when it is told to.
    Waiting,
}

impl Sp {
    pub(crate) const ALL: [Self; 4] = [Self::Accepts, Self::Refuses, Self::Silent, Self::Waiting];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accepts => "accepting",
            Self::Refuses => "refusing",
            Self::Silent => "silent",
            Self::Waiting => "waiting",
        }
    }

    /// What the simulator is told first.
    pub(crate) const fn mode(self) -> &'static str {
        match self {
            Self::Accepts => "accepts",
            Self::Refuses => "refuses",
            Self::Silent | Self::Waiting => "silent",
        }
    }

    pub(crate) const fn delivery_deadline_ms(self) -> u64 {
        match self {
            Self::Silent => 4_000,
            Self::Accepts | Self::Refuses | Self::Waiting => 120_000,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    /// To buy.
    Purchase,
    /// To buy, and have that reversed before it is paid.
    CallOff,
    /// To buy, and have that reversed after it was delivered and paid.
    Reversal,
    /// To buy, and have a part refunded after it was delivered and paid.
    Refund,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Success,
    Declined,
    RequestLost,
    AnswerLost,
    LateAnswer,
    /// The question, or the undoing, is not answered either.
    SilentAgain,
    CaptureLost,
    CaptureDeclined,
    SpRefuses,
    SpRefusesAndGivingUpIsUnanswered,
    SpSilent,
    Reversed,
    ReversalLost,
    ReversalUnanswered,
    ReversalDeclined,
    Refunded,
    RefundLost,
    RefundUnanswered,
    RefundDeclined,
    KilledAtOnce,
    KilledWhileAsked,
    KilledWhileDelivering,
    KilledWhileCapturing,
    KilledWhileUndoing,
    KilledWhileReversing,
    KilledWhileRefunding,
}

/// A cell.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// What becomes of the peer's next requests, from the purchase on.
    pub(crate) manner: Value,
    /// The same from the reversal or refund on.
    pub(crate) manner_after: Value,
    /// How the order may end: its status, and why it was declined.
    pub(crate) ends: &'static [&'static str],
    /// What reconciliation has to decide, in fen: above zero it is with the peer and should not be, below
    /// zero it is still held there and should have been taken.
    pub(crate) suspense: i64,
}

impl Outcome {
    pub(crate) const ALL: [Self; 26] = [
        Self::Success,
        Self::Declined,
        Self::RequestLost,
        Self::AnswerLost,
        Self::LateAnswer,
        Self::SilentAgain,
        Self::CaptureLost,
        Self::CaptureDeclined,
        Self::SpRefuses,
        Self::SpRefusesAndGivingUpIsUnanswered,
        Self::SpSilent,
        Self::Reversed,
        Self::ReversalLost,
        Self::ReversalUnanswered,
        Self::ReversalDeclined,
        Self::Refunded,
        Self::RefundLost,
        Self::RefundUnanswered,
        Self::RefundDeclined,
        Self::KilledAtOnce,
        Self::KilledWhileAsked,
        Self::KilledWhileDelivering,
        Self::KilledWhileCapturing,
        Self::KilledWhileUndoing,
        Self::KilledWhileReversing,
        Self::KilledWhileRefunding,
    ];

    /// In words; what happens in between is said where a cell is shorter than the peer's own rhythm.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Declined => "peer declines",
            Self::RequestLost => "peer silent, request lost, answers from then on",
            Self::AnswerLost => "peer silent, answer lost, answers from then on",
            Self::LateAnswer => "late answer",
            Self::SilentAgain => "peer silent, also to the first question or undoing",
            Self::CaptureLost => "capture lost",
            Self::CaptureDeclined => "capture declined",
            Self::SpRefuses => "SP refuses",
            Self::SpRefusesAndGivingUpIsUnanswered => "SP refuses, peer silent when the money is given up",
            Self::SpSilent => "SP silent",
            Self::Reversed => "reversed after delivery",
            Self::ReversalLost => "reversed after delivery, request lost",
            Self::ReversalUnanswered => "reversed after delivery, answer lost",
            Self::ReversalDeclined => "reversed after delivery, peer declines",
            Self::Refunded => "part refunded",
            Self::RefundLost => "part refunded, request lost",
            Self::RefundUnanswered => "part refunded, answer lost",
            Self::RefundDeclined => "part refunded, peer declines",
            Self::KilledAtOnce => "leaders killed: purchase on its way",
            Self::KilledWhileAsked => "leaders killed: hold or purchase sent",
            Self::KilledWhileDelivering => "leaders killed: paid, SP told",
            Self::KilledWhileCapturing => "leaders killed: delivered, capture sent",
            Self::KilledWhileUndoing => "leaders killed: called off, undoing sent",
            Self::KilledWhileReversing => "leaders killed: reversal sent",
            Self::KilledWhileRefunding => "leaders killed: refund sent",
        }
    }

    pub(crate) const fn act(self) -> Act {
        match self {
            Self::Success
            | Self::Declined
            | Self::RequestLost
            | Self::AnswerLost
            | Self::LateAnswer
            | Self::SilentAgain
            | Self::CaptureLost
            | Self::CaptureDeclined
            | Self::SpRefuses
            | Self::SpRefusesAndGivingUpIsUnanswered
            | Self::SpSilent
            | Self::KilledAtOnce
            | Self::KilledWhileAsked
            | Self::KilledWhileDelivering
            | Self::KilledWhileCapturing => Act::Purchase,
            Self::KilledWhileUndoing => Act::CallOff,
            Self::Reversed
            | Self::ReversalLost
            | Self::ReversalUnanswered
            | Self::ReversalDeclined
            | Self::KilledWhileReversing => Act::Reversal,
            Self::Refunded
            | Self::RefundLost
            | Self::RefundUnanswered
            | Self::RefundDeclined
            | Self::KilledWhileRefunding => Act::Refund,
        }
    }

    pub(crate) const fn sp(self) -> Sp {
        match self {
            Self::SpRefuses | Self::SpRefusesAndGivingUpIsUnanswered => Sp::Refuses,
            Self::SpSilent => Sp::Silent,
            Self::KilledWhileDelivering => Sp::Waiting,
            _ => Sp::Accepts,
        }
    }

    /// Leaders are killed on its way.
    pub(crate) const fn kills(self) -> bool {
        matches!(
            self,
            Self::KilledAtOnce
                | Self::KilledWhileAsked
                | Self::KilledWhileDelivering
                | Self::KilledWhileCapturing
                | Self::KilledWhileUndoing
                | Self::KilledWhileReversing
                | Self::KilledWhileRefunding
        )
    }

    /// The cell; `None` when there is none: stored value asks nobody outside, what is taken at once is not
    /// captured, and a bank does not refuse a refund here.
    pub(crate) fn case(self, flow: Flow, account: Account) -> Option<Case> {
        let outside = account.rail().is_some();
        let is_bank = matches!(account, Account::RealTime | Account::PreFreeze);
        let next = |troubles: &[&str]| json!({ "next": troubles });
        let first_is_refused =
            |bank: &str, ismp: &str| json!({ "next": ["refused"], "refusal": if is_bank { bank } else { ismp } });
        let none = next(&[]);
        let ends = |ends| Case { manner: none.clone(), manner_after: none.clone(), ends, suspense: 0 };
        let from_purchase = |manner, ends| Case { manner, manner_after: none.clone(), ends, suspense: 0 };
        let after = |manner_after, ends| Case { manner: none.clone(), manner_after, ends, suspense: 0 };
        // The home province undoes what it knows no end of; of another province's order that is a payment
        // that never was and never will be.
        let given_up: &[&str] = if flow == Flow::Local { &["reversed"] } else { &["declined: already_reversed"] };
        let case = match self {
            Self::Success => ends(&["delivered"]),
            Self::Declined if account == Account::Communication => {
                from_purchase(first_is_refused("", "not_in_service"), &["declined: line_not_in_service"])
            }
            Self::Declined if outside => from_purchase(first_is_refused("51", ""), &["declined: insufficient_funds"]),
            // It is refused before there is an order.
            Self::Declined if flow == Flow::Local => ends(&["refused: insufficient_funds"]),
            Self::Declined => ends(&["declined: insufficient_funds"]),
            Self::RequestLost if outside => from_purchase(next(&["lost"]), given_up),
            // Who can be asked says that it was done.
            Self::AnswerLost if account == Account::Communication => {
                from_purchase(next(&["answer_lost"]), &["delivered"])
            }
            Self::AnswerLost if outside => from_purchase(next(&["answer_lost"]), given_up),
            Self::LateAnswer if account == Account::Communication => {
                from_purchase(json!({ "next": ["late"], "late_ms": LATE_FOR_THE_ISMP_MS }), &["delivered"])
            }
            Self::LateAnswer if outside => {
                from_purchase(json!({ "next": ["late"], "late_ms": LATE_FOR_THE_BANK_MS }), given_up)
            }
            // The next question would come after 50 s; the order's own bound, 30 s, is over before.
            Self::SilentAgain if account == Account::Communication => {
                from_purchase(next(&["answer_lost", "lost"]), &["reversed"])
            }
            Self::SilentAgain if outside => from_purchase(next(&["answer_lost", "lost"]), given_up),
            Self::CaptureLost if account.holds() => from_purchase(next(&["none", "lost"]), &["delivered"]),
            Self::CaptureDeclined if account.holds() => Case {
                suspense: -PRICE,
                ..from_purchase(json!({ "next": ["none", "refused"], "refusal": "12" }), &["delivered"])
            },
            Self::SpRefuses | Self::SpSilent => ends(&["reversed"]),
            Self::SpRefusesAndGivingUpIsUnanswered if outside => {
                from_purchase(next(&["none", "answer_lost"]), &["reversed"])
            }
            Self::Reversed => ends(&["reversed"]),
            Self::ReversalLost if outside => after(next(&["lost"]), &["reversed"]),
            Self::ReversalUnanswered if outside => after(next(&["answer_lost"]), &["reversed"]),
            // What the bank will not take back it is told to refund.
            Self::ReversalDeclined if is_bank => after(first_is_refused("12", ""), &["reversed"]),
            Self::ReversalDeclined if outside => {
                Case { suspense: PRICE, ..after(first_is_refused("", "refused"), &["reversed"]) }
            }
            Self::Refunded => ends(&["partly_refunded"]),
            Self::RefundLost if outside => after(next(&["lost"]), &["partly_refunded"]),
            Self::RefundUnanswered if outside => after(next(&["answer_lost"]), &["partly_refunded"]),
            Self::RefundDeclined if account == Account::Communication => {
                Case { suspense: REFUND, ..after(first_is_refused("", "refused"), &["partly_refunded"]) }
            }
            // It was not taken yet, or it was and the leader told it or could not: any of these is an end,
            // as long as the peer has taken just what it costs.
            Self::KilledAtOnce if flow == Flow::Local => ends(&["delivered", "reversed"]),
            Self::KilledAtOnce => ends(&["delivered", "reversed", "declined: already_reversed"]),
            Self::KilledWhileAsked if account == Account::Communication => {
                from_purchase(next(&["answer_lost"]), &["delivered"])
            }
            Self::KilledWhileAsked if outside => from_purchase(next(&["answer_lost"]), given_up),
            Self::KilledWhileDelivering => ends(&["delivered"]),
            Self::KilledWhileCapturing if account.holds() => {
                from_purchase(next(&["none", "answer_lost", "answer_lost"]), &["delivered"])
            }
            Self::KilledWhileUndoing if is_bank => {
                from_purchase(next(&["answer_lost", "answer_lost", "answer_lost"]), &["reversed"])
            }
            // The question comes in between.
            Self::KilledWhileUndoing if outside => {
                from_purchase(next(&["answer_lost", "lost", "answer_lost", "answer_lost"]), &["reversed"])
            }
            Self::KilledWhileReversing if outside => after(next(&["answer_lost", "answer_lost"]), &["reversed"]),
            Self::KilledWhileReversing => ends(&["reversed"]),
            Self::KilledWhileRefunding if outside => after(next(&["answer_lost", "answer_lost"]), &["partly_refunded"]),
            Self::KilledWhileRefunding => ends(&["partly_refunded"]),
            _ => return None,
        };
        Some(case)
    }
}
