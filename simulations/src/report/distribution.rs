//! A small plot of how often which value was.

use std::collections::BTreeMap;

use super::numbers::grouped;
use super::scale::count_step;
use super::svg::{Area, Svg};

const WIDTH: i64 = 430;
const HEIGHT: i64 = 120;
const LEFT: i64 = 44;
const FOOT: i64 = 24;
const TOP: i64 = 10;
/// How many bars there are at most.
const BARS: u64 = 30;

/// Values and how often each was, as bars of equal width from zero on. `said` puts a value into words.
pub(crate) fn distribution(values: &BTreeMap<u64, u64>, label: &str, said: impl Fn(u64) -> String) -> String {
    let mut drawing = Svg::default();
    let size = (LEFT + WIDTH + 20, TOP + HEIGHT + FOOT);
    let Some(most) = values.keys().next_back().copied() else {
        drawing.words("t middle", (size.0 / 2, size.1 / 2), "没有 nothing to show");
        return drawing.finish("plot", size, label);
    };
    let step = count_step(most.saturating_add(1), BARS);
    let mut bars: BTreeMap<u64, u64> = BTreeMap::new();
    for (value, times) in values {
        *bars.entry(value / step).or_default() += times;
    }
    let last = most / step;
    let count_most = bars.values().max().copied().unwrap_or(1).max(1);
    let count_mark = count_step(count_most, 3);
    let top = count_most.div_ceil(count_mark) * count_mark;
    let floor = TOP + HEIGHT;
    let rise = |times: u64| pixels(times, top, HEIGHT);
    for mark in (0..=top).step_by(usize::try_from(count_mark).unwrap_or(1)) {
        drawing.line_below(
            if mark == 0 { "rule" } else { "grid" },
            (LEFT, floor - rise(mark)),
            (LEFT + WIDTH, floor - rise(mark)),
        );
        drawing.words("t end", (LEFT - 6, floor - rise(mark) + 4), &grouped(mark));
    }
    let x = |bar: u64| LEFT + pixels(bar, last + 1, WIDTH);
    for (bar, times) in &bars {
        let (left, right) = (x(*bar), x(bar + 1));
        let height = rise(*times).max(1);
        let area = Area { x: left, y: floor - height, width: (right - left - 1).max(1), height };
        let title = format!("{} – {}: {}", said(bar * step), said((bar + 1).saturating_mul(step)), grouped(*times));
        drawing.area("bar", area, &title);
    }
    let every = ((last + 1).div_ceil(5)).max(1);
    for bar in (0..=last + 1).step_by(usize::try_from(every).unwrap_or(1)) {
        let class = if bar == 0 { "t" } else { "t middle" };
        drawing.words(class, (x(bar), floor + 15), &said(bar.saturating_mul(step)));
    }
    drawing.finish("plot", size, label)
}

fn pixels(part: u64, whole: u64, room: i64) -> i64 {
    let pixels = u128::from(part) * u128::from(room.unsigned_abs()) / u128::from(whole.max(1));
    i64::try_from(pixels).unwrap_or(room)
}

/// The value that `percent` of all do not exceed.
pub(crate) fn part(values: &BTreeMap<u64, u64>, percent: u64) -> u64 {
    let all: u64 = values.values().sum();
    let rank = (all.saturating_mul(percent)).div_ceil(100).max(1);
    let mut before = 0;
    for (value, times) in values {
        before += times;
        if before >= rank {
            return *value;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn every_value_is_in_a_bar() {
        let values: BTreeMap<u64, u64> = (0..5_000).map(|value| (value, 2)).collect();
        let drawing = distribution(&values, "x", |value| value.to_string());
        let document = roxmltree::Document::parse(&drawing).unwrap();
        let titles = document.descendants().filter(|node| node.has_tag_name("title"));
        let told: u64 = titles
            .filter_map(|node| node.text()?.rsplit(' ').next()?.replace('\u{202F}', "").parse::<u64>().ok())
            .sum();
        assert_eq!(told, 10_000);
        assert_eq!((part(&values, 50), part(&values, 99), part(&BTreeMap::new(), 50)), (2_499, 4_949, 0));
    }

    #[test]
    fn one_value_and_none_are_drawn_too() {
        for values in [BTreeMap::new(), BTreeMap::from([(0, 1)]), BTreeMap::from([(u64::MAX, 3)])] {
            let drawing = distribution(&values, "x", |value| value.to_string());
            roxmltree::Document::parse(&drawing).unwrap();
        }
    }
}
