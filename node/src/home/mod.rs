//! Home: what only the subscriber's own province does. The password is judged here, right or wrong,
//! and the verdict is proposed with the request.
//!
//! ```text
//!  typed request ─▶ judge the password ─▶ propose ─▶ outcome; refusals become `NotDone`
//!                       (judging)
//! ```
//!
//! Whether this is home at all is decided by `apply` under the replicated number plan: there the
//! answer is the same for every replica and remembered with the request id.

use std::time::Duration;

use mpss_domain::account::{Language, Tier};
use mpss_domain::bills::{BillCustomer, PayForBill};
use mpss_domain::command::PayRequest;
use mpss_domain::outside::{Billing, Card, Means};
use mpss_domain::upp::PayUpp;
use mpss_domain::{
    AccountId, AccountKind, AwardId, BindingId, Command, LogTime, Money, Msisdn, OrderId, Outcome, PasswordVerdict,
    PaymentId, PaymentStatus, ProvinceId, RefundId, Refusal, Reply, Request, ReversalId, State, StateVersion,
    TransferId, Verb,
};

use crate::node::Context;
use crate::not_done::{NotDone, accepted};
use crate::password::PaymentPassword;
use crate::watched::watched;

mod bank_top_ups;
mod confirmations;
pub(crate) mod judging;
mod payment_codes;
mod recharges;
mod records;
mod sign_in;
mod wishes;

use judging::{Owner, propose_judged};
pub use payment_codes::IssueCode;
pub use wishes::WishedCard;

/// How long another province's payment waits for whoever has the money, before the other province has to
/// ask again. Below its own patience for one try.
const RAIL_WAIT: Duration = Duration::from_millis(1_500);

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

/// 派奖, as the winner's home is told.
#[derive(Debug, Clone, Copy)]
pub struct PrizeToTake {
    /// The award; names the province that gives.
    pub award: AwardId,
    /// The bet.
    pub order: OrderId,
    /// Who has won.
    pub msisdn: Msisdn,
    /// How much, tax taken off.
    pub amount: Money,
    /// Into which account.
    pub wanted: AccountKind,
    /// The number plan epoch it was routed by.
    pub epoch: u64,
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

/// A subscriber's word for a card.
#[derive(Debug, Clone)]
pub struct ConfirmBinding {
    /// Whose.
    pub msisdn: Msisdn,
    /// The code of the text.
    pub code: u32,
    /// The new payment password, or the present one.
    pub password: PaymentPassword,
    /// Limit for one payment.
    pub per_payment_limit: Option<Money>,
    /// Limit for one day.
    pub daily_limit: Option<Money>,
}

impl Home {
    /// The home side of a node.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Opens an account. The password becomes the subscriber's when there is none yet; otherwise it
    /// has to be the subscriber's.
    ///
    /// # Errors
    /// See [`NotDone`]; the same for every other request here.
    pub async fn open_account(&self, request: Request, ask: OpenAccount) -> Result<Reply, NotDone> {
        let OpenAccount { msisdn, kind, tier, language, password, per_payment_limit, daily_limit } = ask;
        self.home_of(msisdn)?;
        let is_new = self.context.replica.read(|state| state.subscriber(msisdn).is_none());
        if is_new && password.is_trivial(msisdn) {
            return Err(NotDone::weak_password("payment_password"));
        }
        let verifier = self.context.judge.verifier(msisdn, &password, &*self.context.seams.random);
        let outside = match kind {
            AccountKind::Communication => Some(Means::PhoneBill(self.billing_of(msisdn).await?)),
            AccountKind::StoredValue if self.context.settings.upp.keeps_virtual_accounts() => {
                self.check_at_upp(msisdn).await?;
                Some(Means::Upp)
            }
            AccountKind::StoredValue | AccountKind::Bank => None,
        };
        if let Some(means) = outside {
            let verb = |verdict| Verb::OpenOutside {
                msisdn,
                tier,
                language,
                verifier: verifier.clone(),
                verdict,
                per_payment_limit,
                daily_limit,
                means: means.clone(),
            };
            return propose_judged(&self.context, Some(request), Owner::Number(msisdn), password, verb).await;
        }
        let verb = |verdict| Verb::OpenAccount {
            msisdn,
            kind,
            tier,
            language,
            verifier: verifier.clone(),
            verdict,
            per_payment_limit,
            daily_limit,
        };
        propose_judged(&self.context, Some(request), Owner::Number(msisdn), password, verb).await
    }

    /// How a line is billed, by the ISMP: only one in service can have an account on its bill (product §5,
    /// 6.1.1).
    async fn billing_of(&self, msisdn: Msisdn) -> Result<Billing, NotDone> {
        self.outside_is_known().await?;
        let Some(ismp) = &self.context.rails.ismp else {
            return Err(NotDone::refused(Refusal::AccountKindUnsupported));
        };
        match ismp.billing_of(msisdn).await {
            Ok(Some(billing)) => Ok(billing),
            Ok(None) => Err(NotDone::refused(Refusal::LineNotInService)),
            Err(_) => Err(NotDone::Unavailable("the ISMP does not answer".into())),
        }
    }

    /// The UPP keeps virtual accounts: only who has one there can have it opened here.
    async fn check_at_upp(&self, msisdn: Msisdn) -> Result<(), NotDone> {
        self.outside_is_known().await?;
        let Some(upp) = &self.context.rails.upp else {
            return Err(NotDone::refused(Refusal::AccountKindUnsupported));
        };
        match upp.has_account(msisdn).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotDone::refused(Refusal::AccountNotFound)),
            Err(_) => Err(NotDone::Unavailable("the UPP does not answer".into())),
        }
    }

    /// Changes password or limits.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn change_account(&self, request: Request, ask: ChangeAccount) -> Result<Reply, NotDone> {
        let ChangeAccount { account, password, new_password, per_payment_limit, daily_limit } = ask;
        let verifier = match new_password {
            None => None,
            Some(new) => {
                let msisdn = self.owner_of(account).await?;
                if new.is_trivial(msisdn) {
                    return Err(NotDone::weak_password("new_payment_password"));
                }
                Some(self.context.judge.verifier(msisdn, &new, &*self.context.seams.random))
            }
        };
        let verb = |verdict| Verb::ChangeAccount {
            account,
            verdict,
            verifier: verifier.clone(),
            per_payment_limit,
            daily_limit,
        };
        propose_judged(&self.context, Some(request), Owner::Account(account), password, verb).await
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
        let verb = |verdict| Verb::CloseAccount { account, verdict, pay_out_agent: pay_out_agent.clone() };
        propose_judged(&self.context, Some(request), Owner::Account(account), password, verb).await
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
        let verb = |verdict| Verb::FreezeAccount { account, verdict, until };
        propose_judged(&self.context, Some(request), Owner::Account(account), password, verb).await
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
        let verb = |verdict| Verb::UnfreezeAccount { account, verdict };
        propose_judged(&self.context, Some(request), Owner::Account(account), password, verb).await
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
        self.propose(Some(request), Verb::TopUpCash { account, amount, agent }).await
    }

    /// A bank asks for a card to be bound.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn bind_card(&self, request: Request, msisdn: Msisdn, card: Card) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let code = self.six_digits();
        self.propose(Some(request), Verb::BindCard { msisdn, card, code }).await
    }

    /// The subscriber confirms a card with the code of the text.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn confirm_binding(&self, request: Request, ask: ConfirmBinding) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let ConfirmBinding { msisdn, code, password, per_payment_limit, daily_limit } = ask;
        let is_new = self.context.replica.read(|state| state.subscriber(msisdn).is_none());
        if is_new && password.is_trivial(msisdn) {
            return Err(NotDone::weak_password("payment_password"));
        }
        let verifier = self.context.judge.verifier(msisdn, &password, &*self.context.seams.random);
        let known = self
            .context
            .replica
            .read(|state| state.subscriber(msisdn).map(|subscriber| (subscriber.language, subscriber.tier)));
        let (language, tier) = known.unwrap_or_default();
        let verb = |verdict| Verb::ConfirmBinding {
            msisdn,
            code,
            language,
            tier,
            verifier: verifier.clone(),
            verdict,
            per_payment_limit,
            daily_limit,
        };
        propose_judged(&self.context, Some(request), Owner::Number(msisdn), password, verb).await
    }

    /// A bank puts another card in the place of a bound one.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn change_card(&self, request: Request, binding: BindingId, card: Card) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let code = self.six_digits();
        self.propose(Some(request), Verb::ChangeCard { binding, card, code }).await
    }

    /// Six digits that nobody can guess, for a text to the subscriber.
    pub(crate) fn six_digits(&self) -> u32 {
        u32::try_from(self.context.seams.random.below(1_000_000)).expect("six digits")
    }

    /// A bank ends a binding.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn unbind_card(&self, request: Request, binding: BindingId) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        self.propose(Some(request), Verb::UnbindCard { binding }).await
    }

    /// A bank pushes money in (划账充值).
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn push_top_up(&self, request: Request, msisdn: Msisdn, amount: Money) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        self.propose(Some(request), Verb::PushTopUp { msisdn, amount }).await
    }

    /// Customer service or a bank freezes an account.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn freeze_by_office(
        &self,
        request: Request,
        account: AccountId,
        until: Option<LogTime>,
        by: &str,
    ) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        self.propose(Some(request), Verb::FreezeByOffice { account, until, by: by.to_owned() }).await
    }

    /// Verbs that came with state version 3 are not proposed before every replica can read them.
    async fn outside_is_known(&self) -> Result<(), NotDone> {
        self.context.is_readable(StateVersion::OUTSIDE_RAILS).await
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
        let (payee_home, epoch) = self.home_of(payee)?;
        let verb = |verdict| Verb::Transfer { payer, payee, payee_home, epoch, amount, verdict };
        propose_judged(&self.context, Some(request), Owner::Number(payer), password, verb).await
    }

    /// Debits for an order taken by another province. `ask.verdict` is set here.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn pay(&self, ask: PayRequest, password: PaymentPassword) -> Result<Reply, NotDone> {
        // Whether this is home, and whether the payment was decided before, is for `apply` to say: a
        // repetition gets its first answer even when the number plan has changed since.
        let verb = |verdict: PasswordVerdict| Verb::Pay(Box::new(PayRequest { verdict, ..ask.clone() }));
        let reply = propose_judged(&self.context, None, Owner::Number(ask.msisdn), password, verb).await?;
        match reply.outcome {
            Outcome::PaymentPending(account) => self.rail_answer(ask.payment, account, reply).await,
            _ => Ok(reply),
        }
    }

    /// Debits for the bill of an order taken by another province. `ask.verdict` is set here.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn pay_for_bill(
        &self,
        ask: PayRequest,
        customer: Option<BillCustomer>,
        password: Option<PaymentPassword>,
    ) -> Result<Reply, NotDone> {
        let known = self.context.replica.read(State::version).has_outside_rails();
        let (msisdn, payment) = (ask.msisdn, ask.payment);
        let without_password = password.is_none();
        let verb = |verdict: PasswordVerdict| {
            let request = PayRequest { verdict, ..ask.clone() };
            // Where bills are not told apart yet they are purchases like any other.
            match known || without_password {
                true => Verb::PayForBill(Box::new(PayForBill { request, customer, without_password })),
                false => Verb::Pay(Box::new(request)),
            }
        };
        let reply = match password {
            Some(password) => propose_judged(&self.context, None, Owner::Number(msisdn), password, verb).await?,
            None => {
                self.outside_is_known().await?;
                self.propose(None, verb(ask.verdict)).await?
            }
        };
        match reply.outcome {
            Outcome::PaymentPending(account) => self.rail_answer(payment, account, reply).await,
            _ => Ok(reply),
        }
    }

    /// Debits for an order of the UPP. `ask.verdict` is set here.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn pay_upp(&self, request: Request, ask: PayUpp, password: PaymentPassword) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let verb = |verdict: PasswordVerdict| Verb::PayUpp(Box::new(PayUpp { verdict, ..ask.clone() }));
        propose_judged(&self.context, Some(request), Owner::Number(ask.msisdn), password, verb).await
    }

    /// Waits a while for whoever has the money; without an answer the payment is pending still, and goes on.
    ///
    /// # Errors
    /// What was refused.
    async fn rail_answer(&self, payment: PaymentId, account: AccountId, reply: Reply) -> Result<Reply, NotDone> {
        let decided = |state: &State| {
            let payment = state.payment(payment)?;
            (payment.status != PaymentStatus::Pending).then_some((payment.status, payment.index))
        };
        let Some((status, index)) = watched(&self.context, RAIL_WAIT, decided).await else { return Ok(reply) };
        match status {
            PaymentStatus::Declined(refusal) => Err(NotDone::refused(refusal)),
            PaymentStatus::Reserved => Ok(Reply { outcome: Outcome::Held(account), index, ..reply }),
            PaymentStatus::Captured | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => {
                Ok(Reply { outcome: Outcome::Paid(account), index, ..reply })
            }
            _ => Err(NotDone::refused(Refusal::AlreadyReversed)),
        }
    }

    /// Takes what is held for an order that was delivered elsewhere.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn capture_payment(&self, payment: PaymentId, amount: Option<Money>) -> Result<Reply, NotDone> {
        self.propose(None, Verb::CapturePayment { payment, amount }).await
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
        self.propose(None, Verb::ReversePayment { payment, reversal, order }).await
    }

    /// Refunds for another province.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn refund_payment(&self, payment: PaymentId, refund: RefundId, amount: Money) -> Result<Reply, NotDone> {
        self.propose(None, Verb::RefundPayment { payment, refund, amount }).await
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
        self.propose(None, Verb::CreditTransfer { transfer, payer, payee, amount, epoch }).await
    }

    /// Takes a prize that another province gives to a winner who is at home here.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn credit_award(&self, prize: PrizeToTake) -> Result<Reply, NotDone> {
        let PrizeToTake { award, order, msisdn, amount, wanted, epoch } = prize;
        self.propose(None, Verb::CreditAward { award, order, msisdn, amount, wanted, epoch }).await
    }

    /// Where a number belongs by this replica's number plan, and the plan's epoch. For a number that
    /// the plan does not hold this province is named: `apply` looks again and refuses by name, so
    /// that the same request gets the same refusal.
    ///
    /// # Errors
    /// [`NotDone::Unavailable`] before the first number plan is in force.
    fn home_of(&self, msisdn: Msisdn) -> Result<(ProvinceId, u64), NotDone> {
        let wall = LogTime(self.context.seams.clock.wall_ms());
        self.context.replica.read(|state| {
            let plan = state.plan();
            if plan.epoch == 0 {
                return Err(NotDone::Unavailable("no number plan is in force yet".into()));
            }
            let belonging = plan.home_of(msisdn, state.now().max(wall));
            Ok((belonging.map_or(self.context.province, |belonging| belonging.home), plan.epoch))
        })
    }

    async fn owner_of(&self, account: AccountId) -> Result<Msisdn, NotDone> {
        let look = |state: &mpss_domain::State| state.account(account).map(|account| account.msisdn);
        let found = match self.context.replica.read(look) {
            Some(msisdn) => Some(msisdn),
            None => self.context.replica.read_linearizable(look).await?,
        };
        found.ok_or(NotDone::refused(Refusal::AccountNotFound))
    }

    async fn propose(&self, request: Option<Request>, verb: Verb) -> Result<Reply, NotDone> {
        accepted(self.context.replica.propose(Command { request, verb }).await?)
    }
}

#[cfg(test)]
mod tests;
