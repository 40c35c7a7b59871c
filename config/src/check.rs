//! Settings against what they must be: each value by its kind, then values against each other. All
//! problems are found, not only the first.

use std::collections::{BTreeMap, BTreeSet};

use config::{Map, Value, ValueKind};

use crate::key::{Key, Kind, Name};
use crate::layers::{is_from_environment, variable_of};
use crate::problem::Problem;
use crate::relation;

/// The longest value repeated in a problem, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// Values that were checked one by one.
pub(crate) struct Checked {
    values: BTreeMap<String, Value>,
    problems: Vec<Problem>,
}

impl Checked {
    /// Checks the merged layers; `sections` tells where each section of the file begins.
    pub(crate) fn new(root: &Map<String, Value>, sections: BTreeMap<String, String>, keys: &[&[Key]]) -> Self {
        let keys: Vec<&Key> = keys.iter().copied().flatten().collect();
        let mut check =
            Check { keys, sections, values: BTreeMap::new(), problems: Vec::new(), spoilt: BTreeSet::new() };
        check.table("", root);
        check.missing(root);
        let mut checked = Self { values: check.values, problems: check.problems };
        relation::check(&mut checked);
        checked.problems.sort();
        checked
    }

    /// The whole tree in its proper types, or every problem.
    pub(crate) fn into_tree(self) -> Result<Value, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut root = Value::new(None, ValueKind::Table(Map::new()));
        for (path, value) in self.values {
            let mut place = &mut root;
            for part in path.split('.') {
                let ValueKind::Table(table) = &mut place.kind else { unreachable!("a value is no section") };
                place = table.entry(part.to_owned()).or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
            }
            *place = value;
        }
        Ok(root)
    }

    /// A number that is right in itself.
    pub(crate) fn number(&self, path: &str) -> Option<u64> {
        match self.values.get(path)?.kind {
            ValueKind::U64(number) => Some(number),
            _ => None,
        }
    }

    /// A text that is right in itself.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match &self.values.get(path)?.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The names below a section that have values.
    pub(crate) fn names(&self, section: &str) -> BTreeSet<&str> {
        let below = |path: &'_ String| path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        self.values
            .keys()
            .filter(|path| below(path))
            .filter_map(|path| path[section.len() + 1..].split('.').next())
            .collect()
    }

    /// `key = value (source)`, as other problems speak of it.
    pub(crate) fn shown(&self, path: &str) -> String {
        match self.values.get(path) {
            Some(value) => format!("{path} = {} ({})", shown(value), value.origin().unwrap_or("unknown")),
            None => format!("{path} (not set)"),
        }
    }

    /// Adds a problem with a value that is right in itself.
    pub(crate) fn add(&mut self, path: &str, expected: String) {
        let value = self.values.get(path);
        self.problems.push(Problem {
            key: path.to_owned(),
            value: value.map(shown),
            source: value.map(|value| value.origin().unwrap_or("unknown").to_owned()),
            expected,
        });
    }

    /// The same for a value that is never shown.
    pub(crate) fn add_secret(&mut self, path: &str, expected: String) {
        let source = self.values.get(path).map(|value| value.origin().unwrap_or("unknown").to_owned());
        self.problems.push(Problem { key: path.to_owned(), value: None, source, expected });
    }

    /// True when something at or below `section` was refused.
    pub(crate) fn has_problem_in(&self, section: &str) -> bool {
        self.problems.iter().any(|problem| is_at_or_below(&problem.key, section))
    }
}

struct Check<'a> {
    keys: Vec<&'a Key>,
    sections: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    problems: Vec<Problem>,
    /// Paths that were refused; what is missing below them is not worth a word.
    spoilt: BTreeSet<String>,
}

impl Check<'_> {
    fn table(&mut self, above: &str, table: &Map<String, Value>) {
        // Sorted: the order of a hash map must not show.
        let sorted: BTreeMap<&String, &Value> = table.iter().collect();
        for (name, value) in sorted {
            let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            let is_section = matches!(value.kind, ValueKind::Table(_));
            match self.keys.iter().find(|key| matches(key.path, &path)).copied() {
                Some(key) if is_section => {
                    self.refuse(&path, None, value, format!("{}, not a section", key.kind.expected()));
                }
                Some(key) => self.value(&path, key, value),
                None if !self.keys.iter().any(|key| is_section_of(&path, key.path)) => {
                    let hint = self.resembling(&path).map(|like| format!("; did you mean {like}?")).unwrap_or_default();
                    self.refuse(&path, None, value, format!("there is no such setting{hint}"));
                }
                None => match &value.kind {
                    ValueKind::Table(inner) => {
                        if self.name_is_good(&path, value) {
                            self.table(&path, inner);
                        }
                    }
                    _ => self.refuse(&path, None, value, "must be a section with settings in it".to_owned()),
                },
            }
        }
    }

    fn value(&mut self, path: &str, key: &Key, value: &Value) {
        if key.path.ends_with(".*") && !self.name_is_good(path, value) {
            return;
        }
        match key.kind.read(value, is_from_environment(value)) {
            Some(kind) => {
                let origin = value.origin().map(str::to_owned);
                self.values.insert(path.to_owned(), Value::new(origin.as_ref(), kind));
            }
            None => {
                let value_shown = (!key.kind.is_secret()).then(|| shown(value));
                self.refuse(path, value_shown, value, key.kind.expected());
            }
        }
    }

    /// Checks the last part of `path` when it stands for a `*`.
    fn name_is_good(&mut self, path: &str, value: &Value) -> bool {
        let Some((section, name)) = path.rsplit_once('.') else { return true };
        let is_name = self.keys.iter().any(|key| {
            let mut pattern = key.path.split('.');
            path.split('.').zip(&mut pattern).last().is_some_and(|(_, part)| part == "*")
                && is_section_or_key(path, key.path)
        });
        if !is_name {
            return true;
        }
        match Name::below(section).check(name) {
            Ok(()) => true,
            Err(expected) => {
                self.refuse(path, None, value, expected);
                false
            }
        }
    }

    fn missing(&mut self, root: &Map<String, Value>) {
        for key in self.keys.clone() {
            let paths = match key.path.split_once(".*.") {
                None if key.path.ends_with('*') => Vec::new(),
                None => vec![key.path.to_owned()],
                Some((section, setting)) => match root.get(section).map(|value| &value.kind) {
                    Some(ValueKind::Table(named)) => {
                        named.keys().map(|name| format!("{section}.{name}.{setting}")).collect()
                    }
                    _ => Vec::new(),
                },
            };
            for path in paths {
                let spoilt = self.spoilt.iter().any(|spoilt| is_at_or_below(&path, spoilt));
                if !spoilt && !self.values.contains_key(&path) {
                    let expected =
                        format!("{}; set it in the settings file or as {}", key.kind.expected(), variable_of(&path));
                    self.problems.push(Problem { key: path, value: None, source: None, expected });
                }
            }
        }
    }

    fn refuse(&mut self, path: &str, value_shown: Option<String>, value: &Value, expected: String) {
        self.spoilt.insert(path.to_owned());
        let section = || self.sections.get(path).cloned();
        let source = section().or_else(|| first_origin(value)).unwrap_or_else(|| "an empty section".to_owned());
        self.problems.push(Problem { key: path.to_owned(), value: value_shown, source: Some(source), expected });
    }

    /// The setting whose name is nearest to `path`.
    fn resembling(&self, path: &str) -> Option<&'static str> {
        let nearest = self.keys.iter().map(|key| (distance(path, key.path), key.path)).min()?;
        (nearest.0 <= 3).then_some(nearest.1)
    }
}

fn first_origin(value: &Value) -> Option<String> {
    if let Some(origin) = value.origin() {
        return Some(origin.to_owned());
    }
    match &value.kind {
        ValueKind::Table(table) => {
            let sorted: BTreeMap<&String, &Value> = table.iter().collect();
            sorted.values().find_map(|value| first_origin(value))
        }
        _ => None,
    }
}

fn is_at_or_below(path: &str, section: &str) -> bool {
    path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn matches(pattern: &str, path: &str) -> bool {
    is_section_or_key(path, pattern) && path.split('.').count() == pattern.split('.').count()
}

fn is_section_of(path: &str, pattern: &str) -> bool {
    is_section_or_key(path, pattern) && path.split('.').count() < pattern.split('.').count()
}

fn is_section_or_key(path: &str, pattern: &str) -> bool {
    let mut patterns = pattern.split('.');
    path.split('.').all(|part| patterns.next().is_some_and(|pattern| pattern == "*" || pattern == part))
}

/// A value for a person, shortened.
fn shown(value: &Value) -> String {
    let text = match &value.kind {
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Array(values) => format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", ")),
        ValueKind::U64(number) => number.to_string(),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::Boolean(yes) => yes.to_string(),
        _ => "…".to_owned(),
    };
    if text.chars().count() > SHOWN_CHARS_MAX {
        return text.chars().take(SHOWN_CHARS_MAX).chain(['…']).collect();
    }
    text
}

/// How many characters have to be changed, added or left out to get from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// What holds a secret in a layer: paths of values of a secret kind.
pub(crate) fn secrets(root: &Map<String, Value>, keys: &[&[Key]]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting: Vec<(String, &Value)> = root.iter().map(|(name, value)| (name.clone(), value)).collect();
    while let Some((path, value)) = waiting.pop() {
        match &value.kind {
            ValueKind::Table(table) => {
                waiting.extend(table.iter().map(|(name, value)| (format!("{path}.{name}"), value)));
            }
            ValueKind::String(text) if text.is_empty() => {}
            _ if keys.iter().copied().flatten().any(|key| key.kind.is_secret() && matches(key.path, &path)) => {
                found.push((path, value.origin().unwrap_or("unknown").to_owned()));
            }
            _ => {}
        }
    }
    found.sort();
    found
}

/// A whole number with its bounds and unit.
pub(crate) const fn number(path: &'static str, min: u64, max: u64, unit: &'static str) -> Key {
    Key { path, kind: Kind::Number { min, max, unit } }
}
