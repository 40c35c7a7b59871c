//! What the books say.

use mpss_domain::LedgerAccount;

use super::Stage;
use super::words::{Words, money, same};

impl Stage {
    /// `books sp_payable:lottery=12.00 due_to:51=1.00`: what we owe, less what we are owed.
    pub(super) fn see_books(&self, words: &Words<'_>) -> Result<(), String> {
        let balance = self.state.trial_balance();
        for (name, value) in &words.values {
            let line_name = match name.split_once(':') {
                Some(("sp_payable", sp)) => {
                    LedgerAccount::SpPayable(*self.sps.get(sp).ok_or("no SP has this name")?).to_string()
                }
                Some(("prize_pool", sp)) => {
                    LedgerAccount::PrizePool(*self.sps.get(sp).ok_or("no SP has this name")?).to_string()
                }
                _ => (*name).to_owned(),
            };
            let owed =
                balance.lines.iter().find(|line| line.name == line_name).map_or(0, |line| line.credit - line.debit);
            same(name, owed, i128::from(money(value)?.as_fen()))?;
        }
        Ok(())
    }
}
