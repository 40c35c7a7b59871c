//! Links that are cut, and weather.

use mpss_domain::ProvinceId;

use super::Hand;
use crate::country::province_of;
use crate::people::STREET;
use crate::scenario::{FaultKind, Strike, Target};
use crate::world::{About, Condition};

impl Hand {
    pub(super) async fn strike_network(&mut self, strike: &Strike) {
        match (strike.kind, &strike.target) {
            (FaultKind::Cut, Target::Link(from, to)) => {
                self.cut(strike, format!("{from} → {to}"), "", vec![(from.clone(), to.clone())]).await;
            }
            (FaultKind::Isolation, _) => {
                let Some(name) = self.machine(&strike.target) else { return self.spared(strike) };
                let mut others: Vec<String> = self.country.names().into_iter().filter(|other| *other != name).collect();
                // Its callers may reach it still.
                if self.below(2) == 0 {
                    others.push(STREET.to_owned());
                }
                let (to, from) = (strike.strength != 2, strike.strength != 1);
                let inward = others.iter().filter(|_| to).map(|other| (other.clone(), name.clone()));
                let outward = others.iter().filter(|_| from).map(|other| (name.clone(), other.clone()));
                let way = ["both ways", "nothing reaches it", "nothing leaves it"];
                let way = way[usize::try_from(strike.strength.min(2)).unwrap_or(0)];
                self.cut(strike, name.clone(), way, inward.chain(outward).collect()).await;
            }
            (FaultKind::ProvinceCut, Target::Province(province)) => self.cut_province(strike, *province).await,
            _ => self.weather(strike).await,
        }
    }

    async fn cut(&mut self, strike: &Strike, target: String, way: &str, links: Vec<(String, String)>) {
        let network = self.country.network().clone();
        for (from, to) in &links {
            network.cut(from, to);
        }
        let span = self.broken(strike, &target, way);
        self.last(strike.lasts_ms).await;
        for (from, to) in &links {
            network.join(from, to);
        }
        self.mended(span);
    }

    async fn cut_province(&mut self, strike: &Strike, province: ProvinceId) {
        let (inside, outside): (Vec<_>, Vec<_>) =
            self.country.names().into_iter().partition(|name| province_of(name) == Some(province));
        let links = inside.iter().flat_map(|one| outside.iter().map(move |other| (one.clone(), other.clone())));
        let links: Vec<_> = links.flat_map(|(one, other)| [(one.clone(), other.clone()), (other, one)]).collect();
        if province.is_national() {
            self.country.tally().see("national platform cut off");
        } else if self.is_asked_to_pay(province) {
            self.country.tally().see("home cut off in the middle of a purchase");
        }
        self.cut(strike, province.to_string(), "from all other provinces", links).await;
        if !province.is_national() && self.is_asked_to_pay(province) {
            self.country.tally().see("home cut off in the middle of a purchase");
        }
    }

    /// Somebody waits for a payment of this province.
    fn is_asked_to_pay(&self, home: ProvinceId) -> bool {
        let waits = |state: &mpss_domain::State| {
            state.orders().any(|order| order.home == home && order.status == mpss_domain::OrderStatus::Paying)
        };
        let provinces = self.country.plan().provinces.iter().filter(|province| **province != home);
        provinces
            .filter_map(|province| self.country.leader(*province))
            .any(|leader| self.country.read(&leader, waits) == Some(true))
    }

    async fn weather(&mut self, strike: &Strike) {
        let (about, target) = match self.machine(&strike.target) {
            Some(name) => (About::Machine(name.clone()), name),
            None => (About::All, "all".to_owned()),
        };
        let fair = Condition::fair(about);
        let parts = u32::try_from(strike.strength).unwrap_or(u32::MAX);
        let (condition, detail) = match strike.kind {
            FaultKind::Loss => (Condition { lost: parts, ..fair }, format!("{parts} of a million")),
            FaultKind::Delay => {
                (Condition { delay_ms: (0, strike.strength), ..fair }, format!("up to {} ms", strike.strength))
            }
            FaultKind::Duplication => (Condition { doubled: parts, ..fair }, format!("{parts} of a million")),
            _ => (Condition { reordered: parts, delay_ms: (0, 20), ..fair }, format!("{parts} of a million")),
        };
        let number = self.country.network().begin(condition);
        let span = self.broken(strike, &target, detail);
        self.last(strike.lasts_ms).await;
        self.country.network().end(number);
        self.mended(span);
    }
}
