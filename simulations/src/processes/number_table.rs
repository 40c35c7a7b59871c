//! The national number plan, read by other code than the platform's: what it says is compared with
//! what nodes answer.

use std::sync::LazyLock;

use mpss_routing::national_plan::NATIONAL_PLAN_TEXT;

use super::seeded::Seeded;

/// One line of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// First seven digits, lowest,
    pub first: u64,
    /// and highest.
    pub last: u64,
    /// Home province.
    pub province: String,
    /// Who serves it.
    pub operator: String,
}

/// All lines.
///
/// # Panics
/// When a line is not as all others: the table is part of the project.
pub fn rows() -> &'static [Row] {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        let row = |line: &str| {
            let mut fields = line.split(',').map(str::trim);
            let mut next = || fields.next().unwrap_or_else(|| panic!("{line:?} has four fields"));
            let (first, last, province, operator) = (next(), next(), next(), next());
            let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{line:?}: {text:?} is a prefix"));
            Row { first: number(first), last: number(last), province: province.into(), operator: operator.into() }
        };
        NATIONAL_PLAN_TEXT.lines().skip(1).filter(|line| !line.trim().is_empty()).map(row).collect()
    });
    &ROWS
}

/// The line a number falls into, by looking at every line: slow and without a way to be wrong.
#[must_use]
pub fn row_of(msisdn: &str) -> Option<&'static Row> {
    let prefix: u64 = msisdn.get(..7)?.parse().ok()?;
    rows().iter().find(|row| row.first <= prefix && prefix <= row.last)
}

/// A number of a line.
#[must_use]
pub fn number_in(row: &Row, seeded: &mut Seeded) -> String {
    let prefix = row.first + seeded.below(row.last - row.first + 1);
    format!("{prefix}{:04}", seeded.below(10_000))
}

/// A China Telecom subscriber's number of one province. Two calls may give the same one.
///
/// # Panics
/// When the province has none.
#[must_use]
pub fn subscriber_of(province: &str, seeded: &mut Seeded) -> String {
    let ranges: Vec<_> =
        rows().iter().filter(|row| row.province == province && row.operator == "china-telecom").collect();
    assert!(!ranges.is_empty(), "no China Telecom numbers in {province}");
    number_in(ranges[seeded.index(ranges.len())], seeded)
}

/// `count` different China Telecom subscribers' numbers of one province.
///
/// # Panics
/// When the province has too few.
#[must_use]
pub fn subscribers_of(province: &str, count: usize, seeded: &mut Seeded) -> Vec<String> {
    let mut numbers = std::collections::BTreeSet::new();
    while numbers.len() < count {
        numbers.insert(subscriber_of(province, seeded));
    }
    numbers.into_iter().collect()
}

/// A number that no line holds.
#[must_use]
pub fn unassigned(seeded: &mut Seeded) -> String {
    loop {
        let number = format!("1{:010}", seeded.below(10_000_000_000));
        if row_of(&number).is_none() {
            return number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_nation_is_in_it() {
        assert_eq!(rows().len(), 25_319);
        let provinces: std::collections::BTreeSet<_> = rows().iter().map(|row| &row.province).collect();
        assert_eq!(provinces.len(), 31);
        assert_eq!(rows().iter().filter(|row| row.operator == "china-telecom").count(), 4_416);
        assert!(rows().windows(2).all(|pair| pair[0].last < pair[1].first), "ascending, without overlaps");
    }

    #[test]
    fn numbers_are_drawn_from_where_they_belong() {
        let mut seeded = Seeded::new(1);
        for _ in 0..200 {
            let row = row_of(&subscriber_of("44", &mut seeded)).expect("inside");
            assert_eq!((row.province.as_str(), row.operator.as_str()), ("44", "china-telecom"));
            assert!(row_of(&unassigned(&mut seeded)).is_none());
        }
    }
}
