//! 票务, ticketing: tickets are issued with the delivery of their order, and checked once at a gate
//! (product §3).
//!
//! ```text
//!  order delivered ─▶ valid ─▶ checked
//!                       │ ▲
//!         refund asked, │ │ refund refused
//!            reversed   ▼ │
//!                      void
//! ```
//!
//! Issue and check are two steps. Two gates that see the same ticket race each other through the log: the
//! first check stands, and is answered the same to whoever repeats it; any other one is told when that was.
//! A refund that was asked for takes its tickets out of use at once, so that nobody enters on a ticket
//! that is being paid back.
//!
//! What a ticket looks like, and that nobody can make one up, is the edge's: here a ticket is its order and
//! its place in it. The rows came with state version 3; orders that were delivered before have none.

mod check;
mod issue;
mod rows;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, RefundId};
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

/// One ticket of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TicketId {
    /// The order it came with; names the province that sold it.
    pub order: OrderId,
    /// Its place in the order, counting from 1.
    pub place: u32,
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.order, self.place)
    }
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ticket {
    /// Good for one check.
    Valid,
    /// Checked. Final.
    Checked {
        /// When.
        at: LogTime,
        /// The request id of the gate that did it.
        gate: u128,
    },
    /// Not good any more: refunded, or about to be.
    Refunded(RefundId),
    /// Not good any more: its order was reversed. Final.
    Reversed,
}

impl Ticket {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Checked { .. } => "checked",
            Self::Refunded(_) => "refunded",
            Self::Reversed => "reversed",
        }
    }
}

/// The tickets of all orders that have some.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tickets {
    /// By order, in the order of their places.
    pub(crate) issued: Table<OrderId, Vec<Ticket>, 32>,
}

impl State {
    /// The tickets of an order, the first at place 1; `None` when none were issued.
    #[must_use]
    pub fn tickets_of(&self, order: OrderId) -> Option<&[Ticket]> {
        self.outside.tickets.issued.get(&order).map(Vec::as_slice)
    }

    /// One ticket.
    #[must_use]
    pub fn ticket(&self, id: TicketId) -> Option<Ticket> {
        let at = usize::try_from(id.place.checked_sub(1)?).ok()?;
        self.tickets_of(id.order)?.get(at).copied()
    }
}
