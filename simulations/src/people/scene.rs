//! The scene: what is on sale, and who lives where.

use mpss_domain::catalogue::Application;
use mpss_domain::{Money, NumberPlan, ProvinceId};
use mpss_routing::subscribers_of;
use serde_json::{Value, json};

use super::street::{Answer, Body, Question, Street};

/// Everybody's first payment password.
pub(super) const PASSWORD: &str = "482913";
/// What everything costs, in fen.
pub(super) const PRICE: i64 = 200;
/// What everybody is given at the beginning, in fen.
const ENDOWMENT: i64 = 20_000;
/// Time an SP has to answer, in milliseconds.
const DELIVERY_DEADLINE_MS: u64 = 10_000;

/// A product on sale.
#[derive(Debug, Clone)]
pub struct Goods {
    /// Its id.
    pub product: String,
    /// Where it is sold.
    pub province: ProvinceId,
    /// `local`, `roaming` or `national`.
    pub scope: &'static str,
    /// What kind of thing it is.
    pub application: Application,
    /// A lottery of which bets are for a draw.
    pub draws: bool,
}

/// A subscriber.
#[derive(Debug, Clone)]
pub struct Person {
    /// The number.
    pub msisdn: String,
    /// Home.
    pub home: ProvinceId,
    /// The stored-value account.
    pub account: String,
}

/// What is on sale and who lives there.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// What is on sale. The first of each province and scope is the busiest.
    pub goods: Vec<Goods>,
    /// Who lives there, province by province.
    pub people: Vec<Person>,
}

fn yuan(fen: i64) -> String {
    Money::fen(fen).to_string()
}

async fn must(street: &Street, province: ProvinceId, path: &str, key: &str, body: Value) -> Result<Answer, String> {
    let question = Question {
        who: "operator".to_owned(),
        flow: "set_up",
        province,
        method: "POST",
        path: path.to_owned(),
        key: key.to_owned(),
        body: Body::Json(body),
    };
    let answer = street.ask(&question).await;
    let answer = answer.ok_or_else(|| format!("{province} {path}: no answer while nothing is wrong"))?;
    if answer.is_done() { Ok(answer) } else { Err(format!("{province} {path}: {} {}", answer.status, answer.body)) }
}

/// Puts a product of an SP on sale; how the SP behaves is said by the first word of its name.
///
/// # Errors
/// When it is refused; nothing is wrong yet when goods are set out.
pub async fn set_out(
    street: &Street,
    province: ProvinceId,
    name: &str,
    scope: &'static str,
    application: Application,
) -> Result<Goods, String> {
    let sp = json!({ "name": name, "notice_url": format!("http://{name}") });
    let sp = must(street, province, "/v1/sps", &format!("sp-{province}-{name}"), sp).await?.text("sp_id");
    let terms = json!({
        "sp_id": sp, "title": name, "application": application.name(), "scope": scope, "price": yuan(PRICE),
        "delivery_deadline_ms": DELIVERY_DEADLINE_MS, "uploaded_by": "lucy",
    });
    let key = format!("up-{province}-{name}");
    let product = must(street, province, "/v1/products", &key, terms).await?.text("product_id");
    let review = json!({ "decision": "approve", "reviewed_by": "rita" });
    must(street, province, &format!("/v1/products/{product}/review"), &format!("r-{product}"), review).await?;
    must(street, province, &format!("/v1/products/{product}/publish"), &format!("p-{product}"), json!({})).await?;
    Ok(Goods { product, province, scope, application, draws: false })
}

/// Opens accounts for so many people of a province, each with an endowment, here or where the UPP keeps it.
///
/// # Errors
/// When one is refused; nothing is wrong yet when people move in.
pub async fn move_in(
    street: &Street,
    plan: &NumberPlan,
    home: ProvinceId,
    people: usize,
) -> Result<Vec<Person>, String> {
    let mut moved_in = Vec::new();
    for msisdn in subscribers_of(plan, home).take(people) {
        let at_upp = street.country().plan().upp_accounts.contains(&home);
        if at_upp {
            street.country().rails().upp().open_purse(msisdn);
        }
        let msisdn = msisdn.to_string();
        let open = json!({ "msisdn": msisdn, "kind": "virtual", "payment_password": PASSWORD });
        let account = must(street, home, "/v1/accounts", &format!("open-{msisdn}"), open).await?.text("account_id");
        if !at_upp {
            let top_up = json!({ "method": "cash", "amount": yuan(ENDOWMENT), "agent_id": "agent-1" });
            must(street, home, &format!("/v1/accounts/{account}/top-ups"), &format!("top-{msisdn}"), top_up).await?;
        }
        moved_in.push(Person { msisdn, home, account });
    }
    Ok(moved_in)
}
