//! Goods that an SP uploads under a number of its own, as the lines of a file are (product §3, source §6.2: one or a
//! CSV batch).
//!
//! A number is used once by an SP. So a file that was cut off half-way is sent again as it is, one in which some lines
//! were wrong is corrected and sent whole, and neither makes anything twice; and the SP finds its goods by its own
//! number. It stays used when the product is deleted: what was uploaded under it is told from something new for ever.

use serde::{Deserialize, Serialize};

use crate::catalogue::Terms;
pub use crate::ids::GoodsReference;
use crate::ids::{ProductId, SpId};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;

/// What [`crate::Verb::UploadListed`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadListed {
    /// The SP's own number for it.
    pub reference: GoodsReference,
    /// What is said of it.
    pub terms: Terms,
    /// Who uploads.
    pub by: String,
}

/// Which product each SP's numbers stand for. As many rows as products: nothing goes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GoodsReferences {
    pub(crate) rows: Table<(SpId, GoodsReference), ProductId, 64>,
}

impl State {
    /// The product that an SP uploaded under a number of its own.
    #[must_use]
    pub fn product_by_reference(&self, sp: SpId, reference: GoodsReference) -> Option<ProductId> {
        self.doors.references.rows.get(&(sp, reference)).copied()
    }

    /// Was exactly this uploaded before, and what came of it? `None` when the number is free.
    ///
    /// # Errors
    /// [`Refusal::GoodsReferenceUsed`] when the number stands for something else.
    pub fn uploaded_before(&self, ask: &UploadListed) -> Result<Option<ProductId>, Refusal> {
        let Some(id) = self.product_by_reference(ask.terms.sp, ask.reference) else { return Ok(None) };
        // What became of the product since says nothing about the line.
        let first = self.product(id).and_then(|product| product.versions.first());
        if first == Some(&ask.terms.with_deadline()) { Ok(Some(id)) } else { Err(Refusal::GoodsReferenceUsed) }
    }

    /// Uploads a product under the SP's own number for it. The same again changes nothing and is answered the same,
    /// whatever became of the SP or the product since.
    ///
    /// # Errors
    /// In this order: [`Refusal::GoodsReferenceUsed`]; then as for any upload.
    pub(crate) fn upload_listed(&mut self, ask: &UploadListed) -> Result<Outcome, Refusal> {
        if let Some(known) = self.uploaded_before(ask)? {
            return Ok(Outcome::Product(known));
        }
        let outcome = self.upload_product(None, &ask.terms, &ask.by)?;
        let Outcome::Product(id) = outcome else { unreachable!("a new product waits for its review") };
        let key = (ask.terms.sp, ask.reference);
        self.entry.digest.feed(&(key, id));
        self.doors.references.rows.insert(key, id);
        Ok(outcome)
    }

    /// Each number stands for a product of its SP, and none for two.
    pub(crate) fn check_references(&self) -> Result<(), String> {
        let mut seen = std::collections::BTreeSet::new();
        for ((sp, reference), id) in self.doors.references.rows.iter() {
            let whose = self.product(*id).map(|product| product.versions[0].sp);
            if whose != Some(*sp) || !seen.insert(*id) {
                return Err(format!("{reference} of {sp} stands for {id}, which is {whose:?}'s"));
            }
        }
        Ok(())
    }
}
