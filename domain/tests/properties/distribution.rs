//! Whatever is published, withdrawn and suspended at the national platform, and however a province's questions are cut,
//! repeated, lost or begun anew: once it has caught up it shows what the platform sells (product §3).

use std::collections::BTreeMap;

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::distribution::TakeGoods;
use mpss_domain::{Money, Outcome, ProductId, Scope, SpId, StateVersion, Verb};
use proptest::prelude::*;

use crate::versions::restored;
use crate::world::{World, code_of};

#[derive(Debug, Clone)]
enum Move {
    Admit,
    Upload(usize),
    /// A change of the price, or of the delivery deadline alone.
    Change {
        product: usize,
        price: bool,
    },
    Review(usize),
    Publish(usize),
    Withdraw(usize),
    Delete(usize),
    Suspend(usize, bool),
    /// The province asks for so many changes, and takes them so often; with none it was lost on the way.
    Pull {
        max: usize,
        times: usize,
    },
    /// What an earlier question brought is proposed again.
    Late(usize),
    Anew,
    Crash,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = 0..6_usize;
    let step = prop_oneof![
        2 => Just(Move::Admit),
        4 => one.clone().prop_map(Move::Upload),
        4 => (one.clone(), any::<bool>()).prop_map(|(product, price)| Move::Change { product, price }),
        6 => one.clone().prop_map(Move::Review),
        6 => one.clone().prop_map(Move::Publish),
        3 => one.clone().prop_map(Move::Withdraw),
        2 => one.clone().prop_map(Move::Delete),
        3 => (one.clone(), any::<bool>()).prop_map(|(sp, suspended)| Move::Suspend(sp, suspended)),
        8 => (1..5_usize, 0..3_usize).prop_map(|(max, times)| Move::Pull { max, times }),
        2 => one.prop_map(Move::Late),
        1 => Just(Move::Anew),
        1 => Just(Move::Crash),
    ];
    prop::collection::vec(step, 1..120)
}

struct Nation {
    platform: World,
    province: World,
    sps: Vec<SpId>,
    products: Vec<(ProductId, Terms)>,
    taken: Vec<TakeGoods>,
}

impl Nation {
    fn new() -> Self {
        let (mut platform, mut province) = (World::new(0), World::new(44));
        for world in [&mut platform, &mut province] {
            world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        }
        Self { platform, province, sps: Vec::new(), products: Vec::new(), taken: Vec::new() }
    }

    /// Products are counted from the newest.
    fn newest(&self, at: usize) -> Option<(ProductId, Terms)> {
        self.products.iter().rev().nth(at).cloned()
    }

    fn step(&mut self, step: &Move) {
        let by = || "lucy".to_owned();
        match *step {
            Move::Admit => {
                let admit = Verb::AdmitSp { name: format!("sp{}", self.sps.len()), notice_url: "http://sp".into() };
                if let Outcome::Sp(sp) = self.platform.ask(admit) {
                    self.sps.push(sp);
                }
            }
            Move::Upload(sp) => {
                let Some(sp) = self.sps.get(sp).copied() else { return };
                let terms = Terms {
                    sp,
                    title: format!("thing {}", self.products.len()),
                    application: Application::Ticketing,
                    scope: Scope::National,
                    price: Money::yuan(1),
                    delivery_deadline_ms: 60_000,
                };
                let upload = Verb::UploadProduct { product: None, terms: terms.clone(), by: by() };
                if let Outcome::Product(id) = self.platform.ask(upload) {
                    self.products.push((id, terms));
                }
            }
            Move::Change { product, price } => {
                let Some((id, mut terms)) = self.newest(product) else { return };
                if price {
                    terms.price += Money::fen(1);
                } else {
                    terms.delivery_deadline_ms += 1_000;
                }
                let change = Verb::UploadProduct { product: Some(id), terms: terms.clone(), by: by() };
                if !matches!(self.platform.ask(change), Outcome::Refused(_)) {
                    self.products.iter_mut().filter(|(known, _)| *known == id).for_each(|row| row.1 = terms.clone());
                }
            }
            Move::Review(product) => {
                let Some((product, _)) = self.newest(product) else { return };
                self.platform.ask(Verb::ReviewProduct { product, rejected: None, by: "rita".into() });
            }
            Move::Publish(product) => {
                let Some((product, _)) = self.newest(product) else { return };
                self.platform.ask(Verb::PublishProduct { product });
            }
            Move::Withdraw(product) => {
                let Some((product, _)) = self.newest(product) else { return };
                self.platform.ask(Verb::WithdrawProduct { product });
            }
            Move::Delete(product) => {
                let Some((product, _)) = self.newest(product) else { return };
                self.platform.ask(Verb::DeleteProduct { product });
            }
            Move::Suspend(sp, suspended) => {
                let Some(sp) = self.sps.get(sp).copied() else { return };
                self.platform.ask(Verb::SetSpSuspended { sp, suspended });
            }
            Move::Pull { max, times } => self.pull(self.province.state.national_goods_upto(), max, times, false),
            Move::Late(at) => {
                let Some(take) = self.taken.iter().rev().nth(at).filter(|take| !take.anew).cloned() else { return };
                let before = self.shown();
                assert_eq!(code_of(&self.province.ask(Verb::TakeNationalGoods(Box::new(take)))), "ok");
                assert_eq!(self.shown(), before, "what was known is known");
            }
            Move::Anew => self.pull(0, 3, 1, true),
            Move::Crash => {
                self.platform.state = restored(&self.platform.state);
                self.province.state = restored(&self.province.state);
            }
        }
        for world in [&self.platform, &self.province] {
            assert_eq!(world.state.check_all(), Ok(()), "{step:?}");
        }
    }

    fn pull(&mut self, after: u64, max: usize, times: usize, anew: bool) {
        let (changes, upto) = self.platform.state.goods_changes_after(after, max);
        let take = TakeGoods { after, upto, anew, changes };
        for _ in 0..times {
            assert_eq!(code_of(&self.province.ask(Verb::TakeNationalGoods(Box::new(take.clone())))), "ok");
        }
        if times > 0 {
            self.taken.retain(|_| !anew);
            self.taken.push(take);
        }
    }

    /// Name of the SP, version and terms of whatever the province shows.
    fn shown(&self) -> BTreeMap<ProductId, (String, u32, Terms)> {
        let goods = self.province.state.national_goods();
        goods.map(|(product, sp)| (product.id, (sp.name.clone(), product.version, product.terms.clone()))).collect()
    }

    /// The same as the platform sells it.
    fn sold(&self) -> BTreeMap<ProductId, (String, u32, Terms)> {
        let state = &self.platform.state;
        let (home, here) = (self.province.state.province(), self.province.state.province());
        let on_sale = state.catalogue(home, here).filter(|(_, visible)| visible.is_ok());
        let row = on_sale.map(|(product, _)| {
            let sp = state.sp(product.terms().sp).expect("it sells").name.clone();
            (product.id, (sp, u32::try_from(product.versions.len()).expect("few"), product.terms().clone()))
        });
        row.collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_province_that_has_caught_up_shows_what_the_platform_sells(moves in moves()) {
        let mut nation = Nation::new();
        for step in &moves {
            nation.step(step);
        }
        while nation.province.state.national_goods_upto() < nation.platform.state.goods_changed() {
            nation.step(&Move::Pull { max: 2, times: 1 });
        }
        assert_eq!(nation.shown(), nation.sold());
    }
}
