//! The life cycle of a product: upload → review by someone else → publish → withdraw → delete (product §3,
//! source §5.5).
//!
//! A change is a new version. It goes back to review, and while it waits there nothing is sold: an order names the
//! version it bought, and the newest one is the only one that is ever for sale. Another delivery deadline alone is
//! nothing that a reviewer looks at, so a product that has passed its review stays where it is.

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
    /// In this order: the SP, its suspension, the place for the scope, the price, the SP's risk grade, the
    /// product that is changed.
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
        self.check_grade(terms.sp, terms.price)?;
        let terms = terms.with_deadline();
        if let Some(id) = product {
            let known = self.listed_product(id).filter(|product| product.terms().sp == terms.sp);
            let known = known.ok_or(Refusal::ProductNotFound)?;
            let passed = matches!(known.status, ProductStatus::Approved | ProductStatus::Published);
            if passed && self.version.has_doors() && terms.differs_in_deadline_only(known.terms()) {
                return Ok(self.change_deadline(id, terms));
            }
        }

        // From here it must succeed.
        let id = product.unwrap_or_else(|| self.ids.issue(self.now, self.province));
        let was_on_sale = match self.products.get_mut(&id) {
            Some(product) => {
                product.versions.push(terms);
                by.clone_into(&mut product.uploaded_by);
                product.uploaded_at = self.now;
                std::mem::replace(&mut product.status, ProductStatus::InReview) == ProductStatus::Published
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
                false
            }
        };
        if was_on_sale {
            self.product_changed(id);
        }
        Ok(Outcome::Product(id))
    }

    fn change_deadline(&mut self, id: ProductId, terms: Terms) -> Outcome {
        let product = self.products.get_mut(&id).expect("just found");
        product.versions.push(terms);
        let on_sale = product.status == ProductStatus::Published;
        if on_sale {
            self.product_changed(id);
        }
        Outcome::DeadlineChanged { product: id, on_sale }
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
        let product = self.listed_product(id).ok_or(Refusal::ProductNotFound)?;
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
    /// In this order: the product, its status, its SP's risk grade, whose bounds may have become narrower.
    pub(crate) fn publish_product(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        let product = self.listed_product(id).ok_or(Refusal::ProductNotFound)?;
        if product.status != ProductStatus::Approved {
            return Err(Refusal::WrongProductStatus);
        }
        self.check_grade(product.terms().sp, product.terms().price)?;
        Ok(self.move_product(id, ProductStatus::Published))
    }

    /// Takes a product off sale. It can be uploaded and reviewed anew.
    ///
    /// # Errors
    /// [`Refusal::ProductNotFound`], [`Refusal::WrongProductStatus`].
    pub(crate) fn withdraw_product(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        if self.listed_product(id).ok_or(Refusal::ProductNotFound)?.status != ProductStatus::Published {
            return Err(Refusal::WrongProductStatus);
        }
        Ok(self.move_product(id, ProductStatus::Withdrawn))
    }

    /// Takes a product out of every list. Its row stays, because orders name the version they bought, and so that
    /// nothing else ever has its id.
    ///
    /// # Errors
    /// [`Refusal::ProductNotFound`], also when it was deleted before; [`Refusal::WrongProductStatus`] while it is on
    /// sale.
    pub(crate) fn delete_product(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        if self.listed_product(id).ok_or(Refusal::ProductNotFound)?.status == ProductStatus::Published {
            return Err(Refusal::WrongProductStatus);
        }
        Ok(self.move_product(id, ProductStatus::Deleted))
    }

    fn move_product(&mut self, id: ProductId, to: ProductStatus) -> Outcome {
        let product = self.products.get_mut(&id).expect("the verb has found the product");
        let shown = |status: &ProductStatus| *status == ProductStatus::Published;
        let changes = shown(&product.status) != shown(&to);
        product.status = to;
        if changes {
            self.product_changed(id);
        }
        Outcome::Product(id)
    }
}
