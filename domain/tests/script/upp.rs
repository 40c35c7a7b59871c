//! Words for orders of the UPP. An order has the number it is called by.
//!
//! ```text
//! upp-pay u1 payer=alice amount=20.00 account=bank title=ticket      `send` and `answer u1 hold approved` as in `rails.rs`
//! upp-reverse u1 payer=alice reversal=v1
//! upp-refund u1 payer=alice refund=r1 amount=5.00
//! upp-confirm u1 payer=alice
//! see-upp u1 status=captured amount=20.00 refunded=5.00 confirmed=10s reversal=v1
//! told-upp u1 paid                      what the notice says that the UPP is to have; or `nothing`
//! ```

use mpss_domain::upp::{PayUpp, UppEnd, UppNumber, UppView};
use mpss_domain::{AccountKind, AccountSelector, Effect, EffectId, Verb};

use super::Stage;
use super::words::{Words, money, same};

fn number(text: &str) -> Result<UppNumber, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

impl Stage {
    pub(super) fn upp_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let order = number(words.name(0)?)?;
        let msisdn = self.msisdn(words.need("payer")?)?;
        Ok(match words.verb {
            "upp-pay" => Verb::PayUpp(Box::new(PayUpp {
                number: order,
                msisdn,
                kind: match self.selector(words)? {
                    AccountSelector::Kind(kind) => kind,
                    AccountSelector::Id(_) => AccountKind::StoredValue,
                },
                amount: words.money("amount")?,
                title: words.get("title").unwrap_or("national goods").into(),
                verdict: self.verdict(words, msisdn),
            })),
            "upp-reverse" => Verb::ReverseUpp {
                number: order,
                msisdn,
                reversal: number(words.need("reversal")?)?,
                note: "as asked".into(),
            },
            "upp-refund" => Verb::RefundUpp {
                number: order,
                msisdn,
                refund: number(words.need("refund")?)?,
                amount: words.money("amount")?,
            },
            _ => Verb::ConfirmUpp { number: order, msisdn },
        })
    }

    pub(super) fn learn_upp(&mut self, name: String, view: &UppView) {
        if let Some(order) = view.order {
            self.payments.insert(name, (view.payment, order));
        }
    }

    pub(super) fn see_upp(&mut self, words: &Words<'_>) -> Result<(), String> {
        let order = number(words.name(0)?)?;
        let Some(view) = self.state.upp_view(order) else {
            return same("status", "unknown", words.need("status")?);
        };
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, view.status.name(), value)?,
                "amount" => same(key, view.amount, money(value)?)?,
                "refunded" => same(key, view.refunded, money(value)?)?,
                "reversal" => {
                    same(key, view.reversal.map_or("none".into(), |number| number.to_string()).as_str(), value)?;
                }
                "confirmed" => {
                    let ago = |at| format!("{}s", self.at.ms_since(at) / 1_000);
                    same(key, view.confirmed_at.map_or("no".into(), ago).as_str(), value)?;
                }
                other => return Err(format!("an order of the UPP has no {other}")),
            }
        }
        Ok(())
    }

    /// `told-upp u1 paid`: what the newest notice about it says.
    pub(super) fn see_upp_notice(&mut self, words: &Words<'_>) -> Result<(), String> {
        let order = number(words.name(0)?)?;
        let notices = self.state.effects_from(EffectId(0)).filter_map(|row| match row.effect {
            Effect::TellUpp { number, end, .. } if number == order => Some(end),
            _ => None,
        });
        let said = match notices.last() {
            None => "nothing".into(),
            Some(UppEnd::Declined(refusal)) => format!("declined:{}", refusal.code()),
            Some(end) => end.name().to_owned(),
        };
        same("the notice", said.as_str(), words.name(1)?)
    }
}
