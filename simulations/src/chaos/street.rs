//! The people of the country: they buy, send money, change their minds, look at their balances, and repeat
//! themselves, each one thing after the other, and everything they see is written down.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::history::{Event, History, Outcome};
use crate::processes::client::{Answer, Ask, Client, yuan};
use crate::processes::country::NATIONAL;
use crate::processes::number_table;
use crate::processes::seeded::Seeded;
use crate::processes::trade::{Errand, Goods, Kind, PASSWORD, Trade, purchase};
use crate::record::Violation;

/// Subscribers of each province.
const SUBSCRIBERS_PER_PROVINCE: usize = 10;
/// What everybody is given at the beginning, in fen. With prices of a few fen nobody comes to a limit.
const FIRST_BALANCE: i64 = 500_000;
/// Prices, in fen.
const LOCAL_PRICE: i64 = 3;
const REFUSED_PRICE: i64 = 4;
const NATIONAL_PRICE: i64 = 5;
const ROAMING_PRICE: i64 = 7;
/// How long one try may take. Shorter than what a node itself allows: people do not wait so long, and ask
/// another node for the same.
const TRY_DEADLINE: Duration = Duration::from_secs(3);
/// How long somebody keeps trying before the outcome is unknown.
const PATIENCE: Duration = Duration::from_secs(12);
/// Time between two requests of one caller: the machine has all the nodes to run as well.
const PAUSE: Duration = Duration::from_millis(15);
/// Requests a caller remembers, to make them again.
const REMEMBERED_MAX: usize = 64;

/// What is sold and who lives where.
#[derive(Debug)]
pub struct Market {
    /// The provinces, without the national platform.
    pub provinces: Vec<String>,
    subscribers: BTreeMap<String, Vec<String>>,
    local: BTreeMap<String, String>,
    roaming: BTreeMap<String, String>,
    refused_by_sp: BTreeMap<String, String>,
    national: String,
}

/// The SP whose deliveries are looked at in the end.
#[must_use]
pub fn sp_of(province: &str) -> String {
    format!("sp-{province}")
}

impl Market {
    /// Admits SPs, publishes goods, opens accounts.
    ///
    /// # Panics
    /// When any of it is refused: nothing is broken yet.
    pub async fn open(trade: Trade<'_>, provinces: &[String], seeded: &mut Seeded) -> Self {
        let mut market = Self {
            provinces: provinces.to_vec(),
            subscribers: BTreeMap::new(),
            local: BTreeMap::new(),
            roaming: BTreeMap::new(),
            refused_by_sp: BTreeMap::new(),
            national: String::new(),
        };
        for province in provinces {
            let sp = trade.admit_sp(province, &sp_of(province)).await;
            let refusing = format!("refusing-{province}");
            trade.country.sp_behaves(&refusing, json!({"mode": "refuses"})).await;
            let refusing = trade.admit_sp(province, &refusing).await;
            let publish = async |sp: &str, scope: &str, price: i64| {
                trade.publish(province, &Goods::new(sp, &format!("{scope} {price}"), scope, price)).await
            };
            market.local.insert(province.clone(), publish(&sp, "local", LOCAL_PRICE).await);
            market.roaming.insert(province.clone(), publish(&sp, "roaming", ROAMING_PRICE).await);
            market.refused_by_sp.insert(province.clone(), publish(&refusing, "local", REFUSED_PRICE).await);
            let numbers = number_table::subscribers_of(province, SUBSCRIBERS_PER_PROVINCE, seeded);
            for number in &numbers {
                trade.open_with(province, number, FIRST_BALANCE).await;
            }
            market.subscribers.insert(province.clone(), numbers);
        }
        let sp = trade.admit_sp(NATIONAL, &sp_of(NATIONAL)).await;
        market.national = trade.publish(NATIONAL, &Goods::new(&sp, "national", "national", NATIONAL_PRICE)).await;
        market
    }

    /// The `turn`th purchase at `serving` that anybody may make at any time.
    #[must_use]
    pub fn plain_purchase(&self, serving: &str, key: &str, turn: usize) -> Ask {
        let home = if serving == NATIONAL { &self.provinces[turn % self.provinces.len()] } else { serving };
        let product = if serving == NATIONAL { &self.national } else { &self.local[home] };
        let buyers = &self.subscribers[home];
        purchase(key, &buyers[turn % buyers.len()], product, None)
    }
}

/// Somebody who asks.
#[derive(Debug)]
pub struct Person<'a> {
    /// Trades and writes down what is acknowledged.
    pub trade: Trade<'a>,
    /// What is sold.
    pub market: &'a Market,
    /// Where everything goes.
    pub history: &'a History,
    /// Two answers to one request.
    pub contradictions: &'a std::sync::Mutex<Vec<Violation>>,
    number: usize,
    seeded: Seeded,
    remembered: VecDeque<Remembered>,
}

/// A request and its answer, to be made again.
#[derive(Debug, Clone)]
struct Remembered {
    province: String,
    errand: Errand,
    answer: Answer,
    /// The whole answer is the same again, not only what it is about: nothing had to be waited for.
    whole: bool,
}

/// A caller of a street: impatient.
#[must_use]
pub fn caller() -> Client {
    Client::with_deadline(TRY_DEADLINE)
}

impl<'a> Person<'a> {
    /// Somebody new.
    #[must_use]
    pub fn new(
        trade: Trade<'a>,
        market: &'a Market,
        history: &'a History,
        contradictions: &'a std::sync::Mutex<Vec<Violation>>,
        number: usize,
        seeded: Seeded,
    ) -> Self {
        Self { trade, market, history, contradictions, number, seeded, remembered: VecDeque::new() }
    }

    /// Does one thing after the other until told to stop.
    pub async fn live(mut self, stop: &AtomicBool) {
        for turn in 0_u64.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let key = format!("w{}-{turn}", self.number);
            self.act(&key).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn act(&mut self, key: &str) {
        let market = self.market;
        let home = self.seeded.pick(&market.provinces).clone();
        let buyer = self.seeded.pick(&market.subscribers[&home]).clone();
        match self.seeded.below(28) {
            0..7 => self.buy(key, "local", &home, &buyer, &market.local[&home], None).await,
            7..10 => {
                let others: Vec<_> = market.provinces.iter().filter(|other| **other != home).cloned().collect();
                match others.is_empty() {
                    true => self.buy(key, "local", &home, &buyer, &market.local[&home], None).await,
                    false => {
                        let visited = self.seeded.pick(&others).clone();
                        let product = &market.roaming[&visited];
                        self.buy(key, "roaming", &visited, &buyer, product, Some(&visited)).await;
                    }
                }
            }
            10..13 => self.buy(key, "national", NATIONAL, &buyer, &market.national, None).await,
            13 => {
                let ask = purchase(key, &buyer, &market.refused_by_sp[&home], None);
                let errand = Errand { ask, kind: Kind::Purchase { sp_accepts: false } };
                self.run("refused by SP", &home, &buyer, errand, true).await;
            }
            14..16 => self.send_money(key, &home, &buyer).await,
            16 => {
                if let Some((serving, order, amount)) = self.some_order() {
                    let part = 1 + i64::try_from(self.seeded.below(amount.unsigned_abs())).expect("an amount");
                    let body = json!({ "amount": yuan(part), "reason": "buyer asked" });
                    let ask = Ask::post(format!("/v1/orders/{order}/refunds"), key, body);
                    let kind = Kind::Refund { order_id: order.clone(), amount: part };
                    self.run("refund", &serving, &order, Errand { ask, kind }, false).await;
                }
            }
            17 => {
                if let Some((serving, order, _)) = self.some_order() {
                    let body = json!({ "reason": "buyer asked" });
                    let ask = Ask::post(format!("/v1/orders/{order}/reversal"), key, body);
                    let kind = Kind::Reversal { order_id: order.clone() };
                    self.run("reversal", &serving, &order, Errand { ask, kind }, false).await;
                }
            }
            18 => self.everywhere_at_once(key, &home, &buyer).await,
            19..21 => self.again().await,
            _ => self.look(&home, &buyer).await,
        }
    }

    async fn buy(
        &mut self,
        key: &str,
        flow: &'static str,
        serving: &str,
        buyer: &str,
        product: &str,
        location: Option<&str>,
    ) {
        let errand = Errand { ask: purchase(key, buyer, product, location), kind: Kind::Purchase { sp_accepts: true } };
        // Another province has to pay for the others: their first answer may come before it has.
        self.run(flow, serving, buyer, errand, flow == "local").await;
    }

    async fn send_money(&mut self, key: &str, home: &str, payer: &str) {
        let to = self.seeded.pick(&self.market.provinces).clone();
        let payee = self.seeded.pick(&self.market.subscribers[&to]).clone();
        let amount = 1 + i64::try_from(self.seeded.below(50)).expect("small");
        let body = json!({
            "payer_msisdn": payer, "payee_msisdn": payee, "amount": yuan(amount), "payment_password": PASSWORD,
        });
        let kind = Kind::Transfer { payer: payer.into(), payee };
        let errand = Errand { ask: Ask::post("/v1/transfers", key, body), kind };
        self.run("transfer", home, payer, errand, false).await;
    }

    /// The same request at every node of a province at once: one purchase.
    async fn everywhere_at_once(&mut self, key: &str, home: &str, buyer: &str) {
        let ask = purchase(key, buyer, &self.market.local[home], None);
        let errand = Errand { ask, kind: Kind::Purchase { sp_accepts: true } };
        let begun = self.history.now();
        let (client, errand_ask) = (self.trade.client, &errand.ask);
        let sent = self
            .trade
            .country
            .urls(home)
            .into_iter()
            .map(|url| async move { client.ask(&[url], errand_ask, TRY_DEADLINE).await });
        let answers: Vec<_> = futures::future::join_all(sent).await;
        for answer in &answers {
            self.write_down("at all nodes", home, buyer, &errand, begun, answer);
        }
        let done: Vec<&Answer> = answers.iter().flatten().filter(|answer| answer.is_success()).collect();
        for pair in done.windows(2) {
            self.compare(&errand, pair[0], pair[1], true);
        }
    }

    /// A request made before, at any node: the same answer.
    async fn again(&mut self) {
        if self.remembered.is_empty() {
            return;
        }
        let which = self.seeded.index(self.remembered.len());
        let Remembered { province, errand, answer, whole } = self.remembered[which].clone();
        let begun = self.history.now();
        let repeated = self.ask(&province, &errand.ask).await;
        self.note("the same again", &province, "a request made before", errand.ask.key.as_deref(), begun, &repeated);
        if let Ok(repeated) = repeated {
            self.compare(&errand, &answer, &repeated, whole);
        }
    }

    /// A balance, from any node.
    async fn look(&mut self, home: &str, msisdn: &str) {
        let account = self.trade.record.rows().wallets[msisdn].account_id.clone();
        let begun = self.history.now();
        let answer = self.ask(home, &Ask::get(format!("/v1/accounts/{account}"))).await;
        self.note("balance", home, &account, None, begun, &answer);
    }

    async fn run(&mut self, flow: &'static str, province: &str, about: &str, errand: Errand, whole: bool) {
        let begun = self.history.now();
        let answer = self.ask(province, &errand.ask).await;
        self.write_down(flow, province, about, &errand, begun, &answer);
        if let Ok(answer) = answer {
            if self.remembered.len() == REMEMBERED_MAX {
                self.remembered.pop_front();
            }
            self.remembered.push_back(Remembered { province: province.into(), errand, answer, whole });
        }
    }

    /// Asks the nodes of a province one after the other, beginning with any.
    async fn ask(&mut self, province: &str, ask: &Ask) -> Result<Answer, String> {
        let mut urls = self.trade.country.urls(province);
        let first = self.seeded.index(urls.len());
        urls.rotate_left(first);
        let answer = self.trade.client.ask(&urls, ask, PATIENCE).await?;
        // A node that broke does not say what happened.
        if answer.status >= 500 { Err(format!("{} {}", answer.status, answer.body)) } else { Ok(answer) }
    }

    fn write_down(
        &self,
        flow: &'static str,
        province: &str,
        about: &str,
        errand: &Errand,
        begun: Duration,
        answer: &Result<Answer, String>,
    ) {
        match answer {
            Ok(answer) => self.trade.record.note(province, &errand.kind, answer),
            Err(_) => self.trade.record.rows().unknown.push((province.into(), errand.clone())),
        }
        self.note(flow, province, about, errand.ask.key.as_deref(), begun, answer);
    }

    fn note(
        &self,
        flow: &'static str,
        province: &str,
        about: &str,
        key: Option<&str>,
        begun: Duration,
        answer: &Result<Answer, String>,
    ) {
        self.history.note(Event {
            caller: self.number,
            flow,
            asked: province.into(),
            key: key.map(str::to_owned),
            about: about.into(),
            begun,
            ended: self.history.now(),
            outcome: Outcome::of(answer),
        });
    }

    fn compare(&self, errand: &Errand, first: &Answer, again: &Answer, whole: bool) {
        let Some(what) = contradiction(first, again, whole) else { return };
        let key = errand.ask.key.clone().unwrap_or_default();
        let at_ms = u64::try_from(self.history.now().as_millis()).unwrap_or(u64::MAX);
        let around = self.trade.client.attempts().about(&key);
        let around = around.lines().map(|what| crate::record::Line { at_ms, what: what.into() }).collect();
        self.contradictions.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Violation {
            property: "the same request, the same answer".into(),
            clause: "docs/SPEC.md".into(),
            what: format!("request {key}: {what}"),
            at_ms,
            around,
        });
    }

    /// An order somebody bought and that was not given back yet, as far as is known.
    fn some_order(&mut self) -> Option<(String, String, i64)> {
        let rows = self.trade.record.rows();
        let orders: Vec<_> = rows.orders.iter().filter(|(_, order)| order.paid && order.sp_accepts).collect();
        if orders.is_empty() {
            return None;
        }
        let (id, order) = orders[self.seeded.index(orders.len())];
        Some((order.serving.clone(), id.clone(), order.amount))
    }
}

/// How a second answer to one request is not the first one again.
fn contradiction(first: &Answer, again: &Answer, whole: bool) -> Option<String> {
    const NAMES: [&str; 6] = ["order_id", "payment_id", "refund_id", "transfer_id", "amount", "code"];
    let told = |answer: &Answer| format!("{} {}", answer.status, answer.body);
    let differs = if whole {
        (first.status, &first.body) != (again.status, &again.body)
    } else {
        let part = |body: &Value, name: &str| body[name].clone();
        first.status != again.status || NAMES.iter().any(|name| part(&first.body, name) != part(&again.body, name))
    };
    differs.then(|| format!("first {}, then {}", told(first), told(again)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: Value) -> Answer {
        Answer { status, replayed: false, body, content_type: String::new(), retry_after: None, tries: 1 }
    }

    #[test]
    fn an_answer_that_is_not_the_first_one_again_is_found() {
        let first = answer(201, json!({"order_id": "O1", "status": "paying", "log_index": 4}));
        let moved_on = answer(201, json!({"order_id": "O1", "status": "paid", "log_index": 5}));
        let other = answer(201, json!({"order_id": "O2", "status": "paying", "log_index": 4}));
        let refused = answer(422, json!({"code": "insufficient_funds"}));
        assert_eq!(contradiction(&first, &first, true), None);
        assert_eq!(contradiction(&first, &moved_on, false), None, "only what it is about");
        assert!(contradiction(&first, &moved_on, true).is_some());
        assert!(contradiction(&first, &other, false).is_some_and(|what| what.contains("O2")));
        assert!(contradiction(&first, &refused, false).is_some());
        assert!(contradiction(&refused, &answer(422, json!({"code": "wrong_password"})), false).is_some());
    }
}
