//! The whole table home × location × scope × where the product is sold, written down once more in the
//! words of the rule (product §1) and compared with what decides.

use std::collections::BTreeMap;

use mpss_domain::{HiddenBecause, LogTime, Msisdn, NumberPlan, ProvinceId, Refusal, Scope};
use mpss_routing::{Route, national_plan, route, subscribers_of};

const NOW: LogTime = LogTime(1_795_437_296_789);

fn provinces() -> impl Iterator<Item = ProvinceId> {
    ProvinceId::ALL.into_iter().map(|code| ProvinceId::new(code).expect("a province"))
}

fn everywhere() -> impl Iterator<Item = ProvinceId> {
    provinces().chain([ProvinceId::NATIONAL])
}

/// One subscriber of each province.
fn subscribers(plan: &NumberPlan) -> BTreeMap<ProvinceId, Msisdn> {
    provinces().map(|home| (home, subscribers_of(plan, home).next().expect("has some"))).collect()
}

#[test]
fn a_local_product_is_for_the_provinces_own_subscribers_wherever_they_are() {
    let plan = national_plan();
    let (mut sold, mut hidden) = (0, 0);
    for (home, msisdn) in subscribers(&plan) {
        for serving in provinces() {
            for location in everywhere() {
                let found = route(&plan, NOW, msisdn, serving, Scope::Local, location);
                if serving == home {
                    sold += 1;
                    assert_eq!(found, Ok(Route::Local { epoch: 1 }), "{home} in {location}");
                } else {
                    hidden += 1;
                    assert_eq!(found, Err(Refusal::NotVisible(HiddenBecause::NotItsSubscriber)));
                }
            }
        }
    }
    assert_eq!((sold, hidden), (31 * 32, 31 * 30 * 32));
}

#[test]
fn a_roaming_product_is_for_visitors_who_are_there_now() {
    let plan = national_plan();
    let (mut sold, mut own, mut elsewhere) = (0, 0, 0);
    for (home, msisdn) in subscribers(&plan) {
        for serving in provinces() {
            for location in everywhere() {
                let found = route(&plan, NOW, msisdn, serving, Scope::Roaming, location);
                if serving == home {
                    own += 1;
                    assert_eq!(found, Err(Refusal::NotVisible(HiddenBecause::RoamingIsForVisitors)));
                } else if location != serving {
                    elsewhere += 1;
                    assert_eq!(found, Err(Refusal::NotVisible(HiddenBecause::NotVisitingNow)));
                } else {
                    sold += 1;
                    assert_eq!(found, Ok(Route::Roaming { home, epoch: 1 }));
                }
            }
        }
    }
    assert_eq!((sold, own, elsewhere), (31 * 30, 31 * 32, 31 * 30 * 31));
}

#[test]
fn a_national_product_is_for_everyone_and_paid_at_home() {
    let plan = national_plan();
    for (home, msisdn) in subscribers(&plan) {
        for location in everywhere() {
            let found = route(&plan, NOW, msisdn, ProvinceId::NATIONAL, Scope::National, location);
            assert_eq!(found, Ok(Route::National { home, epoch: 1 }));
            // Should a province sell one, the way is still told by where home is.
            for serving in provinces() {
                let expected =
                    if serving == home { Route::Local { epoch: 1 } } else { Route::Roaming { home, epoch: 1 } };
                assert_eq!(route(&plan, NOW, msisdn, serving, Scope::National, location), Ok(expected));
            }
        }
    }
}

#[test]
fn who_is_no_subscriber_of_ours_is_refused_before_anything_else() {
    let plan = national_plan();
    let (unicom, nobody) = (Msisdn::new(13_000_000_000).expect("valid"), Msisdn::new(10_000_000_000).expect("valid"));
    for scope in [Scope::Local, Scope::Roaming, Scope::National] {
        for serving in everywhere() {
            let refused = |msisdn| route(&plan, NOW, msisdn, serving, scope, serving);
            assert_eq!(refused(unicom), Err(Refusal::ForeignOperator));
            assert_eq!(refused(nobody), Err(Refusal::UnknownNumber));
        }
    }
}

#[test]
fn the_way_names_the_epoch_and_follows_a_number_that_was_carried_away() {
    let mut plan = national_plan();
    plan.epoch = 9;
    let home = ProvinceId::new(44).expect("Guangdong");
    let msisdn = subscribers_of(&plan, home).next().expect("has some");
    assert_eq!(route(&plan, NOW, msisdn, home, Scope::Local, home), Ok(Route::Local { epoch: 9 }));
    let text = format!("msisdn,operator,from\n{msisdn},china-unicom,{NOW}\n");
    plan.ported = mpss_routing::plan_file::parse_portability(&text, &plan).expect("good");
    assert_eq!(route(&plan, NOW, msisdn, home, Scope::Local, home), Err(Refusal::ForeignOperator));
    let before = LogTime(NOW.0 - 1);
    assert_eq!(route(&plan, before, msisdn, home, Scope::Local, home), Ok(Route::Local { epoch: 9 }));
}
