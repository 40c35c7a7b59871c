//! How `mpss` ends, and why.

use std::fmt;
use std::process::ExitCode;

/// How a subcommand ends. Scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something that was checked is not as it must be: books, digests, health.
    CheckFailed = 1,
    /// The command line or the configuration can not be used.
    Usage = 2,
    /// It could not start: a port is taken, a folder is damaged or locked.
    NotStarted = 3,
    /// It was running and must not go on: disk error, damage, divergence.
    Stopped = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a subcommand did not succeed; the sentence names the key, flag or file that is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub exit: Exit,
    /// One sentence for a person.
    pub what: String,
}

impl Failure {
    /// A check that failed.
    pub fn check(what: impl Into<String>) -> Self {
        Self { exit: Exit::CheckFailed, what: what.into() }
    }

    /// A command line or configuration that can not be used.
    pub fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, what: what.into() }
    }

    /// Something that could not start.
    pub fn start(what: impl Into<String>) -> Self {
        Self { exit: Exit::NotStarted, what: what.into() }
    }

    /// Something that must not go on.
    pub fn stopped(what: impl Into<String>) -> Self {
        Self { exit: Exit::Stopped, what: what.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}
