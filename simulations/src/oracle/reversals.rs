//! A reversal happens at most once, gives back exactly what was taken, and never after a refund;
//! refunds together never give back more than was paid.

use std::collections::BTreeMap;

use mpss_domain::journal::{JournalBody, PostingReason};
use mpss_domain::{Money, OrderId, OrderStatus};

use super::{AtRest, Property, Seen};

#[derive(Debug, Default)]
struct Payment {
    taken: Money,
    reversed: Option<Money>,
    refunded: Money,
}

/// See the module.
#[derive(Default)]
pub(super) struct Reversals {
    /// As the wallets of all provinces were told.
    payments: BTreeMap<OrderId, Payment>,
}

impl Property for Reversals {
    fn name(&self) -> &'static str {
        "reversals are made once and exactly"
    }

    fn clause(&self) -> &'static str {
        "product §5, 6.5: exactly once, whatever is repeated, late or out of order"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for record in entry.journal {
            let JournalBody::Posted { reason, statement: Some(line), .. } = &record.body else { continue };
            let (PostingReason::Purchase(order) | PostingReason::Reversal(order) | PostingReason::Refund(order, _)) =
                *reason
            else {
                continue;
            };
            let payment = self.payments.entry(order).or_default();
            match reason {
                PostingReason::Purchase(_) => payment.taken -= line.amount,
                PostingReason::Reversal(_) if payment.reversed.is_some() => {
                    wrong.push(format!("{province}: {order} was reversed twice"));
                }
                PostingReason::Reversal(_) => {
                    payment.reversed = Some(line.amount);
                    if line.amount != payment.taken || payment.refunded != Money::ZERO {
                        let (taken, back) = (payment.taken, line.amount);
                        let refunded = payment.refunded;
                        wrong.push(format!("{province}: {order} took {taken}, refunded {refunded}, reversed {back}"));
                    }
                }
                _ => {
                    payment.refunded += line.amount;
                    if payment.refunded > payment.taken || payment.reversed.is_some() {
                        let (taken, refunded) = (payment.taken, payment.refunded);
                        wrong.push(format!("{province}: {order} took {taken} and refunded {refunded}"));
                    }
                }
            }
        }
        wrong
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let mut wrong = Vec::new();
        let nothing = Payment::default();
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let orders = country.read(&leader, |state| {
                state.orders().map(|order| (order.id, order.status, order.amount, order.refunded)).collect::<Vec<_>>()
            });
            for (order, status, amount, refunded) in orders.unwrap_or_default() {
                let payment = self.payments.get(&order).unwrap_or(&nothing);
                let left = payment.taken - payment.reversed.unwrap_or(Money::ZERO) - payment.refunded;
                let must_be_left = match status {
                    OrderStatus::Reversed | OrderStatus::Declined | OrderStatus::Refunded => Money::ZERO,
                    OrderStatus::Delivered | OrderStatus::PartlyRefunded => amount - refunded,
                    _ => continue,
                };
                if left != must_be_left {
                    wrong.push(format!(
                        "{order} is {} and keeps {left} of its payer, not {must_be_left}",
                        status.name()
                    ));
                }
            }
        }
        wrong
    }
}
