//! 购物, shopping: goods that are sent to somebody. Shipped and received are states of their own
//! (product §3).
//!
//! ```text
//!  ordered, with a recipient ─▶ delivered: the SP has accepted ─▶ shipped ─▶ received
//!       │ declined, reversed          │ reversed                     │ nobody says so for 15 days
//!       └──────────▶ the recipient is forgotten ◀────────────────────┘
//! ```
//!
//! An order is undone until its goods are on their way; from then on money goes back by a refund. Whoever
//! received says so, or it is taken for received after [`RECEIPT_MS`]. The recipient is personal: it is kept
//! where the order is, until the goods are there or will never be. The rows came with state version 3.

mod rows;
mod steps;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
pub use crate::ids::TrackingNumber;
use crate::purchase::Purchase;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

/// Goods on their way are taken for received after this many milliseconds.
pub const RECEIPT_MS: u64 = 15 * 86_400_000;

/// Most letters of a recipient's name, and of a carrier's.
pub const NAME_CHARS_MAX: usize = 64;

/// Most letters of an address.
pub const ADDRESS_CHARS_MAX: usize = 200;

/// Most letters of a recipient's telephone number.
pub const PHONE_CHARS_MAX: usize = 20;

/// To whom goods are sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Name.
    pub name: String,
    /// A telephone number the carrier can call.
    pub phone: String,
    /// Where.
    pub address: String,
}

impl Recipient {
    /// Can goods be sent by this?
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let within = |text: &str, most| (1..=most).contains(&text.chars().count());
        within(&self.name, NAME_CHARS_MAX)
            && within(&self.phone, PHONE_CHARS_MAX)
            && within(&self.address, ADDRESS_CHARS_MAX)
    }
}

impl fmt::Debug for Recipient {
    /// Without a word of it: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(******)")
    }
}

/// What [`crate::Verb::BuyShipped`] says: a purchase of goods that are sent to somebody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuyShipped {
    /// Who pays, how, and for which product.
    pub purchase: Purchase,
    /// To whom it is sent.
    pub to: Recipient,
}

/// Goods on their way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Who carries them.
    pub carrier: String,
    /// What the carrier calls them.
    pub tracking: TrackingNumber,
    /// Since when.
    pub at: LogTime,
}

/// The goods of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// To whom; `None` once it need not be known any more.
    pub to: Option<Recipient>,
    /// How, once they were sent.
    pub sent: Option<Sent>,
    /// When they were there.
    pub received_at: Option<LogTime>,
}

impl Shipment {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match (&self.sent, self.received_at) {
            (_, Some(_)) => "received",
            (Some(_), None) => "shipped",
            (None, None) => "not_shipped",
        }
    }
}

/// The goods of all orders that have some to be sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Shipping {
    pub(crate) rows: Table<OrderId, Shipment, 32>,
}

impl State {
    /// The goods of an order; `None` when none are sent for it.
    #[must_use]
    pub fn shipment_of(&self, order: OrderId) -> Option<&Shipment> {
        self.outside.shipping.rows.get(&order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_whole_and_never_printed() {
        let to = |name: &str, phone: &str, address: &str| Recipient {
            name: name.into(),
            phone: phone.into(),
            address: address.into(),
        };
        let right = to("王芳", "02088886666", "广州市天河区五山路381号");
        assert!(right.is_well_formed());
        assert!(!format!("{right:?}").contains('王'), "{right:?}");
        let long = "长".repeat(ADDRESS_CHARS_MAX + 1);
        for wrong in [to("", "1", "x"), to("x", "", "x"), to("x", "1", ""), to("x", "1", &long)] {
            assert!(!wrong.is_well_formed());
        }
    }
}
