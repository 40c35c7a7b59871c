//! The engine for outcomes that are not known (product §4): one set of rules brings every call to its
//! end, whoever the peer is.
//!
//! ```text
//!  is asked (hold, take)          no answer ─▶ ask, as often as the peer's habits allow ─▶ undo it
//!  has to be done (the others)    no answer ─▶ send again with the same keys ─▶ … ─▶ abandoned
//! ```
//!
//! The driver does nothing on its own: it sends what [`State::begin_calls`] has marked as sent, and brings
//! back what came of it. A leader that dies between the two leaves a row that says "it may have
//! happened", and the next one goes on by the same rules.

use super::call::{Answer, Call, CallAnswer, CallStep, Keys, Original, Phase, Subject};
use crate::award::PrizeStatus;
use crate::effect::{Effect, EffectId};
use crate::ids::{AccountId, CallId, Msisdn};
use crate::journal::JournalBody;
use crate::money::Money;
use crate::outcome::Outcome;
use crate::rail::RailName;
use crate::state::State;
use crate::time::LogTime;

impl State {
    /// Adds a call of a payment, a prize or a top-up. It waits while an earlier one of the same is open, so that a
    /// peer is never asked to take back what it has not yet been asked to take.
    ///
    /// # Panics
    /// When the payment is no payment outside: the verb has not checked what it must.
    pub(crate) fn add_call(
        &mut self,
        rail: RailName,
        step: CallStep,
        subject: Subject,
        amount: Money,
        original: Option<Original>,
    ) -> CallId {
        let (msisdn, account) = self.whose(subject);
        let id: CallId = self.ids.issue(self.now, self.province);
        self.outside.last_serial += 1;
        let earlier_is_open = self.open_call(subject).is_some();
        let mut call = Call {
            id,
            rail,
            step,
            subject,
            msisdn,
            account,
            card: None,
            amount,
            keys: Keys { serial: self.outside.last_serial, at: self.now },
            original,
            reference: String::new(),
            phase: Phase::Queued,
            sent: 0,
            asked: 0,
            first_sent_at: LogTime(0),
            next_at: LogTime(0),
            bound: self.now.plus_ms(rail.habits().bound_ms),
            waits_for: EffectId(0),
            late_approval: None,
        };
        if !earlier_is_open {
            self.make_ready(&mut call);
        }
        self.record_call(&call);
        self.outside.calls.insert(id, call);
        match subject {
            Subject::Recharge(_) => {}
            _ => self.outside.links.get_mut(&account).expect("an account outside has a link").open_calls += 1,
        }
        match subject {
            Subject::Payment(payment) | Subject::Refund(payment, _) | Subject::Rest(payment) => {
                self.outside.payments.get_mut(&payment).expect("a payment outside").calls.push(id);
            }
            Subject::Award(award) => {
                self.outside.awards.prizes.get_mut(&award).expect("a prize is kept").calls.push(id);
            }
            Subject::Recharge(top_up) => {
                self.outside.recharges.rows.get_mut(&top_up).expect("a top-up is kept").calls.push(id);
            }
            Subject::BankTopUp(top_up) => {
                self.outside.bank_top_ups.rows.get_mut(&top_up).expect("a top-up is kept").calls.push(id);
            }
        }
        id
    }

    /// The subscriber and the account that a call is about.
    fn whose(&self, subject: Subject) -> (Msisdn, AccountId) {
        match subject {
            Subject::Payment(payment) | Subject::Refund(payment, _) | Subject::Rest(payment) => {
                let payment = self.payment(payment).expect("a call is about a payment that is kept");
                let msisdn = payment.msisdn.expect("a payment outside has a payer");
                (msisdn, payment.account.expect("a payment outside has an account"))
            }
            Subject::Award(award) => {
                let prize = self.prize(award).expect("a call is about a prize that is kept");
                let PrizeStatus::Paying(account) = prize.status else {
                    panic!("only what is paid is called: {prize:?}")
                };
                (prize.msisdn, account)
            }
            Subject::Recharge(top_up) => {
                let row = self.recharge(top_up).expect("a call is about a top-up that is kept");
                (row.msisdn, row.account)
            }
            Subject::BankTopUp(top_up) => {
                let row = self.bank_top_up(top_up).expect("a call is about a top-up that is kept");
                (row.msisdn, row.bank)
            }
        }
    }

    /// The call of the same payment that is not final yet.
    fn open_call(&self, subject: Subject) -> Option<&Call> {
        self.calls_about(subject).find(|call| !call.phase.is_final() && call.phase != Phase::Queued)
    }

    fn make_ready(&mut self, call: &mut Call) {
        call.phase = Phase::Ready;
        // The original may have had its answer since this was decided.
        if let Some(original) = &mut call.original
            && let Some(row) = self.outside.calls.get(&original.call)
        {
            row.reference.clone_into(&mut original.reference);
        }
        call.card = self.card_of(call.account, call);
        // Time begins when it may go: what was queued before it has had its own.
        call.bound = self.now.plus_ms(call.rail.habits().bound_ms);
        self.wait_until(call, self.now);
    }

    /// Something happens to a call at `at` by itself.
    fn wait_until(&mut self, call: &mut Call, at: LogTime) {
        self.end_effect(std::mem::take(&mut call.waits_for));
        call.next_at = at;
        call.waits_for = self.add_effect_not_before(at, Effect::Call { call: call.id, rail: call.rail });
    }

    fn record_call(&mut self, call: &Call) {
        self.entry.record(None, JournalBody::CallMoved { call: call.id, step: call.step, phase: call.phase });
        self.entry.digest.feed(call);
    }

    /// Takes a call out of its table, lets it be changed together with the rest of the state, and puts
    /// it back.
    fn change_call<R>(&mut self, id: CallId, change: impl FnOnce(&mut Self, &mut Call) -> R) -> R {
        let mut call = self.outside.calls.get(&id).expect("the verb has found the call").clone();
        let result = change(self, &mut call);
        self.record_call(&call);
        *self.outside.calls.get_mut(&id).expect("just found") = call;
        result
    }

    /// See [`crate::Verb::BeginCalls`]: marks what is due as sent, or as asked about, before it is. What
    /// was sent before and has had no answer is taken for unanswered. Harmless for a call that is not
    /// due.
    pub(crate) fn begin_calls(&mut self, ids: &[CallId]) -> Outcome {
        for &id in ids {
            if !self.entry.has_room() {
                break;
            }
            let Some(call) = self.call(id) else { continue };
            if call.phase.is_final() || call.phase == Phase::Queued || call.next_at > self.now {
                continue;
            }
            match call.phase {
                Phase::Ready => self.change_call(id, Self::send),
                Phase::Unknown if call.step.is_asked() => self.change_call(id, Self::ask),
                Phase::Unknown => self.change_call(id, Self::send),
                _ => self.unanswered(id),
            }
        }
        Outcome::Done
    }

    fn send(&mut self, call: &mut Call) {
        if call.sent == 0 {
            call.first_sent_at = self.now;
        }
        call.sent = call.sent.saturating_add(1);
        call.phase = Phase::Sent;
        self.wait_until(call, self.now.plus_ms(call.rail.habits().answer_ms));
    }

    fn ask(&mut self, call: &mut Call) {
        call.asked = call.asked.saturating_add(1);
        call.phase = Phase::Asking;
        self.wait_until(call, self.now.plus_ms(call.rail.habits().answer_ms));
    }

    /// See [`crate::Verb::RecordCalls`]. Harmless when repeated: the first end of a call stands.
    pub(crate) fn record_calls(&mut self, answers: &[CallAnswer]) -> Outcome {
        for answer in answers {
            if !self.entry.has_room() {
                break;
            }
            if self.call(answer.call).is_some() {
                self.record_answer(answer.call, &answer.answer);
            }
        }
        Outcome::Done
    }

    fn record_answer(&mut self, id: CallId, answer: &Answer) {
        let call = self.call(id).expect("the caller has found it");
        let (phase, asked, sent) = (call.phase, call.step.is_asked(), call.sent);
        match (phase, answer) {
            (
                Phase::Sent | Phase::Unknown | Phase::Asking,
                Answer::Approved { reference } | Answer::Worth { reference, .. },
            ) => {
                if let (Answer::Worth { amount, .. }, Subject::Recharge(_), CallStep::Hold) =
                    (answer, call.subject, call.step)
                {
                    self.outside.calls.get_mut(&id).expect("just found").amount = *amount;
                }
                self.end_call(id, Phase::Approved, reference);
                self.call_approved(id);
                self.next_call(id);
            }
            (Phase::Sent | Phase::Unknown | Phase::Asking, Answer::Declined(refusal)) => {
                self.end_call(id, Phase::Declined(*refusal), "");
                self.call_failed(id);
                self.next_call(id);
            }
            // Only the first sending can be known to have been in vain; an earlier one may have arrived.
            (Phase::Sent, Answer::NotSent) if asked && sent == 1 => {
                self.end_call(id, Phase::NotDone, "");
                self.call_failed(id);
                self.next_call(id);
            }
            #[cfg(feature = "mutants")]
            (Phase::Sent, Answer::NoAnswer)
                if asked && self.is_mutant(crate::mutant::Mutant::TimeoutTakenForRefusal) =>
            {
                self.end_call(id, Phase::NotDone, "");
                self.call_failed(id);
            }
            (Phase::Sent | Phase::Asking, Answer::NotSent | Answer::NoAnswer) => self.unanswered(id),
            // It may still be on its way: forbid it.
            (Phase::Asking | Phase::Sent | Phase::Unknown, Answer::NeverSeen) if asked => self.supersede(id),
            (Phase::Asking | Phase::Sent, Answer::NeverSeen) => self.unanswered(id),
            (Phase::Superseded, Answer::Approved { reference } | Answer::Worth { reference, .. }) => {
                self.change_call(id, |state, call| {
                    call.late_approval.get_or_insert(state.now);
                    reference.clone_into(&mut call.reference);
                })
            }
            // What surely did not happen needs no undoing, if that is still to be sent.
            (Phase::Superseded, Answer::Declined(_)) => self.drop_undo_of(id),
            _ => {}
        }
    }

    /// There is no answer: ask, send again, undo, or leave it to reconciliation.
    fn unanswered(&mut self, id: CallId) {
        let call = self.call(id).expect("the caller has found it");
        let habits = call.rail.habits();
        if call.step.is_asked() {
            match habits.ask_after_ms(call.asked) {
                Some(after) => {
                    // An answer to the question before may have taken longer than to the next one.
                    let at = call.first_sent_at.plus_ms(after).max(self.now);
                    self.change_call(id, |state, call| {
                        call.phase = Phase::Unknown;
                        state.wait_until(call, at);
                    });
                }
                None => self.supersede(id),
            }
            return;
        }
        let at = self.now.plus_ms(habits.again_after_ms(call.sent));
        if at > call.bound {
            self.end_call(id, Phase::Abandoned, "");
            self.call_failed(id);
            self.next_call(id);
            return;
        }
        self.change_call(id, |state, call| {
            call.phase = Phase::Unknown;
            state.wait_until(call, at);
        });
    }

    /// Gives a call that was asked up: from here on it must never have been. When it may have reached the
    /// peer its undoing is stored, and forwarded until it is acknowledged.
    pub(crate) fn supersede(&mut self, id: CallId) {
        let call = self.call(id).expect("the caller has found it");
        assert!(call.step.is_asked(), "what has to be done is never undone");
        if matches!(call.phase, Phase::Queued | Phase::Ready) {
            self.end_call(id, Phase::NotDone, "");
            self.call_given_up(id);
            return;
        }
        let (rail, subject, amount, original) = (call.rail, call.subject, call.amount, call.as_original());
        self.end_call(id, Phase::Superseded, "");
        #[cfg(feature = "mutants")]
        if self.is_mutant(crate::mutant::Mutant::UnknownNotUndone) {
            self.call_given_up(id);
            return;
        }
        self.add_call(rail, CallStep::Undo, subject, amount, Some(original));
        self.call_given_up(id);
    }

    fn drop_undo_of(&mut self, id: CallId) {
        let subject = self.call(id).expect("the caller has found it").subject;
        let undo = self.calls_about(subject).find(|call| {
            call.step == CallStep::Undo
                && matches!(call.phase, Phase::Ready | Phase::Queued)
                && call.original.as_ref().is_some_and(|original| original.call == id)
        });
        if let Some(undo) = undo.map(|call| call.id) {
            self.end_call(undo, Phase::NotDone, "");
            self.call_failed(undo);
            self.next_call(undo);
        }
    }

    /// Ends a call; what that means for the payment is said in [`super::payments`].
    fn end_call(&mut self, id: CallId, phase: Phase, reference: &str) {
        let (account, subject) = self.change_call(id, |state, call| {
            state.end_effect(std::mem::take(&mut call.waits_for));
            call.phase = phase;
            call.next_at = LogTime(0);
            if !reference.is_empty() {
                reference.clone_into(&mut call.reference);
            }
            (call.account, call.subject)
        });
        if matches!(subject, Subject::Recharge(_)) {
            return;
        }
        let link = self.outside.links.get_mut(&account).expect("an account outside has a link");
        link.open_calls = link.open_calls.checked_sub(1).expect("every call that ends was open");
    }

    /// Lets the next call of the same payment go.
    fn next_call(&mut self, ended: CallId) {
        let subject = self.call(ended).expect("it has just ended").subject;
        if self.open_call(subject).is_some() {
            return;
        }
        let next = self.calls_about(subject).find(|call| call.phase == Phase::Queued).map(|call| call.id);
        if let Some(next) = next {
            self.change_call(next, Self::make_ready);
        }
    }
}
