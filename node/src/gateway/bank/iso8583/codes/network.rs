//! Network management.

use std::fmt;

/// What a network management message is about (field 70).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkCode {
    /// 001: the link is opened.
    SignOn,
    /// 002: the link is closed.
    SignOff,
    /// 101: keys are reset.
    KeyReset,
    /// 201: the day is cut; what comes now belongs to the next one.
    DayCutStart,
    /// 202: the day has been cut.
    DayCutEnd,
    /// 301: is anybody there?
    LineTest,
}

impl NetworkCode {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::SignOn, Self::SignOff, Self::KeyReset, Self::DayCutStart, Self::DayCutEnd, Self::LineTest];

    /// Its three digits.
    #[must_use]
    pub const fn digits(self) -> &'static str {
        match self {
            Self::SignOn => "001",
            Self::SignOff => "002",
            Self::KeyReset => "101",
            Self::DayCutStart => "201",
            Self::DayCutEnd => "202",
            Self::LineTest => "301",
        }
    }

    /// The code with these digits.
    #[must_use]
    pub fn from_digits(digits: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.digits().as_bytes() == digits)
    }
}

impl fmt::Display for NetworkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits())
    }
}
