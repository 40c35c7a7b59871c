//! What is right and wrong in what went past. Nothing here waits or asks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::play::Verdict;
use crate::sandbox::{Direction, Exchange};

/// Requests of the SP's to one door, in the order in which they were answered.
pub(super) fn asked<'a>(seen: &'a [Exchange], path: &str) -> Vec<&'a Exchange> {
    let of_door = |exchange: &&Exchange| {
        exchange.direction == Direction::Asked && exchange.target.split('?').next() == Some(path)
    };
    seen.iter().filter(of_door).collect()
}

/// One request and its repetitions, the last of which was done: the same id, the same body, another signature.
/// `Ok(None)` while there is nothing that was done.
pub(super) fn repeated<'a>(asked: &[&'a Exchange]) -> Result<Option<&'a Exchange>, String> {
    let Some(done) = asked.iter().find(|exchange| (200..300).contains(&exchange.status)) else {
        let refused = asked.iter().find(|exchange| !matches!(exchange.status, 0 | 429 | 503 | 504));
        return match refused {
            Some(refused) => Err(format!("refused: {} {}", refused.status, code(&refused.answer))),
            None => Ok(None),
        };
    };
    let ids: BTreeSet<_> = asked.iter().map(|exchange| exchange.request_id.as_str()).collect();
    if ids.len() > 1 {
        return Err(format!("{} request ids for one thing: {}", ids.len(), join(ids)));
    }
    let bodies: BTreeSet<_> = asked.iter().map(|exchange| exchange.digest.as_str()).collect();
    if bodies.len() > 1 {
        return Err(format!("{} bodies under one request id", bodies.len()));
    }
    Ok(Some(done))
}

/// The stable name in a refusal.
pub(super) fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap_or("without a code")
}

fn join<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Was everything that the SP asked signed rightly?
pub(super) fn signed(seen: &[Exchange]) -> Verdict {
    let asked = || seen.iter().filter(|exchange| exchange.direction == Direction::Asked);
    let count = asked().count();
    match asked().find(|exchange| exchange.status == 401) {
        Some(wrong) => Verdict::Failed(format!("{} {}: {}", wrong.method, wrong.target, code(&wrong.answer))),
        None if count == 0 => Verdict::NotShown("it has asked nothing".to_owned()),
        None => Verdict::Passed(format!("{count} requests")),
    }
}

/// Did no nonce come twice?
pub(super) fn nonces(seen: &[Exchange]) -> Verdict {
    let mut known = BTreeSet::new();
    for exchange in seen.iter().filter(|exchange| exchange.direction == Direction::Asked) {
        if !exchange.nonce.is_empty() && !known.insert((&exchange.key_id, &exchange.nonce)) {
            return Verdict::Failed(format!("{} twice, with {}", exchange.nonce, exchange.target));
        }
    }
    match known.len() {
        0 => Verdict::NotShown("it has asked nothing".to_owned()),
        count => Verdict::Passed(format!("{count} signatures")),
    }
}

/// Did each request id stand for one request?
pub(super) fn request_ids(seen: &[Exchange]) -> Verdict {
    let mut known: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let changes = |exchange: &&Exchange| exchange.direction == Direction::Asked && exchange.method != "GET";
    for exchange in seen.iter().filter(changes) {
        if exchange.request_id.is_empty() {
            return Verdict::Failed(format!("{} without Idempotency-Key", exchange.target));
        }
        let request = (exchange.target.as_str(), exchange.digest.as_str());
        if *known.entry(&exchange.request_id).or_insert(request) != request {
            return Verdict::Failed(format!("{} stood for two requests", exchange.request_id));
        }
    }
    match known.len() {
        0 => Verdict::NotShown("it has changed nothing".to_owned()),
        count => Verdict::Passed(format!("{count} request ids")),
    }
}

/// What the SP has read of these orders by number: every page goes on where one before it has ended.
/// `Ok(None)` while something is missing.
pub(super) fn read(seen: &[Exchange], orders: &[String]) -> Result<Option<String>, String> {
    let pages: Vec<_> = asked(seen, "/v1/sp/events").into_iter().filter(|page| page.status == 200).collect();
    let mut found: BTreeMap<u64, String> = BTreeMap::new();
    let mut ends = BTreeSet::new();
    for page in &pages {
        let after = after(&page.target);
        if !ends.is_empty() && !ends.contains(&after) {
            return Err(format!("read on after {after}, where no page has ended"));
        }
        ends.insert(after);
        for event in page.answer["events"].as_array().into_iter().flatten() {
            let number = event["number"].as_u64().unwrap_or_default();
            found.insert(number, event["order_id"].as_str().unwrap_or_default().to_owned());
            ends.insert(number);
        }
    }
    let known: BTreeSet<_> = found.values().collect();
    let all = orders.iter().all(|order| known.contains(order));
    Ok(all.then(|| format!("{} events in {} pages", found.len(), pages.len())))
}

/// The number behind which a page begins.
fn after(target: &str) -> u64 {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let number = query.split('&').find_map(|pair| pair.strip_prefix("after="));
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(target: &str, id: &str, body: &str, nonce: &str, status: u16, answer: Value) -> Exchange {
        serde_json::from_value(json!({
            "direction": "asked", "method": if id.is_empty() { "GET" } else { "POST" }, "target": target,
            "request_id": id, "key_id": "S/k", "nonce": nonce, "digest": body, "played": "", "status": status,
            "answer": answer, "took_ms": 1,
        }))
        .expect("an exchange")
    }

    fn charge(id: &str, body: &str, nonce: &str, status: u16) -> Exchange {
        ask("/v1/sp/charges", id, body, nonce, status, json!({ "code": "why" }))
    }

    #[test]
    fn a_repetition_has_the_same_id_and_the_same_body() {
        let verdict = |seen: &[Exchange]| {
            let asked = asked(seen, "/v1/sp/charges");
            repeated(&asked).map(|done| done.map(|done| done.nonce.clone()))
        };
        assert_eq!(verdict(&[]), Ok(None));
        assert_eq!(verdict(&[charge("a", "b", "1", 504)]), Ok(None));
        assert_eq!(verdict(&[charge("a", "b", "1", 504), charge("a", "b", "2", 201)]), Ok(Some("2".into())));
        assert!(
            verdict(&[charge("a", "b", "1", 504), charge("c", "b", "2", 201)]).is_err_and(|why| why.contains("a, c"))
        );
        assert!(
            verdict(&[charge("a", "b", "1", 503), charge("a", "c", "2", 201)]).is_err_and(|why| why.contains("bodies"))
        );
        assert!(verdict(&[charge("a", "b", "1", 422)]).is_err_and(|why| why.contains("422 why")));
    }

    #[test]
    fn what_holds_for_all_requests_is_broken_by_one() {
        let good = [charge("a", "b", "1", 504), charge("a", "b", "2", 201), charge("c", "b", "3", 201)];
        for judge in [signed, nonces, request_ids] {
            assert!(matches!(judge(&good), Verdict::Passed(_)));
            assert!(matches!(judge(&[]), Verdict::NotShown(_)));
        }
        let with = |bad: Exchange| [good.to_vec(), vec![bad]].concat();
        assert!(matches!(signed(&with(charge("d", "b", "4", 401))), Verdict::Failed(_)));
        assert!(matches!(nonces(&with(charge("d", "b", "1", 201))), Verdict::Failed(_)));
        assert!(matches!(request_ids(&with(charge("a", "c", "4", 201))), Verdict::Failed(_)));
        let unnamed = Exchange { request_id: String::new(), ..charge("d", "b", "4", 201) };
        assert!(matches!(request_ids(&with(unnamed)), Verdict::Failed(_)));
    }

    #[test]
    fn pages_go_on_where_a_page_has_ended() {
        let page = |after: u64, numbers: &[u64]| {
            let event = |number: &u64| json!({ "number": number, "order_id": format!("O{number}") });
            let answer = json!({ "events": numbers.iter().map(event).collect::<Vec<_>>() });
            ask(&format!("/v1/sp/events?limit=2&after={after}"), "", "", &after.to_string(), 200, answer)
        };
        let orders = ["O4".to_owned(), "O5".to_owned()];
        let whole = [page(2, &[3, 4]), page(4, &[5]), page(5, &[])];
        assert_eq!(read(&whole, &orders), Ok(Some("3 events in 3 pages".into())));
        assert_eq!(read(&whole[..1], &orders), Ok(None), "there is more");
        assert_eq!(read(&[], &orders), Ok(None));
        assert!(read(&[page(2, &[3]), page(4, &[5])], &orders).is_err_and(|why| why.contains("after 4")), "a gap");
    }
}
