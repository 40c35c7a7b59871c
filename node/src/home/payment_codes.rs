//! One-time payment codes (product §3 付费): drawn here for a subscriber, and looked up here for whoever presents one.

use mpss_domain::command::PayRequest;
use mpss_domain::payment_codes::{self, IssuedCode, PayByCode, Presenter};
use mpss_domain::{AccountId, Money, Outcome, PasswordVerdict, Refusal, Reply, Request, State, Verb};

use super::Home;
use super::judging::{Owner, propose_judged};
use crate::card_pin::PinSafe;
use crate::code_digits::CodeDigits;
use crate::not_done::NotDone;
use crate::password::PaymentPassword;

/// What a subscriber asks a code for.
#[derive(Debug, Clone)]
pub struct IssueCode {
    /// From which account it pays.
    pub account: AccountId,
    /// How much at most.
    pub amount: Money,
    /// The payment password.
    pub password: PaymentPassword,
}

impl Home {
    /// Draws a code. Its digits are sealed here, before anything is written.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn issue_code(&self, request: Request, safe: &PinSafe, ask: IssueCode) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let IssueCode { account, amount, password } = ask;
        let random = &*self.context.seams.random;
        let digits = CodeDigits::draw(self.context.province, random);
        let (code, sealed) = (safe.payment_code(&digits), safe.seal_code(account, &digits, random));
        drop(digits);
        let verb = |verdict: PasswordVerdict| {
            let ask = payment_codes::IssueCode { account, verdict, amount, code, sealed: sealed.clone() };
            Verb::IssueCode(Box::new(ask))
        };
        propose_judged(&self.context, Some(request), Owner::Account(account), password, verb).await
    }

    /// Whose code somebody presents: one that may still pay. A guess is counted before it is answered.
    ///
    /// # Errors
    /// [`Refusal::PaymentCodesLocked`], [`Refusal::PaymentCodeUnknown`], [`Refusal::PaymentCodeUsed`],
    /// [`Refusal::PaymentCodeExpired`]; and see [`NotDone`].
    pub async fn whose_code(&self, by: Presenter, digits: &CodeDigits) -> Result<IssuedCode, NotDone> {
        self.outside_is_known().await?;
        let safe = self.context.pins.as_ref().ok_or(NotDone::refused(Refusal::PaymentCodeUnknown))?;
        let code = safe.payment_code(digits);
        let look = |state: &State| {
            state.check_presenter(by)?;
            Ok(state.payment_code(code).map(|row| (row.clone(), state.now())))
        };
        let found: Result<_, Refusal> = self.context.replica.read_linearizable(look).await?;
        match found.map_err(NotDone::refused)? {
            Some((row, _)) if row.used.is_some() => Err(NotDone::refused(Refusal::PaymentCodeUsed)),
            Some((row, now)) if now >= row.until => Err(NotDone::refused(Refusal::PaymentCodeExpired)),
            Some((row, _)) => Ok(row),
            None => {
                self.propose(None, Verb::CountGuess { by }).await?;
                Err(NotDone::refused(Refusal::PaymentCodeUnknown))
            }
        }
    }

    /// Debits for an order taken by another province and paid by a code.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn pay_by_code(&self, ask: PayRequest, digits: CodeDigits) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let safe = self.context.pins.as_ref().ok_or(NotDone::refused(Refusal::PaymentCodeUnknown))?;
        let code = safe.payment_code(&digits);
        drop(digits);
        let payment = ask.payment;
        let reply = self.propose(None, Verb::PayByCode(Box::new(PayByCode { request: ask, code }))).await?;
        match reply.outcome {
            Outcome::PaymentPending(account) => self.rail_answer(payment, account, reply).await,
            _ => Ok(reply),
        }
    }
}
