//! Who asked whom for what, and what came back: kept when a run is recorded, so that the way of an
//! order through the country can be drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::record::Hop;

/// Characters of an order's id.
const ORDER_CHARS: usize = 27;

/// One request and, perhaps, its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request's way.
    pub asked: Hop,
    /// The answer's way; nothing when there was none.
    pub answered: Option<Hop>,
    /// The request id it was sent with; empty when with none.
    pub key: String,
    /// Orders named in it.
    pub orders: BTreeSet<String>,
}

/// All of them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Exchanges {
    kept: Option<Arc<Mutex<Vec<Exchange>>>>,
}

impl Exchanges {
    /// Keeps exchanges, or not.
    #[must_use]
    pub fn new(keep: bool) -> Self {
        Self { kept: keep.then(Arc::default) }
    }

    /// True when exchanges are kept.
    #[must_use]
    pub const fn are_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// A request was sent; gives its number.
    pub fn asked(&self, asked: Hop, key: &str, texts: &[&[u8]]) -> usize {
        let Some(kept) = &self.kept else { return 0 };
        let orders = texts.iter().flat_map(|text| orders_in(text)).collect();
        let mut kept = kept.lock();
        kept.push(Exchange { asked, answered: None, key: key.to_owned(), orders });
        kept.len() - 1
    }

    /// It arrived.
    pub fn arrived(&self, number: usize, at_ms: u64) {
        if let Some(kept) = &self.kept {
            kept.lock()[number].asked.arrived_ms = Some(at_ms);
        }
    }

    /// It was answered.
    pub fn answered(&self, number: usize, answer: Hop, text: &[u8]) {
        if let Some(kept) = &self.kept {
            let mut kept = kept.lock();
            kept[number].orders.extend(orders_in(text));
            kept[number].answered = Some(answer);
        }
    }

    /// The ways of these orders; `keys` are the request ids they were placed with.
    #[must_use]
    pub fn ways(&self, keys: &BTreeMap<String, String>) -> BTreeMap<String, Vec<Hop>> {
        let mut ways: BTreeMap<String, Vec<Hop>> = keys.values().map(|order| (order.clone(), Vec::new())).collect();
        let Some(kept) = &self.kept else { return ways };
        for exchange in kept.lock().iter() {
            let mut orders: BTreeSet<&str> = exchange.orders.iter().map(String::as_str).collect();
            orders.extend(keys.get(&exchange.key).map(String::as_str));
            for order in orders {
                if let Some(way) = ways.get_mut(order) {
                    way.push(exchange.asked.clone());
                    way.extend(exchange.answered.clone());
                }
            }
        }
        for way in ways.values_mut() {
            way.sort_by_key(|hop| hop.at_ms);
        }
        ways
    }
}

/// Order ids in a text: a letter, 17 digits, province and number.
fn orders_in(text: &[u8]) -> Vec<String> {
    let is_order = |window: &[u8]| {
        window[0] == b'O'
            && window[18] == b'-'
            && window[21] == b'-'
            && window[1..18].iter().chain(&window[19..21]).chain(&window[22..]).all(u8::is_ascii_digit)
    };
    let windows = text.windows(ORDER_CHARS).filter(|window| is_order(window));
    windows.map(|window| String::from_utf8_lossy(window).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_found_in_any_text() {
        let text = br#"{"order_id":"O20260105020000123-44-00007","of":["O20260105020000123-44-0000x"]}"#;
        assert_eq!(orders_in(text), ["O20260105020000123-44-00007"]);
        assert!(orders_in(b"O").is_empty());
    }

    #[test]
    fn a_request_that_was_lost_is_part_of_the_way_by_its_key() {
        let exchanges = Exchanges::new(true);
        let hop = |at_ms| Hop { at_ms, ..Hop::default() };
        exchanges.asked(hop(5), "key-1", &[b"{}"]);
        let answered = exchanges.asked(hop(9), "key-1", &[b"{}"]);
        exchanges.answered(answered, hop(12), b"O20260105020000123-44-00007");
        exchanges.asked(hop(7), "key-2", &[b"{}"]);
        let order = "O20260105020000123-44-00007".to_owned();
        let ways = exchanges.ways(&BTreeMap::from([("key-1".to_owned(), order.clone())]));
        assert_eq!(ways[&order].iter().map(|hop| hop.at_ms).collect::<Vec<_>>(), [5, 9, 12]);
    }
}
