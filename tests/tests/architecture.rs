//! Holds the shape of the workspace: who may depend on whom, who may touch the world, and that
//! `docs/ARCHITECTURE.md` names only what is there.

#![allow(clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates a crate may build upon. Tests see everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("mpss-domain", &[]),
    ("mpss-runtime", &[]),
    ("mpss-config", &["mpss-domain"]),
    ("mpss-routing", &["mpss-domain", "mpss-runtime"]),
    ("mpss-cluster", &["mpss-domain", "mpss-runtime"]),
    ("mpss-node", &["mpss-domain", "mpss-runtime", "mpss-config", "mpss-routing", "mpss-cluster"]),
    ("mpss-simulations", &["mpss-domain", "mpss-runtime", "mpss-config", "mpss-routing", "mpss-cluster", "mpss-node"]),
    (
        "mpss-tests",
        &[
            "mpss-domain",
            "mpss-runtime",
            "mpss-config",
            "mpss-routing",
            "mpss-cluster",
            "mpss-node",
            "mpss-simulations",
        ],
    ),
];

/// Libraries a crate must never name, and why.
const MUST_NOT_USE: &[(&str, &[&str], &str)] = &[
    (
        "mpss-domain",
        &["tokio", "openraft", "ractor", "sled", "reqwest", "tracing", "config", "rand", "parking_lot", "rust_decimal"],
        "replicas must compute equal bytes",
    ),
    (
        "mpss-routing",
        &["openraft", "sled", "ractor", "axum", "config"],
        "it decides where, not how it is stored or supervised",
    ),
    (
        "mpss-cluster",
        &["ractor", "axum", "config", "reqwest", "rust_decimal"],
        "replication must not know what a prize is",
    ),
    ("mpss-node", &["openraft", "sled", "bincode"], "only through the cluster's types"),
    ("mpss-config", &["tokio", "openraft", "ractor", "axum"], "settings are plain data"),
];

/// Calls that reach the world past the seams, and the places that are the seams.
const WORLD: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "tokio::spawn",
    "task::spawn_blocking",
    "tokio::time::sleep",
    "tokio::time::timeout",
    "tokio::time::interval",
    "std::thread::spawn",
    "rand::rng()",
];
const SEAMS: &[&str] = &[
    "runtime/src/real",
    // openraft asks for its runtime here; tokio's timers are virtual when the simulator pauses them.
    "cluster/src/raft_runtime.rs",
    // The harness of the node's own tests.
    "node/src/node/trial.rs",
    "node/src/node/trial/",
    "node/src/main.rs",
    "node/src/command_line",
    "node/src/demo",
    "node/src/bench",
    "node/src/conformance",
    "node/src/sandbox",
    "node/src/simulator",
    "node/src/telemetry.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the workspace").to_path_buf()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The part of a file before its unit tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn crates_depend_in_one_direction_only() {
    let metadata =
        MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo metadata");
    let may_use: BTreeMap<_, BTreeSet<_>> =
        MAY_USE.iter().map(|(who, whom)| (*who, whom.iter().copied().collect())).collect();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let allowed =
            may_use.get(name).unwrap_or_else(|| panic!("{name} is not in the architecture: add it with its reason"));
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal) {
            if dependency.name.starts_with("mpss-") {
                assert!(allowed.contains(dependency.name.as_str()), "{name} must not depend on {}", dependency.name);
            }
            for (who, banned, why) in MUST_NOT_USE {
                assert!(
                    *who != name || !banned.contains(&dependency.name.as_str()),
                    "{name} must not depend on {}: {why}",
                    dependency.name
                );
            }
        }
    }
}

#[test]
fn the_world_is_reached_through_the_seams_only() {
    let mut found = Vec::new();
    for name in ["domain", "runtime", "config", "routing", "cluster", "node"] {
        rust_files(&root().join(name).join("src"), &mut found);
    }
    let mut wrong = Vec::new();
    for path in found {
        let relative = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
        if SEAMS.iter().any(|seam| relative.starts_with(seam))
            || relative.ends_with("tests.rs")
            || relative.contains("/tests/")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable source");
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for call in WORLD.iter().filter(|call| code.contains(**call)) {
                wrong.push(format!("{relative}:{}: {call}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "these reach the world past the seams:\n{}", wrong.join("\n"));
}

/// A counter that nobody can read the meaning of is of no use at night.
#[test]
fn every_metric_is_explained() {
    let mut found = Vec::new();
    for name in ["runtime", "routing", "cluster", "node"] {
        rust_files(&root().join(name).join("src"), &mut found);
    }
    let text = std::fs::read_to_string(root().join("node/src/telemetry.rs")).expect("telemetry");
    let mut counted = 0;
    for path in found.into_iter().filter(|path| !path.ends_with("telemetry.rs")) {
        let source = std::fs::read_to_string(&path).expect("readable source");
        for call in ["counter!(", "gauge!(", "histogram!("] {
            for after in source.split(call).skip(1) {
                let name = after.split('"').nth(1).expect("a metric has a name");
                assert!(text.contains(&format!("(\"{name}\", \"")), "{} tells {name} without HELP", path.display());
                counted += 1;
            }
        }
    }
    assert!(counted > 10, "only {counted} metrics were found");
}

#[test]
fn a_reader_can_guess_the_file() {
    let mut found = Vec::new();
    for (name, _) in MAY_USE {
        rust_files(&root().join(name.trim_start_matches("mpss-")), &mut found);
    }
    for path in found {
        let stem = path.file_stem().expect("a file name").to_string_lossy().to_string();
        for hiding in ["util", "utils", "helper", "helpers", "common", "misc", "manager"] {
            assert_ne!(stem, hiding, "{} does not say what is inside", path.display());
        }
    }
}

#[test]
fn the_architecture_document_names_only_what_is_there() {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("docs/ARCHITECTURE.md");
    let mut checked = 0;
    // Every other piece between back-ticks is code; those with a slash or a Rust ending are paths.
    for piece in text.split('`').skip(1).step_by(2) {
        let looks_like_a_path =
            piece.ends_with(".rs") || piece.ends_with('/') || piece.ends_with(".toml") || piece.ends_with(".md");
        if looks_like_a_path && !piece.contains(' ') && !piece.contains('*') && !piece.starts_with('/') {
            assert!(root().join(piece).exists(), "docs/ARCHITECTURE.md names {piece}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 30, "the document names {checked} paths only: it is no map");
}

#[test]
fn the_gate_runs_the_commands_of_the_readme() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let gate = std::fs::read_to_string(root().join(".ci/run")).expect(".ci/run");
    for (in_readme, in_gate) in [
        ("cargo test --workspace", "cargo test --workspace"),
        ("cargo run --release -- demo --once", "cargo run --release --locked -- demo --once"),
    ] {
        assert!(readme.contains(in_readme), "the README does not show `{in_readme}`");
        assert!(gate.contains(in_gate), "the gate does not run `{in_gate}`");
    }
}
