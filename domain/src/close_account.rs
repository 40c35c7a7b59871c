//! 销户, closing an account (product §2).
//!
//! Closing is refused while money or open orders remain. A purchase that is final may still be
//! reversed or refunded for weeks after it, and money goes back the way it came: it lands on the
//! closed account, the subscriber is told, and closing the account once more with an agent pays it
//! out. So no refund is lost, and nobody has to keep an account open to wait for one.

use crate::account::AccountStatus;
use crate::effect::SmsText;
use crate::ids::AccountId;
use crate::journal::{AccountChange, PostingReason};
use crate::ledger::LedgerAccount;
use crate::movement::{Movement, OpenOrders, Step};
use crate::outcome::Outcome;
use crate::password::PasswordVerdict;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Closes an account, and pays its balance out in cash when an agent is named.
    ///
    /// # Errors
    /// In this order: the account, the password, the status (a closed account only when nothing
    /// came back to it since), open orders, the balance.
    pub(crate) fn close_account(
        &mut self,
        id: AccountId,
        verdict: PasswordVerdict,
        pay_out_agent: Option<&str>,
    ) -> Result<Outcome, Refusal> {
        let msisdn = self.owner_of(id, verdict)?;
        let account = self.account(id).expect("it has an owner");
        let (kind, balance) = (account.kind, account.available);
        let closed_before = account.status == AccountStatus::Closed;
        if !(closed_before && balance.is_positive()) {
            account.check_active()?;
        }
        let waits = self.link(id).is_some_and(|link| link.open_calls > 0) || account.held.is_positive();
        if account.open_orders > 0 || waits {
            return Err(Refusal::OpenOrdersRemain);
        }
        if balance.is_positive() && pay_out_agent.is_none() {
            return Err(Refusal::BalanceRemains);
        }

        // From here it must succeed.
        if balance.is_positive() {
            self.move_money(
                id,
                Movement {
                    step: Step::PayOut,
                    amount: balance,
                    reason: PostingReason::PayOut(id),
                    against: LedgerAccount::AgentCash,
                    counterparty: None,
                    open_orders: OpenOrders::Same,
                },
            );
        }
        if !closed_before {
            self.accounts.get_mut(&id).expect("it has an owner").status = AccountStatus::Closed;
            self.record_change(id, AccountChange::Closed);
        }
        self.tell(msisdn, SmsText::AccountClosed { kind, paid_out: balance });
        Ok(self.view_of(id, balance))
    }
}
