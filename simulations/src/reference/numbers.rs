//! Whose subscriber is it: the number plan, and numbers that were carried to another operator
//! (product §1).

use mpss_domain::number_plan::Ported;
use mpss_domain::{LogTime, Msisdn, NumberPlan, Operator, Outcome, ProvinceId, Refusal};

use super::Reference;

impl Reference {
    /// Home and operator of a number now, by looking at every range.
    fn belongs(&self, msisdn: Msisdn) -> Option<(ProvinceId, Operator)> {
        let first_seven = u32::try_from(msisdn.number() / 10_000).expect("seven digits");
        let range = self.plan.ranges.iter().find(|range| (range.first..=range.last).contains(&first_seven))?;
        let carried = self
            .plan
            .ported
            .get(&msisdn)
            .and_then(|ported| if self.now < ported.from { ported.before } else { Some(ported.operator) });
        Some((range.province, carried.unwrap_or(range.operator)))
    }

    /// A sender found `home` under its plan of `epoch`. One whose plan is newer knows better; before
    /// the first plan nothing is known here.
    pub(super) fn check_home(&self, msisdn: Msisdn, home: ProvinceId, epoch: u64) -> Result<(), Refusal> {
        if self.plan.epoch == 0 || self.plan.epoch < epoch {
            return Ok(());
        }
        match self.belongs(msisdn) {
            None => Err(Refusal::UnknownNumber),
            Some((_, operator)) if operator != Operator::ChinaTelecom => Err(Refusal::ForeignOperator),
            Some((found, _)) if found != home => Err(Refusal::NotHome),
            Some(_) => Ok(()),
        }
    }

    /// Is this the number's home, by our own plan? The national platform is nobody's.
    pub(super) fn check_at_home(&self, msisdn: Msisdn) -> Result<(), Refusal> {
        if self.province == ProvinceId::NATIONAL {
            return Err(Refusal::NotHome);
        }
        self.check_home(msisdn, self.province, self.plan.epoch)
    }

    /// A newer plan with ascending ranges. Numbers carried before stay carried unless it says
    /// otherwise of them.
    pub(super) fn install_number_plan(&mut self, plan: &NumberPlan) -> Result<Outcome, Refusal> {
        let mut last = None;
        for range in &plan.ranges {
            if range.last < range.first || last.is_some_and(|last| range.first <= last) {
                return Err(Refusal::PlanNotNewer);
            }
            last = Some(range.last);
        }
        if plan.epoch <= self.plan.epoch {
            return Err(Refusal::PlanNotNewer);
        }
        let mut ported = self.plan.ported.clone();
        ported.extend(&plan.ported);
        self.plan = NumberPlan { epoch: plan.epoch, ranges: plan.ranges.clone(), ported };
        Ok(Outcome::Done)
    }

    /// What is noted for later leaves the present as it is, and replaces what was noted for later.
    pub(super) fn port_number(
        &mut self,
        msisdn: Msisdn,
        operator: Operator,
        from: LogTime,
    ) -> Result<Outcome, Refusal> {
        if self.plan.epoch > 0 && self.belongs(msisdn).is_none() {
            return Err(Refusal::UnknownNumber);
        }
        let before = match self.plan.ported.get(&msisdn) {
            Some(known) if known.from <= self.now => Some(known.operator),
            Some(known) => known.before,
            None => None,
        };
        self.plan.ported.insert(msisdn, Ported { operator, from, before });
        Ok(Outcome::Done)
    }
}
