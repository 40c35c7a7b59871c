//! Words for purchases that their subscriber is asked about, and for what is reserved.
//!
//! ```text
//! ask o1 buyer=alice product=ticket quantity=2 code=111111      an SP, or a page, begins; `reserve` sets aside only
//! ask-for p1 payer=alice amount=10.00 code=222222               another province wants her to be asked
//! agree alice code=111111                                       her word
//! disagree alice code=111111
//! charge o1 quantity=1                                          the SP takes of what is reserved
//! see-asked alice o1,p1                                         what she is asked about
//! ```

use mpss_domain::Verb;
use mpss_domain::command::PayRequest;
use mpss_domain::confirmation::{AskConfirmation, AskPurchase};

use super::Stage;
use super::words::{Words, province, same, scope};

impl Stage {
    pub(super) fn confirmation_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        let code = words.get("code").unwrap_or("123456").parse().map_err(|_| "code is a number")?;
        let reserve = words.names.contains(&"reserve");
        Ok(match words.verb {
            "ask" => {
                let purchase = self.purchase(words)?;
                Verb::AskPurchase(Box::new(AskPurchase { purchase, code, reserve }))
            }
            "ask-for" => {
                let (payment, order) = self.foreign_payment(words)?;
                let msisdn = self.msisdn(words.need("payer")?)?;
                let serving = province(words.get("serving").unwrap_or("51"))?;
                let request = PayRequest {
                    payment,
                    order,
                    serving,
                    msisdn,
                    epoch: self.epoch(words)?,
                    scope: scope(words.get("scope").unwrap_or("roaming"))?,
                    location: serving,
                    account: self.selector(words)?,
                    amount: words.money("amount")?,
                    title: "visitor's ticket".into(),
                    verdict: self.verdict(words, msisdn),
                };
                let merchant = "a shop".into();
                Verb::AskConfirmation(Box::new(AskConfirmation { request, merchant, code, reserve }))
            }
            "charge" => Verb::ChargeReservation {
                order: self.order(words.name(0)?),
                quantity: words.get("quantity").map_or(Ok(1), str::parse).map_err(|_| "quantity is a number")?,
            },
            verb => Verb::Confirm { msisdn: self.msisdn(words.name(0)?)?, code, agreed: verb == "agree" },
        })
    }

    pub(super) fn see_asked(&self, words: &Words<'_>) -> Result<(), String> {
        let name_of = |order| {
            let ours = self.orders.iter().find(|(_, id)| **id == order).map(|(name, _)| name.as_str());
            let theirs = self.payments.iter().find(|(_, (_, id))| *id == order).map(|(name, _)| name.as_str());
            ours.or(theirs).unwrap_or("?")
        };
        let asked: Vec<_> =
            self.state.confirmations_of(self.msisdn(words.name(0)?)?).map(|row| name_of(row.order)).collect();
        let asked = if asked.is_empty() { "nothing".to_owned() } else { asked.join(",") };
        same("what is asked", asked.as_str(), words.name(1)?)
    }
}
