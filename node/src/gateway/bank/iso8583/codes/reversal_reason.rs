//! Why something is reversed.

use std::fmt;

/// Why something is reversed: the first four digits of field 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReversalReason {
    /// 4003
    FormatError,
    /// 4004: only a part is reversed.
    Partial,
    /// 4005
    AmountIncorrect,
    /// 4006: the answer came too late.
    AnswerTooLate,
    /// 4007
    DeviceUnable,
    /// 4013
    CannotDeliverToTerminal,
    /// 4020: the answer can not be understood.
    AnswerInvalid,
    /// 4021: no answer came.
    TimedOut,
    /// 4351: the terminal reverses all of it.
    TerminalFull,
    /// 4352: the terminal reverses a part.
    TerminalPartial,
    /// 4353: the switch's answer reached the acquirer too late.
    AcquirerAnswerTooLate,
    /// 4354: no answer of the switch reached the acquirer.
    AcquirerTimedOut,
    /// 4355: the MAC of the switch's answer is wrong.
    AcquirerAnswerMac,
    /// 4356
    CannotCommandTerminal,
    /// 4360: the issuer's answer reached the switch too late.
    SwitchAnswerTooLate,
    /// 4361: no answer of the issuer reached the switch.
    SwitchTimedOut,
    /// 4362: the MAC of the issuer's answer is wrong.
    SwitchAnswerMac,
    /// 4363: the switch can not pass the answer on to the acquirer.
    CannotForwardToAcquirer,
    /// 4364: the switch can not pass it on to whoever is to be credited.
    CannotForwardToCredited,
    /// 4366: whoever was to be credited refused.
    CreditedRefused,
}

impl ReversalReason {
    /// All of them, ascending.
    pub const ALL: [Self; 20] = [
        Self::FormatError,
        Self::Partial,
        Self::AmountIncorrect,
        Self::AnswerTooLate,
        Self::DeviceUnable,
        Self::CannotDeliverToTerminal,
        Self::AnswerInvalid,
        Self::TimedOut,
        Self::TerminalFull,
        Self::TerminalPartial,
        Self::AcquirerAnswerTooLate,
        Self::AcquirerTimedOut,
        Self::AcquirerAnswerMac,
        Self::CannotCommandTerminal,
        Self::SwitchAnswerTooLate,
        Self::SwitchTimedOut,
        Self::SwitchAnswerMac,
        Self::CannotForwardToAcquirer,
        Self::CannotForwardToCredited,
        Self::CreditedRefused,
    ];

    /// Its four digits.
    #[must_use]
    pub const fn digits(self) -> &'static str {
        match self {
            Self::FormatError => "4003",
            Self::Partial => "4004",
            Self::AmountIncorrect => "4005",
            Self::AnswerTooLate => "4006",
            Self::DeviceUnable => "4007",
            Self::CannotDeliverToTerminal => "4013",
            Self::AnswerInvalid => "4020",
            Self::TimedOut => "4021",
            Self::TerminalFull => "4351",
            Self::TerminalPartial => "4352",
            Self::AcquirerAnswerTooLate => "4353",
            Self::AcquirerTimedOut => "4354",
            Self::AcquirerAnswerMac => "4355",
            Self::CannotCommandTerminal => "4356",
            Self::SwitchAnswerTooLate => "4360",
            Self::SwitchTimedOut => "4361",
            Self::SwitchAnswerMac => "4362",
            Self::CannotForwardToAcquirer => "4363",
            Self::CannotForwardToCredited => "4364",
            Self::CreditedRefused => "4366",
        }
    }

    /// The reason with these digits.
    #[must_use]
    pub fn from_digits(digits: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.digits().as_bytes() == digits)
    }

    /// May the amount of the reversal be less than the original's?
    #[must_use]
    pub const fn is_partial(self) -> bool {
        matches!(self, Self::Partial | Self::TerminalPartial)
    }
}

impl fmt::Display for ReversalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_digits() {
        assert!(ReversalReason::ALL.is_sorted_by(|one, next| one.digits() < next.digits()));
        for reason in ReversalReason::ALL {
            assert_eq!(ReversalReason::from_digits(reason.digits().as_bytes()), Some(reason));
        }
    }
}
