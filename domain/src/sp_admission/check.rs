//! What must hold of SPs that were admitted the long way.

use super::{AdmissionStatus, DocumentKind};
use crate::state::State;

impl State {
    /// An SP that came by an application is the one it says, looked at by two people; each application has a business
    /// licence, and one document of a kind.
    pub(crate) fn check_admissions(&self) -> Result<(), String> {
        let mut admitted = 0;
        for row in self.sp_applications() {
            let (id, kinds) = (row.id, row.documents.iter().map(|document| document.kind).collect::<Vec<_>>());
            if !kinds.is_sorted_by(|one, next| one < next) || !kinds.contains(&DocumentKind::BusinessLicence) {
                return Err(format!("{id} has the documents {kinds:?}"));
            }
            let by = match &row.status {
                AdmissionStatus::InReview => continue,
                AdmissionStatus::Rejected { by, .. } => by,
                AdmissionStatus::Admitted { sp, by, .. } => {
                    admitted += 1;
                    if self.sp(*sp).is_none() || self.doors.admissions.of_sp.get(sp) != Some(&id) {
                        return Err(format!("{id} is admitted as {sp}, which is not there"));
                    }
                    by
                }
            };
            if *by == row.by {
                return Err(format!("{id} was asked for and decided by one person"));
            }
        }
        let known = self.doors.admissions.of_sp.len();
        if known == admitted { Ok(()) } else { Err(format!("{known} SPs came by {admitted} applications")) }
    }
}
