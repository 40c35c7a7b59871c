//! SPs and what they sell: upload, review by someone else, publish, withdraw, delete (product §3).

use mpss_domain::catalogue::{Application, Product, ProductStatus, Sp, Terms};
use mpss_domain::goods_reference::UploadListed;
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
                let by_newer_rules = self.version.has_doors();
                let known = self.goods.get_mut(&id).ok_or(Refusal::ProductNotFound)?;
                let newest = known.versions[known.versions.len() - 1].clone();
                if newest.sp != terms.sp || known.status == ProductStatus::Deleted {
                    return Err(Refusal::ProductNotFound);
                }
                // Nobody has to look at how long an SP may take.
                let as_before = Terms { delivery_deadline_ms: newest.delivery_deadline_ms, ..terms.clone() };
                let passed = [ProductStatus::Approved, ProductStatus::Published].contains(&known.status);
                if by_newer_rules && passed && as_before == newest && terms != newest {
                    known.versions.push(terms);
                    let on_sale = known.status == ProductStatus::Published;
                    return Ok(Outcome::DeadlineChanged { product: id, on_sale });
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
        let product = self.listed_goods(id)?;
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
        let product = self.listed_goods(id)?;
        if product.status != ProductStatus::Approved {
            return Err(Refusal::WrongProductStatus);
        }
        product.status = ProductStatus::Published;
        Ok(Outcome::Product(id))
    }

    pub(super) fn withdraw(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        let product = self.listed_goods(id)?;
        if product.status != ProductStatus::Published {
            return Err(Refusal::WrongProductStatus);
        }
        product.status = ProductStatus::Withdrawn;
        Ok(Outcome::Product(id))
    }

    /// A product that nobody has deleted.
    pub(super) fn listed_goods(&mut self, id: ProductId) -> Result<&mut Product, Refusal> {
        let product = self.goods.get_mut(&id).filter(|product| product.status != ProductStatus::Deleted);
        product.ok_or(Refusal::ProductNotFound)
    }

    pub(super) fn delete(&mut self, id: ProductId) -> Result<Outcome, Refusal> {
        let product = self.listed_goods(id)?;
        if product.status == ProductStatus::Published {
            return Err(Refusal::WrongProductStatus);
        }
        product.status = ProductStatus::Deleted;
        Ok(Outcome::Product(id))
    }

    /// An SP's own number stands for what came first under it.
    pub(super) fn upload_listed(&mut self, ask: &UploadListed) -> Result<Outcome, Refusal> {
        let key = (ask.terms.sp, ask.reference.to_string());
        if let Some((id, terms)) = self.listed.get(&key) {
            return if *terms == ask.terms { Ok(Outcome::Product(*id)) } else { Err(Refusal::GoodsReferenceUsed) };
        }
        let outcome = self.upload(None, &ask.terms, &ask.by)?;
        if let Outcome::Product(id) = outcome {
            self.listed.insert(key, (id, ask.terms.clone()));
        }
        Ok(outcome)
    }
}
