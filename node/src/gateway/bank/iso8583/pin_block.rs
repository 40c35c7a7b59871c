//! PIN blocks (ISO 9564-1), formats 0 and 3.
//!
//! ```text
//!  PIN      format │ length │ digits … │ F F F (format 0) or A to F at random (format 3)     16 halves
//!  account  0 0 0 0 │ the last twelve digits of the card number before its check digit
//!  block    PIN ⊕ account, then encrypted
//! ```
//!
//! Only a card's PIN makes one, and only between whoever took it and here. What a subscriber types into
//! SMS or IVR is a payment password and never comes this way. Nothing here opens a block.

use des::TdesEde2;
use des::cipher::{Block, BlockCipherEncrypt, KeyInit};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::mac::{KeyError, check_des_key};
use super::pan::Pan;

/// A PIN of 4 to 12 digits. It is never shown and is wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Pin {
    digits: [u8; 12],
    length: u8,
}

impl Pin {
    /// `None` unless it is 4 to 12 digits.
    #[must_use]
    pub fn new(digits: &[u8]) -> Option<Self> {
        if !(4..=12).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut pin = Self { digits: [0; 12], length: digits.len() as u8 };
        pin.digits.iter_mut().zip(digits).for_each(|(to, digit)| *to = digit - b'0');
        Some(pin)
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin")
    }
}

/// Which format a block has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinFormat {
    /// Format 0: the same PIN of the same card always makes the same block.
    Iso0,
    /// Format 3: filled up at random, so it does not. One random byte for each half that may be filled.
    Iso3 {
        /// Ten random bytes, used once.
        random: [u8; 10],
    },
}

/// A triple DES key of 16 bytes for PINs. It is never shown and is wiped when dropped.
pub struct PinKey(Zeroizing<[u8; 16]>);

impl PinKey {
    /// # Errors
    /// When the key has another length or is weak.
    pub fn new(key: &[u8]) -> Result<Self, KeyError> {
        let bytes = key.try_into().map_err(|_| KeyError::Length { length: key.len(), expected: 16 })?;
        check_des_key(key)?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl std::fmt::Debug for PinKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PinKey")
    }
}

/// The encrypted block for field 52.
#[must_use]
pub fn sealed_pin_block(pin: &Pin, pan: &Pan, format: PinFormat, key: &PinKey) -> [u8; 8] {
    let clear = clear_block(pin, pan, format);
    let mut block: Block<TdesEde2> = (*clear).into();
    TdesEde2::new_from_slice(&*key.0).expect("sixteen bytes").encrypt_block(&mut block);
    block.into()
}

fn clear_block(pin: &Pin, pan: &Pan, format: PinFormat) -> Zeroizing<[u8; 8]> {
    let mut halves = Zeroizing::new([0_u8; 16]);
    halves[0] = if format == PinFormat::Iso0 { 0 } else { 3 };
    halves[1] = pin.length;
    let length = usize::from(pin.length);
    for at in 0..14 {
        halves[2 + at] = match format {
            _ if at < length => pin.digits[at],
            PinFormat::Iso0 => 0xf,
            // A PIN has at least four digits, so ten bytes are enough.
            PinFormat::Iso3 { random } => 0xa + random[at - 4] % 6,
        };
    }
    let pan = pan.digits().as_bytes();
    let account = &pan[pan.len() - 13..pan.len() - 1];
    halves[4..].iter_mut().zip(account).for_each(|(half, digit)| *half ^= digit - b'0');
    Zeroizing::new(std::array::from_fn(|at| halves[2 * at] << 4 | halves[2 * at + 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: [u8; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 255];

    fn pin(digits: &str) -> Pin {
        Pin::new(digits.as_bytes()).expect("a PIN")
    }

    fn pan(digits: &str) -> Pan {
        Pan::new(digits).expect("a card number")
    }

    /// The first by hand; the others by `psec`, a library nobody here wrote.
    #[test]
    fn format_0_is_the_pin_and_the_account() {
        for (digits, card, expected) in [
            ("123456", "6212345678901232", "061217139876fedc"),
            ("1234", "5555555555551234", "041261aaaaaaaedc"),
            ("123456789012", "6212345678901234567", "0c12622ee88226a9"),
        ] {
            let block = clear_block(&pin(digits), &pan(card), PinFormat::Iso0);
            assert_eq!(hex::encode(*block), expected, "{card}");
        }
    }

    #[test]
    fn format_3_differs_in_what_fills_it_up() {
        let block = clear_block(&pin("1234"), &pan("5555555555551234"), PinFormat::Iso3 { random: RANDOM });
        // Filled up with A B C D E F A B C D; from the fifth half on ⊕ 555555555123.
        assert_eq!(hex::encode(*block), "341261fe98bafaee");
        let longest = clear_block(&pin("123456789012"), &pan("5555555555551234"), PinFormat::Iso3 { random: RANDOM });
        // Two halves are left, filled up with C and D: 8 % 6 and 255 % 6.
        assert_eq!(hex::encode(*longest), "3c1261032dc543ee");
    }

    /// Encrypted by OpenSSL's triple DES.
    #[test]
    fn a_block_is_sealed_with_its_key() {
        let key = PinKey::new(&hex::decode("0123456789abcdeffedcba9876543210").expect("hex")).expect("a key");
        let block = sealed_pin_block(&pin("123456"), &pan("6212345678901232"), PinFormat::Iso0, &key);
        assert_eq!(hex::encode(block), "b91d020c871dffc1");
    }

    #[test]
    fn only_4_to_12_digits_are_a_pin_and_none_is_shown() {
        for digits in ["123", "1234567890123", "12a4", ""] {
            assert!(Pin::new(digits.as_bytes()).is_none(), "{digits}");
        }
        let key = PinKey::new(&hex::decode("0123456789abcdeffedcba9876543210").expect("hex")).expect("a key");
        assert_eq!(format!("{:?} {key:?}", pin("123456")), "Pin PinKey");
        assert_eq!(PinKey::new(&[0; 8]).expect_err("short"), KeyError::Length { length: 8, expected: 16 });
        assert_eq!(PinKey::new(&[1; 16]).expect_err("weak"), KeyError::Weak);
    }

    #[test]
    fn a_pin_is_wiped() {
        let mut wiped = pin("123456");
        wiped.zeroize();
        assert_eq!((wiped.digits, wiped.length), ([0; 12], 0));
    }
}
