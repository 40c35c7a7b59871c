//! National goods in a province (product §3): a list of what was told, read from its beginning whenever it is asked what
//! is on sale.

use std::collections::BTreeMap;

use mpss_domain::distribution::{GoodsChange, NationalProduct, TakeGoods};
use mpss_domain::{Outcome, ProvinceId, Refusal, State};

use super::Reference;

/// Changes that one command may bring.
const AT_ONCE: usize = 500;

/// What the national platform has told.
#[derive(Debug, Default)]
pub(super) struct NationalGoods {
    told: Vec<GoodsChange>,
    upto: u64,
}

impl Reference {
    pub(super) fn take_national_goods(&mut self, take: &TakeGoods) -> Result<Outcome, Refusal> {
        if self.province == ProvinceId::NATIONAL {
            return Err(Refusal::WrongPlaceForScope);
        }
        let begins_where_it_may = if take.anew { take.after == 0 } else { take.after <= self.national.upto };
        if !begins_where_it_may || take.upto < take.after || take.changes.len() > AT_ONCE {
            return Err(Refusal::GoodsChangesOutOfOrder);
        }
        if take.anew {
            self.national = NationalGoods::default();
        } else if take.upto <= self.national.upto {
            return Ok(Outcome::Done);
        }
        self.national.told.extend(take.changes.iter().cloned());
        self.national.upto = take.upto;
        Ok(Outcome::Done)
    }

    /// Whose SP is known and not suspended, by what was said last of each.
    fn national_goods(&self) -> Vec<&NationalProduct> {
        let (mut sps, mut goods) = (BTreeMap::new(), BTreeMap::new());
        for change in &self.national.told {
            match change {
                GoodsChange::Sp(sp) => {
                    sps.insert(sp.id, !sp.suspended);
                }
                GoodsChange::OnSale(product) => {
                    goods.insert(product.id, Some(product));
                }
                GoodsChange::Gone(id) => {
                    goods.insert(*id, None);
                }
            }
        }
        let sells = |product: &&NationalProduct| sps.get(&product.terms.sp).copied().unwrap_or_default();
        goods.into_values().flatten().filter(sells).collect()
    }

    pub(super) fn compare_national(&self, state: &State, out: &mut Vec<String>) {
        let found: Vec<_> = state.national_goods().map(|(product, _)| product).collect();
        if self.national.upto != state.national_goods_upto() || self.national_goods() != found {
            let (expected, upto) = (self.national_goods().len(), self.national.upto);
            out.push(format!(
                "national goods: expected {expected} as of {upto}, found {} as of {}",
                found.len(),
                state.national_goods_upto()
            ));
        }
    }
}
