//! What the operations come to: purchases that the SP starts and the subscriber confirms, reservations, refunds. This
//! file turns the one into the other; what may be done is decided by `apply`.
//!
//! The SP's `referenceCode` is the id of its request (product §4): the same with the same content gets the same answer,
//! with other content it is refused. `reserveAmount` has none; there the header's `transactionId` is the id, or, when
//! that is missing, its time stamp.

use mpss_domain::order::OrderEvent;
use mpss_domain::{AccountSelector, Channel, Money, Order, OrderId, Outcome, ProductId, Reply, Request, State};
use sha2::{Digest, Sha256};

use super::IsagParts;
use super::fault::{Code, Fault, unknown};
use super::header::RequestHeader;
use super::operation::{Charge, Operation};
use super::purchases::Standing;
use crate::channel::http::QUANTITY_MAX;
use crate::isag_sps::IsagSp;
use crate::not_done::{NotDone, accepted};
use crate::serving::AskCharge;

/// An SP with what it asks and the header that came with it.
pub(super) struct Charging<'a> {
    pub(super) door: &'a IsagParts,
    pub(super) sp: &'a IsagSp,
    pub(super) header: &'a RequestHeader,
}

/// What names a request among those of one SP.
enum Name<'a> {
    /// The SP's reference code.
    Reference(&'a str),
    /// The SP's number of a transaction.
    Transaction(&'a str),
    /// When it was sent.
    TimeStamp(&'a str),
    /// A reservation, which is released once.
    Release(OrderId),
}

impl Charging<'_> {
    /// Does what is asked. The text that is the answer's result, where it has one.
    ///
    /// # Errors
    /// A fault.
    pub(super) async fn perform(&self, operation: &Operation) -> Result<Option<String>, Fault> {
        match operation {
            Operation::ChargeAmount { charge, reference, .. } => {
                let request = self.request(&Name::Reference(reference), operation);
                self.purchase(request, operation, charge).await.map(|_| None)
            }
            Operation::ReserveAmount { charge, .. } => {
                let name = match (&self.header.transaction, &self.header.time_stamp) {
                    (Some(transaction), _) => Name::Transaction(transaction),
                    (None, Some(at)) => Name::TimeStamp(at),
                    // Without a name a repetition would be a second reservation.
                    (None, None) => return Err(Fault::input("transactionId")),
                };
                let request = self.request(&name, operation);
                self.purchase(request, operation, charge).await.map(|order| Some(order.to_string()))
            }
            Operation::RefundAmount { charge, reference, .. } => {
                self.refund(self.request(&Name::Reference(reference), operation), operation, charge).await?;
                Ok(None)
            }
            Operation::ChargeReservation { reservation, charge, reference } => {
                let order = self.reserved(reservation).await?;
                if charge.code.as_ref().is_some_and(|code| *code != order.product.id.to_string()) {
                    return Err(Fault::input("charge.code"));
                }
                // Each piece of an order costs the same, also when some of them were given up.
                let price = order.amount.as_fen() / i64::from(order.quantity.max(1));
                let quantity = match charge.amount {
                    Some(amount) => pieces(Money::fen(price), Some(amount))?,
                    None => order.quantity,
                };
                let request = self.request(&Name::Reference(reference), operation);
                settled(self.door.purchases.take(request, order.id, quantity).await)?;
                Ok(None)
            }
            Operation::ReleaseReservation { reservation } => {
                let order = self.reserved(reservation).await?;
                let request = self.request(&Name::Release(order.id), operation);
                settled(self.door.purchases.let_go(request, order.id).await)?;
                Ok(None)
            }
            Operation::ReserveAdditionalAmount { reservation } => {
                self.reserved(reservation).await?;
                // The subscriber has confirmed one amount; more is another purchase.
                Err(Code::Policy.with(["additional_amount_not_offered"]))
            }
        }
    }

    /// Starts a purchase, or finds the one that this request has started, and waits for the subscriber.
    async fn purchase(&self, request: Request, operation: &Operation, charge: &Charge) -> Result<OrderId, Fault> {
        let (Operation::ChargeAmount { user, .. } | Operation::ReserveAmount { user, .. }) = operation else {
            unreachable!("only these two start a purchase")
        };
        let payer = self.header.fee_address.as_deref().map(str::parse);
        if payer.is_some_and(|payer| payer != Ok(user.0)) {
            // Who pays is who confirms.
            return Err(Fault::input("FA"));
        }
        let named = charge.code.as_deref().or(self.header.product.as_deref());
        let product = match named {
            Some(code) => code.parse::<ProductId>().map_err(|_| Fault::input("charge.code")),
            None => Err(Code::Charging.with([])),
        };
        let wanted = product.as_ref().ok().copied();
        let look = |state: &State| {
            let price = wanted.and_then(|id| state.product(id)).map(|found| (found.terms().sp, found.terms().price));
            (state.first_answer(request), price)
        };
        let (first, price) = self.door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
        // A price may have changed since: what was asked before is not looked at anew.
        let reply = match first {
            Some(first) => first,
            None => {
                let product = product?;
                let price = price.filter(|(sp, _)| *sp == self.sp.sp).map(|(_, price)| price);
                let price = price.ok_or_else(|| Fault::input("charge.code"))?;
                let quantity = pieces(price, charge.amount)?;
                let ask = AskCharge {
                    sp: self.sp.sp,
                    product,
                    msisdn: user.0,
                    quantity,
                    account: AccountSelector::Kind(self.door.context.settings.isag.account()),
                    channel: Channel::Isag,
                    // Nobody says where the subscriber is.
                    location: self.door.context.province,
                    reserve: matches!(operation, Operation::ReserveAmount { .. }),
                };
                self.door.purchases.begin(request, ask).await?
            }
        };
        let Outcome::Order(order) = accepted(reply)?.outcome else { return Err(unknown()) };
        match self.door.purchases.decided(order, self.door.context.settings.isag.patience()).await {
            Standing::Agreed => Ok(order),
            Standing::Refused(refusal) => Err(refusal.into()),
            Standing::Open => Err(unknown()),
        }
    }

    /// Gives back all or a part of what the request named by `charge.code` has charged.
    async fn refund(&self, request: Request, operation: &Operation, charge: &Charge) -> Result<(), Fault> {
        let Operation::RefundAmount { user, .. } = operation else { unreachable!("only this gives money back") };
        let code = charge.code.as_deref().ok_or_else(|| Code::Charging.with([]))?;
        let (sp, by_reference) = (self.sp.sp, self.key(&Name::Reference(code)));
        let look = |state: &State| {
            let id = code.parse::<OrderId>().ok().or_else(|| state.order_of_request(by_reference))?;
            state.order(id).filter(|order| order.sp == sp).cloned()
        };
        let found = self.door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
        let order = found.ok_or_else(|| Fault::input("charge.code"))?;
        if order.msisdn != user.0 {
            return Err(Fault::input("endUserIdentifier"));
        }
        let amount = charge.amount.unwrap_or(order.amount);
        let note = charge.description.clone().unwrap_or_else(|| "refundAmount".to_owned());
        let reply = self.door.serving.refund_order(request, order.id, amount, note).await;
        let reply = settled(reply)?;
        let Outcome::Refund(_, refund) = reply.outcome else { return Err(unknown()) };
        let is_back = |event| matches!(event, OrderEvent::Refunded(id, _) if id == refund);
        let back = |state: &State| state.order(order.id)?.timeline.iter().find(|entry| is_back(entry.event)).map(drop);
        let back = self.door.context.replica.read_at(reply.index, back).await;
        // It is on its way and will come; but it may yet be refused at the payer's home.
        if matches!(back, Ok(Some(()))) { Ok(()) } else { Err(unknown()) }
    }

    /// The order that a reservation of this SP is.
    async fn reserved(&self, reservation: &str) -> Result<Order, Fault> {
        let none = || Fault::input("reservationIdentifier");
        let id: OrderId = reservation.parse().map_err(|_| none())?;
        let sp = self.sp.sp;
        let look = |state: &State| state.order(id).filter(|order| order.sp == sp).cloned();
        let found = self.door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
        found.ok_or_else(none)
    }

    fn request(&self, name: &Name<'_>, operation: &Operation) -> Request {
        let content = serde_json::to_vec(operation).expect("an operation can be written as JSON");
        // A product that the header names is part of what is asked.
        let header = [&self.header.product, &self.header.fee_address].map(|field| field.clone().unwrap_or_default());
        let digest = digest(&[content.as_slice(), header[0].as_bytes(), header[1].as_bytes()]);
        Request { key: self.key(name), content: u64::from_be_bytes(digest[..8].try_into().expect("32 bytes")) }
    }

    fn key(&self, name: &Name<'_>) -> u128 {
        let released;
        let (kind, name) = match name {
            Name::Reference(code) => ("reference", *code),
            Name::Transaction(id) => ("transaction", *id),
            Name::TimeStamp(at) => ("time stamp", *at),
            Name::Release(order) => {
                released = order.to_string();
                ("release", released.as_str())
            }
        };
        let digest = digest(&[b"mpss-isag", self.sp.number.as_bytes(), kind.as_bytes(), name.as_bytes()]);
        u128::from_be_bytes(digest[..16].try_into().expect("32 bytes"))
    }
}

/// SHA-256 of parts, each with its length in front, so that nothing of one can be taken for a piece of the next.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// What was asked about an order that is there; a repetition gets its first answer.
fn settled(reply: Result<Reply, NotDone>) -> Result<Reply, Fault> {
    Ok(reply.and_then(accepted)?)
}

/// How many pieces an amount is the price of; one when no amount is given.
fn pieces(price: Money, amount: Option<Money>) -> Result<u32, Fault> {
    let Some(amount) = amount else { return Ok(1) };
    let (price, amount) = (price.as_fen(), amount.as_fen());
    let pieces = if price > 0 && amount % price == 0 { amount / price } else { 0 };
    let pieces = u32::try_from(pieces).ok().filter(|pieces| (1..=QUANTITY_MAX).contains(pieces));
    pieces.ok_or_else(|| Code::Charging.with([]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_the_price_of_whole_pieces() {
        let told = |price, amount: Option<i64>| pieces(Money::fen(price), amount.map(Money::fen)).ok();
        assert_eq!(told(200, None), Some(1));
        assert_eq!(told(200, Some(200)), Some(1));
        assert_eq!(told(200, Some(600)), Some(3));
        assert_eq!(told(1, Some(1_000)), Some(QUANTITY_MAX));
        for (price, amount) in [(200, 100), (200, 300), (200, 0), (1, 1_001), (0, 0), (0, 100)] {
            assert_eq!(told(price, Some(amount)), None, "{price} {amount}");
        }
    }
}
