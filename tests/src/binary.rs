//! The program under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::reaper;

/// The program, built once per test process and kept under a name of its own, so that a build that
/// goes on beside the test does not change it between two starts of a node. `MPSS_BIN` names
/// another; `MPSS_PROFILE` builds in another profile than the test's own.
///
/// # Panics
/// When it can not be built.
#[must_use]
pub fn mpss() -> &'static Path {
    static BINARY: LazyLock<PathBuf> =
        LazyLock::new(|| std::env::var_os("MPSS_BIN").map_or_else(|| build(&[], "mpss"), PathBuf::from));
    &BINARY
}

/// The program with ways to break it on purpose (`--break …`).
///
/// # Panics
/// When it can not be built.
#[must_use]
pub fn mpss_with_mutants() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        let mutants = build(&["--features", "mpss-simulations/mutants"], "mpss-mutants");
        // Both end at the same place in the target folder; leave the usual one there.
        build(&[], "mpss-again");
        mutants
    });
    &BINARY
}

fn build(features: &[&str], name: &str) -> PathBuf {
    let default_profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let profile = std::env::var("MPSS_PROFILE").unwrap_or_else(|_| default_profile.into());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace");
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace)
        // The whole workspace, so that what the tests were built of is not built once more.
        .args(["build", "--locked", "--workspace", "--bin", "mpss", "--profile", &profile])
        .args(["--message-format", "json-render-diagnostics"])
        .args(features)
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "mpss can not be built");
    let executable = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "mpss")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program it built");
    keep(&executable, name)
}

/// A second name for the file, in the same file system, removed when this process ends.
fn keep(executable: &Path, name: &str) -> PathBuf {
    let folder = executable.with_file_name(format!("mpss-under-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder beside the program");
    reaper::folder(&folder);
    let kept = folder.join(name);
    if std::fs::hard_link(executable, &kept).is_err() {
        std::fs::copy(executable, &kept).expect("the program can be copied");
    }
    kept
}
