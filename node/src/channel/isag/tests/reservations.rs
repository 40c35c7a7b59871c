//! `reserveAmount` and what becomes of what is reserved.

use super::*;

const HERE: Interface = Interface::ReserveAmountCharging;

fn names() -> String {
    Names::served(Family::ParlayX).local(HERE)
}

impl Shop {
    /// Reserves under this transaction number.
    async fn reserves(&self, transaction: &str) -> Told {
        let more = format!("<transactionId>{transaction}</transactionId>");
        let user = format!("<endUserIdentifier>{}</endUserIdentifier>", local(1));
        let parts = format!("{user}<charge><amount>3</amount>{}</charge>", self.code());
        let header = self.header_of(NUMBER, &more);
        self.send(HERE.name(), message(Names::served(Family::Ctcc), HERE, "reserveAmount", &header, &parts)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_an_order_that_is_charged_or_released() {
    let shop = Shop::open().await;
    let told = shop.reserves("T1").await;
    let done = told.done("reserveAmount", &Names::served(Family::Ctcc).local(HERE));
    let id: OrderId = done.child("result").unwrap().word().unwrap().parse().unwrap();
    assert!(shop.subscriber.asked.lock()[0].1.reserve);
    assert_eq!(shop.subscriber.asked.lock()[0].1.quantity, 3);
    // Another transaction is another reservation.
    let other = shop.reserves("T2").await.done("reserveAmount", &Names::served(Family::Ctcc).local(HERE));
    assert_ne!(other.child("result").unwrap().word(), Some(id.to_string().as_str()));

    let part = |amount: &str| {
        format!(
            "<l:reservationIdentifier>{id}</l:reservationIdentifier><l:charge><description/>{amount}</l:charge>\
             <l:referenceCode>C1</l:referenceCode>"
        )
    };
    shop.asks(HERE, "chargeReservation", &part("<amount>2.00</amount>")).await.done("chargeReservation", &names());
    shop.asks(HERE, "chargeReservation", &part("")).await.done("chargeReservation", &names());
    let released = format!("<reservationIdentifier>{id}</reservationIdentifier>");
    shop.asks(HERE, "releaseReservation", &released).await.done("releaseReservation", &names());
    shop.asks(HERE, "releaseReservation", &released).await.done("releaseReservation", &names());
    let ended = shop.subscriber.ended.lock().clone();
    let pieces: Vec<_> = ended.iter().map(|(_, order, quantity)| (*order, *quantity)).collect();
    assert_eq!(pieces, [(id, Some(2)), (id, Some(3)), (id, None), (id, None)]);
    assert_eq!(ended[0].0.key, ended[1].0.key, "the reference code is the id");
    assert_ne!(ended[0].0.content, ended[1].0.content);
    assert_eq!(ended[2].0, ended[3].0, "a release that comes again is the same release");
    assert_ne!(ended[1].0.key, ended[2].0.key);

    let more = format!("{released}<charge><amount>1</amount></charge>");
    let told = shop.asks(HERE, "reserveAdditionalAmount", &more).await;
    assert_eq!(told.fault_line(), "POL0001 additional_amount_not_offered");
    assert_eq!(shop.asks(HERE, "chargeReservation", &part("<amount>1.50</amount>")).await.fault_line(), "SVC0007");
    let other = part("<code>G20200101000000000-44-00001</code>");
    assert_eq!(shop.asks(HERE, "chargeReservation", &other).await.fault_line(), "SVC0002 charge.code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_only_its_sps_and_only_once() {
    let shop = Shop::open().await;
    let id = shop.reserves("T1").await.body().child("result").unwrap().word().unwrap().to_owned();
    let released = format!("<reservationIdentifier>{id}</reservationIdentifier>");
    let theirs =
        message(Names::served(Family::ParlayX), HERE, "releaseReservation", &shop.header_of("35100124", ""), &released);
    assert_eq!(shop.send(HERE.name(), theirs).await.fault_line(), "SVC0002 reservationIdentifier");
    for id in ["", "x", "O20200101000000000-44-00001"] {
        let parts = format!("<reservationIdentifier>{id}</reservationIdentifier>");
        assert_eq!(shop.asks(HERE, "releaseReservation", &parts).await.fault_line(), "SVC0002 reservationIdentifier");
    }
    *shop.subscriber.ends.lock() = Err(Refusal::AlreadyReversed);
    assert_eq!(shop.asks(HERE, "releaseReservation", &released).await.fault_line(), "SVC0270");
    *shop.subscriber.ends.lock() = Err(Refusal::WrongOrderStatus);
    assert_eq!(shop.asks(HERE, "releaseReservation", &released).await.fault_line(), "POL0001 wrong_order_status");
    assert_eq!(shop.subscriber.ended.lock().len(), 2, "nothing of another's was asked for");
    shop.subscriber.says(Says::Nothing);
    assert!(shop.reserves("T3").await.fault_line().starts_with("SVC0001 outcome_unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_without_a_name_is_refused_where_no_time_stamp_is_needed() {
    let shop = Shop::open_with(|settings| settings.isag.header_check = "none".into()).await;
    let user = format!("<endUserIdentifier>{}</endUserIdentifier>", local(1));
    let parts = format!("{user}<charge>{}</charge>", shop.code());
    let sent = async |header: &str| {
        shop.send(HERE.name(), message(Names::served(Family::ParlayX), HERE, "reserveAmount", header, &parts)).await
    };
    let number = format!("<spId>{NUMBER}</spId>");
    assert_eq!(sent(&number).await.fault_line(), "SVC0002 transactionId");
    sent(&format!("{number}<timeStamp>0101000000</timeStamp>")).await.done("reserveAmount", &names());
}
