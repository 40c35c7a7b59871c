//! `refundAmount`: back to whom it came from, never more than was paid, once.

use mpss_domain::OrderStatus;

use super::*;

impl Shop {
    async fn refunds(&self, reference: &str, charge: &str) -> Told {
        self.asks(Interface::AmountCharging, "refundAmount", &parts(reference, charge)).await
    }

    /// A charge of so many yuan that was delivered.
    async fn charged(&self, reference: &str, yuan: u32) -> OrderId {
        let charge = format!("<amount>{yuan}</amount>{}", self.code());
        assert_eq!(self.charges(reference, &charge).await.status, 200);
        let asked = self.subscriber.asked.lock().last().unwrap().0;
        let order = self.trial.context.replica.read(|state| state.order_of_request(asked.key)).unwrap();
        let delivered = |state: &mpss_domain::State| {
            state.order(order).filter(|order| order.status == OrderStatus::Delivered).map(drop)
        };
        self.trial.until("delivered", delivered).await;
        order
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_names_what_it_gives_back() {
    let shop = Shop::open().await;
    let actors = shop.trial.actors().await;
    let order = shop.charged("R1", 5).await;
    assert_eq!(shop.balance(), Money::yuan(45));
    let names = Names::served(Family::ParlayX).local(Interface::AmountCharging);
    for _ in 0..2 {
        shop.refunds("F1", "<amount>2</amount><code>R1</code>").await.done("refundAmount", &names);
        assert_eq!(shop.balance(), Money::yuan(47), "once");
    }
    let order = format!("<code>{order}</code>");
    assert_eq!(shop.refunds("F1", &format!("<amount>3</amount>{order}")).await.fault_line(), "SVC0002 referenceCode");
    assert_eq!(
        shop.refunds("F2", &format!("<amount>3.01</amount>{order}")).await.fault_line(),
        "SVC0002 charge.amount"
    );
    shop.refunds("F3", &format!("<amount>3</amount>{order}")).await.done("refundAmount", &names);
    assert_eq!(shop.balance(), Money::yuan(50));
    shop.charged("R2", 4).await;
    shop.refunds("F4", "<code>R2</code>").await.done("refundAmount", &names);
    assert_eq!(shop.balance(), Money::yuan(50), "all of it, when no amount is given");
    actors.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_sp_has_charged_is_given_back_and_to_whom_it_was_charged() {
    let shop = Shop::open().await;
    let actors = shop.trial.actors().await;
    let order = shop.charged("R1", 5).await;
    for (charge, line) in [
        ("", "SVC0007"),
        ("<amount>1</amount>", "SVC0007"),
        ("<code>R9</code>", "SVC0002 charge.code"),
        ("<code>O20200101000000000-44-00001</code>", "SVC0002 charge.code"),
    ] {
        assert_eq!(shop.refunds("F1", charge).await.fault_line(), line, "{charge}");
    }
    // A refund has a code of its own: one that was used for a charge is that charge's.
    assert_eq!(shop.refunds("R1", "<code>R1</code>").await.fault_line(), "SVC0002 referenceCode");
    let other = parts("F1", "<code>R1</code>").replace(&local(1).to_string(), &local(2).to_string());
    let told = shop.asks(Interface::AmountCharging, "refundAmount", &other).await;
    assert_eq!(told.fault_line(), "SVC0002 endUserIdentifier");
    for code in ["R1".to_owned(), order.to_string()] {
        let theirs = message(
            Names::served(Family::ParlayX),
            Interface::AmountCharging,
            "refundAmount",
            &shop.header_of("35100124", ""),
            &parts("F1", &format!("<code>{code}</code>")),
        );
        assert_eq!(shop.send("AmountCharging", theirs).await.fault_line(), "SVC0002 charge.code");
    }
    assert_eq!(shop.balance(), Money::yuan(45));
    actors.stop().await;
}
