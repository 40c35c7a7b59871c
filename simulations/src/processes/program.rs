//! The program that is run.

use std::path::{Path, PathBuf};

const NAME: &str = "mpss";

/// The program `mpss`: the one that is named, else the one beside the running program, else the first
/// on `PATH`.
///
/// # Errors
/// When there is none, with the option `option` that names one.
pub fn find(named: Option<&Path>, option: &str) -> Result<PathBuf, String> {
    if let Some(named) = named {
        let found = named.canonicalize().map_err(|error| format!("{option} {}: {error}", named.display()))?;
        return if found.is_file() { Ok(found) } else { Err(format!("{option} {}: no file", named.display())) };
    }
    let beside = std::env::current_exe().ok().map(|program| program.with_file_name(NAME));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&on_path).map(|folder| folder.join(NAME)).collect();
    beside.into_iter().chain(on_path).find(|path| path.is_file()).ok_or_else(|| {
        format!("there is no {NAME} beside this program and none on PATH; build it (cargo build -p mpss-node) or name it with {option}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named_with_its_option() {
        let why = find(Some(Path::new("/nowhere/mpss")), "--mpss").expect_err("not there");
        assert!(why.contains("--mpss /nowhere/mpss"), "{why}");
        let found = find(Some(Path::new("/bin/sh")), "--mpss").expect("every system has it");
        assert!(found.is_absolute());
    }
}
