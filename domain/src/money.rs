//! Money: whole fen in 64 bits, never a float, never silently wrapped.

use std::fmt;
use std::iter::Sum;

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// An amount in fen (1/100 yuan). May be negative only as a difference or a ledger balance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount any single request may name: 10 million yuan. It keeps every sum of
    /// request amounts far from the ends of 64 bits.
    pub const REQUEST_MAX: Self = Self(1_000_000_000);

    /// An amount of `fen`.
    #[must_use]
    pub const fn fen(fen: i64) -> Self {
        Self(fen)
    }

    /// An amount of whole yuan.
    #[must_use]
    pub const fn yuan(yuan: i64) -> Self {
        Self(yuan * 100)
    }

    /// The amount in fen.
    #[must_use]
    pub const fn as_fen(self) -> i64 {
        self.0
    }

    /// Greater than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Less than nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Is this an amount that one request may move?
    ///
    /// # Errors
    /// [`Refusal::AmountOutOfRange`] unless it is positive and at most [`Money::REQUEST_MAX`].
    pub(crate) fn check_request(self) -> Result<(), Refusal> {
        if self.is_positive() && self <= Self::REQUEST_MAX { Ok(()) } else { Err(Refusal::AmountOutOfRange) }
    }

    /// Sum, or `None` past 64 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Difference, or `None` past 64 bits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Product with a quantity, or `None` past 64 bits.
    #[must_use]
    pub fn checked_mul(self, quantity: u32) -> Option<Self> {
        self.0.checked_mul(i64::from(quantity)).map(Self)
    }
}

impl std::ops::Add for Money {
    type Output = Self;
    /// # Panics
    /// Past 64 bits: amounts are bounded by [`Money::REQUEST_MAX`] at the door, so this is a bug.
    fn add(self, other: Self) -> Self {
        self.checked_add(other).expect("amounts are bounded at the door")
    }
}

impl std::ops::Sub for Money {
    type Output = Self;
    /// # Panics
    /// Past 64 bits: amounts are bounded by [`Money::REQUEST_MAX`] at the door, so this is a bug.
    fn sub(self, other: Self) -> Self {
        self.checked_sub(other).expect("amounts are bounded at the door")
    }
}

impl std::ops::Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |total, amount| total + amount)
    }
}

impl fmt::Display for Money {
    /// Yuan with two places: `12.30`, `-0.05`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_yuan_with_two_places() {
        for (fen, text) in
            [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (1_230, "12.30"), (i64::MIN, "-92233720368547758.08")]
        {
            assert_eq!(Money::fen(fen).to_string(), text);
        }
    }

    #[test]
    #[should_panic(expected = "bounded at the door")]
    fn a_sum_past_64_bits_stops_the_machine() {
        let _ = Money::fen(i64::MAX) + Money::fen(1);
    }
}
