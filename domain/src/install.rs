//! Rules that are data come into force through the log: number plan, portability, policy.

use std::sync::Arc;

use crate::ids::Msisdn;
use crate::number_plan::{NumberPlan, Operator, Ported};
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;

impl State {
    /// Puts a newer number plan in force. Numbers that were noted here as carried to another
    /// operator stay so, unless the plan says otherwise of them.
    ///
    /// # Errors
    /// [`Refusal::PlanNotNewer`] when its epoch is not higher or its ranges are not ascending.
    pub(crate) fn install_number_plan(&mut self, plan: &NumberPlan) -> Result<Outcome, Refusal> {
        let ascending = plan.ranges.iter().all(|range| range.first <= range.last)
            && plan.ranges.windows(2).all(|pair| pair[0].last < pair[1].first);
        if plan.epoch <= self.plan.epoch || !ascending {
            return Err(Refusal::PlanNotNewer);
        }
        let mut plan = plan.clone();
        for (&msisdn, &ported) in &self.plan.ported {
            plan.ported.entry(msisdn).or_insert(ported);
        }
        self.remember_former_homes(&plan);
        self.plan = Arc::new(plan);
        Ok(Outcome::Done)
    }

    /// Notes that a number was carried to another operator, or back to us. The home province stays.
    /// What is noted for later leaves the present as it is, and takes the place of what was noted for
    /// later before.
    ///
    /// # Errors
    /// [`Refusal::UnknownNumber`] when a plan is in force and no range of it holds the number.
    pub(crate) fn port_number(
        &mut self,
        msisdn: Msisdn,
        operator: Operator,
        from: LogTime,
    ) -> Result<Outcome, Refusal> {
        if self.plan.epoch > 0 && self.plan.lookup(msisdn, self.now).is_none() {
            return Err(Refusal::UnknownNumber);
        }
        let before = self
            .plan
            .ported
            .get(&msisdn)
            .and_then(|known| if known.from <= self.now { Some(known.operator) } else { known.before });
        Arc::make_mut(&mut self.plan).ported.insert(msisdn, Ported { operator, from, before });
        Ok(Outcome::Done)
    }

    /// Puts a newer policy in force.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotNewer`] when its version is not higher or it contradicts itself.
    pub(crate) fn set_policy(&mut self, policy: &Policy) -> Result<Outcome, Refusal> {
        if policy.version <= self.policy.version || !policy.is_consistent() {
            return Err(Refusal::PolicyNotNewer);
        }
        self.policy = Arc::new(policy.clone());
        Ok(Outcome::Done)
    }
}
