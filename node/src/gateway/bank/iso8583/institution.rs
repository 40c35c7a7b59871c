//! Institutions as messages name them.

/// The code of an institution (fields 32, 33, 99 and 100): up to 11 digits; UnionPay's have eight, four
/// for the institution and four for its region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Institution(String);

impl Institution {
    /// `None` unless it is 1 to 11 digits.
    #[must_use]
    pub fn new(digits: &str) -> Option<Self> {
        let valid = (1..=11).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| Self(digits.to_owned()))
    }

    /// Its digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}
