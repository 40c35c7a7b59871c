//! Words for accounts whose money is outside.
//!
//! ```text
//! open-bill alice msisdn=18900000001 billing=postpaid     an account on the phone bill
//! open-card bob msisdn=18900000002 mode=pre-freeze        an account on a bank card
//! open-upp carol msisdn=18900000003                       a virtual account that the UPP keeps
//! send                                  whoever drives calls sends what is due
//! answer o1 hold approved               what came of the call of order or payment o1
//!                                       (approved, declined=CODE, worth=AMOUNT, not-sent, no-answer, never-seen)
//! change-card b1 card=5678              the bank puts another card in the place of a bound one
//! see-call o1 hold phase=sent sent=1 asked=0 next=3s late=no
//! ```

use std::collections::BTreeSet;

use mpss_domain::account::{Language, Tier};
use mpss_domain::ids::IssuedId;
use mpss_domain::outside::{Billing, Card, Means};
use mpss_domain::rail::{Answer, Call, CallAnswer, Phase, Subject};
use mpss_domain::wish::BindWished;
use mpss_domain::{BindingId, CallId, LogTime, PaymentId, Verb};

use super::accounts::verifier;
use super::words::{Words, duration_ms, money, refusal, same};
use super::{START, Stage};

/// The card of a line: `card=5678` says its last digits.
fn named_card(words: &Words<'_>) -> Card {
    let last_four = words.get("card").unwrap_or("1234");
    Card {
        bank: "01020000".into(),
        token: format!("620000000000000{last_four}"),
        last_four: last_four.into(),
        pre_freeze: words.get("mode") == Some("pre-freeze"),
    }
}

impl Stage {
    pub(super) fn rail_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        Ok(match words.verb {
            "open-bill" | "open-card" | "open-upp" => {
                let msisdn = self.msisdn(words.need("msisdn")?)?;
                let means = match (words.verb, words.get("billing"), words.get("mode")) {
                    ("open-bill", Some("postpaid"), None) => Means::PhoneBill(Billing::Postpaid),
                    ("open-bill", _, None) => Means::PhoneBill(Billing::Prepaid),
                    ("open-upp", None, None) => Means::Upp,
                    (_, None, _) => Means::Card(Box::new(named_card(words))),
                    _ => return Err("a bill has billing=, a card mode=".into()),
                };
                Verb::OpenOutside {
                    msisdn,
                    tier: Tier::Basic,
                    language: if words.get("language") == Some("english") {
                        Language::English
                    } else {
                        Language::Chinese
                    },
                    verifier: verifier(),
                    verdict: self.verdict(words, msisdn),
                    per_payment_limit: words.maybe_money("per_payment")?,
                    daily_limit: words.maybe_money("daily")?,
                    means,
                }
            }
            "send" => {
                let open = self.state.calls().filter(|call| !call.phase.is_final());
                Verb::BeginCalls { calls: open.map(|call| call.id).collect() }
            }
            "answer" => {
                let call = self.call(words)?;
                let worth = words.maybe_money("worth")?;
                let answer = match (words.name(2).unwrap_or(""), words.get("declined")) {
                    ("", None) if worth.is_some() => {
                        Answer::Worth { reference: String::new(), amount: worth.unwrap_or_default() }
                    }
                    ("", Some(code)) => Answer::Declined(refusal(code)?),
                    ("approved", None) => {
                        Answer::Approved { reference: words.get("reference").unwrap_or("").to_owned() }
                    }
                    ("not-sent", None) => Answer::NotSent,
                    ("no-answer", None) => Answer::NoAnswer,
                    ("never-seen", None) => Answer::NeverSeen,
                    _ => return Err("an answer is approved, declined=, not-sent, no-answer or never-seen".into()),
                };
                Verb::RecordCalls { answers: vec![CallAnswer { call, answer }] }
            }
            "bind" => {
                let msisdn = self.msisdn(words.need("msisdn")?)?;
                let code = words.get("code").unwrap_or("123456").parse().map_err(|_| "code is a number")?;
                let card = named_card(words);
                match words.get("wish") {
                    Some(wish) => {
                        let wish = self.wish(wish)?;
                        Verb::BindWished(Box::new(BindWished { wish, msisdn, card, code }))
                    }
                    None => Verb::BindCard { msisdn, card, code },
                }
            }
            "confirm" => {
                let msisdn = self.msisdn(words.need("msisdn")?)?;
                Verb::ConfirmBinding {
                    msisdn,
                    code: words.get("code").unwrap_or("123456").parse().map_err(|_| "code is a number")?,
                    language: Language::Chinese,
                    tier: Tier::Basic,
                    verifier: verifier(),
                    verdict: self.verdict(words, msisdn),
                    per_payment_limit: words.maybe_money("per_payment")?,
                    daily_limit: words.maybe_money("daily")?,
                }
            }
            "change-card" => Verb::ChangeCard {
                binding: self.binding(words.name(0)?)?,
                card: named_card(words),
                code: words.get("code").unwrap_or("123456").parse().map_err(|_| "code is a number")?,
            },
            "unbind" => Verb::UnbindCard { binding: self.binding(words.name(0)?)? },
            "push" => Verb::PushTopUp { msisdn: self.msisdn(words.need("msisdn")?)?, amount: words.money("amount")? },
            "office-freeze" => Verb::FreezeByOffice {
                account: self.account(words.name(0)?)?,
                until: words.get("for").map(duration_ms).transpose()?.map(|ms| self.at.plus_ms(ms)),
                by: "customer service".into(),
            },
            "record-hold" => Verb::RecordHold { order: self.order(words.name(0)?) },
            "record-capture" => Verb::RecordCapture { order: self.order(words.name(0)?) },
            _ => Verb::CapturePayment { payment: self.foreign_payment(words)?.0, amount: words.maybe_money("amount")? },
        })
    }

    fn payment_named(&self, name: &str) -> Result<PaymentId, String> {
        match self.orders.get(name) {
            Some(order) => Ok(self.state.order(*order).expect("made").payment),
            None => Ok(self.payments.get(name).ok_or_else(|| format!("nothing is called {name}"))?.0),
        }
    }

    fn subject(&self, name: &str) -> Result<Subject, String> {
        Ok(match (self.awards.get(name), self.top_ups.get(name)) {
            (Some(award), _) => Subject::Award(*award),
            (None, Some(top_up)) if self.state.bank_top_up(*top_up).is_some() => Subject::BankTopUp(*top_up),
            (None, Some(top_up)) => Subject::Recharge(*top_up),
            (None, None) => Subject::Payment(self.payment_named(name)?),
        })
    }

    /// The newest call of a step; `NAME STEP`.
    fn call(&self, words: &Words<'_>) -> Result<CallId, String> {
        let subject = self.subject(words.name(0)?)?;
        let step = words.name(1)?;
        let found = self.state.calls_about(subject).filter(|call| call.step.name() == step).last();
        found.map(|call| call.id).ok_or_else(|| {
            let steps: Vec<_> = self.state.calls_about(subject).map(|call| call.step.name()).collect();
            format!("its calls are {steps:?}")
        })
    }

    pub(super) fn see_call(&self, words: &Words<'_>) -> Result<(), String> {
        let call: &Call = self.state.call(self.call(words)?).expect("found");
        for (key, value) in &words.values {
            match *key {
                "phase" => same(key, call.phase.name(), value)?,
                "amount" => same(key, call.amount, money(value)?)?,
                "sent" => same(key, call.sent.to_string().as_str(), value)?,
                "asked" => same(key, call.asked.to_string().as_str(), value)?,
                "asks_left" => same(key, call.asks_left().to_string().as_str(), value)?,
                "next" => {
                    let next = format!("{}s", call.next_at.ms_since(self.at) / 1_000);
                    same(key, next.as_str(), value)?;
                }
                "card" => same(key, call.card.as_ref().map_or("none", |card| &card.last_four), value)?,
                "late" => same(key, if call.late_approval.is_some() { "yes" } else { "no" }, value)?,
                "original" => {
                    same(key, call.original.as_ref().map_or("none", |original| &original.reference), value)?;
                }
                other => return Err(format!("a call has no {other}")),
            }
        }
        if call.phase == Phase::Sent { Ok(()) } else { self.keys_are_unique() }
    }

    /// No two calls share what a peer knows them by.
    fn keys_are_unique(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        match self.state.calls().find(|call| !seen.insert(call.keys.serial)) {
            Some(call) => Err(format!("two calls have serial {}", call.keys.serial)),
            None => Ok(()),
        }
    }

    fn binding(&self, name: &str) -> Result<BindingId, String> {
        if name == "unknown" {
            return Ok(BindingId::issue(LogTime(START.0 - 1), self.state.province(), 1));
        }
        self.bindings.get(name).copied().ok_or_else(|| format!("no binding is called {name}"))
    }

    pub(super) fn see_binding(&self, words: &Words<'_>) -> Result<(), String> {
        let binding = self.state.binding(self.binding(words.name(0)?)?).ok_or("there is no such binding")?;
        if let Some(card) = words.get("card") {
            same("card", binding.card.last_four.as_str(), card)?;
        }
        same("status", binding.status.name(), words.need("status")?)
    }

    pub(super) fn see_calls(&self, words: &Words<'_>) -> Result<(), String> {
        let subject = self.subject(words.name(0)?)?;
        let calls: Vec<_> =
            self.state.calls_about(subject).map(|call| format!("{}:{}", call.step.name(), call.phase.name())).collect();
        same("its calls", calls.join(",").as_str(), words.name(1)?)
    }
}
