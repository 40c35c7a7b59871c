//! Waiting a short while for a reversal or refund to come back acknowledged from the home province.
//! The leader's order driver does the asking; here only the order's row is watched.

use mpss_domain::order::OrderEvent;
use mpss_domain::{OrderId, RefundId, Reply, State};

use super::{SETTLING_WAIT, Serving};
use crate::not_done::NotDone;
use crate::watched::watched;

impl Serving {
    /// `reply` as of the entry that ended the reversal, or as it is when that takes too long.
    pub(super) async fn settled_reversal(&self, order: OrderId, reply: Reply) -> Reply {
        let ended = |state: &State| {
            let mut timeline = state.order(order)?.timeline.iter();
            timeline.find(|entry| entry.event == OrderEvent::Reversed).map(|entry| entry.index)
        };
        match watched(&self.context, SETTLING_WAIT, ended).await {
            Some(index) => Reply { index: index.max(reply.index), ..reply },
            None => reply,
        }
    }

    /// `reply` as of the entry that ended the refund, or as it is when that takes too long.
    ///
    /// # Errors
    /// [`NotDone::Refused`] when the home province refused the refund.
    pub(super) async fn settled_refund(
        &self,
        order: OrderId,
        refund: RefundId,
        reply: Reply,
    ) -> Result<Reply, NotDone> {
        let ended = |state: &State| {
            state.order(order)?.timeline.iter().find_map(|entry| match entry.event {
                OrderEvent::Refunded(id, _) if id == refund => Some(Ok(entry.index)),
                OrderEvent::RefundDeclined(id, refusal) if id == refund => Some(Err(refusal)),
                _ => None,
            })
        };
        match watched(&self.context, SETTLING_WAIT, ended).await {
            Some(Ok(index)) => Ok(Reply { index: index.max(reply.index), ..reply }),
            Some(Err(refusal)) => Err(NotDone::Refused { refusal, order: Some(order), replayed: reply.replayed }),
            None => Ok(reply),
        }
    }
}
