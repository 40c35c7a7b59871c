//! Rules that are data: ceilings and windows, and who may see and buy what (product §1, §2).

use mpss_domain::account::Tier;
use mpss_domain::policy::{Ceilings, Policy};
use mpss_domain::{AccountKind, HiddenBecause, Money, Outcome, ProvinceId, Refusal, Scope};

use super::Reference;

/// The highest sum a ceiling may name: ten thousand million yuan.
const SUM_MAX: Money = Money::yuan(10_000_000_000);

impl Reference {
    pub(super) fn ceilings(&self, kind: AccountKind, tier: Tier) -> &Ceilings {
        let kind = match kind {
            AccountKind::Communication => 0,
            AccountKind::StoredValue => 1,
            AccountKind::Bank => 2,
        };
        let tier = match tier {
            Tier::Anonymous => 0,
            Tier::Basic => 1,
            Tier::Full => 2,
        };
        &self.policy.ceilings[kind][tier]
    }

    /// Only a newer one that does not contradict itself.
    pub(super) fn set_policy(&mut self, policy: &Policy) -> Result<Outcome, Refusal> {
        if policy.version <= self.policy.version || contradicts_itself(policy) {
            return Err(Refusal::PolicyNotNewer);
        }
        self.policy = policy.clone();
        self.forgetting.rules_changed();
        Ok(Outcome::Done)
    }
}

fn contradicts_itself(policy: &Policy) -> bool {
    let wrong_ceilings = policy.ceilings.iter().flatten().any(|ceilings| {
        let Ceilings { per_payment, daily, balance } = *ceilings;
        per_payment <= Money::ZERO
            || per_payment > daily
            || per_payment > Money::REQUEST_MAX
            || daily > SUM_MAX
            || balance < Money::ZERO
            || balance > SUM_MAX
    });
    let nothing_locks = policy.password_failures_max == 0;
    let windows_do_not_nest = policy.duplicate_window_ms == 0
        || policy.duplicate_window_ms > policy.retention_ms
        || policy.reversal_window_ms > policy.retention_ms
        || policy.payment_bound_ms > policy.reversal_window_ms
        || policy.payment_takeover_ms > policy.payment_bound_ms;
    wrong_ceilings || nothing_locks || windows_do_not_nest
}

/// Who may see and buy a product of `owner`: a subscriber at home in `home` who is in `location`.
pub(super) fn check_visible(
    scope: Scope,
    owner: ProvinceId,
    home: ProvinceId,
    location: ProvinceId,
) -> Result<(), Refusal> {
    let own_subscriber = home == owner;
    let hidden = match scope {
        Scope::National => return Ok(()),
        Scope::Local => (!own_subscriber).then_some(HiddenBecause::NotItsSubscriber),
        Scope::Roaming if own_subscriber => Some(HiddenBecause::RoamingIsForVisitors),
        Scope::Roaming => (location != owner).then_some(HiddenBecause::NotVisitingNow),
    };
    hidden.map_or(Ok(()), |because| Err(Refusal::NotVisible(because)))
}
