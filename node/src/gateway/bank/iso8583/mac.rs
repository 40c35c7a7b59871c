//! Message authentication codes.
//!
//! ```text
//!  X9.9    block₁ → DES(K) → ⊕ block₂ → DES(K) → … → MAC                      ISO 9797-1, algorithm 1
//!  X9.19   the same with the left half of the key, then DES⁻¹(right), DES(left)    ISO 9797-1, algorithm 3
//!  ECB     block₁ ⊕ block₂ ⊕ … → hexadecimal, left and right half
//!          E(K, left) ⊕ right → E(K) → hexadecimal, left half → MAC            UnionPay
//! ```
//!
//! Data is filled up with zero bytes. Single DES is what old links still speak; a new one takes a key of
//! two parts, or SM4.

use des::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde2};
use sm4::Sm4;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A message authentication code, as it stands in field 64 or 128.
pub type Mac = [u8; 8];

/// How a MAC is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// ANSI X9.9, with a DES key of 8 bytes.
    X9_9,
    /// ANSI X9.19 (retail MAC), with a DES key of 16 bytes.
    X9_19,
    /// UnionPay's, with a DES key of 8 bytes.
    EcbDes,
    /// UnionPay's, with a triple DES key of 16 bytes.
    EcbTripleDes,
    /// UnionPay's, with an SM4 key of 16 bytes. That it works on blocks of 16 bytes, and takes the first
    /// eight of the hexadecimal result, is *inferred*.
    EcbSm4,
}

/// Why bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is longer or shorter than the algorithm's.
    #[error("a key of {length} bytes, where {expected} are expected")]
    Length {
        /// How long it is.
        length: usize,
        /// How long it must be.
        expected: usize,
    },
    /// One of DES's weak keys, or a key whose two halves are the same.
    #[error("a weak key")]
    Weak,
}

/// A key and what it is for. It is never shown and is wiped when dropped.
pub struct MacKey {
    algorithm: MacAlgorithm,
    key: Zeroizing<Vec<u8>>,
}

impl MacKey {
    /// # Errors
    /// When the key has the wrong length or is weak.
    pub fn new(algorithm: MacAlgorithm, key: &[u8]) -> Result<Self, KeyError> {
        let expected = match algorithm {
            MacAlgorithm::X9_9 | MacAlgorithm::EcbDes => 8,
            MacAlgorithm::X9_19 | MacAlgorithm::EcbTripleDes | MacAlgorithm::EcbSm4 => 16,
        };
        if key.len() != expected {
            return Err(KeyError::Length { length: key.len(), expected });
        }
        if algorithm != MacAlgorithm::EcbSm4 {
            check_des_key(key)?;
        }
        Ok(Self { algorithm, key: Zeroizing::new(key.to_vec()) })
    }

    /// The MAC of these bytes.
    #[must_use]
    pub fn mac(&self, data: &[u8]) -> Mac {
        match self.algorithm {
            MacAlgorithm::X9_9 => chained(&des(&self.key), data).into(),
            MacAlgorithm::X9_19 => {
                let (left, right) = (des(&self.key[..8]), des(&self.key[8..]));
                let mut block = chained(&left, data);
                right.decrypt_block(&mut block);
                left.encrypt_block(&mut block);
                block.into()
            }
            MacAlgorithm::EcbDes => unionpay(&des(&self.key), data),
            MacAlgorithm::EcbTripleDes => {
                unionpay(&TdesEde2::new_from_slice(&self.key).expect("checked when the key was made"), data)
            }
            MacAlgorithm::EcbSm4 => {
                unionpay(&Sm4::new_from_slice(&self.key).expect("checked when the key was made"), data)
            }
        }
    }

    /// Is `mac` the MAC of these bytes? The time it takes says nothing of where it differs.
    #[must_use]
    pub fn is_mac_of(&self, mac: &Mac, data: &[u8]) -> bool {
        self.mac(data).ct_eq(mac).into()
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MacKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// A key of one or two parts, none of them weak, and not the same part twice.
pub(super) fn check_des_key(key: &[u8]) -> Result<(), KeyError> {
    let (parts, _) = key.as_chunks::<8>();
    let weak = |part: &[u8; 8]| des::weak_key_test(part).is_err();
    // Parity bits are no part of a key, so they do not make two parts differ.
    let same = |one: &[u8; 8], other: &[u8; 8]| one.iter().zip(other).all(|(one, other)| one >> 1 == other >> 1);
    if parts.iter().any(weak) || parts.windows(2).any(|pair| same(&pair[0], &pair[1])) {
        return Err(KeyError::Weak);
    }
    Ok(())
}

fn des(key: &[u8]) -> Des {
    Des::new_from_slice(key).expect("checked when the key was made")
}

/// CBC from zeros, the last block.
fn chained(cipher: &Des, data: &[u8]) -> Block<Des> {
    data.chunks(8).fold(Block::<Des>::default(), |mut block, chunk| {
        exclusive_or(&mut block, chunk);
        cipher.encrypt_block(&mut block);
        block
    })
}

fn unionpay<C: BlockCipherEncrypt>(cipher: &C, data: &[u8]) -> Mac {
    let size = C::block_size();
    let mut folded = vec![0; size];
    data.chunks(size).for_each(|chunk| exclusive_or(&mut folded, chunk));
    let text = hexadecimal(&folded);
    let (left, right) = text.split_at(size);

    let mut block = Block::<C>::default();
    block.copy_from_slice(left);
    cipher.encrypt_block(&mut block);
    exclusive_or(&mut block, right);
    cipher.encrypt_block(&mut block);

    let text = hexadecimal(&block);
    std::array::from_fn(|at| text[at])
}

fn exclusive_or(block: &mut [u8], with: &[u8]) {
    block.iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with);
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(algorithm: MacAlgorithm, key: &str, data: &[u8]) -> Mac {
        MacKey::new(algorithm, &hex::decode(key).expect("hex")).expect("a key").mac(data)
    }

    const SINGLE: &str = "0123456789abcdef";
    const DOUBLE: &str = "0123456789abcdeffedcba9876543210";

    /// FIPS PUB 113, appendix: the data authentication algorithm, which is X9.9's.
    #[test]
    fn x9_9_makes_the_mac_of_fips_113() {
        let mac = mac(MacAlgorithm::X9_9, SINGLE, b"7654321 Now is the time for ");
        assert_eq!(hex::encode(mac), "f1d30f6849312ca4");
    }

    /// ISO/IEC 9797-1:2011, annex B, algorithms 1 and 3 with filling 1.
    #[test]
    fn x9_9_and_x9_19_make_the_macs_of_iso_9797_1() {
        assert_eq!(hex::encode(mac(MacAlgorithm::X9_9, SINGLE, b"Now is the time for all ")), "70a30640cc76dd8b");
        assert_eq!(hex::encode(mac(MacAlgorithm::X9_19, DOUBLE, b"Now is the time for all ")), "a1c72e74ea3fa9b6");
        assert_eq!(hex::encode(mac(MacAlgorithm::X9_9, SINGLE, b"Now is the time for it")), "e45b3ad2b7cc0856");
        assert_eq!(hex::encode(mac(MacAlgorithm::X9_19, DOUBLE, b"Now is the time for it")), "2e2b1428cc78254f");
    }

    /// Made by another implementation of the same steps over OpenSSL's ciphers. For DES that one also
    /// makes the MAC of a terminal's message that its acquirer had accepted.
    #[test]
    fn unionpay_makes_what_another_implementation_makes() {
        let data = hex::decode("0200302004c020c09811000000000000000051001834021000063139").expect("hex");
        for (algorithm, key, expected) in [
            (MacAlgorithm::EcbDes, SINGLE, "49F267C0"),
            (MacAlgorithm::EcbTripleDes, DOUBLE, "D518362B"),
            (MacAlgorithm::EcbSm4, DOUBLE, "E4597809"),
        ] {
            assert_eq!(std::str::from_utf8(&mac(algorithm, key, &data)).expect("ASCII"), expected, "{algorithm:?}");
        }
    }

    #[test]
    fn one_changed_bit_is_noticed() {
        let data = *b"0200 6212345678901232 000000000000001000";
        for (algorithm, key) in [
            (MacAlgorithm::X9_9, SINGLE),
            (MacAlgorithm::X9_19, DOUBLE),
            (MacAlgorithm::EcbDes, SINGLE),
            (MacAlgorithm::EcbTripleDes, DOUBLE),
            (MacAlgorithm::EcbSm4, DOUBLE),
        ] {
            let key = MacKey::new(algorithm, &hex::decode(key).expect("hex")).expect("a key");
            let mac = key.mac(&data);
            assert!(key.is_mac_of(&mac, &data));
            for bit in 0..data.len() * 8 {
                let mut changed = data;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(!key.is_mac_of(&mac, &changed), "{algorithm:?} {bit}");
            }
            for bit in 0..64 {
                let mut changed = mac;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(!key.is_mac_of(&changed, &data), "{algorithm:?} {bit}");
            }
        }
    }

    #[test]
    fn keys_of_the_wrong_length_and_weak_keys_are_refused() {
        let refused = |algorithm, key: &[u8]| MacKey::new(algorithm, key).expect_err("refused");
        assert_eq!(refused(MacAlgorithm::X9_19, &[1; 8]), KeyError::Length { length: 8, expected: 16 });
        assert_eq!(refused(MacAlgorithm::X9_9, &[1; 16]), KeyError::Length { length: 16, expected: 8 });
        assert_eq!(refused(MacAlgorithm::X9_9, &[1; 8]), KeyError::Weak);
        let single = hex::decode(SINGLE).expect("hex");
        assert_eq!(refused(MacAlgorithm::X9_19, &[&single[..], &single].concat()), KeyError::Weak);
        let parity: Vec<u8> = single.iter().map(|byte| byte ^ 1).collect();
        assert_eq!(refused(MacAlgorithm::EcbTripleDes, &[&single[..], &parity].concat()), KeyError::Weak);
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = MacKey::new(MacAlgorithm::X9_9, b"\x01\x23\x45\x67\x89\xab\xcd\xef").expect("a key");
        assert_eq!(format!("{key:?}"), "MacKey { algorithm: X9_9, .. }");
    }
}
