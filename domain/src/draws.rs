//! 期次, draws: a bet is taken whole or not at all before its draw closes (product §3, lottery).
//!
//! ```text
//!  bet ─▶ paid ─▶ the SP is told ─▶ accepted
//!   │       │           │ not by the close: the money goes back
//!   │       └ paid after the close: the SP is not told, the money goes back
//!   └ after the close: refused, nothing moved
//! ```
//!
//! An SP says when the draw closes that its bets are for; a bet is for the draw that was open when it was
//! taken. A lottery without a draw sells bets at any time. The rows came with state version 3.

use serde::{Deserialize, Serialize};

use crate::catalogue::{Application, Terms};
pub use crate::ids::DrawId;
use crate::ids::{OrderId, ProductId};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

/// A draw of a lottery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// The SP's number of it.
    pub id: DrawId,
    /// From here on no bet is taken.
    pub closes_at: LogTime,
}

/// The draws that bets are for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Draws {
    /// The last draw of each product that has had one.
    pub(crate) of_product: Table<ProductId, Draw, 64>,
    /// The draw of each bet, for as long as the order is kept.
    pub(crate) of_order: Table<OrderId, Draw, 32>,
}

impl State {
    /// The last draw that was opened for a product; it may have closed.
    #[must_use]
    pub fn draw_of_product(&self, product: ProductId) -> Option<Draw> {
        self.outside.draws.of_product.get(&product).copied()
    }

    /// The draw that a bet is for.
    #[must_use]
    pub fn draw_of(&self, order: OrderId) -> Option<Draw> {
        self.outside.draws.of_order.get(&order).copied()
    }

    /// Bets on a product are for this draw from here on; or the same draw closes at another time, for bets
    /// that are taken from here on.
    ///
    /// # Errors
    /// In this order: [`Refusal::ProductNotFound`]; [`Refusal::NotALottery`]; [`Refusal::DrawInPast`].
    pub(crate) fn set_draw(&mut self, product: ProductId, draw: Draw) -> Result<Outcome, Refusal> {
        let terms = self.listed_product(product).ok_or(Refusal::ProductNotFound)?.terms();
        if terms.application != Application::Lottery {
            return Err(Refusal::NotALottery);
        }
        if draw.closes_at <= self.now {
            return Err(Refusal::DrawInPast);
        }
        self.entry.digest.feed(&(product, &draw));
        self.outside.draws.of_product.insert(product, draw);
        Ok(Outcome::Product(product))
    }

    /// The draw that a bet taken now is for.
    ///
    /// # Errors
    /// [`Refusal::DrawClosed`].
    pub(crate) fn open_draw(&self, product: ProductId, terms: &Terms) -> Result<Option<Draw>, Refusal> {
        let draw = self.draw_of_product(product).filter(|_| terms.application == Application::Lottery);
        match draw {
            Some(draw) if draw.closes_at <= self.now => Err(Refusal::DrawClosed),
            draw => Ok(draw),
        }
    }

    pub(crate) fn bet_on(&mut self, order: OrderId, draw: Draw) {
        self.entry.digest.feed(&(order, &draw));
        self.outside.draws.of_order.insert(order, draw);
    }

    /// See [`State::check_all`].
    pub(crate) fn check_draws(&self) -> Result<(), String> {
        for (id, draw) in self.outside.draws.of_order.iter() {
            let order = self.order(*id).ok_or_else(|| format!("{id} is a bet and is forgotten"))?;
            let taken = order.timeline.first().map_or(LogTime(0), |entry| entry.at);
            if taken >= draw.closes_at {
                return Err(format!("{id} was taken at {taken}, its draw closed at {}", draw.closes_at));
            }
            let told_by = order.deliver_by.0.min(draw.closes_at.0.max(order.paid_at().unwrap_or_default().0));
            if order.deliver_by != LogTime(told_by) {
                return Err(format!("{id} may be accepted until {}, its draw closes before", order.deliver_by));
            }
        }
        Ok(())
    }
}
