//! One PIN card.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{BatchId, IdError, OrderId, ProductId};
use crate::sealed::SealedPin;
use crate::time::BusinessDay;

/// The number printed on a card: 8 to 24 digits. It is no secret, but stands masked wherever it need
/// not be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CardNumber(
    /// The digits behind a leading 1, so that leading zeros count.
    u128,
);

impl CardNumber {
    /// The number with all but its last four digits hidden.
    #[must_use]
    pub fn masked(self) -> String {
        format!("****{:04}", self.0 % 10_000)
    }
}

impl FromStr for CardNumber {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if !(8..=24).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IdError("a card number has 8 to 24 digits"));
        }
        Ok(Self(text.bytes().fold(1, |number, byte| number * 10 + u128::from(byte - b'0'))))
    }
}

impl fmt::Display for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().get(1..).unwrap_or_default())
    }
}

impl fmt::Debug for CardNumber {
    /// Masked: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// A card as it comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCard {
    /// Its number; unique in its SP's stock.
    pub number: CardNumber,
    /// Its PIN, sealed for this product and number.
    pub pin: SealedPin,
    /// The last day on which it is good, in China.
    pub expires: BusinessDay,
}

/// A card by the order in which the vault was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CardSerial(pub(crate) u64);

/// Where a card is; with at most one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardState {
    /// For sale.
    InStock,
    /// With an order that is not paid yet.
    Reserved(OrderId),
    /// With an order that is paid.
    Sold(OrderId),
    /// Shown to the buyer of the order: never for sale again.
    Shown(OrderId),
    /// Past its last day before it was sold.
    Expired,
}

/// A card in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinCard {
    /// Of which product.
    pub product: ProductId,
    /// Its number.
    pub number: CardNumber,
    /// Its PIN, sealed for the product and the number.
    pub pin: SealedPin,
    /// The last day on which it is good, in China.
    pub expires: BusinessDay,
    /// With which batch it came.
    pub batch: BatchId,
    /// Where it is.
    pub state: CardState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_zeros_and_hide_in_debug_output() {
        for text in ["00000000", "12345678", "000000000000000000000000", "999999999999999999999999"] {
            let number: CardNumber = text.parse().expect("a number");
            assert_eq!(number.to_string(), text);
        }
        for text in ["", "1234567", "1234567890123456789012345", "12345678a", "１２３４５６７８", "-12345678"] {
            assert!(text.parse::<CardNumber>().is_err(), "{text}");
        }
        let number: CardNumber = "0001230045".parse().expect("a number");
        assert_eq!(format!("{number:?} {}", number.masked()), "****0045 ****0045");
    }

    #[test]
    fn batch_ids_read_as_written() {
        for text in ["b", "2026-11-23/001", "12345678901234567890123456789012"] {
            assert_eq!(text.parse::<BatchId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "with space", "批", "123456789012345678901234567890123"] {
            assert!(text.parse::<BatchId>().is_err(), "{text}");
        }
    }
}
