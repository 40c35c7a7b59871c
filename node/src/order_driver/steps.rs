//! One step for one row: ask the other province once, and record its answer. A step that comes to
//! nothing leaves the row as it was.
//!
//! ```text
//!  ResolvePayment   captured ─▶ RecordPayment(Ok)      declined, reversed ─▶ RecordPayment(Err)
//!                   never seen, no answer ─▶ again; past its bound ─▶ GiveUpPayment: reversed, stored
//!                   and forwarded, after which a late debit can not happen
//!  AskConfirmation  paid, held, refused ─▶ RecordPayment, RecordHold; the subscriber is asked ─▶ again
//!  ReversePayment   done ─▶ RecordReversal
//!  RefundPayment    done or refused ─▶ RecordRefund
//!  CreditTransfer   done or refused ─▶ RecordTransferCredit
//!  CreditAward      done or refused ─▶ RecordAward
//!  CapturePayment   done, or nothing there to take ─▶ RecordCapture
//!  Call             see `calls.rs`
//! ```

use mpss_domain::order::OrderEvent;
use mpss_domain::wish::WishStatus;
use mpss_domain::{
    AwardId, BindingId, Effect, EffectId, EffectRow, LogTime, Money, Order, OrderId, OrderStatus, ProvinceId, RefundId,
    Refusal, State, TransferId, Verb, WishId,
};
use mpss_routing::PeerError;
use mpss_routing::wire::{AwardMessage, PaymentFate};
use tracing::Instrument;

use crate::card_pin::DoesNotOpen;
use crate::gateway::NoAnswer;
use crate::gateway::bank::notices::{BindingNotice, WishNotice};
use crate::gateway::upp::UppNotice;
use crate::node::Context;
use crate::supervision::tenure::{NotRecorded, Tenure};

/// Why a row has to be stepped again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Again {
    /// The other province gave no answer.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The bank, or the UPP, gave no answer.
    #[error(transparent)]
    Bank(#[from] NoAnswer),
    /// What the bank is to be told does not open with this node's key.
    #[error(transparent)]
    Sealed(#[from] DoesNotOpen),
    /// Its answer, or the decision, could not be recorded.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    /// It does not know the payment, and may still be asked for it.
    #[error("the payment is not known there yet")]
    NotSeen,
    /// The subscriber has not said yes or no yet.
    #[error("the subscriber is asked")]
    NotSaid,
    /// Its refusal says nothing about the money, so nothing can be recorded.
    #[error("refused, which decides nothing: {}", .0.code())]
    Undecided(Refusal),
}

/// Steps one row.
pub(super) async fn step(context: &Context, tenure: &Tenure, row: &EffectRow) {
    let driver = Step { context, tenure };
    let stepped = match row.effect {
        Effect::ResolvePayment { order, home } => driver.resolve(order, home).await,
        Effect::AskConfirmation { order, home } => driver.ask_confirmation(order, home).await,
        Effect::ReversePayment { order, home } => driver.reverse(order, home).await,
        Effect::RefundPayment { order, refund, amount, home } => driver.refund(order, home, refund, amount).await,
        Effect::CreditTransfer { transfer, payee_home } => driver.credit(transfer, payee_home).await,
        Effect::CapturePayment { order, home } => driver.capture(order, home).await,
        Effect::CreditAward { award, home } => driver.credit_award(award, home).await,
        Effect::Call { call, .. } => driver.call(call).await,
        Effect::TellBank { binding } => driver.tell_bank(row.id, binding).await,
        Effect::AskBank { wish } => driver.ask_bank(row.id, wish).await,
        Effect::TellUpp { payment, number, end } => driver.tell_upp(row.id, UppNotice::new(payment, number, end)).await,
        Effect::Sms { .. } | Effect::DeliveryNotice { .. } | Effect::CancelNotice { .. } => Ok(()),
    };
    let result = match stepped {
        Ok(()) => "recorded",
        Err(Again::Undecided(refusal)) => {
            tracing::error!(effect = row.id.0, code = refusal.code(), "a province refuses what it has to do");
            "undecided"
        }
        Err(again) => {
            tracing::debug!(effect = row.id.0, %again, "to be stepped again");
            "again"
        }
    };
    metrics::counter!("mpss_driver_steps_total", "result" => result).increment(1);
}

pub(super) struct Step<'a> {
    pub(super) context: &'a Context,
    pub(super) tenure: &'a Tenure,
}

impl Step<'_> {
    async fn resolve(&self, id: OrderId, home: ProvinceId) -> Result<(), Again> {
        let look = |state: &State| {
            let order = state.order(id).filter(|order| order.status == OrderStatus::Paying)?;
            Some((order.payment, bound_of(state, order)))
        };
        // Decided meanwhile: its row is gone too.
        let Some((payment, bound)) = self.context.replica.read(look) else { return Ok(()) };
        let span = tracing::info_span!("resolve", order_id = %id, payment_id = %payment, %home);
        async {
            let fate = self.context.dispatch.fate(home, payment).await;
            let result = match fate {
                Ok((PaymentFate::Captured, _)) => Ok(()),
                Ok((PaymentFate::Held, _)) => {
                    self.tenure.record(Verb::RecordHold { order: id }).await?;
                    return Ok(());
                }
                Ok((PaymentFate::Declined, refusal)) => Err(refusal.unwrap_or(Refusal::Unresolved)),
                Ok((PaymentFate::Reversed, _)) => Err(Refusal::AlreadyReversed),
                open @ (Ok((PaymentFate::Unknown, _)) | Err(_)) => {
                    if LogTime(self.context.seams.clock.wall_ms()) < bound {
                        return Err(open.map_or_else(Again::Peer, |_| Again::NotSeen));
                    }
                    tracing::warn!("the payment's bound is over; it is given up");
                    self.tenure.record(Verb::GiveUpPayment { order: id }).await?;
                    return Ok(());
                }
            };
            tracing::info!(?result, "the payment is resolved");
            self.tenure.record(Verb::RecordPayment { order: id, result }).await?;
            Ok(())
        }
        .instrument(span)
        .await
    }

    /// Has home ask its subscriber. The message has no secret, so it can be sent again as often as it takes; home asks
    /// once, and answers with what came of it.
    async fn ask_confirmation(&self, id: OrderId, home: ProvinceId) -> Result<(), Again> {
        let Some(message) = self.context.replica.read(|state| crate::serving::confirmation_message(state, id)) else {
            return Ok(());
        };
        let span = tracing::info_span!("confirmation", order_id = %id, payment_id = %message.payment_id, %home);
        async {
            let result = match self.context.dispatch.ask_confirmation(home, &message).await? {
                None => return Err(Again::NotSaid),
                Some(Ok(paid)) if paid.held => {
                    self.tenure.record(Verb::RecordHold { order: id }).await?;
                    return Ok(());
                }
                Some(Err(refusal)) if refusal.is_transient() => return Err(Again::Undecided(refusal)),
                Some(decided) => decided.map(|_| ()),
            };
            tracing::info!(?result, "the subscriber has answered, or was not asked");
            self.tenure.record(Verb::RecordPayment { order: id, result }).await?;
            Ok(())
        }
        .instrument(span)
        .await
    }

    /// Tells the bank how a binding stands. A bank that does not listen asks by itself.
    async fn tell_bank(&self, row: EffectId, id: BindingId) -> Result<(), Again> {
        let look = |state: &State| {
            let binding = state.binding(id)?;
            Some(BindingNotice {
                binding_id: id.to_string(),
                status: binding.status.name(),
                msisdn: binding.msisdn.to_string(),
            })
        };
        if let (Some(notices), Some(notice)) = (&self.context.rails.bank_notices, self.context.replica.read(look)) {
            notices.tell(notice, self.context.seams.clock.wall_ms()).await?;
        }
        self.tenure.record(Verb::AcknowledgeEffects { effects: vec![row] }).await?;
        Ok(())
    }

    /// Tells the bank of a card that a subscriber wants to be bound. Its number is in the clear here alone.
    async fn ask_bank(&self, row: EffectId, id: WishId) -> Result<(), Again> {
        // Over meanwhile: its row is gone too.
        let Some(wish) = self.context.replica.read(|state| state.wish(id).cloned()) else { return Ok(()) };
        if wish.status != WishStatus::Waiting {
            return Ok(());
        }
        let (Some(notices), Some(safe)) = (&self.context.rails.bank_notices, &self.context.pins) else {
            return Err(Again::Undecided(Refusal::RailUnavailable));
        };
        let number = safe.open_card_number(wish.msisdn, &wish.number)?;
        let notice = WishNotice {
            wish_id: id.to_string(),
            msisdn: wish.msisdn.to_string(),
            bank: wish.bank,
            card_number: number.digits().to_owned(),
        };
        notices.tell_wish(notice, self.context.seams.clock.wall_ms()).await?;
        self.tenure.record(Verb::AcknowledgeEffects { effects: vec![row] }).await?;
        Ok(())
    }

    /// Tells the UPP how a payment has ended. A UPP that does not listen asks by itself.
    async fn tell_upp(&self, row: EffectId, notice: UppNotice) -> Result<(), Again> {
        if let Some(notices) = &self.context.rails.upp_notices {
            notices.tell(notice, self.context.seams.clock.wall_ms()).await?;
        }
        self.tenure.record(Verb::AcknowledgeEffects { effects: vec![row] }).await?;
        Ok(())
    }

    async fn capture(&self, id: OrderId, home: ProvinceId) -> Result<(), Again> {
        let look = |state: &State| {
            let order = state.order(id)?;
            // Of what was set aside for more than was charged, only that.
            let part = order.timeline.iter().any(|entry| matches!(entry.event, OrderEvent::Charged(_)));
            Some((order.payment, part.then_some(order.amount)))
        };
        let Some((payment, part)) = self.context.replica.read(look) else { return Ok(()) };
        match self.context.dispatch.capture(home, payment, part).await? {
            // Of what was never seen, or is another's, there is nothing to take.
            Ok(_) | Err(Refusal::PaymentNotFound) => {
                self.tenure.record(Verb::RecordCapture { order: id }).await?;
                Ok(())
            }
            Err(refusal) => Err(Again::Undecided(refusal)),
        }
    }

    async fn reverse(&self, id: OrderId, home: ProvinceId) -> Result<(), Again> {
        let look = |state: &State| {
            let order = state.order(id).filter(|order| order.status == OrderStatus::Reversing)?;
            Some((order.payment, order.reversal()?.0))
        };
        let Some((payment, reversal)) = self.context.replica.read(look) else { return Ok(()) };
        let span = tracing::info_span!("reverse", order_id = %id, payment_id = %payment, %home);
        async {
            match self.context.dispatch.reverse(home, payment, reversal, id).await? {
                Ok(_) => {
                    self.tenure.record(Verb::RecordReversal { order: id }).await?;
                    Ok(())
                }
                Err(refusal) => Err(Again::Undecided(refusal)),
            }
        }
        .instrument(span)
        .await
    }

    async fn refund(&self, id: OrderId, home: ProvinceId, refund: RefundId, amount: Money) -> Result<(), Again> {
        let Some(payment) = self.context.replica.read(|state| state.order(id).map(|order| order.payment)) else {
            return Ok(());
        };
        let span = tracing::info_span!("refund", order_id = %id, payment_id = %payment, refund_id = %refund, %home);
        async {
            let answer = self.context.dispatch.refund(home, payment, refund, amount).await?;
            let result = decided(answer)?;
            self.tenure.record(Verb::RecordRefund { order: id, refund, result }).await?;
            Ok(())
        }
        .instrument(span)
        .await
    }

    async fn credit(&self, id: TransferId, payee_home: ProvinceId) -> Result<(), Again> {
        let look = |state: &State| state.transfer(id).map(|transfer| (transfer.clone(), state.plan().epoch));
        let Some((transfer, epoch)) = self.context.replica.read(look) else { return Ok(()) };
        let span = tracing::info_span!("transfer", transfer_id = %id, %payee_home);
        async {
            let (payer, payee, amount) = (transfer.payer, transfer.payee, transfer.amount);
            let answer = self.context.dispatch.credit_transfer(payee_home, id, payer, payee, amount, epoch).await?;
            let result = match answer {
                // The payee's province keeps its first decision about a transfer, of whatever kind. Only
                // of one that it may have forgotten does it know nothing.
                Err(refusal @ Refusal::RequestTooOld) => return Err(Again::Undecided(refusal)),
                answer => answer.map(|_| ()),
            };
            self.tenure.record(Verb::RecordTransferCredit { transfer: id, result }).await?;
            Ok(())
        }
        .instrument(span)
        .await
    }
}

impl Step<'_> {
    async fn credit_award(&self, id: AwardId, home: ProvinceId) -> Result<(), Again> {
        let look = |state: &State| {
            let award = state.award(id)?;
            Some(AwardMessage {
                award_id: id.to_string(),
                order_id: award.order.to_string(),
                msisdn: award.msisdn.to_string(),
                amount_fen: award.net().as_fen(),
                account_kind: award.wanted.name().to_owned(),
                epoch: state.plan().epoch,
            })
        };
        let Some(message) = self.context.replica.read(look) else { return Ok(()) };
        let span = tracing::info_span!("award", award_id = %id, %home);
        async {
            let result = match self.context.dispatch.credit_award(home, &message).await? {
                // As with a transfer: every decision but these is kept there. A copy of this message that
                // comes once home has the newer rules would be taken.
                Err(refusal @ (Refusal::RequestTooOld | Refusal::NotYet)) => {
                    return Err(Again::Undecided(refusal));
                }
                answer => answer.map(|_| ()),
            };
            self.tenure.record(Verb::RecordAward { award: id, result }).await?;
            Ok(())
        }
        .instrument(span)
        .await
    }
}

/// An answer that can be recorded: done, or refused for good.
fn decided(answer: Result<u64, Refusal>) -> Result<Result<(), Refusal>, Again> {
    match answer {
        Ok(_) => Ok(Ok(())),
        Err(refusal) if refusal.is_transient() => Err(Again::Undecided(refusal)),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// When a payment that nobody knows is given up.
fn bound_of(state: &State, order: &Order) -> LogTime {
    let taken = order.timeline.first().map_or(LogTime(0), |entry| entry.at);
    taken.plus_ms(state.policy().payment_bound_ms)
}
