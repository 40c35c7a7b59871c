//! Keys that sign and keys that check.

use std::fmt;

use ed25519_dalek::{Signer as _, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use mpss_domain::sp_keys::SpKeyAlgorithm;
use sha2::Sha256;
use sm2::dsa::signature::Verifier as _;
use zeroize::Zeroizing;

/// The identity that SM2 signs with when nobody agreed on another (GM/T 0009, chapter 10).
const SM2_IDENTITY: &str = "1234567812345678";

/// Bytes of a secret that HMAC is keyed with, at least and at most.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// These bytes are no key of this algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no key of this algorithm")]
pub struct NoKey;

/// What signatures are checked with.
pub enum CheckKey {
    /// A secret that both know.
    HmacSha256(Zeroizing<Vec<u8>>),
    /// A public key of Ed25519.
    Ed25519(Box<VerifyingKey>),
    /// A public key of SM2.
    Sm2Sm3(Box<sm2::dsa::VerifyingKey>),
}

impl CheckKey {
    /// The key that these bytes are: a secret of 16 to 64 bytes, the 32 bytes of an Ed25519 key, or a point of SM2,
    /// uncompressed (65 bytes) or compressed (33).
    ///
    /// # Errors
    /// [`NoKey`], also for what signs otherwise than by RFC 9421.
    pub fn new(algorithm: SpKeyAlgorithm, bytes: &[u8]) -> Result<Self, NoKey> {
        match algorithm {
            SpKeyAlgorithm::HmacSha256 if SECRET_BYTES.contains(&bytes.len()) => {
                Ok(Self::HmacSha256(Zeroizing::new(bytes.to_vec())))
            }
            SpKeyAlgorithm::Ed25519 => {
                let key = bytes.try_into().ok().and_then(|bytes| VerifyingKey::from_bytes(bytes).ok());
                // With a key of small order anything is signed by anybody.
                key.filter(|key| !key.is_weak()).map(|key| Self::Ed25519(Box::new(key))).ok_or(NoKey)
            }
            SpKeyAlgorithm::Sm2Sm3 => {
                let key = sm2::dsa::VerifyingKey::from_sec1_bytes(SM2_IDENTITY, bytes);
                key.map(|key| Self::Sm2Sm3(Box::new(key))).map_err(|_| NoKey)
            }
            SpKeyAlgorithm::HmacSha256 | SpKeyAlgorithm::IsagMd5 => Err(NoKey),
        }
    }

    /// How is signed with it.
    #[must_use]
    pub fn algorithm(&self) -> SpKeyAlgorithm {
        match self {
            Self::HmacSha256(_) => SpKeyAlgorithm::HmacSha256,
            Self::Ed25519(_) => SpKeyAlgorithm::Ed25519,
            Self::Sm2Sm3(_) => SpKeyAlgorithm::Sm2Sm3,
        }
    }

    /// The public key as it is written: 32 bytes of Ed25519, an uncompressed point of SM2; nothing of a secret.
    #[must_use]
    pub fn public_bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::HmacSha256(_) => None,
            Self::Ed25519(key) => Some(key.to_bytes().to_vec()),
            Self::Sm2Sm3(key) => {
                use sm2::elliptic_curve::sec1::ToSec1Point;
                Some(key.as_affine().to_sec1_point(false).as_bytes().to_vec())
            }
        }
    }

    /// Is this the signature of these bytes? In constant time as far as anything secret is concerned.
    #[must_use]
    pub fn has_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::HmacSha256(secret) => hmac(secret, bytes).verify_slice(signature).is_ok(),
            Self::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature);
                // Strictly: one message has no second signature that would also do.
                signature.is_ok_and(|signature| key.verify_strict(bytes, &signature).is_ok())
            }
            Self::Sm2Sm3(key) => {
                let signature = sm2::dsa::Signature::from_slice(signature);
                signature.is_ok_and(|signature| key.verify(bytes, &signature).is_ok())
            }
        }
    }
}

impl fmt::Debug for CheckKey {
    /// Without the key: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckKey({})", self.algorithm().name())
    }
}

/// What is signed with.
pub enum SignKey {
    /// A secret that both know.
    HmacSha256(Zeroizing<Vec<u8>>),
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// SM2.
    Sm2Sm3(Box<sm2::dsa::SigningKey>),
}

impl SignKey {
    /// The key that these bytes are: a secret of 16 to 64 bytes, or the 32 bytes of a private key.
    ///
    /// # Errors
    /// [`NoKey`], also for what signs otherwise than by RFC 9421.
    pub fn new(algorithm: SpKeyAlgorithm, bytes: &[u8]) -> Result<Self, NoKey> {
        match algorithm {
            SpKeyAlgorithm::HmacSha256 if SECRET_BYTES.contains(&bytes.len()) => {
                Ok(Self::HmacSha256(Zeroizing::new(bytes.to_vec())))
            }
            SpKeyAlgorithm::Ed25519 => {
                let seed = bytes.try_into().map_err(|_| NoKey)?;
                Ok(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))))
            }
            SpKeyAlgorithm::Sm2Sm3 => {
                let key = sm2::dsa::SigningKey::from_slice(SM2_IDENTITY, bytes);
                key.map(|key| Self::Sm2Sm3(Box::new(key))).map_err(|_| NoKey)
            }
            SpKeyAlgorithm::HmacSha256 | SpKeyAlgorithm::IsagMd5 => Err(NoKey),
        }
    }

    /// What its signatures are checked with.
    #[must_use]
    pub fn check_key(&self) -> CheckKey {
        match self {
            Self::HmacSha256(secret) => CheckKey::HmacSha256(secret.clone()),
            Self::Ed25519(key) => CheckKey::Ed25519(Box::new(key.verifying_key())),
            Self::Sm2Sm3(key) => CheckKey::Sm2Sm3(Box::new(key.verifying_key().clone())),
        }
    }

    /// Signs.
    ///
    /// # Panics
    /// Never: any bytes can be signed.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::HmacSha256(secret) => hmac(secret, bytes).finalize().into_bytes().to_vec(),
            Self::Ed25519(key) => key.sign(bytes).to_bytes().to_vec(),
            Self::Sm2Sm3(key) => {
                let signature: sm2::dsa::Signature = sm2::dsa::signature::Signer::sign(&**key, bytes);
                signature.to_bytes().to_vec()
            }
        }
    }
}

impl fmt::Debug for SignKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignKey({})", self.check_key().algorithm().name())
    }
}

fn hmac(secret: &[u8], bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(bytes);
    mac
}
