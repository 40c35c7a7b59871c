//! SPs and what they sell: upload, review by someone else, publish, withdraw (product §3).

use mpss_domain::catalogue::{Application, Product, ProductStatus, Sp, Terms};
use mpss_domain::{Outcome, ProductId, ProvinceId, Refusal, Scope, SpId};

use super::Reference;
use super::purchase::check_amount;

impl Reference {
    pub(super) fn admit_sp(&mut self, name: &str, notice_url: &str) -> Outcome {
        let id: SpId = self.identities.next(self.now, self.province);
        let (name, notice_url) = (name.to_owned(), notice_url.to_owned());
        self.sps.insert(id, Sp { id, name, notice_url, suspended: false, admitted_at: self.now });
        Outcome::Sp(id)
    }

    pub(super) fn set_sp_suspended(&mut self, id: SpId, suspended: bool) -> Result<Outcome, Refusal> {
        let sp = self.sps.get_mut(&id).ok_or(Refusal::SpNotFound)?;
        if sp.suspended == suspended {
            return Err(Refusal::WrongSpStatus);
        }
        sp.suspended = suspended;
        Ok(Outcome::Sp(id))
    }

    /// The SP, its suspension, the place for the scope, the price, the product that is changed.
    pub(super) fn upload(&mut self, changed: Option<ProductId>, terms: &Terms, by: &str) -> Result<Outcome, Refusal> {
        let sp = self.sps.get(&terms.sp).ok_or(Refusal::SpNotFound)?;
        if sp.suspended {
            return Err(Refusal::SpSuspended);
        }
        let at_the_national_platform = self.province == ProvinceId::NATIONAL;
        if at_the_national_platform != (terms.scope == Scope::National) {
            return Err(Refusal::WrongPlaceForScope);
        }
        check_amount(terms.price)?;
        let mut terms = terms.clone();
        if terms.delivery_deadline_ms == 0 {
            terms.delivery_deadline_ms = if terms.application == Application::PayPerUse { 15_000 } else { 60_000 };
        }
        let uploaded = |id, versions| Product {
            id,
            versions,
            status: ProductStatus::InReview,
            uploaded_by: by.to_owned(),
            uploaded_at: self.now,
        };
        let product = match changed {
            None => uploaded(self.identities.next(self.now, self.province), vec![terms]),
            Some(id) => {
                let known = self.goods.get(&id).ok_or(Refusal::ProductNotFound)?;
                if known.versions[known.versions.len() - 1].sp != terms.sp {
                    return Err(Refusal::ProductNotFound);
                }
                let mut versions = known.versions.clone();
                versions.push(terms);
                uploaded(id, versions)
            }
        };
        let id = product.id;
        self.goods.insert(id, product);
        Ok(Outcome::Product(id))
    }

    /// The product, its status, the reviewer.
    pub(super) fn review(&mut self, id: ProductId, rejected: Option<&String>, by: &str) -> Result<Outcome, Refusal> {
        let product = self.goods.get_mut(&id).ok_or(Refusal::ProductNotFound)?;
        if product.status != ProductStatus::InReview {
            return Err(Refusal::WrongProductStatus);
        }
        if product.uploaded_by == by {
            return Err(Refusal::ReviewedByUploader);
        }
        product.status = match rejected {
            None => ProductStatus::Approved,
            Some(reason) => ProductStatus::Rejected { reason: reason.clone() },
        };
        Ok(Outcome::Product(id))
    }

    pub(super) fn publish(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        let product = self.goods.get_mut(&id).ok_or(Refusal::ProductNotFound)?;
        if product.status != ProductStatus::Approved {
            return Err(Refusal::WrongProductStatus);
        }
        product.status = ProductStatus::Published;
        Ok(Outcome::Product(id))
    }

    pub(super) fn withdraw(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        let product = self.goods.get_mut(&id).ok_or(Refusal::ProductNotFound)?;
        if product.status != ProductStatus::Published {
            return Err(Refusal::WrongProductStatus);
        }
        product.status = ProductStatus::Withdrawn;
        Ok(Outcome::Product(id))
    }
}
