//! The names that lines give to what they make, and what a name stands for later. A product, an order or a refund
//! that nobody has named has an id that does not exist.

use mpss_domain::ids::IssuedId;
use mpss_domain::{AccountId, LogTime, Msisdn, OrderId, Outcome, PaymentId, ProductId, ProvinceId, RefundId};

use super::words::{Words, duration_ms, province};
use super::{START, Stage};

impl Stage {
    /// Gives what was made the name the line has for it.
    pub(super) fn learn(&mut self, words: &Words<'_>, outcome: Outcome) -> Result<(), String> {
        let name = words.names.first().map(|name| (*name).to_owned()).unwrap_or_default();
        match outcome {
            Outcome::Account(view)
                if matches!(words.verb, "open" | "open-bill" | "open-card" | "open-upp" | "confirm") =>
            {
                self.msisdns.insert(name.clone(), view.account.msisdn);
                {
                    self.accounts.insert(name, view.account.id);
                }
            }
            Outcome::Sp(id) => {
                self.sps.insert(name, id);
            }
            Outcome::Product(id) => {
                self.products.insert(words.get("as").map_or(name, str::to_owned), id);
            }
            Outcome::Order(id) if matches!(words.verb, "order" | "buy" | "ask") => {
                self.orders.insert(name, id);
            }
            Outcome::Refund(_, id) if words.verb == "refund" => {
                self.refunds.insert(words.get("as").unwrap_or("refund").to_owned(), id);
            }
            Outcome::Binding(id) if words.verb == "bind" => {
                self.bindings.insert(name, id);
            }
            Outcome::Award(id) if words.verb == "award" => {
                self.awards.insert(name, id);
            }
            Outcome::TopUpTaken(id) => {
                self.top_ups.insert(name, id);
            }
            Outcome::Transfer(id) if words.verb == "transfer" => {
                self.transfers.insert(name, id);
            }
            Outcome::Wish(id) if words.verb == "wish" => {
                self.wishes.insert(name, id);
            }
            Outcome::SpApplication(id) => {
                self.applications.insert(name, id);
            }
            Outcome::Upp(view) => self.learn_upp(name, &view),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn msisdn(&self, text: &str) -> Result<Msisdn, String> {
        match self.msisdns.get(text) {
            Some(msisdn) => Ok(*msisdn),
            None => text.parse().map_err(|error| format!("{text}: {error}")),
        }
    }

    /// An account by its name; `unknown` is one that does not exist.
    pub(super) fn account(&self, name: &str) -> Result<AccountId, String> {
        if name == "unknown" {
            return Ok(AccountId::issue(LogTime(START.0 - 1), self.state.province(), 1));
        }
        self.accounts.get(name).copied().ok_or_else(|| format!("no account is called {name}"))
    }

    pub(super) fn product(&self, name: &str) -> ProductId {
        let unknown = ProductId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        self.products.get(name).copied().unwrap_or(unknown)
    }

    pub(super) fn order(&self, name: &str) -> OrderId {
        let unknown = OrderId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        self.orders.get(name).copied().unwrap_or(unknown)
    }

    pub(super) fn refund(&self, name: &str) -> RefundId {
        let foreign = name.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(byte)));
        let unknown = RefundId::issue(START, ProvinceId::new(65).expect("Xinjiang"), foreign);
        self.refunds.get(name).copied().unwrap_or(unknown)
    }

    /// The ids of a payment that another province asks for, made at the first mention of its name.
    pub(super) fn foreign_payment(&mut self, words: &Words<'_>) -> Result<(PaymentId, OrderId), String> {
        let name = words.name(0)?.to_owned();
        if let Some(known) = self.payments.get(&name) {
            return Ok(*known);
        }
        let serving = province(words.get("serving").unwrap_or("51"))?;
        let at = LogTime(self.at.0 - words.get("age").map_or(Ok(0), duration_ms)?);
        self.foreign_ids += 1;
        let ids = (PaymentId::issue(at, serving, self.foreign_ids), OrderId::issue(at, serving, self.foreign_ids));
        self.payments.insert(name, ids);
        Ok(ids)
    }
}
