//! A message into bytes.

use super::fields::{Content, Field, Length, field};
use super::message::Message;

/// How digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digits {
    /// One byte each, as ASCII.
    Ascii,
    /// Two in a byte. An odd number of them is filled up with a zero: at the left where the length is
    /// fixed, at the right where it varies (*inferred*; UnionPay's terminals fill field 22 at the right).
    Packed,
}

/// How bitmaps and binary fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    /// As they are.
    Raw,
    /// As two hexadecimal digits for each byte, in capital letters. Lengths still count bytes.
    Hexadecimal,
}

impl Binary {
    /// The bytes that so many bytes are written in.
    pub(super) const fn bytes(self, count: usize) -> usize {
        match self {
            Self::Raw => count,
            Self::Hexadecimal => 2 * count,
        }
    }
}

/// How a link writes its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Coding {
    /// How digits, lengths and the message type are written.
    pub digits: Digits,
    /// How bitmaps and binary fields are written.
    pub binary: Binary,
}

impl Coding {
    /// UnionPay's host interface: ASCII digits, raw bitmaps.
    pub const HOST: Self = Self { digits: Digits::Ascii, binary: Binary::Raw };
    /// Packed digits, raw bitmaps, as terminals and some banks write.
    pub const PACKED: Self = Self { digits: Digits::Packed, binary: Binary::Raw };
    /// Nothing but printable characters.
    pub const TEXT: Self = Self { digits: Digits::Ascii, binary: Binary::Hexadecimal };
    /// All combinations.
    pub const ALL: [Self; 4] =
        [Self::HOST, Self::PACKED, Self::TEXT, Self { digits: Digits::Packed, binary: Binary::Hexadecimal }];
}

/// The bytes of a message. They are never more than [`MESSAGE_BYTES_MAX`](super::MESSAGE_BYTES_MAX).
#[must_use]
pub fn encode(message: &Message, coding: Coding) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_digits(&mut bytes, message.kind().digits().as_bytes(), Fill::Left, coding.digits);
    put_binary(&mut bytes, &bitmap(message), coding.binary);
    for (number, value) in message.fields() {
        put_field(&mut bytes, field(number).expect("a message has only fields of the table"), value, coding);
    }
    bytes
}

/// Eight bytes, or sixteen when a field past 64 follows; bit 1 is the highest of the first byte.
fn bitmap(message: &Message) -> Vec<u8> {
    let mut bitmap = vec![0; if message.has_second_bitmap() { 16 } else { 8 }];
    let mut set = |number: u8| bitmap[usize::from(number - 1) / 8] |= 0x80 >> ((number - 1) % 8);
    if message.has_second_bitmap() {
        set(1);
    }
    message.fields().for_each(|(number, _)| set(number));
    bitmap
}

fn put_field(bytes: &mut Vec<u8>, field: &Field, value: &[u8], coding: Coding) {
    let fill = match field.length {
        Length::Fixed(_) => Fill::Left,
        Length::TwoDigits(_) => {
            put_digits(bytes, format!("{:02}", value.len()).as_bytes(), Fill::Left, coding.digits);
            Fill::Right
        }
        Length::ThreeDigits(_) => {
            put_digits(bytes, format!("{:03}", value.len()).as_bytes(), Fill::Left, coding.digits);
            Fill::Right
        }
    };
    match field.content {
        Content::Digits | Content::Track => put_digits(bytes, value, fill, coding.digits),
        Content::Binary => put_binary(bytes, value, coding.binary),
        Content::Signed | Content::Alphanumeric | Content::Text => bytes.extend_from_slice(value),
    }
}

/// Where an odd number of packed digits is filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Left,
    Right,
}

fn put_digits(bytes: &mut Vec<u8>, digits: &[u8], fill: Fill, coding: Digits) {
    if coding == Digits::Ascii {
        bytes.extend_from_slice(digits);
        return;
    }
    // The low half of an ASCII digit is the digit; the separator `=` has 0xD there.
    let mut halves: Vec<u8> = digits.iter().map(|digit| digit & 0x0f).collect();
    if halves.len() % 2 == 1 {
        halves.insert(if fill == Fill::Left { 0 } else { halves.len() }, 0);
    }
    bytes.extend(halves.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
}

fn put_binary(bytes: &mut Vec<u8>, value: &[u8], coding: Binary) {
    const HEXADECIMAL: &[u8; 16] = b"0123456789ABCDEF";
    match coding {
        Binary::Raw => bytes.extend_from_slice(value),
        Binary::Hexadecimal => {
            bytes.extend(
                value.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).map(|half| HEXADECIMAL[usize::from(half)]),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::FIELDS;
    use super::super::{MESSAGE_BYTES_MAX, MessageType};
    use super::*;

    #[test]
    fn the_longest_message_is_not_too_long_to_be_read() {
        let mut message = Message::new(MessageType::FinancialRequest);
        for field in FIELDS {
            let mut value = vec![b'1'; field.max()];
            if field.content == Content::Signed {
                value[0] = b'C';
            }
            message.set(field.number, value).expect("fits");
        }
        for coding in Coding::ALL {
            let bytes = encode(&message, coding);
            assert!(bytes.len() <= MESSAGE_BYTES_MAX, "{coding:?}: {}", bytes.len());
            assert_eq!(super::super::decode(&bytes, coding).as_ref(), Ok(&message));
        }
    }

    #[test]
    fn an_odd_number_of_packed_digits_is_filled_up() {
        let packed = |digits: &[u8], fill| {
            let mut bytes = Vec::new();
            put_digits(&mut bytes, digits, fill, Digits::Packed);
            bytes
        };
        assert_eq!(packed(b"012", Fill::Left), [0x00, 0x12]);
        assert_eq!(packed(b"123", Fill::Right), [0x12, 0x30]);
        assert_eq!(packed(b"62=25", Fill::Right), [0x62, 0xd2, 0x50]);
    }
}
