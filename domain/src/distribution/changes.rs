//! The national platform's side: numbers what changes, and tells it.

use super::{Changed, GoodsChange, NationalProduct, NationalSp};
use crate::catalogue::ProductStatus;
use crate::ids::{ProductId, SpId};
use crate::state::State;

impl State {
    /// The number of the newest change of national goods; 0 before the first, and in a province.
    #[must_use]
    pub fn goods_changed(&self) -> u64 {
        self.doors.distribution.changes.last
    }

    /// The changes of national goods after a number, `max` at most, and the number that is reached with them.
    #[must_use]
    pub fn goods_changes_after(&self, after: u64, max: usize) -> (Vec<GoodsChange>, u64) {
        let changes = &self.doors.distribution.changes;
        let mut upto = after;
        let told = changes.by_number.iter_from(after.saturating_add(1)).take(max);
        let told = told.map(|(number, changed)| {
            upto = *number;
            self.told(*changed)
        });
        (told.collect(), upto)
    }

    /// The SP can be seen by provinces, or differently than before.
    pub(crate) fn sp_changed(&mut self, id: SpId) {
        self.number_change(Changed::Sp(id));
    }

    /// The product came on sale, goes off sale, or is sold on other terms.
    pub(crate) fn product_changed(&mut self, id: ProductId) {
        self.number_change(Changed::Product(id));
    }

    /// From here on changes are numbered: what is there now comes first.
    pub(crate) fn begin_distribution(&mut self) {
        let sps: Vec<SpId> = self.sps().map(|sp| sp.id).collect();
        let on_sale = self.products().filter(|product| product.status == ProductStatus::Published);
        let products: Vec<ProductId> = on_sale.map(|product| product.id).collect();
        for id in sps {
            self.sp_changed(id);
        }
        for id in products {
            self.product_changed(id);
        }
    }

    fn number_change(&mut self, changed: Changed) {
        if !self.province.is_national() || !self.version.has_doors() {
            return;
        }
        let changes = &mut self.doors.distribution.changes;
        changes.last += 1;
        if let Some(before) = changes.of.insert(changed, changes.last) {
            changes.by_number.remove(&before);
        }
        changes.by_number.insert(changes.last, changed);
        self.entry.digest.feed(&(changes.last, changed));
    }

    fn told(&self, changed: Changed) -> GoodsChange {
        match changed {
            Changed::Sp(id) => {
                let sp = self.sp(id).expect("an SP is kept");
                GoodsChange::Sp(NationalSp { id, name: sp.name.clone(), suspended: sp.suspended })
            }
            Changed::Product(id) => {
                let product = self.product(id).expect("a product is kept");
                if product.status != ProductStatus::Published {
                    return GoodsChange::Gone(id);
                }
                let version = u32::try_from(product.versions.len()).expect("versions are counted in 32 bits");
                GoodsChange::OnSale(NationalProduct { id, version, terms: product.terms().clone() })
            }
        }
    }
}
