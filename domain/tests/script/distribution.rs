//! Words for national goods on their way to the provinces.
//!
//! ```text
//! see-changes after=0 are="sp:airline on:flight:1" upto=2     at the national platform
//! take after=0 upto=2 sp=airline on=flight version=1          in a province; also gone=flight, suspended=airline, anew=yes
//! national-goods shown="flight:1" upto=2
//! ```

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::distribution::{GoodsChange, NationalProduct, NationalSp, TakeGoods};
use mpss_domain::ids::IssuedId;
use mpss_domain::{Money, ProductId, ProvinceId, Scope, SpId, Verb};

use super::words::{Words, same};
use super::{START, Stage};

/// Ids of the national platform, by name.
fn national<I: IssuedId>(name: &str) -> I {
    let serial = name.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(byte)));
    I::issue(START, ProvinceId::NATIONAL, serial)
}

fn number(words: &Words<'_>, key: &str) -> Result<u64, String> {
    words.need(key)?.parse().map_err(|_| format!("{key} is a number"))
}

impl Stage {
    pub(super) fn take_verb(words: &Words<'_>) -> Result<Verb, String> {
        let mut changes = Vec::new();
        let sp = words.get("suspended").or_else(|| words.get("sp"));
        if let Some(name) = sp {
            let suspended = words.get("suspended").is_some();
            changes.push(GoodsChange::Sp(NationalSp { id: national(name), name: name.into(), suspended }));
        }
        if let Some(name) = words.get("on") {
            let terms = Terms {
                sp: national::<SpId>(words.get("of").unwrap_or("airline")),
                title: name.into(),
                application: Application::Ticketing,
                scope: Scope::National,
                price: Money::yuan(1),
                delivery_deadline_ms: 60_000,
            };
            let version = u32::try_from(number(words, "version")?).map_err(|_| "a version is small")?;
            changes.push(GoodsChange::OnSale(NationalProduct { id: national(name), version, terms }));
        }
        if let Some(name) = words.get("gone") {
            changes.push(GoodsChange::Gone(national::<ProductId>(name)));
        }
        if words.get("more").is_some() {
            changes.extend((0..500).map(|_| GoodsChange::Gone(national("nothing"))));
        }
        let (after, upto) = (number(words, "after")?, number(words, "upto")?);
        Ok(Verb::TakeNationalGoods(Box::new(TakeGoods { after, upto, anew: words.get("anew").is_some(), changes })))
    }

    pub(super) fn see_national_goods(&self, words: &Words<'_>) -> Result<(), String> {
        let shown: Vec<_> = (self.state.national_goods())
            .map(|(product, sp)| format!("{}:{}:{}", sp.name, product.terms.title, product.version))
            .collect();
        let mut shown = shown;
        shown.sort();
        same("what is shown", shown.join(" ").as_str(), words.need("shown")?)?;
        same("upto", self.state.national_goods_upto(), number(words, "upto")?)
    }

    pub(super) fn see_changes(&self, words: &Words<'_>) -> Result<(), String> {
        let max = words.get("max").map_or(Ok(1_000), str::parse).map_err(|_| "max is a number")?;
        let (changes, upto) = self.state.goods_changes_after(number(words, "after")?, max);
        let name_of =
            |id: ProductId| self.products.iter().find(|(_, known)| **known == id).map_or("?", |(name, _)| name);
        let told: Vec<_> = (changes.iter())
            .map(|change| match change {
                GoodsChange::Sp(sp) if sp.suspended => format!("suspended:{}", sp.name),
                GoodsChange::Sp(sp) => format!("sp:{}", sp.name),
                GoodsChange::OnSale(product) => format!("on:{}:{}", name_of(product.id), product.version),
                GoodsChange::Gone(id) => format!("gone:{}", name_of(*id)),
            })
            .collect();
        same("what changed", told.join(" ").as_str(), words.need("are")?)?;
        same("upto", upto, number(words, "upto")?)
    }
}
