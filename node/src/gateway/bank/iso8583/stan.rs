//! System trace audit numbers.

use std::fmt;

/// A system trace audit number (field 11): 000001 to 999999, given anew to every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stan(u32);

impl Stan {
    /// The first one.
    pub const FIRST: Self = Self(1);

    /// `None` unless it is 1 to 999999.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number >= 1 && number <= 999_999 { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one after it; after the last comes the first. It alone identifies nothing: the key of a
    /// request is this with the transmission time and the two institutions.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 == 999_999 { Self::FIRST } else { Self(self.0 + 1) }
    }
}

impl fmt::Display for Stan {
    /// Six digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_last_comes_the_first() {
        assert_eq!(Stan::new(999_998).map(Stan::next), Stan::new(999_999));
        assert_eq!(Stan::new(999_999).map(Stan::next), Some(Stan::FIRST));
        assert_eq!((Stan::new(0), Stan::new(1_000_000)), (None, None));
        assert_eq!(Stan::FIRST.to_string(), "000001");
    }
}
