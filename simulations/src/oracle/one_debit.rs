//! An order, and with it its payment id, debits once in the whole country; so does a transfer.

use std::collections::BTreeMap;

use mpss_domain::journal::{JournalBody, PostingReason};
use mpss_domain::{OrderId, TransferId};

use super::{Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct OneDebit {
    orders: BTreeMap<OrderId, String>,
    transfers: BTreeMap<TransferId, String>,
}

impl Property for OneDebit {
    fn name(&self) -> &'static str {
        "one payment debits once"
    }

    fn clause(&self) -> &'static str {
        "product §4: identity"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        let here = || format!("entry {} of {province}", entry.index);
        for record in entry.journal {
            let JournalBody::Posted { reason, statement: Some(line), .. } = &record.body else { continue };
            let before = match *reason {
                PostingReason::Purchase(order) => self.orders.insert(order, here()),
                PostingReason::Transfer(transfer) if line.amount.is_negative() => {
                    self.transfers.insert(transfer, here())
                }
                _ => None,
            };
            if let Some(before) = before {
                wrong.push(format!("{reason:?} was debited by {before} and again by {}", here()));
            }
        }
        wrong
    }
}
