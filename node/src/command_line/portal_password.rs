//! `mpss portal-password`: the hash of a password, for the settings.

use std::io::BufRead;

use mpss_runtime::real::OsRandom;
use zeroize::Zeroizing;

use super::exit::Failure;
use super::printer::Printer;
use crate::long_password::{BYTES_MAX, CHARS_MIN, hash};

/// Reads a password from standard input and prints its hash.
pub(super) fn run(printer: &mut Printer) -> Result<(), Failure> {
    let mut line = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::usage(format!("standard input: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    // Forms are read without the space around what is typed.
    if password.chars().count() < CHARS_MIN || password.len() > BYTES_MAX || password.trim() != password {
        let what =
            format!("a password has {CHARS_MIN} characters at least, {BYTES_MAX} bytes at most, no space around it");
        return Err(Failure::usage(what));
    }
    printer.line(hash(password, &OsRandom));
    printer.flush();
    Ok(())
}
