//! Bets on draws (期次): the SP opens a draw that closes within seconds, gives it another close or opens the next;
//! people bet until the last moment, and a little longer.

use mpss_runtime::Random;
use serde_json::json;

use super::flows::Flow;
use super::life::{Living, rfc3339};
use crate::world::SeededRandom;

/// Turns in which the SP opens a draw, or moves its close, in parts of a million.
const OPENS: u32 = 150_000;
/// Shortest and longest time until it closes, in milliseconds.
const CLOSES_MS: (u64, u64) = (1_000, 9_000);
/// Draws of a lottery that are told apart.
const DRAWS: u64 = 20;

impl Living {
    pub(super) async fn bet(&mut self, key: &str, random: &SeededRandom) {
        let scope = *random.pick(&[Flow::Local, Flow::Roaming, Flow::National]);
        let lottery = self.goods_for(|goods| goods.draws, scope, random);
        if !random.happens(OPENS) {
            let asked = if scope == Flow::National { self.location } else { lottery.province };
            let body = self.order(&lottery, *random.pick(&[1, 1, 2]));
            self.place(Flow::Bets, asked, key, &body).await;
            return;
        }
        let now = self.street.country().clock().elapsed_ms();
        // Some type a close that is over.
        let closes = if random.happens(50_000) { now / 2 } else { now + random.between(CLOSES_MS.0, CLOSES_MS.1) };
        let body = json!({ "draw_id": format!("26{:03}", random.below(DRAWS)), "closes_at": rfc3339(closes) });
        let path = format!("/v1/products/{}/draw", lottery.product);
        self.change(Flow::Bets, lottery.province, "PUT", path, key, body).await;
    }
}
