//! SPs: admission, suspension at once, resumption (product §3).

use crate::catalogue::Sp;
use crate::ids::SpId;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// Admits an SP.
    pub(crate) fn admit_sp(&mut self, name: &str, notice_url: &str) -> Result<Outcome, Refusal> {
        Ok(Outcome::Sp(self.add_sp(name, notice_url)))
    }

    /// From here on the SP may sell.
    pub(crate) fn add_sp(&mut self, name: &str, notice_url: &str) -> SpId {
        let id: SpId = self.ids.issue(self.now, self.province);
        let sp = Sp {
            id,
            name: name.to_owned(),
            notice_url: notice_url.to_owned(),
            suspended: false,
            admitted_at: self.now,
        };
        self.sps.insert(id, sp);
        self.sp_changed(id);
        id
    }

    /// Suspends an SP, or lets it sell again. Orders under way go on.
    ///
    /// # Errors
    /// [`Refusal::SpNotFound`], then [`Refusal::WrongSpStatus`] when nothing would change.
    pub(crate) fn set_sp_suspended(&mut self, id: SpId, suspended: bool) -> Result<Outcome, Refusal> {
        if self.sp(id).ok_or(Refusal::SpNotFound)?.suspended == suspended {
            return Err(Refusal::WrongSpStatus);
        }
        self.sps.get_mut(&id).expect("just found").suspended = suspended;
        self.sp_changed(id);
        Ok(Outcome::Sp(id))
    }
}
