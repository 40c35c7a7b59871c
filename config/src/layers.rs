//! The layers of settings: defaults, a file, the environment. Every value carries where it came from.

use std::collections::BTreeMap;

use config::{ConfigError, Map, Source, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::SettingsError;

/// What the names of environment variables begin with.
const PREFIX: &str = "MPSS__";

/// Separates the parts of a key in the name of an environment variable.
const SEPARATOR: &str = "__";

/// Where values of the defaults come from.
pub(crate) const DEFAULT: &str = "default";

/// Values of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    /// The defaults.
    pub(crate) fn defaults(text: &str) -> Result<Self, SettingsError> {
        Self::toml(text, DEFAULT, &|_| DEFAULT.to_owned())
    }

    /// A settings file; `place` names it in errors.
    pub(crate) fn file(text: &str, place: &str) -> Result<Self, SettingsError> {
        let lines: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        Self::toml(text, place, &|at| format!("{place}, line {}", 1 + lines.partition_point(|end| *end < at)))
    }

    fn toml(text: &str, place: &str, origin: &dyn Fn(usize) -> String) -> Result<Self, SettingsError> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start.min(text.len()));
            let before = &text.as_bytes()[..at];
            let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            SettingsError::Syntax {
                place: place.to_owned(),
                line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
                column: 1 + at - line_start,
                message: error.message().to_owned(),
            }
        })?;
        Ok(Self(table_of(table.into_inner(), origin)))
    }

    /// Environment variables that begin with `MPSS__`; the others are not ours.
    pub(crate) fn environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut root = Map::new();
        for (name, value) in variables {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let path: Vec<String> = path.split(SEPARATOR).map(str::to_lowercase).collect();
            insert(&mut root, &path, Value::new(Some(&format!("environment variable {name}")), value));
        }
        Self(root)
    }

    /// Where each section begins. Merging keeps the places of values only.
    pub(crate) fn sections(&self) -> BTreeMap<String, String> {
        let mut sections = BTreeMap::new();
        let mut waiting: Vec<(String, &Value)> = self.0.iter().map(|(name, value)| (name.clone(), value)).collect();
        while let Some((path, value)) = waiting.pop() {
            if let ValueKind::Table(table) = &value.kind {
                waiting.extend(table.iter().map(|(name, value)| (format!("{path}.{name}"), value)));
                sections.extend(value.origin().map(|origin| (path, origin.to_owned())));
            }
        }
        sections
    }

    /// The values.
    pub(crate) const fn values(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// The name of the environment variable that sets `key`.
pub(crate) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', SEPARATOR).to_uppercase())
}

/// True when the value stands in an environment variable, where everything is text.
pub(crate) fn is_from_environment(value: &Value) -> bool {
    value.origin().is_some_and(|origin| origin.starts_with("environment variable "))
}

fn insert(table: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return;
    }
    let section = table.entry(first.clone()).or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    if !matches!(section.kind, ValueKind::Table(_)) {
        // MPSS__A and MPSS__A__B at once: the longer one decides, the shorter can not be a value.
        *section = Value::new(None, ValueKind::Table(Map::new()));
    }
    if let ValueKind::Table(inner) = &mut section.kind {
        insert(inner, rest, value);
    }
}

fn table_of(table: DeTable<'_>, origin: &dyn Fn(usize) -> String) -> Map<String, Value> {
    table.into_iter().map(|(key, value)| (key.into_inner().into_owned(), value_of(value, origin))).collect()
}

fn value_of(value: Spanned<DeValue<'_>>, origin: &dyn Fn(usize) -> String) -> Value {
    let place = origin(value.span().start);
    let kind = match value.into_inner() {
        DeValue::String(text) => ValueKind::String(text.into_owned()),
        // What does not fit stays a text and is refused by its key, not for the file as a whole.
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| ValueKind::String(number.as_str().to_owned()), ValueKind::I64),
        DeValue::Float(number) => ValueKind::String(number.as_str().to_owned()),
        DeValue::Boolean(yes) => ValueKind::Boolean(yes),
        DeValue::Datetime(moment) => ValueKind::String(moment.to_string()),
        DeValue::Array(values) => ValueKind::Array(values.into_iter().map(|value| value_of(value, origin)).collect()),
        DeValue::Table(table) => ValueKind::Table(table_of(table, origin)),
    };
    Value::new(Some(&place), kind)
}
