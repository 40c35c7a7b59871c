//! A record as a file. Every request, fault and message is one line, so that two files can be compared
//! with `diff`; what can not be read is named by file and field.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

use super::sweep::{self, SweepSummary};
use crate::record::{self, Record};

/// What is kept as a JSON file with a format number.
pub trait Filed: Serialize + DeserializeOwned {
    /// What it is, for a reader.
    const WHAT: &'static str;
    /// The format this program reads and writes.
    const FORMAT: u32;
}

impl Filed for Record {
    const WHAT: &'static str = "record of a run";
    const FORMAT: u32 = record::FORMAT;
}

impl Filed for SweepSummary {
    const WHAT: &'static str = "summary of a sweep";
    const FORMAT: u32 = sweep::FORMAT;
}

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system said no.
    #[error("{path}: {source}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// What is in the file is not what it should be.
    #[error("{path}: {field}: {source}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, such as `operations[3].took_ms`.
        field: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file is of another time.
    #[error("{path}: format {found}, but this program reads a {what} of format {known}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// The format it says it has.
        found: u64,
        /// The format this program knows.
        known: u32,
    },
    /// It can not be said in JSON.
    #[error("{path}: {source}")]
    Unsayable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// Writes a record or a summary.
///
/// # Errors
/// What the file system says.
pub fn write<T: Filed>(path: &Path, value: &T) -> Result<(), FileError> {
    let compact =
        serde_json::to_string(value).map_err(|source| FileError::Unsayable { path: path.to_path_buf(), source })?;
    std::fs::write(path, laid_out(&compact)).map_err(|source| FileError::Disk { path: path.to_path_buf(), source })
}

/// Reads a record or a summary.
///
/// # Errors
/// What the file system says; which field is wrong; that the format is another one.
pub fn read<T: Filed>(path: &Path) -> Result<T, FileError> {
    #[derive(serde::Deserialize)]
    struct OnlyFormat {
        format: u64,
    }
    let text = std::fs::read_to_string(path).map_err(|source| FileError::Disk { path: path.to_path_buf(), source })?;
    // First the format alone: what another format means by its fields is not for us to complain about.
    let OnlyFormat { format } = decoded(path, &text)?;
    if format != u64::from(T::FORMAT) {
        return Err(FileError::Format { path: path.to_path_buf(), what: T::WHAT, found: format, known: T::FORMAT });
    }
    decoded(path, &text)
}

fn decoded<'a, T: Deserialize<'a>>(path: &Path, text: &'a str) -> Result<T, FileError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| FileError::Field {
        path: path.to_path_buf(),
        field: error.path().to_string(),
        source: error.into_inner(),
    })?;
    reader.end().map_err(|source| FileError::Field { path: path.to_path_buf(), field: ".".to_owned(), source })?;
    Ok(value)
}

/// Compact JSON over lines: what holds other things, and the maps of the outermost value, is opened;
/// what holds plain values alone stays on one line.
fn laid_out(compact: &str) -> String {
    let plain = plain_containers(compact.as_bytes());
    let mut text = String::with_capacity(compact.len() + compact.len() / 4);
    // The inside of a plain container is copied as it is; `closed_at` is where it ends.
    let (mut depth, mut closed_at, mut quoted, mut escaped) = (0_usize, 0_usize, false, false);
    for (place, character) in compact.char_indices() {
        if place < closed_at {
            text.push(character);
            continue;
        }
        if quoted {
            (quoted, escaped) = (escaped || character != '"', !escaped && character == '\\');
            text.push(character);
            continue;
        }
        match character {
            '{' | '[' => {
                text.push(character);
                match plain.get(&place) {
                    // A map in the outermost value has a line for each key: it is what people compare.
                    Some(end) if depth != 1 || character == '[' || end - place <= 2 => closed_at = end + 1,
                    _ => {
                        depth += 1;
                        new_line(&mut text, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(character);
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            '"' => {
                quoted = true;
                text.push(character);
            }
            other => text.push(other),
        }
    }
    text.push('\n');
    text
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', depth * 2));
}

/// Where each container without containers begins, and where it ends.
fn plain_containers(json: &[u8]) -> std::collections::BTreeMap<usize, usize> {
    let mut plain = std::collections::BTreeMap::new();
    let mut open: Option<usize> = None;
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in json.iter().enumerate() {
        if quoted {
            (quoted, escaped) = (escaped || *byte != b'"', !escaped && *byte == b'\\');
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => open = Some(place),
            b'}' | b']' => {
                if let Some(begin) = open.take() {
                    plain.insert(begin, place);
                }
            }
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use crate::report::sample;

    #[test]
    fn a_record_comes_back_as_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.json");
        for record in [sample::run(7), sample::empty(), sample::hostile()] {
            write(&path, &record).unwrap();
            assert_eq!(read::<Record>(&path).unwrap(), record);
        }
    }

    #[test]
    fn a_request_is_a_line_and_a_count_is_a_line() {
        let record = sample::run(7);
        let text = laid_out(&serde_json::to_string(&record).unwrap());
        let requests = text.lines().filter(|line| line.starts_with("    {\"at_ms\":") && line.contains("\"flow\""));
        assert_eq!(requests.count(), record.operations.len());
        for (name, count) in &record.counts {
            assert!(
                text.lines().any(|line| line.trim_end_matches(',') == format!("    \"{name}\": {count}")),
                "{name}"
            );
        }
        assert!(text.contains("\n  \"seed\": 7,\n"), "{}", &text[..400]);
    }

    #[test]
    fn brackets_and_quotes_inside_of_words_are_words() {
        let json = r#"{"a":"[{\"x\\","b":["}",1],"c":{},"d":{"e":[{"f":"\""}]}}"#;
        let text = laid_out(json);
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back, serde_json::from_str::<serde_json::Value>(json).unwrap());
        assert!(text.contains("\n  \"b\": [\"}\",1],\n"), "{text}");
    }

    #[test]
    fn what_is_wrong_is_named_by_file_and_field() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.json");
        let told = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read::<Record>(&path).unwrap_err().to_string()
        };
        let mut record = serde_json::to_value(sample::run(7)).unwrap();
        record["operations"][3]["took_ms"] = "long".into();
        let said = told(&record.to_string());
        assert!(said.contains("bad.json: operations[3].took_ms: "), "{said}");

        record["format"] = 99.into();
        let said = told(&record.to_string());
        assert!(said.contains("bad.json: format 99, but this program reads a record of a run of format 1"), "{said}");

        let said = told("{}");
        assert!(said.contains("missing field `format`"), "{said}");
        let said = told(&(serde_json::to_string(&sample::empty()).unwrap() + "x"));
        assert!(said.contains("bad.json: .: trailing"), "{said}");
        let said = read::<Record>(&folder.path().join("none.json")).unwrap_err().to_string();
        assert!(said.contains("none.json: "), "{said}");
        let said = read::<SweepSummary>(&path).unwrap_err().to_string();
        assert!(said.contains("bad.json: "), "{said}");
    }
}
