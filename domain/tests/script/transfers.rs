//! Words for transfers from one person to another.
//!
//! ```text
//! transfer t1 payer=alice payee=bob payee_home=51 amount=10.00
//! record-transfer t1 payee_not_found        what the other province answered
//! credit-transfer t2 payee=alice from=51 amount=10.00
//! see-transfer t1 status=returned
//! ```

use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, Msisdn, TransferId, Verb};

use super::words::{Words, answer, duration_ms, province, same};
use super::{START, Stage};

impl Stage {
    pub(super) fn transfer_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        let name = words.name(0)?.to_owned();
        Ok(match words.verb {
            "transfer" => {
                let payer = self.msisdn(words.need("payer")?)?;
                Verb::Transfer {
                    payer,
                    payee: self.msisdn(words.need("payee")?)?,
                    payee_home: words.get("payee_home").map_or(Ok(self.state.province()), province)?,
                    epoch: self.epoch(words)?,
                    amount: words.money("amount")?,
                    verdict: self.verdict(words, payer),
                }
            }
            "credit-transfer" => {
                let from = province(words.get("from").unwrap_or("51"))?;
                let at = LogTime(self.at.0 - words.get("age").map_or(Ok(0), duration_ms)?);
                self.foreign_ids += 1;
                let new = TransferId::issue(at, from, self.foreign_ids);
                let transfer = *self.transfers.entry(name).or_insert(new);
                Verb::CreditTransfer {
                    transfer,
                    payer: Msisdn::new(18_011_112_222).expect("valid"),
                    payee: self.msisdn(words.need("payee")?)?,
                    amount: words.money("amount")?,
                    epoch: self.epoch(words)?,
                }
            }
            _ => {
                let unknown = TransferId::issue(LogTime(START.0 - 1), self.state.province(), 1);
                let transfer = self.transfers.get(&name).copied().unwrap_or(unknown);
                Verb::RecordTransferCredit { transfer, result: answer(words.name(1)?)? }
            }
        })
    }

    pub(super) fn see_transfer(&self, words: &Words<'_>) -> Result<(), String> {
        let id = self.transfers.get(words.name(0)?).ok_or("no transfer has this name")?;
        let status = self.state.transfer(*id).map_or("unknown", |transfer| transfer.status.name());
        same("status", status, words.need("status")?)
    }
}
