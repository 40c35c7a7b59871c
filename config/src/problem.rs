//! What is wrong with settings, said so that it can be put right without looking anything up.

use std::fmt;
use std::path::PathBuf;

/// Settings that can not be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings file can not be read.
    #[error("the settings file {} can not be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The settings file is no TOML. The line itself is not repeated: it may hold a secret.
    #[error("{place}, line {line}, column {column}: this is no TOML: {message}")]
    Syntax {
        /// The file.
        place: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in bytes.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Values are missing, wrong, or contradict each other. All of them at once.
    #[error("{}", listed(.0))]
    Invalid(Vec<Problem>),
}

impl SettingsError {
    /// The problems by key; none when the file could not be read at all.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            Self::Unreadable { .. } | Self::Syntax { .. } => &[],
        }
    }
}

fn listed(problems: &[Problem]) -> String {
    let mut text = match problems {
        [_] => "1 setting can not be used:".to_owned(),
        many => format!("{} settings can not be used:", many.len()),
    };
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
    }
    text
}

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The full dotted path.
    pub key: String,
    /// The value as it was given; `None` when there is none, or when it is secret.
    pub value: Option<String>,
    /// Where the value came from: `file …, line …`, `environment variable …` or `default`. `None` when
    /// there is no value.
    pub source: Option<String>,
    /// What would be right.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        match &self.source {
            Some(source) => write!(f, " ({source})")?,
            None => f.write_str(" is not set")?,
        }
        write!(f, ": {}", self.expected)
    }
}
