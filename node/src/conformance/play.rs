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

/// What a case comes to; the outer error is of the sandbox, not of the SP.
type Judged = Result<Verdict, Failure>;

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
    pub(super) async fn play(&mut self, case: &Case, printer: &mut Printer) -> Judged {
        let from = self.look().await?;
        let judged = match case.play {
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
            Play::Signed => Ok(judge::signed(&self.seen)),
            Play::Nonces => Ok(judge::nonces(&self.seen)),
            Play::RequestIds => Ok(judge::request_ids(&self.seen)),
        };
        self.calm().await?;
        judged
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

    /// Looks at an order until it is so; what it is when that takes too long.
    async fn comes_to(&self, order: &str, status: &str) -> Result<Result<(), String>, Failure> {
        let end = Instant::now() + self.patience;
        loop {
            let now = self.client.get(&format!("/v1/orders/{order}")).await?.text("status").to_owned();
            if now == status {
                return Ok(Ok(()));
            }
            if Instant::now() > end {
                return Ok(Err(format!("{order} is {now} and not {status}")));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// What it was told of an order, and how often it has accepted that.
    async fn told(&mut self, kind: &str, order: &str) -> Result<(usize, usize, Option<String>), Failure> {
        self.look().await?;
        let told: Vec<_> = self.seen.iter().filter(|exchange| exchange.tells(kind, order)).collect();
        let accepted = told.iter().filter(|exchange| exchange.accepts(order)).count();
        let other = told.iter().find(|exchange| !exchange.accepts(order));
        let other = other.map(|exchange| format!("it answered {} {}", exchange.status, exchange.answer));
        Ok((told.len(), accepted, other))
    }

    /// An order that the SP has accepted.
    async fn order(&mut self) -> Result<Result<String, String>, Failure> {
        let order = self.buy().await?;
        if let Err(why) = self.comes_to(&order, "delivered").await? {
            let (_, _, answered) = self.told("deliver", &order).await?;
            return Ok(Err(answered.unwrap_or(why)));
        }
        self.accepted = Some(order.clone());
        Ok(Ok(order))
    }

    /// An order that the SP has accepted, if need be a new one.
    async fn accepted_order(&mut self) -> Result<Result<String, String>, Failure> {
        match self.accepted.clone() {
            Some(order) => Ok(Ok(order)),
            None => self.order().await,
        }
    }

    async fn accepted(&mut self) -> Judged {
        let begun = Instant::now();
        let order = match self.order().await? {
            Ok(order) => order,
            Err(why) => return Ok(Verdict::Failed(why)),
        };
        Ok(Verdict::Passed(format!("{order}, delivered after {} ms", begun.elapsed().as_millis())))
    }

    async fn again(&mut self, manner: &str) -> Judged {
        let order = match self.accepted_order().await? {
            Ok(order) => order,
            Err(why) => return Ok(Verdict::Failed(why)),
        };
        self.told_again(&[order], manner).await
    }

    async fn told_again(&mut self, orders: &[String], manner: &str) -> Judged {
        let (status, answer) = self.client.tell(orders, manner).await?;
        self.look().await?;
        let last = self.seen.iter().rev().find(|exchange| exchange.tells("deliver", &orders[0]));
        Ok(if last.is_some_and(|last| orders.iter().all(|order| last.accepts(order))) {
            Verdict::Passed(format!("{status}, {} accepted", orders.len()))
        } else {
            Verdict::Failed(format!("it answered {status} {answer}"))
        })
    }

    async fn answer_lost(&mut self) -> Judged {
        self.client.play("telling", json!({ "next": ["answer_lost"] })).await?;
        let order = match self.order().await? {
            Ok(order) => order,
            Err(why) => return Ok(Verdict::Failed(why)),
        };
        let (told, accepted, other) = self.told("deliver", &order).await?;
        Ok(match other {
            None if told > 1 => Verdict::Passed(format!("{order}, told {told} times, accepted {accepted} times")),
            None => Verdict::NotShown(format!("{order} was told once only")),
            Some(other) => Verdict::Failed(other),
        })
    }

    async fn several(&mut self) -> Judged {
        let mut orders = Vec::new();
        for _ in 0..2 {
            match self.order().await? {
                Ok(order) => orders.push(order),
                Err(why) => return Ok(Verdict::Failed(why)),
            }
        }
        self.told_again(&orders, "again").await
    }

    async fn cancel(&mut self) -> Judged {
        let order = match self.order().await? {
            Ok(order) => order,
            Err(why) => return Ok(Verdict::Failed(why)),
        };
        // It is the platform's to reverse; whoever has it accepted once is not asked for it again.
        self.accepted = None;
        let body = json!({ "reason": "conformance", "asked_by": "customer_service" });
        let answer = self.client.post(&format!("/v1/orders/{order}/reversal"), &body).await?;
        if !answer.is_done() {
            return Err(Failure::start(format!("a reversal in the sandbox: {}", answer.told())));
        }
        let accepts = |exchange: &Exchange| exchange.tells("cancel", &order) && exchange.accepts(&order);
        if self.until(|seen| seen.iter().any(accepts).then_some(()), 0).await?.is_some() {
            return Ok(Verdict::Passed(format!("{order}, reversed")));
        }
        let (told, _, other) = self.told("cancel", &order).await?;
        Ok(Verdict::Failed(other.unwrap_or_else(|| format!("{order} was told {told} times"))))
    }

    async fn forged(&mut self, manner: &str) -> Judged {
        let order = match self.accepted_order().await? {
            Ok(order) => order,
            Err(why) => return Ok(Verdict::NotShown(why)),
        };
        let (status, answer) = self.client.tell(&[order], manner).await?;
        Ok(match status {
            400..500 => Verdict::Passed(format!("refused with {status}")),
            0 => Verdict::NotShown(format!("no answer: {answer}")),
            _ => Verdict::Failed(format!("it answered {status} {answer}")),
        })
    }

    /// Gives the SP something to do, or has a person do it; what stands in the way when it can not be given.
    async fn give(&self, task: Value, words: &str, printer: &mut Printer) -> Result<(), String> {
        let Some(driver) = &self.driver else {
            printer.line(format!("  → within {} s: {words}", self.patience.as_secs()));
            return Ok(());
        };
        self.client.give(driver, &task).await.map_err(|why| format!("--driver {driver}: {why}"))
    }

    /// Waits for a request to one door that was done, with its repetitions; it must have met with so many troubles.
    async fn asks(&mut self, from: usize, path: &str, troubles: usize) -> Result<Result<Exchange, Verdict>, Failure> {
        let find = |seen: &[Exchange]| {
            let asked = judge::asked(seen, path);
            match judge::repeated(&asked) {
                Ok(done) => done.map(|done| Ok((done.clone(), asked.len()))),
                Err(why) => Some(Err(why)),
            }
        };
        Ok(match self.until(find, from).await? {
            Some(Ok((done, count))) if count > troubles => Ok(done),
            Some(Ok((_, count))) => Err(Verdict::NotShown(format!("{path} was asked {count} times"))),
            Some(Err(why)) => Err(Verdict::Failed(why)),
            None => Err(match judge::asked(&self.seen[from..], path).len() {
                0 => Verdict::NotShown(format!("{path} was not asked")),
                count => Verdict::Failed(format!("{path} was asked {count} times and given up")),
            }),
        })
    }

    async fn charge(&mut self, from: usize, troubles: &[&str], printer: &mut Printer) -> Judged {
        self.client.play("asking", json!({ "next": troubles })).await?;
        self.bought += 1;
        let (buyer, product) = (&self.buyers[self.bought % self.buyers.len()], &self.product);
        let task = json!({ "task": "charge", "msisdn": buyer, "product_id": product, "quantity": 1 });
        if let Err(why) = self.give(task, &format!("charge {buyer} for one of {product}"), printer).await {
            return Ok(Verdict::NotShown(why));
        }
        let done = match self.asks(from, "/v1/sp/charges", troubles.len()).await? {
            Ok(done) => done,
            Err(verdict) => return Ok(verdict),
        };
        let order = done.answer["order_id"].as_str().unwrap_or_default().to_owned();
        Ok(match self.comes_to(&order, "delivered").await? {
            Ok(()) => Verdict::Passed(format!("{order}, delivered; {} requests", troubles.len() + 1)),
            Err(why) => Verdict::Failed(why),
        })
    }

    async fn refund(&mut self, printer: &mut Printer) -> Judged {
        let order = match self.order().await? {
            Ok(order) => order,
            Err(why) => return Ok(Verdict::Failed(why)),
        };
        self.accepted = None;
        let from = self.look().await?;
        self.client.play("asking", json!({ "next": ["answer_lost"] })).await?;
        let task = json!({ "task": "refund", "order_id": order, "amount": PART });
        if let Err(why) = self.give(task, &format!("refund {PART} of {order}"), printer).await {
            return Ok(Verdict::NotShown(why));
        }
        if let Err(verdict) = self.asks(from, &format!("/v1/sp/orders/{order}/refunds"), 1).await? {
            return Ok(verdict);
        }
        let refunded = self.client.get(&format!("/v1/orders/{order}")).await?.text("refunded").to_owned();
        Ok(if refunded == PART {
            Verdict::Passed(format!("{order}, {refunded} refunded"))
        } else {
            Verdict::Failed(format!("{refunded} of {order} was refunded, and not {PART}"))
        })
    }

    async fn reversal(&mut self, printer: &mut Printer) -> Judged {
        let order = match self.order().await? {
            Ok(order) => order,
            Err(why) => return Ok(Verdict::Failed(why)),
        };
        self.accepted = None;
        let from = self.look().await?;
        let task = json!({ "task": "reversal", "order_id": order });
        if let Err(why) = self.give(task, &format!("reverse {order}"), printer).await {
            return Ok(Verdict::NotShown(why));
        }
        if let Err(verdict) = self.asks(from, &format!("/v1/sp/orders/{order}/reversal"), 0).await? {
            return Ok(verdict);
        }
        Ok(match self.comes_to(&order, "reversed").await? {
            Ok(()) => Verdict::Passed(format!("{order}, reversed")),
            Err(why) => Verdict::Failed(why),
        })
    }

    async fn events(&mut self, from: usize, printer: &mut Printer) -> Judged {
        self.client.play("telling", json!({ "dead": true })).await?;
        let mut orders = Vec::new();
        for _ in 0..UNTOLD {
            orders.push(self.buy().await?);
        }
        for order in &orders {
            if let Err(why) = self.comes_to(order, "delivering").await? {
                return Err(Failure::start(why));
            }
        }
        let words = "read by number what the SP was not told";
        if let Err(why) = self.give(json!({ "task": "read_events" }), words, printer).await {
            return Ok(Verdict::NotShown(why));
        }
        let read = self.until(|seen| judge::read(seen, &orders).transpose(), from).await?;
        self.calm().await?;
        let read = match read {
            Some(Ok(read)) => read,
            Some(Err(why)) => return Ok(Verdict::Failed(why)),
            None => return Ok(Verdict::NotShown("it did not read what it was not told".to_owned())),
        };
        for order in &orders {
            if let Err(why) = self.comes_to(order, "delivered").await? {
                return Ok(Verdict::Failed(why));
            }
        }
        Ok(Verdict::Passed(format!("{read}; {UNTOLD} orders accepted afterwards")))
    }
}
