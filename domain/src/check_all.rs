//! The invariants over the whole state, for tests, snapshots and the proof of the books. What single
//! commands touch is checked as they are applied.

use std::collections::BTreeMap;

use crate::account::AccountStatus;
use crate::award::{AwardStatus, PrizeStatus};
use crate::effect::{Effect, EffectId};
use crate::ids::AccountId;
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::order::OrderStatus;
use crate::payment::PaymentStatus;
use crate::rail::{BindingStatus, CallStep, Phase, RailName, Subject};
use crate::state::State;
use crate::timer::{Timer, TimerKind};
use crate::transfer::TransferStatus;

impl State {
    /// Walks all rows and checks what must hold between them. Takes time; use a clone.
    ///
    /// # Errors
    /// A sentence that names the first thing that does not hold.
    pub fn check_all(&self) -> Result<(), String> {
        self.check_books()?;
        let mut open = BTreeMap::new();
        self.check_orders(&mut open)?;
        self.check_payments()?;
        self.check_transfers(&mut open)?;
        self.check_recharges(&mut open)?;
        self.check_bank_top_ups(&mut open)?;
        self.check_calls()?;
        self.check_awards()?;
        self.check_vault()?;
        self.check_tickets()?;
        self.check_bills()?;
        self.check_shipments()?;
        self.check_draws()?;
        self.check_upp()?;
        self.check_wishes()?;
        self.check_codes()?;
        self.check_confirmations()?;
        self.check_sp_keys()?;
        self.check_sp_events()?;
        self.check_texts()?;
        self.check_references()?;
        self.check_distribution()?;
        self.check_admissions()?;
        self.check_accounts(&open)
    }

    fn check_books(&self) -> Result<(), String> {
        let books = self.trial_balance();
        let (debits, credits) =
            books.lines.iter().fold((0, 0), |(debits, credits), line| (debits + line.debit, credits + line.credit));
        ensure((debits, credits) == (books.debits, books.credits), || "the lines do not add up to the totals".into())?;
        ensure(debits == credits, || format!("debits are {debits} fen, credits {credits} fen"))?;
        let hold: i128 = self
            .accounts
            .iter()
            .map(|(_, account)| i128::from(account.available.as_fen()) + i128::from(account.held.as_fen()))
            .sum();
        ensure(hold == self.books.wallets_hold(), || {
            format!("wallets hold {hold} fen, the books say {}", self.books.wallets_hold())
        })?;
        // What we owe an SP never turns into a claim: no more is taken back than was sold.
        for (id, _) in self.sps.iter() {
            let turnover = self.books.turnover(LedgerAccount::SpPayable(*id));
            ensure(turnover.debit <= turnover.credit, || format!("the SP {id} owes us"))?;
        }
        Ok(())
    }

    fn check_orders(&self, open: &mut BTreeMap<AccountId, u32>) -> Result<(), String> {
        for (id, order) in self.orders.iter() {
            let then = order.as_of(self.index);
            ensure(
                (then.status, then.refunded, then.refund_pending)
                    == (order.status, order.refunded, order.refund_pending),
                || format!("the timeline of {id} does not lead to its row"),
            )?;
            let here = order.home == self.province;
            let waits = match order.status {
                OrderStatus::Delivering => Some(TimerKind::DeliveryDeadline(*id)),
                OrderStatus::Paying => Some(TimerKind::PaymentBound(*id)),
                OrderStatus::AwaitingConfirmation if !here => Some(TimerKind::PaymentBound(*id)),
                OrderStatus::Reserved => Some(TimerKind::ReservationLapses(*id)),
                _ => None,
            };
            if let Some(kind) = waits {
                ensure(self.timers.get(&Timer::new(order.waits_until, kind)).is_some(), || {
                    format!("{id} is {:?} and nothing ends it", order.status)
                })?;
            }
            let effect = self.effects.get(&order.waits_for).map(|row| &row.effect);
            let waits_rightly = match (order.status, effect) {
                (OrderStatus::Delivering, Some(Effect::DeliveryNotice { order, .. }))
                | (OrderStatus::Paying, Some(Effect::ResolvePayment { order, .. }))
                | (OrderStatus::AwaitingConfirmation, Some(Effect::AskConfirmation { order, .. }))
                | (OrderStatus::Reversing, Some(Effect::ReversePayment { order, .. })) => order == id,
                // A payment by an account outside has calls of its own.
                (OrderStatus::Paying, None) => here && self.rail_payment(order.payment).is_some(),
                (OrderStatus::AwaitingConfirmation, None) => here && self.confirmation(order.payment).is_some(),
                (OrderStatus::Reserved, None) => order.waits_for == EffectId(0),
                (status, None) => status.is_final() && order.waits_for == EffectId(0),
                _ => false,
            };
            ensure(waits_rightly, || format!("{id} is {:?} and waits for {effect:?}", order.status))?;
            let paid = order.paid_at().is_some();
            let in_books = match order.status {
                OrderStatus::Created
                | OrderStatus::AwaitingConfirmation
                | OrderStatus::Paying
                | OrderStatus::Reserved
                | OrderStatus::Declined
                | OrderStatus::Expired
                | OrderStatus::Reversed => false,
                OrderStatus::Reversing => paid,
                OrderStatus::Paid
                | OrderStatus::Delivering
                | OrderStatus::Delivered
                | OrderStatus::PartlyRefunded
                | OrderStatus::Refunded => true,
            };
            ensure(order.booked == in_books, || format!("{id} is {:?} and booked: {}", order.status, order.booked))?;
            let awaits = order.status == OrderStatus::AwaitingConfirmation;
            ensure(!here || awaits || self.payments.get(&order.payment).is_some(), || {
                format!("{id} has lost its payment")
            })?;
            let holds_open =
                matches!(order.status, OrderStatus::Delivering | OrderStatus::Paying | OrderStatus::Reserved);
            if here && holds_open {
                let account = self.payments.get(&order.payment).and_then(|payment| payment.account);
                *open.entry(account.ok_or_else(|| format!("{id} was paid from nowhere"))?).or_default() += 1;
            }
        }
        Ok(())
    }

    fn check_payments(&self) -> Result<(), String> {
        let mut held = BTreeMap::<AccountId, Money>::new();
        for (id, payment) in self.payments.iter() {
            if payment.status == PaymentStatus::Reserved && self.rail_payment(*id).is_none() {
                *held.entry(payment.account.ok_or_else(|| format!("{id} is held nowhere"))?).or_default() +=
                    payment.amount;
            }
            let refunds: Money = payment.refunds.iter().map(|(_, amount)| *amount).sum();
            ensure(refunds == payment.refunded && refunds <= payment.amount, || {
                format!("{id} of {} was refunded {} by refunds of {refunds}", payment.amount, payment.refunded)
            })?;
            let by_status = match payment.status {
                PaymentStatus::Captured => payment.refunded == Money::ZERO,
                PaymentStatus::PartlyRefunded => payment.refunded.is_positive() && payment.refunded < payment.amount,
                PaymentStatus::Refunded => payment.refunded == payment.amount,
                PaymentStatus::Declined(_) => payment.refunded == Money::ZERO,
                PaymentStatus::Reserved => payment.refunded == Money::ZERO,
                PaymentStatus::Pending => payment.refunded == Money::ZERO && self.rail_payment(*id).is_some(),
                PaymentStatus::Released | PaymentStatus::Reversed | PaymentStatus::Reversing => {
                    payment.refunded == Money::ZERO && payment.reversal.is_some()
                }
            };
            ensure(by_status, || format!("{id} is {:?} and was refunded {}", payment.status, payment.refunded))?;
        }
        for (id, account) in self.accounts.iter() {
            let counted = held.get(id).copied().unwrap_or_default();
            ensure(account.held == counted, || format!("{id} holds {}, its payments {counted}", account.held))?;
        }
        Ok(())
    }

    fn check_transfers(&self, open: &mut BTreeMap<AccountId, u32>) -> Result<(), String> {
        for (id, transfer) in self.transfers.iter() {
            let crediting = transfer.status == TransferStatus::Crediting;
            let effect = self.effects.get(&transfer.waits_for).map(|row| &row.effect);
            let forwarded = matches!(effect, Some(Effect::CreditTransfer { transfer, .. }) if transfer == id);
            ensure(crediting == forwarded && crediting == transfer.final_at.is_none(), || {
                format!("{id} is {:?} and waits for {effect:?}", transfer.status)
            })?;
            *open.entry(transfer.payer_account).or_default() += u32::from(crediting);
        }
        Ok(())
    }

    fn check_calls(&self) -> Result<(), String> {
        let mut open = BTreeMap::<AccountId, u32>::new();
        // What each rail must hold, owe us and have to give back, by the payments and calls.
        let mut expected = BTreeMap::<LedgerAccount, i128>::new();
        let mut add = |account, amount: Money| *expected.entry(account).or_default() += i128::from(amount.as_fen());
        for call in self.calls() {
            let id = call.id;
            let waits = self.effects.get(&call.waits_for).map(|row| &row.effect);
            let forwarded = matches!(waits, Some(Effect::Call { call, .. }) if *call == id);
            let moves = !call.phase.is_final() && call.phase != Phase::Queued;
            ensure(moves == forwarded, || format!("{id} is {:?} and waits for {waits:?}", call.phase))?;
            ensure(call.asked <= call.rail.habits().asks_max, || format!("{id} was asked about {} times", call.asked))?;
            if !call.phase.is_final() {
                *open.entry(call.account).or_default() += 1;
            }
            ensure(self.calls_about(call.subject).any(|other| other.id == id), || format!("{id} is nobody's call"))?;
            match (call.step, call.phase) {
                // Nothing is booked for a recharge card before it is used.
                _ if call.rail == RailName::Recharge => {}
                // Nor for a top-up by bank card before the bank has taken the money.
                _ if matches!(call.subject, Subject::BankTopUp(_)) => {}
                (CallStep::Capture, phase) if !phase.is_final() => add(LedgerAccount::RailHeld(call.rail), call.amount),
                (CallStep::Void, Phase::Declined(_)) => {}
                (CallStep::Void | CallStep::Refund | CallStep::Credit, phase) if !phase.is_final() => {
                    add(LedgerAccount::RailReturning(call.rail), -call.amount);
                }
                _ => {}
            }
        }
        for (id, outside) in self.outside.payments.iter() {
            let payment = self.payments.get(id).ok_or_else(|| format!("{id} has lost its payment"))?;
            if payment.status == PaymentStatus::Reserved && outside.rail.habits().holds {
                add(LedgerAccount::RailHeld(outside.rail), payment.amount);
            }
            let asked = self.calls_of(*id).any(|call| call.step.is_asked() && !call.phase.is_final());
            ensure(asked == (payment.status == PaymentStatus::Pending), || {
                format!("{id} is {:?} and somebody is asked: {asked}", payment.status)
            })?;
            // Queued calls go when the one before them ends.
            let queued = self.calls_of(*id).any(|call| call.phase == Phase::Queued);
            let moving =
                self.calls_of(*id).filter(|call| !call.phase.is_final() && call.phase != Phase::Queued).count();
            ensure(moving <= 1 && (!queued || moving == 1), || format!("{id} has {moving} calls under way"))?;
        }
        for (id, binding) in self.outside.bindings.iter() {
            let timer = self.timers.get(&Timer::new(binding.until, TimerKind::BindingLapses(*id))).is_some();
            let waits = binding.status == BindingStatus::Waiting;
            ensure(timer == waits, || format!("{id} is {:?} and its timer is set: {timer}", binding.status))?;
        }
        for rail in RailName::ALL {
            for account in [LedgerAccount::RailHeld(rail), LedgerAccount::RailReturning(rail)] {
                let turnover = self.books.turnover(account);
                let balance = turnover.debit - turnover.credit;
                let rows = expected.get(&account).copied().unwrap_or_default();
                ensure(balance == rows, || format!("{account} is {balance} fen in the books and {rows} by its rows"))?;
            }
        }
        for (id, link) in self.outside.links.iter() {
            let counted = open.get(id).copied().unwrap_or_default();
            ensure(link.open_calls == counted, || {
                format!("{id} counts {} open calls, there are {counted}", link.open_calls)
            })?;
        }
        Ok(())
    }

    fn check_awards(&self) -> Result<(), String> {
        let owed = |account| {
            let turnover = self.books.turnover(account);
            turnover.credit - turnover.debit
        };
        let fen = |amount: Money| i128::from(amount.as_fen());
        let mut pending = 0;
        for award in self.awards() {
            let id = award.id;
            let effect = self.effects.get(&award.waits_for).map(|row| &row.effect);
            let forwarded = matches!(effect, Some(Effect::CreditAward { award, .. }) if *award == id);
            let crediting = award.status == AwardStatus::Crediting;
            ensure(crediting == forwarded, || format!("{id} is {:?} and waits for {effect:?}", award.status))?;
            ensure(award.status.is_final() == award.final_at.is_some(), || format!("{id} has no end"))?;
            let of_bet = self.award_of(award.order).map(|award| award.id);
            ensure(award.status.stands() == (of_bet == Some(id)), || {
                format!("{id} is {:?} and its bet has {of_bet:?}", award.status)
            })?;
            if award.status.stands() && !award.status.is_final() {
                pending += fen(award.prize);
            }
            if award.status.stands()
                && let Some(order) = self.order(award.order)
            {
                let untouched = order.status == OrderStatus::Delivered && !order.refund_pending.is_positive();
                ensure(untouched, || format!("{id} was given for a bet that is {:?}", order.status))?;
            }
        }
        ensure(owed(LedgerAccount::AwardsPending) == pending, || {
            format!("awards of {pending} fen are under way, the books say {}", owed(LedgerAccount::AwardsPending))
        })?;
        let mut waiting = 0;
        for prize in self.prizes() {
            let waits = prize.status == PrizeStatus::Waiting;
            let listed = self.outside.awards.waiting.get(&(prize.msisdn, prize.id)).is_some();
            let timer = self.timers.get(&Timer::new(prize.next_at, TimerKind::PrizeDue(prize.id))).is_some();
            ensure(waits == listed && waits == timer, || {
                format!("{} is {:?} and never looked at", prize.id, prize.status)
            })?;
            let open = self.calls_about(Subject::Award(prize.id)).any(|call| !call.phase.is_final());
            ensure(open == matches!(prize.status, PrizeStatus::Paying(_)), || {
                format!("{} is {:?} and somebody is told: {open}", prize.id, prize.status)
            })?;
            if waits {
                waiting += fen(prize.amount);
            }
        }
        ensure(owed(LedgerAccount::AwardsWaiting) == waiting, || {
            format!("prizes of {waiting} fen wait, the books say {}", owed(LedgerAccount::AwardsWaiting))
        })?;
        for (id, _) in self.sps.iter() {
            let pool = owed(LedgerAccount::PrizePool(*id));
            ensure(pool >= 0, || format!("the prize pool of {id} is {pool} fen"))?;
        }
        Ok(())
    }

    fn check_accounts(&self, open: &BTreeMap<AccountId, u32>) -> Result<(), String> {
        for (id, account) in self.accounts.iter() {
            ensure(!account.available.is_negative() && !account.held.is_negative(), || format!("{id} is below zero"))?;
            ensure(!account.used.is_negative(), || format!("{id} has used less than nothing"))?;
            let counted = open.get(id).copied().unwrap_or_default();
            ensure(account.open_orders == counted, || {
                format!("{id} counts {} open orders, there are {counted}", account.open_orders)
            })?;
            ensure(self.subscribers.get(&account.msisdn).is_some(), || format!("{id} belongs to nobody"))?;
            if let AccountStatus::Frozen { until: Some(until) } = account.status {
                ensure(self.timers.get(&Timer::new(until, TimerKind::Thaw(*id))).is_some(), || {
                    format!("{id} never thaws")
                })?;
            }
        }
        Ok(())
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
