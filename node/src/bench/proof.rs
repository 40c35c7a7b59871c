//! After the bench: every acknowledged purchase is there, and the books hold exactly what was
//! acknowledged. More would be a purchase made twice, less one that was lost.

use std::collections::BTreeSet;

use serde_json::Value;

use super::door;
use super::http1::ID_BYTES;
use super::latency::figure;
use super::processes::Province;
use super::proposer::Done;
use super::shop::Shop;
use crate::command_line::{Failure, Paint, Printer};
use crate::demo::{fen, yuan};

/// What was acknowledged.
#[derive(Default)]
pub(super) struct Acknowledged {
    purchases: u64,
    /// Given up without an answer: each may have been made or not.
    unknown: u64,
    orders: Vec<[u8; ID_BYTES]>,
}

impl Acknowledged {
    /// Adds one measurement.
    pub(super) fn bought(&mut self, done: &Done, orders: Vec<[u8; ID_BYTES]>) {
        self.purchases += done.acknowledged;
        self.unknown += done.errors.get("given_up").copied().unwrap_or(0);
        self.unknown += done.errors.get("no_answer").copied().unwrap_or(0);
        self.orders.extend(orders);
    }

    /// Looks everything up and compares.
    pub(super) async fn check(
        &self,
        province: &Province,
        connections: u32,
        shops: &[&Shop],
        price: i64,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let mut wrong = Vec::new();
        let distinct: BTreeSet<_> = self.orders.iter().collect();
        if distinct.len() != self.orders.len() {
            wrong.push(format!("{} acknowledged orders have only {} ids", self.orders.len(), distinct.len()));
        }
        let doors = province.doors().await?;
        let missing = door::missing(&doors, connections, &self.orders).await;
        match missing {
            Ok(0) => printer.line(format!(
                "  {} orders acknowledged at the door were looked up: all there",
                figure(self.orders.len() as u64)
            )),
            Ok(missing) => {
                wrong.push(format!("{missing} of {} acknowledged orders are not there and paid", self.orders.len()))
            }
            Err(error) => wrong.push(format!("orders could not be looked up: {error}")),
        }
        let books = self.books(province).await?;
        wrong.extend(self.books_differ(&books, shops, price));
        if wrong.is_empty() {
            let (debits, purchases) = (books["debits"].as_str().unwrap_or_default(), figure(self.purchases));
            printer.line(format!("  debits = credits = {debits}; SPs are owed exactly {purchases} purchases"));
            return Ok(());
        }
        for what in &wrong {
            let what = printer.paint(Paint::Bad, what);
            printer.line(format!("  ✗ {what}"));
        }
        Err(Failure::check(wrong.join("\n")))
    }

    async fn books(&self, province: &Province) -> Result<Value, Failure> {
        let leader = province.leader().await?.place.url();
        Ok(province.caller.get(&[leader], "/v1/trial-balance").await?.body)
    }

    fn books_differ(&self, books: &Value, shops: &[&Shop], price: i64) -> Vec<String> {
        let mut wrong = Vec::new();
        let amount = |value: &Value| value.as_str().and_then(fen);
        let (debits, credits) = (amount(&books["debits"]), amount(&books["credits"]));
        if debits.is_none() || debits != credits {
            wrong.push(format!("debits {} and credits {} do not balance", books["debits"], books["credits"]));
        }
        let sps: BTreeSet<String> =
            shops.iter().flat_map(|shop| &shop.sps).map(|sp| format!("sp_payable:{sp}")).collect();
        let lines = books["accounts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let owed: i128 = lines
            .iter()
            .filter(|line| line["name"].as_str().is_some_and(|name| sps.contains(name)))
            .filter_map(|line| Some(amount(&line["credit"])? - amount(&line["debit"])?))
            .sum();
        let least = i128::from(self.purchases) * i128::from(price);
        let most = least + i128::from(self.unknown) * i128::from(price);
        if owed < least || owed > most {
            let (owed, least, most) = (yuan(owed), yuan(least), yuan(most));
            wrong.push(format!("SPs are owed {owed}, and must be owed {least} (with what is unknown at most {most})"));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_purchase_lost_or_made_twice_is_found() {
        let shop = Shop { products: Vec::new(), sps: vec!["S1".into()] };
        let books = |credit: &str| {
            json!({ "debits": "1.00", "credits": "1.00", "accounts": [
                { "name": "sp_payable:S1", "debit": "0.00", "credit": credit },
                { "name": "sp_payable:S2", "debit": "0.00", "credit": "9.00" },
            ] })
        };
        let ten = Acknowledged { purchases: 10, ..Acknowledged::default() };
        assert!(ten.books_differ(&books("0.10"), &[&shop], 1).is_empty());
        assert_eq!(ten.books_differ(&books("0.09"), &[&shop], 1).len(), 1, "lost");
        assert_eq!(ten.books_differ(&books("0.11"), &[&shop], 1).len(), 1, "twice");
        let one_unknown = Acknowledged { purchases: 10, unknown: 1, ..Acknowledged::default() };
        assert!(one_unknown.books_differ(&books("0.11"), &[&shop], 1).is_empty());
        let torn = json!({ "debits": "1.00", "credits": "1.01", "accounts": [] });
        assert_eq!(Acknowledged::default().books_differ(&torn, &[&shop], 1).len(), 1);
    }
}
