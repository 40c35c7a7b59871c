//! Who may buy what, where (product §1): the whole table home × location × scope by every path that
//! shows or sells. What must come out is written here once more, by hand.

#![allow(clippy::expect_used, reason = "a test")]

use mpss_tests::client::{Answer, Ask};
use mpss_tests::country::{CountryPlan, NATIONAL};
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Goods, Trade, purchase};
use mpss_tests::{binary, number_table};

const PROVINCES: [&str; 3] = ["11", "44", "51"];
/// Where a subscriber may be: the provinces of this country and one that runs no node here.
const LOCATIONS: [&str; 4] = ["11", "44", "51", "31"];

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &PROVINCES, 1)
        .replicas("44", 3)
        .setting("door", "subscriber_requests_per_second = 0")
});

/// One row of the table's margin: a product.
#[derive(Debug)]
struct OnSale {
    scope: &'static str,
    province: &'static str,
    id: String,
}

/// The rule, as the specification words it. `None`: visible.
fn hidden(product: &OnSale, home: &str, location: &str) -> Option<&'static str> {
    match product.scope {
        "national" => None,
        "local" => (home != product.province).then_some("not_its_subscriber"),
        "roaming" if home == product.province => Some("roaming_is_for_visitors"),
        "roaming" => (location != product.province).then_some("not_visiting_now"),
        other => panic!("no scope {other}"),
    }
}

struct Table {
    products: Vec<OnSale>,
    buyers: Vec<(&'static str, String)>,
}

async fn set_up(trade: Trade<'_>) -> Table {
    let mut products = Vec::new();
    for province in PROVINCES {
        let sp = trade.admit_sp(province, &format!("sp-{province}")).await;
        for scope in ["local", "roaming"] {
            let id = trade.publish(province, &Goods::new(&sp, scope, scope, 1)).await;
            products.push(OnSale { scope, province, id });
        }
    }
    let sp = trade.admit_sp(NATIONAL, "sp-00").await;
    let id = trade.publish(NATIONAL, &Goods::new(&sp, "national", "national", 1)).await;
    products.push(OnSale { scope: "national", province: NATIONAL, id });
    let mut seeded = Seeded::new(3);
    let mut buyers = Vec::new();
    for home in PROVINCES {
        let msisdn = number_table::subscriber_of(home, &mut seeded);
        trade.open_with(home, &msisdn, 500_000).await;
        buyers.push((home, msisdn));
    }
    Table { products, buyers }
}

/// The answer to an order is what the rule says, with the right explanation.
fn judge(answer: &Answer, must: Option<&str>, what: &str) -> Result<(), String> {
    let right = match must {
        None => answer.status == 201 && answer.body["status"] != "declined",
        Some(reason) => {
            let explained = answer.body["because"] == reason;
            answer.status == 422 && answer.code() == "not_visible" && answer.body["number"] == 5005 && explained
        }
    };
    let must = must.unwrap_or("bought");
    if right { Ok(()) } else { Err(format!("{what}: must be {must}, is {} {}", answer.status, answer.body)) }
}

async fn every_order(trade: Trade<'_>, table: &Table) {
    let mut wrong = Vec::new();
    let (mut asked, mut bought) = (0, 0);
    let leader = trade.country.leader("44").await.number;
    for node in trade.country.nodes() {
        for product in &table.products {
            for (home, buyer) in &table.buyers {
                // `None`: the channel does not know; it means the province whose node was asked.
                for told in LOCATIONS.iter().map(|location| Some(*location)).chain([None]) {
                    let location = told.unwrap_or(&node.province);
                    let role = if node.province == "44" && node.number == leader { " (leader)" } else { "" };
                    let what = format!(
                        "{} of {} bought at {}{role} by a subscriber of {home} in {told:?}",
                        product.scope,
                        product.province,
                        node.process.name()
                    );
                    let key = format!("v-{asked}");
                    let ask = purchase(&key, buyer, &product.id, told);
                    let answer = trade.client.ask(&[node.url()], &ask, mpss_tests::trade::PATIENCE).await;
                    let must = hidden(product, home, location);
                    wrong.extend(answer.and_then(|answer| judge(&answer, must, &what)).err());
                    asked += 1;
                    bought += usize::from(must.is_none());
                }
            }
        }
    }
    eprintln!("{asked} orders, {bought} of them visible");
    assert!(wrong.is_empty(), "{} of {asked} orders:\n{}", wrong.len(), wrong.join("\n"));
}

async fn every_catalogue(trade: Trade<'_>, table: &Table) {
    let mut wrong = Vec::new();
    for node in trade.country.nodes() {
        for (home, buyer) in &table.buyers {
            for told in LOCATIONS.iter().map(|location| Some(*location)).chain([None]) {
                let location = told.unwrap_or(&node.province);
                let query = told.map(|location| format!("&location={location}")).unwrap_or_default();
                let plain = catalogue(trade, &node.url(), &format!("msisdn={buyer}{query}")).await;
                let explained = catalogue(trade, &node.url(), &format!("msisdn={buyer}{query}&explain=true")).await;
                // A province shows its own products and the national ones.
                let shown_here = |product: &&OnSale| product.province == node.province || product.province == NATIONAL;
                for product in table.products.iter().filter(shown_here) {
                    let must = hidden(product, home, location);
                    let what = format!(
                        "{} of {} shown at {} to a subscriber of {home} in {told:?}",
                        product.scope,
                        product.province,
                        node.process.name()
                    );
                    let (listed, hidden_because) = (plain.is_listed(&product.id), explained.why_hidden(&product.id));
                    if listed != must.is_none() {
                        wrong.push(format!("{what}: listed {listed}, must be hidden because of {must:?}"));
                    }
                    if hidden_because.as_deref() != must {
                        wrong.push(format!("{what}: explained as {hidden_because:?}, must be {must:?}"));
                    }
                }
                for product in table.products.iter().filter(|product| !shown_here(product)) {
                    if plain.is_listed(&product.id) {
                        wrong.push(format!("{} shows {} of another province", node.process.name(), product.id));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

struct Catalogue(serde_json::Value);

impl Catalogue {
    fn is_listed(&self, product: &str) -> bool {
        self.0["products"].as_array().expect("products").iter().any(|row| row["product_id"] == product)
    }

    fn why_hidden(&self, product: &str) -> Option<String> {
        let rows = self.0["hidden"].as_array().expect("what is hidden, because it was asked for");
        let row = rows.iter().find(|row| row["product_id"] == product)?;
        Some(row["because"].as_str().expect("a reason").to_owned())
    }
}

async fn catalogue(trade: Trade<'_>, url: &str, query: &str) -> Catalogue {
    let ask = Ask::get(format!("/v1/catalogue?{query}"));
    let answer = trade.client.ask(&[url.to_owned()], &ask, mpss_tests::trade::PATIENCE).await.expect("answered");
    assert_eq!(answer.status, 200, "{}", answer.body);
    Catalogue(answer.body)
}

#[test]
fn the_whole_table_by_every_path_that_shows_or_sells() {
    STAGE.play(async |trade| {
        let table = set_up(trade).await;
        every_catalogue(trade, &table).await;
        every_order(trade, &table).await;
    });
}
