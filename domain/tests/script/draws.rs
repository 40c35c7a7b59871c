//! Words for draws.
//!
//! ```text
//! draw lotto id=26130 closes=30m          bets on a product are for this draw, which closes in so long
//! see-draw o1 26130                       the draw that a bet is for; or `none`
//! ```

use mpss_domain::Verb;
use mpss_domain::draws::Draw;

use super::Stage;
use super::words::{Words, duration_ms, same};

impl Stage {
    pub(super) fn draw_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let id = words.need("id")?.parse().map_err(|error| format!("{error}"))?;
        let closes_at = self.at.plus_ms(duration_ms(words.need("closes")?)?);
        Ok(Verb::SetDraw { product: self.product(words.name(0)?), draw: Draw { id, closes_at } })
    }

    pub(super) fn see_draw(&self, words: &Words<'_>) -> Result<(), String> {
        let draw = self.state.draw_of(self.order(words.name(0)?));
        same("the draw", draw.map_or("none".to_owned(), |draw| draw.id.to_string()).as_str(), words.name(1)?)
    }
}
