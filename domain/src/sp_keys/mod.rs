//! Keys that SPs sign with (product §6 "SP direct", §9): several at once, so that one follows the other without
//! a gap; each good from and until a time, and ended at once when it is lost.
//!
//! ```text
//!  set ─▶ good_from ─▶ good ─▶ good_until         ended at once by the operator, whatever its times
//! ```
//!
//! Here stands what a signature is checked with; nothing here checks one. A secret comes sealed and leaves sealed:
//! only the edge has the key to it, and it is wiped when the key is ended. A key is never changed and its id never
//! used again while it is remembered: a signature names one key for ever. The rows came with state version 4.

use serde::{Deserialize, Serialize};

use crate::ids::SpId;
pub use crate::ids::SpKeyId;
pub use crate::sealed::SealedSpSecret;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

mod check;
mod set;

/// Keys of one SP that are good, or will be, at most.
pub const OPEN_KEYS_MAX: usize = 8;

/// Keys of one SP that are remembered at most, ended ones included.
pub const KEYS_MAX: usize = 64;

/// How is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SpKeyAlgorithm {
    /// HMAC with SHA-256, by a secret that both know.
    HmacSha256,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// SM2 with SM3 (GB/T 32918.2).
    Sm2Sm3,
    /// The header of the ISAG of 2007: MD5 over a secret that both know.
    IsagMd5,
}

impl SpKeyAlgorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::HmacSha256, Self::Ed25519, Self::Sm2Sm3, Self::IsagMd5];

    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
            Self::Sm2Sm3 => "sm2-sm3",
            Self::IsagMd5 => "isag-md5",
        }
    }

    /// Is it a secret that both know, and not a public key?
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::HmacSha256 | Self::IsagMd5)
    }
}

/// What a signature is checked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpKeyMaterial {
    /// A public key: 32 bytes of Ed25519, or an uncompressed point of SM2 (65 bytes).
    Public(Vec<u8>),
    /// A secret that both know; empty once the key was ended.
    Secret(SealedSpSecret),
}

impl SpKeyMaterial {
    fn fits(&self, algorithm: SpKeyAlgorithm) -> bool {
        match (self, algorithm) {
            (Self::Public(bytes), SpKeyAlgorithm::Ed25519) => bytes.len() == 32,
            (Self::Public(bytes), SpKeyAlgorithm::Sm2Sm3) => bytes.len() == 65 && bytes[0] == 4,
            (Self::Secret(sealed), SpKeyAlgorithm::HmacSha256 | SpKeyAlgorithm::IsagMd5) => sealed.is_well_formed(),
            _ => false,
        }
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpKey {
    /// How is signed with it.
    pub algorithm: SpKeyAlgorithm,
    /// What signatures are checked with.
    pub material: SpKeyMaterial,
    /// Good from then on.
    pub good_from: LogTime,
    /// Good before then; for ever when nothing is said.
    pub good_until: Option<LogTime>,
    /// When it was set.
    pub set_at: LogTime,
    /// When it was ended before its time.
    pub ended_at: Option<LogTime>,
}

impl SpKey {
    /// May something be signed with it at this time?
    #[must_use]
    pub fn is_good_at(&self, at: LogTime) -> bool {
        self.ended_at.is_none() && self.good_from <= at && self.good_until.is_none_or(|until| at < until)
    }

    /// Is it good, or will it be?
    #[must_use]
    pub fn is_open_at(&self, at: LogTime) -> bool {
        self.ended_at.is_none() && self.good_until.is_none_or(|until| at < until)
    }

    /// When it ended, or will.
    fn end(&self) -> Option<LogTime> {
        self.ended_at.or(self.good_until)
    }
}

/// What [`crate::Verb::SetSpKey`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSpKey {
    /// Whose.
    pub sp: SpId,
    /// What it is called.
    pub key: SpKeyId,
    /// How is signed with it.
    pub algorithm: SpKeyAlgorithm,
    /// What signatures are checked with.
    pub material: SpKeyMaterial,
    /// Good from then on; from now on when nothing is said.
    pub good_from: Option<LogTime>,
    /// Good before then; for ever when nothing is said.
    pub good_until: Option<LogTime>,
}

/// The keys of all SPs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SpKeys {
    pub(crate) rows: Table<(SpId, SpKeyId), SpKey, 32>,
}

impl State {
    /// One key of an SP.
    #[must_use]
    pub fn sp_key(&self, sp: SpId, key: SpKeyId) -> Option<&SpKey> {
        self.doors.sp_keys.rows.get(&(sp, key))
    }

    /// The keys of an SP, by what they are called; ended ones for as long as they are remembered.
    pub fn sp_keys(&self, sp: SpId) -> impl Iterator<Item = (SpKeyId, &SpKey)> {
        let first: SpKeyId = "!".parse().expect("the first printable character");
        let rows = self.doors.sp_keys.rows.iter_from((sp, first));
        rows.take_while(move |((of, _), _)| *of == sp).map(|((_, id), key)| (*id, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_good_in_its_time_and_never_once_it_was_ended() {
        let key = SpKey {
            algorithm: SpKeyAlgorithm::Ed25519,
            material: SpKeyMaterial::Public(vec![1; 32]),
            good_from: LogTime(10),
            good_until: Some(LogTime(20)),
            set_at: LogTime(5),
            ended_at: None,
        };
        let good = |key: &SpKey| [9, 10, 19, 20].map(|at| key.is_good_at(LogTime(at)));
        assert_eq!(good(&key), [false, true, true, false]);
        assert_eq!(good(&SpKey { good_until: None, ..key.clone() }), [false, true, true, true]);
        assert_eq!(good(&SpKey { ended_at: Some(LogTime(12)), ..key.clone() }), [false; 4]);
        assert!(key.is_open_at(LogTime(0)) && !key.is_open_at(LogTime(20)));
    }
}
