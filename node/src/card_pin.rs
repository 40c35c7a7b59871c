//! The PIN of a card, and the number of a bank card, at the edge: the only place that sees them.
//!
//! ```text
//!  SP ─▶ load: clear ─▶ sealed ─▶ log, state, snapshots ─▶ opened ─▶ shown to the buyer
//! ```
//!
//! A PIN is sealed where it comes in and opened where it is shown, with a key that is in the memory of
//! nodes only. What it was sealed for, product and number, is bound into the seal: a sealed PIN that is
//! moved to another card does not open.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use mpss_domain::ids::{IssuedId, SpKeyId};
use mpss_domain::payment_codes::{PaymentCode, SealedCode};
use mpss_domain::recharge::RechargeCard;
use mpss_domain::sp_admission::SealedBankAccount;
use mpss_domain::sp_keys::SealedSpSecret;
use mpss_domain::vault::{CardNumber, SealedPin};
use mpss_domain::wish::SealedCardNumber;
use mpss_domain::{AccountId, Msisdn, ProductId, SpId};
use mpss_runtime::Random;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::code_digits::CodeDigits;
use crate::gateway::bank::iso8583::Pan;

/// Separate what is made of one key.
const SEALING: &[u8] = b"mpss-card-pin-v1";
const DIGEST: &[u8] = b"mpss-card-batch-v1";
const RECHARGE: &[u8] = b"mpss-recharge-card-v1";
const PAYMENT_CODE: &[u8] = b"mpss-payment-code-v1";

/// How a PIN was sealed; in front of each.
const VERSION: u8 = 1;
/// So long that drawn ones do not repeat, however many cards there are.
const NONCE_BYTES: usize = 24;

/// A card's PIN as it was printed: 4 to 32 digits and letters. Never printed, never serialised, wiped when
/// dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct CardPin(Zeroizing<String>);

impl CardPin {
    /// A PIN, or nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = (4..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        good.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The PIN of a recharge card, 8 to 32 digits, or nothing.
    #[must_use]
    pub fn parse_recharge(text: &str) -> Option<Self> {
        let good = (8..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        good.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The PIN, for the buyer, or for the platform that checks it, only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CardPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardPin(******)")
    }
}

/// What does not open: sealed under another key, or for another card, account or subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was sealed does not open with this node's key")]
pub struct DoesNotOpen;

/// Seals and opens PINs with the key in memory.
#[derive(Clone)]
pub struct PinSafe {
    cipher: XChaCha20Poly1305,
    digest_key: Zeroizing<[u8; 32]>,
    recharge_key: Zeroizing<[u8; 32]>,
    code_key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for PinSafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinSafe")
    }
}

impl PinSafe {
    /// A safe with this key.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let sealing = tag(key, SEALING);
        let cipher = XChaCha20Poly1305::new((&*sealing).into());
        let (digest_key, recharge_key, code_key) = (tag(key, DIGEST), tag(key, RECHARGE), tag(key, PAYMENT_CODE));
        Self { cipher, digest_key, recharge_key, code_key }
    }

    /// Seals the PIN of a card.
    ///
    /// # Panics
    /// Never: a PIN is far smaller than what can be sealed.
    #[must_use]
    pub fn seal(&self, product: ProductId, number: CardNumber, pin: &CardPin, random: &dyn Random) -> SealedPin {
        self.seal_for(&bound_to(product, number), pin, random)
    }

    /// Seals the PIN of a recharge card for the account that is topped up by it.
    ///
    /// # Panics
    /// Never: a PIN is far smaller than what can be sealed.
    #[must_use]
    pub fn seal_recharge(&self, account: AccountId, pin: &CardPin, random: &dyn Random) -> SealedPin {
        self.seal_for(&bound_to_account(account), pin, random)
    }

    fn seal_for(&self, owner: &[u8], pin: &CardPin, random: &dyn Random) -> SealedPin {
        SealedPin::new(self.seal_bytes(owner, pin.0.as_bytes(), random))
    }

    /// Seals the number of a bank card for the subscriber who wants it to be bound.
    ///
    /// # Panics
    /// Never: a number is far smaller than what can be sealed.
    #[must_use]
    pub fn seal_card_number(&self, msisdn: Msisdn, number: &Pan, random: &dyn Random) -> SealedCardNumber {
        SealedCardNumber::new(self.seal_bytes(&bound_to_number(msisdn), number.digits().as_bytes(), random))
    }

    /// Seals the number of the bank account that an SP is paid into, for the SP's name.
    ///
    /// # Panics
    /// Never: a number is far smaller than what can be sealed.
    #[must_use]
    pub fn seal_bank_account(&self, sp_name: &str, number: &str, random: &dyn Random) -> SealedBankAccount {
        SealedBankAccount::new(self.seal_bytes(&bound_to_sp(sp_name), number.as_bytes(), random))
    }

    /// Opens the number of the bank account that an SP is paid into.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open_bank_account(
        &self,
        sp_name: &str,
        sealed: &SealedBankAccount,
    ) -> Result<Zeroizing<String>, DoesNotOpen> {
        let clear = self.open_bytes(&bound_to_sp(sp_name), sealed.as_bytes())?;
        std::str::from_utf8(&clear).map(|number| Zeroizing::new(number.to_owned())).map_err(|_| DoesNotOpen)
    }

    fn seal_bytes(&self, owner: &[u8], clear: &[u8], random: &dyn Random) -> Vec<u8> {
        let mut sealed = vec![VERSION];
        sealed.resize(1 + NONCE_BYTES, 0);
        random.fill(&mut sealed[1..]);
        let nonce: [u8; NONCE_BYTES] = sealed[1..].try_into().expect("just made");
        let payload = Payload { msg: clear, aad: owner };
        let secret = self.cipher.encrypt(&XNonce::from(nonce), payload);
        sealed.extend(secret.expect("what is sealed is small"));
        sealed
    }

    /// Opens the PIN of a card.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open(&self, product: ProductId, number: CardNumber, sealed: &SealedPin) -> Result<CardPin, DoesNotOpen> {
        self.open_of(&bound_to(product, number), sealed)
    }

    /// Opens the PIN of a recharge card.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open_recharge(&self, account: AccountId, sealed: &SealedPin) -> Result<CardPin, DoesNotOpen> {
        self.open_of(&bound_to_account(account), sealed)
    }

    /// Opens the number of a bank card.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open_card_number(&self, msisdn: Msisdn, sealed: &SealedCardNumber) -> Result<Pan, DoesNotOpen> {
        let clear = self.open_bytes(&bound_to_number(msisdn), sealed.as_bytes())?;
        std::str::from_utf8(&clear).ok().and_then(Pan::new).ok_or(DoesNotOpen)
    }

    fn open_of(&self, owner: &[u8], sealed: &SealedPin) -> Result<CardPin, DoesNotOpen> {
        let clear = self.open_bytes(owner, sealed.as_bytes())?;
        std::str::from_utf8(&clear).ok().and_then(CardPin::parse).ok_or(DoesNotOpen)
    }

    fn open_bytes(&self, owner: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let (version, rest) = sealed.split_first().ok_or(DoesNotOpen)?;
        let (nonce, secret) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(DoesNotOpen)?;
        if *version != VERSION {
            return Err(DoesNotOpen);
        }
        let payload = Payload { msg: secret, aad: owner };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| DoesNotOpen)
    }

    /// What a recharge card is known by wherever its PIN must not stand.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn recharge_card(&self, pin: &CardPin) -> RechargeCard {
        RechargeCard::new(sixteen_bytes(&*self.recharge_key, pin.0.as_bytes()))
    }

    /// What a payment code is known by wherever its digits must not stand.
    #[must_use]
    pub fn payment_code(&self, digits: &CodeDigits) -> PaymentCode {
        PaymentCode::new(sixteen_bytes(&*self.code_key, digits.reveal().as_bytes()))
    }

    /// Seals the digits of a payment code for the account that pays.
    ///
    /// # Panics
    /// Never: digits are far smaller than what can be sealed.
    #[must_use]
    pub fn seal_code(&self, account: AccountId, digits: &CodeDigits, random: &dyn Random) -> SealedCode {
        SealedCode::new(self.seal_bytes(&bound_to_payer(account), digits.reveal().as_bytes(), random))
    }

    /// Opens the digits of a payment code.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open_code(&self, account: AccountId, sealed: &SealedCode) -> Result<CodeDigits, DoesNotOpen> {
        let clear = self.open_bytes(&bound_to_payer(account), sealed.as_bytes())?;
        std::str::from_utf8(&clear).ok().and_then(CodeDigits::parse).ok_or(DoesNotOpen)
    }

    /// Seals a secret that an SP and we sign with, for this key of this SP.
    ///
    /// # Panics
    /// Never: a secret is far smaller than what can be sealed.
    #[must_use]
    pub fn seal_sp_secret(&self, sp: SpId, key: SpKeyId, secret: &[u8], random: &dyn Random) -> SealedSpSecret {
        SealedSpSecret::new(self.seal_bytes(&bound_to_key(sp, key), secret, random))
    }

    /// Opens a secret that an SP and we sign with.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open_sp_secret(
        &self,
        sp: SpId,
        key: SpKeyId,
        sealed: &SealedSpSecret,
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        self.open_bytes(&bound_to_key(sp, key), sealed.as_bytes())
    }

    /// What tells one batch from another under its name, by all that is in it. Keyed: PINs can not be
    /// searched by it.
    #[must_use]
    pub fn digest<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> u64 {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.digest_key).expect("HMAC takes keys of any length");
        for part in parts {
            // Lengths in front: nothing of one part can be taken for a piece of the next.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let digest = mac.finalize().into_bytes();
        u64::from_be_bytes(digest[..8].try_into().expect("SHA-256 has 32 bytes"))
    }
}

/// For which card a PIN is sealed. The product has a fixed length, so no two cards read the same.
fn bound_to(product: ProductId, number: CardNumber) -> Vec<u8> {
    let mut bytes = product.bits().to_be_bytes().to_vec();
    bytes.extend(number.to_string().into_bytes());
    bytes
}

/// For which account the PIN of a recharge card is sealed. Begins as no product does.
fn bound_to_account(account: AccountId) -> Vec<u8> {
    let mut bytes = b"recharge".to_vec();
    bytes.extend(account.bits().to_be_bytes());
    bytes
}

/// For which account a payment code is sealed.
fn bound_to_payer(account: AccountId) -> Vec<u8> {
    let mut bytes = b"payment code".to_vec();
    bytes.extend(account.bits().to_be_bytes());
    bytes
}

/// For which key of which SP a secret is sealed.
fn bound_to_key(sp: SpId, key: SpKeyId) -> Vec<u8> {
    let mut bytes = b"sp key".to_vec();
    bytes.extend(sp.bits().to_be_bytes());
    bytes.extend(key.to_string().into_bytes());
    bytes
}

fn bound_to_sp(name: &str) -> Vec<u8> {
    let mut bytes = b"settlement account".to_vec();
    bytes.extend(name.as_bytes());
    bytes
}

/// The first half of a keyed digest.
fn sixteen_bytes(key: &[u8], text: &[u8]) -> u128 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    let digest = mac.finalize().into_bytes();
    u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"))
}

/// For which subscriber the number of a bank card is sealed.
fn bound_to_number(msisdn: Msisdn) -> Vec<u8> {
    let mut bytes = b"card number".to_vec();
    bytes.extend(msisdn.number().to_be_bytes());
    bytes
}

fn tag(key: &[u8], what: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(what);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use mpss_domain::vault::{CardLine, NewCard};
    use mpss_domain::{LogTime, ProvinceId, Verb};

    use super::*;

    /// Never the same bytes twice.
    struct Counting(AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }

        fn fork(&self, _: &str) -> Arc<dyn Random> {
            unreachable!("nobody forks it")
        }
    }

    fn product(serial: u16) -> ProductId {
        ProductId::issue(LogTime(1_795_399_200_000), ProvinceId::new(44).expect("Guangdong"), serial)
    }

    fn number(text: &str) -> CardNumber {
        text.parse().expect("a number")
    }

    fn pin(text: &str) -> CardPin {
        CardPin::parse(text).expect("a PIN")
    }

    #[test]
    fn pins_are_4_to_32_digits_and_letters_and_stay_hidden() {
        for text in ["1234", "730955118842907716", "AbCd1234", &"9".repeat(32)] {
            assert_eq!(CardPin::parse(text).expect(text).reveal(), text);
        }
        for text in ["", "123", &"9".repeat(33), "12 34", "1234\n", "１２３４", "12-34"] {
            assert!(CardPin::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", pin("730955")), "CardPin(******)");
    }

    #[test]
    fn a_pin_opens_for_its_own_card_and_key_alone() {
        let (safe, other) = (PinSafe::new(&[1; 32]), PinSafe::new(&[2; 32]));
        let random = Counting(AtomicU8::new(0));
        let sealed = safe.seal(product(1), number("88880001"), &pin("730955118842907716"), &random);
        let open = |safe: &PinSafe, of, text, sealed: &SealedPin| safe.open(product(of), number(text), sealed);
        assert_eq!(open(&safe, 1, "88880001", &sealed), Ok(pin("730955118842907716")));
        assert_eq!(open(&safe, 1, "88880002", &sealed), Err(DoesNotOpen), "another card's");
        assert_eq!(open(&safe, 2, "88880001", &sealed), Err(DoesNotOpen), "another product's");
        assert_eq!(open(&other, 1, "88880001", &sealed), Err(DoesNotOpen), "another key's");
        for at in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert_eq!(open(&safe, 1, "88880001", &SealedPin::new(bytes)), Err(DoesNotOpen), "byte {at} is another");
            let cut = sealed.as_bytes()[..at].to_vec();
            assert_eq!(open(&safe, 1, "88880001", &SealedPin::new(cut)), Err(DoesNotOpen), "cut at {at}");
        }
        let again = safe.seal(product(1), number("88880001"), &pin("730955118842907716"), &random);
        assert_ne!(again, sealed, "equal PINs do not look equal");
    }

    #[test]
    fn what_goes_into_the_log_has_no_clear_pin() {
        let safe = PinSafe::new(&[1; 32]);
        let secret = "730955118842907716";
        let number = number("8888123456789012");
        let pin = safe.seal(product(1), number, &pin(secret), &Counting(AtomicU8::new(0)));
        let expires = "2027-12-31".parse().expect("a date");
        let lines = vec![CardLine::Card(NewCard { number, pin, expires }), CardLine::Malformed];
        let batch = "B1".parse().expect("a batch id");
        let content = safe.digest(["B1", secret]);
        let verb = Verb::LoadCards { product: product(1), batch, content, lines };
        let written = serde_json::to_string(&verb).expect("JSON");
        let as_bytes = format!("{:?}", secret.as_bytes()).replace(' ', "");
        for text in [format!("{verb:?}"), written] {
            assert!(!text.contains(secret) && !text.contains(as_bytes.trim_matches(['[', ']'])), "{text}");
        }
        assert!(!format!("{verb:?}").contains("8888123456789012"), "numbers are masked");
    }

    #[test]
    fn a_recharge_pin_opens_for_its_own_account_and_is_known_by_a_keyed_digest() {
        for text in ["12345678", "730955118842907716", &"9".repeat(32)] {
            assert_eq!(CardPin::parse_recharge(text).expect(text).reveal(), text);
        }
        for text in ["", "1234567", &"9".repeat(33), "1234567a", "1234 5678", "１２３４５６７８"] {
            assert!(CardPin::parse_recharge(text).is_none(), "{text}");
        }
        let safe = PinSafe::new(&[1; 32]);
        let account = |serial| AccountId::issue(LogTime(1_795_399_200_000), ProvinceId::new(44).expect("44"), serial);
        let secret = pin("730955118842907716");
        let sealed = safe.seal_recharge(account(1), &secret, &Counting(AtomicU8::new(0)));
        assert_eq!(safe.open_recharge(account(1), &sealed), Ok(secret.clone()));
        assert_eq!(safe.open_recharge(account(2), &sealed), Err(DoesNotOpen), "another account's");
        assert_eq!(PinSafe::new(&[2; 32]).open_recharge(account(1), &sealed), Err(DoesNotOpen), "another key's");
        let card = safe.recharge_card(&secret);
        assert_eq!(card, safe.recharge_card(&pin("730955118842907716")));
        assert_ne!(card, safe.recharge_card(&pin("730955118842907717")));
        assert_ne!(card, PinSafe::new(&[2; 32]).recharge_card(&secret), "nobody without the key can try PINs");
        let verb = Verb::TopUpByCard { account: account(1), card, pin: sealed };
        assert!(!format!("{verb:?}").contains("730955"), "{verb:?}");
    }

    #[test]
    fn the_number_of_a_bank_card_opens_for_its_own_subscriber() {
        let safe = PinSafe::new(&[1; 32]);
        let [one, other] = [18_900_000_001, 18_900_000_002].map(|number| Msisdn::new(number).expect("a number"));
        let number = Pan::new("6212345678901234").expect("a card");
        let sealed = safe.seal_card_number(one, &number, &Counting(AtomicU8::new(0)));
        assert_eq!(safe.open_card_number(one, &sealed), Ok(number.clone()));
        assert_eq!(safe.open_card_number(other, &sealed), Err(DoesNotOpen), "another subscriber's");
        assert_eq!(PinSafe::new(&[2; 32]).open_card_number(one, &sealed), Err(DoesNotOpen), "another key's");
        assert_ne!(safe.seal_card_number(one, &number, &Counting(AtomicU8::new(7))), sealed);
        let (bank, last_four) = ("01020000".to_owned(), "1234".to_owned());
        let verb =
            Verb::AskBinding(Box::new(mpss_domain::wish::AskBinding { msisdn: one, bank, last_four, number: sealed }));
        let written = serde_json::to_string(&verb).expect("JSON");
        let as_bytes = format!("{:?}", number.digits().as_bytes()).replace(' ', "");
        for text in [format!("{verb:?}"), written] {
            assert!(!text.contains(number.digits()) && !text.contains(as_bytes.trim_matches(['[', ']'])), "{text}");
        }
    }

    #[test]
    fn an_sps_secret_opens_for_its_own_key_alone() {
        use mpss_domain::sp_keys::{SetSpKey, SpKeyAlgorithm, SpKeyMaterial};
        let safe = PinSafe::new(&[1; 32]);
        let sp = |serial| SpId::issue(LogTime(1_795_399_200_000), ProvinceId::new(44).expect("44"), serial);
        let key = |text: &str| text.parse::<SpKeyId>().expect("a key id");
        let secret = b"a secret of thirty-two bytes, ok";
        let sealed = safe.seal_sp_secret(sp(1), key("a"), secret, &Counting(AtomicU8::new(0)));
        let open = |safe: &PinSafe, of, id| safe.open_sp_secret(sp(of), key(id), &sealed).map(|bytes| bytes.to_vec());
        assert_eq!(open(&safe, 1, "a"), Ok(secret.to_vec()));
        assert_eq!(open(&safe, 1, "b"), Err(DoesNotOpen), "another key's");
        assert_eq!(open(&safe, 2, "a"), Err(DoesNotOpen), "another SP's");
        assert_eq!(open(&PinSafe::new(&[2; 32]), 1, "a"), Err(DoesNotOpen), "another vault's");
        let material = SpKeyMaterial::Secret(sealed);
        let (algorithm, key) = (SpKeyAlgorithm::HmacSha256, key("a"));
        let ask = SetSpKey { sp: sp(1), key, algorithm, material, good_from: None, good_until: None };
        let verb = Verb::SetSpKey(Box::new(ask));
        let as_bytes = format!("{secret:?}").replace(' ', "");
        for text in [format!("{verb:?}"), serde_json::to_string(&verb).expect("JSON")] {
            assert!(!text.contains("thirty") && !text.contains(as_bytes.trim_matches(['[', ']'])), "{text}");
        }
    }

    #[test]
    fn a_payment_code_opens_for_its_own_account_and_is_known_by_a_keyed_digest() {
        let safe = PinSafe::new(&[1; 32]);
        let account = |serial| AccountId::issue(LogTime(1_795_399_200_000), ProvinceId::new(44).expect("44"), serial);
        let random = Counting(AtomicU8::new(0));
        let digits = CodeDigits::draw(ProvinceId::new(44).expect("Guangdong"), &random);
        let sealed = safe.seal_code(account(1), &digits, &random);
        assert_eq!(safe.open_code(account(1), &sealed), Ok(digits.clone()));
        assert_eq!(safe.open_code(account(2), &sealed), Err(DoesNotOpen), "another account's");
        let code = safe.payment_code(&digits);
        assert_ne!(code, PinSafe::new(&[2; 32]).payment_code(&digits), "nobody without the key can try codes");
        let verdict = mpss_domain::PasswordVerdict { verifier_version: 1, matches: true };
        let amount = mpss_domain::Money::yuan(1);
        let ask = mpss_domain::payment_codes::IssueCode { account: account(1), verdict, amount, code, sealed };
        let verb = Verb::IssueCode(Box::new(ask));
        let written = serde_json::to_string(&verb).expect("JSON");
        let as_bytes = format!("{:?}", digits.reveal().as_bytes()).replace(' ', "");
        for text in [format!("{verb:?}"), written] {
            assert!(!text.contains(digits.reveal()) && !text.contains(as_bytes.trim_matches(['[', ']'])), "{text}");
        }
    }

    #[test]
    fn a_batch_is_known_by_all_that_is_in_it() {
        let safe = PinSafe::new(&[1; 32]);
        let one = safe.digest(["88880001", "1234"]);
        assert_eq!(one, safe.digest(["88880001", "1234"]));
        assert_ne!(one, safe.digest(["88880001", "1235"]));
        assert_ne!(one, safe.digest(["888800011", "234"]));
        assert_ne!(one, PinSafe::new(&[2; 32]).digest(["88880001", "1234"]), "nobody without the key can try PINs");
    }
}
