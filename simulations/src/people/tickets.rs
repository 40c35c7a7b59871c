//! Holders of tickets: they go through gates, show one ticket at two gates, and want the money of some
//! back before they used them, after, or while they stand at the gate.

use mpss_domain::catalogue::Application;
use mpss_domain::tickets::TicketId;
use mpss_runtime::Random;

use super::cards::Bought;
use super::flows::Flow;
use super::gate::Gate;
use super::life::Living;
use crate::world::SeededRandom;

/// Turns in which something new is bought, in parts of a million.
const BUYS: u32 = 400_000;
/// Checks that are remembered by their request id too, in parts of a million.
const REMEMBERED: u32 = 500_000;

impl Living {
    pub(super) async fn live_by_tickets(&mut self, key: &str, random: &SeededRandom) {
        if self.tickets.is_empty() || random.happens(BUYS) {
            let quantity = *random.pick(&[1, 1, 2, 3]);
            let kind = (Flow::Tickets, Application::Ticketing);
            if let Some(bought) = self.buy_some(kind, quantity, key, random).await {
                self.tickets.push(bought);
            }
            return;
        }
        let bought = random.pick(&self.tickets).clone();
        let place = u32::try_from(random.between(1, u64::from(bought.quantity))).unwrap_or(1);
        // Some are made up.
        let place = if random.happens(20_000) { bought.quantity + 1 } else { place };
        let remembered = random.happens(REMEMBERED);
        let gate = |name: &str| self.gate(&bought, place, format!("{key}-{name}"), remembered);
        let (Some(east), Some(west)) = (gate("east"), gate("west")) else { return };
        match random.below(10) {
            0..=1 => {
                east.check(random).await;
                // The same request once more is answered the same.
                east.check(random).await;
            }
            2..=3 => {
                tokio::join!(east.check(random), west.check(random));
            }
            4 => {
                tokio::join!(east.check(random), east.check(random));
            }
            5 => {
                east.check(random).await;
                west.check(random).await;
            }
            6 => {
                tokio::join!(east.check(random), self.ask_back(Flow::Tickets, &bought, Some(1), key));
            }
            7 => {
                tokio::join!(east.check(random), self.ask_back(Flow::Tickets, &bought, None, key));
            }
            8 => drop(self.ask_back(Flow::Tickets, &bought, Some(1), key).await),
            _ => drop(self.ask_back(Flow::Tickets, &bought, None, key).await),
        }
    }

    fn gate(&self, bought: &Bought, place: u32, key: String, remembered: bool) -> Option<Gate<'_>> {
        let order = bought.order.parse().ok()?;
        Some(Gate { street: &self.street, ticket: TicketId { order, place }, key, remembered })
    }
}
