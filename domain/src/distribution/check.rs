//! What must hold of changes and copies.

use super::Changed;
use crate::catalogue::ProductStatus;
use crate::state::State;
use crate::visibility::Scope;

impl State {
    /// At the national platform each thing that provinces know has one number, each number one thing, and whatever is
    /// on sale has one. A province has no numbers, and copies of national goods only.
    pub(crate) fn check_distribution(&self) -> Result<(), String> {
        let (changes, copies) = (&self.doors.distribution.changes, &self.doors.distribution.copies);
        for (number, changed) in changes.by_number.iter() {
            if changes.of.get(changed) != Some(number) || *number > changes.last {
                return Err(format!("change {number} of {} is not the newest of {changed:?}", changes.last));
            }
        }
        if changes.of.len() != changes.by_number.len() {
            return Err(format!("{} things changed by {} numbers", changes.of.len(), changes.by_number.len()));
        }
        if self.province.is_national() {
            if copies.upto != 0 || !copies.products.is_empty() || !copies.sps.is_empty() {
                return Err("the national platform has copies of its own goods".into());
            }
            let on_sale = self.products().filter(|product| product.status == ProductStatus::Published);
            let things = on_sale.map(|product| Changed::Product(product.id));
            let mut things = things.chain(self.sps().map(|sp| Changed::Sp(sp.id)));
            return match things.find(|thing| self.version.has_doors() && changes.of.get(thing).is_none()) {
                Some(thing) => Err(format!("{thing:?} is nothing that provinces know of")),
                None => Ok(()),
            };
        }
        if changes.last != 0 {
            return Err(format!("a province numbers changes, up to {}", changes.last));
        }
        for (id, product) in copies.products.iter() {
            if product.id != *id || product.terms.scope != Scope::National || product.version == 0 {
                return Err(format!("the copy of {id} is {product:?}"));
            }
        }
        Ok(())
    }
}
