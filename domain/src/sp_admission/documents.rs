//! Documents of SPs: which are good, which are due, and new ones in the place of old ones.

use super::{AdmissionStatus, Document, SpApplication};
use crate::ids::{SpApplicationId, SpId};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::BusinessDay;

/// A document that is over, or soon will be.
#[derive(Debug, Clone, Copy)]
pub struct DueDocument<'a> {
    /// The application it belongs to.
    pub application: &'a SpApplication,
    /// The SP.
    pub sp: SpId,
    /// Which.
    pub document: &'a Document,
}

impl State {
    /// All documents must be good today.
    pub(super) fn check_documents(&self, documents: &[Document]) -> Result<(), Refusal> {
        let today = self.now.business_day();
        let good = documents.iter().all(|document| document.valid_until >= today);
        if good { Ok(()) } else { Err(Refusal::DocumentExpired) }
    }

    /// The documents of admitted SPs whose last day is `upto` or earlier, those that are over included.
    pub fn documents_due(&self, upto: BusinessDay) -> impl Iterator<Item = DueDocument<'_>> {
        self.sp_applications().flat_map(move |application| {
            let AdmissionStatus::Admitted { sp, .. } = application.status else { return Vec::new() };
            let due = application.documents.iter().filter(|document| document.valid_until <= upto);
            due.map(|document| DueDocument { application, sp, document }).collect()
        })
    }

    /// A document of an admitted SP comes in the place of the one of its kind, or is the first of it. Two people have
    /// looked at it.
    ///
    /// # Errors
    /// In this order: [`Refusal::SpApplicationNotFound`]; [`Refusal::SpApplicationOver`] when it was not admitted;
    /// [`Refusal::AdmittedByAsker`] when the two are one; [`Refusal::DocumentExpired`].
    pub(crate) fn renew_document(
        &mut self,
        id: SpApplicationId,
        document: &Document,
        (by, checked_by): (&str, &str),
    ) -> Result<Outcome, Refusal> {
        let row = self.sp_application(id).ok_or(Refusal::SpApplicationNotFound)?;
        if !matches!(row.status, AdmissionStatus::Admitted { .. }) {
            return Err(Refusal::SpApplicationOver);
        }
        if by == checked_by {
            return Err(Refusal::AdmittedByAsker);
        }
        self.check_documents(std::slice::from_ref(document))?;

        // From here it must succeed.
        let row = self.doors.admissions.rows.get_mut(&id).expect("just found");
        match row.documents.binary_search_by_key(&document.kind, |known| known.kind) {
            Ok(at) => row.documents[at] = document.clone(),
            Err(at) => row.documents.insert(at, document.clone()),
        }
        self.entry.digest.feed(row);
        Ok(Outcome::SpApplication(id))
    }
}
