//! What happens by itself at a time, when a tick comes: accounts thaw, orders that nobody answers are
//! reversed (product §2, §4: no order stays open for ever), cards end.

use mpss_domain::order::{OrderEvent, ReversalReason};
use mpss_domain::{AccountId, AccountStatus, LogTime, OrderId, OrderStatus, Outcome};

use super::Reference;

/// What one tick does at most; the rest waits for the next.
const DUE_PER_TICK_MAX: usize = 1_024;

/// What is due at one time is done in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    DeliveryDeadline(OrderId),
    PaymentBound(OrderId),
    Thaw(AccountId),
    CardEnds(u64),
    Receipt(OrderId),
}

impl Reference {
    /// Oldest first.
    pub(super) fn tick(&mut self) -> Outcome {
        let mut due: Vec<_> = self.deadlines().filter(|(at, _)| *at <= self.now).collect();
        due.sort_unstable();
        for (at, what) in due.into_iter().take(DUE_PER_TICK_MAX) {
            if !self.has_room() {
                break;
            }
            match what {
                Due::DeliveryDeadline(order) => self.reverse(order, ReversalReason::DeliveryTimedOut),
                Due::PaymentBound(order) => self.reverse(order, ReversalReason::PaymentUnknown),
                Due::Thaw(account) => self.thaw(account),
                Due::CardEnds(card) => self.card_ends(card, at),
                Due::Receipt(order) => self.event(order, OrderEvent::Received),
            }
        }
        self.tick_may_forget();
        Outcome::Done
    }

    /// Everything that ends by itself, in no order.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (LogTime, Due)> {
        let orders = self.waiting.iter().filter_map(|id| {
            let order = &self.orders[id];
            let what = match order.status() {
                OrderStatus::Paying => Due::PaymentBound(*id),
                OrderStatus::Delivering => Due::DeliveryDeadline(*id),
                _ => return None,
            };
            Some((order.deadline()?, what))
        });
        let accounts = self.frozen.iter().filter_map(|id| match self.wallets[id].status {
            AccountStatus::Frozen { until } => Some((until?, Due::Thaw(*id))),
            _ => None,
        });
        let cards = self.vault.ends().map(|(at, card)| (at, Due::CardEnds(card)));
        let goods = self.on_the_way.iter().filter_map(|id| Some((self.orders[id].receipt_due()?, Due::Receipt(*id))));
        orders.chain(accounts).chain(cards).chain(goods)
    }
}
