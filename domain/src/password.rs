//! The payment password as the state machine sees it: a keyed tag it can not search, and a verdict
//! that the edge reached. The password itself never comes here.

use serde::{Deserialize, Serialize};

use crate::time::{BusinessDay, LogTime};

/// What is kept of a payment password: `HMAC-SHA-256(pepper, domain ‖ subscriber ‖ salt ‖ password)`.
/// The pepper is in the edge's memory only, so a leaked snapshot can not be searched.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordVerifier {
    /// Which pepper the tag was made with.
    pub pepper: u16,
    /// Random, new with each password.
    pub salt: [u8; 16],
    /// The tag.
    pub tag: [u8; 32],
}

impl std::fmt::Debug for PasswordVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordVerifier").field("pepper", &self.pepper).finish_non_exhaustive()
    }
}

/// What the edge found when it compared a password with a subscriber's verifier. Right or wrong, it
/// is always proposed: only `apply` counts and locks, so parallel guesses learn nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordVerdict {
    /// The version of the verifier that was compared; 0 when the edge knew no subscriber.
    pub verifier_version: u32,
    /// Whether the password matched it.
    pub matches: bool,
}

/// A subscriber's verifier and the count of wrong attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Rises with each change of the password; starts at 1.
    pub version: u32,
    /// What is compared.
    pub verifier: PasswordVerifier,
    /// Wrong attempts on `failures_day`.
    pub failures: u8,
    /// The day the failures were counted on.
    pub failures_day: BusinessDay,
    /// Locked until then; zero when not locked.
    pub locked_until: LogTime,
}
