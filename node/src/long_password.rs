//! Long passwords of people who sign in by name: argon2id, each with its parameters and salt in one text (a PHC string).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use mpss_runtime::Random;

/// The shortest password that is taken, in characters.
pub(crate) const CHARS_MIN: usize = 12;
/// The longest password that is looked at, in bytes.
pub(crate) const BYTES_MAX: usize = 256;

/// The hash of a password under a salt that is drawn.
pub(crate) fn hash(password: &str, random: &dyn Random) -> String {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.expect("the usual parameters and a salt of 16 bytes are good").to_string()
}

/// Is it the password of this hash? A hash that is none has no password.
pub(crate) fn is_right(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    password.len() <= BYTES_MAX && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use mpss_runtime::real::OsRandom;

    use super::*;

    #[test]
    fn a_password_is_right_for_its_own_hash_only() {
        let first = hash("correct horse battery", &OsRandom);
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert!(is_right("correct horse battery", &first));
        assert!(!is_right("correct horse batterz", &first));
        assert_ne!(first, hash("correct horse battery", &OsRandom), "each has a salt of its own");
        assert!(!is_right("anything", "$argon2id$nothing$at$all$"));
    }
}
