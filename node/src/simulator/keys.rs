//! What became of every key: a peer works each once, and answers it the same however often it comes.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// What a simulated peer has answered, and how often it was asked.
#[derive(Debug)]
pub struct Keys<A> {
    answers: BTreeMap<String, A>,
    /// Questions by key, for whoever counts them.
    asked: BTreeMap<String, u32>,
    /// Requests that came, repetitions and questions included.
    requests: u64,
}

impl<A> Default for Keys<A> {
    fn default() -> Self {
        Self { answers: BTreeMap::new(), asked: BTreeMap::new(), requests: 0 }
    }
}

impl<A: Clone> Keys<A> {
    /// A request came.
    pub(super) fn count(&mut self) {
        self.requests += 1;
    }

    /// A question about a key: what was answered to it, when it was ever seen.
    pub(super) fn ask(&mut self, key: &str) -> Option<A> {
        *self.asked.entry(key.to_owned()).or_default() += 1;
        self.known(key)
    }

    /// What was answered to a key before.
    pub(super) fn known(&self, key: &str) -> Option<A> {
        self.answers.get(key).cloned()
    }

    /// What the next work is called: `sign` and eleven digits.
    pub(super) fn next_reference(&self, sign: char) -> String {
        format!("{sign}{:011}", self.answers.len() + 1)
    }

    /// Keeps the answer to a key, and gives it.
    pub(super) fn keep(&mut self, key: &str, answer: A) -> A {
        self.answers.insert(key.to_owned(), answer.clone());
        answer
    }

    /// Requests that came.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// The most questions about one key.
    #[must_use]
    pub fn most_asked(&self) -> u32 {
        self.asked.values().copied().max().unwrap_or_default()
    }
}

/// Whom each key is about, also of requests that get lost: a question names the key alone.
#[derive(Debug, Default)]
pub(super) struct Whose(Mutex<BTreeMap<String, String>>);

impl Whose {
    /// A request with this key is about this card or line.
    pub(super) fn note(&self, key: &str, whom: &str) {
        self.0.lock().insert(key.to_owned(), whom.to_owned());
    }

    /// Whom a key is about; nobody when it was never seen.
    pub(super) fn of(&self, key: &str) -> String {
        self.0.lock().get(key).cloned().unwrap_or_default()
    }
}
