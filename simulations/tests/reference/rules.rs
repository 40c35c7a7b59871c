//! What is sold, and the rules that are data: number plans, carried numbers, policies.

use mpss_domain::bills::{BillCeilings, BillPolicy};
use mpss_domain::catalogue::{Application, ProductStatus, Terms};
use mpss_domain::ids::IssuedId;
use mpss_domain::number_plan::NumberRange;
use mpss_domain::policy::Policy;
use mpss_domain::{AccountKind, Money, NumberPlan, Operator, Outcome, ProductId, Scope, SpId, Verb};

use crate::draw::Draw;
use crate::money_moves::{msisdn, province_of, somebody, verifier};
use crate::walk::{CODES, Walk};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

impl Walk {
    /// SPs, goods on sale, some subscribers with money.
    pub(crate) fn set_the_scene(&mut self, at: usize, draw: &mut Draw) {
        let code = CODES[at];
        let province = &mut self.provinces[at];
        let Outcome::Sp(sp) =
            province.ask_internally(Verb::AdmitSp { name: "SP".into(), notice_url: "http://sp.example".into() })
        else {
            unreachable!("anybody is admitted")
        };
        let scopes: &[Scope] = if code == 0 { &[Scope::National] } else { &[Scope::Local, Scope::Roaming] };
        for scope in scopes {
            for application in [
                draw.of(&Application::ALL),
                Application::CardSale,
                Application::Ticketing,
                Application::BillPayment,
                Application::Shopping,
                Application::Lottery,
            ] {
                let terms = Terms { application, ..terms(draw, sp, *scope, Money::yuan(10)) };
                let Outcome::Product(product) =
                    province.ask_internally(Verb::UploadProduct { product: None, terms, by: "u".into() })
                else {
                    unreachable!("the terms are right")
                };
                province.ask_internally(Verb::ReviewProduct { product, rejected: None, by: "r".into() });
                province.ask_internally(Verb::PublishProduct { product });
            }
        }
        if code == 0 {
            return;
        }
        for n in 0..3 {
            let opening = Verb::OpenAccount {
                msisdn: msisdn(code, n),
                kind: AccountKind::StoredValue,
                tier: Default::default(),
                language: Default::default(),
                verifier: verifier(draw),
                verdict: mpss_domain::PasswordVerdict { verifier_version: 0, matches: true },
                per_payment_limit: None,
                daily_limit: (n == 0).then_some(Money::yuan(90)),
            };
            if let Outcome::Account(view) = province.ask_internally(opening) {
                let (account, amount) = (view.account.id, Money::yuan(400));
                province.ask_internally(Verb::TopUpCash { account, amount, agent: "agent".into() });
            }
        }
    }

    pub(crate) fn goods_move(&mut self, at: usize, draw: &mut Draw) {
        let code = CODES[at];
        let province = &mut self.provinces[at];
        let nobody = SpId::issue(province.at, province.id, 9_999);
        let sp = if draw.one_in(10) { nobody } else { draw.recent(&province.sps).unwrap_or(nobody) };
        let unknown = ProductId::issue(province.at, province.id, 9_999);
        let product = if draw.one_in(12) { unknown } else { draw.recent(&province.products).unwrap_or(unknown) };
        let by = draw.of(&["u", "r"]).to_owned();
        // What is next for it, mostly, so that something stays on sale.
        let status = province.state.product(product).map(|product| product.status.clone());
        let suspended = province.state.sp(sp).is_some_and(|sp| sp.suspended);
        let verb = match draw.below(12) {
            0 => Verb::AdmitSp { name: "another SP".into(), notice_url: "http://sp.example".into() },
            1..=2 => Verb::SetSpSuspended { sp, suspended: if draw.one_in(4) { suspended } else { !suspended } },
            3 => {
                let scope = draw.of(&[Scope::Local, Scope::Roaming, Scope::National]);
                let changed = draw.one_in(2).then_some(product);
                let price = Money::fen(i64::try_from(draw.below(3_000)).expect("small"));
                Verb::UploadProduct { product: changed, terms: terms(draw, sp, scope, price), by }
            }
            4 => {
                let scope = if code == 0 { Scope::National } else { draw.of(&[Scope::Local, Scope::Roaming]) };
                let price = Money::fen(i64::try_from(draw.below(3_000)).expect("small") + 1);
                Verb::UploadProduct { product: Some(product), terms: terms(draw, sp, scope, price), by }
            }
            5 => Verb::WithdrawProduct { product },
            6 => Verb::PublishProduct { product },
            7 => Verb::ReviewProduct { product, rejected: Some("no".into()), by },
            _ => match status {
                Some(ProductStatus::Approved) => Verb::PublishProduct { product },
                Some(ProductStatus::InReview) | None => Verb::ReviewProduct { product, rejected: None, by },
                Some(ProductStatus::Published) if !suspended => return,
                Some(ProductStatus::Published) => Verb::SetSpSuspended { sp, suspended: false },
                Some(ProductStatus::Deleted) => return,
                Some(ProductStatus::Withdrawn | ProductStatus::Rejected { .. }) if draw.one_in(6) => {
                    Verb::DeleteProduct { product }
                }
                Some(ProductStatus::Withdrawn | ProductStatus::Rejected { .. }) => {
                    let scope = if code == 0 { Scope::National } else { draw.of(&[Scope::Local, Scope::Roaming]) };
                    let sp = province.state.product(product).map_or(sp, |product| product.terms().sp);
                    Verb::UploadProduct { product: Some(product), terms: terms(draw, sp, scope, Money::yuan(7)), by }
                }
            },
        };
        province.ask(draw, verb);
    }

    /// A number plan, a number that is carried away or back, a policy.
    pub(crate) fn rules_move(&mut self, at: usize, draw: &mut Draw) {
        let verb = match draw.below(9) {
            0..=2 => Verb::InstallNumberPlan(Box::new(self.plan(at, draw))),
            3..=4 => Verb::PortNumber {
                msisdn: somebody(draw, CODES[at]),
                operator: if draw.one_in(4) { Operator::ChinaUnicom } else { Operator::ChinaTelecom },
                from: self.provinces[at].at.plus_ms(if draw.one_in(2) { 0 } else { draw.below(3 * HOUR_MS) }),
            },
            _ if draw.one_in(3) => Verb::SetBillPolicy(Box::new(self.bill_policy(at, draw))),
            _ => Verb::SetPolicy(Box::new(self.policy(at, draw))),
        };
        self.provinces[at].ask(draw, verb);
    }

    /// Small ceilings, so that they are reached; now and then one that makes no sense, or is not newer.
    fn bill_policy(&self, at: usize, draw: &mut Draw) -> BillPolicy {
        let mut policy = self.provinces[at].state.bill_policy().clone();
        policy.version += draw.below(3);
        let ceilings = |per_payment: u64, times: u64| {
            let yuan = |amount: u64| Money::yuan(i64::try_from(amount).expect("small"));
            BillCeilings { per_payment: yuan(per_payment), daily: yuan(per_payment * times) }
        };
        for of in policy.ceilings.iter_mut().flatten() {
            *of = ceilings(draw.below(60), draw.below(4));
        }
        policy.without_password = ceilings(draw.below(30), 1 + draw.below(3));
        policy.known_for_ms = 1 + draw.below(48 * HOUR_MS);
        policy
    }

    /// The right one, mostly; or one in which somebody lives elsewhere, or nowhere, or that is in
    /// disorder.
    fn plan(&self, at: usize, draw: &mut Draw) -> NumberPlan {
        let range = |code: u8, province: u8, operator| {
            let first = 1_890_000 + u32::from(code);
            NumberRange { first, last: first, province: province_of(province), operator }
        };
        let telecom = Operator::ChinaTelecom;
        let mut ranges = vec![range(0, 44, telecom), range(44, 44, telecom), range(51, 51, telecom)];
        match draw.below(24) {
            0 => ranges[1] = range(44, 51, telecom),
            1 => ranges[2] = range(51, 51, Operator::ChinaMobile),
            2 => drop(ranges.remove(1)),
            3 => ranges.reverse(),
            _ => {}
        }
        let old = self.provinces[at].state.plan();
        let mut plan = NumberPlan { epoch: old.epoch + u64::from(!draw.one_in(5)), ranges, ..NumberPlan::default() };
        // A plan may say otherwise of a number that was carried.
        if let Some((msisdn, ported)) = old.ported.iter().next()
            && draw.one_in(2)
        {
            plan.ported.insert(*msisdn, mpss_domain::number_plan::Ported { operator: telecom, ..*ported });
        }
        plan
    }

    fn policy(&self, at: usize, draw: &mut Draw) -> Policy {
        let mut policy = Policy { version: self.provinces[at].state.policy().version, ..Policy::default() };
        policy.version += u32::from(!draw.one_in(6));
        policy.retention_ms = draw.of(&[2, 4, 10, 90]) * DAY_MS;
        policy.duplicate_window_ms = draw.of(&[HOUR_MS, 30 * HOUR_MS, 2 * DAY_MS, 4 * DAY_MS, 11 * DAY_MS]);
        policy.reversal_window_ms = draw.of(&[HOUR_MS, DAY_MS, 2 * DAY_MS]);
        policy.payment_takeover_ms = draw.of(&[0, 5_000]);
        policy.payment_bound_ms = draw.of(&[4_000, 30_000, 30_000, HOUR_MS]);
        policy.password_failures_max = u8::try_from(draw.of(&[0, 2, 3, 5, 5])).expect("small");
        let basic = &mut policy.ceilings[1][1];
        match draw.below(6) {
            0 => basic.per_payment = Money::yuan(30),
            1 => basic.daily = Money::yuan(1_000),
            2 => basic.balance = Money::yuan(500),
            3 => basic.per_payment = Money::yuan(50_000_000),
            _ => {}
        }
        policy
    }
}

fn terms(draw: &mut Draw, sp: SpId, scope: Scope, price: Money) -> Terms {
    Terms {
        sp,
        title: draw.of(&["goods", "双色球"]).to_owned(),
        application: draw.of(&Application::ALL),
        scope,
        price,
        delivery_deadline_ms: draw.of(&[0, 20_000, 90_000]),
    }
}
