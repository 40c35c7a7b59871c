//! A life: one thing after the other. Each turn draws from a source of its own, so that leaving a turn
//! out, as the search for a smaller failing run does, changes nothing of what the others draw.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use mpss_domain::catalogue::Application;
use mpss_domain::{Money, ProvinceId};
use mpss_runtime::{Clock, Random};
use serde_json::{Value, json};

use super::cards::Bought;
use super::desk::Desk;
use super::flows::{Flow, Habits};
use super::scene::{Goods, PASSWORD, PRICE, Person, Scene};
use super::street::{Answer, Body, Question, Street};
use super::{Acknowledged, Read, mistakes};
use crate::world::SeededRandom;
use crate::world::clock::BEGIN_MS;

/// The other password, for those who change theirs.
const OTHER_PASSWORD: &str = "739164";
/// Wrong passwords of somebody who does not give up.
const GUESSES: u32 = 6;
/// The largest prize, in fen.
const PRIZE_MAX: i64 = 2_000;
/// What an SP puts into its prize pool at a time, in fen.
const FUND: i64 = 10_000;
/// Purchases of a race.
const RACERS: usize = 4;
/// Virtual time after which another business day is far away.
const DAY_MS: u64 = 86_400_000;

/// What a life is lived by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How often what is done.
    pub habits: Habits,
    /// Shortest and longest pause between two things, in milliseconds.
    pub pause_ms: (u64, u64),
    /// Requests that are sent twice, in parts of a million.
    pub twice: u32,
    /// Purchases that go to the busiest SP, in parts of a million.
    pub hot: u32,
    /// Only these turns are lived, when given: `13300046201:7`.
    pub only: Option<Arc<BTreeSet<String>>>,
}

/// Somebody in the middle of a life.
pub(super) struct Living {
    pub(super) street: Street,
    pub(super) me: Person,
    pub(super) scene: Arc<Scene>,
    pub(super) rules: Rules,
    pub(super) location: ProvinceId,
    /// The payment password, as far as I know.
    pub(super) password: &'static str,
    /// Orders I can still change my mind about.
    bought: Vec<(ProvinceId, String)>,
    /// Whose they are: the SP of each order.
    sold_by: BTreeMap<String, String>,
    /// The last order I placed: where, with which request id and body.
    last: Option<(ProvinceId, String, Value)>,
    /// Accounts outside that I have: on the bill, on a card.
    pub(super) outside: [bool; 2],
    /// What the bank calls the binding of my card.
    pub(super) binding: Option<String>,
    /// Orders of cards.
    pub(super) cards: Vec<Bought>,
    /// Orders of tickets.
    pub(super) tickets: Vec<Bought>,
    /// Orders that paid bills, with what was due, in fen.
    pub(super) bills: Vec<(Bought, i64)>,
    /// Orders of goods that are sent.
    pub(super) parcels: Vec<Bought>,
    /// Recharge cards I have had.
    pub(super) scratched: u32,
}

pub(super) fn yuan(fen: i64) -> String {
    Money::fen(fen).to_string()
}

/// Lives until `until`.
pub async fn live(street: Street, me: Person, scene: Arc<Scene>, rules: Rules, until: Duration) {
    let random = street.country().random().named(&format!("life {}", me.msisdn));
    let clock = street.country().clock().clone();
    let location = me.home;
    let mut living = Living {
        street,
        me,
        scene,
        rules,
        location,
        password: PASSWORD,
        bought: Vec::new(),
        sold_by: BTreeMap::new(),
        last: None,
        outside: [false; 2],
        binding: None,
        cards: Vec::new(),
        tickets: Vec::new(),
        bills: Vec::new(),
        parcels: Vec::new(),
        scratched: 0,
    };
    for turn in 0_u32.. {
        let random = random.named(&turn.to_string());
        let (low, high) = living.rules.pause_ms;
        clock.sleep(Duration::from_millis(random.between(low, high))).await;
        if clock.monotonic() >= until {
            return;
        }
        let flow = living.rules.habits.drawn(random.below(living.rules.habits.total()));
        let name = format!("{}:{turn}", living.me.msisdn);
        if living.rules.only.as_ref().is_some_and(|only| !only.contains(&name)) {
            continue;
        }
        living.street.note(|told| {
            told.turns.insert(name);
        });
        living.take_turn(flow, &format!("{}-{turn}", living.me.msisdn), &random).await;
    }
}

impl Living {
    async fn take_turn(&mut self, flow: Flow, key: &str, random: &SeededRandom) {
        match flow {
            Flow::Local | Flow::Roaming | Flow::National => self.buy(flow, key, random).await,
            Flow::Racing => self.race(key, random).await,
            Flow::Impatient => self.reconsider(key, random).await,
            Flow::Transfer => self.send_money(key, random).await,
            Flow::Balance => self.look_at_balance(random).await,
            Flow::Statement => {
                self.look(flow, self.me.home, format!("/v1/accounts/{}/statement", self.me.account)).await
            }
            Flow::Catalogue => {
                let path = format!("/v1/catalogue?msisdn={}&location={}", self.me.msisdn, self.location);
                self.look(flow, self.location, path).await;
            }
            Flow::TopUp => {
                let amount = yuan(i64::try_from(random.between(100, 5_000)).unwrap_or(100));
                let body = json!({ "method": "cash", "amount": amount, "agent_id": "agent-2" });
                let asked = self.home_or_here(random);
                self.change(flow, asked, "POST", format!("/v1/accounts/{}/top-ups", self.me.account), key, body).await;
            }
            Flow::Limits => self.set_limits(key, random).await,
            Flow::Password => self.set_password(key).await,
            Flow::WrongPassword => {
                let body = json!({
                    "msisdn": self.me.msisdn, "product_id": self.goods(Flow::Local, random).product, "quantity": 1,
                    "account_kind": "virtual", "payment_password": "135792", "channel": "app",
                });
                // Some try on until they are locked out.
                let tries = if random.happens(200_000) { GUESSES } else { 1 };
                for guess in 0..tries {
                    let key = format!("{key}-{guess}");
                    self.change(flow, self.me.home, "POST", "/v1/orders".to_owned(), &key, body.clone()).await;
                }
            }
            Flow::Freeze => self.freeze(key, random).await,
            Flow::Thaw => {
                let body = json!({ "payment_password": self.password });
                let path = format!("/v1/accounts/{}/unfreeze", self.me.account);
                self.change(flow, self.me.home, "POST", path, key, body).await;
            }
            Flow::Reversal => self.change_my_mind(flow, key, random).await,
            Flow::Refund => self.change_my_mind(flow, key, random).await,
            Flow::Travel if random.happens(400_000) => self.location = self.me.home,
            Flow::Travel => self.travel(random),
            Flow::BadInput => mistakes::send(&self.street, &self.me, key, random).await,
            Flow::Conflict => self.conflict().await,
            Flow::Bill | Flow::Card => self.buy_outside(flow, key, random).await,
            Flow::Award => self.win(key, random).await,
            Flow::Cards => self.live_by_cards(key, random).await,
            Flow::Tickets => self.live_by_tickets(key, random).await,
            Flow::Bills => self.live_by_bills(key, random).await,
            Flow::Recharge => self.scratch_a_card(key, random).await,
            Flow::Upp => self.buy_at_upp(key, random).await,
            Flow::Shopping => self.live_by_parcels(key, random).await,
            Flow::Bets => self.bet(key, random).await,
            Flow::Codes => self.pay_by_code(key, random).await,
            Flow::BankTopUp => self.top_up_from_card(key, random).await,
        }
    }

    pub(super) fn question(
        &self,
        flow: Flow,
        province: ProvinceId,
        method: &'static str,
        path: String,
        key: &str,
        body: Body,
    ) -> Question {
        let who = self.me.msisdn.clone();
        Question { who, flow: flow.name(), province, method, path, key: key.to_owned(), body }
    }

    pub(super) async fn change(
        &self,
        flow: Flow,
        province: ProvinceId,
        method: &'static str,
        path: String,
        key: &str,
        body: Value,
    ) -> Option<Answer> {
        self.street.ask(&self.question(flow, province, method, path, key, Body::Json(body))).await
    }

    pub(super) async fn look(&self, flow: Flow, province: ProvinceId, path: String) {
        self.street.ask(&self.question(flow, province, "GET", path, "", Body::Nothing)).await;
    }

    /// Requests about an account may be made anywhere; most are made at home.
    pub(super) fn home_or_here(&self, random: &SeededRandom) -> ProvinceId {
        if random.happens(250_000) { self.location } else { self.me.home }
    }

    /// Goes to another province, when there is one.
    pub(super) fn travel(&mut self, random: &SeededRandom) {
        let provinces = &self.street.country().plan().provinces;
        let elsewhere = provinces.iter().copied().filter(|other| !other.is_national() && *other != self.me.home);
        let elsewhere: Vec<_> = elsewhere.collect();
        if !elsewhere.is_empty() {
            self.location = *random.pick(&elsewhere);
        }
    }

    /// What I would buy. The first of each kind is the busiest.
    pub(super) fn goods(&self, flow: Flow, random: &SeededRandom) -> Goods {
        self.goods_of(Application::Lottery, flow, random)
    }

    pub(super) fn goods_of(&self, application: Application, flow: Flow, random: &SeededRandom) -> Goods {
        self.goods_for(|goods| goods.application == application, flow, random)
    }

    pub(super) fn goods_for(&self, wanted: impl Fn(&Goods) -> bool, flow: Flow, random: &SeededRandom) -> Goods {
        let (scope, province) = match flow {
            Flow::Roaming => ("roaming", self.location),
            Flow::National => ("national", ProvinceId::NATIONAL),
            _ => ("local", self.me.home),
        };
        let of_kind = self.scene.goods.iter().filter(|goods| wanted(goods));
        let fits: Vec<_> = of_kind.filter(|goods| goods.scope == scope && goods.province == province).collect();
        let hot = random.happens(self.rules.hot);
        let other = *random.pick(&fits);
        if hot { fits[0].clone() } else { other.clone() }
    }

    pub(super) fn order(&self, goods: &Goods, quantity: u32) -> Value {
        let mut order = json!({
            "msisdn": self.me.msisdn, "product_id": goods.product, "quantity": quantity, "account_kind": "virtual",
            "payment_password": self.password, "channel": "app", "location": self.location.to_string(),
        });
        if goods.application == Application::Shopping {
            order["recipient_name"] = json!("王小明");
            order["recipient_phone"] = json!(self.me.msisdn);
            order["recipient_address"] = json!("人民路 1 号");
        }
        order
    }

    async fn buy(&mut self, flow: Flow, key: &str, random: &SeededRandom) {
        // Who wants what visitors are sold mostly goes there first.
        if flow == Flow::Roaming && self.location == self.me.home && !random.happens(150_000) {
            self.travel(random);
        }
        let goods = self.goods(flow, random);
        // National goods are asked for wherever one is, everything else where it is sold.
        let asked = if flow == Flow::National { self.location } else { goods.province };
        let body = self.order(&goods, if random.happens(100_000) { 3 } else { 1 });
        let Some(first) = self.place(flow, asked, key, &body).await else { return };
        self.last = Some((asked, key.to_owned(), body.clone()));
        // Some press the button twice.
        if random.happens(self.rules.twice)
            && let Some(again) = self.change(flow, asked, "POST", "/v1/orders".to_owned(), key, body).await
            && again.text("order_id") != first
        {
            let what = format!("request {key}: first order {first}, then {} {}", again.status, again.body);
            self.street.note(|told| told.contradictions.push(what));
        }
    }

    /// Buys some of a kind of goods: at home, where I am, or of the whole nation's. Some press the button twice.
    pub(super) async fn buy_some(
        &mut self,
        (flow, application): (Flow, Application),
        quantity: u32,
        key: &str,
        random: &SeededRandom,
    ) -> Option<Bought> {
        let scope = *random.pick(&[Flow::Local, Flow::Roaming, Flow::National]);
        if scope == Flow::Roaming && self.location == self.me.home {
            self.travel(random);
        }
        let goods = self.goods_of(application, scope, random);
        let asked = if scope == Flow::National { self.location } else { goods.province };
        let body = self.order(&goods, quantity);
        let order = self.place(flow, asked, key, &body).await?;
        if random.happens(self.rules.twice)
            && let Some(again) = self.change(flow, asked, "POST", "/v1/orders".to_owned(), key, body).await
            && again.text("order_id") != order
        {
            let what = format!("request {key}: first order {order}, then {} {}", again.status, again.body);
            self.street.note(|told| told.contradictions.push(what));
        }
        Some(Bought { serving: goods.province, order, quantity })
    }

    pub(super) async fn place(&mut self, flow: Flow, asked: ProvinceId, key: &str, body: &Value) -> Option<String> {
        let answer = self.change(flow, asked, "POST", "/v1/orders".to_owned(), key, body.clone()).await?;
        self.learn(&answer);
        self.took_order(key, &answer)
    }

    pub(super) fn took_order(&mut self, key: &str, answer: &Answer) -> Option<String> {
        if !answer.is_done() {
            return None;
        }
        let (id, status) = (answer.text("order_id"), answer.text("status"));
        let serving: ProvinceId = id.split('-').nth(1)?.parse().ok()?;
        let trace = self.street.country().trace();
        trace.tell(format!("{key}: order {id} {status} after {} tries", answer.tries));
        let acknowledged = Acknowledged { serving, status, key: key.to_owned() };
        self.street.note(|told| drop(told.orders.insert(id.clone(), acknowledged)));
        self.bought.push((serving, id.clone()));
        let sp = answer.body["product"]["sp_id"].as_str()?.to_owned();
        self.sold_by.insert(id.clone(), sp);
        Some(id)
    }

    /// Several phones of one family at once: limits and balances must hold.
    async fn race(&mut self, key: &str, random: &SeededRandom) {
        let goods = self.goods(Flow::Local, random);
        let body = self.order(&goods, u32::try_from(random.between(1, 5)).unwrap_or(1));
        let keys: Vec<String> = (0..RACERS).map(|racer| format!("{key}-{racer}")).collect();
        let asking = keys
            .iter()
            .map(|key| self.change(Flow::Racing, goods.province, "POST", "/v1/orders".to_owned(), key, body.clone()));
        let answers = join_all(asking).await;
        for (key, answer) in keys.iter().zip(answers) {
            if let Some(answer) = answer {
                self.took_order(key, &answer);
            }
        }
    }

    /// Buys where another province has to pay, and calls the service desk while it is asked to.
    async fn reconsider(&mut self, key: &str, random: &SeededRandom) {
        if self.location == self.me.home {
            self.travel(random);
        }
        let goods = self.goods(Flow::Roaming, random);
        let body = self.order(&goods, 1);
        let desk = Desk { street: self.street.clone(), msisdn: self.me.msisdn.clone(), serving: goods.province };
        let calls = desk.reverse_what_is_paying(key, random);
        let (_, ()) = tokio::join!(self.place(Flow::Impatient, goods.province, key, &body), calls);
    }

    async fn send_money(&mut self, key: &str, random: &SeededRandom) {
        let payee = random.pick(&self.scene.people).msisdn.clone();
        // Some mistype the number; nobody answers to it.
        let payee = if random.happens(60_000) { format!("{}000", &payee[..8]) } else { payee };
        let body = json!({
            "payer_msisdn": self.me.msisdn, "payee_msisdn": payee, "amount": yuan(PRICE / 2),
            "payment_password": self.password,
        });
        let asked = self.home_or_here(random);
        let answer = self.change(Flow::Transfer, asked, "POST", "/v1/transfers".to_owned(), key, body).await;
        let Some(answer) = answer else { return };
        self.learn(&answer);
        if answer.is_done() {
            let id = answer.text("transfer_id");
            self.street.country().trace().tell(format!("{key}: transfer {id}"));
            let home = self.me.home;
            self.street.note(|told| {
                told.transfers.insert(id, home);
            });
        }
    }

    async fn look_at_balance(&mut self, random: &SeededRandom) {
        let asked = self.home_or_here(random);
        let path = format!("/v1/accounts/{}", self.me.account);
        let Some(answer) = self.street.ask(&self.question(Flow::Balance, asked, "GET", path, "", Body::Nothing)).await
        else {
            return;
        };
        let Some(index) = answer.body["log_index"].as_u64().filter(|_| answer.is_done()) else { return };
        let read = Read {
            who: self.me.msisdn.clone(),
            province: self.me.home,
            account: self.me.account.clone(),
            balance: answer.text("balance"),
            index,
            sent_ms: answer.sent_ms,
            answered_ms: answer.answered_ms,
        };
        self.street.note(|told| told.reads.push(read));
    }

    async fn set_limits(&mut self, key: &str, random: &SeededRandom) {
        let daily = i64::try_from(random.between(10, 100)).unwrap_or(10) * 100;
        let per_payment = daily.min(2_000);
        let body = json!({
            "payment_password": self.password, "daily_limit": yuan(daily), "per_payment_limit": yuan(per_payment),
        });
        let path = format!("/v1/accounts/{}", self.me.account);
        let asked = self.home_or_here(random);
        if let Some(answer) = self.change(Flow::Limits, asked, "PATCH", path, key, body).await {
            self.learn(&answer);
        }
    }

    async fn set_password(&mut self, key: &str) {
        let new = if self.password == PASSWORD { OTHER_PASSWORD } else { PASSWORD };
        let body = json!({ "payment_password": self.password, "new_payment_password": new });
        let path = format!("/v1/accounts/{}", self.me.account);
        let answer = self.change(Flow::Password, self.me.home, "PATCH", path, key, body).await;
        if answer.is_some_and(|answer| answer.is_done()) {
            self.password = new;
        }
    }

    /// Whoever does not know what became of a change of password finds out by using one.
    pub(super) fn learn(&mut self, answer: &Answer) {
        if answer.text("code") == "wrong_password" {
            self.password = if self.password == PASSWORD { OTHER_PASSWORD } else { PASSWORD };
        }
    }

    async fn freeze(&mut self, key: &str, random: &SeededRandom) {
        let mut body = json!({ "payment_password": self.password });
        if random.happens(800_000) {
            let until = self.street.country().clock().elapsed_ms() + random.between(2_000, 15_000);
            body["until"] = json!(rfc3339(until));
        }
        let path = format!("/v1/accounts/{}/freeze", self.me.account);
        self.change(Flow::Freeze, self.me.home, "POST", path, key, body).await;
    }

    async fn change_my_mind(&mut self, flow: Flow, key: &str, random: &SeededRandom) {
        if self.bought.is_empty() {
            return;
        }
        let (serving, order) = random.pick(&self.bought).clone();
        let (path, body) = if flow == Flow::Reversal {
            (format!("/v1/orders/{order}/reversal"), json!({ "reason": "buyer asked" }))
        } else {
            let amount = yuan(i64::try_from(random.between(1, 120)).unwrap_or(1));
            (format!("/v1/orders/{order}/refunds"), json!({ "amount": amount, "reason": "buyer asked" }))
        };
        self.change(flow, serving, "POST", path, key, body).await;
    }

    /// One of my bets has won, or so the SP says: it gives a prize, now and then twice or under two
    /// numbers, for a bet that may have been undone meanwhile.
    async fn win(&mut self, key: &str, random: &SeededRandom) {
        if self.bought.is_empty() {
            return;
        }
        let (serving, order) = random.pick(&self.bought).clone();
        let sp = self.sold_by[&order].clone();
        let kind = *random.pick(&["virtual", "virtual", "communication", "bank"]);
        let prize = yuan(i64::try_from(random.between(1, PRIZE_MAX.unsigned_abs())).unwrap_or(1));
        let body = |reference: &str| {
            json!({
                "sp_id": sp, "reference": reference, "order_id": order, "msisdn": self.me.msisdn, "prize": prize,
                "account_kind": kind, "by": "clerk",
            })
        };
        // Some prizes are taxed, and of the larger ones two decide: whoever wins first has the rules set.
        if random.happens(200_000) {
            let rules = json!({
                "version": 1, "tax_free_up_to": yuan(PRIZE_MAX / 2), "tax_ppm": 200_000,
                "approval_from": yuan(PRIZE_MAX * 3 / 4), "fallback": ["virtual", "communication", "bank"],
            });
            let (path, key) = ("/v1/award-policy".to_owned(), format!("award-policy-{serving}"));
            self.change(Flow::Award, serving, "PUT", path, &key, rules).await;
        }
        let path = || "/v1/awards".to_owned();
        let mut asked = self.change(Flow::Award, serving, "POST", path(), key, body(key)).await;
        if asked.as_ref().is_some_and(|answer| answer.text("code") == "pool_too_small") {
            let fund = json!({ "amount": yuan(FUND), "direction": "in", "by": "finance" });
            let pool = format!("/v1/sps/{sp}/prize-pool");
            self.change(Flow::Award, serving, "POST", pool, &format!("{key}-fund"), fund).await;
            asked = self.change(Flow::Award, serving, "POST", path(), &format!("{key}-again"), body(key)).await;
        }
        // The same file again, or the same bet under another number.
        if random.happens(self.rules.twice * 3) {
            let number = if random.happens(500_000) { key.to_owned() } else { format!("{key}-b") };
            self.change(Flow::Award, serving, "POST", path(), &format!("{key}-twice"), body(&number)).await;
        }
        if let Some(award) = asked.filter(|answer| answer.text("status") == "awaiting_approval") {
            let path = format!("/v1/awards/{}/decision", award.text("award_id"));
            let word = json!({ "approved": random.happens(800_000), "by": "head" });
            self.change(Flow::Award, serving, "POST", path, &format!("{key}-word"), word).await;
        }
        if random.happens(200_000) {
            self.change_my_mind(Flow::Reversal, &format!("{key}-back"), random).await;
        }
    }

    /// Another request under a request id that was used: refused, and nothing moves.
    async fn conflict(&mut self) {
        let Some((asked, key, mut body)) = self.last.clone() else { return };
        body["quantity"] = json!(7);
        let answer = self.change(Flow::Conflict, asked, "POST", "/v1/orders".to_owned(), &key, body).await;
        let Some(answer) = answer else { return };
        if answer.text("code") != "duplicate_request" {
            let what = format!("request {key} was sent with other content: {} {}", answer.status, answer.body);
            self.street.note(|told| told.contradictions.push(what));
        }
    }
}

/// A moment of the run as the interface writes it.
pub(crate) fn rfc3339(elapsed_ms: u64) -> String {
    let of_day = (BEGIN_MS.unsigned_abs() + elapsed_ms) % DAY_MS;
    let (seconds, ms) = (of_day / 1_000, of_day % 1_000);
    format!("2026-01-05T{:02}:{:02}:{:02}.{ms:03}Z", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_the_interface_wants_it() {
        assert_eq!(rfc3339(0), "2026-01-05T02:00:00.000Z");
        assert_eq!(rfc3339(3_723_045), "2026-01-05T03:02:03.045Z");
    }
}
