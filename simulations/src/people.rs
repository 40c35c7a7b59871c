//! People: they open accounts, buy, send money and change their minds, each through the callers'
//! interface as an integrator's program would, and write down what was acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mpss_domain::{Money, ProvinceId};
use mpss_routing::http::NoReply;
use mpss_runtime::{Clock, Random};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::country::{CountryPlan, name_of};
use crate::world::network::HttpAsk;
use crate::world::{Network, SeededRandom, SimClock, Trace};

/// Everybody's payment password.
const PASSWORD: &str = "482913";
/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(20);
/// How long somebody keeps trying before the outcome is unknown.
const PATIENCE: Duration = Duration::from_secs(90);
/// What everything costs, in fen.
pub const PRICE: i64 = 200;
/// What everybody is given at the beginning, in fen.
pub const ENDOWMENT: i64 = 20_000;

/// A product on sale.
#[derive(Debug, Clone)]
pub struct Goods {
    /// Its id.
    pub product: String,
    /// Where it is sold.
    pub province: ProvinceId,
    /// `local`, `roaming` or `national`.
    pub scope: &'static str,
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

/// An order somebody has an answer about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who took it.
    pub serving: ProvinceId,
    /// The status that was told.
    pub status: String,
    /// The last try had to be sent again.
    pub tries: u32,
}

/// What people were told.
#[derive(Debug, Default)]
pub struct Told {
    /// By order id.
    pub orders: BTreeMap<String, Acknowledged>,
    /// By transfer id: the payer's home.
    pub transfers: BTreeMap<String, ProvinceId>,
    /// Refusals, by code.
    pub refused: BTreeMap<String, u64>,
    /// Requests whose outcome nobody knows.
    pub unknown: u64,
    /// Two answers to one request that are not the same.
    pub contradictions: Vec<String>,
}

/// Where people ask. Cheap to clone.
#[derive(Clone)]
pub struct Street {
    network: Network,
    clock: SimClock,
    trace: Trace,
    random: Arc<SeededRandom>,
    plan: Arc<CountryPlan>,
    told: Arc<Mutex<Told>>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// Tries it took.
    pub tries: u32,
}

impl Answer {
    /// It was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A text of the body.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_default().to_owned()
    }
}

impl Street {
    /// A street in this country.
    #[must_use]
    pub fn new(
        network: Network,
        clock: SimClock,
        trace: Trace,
        random: Arc<SeededRandom>,
        plan: Arc<CountryPlan>,
    ) -> Self {
        Self { network, clock, trace, random, plan, told: Arc::default() }
    }

    /// What people were told.
    pub fn look<R>(&self, look: impl FnOnce(&Told) -> R) -> R {
        look(&self.told.lock())
    }

    /// Asks a province, any node of it, with the same request id on every try, until there is an
    /// answer that is one.
    ///
    /// # Errors
    /// When there was none: the outcome is unknown.
    pub async fn ask(&self, province: ProvinceId, method: &str, path: &str, key: &str, body: Value) -> Option<Answer> {
        let until = self.clock.monotonic() + PATIENCE;
        let mut tries = 0;
        while self.clock.monotonic() < until {
            tries += 1;
            let node = name_of(province, self.random.between(1, self.plan.replicas));
            let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            if !key.is_empty() {
                headers.push(("idempotency-key".to_owned(), key.to_owned()));
            }
            let text = if method == "GET" { Bytes::new() } else { Bytes::from(body.to_string()) };
            let ask = HttpAsk { method: method.to_owned(), path: path.to_owned(), headers, body: text };
            let reply = self.network.ask("street", &format!("{node}:80"), ask, TRY_MAX).await;
            let pause = match reply {
                Ok(reply) if !matches!(reply.status, 429 | 503 | 504) => {
                    let body = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
                    return Some(Answer { status: reply.status, body, tries });
                }
                Ok(_) => 200,
                Err(NoReply::NotSent) => 50,
                Err(NoReply::Unknown) => 10,
            };
            self.clock.sleep(Duration::from_millis(self.random.between(pause / 2, pause))).await;
        }
        self.told.lock().unknown += 1;
        None
    }

    async fn must(&self, province: ProvinceId, path: &str, key: &str, body: Value) -> Answer {
        let answer = self.ask(province, "POST", path, key, body).await;
        let answer = answer.unwrap_or_else(|| panic!("{province} {path}: no answer while nothing is wrong"));
        assert!(answer.is_done(), "{province} {path}: {} {}", answer.status, answer.body);
        answer
    }

    /// Admits an SP that behaves as the first word of `name` says, and puts its product on sale.
    ///
    /// # Panics
    /// When a step is refused; nothing is wrong yet when goods are set out.
    pub async fn set_out(&self, province: ProvinceId, name: &str, scope: &'static str) -> Goods {
        let sp = json!({ "name": name, "notice_url": format!("http://{name}") });
        let sp = self.must(province, "/v1/sps", &format!("sp-{province}-{name}"), sp).await.text("sp_id");
        let terms = json!({
            "sp_id": sp, "title": name, "application": "lottery", "scope": scope, "price": yuan(PRICE),
            "delivery_deadline_ms": 10_000, "uploaded_by": "lucy",
        });
        let product = self.must(province, "/v1/products", &format!("up-{province}-{name}-{scope}"), terms).await;
        let product = product.text("product_id");
        let review = json!({ "decision": "approve", "reviewed_by": "rita" });
        self.must(province, &format!("/v1/products/{product}/review"), &format!("r-{product}"), review).await;
        self.must(province, &format!("/v1/products/{product}/publish"), &format!("p-{product}"), json!({})).await;
        Goods { product, province, scope }
    }

    /// Opens an account and pays the endowment in.
    ///
    /// # Panics
    /// When it is refused; nothing is wrong yet when people move in.
    pub async fn move_in(&self, home: ProvinceId, msisdn: &str) -> Person {
        let open = json!({ "msisdn": msisdn, "kind": "virtual", "payment_password": PASSWORD });
        let account = self.must(home, "/v1/accounts", &format!("open-{msisdn}"), open).await.text("account_id");
        let top_up = json!({ "method": "cash", "amount": yuan(ENDOWMENT), "agent_id": "agent-1" });
        self.must(home, &format!("/v1/accounts/{account}/top-ups"), &format!("top-{msisdn}"), top_up).await;
        Person { msisdn: msisdn.to_owned(), home, account }
    }

    /// Lives: does one thing after the other until `until`.
    pub async fn live(self, me: Person, others: Arc<Vec<Person>>, goods: Arc<Vec<Goods>>, until: Duration) {
        let random = self.random.named(&me.msisdn);
        let mut bought: Vec<(ProvinceId, String)> = Vec::new();
        for turn in 0_u32.. {
            self.clock.sleep(Duration::from_millis(random.between(50, 1_500))).await;
            if self.clock.monotonic() >= until {
                return;
            }
            let key = format!("{}-{turn}", me.msisdn);
            match random.below(100) {
                0..70 => {
                    let Goods { product, province, scope } = random.pick(&goods);
                    // The traveller asks at home for the nation's goods, elsewhere for what is sold there.
                    let body = json!({
                        "msisdn": me.msisdn, "product_id": product, "quantity": 1, "account_kind": "virtual",
                        "payment_password": PASSWORD, "channel": "app",
                    });
                    let asked = if *scope == "national" { me.home } else { *province };
                    if let Some(order) = self.buy(asked, &key, body, &random).await {
                        bought.push(order);
                    }
                }
                70..85 => {
                    let payee = random.pick(&others);
                    let body = json!({
                        "payer_msisdn": me.msisdn, "payee_msisdn": payee.msisdn, "amount": yuan(100),
                        "payment_password": PASSWORD,
                    });
                    self.send_money(me.home, &key, body).await;
                }
                85..95 if !bought.is_empty() => {
                    let (province, order) = random.pick(&bought).clone();
                    let path = format!("/v1/orders/{order}/reversal");
                    let answer = self.ask(province, "POST", &path, &key, json!({ "reason": "buyer asked" })).await;
                    self.note_refusal(answer.as_ref());
                }
                _ if !bought.is_empty() => {
                    let (province, order) = random.pick(&bought).clone();
                    let path = format!("/v1/orders/{order}/refunds");
                    let body = json!({ "amount": yuan(50), "reason": "buyer asked" });
                    let answer = self.ask(province, "POST", &path, &key, body).await;
                    self.note_refusal(answer.as_ref());
                }
                _ => {}
            }
        }
    }

    async fn buy(
        &self,
        province: ProvinceId,
        key: &str,
        body: Value,
        random: &SeededRandom,
    ) -> Option<(ProvinceId, String)> {
        let answer = self.ask(province, "POST", "/v1/orders", key, body.clone()).await?;
        if !answer.is_done() {
            self.note_refusal(Some(&answer));
            return None;
        }
        let (id, status) = (answer.text("order_id"), answer.text("status"));
        // Some press the button twice.
        if random.happens(50_000)
            && let Some(again) = self.ask(province, "POST", "/v1/orders", key, body).await
            && again.text("order_id") != id
        {
            let what = format!("request {key}: first order {id}, then {} {}", again.status, again.body);
            self.told.lock().contradictions.push(what);
        }
        let serving = serving_of(&id)?;
        self.trace.tell(&format!("{key}: order {id} {status} after {} tries", answer.tries));
        let acknowledged = Acknowledged { serving, status, tries: answer.tries };
        self.told.lock().orders.insert(id.clone(), acknowledged);
        Some((serving, id))
    }

    async fn send_money(&self, province: ProvinceId, key: &str, body: Value) {
        let Some(answer) = self.ask(province, "POST", "/v1/transfers", key, body).await else { return };
        if answer.is_done() {
            let id = answer.text("transfer_id");
            self.trace.tell(&format!("{key}: transfer {id}"));
            self.told.lock().transfers.insert(id, province);
        } else {
            self.note_refusal(Some(&answer));
        }
    }

    fn note_refusal(&self, answer: Option<&Answer>) {
        if let Some(answer) = answer.filter(|answer| !answer.is_done()) {
            *self.told.lock().refused.entry(answer.text("code")).or_default() += 1;
        }
    }
}

impl std::fmt::Debug for Street {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Street")
    }
}

/// The province that an order's id names.
fn serving_of(order: &str) -> Option<ProvinceId> {
    ProvinceId::new(order.split('-').nth(1)?.parse().ok()?)
}

fn yuan(fen: i64) -> String {
    Money::fen(fen).to_string()
}
