//! Having the home province pay for an order that was taken here, while the caller waits.
//!
//! The password, or the one-time code, lives in this request alone, so only this request can have the payment made; whoever
//! comes after it (the order driver) can find out what became of it, or forbid it. What is certain
//! decides what is recorded:
//!
//! ```text
//!  captured             RecordPayment(Ok)     the order goes on to delivery
//!  declined             RecordPayment(Err)    the home province never debits under this id
//!  refused for now      RecordPayment(Err)    a try that was lost on the way must not debit later, so
//!  never reached home   GiveUpPayment         the reversal is stored and forwarded
//!  no answer            nothing               the order driver asks what became of it
//! ```

use std::time::Duration;

use mpss_domain::bills::BillCustomer;
use mpss_domain::order::OrderEvent;
use mpss_domain::{
    AccountSelector, Command, Order, OrderId, OrderStatus, Outcome, ProvinceId, Refusal, Reply, State, Verb,
};
use mpss_routing::Paid;
use mpss_routing::wire::{BillMessage, ConfirmationMessage, PaymentMessage};
use tokio::sync::oneshot;
use tracing::Instrument;

use super::password_way::{self, PasswordWay};
use super::{RAIL_WAIT, Serving};
use crate::code_digits::CodeDigits;
use crate::node::Context;
use crate::not_done::NotDone;
use crate::password::PaymentPassword;
use crate::watched::watched;

/// Tries to record what the home province answered; after them the order driver finds out again.
const RECORD_TRIES_MAX: u32 = 4;

/// Pause between these tries; a new leader is elected in less than all of them.
const RECORD_PAUSE: Duration = Duration::from_millis(250);

/// By what the home province knows that the buyer pays.
#[derive(Debug)]
pub(super) enum Proof {
    /// The payment password, and how it goes to which home.
    Password(PaymentPassword, PasswordWay, ProvinceId),
    /// A one-time code.
    Code(CodeDigits),
    /// None is needed: it is a bill that is paid.
    Bill,
}

/// Where a payment stands, as this replica knows it.
enum Standing {
    /// The home province may be asked.
    Open(Box<Order>, Box<PaymentMessage>),
    /// Decided by this log entry; why, when it was declined.
    Decided(u64, Option<Refusal>),
}

impl Serving {
    /// Asks for the payment of `order`, which was `taken` by this request or by an earlier one with
    /// the same id.
    pub(super) async fn ask_home_to_pay(&self, order: OrderId, taken: Reply, proof: Proof) -> Result<Reply, NotDone> {
        let find = |state: &State| state.order(order).and_then(|order| standing(state, order));
        // A replica too far behind to see its own order leaves it to the driver.
        let found = self.context.replica.read_at(taken.index, find).await.ok().flatten();
        let decided = match found {
            Some(Standing::Decided(index, declined)) => Some((index, declined)),
            // Who pays was at home here when it was ordered, and has moved since: nobody else is asked.
            Some(Standing::Open(open, _)) if open.home == self.context.province => return self.paid_here(taken).await,
            Some(Standing::Open(open, mut message)) => {
                let goes = match &proof {
                    Proof::Password(password, way, home) if *home == open.home => {
                        password_way::put(&self.context, &open, &mut message, password, way)
                    }
                    Proof::Password(password, ..) => {
                        let way = self.way_of_old_order(open.home).await;
                        password_way::put(&self.context, &open, &mut message, password, &way)
                    }
                    Proof::Code(code) => {
                        message.payment_code = Some(code.reveal().to_owned());
                        true
                    }
                    Proof::Bill => true,
                };
                drop(proof);
                // What can not go is left to the driver, as if whoever asked had died.
                if goes { self.ask_detached(order, open.home, *message).await } else { None }
            }
            None => None,
        };
        match decided {
            Some((_, Some(refusal))) => Err(NotDone::Refused { refusal, order: Some(order), replayed: taken.replayed }),
            Some((index, None)) => Ok(Reply { outcome: Outcome::Order(order), index, ..taken }),
            None => Ok(taken),
        }
    }

    /// Waits a while for whoever has the buyer's money, when this is also home and the money is outside.
    ///
    /// # Errors
    /// [`NotDone::Refused`] when it was refused.
    pub(super) async fn paid_here(&self, taken: Reply) -> Result<Reply, NotDone> {
        let Outcome::Order(order) = taken.outcome else { return Ok(taken) };
        let find = |state: &State| state.order(order).and_then(decided);
        match watched(&self.context, RAIL_WAIT, find).await {
            Some((_, Some(refusal))) => Err(NotDone::Refused { refusal, order: Some(order), replayed: taken.replayed }),
            Some((index, None)) => Ok(Reply { index: index.max(taken.index), ..taken }),
            None => Ok(taken),
        }
    }

    /// In a task of its own: a caller who hangs up must not cut the payment off from its record.
    async fn ask_detached(
        &self,
        order: OrderId,
        home: ProvinceId,
        message: PaymentMessage,
    ) -> Option<(u64, Option<Refusal>)> {
        let (done, answered) = oneshot::channel();
        let span = tracing::info_span!("payment", order_id = %order, payment_id = %message.payment_id, %home);
        let context = self.context.clone();
        let task = async move {
            let decided = ask_and_record(&context, order, home, message).await;
            // The caller may be gone.
            let _ = done.send(decided);
        };
        self.context.seams.spawner.spawn("payment", Box::pin(task.instrument(span)));
        answered.await.ok().flatten()
    }
}

/// Asks, records, and says which entry decided; `None` while it is open.
async fn ask_and_record(
    context: &Context,
    order: OrderId,
    home: ProvinceId,
    message: PaymentMessage,
) -> Option<(u64, Option<Refusal>)> {
    let verb = match context.dispatch.pay(home, message).await {
        Ok(Ok(Paid { held: true, .. })) => {
            if !context.replica.read(State::version).has_outside_rails() {
                // Not known here yet how to have it taken: in the end it is given up.
                return None;
            }
            Verb::RecordHold { order }
        }
        Ok(result) => Verb::RecordPayment { order, result: result.map(|_| ()) },
        Err(error) if error.is_unknown() => {
            tracing::warn!(%error, "the payment is left to the order driver");
            return None;
        }
        Err(error) => {
            tracing::warn!(%error, "the home province did nothing; the payment is given up");
            // Perhaps it no longer opens what is sealed to the key that is known.
            context.home_keys.doubt(home);
            Verb::GiveUpPayment { order }
        }
    };
    for _ in 0..RECORD_TRIES_MAX {
        // Recording twice does no harm: the order's status decides.
        match context.replica.propose(Command::internal(verb.clone())).await {
            Ok(reply) => {
                let find = |state: &State| state.order(order).and_then(decided);
                return context.replica.read_at(reply.index, find).await.ok().flatten();
            }
            Err(error) => tracing::warn!(%error, "the payment's answer is not recorded yet"),
        }
        context.seams.clock.sleep(RECORD_PAUSE).await;
    }
    None
}

fn standing(state: &State, order: &Order) -> Option<Standing> {
    if let Some((index, declined)) = decided(order) {
        return Some(Standing::Decided(index, declined));
    }
    let open = order.status == OrderStatus::Paying;
    open.then(|| Some(Standing::Open(Box::new(order.clone()), Box::new(message(state, order)?)))).flatten()
}

/// The entry that decided an order's payment, and why it was declined. The same for ever after, so
/// that a repeated request gets the same answer.
fn decided(order: &Order) -> Option<(u64, Option<Refusal>)> {
    order.timeline.iter().find_map(|entry| match entry.event {
        OrderEvent::Paid | OrderEvent::ReversalAsked(..) => Some((entry.index, None)),
        OrderEvent::Declined(refusal) => Some((entry.index, Some(refusal))),
        _ => None,
    })
}

/// What the home province is asked, still without the password or the code.
fn message(state: &State, order: &Order) -> Option<PaymentMessage> {
    let (account_id, account_kind) = match order.account {
        AccountSelector::Id(id) => (Some(id.to_string()), None),
        AccountSelector::Kind(kind) => (None, Some(kind.name().to_owned())),
    };
    Some(PaymentMessage {
        payment_id: order.payment.to_string(),
        order_id: order.id.to_string(),
        serving: state.province().to_string(),
        msisdn: order.msisdn.to_string(),
        epoch: order.epoch,
        scope: order.scope.name().to_owned(),
        location: order.location.to_string(),
        account_id,
        account_kind,
        amount_fen: order.amount.as_fen(),
        title: state.terms_of(order)?.title.clone(),
        payment_password: String::new(),
        sealed_password: None,
        payment_code: None,
        bill: state.bill_of(order.id).map(|bill| BillMessage { customer: bill.customer.map(hex) }),
        confirmation: None,
    })
}

/// What the home province is asked whose subscriber is to be asked; `None` when nobody waits for that any more.
pub(crate) fn confirmation_message(state: &State, id: OrderId) -> Option<PaymentMessage> {
    let order = state.order(id).filter(|order| order.status == OrderStatus::AwaitingConfirmation)?;
    let confirmation =
        ConfirmationMessage { merchant: state.sp(order.sp)?.name.clone(), reserve: state.is_reservation(id) };
    Some(PaymentMessage { confirmation: Some(confirmation), ..message(state, order)? })
}

fn hex(customer: BillCustomer) -> String {
    format!("{:032x}", customer.digest())
}
