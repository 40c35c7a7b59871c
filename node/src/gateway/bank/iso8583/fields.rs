//! The table of fields: number, name, content, length, and what of it may be shown.

use std::fmt;

/// What a field may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// `n`: digits.
    Digits,
    /// `x+n`: `C` for credit or `D` for debit, then digits.
    Signed,
    /// `an`: letters and digits, filled up with blanks at the end.
    Alphanumeric,
    /// `ans`: printable characters. Chinese text is GBK, so every byte from 0x80 to 0xFE passes.
    Text,
    /// `z`: digits and the separator `=`.
    Track,
    /// `b`: bytes.
    Binary,
}

/// How long a field is, in characters; in bytes for [`Content::Binary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Always this long.
    Fixed(usize),
    /// LLVAR: two digits say how long, up to this.
    TwoDigits(usize),
    /// LLLVAR: three digits say how long, up to this.
    ThreeDigits(usize),
}

/// What of a field may be shown in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// All of it.
    Open,
    /// A card or account number: the first six and the last four characters (PCI DSS 4, 3.4.1).
    Masked,
    /// Its length only: tracks, PIN blocks, keys, names, identity papers.
    Hidden,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// 2 to 128; its bit in the bitmap.
    pub number: u8,
    /// Its name in ISO 8583:1987, or its use where that is private.
    pub name: &'static str,
    /// What it may be made of.
    pub content: Content,
    /// How long it is.
    pub length: Length,
    /// What of it may be shown.
    pub exposure: Exposure,
}

/// The numbers of the fields that are named in code.
pub mod number {
    #![expect(missing_docs, reason = "the names are those of the table")]
    pub const PAN: u8 = 2;
    pub const PROCESSING_CODE: u8 = 3;
    pub const AMOUNT: u8 = 4;
    pub const TRANSMISSION_TIME: u8 = 7;
    pub const STAN: u8 = 11;
    pub const LOCAL_TIME: u8 = 12;
    pub const LOCAL_DATE: u8 = 13;
    pub const EXPIRY: u8 = 14;
    pub const SETTLEMENT_DATE: u8 = 15;
    pub const MERCHANT_CATEGORY: u8 = 18;
    pub const ENTRY_MODE: u8 = 22;
    pub const CONDITION: u8 = 25;
    pub const ACQUIRER: u8 = 32;
    pub const FORWARDER: u8 = 33;
    pub const RETRIEVAL_REFERENCE: u8 = 37;
    pub const AUTHORIZATION_CODE: u8 = 38;
    pub const RESPONSE_CODE: u8 = 39;
    pub const TERMINAL: u8 = 41;
    pub const MERCHANT: u8 = 42;
    pub const MERCHANT_NAME: u8 = 43;
    pub const ADDITIONAL_DATA: u8 = 48;
    pub const CURRENCY: u8 = 49;
    pub const PIN_BLOCK: u8 = 52;
    pub const SECURITY_CONTROL: u8 = 53;
    pub const ADDITIONAL_AMOUNTS: u8 = 54;
    pub const REASON: u8 = 60;
    pub const CARDHOLDER_AUTHENTICATION: u8 = 61;
    pub const MAC: u8 = 64;
    pub const NETWORK_CODE: u8 = 70;
    pub const ORIGINAL_DATA: u8 = 90;
    pub const KEY: u8 = 96;
    pub const RECEIVER: u8 = 100;
    pub const FROM_ACCOUNT: u8 = 102;
    pub const TO_ACCOUNT: u8 = 103;
    pub const SWITCH_DATA: u8 = 121;
    pub const SECOND_MAC: u8 = 128;
}

use Content::{Alphanumeric, Binary, Digits, Signed, Text, Track};
use Exposure::{Hidden, Masked, Open};
use Length::{Fixed, ThreeDigits, TwoDigits};

/// Every field of the host profile, ascending. 44, 45, 50, 51, 56, 57, 59, 104, 113, 116, 117, 122,
/// 123, 125 and 126, and the limits of 48 and 60 to 63, are *inferred* from public descriptions of the
/// switch's messages; 54 has the standard's limit.
pub const FIELDS: &[Field] = &[
    row(2, "primary account number", Digits, TwoDigits(19), Masked),
    row(3, "processing code", Digits, Fixed(6), Open),
    row(4, "amount, transaction", Digits, Fixed(12), Open),
    row(5, "amount, settlement", Digits, Fixed(12), Open),
    row(6, "amount, cardholder billing", Digits, Fixed(12), Open),
    row(7, "transmission date and time", Digits, Fixed(10), Open),
    row(9, "conversion rate, settlement", Digits, Fixed(8), Open),
    row(10, "conversion rate, cardholder billing", Digits, Fixed(8), Open),
    row(11, "system trace audit number", Digits, Fixed(6), Open),
    row(12, "time, local transaction", Digits, Fixed(6), Open),
    row(13, "date, local transaction", Digits, Fixed(4), Open),
    row(14, "date, expiration", Digits, Fixed(4), Hidden),
    row(15, "date, settlement", Digits, Fixed(4), Open),
    row(16, "date, conversion", Digits, Fixed(4), Open),
    row(18, "merchant type", Digits, Fixed(4), Open),
    row(19, "acquiring institution country code", Digits, Fixed(3), Open),
    row(22, "point of service entry mode", Digits, Fixed(3), Open),
    row(23, "card sequence number", Digits, Fixed(3), Open),
    row(25, "point of service condition code", Digits, Fixed(2), Open),
    row(26, "point of service PIN capture code", Digits, Fixed(2), Open),
    row(28, "amount, transaction fee", Signed, Fixed(9), Open),
    row(32, "acquiring institution", Digits, TwoDigits(11), Open),
    row(33, "forwarding institution", Digits, TwoDigits(11), Open),
    row(35, "track 2 data", Track, TwoDigits(37), Hidden),
    row(36, "track 3 data", Track, ThreeDigits(104), Hidden),
    row(37, "retrieval reference number", Alphanumeric, Fixed(12), Open),
    row(38, "authorization identification response", Alphanumeric, Fixed(6), Open),
    row(39, "response code", Alphanumeric, Fixed(2), Open),
    row(41, "card acceptor terminal identification", Text, Fixed(8), Open),
    row(42, "card acceptor identification", Text, Fixed(15), Open),
    row(43, "card acceptor name and location", Text, Fixed(40), Open),
    row(44, "additional response data", Text, TwoDigits(25), Hidden),
    row(45, "track 1 data", Text, TwoDigits(76), Hidden),
    row(48, "additional data, private", Text, ThreeDigits(512), Hidden),
    row(49, "currency code, transaction", Alphanumeric, Fixed(3), Open),
    row(50, "currency code, settlement", Alphanumeric, Fixed(3), Open),
    row(51, "currency code, cardholder billing", Alphanumeric, Fixed(3), Open),
    row(52, "personal identification number data", Binary, Fixed(8), Hidden),
    row(53, "security related control information", Digits, Fixed(16), Open),
    row(54, "additional amounts", Text, ThreeDigits(120), Hidden),
    row(55, "integrated circuit card data", Binary, ThreeDigits(255), Hidden),
    row(56, "additional information", Text, ThreeDigits(512), Hidden),
    row(57, "additional transaction information", Text, ThreeDigits(100), Hidden),
    row(59, "detail inquiry data", Text, ThreeDigits(600), Hidden),
    row(60, "reason code and point of service data", Text, ThreeDigits(100), Open),
    row(61, "cardholder authentication information", Text, ThreeDigits(200), Hidden),
    row(62, "switching data", Text, ThreeDigits(200), Hidden),
    row(63, "financial network data", Text, ThreeDigits(512), Hidden),
    row(64, "message authentication code", Binary, Fixed(8), Open),
    row(70, "network management information code", Digits, Fixed(3), Open),
    row(90, "original data elements", Digits, Fixed(42), Open),
    row(96, "message security code", Binary, Fixed(8), Hidden),
    row(99, "settlement institution", Digits, TwoDigits(11), Open),
    row(100, "receiving institution", Digits, TwoDigits(11), Open),
    row(102, "account identification 1", Text, TwoDigits(28), Masked),
    row(103, "account identification 2", Text, TwoDigits(28), Masked),
    row(104, "additional information", Text, ThreeDigits(512), Hidden),
    row(113, "additional information", Text, ThreeDigits(512), Hidden),
    row(116, "additional information", Text, ThreeDigits(512), Hidden),
    row(117, "additional information", Text, ThreeDigits(256), Hidden),
    row(121, "reserved for the switch", Text, ThreeDigits(100), Open),
    row(122, "reserved for the acquirer", Text, ThreeDigits(100), Open),
    row(123, "reserved for the issuer", Text, ThreeDigits(100), Open),
    row(125, "additional information", Text, ThreeDigits(256), Hidden),
    row(126, "additional information", Text, ThreeDigits(256), Hidden),
    row(128, "message authentication code", Binary, Fixed(8), Open),
];

const fn row(number: u8, name: &'static str, content: Content, length: Length, exposure: Exposure) -> Field {
    Field { number, name, content, length, exposure }
}

/// The row of a field; `None` when the profile has no such field.
#[must_use]
pub fn field(number: u8) -> Option<&'static Field> {
    FIELDS.binary_search_by_key(&number, |field| field.number).ok().map(|at| &FIELDS[at])
}

/// Why a field was refused. It never holds what the field said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("field {number}{}: {problem}", Named(*number))]
pub struct FieldError {
    /// Which field.
    pub number: u8,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not in the table.
    #[error("the profile has no such field")]
    Unknown,
    /// It is longer or shorter than it must be.
    #[error("{length} long, where {expected} is expected")]
    Length {
        /// How long it is.
        length: usize,
        /// How long it must be.
        expected: usize,
    },
    /// It is longer than it may be.
    #[error("{length} long, more than {max}")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        max: usize,
    },
    /// It is there and says nothing.
    #[error("empty")]
    Empty,
    /// It holds a character of another kind.
    #[error("the character at {at} is not of its kind")]
    Character {
        /// Where, counting from 0.
        at: usize,
    },
    /// Its length is not written in digits.
    #[error("the length is not written in digits")]
    LengthDigits,
    /// Half a byte is no digit, or the half that fills up is not zero.
    #[error("the packed digit at {at} is wrong")]
    PackedDigit {
        /// Which half byte, counting from 0.
        at: usize,
    },
    /// A hexadecimal digit is none, or is a small letter.
    #[error("the hexadecimal digit at {at} is wrong")]
    HexadecimalDigit {
        /// Where, counting from 0.
        at: usize,
    },
    /// The message ends inside it.
    #[error("cut off: {missing} more bytes are needed")]
    Cut {
        /// How many bytes are missing.
        missing: usize,
    },
    /// It is well-formed and means nothing.
    #[error("{0}")]
    Meaning(&'static str),
}

/// ` (name)`, for errors.
struct Named(u8);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        field(self.0).map_or(Ok(()), |field| write!(f, " ({})", field.name))
    }
}

impl Field {
    /// The longest it may be.
    #[must_use]
    pub const fn max(&self) -> usize {
        match self.length {
            Fixed(max) | TwoDigits(max) | ThreeDigits(max) => max,
        }
    }

    /// Does this value fit the row?
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self, value: &[u8]) -> Result<(), FieldError> {
        self.check_length(value.len())?;
        let fits: fn(usize, u8) -> bool = match self.content {
            Digits => |_, byte| byte.is_ascii_digit(),
            Signed => |at, byte| if at == 0 { byte == b'C' || byte == b'D' } else { byte.is_ascii_digit() },
            Alphanumeric => |_, byte| byte.is_ascii_alphanumeric(),
            Text => |_, byte| matches!(byte, 0x20..=0x7e | 0x80..=0xfe),
            Track => |_, byte| byte.is_ascii_digit() || byte == b'=',
            Binary => return Ok(()),
        };
        let filled = match self.content {
            Alphanumeric => value.trim_ascii_end(),
            _ => value,
        };
        match filled.iter().enumerate().position(|(at, byte)| !fits(at, *byte)) {
            Some(at) => Err(self.error(Problem::Character { at })),
            None => Ok(()),
        }
    }

    /// May a value be this long?
    pub(super) fn check_length(&self, length: usize) -> Result<(), FieldError> {
        match self.length {
            Fixed(expected) if length != expected => Err(self.error(Problem::Length { length, expected })),
            TwoDigits(max) | ThreeDigits(max) if length > max => Err(self.error(Problem::TooLong { length, max })),
            TwoDigits(_) | ThreeDigits(_) if length == 0 && matches!(self.content, Digits | Track) => {
                Err(self.error(Problem::Empty))
            }
            _ => Ok(()),
        }
    }

    pub(super) const fn error(&self, problem: Problem) -> FieldError {
        FieldError { number: self.number, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(number: u8, value: &[u8]) -> Option<Problem> {
        field(number).expect("known").check(value).err().map(|error| error.problem)
    }

    #[test]
    fn rows_ascend_and_their_lengths_can_be_written() {
        assert!(FIELDS.is_sorted_by(|one, next| one.number < next.number));
        for field in FIELDS {
            assert!((2..=128).contains(&field.number) && field.number != 65, "{field:?}");
            match field.length {
                Fixed(length) => assert!(length > 0, "{field:?}"),
                TwoDigits(max) => assert!((1..=99).contains(&max), "{field:?}"),
                ThreeDigits(max) => assert!((100..=999).contains(&max), "{field:?}"),
            }
        }
    }

    /// As the standard writes it: `n..19` is up to 19 digits behind a length of two.
    fn notation(field: &Field) -> String {
        let content = match field.content {
            Digits => "n",
            Signed => "x+n",
            Alphanumeric => "an",
            Text => "ans",
            Track => "z",
            Binary => "b",
        };
        let (dots, max) = match field.length {
            Fixed(length) => ("", length),
            TwoDigits(max) => ("..", max),
            ThreeDigits(max) => ("...", max),
        };
        format!("{}:{content}{dots}{max}", field.number)
    }

    #[test]
    fn the_rows_are_frozen() {
        assert_eq!(
            FIELDS.iter().map(notation).collect::<Vec<_>>().join(" "),
            "2:n..19 3:n6 4:n12 5:n12 6:n12 7:n10 9:n8 10:n8 11:n6 12:n6 13:n4 14:n4 15:n4 16:n4 18:n4 19:n3 22:n3 \
             23:n3 25:n2 26:n2 28:x+n9 32:n..11 33:n..11 35:z..37 36:z...104 37:an12 38:an6 39:an2 41:ans8 42:ans15 \
             43:ans40 44:ans..25 45:ans..76 48:ans...512 49:an3 50:an3 51:an3 52:b8 53:n16 54:ans...120 55:b...255 \
             56:ans...512 57:ans...100 59:ans...600 60:ans...100 61:ans...200 62:ans...200 63:ans...512 64:b8 70:n3 \
             90:n42 96:b8 99:n..11 100:n..11 102:ans..28 103:ans..28 104:ans...512 113:ans...512 116:ans...512 \
             117:ans...256 121:ans...100 122:ans...100 123:ans...100 125:ans...256 126:ans...256 128:b8"
        );
    }

    #[test]
    fn each_kind_of_content_takes_its_own_and_nothing_else() {
        for (number, good, bad) in [
            (3, &b"000000"[..], &b"00000A"[..]),
            (28, b"C00000100", b"X00000100"),
            (28, b"D00000100", b"D0000010C"),
            (38, b"A1b2  ", b"A1 b2 "),
            (38, b"      ", b"A1\tb2 "),
            (35, b"6212=2512", b"6212D2512"),
            (41, b"term 01.", b"term\n01."),
            (43, &[0xb9; 40], &[0xff; 40]),
            (52, &[0xff; 8], &[0; 7]),
        ] {
            assert_eq!(problem(number, good), None, "{number}");
            assert!(problem(number, bad).is_some(), "{number}");
        }
    }

    #[test]
    fn lengths_are_kept() {
        assert_eq!(problem(3, b"00000"), Some(Problem::Length { length: 5, expected: 6 }));
        assert_eq!(problem(2, &[b'1'; 20]), Some(Problem::TooLong { length: 20, max: 19 }));
        assert_eq!(problem(2, b""), Some(Problem::Empty));
        assert_eq!(problem(48, b""), None);
    }

    #[test]
    fn an_error_names_the_field_and_never_says_what_it_held() {
        let error = field(2).expect("known").check(b"62123456789A1232").expect_err("a letter");
        assert_eq!(error.to_string(), "field 2 (primary account number): the character at 11 is not of its kind");
        let unknown = FieldError { number: 65, problem: Problem::Unknown };
        assert_eq!(unknown.to_string(), "field 65: the profile has no such field");
    }
}
