//! A subscriber asks for a code.

use crate::account::AccountKind;
use crate::ids::Msisdn;
use crate::outcome::Outcome;
use crate::payment_codes::{CodeView, GOOD_MS, IssueCode, IssuedCode, OPEN_MAX, PaymentCode, REMEMBERED_MS};
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;

impl State {
    /// Issues a code that pays once, within a minute, at most `amount`.
    ///
    /// # Errors
    /// In this order: the amount; the account and its password ([`State::owner_of`]); its kind, its status, its
    /// limit for one payment; [`Refusal::PaymentCodesOpen`], also for a code that is remembered: another is drawn.
    pub(crate) fn issue_code(&mut self, ask: &IssueCode) -> Result<Outcome, Refusal> {
        let &IssueCode { account, verdict, amount, code, ref sealed } = ask;
        amount.check_request()?;
        let msisdn = self.owner_of(account, verdict)?;
        let row = self.account(account).expect("just found");
        if row.kind != AccountKind::StoredValue && self.link(account).is_none() {
            return Err(Refusal::AccountKindUnsupported);
        }
        row.check_active()?;
        let tier = self.subscriber(msisdn).expect("an account belongs to a subscriber").tier;
        if amount > row.per_payment_limit.min(self.policy.ceilings(row.kind, tier).per_payment) {
            return Err(Refusal::PerPaymentLimitExceeded);
        }
        if self.codes_open(msisdn) >= OPEN_MAX || self.payment_code(code).is_some() {
            return Err(Refusal::PaymentCodesOpen);
        }

        // From here it must succeed.
        let until = self.now.plus_ms(GOOD_MS);
        let row = IssuedCode { code, account, msisdn, amount, until, used: None };
        self.entry.digest.feed(&row);
        let codes = &mut self.outside.payment_codes;
        codes.rows.insert(code, row);
        codes.of.insert((msisdn, code), ());
        codes.ends.insert((until, code), ());
        Ok(Outcome::PaymentCode(Box::new(CodeView { account, amount, until, sealed: sealed.clone() })))
    }

    /// Codes of a subscriber that may still pay.
    fn codes_open(&self, msisdn: Msisdn) -> usize {
        let of = self.outside.payment_codes.of.iter_from((msisdn, PaymentCode::new(0)));
        let codes = of.map(|(key, ())| key).take_while(|(whose, _)| *whose == msisdn);
        let rows = codes.filter_map(|(_, code)| self.payment_code(*code));
        rows.filter(|row| row.used.is_none() && self.now < row.until).count()
    }

    /// When [`State::prune_codes`] has something to do next.
    pub(crate) fn prune_codes_due(&self) -> Option<LogTime> {
        let codes = &self.outside.payment_codes;
        let end = codes.ends.first().map(|((until, _), ())| until.plus_ms(REMEMBERED_MS));
        let day = codes.wrong.first().map(|((day, _), _)| day.next().start());
        [end, day].into_iter().flatten().min()
    }

    /// Forgets codes whose end is long past, and guesses of other days.
    pub(crate) fn prune_codes(&mut self, rows_max: usize) {
        let (now, today) = (self.now, self.now.business_day());
        let codes = &mut self.outside.payment_codes;
        let over = codes.ends.iter().map(|(key, ())| *key).take_while(|(until, _)| until.plus_ms(REMEMBERED_MS) < now);
        for (until, code) in over.take(rows_max).collect::<Vec<_>>() {
            codes.ends.remove(&(until, code));
            if let Some(row) = codes.rows.remove(&code) {
                codes.of.remove(&(row.msisdn, code));
            }
        }
        let old = codes.wrong.iter().map(|(key, _)| *key).take_while(|(day, _)| *day < today);
        for key in old.take(rows_max).collect::<Vec<_>>() {
            codes.wrong.remove(&key);
        }
    }
}
