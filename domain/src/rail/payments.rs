//! Payments by an account whose money is outside: what each verb of the contract asks of the peer, and
//! what the books say while the answer is awaited.
//!
//! | step | debit | credit |
//! |---|---|---|
//! | held | `rail_held` | the SP or province we owe |
//! | taken at once | `rail_clearing` | the SP or province we owe |
//! | captured | `rail_clearing` | `rail_held` |
//! | given up before capture | whom we owe | `rail_held` |
//! | to be given back | whom we owe | `rail_returning` |
//! | given back | `rail_returning` | `rail_clearing` |
//! | a capture or a giving back that failed | `suspense` or `rail_returning` | `rail_held` or `suspense` |
//!
//! Nothing is booked for a call whose outcome is unknown. A payment that is given up while its outcome
//! is unknown can never debit: its call is undone, whatever answer still comes.

use super::RailName;
use super::call::{CallStep, Phase, Subject};
use crate::effect::SmsText;
use crate::ids::{AccountId, CallId, OrderId, PaymentId, RefundId, ReversalId};
use crate::journal::{JournalBody, PostingReason, StatementLine};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Movement, OpenOrders, Step};
use crate::order::{Order, OrderEvent, OrderStatus, ReversalReason};
use crate::outside::RailPayment;
use crate::payment::{Payment, PaymentStatus};
use crate::purchase::Debit;
use crate::refusal::Refusal;
use crate::state::State;
use crate::timer::{Timer, TimerKind};

impl State {
    /// Asks the rail of an account for a payment. The use of the limits is counted at once, so that
    /// payments that race each other while they are unanswered can not overrun them.
    pub(crate) fn ask_rail(&mut self, rail: RailName, debit: Debit) {
        let Debit { payment: id, amount, .. } = debit;
        let today = self.now.business_day();
        let account = self.accounts.at_mut(debit.payer.account);
        if debit.payer.bill.is_none() {
            account.count_use(amount, today);
        }
        if debit.open_orders == OpenOrders::OneMore {
            account.open_orders += 1;
        }
        let payment = Payment {
            order: Some(debit.order),
            msisdn: Some(debit.msisdn),
            account: Some(debit.payer.id),
            amount,
            epoch: debit.epoch,
            ..self.decided(id, debit.serving, PaymentStatus::Pending)
        };
        self.payments.insert(id, payment);
        self.count_if_bill(&debit);
        let hold = debit.hold;
        let row =
            RailPayment { rail, asked: amount, against: debit.against, hold, title: debit.title, calls: Vec::new() };
        self.outside.payments.insert(id, row);
        let step = if rail.habits().holds { CallStep::Hold } else { CallStep::Take };
        self.add_call(rail, step, Subject::Payment(id), amount, None);
    }

    /// Takes what is held for a payment, or less of it; the rest is given up. Nothing when it was taken
    /// already or given up.
    ///
    /// # Panics
    /// When more is taken than is held.
    pub(crate) fn capture_held(&mut self, id: PaymentId, amount: Money) {
        let payment = self.payments.get_mut(&id).expect("the caller has found it");
        if payment.status != PaymentStatus::Reserved {
            return;
        }
        assert!(amount.is_positive() && amount <= payment.amount, "no more is captured than is held");
        let rest = payment.amount - amount;
        payment.status = PaymentStatus::Captured;
        payment.amount = amount;
        let (order, account, serving) = (order_of(payment), account_of(payment), payment.serving);
        let Some(row) = self.outside.payments.get(&id).cloned() else {
            let against = match self.order(order) {
                Some(order) if serving == self.province => LedgerAccount::SpPayable(order.sp),
                _ => LedgerAccount::DueTo(serving),
            };
            let step = |step, amount, reason| Movement {
                step,
                amount,
                reason,
                against,
                counterparty: None,
                open_orders: OpenOrders::Same,
            };
            self.move_money(account, step(Step::CaptureHeld, amount, PostingReason::Purchase(order)));
            if rest.is_positive() {
                let day = self.counted_day(id);
                self.uncount_bill(id, rest);
                self.move_money(account, step(Step::ReleaseHeld(day), rest, PostingReason::Reversal(order)));
                self.tell_payer(id, |kind| SmsText::PartTaken { order, taken: amount, freed: rest, kind });
            }
            return;
        };
        let reason = PostingReason::Reversal(order);
        if rest.is_positive() {
            self.uncount_payment(id, rest);
        }
        if row.rail.habits().holds {
            if rest.is_positive() {
                self.post_line(account, reason, row.against, LedgerAccount::RailHeld(row.rail), rest, rest);
                self.tell_payer(id, |kind| SmsText::PartTaken { order, taken: amount, freed: rest, kind });
            }
            let hold = self.call_of(id, CallStep::Hold).map(super::Call::as_original);
            self.add_call(row.rail, CallStep::Capture, Subject::Payment(id), amount, hold);
        } else if rest.is_positive() {
            // It took everything at once: what is not taken goes back.
            self.post(reason, row.against, LedgerAccount::RailReturning(row.rail), rest);
            let taken = self.taking_call(id).map(super::Call::as_original);
            self.add_call(row.rail, CallStep::Refund, Subject::Rest(id), rest, taken);
        }
    }

    /// Gives up what is held of stored value, as if it had never been.
    pub(crate) fn release_held(
        &mut self,
        id: PaymentId,
        reversal: ReversalId,
        against: LedgerAccount,
        open_orders: OpenOrders,
    ) {
        let payment = self.payments.get_mut(&id).expect("the caller has found it");
        payment.status = PaymentStatus::Released;
        payment.reversal = Some(reversal);
        let (order, account, amount) = (order_of(payment), account_of(payment), payment.amount);
        let day = self.counted_day(id);
        self.uncount_bill(id, amount);
        self.move_money(
            account,
            Movement {
                step: Step::ReleaseHeld(day),
                amount,
                reason: PostingReason::Reversal(order),
                against,
                counterparty: None,
                open_orders,
            },
        );
        self.tell_payer(id, |kind| SmsText::HoldGivenUp { order, amount, kind });
    }

    /// What is held does not stay so for ever.
    pub(crate) fn bound_hold(&mut self, id: PaymentId) {
        let due = self.now.plus_ms(self.policy.reversal_window_ms);
        self.timers.insert(Timer::new(due, TimerKind::HoldBound(id)), ());
    }

    /// Undoes a payment outside, wherever it stands, as if it had never been.
    pub(crate) fn undo_outside(&mut self, id: PaymentId, reversal: ReversalId, open_orders: OpenOrders) {
        let row = self.outside.payments.get(&id).expect("the caller has found it").clone();
        let payment = self.payments.get_mut(&id).expect("a payment outside has a row");
        let before = payment.status;
        let (order, account, amount) = (order_of(payment), account_of(payment), payment.amount);
        let is_held = before == PaymentStatus::Reserved && row.rail.habits().holds;
        payment.reversal = Some(reversal);
        payment.status = match before {
            PaymentStatus::Pending => PaymentStatus::Reversed,
            PaymentStatus::Reserved if is_held => PaymentStatus::Released,
            PaymentStatus::Reserved | PaymentStatus::Captured => PaymentStatus::Reversing,
            other => panic!("only what was asked, held or captured is undone: {other:?}"),
        };
        if open_orders == OpenOrders::OneLess {
            self.one_order_less(account);
        }
        self.uncount_payment(id, amount);
        let reason = PostingReason::Reversal(order);
        match before {
            PaymentStatus::Pending => {
                let asked = self.calls_of(id).find(|call| call.step.is_asked() && !call.phase.is_final());
                if let Some(call) = asked.map(|call| call.id) {
                    self.supersede(call);
                }
            }
            _ if is_held => {
                self.post_line(account, reason, row.against, LedgerAccount::RailHeld(row.rail), amount, amount);
                let hold = self.call_of(id, CallStep::Hold).map(super::Call::as_original);
                self.add_call(row.rail, CallStep::Release, Subject::Payment(id), amount, hold);
                self.tell_payer(id, |kind| SmsText::HoldGivenUp { order, amount, kind });
            }
            _ => {
                self.post(reason, row.against, LedgerAccount::RailReturning(row.rail), amount);
                let step = if row.rail.habits().voids { CallStep::Void } else { CallStep::Refund };
                let taken = self.taking_call(id).map(super::Call::as_original);
                self.add_call(row.rail, step, Subject::Payment(id), amount, taken);
            }
        }
    }

    /// Gives part or all of a payment outside back as a refund. The caller has noted it in the
    /// payment's row.
    pub(crate) fn refund_outside(&mut self, id: PaymentId, refund: RefundId, amount: Money) {
        let row = self.outside.payments.get(&id).expect("the caller has found it").clone();
        let order = order_of(self.payment(id).expect("the caller has found it"));
        self.post(PostingReason::Refund(order, refund), row.against, LedgerAccount::RailReturning(row.rail), amount);
        let taken = self.taking_call(id).map(super::Call::as_original);
        self.add_call(row.rail, CallStep::Refund, Subject::Refund(id, refund), amount, taken);
    }

    /// A call is done.
    pub(super) fn call_approved(&mut self, id: CallId) {
        let call = self.call(id).expect("it has just ended").clone();
        if let Subject::Award(award) = call.subject {
            self.prize_credited(award, id);
            return;
        }
        if let Subject::Recharge(top_up) = call.subject {
            self.recharge_approved(top_up, id);
            return;
        }
        if let Subject::BankTopUp(top_up) = call.subject {
            self.bank_top_up_approved(top_up, id);
            return;
        }
        let payment = payment_of(call.subject);
        let rail = call.rail;
        match call.step {
            CallStep::Hold => self.payment_made(payment, PaymentStatus::Reserved, LedgerAccount::RailHeld(rail)),
            CallStep::Take => {
                let hold = self.rail_payment(payment).is_some_and(|row| row.hold);
                let status = if hold { PaymentStatus::Reserved } else { PaymentStatus::Captured };
                self.payment_made(payment, status, LedgerAccount::RailClearing(rail));
            }
            CallStep::Capture => {
                let (held, clearing) = (LedgerAccount::RailHeld(rail), LedgerAccount::RailClearing(rail));
                self.post(PostingReason::Settled(id), clearing, held, call.amount);
            }
            CallStep::Release | CallStep::Undo | CallStep::Credit => {}
            CallStep::Void | CallStep::Refund => {
                let (returning, clearing) = (LedgerAccount::RailReturning(rail), LedgerAccount::RailClearing(rail));
                let order = order_of(self.payment(payment).expect("a payment outside has a row"));
                // The subscriber has it back now: this is what the statement tells.
                let reason = match call.subject {
                    Subject::Payment(_) => PostingReason::Reversal(order),
                    Subject::Refund(_, refund) => PostingReason::Refund(order, refund),
                    _ => PostingReason::Settled(id),
                };
                self.post_line(call.account, reason, returning, clearing, call.amount, call.amount);
                self.tell_payer(payment, |kind| match call.subject {
                    Subject::Payment(_) => SmsText::ReversedOutside { order, amount: call.amount, kind },
                    _ => SmsText::RefundedOutside { order, amount: call.amount, kind },
                });
                self.came_back(payment, call.subject);
            }
        }
    }

    /// What was to come back as a reversal has ended.
    fn came_back(&mut self, id: PaymentId, subject: Subject) {
        if subject == Subject::Payment(id) {
            let payment = self.payments.get_mut(&id).expect("a payment outside has a row");
            if payment.status == PaymentStatus::Reversing {
                payment.status = PaymentStatus::Reversed;
            }
        }
    }

    /// A call is not done: declined, never arrived, or past its bound.
    pub(super) fn call_failed(&mut self, id: CallId) {
        let call = self.call(id).expect("it has just ended").clone();
        if let Subject::Award(award) = call.subject {
            self.prize_not_credited(award, id);
            return;
        }
        if let Subject::Recharge(top_up) = call.subject {
            self.recharge_failed(top_up, id);
            return;
        }
        if let Subject::BankTopUp(top_up) = call.subject {
            self.bank_top_up_failed(top_up, id);
            return;
        }
        let payment = payment_of(call.subject);
        let rail = call.rail;
        match (call.step, call.phase) {
            (CallStep::Hold | CallStep::Take, Phase::Declined(refusal)) => self.payment_refused(payment, refusal),
            (CallStep::Hold | CallStep::Take, _) => self.payment_refused(payment, Refusal::RailUnavailable),
            (CallStep::Capture, _) => {
                let (suspense, held) = (LedgerAccount::Suspense, LedgerAccount::RailHeld(rail));
                self.post(PostingReason::Settled(id), suspense, held, call.amount);
            }
            // What is held ends by itself; what is not there to be undone needs no undoing.
            (CallStep::Release | CallStep::Undo | CallStep::Credit, _) => {}
            // A bank takes nothing back as if it had never been once its day is over: credit it.
            (CallStep::Void, Phase::Declined(_)) => {
                self.add_call(rail, CallStep::Refund, call.subject, call.amount, call.original);
            }
            (CallStep::Void | CallStep::Refund, _) => {
                let (returning, suspense) = (LedgerAccount::RailReturning(rail), LedgerAccount::Suspense);
                self.post(PostingReason::Settled(id), returning, suspense, call.amount);
            }
        }
    }

    /// A call that was asked was given up without an answer. When its payment still waited for it, the
    /// payment can never be made from here on.
    pub(super) fn call_given_up(&mut self, id: CallId) {
        let subject = self.call(id).expect("it has just ended").subject;
        if let Subject::Recharge(top_up) = subject {
            self.recharge_given_up(top_up);
            return;
        }
        if let Subject::BankTopUp(top_up) = subject {
            self.bank_top_up_given_up(top_up);
            return;
        }
        let payment = payment_of(subject);
        let here = self.is_for_order_here(payment);
        let row = self.payments.get_mut(&payment).expect("a payment outside has a row");
        if row.status != PaymentStatus::Pending {
            return;
        }
        let reversal: ReversalId = self.ids.issue(self.now, self.province);
        row.status = PaymentStatus::Reversed;
        row.reversal = Some(reversal);
        let (order, account, amount) = (order_of(row), account_of(row), row.amount);
        self.uncount_payment(payment, amount);
        self.tell_upp(payment);
        if here && self.order(order).is_some_and(|order| order.status == OrderStatus::Paying) {
            self.one_order_less(account);
            self.change_order(order, |state, order| {
                state.end_wait(order);
                state.order_event(order, OrderEvent::ReversalAsked(reversal, ReversalReason::PaymentUnknown));
                state.order_event(order, OrderEvent::Reversed);
            });
        }
    }

    /// The rail holds or has taken the money.
    fn payment_made(&mut self, id: PaymentId, status: PaymentStatus, debit: LedgerAccount) {
        let row = self.outside.payments.get(&id).expect("the caller has found it").clone();
        let here = self.is_for_order_here(id);
        let payment = self.payments.get_mut(&id).expect("a payment outside has a row");
        assert!(payment.status == PaymentStatus::Pending, "what was given up is superseded: {payment:?}");
        payment.status = status;
        payment.index = self.index;
        let (order, account, amount) = (order_of(payment), account_of(payment), payment.amount);
        self.post_line(account, PostingReason::Purchase(order), debit, row.against, amount, -amount);
        if status == PaymentStatus::Reserved {
            self.bound_hold(id);
        }
        let title = row.title;
        self.tell_payer(id, |kind| SmsText::PaidOutside { order, title, amount, kind });
        self.tell_upp(id);
        if here {
            self.change_order(order, |state, order| {
                state.end_wait(order);
                if row.hold {
                    state.order_reserved(order);
                    return;
                }
                order.booked = true;
                let deadline_ms = state.terms_of(order).expect("a product that was sold is kept").delivery_deadline_ms;
                state.order_paid(order, deadline_ms);
            });
        }
    }

    /// The rail has refused, or was not reached.
    fn payment_refused(&mut self, id: PaymentId, refusal: Refusal) {
        let here = self.is_for_order_here(id);
        let payment = self.payments.get_mut(&id).expect("a payment outside has a row");
        if payment.status != PaymentStatus::Pending {
            return;
        }
        payment.status = PaymentStatus::Declined(refusal);
        payment.index = self.index;
        let (order, account, amount) = (order_of(payment), account_of(payment), payment.amount);
        self.uncount_payment(id, amount);
        self.tell_upp(id);
        if here {
            self.one_order_less(account);
            self.change_order(order, |state, order: &mut Order| {
                state.end_wait(order);
                state.order_event(order, OrderEvent::Declined(refusal));
            });
        }
    }

    /// Does a payment pay an order that is kept here?
    fn is_for_order_here(&self, id: PaymentId) -> bool {
        let serving = self.payment(id).expect("a payment outside has a row").serving;
        serving == self.province && !self.is_for_upp(id)
    }

    /// The call of a payment that asked this, when it was approved.
    fn call_of(&self, payment: PaymentId, step: CallStep) -> Option<&super::Call> {
        self.calls_of(payment).find(|call| call.step == step && call.phase == Phase::Approved)
    }

    /// The call that took the money, or is to take it.
    fn taking_call(&self, payment: PaymentId) -> Option<&super::Call> {
        self.calls_of(payment).find(|call| matches!(call.step, CallStep::Take | CallStep::Capture))
    }

    /// Gives the use of a day's limit back that a payment had, when it is still that day.
    fn uncount_payment(&mut self, id: PaymentId, amount: Money) {
        match self.counted_day(id) {
            Some(day) => {
                let account = account_of(self.payment(id).expect("the caller has found it"));
                self.uncount(account, day, amount);
            }
            None => self.uncount_bill(id, amount),
        }
    }

    /// Gives the use of a day's limit back, when it is still that day.
    pub(crate) fn uncount(&mut self, account: AccountId, day: crate::time::BusinessDay, amount: Money) {
        let today = self.now.business_day();
        let account = self.accounts.get_mut(&account).expect("an account is kept for ever");
        if day == today && account.used_day == today {
            assert!(account.used >= amount, "broken invariant: the day's use is less than what is given back");
            account.used -= amount;
        }
    }

    pub(crate) fn one_order_less(&mut self, account: AccountId) {
        let account = self.accounts.get_mut(&account).expect("an account is kept for ever");
        account.open_orders = account.open_orders.checked_sub(1).expect("every closed order was opened");
    }

    fn tell_payer(&mut self, id: PaymentId, text: impl FnOnce(crate::account::AccountKind) -> SmsText) {
        let payment = self.payment(id).expect("the caller has found it");
        let msisdn = payment.msisdn.expect("a payment outside has a payer");
        let kind = self.account(account_of(payment)).expect("an account is kept for ever").kind;
        self.tell(msisdn, text(kind));
    }

    /// Posts, and tells it to a subscriber's statement. There is no balance here to tell.
    pub(crate) fn post_line(
        &mut self,
        account: AccountId,
        reason: PostingReason,
        debit: LedgerAccount,
        credit: LedgerAccount,
        amount: Money,
        change: Money,
    ) {
        let postings = vec![(debit, amount), (credit, -amount)];
        self.books.post(&postings);
        self.tell_line(account, reason, postings, change);
    }

    /// Tells what was posted to the statement of an account whose money is outside.
    pub(crate) fn tell_line(
        &mut self,
        account: AccountId,
        reason: PostingReason,
        postings: Vec<(LedgerAccount, Money)>,
        change: Money,
    ) {
        let statement = StatementLine {
            account,
            amount: change,
            balance: Money::ZERO,
            counterparty: None,
            sp: postings.iter().find_map(|(side, _)| match side {
                LedgerAccount::SpPayable(sp) => Some(*sp),
                _ => None,
            }),
            province: postings.iter().find_map(|(side, _)| match side {
                LedgerAccount::DueTo(province) => Some(*province),
                _ => None,
            }),
        };
        let account = self.accounts.get_mut(&account).expect("an account is kept for ever");
        let body = JournalBody::Posted { reason, postings, statement: Some(statement) };
        account.last_record = Some(self.entry.record(account.last_record, body));
    }
}

fn payment_of(subject: Subject) -> PaymentId {
    subject.payment().expect("what is about a prize or a top-up was told apart before")
}

fn order_of(payment: &Payment) -> OrderId {
    payment.order.expect("a payment outside has an order")
}

fn account_of(payment: &Payment) -> AccountId {
    payment.account.expect("a payment outside has an account")
}
