//! Sealing: a payment password that is typed in another province travels so that its home province alone can read it.
//!
//! HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA-256), HKDF-SHA-256, ChaCha20-Poly1305. What is sealed is bound to
//! one payment: who pays how much for which order of which province, and who is to open it. Moved to any other payment
//! it does not open. See `docs/decisions/0409-sealed-password.md`.

use std::convert::Infallible;
use std::sync::Arc;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable};
use mpss_config::SealSettings;
use mpss_domain::{Money, Msisdn, OrderId, PaymentId, ProvinceId};
use mpss_routing::wire::{SealKeyMessage, SealedPasswordMessage};
use mpss_runtime::Random;
use zeroize::Zeroizing;

use crate::password::PaymentPassword;

type Kem = X25519HkdfSha256;
type SecretKey = <Kem as hpke::Kem>::PrivateKey;
type PublicKey = <Kem as hpke::Kem>::PublicKey;
type Encapsulated = <Kem as hpke::Kem>::EncappedKey;

/// Separates what is sealed here from anything else ever sealed to the same key.
const INFO: &[u8] = b"mpss-sealed-payment-password-v1";

/// The one payment that a sealed password is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Who opens it.
    pub home: ProvinceId,
    /// Who seals it.
    pub serving: ProvinceId,
    /// The payment.
    pub payment: PaymentId,
    /// The order it pays for.
    pub order: OrderId,
    /// Who pays.
    pub msisdn: Msisdn,
    /// How much.
    pub amount: Money,
}

impl Binding {
    /// As additional data. No part holds a line end, so no two bindings read the same.
    fn bytes(&self) -> Vec<u8> {
        let Self { home, serving, payment, order, msisdn, amount } = self;
        format!("{home}\n{serving}\n{payment}\n{order}\n{msisdn}\n{}", amount.as_fen()).into_bytes()
    }
}

/// The public key of a home province.
#[derive(Clone, PartialEq, Eq)]
pub struct HomeKey {
    version: u16,
    key: PublicKey,
}

impl HomeKey {
    /// The key that a home province has given; `None` when it is none.
    #[must_use]
    pub fn read(message: &SealKeyMessage) -> Option<Self> {
        let bytes = hex::decode(&message.public_key).ok()?;
        Some(Self { version: message.version, key: PublicKey::from_bytes(&bytes).ok()? })
    }

    /// Its version at the home province.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// Seals `password` for one payment; `None` for a key that nothing can be sealed to (a point of small order).
    #[must_use]
    pub fn seal(
        &self,
        password: &PaymentPassword,
        binding: &Binding,
        random: &dyn Random,
    ) -> Option<SealedPasswordMessage> {
        let sealed = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeS::Base,
            &self.key,
            INFO,
            password.reveal().as_bytes(),
            &binding.bytes(),
            &mut Drawn(random),
        );
        let (encapsulated, ciphertext) = sealed.ok()?;
        Some(SealedPasswordMessage {
            key_version: self.version,
            encapsulated: hex::encode(encapsulated.to_bytes()),
            ciphertext: hex::encode(ciphertext),
        })
    }
}

impl std::fmt::Debug for HomeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HomeKey").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Randomness of the seam, as HPKE wants it.
struct Drawn<'a>(&'a dyn Random);

impl TryRng for Drawn<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

/// Why a sealed password was not opened. Neither is a wrong attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// This node was started without the key it is sealed to; another node may have it.
    #[error("this node was started without seal key {0}")]
    KeyUnknown(u16),
    /// Damaged, or sealed for another payment.
    #[error("not sealed for this payment")]
    NotForThis,
}

/// One key of this province.
struct OwnKey {
    version: u16,
    secret: SecretKey,
    public: String,
}

/// This province's keys, to open what other provinces have sealed. Cheap to clone.
#[derive(Clone)]
pub struct SealKeys {
    keys: Arc<Vec<OwnKey>>,
    given_out: Option<usize>,
}

impl SealKeys {
    /// The keys that the settings hold. Each secret is what a key pair is derived from (RFC 9180 §7.1.3).
    #[must_use]
    pub fn new(settings: &SealSettings) -> Self {
        let derive = |(version, secret): (u16, Zeroizing<Vec<u8>>)| {
            let (secret, public) = Kem::derive_keypair(&secret);
            OwnKey { version, secret, public: hex::encode(public.to_bytes()) }
        };
        let keys: Vec<OwnKey> = settings.secrets().into_iter().map(derive).collect();
        let chosen = keys.iter().position(|key| key.version == settings.give_out);
        let given_out = if settings.give_out == 0 { keys.len().checked_sub(1) } else { chosen };
        Self { keys: Arc::new(keys), given_out }
    }

    /// What other provinces are to seal to; `None` without any key.
    #[must_use]
    pub fn given_out(&self) -> Option<SealKeyMessage> {
        let key = &self.keys[self.given_out?];
        Some(SealKeyMessage { version: key.version, public_key: key.public.clone() })
    }

    /// Opens what was sealed for this payment.
    ///
    /// # Errors
    /// See [`NotOpened`].
    pub fn open(&self, sealed: &SealedPasswordMessage, binding: &Binding) -> Result<PaymentPassword, NotOpened> {
        let unknown = NotOpened::KeyUnknown(sealed.key_version);
        let key = self.keys.iter().find(|key| key.version == sealed.key_version).ok_or(unknown)?;
        let bytes = |digits: &str| hex::decode(digits).map_err(|_| NotOpened::NotForThis);
        let encapsulated =
            Encapsulated::from_bytes(&bytes(&sealed.encapsulated)?).map_err(|_| NotOpened::NotForThis)?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeR::Base,
            &key.secret,
            &encapsulated,
            INFO,
            &bytes(&sealed.ciphertext)?,
            &binding.bytes(),
        );
        let digits = Zeroizing::new(opened.map_err(|_| NotOpened::NotForThis)?);
        let text = std::str::from_utf8(&digits).map_err(|_| NotOpened::NotForThis)?;
        PaymentPassword::parse(text).ok_or(NotOpened::NotForThis)
    }
}

impl std::fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKeys")
    }
}

#[cfg(test)]
mod tests;
