//! Binding a bank card (product §5, 6.1.2): asked by the bank, confirmed by the subscriber.
//!
//! ```text
//!  bank: bind ─▶ waiting, a code by SMS ─▶ subscriber: code and payment password ─▶ active, the bank is told
//!                     ├─ three wrong codes ─▶ refused, the bank is told
//!                     └─ a day without an answer ─▶ lapsed, the bank is told
//! ```
//!
//! The bank may end a binding, put another card in its place (`card_change.rs`), freeze the account bound to its card, and push money into the
//! subscriber's virtual account (划账充值).

use serde::{Deserialize, Serialize};

use crate::account::{AccountKind, AccountStatus};
use crate::effect::{Effect, EffectId, SmsText};
use crate::ids::{AccountId, BindingId, Msisdn, TopUpId};
use crate::journal::{AccountChange, PostingReason};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Movement, OpenOrders, Step};
use crate::open_account::Opening;
use crate::outcome::Outcome;
use crate::outside::{Card, Means};
use crate::rail::RailName;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;
use crate::timer::{Timer, TimerKind};

/// Without the subscriber's word for so long a binding lapses, in ms.
const CONFIRM_WITHIN_MS: u64 = 24 * 3_600_000;

/// Wrong codes that end a binding.
const WRONG_CODES_MAX: u8 = 3;

/// Where a binding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BindingStatus {
    /// The subscriber is asked.
    Waiting,
    /// Confirmed: the account stands on the card.
    Active(AccountId),
    /// The subscriber gave wrong codes. Final.
    Refused,
    /// The subscriber did not answer. Final.
    Lapsed,
    /// Ended by the bank, or with the account. Final.
    Ended,
}

impl BindingStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active(_) => "active",
            Self::Refused => "refused",
            Self::Lapsed => "lapsed",
            Self::Ended => "ended",
        }
    }
}

/// A card that a bank binds to a number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Its id.
    pub id: BindingId,
    /// Whose number.
    pub msisdn: Msisdn,
    /// The card.
    pub card: Card,
    /// Where it stands.
    pub status: BindingStatus,
    /// What the subscriber has to repeat: six digits, in one text and for one day.
    pub code: u32,
    /// Wrong codes so far.
    pub wrong_codes: u8,
    /// It lapses then.
    pub until: LogTime,
    /// The effect that tells the bank how it ended; 0 when none.
    pub waits_for: EffectId,
}

impl std::fmt::Debug for Binding {
    /// Without the code: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binding").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}

impl State {
    /// A binding.
    #[must_use]
    pub fn binding(&self, id: BindingId) -> Option<&Binding> {
        self.outside.bindings.get(&id)
    }

    /// The binding that waits for a subscriber's word.
    #[must_use]
    pub fn waiting_binding(&self, msisdn: Msisdn) -> Option<&Binding> {
        let waits = |binding: &&Binding| binding.msisdn == msisdn && binding.status == BindingStatus::Waiting;
        self.outside.bindings.iter().map(|(_, binding)| binding).find(waits)
    }

    /// A bank asks for a card to be bound. A newer one takes the place of one that waits.
    ///
    /// # Errors
    /// In this order: the number ([`State::check_home_is_here`]); [`Refusal::AccountExists`].
    pub(crate) fn bind_card(&mut self, msisdn: Msisdn, card: &Card, code: u32) -> Result<Outcome, Refusal> {
        self.check_home_is_here(msisdn)?;
        if self.has_bank_account(msisdn) {
            return Err(Refusal::AccountExists);
        }
        if let Some(waiting) = self.waiting_binding(msisdn).map(|binding| binding.id) {
            self.end_binding(waiting, BindingStatus::Lapsed);
        }

        // From here it must succeed.
        let id: BindingId = self.ids.issue(self.now, self.province);
        let until = self.now.plus_ms(CONFIRM_WITHIN_MS);
        let binding = Binding {
            id,
            msisdn,
            card: card.clone(),
            status: BindingStatus::Waiting,
            code: code % 1_000_000,
            wrong_codes: 0,
            until,
            waits_for: EffectId(0),
        };
        self.timers.insert(Timer::new(until, TimerKind::BindingLapses(id)), ());
        self.entry.digest.feed(&binding);
        self.outside.bindings.insert(id, binding);
        self.ask_to_confirm(id);
        Ok(Outcome::Binding(id))
    }

    /// Does a number stand on a card already?
    pub(crate) fn has_bank_account(&self, msisdn: Msisdn) -> bool {
        let known = self.subscriber(msisdn).and_then(|subscriber| subscriber.accounts[AccountKind::Bank as usize]);
        known.and_then(|id| self.account(id)).is_some_and(|row| row.status != AccountStatus::Closed)
    }

    /// Sends the code to the subscriber.
    pub(super) fn ask_to_confirm(&mut self, id: BindingId) {
        let binding = self.binding(id).expect("the verb has found the binding");
        let (to, last_four, code, until) =
            (binding.msisdn, binding.card.last_four.clone(), binding.code, binding.until);
        self.tell_number(to, SmsText::ConfirmBinding { last_four, code, until });
    }

    /// Sends a text to a number that may be no subscriber yet.
    pub(crate) fn tell_number(&mut self, to: Msisdn, text: SmsText) {
        let language = self.subscriber(to).map(|subscriber| subscriber.language).unwrap_or_default();
        self.add_effect(Effect::Sms { to, language, text });
    }

    /// The subscriber confirms, and the account is opened on the card.
    ///
    /// # Errors
    /// In this order: [`Refusal::BindingNotFound`]; [`Refusal::WrongCode`], counted; then as for any
    /// account that is opened.
    pub(crate) fn confirm_binding(&mut self, code: u32, opening: &Opening<'_>) -> Result<Outcome, Refusal> {
        let binding = self.waiting_binding(opening.msisdn).ok_or(Refusal::BindingNotFound)?;
        let (id, right) = (binding.id, binding.code == code);
        if !right {
            let row = self.outside.bindings.get_mut(&id).expect("just found");
            row.wrong_codes += 1;
            let last = row.wrong_codes >= WRONG_CODES_MAX;
            if last {
                self.end_binding(id, BindingStatus::Refused);
            }
            return Err(Refusal::WrongCode);
        }
        let means = Means::Card(Box::new(binding.card.clone()));
        let outcome = self.open_outside(opening, &means)?;
        let Outcome::Account(view) = &outcome else { unreachable!("an opening gives an account") };
        let account = view.account.id;
        self.end_binding(id, BindingStatus::Active(account));
        Ok(outcome)
    }

    /// The bank ends a binding: the account on the card is closed as soon as nothing of it is open.
    ///
    /// # Errors
    /// In this order: [`Refusal::BindingNotFound`]; [`Refusal::OpenOrdersRemain`].
    pub(crate) fn unbind_card(&mut self, id: BindingId) -> Result<Outcome, Refusal> {
        let status = self.binding(id).ok_or(Refusal::BindingNotFound)?.status;
        match status {
            BindingStatus::Waiting => self.end_binding(id, BindingStatus::Ended),
            BindingStatus::Active(account) => {
                let row = self.account(account).expect("an account is kept for ever");
                let open = row.open_orders > 0 || self.link(account).is_some_and(|link| link.open_calls > 0);
                if open {
                    return Err(Refusal::OpenOrdersRemain);
                }
                let (msisdn, before) = (row.msisdn, row.status);
                if before != AccountStatus::Closed {
                    if let AccountStatus::Frozen { until: Some(until) } = before {
                        self.timers.remove(&Timer::new(until, TimerKind::Thaw(account)));
                    }
                    self.accounts.get_mut(&account).expect("just found").status = AccountStatus::Closed;
                    self.record_change(account, AccountChange::Closed);
                    self.tell(msisdn, SmsText::AccountClosed { kind: AccountKind::Bank, paid_out: Money::ZERO });
                }
                self.end_binding(id, BindingStatus::Ended);
            }
            BindingStatus::Refused | BindingStatus::Lapsed | BindingStatus::Ended => {}
        }
        Ok(Outcome::Binding(id))
    }

    /// The bank pushes money into the subscriber's virtual account (划账充值).
    ///
    /// # Errors
    /// In this order: the amount; the number; the account, its status, whether it is kept here; the ceiling.
    pub(crate) fn push_top_up(&mut self, msisdn: Msisdn, amount: Money) -> Result<Outcome, Refusal> {
        amount.check_request()?;
        self.check_home_is_here(msisdn)?;
        let account = self
            .select_account(msisdn, crate::AccountSelector::Kind(AccountKind::StoredValue))
            .ok_or(Refusal::AccountNotFound)?;
        account.check_active()?;
        let id = account.id;
        self.check_kept_here(id)?;
        if !self.fits_under_ceiling(id, amount) {
            return Err(Refusal::BalanceCeilingExceeded);
        }

        // From here it must succeed.
        let top_up: TopUpId = self.ids.issue(self.now, self.province);
        let balance = self.move_money(
            id,
            Movement {
                step: Step::Credit,
                amount,
                reason: PostingReason::TopUp(top_up),
                against: LedgerAccount::RailClearing(RailName::BankRealTime),
                counterparty: None,
                open_orders: OpenOrders::Same,
            },
        );
        self.tell(msisdn, SmsText::ToppedUp { amount, balance });
        Ok(Outcome::ToppedUp { top_up, account: id, amount, balance })
    }

    /// Customer service or the bank freezes an account without its password.
    ///
    /// # Errors
    /// In this order: the account, the status, the date.
    pub(crate) fn freeze_by_office(&mut self, id: AccountId, until: Option<LogTime>) -> Result<Outcome, Refusal> {
        self.account(id).ok_or(Refusal::AccountNotFound)?;
        self.freeze(id, until)
    }

    /// A binding's time is over.
    pub(crate) fn binding_lapses(&mut self, id: BindingId) {
        self.end_binding(id, BindingStatus::Lapsed);
    }

    /// Ends the waiting of a binding, or the binding itself, and tells the bank.
    fn end_binding(&mut self, id: BindingId, status: BindingStatus) {
        let effect = self.add_effect(Effect::TellBank { binding: id });
        let row = self.outside.bindings.get_mut(&id).expect("the verb has found the binding");
        let told_before = std::mem::replace(&mut row.waits_for, effect);
        row.status = status;
        let timer = Timer::new(row.until, TimerKind::BindingLapses(id));
        let row = row.clone();
        self.timers.remove(&timer);
        // What the bank was not told yet is not true any more.
        self.end_effect(told_before);
        self.entry.digest.feed(&row);
    }
}
