//! A wish is asked for, told to the bank, and answered by it.

use crate::effect::{Effect, EffectId, SmsText};
use crate::ids::{IssuedId, WishId};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;
use crate::timer::{Timer, TimerKind};
use crate::wish::{AskBinding, BindWished, Wish, WishRefusal, WishStatus};

/// Without the bank's answer for so long a wish lapses, in ms.
const ANSWER_WITHIN_MS: u64 = 24 * 3_600_000;

impl State {
    /// A subscriber wants a card to be bound.
    ///
    /// # Errors
    /// In this order: the number ([`State::check_home_is_here`]); [`Refusal::AccountExists`];
    /// [`Refusal::WishWaits`]; [`Refusal::CardUnusable`] for a number that was not sealed.
    pub(crate) fn ask_binding(&mut self, ask: &AskBinding) -> Result<Outcome, Refusal> {
        let msisdn = ask.msisdn;
        self.check_home_is_here(msisdn)?;
        if self.has_bank_account(msisdn) {
            return Err(Refusal::AccountExists);
        }
        if self.open_wish(msisdn).is_some() {
            return Err(Refusal::WishWaits);
        }
        if !ask.number.is_well_formed() {
            return Err(Refusal::CardUnusable);
        }

        // From here it must succeed.
        let id: WishId = self.ids.issue(self.now, self.province);
        let until = self.now.plus_ms(ANSWER_WITHIN_MS);
        let wish = Wish {
            id,
            msisdn,
            bank: ask.bank.clone(),
            last_four: ask.last_four.clone(),
            number: ask.number.clone(),
            status: WishStatus::Waiting,
            at: self.now,
            until,
            waits_for: self.add_effect(Effect::AskBank { wish: id }),
        };
        self.timers.insert(Timer::new(until, TimerKind::WishLapses(id)), ());
        self.entry.digest.feed(&wish);
        self.outside.wishes.rows.insert(id, wish);
        self.outside.wishes.open.insert(msisdn, id);
        Ok(Outcome::Wish(id))
    }

    /// The bank has taken the word of a wish: the card's number need not be known here any more.
    pub(crate) fn wish_told(&mut self, id: WishId) {
        let Some(wish) = self.outside.wishes.rows.get_mut(&id) else { return };
        if wish.status == WishStatus::Waiting {
            wish.status = WishStatus::Told;
            wish.waits_for = EffectId(0);
            wish.number.wipe();
            self.entry.digest.feed(wish);
        }
    }

    /// The bank binds the card of a wish, or another of the same holder: what is confirmed is the card that the
    /// text names.
    ///
    /// # Errors
    /// In this order: [`Refusal::WishNotFound`], also when it is another number's; [`Refusal::WishOver`]; then as for
    /// any binding.
    pub(crate) fn bind_wished(&mut self, ask: &BindWished) -> Result<Outcome, Refusal> {
        let &BindWished { wish: id, msisdn, ref card, code } = ask;
        let wish = self.wish(id).filter(|wish| wish.msisdn == msisdn).ok_or(Refusal::WishNotFound)?;
        if !wish.status.is_open() {
            return Err(Refusal::WishOver);
        }
        let outcome = self.bind_card(msisdn, card, code)?;
        let Outcome::Binding(binding) = outcome else { unreachable!("a binding is asked for") };
        self.end_wish(id, WishStatus::Bound(binding));
        Ok(outcome)
    }

    /// The bank does not bind the card of a wish. Harmless when said again.
    ///
    /// # Errors
    /// In this order: [`Refusal::WishNotFound`]; [`Refusal::WishOver`].
    pub(crate) fn refuse_wish(&mut self, id: WishId, why: WishRefusal) -> Result<Outcome, Refusal> {
        let wish = self.wish(id).ok_or(Refusal::WishNotFound)?;
        let (msisdn, last_four) = (wish.msisdn, wish.last_four.clone());
        if wish.status == WishStatus::Refused(why) {
            return Ok(Outcome::Wish(id));
        }
        if !wish.status.is_open() {
            return Err(Refusal::WishOver);
        }
        self.end_wish(id, WishStatus::Refused(why));
        self.tell_number(msisdn, SmsText::WishRefused { last_four, why });
        Ok(Outcome::Wish(id))
    }

    /// A wish's time is over.
    pub(crate) fn wish_lapses(&mut self, id: WishId) {
        let wish = self.wish(id).expect("a wish that is open is kept");
        let (msisdn, last_four) = (wish.msisdn, wish.last_four.clone());
        self.end_wish(id, WishStatus::Lapsed);
        self.tell_number(msisdn, SmsText::WishLapsed { last_four });
    }

    fn end_wish(&mut self, id: WishId, status: WishStatus) {
        let wish = self.outside.wishes.rows.get_mut(&id).expect("the verb has found the wish");
        wish.status = status;
        wish.number.wipe();
        let told = std::mem::take(&mut wish.waits_for);
        let (msisdn, until) = (wish.msisdn, wish.until);
        self.entry.digest.feed(wish);
        self.timers.remove(&Timer::new(until, TimerKind::WishLapses(id)));
        self.outside.wishes.open.remove(&msisdn);
        self.end_effect(told);
    }

    /// Forgets wishes asked for before `before` that are over.
    pub(crate) fn prune_wishes(&mut self, before: LogTime, rows_max: usize) {
        let old = self.wishes().take_while(|wish| wish.id.issued_at() < before);
        let over = old.filter(|wish| !wish.status.is_open()).map(|wish| wish.id).take(rows_max);
        for id in over.collect::<Vec<_>>() {
            self.outside.wishes.rows.remove(&id);
        }
    }
}
