//! Callers as they should be: each has an account, asks over HTTP, asks again with the same request
//! id when nothing or *unknown* came back, and writes down what was answered. Some lose patience.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mpss_domain::catalogue::Application;
use mpss_domain::{Money, ProvinceId};
use mpss_runtime::Random;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::clock::{ms, now};
use super::fate::{self, Fate};
use super::http::{Http, Reply};
use super::machine::{PUBLIC_PORT, name_of};
use super::scene::Scene;
use crate::people::Goods;
use crate::world::SeededRandom;

/// Everybody's payment password.
pub const PASSWORD: &str = "482913";
/// What everything costs, in fen.
const PRICE: i64 = 200;
/// What everybody is given at the beginning, in fen.
pub const ENDOWMENT: i64 = 1_000_000;
/// How long after everything is well again a request may still be without an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// While nothing is wrong, a request is answered within this time.
const CALM_MAX: Duration = Duration::from_secs(2);
/// Pauses between tries, in ms.
const PAUSE_MS: (u64, u64) = (20, 400);

/// A subscriber.
#[derive(Debug, Clone)]
pub struct Person {
    /// The number.
    pub msisdn: String,
    /// Home.
    pub home: ProvinceId,
}

/// What one subscriber knows.
#[derive(Debug, Clone, Default)]
pub struct Knows {
    /// Orders that were answered, declined ones included.
    pub orders: BTreeSet<String>,
    /// Purchases whose outcome was never asked for again.
    pub orders_open: usize,
    /// Transfers that were answered.
    pub transfers: BTreeSet<String>,
    /// Transfers whose outcome was never asked for again.
    pub transfers_open: usize,
}

/// What all know, by number.
pub type Book = Arc<Mutex<BTreeMap<String, (Person, Knows)>>>;

/// How a request ended for its caller.
#[derive(Debug)]
pub enum Ended {
    /// It was answered.
    Answered(Reply),
    /// The caller has gone. It may have been done only when `unknown`.
    Gone {
        /// Some try may have been carried out.
        unknown: bool,
    },
}

/// How long a caller goes on asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Until there is an answer.
    Endless,
    /// Until anything but an answer came.
    OneTry,
    /// Until it is told that nothing was done, which it believes.
    Believing,
}

/// Somebody who asks, from the host this was made on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The way to provinces.
    pub http: Http,
    /// What is shared.
    pub scene: Scene,
    /// By chance.
    pub random: Arc<SeededRandom>,
}

impl Caller {
    /// Asks a province until there is an answer, or patience is at its end.
    pub async fn ask(&self, province: ProvinceId, path: &str, key: &str, body: &Value, patience: Patience) -> Ended {
        let url = format!("http://{}:{PUBLIC_PORT}{path}", name_of(province));
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (calm, begun) = (self.scene.calm(now()), now());
        let (mut unknown, mut hurried) = (false, false);
        for tries in 1_u32.. {
            let deadline = Duration::from_millis(*self.random.pick(&[250, 2_000, 20_000, 20_000]));
            hurried |= deadline < CALM_MAX;
            let text = Bytes::from(body.to_string());
            let fate = match fate::of(self.http.ask(&url, "POST", &headers, text, deadline).await) {
                Ok(fate) => fate,
                Err(what) => {
                    self.scene.violated("one fate", format!("{key}: {what}"));
                    return Ended::Gone { unknown: true };
                }
            };
            self.scene.count("tries");
            let pause_min = match &fate {
                Fate::Answer(reply) => {
                    if tries > 1 && unknown {
                        self.scene.count("answers after unknown");
                    }
                    self.judge_calm(key, calm, begun, hurried);
                    self.scene.tell(now(), &format!("{key}: {} after {tries}", reply.status));
                    return Ended::Answered(reply.clone());
                }
                Fate::Refused(seconds) => {
                    self.scene.count("refused with a time to come again");
                    seconds * 1_000
                }
                Fate::Unknown => {
                    self.scene.count("outcomes unknown");
                    unknown = true;
                    0
                }
            };
            let believes = patience == Patience::Believing && matches!(fate, Fate::Refused(_)) && !unknown;
            if believes {
                self.scene.count("callers who believed that nothing was done");
            }
            if believes || patience == Patience::OneTry {
                self.scene.count("callers gone for ever");
                self.scene.tell(now(), &format!("{key}: its caller has gone, unknown: {unknown}"));
                return Ended::Gone { unknown };
            }
            if self.scene.until().is_some_and(|until| now() > until + PATIENCE) {
                self.scene.violated("answered in the end", format!("{key}: no answer after {tries} tries"));
                return Ended::Gone { unknown: true };
            }
            let pause = pause_min + self.random.between(PAUSE_MS.0, PAUSE_MS.1);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        unreachable!("tries are not bounded");
    }

    /// While nothing is wrong for anybody, everybody is answered soon, whatever rude callers do.
    fn judge_calm(&self, key: &str, calm: Option<super::scene::Calm>, begun: Duration, hurried: bool) {
        if hurried || !calm.is_some_and(|calm| self.scene.still(calm)) {
            return;
        }
        self.scene.count("answers while nothing was wrong");
        let took = now().saturating_sub(begun);
        if took > CALM_MAX {
            self.scene.violated("answered meanwhile", format!("{key}: answered after {} ms", ms(took)));
        }
    }

    /// Something that must succeed because nothing is wrong yet.
    ///
    /// # Errors
    /// When it does not.
    pub async fn must(&self, province: ProvinceId, path: &str, key: &str, body: Value) -> Result<Value, String> {
        match self.ask(province, path, key, &body, Patience::Endless).await {
            Ended::Answered(reply) if reply.status < 300 => Ok(reply.json()),
            ended => Err(format!("{province} {path}: {ended:?}")),
        }
    }

    /// Puts a product on sale.
    ///
    /// # Errors
    /// When a step is refused.
    pub async fn set_out(&self, province: ProvinceId, scope: &'static str) -> Result<Goods, String> {
        let what = format!("{province}-{scope}");
        let sp = json!({ "name": what, "notice_url": "http://sp" });
        let sp = self.must(province, "/v1/sps", &format!("sp-{what}"), sp).await?;
        let terms = json!({
            "sp_id": sp["sp_id"], "title": what, "application": "lottery", "scope": scope,
            "price": Money::fen(PRICE).to_string(), "delivery_deadline_ms": 10_000, "uploaded_by": "lucy",
        });
        let product = self.must(province, "/v1/products", &format!("up-{what}"), terms).await?;
        let product = product["product_id"].as_str().unwrap_or_default().to_owned();
        let review = json!({ "decision": "approve", "reviewed_by": "rita" });
        self.must(province, &format!("/v1/products/{product}/review"), &format!("r-{what}"), review).await?;
        self.must(province, &format!("/v1/products/{product}/publish"), &format!("p-{what}"), json!({})).await?;
        Ok(Goods { product, province, scope, application: Application::Lottery, draws: false })
    }

    /// Opens an account and pays the endowment in.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn move_in(&self, home: ProvinceId, msisdn: &str, book: &Book) -> Result<Person, String> {
        let open = json!({ "msisdn": msisdn, "kind": "virtual", "payment_password": PASSWORD });
        let account = self.must(home, "/v1/accounts", &format!("open-{msisdn}"), open).await?;
        let account = account["account_id"].as_str().unwrap_or_default().to_owned();
        let amount = Money::fen(ENDOWMENT).to_string();
        let top_up = json!({ "method": "cash", "amount": amount, "agent_id": "agent-1" });
        self.must(home, &format!("/v1/accounts/{account}/top-ups"), &format!("top-{msisdn}"), top_up).await?;
        let person = Person { msisdn: msisdn.to_owned(), home };
        book.lock().insert(msisdn.to_owned(), (person.clone(), Knows::default()));
        Ok(person)
    }

    /// Lives: does one thing after the other until the time is over.
    pub async fn live(self, me: Person, others: Arc<Vec<Person>>, goods: Arc<Vec<Goods>>, book: Book) {
        let mut bought: Vec<(ProvinceId, String)> = Vec::new();
        for turn in 0_u32.. {
            tokio::time::sleep(Duration::from_millis(self.random.between(100, 2_500))).await;
            if self.scene.until().is_some_and(|until| now() >= until) {
                return;
            }
            let key = format!("{}-{turn}", me.msisdn);
            let patience = match self.random.below(100) {
                0..15 => Patience::OneTry,
                15..45 => Patience::Believing,
                _ => Patience::Endless,
            };
            match self.random.below(100) {
                0..75 => {
                    let goods = self.random.pick(&goods).clone();
                    if let Some(order) = self.buy(&me, &goods, &key, patience, &book).await {
                        bought.push(order);
                    }
                }
                75..90 => self.send_money(&me, self.random.pick(&others), &key, patience, &book).await,
                _ if !bought.is_empty() => {
                    let (province, order) = self.random.pick(&bought).clone();
                    let path = format!("/v1/orders/{order}/reversal");
                    self.ask(province, &path, &key, &json!({ "reason": "buyer asked" }), patience).await;
                    self.scene.count("reversals asked for");
                }
                _ => {}
            }
        }
    }

    /// Buys, and buys again with the same request id now and then; returns the order that was taken.
    pub async fn buy(
        &self,
        me: &Person,
        goods: &Goods,
        key: &str,
        patience: Patience,
        book: &Book,
    ) -> Option<(ProvinceId, String)> {
        let body = purchase(me, goods);
        // The traveller asks at home for the nation's goods, elsewhere for what is sold there.
        let asked = if goods.scope == "national" { me.home } else { goods.province };
        let order = note_order(self.ask(asked, "/v1/orders", key, &body, patience).await, me, book)?;
        self.scene.count("orders answered");
        if self.random.happens(100_000) {
            let again = self.ask(asked, "/v1/orders", key, &body, Patience::Endless).await;
            let again = note_order(again, me, book);
            self.scene.count("orders asked for twice");
            if again.as_deref() != Some(order.as_str()) {
                self.scene.violated("one effect", format!("{key}: order {order}, then {again:?}"));
            }
        }
        Some((serving_of(&order)?, order))
    }

    async fn send_money(&self, me: &Person, payee: &Person, key: &str, patience: Patience, book: &Book) {
        if payee.msisdn == me.msisdn {
            return;
        }
        let body = json!({
            "payer_msisdn": me.msisdn, "payee_msisdn": payee.msisdn, "amount": "1.00", "payment_password": PASSWORD,
        });
        let ended = self.ask(me.home, "/v1/transfers", key, &body, patience).await;
        let mut book = book.lock();
        let Some((_, knows)) = book.get_mut(&me.msisdn) else { return };
        match ended {
            Ended::Answered(reply) => {
                if let Some(id) = reply.json()["transfer_id"].as_str() {
                    knows.transfers.insert(id.to_owned());
                    self.scene.count("transfers answered");
                }
            }
            Ended::Gone { unknown } => knows.transfers_open += usize::from(unknown),
        }
    }
}

/// What a purchase asks for.
#[must_use]
pub fn purchase(me: &Person, goods: &Goods) -> Value {
    json!({
        "msisdn": me.msisdn, "product_id": goods.product, "quantity": 1, "account_kind": "virtual",
        "payment_password": PASSWORD, "channel": "app",
    })
}

/// Writes down what a purchase came to; returns the order, declined ones included.
pub fn note_order(ended: Ended, me: &Person, book: &Book) -> Option<String> {
    let mut book = book.lock();
    let (_, knows) = book.get_mut(&me.msisdn)?;
    match ended {
        Ended::Answered(reply) => {
            let order = reply.json()["order_id"].as_str().map(str::to_owned)?;
            knows.orders.insert(order.clone());
            Some(order)
        }
        Ended::Gone { unknown } => {
            knows.orders_open += usize::from(unknown);
            None
        }
    }
}

/// The province that an order's id names.
fn serving_of(order: &str) -> Option<ProvinceId> {
    ProvinceId::new(order.split('-').nth(1)?.parse().ok()?)
}
