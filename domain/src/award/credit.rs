//! The home side of an award: which account takes it, and what happens while none can.

use super::{Award, Prize, PrizeStatus};
use crate::account::{AccountKind, AccountSelector, AccountStatus};
use crate::effect::SmsText;
use crate::ids::{AccountId, AwardId, CallId, IssuedId, Msisdn, OrderId};
use crate::journal::PostingReason;
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Movement, OpenOrders, Step};
use crate::outcome::Outcome;
use crate::rail::call::{CallStep, Phase, Subject};
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;
use crate::timer::{Timer, TimerKind};

/// A prize that nothing could take is looked at again after so long, in ms; sooner when an account of
/// the winner is opened or thaws.
const LOOK_AGAIN_MS: u64 = 24 * 3_600_000;

/// What [`crate::Verb::CreditAward`] says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coming {
    pub(crate) award: AwardId,
    pub(crate) order: OrderId,
    pub(crate) msisdn: Msisdn,
    pub(crate) amount: Money,
    pub(crate) wanted: AccountKind,
    pub(crate) epoch: u64,
}

impl Coming {
    pub(crate) fn of(award: &Award) -> Self {
        Self {
            award: award.id,
            order: award.order,
            msisdn: award.msisdn,
            amount: award.net(),
            wanted: award.wanted,
            epoch: award.epoch,
        }
    }
}

/// What can be done for a prize now.
enum Way {
    /// This account takes it.
    To(AccountId),
    /// It waits: the account that was wanted is frozen, or there is none.
    Wait,
}

impl State {
    /// Takes an award that another province tells of. The first decision is kept with the award's id and
    /// never changes, a refusal of any kind included: the serving side takes the money back on it, so a
    /// copy that arrives later must not credit. Once taken it is the winner's, whatever becomes of it here.
    ///
    /// # Errors
    /// In this order: [`Refusal::AwardMismatch`] for an award of our own or a known id with other
    /// content; the known decision; [`Refusal::RequestTooOld`] when one could have been forgotten, the
    /// only answer that decides nothing; then the amount; the number and its home.
    pub(crate) fn credit_award(&mut self, coming: &Coming) -> Result<Outcome, Refusal> {
        if coming.award.province().is_none_or(|serving| serving == self.province) {
            return Err(Refusal::AwardMismatch);
        }
        if let Some(known) = self.prize(coming.award) {
            let same = (known.msisdn, known.amount, known.order) == (coming.msisdn, coming.amount, coming.order);
            return match known.status {
                _ if !same => Err(Refusal::AwardMismatch),
                PrizeStatus::Refused(refusal) => Err(refusal),
                _ => Ok(Outcome::Award(coming.award)),
            };
        }
        if self.can_be_forgotten(coming.award.issued_at()) {
            return Err(Refusal::RequestTooOld);
        }
        let result = coming.amount.check_request().and_then(|()| self.accept_prize(coming));
        if let Err(refusal) = result {
            let refused = Prize { status: PrizeStatus::Refused(refusal), ..self.new_prize(coming) };
            self.entry.digest.feed(&refused);
            self.outside.awards.prizes.insert(coming.award, refused);
        }
        result.map(|()| Outcome::Award(coming.award))
    }

    fn new_prize(&self, coming: &Coming) -> Prize {
        Prize {
            id: coming.award,
            order: coming.order,
            msisdn: coming.msisdn,
            amount: coming.amount,
            wanted: coming.wanted,
            status: PrizeStatus::Waiting,
            declined: [false; 3],
            at: self.now,
            index: self.index,
            next_at: LogTime(0),
            calls: Vec::new(),
        }
    }

    /// Owes the winner a prize from now on, and pays it if it can.
    ///
    /// # Errors
    /// What [`State::check_home`] refuses; then nothing is owed.
    pub(super) fn accept_prize(&mut self, coming: &Coming) -> Result<(), Refusal> {
        if self.province.is_national() {
            return Err(Refusal::NotHome);
        }
        self.check_home(coming.msisdn, self.province, coming.epoch)?;

        // From here it must succeed.
        let serving = coming.award.province().expect("an issued id names its province");
        let from =
            if serving == self.province { LedgerAccount::AwardsPending } else { LedgerAccount::DueFrom(serving) };
        self.post(PostingReason::Award(coming.award), from, LedgerAccount::AwardsWaiting, coming.amount);
        let prize = self.new_prize(coming);
        self.outside.awards.waiting.insert((coming.msisdn, coming.award), ());
        self.outside.awards.prizes.insert(coming.award, prize);
        self.pay_prize(coming.award);
        if self.prize(coming.award).is_some_and(|prize| prize.status == PrizeStatus::Waiting)
            && self.subscriber(coming.msisdn).is_some()
        {
            self.tell(coming.msisdn, SmsText::AwardWaits { order: coming.order, amount: coming.amount });
        }
        Ok(())
    }

    /// Pays a prize that waits to the account that can take it now, if there is one.
    fn pay_prize(&mut self, id: AwardId) {
        let prize = self.prize(id).expect("a prize that waits is kept").clone();
        assert!(prize.status == PrizeStatus::Waiting, "only what waits is paid: {prize:?}");
        match self.way_of(&prize) {
            Way::Wait => {
                let again = self.now.plus_ms(LOOK_AGAIN_MS);
                self.look_again_at(id, again);
            }
            Way::To(account) => {
                self.look_again_at(id, LogTime(0));
                self.outside.awards.waiting.remove(&(prize.msisdn, id));
                match self.link(account).map(|link| link.means.rail()) {
                    None => self.pay_into_wallet(&prize, account),
                    Some(rail) => {
                        self.change_prize(id, |prize| prize.status = PrizeStatus::Paying(account));
                        let (waiting, returning) = (LedgerAccount::AwardsWaiting, LedgerAccount::RailReturning(rail));
                        self.post(PostingReason::Award(id), waiting, returning, prize.amount);
                        self.add_call(rail, CallStep::Credit, Subject::Award(id), prize.amount, None);
                    }
                }
            }
        }
    }

    /// The account that was wanted, when it is in use and can hold it; one that is frozen is waited for.
    /// Else the first of those the policy names.
    fn way_of(&self, prize: &Prize) -> Way {
        let of_kind = |kind: AccountKind| {
            self.select_account(prize.msisdn, AccountSelector::Kind(kind))
                .filter(|account| account.status != AccountStatus::Closed && !prize.declined[kind as usize])
        };
        let takes = |kind: AccountKind| {
            let account = of_kind(kind)?;
            // Whoever keeps it outside has its own ceiling.
            let fits = self.link(account.id).is_some() || self.fits_under_ceiling(account.id, prize.amount);
            (account.status == AccountStatus::Active && fits).then_some(account.id)
        };
        if let Some(account) = takes(prize.wanted) {
            return Way::To(account);
        }
        if of_kind(prize.wanted).is_some_and(|account| account.status != AccountStatus::Active) {
            return Way::Wait;
        }
        let fallback = self.award_policy().fallback.iter().filter(|kind| **kind != prize.wanted);
        fallback.copied().find_map(takes).map_or(Way::Wait, Way::To)
    }

    fn pay_into_wallet(&mut self, prize: &Prize, account: AccountId) {
        let balance = self.move_money(
            account,
            Movement {
                step: Step::Credit,
                amount: prize.amount,
                reason: PostingReason::Award(prize.id),
                against: LedgerAccount::AwardsWaiting,
                counterparty: None,
                open_orders: OpenOrders::Same,
            },
        );
        self.change_prize(prize.id, |prize| prize.status = PrizeStatus::Paid(account));
        self.tell(prize.msisdn, SmsText::Awarded { order: prize.order, amount: prize.amount, balance });
    }

    /// Whoever has the money has credited a prize.
    pub(crate) fn prize_credited(&mut self, id: AwardId, call: CallId) {
        let prize = self.prize(id).expect("a prize is kept while it has calls").clone();
        let call = self.call(call).expect("it has just ended");
        let (rail, account) = (call.rail, call.account);
        let (returning, clearing) = (LedgerAccount::RailReturning(rail), LedgerAccount::RailClearing(rail));
        let reason = PostingReason::Award(id);
        self.post_line(account, reason, returning, clearing, prize.amount, prize.amount);
        self.change_prize(id, |prize| prize.status = PrizeStatus::Paid(account));
        let kind = self.account(account).expect("an account is kept for ever").kind;
        self.tell(prize.msisdn, SmsText::AwardedOutside { order: prize.order, amount: prize.amount, kind });
    }

    /// Whoever has the money has not credited a prize, or nobody knows.
    pub(crate) fn prize_not_credited(&mut self, id: AwardId, call: CallId) {
        let call = self.call(call).expect("it has just ended");
        let (rail, account, amount, phase) = (call.rail, call.account, call.amount, call.phase);
        let returning = LedgerAccount::RailReturning(rail);
        let reason = PostingReason::Award(id);
        if phase == Phase::Abandoned {
            self.post(reason, returning, LedgerAccount::Suspense, amount);
            self.change_prize(id, |prize| prize.status = PrizeStatus::InDoubt(account));
            return;
        }
        self.post(reason, returning, LedgerAccount::AwardsWaiting, amount);
        let kind = self.account(account).expect("an account is kept for ever").kind;
        self.change_prize(id, |prize| {
            prize.status = PrizeStatus::Waiting;
            prize.declined[kind as usize] = true;
        });
        let msisdn = self.prize(id).expect("just found").msisdn;
        self.outside.awards.waiting.insert((msisdn, id), ());
        self.pay_prize(id);
    }

    /// An account of a winner can take money again: whatever waits for it is looked at with the next
    /// tick, so that one command never pays without bound.
    pub(crate) fn wake_prizes(&mut self, msisdn: Msisdn) {
        for id in self.prizes_waiting(msisdn).map(|prize| prize.id).collect::<Vec<_>>() {
            self.look_again_at(id, self.now);
        }
    }

    /// It is time to look at a prize again.
    pub(crate) fn prize_due(&mut self, id: AwardId) {
        self.look_again_at(id, LogTime(0));
        self.change_prize(id, |prize| prize.declined = [false; 3]);
        self.pay_prize(id);
    }

    /// Sets the timer of a prize; zero takes it away.
    fn look_again_at(&mut self, id: AwardId, at: LogTime) {
        let row = self.outside.awards.prizes.get_mut(&id).expect("a prize that waits is kept");
        let before = std::mem::replace(&mut row.next_at, at);
        if before != LogTime(0) {
            self.timers.remove(&Timer::new(before, TimerKind::PrizeDue(id)));
        }
        if at != LogTime(0) {
            self.timers.insert(Timer::new(at, TimerKind::PrizeDue(id)), ());
        }
    }

    fn change_prize(&mut self, id: AwardId, change: impl FnOnce(&mut Prize)) {
        let row = self.outside.awards.prizes.get_mut(&id).expect("a prize is kept until it is paid");
        change(row);
        let row = row.clone();
        self.entry.digest.feed(&row);
    }
}
