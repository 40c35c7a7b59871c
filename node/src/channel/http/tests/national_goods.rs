//! Copies of national goods in a province's catalogue.

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::distribution::{GoodsChange, NationalProduct, NationalSp, TakeGoods};
use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, ProductId, SpId, StateVersion, Verb};

use super::*;

const ISSUED: LogTime = LogTime(1_795_437_296_789);

fn on_sale(serial: u16, title: &str) -> GoodsChange {
    let terms = Terms {
        sp: SpId::issue(ISSUED, ProvinceId::NATIONAL, 1),
        title: title.into(),
        application: Application::Ticketing,
        scope: Scope::National,
        price: Money::yuan(9),
        delivery_deadline_ms: 60_000,
    };
    GoodsChange::OnSale(NationalProduct {
        id: ProductId::issue(ISSUED, ProvinceId::NATIONAL, serial),
        version: 3,
        terms,
    })
}

/// A shop that knows two national products.
async fn copies() -> Shop {
    let shop = Shop::open().await;
    shop.trial.until("the newest rules", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let id = SpId::issue(ISSUED, ProvinceId::NATIONAL, 1);
    let sp = GoodsChange::Sp(NationalSp { id, name: "airline".into(), suspended: false });
    let changes = vec![sp, on_sale(2, "flight"), on_sale(3, "train")];
    shop.trial.propose(Verb::TakeNationalGoods(Box::new(TakeGoods { after: 0, upto: 7, anew: false, changes }))).await;
    shop
}

impl Shop {
    /// The titles of a catalogue, and whether it is complete.
    async fn titles(&self) -> (Vec<String>, bool) {
        let told = self.get(&format!("/v1/catalogue?msisdn={}", local(1))).await.is(200).json();
        let titles = told["products"].as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap().to_owned());
        (titles.collect(), told["complete"].as_bool().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_province_shows_national_goods_while_the_national_platform_is_down() {
    let shop = copies().await;
    shop.elsewhere.replies(Reply::Fails(PeerError::Unreachable));
    assert_eq!(shop.titles().await, (vec!["flight".to_owned(), "train".to_owned()], true));
    let told = shop.get(&format!("/v1/catalogue?msisdn={}", local(1))).await.is(200).json();
    let flight = &told["products"][0];
    assert_eq!(
        (&flight["province"], &flight["version"], &flight["price"], &flight["sp_name"]),
        (&json!("00"), &json!(3), &json!("9.00"), &json!("airline"))
    );
    assert_eq!(shop.elsewhere.calls().len(), 1, "its silence is remembered for a moment");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_a_moment_ago_is_not_shown() {
    let shop = copies().await;
    let gone = ProductId::issue(ISSUED, ProvinceId::NATIONAL, 2).to_string();
    let told = json!({"changes": [{"change": "gone", "product_id": gone}], "upto": 8, "newest": 8});
    shop.elsewhere.replies(Reply::Answers(200, vec![("content-type", "application/json")], told.to_string()));
    assert_eq!(shop.titles().await, (vec!["train".to_owned()], true));
    let (province, _, asked) = shop.elsewhere.calls().pop().unwrap();
    assert!(province.is_national() && asked.path == "/v1/national-goods?after=7", "{}", asked.path);
    // Once the copies are newer than the news, the news say nothing.
    let take = TakeGoods { after: 7, upto: 9, anew: false, changes: vec![on_sale(2, "flight again")] };
    shop.trial.propose(Verb::TakeNationalGoods(Box::new(take))).await;
    assert_eq!(shop.titles().await.0, ["flight again", "train"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_national_platform_that_hangs_holds_nobody_up_for_long() {
    let shop = copies().await;
    shop.elsewhere.replies(Reply::Never);
    let told = tokio::time::timeout(Duration::from_secs(5), shop.titles()).await;
    assert_eq!(told.unwrap().0, ["flight", "train"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_asked_for_at_the_national_platform() {
    let shop = Shop::open().await;
    shop.get("/v1/national-goods?after=5").await.is(404);
    let (province, _, asked) = shop.elsewhere.calls().pop().unwrap();
    assert!(province.is_national() && asked.path == "/v1/national-goods?after=5");
    shop.get("/v1/national-goods?after=-1").await.problem(400, "out_of_range");
    shop.get("/v1/national-goods?limit=501").await.problem(400, "out_of_range");
}
