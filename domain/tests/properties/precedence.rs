//! The written order of refusals, pair by pair: whatever two things are wrong, the earlier is named.

use mpss_domain::command::{PayRequest, Request};
use mpss_domain::ids::IssuedId;
use mpss_domain::number_plan::{NumberPlan, NumberRange};
use mpss_domain::{
    AccountSelector, BusinessDay, Channel, Command, Money, Operator, OrderId, Outcome, PasswordVerdict, PaymentId,
    ProductId, ProvinceId, Scope, SpId, StateVersion, Verb,
};

use crate::card_vault::card;
use crate::world::{RIGHT, START, STORED_VALUE, WRONG, World, buying, code_of, msisdn, province};

/// A purchase about to be made, and what can be wrong with it.
struct Attempt {
    world: World,
    sp: SpId,
    key: u128,
    buyer: mpss_domain::Msisdn,
    home: ProvinceId,
    location: ProvinceId,
    product: ProductId,
    /// The product at first: cards from a vault.
    cards: ProductId,
    quantity: u32,
    account: AccountSelector,
    verdict: PasswordVerdict,
}

/// One thing that is wrong: what it is answered with, and how it comes about.
type Fault = (&'static str, fn(&mut Attempt));

/// In the order of precedence. Two faults with one place in the list exclude each other.
const FAULTS: [(u8, Fault); 19] = [
    (0, ("duplicate_request", |a| a.key = 1)),
    (1, ("amount_out_of_range", |a| a.quantity = 0)),
    (1, ("amount_out_of_range", |a| a.quantity = u32::MAX)),
    (2, ("unknown_number", |a| a.buyer = msisdn(99, 0))),
    (
        2,
        ("foreign_operator", |a| {
            let port = Verb::PortNumber { msisdn: a.buyer, operator: Operator::ChinaUnicom, from: START };
            a.world.ask(port);
        }),
    ),
    (2, ("not_home", |a| a.buyer = msisdn(51, 0))),
    (3, ("product_not_found", |a| a.product = ProductId::issue(START, province(44), 999))),
    (
        4,
        ("product_not_published", |a| {
            a.world.ask(Verb::WithdrawProduct { product: a.product });
        }),
    ),
    (
        5,
        ("sp_suspended", |a| {
            a.world.ask(Verb::SetSpSuspended { sp: a.sp, suspended: true });
        }),
    ),
    (
        6,
        ("not_visible", |a| {
            let product = a.world.publish_unless_suspended(a.sp);
            a.product = product.unwrap_or(a.product);
        }),
    ),
    (
        7,
        ("out_of_stock", |a| {
            let home = province(44);
            for quantity in [80, 10] {
                a.world.ask(buying(msisdn(44, 1), home, home, a.cards, quantity));
            }
        }),
    ),
    (8, ("account_not_found", |a| a.account = AccountSelector::Kind(mpss_domain::AccountKind::Bank))),
    (
        9,
        ("password_locked", |a| {
            let account = a.world.state.select_account(a.buyer, STORED_VALUE).map(|account| account.id);
            for _ in 0..5 {
                let Some(account) = account else { return };
                a.world.ask(Verb::FreezeAccount { account, verdict: WRONG, until: None });
            }
        }),
    ),
    (10, ("password_changed", |a| a.verdict.verifier_version = 7)),
    (11, ("wrong_password", |a| a.verdict.matches = false)),
    (
        12,
        ("account_frozen", |a| {
            if let Some(account) = a.world.state.select_account(a.buyer, STORED_VALUE).map(|account| account.id) {
                a.world.ask(Verb::FreezeAccount { account, verdict: RIGHT, until: None });
            }
        }),
    ),
    (13, ("per_payment_limit_exceeded", |a| a.raise(51))),
    (14, ("daily_limit_exceeded", |a| a.raise(45))),
    (15, ("insufficient_funds", |a| a.raise(35))),
];

impl World {
    /// A roaming product, which the province's own subscribers do not see; none can be uploaded for a
    /// suspended SP, so this fault is made first.
    fn publish_unless_suspended(&mut self, sp: SpId) -> Option<ProductId> {
        (!self.state.sp(sp).expect("admitted").suspended).then(|| self.publish(sp, Scope::Roaming, Money::yuan(1)))
    }
}

impl Attempt {
    /// A purchase that would succeed: 30.00 to spend, 10.00 of a daily limit of 50.00 used, 90 cards left.
    fn new() -> Self {
        let mut world = World::new(44);
        let home = province(44);
        let range = |code: u8| NumberRange {
            first: msisdn(code, 0).prefix(),
            last: msisdn(code, 999_999).prefix(),
            province: province(code),
            operator: Operator::ChinaTelecom,
        };
        let plan =
            NumberPlan { epoch: 1, ranges: vec![range(44), range(51)], ported: std::collections::BTreeMap::new() };
        world.ask(Verb::InstallNumberPlan(Box::new(plan)));
        world.ask(Verb::RaiseVersion { to: StateVersion::NEWEST });
        let product = world.publish_cards(Scope::Local);
        let sp = world.state.product(product).expect("published").terms().sp;
        let expires = BusinessDay(START.business_day().0 + 1);
        let lines = (0..100).map(|number| card(50_000_000 + number, expires)).collect();
        let batch = "all".parse().expect("a batch id");
        world.ask(Verb::LoadCards { product, batch, content: 1, lines });
        let account = world.open(msisdn(44, 0), Some((50, 50)));
        world.top_up(account, 40);
        let other = world.open(msisdn(44, 1), None);
        world.top_up(other, 100);
        let mut first = Self {
            world,
            sp,
            key: 1,
            buyer: msisdn(44, 0),
            home,
            location: home,
            product,
            cards: product,
            quantity: 10,
            account: STORED_VALUE,
            verdict: RIGHT,
        };
        assert_eq!(code_of(&first.place()), "ok");
        Self { key: 2, quantity: 1, ..first }
    }

    /// Buys more, unless another fault has made it nothing.
    fn raise(&mut self, quantity: u32) {
        if self.quantity > 0 {
            self.quantity = self.quantity.max(quantity);
        }
    }

    fn place(&mut self) -> Outcome {
        let verb = Verb::PlaceOrder {
            msisdn: self.buyer,
            home: self.home,
            epoch: 1,
            location: self.location,
            product: self.product,
            quantity: self.quantity,
            account: self.account,
            channel: Channel::App,
            verdict: Some(self.verdict),
        };
        // The content of a request is everything but the password.
        let request = Request { key: self.key, content: u64::from(self.quantity) };
        self.world.batch(vec![Command { request: Some(request), verb }]).replies.remove(0).outcome
    }
}

#[test]
fn of_any_two_faults_the_earlier_is_named() {
    assert_eq!(code_of(&Attempt::new().place()), "ok", "without a fault the purchase succeeds");
    for (at, (place, (earlier, fault))) in FAULTS.iter().enumerate() {
        let mut alone = Attempt::new();
        fault(&mut alone);
        assert_eq!(code_of(&alone.place()), *earlier, "alone");
        for (later_place, (later, other)) in &FAULTS[at + 1..] {
            if place == later_place {
                continue;
            }
            // What a fault needs must not be hindered by the other one, so both orders are tried.
            let mut both = Attempt::new();
            other(&mut both);
            fault(&mut both);
            let first = code_of(&both.place());
            let mut both = Attempt::new();
            fault(&mut both);
            other(&mut both);
            let second = code_of(&both.place());
            assert!(
                first == *earlier && second == *earlier || hindered(earlier, later, first, second),
                "{earlier} comes before {later}, got {first} and {second}"
            );
        }
    }
}

/// A product that is not seen takes the place of one that is unknown or not on sale: the pair can only
/// be made in one order.
fn hindered(earlier: &str, later: &str, first: &str, second: &str) -> bool {
    matches!((earlier, later), ("product_not_found" | "product_not_published", "not_visible"))
        && (first == earlier || second == earlier)
}

#[test]
fn home_keeps_the_same_order_when_another_province_asks() {
    // From the number on: (what is answered, how the request or the world is spoilt).
    type Spoil = (&'static str, fn(&mut World, &mut PayRequest));
    let faults: [Spoil; 9] = [
        ("amount_out_of_range", |_, pay| pay.amount = Money::ZERO),
        ("wrong_place_for_scope", |_, pay| pay.scope = Scope::National),
        ("not_visible", |_, pay| pay.location = province(44)),
        ("account_not_found", |_, pay| pay.account = AccountSelector::Kind(mpss_domain::AccountKind::Bank)),
        ("password_changed", |_, pay| pay.verdict = PasswordVerdict { verifier_version: 7, matches: false }),
        ("wrong_password", |_, pay| pay.verdict = WRONG),
        ("account_frozen", |world, pay| {
            let account = world.state.select_account(pay.msisdn, STORED_VALUE).expect("opened").id;
            world.ask(Verb::FreezeAccount { account, verdict: RIGHT, until: None });
        }),
        ("per_payment_limit_exceeded", |_, pay| pay.amount = Money::yuan(51)),
        ("insufficient_funds", |_, pay| pay.amount = Money::yuan(45)),
    ];
    for (at, (earlier, fault)) in faults.iter().enumerate() {
        for (later, other) in &faults[at..] {
            let mut world = World::new(44);
            let account = world.open(msisdn(44, 0), Some((50, 50)));
            world.top_up(account, 40);
            let mut pay = PayRequest {
                payment: PaymentId::issue(START, province(51), 1),
                order: OrderId::issue(START, province(51), 1),
                serving: province(51),
                msisdn: msisdn(44, 0),
                epoch: 0,
                scope: Scope::Roaming,
                location: province(51),
                account: STORED_VALUE,
                amount: Money::yuan(1),
                title: "goods".into(),
                verdict: RIGHT,
            };
            // The later one first: what comes earlier overwrites it where they touch the same field.
            other(&mut world, &mut pay);
            fault(&mut world, &mut pay);
            let answer = world.ask(Verb::Pay(Box::new(pay)));
            assert_eq!(code_of(&answer), *earlier, "{earlier} comes before {later}");
        }
    }
}
