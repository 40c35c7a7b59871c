//! What sealed payment passwords travel as.

use serde::{Deserialize, Serialize};

/// A payment password as only the home province can open it: HPKE (RFC 9180), base mode, X25519 and HKDF-SHA-256,
/// ChaCha20-Poly1305.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedPasswordMessage {
    /// The home province's key that it is sealed to.
    pub key_version: u16,
    /// The encapsulated key: 64 hexadecimal digits.
    pub encapsulated: String,
    /// Six digits and a tag, sealed: 44 hexadecimal digits.
    pub ciphertext: String,
}

/// The key that payment passwords are sealed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealKeyMessage {
    /// Its version.
    pub version: u16,
    /// The X25519 public key: 64 hexadecimal digits.
    pub public_key: String,
}

#[cfg(test)]
mod tests {
    use super::super::{PeerAnswer, PeerResult, decode, encode};
    use super::*;

    #[test]
    fn they_have_the_bytes_they_were_published_with() {
        let sealed = SealedPasswordMessage { key_version: 2, encapsulated: "ab".into(), ciphertext: "cd".into() };
        let text = r#"{"key_version":2,"encapsulated":"ab","ciphertext":"cd"}"#;
        assert_eq!(encode(&sealed), text);
        assert_eq!(decode::<SealedPasswordMessage>(text.as_bytes()), Ok(sealed));
        let key = PeerResult::SealKey(SealKeyMessage { version: 2, public_key: "ef".into() });
        let answer = PeerAnswer { result: key, log_index: 9 };
        let text = r#"{"result":{"kind":"seal_key","version":2,"public_key":"ef"},"log_index":9}"#;
        assert_eq!(encode(&answer), text);
        assert_eq!(decode::<PeerAnswer>(text.as_bytes()), Ok(answer));
    }
}
