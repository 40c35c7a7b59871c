//! Top-up from the subscriber's own bank account (银行卡充值): taken here, asked of the bank by the driver of calls.

use mpss_domain::{AccountId, Money};

use super::accounts::of_path;
use super::call::{Answer, Call};
use super::door::Door;
use super::top_ups::{TopUpAsk, needed, taken};
use crate::intake::{EdgeCode, Problem, field};
use crate::password::PaymentPassword;

const BY_BANK_CARD: &str = "by bank card";

/// What a top-up by bank card needs of its request; nothing of another one belongs to it.
pub(super) fn paid_by(ask: &TopUpAsk<'_>, money: Option<Money>) -> Result<(Money, PaymentPassword), Problem> {
    ask.only(&["amount", "payment_password"], BY_BANK_CARD)?;
    let money = needed("amount", money, BY_BANK_CARD)?;
    let password = needed("payment_password", ask.payment_password.as_ref(), BY_BANK_CARD)?;
    Ok((money, field::password("payment_password", password.reveal())?))
}

/// Takes a top-up of so much into an account. What becomes of it is told by the subscriber's text, and to whoever asks.
pub(super) async fn take(
    door: &Door,
    call: &Call,
    ask: &TopUpAsk<'_>,
    (account, amount): (AccountId, Money),
    password: PaymentPassword,
) -> Answer {
    if door.context.rails.bank.is_none() {
        let what = "no bank is connected here";
        return Err(Problem::field(EdgeCode::TopUpMethodUnsupported, "method", what));
    }
    let request = call.request(call.key()?, ask);
    let reply = door.home.top_up_by_bank(request, account, amount, password).await.map_err(of_path)?;
    taken(door, &reply).await
}
