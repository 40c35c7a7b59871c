//! Buyers of recharge cards (充值卡): most scratch a fresh one and use it, some from two phones at once, some
//! again after it was used, some try a neighbour's, and some mistype it.

use mpss_runtime::Random;
use serde_json::json;

use super::flows::Flow;
use super::life::Living;
use crate::world::SeededRandom;

/// What cards are worth, in fen.
const WORTHS: [i64; 4] = [100, 300, 500, 1_000];

/// The PIN of the `n`-th card of a subscriber.
fn pin(msisdn: &str, n: u32) -> String {
    format!("77{msisdn}{n:05}")
}

impl Living {
    pub(super) async fn scratch_a_card(&mut self, key: &str, random: &SeededRandom) {
        let mine = self.me.msisdn.clone();
        let pin = match random.below(20) {
            // One that I had before.
            0..=2 if self.scratched > 0 => pin(&mine, u32::try_from(random.below(self.scratched.into())).unwrap_or(0)),
            // A neighbour's: one that may be used, or about to be, or not printed yet.
            3..=5 => {
                let neighbour = &random.pick(&self.scene.people).msisdn;
                pin(neighbour, u32::try_from(random.below(u64::from(self.scratched) + 1)).unwrap_or(0))
            }
            6 => format!("00{mine}{:05}", random.below(100)),
            _ => {
                let fresh = pin(&mine, self.scratched);
                self.scratched += 1;
                self.street.country().rails().print_recharge_card(&fresh, *random.pick(&WORTHS));
                fresh
            }
        };
        let body = json!({ "method": "recharge_card", "card_pin": pin });
        let into = |account: &str| format!("/v1/accounts/{account}/top-ups");
        let asked = self.home_or_here(random);
        let mine = self.change(Flow::Recharge, asked, "POST", into(&self.me.account), key, body.clone());
        // Some try one card from two phones, or into two accounts.
        let other = match random.below(10) {
            0 => Some((asked, self.me.account.clone())),
            1 => {
                let neighbour = random.pick(&self.scene.people);
                Some((neighbour.home, neighbour.account.clone()))
            }
            _ => None,
        };
        let taken = if let Some((asked, account)) = other {
            let again = format!("{key}-again");
            let other = self.change(Flow::Recharge, asked, "POST", into(&account), &again, body.clone());
            tokio::join!(mine, other).0
        } else {
            mine.await
        };
        let Some(id) = taken.filter(super::Answer::is_done).map(|answer| answer.text("top_up_id")) else { return };
        if random.happens(500_000) {
            self.look(Flow::Recharge, asked, format!("/v1/top-ups/{id}")).await;
        }
    }
}
