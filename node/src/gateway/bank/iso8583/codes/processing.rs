//! What is asked: the processing code, and the transaction it makes with message type and condition.

use std::fmt;

use super::MessageType::{self, AuthorizationRequest, FinancialAdvice, FinancialAdviceRepeat, FinancialRequest};

/// A processing code (field 3): two digits for the transaction, two for each account. Only the first two
/// decide; the others are advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessingCode([u8; 6]);

impl ProcessingCode {
    /// Purchase, collection, completion.
    pub const PURCHASE: Self = Self(*b"000000");
    /// Pre-authorisation.
    pub const PRE_AUTHORIZATION: Self = Self(*b"030000");
    /// Void in a request, refund in an advice.
    pub const VOID_OR_REFUND: Self = Self(*b"200000");
    /// Payout.
    pub const PAYOUT: Self = Self(*b"290000");
    /// Balance query.
    pub const BALANCE: Self = Self(*b"300000");
    /// Account verification.
    pub const ACCOUNT_VERIFICATION: Self = Self(*b"330000");
    /// An entrust relation is built.
    pub const ENTRUST: Self = Self(*b"890000");
    /// An entrust relation is cancelled.
    pub const ENTRUST_CANCEL: Self = Self(*b"920000");

    /// `None` unless it is six digits.
    #[must_use]
    pub fn new(digits: &[u8]) -> Option<Self> {
        let digits: [u8; 6] = digits.try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(Self(digits))
    }

    /// The same with another type of the account that is debited, 0 to 9.
    #[must_use]
    pub fn from_account(mut self, kind: u8) -> Option<Self> {
        self.0[2] = char::from_digit(kind.into(), 10)? as u8;
        Some(self)
    }

    /// The two digits that decide.
    #[must_use]
    pub fn transaction(&self) -> &[u8] {
        &self.0[..2]
    }
}

impl fmt::Display for ProcessingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

/// How the card or account is used; it tells transactions apart that share a processing code (field 25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// 00, 08, 28, 64 and the like: money moves at once.
    Immediate,
    /// 06, and 18 for mail and telephone orders: it moves in two steps.
    PreAuthorized,
}

impl Access {
    /// What a condition code says of it.
    #[must_use]
    pub fn of_condition(condition: &str) -> Self {
        if matches!(condition, "06" | "18") { Self::PreAuthorized } else { Self::Immediate }
    }
}

/// A transaction between acquirer and switch. A reversal is no row of its own: it is the reversal of one
/// of these, found through the message type in its original data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transaction {
    /// 余额查询
    BalanceQuery,
    /// 消费, with instalments and collection (代收)
    Purchase,
    /// 消费撤销
    PurchaseVoid,
    /// 退货
    Refund,
    /// 预授权
    PreAuthorization,
    /// 预授权撤销
    PreAuthorizationVoid,
    /// 预授权完成 (request)
    Completion,
    /// 预授权完成通知, 结算通知
    CompletionAdvice,
    /// 预授权完成撤销
    CompletionVoid,
    /// 代付
    Payout,
    /// 代付确认
    PayoutConfirmation,
    /// 建立委托
    Entrust,
    /// 解除委托
    EntrustCancel,
    /// 账户验证
    AccountVerification,
}

impl Transaction {
    /// What these make together; `None` when the profile has no such transaction.
    #[must_use]
    pub fn of(kind: MessageType, processing: ProcessingCode, access: Access) -> Option<Self> {
        use Access::{Immediate, PreAuthorized};
        Some(match (kind, processing.transaction(), access) {
            (FinancialRequest, b"30", _) => Self::BalanceQuery,
            (FinancialRequest, b"00", Immediate) => Self::Purchase,
            (FinancialRequest, b"00", PreAuthorized) => Self::Completion,
            (FinancialRequest, b"20", Immediate) => Self::PurchaseVoid,
            (FinancialRequest, b"20", PreAuthorized) => Self::CompletionVoid,
            (FinancialRequest, b"29", _) => Self::Payout,
            (FinancialAdvice | FinancialAdviceRepeat, b"20", _) => Self::Refund,
            (FinancialAdvice | FinancialAdviceRepeat, b"00", PreAuthorized) => Self::CompletionAdvice,
            (FinancialAdvice | FinancialAdviceRepeat, b"29", _) => Self::PayoutConfirmation,
            (AuthorizationRequest, b"03", _) => Self::PreAuthorization,
            (AuthorizationRequest, b"20", _) => Self::PreAuthorizationVoid,
            (AuthorizationRequest, b"89", _) => Self::Entrust,
            (AuthorizationRequest, b"92", _) => Self::EntrustCancel,
            (AuthorizationRequest, b"33", _) => Self::AccountVerification,
            _ => return None,
        })
    }

    /// Is a reversal sent when its answer does not come? Queries move nothing, and advices are sent
    /// until they are answered.
    #[must_use]
    pub const fn is_reversed_when_unanswered(self) -> bool {
        matches!(
            self,
            Self::Purchase
                | Self::PurchaseVoid
                | Self::PreAuthorization
                | Self::PreAuthorizationVoid
                | Self::Completion
                | Self::CompletionVoid
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_type_processing_code_and_condition_make_a_transaction() {
        for (kind, digits, condition, expected) in [
            (FinancialRequest, b"300000", "00", Some(Transaction::BalanceQuery)),
            (FinancialRequest, b"001000", "00", Some(Transaction::Purchase)),
            (FinancialRequest, b"000000", "28", Some(Transaction::Purchase)),
            (FinancialRequest, b"000000", "06", Some(Transaction::Completion)),
            (FinancialRequest, b"200000", "00", Some(Transaction::PurchaseVoid)),
            (FinancialRequest, b"200000", "18", Some(Transaction::CompletionVoid)),
            (FinancialRequest, b"290000", "00", Some(Transaction::Payout)),
            (FinancialAdvice, b"200000", "00", Some(Transaction::Refund)),
            (FinancialAdviceRepeat, b"200000", "62", Some(Transaction::Refund)),
            (FinancialAdvice, b"000000", "06", Some(Transaction::CompletionAdvice)),
            (FinancialAdvice, b"290000", "68", Some(Transaction::PayoutConfirmation)),
            (AuthorizationRequest, b"030000", "06", Some(Transaction::PreAuthorization)),
            (AuthorizationRequest, b"200000", "18", Some(Transaction::PreAuthorizationVoid)),
            (AuthorizationRequest, b"890000", "00", Some(Transaction::Entrust)),
            (AuthorizationRequest, b"920000", "00", Some(Transaction::EntrustCancel)),
            (AuthorizationRequest, b"330000", "00", Some(Transaction::AccountVerification)),
            (FinancialAdvice, b"220000", "00", None),
            (FinancialAdvice, b"000000", "00", None),
            (FinancialRequest, b"010000", "00", None),
            (MessageType::ReversalAdvice, b"000000", "00", None),
        ] {
            let processing = ProcessingCode::new(digits).expect("six digits");
            let made = Transaction::of(kind, processing, Access::of_condition(condition));
            assert_eq!(made, expected, "{kind} {processing} {condition}");
        }
    }

    #[test]
    fn the_debited_account_is_the_third_digit() {
        assert_eq!(ProcessingCode::PURCHASE.from_account(3).expect("a digit").to_string(), "003000");
        assert_eq!(ProcessingCode::PURCHASE.from_account(10), None);
    }
}
