//! 充值, topping up a stored-value account with cash at an agent (product §2).

use crate::account::AccountKind;
use crate::effect::SmsText;
use crate::ids::{AccountId, TopUpId};
use crate::journal::PostingReason;
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Movement, OpenOrders, Step};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Puts cash into an account.
    ///
    /// # Errors
    /// In this order: the amount, the account, its status, its kind, the number, the ceiling.
    pub(crate) fn top_up_cash(&mut self, id: AccountId, amount: Money) -> Result<Outcome, Refusal> {
        amount.check_request()?;
        let account = self.account(id).ok_or(Refusal::AccountNotFound)?;
        account.check_active()?;
        if account.kind != AccountKind::StoredValue {
            return Err(Refusal::AccountKindUnsupported);
        }
        self.check_kept_here(id)?;
        let msisdn = account.msisdn;
        self.check_home_is_here(msisdn)?;
        if !self.fits_under_ceiling(id, amount) {
            return Err(Refusal::BalanceCeilingExceeded);
        }

        // From here it must succeed.
        let top_up: TopUpId = self.ids.issue(self.now, self.province);
        let balance = self.move_money(
            id,
            Movement {
                step: Step::Credit,
                amount,
                reason: PostingReason::TopUp(top_up),
                against: LedgerAccount::AgentCash,
                counterparty: None,
                open_orders: OpenOrders::Same,
            },
        );
        self.tell(msisdn, SmsText::ToppedUp { amount, balance });
        Ok(Outcome::ToppedUp { top_up, account: id, amount, balance })
    }

    /// Would an account of stored value still be under its ceiling with `amount` more, and with what
    /// recharge cards and the bank are about to bring in? Only new money is held to it; money that comes back always
    /// lands.
    pub(crate) fn fits_under_ceiling(&self, id: AccountId, amount: Money) -> bool {
        let account = self.account(id).expect("the verb has found the account");
        let tier = self.subscriber(account.msisdn).expect("an account belongs to a subscriber").tier;
        account.available + account.held + self.coming_by_card(id) + self.coming_from_bank(id) + amount
            <= self.policy.ceilings(account.kind, tier).balance
    }
}
