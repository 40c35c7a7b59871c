//! Words for payments of orders in other provinces.
//!
//! ```text
//! pay p1 payer=alice serving=51 amount=10.00 scope=roaming age=5m
//! pay p3 payer=alice amount=86.50 bill=yes customer=flat7 password=none
//! hold p2 payer=alice amount=10.00
//! reverse-payment p1
//! refund-payment p1 refund=r1 amount=5.00
//! see-payment p1 status=captured refunded=0.00
//! ```

use mpss_domain::bills::PayForBill;
use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::{ReversalId, Verb};

use super::words::{Words, money, province, same, scope};
use super::{Stage, bills};

impl Stage {
    pub(super) fn payment_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        let (payment, order) = match self.orders.get(words.name(0)?) {
            // A payment of an order of our own.
            Some(order) => (self.state.order(*order).expect("made").payment, *order),
            None => self.foreign_payment(words)?,
        };
        let order = words.get("order").map_or(order, |name| self.order(name));
        Ok(match words.verb {
            "pay" | "hold" => {
                let msisdn = self.msisdn(words.need("payer")?)?;
                let serving = province(words.get("serving").unwrap_or("51"))?;
                let request = PayRequest {
                    payment,
                    order,
                    serving,
                    msisdn,
                    epoch: self.epoch(words)?,
                    scope: scope(words.get("scope").unwrap_or("roaming"))?,
                    location: words.get("location").map_or(Ok(serving), province)?,
                    account: self.selector(words)?,
                    amount: words.money("amount")?,
                    title: "visitor's ticket".into(),
                    verdict: self.verdict(words, msisdn),
                };
                match (words.verb, words.get("bill")) {
                    ("pay", None) => Verb::Pay(Box::new(request)),
                    ("pay", Some(_)) => Verb::PayForBill(Box::new(PayForBill {
                        request,
                        customer: bills::customer(words),
                        without_password: bills::without_password(words),
                    })),
                    _ => Verb::HoldPayment(Box::new(request)),
                }
            }
            "reverse-payment" => {
                let reversal = ReversalId::issue(self.at, payment.province().expect("issued"), 7);
                Verb::ReversePayment { payment, reversal, order }
            }
            _ => Verb::RefundPayment {
                payment,
                refund: self.refund(words.need("refund")?),
                amount: words.money("amount")?,
            },
        })
    }

    pub(super) fn see_payment(&self, words: &Words<'_>) -> Result<(), String> {
        let name = words.name(0)?;
        let id = match self.orders.get(name) {
            Some(order) => self.state.order(*order).expect("made").payment,
            None => self.payments.get(name).ok_or("no payment has this name")?.0,
        };
        let payment = self.state.payment(id);
        let status = payment.map_or("unknown", |payment| payment.status.name());
        same("status", status, words.need("status")?)?;
        match (words.get("refunded"), payment) {
            (Some(refunded), Some(payment)) => same("refunded", payment.refunded, money(refunded)?),
            _ => Ok(()),
        }
    }
}
