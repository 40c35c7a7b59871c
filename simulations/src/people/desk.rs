//! The service desk of a province: it sees the orders of whoever calls, also those whose buyer has no
//! answer yet.

use std::time::Duration;

use mpss_domain::{OrderStatus, ProvinceId};
use mpss_runtime::{Clock, Random};
use serde_json::json;

use super::Flow;
use super::street::{Body, Question, Street};
use crate::world::SeededRandom;

/// How often it looks, and how many times at most.
const LOOK: Duration = Duration::from_millis(1);
const LOOKS_MAX: u32 = 500;

/// A call to it.
pub(super) struct Desk {
    pub(super) street: Street,
    pub(super) msisdn: String,
    /// Whose desk.
    pub(super) serving: ProvinceId,
}

impl Desk {
    /// Waits until the caller has an order that is being paid, and has it reversed.
    pub(super) async fn reverse_what_is_paying(&self, key: &str, random: &SeededRandom) {
        let clock = self.street.country().clock().clone();
        for _ in 0..LOOKS_MAX {
            clock.sleep(LOOK).await;
            let Some(order) = self.paying() else { continue };
            // Talking takes a moment; some are quick.
            clock.sleep(Duration::from_millis(random.below(20))).await;
            let question = Question {
                who: "service desk".to_owned(),
                flow: Flow::Impatient.name(),
                province: self.serving,
                method: "POST",
                path: format!("/v1/orders/{order}/reversal"),
                key: format!("{key}-desk"),
                body: Body::Json(json!({ "reason": "buyer called" })),
            };
            self.street.ask(&question).await;
            return;
        }
    }

    fn paying(&self) -> Option<String> {
        let country = self.street.country();
        let leader = country.leader(self.serving)?;
        let of_caller = |state: &mpss_domain::State| {
            let mut orders = state.orders().filter(|order| order.status == OrderStatus::Paying);
            orders.find(|order| order.msisdn.to_string() == self.msisdn).map(|order| order.id.to_string())
        };
        country.read(&leader, of_caller).flatten()
    }
}
