//! Words for top-ups by bank card.
//!
//! ```text
//! bank-top-up b1 account=alice amount=50.00       asks the bank for the money; `send`, `answer b1 take approved` and
//!                                                 `answer b1 hold …`, `capture`, `undo`, `release` are those of `rails.rs`
//! see-bank-top-up b1 status=credited amount=50.00 balance=150.00 because=…
//!                                                 (status=forgotten once it is kept no more)
//! ```

use mpss_domain::Verb;
use mpss_domain::bank_top_up::{BankTopUpStatus, TopUpByBank};

use super::Stage;
use super::words::{Words, money, same};

impl Stage {
    pub(super) fn bank_top_up_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let account = self.account(words.need("account")?)?;
        let owner = self.state.account(account).map(|account| account.msisdn);
        // Whoever names an account that does not exist is judged as somebody all the same.
        let verdict = self.verdict(words, owner.map_or_else(|| self.msisdn("10000000000"), Ok)?);
        Ok(Verb::TopUpByBank(Box::new(TopUpByBank { account, amount: words.money("amount")?, verdict })))
    }

    pub(super) fn see_bank_top_up(&mut self, words: &Words<'_>) -> Result<(), String> {
        let Some(row) = self.state.bank_top_up(self.top_up_named(words.name(0)?)?) else {
            return same("status", "forgotten", words.need("status")?);
        };
        let because = match row.status {
            BankTopUpStatus::Refused(refusal) => Some(refusal.code()),
            _ => None,
        };
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, row.status.name(), value)?,
                "amount" => same(key, row.amount, money(value)?)?,
                "balance" => same(key, row.balance, money(value)?)?,
                "because" => same(key, because.unwrap_or("not refused"), value)?,
                other => return Err(format!("a top-up has no {other}")),
            }
        }
        self.refused.extend(because);
        Ok(())
    }
}
