//! The file that says "ready": written whole or not at all, so that whoever waits for it never reads
//! half of it.

use std::path::Path;

use super::exit::Failure;

/// Writes `content` to `path` by way of a temporary name beside it.
///
/// # Errors
/// Names the flag and the path.
pub(crate) fn write(path: &Path, content: &serde_json::Value) -> Result<(), Failure> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut text = serde_json::to_string_pretty(content).expect("a JSON value is always written");
    text.push('\n');
    std::fs::write(&temporary, text)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|error| Failure::start(format!("--ready-file {}: {error}", path.display())))
}
