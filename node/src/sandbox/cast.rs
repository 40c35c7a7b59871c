//! Who is there: one SP with a key and a product, and subscribers whose numbers say what they answer.

use std::collections::BTreeMap;

use mpss_domain::{ProvinceId, StateVersion};
use mpss_routing::{national_plan, subscribers_of};
use serde_json::{Value, json};

use crate::command_line::Failure;
use crate::demo::nation::LOOK_PAUSE;
use crate::demo::place::pepper;
use crate::demo::{Answer, Caller};

/// Everybody's payment password.
pub(super) const PASSWORD: &str = "482913";
/// Where the nodes bring what the SP is to be told.
pub(super) const NOTICES_PATH: &str = "/sandbox/notices-of-nodes";
/// What the product costs, in yuan.
const PRICE: &str = "1.00";
/// Money of those who have enough, and of those who have not, in yuan.
const RICH: &str = "900.00";
const POOR: &str = "0.10";
/// How long the SP may take to deliver: a day, in ms.
const DELIVERY_MS: u64 = 86_400_000;
/// The name of the SP's key.
const KEY: &str = "sandbox";

/// Those who answer in one way: what, how many, and what they have.
const SUBSCRIBERS: [(&str, usize, &str); 4] =
    [("yes", 4, RICH), ("no", 1, RICH), ("silent", 1, RICH), ("poor", 1, POOR)];

/// The sandbox's province.
pub(super) fn home() -> ProvinceId {
    ProvinceId::new(44).expect("Guangdong")
}

/// Who is there.
pub(super) struct Cast {
    pub(super) sp: String,
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) product: String,
    /// Numbers by what they answer.
    pub(super) subscribers: BTreeMap<&'static str, Vec<String>>,
    platform_keys: Value,
}

impl Cast {
    /// What the ready file says, and `GET /sandbox`.
    pub(super) fn shown(&self, url: &str, notice_url: &str) -> Value {
        json!({
            "url": url, "notice_url": notice_url, "sp_id": self.sp, "product_id": self.product, "price": PRICE,
            "key": { "key_id": self.key_id, "algorithm": "hmac-sha256", "secret": self.secret },
            "platform_keys": self.platform_keys, "payment_password": PASSWORD, "subscribers": self.subscribers,
        })
    }
}

/// Has everybody come to the province at `nodes`; the sandbox itself is at `url`.
pub(super) async fn play_in(caller: &Caller, nodes: &[String], url: &str) -> Result<Cast, Failure> {
    // A new group is raised to the newest rules once every node is there.
    let newest = u64::from(StateVersion::NEWEST.0);
    while must("GET /v1/cluster", caller.get(nodes, "/v1/cluster").await?)?.body["state_version"] != newest {
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    let done = async |path: &str, body: Value| must(path, caller.post(nodes, path, &body).await?);
    let sp = json!({ "name": "沙箱商户", "notice_url": format!("{url}{NOTICES_PATH}") });
    let sp = done("/v1/sps", sp).await?.text("sp_id").to_owned();
    let secret = pepper();
    let key = json!({ "key_id": KEY, "algorithm": "hmac-sha256", "secret": secret });
    let key_id = done(&format!("/v1/sps/{sp}/keys"), key).await?.text("signature_key_id").to_owned();
    let product = json!({
        "sp_id": sp, "title": "沙箱商品", "application": "pay_per_use", "scope": "local", "price": PRICE,
        "delivery_deadline_ms": DELIVERY_MS, "uploaded_by": "sandbox",
    });
    let product = done("/v1/products", product).await?.text("product_id").to_owned();
    let review = json!({ "decision": "approve", "reviewed_by": "reviewer" });
    done(&format!("/v1/products/{product}/review"), review).await?;
    done(&format!("/v1/products/{product}/publish"), json!({})).await?;
    let plan = national_plan();
    let mut numbers = subscribers_of(&plan, home());
    let mut subscribers = BTreeMap::new();
    for (answer, count, money) in SUBSCRIBERS {
        let those: Vec<String> = numbers.by_ref().take(count).map(|number| number.to_string()).collect();
        for msisdn in &those {
            let account = json!({
                "msisdn": msisdn, "kind": "virtual", "payment_password": PASSWORD, "daily_limit": "5000.00",
            });
            let account = done("/v1/accounts", account).await?.text("account_id").to_owned();
            let cash = json!({ "method": "cash", "amount": money, "agent_id": "agent-1" });
            done(&format!("/v1/accounts/{account}/top-ups"), cash).await?;
        }
        subscribers.insert(answer, those);
    }
    let platform_keys = must("GET /v1/keys", caller.get(nodes, "/v1/keys").await?)?.body["keys"].clone();
    Ok(Cast { sp, key_id, secret, product, subscribers, platform_keys })
}

fn must(what: &str, answer: Answer) -> Result<Answer, Failure> {
    if answer.is_done() { Ok(answer) } else { Err(Failure::start(format!("{what}: {}", answer.told()))) }
}
