//! What an SP's risk grade bounds.

use super::{AdmissionPolicy, AdmissionStatus, RiskGrade};
use crate::ids::SpId;
use crate::money::Money;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;

impl AdmissionPolicy {
    /// The highest price that SPs of a grade may ask; `None` for no bound.
    #[must_use]
    pub const fn price_max(&self, grade: RiskGrade) -> Option<Money> {
        self.price_max[grade as usize]
    }

    /// Every bound is an amount, and nobody who is trusted less may ask more.
    fn is_sound(&self) -> bool {
        let bound = |at: usize| self.price_max[at].unwrap_or(Money::fen(i64::MAX));
        (0..3).all(|at| bound(at).is_positive()) && bound(0) >= bound(1) && bound(1) >= bound(2)
    }
}

impl State {
    /// The rules for SPs that are data.
    #[must_use]
    pub fn admission_policy(&self) -> &AdmissionPolicy {
        &self.doors.admissions.policy
    }

    /// How much an SP is trusted; `None` for one that came the short way.
    #[must_use]
    pub fn grade_of(&self, sp: SpId) -> Option<RiskGrade> {
        match self.application_of(sp)?.status {
            AdmissionStatus::Admitted { grade, .. } => Some(grade),
            _ => None,
        }
    }

    /// Puts newer rules for SPs in force. What is on sale stays on sale.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotNewer`], also for rules that contradict themselves.
    pub(crate) fn set_admission_policy(&mut self, policy: &AdmissionPolicy) -> Result<Outcome, Refusal> {
        if policy.version <= self.admission_policy().version || !policy.is_sound() {
            return Err(Refusal::PolicyNotNewer);
        }
        self.entry.digest.feed(policy);
        self.doors.admissions.policy = policy.clone();
        Ok(Outcome::Done)
    }

    /// An SP may not ask more than its grade allows.
    ///
    /// # Errors
    /// [`Refusal::PriceAboveGrade`].
    pub(crate) fn check_grade(&self, sp: SpId, price: Money) -> Result<(), Refusal> {
        let max = self.grade_of(sp).and_then(|grade| self.admission_policy().price_max(grade));
        if max.is_none_or(|max| price <= max) { Ok(()) } else { Err(Refusal::PriceAboveGrade) }
    }
}
