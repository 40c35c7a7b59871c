//! What exists in the country the requests talk about, and that none of it moved.

use std::time::Duration;

use mpss_tests::client::Ask;
use mpss_tests::number_table;
use mpss_tests::seeded::Seeded;
use mpss_tests::trade::{Goods, PASSWORD, Trade};
use serde_json::Value;

/// What exists in the country the requests talk about.
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) order: String,
    pub(crate) product: String,
    pub(crate) sp: String,
    pub(crate) buyer: String,
    pub(crate) payee: String,
}

pub(crate) async fn set_up(trade: Trade<'_>) -> Place {
    let mut seeded = Seeded::new(4);
    let [buyer, payee] = [(); 2].map(|()| number_table::subscriber_of("44", &mut seeded));
    let sp = trade.admit_sp("44", "sp").await;
    let product = trade.publish("44", &Goods::new(&sp, "thing", "local", 100)).await;
    let account = trade.open_with("44", &buyer, 100_000).await;
    trade.open("44", &payee, None).await;
    let order = trade.buy("44", "the-order", &buyer, &product).await.expect("answered").text("order_id");
    mpss_tests::patience::until("delivered", Duration::from_secs(30), async || {
        let status = trade.order("44", &order, 5).await?.text("status");
        if status == "delivered" { Ok(()) } else { Err(status) }
    })
    .await;
    Place { account, order, product, sp, buyer, payee }
}

/// Everything that could have moved: the books, the accounts, the order, the goods; without the log
/// position, which moves when a wrong outcome is remembered.
pub(crate) async fn everything(trade: Trade<'_>, place: &Place) -> Value {
    let mut seen = Vec::new();
    for path in [
        "/v1/trial-balance".to_owned(),
        format!("/v1/accounts/{}", place.account),
        format!("/v1/subscribers/{}", place.payee),
        format!("/v1/subscribers/{}", place.buyer),
        format!("/v1/orders/{}", place.order),
        format!("/v1/catalogue?msisdn={}", place.buyer),
    ] {
        let mut body = trade.must("44", &Ask::get(path)).await.body;
        forget_position(&mut body);
        seen.push(body);
    }
    Value::Array(seen)
}

fn forget_position(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "log_index" && name != "digest");
            fields.values_mut().for_each(forget_position);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_position),
        _ => {}
    }
}

pub(crate) async fn unharmed(trade: Trade<'_>, place: &Place, before: &Value, pid: Option<u32>) {
    let node = &trade.country.nodes_of("44")[0];
    assert!(node.process.runs() && node.process.pid() == pid, "the node ended");
    assert_eq!(everything(trade, place).await, *before, "something moved");
    let log = node.process.log();
    assert!(!log.contains("panicked"), "a panic:\n{}", node.process.log_tail());
    assert!(!log.contains(PASSWORD), "a payment password is in the log");
}
