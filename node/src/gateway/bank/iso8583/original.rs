//! Original data elements (field 90): which message a reversal, a void or an advice is about.
//!
//! ```text
//!  type 4 │ trace number 6 │ transmission time 10 │ acquirer 11 │ forwarder 11     42 digits
//! ```
//!
//! Institutions stand at the right, filled up with zeros; one that the original did not name is all
//! zeros.

use std::fmt;

use super::codes::MessageType;
use super::fields::number;
use super::institution::Institution;
use super::message::Message;
use super::moment::MonthDayTime;
use super::stan::Stan;

/// The key of the original message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginalData {
    /// Its type.
    pub kind: MessageType,
    /// Its trace number.
    pub stan: Stan,
    /// When it was sent.
    pub transmission_time: MonthDayTime,
    acquirer: [u8; 11],
    forwarder: [u8; 11],
}

impl OriginalData {
    /// The key of `message`; `None` when it has no usable trace number or transmission time.
    #[must_use]
    pub fn of(message: &Message) -> Option<Self> {
        Some(Self {
            kind: message.kind(),
            stan: message.stan().ok()??,
            transmission_time: message.transmission_time().ok()??,
            acquirer: filled(message.get(number::ACQUIRER)),
            forwarder: filled(message.get(number::FORWARDER)),
        })
    }

    /// Is `message` the original? Its institutions are compared as the field writes them, because
    /// leading zeros that belong to one can not be told from those that fill up.
    #[must_use]
    pub fn is_of(&self, message: &Message) -> bool {
        Self::of(message).as_ref() == Some(self)
    }

    /// The acquirer, without the zeros that fill up; `None` when the original named none.
    #[must_use]
    pub fn acquirer(&self) -> Option<Institution> {
        significant(&self.acquirer)
    }

    /// The forwarder, without the zeros that fill up; `None` when the original named none.
    #[must_use]
    pub fn forwarder(&self) -> Option<Institution> {
        significant(&self.forwarder)
    }

    pub(super) fn parse(digits: &[u8]) -> Option<Self> {
        let digits: &[u8; 42] = digits.try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then_some(())?;
        let text = std::str::from_utf8(digits).ok()?;
        Some(Self {
            kind: MessageType::from_digits(&digits[..4])?,
            stan: Stan::new(text[4..10].parse().ok()?)?,
            transmission_time: MonthDayTime::parse(&digits[10..20])?,
            acquirer: digits[20..31].try_into().ok()?,
            forwarder: digits[31..].try_into().ok()?,
        })
    }
}

impl fmt::Display for OriginalData {
    /// The 42 digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.kind, self.stan, self.transmission_time)?;
        self.acquirer.iter().chain(&self.forwarder).try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

fn filled(institution: Option<&[u8]>) -> [u8; 11] {
    let digits = institution.unwrap_or_default();
    let mut filled = [b'0'; 11];
    filled[11 - digits.len()..].copy_from_slice(digits);
    filled
}

fn significant(filled: &[u8; 11]) -> Option<Institution> {
    let digits = std::str::from_utf8(filled).ok()?.trim_start_matches('0');
    Institution::new(digits)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn it_is_42_digits_made_from_the_original() {
        let mut original = golden::purchase();
        let data = OriginalData::of(&original).expect("a key");
        assert_eq!(data.to_string(), "020000012307221015000000001000000000000000");
        assert_eq!(OriginalData::parse(data.to_string().as_bytes()), Some(data.clone()));
        assert!(data.is_of(&original));
        assert_eq!((data.acquirer(), data.forwarder()), (Institution::new("10000"), None));

        original.set_forwarder(&Institution::new("01020000").expect("valid"));
        assert!(!data.is_of(&original));
        original.remove(number::STAN);
        assert_eq!(OriginalData::of(&original), None);
    }

    #[test]
    fn digits_that_can_not_have_been_a_message_are_none() {
        for digits in [
            "999900012307221015000000801000000000000000",
            "020000000007221015000000801000000000000000",
            "020000012313221015000000801000000000000000",
            "02000001230722101500000080100000000000000",
            "0200000123072210150000008010000000000000a0",
        ] {
            assert_eq!(OriginalData::parse(digits.as_bytes()), None, "{digits}");
        }
    }
}
