//! The platform's own keys: what we sign with what we tell SPs, and what is shown of them.
//!
//! A key is called by the digest of its public half, so that the same key has the same name on every node and no two
//! keys have one.

use mpss_config::SpSettings;
use mpss_domain::sp_keys::SpKeyAlgorithm;
use sha2::{Digest, Sha256};

use crate::message_signature::{CheckKey, NoKey, SignKey, Signer};

/// Hex digits of a digest in a key's name.
const NAME_DIGITS: usize = 16;

/// One public key, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// What our signatures say they are by.
    pub key_id: String,
    /// How is signed with it.
    pub algorithm: SpKeyAlgorithm,
    /// 32 bytes of Ed25519, or an uncompressed point of SM2.
    pub public_key: Vec<u8>,
    /// What is signed now is signed with it.
    pub signs: bool,
}

impl PublishedKey {
    fn of(key: &CheckKey, signs: bool) -> Self {
        let public_key = key.public_bytes().expect("the platform signs with no secret that others know");
        let digest = hex::encode(Sha256::digest(&public_key));
        let key_id = format!("mpss-{}", &digest[..NAME_DIGITS]);
        Self { key_id, algorithm: key.algorithm(), public_key, signs }
    }
}

/// What notices to SPs are signed with, when the settings have a key for that.
///
/// # Errors
/// [`NoKey`] when the bytes in the settings are no key: of 2²⁵⁶ values all but a handful are.
pub fn signer(settings: &SpSettings) -> Result<Option<Signer>, NoKey> {
    let Some(bytes) = settings.notice_key_bytes() else { return Ok(None) };
    let key = SignKey::new(algorithm(settings), &bytes)?;
    let key_id = PublishedKey::of(&key.check_key(), true).key_id;
    Ok(Some(Signer { key_id, key }))
}

/// Every key that is shown, the one that signs first.
///
/// # Errors
/// As [`signer`].
pub fn published(settings: &SpSettings) -> Result<Vec<PublishedKey>, NoKey> {
    let both = [(settings.notice_key_bytes(), true), (settings.published_key_bytes(), false)];
    let keys = both.into_iter().filter_map(|(bytes, signs)| bytes.map(|bytes| (bytes, signs)));
    keys.map(|(bytes, signs)| Ok(PublishedKey::of(&SignKey::new(algorithm(settings), &bytes)?.check_key(), signs)))
        .collect()
}

fn algorithm(settings: &SpSettings) -> SpKeyAlgorithm {
    let named = |known: &SpKeyAlgorithm| known.name() == settings.notice_algorithm;
    SpKeyAlgorithm::ALL.into_iter().find(named).expect("loaded settings name an algorithm")
}
