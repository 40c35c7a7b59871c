//! A province's side: takes changes in their order, and shows what it knows.

use super::{CHANGES_PER_TAKE_MAX, Copies, GoodsChange, NationalProduct, NationalSp, TakeGoods};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;

impl Copies {
    fn take(&mut self, change: &GoodsChange) {
        match change {
            GoodsChange::Sp(sp) => {
                self.sps.insert(sp.id, sp.clone());
            }
            GoodsChange::OnSale(product) => {
                self.products.insert(product.id, product.clone());
            }
            GoodsChange::Gone(product) => {
                self.products.remove(product);
            }
        }
    }

    /// Those of suspended SPs are not on sale.
    fn on_sale(&self) -> impl Iterator<Item = (&NationalProduct, &NationalSp)> {
        self.products.iter().filter_map(|(_, product)| {
            let sp = self.sps.get(&product.terms.sp).filter(|sp| !sp.suspended)?;
            Some((product, sp))
        })
    }
}

impl State {
    /// How far the national platform's changes are known here; 0 when none was ever taken.
    #[must_use]
    pub fn national_goods_upto(&self) -> u64 {
        self.doors.distribution.copies.upto
    }

    /// The national goods known here that are on sale, by id, each with its SP.
    pub fn national_goods(&self) -> impl Iterator<Item = (&NationalProduct, &NationalSp)> {
        self.doors.distribution.copies.on_sale()
    }

    /// The same as they would be with these changes, which are not taken yet.
    #[must_use]
    pub fn national_goods_with(&self, news: &[GoodsChange]) -> Vec<(NationalProduct, NationalSp)> {
        let mut copies = self.doors.distribution.copies.clone();
        news.iter().for_each(|change| copies.take(change));
        copies.on_sale().map(|(product, sp)| (product.clone(), sp.clone())).collect()
    }

    /// Takes changes of national goods. What was taken before is taken again without a change, so a leader that does
    /// not know what its predecessor came to simply goes on.
    ///
    /// # Errors
    /// In this order: [`Refusal::WrongPlaceForScope`] at the national platform itself;
    /// [`Refusal::GoodsChangesOutOfOrder`] when they do not follow what is known here, or are too many.
    pub(crate) fn take_national_goods(&mut self, take: &TakeGoods) -> Result<Outcome, Refusal> {
        if self.province.is_national() {
            return Err(Refusal::WrongPlaceForScope);
        }
        let known = self.doors.distribution.copies.upto;
        let in_order = if take.anew { take.after == 0 } else { take.after <= known };
        if !in_order || take.upto < take.after || take.changes.len() > CHANGES_PER_TAKE_MAX {
            return Err(Refusal::GoodsChangesOutOfOrder);
        }
        if !take.anew && take.upto <= known {
            return Ok(Outcome::Done);
        }

        // From here it must succeed.
        self.entry.digest.feed(take);
        let copies = &mut self.doors.distribution.copies;
        if take.anew {
            *copies = Copies::default();
        }
        take.changes.iter().for_each(|change| copies.take(change));
        copies.upto = take.upto;
        Ok(Outcome::Done)
    }
}
