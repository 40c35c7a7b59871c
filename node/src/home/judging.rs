//! Judging a password and proposing what came of it, as one thing.
//!
//! The verdict is reached against this replica's copy of the subscriber. A follower's copy may be
//! behind, and the password may change between look and log: `apply` sees that the verdict speaks of
//! another verifier, counts nothing and says `password_changed`. Then it is judged once more against
//! a state that is certain.

use mpss_domain::{AccountId, Command, Msisdn, Outcome, PasswordVerdict, Refusal, Reply, Request, Verb};

use crate::node::Context;
use crate::not_done::{NotDone, accepted};
use crate::password::PaymentPassword;

/// Whose password is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    /// A subscriber's.
    Number(Msisdn),
    /// The one of the subscriber who has this account.
    Account(AccountId),
}

/// Whoever asks about an account that does not exist is judged as this number, for equal work.
fn nobody() -> Msisdn {
    Msisdn::new(10_000_000_000).expect("11 digits that start with 1")
}

/// Judges `password`, proposes what `verb` makes of the verdict, and judges once more if the verdict
/// was reached against a verifier that is no longer the one in force. The password is wiped when this
/// returns.
pub(crate) async fn propose_judged(
    context: &Context,
    request: Option<Request>,
    owner: Owner,
    password: PaymentPassword,
    verb: impl Fn(PasswordVerdict) -> Verb + Send,
) -> Result<Reply, NotDone> {
    let verdict = judge(context, owner, &password)?;
    #[cfg(feature = "mutants")]
    check_limit_here(context, &verb(verdict))?;
    let reply = context.replica.propose(Command { request, verb: verb(verdict) }).await?;
    if reply.outcome != Outcome::Refused(Refusal::PasswordChanged) {
        drop(password);
        return accepted(reply);
    }
    // Its own read, so that everything acknowledged before is in it.
    context.replica.read_linearizable(|_| ()).await?;
    let verdict = judge(context, owner, &password)?;
    drop(password);
    accepted(context.replica.propose(Command { request, verb: verb(verdict) }).await?)
}

fn judge(context: &Context, owner: Owner, password: &PaymentPassword) -> Result<PasswordVerdict, NotDone> {
    // The subscriber is copied out, so that the tag is not computed while `apply` waits for the state.
    let (msisdn, subscriber) = context.replica.read(|state| {
        let msisdn = match owner {
            Owner::Number(msisdn) => Some(msisdn),
            Owner::Account(account) => state.account(account).map(|account| account.msisdn),
        };
        let subscriber = msisdn.and_then(|msisdn| state.subscriber(msisdn)).cloned();
        (msisdn.unwrap_or_else(nobody), subscriber)
    });
    Ok(context.judge.judge(msisdn, password, subscriber.as_ref())?)
}

/// The fault that the limit is looked at before the log has ordered anything.
#[cfg(feature = "mutants")]
fn check_limit_here(context: &Context, verb: &Verb) -> Result<(), NotDone> {
    use mpss_domain::{AccountKind, AccountSelector};

    if !mpss_domain::mutant::Mutant::LimitOutsideApply.is_planted() {
        return Ok(());
    }
    let fits = context.replica.read(|state| {
        let (msisdn, account, amount) = match verb {
            Verb::PlaceOrder { msisdn, account, product, quantity, .. } => {
                let price = state.product(*product).map(|product| product.terms().price)?;
                (*msisdn, *account, price.checked_mul(*quantity)?)
            }
            Verb::Pay(request) => (request.msisdn, request.account, request.amount),
            Verb::Transfer { payer, amount, .. } => (*payer, AccountSelector::Kind(AccountKind::StoredValue), *amount),
            _ => return None,
        };
        let account = state.select_account(msisdn, account)?;
        Some(account.used_on(state.now().business_day()) + amount <= account.daily_limit)
    });
    if fits == Some(false) { Err(NotDone::refused(Refusal::DailyLimitExceeded)) } else { Ok(()) }
}
