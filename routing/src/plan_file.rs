//! The number plan file: `first_prefix,last_prefix,province,operator`, checked line by line.

use mpss_domain::NumberPlan;

/// A number plan file that can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("number plan, line {line}: {what}")]
pub struct PlanFileError {
    /// The line, counting from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a number plan.
///
/// # Errors
/// The first line that can not be used, and why.
pub fn parse_plan(text: &str, epoch: u64) -> Result<NumberPlan, PlanFileError> {
    let _ = (text, epoch);
    Err(PlanFileError { line: 1, what: "stub".into() })
}
