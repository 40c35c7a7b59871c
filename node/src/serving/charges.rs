//! Purchases that somebody else than the payer begins: an SP, or a page without the password (product §5, 6.3.1). The
//! payer is asked by text at home, and the code pays.
//!
//! ```text
//!  home here       AskPurchase ─▶ awaiting_confirmation, the text is sent ─▶ Confirm pays
//!  home elsewhere  AskPurchase ─▶ awaiting_confirmation ─▶ the order driver has home ask, and finds out what came of it
//! ```

use std::time::Duration;

use mpss_domain::order::ReversalReason;
use mpss_domain::{
    AccountSelector, Channel, Msisdn, OrderId, OrderStatus, ProductId, ProvinceId, Refusal, Reply, Request, SpId,
    State, Verb,
};

use super::{PlaceOrder, Serving, With};
use crate::not_done::NotDone;
use crate::watched::watched;

/// What an SP wants to be paid for.
#[derive(Debug, Clone)]
pub struct AskCharge {
    /// Who asks.
    pub sp: SpId,
    /// What for: a product of this SP.
    pub product: ProductId,
    /// Who is to pay.
    pub msisdn: Msisdn,
    /// How many.
    pub quantity: u32,
    /// From which account.
    pub account: AccountSelector,
    /// The door.
    pub channel: Channel,
    /// Where the subscriber is now.
    pub location: ProvinceId,
    /// The money is only set aside, until [`Serving::charge_reservation`] takes it.
    pub reserve: bool,
}

impl Serving {
    /// Has a subscriber asked to pay an SP. The order waits for the subscriber's word when this returns.
    ///
    /// # Errors
    /// [`Refusal::ProductNotFound`] also for another SP's product; and see [`NotDone`].
    pub async fn ask_charge(&self, request: Request, ask: AskCharge) -> Result<Reply, NotDone> {
        let AskCharge { sp, product, msisdn, quantity, account, channel, location, reserve } = ask;
        let look = |state: &State| state.product(product).map(|product| product.terms().sp);
        if self.context.replica.read_linearizable(look).await? != Some(sp) {
            return Err(NotDone::refused(Refusal::ProductNotFound));
        }
        let with = With::Consent { reserve };
        let order = PlaceOrder { msisdn, product, quantity, account, password: None, channel, location, with };
        self.place_order(request, order).await
    }

    /// Where an order stands once its subscriber has said yes or no and whoever has the money has answered; `None` when
    /// that takes longer.
    pub async fn until_decided(&self, order: OrderId, patience: Duration) -> Option<OrderStatus> {
        let decided = |state: &State| {
            let status = state.order(order)?.status;
            let open = matches!(status, OrderStatus::Created | OrderStatus::AwaitingConfirmation | OrderStatus::Paying);
            (!open).then_some(status)
        };
        watched(&self.context, patience, decided).await
    }

    /// Charges so many pieces of what is reserved; the others are given up.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn charge_reservation(&self, request: Request, order: OrderId, quantity: u32) -> Result<Reply, NotDone> {
        let verb = Verb::ChargeReservation { order, quantity };
        self.context.is_readable(verb.since()).await?;
        self.propose(request, verb).await
    }

    /// Gives up what is reserved.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn release_reservation(&self, request: Request, order: OrderId) -> Result<Reply, NotDone> {
        self.reverse_order(request, order, ReversalReason::SpAsked, String::new()).await
    }
}
