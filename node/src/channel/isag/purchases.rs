//! The seam to the serving side: purchases that an SP starts and the subscriber has to confirm.

use std::time::Duration;

use mpss_domain::order::OrderEvent;
use mpss_domain::{Order, OrderId, Refusal, Reply, Request, State};
use mpss_runtime::BoxFuture;

use crate::node::Context;
use crate::not_done::NotDone;
use crate::serving::{AskCharge, Serving};
use crate::watched::watched;

/// How far a purchase has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The subscriber has confirmed, and the money is taken or held.
    Agreed,
    /// It comes to nothing.
    Refused(Refusal),
    /// Nobody knows yet.
    Open,
}

/// What starts and ends such purchases.
pub(crate) trait Purchases: Send + Sync + 'static {
    /// Starts one: the subscriber is asked. The outcome names the order.
    fn begin(&self, request: Request, ask: AskCharge) -> BoxFuture<'_, Result<Reply, NotDone>>;

    /// How it stands, once that is decided or the patience is over.
    fn decided(&self, order: OrderId, patience: Duration) -> BoxFuture<'_, Standing>;

    /// Takes what is held for so many pieces of an order; the others are given up.
    fn take(&self, request: Request, order: OrderId, quantity: u32) -> BoxFuture<'_, Result<Reply, NotDone>>;

    /// Lets go of what is held for an order.
    fn let_go(&self, request: Request, order: OrderId) -> BoxFuture<'_, Result<Reply, NotDone>>;
}

/// The serving side of this node.
pub(crate) struct Served {
    pub(crate) context: Context,
    pub(crate) serving: Serving,
}

impl Purchases for Served {
    fn begin(&self, request: Request, ask: AskCharge) -> BoxFuture<'_, Result<Reply, NotDone>> {
        Box::pin(self.serving.ask_charge(request, ask))
    }

    fn decided(&self, order: OrderId, patience: Duration) -> BoxFuture<'_, Standing> {
        let find = move |state: &State| state.order(order).and_then(standing);
        Box::pin(async move { watched(&self.context, patience, find).await.unwrap_or(Standing::Open) })
    }

    fn take(&self, request: Request, order: OrderId, quantity: u32) -> BoxFuture<'_, Result<Reply, NotDone>> {
        Box::pin(self.serving.charge_reservation(request, order, quantity))
    }

    fn let_go(&self, request: Request, order: OrderId) -> BoxFuture<'_, Result<Reply, NotDone>> {
        Box::pin(self.serving.release_reservation(request, order))
    }
}

/// What the subscriber's word and whoever has the money came to. The first that was decided stands for ever, so that a
/// request which comes again gets the same answer, whatever becomes of the order afterwards.
fn standing(order: &Order) -> Option<Standing> {
    order.timeline.iter().find_map(|entry| match entry.event {
        OrderEvent::Paid | OrderEvent::Reserved => Some(Standing::Agreed),
        OrderEvent::Declined(refusal) => Some(Standing::Refused(refusal)),
        OrderEvent::ReversalAsked(..) => Some(Standing::Refused(Refusal::AlreadyReversed)),
        _ => None,
    })
}
