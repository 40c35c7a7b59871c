//! The payment password at the edge: the only place that sees it.
//!
//! A password is six digits, so whoever holds a verifier and can compute one tries all of them in a
//! second. What protects it is a pepper that exists in the memory of nodes only, and the count of
//! wrong attempts in the replicated state. Here the password is compared; right or wrong, the
//! verdict is proposed with the request, and only `State::apply` counts and locks.
//! See `docs/decisions/0201-payment-password.md`.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use mpss_domain::texts::heard::WordsDigest;
use mpss_domain::{Msisdn, PasswordVerdict, PasswordVerifier, Subscriber};
use mpss_runtime::Random;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Separates these tags from anything else ever made with the same pepper.
const DOMAIN: &[u8] = b"mpss-payment-password-v1";

/// The same for words of subscribers.
const WORDS_DOMAIN: &[u8] = b"mpss-sms-words-v1";

/// What is compared with when there is nothing to compare with, so that it takes as long.
const NOBODY: [u8; 32] = [0; 32];

/// A payment password as typed: six digits. Never printed, never serialised, wiped when dropped.
#[derive(Clone)]
pub struct PaymentPassword(Zeroizing<[u8; 6]>);

impl PaymentPassword {
    /// Six ASCII digits, or nothing. Says nothing about how easily they are guessed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; 6] = text.as_bytes().try_into().ok()?;
        digits.iter().all(u8::is_ascii_digit).then(|| Self(Zeroizing::new(digits)))
    }

    /// The digits, for sealing and tagging only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(self.0.as_slice()).expect("checked to be digits")
    }

    /// True for the passwords that are tried first: one digit, runs, repeated pairs and triples, the
    /// end of the subscriber's own number, and the few that everybody knows. Asked when a password is
    /// set, never when one is compared.
    #[must_use]
    pub fn is_trivial(&self, msisdn: Msisdn) -> bool {
        const WELL_KNOWN: [&[u8; 6]; 8] =
            [b"112233", b"332211", b"147258", b"258369", b"159357", b"789456", b"201314", b"131452"];
        let digits = &*self.0;
        let steps_by = |step: u8| digits.windows(2).all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0');
        let repeats_after = |period: usize| (period..6).all(|at| digits[at] == digits[at - period]);
        let number = Zeroizing::new(format!("{:06}", msisdn.number() % 1_000_000));
        steps_by(0)
            || steps_by(1)
            || steps_by(9)
            || repeats_after(2)
            || repeats_after(3)
            || number.as_bytes() == digits.as_slice()
            || WELL_KNOWN.contains(&digits)
    }
}

impl std::fmt::Debug for PaymentPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PaymentPassword(******)")
    }
}

/// A verifier was made with a pepper that this node was not started with: the password can not be
/// judged here, and that must not count as a wrong attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this node was started without password pepper {version}")]
pub struct PepperMissing {
    /// The pepper's version.
    pub version: u16,
}

/// Makes and compares verifiers with the peppers in memory.
#[derive(Clone)]
pub struct PasswordJudge {
    peppers: Arc<Vec<(u16, Zeroizing<Vec<u8>>)>>,
}

impl PasswordJudge {
    /// A judge with these peppers by version; the last is used for new passwords.
    ///
    /// # Panics
    /// Without any pepper: settings are checked before.
    #[must_use]
    pub fn new(peppers: Vec<(u16, Zeroizing<Vec<u8>>)>) -> Self {
        assert!(!peppers.is_empty(), "settings require a pepper");
        Self { peppers: Arc::new(peppers) }
    }

    /// A verifier for a new password.
    #[must_use]
    pub fn verifier(&self, msisdn: Msisdn, password: &PaymentPassword, random: &dyn Random) -> PasswordVerifier {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let (version, pepper) = self.newest();
        PasswordVerifier { pepper: *version, salt, tag: *tag(pepper, msisdn, &salt, password) }
    }

    /// Compares in constant time. Does the same work when there is no such subscriber, and then says
    /// that nothing matched version 0.
    ///
    /// # Errors
    /// [`PepperMissing`] when this node lacks the pepper that the verifier was made with.
    pub fn judge(
        &self,
        msisdn: Msisdn,
        password: &PaymentPassword,
        subscriber: Option<&Subscriber>,
    ) -> Result<PasswordVerdict, PepperMissing> {
        let credential = subscriber.map(|subscriber| &subscriber.credential);
        let (pepper, salt, kept) = match credential {
            Some(credential) => {
                let kept = &credential.verifier;
                let pepper = self.pepper(kept.pepper).ok_or(PepperMissing { version: kept.pepper })?;
                (pepper, &kept.salt, &kept.tag)
            }
            None => (&self.newest().1, &[0; 16], &NOBODY),
        };
        let same = bool::from(tag(pepper, msisdn, salt, password).as_slice().ct_eq(kept.as_slice()));
        Ok(PasswordVerdict {
            verifier_version: credential.map_or(0, |credential| credential.version),
            matches: same && credential.is_some(),
        })
    }

    fn newest(&self) -> &(u16, Zeroizing<Vec<u8>>) {
        self.peppers.last().expect("checked when made")
    }

    fn pepper(&self, version: u16) -> Option<&Zeroizing<Vec<u8>>> {
        self.peppers.iter().find(|(known, _)| *known == version).map(|(_, pepper)| pepper)
    }
}

impl std::fmt::Debug for PasswordJudge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordJudge")
    }
}

#[cfg(test)]
thread_local! {
    /// Tags computed by this thread: what judging costs, counted.
    static TAGS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

impl PasswordJudge {
    /// What words that a subscriber has sent are known by. They may hold a password, so they are digested with the
    /// pepper: without it they can not be searched.
    pub(crate) fn words_digest(&self, from: Msisdn, words: &str) -> WordsDigest {
        let (_, pepper) = self.newest();
        let mut mac = Hmac::<Sha256>::new_from_slice(pepper).expect("HMAC takes keys of any length");
        mac.update(WORDS_DOMAIN);
        mac.update(from.to_string().as_bytes());
        mac.update(words.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        WordsDigest(u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes")))
    }
}

/// Every part but the pepper has a fixed length, so no two inputs read the same.
fn tag(pepper: &[u8], msisdn: Msisdn, salt: &[u8; 16], password: &PaymentPassword) -> Zeroizing<[u8; 32]> {
    #[cfg(test)]
    TAGS.set(TAGS.get() + 1);
    let mut mac = Hmac::<Sha256>::new_from_slice(pepper).expect("HMAC takes keys of any length");
    mac.update(DOMAIN);
    mac.update(msisdn.to_string().as_bytes());
    mac.update(salt);
    mac.update(password.0.as_slice());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use mpss_domain::account::{Language, Tier};
    use mpss_domain::password::Credential;
    use mpss_domain::time::{BusinessDay, LogTime};
    use mpss_domain::{CustomerCode, ProvinceId};

    use super::*;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::try_from(at % 256).expect("below 256");
            }
        }

        fn fork(&self, _label: &str) -> Arc<dyn Random> {
            Arc::new(Self)
        }
    }

    fn judge_with(versions: &[u16]) -> PasswordJudge {
        PasswordJudge::new(
            versions
                .iter()
                .map(|version| (*version, Zeroizing::new(vec![u8::try_from(*version).expect("small"); 32])))
                .collect(),
        )
    }

    fn number() -> Msisdn {
        Msisdn::new(18_912_345_678).expect("valid")
    }

    fn password(text: &str) -> PaymentPassword {
        PaymentPassword::parse(text).expect("six digits")
    }

    fn subscriber(verifier: PasswordVerifier) -> Subscriber {
        Subscriber {
            msisdn: number(),
            customer_code: CustomerCode::issue(ProvinceId::new(44).expect("Guangdong"), 1),
            tier: Tier::Basic,
            language: Language::Chinese,
            credential: Credential {
                version: 3,
                verifier,
                failures: 0,
                failures_day: BusinessDay(0),
                locked_until: LogTime(0),
            },
            accounts: [None; 3],
        }
    }

    #[test]
    fn the_tag_is_the_one_another_implementation_computes() {
        // python3: hmac.new(bytes([1]) * 32, b"mpss-payment-password-v1" + b"18912345678"
        //          + bytes(range(16)) + b"838291", hashlib.sha256).hexdigest()
        let verifier = judge_with(&[1]).verifier(number(), &password("838291"), &Counting);
        assert_eq!(hex_of(&verifier.tag), "ea258103619847f0508a26e56e5e0fab282f6b6f63e832bef889da0a37284a95");
        assert_eq!((verifier.pepper, verifier.salt[15]), (1, 15));
    }

    fn hex_of(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes everything");
            text
        })
    }

    #[test]
    fn only_the_right_password_of_the_right_subscriber_matches() {
        let judge = judge_with(&[1]);
        let owner = subscriber(judge.verifier(number(), &password("838291"), &Counting));
        let verdict = |who, text: &str| judge.judge(who, &password(text), Some(&owner)).expect("pepper is there");
        assert_eq!(verdict(number(), "838291"), PasswordVerdict { verifier_version: 3, matches: true });
        assert_eq!(verdict(number(), "838290"), PasswordVerdict { verifier_version: 3, matches: false });
        let other = Msisdn::new(18_912_345_679).expect("valid");
        assert!(!verdict(other, "838291").matches, "the tag is bound to the number");
    }

    #[test]
    fn nobody_is_judged_with_the_same_work_and_matches_nothing() {
        let judge = judge_with(&[1]);
        for text in ["838291", "000000"] {
            let before = TAGS.get();
            let verdict = judge.judge(number(), &password(text), None).expect("needs no verifier");
            assert_eq!(verdict, PasswordVerdict { verifier_version: 0, matches: false });
            assert_eq!(TAGS.get() - before, 1, "one tag, as for a subscriber who is known");
        }
        let owner = subscriber(judge.verifier(number(), &password("838291"), &Counting));
        for text in ["838291", "000001"] {
            let before = TAGS.get();
            judge.judge(number(), &password(text), Some(&owner)).expect("pepper is there");
            assert_eq!(TAGS.get() - before, 1, "one tag, right or wrong");
        }
    }

    #[test]
    fn an_old_pepper_still_judges_and_a_missing_one_is_no_wrong_attempt() {
        let owner = subscriber(judge_with(&[1]).verifier(number(), &password("838291"), &Counting));
        let rotated = judge_with(&[1, 2]);
        assert!(rotated.judge(number(), &password("838291"), Some(&owner)).expect("still there").matches);
        assert_eq!(rotated.verifier(number(), &password("838291"), &Counting).pepper, 2);
        let forgot = judge_with(&[2]);
        assert_eq!(forgot.judge(number(), &password("838291"), Some(&owner)), Err(PepperMissing { version: 1 }));
    }

    #[test]
    fn debug_output_shows_no_digit() {
        let judge = judge_with(&[1]);
        let verifier = judge.verifier(number(), &password("838291"), &Counting);
        let shown = format!("{:?} {judge:?}", password("838291"));
        assert!(!shown.chars().any(|c| c.is_ascii_digit()), "{shown}");
        let shown = format!("{verifier:?}");
        assert!(!shown.contains("838291") && !shown.contains("tag"), "{shown}");
    }

    #[test]
    fn what_is_tried_first_is_trivial() {
        for text in [
            "000000", "111111", "888888", "123456", "012345", "654321", "987654", "890123", "121212", "123123",
            "112233", "147258", "345678",
        ] {
            assert!(password(text).is_trivial(number()), "{text}");
        }
        for text in ["838291", "190571", "100000", "345679", "912345"] {
            assert!(!password(text).is_trivial(number()), "{text}");
        }
        let owner = Msisdn::new(18_900_838_291).expect("valid");
        assert!(password("838291").is_trivial(owner), "the end of the subscriber's own number");
    }

    #[test]
    fn only_six_ascii_digits_are_a_password() {
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", "12345 ", "-12345", "+12345", "١٢٣٤٥٦"]
        {
            assert!(PaymentPassword::parse(text).is_none(), "{text}");
        }
    }
}
