//! Subscriber numbers of a province, drawn from the number plan for demonstrations, benchmarks and
//! simulations. Always the same numbers in the same order.

use std::collections::BTreeSet;

use mpss_domain::{Msisdn, NumberPlan, Operator, ProvinceId};

/// The three-digit prefixes China Telecom gives to people. The table also holds its satellite, machine
/// and virtual operators' ranges, which nobody would expect to see a person pay from.
const HANDSETS: [u32; 11] = [133, 153, 173, 177, 180, 181, 189, 190, 191, 193, 199];

/// Numbers behind one seven-digit prefix.
const NUMBERS_PER_PREFIX: u64 = 10_000;

/// Has no common divisor with [`NUMBERS_PER_PREFIX`], so that steps of it visit every number once.
const SUFFIX_STEP: u64 = 6_173;

/// Numbers of China Telecom's subscribers whose home is one province. Neighbours in this order have
/// different prefixes, so that a short run already crosses many ranges. Each number comes once.
#[derive(Debug, Clone)]
pub struct Subscribers {
    prefixes: Vec<u32>,
    /// Has no common divisor with the number of prefixes.
    prefix_step: u64,
    ported: BTreeSet<Msisdn>,
    next: u64,
}

/// China Telecom's numbers in `province`, without those carried to or from another operator.
#[must_use]
pub fn subscribers_of(plan: &NumberPlan, province: ProvinceId) -> Subscribers {
    let prefixes: Vec<u32> = plan
        .ranges
        .iter()
        .filter(|range| range.province == province && range.operator == Operator::ChinaTelecom)
        .flat_map(|range| range.first..=range.last)
        .filter(|prefix| HANDSETS.contains(&(prefix / 10_000)))
        .collect();
    let count = prefixes.len() as u64;
    // Near the golden section of the count, where steps spread most evenly.
    let prefix_step = (count * 618 / 1_000..).find(|step| greatest_common_divisor(*step, count) == 1).unwrap_or(1);
    Subscribers { prefixes, prefix_step, ported: plan.ported.keys().copied().collect(), next: 0 }
}

impl Subscribers {
    /// How many numbers there are, those that were carried to other operators included.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.prefixes.len() as u64 * NUMBERS_PER_PREFIX
    }

    /// The number at `position`, or `None` past the last and for a number that was carried to another
    /// operator.
    #[must_use]
    pub fn at(&self, position: u64) -> Option<Msisdn> {
        if position >= self.numbers() {
            return None;
        }
        let count = self.prefixes.len() as u64;
        let (round, turn) = (position / count, position % count);
        let prefix = u64::from(*self.prefixes.get(usize::try_from(turn * self.prefix_step % count).ok()?)?);
        let suffix = ((round + 1) * SUFFIX_STEP + prefix * 7) % NUMBERS_PER_PREFIX;
        Msisdn::new(prefix * NUMBERS_PER_PREFIX + suffix).filter(|number| !self.ported.contains(number))
    }
}

impl Iterator for Subscribers {
    type Item = Msisdn;

    fn next(&mut self) -> Option<Msisdn> {
        while self.next < self.numbers() {
            let number = self.at(self.next);
            self.next += 1;
            if number.is_some() {
                return number;
            }
        }
        None
    }
}

const fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
