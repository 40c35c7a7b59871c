//! The digits of a payment code at the edge (product §3 付费): the only place that sees them.
//!
//! ```text
//!  44 0123456789012 8     two digits of the home province, thirteen drawn ones, and one that checks the others
//! ```
//!
//! The last digit tells a slip of the finger from a guess: what does not check is refused as malformed, and nobody
//! counts it.

use std::fmt;

use mpss_domain::ProvinceId;
use mpss_runtime::Random;
use zeroize::Zeroizing;

/// Digits of a code.
const LENGTH: usize = 16;

/// Codes that can be drawn.
const DRAWN: u64 = 10_000_000_000_000;

/// Sixteen digits. Never printed, never serialised, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeDigits(Zeroizing<String>);

impl CodeDigits {
    /// Draws a code of a province.
    #[must_use]
    pub fn draw(home: ProvinceId, random: &dyn Random) -> Self {
        let mut digits = format!("{home}{:013}", random.below(DRAWN));
        let check = check_digit(&digits);
        digits.push(char::from(b'0' + check));
        Self(Zeroizing::new(digits))
    }

    /// A code, or nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_digit());
        let checks = || check_digit(&text[..LENGTH - 1]) == text.as_bytes()[LENGTH - 1] - b'0';
        let home = || text[..2].parse::<ProvinceId>().is_ok_and(|home| !home.is_national());
        (digits && checks() && home()).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Where it was issued.
    ///
    /// # Panics
    /// Never: a code begins with its province.
    #[must_use]
    pub fn home(&self) -> ProvinceId {
        self.0[..2].parse().expect("a code begins with its province")
    }

    /// The digits, for whoever pays by them, and for the home province, only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CodeDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigits(******)")
    }
}

/// The digit that checks the others (Luhn).
fn check_digit(digits: &str) -> u8 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| {
            let digit = u32::from(byte - b'0');
            if at % 2 == 1 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    ((10 - sum % 10) % 10) as u8
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    struct Sevens;

    impl Random for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0x77);
        }

        fn fork(&self, _: &str) -> Arc<dyn Random> {
            unreachable!("nobody forks it")
        }
    }

    #[test]
    fn a_code_names_its_province_and_checks_itself() {
        let home = ProvinceId::new(44).expect("Guangdong");
        let drawn = CodeDigits::draw(home, &Sevens);
        assert_eq!((drawn.home(), drawn.reveal().len()), (home, LENGTH));
        assert_eq!(CodeDigits::parse(drawn.reveal()), Some(drawn.clone()));
        assert_eq!(format!("{drawn:?}"), "CodeDigits(******)");
        for at in 0..LENGTH {
            let mut slip = drawn.reveal().as_bytes().to_vec();
            slip[at] = b'0' + (slip[at] - b'0' + 1) % 10;
            assert_eq!(CodeDigits::parse(std::str::from_utf8(&slip).expect("digits")), None, "digit {at} is another");
        }
        for text in ["", "44", "440000000000000", "44000000000000000", "99000000000000a0", "４４００００００００００"]
        {
            assert_eq!(CodeDigits::parse(text), None, "{text}");
        }
        // There is no province 99, and the national platform is nobody's home.
        for start in ["99", "00"] {
            let body = format!("{start}0000000000000");
            assert_eq!(CodeDigits::parse(&format!("{body}{}", check_digit(&body))), None, "{start}");
        }
    }
}
