//! How the network is: what is cut, and what weather holds where.

use std::collections::BTreeMap;

/// Which messages a condition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// All of them.
    All,
    /// Those from or to one machine.
    Machine(String),
}

/// What happens to messages for a while. Rates are in parts of a million.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Which messages.
    pub about: About,
    /// Added to the time on the way, shortest and longest, in milliseconds.
    pub delay_ms: (u64, u64),
    /// Lost.
    pub lost: u32,
    /// Arriving twice.
    pub doubled: u32,
    /// Overtaking what was sent before, because a connection broke and was opened again.
    pub reordered: u32,
}

impl Condition {
    /// Nothing happens to these messages.
    #[must_use]
    pub const fn fair(about: About) -> Self {
        Self { about, delay_ms: (0, 0), lost: 0, doubled: 0, reordered: 0 }
    }
}

/// What holds for one message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weather {
    pub(super) delay_ms: (u64, u64),
    pub(super) lost: u32,
    pub(super) doubled: u32,
    pub(super) reordered: u32,
}

/// All conditions at the moment.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    holding: BTreeMap<u64, Condition>,
    /// From machine to machine, one way: how many faults cut it.
    cuts: BTreeMap<(String, String), u32>,
    next: u64,
}

impl Conditions {
    pub(super) fn begin(&mut self, condition: Condition) -> u64 {
        self.next += 1;
        self.holding.insert(self.next, condition);
        self.next
    }

    pub(super) fn end(&mut self, number: u64) {
        self.holding.remove(&number);
    }

    pub(super) fn cut(&mut self, from: &str, to: &str) {
        *self.cuts.entry((from.to_owned(), to.to_owned())).or_default() += 1;
    }

    pub(super) fn join(&mut self, from: &str, to: &str) {
        let link = (from.to_owned(), to.to_owned());
        if let Some(cuts) = self.cuts.get_mut(&link) {
            *cuts -= 1;
            if *cuts == 0 {
                self.cuts.remove(&link);
            }
        }
    }

    pub(super) fn is_cut(&self, from: &str, to: &str) -> bool {
        !self.cuts.is_empty() && self.cuts.contains_key(&(from.to_owned(), to.to_owned()))
    }

    /// The worst of each that holds between two machines, on top of a good local network.
    pub(super) fn weather(&self, from: &str, to: &str) -> Weather {
        let mut weather = Weather { delay_ms: (0, 1), ..Weather::default() };
        for condition in self.holding.values() {
            let applies = match &condition.about {
                About::All => true,
                About::Machine(machine) => machine == from || machine == to,
            };
            if applies {
                weather.delay_ms.0 += condition.delay_ms.0;
                weather.delay_ms.1 += condition.delay_ms.1;
                weather.lost = weather.lost.max(condition.lost);
                weather.doubled = weather.doubled.max(condition.doubled);
                weather.reordered = weather.reordered.max(condition.reordered);
            }
        }
        weather
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_two_faults_cut_is_joined_when_both_are_over() {
        let mut conditions = Conditions::default();
        conditions.cut("a", "b");
        conditions.cut("a", "b");
        conditions.join("a", "b");
        assert!(conditions.is_cut("a", "b") && !conditions.is_cut("b", "a"));
        conditions.join("a", "b");
        conditions.join("a", "b");
        assert!(!conditions.is_cut("a", "b"));
    }

    #[test]
    fn weather_is_the_worst_of_what_holds() {
        let mut conditions = Conditions::default();
        let all = conditions.begin(Condition { lost: 5, delay_ms: (1, 4), ..Condition::fair(About::All) });
        conditions.begin(Condition { lost: 9, ..Condition::fair(About::Machine("a".to_owned())) });
        let weather = conditions.weather("b", "a");
        assert_eq!((weather.lost, weather.delay_ms), (9, (1, 5)));
        assert_eq!(conditions.weather("b", "c").lost, 5);
        conditions.end(all);
        assert_eq!(conditions.weather("b", "c"), Weather { delay_ms: (0, 1), ..Weather::default() });
    }
}
