//! Asking for an SP to be admitted, and the second person's word.

use serde::{Deserialize, Serialize};

use super::{
    AdmissionStatus, Contact, DOCUMENTS_MAX, Document, DocumentKind, RiskGrade, SettlementAccount, SpApplication,
};
use crate::ids::SpApplicationId;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;

/// What [`crate::Verb::AskAdmission`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskAdmission {
    /// The SP's name.
    pub name: String,
    /// Where its notices go.
    pub notice_url: String,
    /// Whom to speak to.
    pub contact: Contact,
    /// Its documents.
    pub documents: Vec<Document>,
    /// Where it is paid.
    pub account: SettlementAccount,
    /// Who enters it.
    pub by: String,
}

/// What a reviewer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Admitted, and how much it is trusted.
    Admit(RiskGrade),
    /// Not admitted, and why.
    Reject(String),
}

impl State {
    /// Asks for an SP to be admitted.
    ///
    /// # Errors
    /// In this order: [`Refusal::DocumentsIncomplete`] without a business licence, with two of a kind or with too many;
    /// [`Refusal::DocumentExpired`]; [`Refusal::SettlementAccountMissing`] for a number that was not sealed.
    pub(crate) fn ask_admission(&mut self, ask: &AskAdmission) -> Result<Outcome, Refusal> {
        let mut documents = ask.documents.clone();
        documents.sort_by_key(|document| document.kind);
        let twice = documents.windows(2).any(|pair| pair[0].kind == pair[1].kind);
        let licensed = documents.iter().any(|document| document.kind == DocumentKind::BusinessLicence);
        if twice || !licensed || documents.len() > DOCUMENTS_MAX {
            return Err(Refusal::DocumentsIncomplete);
        }
        self.check_documents(&documents)?;
        if !ask.account.number.is_well_formed() {
            return Err(Refusal::SettlementAccountMissing);
        }

        // From here it must succeed.
        let id: SpApplicationId = self.ids.issue(self.now, self.province);
        let row = SpApplication {
            id,
            name: ask.name.clone(),
            notice_url: ask.notice_url.clone(),
            contact: ask.contact.clone(),
            documents,
            account: ask.account.clone(),
            status: AdmissionStatus::InReview,
            by: ask.by.clone(),
            at: self.now,
        };
        self.entry.digest.feed(&row);
        self.doors.admissions.rows.insert(id, row);
        Ok(Outcome::SpApplication(id))
    }

    /// Admits an SP, or rejects it with a reason.
    ///
    /// # Errors
    /// In this order: [`Refusal::SpApplicationNotFound`]; [`Refusal::SpApplicationOver`];
    /// [`Refusal::AdmittedByAsker`]; when it is admitted, [`Refusal::DocumentExpired`] meanwhile.
    pub(crate) fn decide_admission(
        &mut self,
        id: SpApplicationId,
        verdict: &Verdict,
        by: &str,
    ) -> Result<Outcome, Refusal> {
        let row = self.sp_application(id).ok_or(Refusal::SpApplicationNotFound)?;
        if row.status != AdmissionStatus::InReview {
            return Err(Refusal::SpApplicationOver);
        }
        if row.by == by {
            return Err(Refusal::AdmittedByAsker);
        }
        let (by, at) = (by.to_owned(), self.now);
        let (status, outcome) = match verdict {
            Verdict::Reject(reason) => {
                (AdmissionStatus::Rejected { reason: reason.clone(), by, at }, Outcome::SpApplication(id))
            }
            Verdict::Admit(grade) => {
                self.check_documents(&row.documents)?;
                let (name, notice_url) = (row.name.clone(), row.notice_url.clone());
                let sp = self.add_sp(&name, &notice_url);
                self.doors.admissions.of_sp.insert(sp, id);
                (AdmissionStatus::Admitted { sp, grade: *grade, by, at }, Outcome::Sp(sp))
            }
        };
        let row = self.doors.admissions.rows.get_mut(&id).expect("just found");
        row.status = status;
        self.entry.digest.feed(row);
        Ok(outcome)
    }

    /// Forgets what was rejected before a time, a bounded number of rows. One that was admitted is kept with its SP.
    pub(crate) fn prune_admissions(&mut self, before: LogTime, rows_max: usize) {
        let over = self.sp_applications().take_while(|row| row.at < before);
        let over = over.filter(|row| matches!(row.status, AdmissionStatus::Rejected { at, .. } if at < before));
        let over: Vec<SpApplicationId> = over.map(|row| row.id).take(rows_max).collect();
        for id in over {
            self.doors.admissions.rows.remove(&id);
        }
    }
}
