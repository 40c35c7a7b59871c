//! Is this the number's home? Every debit names the epoch it was routed by, and a province that is
//! not home under its own newer plan refuses, so that the sender looks it up again (product §1).

use crate::ids::{Msisdn, ProvinceId};
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Does the plan in force here agree that `msisdn` is ours and at home in `home`, as the sender
    /// found under `epoch`? Nothing is checked before the first plan is installed, nor when the
    /// sender's plan is newer: it knows better.
    ///
    /// # Errors
    /// [`Refusal::UnknownNumber`], [`Refusal::ForeignOperator`] or [`Refusal::NotHome`].
    pub(crate) fn check_home(&self, msisdn: Msisdn, home: ProvinceId, epoch: u64) -> Result<(), Refusal> {
        if self.plan.epoch == 0 || epoch > self.plan.epoch {
            return Ok(());
        }
        let belonging = self.plan.home_of(msisdn, self.now)?;
        #[cfg(feature = "mutants")]
        if self.is_mutant(crate::mutant::Mutant::DebitAtWrongProvince) {
            return Ok(());
        }
        if belonging.home == home { Ok(()) } else { Err(Refusal::NotHome) }
    }

    /// Is this province the number's home, by its own plan? The national platform is nobody's.
    ///
    /// # Errors
    /// As [`State::check_home`].
    pub(crate) fn check_home_is_here(&self, msisdn: Msisdn) -> Result<(), Refusal> {
        if self.province.is_national() {
            return Err(Refusal::NotHome);
        }
        self.check_home(msisdn, self.province, self.plan.epoch)
    }
}
