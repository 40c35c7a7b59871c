//! The national number plan, checked against a reader of its own that shares nothing with the code
//! under test.

mod virtual_time;

use std::collections::BTreeSet;

use mpss_domain::{LogTime, Msisdn, Operator, ProvinceId, Refusal};
use mpss_routing::plan_file::{operator_name, parse_plan};
use mpss_routing::{national_plan, subscribers_of};
use virtual_time::Seeded;

/// A line of the table, read without any of the plan's code.
struct Row {
    first: u64,
    last: u64,
    province: &'static str,
    operator: &'static str,
}

fn table() -> Vec<Row> {
    let text = include_str!("../data/number-ranges.csv");
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let mut columns = line.split(',');
        let mut next = || columns.next().expect("four columns");
        rows.push(Row {
            first: next().parse().expect("digits"),
            last: next().parse().expect("digits"),
            province: next(),
            operator: next(),
        });
    }
    rows
}

/// From the first line to the last, as slow as that is.
fn scan(table: &[Row], number: u64) -> Option<&Row> {
    table.iter().find(|row| row.first <= number / 10_000 && number / 10_000 <= row.last)
}

const NOW: LogTime = LogTime(1_795_437_296_789);

#[test]
fn the_whole_table_is_loaded() {
    let plan = national_plan();
    assert_eq!(plan.ranges.len(), 25_319);
    assert_eq!(plan.ranges.iter().map(|range| u64::from(range.last - range.first) + 1).sum::<u64>(), 499_527);
    let ours = plan.ranges.iter().filter(|range| range.operator == Operator::ChinaTelecom);
    assert_eq!(ours.count(), 4_416);
    let provinces: BTreeSet<u8> = plan.ranges.iter().map(|range| range.province.code()).collect();
    assert!(provinces.into_iter().eq(ProvinceId::ALL));
}

/// 10 000 numbers of assigned ranges: province and operator, and who may buy.
#[test]
fn assigned_numbers_resolve_to_their_province_and_operator() {
    let (plan, table, draw) = (national_plan(), table(), Seeded::new(2_312));
    let (mut ours, mut foreign) = (0, 0);
    for _ in 0..10_000 {
        let row = &table[usize::try_from(draw.draw() % table.len() as u64).expect("an index")];
        let prefix = row.first + draw.draw() % (row.last - row.first + 1);
        let number = prefix * 10_000 + draw.draw() % 10_000;
        let expected = scan(&table, number).expect("drawn from it");
        let msisdn = Msisdn::new(number).expect("eleven digits");
        let belonging = plan.lookup(msisdn, NOW).expect("assigned");
        assert_eq!(belonging.home.to_string(), expected.province, "{number}");
        assert_eq!(operator_name(belonging.operator), expected.operator, "{number}");
        if expected.operator == "china-telecom" {
            ours += 1;
            assert_eq!(plan.home_of(msisdn, NOW), Ok(belonging), "{number}");
        } else {
            foreign += 1;
            assert_eq!(plan.home_of(msisdn, NOW), Err(Refusal::ForeignOperator), "{number}");
        }
    }
    assert!(ours > 1_000 && foreign > 1_000, "{ours} {foreign}");
}

/// 10 000 numbers from everywhere, most of the gaps included.
#[test]
fn numbers_in_gaps_are_refused_by_name() {
    let (plan, table, draw) = (national_plan(), table(), Seeded::new(7));
    let (mut assigned, mut gaps) = (0, 0);
    for _ in 0..10_000 {
        let number = 10_000_000_000 + draw.draw() % 10_000_000_000;
        let msisdn = Msisdn::new(number).expect("eleven digits");
        match scan(&table, number) {
            Some(row) => {
                assigned += 1;
                let belonging = plan.lookup(msisdn, NOW).expect("assigned");
                assert_eq!(
                    (belonging.home.to_string().as_str(), operator_name(belonging.operator)),
                    (row.province, row.operator)
                );
            }
            None => {
                gaps += 1;
                assert_eq!(plan.home_of(msisdn, NOW), Err(Refusal::UnknownNumber), "{number}");
            }
        }
    }
    assert!(assigned > 1_000 && gaps > 1_000, "{assigned} {gaps}");
}

/// The ends of every range, and the prefixes just outside them.
#[test]
fn every_range_ends_where_the_table_says() {
    let (plan, table) = (national_plan(), table());
    for (at, row) in table.iter().enumerate() {
        for prefix in [row.first, row.last] {
            let msisdn = Msisdn::new(prefix * 10_000 + 9_999).expect("eleven digits");
            let belonging = plan.lookup(msisdn, NOW).expect("assigned");
            assert_eq!(
                (belonging.home.to_string().as_str(), operator_name(belonging.operator)),
                (row.province, row.operator)
            );
        }
        let next = table.get(at + 1).map_or(2_000_000, |next| next.first);
        if row.last + 1 < next {
            let msisdn = Msisdn::new((row.last + 1) * 10_000).expect("eleven digits");
            assert_eq!(plan.lookup(msisdn, NOW), None, "just after {}", row.last);
        }
    }
}

#[test]
fn every_province_has_subscribers_of_its_own_to_draw() {
    let plan = national_plan();
    for code in ProvinceId::ALL {
        let province = ProvinceId::new(code).expect("a province");
        let drawn: Vec<Msisdn> = subscribers_of(&plan, province).take(3_000).collect();
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 3_000, "each number once");
        for number in &drawn {
            assert_eq!(plan.home_of(*number, NOW).map(|belonging| belonging.home), Ok(province));
        }
        let prefixes: BTreeSet<u32> = drawn.iter().map(|number| number.prefix()).collect();
        assert!(prefixes.len() > 300, "neighbours have different prefixes: {}", prefixes.len());
        assert!(subscribers_of(&plan, province).take(3_000).eq(drawn), "the same every time");
        assert!(subscribers_of(&plan, province).numbers() > 4_000_000);
    }
    assert_eq!(subscribers_of(&plan, ProvinceId::NATIONAL).next(), None, "nobody's home");
}

#[test]
fn all_numbers_of_a_small_province_are_drawn_exactly_once() {
    let text = "first_prefix,last_prefix,province,operator\n1330000,1330003,54,china-telecom\n\
                1410000,1410003,54,china-telecom\n1890000,1890001,54,china-telecom\n1890002,1890002,54,china-mobile\n";
    let mut plan = parse_plan(text, 1).expect("good");
    let gone = Msisdn::new(13_300_010_000).expect("valid");
    let ported = mpss_domain::number_plan::Ported { operator: Operator::ChinaMobile, from: NOW, before: None };
    plan.ported.insert(gone, ported);
    let tibet = ProvinceId::new(54).expect("Tibet");
    let all: BTreeSet<Msisdn> = subscribers_of(&plan, tibet).collect();
    assert_eq!(subscribers_of(&plan, tibet).count(), 59_999, "six prefixes, without the number that was carried away");
    assert_eq!(all.len(), 59_999);
    assert!(!all.contains(&gone));
}
