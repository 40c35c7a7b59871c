//! What must hold of what subscribers are asked.

use std::collections::BTreeSet;

use crate::confirmation::{OPEN_MAX, WRONG_CODES_MAX};
use crate::order::OrderStatus;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

impl State {
    /// Each is listed by its subscriber, ends by itself, has no payment yet and, when the order was taken here, an order
    /// that waits for it; no subscriber has two with one code.
    pub(crate) fn check_confirmations(&self) -> Result<(), String> {
        let rows = &self.doors.confirmations;
        let mut codes = BTreeSet::new();
        for row in self.confirmations() {
            let (id, order) = (row.payment, row.order);
            let listed = rows.of.get(&(row.msisdn, id)).is_some();
            let ends = self.timers.get(&Timer::new(row.until, TimerKind::ConfirmationLapses(id))).is_some();
            if !listed || !ends {
                return Err(format!("{id} is asked of nobody, or for ever"));
            }
            if self.payment(id).is_some() {
                return Err(format!("{id} is decided, and the subscriber is asked about it"));
            }
            let waits = self.order(order).is_some_and(|order| {
                order.status == OrderStatus::AwaitingConfirmation && order.payment == id && order.amount == row.amount
            });
            if row.serving == self.province && !waits {
                return Err(format!("{order} does not wait for its subscriber's word"));
            }
            if !codes.insert((row.msisdn, row.code)) || row.wrong_codes >= WRONG_CODES_MAX {
                return Err(format!("the code of {id} is worth nothing"));
            }
            if self.confirmations_of(row.msisdn).count() > OPEN_MAX {
                return Err(format!("who is to pay {id} is asked about too much at once"));
            }
        }
        if rows.of.len() == rows.rows.len() { Ok(()) } else { Err("somebody is asked about nothing".into()) }
    }
}
