//! The words of the table: flows, kinds of account, and what can happen.

/// Price of what is bought, and what a recharge card is worth, in fen.
pub(crate) const PRICE: i64 = 3_000;
/// What a partial refund gives back, in fen.
pub(crate) const REFUND: i64 = 1_000;

/// Where it is bought, by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flow {
    /// 6.3.2: by a subscriber of 44, at home.
    Local,
    /// 6.3.3: by a subscriber of 51, in 44.
    Roaming,
    /// 6.3.5: by a subscriber of 44, at the national platform.
    National,
    /// 6.3.4: of the UPP, which asks the national platform, by a subscriber of 44.
    Upp,
    /// Product §2: a top-up by recharge card, by a subscriber of 44.
    Recharge,
}

impl Flow {
    pub(crate) const ALL: [Self; 5] = [Self::Local, Self::Roaming, Self::National, Self::Upp, Self::Recharge];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Local => "local 6.3.2",
            Self::Roaming => "roaming 6.3.3",
            Self::National => "national 6.3.5",
            Self::Upp => "UPP 6.3.4, 6.5.4",
            Self::Recharge => "top-up by card",
        }
    }

    /// The scope of what is sold; `None` when nothing of an SP of ours is.
    pub(crate) const fn scope(self) -> Option<&'static str> {
        match self {
            Self::Local => Some("local"),
            Self::Roaming => Some("roaming"),
            Self::National => Some("national"),
            Self::Upp | Self::Recharge => None,
        }
    }

    pub(crate) const fn home(self) -> &'static str {
        match self {
            Self::Local | Self::National | Self::Upp | Self::Recharge => "44",
            Self::Roaming => "51",
        }
    }

    pub(crate) const fn serving(self) -> &'static str {
        match self {
            Self::Local | Self::Roaming | Self::Recharge => "44",
            Self::National | Self::Upp => "00",
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
    /// Virtual, and its money is at the UPP.
    AtUpp,
}

impl Account {
    pub(crate) const ALL: [Self; 5] =
        [Self::Virtual, Self::Communication, Self::RealTime, Self::PreFreeze, Self::AtUpp];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::Communication => "communication",
            Self::RealTime => "bank real-time",
            Self::PreFreeze => "bank pre-freeze",
            Self::AtUpp => "virtual at the UPP",
        }
    }

    /// The word of the interface.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Virtual | Self::AtUpp => "virtual",
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
            Self::AtUpp => Some("upp"),
        }
    }

    /// Money is set aside first, and taken when it was delivered.
    pub(crate) const fn holds(self) -> bool {
        matches!(self, Self::Communication | Self::PreFreeze | Self::AtUpp)
    }

    pub(crate) const fn is_at_bank(self) -> bool {
        matches!(self, Self::RealTime | Self::PreFreeze)
    }
}

/// How the SP treats what is bought; an SP of the UPP's is only known by what the UPP says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sp {
    Accepts,
    Refuses,
    /// It never answers, and its time is short; the UPP then reverses.
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
    /// To have it reversed before it was ever asked for, and then to buy.
    CallOffFirst,
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
    CalledOff,
    CalledOffFirst,
    SentTwice,
    NoticeLost,
    NoticeUnanswered,
    CardUsed,
    CardOfTwo,
    CardOfTwoProvinces,
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

impl Outcome {
    pub(crate) const ALL: [Self; 34] = [
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
        Self::CalledOff,
        Self::CalledOffFirst,
        Self::SentTwice,
        Self::NoticeLost,
        Self::NoticeUnanswered,
        Self::CardUsed,
        Self::CardOfTwo,
        Self::CardOfTwoProvinces,
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
            Self::CalledOff => "reversed while the peer is silent",
            Self::CalledOffFirst => "reversed before it was ever seen",
            Self::SentTwice => "sent twice at once, and twice again",
            Self::NoticeLost => "notice of its end lost",
            Self::NoticeUnanswered => "notice of its end not acknowledged",
            Self::CardUsed => "card was used",
            Self::CardOfTwo => "two at once by one card",
            Self::CardOfTwoProvinces => "two of two provinces at once by one card",
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
            Self::KilledWhileDelivering => "leaders killed: paid, not delivered yet",
            Self::KilledWhileCapturing => "leaders killed: delivered or checked, capture sent",
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
            | Self::SentTwice
            | Self::NoticeLost
            | Self::NoticeUnanswered
            | Self::CardUsed
            | Self::CardOfTwo
            | Self::CardOfTwoProvinces
            | Self::KilledAtOnce
            | Self::KilledWhileAsked
            | Self::KilledWhileDelivering
            | Self::KilledWhileCapturing => Act::Purchase,
            Self::CalledOffFirst => Act::CallOffFirst,
            Self::CalledOff | Self::KilledWhileUndoing => Act::CallOff,
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

    /// Home of somebody else who tops up by the same card at the same moment.
    pub(crate) const fn rival_of(self) -> Option<&'static str> {
        match self {
            Self::CardOfTwo => Some("44"),
            Self::CardOfTwoProvinces => Some("51"),
            _ => None,
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
}
