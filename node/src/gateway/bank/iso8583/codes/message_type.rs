//! Message types.

use std::fmt;

/// A message type (MTI): version 0 of the standard, then class, function and origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageType {
    /// 0100: pre-authorisation, its void, entrust relations, account verification.
    AuthorizationRequest,
    /// 0110.
    AuthorizationAnswer,
    /// 0200: purchase, void, completion, payout, balance.
    FinancialRequest,
    /// 0210.
    FinancialAnswer,
    /// 0220: refund, completion and settlement advice, payout confirmation. It happened; it is not asked.
    FinancialAdvice,
    /// 0221: the same advice again.
    FinancialAdviceRepeat,
    /// 0230.
    FinancialAdviceAnswer,
    /// 0420: reversal. It is sent until it is answered.
    ReversalAdvice,
    /// 0421: the same reversal again, for peers that tell repeats apart.
    ReversalAdviceRepeat,
    /// 0430.
    ReversalAdviceAnswer,
    /// 0800: key reset asked for.
    NetworkRequest,
    /// 0810.
    NetworkAnswer,
    /// 0820: sign-on, sign-off, line test, day-cut.
    NetworkAdvice,
    /// 0830.
    NetworkAdviceAnswer,
}

impl MessageType {
    /// All of them, ascending.
    pub const ALL: [Self; 14] = [
        Self::AuthorizationRequest,
        Self::AuthorizationAnswer,
        Self::FinancialRequest,
        Self::FinancialAnswer,
        Self::FinancialAdvice,
        Self::FinancialAdviceRepeat,
        Self::FinancialAdviceAnswer,
        Self::ReversalAdvice,
        Self::ReversalAdviceRepeat,
        Self::ReversalAdviceAnswer,
        Self::NetworkRequest,
        Self::NetworkAnswer,
        Self::NetworkAdvice,
        Self::NetworkAdviceAnswer,
    ];

    /// Its four digits.
    #[must_use]
    pub const fn digits(self) -> &'static str {
        match self {
            Self::AuthorizationRequest => "0100",
            Self::AuthorizationAnswer => "0110",
            Self::FinancialRequest => "0200",
            Self::FinancialAnswer => "0210",
            Self::FinancialAdvice => "0220",
            Self::FinancialAdviceRepeat => "0221",
            Self::FinancialAdviceAnswer => "0230",
            Self::ReversalAdvice => "0420",
            Self::ReversalAdviceRepeat => "0421",
            Self::ReversalAdviceAnswer => "0430",
            Self::NetworkRequest => "0800",
            Self::NetworkAnswer => "0810",
            Self::NetworkAdvice => "0820",
            Self::NetworkAdviceAnswer => "0830",
        }
    }

    /// The type with these digits; `None` when the profile does not use it.
    #[must_use]
    pub fn from_digits(digits: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.digits().as_bytes() == digits)
    }

    /// The type that answers it; `None` when it is an answer itself.
    #[must_use]
    pub const fn answer(self) -> Option<Self> {
        Some(match self {
            Self::AuthorizationRequest => Self::AuthorizationAnswer,
            Self::FinancialRequest => Self::FinancialAnswer,
            Self::FinancialAdvice | Self::FinancialAdviceRepeat => Self::FinancialAdviceAnswer,
            Self::ReversalAdvice | Self::ReversalAdviceRepeat => Self::ReversalAdviceAnswer,
            Self::NetworkRequest => Self::NetworkAnswer,
            Self::NetworkAdvice => Self::NetworkAdviceAnswer,
            _ => return None,
        })
    }

    /// Is it a reversal, of whatever?
    #[must_use]
    pub const fn is_reversal(self) -> bool {
        matches!(self, Self::ReversalAdvice | Self::ReversalAdviceRepeat)
    }

    /// The type that says the same again; itself where the profile has none.
    #[must_use]
    pub const fn repeat(self) -> Self {
        match self {
            Self::FinancialAdvice => Self::FinancialAdviceRepeat,
            Self::ReversalAdvice => Self::ReversalAdviceRepeat,
            other => other,
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_digits_and_answers_differ_in_the_third() {
        assert!(MessageType::ALL.is_sorted_by(|one, next| one.digits() < next.digits()));
        for kind in MessageType::ALL {
            assert_eq!(MessageType::from_digits(kind.digits().as_bytes()), Some(kind));
            let third = |kind: MessageType| kind.digits().as_bytes()[2] - b'0';
            match kind.answer() {
                Some(answer) => {
                    assert_eq!(third(answer), third(kind) + 1, "{kind}");
                    assert_eq!(answer.digits()[..2], kind.digits()[..2], "{kind}");
                    assert_eq!(kind.repeat().answer(), Some(answer));
                }
                None => assert_eq!(third(kind) % 2, 1, "{kind}"),
            }
        }
        assert_eq!(MessageType::from_digits(b"0400"), None, "the terminal's reversal request");
    }
}
