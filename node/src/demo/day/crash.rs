//! The leader of a province is killed in the middle of a stream of purchases. Buyers send the same
//! request again until they are answered; afterwards every acknowledged purchase is there, none twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use super::{Shelf, province};
use crate::command_line::Failure;
use crate::demo::caller::{Answer, Caller};
use crate::demo::cast::Person;
use crate::demo::nation::{LOOK_MAX, LOOK_PAUSE};
use crate::demo::stage::{Bought, Purchase, Stage};

/// Purchases of each buyer.
const ROUNDS: usize = 15;
/// Purchases acknowledged before the leader is killed.
const BEFORE_THE_KILL: usize = 40;
/// People do not buy faster than this.
const PACE: Duration = Duration::from_millis(60);
/// How long the killed replica may take to catch up.
const CATCH_UP_MAX: Duration = Duration::from_secs(30);
/// Orders looked up at once.
const LOOKS_AT_ONCE: usize = 8;

pub(super) async fn leader_killed(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("主节点崩溃", "The leader of Guangdong is killed in the middle of purchases");
    let guangdong = province(44);
    let crowd = stage.cast.crowd.clone();
    let leader = stage.nation.leader(&stage.caller, guangdong).await?;
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let (reached, mut reach) = watch::channel(false);
    let stream: Vec<_> = crowd
        .iter()
        .map(|person| {
            let buyer = Buyer {
                caller: stage.caller.clone(),
                person: person.clone(),
                doors: stage.doors(guangdong),
                body: Purchase::of(&shelf.lottery, 1).body(person.msisdn),
                acknowledged: acknowledged.clone(),
                reached: reached.clone(),
            };
            tokio::spawn(buyer.buys())
        })
        .collect();
    // An error means every buyer has given up; their answers say why.
    let _ = reach.wait_for(|reached| *reached).await;
    stage.nation.kill(&leader);
    let killed = Instant::now();
    let so_far = acknowledged.load(Ordering::Relaxed);
    stage.good(
        "广东",
        &format!("leader {} killed after {so_far} acknowledged purchases", leader.name()),
        None,
        Duration::ZERO,
    );
    let successor = stage.nation.leader(&stage.caller, guangdong).await?;
    let elected = killed.elapsed();
    stage.good("广东", &format!("{} leads now", successor.name()), None, elected);

    let mut answers = Vec::new();
    for buyer in stream {
        match buyer.await {
            Ok(Ok(bought)) => answers.extend(bought),
            Ok(Err(failure)) => stage.bad("广东", failure.what),
            Err(panic) => stage.bad("广东", format!("a buyer ended: {panic}")),
        }
    }
    told_of_the_stream(stage, &answers);
    let restarted = Instant::now();
    stage.nation.restart(&stage.caller, &leader).await?;
    caught_up(stage, &leader.url(), &successor.url()).await?;
    stage.good("广东", &format!("{} started again and caught up", leader.name()), None, restarted.elapsed());
    all_there_none_twice(stage, shelf, &answers).await
}

/// Someone of the crowd.
struct Buyer {
    caller: Caller,
    person: Person,
    doors: Vec<String>,
    body: serde_json::Value,
    acknowledged: Arc<AtomicUsize>,
    reached: watch::Sender<bool>,
}

impl Buyer {
    /// Buys again and again; each purchase has its own request id, kept over all tries.
    async fn buys(mut self) -> Result<Vec<(Person, Answer)>, Failure> {
        let mut bought = Vec::new();
        for round in 0..ROUNDS {
            // Any node will do; each time another is asked first.
            let doors = self.doors.len();
            self.doors.rotate_left(round % doors);
            let answer = self.caller.post(&self.doors, "/v1/orders", &self.body).await?;
            bought.push((self.person.clone(), answer));
            if self.acknowledged.fetch_add(1, Ordering::Relaxed) + 1 >= BEFORE_THE_KILL {
                self.reached.send_replace(true);
            }
            tokio::time::sleep(PACE).await;
        }
        Ok(bought)
    }
}

fn told_of_the_stream(stage: &mut Stage<'_>, answers: &[(Person, Answer)]) {
    let buyers: BTreeSet<_> = answers.iter().map(|(person, _)| person.msisdn).collect();
    let refused: Vec<_> = answers.iter().filter(|(_, answer)| !answer.is_done()).collect();
    for (person, answer) in &refused {
        stage.bad(&Stage::who(person), format!("buys 体彩大乐透: {}", answer.told()));
    }
    let longest = answers.iter().map(|(_, answer)| answer.took).max().unwrap_or_default();
    let retried = answers.iter().filter(|(_, answer)| answer.tries > 1).count();
    let what = format!(
        "{} purchases of {} buyers acknowledged, {retried} sent again; longest wait",
        answers.len() - refused.len(),
        buyers.len()
    );
    if refused.is_empty() {
        stage.good("广东", &what, None, longest);
    }
}

/// Waits until the restarted replica has applied what its leader has.
async fn caught_up(stage: &mut Stage<'_>, restarted: &str, leader: &str) -> Result<(), Failure> {
    let give_up = Instant::now() + CATCH_UP_MAX;
    loop {
        let position = async |url: &str| stage.caller.look(url, "/v1/trial-balance", LOOK_MAX).await;
        let (target, own) = (position(leader).await, position(restarted).await);
        let index = |answer: &Answer| answer.body["log_index"].as_u64();
        if let (Ok(target), Ok(own)) = (&target, &own)
            && index(own) >= index(target)
            && index(own).is_some()
        {
            return Ok(());
        }
        if Instant::now() > give_up {
            let what = format!("the restarted replica did not catch up: {own:?}");
            return Err(Failure::check(what));
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

async fn all_there_none_twice(
    stage: &mut Stage<'_>,
    shelf: &Shelf,
    answers: &[(Person, Answer)],
) -> Result<(), Failure> {
    let begun = Instant::now();
    let place = shelf.lottery.place;
    let mut ids = BTreeSet::new();
    for (person, answer) in answers.iter().filter(|(_, answer)| answer.is_done()) {
        let id = answer.text("order_id").to_owned();
        stage.moved(person.msisdn, -shelf.lottery.price, 1);
        if !ids.insert(id.clone()) {
            stage.bad(&Stage::who(person), format!("order {id} was answered to two requests"));
        }
    }
    let orders: Vec<_> = ids.into_iter().map(|id| Bought { id, place }).collect();
    let (simulator, sp) = (stage.nation.map().sp_url(), stage.of_day("lotto"));
    let mut missing = Vec::new();
    let (watching, simulator, sp) = (&*stage, &simulator, &sp);
    for some in orders.chunks(LOOKS_AT_ONCE) {
        let mut looks: FuturesUnordered<_> = some
            .iter()
            .map(|order| async move {
                let settled = watching.settled(order).await?;
                let path = format!("/simulator/sps/{sp}/orders/{}", order.id);
                let seen = watching.caller.get(std::slice::from_ref(simulator), &path).await?;
                Ok::<_, Failure>((order, settled, seen))
            })
            .collect();
        while let Some(looked) = looks.next().await {
            let (order, settled, seen) = looked?;
            if settled.text("status") != "delivered" {
                missing.push(format!("order {} was acknowledged and is {}", order.id, settled.told()));
            } else if seen.body["delivered"] != 1 {
                missing.push(format!("order {} must be delivered once: {}", order.id, seen.told()));
            }
        }
    }
    let count = orders.len();
    stage.orders.extend(orders);
    for what in &missing {
        stage.bad("广东", what.clone());
    }
    if missing.is_empty() {
        let what = format!("all {count} acknowledged purchases are there, each delivered once");
        stage.good("广东", &what, None, begun.elapsed());
    }
    Ok(())
}
