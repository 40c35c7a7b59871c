//! What concerns an SP, numbered for each SP from 1 on without a gap (product §6 "SP direct").
//!
//! ```text
//!  an order or award moves on ─▶ the SP's next number ─▶ journal (kept on the read side of every replica)
//!                                        └─ delivery and cancel notices carry the same number
//! ```
//!
//! The number is given by the state machine, with what happened and in its order: an SP that was away for a day reads
//! on from the last number it knows, from whichever node, and misses nothing. What is told to the SP at once
//! (`effect.rs`) is the same sequence, as far as it is told. The state keeps the last number of each SP, and the
//! number that each open notice is about; the rest is the journal's. The rows came with state version 4.

use serde::{Deserialize, Serialize};

use crate::award::AwardStatus;
use crate::effect::{Effect, EffectId};
use crate::ids::{AwardId, OrderId, SpId};
use crate::journal::JournalBody;
use crate::order::{Order, OrderEvent, OrderStatus};
use crate::state::State;
use crate::table::Table;

/// What happened that concerns an SP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpEvent {
    /// An order of its products moved on. [`OrderEvent::DeliveryAsked`] asks it to deliver.
    Order {
        /// Which.
        order: OrderId,
        /// How.
        event: OrderEvent,
        /// Where it stood before.
        before: OrderStatus,
    },
    /// An award that it gives moved on.
    Award {
        /// Which.
        award: AwardId,
        /// For which bet.
        order: OrderId,
        /// To where.
        status: AwardStatus,
    },
}

/// How far the numbers of all SPs are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SpEvents {
    /// The last number of each SP that has any.
    pub(crate) last: Table<SpId, u64, 64>,
    /// What each open notice to an SP is about.
    pub(crate) notices: Table<EffectId, u64, 64>,
}

impl State {
    /// The number of the last event of an SP; 0 before the first.
    #[must_use]
    pub fn last_sp_event(&self, sp: SpId) -> u64 {
        self.doors.sp_events.last.get(&sp).copied().unwrap_or(0)
    }

    /// The number of the event that an open notice to an SP is about; nothing of one from before there were numbers.
    #[must_use]
    pub fn sp_event_of(&self, notice: EffectId) -> Option<u64> {
        self.doors.sp_events.notices.get(&notice).copied()
    }

    /// Gives what happened the SP's next number.
    pub(crate) fn tell_sp(&mut self, sp: SpId, event: SpEvent) {
        if !self.version.has_doors() {
            return;
        }
        let number = self.last_sp_event(sp) + 1;
        self.doors.sp_events.last.insert(sp, number);
        self.entry.record(None, JournalBody::SpTold { sp, number, event });
    }

    /// An order has moved on: does that concern its SP?
    pub(crate) fn sp_follows(&mut self, order: &Order, event: OrderEvent, before: OrderStatus) {
        if concerns_sp(order, &event, self.is_from_vault(order.id)) {
            self.tell_sp(order.sp, SpEvent::Order { order: order.id, event, before });
        }
    }

    /// A notice that was just added is about the event that was just numbered.
    pub(crate) fn number_notice(&mut self, id: EffectId, sp: SpId) {
        if self.version.has_doors() {
            let number = self.last_sp_event(sp);
            self.doors.sp_events.notices.insert(id, number);
        }
    }

    /// A notice is no longer open.
    pub(crate) fn forget_notice(&mut self, id: EffectId) {
        self.doors.sp_events.notices.remove(&id);
    }

    /// See [`State::check_all`].
    pub(crate) fn check_sp_events(&self) -> Result<(), String> {
        for (id, number) in self.doors.sp_events.notices.iter() {
            let sp = match self.effect(*id).map(|row| &row.effect) {
                Some(Effect::DeliveryNotice { sp, .. } | Effect::CancelNotice { sp, .. }) => *sp,
                other => return Err(format!("event {number} is told by {other:?}")),
            };
            if *number == 0 || *number > self.last_sp_event(sp) {
                return Err(format!(
                    "a notice is about event {number} of {sp}, the last is {}",
                    self.last_sp_event(sp)
                ));
            }
        }
        for (sp, number) in self.doors.sp_events.last.iter() {
            if self.sp(*sp).is_none() || *number == 0 {
                return Err(format!("{sp} was told {number} events and is not there"));
            }
        }
        Ok(())
    }
}

/// What an SP has to know of its orders: from the moment it has to deliver them, and of those from our own stock
/// when they were delivered.
fn concerns_sp(order: &Order, event: &OrderEvent, from_vault: bool) -> bool {
    use OrderEvent as E;
    match event {
        // Whether the SP is asked at all is seen where it is asked.
        E::DeliveryAsked => false,
        E::Delivered | E::Refunded(..) | E::RefundDeclined(..) => true,
        E::CardsShown | E::TicketChecked(_) | E::Received => true,
        // An order that came to nothing before it was paid is no concern of an SP's, unless its subscriber was asked
        // about it: then the SP may have begun it, and waits.
        E::ReversalAsked(..) | E::Reversed => {
            let known = if from_vault { E::Delivered } else { E::DeliveryAsked };
            happened(order, E::ConfirmationAsked) || happened(order, known)
        }
        E::Declined(_) | E::Reserved => happened(order, E::ConfirmationAsked),
        E::Created | E::PaymentAsked | E::Paid | E::ConfirmationAsked => false,
        // What it has done itself, and what changes nothing.
        E::RefundAsked(..) | E::Shipped | E::Charged(_) | E::LateAcceptance | E::LatePayment => false,
    }
}

fn happened(order: &Order, event: OrderEvent) -> bool {
    order.timeline.iter().any(|entry| entry.event == event)
}
