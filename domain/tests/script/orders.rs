//! Words for orders.
//!
//! ```text
//! order o1 buyer=alice product=ticket quantity=6
//! record-payment o1 insufficient_funds      what the home province answered; `ok` when it paid
//! deliver o1 accepted
//! reverse o1 reason=sp_asked
//! refund o1 amount=5.00 as=r1
//! see-order o1 status=delivered amount=60.00 timeline=created,paid,delivery_asked,delivered
//! ```

use mpss_domain::bills::{Bill, PayBill};
use mpss_domain::order::{OrderEvent, ReversalReason};
use mpss_domain::shipping::BuyShipped;
use mpss_domain::{Channel, Purchase, Verb};

use super::words::{Words, answer, money, province, same};
use super::{Stage, bills, shipping};

impl Stage {
    pub(super) fn purchase(&self, words: &Words<'_>) -> Result<Purchase, String> {
        let msisdn = self.msisdn(words.need("buyer")?)?;
        let home = words.get("home").map_or(Ok(self.state.province()), province)?;
        Ok(Purchase {
            msisdn,
            home,
            epoch: self.epoch(words)?,
            location: words.get("location").map_or(Ok(self.state.province()), province)?,
            product: self.product(words.need("product")?),
            quantity: words.get("quantity").map_or(Ok(1), str::parse).map_err(|_| "quantity is a number")?,
            account: self.selector(words)?,
            channel: Channel::App,
            verdict: (home == self.state.province() && words.get("password") != Some("unjudged"))
                .then(|| self.verdict(words, msisdn)),
        })
    }

    pub(super) fn order_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let order = self.order(words.name(0)?);
        Ok(match words.verb {
            "order" => {
                let purchase = self.purchase(words)?;
                if let Some(name) = words.get("to") {
                    return Ok(Verb::BuyShipped(Box::new(BuyShipped { purchase, to: shipping::recipient(name) })));
                }
                let Some(number) = words.get("bill") else {
                    let Purchase { msisdn, home, epoch, location, product, quantity, account, channel, verdict } =
                        purchase;
                    return Ok(Verb::PlaceOrder {
                        msisdn,
                        home,
                        epoch,
                        location,
                        product,
                        quantity,
                        account,
                        channel,
                        verdict,
                    });
                };
                let number = number.parse().map_err(|error| format!("{number}: {error}"))?;
                let bill = Bill { number, amount: words.money("amount")?, customer: bills::customer(words) };
                Verb::PayBill(Box::new(PayBill { purchase, bill, without_password: bills::without_password(words) }))
            }
            "record-payment" => Verb::RecordPayment { order, result: answer(words.name(1)?)? },
            "give-up" => Verb::GiveUpPayment { order },
            "deliver" => Verb::RecordDeliveries { answers: vec![(order, words.name(1)? == "accepted")] },
            "reverse" => Verb::ReverseOrder {
                order,
                reason: match words.get("reason") {
                    Some("sp_asked") => ReversalReason::SpAsked,
                    _ => ReversalReason::Requested,
                },
                note: "as asked".into(),
            },
            "refund" => Verb::RefundOrder { order, amount: words.money("amount")?, note: "as asked".into() },
            "record-reversal" => Verb::RecordReversal { order },
            _ => Verb::RecordRefund { order, refund: self.refund(words.name(1)?), result: answer(words.name(2)?)? },
        })
    }

    pub(super) fn see_order(&mut self, words: &Words<'_>) -> Result<(), String> {
        let order = self.state.order(self.order(words.name(0)?)).ok_or("there is no such order")?;
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, order.status.name(), value)?,
                "amount" => same(key, order.amount, money(value)?)?,
                "refunded" => same(key, order.refunded, money(value)?)?,
                "pending" => same(key, order.refund_pending, money(value)?)?,
                "version" => same(key, order.product.version.to_string().as_str(), value)?,
                "timeline" => {
                    let events: Vec<_> = order.timeline.iter().map(|entry| entry.event.name()).collect();
                    same(key, events.join(",").as_str(), value)?;
                }
                "because" => {
                    let declined = order.timeline.iter().find_map(|entry| match entry.event {
                        OrderEvent::Declined(refusal) => Some(refusal.code()),
                        _ => None,
                    });
                    same(key, declined.unwrap_or("not declined"), value)?;
                    self.refused.extend(declined);
                }
                other => return Err(format!("an order has no {other}")),
            }
        }
        Ok(())
    }
}
