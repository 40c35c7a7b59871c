//! What a simulator remembers, bounded: the oldest is forgotten first.

use std::collections::{HashMap, VecDeque};

/// A table that holds at most so many rows; the row that came first is forgotten first.
#[derive(Debug)]
pub struct Remembered<V> {
    rows: HashMap<String, V>,
    arrival: VecDeque<String>,
    rows_max: usize,
}

impl<V> Remembered<V> {
    /// An empty table for at most `rows_max` rows.
    #[must_use]
    pub fn new(rows_max: usize) -> Self {
        Self { rows: HashMap::new(), arrival: VecDeque::new(), rows_max }
    }

    /// The row of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        self.rows.get(key)
    }

    /// The row of `key`; a new one when there is none.
    pub fn entry(&mut self, key: &str, new: impl FnOnce() -> V) -> &mut V {
        if !self.rows.contains_key(key) {
            if self.arrival.len() >= self.rows_max
                && let Some(oldest) = self.arrival.pop_front()
            {
                self.rows.remove(&oldest);
            }
            self.arrival.push_back(key.to_owned());
        }
        self.rows.entry(key.to_owned()).or_insert_with(new)
    }

    /// The newest `limit` rows, newest first.
    pub fn newest(&self, limit: usize) -> impl Iterator<Item = (&str, &V)> {
        self.arrival.iter().rev().take(limit).filter_map(|key| Some((key.as_str(), self.rows.get(key)?)))
    }
}

impl Remembered<()> {
    /// Notes `key`. True when it was not known.
    pub fn note(&mut self, key: &str) -> bool {
        let known = self.rows.contains_key(key);
        self.entry(key, || ());
        !known
    }
}

#[cfg(test)]
mod tests {
    use super::Remembered;

    #[test]
    fn the_oldest_row_is_forgotten_first() {
        let mut seen = Remembered::new(2);
        assert!(seen.note("a"));
        assert!(!seen.note("a"), "known");
        assert!(seen.note("b"));
        assert!(seen.note("c"), "new, and pushes a out");
        assert!(seen.get("a").is_none());
        assert!(seen.get("b").is_some() && seen.get("c").is_some());
        assert_eq!(seen.newest(10).map(|row| row.0).collect::<Vec<_>>(), ["c", "b"]);
        assert!(seen.note("a"), "forgotten, so new again");
    }
}
