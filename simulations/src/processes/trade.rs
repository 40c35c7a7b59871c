//! What people do with the platform, each as one call; what was acknowledged is written down in
//! [`Record`], from which [`super::books`] computes what the platform must hold.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, Ask, Client, fen, yuan};
use super::country::{Country, NATIONAL};

/// Every subscriber's payment password, unless a test sets another.
pub const PASSWORD: &str = "482913";
/// How long a caller keeps trying before it calls an outcome unknown.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What the platform has acknowledged.
#[derive(Debug, Default)]
pub struct Record {
    rows: Mutex<Rows>,
}

/// Everything acknowledged, by who it concerns.
#[derive(Debug, Default)]
pub struct Rows {
    /// By number.
    pub wallets: BTreeMap<String, Wallet>,
    /// By order id.
    pub orders: BTreeMap<String, Bought>,
    /// By transfer id.
    pub transfers: BTreeMap<String, Sent>,
    /// By order id: orders of the UPP that were paid from stored-value accounts.
    pub upp: BTreeMap<String, UppPaid>,
    /// Requests nobody answered in time, each at the province it was made to.
    pub unknown: Vec<(String, Errand)>,
    /// Answers that contradict each other.
    pub contradictions: Vec<String>,
    /// By province: SPs admitted there.
    pub sps: BTreeMap<String, Vec<String>>,
}

impl Rows {
    /// True when the buyer of an order has a stored-value account here. One who has none pays from an
    /// account whose money is outside; what became of that is for whoever has it to say.
    #[must_use]
    pub fn pays_from_wallet(&self, order: &str) -> bool {
        self.wallets.contains_key(&self.orders[order].msisdn)
    }
}

/// A subscriber's stored-value account.
#[derive(Debug, Clone)]
pub struct Wallet {
    /// Its id.
    pub account_id: String,
    /// Home.
    pub province: String,
    /// Everything paid in, in cash or by recharge card, in fen.
    pub paid_in: i64,
    /// How often.
    pub top_ups: usize,
    /// Of it by recharge card, in fen.
    pub by_card: i64,
}

/// An order that was acknowledged.
#[derive(Debug, Clone)]
pub struct Bought {
    /// Where it was taken.
    pub serving: String,
    /// Who bought.
    pub msisdn: String,
    /// What.
    pub product_id: String,
    /// For how much, in fen.
    pub amount: i64,
    /// The payment that goes with it.
    pub payment_id: String,
    /// It was acknowledged as paid, so it must never be found unpaid.
    pub paid: bool,
    /// Refunds that were acknowledged, in fen.
    pub refunds: Vec<i64>,
    /// A reversal was asked for and not refused.
    pub reversal_asked: bool,
    /// The SP takes what it is offered; then nothing but a reversal we asked for may undo the order.
    pub sp_accepts: bool,
}

/// An order of the UPP that has ended.
#[derive(Debug, Clone)]
pub struct UppPaid {
    /// Who pays.
    pub msisdn: String,
    /// What it has cost in the end, in fen.
    pub cost: i64,
}

/// A transfer that was acknowledged.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Where it is kept.
    pub province: String,
    /// Who pays.
    pub payer: String,
    /// Who is paid.
    pub payee: String,
    /// How much, in fen.
    pub amount: i64,
}

/// Something to be done once, however often it is sent.
#[derive(Debug, Clone)]
pub struct Errand {
    /// What is sent.
    pub ask: Ask,
    /// How its answer is written down.
    pub kind: Kind,
}

/// How an answer is written down.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Money for a subscriber.
    TopUp {
        /// Whose.
        msisdn: String,
    },
    /// An order.
    Purchase {
        /// Does the SP take it?
        sp_accepts: bool,
    },
    /// A refund of an order.
    Refund {
        /// Which.
        order_id: String,
        /// How much, in fen.
        amount: i64,
    },
    /// A reversal of an order.
    Reversal {
        /// Which.
        order_id: String,
    },
    /// A transfer.
    Transfer {
        /// Who pays.
        payer: String,
        /// Who is paid.
        payee: String,
    },
}

impl Record {
    /// Everything so far.
    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes down that a recharge card was credited.
    ///
    /// # Panics
    /// When the subscriber has no account in the record.
    pub fn note_recharged(&self, msisdn: &str, worth: i64) {
        let rows = &mut *self.rows();
        let wallet = rows.wallets.get_mut(msisdn).expect("opened before money comes in");
        wallet.paid_in += worth;
        wallet.by_card += worth;
        wallet.top_ups += 1;
    }

    /// What was credited by recharge cards in a province, in fen.
    pub fn recharged_in(&self, province: &str) -> i64 {
        self.rows().wallets.values().filter(|wallet| wallet.province == province).map(|wallet| wallet.by_card).sum()
    }

    /// Writes down what an answer acknowledges.
    pub fn note(&self, province: &str, kind: &Kind, answer: &Answer) {
        if !answer.is_success() {
            return;
        }
        let rows = &mut *self.rows();
        match kind {
            Kind::TopUp { msisdn } => {
                let wallet = rows.wallets.get_mut(msisdn).expect("opened before money comes in");
                wallet.paid_in += answer.fen("amount");
                wallet.top_ups += 1;
            }
            Kind::Purchase { sp_accepts } => {
                let bought = Bought {
                    serving: province.into(),
                    msisdn: answer.text("msisdn"),
                    product_id: product_of(&answer.body),
                    amount: answer.fen("amount"),
                    payment_id: answer.text("payment_id"),
                    paid: matches!(answer.text("status").as_str(), "paid" | "delivering" | "delivered"),
                    refunds: Vec::new(),
                    reversal_asked: false,
                    sp_accepts: *sp_accepts,
                };
                // A repetition of the same purchase answers with the same order; what came of it
                // since (refunds, say) stays.
                let known = rows.orders.entry(answer.text("order_id")).or_insert_with(|| bought.clone());
                known.paid |= bought.paid;
                if (&known.msisdn, known.amount, &known.payment_id)
                    != (&bought.msisdn, bought.amount, &bought.payment_id)
                {
                    let what = format!("one order, two contents: {known:?} and {}", answer.body);
                    rows.contradictions.push(what);
                }
            }
            Kind::Refund { order_id, amount } => {
                rows.orders.get_mut(order_id).expect("bought before it is refunded").refunds.push(*amount);
            }
            Kind::Reversal { order_id } => {
                rows.orders.get_mut(order_id).expect("bought before it is reversed").reversal_asked = true;
            }
            Kind::Transfer { payer, payee } => {
                let sent = Sent {
                    province: province.into(),
                    payer: payer.clone(),
                    payee: payee.clone(),
                    amount: answer.fen("amount"),
                };
                rows.transfers.insert(answer.text("transfer_id"), sent);
            }
        }
    }
}

fn product_of(order: &Value) -> String {
    order["product"]["product_id"].as_str().or(order["product_id"].as_str()).unwrap_or_default().to_owned()
}

/// A product to be uploaded.
#[derive(Debug, Clone)]
pub struct Goods<'a> {
    /// Whose.
    pub sp_id: &'a str,
    /// What it is called.
    pub title: &'a str,
    /// `local`, `roaming` or `national`.
    pub scope: &'a str,
    /// Price of one, in fen.
    pub price: i64,
    /// How long its SP may take, in ms.
    pub delivery_deadline_ms: u64,
}

impl<'a> Goods<'a> {
    /// A product with a usual delivery deadline.
    #[must_use]
    pub const fn new(sp_id: &'a str, title: &'a str, scope: &'a str, price: i64) -> Self {
        Self { sp_id, title, scope, price, delivery_deadline_ms: 60_000 }
    }
}

/// Someone who trades on a country and writes down what is acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Trade<'a> {
    /// The country.
    pub country: &'a Country,
    /// The caller.
    pub client: &'a Client,
    /// What was acknowledged.
    pub record: &'a Record,
}

impl<'a> Trade<'a> {
    /// Trades on `country` with its own caller.
    #[must_use]
    pub fn new(country: &'a Country, record: &'a Record) -> Self {
        Self { country, client: country.client(), record }
    }

    /// The same with another caller.
    #[must_use]
    pub const fn with<'b>(self, client: &'b Client) -> Trade<'b>
    where
        'a: 'b,
    {
        Trade { client, ..self }
    }

    /// Asks a province until it answers.
    ///
    /// # Errors
    /// When it does not within [`PATIENCE`].
    pub async fn ask(&self, province: &str, ask: &Ask) -> Result<Answer, String> {
        self.client.ask(&self.country.urls(province), ask, PATIENCE).await
    }

    /// Asks a province for something that has to succeed.
    ///
    /// # Panics
    /// When it does not.
    pub async fn must(&self, province: &str, ask: &Ask) -> Answer {
        let answer = self.ask(province, ask).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(answer.is_success(), "{} {}: {} {}", ask.method, ask.path, answer.status, answer.body);
        answer
    }

    /// Runs an errand and writes down what came of it; an outcome that stays unknown is written
    /// down as well, to be asked for later.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub async fn run(&self, province: &str, errand: Errand) -> Result<Answer, String> {
        let answer = self.ask(province, &errand.ask).await;
        match &answer {
            Ok(answer) => self.record.note(province, &errand.kind, answer),
            Err(_) => self.record.rows().unknown.push((province.into(), errand)),
        }
        answer
    }

    /// Admits an SP whose notices go to the simulator.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn admit_sp(&self, province: &str, name: &str) -> String {
        let body = json!({ "name": name, "notice_url": self.country.sp_url(name) });
        let sp = self.must(province, &Ask::post("/v1/sps", format!("sp-{province}-{name}"), body)).await.text("sp_id");
        self.record.rows().sps.entry(province.into()).or_default().push(sp.clone());
        sp
    }

    /// Uploads, reviews and publishes a product.
    ///
    /// # Panics
    /// When a step is refused.
    pub async fn publish(&self, province: &str, goods: &Goods<'_>) -> String {
        let key = format!("goods-{province}-{}-{}", goods.sp_id, goods.title.replace(' ', "-"));
        let body = json!({
            "sp_id": goods.sp_id, "title": goods.title, "application": "card_sale", "scope": goods.scope,
            "price": yuan(goods.price), "delivery_deadline_ms": goods.delivery_deadline_ms, "uploaded_by": "uploader",
        });
        let product = self.must(province, &Ask::post("/v1/products", &key[..key.len().min(60)], body)).await;
        let product = product.text("product_id");
        let review = json!({ "decision": "approve", "reviewed_by": "reviewer" });
        self.must(province, &Ask::post(format!("/v1/products/{product}/review"), format!("r-{product}"), review)).await;
        let publish = Ask::post(format!("/v1/products/{product}/publish"), format!("p-{product}"), json!({}));
        self.must(province, &publish).await;
        product
    }

    /// Opens a stored-value account.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open(&self, province: &str, msisdn: &str, limits: Option<(i64, i64)>) -> String {
        let mut body = json!({ "msisdn": msisdn, "kind": "virtual", "payment_password": PASSWORD });
        if let Some((per_payment, daily)) = limits {
            body["per_payment_limit"] = yuan(per_payment).into();
            body["daily_limit"] = yuan(daily).into();
        }
        let account = self.must(province, &Ask::post("/v1/accounts", format!("open-{msisdn}"), body)).await;
        let wallet = Wallet {
            account_id: account.text("account_id"),
            province: account.text("home_province"),
            paid_in: 0,
            top_ups: 0,
            by_card: 0,
        };
        self.record.rows().wallets.insert(msisdn.into(), wallet.clone());
        wallet.account_id
    }

    /// Opens a stored-value account and pays `fen` in.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open_with(&self, province: &str, msisdn: &str, fen: i64) -> String {
        let account = self.open(province, msisdn, None).await;
        if fen > 0 {
            let answer = self.top_up(province, msisdn, &format!("first-{msisdn}"), fen).await;
            assert!(answer.as_ref().is_ok_and(Answer::is_success), "{answer:?}");
        }
        account
    }

    /// Pays cash in.
    ///
    /// # Errors
    /// When the outcome is unknown.
    ///
    /// # Panics
    /// When the subscriber has no account in the record.
    pub async fn top_up(&self, province: &str, msisdn: &str, key: &str, fen: i64) -> Result<Answer, String> {
        let account = self.record.rows().wallets[msisdn].account_id.clone();
        let body = json!({ "method": "cash", "amount": yuan(fen), "agent_id": "agent-1" });
        let ask = Ask::post(format!("/v1/accounts/{account}/top-ups"), key, body);
        self.run(province, Errand { ask, kind: Kind::TopUp { msisdn: msisdn.into() } }).await
    }

    /// Buys one piece at `serving`.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub async fn buy(&self, serving: &str, key: &str, msisdn: &str, product: &str) -> Result<Answer, String> {
        let errand = Errand { ask: purchase(key, msisdn, product, None), kind: Kind::Purchase { sp_accepts: true } };
        self.run(serving, errand).await
    }

    /// Gives part or all of an order back.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub async fn refund(&self, serving: &str, key: &str, order_id: &str, amount: i64) -> Result<Answer, String> {
        let body = json!({ "amount": yuan(amount), "reason": "buyer asked" });
        let ask = Ask::post(format!("/v1/orders/{order_id}/refunds"), key, body);
        self.run(serving, Errand { ask, kind: Kind::Refund { order_id: order_id.into(), amount } }).await
    }

    /// Reverses an order.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub async fn reverse(&self, serving: &str, key: &str, order_id: &str) -> Result<Answer, String> {
        let ask = Ask::post(format!("/v1/orders/{order_id}/reversal"), key, json!({ "reason": "buyer asked" }));
        self.run(serving, Errand { ask, kind: Kind::Reversal { order_id: order_id.into() } }).await
    }

    /// Sends money from one subscriber to another.
    ///
    /// # Errors
    /// When the outcome is unknown.
    pub async fn transfer(
        &self,
        province: &str,
        key: &str,
        (payer, payee): (&str, &str),
        amount: i64,
    ) -> Result<Answer, String> {
        let body = json!({
            "payer_msisdn": payer, "payee_msisdn": payee, "amount": yuan(amount), "payment_password": PASSWORD,
        });
        let kind = Kind::Transfer { payer: payer.into(), payee: payee.into() };
        self.run(province, Errand { ask: Ask::post("/v1/transfers", key, body), kind }).await
    }

    /// What an account holds now, in fen.
    ///
    /// # Panics
    /// When it can not be read.
    pub async fn balance(&self, province: &str, account: &str) -> i64 {
        fen(&self.must(province, &Ask::get(format!("/v1/accounts/{account}"))).await.text("balance"))
    }

    /// An order as it is now; waits a moment for it to become final.
    ///
    /// # Errors
    /// When its province does not answer.
    pub async fn order(&self, serving: &str, order: &str, wait_s: u32) -> Result<Answer, String> {
        let ask = Ask::get(format!("/v1/orders/{order}")).header("prefer", format!("wait={wait_s}"));
        self.ask(serving, &ask).await
    }
}

/// An order of one piece, paid from the stored-value account.
#[must_use]
pub fn purchase(key: &str, msisdn: &str, product: &str, location: Option<&str>) -> Ask {
    let mut body = json!({
        "msisdn": msisdn, "product_id": product, "quantity": 1, "account_kind": "virtual",
        "payment_password": PASSWORD, "channel": "web",
    });
    if let Some(location) = location {
        body["location"] = location.into();
    }
    Ask::post("/v1/orders", key, body)
}

/// The province an order or product id names.
///
/// # Panics
/// When it is no such id.
#[must_use]
pub fn province_of(id: &str) -> &str {
    id.split('-').nth(1).filter(|province| province.len() == 2).unwrap_or_else(|| panic!("{id:?} names no province"))
}

/// True for a status after which nothing more happens by itself (product §4).
#[must_use]
pub fn is_final(status: &str) -> bool {
    matches!(status, "delivered" | "declined" | "expired" | "reversed" | "partly_refunded" | "refunded")
}

/// True for the national platform.
#[must_use]
pub fn is_national(province: &str) -> bool {
    province == NATIONAL
}
