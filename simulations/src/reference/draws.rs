//! 期次 (product §3): a bet is for the draw that is open when it is taken.

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::draws::Draw;
use mpss_domain::{LogTime, Outcome, ProductId, Refusal, State};

use super::Reference;
use super::compare::same;
use super::orders::Sale;

impl Sale {
    /// An SP that is told now has until then.
    pub(super) fn told_until(&self, now: LogTime, deadline_ms: u32) -> LogTime {
        let usual = now.0.saturating_add(u64::from(deadline_ms));
        let close = self.draw.map_or(u64::MAX, |draw| draw.closes_at.0.max(now.0));
        LogTime(usual.min(close))
    }
}

impl Reference {
    /// The product; no lottery; a close that is over.
    pub(super) fn set_draw(&mut self, product: ProductId, draw: Draw) -> Result<Outcome, Refusal> {
        let terms = self.listed_goods(product).map(|product| product.versions[product.versions.len() - 1].clone())?;
        if terms.application != Application::Lottery {
            return Err(Refusal::NotALottery);
        }
        if draw.closes_at <= self.now {
            return Err(Refusal::DrawInPast);
        }
        self.draws.insert(product, draw);
        Ok(Outcome::Product(product))
    }

    /// Only what is a lottery now is a bet.
    pub(super) fn open_draw(&self, product: ProductId, terms: &Terms) -> Result<Option<Draw>, Refusal> {
        let Some(draw) = self.draws.get(&product).filter(|_| terms.application == Application::Lottery) else {
            return Ok(None);
        };
        if self.now < draw.closes_at { Ok(Some(*draw)) } else { Err(Refusal::DrawClosed) }
    }

    pub(super) fn compare_draws(&self, state: &State, out: &mut Vec<String>) {
        for product in self.goods.keys() {
            let expected = self.draws.get(product).copied();
            same(out, format!("the draw of {product}"), &expected, &state.draw_of_product(*product));
        }
        for (id, sale) in self.orders.iter().filter(|(id, _)| state.order(**id).is_some()) {
            same(out, format!("the draw of {id}"), &sale.draw, &state.draw_of(*id));
        }
    }
}
