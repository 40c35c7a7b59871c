//! The life cycle of a product: upload → review by someone else → publish → withdraw (product §3,
//! source §5.5). A change of what is offered is a new version and goes back to review.

use crate::catalogue::{Product, ProductStatus, Terms};
use crate::ids::ProductId;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::visibility::Scope;

impl State {
    /// Uploads a product, or a new version of one of the same SP.
    ///
    /// # Errors
    /// In this order: the SP, its suspension, the place for the scope, the price, the product that
    /// is changed.
    pub(crate) fn upload_product(
        &mut self,
        product: Option<ProductId>,
        terms: &Terms,
        by: &str,
    ) -> Result<Outcome, Refusal> {
        if self.sp(terms.sp).ok_or(Refusal::SpNotFound)?.suspended {
            return Err(Refusal::SpSuspended);
        }
        // National goods are reviewed at the national platform, all others in their province.
        if (terms.scope == Scope::National) != self.province.is_national() {
            return Err(Refusal::WrongPlaceForScope);
        }
        terms.price.check_request()?;
        if let Some(id) = product {
            self.product(id).filter(|product| product.terms().sp == terms.sp).ok_or(Refusal::ProductNotFound)?;
        }

        // From here it must succeed.
        let mut terms = terms.clone();
        if terms.delivery_deadline_ms == 0 {
            terms.delivery_deadline_ms = terms.application.default_delivery_deadline_ms();
        }
        let id = product.unwrap_or_else(|| self.ids.issue(self.now, self.province));
        match self.products.get_mut(&id) {
            Some(product) => {
                product.versions.push(terms);
                product.status = ProductStatus::InReview;
                by.clone_into(&mut product.uploaded_by);
                product.uploaded_at = self.now;
            }
            None => {
                let product = Product {
                    id,
                    versions: vec![terms],
                    status: ProductStatus::InReview,
                    uploaded_by: by.to_owned(),
                    uploaded_at: self.now,
                };
                self.products.insert(id, product);
            }
        }
        Ok(Outcome::Product(id))
    }

    /// Approves a product, or rejects it with a reason.
    ///
    /// # Errors
    /// In this order: the product, its status, the reviewer.
    pub(crate) fn review_product(
        &mut self,
        id: ProductId,
        rejected: Option<&str>,
        by: &str,
    ) -> Result<Outcome, Refusal> {
        let product = self.product(id).ok_or(Refusal::ProductNotFound)?;
        if product.status != ProductStatus::InReview {
            return Err(Refusal::WrongProductStatus);
        }
        if product.uploaded_by == by {
            return Err(Refusal::ReviewedByUploader);
        }
        self.products.get_mut(&id).expect("just found").status = match rejected {
            Some(reason) => ProductStatus::Rejected { reason: reason.to_owned() },
            None => ProductStatus::Approved,
        };
        Ok(Outcome::Product(id))
    }

    /// Puts an approved product on sale.
    ///
    /// # Errors
    /// [`Refusal::ProductNotFound`], [`Refusal::WrongProductStatus`].
    pub(crate) fn publish_product(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        self.move_product(id, &ProductStatus::Approved, ProductStatus::Published)
    }

    /// Takes a product off sale. It can be uploaded and reviewed anew.
    ///
    /// # Errors
    /// [`Refusal::ProductNotFound`], [`Refusal::WrongProductStatus`].
    pub(crate) fn withdraw_product(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        self.move_product(id, &ProductStatus::Published, ProductStatus::Withdrawn)
    }

    fn move_product(&mut self, id: ProductId, from: &ProductStatus, to: ProductStatus) -> Result<Outcome, Refusal> {
        if self.product(id).ok_or(Refusal::ProductNotFound)?.status != *from {
            return Err(Refusal::WrongProductStatus);
        }
        self.products.get_mut(&id).expect("just found").status = to;
        Ok(Outcome::Product(id))
    }
}
