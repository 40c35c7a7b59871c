//! `chargeAmount`: what is asked of the subscriber, what is answered, and that a repetition changes nothing.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_is_answered_in_the_names_it_came_in() {
    let shop = Shop::open().await;
    let mut reference = 0;
    for family in Family::ALL {
        for version in [Version::V2_0, Version::V2_1, Version::V3_1] {
            let names = Names { family, version };
            reference += 1;
            let parts = parts(&format!("R{reference}"), &format!("<amount>2.0</amount>{}", shop.code()));
            let message = message(names, Interface::AmountCharging, "chargeAmount", &shop.header(), &parts);
            let told = shop.send("AmountCharging", message).await;
            let done = told.done("chargeAmount", &names.local(Interface::AmountCharging));
            assert!(done.children.is_empty() && done.word().is_none());
            let asked = shop.subscriber.asked.lock().last().cloned().unwrap().1;
            assert_eq!(
                (asked.msisdn, asked.product, asked.quantity, asked.reserve),
                (local(1), shop.product, 2, false)
            );
            // A fault comes in the same names, too.
            let parts = super::parts(&format!("R{reference}"), "<amount>3</amount>");
            let message = super::message(names, Interface::AmountCharging, "chargeAmount", &shop.header(), &parts);
            let told = shop.send("AmountCharging", message).await;
            assert_eq!(told.fault_line(), "SVC0002 referenceCode");
            let body = told.body();
            let exception = &body.child("detail").unwrap().children[0];
            assert_eq!(exception.namespace, names.shared());
        }
    }
    assert_eq!(shop.balance(), Money::yuan(50 - 2 * 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_reference_code_gets_the_same_answer() {
    let shop = Shop::open().await;
    let charge = format!("<amount>1</amount>{}", shop.code());
    for _ in 0..3 {
        shop.charges("R1", &charge).await.done("chargeAmount", &parlay_x());
    }
    assert_eq!((shop.balance(), shop.subscriber.asked.lock().len()), (Money::yuan(49), 1), "once");
    for charge in
        [format!("<amount>2</amount>{}", shop.code()), shop.code(), format!("{charge}<currency>USD</currency>")]
    {
        let line = shop.charges("R1", &charge).await.fault_line();
        assert!(line == "SVC0002 referenceCode" || line.starts_with("SVC0003 charge.currency"), "{line}");
    }
    // The code is the SP's own: another one may use it.
    let message = message(
        Names::served(Family::ParlayX),
        Interface::AmountCharging,
        "chargeAmount",
        &shop.header_of("35100124", ""),
        &parts("R1", &charge),
    );
    assert_eq!(shop.send("AmountCharging", message).await.fault_line(), "SVC0002 charge.code", "nothing of its own");
    assert_eq!(shop.balance(), Money::yuan(49));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_knows_is_no_failure_and_the_same_request_tells() {
    let shop = Shop::open().await;
    shop.subscriber.says(Says::Nothing);
    let (code, variables) = shop.charges("R1", &shop.code()).await.fault();
    assert_eq!(code, "SVC0001");
    assert!(variables[0].starts_with("outcome_unknown") && variables[0].contains("may be sent again"), "{variables:?}");
    shop.subscriber.says(Says::Yes);
    shop.charges("R1", &shop.code()).await.done("chargeAmount", &parlay_x());
    assert_eq!(shop.subscriber.asked.lock().len(), 1, "the subscriber is asked once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_has_changed_does_not_change_what_was_asked() {
    let shop = Shop::open().await;
    let charge = format!("<amount>2</amount>{}", shop.code());
    shop.charges("R1", &charge).await.done("chargeAmount", &parlay_x());
    let terms = shop.trial.context.replica.read(|state| state.product(shop.product).unwrap().terms().clone());
    let terms = mpss_domain::catalogue::Terms { price: Money::yuan(7), ..terms };
    let upload = mpss_domain::Verb::UploadProduct { product: Some(shop.product), terms, by: "uploader".into() };
    shop.trial.propose(upload).await;
    let product = shop.product;
    shop.trial.propose(mpss_domain::Verb::ReviewProduct { product, rejected: None, by: "reviewer".into() }).await;
    shop.trial.propose(mpss_domain::Verb::PublishProduct { product }).await;
    shop.charges("R1", &charge).await.done("chargeAmount", &parlay_x());
    assert_eq!(shop.charges("R2", &charge).await.fault_line(), "SVC0007");
    assert_eq!(shop.balance(), Money::yuan(48));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_code() {
    let shop = Shop::open().await;
    let mut reference = 0;
    for (refusal, line) in [
        (Refusal::InsufficientFunds, "POL1000"),
        (Refusal::DailyLimitExceeded, "POL0001 daily_limit_exceeded"),
        (Refusal::AccountFrozen, "POL1010 account_frozen"),
        (Refusal::AccountNotFound, "POL1009 account_not_found"),
        (Refusal::DeclinedOutside, "SVC0270"),
        (Refusal::Unresolved, "SVC0270"),
        (Refusal::UnknownNumber, "SVC0004 endUserIdentifier"),
        (Refusal::RailUnavailable, "SVC1000"),
        (Refusal::OutOfStock, "POL0001 out_of_stock"),
    ] {
        reference += 1;
        shop.subscriber.says(Says::No(refusal));
        assert_eq!(shop.charges(&format!("D{reference}"), &shop.code()).await.fault_line(), line, "{refusal:?}");
        shop.subscriber.says(Says::Begun(NotDone::refused(refusal)));
        assert_eq!(shop.charges(&format!("B{reference}"), &shop.code()).await.fault_line(), line, "{refusal:?}");
    }
    shop.subscriber.says(Says::Begun(NotDone::Busy { retry_after: Duration::from_secs(1) }));
    let told = shop.charges("X", &shop.code()).await;
    assert_eq!((told.fault_line().as_str(), &told.headers["retry-after"]), ("SVC1000", &"1".parse().unwrap()));
    shop.subscriber.says(Says::Begun(NotDone::Unknown));
    assert!(shop.charges("Y", &shop.code()).await.fault_line().starts_with("SVC0001 outcome_unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_charged_must_be_named_and_add_up() {
    let shop = Shop::open().await;
    let other = "<code>G20200101000000000-44-00001</code>";
    for (charge, line) in [
        ("", "SVC0007"),
        ("<amount>1</amount>", "SVC0007"),
        ("<code>ticket</code>", "SVC0002 charge.code"),
        (other, "SVC0002 charge.code"),
    ] {
        assert_eq!(shop.charges("R1", charge).await.fault_line(), line, "{charge}");
    }
    for amount in ["0", "1.50", "1001"] {
        let charge = format!("<amount>{amount}</amount>{}", shop.code());
        assert_eq!(shop.charges("R1", &charge).await.fault_line(), "SVC0007", "{amount}");
    }
    assert!(shop.subscriber.asked.lock().is_empty(), "nobody was asked");
    // Who pays is who is charged; the product may stand in the header.
    let sent = async |more: &str, charge: &str| {
        let names = Names::served(Family::ParlayX);
        let header = shop.header_of(NUMBER, more);
        let message = message(names, Interface::AmountCharging, "chargeAmount", &header, &parts("R2", charge));
        shop.send("AmountCharging", message).await
    };
    let payer = |msisdn| format!("<FA>tel:+86{msisdn}</FA>");
    assert_eq!(sent(&payer(local(2)), &shop.code()).await.fault_line(), "SVC0002 FA");
    sent(&format!("{}<productId>{}</productId>", payer(local(1)), shop.product), "")
        .await
        .done("chargeAmount", &parlay_x());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_prove_itself_asks_nothing_and_nothing_is_taken_twice() {
    let shop = Shop::open().await;
    let names = Names::served(Family::ParlayX);
    let whole =
        |header: &str| message(names, Interface::AmountCharging, "chargeAmount", header, &parts("R1", &shop.code()));
    let good = shop.header();
    let old = stamp(shop.trial.context.seams.clock.wall_ms() - 6 * 60_000);
    let old = format!(
        "<spId>{NUMBER}</spId><spPassword>{}</spPassword><timeStamp>{old}</timeStamp>",
        sp_password(NUMBER, SECRET, &old)
    );
    for (header, line) in [
        (String::new(), "POL0001 sp_not_authenticated"),
        (
            good.replace(&good[good.find("spPassword>").unwrap() + 11..][..32], &"0".repeat(32)),
            "POL0001 sp_not_authenticated",
        ),
        (shop.header_of("35100129", ""), "POL0001 sp_not_authenticated"),
        (old, "POL0001 time_stamp_not_now"),
    ] {
        assert_eq!(shop.send("AmountCharging", whole(&header)).await.fault_line(), line, "{header}");
    }
    assert!(shop.subscriber.asked.lock().is_empty(), "nobody was asked");
    shop.send("AmountCharging", whole(&good)).await.done("chargeAmount", &parlay_x());
    assert_eq!(shop.send("AmountCharging", whole(&good)).await.fault_line(), "POL0001 replay_refused");
    shop.send("AmountCharging", whole(&shop.header())).await.done("chargeAmount", &parlay_x());
    assert_eq!(shop.balance(), Money::yuan(49));
}

fn parlay_x() -> String {
    Names::served(Family::ParlayX).local(Interface::AmountCharging)
}
