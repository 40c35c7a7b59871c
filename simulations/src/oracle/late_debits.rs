//! Once a reversal is recorded, even of a payment never seen, that payment never debits, and its order
//! is never paid.

use std::collections::BTreeMap;

use mpss_domain::journal::{JournalBody, PostingReason};
use mpss_domain::order::OrderEvent;
use mpss_domain::{OrderId, Outcome, ProvinceId, Verb};

use super::{Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct LateDebits {
    /// Where and when it was reversed at home.
    at_home: BTreeMap<OrderId, (ProvinceId, u64)>,
    /// When its reversal began where it was taken.
    serving: BTreeMap<OrderId, u64>,
}

impl Property for LateDebits {
    fn name(&self) -> &'static str {
        "a late debit revives nothing"
    }

    fn clause(&self) -> &'static str {
        "product §4: a late answer revives nothing"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for record in entry.journal {
            match &record.body {
                JournalBody::Posted { reason: PostingReason::Purchase(order), statement: Some(_), .. } => {
                    if let Some((home, index)) = self.at_home.get(order) {
                        wrong.push(format!(
                            "{order} was debited by entry {} of {province}, reversed by entry {index} of {home}",
                            entry.index
                        ));
                    }
                }
                JournalBody::OrderMoved { order, event: OrderEvent::ReversalAsked(..) } => {
                    self.serving.insert(*order, entry.index);
                }
                JournalBody::OrderMoved { order, event: OrderEvent::Paid | OrderEvent::DeliveryAsked } => {
                    if let Some(index) = self.serving.get(order) {
                        wrong.push(format!(
                            "{order} was paid by entry {} of {province}, its reversal began with entry {index}",
                            entry.index
                        ));
                    }
                }
                _ => {}
            }
        }
        for (command, reply) in entry.batch.commands.iter().zip(entry.replies) {
            if let (Verb::ReversePayment { order, .. }, Outcome::Reversed) = (&command.verb, &reply.outcome) {
                self.at_home.entry(*order).or_insert((*province, entry.index));
            }
        }
        wrong
    }
}
