//! Balances of field 54, and amounts as digits write them.

use mpss_domain::Money;

/// One balance of field 54.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdditionalAmount {
    /// Of which type of account: two digits.
    pub account_type: [u8; 2],
    /// Which amount: 01 is the ledger's, 02 what is available.
    pub amount_type: [u8; 2],
    /// In which currency: three digits, 156 for yuan.
    pub currency: [u8; 3],
    /// How much, in fen; below zero when the cardholder owes it.
    pub amount: Money,
}

impl AdditionalAmount {
    pub(super) const BYTES: usize = 20;

    /// As it stands in the field; `None` past twelve digits.
    pub(super) fn written(&self) -> Option<String> {
        let fen = self.amount.as_fen();
        let sign = if fen < 0 { 'D' } else { 'C' };
        let text = |digits: &[u8]| std::str::from_utf8(digits).ok().map(str::to_owned);
        let head = [text(&self.account_type)?, text(&self.amount_type)?, text(&self.currency)?].concat();
        let digits = format!("{:012}", fen.unsigned_abs());
        (digits.len() == 12).then(|| format!("{head}{sign}{digits}"))
    }

    pub(super) fn parse(record: &[u8]) -> Option<Self> {
        let record: &[u8; Self::BYTES] = record.try_into().ok()?;
        let (head, digits) = record.split_at(8);
        let fen = i64::try_from(decimal(digits)?).ok()?;
        let amount = match head[7] {
            b'C' => Money::fen(fen),
            b'D' => Money::fen(-fen),
            _ => return None,
        };
        head[..7].iter().all(u8::is_ascii_digit).then_some(())?;
        Some(Self {
            account_type: [head[0], head[1]],
            amount_type: [head[2], head[3]],
            currency: [head[4], head[5], head[6]],
            amount,
        })
    }
}

/// The number that digits write; `None` past 64 bits or when they are no digits.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
