//! Timers: what happens by itself at a time. They are rows of state and fire on
//! [`crate::Verb::Tick`], so every replica fires the same ones at the same log entry.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, AwardId, BindingId, OrderId, PaymentId, WishId};
use crate::table::Table;
use crate::time::LogTime;
use crate::vault::CardSerial;

/// One timer; they sort by the time they are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Timer {
    pub(crate) due: LogTime,
    pub(crate) what: TimerKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum TimerKind {
    /// The SP has not answered: reverse.
    DeliveryDeadline(OrderId),
    /// The home province has not answered: reverse.
    PaymentBound(OrderId),
    /// A frozen account thaws.
    Thaw(AccountId),
    /// Nobody has said what becomes of what is held: it was delivered, so take it.
    HoldBound(PaymentId),
    /// The subscriber has not confirmed a binding.
    BindingLapses(BindingId),
    /// A prize that waits is looked at again.
    PrizeDue(AwardId),
    /// The last day of a card is over, or it has been remembered long enough.
    CardEnds(CardSerial),
    /// Nobody has said that goods are there.
    ReceiptDue(OrderId),
    /// The bank has not answered a wish.
    WishLapses(WishId),
    /// The subscriber has not said yes or no.
    ConfirmationLapses(PaymentId),
    /// The SP has not said what is to be taken.
    ReservationLapses(OrderId),
}

/// All timers, by the time they are due.
pub(crate) type Timers = Table<Timer, (), 128>;

impl Timer {
    pub(crate) const fn new(due: LogTime, what: TimerKind) -> Self {
        Self { due, what }
    }
}
