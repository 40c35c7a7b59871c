//! Home: what only the subscriber's own province does. The password is judged here, right or wrong,
//! and the verdict is proposed with the request.

use mpss_domain::account::{Language, Tier};
use mpss_domain::command::PayRequest;
use mpss_domain::{
    AccountId, AccountKind, LogTime, Money, Msisdn, OrderId, PaymentId, RefundId, Reply, Request, ReversalId,
    TransferId,
};

use crate::node::Context;
use crate::not_done::NotDone;
use crate::password::PaymentPassword;

/// The home side of a node.
#[derive(Clone)]
pub struct Home {
    context: Context,
}

/// 开户.
#[derive(Debug, Clone)]
pub struct OpenAccount {
    /// Whose.
    pub msisdn: Msisdn,
    /// Which kind.
    pub kind: AccountKind,
    /// Real-name tier.
    pub tier: Tier,
    /// Language of messages.
    pub language: Language,
    /// The new password, or the present one when the subscriber has one.
    pub password: PaymentPassword,
    /// Limit for one payment.
    pub per_payment_limit: Option<Money>,
    /// Limit for one day.
    pub daily_limit: Option<Money>,
}

/// Change of password or limits.
#[derive(Debug, Clone)]
pub struct ChangeAccount {
    /// Which.
    pub account: AccountId,
    /// The present password.
    pub password: PaymentPassword,
    /// A new one.
    pub new_password: Option<PaymentPassword>,
    /// New limit for one payment.
    pub per_payment_limit: Option<Money>,
    /// New limit for one day.
    pub daily_limit: Option<Money>,
}

impl Home {
    /// The home side of a node.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Opens an account.
    ///
    /// # Errors
    /// See [`NotDone`]; the same for every other request here.
    pub async fn open_account(&self, request: Request, ask: OpenAccount) -> Result<Reply, NotDone> {
        let _ = (request, ask, &self.context);
        Err(NotDone::Unknown)
    }

    /// Changes password or limits.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn change_account(&self, request: Request, ask: ChangeAccount) -> Result<Reply, NotDone> {
        let _ = (request, ask);
        Err(NotDone::Unknown)
    }

    /// Closes an account; `pay_out_agent` pays a remaining balance out in cash.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn close_account(
        &self,
        request: Request,
        account: AccountId,
        password: PaymentPassword,
        pay_out_agent: Option<String>,
    ) -> Result<Reply, NotDone> {
        let _ = (request, account, password, pay_out_agent);
        Err(NotDone::Unknown)
    }

    /// Freezes an account, until a time when one is given.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn freeze(
        &self,
        request: Request,
        account: AccountId,
        password: PaymentPassword,
        until: Option<LogTime>,
    ) -> Result<Reply, NotDone> {
        let _ = (request, account, password, until);
        Err(NotDone::Unknown)
    }

    /// Thaws an account.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn unfreeze(
        &self,
        request: Request,
        account: AccountId,
        password: PaymentPassword,
    ) -> Result<Reply, NotDone> {
        let _ = (request, account, password);
        Err(NotDone::Unknown)
    }

    /// Takes in cash that an agent took.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn top_up_cash(
        &self,
        request: Request,
        account: AccountId,
        amount: Money,
        agent: String,
    ) -> Result<Reply, NotDone> {
        let _ = (request, account, amount, agent);
        Err(NotDone::Unknown)
    }

    /// Sends money to another subscriber, of this province or another.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn transfer(
        &self,
        request: Request,
        payer: Msisdn,
        payee: Msisdn,
        amount: Money,
        password: PaymentPassword,
    ) -> Result<Reply, NotDone> {
        let _ = (request, payer, payee, amount, password);
        Err(NotDone::Unknown)
    }

    /// Debits for an order taken by another province. `ask.verdict` is set here.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn pay(&self, ask: PayRequest, password: PaymentPassword) -> Result<Reply, NotDone> {
        let _ = (ask, password);
        Err(NotDone::Unknown)
    }

    /// Reverses for another province.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn reverse_payment(
        &self,
        payment: PaymentId,
        reversal: ReversalId,
        order: OrderId,
    ) -> Result<Reply, NotDone> {
        let _ = (payment, reversal, order);
        Err(NotDone::Unknown)
    }

    /// Refunds for another province.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn refund_payment(&self, payment: PaymentId, refund: RefundId, amount: Money) -> Result<Reply, NotDone> {
        let _ = (payment, refund, amount);
        Err(NotDone::Unknown)
    }

    /// Credits a transfer from another province.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn credit_transfer(
        &self,
        transfer: TransferId,
        payer: Msisdn,
        payee: Msisdn,
        amount: Money,
        epoch: u64,
    ) -> Result<Reply, NotDone> {
        let _ = (transfer, payer, payee, amount, epoch);
        Err(NotDone::Unknown)
    }
}
