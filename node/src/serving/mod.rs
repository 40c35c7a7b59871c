//! Serving: where an order is taken, whoever's subscriber buys.

use mpss_domain::order::ReversalReason;
use mpss_domain::{AccountSelector, Channel, Money, Msisdn, OrderId, ProductId, ProvinceId, Reply, Request};

use crate::home::Home;
use crate::node::Context;
use crate::not_done::NotDone;
use crate::password::PaymentPassword;

/// The serving side of a node.
#[derive(Clone)]
pub struct Serving {
    context: Context,
    home: Home,
}

/// A purchase.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// Who buys.
    pub msisdn: Msisdn,
    /// What; a product of this province.
    pub product: ProductId,
    /// How many.
    pub quantity: u32,
    /// From which account.
    pub account: AccountSelector,
    /// The buyer's payment password.
    pub password: PaymentPassword,
    /// The door.
    pub channel: Channel,
    /// Where the buyer is now.
    pub location: ProvinceId,
}

impl Serving {
    /// The serving side of a node.
    #[must_use]
    pub fn new(context: Context, home: Home) -> Self {
        Self { context, home }
    }

    /// Takes an order and sees to its payment: in one step when this is also home, else by asking the
    /// home province while the caller waits. The order may still be `paying` when this returns; it is
    /// then driven on by the leader.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn place_order(&self, request: Request, ask: PlaceOrder) -> Result<Reply, NotDone> {
        let _ = (request, ask, &self.context, &self.home);
        Err(NotDone::Unknown)
    }

    /// Reverses an order.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn reverse_order(
        &self,
        request: Request,
        order: OrderId,
        reason: ReversalReason,
        note: String,
    ) -> Result<Reply, NotDone> {
        let _ = (request, order, reason, note);
        Err(NotDone::Unknown)
    }

    /// Refunds an order, whole or in part.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn refund_order(
        &self,
        request: Request,
        order: OrderId,
        amount: Money,
        note: String,
    ) -> Result<Reply, NotDone> {
        let _ = (request, order, amount, note);
        Err(NotDone::Unknown)
    }
}
