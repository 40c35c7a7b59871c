//! Words for awards.
//!
//! ```text
//! fund-pool lottery amount=100.00        (fund-pool … out=yes takes out)
//! award w1 sp=lottery bet=o1 winner=alice prize=10.00 wanted=virtual reference=L-1
//! approve w1 by=ben                      reject w1 by=ben
//! credit-award w2 winner=alice amount=10.00 wanted=bank from=51    another province gives
//! record-award w1 ok                     what the winner's home answered
//! see-award w1 status=accepted tax=0.00
//! see-prize w1 status=paid
//! award-policy version=1 tax_free=100.00 tax_ppm=200000 approval=50.00 fallback=bank,virtual
//! ```

use mpss_domain::award::AwardPolicy;
use mpss_domain::ids::IssuedId;
use mpss_domain::rail::Subject;
use mpss_domain::{AwardId, LogTime, OrderId, SpId, Verb};

use super::words::{Words, answer, duration_ms, kind, money, province, same};
use super::{START, Stage};

/// What the edge makes of SP and reference; any function that keeps them apart does here.
fn key(sp: SpId, reference: &str) -> u128 {
    let hash = reference.bytes().fold(7_u128, |hash, byte| hash.wrapping_mul(131).wrapping_add(u128::from(byte)));
    hash ^ (u128::from(sp.bits()) << 64)
}

impl Stage {
    pub(super) fn award_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        let name = words.names.first().copied().unwrap_or_default();
        let unknown_sp = SpId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        let sp = |name: &str| self.sps.get(name).copied().unwrap_or(unknown_sp);
        let by = words.get("by").unwrap_or("anna").to_owned();
        Ok(match words.verb {
            "fund-pool" => {
                Verb::FundPool { sp: sp(name), amount: words.money("amount")?, out: words.get("out").is_some(), by }
            }
            "award" => {
                let (sp, reference) = (sp(words.need("sp")?), words.get("reference").unwrap_or(name).to_owned());
                Verb::AskAward {
                    sp,
                    key: key(sp, &reference),
                    reference,
                    order: self.order(words.need("bet")?),
                    msisdn: self.msisdn(words.need("winner")?)?,
                    prize: words.money("prize")?,
                    wanted: kind(words.get("wanted").unwrap_or("virtual"))?,
                    by,
                }
            }
            "approve" | "reject" => {
                Verb::DecideAward { award: self.award_named(name), approved: words.verb == "approve", by }
            }
            "credit-award" => {
                let from = province(words.get("from").unwrap_or("51"))?;
                let at = LogTime(self.at.0 - words.get("age").map_or(Ok(0), duration_ms)?);
                self.foreign_ids += 1;
                let (new, order) = (AwardId::issue(at, from, self.foreign_ids), OrderId::issue(START, from, 1));
                Verb::CreditAward {
                    award: *self.awards.entry(name.to_owned()).or_insert(new),
                    order,
                    msisdn: self.msisdn(words.need("winner")?)?,
                    amount: words.money("amount")?,
                    wanted: kind(words.get("wanted").unwrap_or("virtual"))?,
                    epoch: self.epoch(words)?,
                }
            }
            "record-award" => Verb::RecordAward { award: self.award_named(name), result: answer(words.name(1)?)? },
            _ => {
                let mut policy = AwardPolicy {
                    version: words.need("version")?.parse().map_err(|_| "version is a number")?,
                    ..self.state.award_policy().clone()
                };
                for (key, value) in &words.values {
                    match *key {
                        "version" => {}
                        "tax_free" => policy.tax_free_up_to = money(value)?,
                        "tax_ppm" => policy.tax_ppm = value.parse().map_err(|_| "tax_ppm is a number")?,
                        "approval" => policy.approval_from = money(value)?,
                        "fallback" => policy.fallback = value.split(',').map(kind).collect::<Result<_, _>>()?,
                        other => return Err(format!("the policy of awards has no {other}")),
                    }
                }
                Verb::SetAwardPolicy(Box::new(policy))
            }
        })
    }

    fn award_named(&self, name: &str) -> AwardId {
        let unknown = AwardId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        self.awards.get(name).copied().unwrap_or(unknown)
    }

    pub(super) fn see_award(&self, words: &Words<'_>) -> Result<(), String> {
        let award = self.state.award(self.award_named(words.name(0)?)).ok_or("there is no such award")?;
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, award.status.name(), value)?,
                "tax" => same(key, award.tax, money(value)?)?,
                "net" => same(key, award.net(), money(value)?)?,
                other => return Err(format!("an award has no {other}")),
            }
        }
        Ok(())
    }

    pub(super) fn see_prize(&self, words: &Words<'_>) -> Result<(), String> {
        let id = self.award_named(words.name(0)?);
        let prize = self.state.prize(id).ok_or("there is no such prize")?;
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, prize.status.name(), value)?,
                "calls" => {
                    let calls = self.state.calls_about(Subject::Award(id));
                    let calls: Vec<_> =
                        calls.map(|call| format!("{}:{}", call.rail.name(), call.phase.name())).collect();
                    same(key, calls.join(",").as_str(), value)?;
                }
                other => return Err(format!("a prize has no {other}")),
            }
        }
        Ok(())
    }
}
