//! The whole way: the subscriber is asked by text, says yes or no, and the SP hears it.

use mpss_domain::{OrderStatus, Outcome};

use super::*;

impl Shop {
    /// What the newest text asks the subscriber for, once there is one that asks for a word about `open` purchases.
    async fn says(&self, open: usize, agreed: bool) -> OrderId {
        let asked = |state: &mpss_domain::State| {
            let all: Vec<u32> = state.confirmations_of(local(1)).map(|row| row.code).collect();
            (all.len() == open).then(|| *all.last().unwrap())
        };
        let code = self.trial.until("the subscriber is asked", asked).await;
        let reply = self.trial.home.confirm(self.trial.request(), local(1), code, agreed).await.unwrap();
        let Outcome::Word(word) = reply.outcome else { panic!("{reply:?}") };
        word.order
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_waits_for_the_subscribers_word() {
    let shop = Shop::open_served(|_| {}).await;
    let charge = format!("<amount>2</amount>{}", shop.code());
    let (told, order) = futures::join!(shop.charges("R1", &charge), shop.says(1, true));
    told.done("chargeAmount", &Names::served(Family::ParlayX).local(Interface::AmountCharging));
    assert_eq!(shop.balance(), Money::yuan(48));
    assert_eq!(shop.trial.order(order).quantity, 2);
    let (told, _) = futures::join!(shop.charges("R2", &charge), shop.says(1, false));
    assert_eq!(told.fault_line(), "SVC0270");
    assert_eq!(shop.charges("R2", &charge).await.fault_line(), "SVC0270", "for good");
    assert_eq!(shop.balance(), Money::yuan(48));
    // What is reversed afterwards was charged nevertheless: the same request, the same answer.
    let reason = mpss_domain::order::ReversalReason::Requested;
    shop.trial.serving.reverse_order(shop.trial.request(), order, reason, "a test".into()).await.unwrap();
    assert_eq!(shop.balance(), Money::yuan(50));
    assert_eq!(shop.charges("R1", &charge).await.status, 200);
    assert_eq!(shop.balance(), Money::yuan(50));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_says_a_word_about_is_unknown_until_it_is_said() {
    let shop = Shop::open_served(|settings| settings.isag.patience_ms = 100).await;
    assert!(shop.charges("R1", &shop.code()).await.fault_line().starts_with("SVC0001 outcome_unknown"));
    shop.says(1, true).await;
    shop.charges("R1", &shop.code())
        .await
        .done("chargeAmount", &Names::served(Family::ParlayX).local(Interface::AmountCharging));
    assert_eq!(shop.balance(), Money::yuan(49), "asked once, paid once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reserved_is_taken_in_part_or_let_go() {
    const HERE: Interface = Interface::ReserveAmountCharging;
    let shop = Shop::open_served(|_| {}).await;
    let names = Names::served(Family::ParlayX).local(HERE);
    let user = format!("<endUserIdentifier>{}</endUserIdentifier>", local(1));
    let parts = format!("{user}<charge><amount>3</amount>{}</charge>", shop.code());
    let mut reserved = Vec::new();
    for _ in 0..2 {
        let (told, order) = futures::join!(shop.asks(HERE, "reserveAmount", &parts), shop.says(1, true));
        let done = told.done("reserveAmount", &names);
        assert_eq!(done.child("result").unwrap().word(), Some(order.to_string().as_str()));
        reserved.push(order);
    }
    assert_eq!(shop.balance(), Money::yuan(44), "set aside");
    let id = |order: OrderId| format!("<reservationIdentifier>{order}</reservationIdentifier>");
    let part = format!("{}<charge><amount>1</amount></charge><referenceCode>C1</referenceCode>", id(reserved[0]));
    for _ in 0..2 {
        shop.asks(HERE, "chargeReservation", &part).await.done("chargeReservation", &names);
        assert_eq!(shop.balance(), Money::yuan(46), "one piece is taken, once; two are free");
    }
    for _ in 0..2 {
        shop.asks(HERE, "releaseReservation", &id(reserved[1])).await.done("releaseReservation", &names);
        assert_eq!(shop.balance(), Money::yuan(49));
    }
    assert_eq!(shop.trial.order(reserved[1]).status, OrderStatus::Reversed);
    let more = format!("{}<charge><amount>2</amount></charge><referenceCode>C2</referenceCode>", id(reserved[0]));
    assert_eq!(
        shop.asks(HERE, "chargeReservation", &more).await.fault_line(),
        "POL0001 wrong_order_status",
        "it was charged"
    );
    let whole = format!("{}<charge/><referenceCode>C3</referenceCode>", id(reserved[1]));
    assert_eq!(shop.asks(HERE, "chargeReservation", &whole).await.fault_line(), "SVC0270", "it was let go");
}
