//! Which blow comes next, at what and for how long: a function of the seed alone. What depends on the
//! machine is how far into the schedule a run comes, and who happens to be the leader then.

use super::fault::{Blow, Hand};
use crate::processes::country::NATIONAL;
use crate::processes::seeded::Seeded;

/// Pause before a blow, least and most, in ms.
const PAUSE_MS: (u64, u64) = (300, 1_500);

/// One blow to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// How long after the one before has ended, in ms.
    pub after_ms: u64,
    /// Which.
    pub blow: Blow,
    /// The province it is about.
    pub province: String,
    /// For a blow at the network: which links.
    pub links: Links,
    /// How long it lasts, in ms.
    pub lasts_ms: u64,
    /// For whatever else has to be chosen when it strikes.
    pub dice: u64,
}

/// Which links of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Links {
    /// From whoever leads the province to the others of its group.
    LeaderToFollowers,
    /// From the followers to whoever leads.
    FollowersToLeader,
    /// From whoever leads to every machine of the country.
    LeaderToAll,
    /// From every machine of the province to every machine of another.
    ToProvince(String),
}

/// The blows of one hand, without an end.
#[derive(Debug, Clone)]
pub struct Schedule {
    seeded: Seeded,
    provinces: Vec<String>,
    has_followers: bool,
    blows: Vec<Blow>,
    /// What is left of this round; every blow comes once in each.
    round: Vec<Blow>,
}

impl Schedule {
    /// The schedule of `hand` for a run with these blows.
    #[must_use]
    pub fn new(seed: u64, hand: Hand, blows: &[Blow], provinces: &[String], replicas: u64) -> Self {
        let blows: Vec<Blow> = blows.iter().copied().filter(|blow| blow.hand() == hand).collect();
        let provinces = provinces.iter().cloned().chain([NATIONAL.to_owned()]).collect();
        let seeded = Seeded::new(seed).fork(&format!("schedule {hand:?}"));
        Self { seeded, provinces, has_followers: replicas > 1, blows, round: Vec::new() }
    }

    fn between(&mut self, (least, most): (u64, u64)) -> u64 {
        least + self.seeded.below(most - least + 1)
    }

    fn links(&mut self, province: &str) -> Links {
        let others: Vec<String> = self.provinces.iter().filter(|other| *other != province).cloned().collect();
        match (self.has_followers, self.seeded.below(4)) {
            (true, 0) => Links::LeaderToFollowers,
            (true, 1) => Links::FollowersToLeader,
            (true, 2) => Links::LeaderToAll,
            _ => Links::ToProvince(self.seeded.pick(&others).clone()),
        }
    }
}

impl Iterator for Schedule {
    type Item = Strike;

    fn next(&mut self) -> Option<Strike> {
        if self.blows.is_empty() {
            return None;
        }
        if self.round.is_empty() {
            self.round.clone_from(&self.blows);
            for place in (1..self.round.len()).rev() {
                let other = self.seeded.index(place + 1);
                self.round.swap(place, other);
            }
        }
        let blow = self.round.pop().expect("filled above");
        let province = self.seeded.pick(&self.provinces).clone();
        Some(Strike {
            after_ms: self.between(PAUSE_MS),
            blow,
            links: self.links(&province),
            province,
            lasts_ms: self.between(blow.lasts_ms()),
            dice: self.seeded.bits(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(seed: u64, hand: Hand) -> Vec<Strike> {
        let provinces = ["11".to_owned(), "44".to_owned()];
        Schedule::new(seed, hand, &Blow::ALL, &provinces, 3).take(70).collect()
    }

    #[test]
    fn a_schedule_is_a_function_of_its_seed() {
        for hand in [Hand::Machines, Hand::Network] {
            assert_eq!(draw(7, hand), draw(7, hand));
            assert_ne!(draw(7, hand), draw(8, hand));
        }
    }

    #[test]
    fn every_blow_comes_once_in_each_round_and_within_its_bounds() {
        for hand in [Hand::Machines, Hand::Network] {
            let mine: Vec<Blow> = Blow::ALL.into_iter().filter(|blow| blow.hand() == hand).collect();
            for round in draw(3, hand).chunks(mine.len()) {
                let mut seen: Vec<Blow> = round.iter().map(|strike| strike.blow).collect();
                seen.sort_unstable();
                assert_eq!(seen, mine);
            }
            for strike in draw(3, hand) {
                let (least, most) = strike.blow.lasts_ms();
                assert!((least..=most).contains(&strike.lasts_ms), "{strike:?}");
                assert_ne!(strike.links, Links::ToProvince(strike.province.clone()));
            }
        }
    }

    #[test]
    fn what_is_not_asked_for_never_strikes() {
        let mut none = Schedule::new(1, Hand::Network, &[Blow::KillLeader], &["44".to_owned()], 1);
        assert_eq!(none.next(), None);
        let one = Schedule::new(1, Hand::Network, &[Blow::Delay], &["44".to_owned()], 1);
        for strike in one.take(20) {
            assert!(matches!(strike.links, Links::ToProvince(_)), "one replica has no group: {strike:?}");
        }
    }
}
