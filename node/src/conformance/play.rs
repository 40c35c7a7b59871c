//! Has things happen to an SP, and waits for what it does.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cases::{Case, Play};
use super::client::Client;
use super::judge;
use crate::command_line::{Failure, Printer};
use crate::sandbox::Exchange;

/// Pause between two looks at something that is awaited.
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// What a refund gives back, in yuan.
const PART: &str = "0.50";
/// Orders that the SP is not told of.
const UNTOLD: usize = 3;

/// How the SP did, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it must be.
    Passed(String),
    /// Not as it must be.
    Failed(String),
    /// Nobody showed it.
    NotShown(String),
}

/// One run.
pub(super) struct Run {
    client: Client,
    driver: Option<String>,
    patience: Duration,
    password: String,
    product: String,
    /// Who says yes when asked.
    buyers: Vec<String>,
    /// Purchases so far.
    bought: usize,
    /// What went past since the run began.
    seen: Vec<Exchange>,
    /// The number up to which it was looked at.
    last: u64,
    /// An order that the SP has accepted.
    accepted: Option<String>,
}

/// What ends a case before it has been passed.
enum Halt {
    /// The SP is judged already.
    Judged(Verdict),
    /// The sandbox is to blame, not the SP.
    Failure(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

fn failed(why: impl Into<String>) -> Halt {
    Halt::Judged(Verdict::Failed(why.into()))
}

fn not_shown(why: impl Into<String>) -> Halt {
    Halt::Judged(Verdict::NotShown(why.into()))
}

/// What was seen of a case that is passed.
type Passed = Result<String, Halt>;

impl Run {
    /// Begins a run in this sandbox, which has not to play anything yet.
    pub(super) async fn begin(
        client: Client,
        sandbox: &Value,
        driver: Option<String>,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let text = |name: &str| sandbox[name].as_str().unwrap_or_default().to_owned();
        let buyers = sandbox["subscribers"]["yes"].as_array().into_iter().flatten();
        let run = Self {
            password: text("payment_password"),
            product: text("product_id"),
            buyers: buyers.filter_map(|buyer| Some(buyer.as_str()?.to_owned())).collect(),
            last: sandbox["last_seen"].as_u64().unwrap_or_default(),
            client,
            driver,
            patience,
            bought: 0,
            seen: Vec::new(),
            accepted: None,
        };
        run.calm().await?;
        Ok(run)
    }

    /// Plays a case, and leaves everything calm.
    ///
    /// # Errors
    /// When the sandbox does not do its part.
    pub(super) async fn play(&mut self, case: &Case, printer: &mut Printer) -> Result<Verdict, Failure> {
        let from = self.look().await?;
        let passed = match case.play {
            Play::Accepted => self.accepted().await,
            Play::Again(manner) => self.again(manner).await,
            Play::AnswerLost => self.answer_lost().await,
            Play::Several => self.several().await,
            Play::Cancel => self.cancel().await,
            Play::Forged(manner) => self.forged(manner).await,
            Play::Charge(troubles) => self.charge(from, troubles, printer).await,
            Play::Refund => self.refund(printer).await,
            Play::Reversal => self.reversal(printer).await,
            Play::Events => self.events(from, printer).await,
            Play::Signed => Err(Halt::Judged(judge::signed(&self.seen))),
            Play::Nonces => Err(Halt::Judged(judge::nonces(&self.seen))),
            Play::RequestIds => Err(Halt::Judged(judge::request_ids(&self.seen))),
        };
        self.calm().await?;
        match passed {
            Ok(seen) => Ok(Verdict::Passed(seen)),
            Err(Halt::Judged(verdict)) => Ok(verdict),
            Err(Halt::Failure(failure)) => Err(failure),
        }
    }

    async fn calm(&self) -> Result<(), Failure> {
        self.client.play("asking", json!({})).await?;
        self.client.play("telling", json!({})).await
    }

    /// Looks at what went past, and gives how much that is since the run began.
    async fn look(&mut self) -> Result<usize, Failure> {
        let (newer, last) = self.client.seen(self.last).await?;
        self.seen.extend(newer);
        self.last = last;
        Ok(self.seen.len())
    }

    /// Looks until something is found in what went past since `from`; nothing when it takes too long.
    async fn until<R>(
        &mut self,
        mut find: impl FnMut(&[Exchange]) -> Option<R>,
        from: usize,
    ) -> Result<Option<R>, Failure> {
        let end = Instant::now() + self.patience;
        loop {
            self.look().await?;
            if let Some(found) = find(&self.seen[from..]) {
                return Ok(Some(found));
            }
            if Instant::now() > end {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// A subscriber buys.
    async fn buy(&mut self) -> Result<String, Failure> {
        let msisdn = &self.buyers[self.bought % self.buyers.len()];
        self.bought += 1;
        let body = json!({
            "msisdn": msisdn, "product_id": self.product, "quantity": 1, "account_kind": "virtual",
            "payment_password": self.password, "channel": "app",
        });
        let answer = self.client.post("/v1/orders", &body).await?;
        if answer.is_done() {
            Ok(answer.text("order_id").to_owned())
        } else {
            Err(Failure::start(format!("a purchase in the sandbox: {}", answer.told())))
        }
    }

    /// Waits until an order is so.
    async fn comes_to(&self, order: &str, status: &str) -> Result<(), Halt> {
        let end = Instant::now() + self.patience;
        loop {
            let now = self.client.get(&format!("/v1/orders/{order}")).await?.text("status").to_owned();
            if now == status {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(failed(format!("{order} is {now} and not {status}")));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// How often it was told of an order; it must have accepted that each time.
    async fn accepts_each(&mut self, kind: &str, order: &str) -> Result<usize, Halt> {
        self.look().await?;
        let told: Vec<_> = self.seen.iter().filter(|exchange| exchange.tells(kind, order)).collect();
        match told.iter().find(|exchange| !exchange.accepts(order)) {
            Some(other) => Err(failed(format!("it answered {} {}", other.status, other.answer))),
            None => Ok(told.len()),
        }
    }

    /// An order that the SP has accepted.
    async fn order(&mut self) -> Result<String, Halt> {
        let order = self.buy().await?;
        if let Err(halt) = self.comes_to(&order, "delivered").await {
            // What it has answered says more than what did not come of it.
            self.accepts_each("deliver", &order).await?;
            return Err(halt);
        }
        self.accepted = Some(order.clone());
        Ok(order)
    }

    /// An order that the SP has accepted, if need be a new one.
    async fn accepted_order(&mut self) -> Result<String, Halt> {
        match self.accepted.clone() {
            Some(order) => Ok(order),
            None => self.order().await,
        }
    }

    /// An order that the SP has accepted and that nothing else is tried with afterwards.
    async fn own_order(&mut self) -> Result<String, Halt> {
        let order = self.order().await?;
        self.accepted = None;
        Ok(order)
    }

    async fn accepted(&mut self) -> Passed {
        let begun = Instant::now();
        let order = self.order().await?;
        Ok(format!("{order}, delivered after {} ms", begun.elapsed().as_millis()))
    }

    async fn again(&mut self, manner: &str) -> Passed {
        let order = self.accepted_order().await?;
        self.told_again(&[order], manner).await
    }

    async fn told_again(&mut self, orders: &[String], manner: &str) -> Passed {
        let (status, answer) = self.client.tell(orders, manner).await?;
        self.look().await?;
        let last = self.seen.iter().rev().find(|exchange| exchange.tells("deliver", &orders[0]));
        if last.is_some_and(|last| orders.iter().all(|order| last.accepts(order))) {
            Ok(format!("{status}, {} accepted", orders.len()))
        } else {
            Err(failed(format!("it answered {status} {answer}")))
        }
    }

    async fn answer_lost(&mut self) -> Passed {
        self.client.play("telling", json!({ "next": ["answer_lost"] })).await?;
        let order = self.order().await?;
        match self.accepts_each("deliver", &order).await? {
            0 | 1 => Err(not_shown(format!("{order} was told once only"))),
            times => Ok(format!("{order}, told and accepted {times} times")),
        }
    }

    async fn several(&mut self) -> Passed {
        let orders = [self.order().await?, self.order().await?];
        self.told_again(&orders, "again").await
    }

    async fn cancel(&mut self) -> Passed {
        let order = self.own_order().await?;
        let body = json!({ "reason": "conformance", "asked_by": "customer_service" });
        let answer = self.client.post(&format!("/v1/orders/{order}/reversal"), &body).await?;
        if !answer.is_done() {
            return Err(Failure::start(format!("a reversal in the sandbox: {}", answer.told())).into());
        }
        let accepts = |exchange: &Exchange| exchange.tells("cancel", &order) && exchange.accepts(&order);
        if self.until(|seen| seen.iter().any(accepts).then_some(()), 0).await?.is_some() {
            return Ok(format!("{order}, reversed"));
        }
        let times = self.accepts_each("cancel", &order).await?;
        Err(not_shown(format!("{order} was told {times} times")))
    }

    async fn forged(&mut self, manner: &str) -> Passed {
        let order = self.accepted_order().await?;
        let (status, answer) = self.client.tell(&[order], manner).await?;
        match status {
            400..500 => Ok(format!("refused with {status}")),
            0 => Err(not_shown(format!("no answer: {answer}"))),
            _ => Err(failed(format!("it answered {status} {answer}"))),
        }
    }

    /// Gives the SP something to do, or has a person do it.
    async fn give(&self, task: Value, words: &str, printer: &mut Printer) -> Result<(), Halt> {
        let Some(driver) = &self.driver else {
            printer.line(format!("  → within {} s: {words}", self.patience.as_secs()));
            return Ok(());
        };
        let given = self.client.give(driver, &task).await;
        given.map_err(|why| not_shown(format!("--driver {driver}: {why}")))
    }

    /// Waits for a request to one door that was done, with its repetitions; it must have met with so many troubles.
    async fn asks(&mut self, from: usize, path: &str, troubles: usize) -> Result<Exchange, Halt> {
        let find = |seen: &[Exchange]| {
            let asked = judge::asked(seen, path);
            let done = judge::repeated(&asked).transpose()?;
            Some(done.map(|done| (done.clone(), asked.len())))
        };
        match self.until(find, from).await? {
            Some(Ok((done, count))) if count > troubles => Ok(done),
            Some(Ok((_, count))) => Err(not_shown(format!("{path} was asked {count} times"))),
            Some(Err(why)) => Err(failed(why)),
            None => Err(match judge::asked(&self.seen[from..], path).len() {
                0 => not_shown(format!("{path} was not asked")),
                count => failed(format!("{path} was asked {count} times and given up")),
            }),
        }
    }

    async fn charge(&mut self, from: usize, troubles: &[&str], printer: &mut Printer) -> Passed {
        self.client.play("asking", json!({ "next": troubles })).await?;
        self.bought += 1;
        let (buyer, product) = (&self.buyers[self.bought % self.buyers.len()], &self.product);
        let task = json!({ "task": "charge", "msisdn": buyer, "product_id": product, "quantity": 1 });
        self.give(task, &format!("charge {buyer} for one of {product}"), printer).await?;
        let done = self.asks(from, "/v1/sp/charges", troubles.len()).await?;
        let order = done.answer["order_id"].as_str().unwrap_or_default();
        self.comes_to(order, "delivered").await?;
        Ok(format!("{order}, delivered; {} requests", troubles.len() + 1))
    }

    async fn refund(&mut self, printer: &mut Printer) -> Passed {
        let order = self.own_order().await?;
        let from = self.look().await?;
        self.client.play("asking", json!({ "next": ["answer_lost"] })).await?;
        let task = json!({ "task": "refund", "order_id": order, "amount": PART });
        self.give(task, &format!("refund {PART} of {order}"), printer).await?;
        self.asks(from, &format!("/v1/sp/orders/{order}/refunds"), 1).await?;
        let refunded = self.client.get(&format!("/v1/orders/{order}")).await?.text("refunded").to_owned();
        if refunded == PART {
            Ok(format!("{order}, {refunded} refunded"))
        } else {
            Err(failed(format!("{refunded} of {order} was refunded, and not {PART}")))
        }
    }

    async fn reversal(&mut self, printer: &mut Printer) -> Passed {
        let order = self.own_order().await?;
        let from = self.look().await?;
        let task = json!({ "task": "reversal", "order_id": order });
        self.give(task, &format!("reverse {order}"), printer).await?;
        self.asks(from, &format!("/v1/sp/orders/{order}/reversal"), 0).await?;
        self.comes_to(&order, "reversed").await?;
        Ok(format!("{order}, reversed"))
    }

    async fn events(&mut self, from: usize, printer: &mut Printer) -> Passed {
        self.client.play("telling", json!({ "dead": true })).await?;
        let mut orders = Vec::new();
        for _ in 0..UNTOLD {
            orders.push(self.buy().await?);
        }
        for order in &orders {
            self.comes_to(order, "delivering").await?;
        }
        let words = "read by number what the SP was not told";
        self.give(json!({ "task": "read_events" }), words, printer).await?;
        let read = self.until(|seen| judge::read(seen, &orders).transpose(), from).await?;
        self.calm().await?;
        let read = read.ok_or_else(|| not_shown("it did not read what it was not told"))?.map_err(failed)?;
        for order in &orders {
            self.comes_to(order, "delivered").await?;
        }
        Ok(format!("{read}; {UNTOLD} orders accepted afterwards"))
    }
}
