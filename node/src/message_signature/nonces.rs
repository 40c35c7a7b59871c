//! Signatures that were taken, so that none is taken twice by this node.
//!
//! A nonce is remembered until no signature that has it would be taken for its age alone. Only right signatures come
//! here, so nobody who has no key can fill the memory; when it is full nobody is let in until there is room, because to
//! forget one early would let it in again.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::presented::WINDOW_S;

/// Why a signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NonceFault {
    /// It was taken before.
    #[error("the nonce was used before")]
    Used,
    /// More can not be remembered now.
    #[error("too many signatures are remembered")]
    Full,
}

/// Nonces of signatures that were taken.
#[derive(Debug)]
pub struct Nonces {
    max: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    nonces: BTreeSet<u128>,
    /// By the second after which they are forgotten.
    until_s: BTreeMap<u64, Vec<u128>>,
}

impl Nonces {
    /// Remembers so many at most.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, seen: Mutex::default() }
    }

    /// Takes a signature by `key_id`, made at `created_s` and come at `now_s` (s since 1970).
    ///
    /// # Errors
    /// See [`NonceFault`].
    pub fn take(&self, key_id: &str, nonce: &str, created_s: u64, now_s: u64) -> Result<(), NonceFault> {
        let mut digest = Sha256::new();
        for part in [key_id, nonce] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        let digest = digest.finalize();
        let known = u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"));
        let mut seen = self.seen.lock();
        seen.forget_before(now_s);
        if seen.nonces.contains(&known) {
            return Err(NonceFault::Used);
        }
        if seen.nonces.len() >= self.max {
            return Err(NonceFault::Full);
        }
        seen.nonces.insert(known);
        seen.until_s.entry(created_s.saturating_add(WINDOW_S)).or_default().push(known);
        Ok(())
    }
}

impl Seen {
    fn forget_before(&mut self, now_s: u64) {
        while let Some(oldest) = self.until_s.first_entry().filter(|oldest| *oldest.key() < now_s) {
            for known in oldest.remove() {
                self.nonces.remove(&known);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_once_for_as_long_as_its_signature_is_good() {
        let nonces = Nonces::new(1_000);
        let take = |key, nonce, created, now| nonces.take(key, nonce, created, now);
        assert_eq!(take("a", "n1", 1_000, 1_000), Ok(()));
        assert_eq!(take("a", "n1", 1_000, 1_300), Err(NonceFault::Used));
        assert_eq!(take("a", "n2", 1_000, 1_000), Ok(()));
        assert_eq!(take("b", "n1", 1_000, 1_000), Ok(()), "another key's");
        assert_eq!(take("an", "1", 1_000, 1_000), Ok(()), "no part of one is taken for a piece of the next");
        // By then the signature itself is too old.
        assert_eq!(take("a", "n1", 1_301, 1_301), Ok(()));
        // One that was made in the future is remembered for longer.
        assert_eq!(take("a", "n3", 1_600, 1_301), Ok(()));
        assert_eq!(take("a", "n3", 1_600, 1_900), Err(NonceFault::Used));
    }

    #[test]
    fn what_is_good_is_never_forgotten_for_want_of_room() {
        let nonces = Nonces::new(2);
        assert_eq!(nonces.take("a", "n1", 1_000, 1_000), Ok(()));
        assert_eq!(nonces.take("a", "n2", 1_100, 1_100), Ok(()));
        assert_eq!(nonces.take("a", "n3", 1_100, 1_100), Err(NonceFault::Full));
        assert_eq!(nonces.take("a", "n1", 1_000, 1_100), Err(NonceFault::Used));
        assert_eq!(nonces.take("a", "n3", 1_301, 1_301), Ok(()), "the first is too old by now");
        assert_eq!(nonces.take("a", "n2", 1_100, 1_301), Err(NonceFault::Used));
    }
}
