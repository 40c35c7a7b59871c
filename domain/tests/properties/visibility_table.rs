//! The whole table home × location × scope, for every province and the national platform (product
//! §1), by the function, by the catalogue and by both paths that sell, against an independent
//! statement of the rule.

use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::visibility::visible;
use mpss_domain::{Money, OrderId, Outcome, PaymentId, ProvinceId, Refusal, Scope, Verb};

use crate::world::{RIGHT, START, STORED_VALUE, World, buying, code_of, msisdn, province};

/// The rule once more, in the words of the specification's table.
fn may_buy(scope: Scope, of: u8, home: u8, location: u8) -> bool {
    let own_subscriber = home == of;
    let here_now = location == of;
    match scope {
        Scope::Local => own_subscriber,
        Scope::Roaming => !own_subscriber && here_now,
        Scope::National => true,
    }
}

const SCOPES: [Scope; 3] = [Scope::Local, Scope::Roaming, Scope::National];

fn everywhere() -> impl Iterator<Item = u8> + Clone {
    std::iter::once(0).chain(ProvinceId::ALL)
}

#[test]
fn the_function_says_what_the_table_says() {
    let mut cases = 0;
    for (of, home, location) in everywhere()
        .flat_map(|of| everywhere().flat_map(move |home| everywhere().map(move |location| (of, home, location))))
    {
        for scope in SCOPES {
            let seen = visible(scope, province(of), province(home), province(location)).is_ok();
            assert_eq!(
                seen,
                may_buy(scope, of, home, location),
                "{scope:?} of {of:02} from {home:02} in {location:02}"
            );
            cases += 1;
        }
    }
    assert_eq!(cases, 32 * 32 * 32 * 3);
}

#[test]
fn catalogue_and_sale_follow_the_table_in_every_province() {
    for of in everywhere() {
        let mut world = World::new(of);
        let sp = world.admit();
        let scopes: &[Scope] = if of == 0 { &[Scope::National] } else { &[Scope::Local, Scope::Roaming] };
        let products: Vec<_> = scopes.iter().map(|scope| (*scope, world.publish(sp, *scope, Money::fen(1)))).collect();
        if of != 0 {
            let account = world.open(msisdn(of, 0), None);
            world.top_up(account, 100);
        }
        for home in ProvinceId::ALL {
            for location in everywhere() {
                for (product, seen) in world.state.catalogue(province(home), province(location)) {
                    assert_eq!(seen.is_ok(), may_buy(product.terms().scope, of, home, location));
                }
                for (scope, product) in &products {
                    let buyer = msisdn(home, 0);
                    let outcome = world.ask(buying(buyer, province(home), province(location), *product, 1));
                    match outcome {
                        Outcome::Order(_) => assert!(may_buy(*scope, of, home, location)),
                        Outcome::Refused(Refusal::NotVisible(_)) => assert!(!may_buy(*scope, of, home, location)),
                        other => panic!("{scope:?} of {of:02} from {home:02} in {location:02}: {other:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn home_follows_the_table_when_another_province_asks_it_to_pay() {
    for home in ProvinceId::ALL {
        let mut world = World::new(home);
        let account = world.open(msisdn(home, 0), None);
        world.top_up(account, 100);
        let mut serial = 0;
        for (serving, location) in everywhere()
            .filter(|serving| *serving != home)
            .flat_map(|serving| everywhere().map(move |location| (serving, location)))
        {
            for scope in SCOPES {
                serial += 1;
                let outcome = world.ask(Verb::Pay(Box::new(PayRequest {
                    payment: PaymentId::issue(START, province(serving), serial),
                    order: OrderId::issue(START, province(serving), serial),
                    serving: province(serving),
                    msisdn: msisdn(home, 0),
                    epoch: 0,
                    scope,
                    location: province(location),
                    account: STORED_VALUE,
                    amount: Money::fen(1),
                    title: "goods".into(),
                    verdict: RIGHT,
                })));
                // National goods are the national platform's, and only those are.
                let expected = if (scope == Scope::National) != (serving == 0) {
                    "wrong_place_for_scope"
                } else if may_buy(scope, serving, home, location) {
                    "ok"
                } else {
                    "not_visible"
                };
                assert_eq!(code_of(&outcome), expected, "{scope:?} of {serving:02} from {home:02} in {location:02}");
            }
        }
    }
}
