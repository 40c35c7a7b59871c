//! Every account change is told by SMS, once, to whom it concerns: in the entry that made the change,
//! and in the end at the SMS centre.

use std::collections::BTreeMap;

use mpss_domain::journal::{JournalBody, PostingReason};
use mpss_domain::{Effect, EffectId, Msisdn, ProvinceId, SmsText};

use super::{AtRest, Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct Texts {
    /// The last effect seen in each province.
    last: BTreeMap<ProvinceId, EffectId>,
    /// Message ids of all texts, with their reader.
    promised: BTreeMap<String, Msisdn>,
}

impl Property for Texts {
    fn name(&self) -> &'static str {
        "every account change is told"
    }

    fn clause(&self) -> &'static str {
        "source §5.4: every account change is told by SMS"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let mut owed: BTreeMap<Msisdn, i64> = BTreeMap::new();
        for record in entry.journal {
            let account = match &record.body {
                // The closing is told, with what was paid out.
                JournalBody::Posted { reason: PostingReason::PayOut(_), .. } => continue,
                // What left the bank account is told with what came in.
                JournalBody::Posted { reason: PostingReason::TopUp(_), statement: Some(line), .. }
                    if line.amount.is_negative() =>
                {
                    continue;
                }
                JournalBody::Posted { statement: Some(line), .. } => line.account,
                JournalBody::AccountChanged { account, .. } => *account,
                _ => continue,
            };
            if let Some(account) = entry.state.account(account) {
                *owed.entry(account.msisdn).or_default() += 1;
            }
        }
        let last = self.last.entry(*province).or_default();
        for row in entry.state.effects_from(EffectId(last.0 + 1)) {
            *last = row.id;
            if let Effect::Sms { to, text, .. } = &row.effect {
                // A code, or a prize that waits, is told before there is an account that could change; a card
                // that brought nothing, and goods on their way, change none.
                if !matches!(
                    text,
                    SmsText::ConfirmBinding { .. }
                        | SmsText::AwardWaits { .. }
                        | SmsText::RechargeRefused { .. }
                        | SmsText::RechargeLocked { .. }
                        | SmsText::BankTopUpRefused { .. }
                        | SmsText::Shipped { .. }
                        | SmsText::WishRefused { .. }
                        | SmsText::WishLapsed { .. }
                ) {
                    *owed.entry(*to).or_default() -= 1;
                }
                self.promised.insert(format!("{province}-{}", row.id.0), *to);
            }
        }
        let wrong = owed.into_iter().filter(|(_, owed)| *owed != 0);
        wrong
            .map(|(msisdn, owed)| format!("entry {} of {province} owes {msisdn} {owed} more texts", entry.index))
            .collect()
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let smsc = rest.country.smsc();
        let missing = self.promised.iter().filter(|(id, _)| !smsc.has(id));
        missing.map(|(id, msisdn)| format!("text {id} to {msisdn} never came to the SMS centre")).collect()
    }
}
