//! Top-ups from the subscriber's own bank account (product §2).

use mpss_domain::bank_top_up::TopUpByBank;
use mpss_domain::{AccountId, Money, PasswordVerdict, Reply, Request, Verb};

use super::Home;
use super::judging::{Owner, propose_judged};
use crate::not_done::NotDone;
use crate::password::PaymentPassword;

impl Home {
    /// Takes a top-up by bank card.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn top_up_by_bank(
        &self,
        request: Request,
        account: AccountId,
        amount: Money,
        password: PaymentPassword,
    ) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let verb = |verdict: PasswordVerdict| Verb::TopUpByBank(Box::new(TopUpByBank { account, amount, verdict }));
        propose_judged(&self.context, Some(request), Owner::Account(account), password, verb).await
    }
}
