//! 预留, money that is set aside for an SP until it says what of it is to be taken (Parlay X `reserveAmount`).
//!
//! ```text
//!  confirmed, reserve ─▶ order `reserved` ─┬─ charge, all or a part ─▶ paid ─▶ delivery, as any order
//!                                          └─ release, or an hour without a word ─▶ reversed: what was set aside is free
//! ```
//!
//! Of a part that is charged the rest is free at once. All of it is taken when the order is delivered, as by any
//! account that holds first.

use crate::effect::EffectId;
use crate::ids::OrderId;
use crate::order::{Order, OrderEvent, OrderStatus, ReversalReason};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

/// What nobody has charged for so long is released, in ms. Well before home takes what is held as delivered.
pub const RESERVED_MS: u64 = 3_600_000;

impl State {
    /// Is the money of an order of another home to be set aside?
    #[must_use]
    pub fn is_reservation(&self, id: OrderId) -> bool {
        self.doors.reservations.get(&id).is_some()
    }

    /// The money of an order is set aside.
    pub(crate) fn order_reserved(&mut self, order: &mut Order) {
        self.order_event(order, OrderEvent::Reserved);
        order.waits_until = self.now.plus_ms(RESERVED_MS);
        self.timers.insert(Timer::new(order.waits_until, TimerKind::ReservationLapses(order.id)), ());
    }

    /// Charges pieces of what is reserved; the others are given up.
    ///
    /// # Errors
    /// In this order: [`Refusal::OrderNotFound`]; [`Refusal::AlreadyReversed`]; [`Refusal::WrongOrderStatus`];
    /// [`Refusal::SpSuspended`]; [`Refusal::AmountOutOfRange`] for none, or more than are reserved;
    /// [`Refusal::WholePiecesOnly`] for a part of what is sold from the vault.
    pub(crate) fn charge_reservation(&mut self, id: OrderId, quantity: u32) -> Result<Outcome, Refusal> {
        let order = self.order(id).ok_or(Refusal::OrderNotFound)?;
        match order.status {
            OrderStatus::Reserved => {}
            OrderStatus::Reversing | OrderStatus::Reversed => return Err(Refusal::AlreadyReversed),
            _ => return Err(Refusal::WrongOrderStatus),
        }
        if self.sp(order.sp).is_none_or(|sp| sp.suspended) {
            return Err(Refusal::SpSuspended);
        }
        if quantity == 0 || quantity > order.quantity {
            return Err(Refusal::AmountOutOfRange);
        }
        let part = quantity < order.quantity;
        if part && self.is_from_vault(id) {
            return Err(Refusal::WholePiecesOnly);
        }

        // From here it must succeed.
        self.change_order(id, |state, order| {
            state.end_wait(order);
            let terms = state.terms_of(order).expect("a product that was sold is kept");
            let (price, deadline_ms) = (terms.price, terms.delivery_deadline_ms);
            order.quantity = quantity;
            order.amount = price.checked_mul(quantity).expect("less than was reserved");
            state.order_event(order, OrderEvent::Charged(quantity));
            if order.home == state.province {
                if part {
                    state.capture_held(order.payment, order.amount);
                }
                order.booked = true;
                state.order_paid(order, deadline_ms);
            } else {
                state.outside.holds.insert(id, EffectId(0));
                if part {
                    state.have_captured(order);
                }
                state.book_payment(order);
            }
        });
        Ok(Outcome::Order(id))
    }

    /// Nobody has charged it.
    pub(crate) fn reservation_lapses(&mut self, id: OrderId) {
        self.begin_reversal(id, ReversalReason::ReservationLapsed);
    }
}
