//! How a payment password goes home: sealed to the home province's key. The key is had before anything is recorded,
//! so that a purchase without one is refused while nothing has moved.

use mpss_domain::{Order, ProvinceId, Request, State};
use mpss_routing::wire::PaymentMessage;

use super::Serving;
use crate::node::Context;
use crate::not_done::NotDone;
use crate::password::PaymentPassword;
use crate::seal::{Binding, HomeKey};

/// How a payment password goes home.
#[derive(Debug)]
pub(super) enum PasswordWay {
    /// Sealed to this key.
    Sealed(HomeKey),
    /// In the clear: the home province does not seal yet, and the settings allow it.
    Clear,
    /// Not at all: the request was taken before, and its first answer is all there is to give.
    Nowhere,
}

impl Serving {
    /// How the password of `request` can go to `home`.
    ///
    /// # Errors
    /// [`NotDone::SealKey`] when it can not be sealed now and the request was not taken before.
    pub(super) async fn way_of_password(&self, request: Request, home: ProvinceId) -> Result<PasswordWay, NotDone> {
        let why = match self.way_to(home).await {
            Ok(way) => return Ok(way),
            Err(why) => why,
        };
        let taken = |state: &State| state.first_answer(request).is_some();
        let taken = self.context.replica.read_linearizable(taken).await?;
        if taken { Ok(PasswordWay::Nowhere) } else { Err(NotDone::SealKey(why)) }
    }

    /// How a password can go to the home of an order that was taken before: who pays may have moved since, and what is
    /// sent there is sealed to the key of there.
    pub(super) async fn way_of_old_order(&self, home: ProvinceId) -> PasswordWay {
        self.way_to(home).await.unwrap_or_else(|why| {
            tracing::info!(why, "the password of an order of before can not go home");
            PasswordWay::Nowhere
        })
    }

    async fn way_to(&self, home: ProvinceId) -> Result<PasswordWay, String> {
        let Context { home_keys, dispatch, seams, settings, .. } = &self.context;
        match home_keys.key_of(home, dispatch, &*seams.clock).await {
            Ok(Some(key)) => Ok(PasswordWay::Sealed(key)),
            Ok(None) if settings.seal.is_clear_allowed() => Ok(PasswordWay::Clear),
            Ok(None) => Err(format!("province {home} does not seal yet")),
            Err(error) => Err(format!("province {home} gives no key: {error}")),
        }
    }
}

/// Puts the password into the message, the way it goes; false when it can not go.
pub(super) fn put(
    context: &Context,
    order: &Order,
    message: &mut PaymentMessage,
    password: &PaymentPassword,
    way: &PasswordWay,
) -> bool {
    let name = match way {
        PasswordWay::Sealed(key) if !is_mutant(order) => {
            let binding = binding(context.province, order);
            message.sealed_password = key.seal(password, &binding, &*context.seams.random);
            if message.sealed_password.is_none() {
                tracing::error!(home = %order.home, version = key.version(), "nothing can be sealed to this key");
                return false;
            }
            "sealed"
        }
        PasswordWay::Sealed(_) | PasswordWay::Clear => {
            password.reveal().clone_into(&mut message.payment_password);
            "clear"
        }
        PasswordWay::Nowhere => return false,
    };
    metrics::counter!("mpss_passwords_sent_total", "as" => name).increment(1);
    true
}

/// What the password of an order's payment is sealed for.
fn binding(serving: ProvinceId, order: &Order) -> Binding {
    Binding {
        home: order.home,
        serving,
        payment: order.payment,
        order: order.id,
        msisdn: order.msisdn,
        amount: order.amount,
    }
}

/// The fault that a password is not sealed, once in a while: in every other millisecond.
#[cfg(feature = "mutants")]
fn is_mutant(order: &Order) -> bool {
    use mpss_domain::ids::IssuedId as _;
    crate::mutant::Mutant::PasswordInTheClear.is_planted() && order.payment.issued_at().0 % 2 == 1
}

#[cfg(not(feature = "mutants"))]
const fn is_mutant(_: &Order) -> bool {
    false
}
