//! Bytes into a message.
//!
//! Only what [`encode`](super::encode()) would have written is read: whatever is read is written again
//! byte for byte, so that a MAC over the bytes is a MAC over the message.

use super::MESSAGE_BYTES_MAX;
use super::codes::MessageType;
use super::encode::{Binary, Coding, Digits, Fill};
use super::fields::{Content, Field, FieldError, Length, Problem, field};
use super::message::Message;

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More than any message has.
    #[error("{length} bytes, more than {MESSAGE_BYTES_MAX}")]
    TooLong {
        /// How many there are.
        length: usize,
    },
    /// The message type can not be read.
    #[error("message type: {0}")]
    MessageTypeDigits(#[source] Problem),
    /// The message type is another protocol's, or another profile's.
    #[error("message type: the profile has no such type")]
    MessageTypeUnknown,
    /// A bitmap can not be read.
    #[error("bitmap {which}: {problem}")]
    Bitmap {
        /// 1 or 2.
        which: u8,
        /// What is wrong with it.
        #[source]
        problem: Problem,
    },
    /// Bit 1 announces a second bitmap, in which no bit is set.
    #[error("bitmap 2: announced by bit 1, and empty")]
    SecondBitmapEmpty,
    /// A field is unknown or can not be read.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Bytes follow the last field.
    #[error("{count} bytes follow the last field")]
    Trailing {
        /// How many.
        count: usize,
    },
}

/// Reads a message.
///
/// # Errors
/// The first thing that is wrong. Bits of the bitmaps are looked at before fields: one unknown field
/// and everything after it would be read at the wrong place.
pub fn decode(bytes: &[u8], coding: Coding) -> Result<Message, DecodeError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(DecodeError::TooLong { length: bytes.len() });
    }
    let mut reader = Reader { left: bytes, coding };
    let kind = reader.digits(4, Fill::Left).map_err(DecodeError::MessageTypeDigits)?;
    let kind = MessageType::from_digits(&kind).ok_or(DecodeError::MessageTypeUnknown)?;
    let numbers = reader.numbers()?;

    let mut message = Message::new(kind);
    for field in numbers {
        let value = reader.field(field).map_err(|problem| field.error(problem))?;
        message.set(field.number, value)?;
    }
    match reader.left.len() {
        0 => Ok(message),
        count => Err(DecodeError::Trailing { count }),
    }
}

struct Reader<'a> {
    left: &'a [u8],
    coding: Coding,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let missing = count.saturating_sub(self.left.len());
        let (taken, left) = self.left.split_at_checked(count).ok_or(Problem::Cut { missing })?;
        self.left = left;
        Ok(taken)
    }

    /// The rows that the bitmaps announce, ascending.
    fn numbers(&mut self) -> Result<Vec<&'static Field>, DecodeError> {
        let mut bits = self.bitmap(1)?;
        if bits >> 127 == 1 {
            bits |= self.bitmap(2)? >> 64;
            if bits << 64 == 0 {
                return Err(DecodeError::SecondBitmapEmpty);
            }
        }
        (2..=128_u8)
            .filter(|number| bits >> (128 - number) & 1 == 1)
            .map(|number| field(number).ok_or(FieldError { number, problem: Problem::Unknown }.into()))
            .collect()
    }

    /// A bitmap, in the upper half of 128 bits.
    fn bitmap(&mut self, which: u8) -> Result<u128, DecodeError> {
        let bytes = self.binary(8).map_err(|problem| DecodeError::Bitmap { which, problem })?;
        Ok(bytes.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte)) << 64)
    }

    fn field(&mut self, field: &Field) -> Result<Vec<u8>, Problem> {
        let (length, fill) = match field.length {
            Length::Fixed(length) => (length, Fill::Left),
            Length::TwoDigits(_) => (self.length(2)?, Fill::Right),
            Length::ThreeDigits(_) => (self.length(3)?, Fill::Right),
        };
        // Before anything is taken, so that a length that lies is named as such.
        field.check_length(length).map_err(|error| error.problem)?;
        match field.content {
            Content::Digits | Content::Track => self.digits(length, fill),
            Content::Binary => self.binary(length),
            Content::Signed | Content::Alphanumeric | Content::Text => self.take(length).map(<[u8]>::to_vec),
        }
    }

    fn length(&mut self, digits: usize) -> Result<usize, Problem> {
        let text = self.digits(digits, Fill::Left).map_err(|problem| match problem {
            Problem::PackedDigit { .. } => Problem::LengthDigits,
            other => other,
        })?;
        text.iter().try_fold(0, |length, digit| match digit {
            b'0'..=b'9' => Ok(length * 10 + usize::from(digit - b'0')),
            _ => Err(Problem::LengthDigits),
        })
    }

    /// As many digits, in ASCII; which characters they may be is checked by the row.
    fn digits(&mut self, count: usize, fill: Fill) -> Result<Vec<u8>, Problem> {
        if self.coding.digits == Digits::Ascii {
            return self.take(count).map(<[u8]>::to_vec);
        }
        let taken = self.take(count.div_ceil(2))?;
        let mut halves: Vec<u8> = taken.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect();
        if count % 2 == 1 {
            let at = if fill == Fill::Left { 0 } else { count };
            if halves.remove(at) != 0 {
                return Err(Problem::PackedDigit { at });
            }
        }
        let digit = |(at, half)| match half {
            0..=9 => Ok(b'0' + half),
            0xd => Ok(b'='),
            _ => Err(Problem::PackedDigit { at }),
        };
        halves.into_iter().enumerate().map(digit).collect()
    }

    fn binary(&mut self, count: usize) -> Result<Vec<u8>, Problem> {
        if self.coding.binary == Binary::Raw {
            return self.take(count).map(<[u8]>::to_vec);
        }
        let half = |(at, digit): (usize, &u8)| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'A'..=b'F' => Ok(digit - b'A' + 10),
            _ => Err(Problem::HexadecimalDigit { at }),
        };
        let halves: Vec<u8> = self.take(2 * count)?.iter().enumerate().map(half).collect::<Result<_, _>>()?;
        Ok(halves.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::super::{MessageType, encode};
    use super::*;

    fn refused(bytes: &[u8], coding: Coding) -> String {
        decode(bytes, coding).expect_err("refused").to_string()
    }

    /// A 0800 with these bits of the first bitmap, and this after it.
    fn bare(bits: &[u8], rest: &[u8]) -> Vec<u8> {
        let mut bitmap = [0_u8; 8];
        bits.iter().for_each(|bit| bitmap[usize::from(bit - 1) / 8] |= 0x80 >> ((bit - 1) % 8));
        [b"0800", &bitmap[..], rest].concat()
    }

    #[test]
    fn each_refusal_names_the_place_and_why() {
        for (bytes, expected) in [
            (vec![], "message type: cut off: 4 more bytes are needed"),
            (b"080".to_vec(), "message type: cut off: 1 more bytes are needed"),
            (b"0400".to_vec(), "message type: the profile has no such type"),
            (b"080\0".to_vec(), "message type: the profile has no such type"),
            (b"0800\0\0".to_vec(), "bitmap 1: cut off: 6 more bytes are needed"),
            (bare(&[1], b"\0\0\0"), "bitmap 2: cut off: 5 more bytes are needed"),
            (bare(&[1], &[0; 8]), "bitmap 2: announced by bit 1, and empty"),
            (bare(&[1], &[0x80, 0, 0, 0, 0, 0, 0, 0]), "field 65: the profile has no such field"),
            (bare(&[8], b""), "field 8: the profile has no such field"),
            (bare(&[2, 8], b"99"), "field 8: the profile has no such field"),
            (bare(&[], b"x"), "1 bytes follow the last field"),
            (bare(&[3], b"00000"), "field 3 (processing code): cut off: 1 more bytes are needed"),
            (bare(&[3], b"00 000"), "field 3 (processing code): the character at 2 is not of its kind"),
            (bare(&[2], b"1"), "field 2 (primary account number): cut off: 1 more bytes are needed"),
            (bare(&[2], b"1x"), "field 2 (primary account number): the length is not written in digits"),
            (bare(&[2], b"20"), "field 2 (primary account number): 20 long, more than 19"),
            (bare(&[2], b"00"), "field 2 (primary account number): empty"),
            (bare(&[2], b"16621234"), "field 2 (primary account number): cut off: 10 more bytes are needed"),
            (bare(&[28], b"X00000000"), "field 28 (amount, transaction fee): the character at 0 is not of its kind"),
            (bare(&[48], b"513"), "field 48 (additional data, private): 513 long, more than 512"),
            (
                bare(&[52], b"1234567"),
                "field 52 (personal identification number data): cut off: 1 more bytes are needed",
            ),
            (vec![b'0'; MESSAGE_BYTES_MAX + 1], "8193 bytes, more than 8192"),
        ] {
            assert_eq!(refused(&bytes, Coding::HOST), expected);
        }
    }

    #[test]
    fn packed_digits_are_checked_half_by_half() {
        let packed = |bits: &[u8], rest: &[u8]| [&[0x08, 0x00], &bare(bits, rest)[4..]].concat();
        for (bytes, expected) in [
            (
                packed(&[11], &[0x00, 0x0a, 0x23]),
                "field 11 (system trace audit number): the packed digit at 3 is wrong",
            ),
            (
                packed(&[11], &[0x00, 0x0d, 0x23]),
                "field 11 (system trace audit number): the character at 3 is not of its kind",
            ),
            (packed(&[22], &[0x10, 0x12]), "field 22 (point of service entry mode): the packed digit at 0 is wrong"),
            (packed(&[32], &[0x03, 0x12, 0x34]), "field 32 (acquiring institution): the packed digit at 3 is wrong"),
            (packed(&[32], &[0x0f]), "field 32 (acquiring institution): the length is not written in digits"),
            (packed(&[32], &[0x0d]), "field 32 (acquiring institution): the length is not written in digits"),
            (packed(&[48], &[0x10, 0x01]), "field 48 (additional data, private): the length is not written in digits"),
        ] {
            assert_eq!(refused(&bytes, Coding::PACKED), expected);
        }
        assert_eq!(refused(&[0xa8, 0x00], Coding::PACKED), "message type: the packed digit at 0 is wrong");
    }

    #[test]
    fn hexadecimal_digits_are_capitals() {
        assert_eq!(refused(b"0800002000000000000a", Coding::TEXT), "bitmap 1: the hexadecimal digit at 15 is wrong");
        let message = decode(b"08000020000000000000000123", Coding::TEXT).expect("a trace number");
        assert_eq!(message.get(11), Some(&b"000123"[..]));
    }

    #[test]
    fn no_message_is_read_when_a_byte_is_missing_or_left_over() {
        for coding in Coding::ALL {
            for message in golden::all() {
                let bytes = encode(&message, coding);
                for cut in 0..bytes.len() {
                    assert!(decode(&bytes[..cut], coding).is_err(), "{} cut at {cut}", message.kind());
                }
                assert!(decode(&[&bytes[..], b"0"].concat(), coding).is_err());
            }
        }
    }

    #[test]
    fn a_message_without_fields_is_one() {
        let message = Message::new(MessageType::NetworkAdvice);
        assert_eq!(encode(&message, Coding::HOST), b"0820\0\0\0\0\0\0\0\0");
        assert_eq!(decode(b"0820\0\0\0\0\0\0\0\0", Coding::HOST), Ok(message));
    }
}
