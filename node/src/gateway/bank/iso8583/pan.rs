//! A card number.

use std::fmt;

/// A primary account number (field 2): 13 to 19 digits. Shown with its first six and last four only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pan(String);

impl Pan {
    /// `None` unless it is 13 to 19 digits: a PIN block needs twelve besides the check digit.
    #[must_use]
    pub fn new(digits: &str) -> Option<Self> {
        let valid = (13..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| Self(digits.to_owned()))
    }

    /// All of its digits: for the wire only.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Does the last digit check the others (ISO/IEC 7812-1, Luhn)?
    #[must_use]
    pub fn is_checked(&self) -> bool {
        let sum: u32 = self
            .0
            .bytes()
            .rev()
            .enumerate()
            .map(|(at, byte)| {
                let digit = u32::from(byte - b'0');
                if at % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
            })
            .sum();
        sum.is_multiple_of(10)
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.0.as_bytes()))
    }
}

impl fmt::Display for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.0.as_bytes()))
    }
}

/// The first six and the last four characters; of ten or fewer, none.
pub(super) fn masked(value: &[u8]) -> String {
    const HEAD: usize = 6;
    const TAIL: usize = 4;
    let hidden = value.len().saturating_sub(HEAD + TAIL);
    let shown = |at: usize| hidden > 0 && (at < HEAD || at >= HEAD + hidden);
    let character = |at: usize, byte: u8| if shown(at) && byte.is_ascii_graphic() { char::from(byte) } else { '*' };
    value.iter().enumerate().map(|(at, byte)| character(at, *byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_masked() {
        let pan = Pan::new("6212345678901232").expect("valid");
        assert_eq!(format!("{pan:?} {pan}"), "621234******1232 621234******1232");
        for (value, shown) in [("", ""), ("1234567890", "**********"), ("12345678901", "123456*8901")] {
            assert_eq!(masked(value.as_bytes()), shown);
        }
    }

    #[test]
    fn only_13_to_19_digits_are_one() {
        for (digits, valid) in [
            ("123456789012", false),
            ("1234567890123", true),
            ("1234567890123456789", true),
            ("12345678901234567890", false),
            ("123456789012a", false),
            ("１２３４５６７８９０１２３", false),
        ] {
            assert_eq!(Pan::new(digits).is_some(), valid, "{digits}");
        }
    }

    #[test]
    fn the_last_digit_checks_the_others() {
        assert!(Pan::new("6212345678901232").expect("valid").is_checked());
        assert!(!Pan::new("6212345678901223").expect("valid").is_checked());
    }
}
