//! Shoppers (购物): goods are sent to somebody. The SP says that they are on their way, some twice or by another
//! carrier; buyers say that they are there, some before they were sent, some a neighbour's; and some want their
//! money back, while it is sent or when it is there.

use mpss_domain::catalogue::Application;
use mpss_runtime::Random;
use serde_json::json;

use super::cards::Bought;
use super::flows::Flow;
use super::life::Living;
use crate::world::SeededRandom;

/// Turns in which something new is bought, in parts of a million.
const BUYS: u32 = 400_000;

impl Living {
    pub(super) async fn live_by_parcels(&mut self, key: &str, random: &SeededRandom) {
        if self.parcels.is_empty() || random.happens(BUYS) {
            let kind = (Flow::Shopping, Application::Shopping);
            if let Some(bought) = self.buy_some(kind, 1, key, random).await {
                self.parcels.push(bought);
            }
            return;
        }
        let bought = random.pick(&self.parcels).clone();
        let (me, again) = (self.me.msisdn.as_str(), format!("{key}-again"));
        match random.below(10) {
            0..=2 => self.send_off(&bought, "顺丰", key).await,
            3 => {
                // Two clerks at once, and not of one mind.
                let other = *random.pick(&["顺丰", "邮政"]);
                tokio::join!(self.send_off(&bought, "顺丰", key), self.send_off(&bought, other, &again));
            }
            4 => {
                tokio::join!(self.send_off(&bought, "邮政", key), self.ask_back(Flow::Shopping, &bought, None, &again));
            }
            5 | 6 => self.receive(&bought, me, key).await,
            7 => {
                let back = self.ask_back(Flow::Shopping, &bought, Some(1), &again);
                tokio::join!(self.receive(&bought, me, key), back);
            }
            8 => {
                let somebody = random.pick(&self.scene.people).msisdn.as_str();
                self.receive(&bought, somebody, key).await;
            }
            _ => drop(self.ask_back(Flow::Shopping, &bought, Some(1), key).await),
        }
    }

    /// The SP says that goods are on their way.
    async fn send_off(&self, bought: &Bought, carrier: &str, key: &str) {
        let tracking = format!("T{}", &bought.order[1..12]);
        let body = json!({ "carrier": carrier, "tracking_number": tracking });
        let path = format!("/v1/orders/{}/shipment", bought.order);
        self.change(Flow::Shopping, bought.serving, "POST", path, key, body).await;
    }

    /// Somebody says that goods are there.
    async fn receive(&self, bought: &Bought, by: &str, key: &str) {
        let path = format!("/v1/orders/{}/receipt", bought.order);
        self.change(Flow::Shopping, bought.serving, "POST", path, key, json!({ "msisdn": by })).await;
    }
}
