//! The life of a top-up by card, from the first question to the money.

use super::{Recharge, RechargeCard, RechargeStatus, WRONG_PINS_MAX};
use crate::account::AccountKind;
use crate::effect::SmsText;
use crate::ids::{AccountId, CallId, Msisdn, TopUpId};
use crate::journal::PostingReason;
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Movement, OpenOrders, Step};
use crate::outcome::Outcome;
use crate::rail::RailName;
use crate::rail::call::{CallStep, Phase, Subject};
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;
use crate::vault::SealedPin;

const RAIL: RailName = RailName::Recharge;

impl State {
    /// Takes a card for an account and has the platform asked for it.
    ///
    /// # Errors
    /// In this order: [`Refusal::RechargeCardUnknown`] for a PIN that is not even sealed; the account, its
    /// status, its kind, the number; [`Refusal::RechargeLocked`]; [`Refusal::RechargeCardUsed`] or
    /// [`Refusal::RechargeCardInUse`] when the card is with another top-up;
    /// [`Refusal::RechargesUnderWay`]; the ceiling, when not a fen more fits.
    pub(crate) fn top_up_by_card(
        &mut self,
        id: AccountId,
        card: RechargeCard,
        pin: &SealedPin,
    ) -> Result<Outcome, Refusal> {
        if !pin.is_well_formed() {
            return Err(Refusal::RechargeCardUnknown);
        }
        let account = self.account(id).ok_or(Refusal::AccountNotFound)?;
        account.check_active()?;
        if account.kind != AccountKind::StoredValue {
            return Err(Refusal::AccountKindUnsupported);
        }
        self.check_kept_here(id)?;
        let msisdn = account.msisdn;
        self.check_home_is_here(msisdn)?;
        let wrong = self.wrong_pins(msisdn);
        if wrong >= WRONG_PINS_MAX {
            return Err(Refusal::RechargeLocked(self.now.business_day().next().start()));
        }
        if let Some(other) = self.outside.recharges.cards.get(&card) {
            let credited = self.recharge(*other).is_some_and(|row| row.status == RechargeStatus::Credited);
            return Err(if credited { Refusal::RechargeCardUsed } else { Refusal::RechargeCardInUse });
        }
        // What is being checked may be wrong: nobody guesses faster by asking in parallel.
        let checking = self.recharges_open(id).filter(|row| row.status == RechargeStatus::Checking).count();
        if usize::from(wrong) + checking >= usize::from(WRONG_PINS_MAX) {
            return Err(Refusal::RechargesUnderWay);
        }
        if !self.fits_under_ceiling(id, Money::fen(1)) {
            return Err(Refusal::BalanceCeilingExceeded);
        }

        // From here it must succeed.
        let top_up: TopUpId = self.ids.issue(self.now, self.province);
        let row = Recharge {
            id: top_up,
            account: id,
            msisdn,
            card,
            pin: pin.clone(),
            status: RechargeStatus::Checking,
            amount: Money::ZERO,
            balance: Money::ZERO,
            at: self.now,
            index: self.index,
            final_at: None,
            calls: Vec::new(),
        };
        self.entry.digest.feed(&row);
        let rows = &mut self.outside.recharges;
        rows.cards.insert(card, top_up);
        rows.open.insert((id, top_up), ());
        rows.rows.insert(top_up, row);
        // It counts as an order: an account is not closed while money is on its way to it.
        self.accounts.get_mut(&id).expect("just found").open_orders += 1;
        self.add_call(RAIL, CallStep::Hold, Subject::Recharge(top_up), Money::ZERO, None);
        Ok(Outcome::TopUpTaken(top_up))
    }

    /// The platform has done what a call asked.
    pub(crate) fn recharge_approved(&mut self, id: TopUpId, call: CallId) {
        let call = self.call(call).expect("it has just ended");
        let (step, amount, original) = (call.step, call.amount, call.as_original());
        match step {
            CallStep::Hold => {
                self.change_recharge(id, |row| {
                    row.amount = amount;
                    row.pin.wipe();
                });
                match self.check_coming(id) {
                    Ok(()) => {
                        self.change_recharge(id, |row| row.status = RechargeStatus::Using);
                        self.add_call(RAIL, CallStep::Capture, Subject::Recharge(id), amount, Some(original));
                        #[cfg(feature = "mutants")]
                        if self.is_mutant(crate::mutant::Mutant::RechargeCreditedBeforeUse) {
                            self.credit_recharge(id, LedgerAccount::RailClearing(RAIL));
                        }
                    }
                    Err(refusal) => {
                        self.add_call(RAIL, CallStep::Release, Subject::Recharge(id), amount, Some(original));
                        self.refuse_recharge(id, refusal);
                    }
                }
            }
            CallStep::Capture => self.credit_recharge(id, LedgerAccount::RailClearing(RAIL)),
            _ => self.free_card(id),
        }
    }

    /// The platform has not done what a call asked, or nobody knows.
    pub(crate) fn recharge_failed(&mut self, id: TopUpId, call: CallId) {
        let call = self.call(call).expect("it has just ended");
        match (call.step, call.phase) {
            (CallStep::Hold, Phase::Declined(refusal)) => self.refuse_recharge(id, refusal),
            // It is still set aside for us there, and would be for ever.
            (CallStep::Capture, Phase::Declined(refusal)) => {
                let (amount, original) = (call.amount, call.original.clone());
                self.add_call(RAIL, CallStep::Release, Subject::Recharge(id), amount, original);
                self.refuse_recharge(id, refusal);
            }
            (CallStep::Hold, _) => self.refuse_recharge(id, Refusal::RailUnavailable),
            // The card is set aside for us and nobody else can use it: it is the subscriber's money, and
            // reconciliation has the platform pay for it.
            (CallStep::Capture, _) => {
                #[cfg(feature = "mutants")]
                if self.is_mutant(crate::mutant::Mutant::RechargeLostPastBound) {
                    self.refuse_recharge(id, Refusal::Unresolved);
                    return;
                }
                self.credit_recharge(id, LedgerAccount::Suspense);
            }
            _ => self.free_card(id),
        }
    }

    /// Nobody knows whether the card was set aside; that it was is being undone.
    pub(crate) fn recharge_given_up(&mut self, id: TopUpId) {
        self.refuse_recharge(id, Refusal::Unresolved);
    }

    /// May what the card is worth come in? Once this is said, it lands.
    fn check_coming(&self, id: TopUpId) -> Result<(), Refusal> {
        let row = self.recharge(id).expect("the caller has found it");
        row.amount.check_request()?;
        self.account(row.account).expect("an account is kept for ever").check_active()?;
        if self.fits_under_ceiling(row.account, row.amount) { Ok(()) } else { Err(Refusal::BalanceCeilingExceeded) }
    }

    fn credit_recharge(&mut self, id: TopUpId, against: LedgerAccount) {
        let row = self.recharge(id).expect("the caller has found it");
        let (account, msisdn, amount) = (row.account, row.msisdn, row.amount);
        #[cfg(feature = "mutants")]
        if row.status.is_final() {
            return;
        }
        let balance = self.move_money(
            account,
            Movement {
                step: Step::Credit,
                amount,
                reason: PostingReason::TopUp(id),
                against,
                counterparty: None,
                open_orders: OpenOrders::OneLess,
            },
        );
        self.change_recharge(id, |row| row.balance = balance);
        self.end_recharge(id, RechargeStatus::Credited);
        self.tell(msisdn, SmsText::RechargedByCard { amount, balance });
    }

    fn refuse_recharge(&mut self, id: TopUpId, refusal: Refusal) {
        let row = self.recharge(id).expect("the caller has found it");
        let (account, msisdn) = (row.account, row.msisdn);
        #[cfg(feature = "mutants")]
        if row.status.is_final() {
            return;
        }
        let account = self.accounts.get_mut(&account).expect("an account is kept for ever");
        account.open_orders = account.open_orders.checked_sub(1).expect("every open top-up was counted");
        self.end_recharge(id, RechargeStatus::Refused(refusal));
        self.free_card(id);
        let locked = refusal == Refusal::RechargeCardUnknown && self.count_wrong_pin(msisdn);
        if locked {
            let until = self.now.business_day().next().start();
            self.tell(msisdn, SmsText::RechargeLocked { until });
        } else {
            self.tell(msisdn, SmsText::RechargeRefused { why: refusal });
        }
    }

    fn end_recharge(&mut self, id: TopUpId, status: RechargeStatus) {
        let end = (self.now, self.index);
        let account = self.change_recharge(id, |row| {
            row.status = status;
            row.final_at = Some(end);
            row.pin.wipe();
            row.account
        });
        self.outside.recharges.open.remove(&(account, id));
    }

    /// The card may be asked for again once it was not used here and nothing is open about it.
    fn free_card(&mut self, id: TopUpId) {
        let row = self.recharge(id).expect("the caller has found it");
        let open = self.calls_about(Subject::Recharge(id)).any(|call| !call.phase.is_final());
        let card = row.card;
        if matches!(row.status, RechargeStatus::Refused(_)) && !open {
            self.outside.recharges.cards.remove(&card);
        }
    }

    /// Wrong PINs of a subscriber today.
    fn wrong_pins(&self, msisdn: Msisdn) -> u8 {
        self.outside.recharges.wrong.get(&(self.now.business_day(), msisdn)).copied().unwrap_or_default()
    }

    /// Counts a wrong PIN. True when this one locks.
    fn count_wrong_pin(&mut self, msisdn: Msisdn) -> bool {
        let wrong = self.wrong_pins(msisdn).saturating_add(1);
        let key = (self.now.business_day(), msisdn);
        self.entry.digest.feed(&(key, wrong));
        self.outside.recharges.wrong.insert(key, wrong);
        wrong == WRONG_PINS_MAX
    }

    fn change_recharge<R>(&mut self, id: TopUpId, change: impl FnOnce(&mut Recharge) -> R) -> R {
        let row = self.outside.recharges.rows.get_mut(&id).expect("a top-up is kept until it is final");
        let result = change(row);
        self.entry.digest.feed(row);
        result
    }

    /// When [`State::prune_recharges`] has something to do next; rows are kept for `longer` ms.
    pub(crate) fn prune_recharges_due(&self, longer: u64) -> Option<LogTime> {
        use crate::ids::IssuedId;
        let row = self.outside.recharges.rows.first().map(|(id, _)| id.issued_at().plus_ms(longer));
        let day = self.outside.recharges.wrong.first().map(|((day, _), _)| day.next().start());
        [row, day].into_iter().flatten().min()
    }

    /// Forgets top-ups issued before `before` that are over, and wrong PINs of other days.
    pub(crate) fn prune_recharges(&mut self, before: LogTime, rows_max: usize) {
        use crate::ids::IssuedId;
        let over = |row: &&Recharge| {
            let open = row.calls.iter().any(|call| self.call(*call).is_some_and(|call| !call.phase.is_final()));
            row.final_at.is_some_and(|(at, _)| at < before) && !open
        };
        let old = self.recharges().take_while(|row| row.id.issued_at() < before);
        for id in old.filter(over).map(|row| row.id).take(rows_max).collect::<Vec<_>>() {
            let by_clearing = self.used_at_platform(id);
            let rows = &mut self.outside.recharges;
            let Some(row) = rows.rows.remove(&id) else { continue };
            if by_clearing {
                rows.forgotten += row.amount;
            }
            if rows.cards.get(&row.card) == Some(&id) {
                rows.cards.remove(&row.card);
            }
            for call in row.calls {
                self.outside.calls.remove(&call);
            }
        }
        let today = self.now.business_day();
        let old = self.outside.recharges.wrong.iter().map(|(key, _)| *key).take_while(|(day, _)| *day < today);
        for key in old.take(rows_max).collect::<Vec<_>>() {
            self.outside.recharges.wrong.remove(&key);
        }
    }

    /// Has the platform said that the card of a top-up is used?
    pub(super) fn used_at_platform(&self, id: TopUpId) -> bool {
        let mut calls = self.calls_about(Subject::Recharge(id));
        calls.any(|call| call.step == CallStep::Capture && call.phase == Phase::Approved)
    }
}
