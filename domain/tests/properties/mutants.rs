//! Deliberate faults are found by the proofs they are made for.

use mpss_domain::command::Request;
use mpss_domain::mutant::Mutant;
use mpss_domain::{Command, Money, Scope, Verb};

use crate::card_vault;
use crate::federation::{Federation, Moves};
use crate::tickets;
use crate::world::{World, buying, msisdn, province};

#[test]
#[should_panic(expected = "debits and credits of a posting differ")]
fn money_from_nowhere_stops_the_replica() {
    let mut world = World::new(44);
    let account = world.open(msisdn(44, 0), None);
    world.state.set_mutant(Some(Mutant::CreditWithoutDebit));
    world.ask(Verb::TopUpCash { account, amount: Money::yuan(1), agent: "agent".into() });
}

#[test]
fn a_repeated_request_that_debits_twice_is_seen_in_the_books() {
    let mut world = World::new(44);
    let account = world.open(msisdn(44, 0), None);
    world.top_up(account, 10);
    let sp = world.admit();
    let product = world.publish(sp, Scope::Local, Money::yuan(1));
    let purchase = buying(msisdn(44, 0), province(44), province(44), product, 1);
    world.state.set_mutant(Some(Mutant::DoubleDebitOnRetry));
    for _ in 0..2 {
        let request = Some(Request { key: 9, content: 1 });
        world.batch(vec![Command { request, verb: purchase.clone() }]);
    }
    assert_eq!(world.state.account(account).expect("opened").available, Money::yuan(8));
}

#[test]
#[should_panic(expected = "clearing between")]
fn clearing_booked_on_one_side_does_not_net_to_zero() {
    let mut federation = Federation::new();
    for world in federation.worlds_mut() {
        world.state.set_mutant(Some(Mutant::ClearingOneSide));
    }
    federation.play(&Moves::fixed(400));
    federation.settle();
    federation.check_at_rest();
}

#[test]
fn a_bet_that_is_awarded_twice_or_undone_afterwards_is_seen_in_the_rows() {
    for mutant in [Mutant::BetAwardedTwice, Mutant::AwardedBetReversed] {
        let found = crate::awards::one_bet_twice_and_back(mutant);
        assert!(found.is_err(), "{} was not found", mutant.name());
    }
}

#[test]
#[should_panic(expected = "bill 1 for the 0. of [1]")]
fn a_bill_that_is_paid_twice() {
    crate::bills::play_with(Mutant::BillPaidTwice);
}

#[test]
#[should_panic(expected = "sold without a card")]
fn a_card_that_is_not_there_is_sold() {
    card_vault::play_with(Mutant::StockOutsideApply);
}

#[test]
#[should_panic(expected = "reversal of")]
fn a_card_that_was_shown_is_sold_again() {
    card_vault::play_with(Mutant::CardReturnedThoughShown);
}

#[test]
#[should_panic(expected = "at gate 2")]
fn a_ticket_that_lets_two_in() {
    tickets::play_with(Mutant::TicketCheckedTwice);
}

#[test]
#[should_panic(expected = "given back: ")]
fn a_used_ticket_that_is_given_back() {
    tickets::play_with(Mutant::UsedTicketGivenBack);
}

#[test]
#[should_panic(expected = "is used: true")]
fn a_recharge_card_that_is_credited_before_it_is_used() {
    crate::recharge::play_with(Mutant::RechargeCreditedBeforeUse, 0);
}

#[test]
#[should_panic(expected = "is used, and was not credited")]
fn a_used_recharge_card_that_is_never_credited() {
    crate::recharge::play_with(Mutant::RechargeLostPastBound, 100);
}

#[test]
#[should_panic(expected = "payments for")]
fn an_order_of_the_upp_that_is_paid_twice() {
    crate::upp::play_with(Mutant::UppOrderPaidTwice);
}

#[test]
#[should_panic(expected = "was reversed, and is answered for as")]
fn an_order_of_the_upp_that_is_paid_after_its_reversal() {
    crate::upp::play_with(Mutant::LateUppPaymentRevives);
}

#[test]
#[should_panic(expected = "and for its end the UPP waits")]
fn the_end_of_a_payment_that_the_upp_is_not_told() {
    crate::upp::play_with(Mutant::UppNotTold);
}

#[test]
#[should_panic(expected = "100 yuan of 0 by StoredValue")]
fn a_bill_that_anybody_pays_without_the_password() {
    crate::bill_allowance::play_with(Mutant::AnyBillWithoutPassword);
}

#[test]
#[should_panic(expected = "bills of")]
fn what_a_bill_uses_of_a_day_and_is_never_given_back() {
    crate::bill_allowance::play_with(Mutant::BillUseKept);
}

#[test]
#[should_panic(expected = "is asked for: true")]
fn a_top_up_by_bank_card_that_is_credited_before_the_bank_has_answered() {
    crate::bank_top_ups::play_with(Mutant::BankTopUpCreditedUnanswered);
}

#[test]
#[should_panic(expected = "Order(")]
fn a_payment_code_that_pays_twice() {
    crate::payment_codes::play_with(Mutant::CodePaysTwice);
}
