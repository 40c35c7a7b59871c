//! Files that are written at the end of long work: whether they can be is found out before it.

use std::fs::OpenOptions;
use std::path::Path;

/// Makes sure that the file an option names can be written; it is created, and what is in it stays.
///
/// # Errors
/// The option, the file and why not.
pub(super) fn check(option: &str, file: Option<&Path>) -> Result<(), String> {
    let Some(file) = file else { return Ok(()) };
    let opened = OpenOptions::new().append(true).create(true).open(file);
    opened.map(drop).map_err(|error| format!("{option} {}: {error}", file.display()))
}
