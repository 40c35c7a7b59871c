//! The serving side of an award: the pool, the bet, the second person, the way home.

use super::{Award, AwardStatus};
use crate::account::AccountKind;
use crate::catalogue::Application;
use crate::effect::{Effect, EffectId};
use crate::ids::{AwardId, IssuedId, Msisdn, OrderId, SpId};
use crate::journal::PostingReason;
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::order::OrderStatus;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::sp_events::SpEvent;
use crate::state::State;

/// What [`crate::Verb::AskAward`] says.
pub(crate) struct Asked<'a> {
    pub(crate) sp: SpId,
    pub(crate) reference: &'a str,
    pub(crate) key: u128,
    pub(crate) order: OrderId,
    pub(crate) msisdn: Msisdn,
    pub(crate) prize: Money,
    pub(crate) wanted: AccountKind,
    pub(crate) by: &'a str,
}

impl State {
    /// Puts money into an SP's prize pool, or takes it out again.
    ///
    /// # Errors
    /// In this order: [`Refusal::AmountOutOfRange`], [`Refusal::SpNotFound`],
    /// [`Refusal::PoolTooSmall`] when more is taken out than is in it.
    pub(crate) fn fund_pool(&mut self, sp: SpId, amount: Money, out: bool) -> Result<Outcome, Refusal> {
        amount.check_request()?;
        self.sp(sp).ok_or(Refusal::SpNotFound)?;
        let pool = LedgerAccount::PrizePool(sp);
        let (debit, credit) =
            if out { (pool, LedgerAccount::SettlementAccount) } else { (LedgerAccount::SettlementAccount, pool) };
        if out && self.prize_pool(sp) < amount {
            return Err(Refusal::PoolTooSmall);
        }

        // From here it must succeed.
        self.post(PostingReason::PoolFunded(sp), debit, credit, amount);
        Ok(Outcome::Pool { sp, balance: self.prize_pool(sp) })
    }

    /// Takes an award of an SP. The same reference with the same content is the same award, however
    /// often and whenever it is sent.
    ///
    /// # Errors
    /// In this order: [`Refusal::AmountOutOfRange`], [`Refusal::SpNotFound`],
    /// [`Refusal::AwardMismatch`] for a known reference, [`Refusal::SpSuspended`],
    /// [`Refusal::OrderNotFound`], [`Refusal::NotABet`], [`Refusal::AlreadyAwarded`],
    /// [`Refusal::PoolTooSmall`].
    pub(crate) fn ask_award(&mut self, asked: &Asked<'_>) -> Result<Outcome, Refusal> {
        asked.prize.check_request()?;
        let suspended = self.sp(asked.sp).ok_or(Refusal::SpNotFound)?.suspended;
        if let Some(known) = self.outside.awards.references.get(&asked.key).and_then(|id| self.award(*id)) {
            let same = known.reference == asked.reference
                && (known.sp, known.order, known.msisdn, known.prize, known.wanted)
                    == (asked.sp, asked.order, asked.msisdn, asked.prize, asked.wanted);
            return if same { Ok(Outcome::Award(known.id)) } else { Err(Refusal::AwardMismatch) };
        }
        if suspended {
            return Err(Refusal::SpSuspended);
        }
        let order = self.order(asked.order).ok_or(Refusal::OrderNotFound)?;
        let terms = self.terms_of(order).expect("a product that was sold is kept");
        let is_bet = terms.application == Application::Lottery && order.sp == asked.sp && order.msisdn == asked.msisdn;
        if !is_bet || order.status != OrderStatus::Delivered || order.refund_pending.is_positive() {
            return Err(Refusal::NotABet);
        }
        #[cfg(feature = "mutants")]
        let once = !self.is_mutant(crate::mutant::Mutant::BetAwardedTwice);
        #[cfg(not(feature = "mutants"))]
        let once = true;
        if once && self.award_of(asked.order).is_some() {
            return Err(Refusal::AlreadyAwarded);
        }
        if self.prize_pool(asked.sp) < asked.prize {
            return Err(Refusal::PoolTooSmall);
        }

        // From here it must succeed.
        let (home, epoch) = (order.home, order.epoch);
        let policy = self.award_policy();
        let approval = asked.prize >= policy.approval_from;
        let tax = policy.tax_on(asked.prize);
        let id: AwardId = self.ids.issue(self.now, self.province);
        let award = Award {
            id,
            sp: asked.sp,
            reference: asked.reference.to_owned(),
            key: asked.key,
            order: asked.order,
            msisdn: asked.msisdn,
            home,
            epoch,
            prize: asked.prize,
            tax,
            wanted: asked.wanted,
            status: AwardStatus::AwaitingApproval,
            asked_by: asked.by.to_owned(),
            decided_by: String::new(),
            at: self.now,
            index: self.index,
            sent_index: 0,
            final_at: None,
            waits_for: EffectId(0),
        };
        let (pool, pending) = (LedgerAccount::PrizePool(asked.sp), LedgerAccount::AwardsPending);
        self.post(PostingReason::Award(id), pool, pending, asked.prize);
        self.entry.digest.feed(&award);
        self.outside.awards.awards.insert(id, award);
        self.outside.awards.references.insert(asked.key, id);
        self.outside.awards.bets.insert(asked.order, id);
        if approval {
            let status = AwardStatus::AwaitingApproval;
            self.tell_sp(asked.sp, SpEvent::Award { award: id, order: asked.order, status });
        } else {
            self.send_award(id);
        }
        Ok(Outcome::Award(id))
    }

    /// The second person has looked at an award.
    ///
    /// # Errors
    /// In this order: [`Refusal::AwardNotFound`], [`Refusal::WrongAwardStatus`],
    /// [`Refusal::ApprovedByAsker`].
    pub(crate) fn decide_award(&mut self, id: AwardId, approved: bool, by: &str) -> Result<Outcome, Refusal> {
        let award = self.award(id).ok_or(Refusal::AwardNotFound)?;
        if award.status != AwardStatus::AwaitingApproval {
            return Err(Refusal::WrongAwardStatus);
        }
        if award.asked_by == by {
            return Err(Refusal::ApprovedByAsker);
        }

        // From here it must succeed.
        by.clone_into(&mut self.outside.awards.awards.get_mut(&id).expect("just found").decided_by);
        if approved {
            self.send_award(id);
        } else {
            self.take_award_back(id, AwardStatus::Rejected);
        }
        Ok(Outcome::Award(id))
    }

    /// An award goes home: here, or to another province.
    fn send_award(&mut self, id: AwardId) {
        let award = self.award(id).expect("the verb has found the award").clone();
        if award.home == self.province {
            let result = self.accept_prize(&super::credit::Coming::of(&award));
            match result {
                Ok(()) => self.award_accepted(id),
                Err(refusal) => self.take_award_back(id, AwardStatus::Returned(refusal)),
            }
            return;
        }
        let effect = self.add_effect(Effect::CreditAward { award: id, home: award.home });
        let index = self.index;
        self.change_award(id, |award| {
            award.status = AwardStatus::Crediting;
            award.sent_index = index;
            award.waits_for = effect;
        });
    }

    /// Records what the home province answered. Harmless when repeated: the first answer stands.
    ///
    /// # Errors
    /// [`Refusal::AwardNotFound`], [`Refusal::WrongAwardStatus`] before it was sent.
    pub(crate) fn record_award(&mut self, id: AwardId, result: Result<(), Refusal>) -> Result<Outcome, Refusal> {
        let award = self.award(id).ok_or(Refusal::AwardNotFound)?;
        match award.status {
            AwardStatus::AwaitingApproval => return Err(Refusal::WrongAwardStatus),
            AwardStatus::Crediting => {
                let effect = award.waits_for;
                self.end_effect(effect);
                match result {
                    Ok(()) => self.award_accepted(id),
                    Err(refusal) => self.take_award_back(id, AwardStatus::Returned(refusal)),
                }
            }
            AwardStatus::Accepted | AwardStatus::Rejected | AwardStatus::Returned(_) => {}
        }
        Ok(Outcome::Award(id))
    }

    /// The home province has it: it is no longer ours to pay.
    fn award_accepted(&mut self, id: AwardId) {
        let award = self.award(id).expect("the caller has found it");
        let (home, net, tax) = (award.home, award.net(), award.tax);
        let pending = LedgerAccount::AwardsPending;
        // At home here it was posted when the prize was taken.
        if home != self.province {
            self.post(PostingReason::Award(id), pending, LedgerAccount::DueTo(home), net);
        }
        if tax.is_positive() {
            self.post(PostingReason::Award(id), pending, LedgerAccount::TaxPayable, tax);
        }
        self.end_award(id, AwardStatus::Accepted);
    }

    /// The money goes back to the pool, and the bet may be awarded anew.
    fn take_award_back(&mut self, id: AwardId, status: AwardStatus) {
        let award = self.award(id).expect("the caller has found it");
        let (sp, prize, order) = (award.sp, award.prize, award.order);
        self.post(PostingReason::Award(id), LedgerAccount::AwardsPending, LedgerAccount::PrizePool(sp), prize);
        self.outside.awards.bets.remove(&order);
        self.end_award(id, status);
    }

    fn end_award(&mut self, id: AwardId, status: AwardStatus) {
        let end = (self.now, self.index);
        self.change_award(id, |award| {
            award.status = status;
            award.final_at = Some(end);
            award.waits_for = EffectId(0);
        });
    }

    fn change_award(&mut self, id: AwardId, change: impl FnOnce(&mut Award)) {
        let row = self.outside.awards.awards.get_mut(&id).expect("the verb has found the award");
        let before = row.status;
        change(row);
        let row = row.clone();
        self.entry.digest.feed(&row);
        if row.status != before {
            self.tell_sp(row.sp, SpEvent::Award { award: id, order: row.order, status: row.status });
        }
    }

    /// A bet that was awarded stands as it is.
    ///
    /// # Errors
    /// [`Refusal::OrderAwarded`].
    pub(crate) fn check_not_awarded(&self, order: OrderId) -> Result<(), Refusal> {
        #[cfg(feature = "mutants")]
        if self.is_mutant(crate::mutant::Mutant::AwardedBetReversed) {
            return Ok(());
        }
        self.award_of(order).map_or(Ok(()), |_| Err(Refusal::OrderAwarded))
    }

    /// Forgets awards and prizes whose bets were forgotten long ago; those that wait stay.
    pub(crate) fn prune_awards(&mut self, before: crate::time::LogTime, rows_max: usize) {
        let ended = |award: &Award| award.final_at.is_some_and(|(at, _)| at < before);
        let awards = self.awards().take_while(|award| award.id.issued_at() < before);
        let awards = awards.filter(|award| ended(award) && self.order(award.order).is_none());
        for award in awards.take(rows_max).cloned().collect::<Vec<_>>() {
            self.outside.awards.awards.remove(&award.id);
            self.outside.awards.references.remove(&award.key);
            if self.outside.awards.bets.get(&award.order) == Some(&award.id) {
                self.outside.awards.bets.remove(&award.order);
            }
        }
        let prizes = self.prizes().take_while(|prize| prize.id.issued_at() < before);
        let over = |prize: &&super::Prize| {
            prize.at < before && !matches!(prize.status, super::PrizeStatus::Waiting | super::PrizeStatus::Paying(_))
        };
        for id in prizes.filter(over).map(|prize| prize.id).take(rows_max).collect::<Vec<_>>() {
            let calls = self.outside.awards.prizes.remove(&id).map(|prize| prize.calls).unwrap_or_default();
            for call in calls {
                self.outside.calls.remove(&call);
            }
        }
    }
}
