//! Callers as they should not be: slow, silent, too many, cut off, or saying more than they announced.
//! Each is cut or answered within its deadline, to the millisecond, and nothing is done twice for it.

use std::collections::BTreeMap;
use std::time::Duration;

use mpss_domain::ids::IssuedId as _;
use mpss_domain::{LogTime, OrderId, PaymentId, ProvinceId, ReversalId};
use mpss_routing::wire::{DEADLINE_HEADER, NOT_DONE_HEADER};
use mpss_runtime::Random as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::callers::{Book, Caller, Ended, Patience, Person, note_order, purchase};
use super::clock::{ms, now, wall_ms};
use super::fate::{self, Fate};
use super::http::Reply;
use super::machine::{
    BODY_BYTES_MAX, CONNECTIONS_MAX, HEADER_DEADLINE, IDLE_MAX, IN_FLIGHT_MAX, Machine, PEER_PORT, PUBLIC_PORT,
};
use super::raw::{Raw, change};
use crate::people::Goods;

/// One way to or from the rude caller's host, always the same.
pub const LATENCY: Duration = Duration::from_millis(5);
/// How far a moment may be from the one expected: ways there and back, and the steps of time.
const SLACK: Duration = Duration::from_millis(30);
/// How long a request that is well formed may take, whatever is wrong.
const ANSWER_MAX: Duration = Duration::from_secs(9);
/// How long a crowd stays.
const CROWD_STAYS: Duration = Duration::from_secs(3);
/// Requests of a flood.
const FLOOD: usize = 3 * IN_FLIGHT_MAX;
/// How long the disk stands still under a deadline.
const STALL: Duration = Duration::from_millis(1_200);
/// How long it does under a flood: less than a proposal waits, or more.
const FLOOD_STALLS_MS: [u64; 2] = [1_200, 4_000];

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: n\r\n\r\n";

/// The rude caller's world.
#[derive(Debug, Clone)]
pub struct Rude {
    /// How it asks when it must be told.
    pub caller: Caller,
    /// Whom it is rude to.
    pub machines: Vec<Machine>,
    /// Who it is in each province, and what it buys there.
    pub selves: BTreeMap<ProvinceId, (Person, Goods)>,
    /// What everybody knows.
    pub book: Book,
}

/// How a request of a flood came.
#[derive(Debug, Clone, Copy)]
struct Came {
    sent: bool,
    served: bool,
    in_time: bool,
    at_once: bool,
}

/// Whether the outcome of a request is asked for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Later {
    Asked,
    NeverAsked,
}

/// One way of being rude, and how often it is drawn.
type Way = (&'static str, u64);

/// What others need not notice.
const WAYS: &[Way] = &[
    ("slow headers", 4),
    ("silent connections", 2),
    ("idle connections", 3),
    ("halves behind whole requests", 2),
    ("slow bodies", 3),
    ("bodies cut off", 3),
    ("bodies longer than announced", 3),
    ("pipelined requests", 4),
    ("huge headers", 2),
    ("huge bodies", 3),
    ("callers gone before the answer", 5),
];

/// What makes others wait, and so is done in storms alone.
const ROUGH_WAYS: &[Way] = &[("crowds", 6), ("floods", 4), ("deadlines between provinces", 6)];

impl Rude {
    /// Is rude until the time is over.
    pub async fn live(self, number: u64) {
        let mut turn = 0_u64;
        loop {
            tokio::time::sleep(Duration::from_millis(self.caller.random.between(50, 800))).await;
            if self.caller.scene.until().is_some_and(|until| now() >= until) {
                return;
            }
            turn += 1;
            let machine = self.caller.random.pick(&self.machines).clone();
            let way = self.draw();
            let key = format!("rude-{number}-{turn}");
            if self.be(way, &machine, &key).await.is_some() {
                self.caller.scene.count(way);
            }
            self.caller.scene.tell(now(), &format!("{key}: {way} at {}", machine.name));
        }
    }

    fn draw(&self) -> &'static str {
        let rough = if self.caller.scene.stormy() { ROUGH_WAYS } else { &[] };
        let mut drawn = self.caller.random.below(WAYS.iter().chain(rough).map(|(_, often)| often).sum());
        for (way, often) in WAYS.iter().chain(rough) {
            match drawn.checked_sub(*often) {
                Some(left) => drawn = left,
                None => return way,
            }
        }
        unreachable!("less than all were drawn")
    }

    /// Nothing when the other side went away meanwhile, so that nothing was shown.
    async fn be(&self, way: &'static str, machine: &Machine, key: &str) -> Option<()> {
        match way {
            "slow headers" => self.slow_headers(machine, key).await,
            "silent connections" => self.silent(machine, key).await,
            "idle connections" => self.idle(machine, key).await,
            "halves behind whole requests" => self.half(machine, key).await,
            "slow bodies" => self.slow_body(machine, key).await,
            "bodies cut off" => self.body_cut_off(machine, key).await,
            "bodies longer than announced" => self.longer_body(machine, key).await,
            "pipelined requests" => self.pipelined(machine, key).await,
            "huge headers" => self.huge_headers(machine, key).await,
            "huge bodies" => self.huge_body(machine, key).await,
            "callers gone before the answer" => self.gone(machine, key).await,
            "crowds" => self.crowd(machine, key).await,
            "floods" => self.flood(machine, key).await,
            _ => self.deadline(machine, key).await,
        }
    }

    /// Headers that do not end: seen by two looks, a deadline apart.
    async fn slow_headers(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let (periods, wait) = self.some_periods();
        tokio::time::sleep(wait).await;
        raw.write(b"GET /healthz HTTP/1.1\r\nhost: n\r\nx-slow: ").await;
        let drip = self.caller.random.happens(500_000).then_some((&b"a"[..], HEADER_DEADLINE / 5));
        let closed = raw.closed(IDLE_MAX * 3, drip).await;
        self.cut_at(&raw, key, closed, HEADER_DEADLINE * (periods + 2))
    }

    /// A connection on which nothing ever comes.
    async fn silent(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let closed = raw.closed(IDLE_MAX * 3, None).await;
        self.cut_at(&raw, key, closed, IDLE_MAX)
    }

    /// A connection that is kept for later, and later does not come.
    async fn idle(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let (periods, wait) = self.some_periods();
        tokio::time::sleep(wait).await;
        raw.write(HEALTH).await;
        let reply = raw.reply(SLACK).await;
        let closed = raw.closed(IDLE_MAX * 3, None).await;
        self.expect(&raw, "answered meanwhile", key, reply.is_some_and(|reply| reply.status == 200), "no answer")?;
        self.cut_at(&raw, key, closed, HEADER_DEADLINE * (periods + 1) + IDLE_MAX)
    }

    /// Half a request right behind a whole one. Nobody can tell from outside how much of what came
    /// belongs to which, so that it is cut as an idle connection at the latest.
    async fn half(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        raw.write(&[HEALTH, b"GET /healthz HT"].concat()).await;
        let reply = raw.reply(SLACK).await;
        let closed = raw.closed(IDLE_MAX * 3, None).await;
        self.expect(&raw, "answered meanwhile", key, reply.is_some_and(|reply| reply.status == 200), "no answer")?;
        let right = closed.is_some_and(|closed| closed <= HEADER_DEADLINE + IDLE_MAX + SLACK);
        self.expect(&raw, "slow callers are cut", key, right, &format!("cut after {:?} ms", closed.map(ms)))
    }

    /// A body that does not end: answered 408 when its time is over, and nothing was done.
    async fn slow_body(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let (head, body) = self.purchase(machine, key);
        let begun = now();
        raw.write(&head).await;
        let mut sent = body.len() / 3;
        raw.write(&body[..sent]).await;
        let reply = loop {
            if let Some(reply) = raw.reply(HEADER_DEADLINE / 4).await {
                break Some(reply);
            }
            // The last byte never comes.
            if sent + 1 == body.len() || !raw.is_served() {
                break None;
            }
            raw.write(&body[sent..=sent]).await;
            sent += 1;
        };
        let took = now().saturating_sub(begun);
        let status = reply.as_ref().map(|reply| reply.status);
        let busy = status == Some(503) && self.caller.scene.calm(now()).is_none();
        let right = status == Some(408) && took >= HEADER_DEADLINE && took <= HEADER_DEADLINE + SLACK;
        let what = format!("a body that does not end was answered {status:?} after {} ms", ms(took));
        self.expect(&raw, "slow callers are cut", key, right || busy, &what)?;
        drop(raw);
        self.settle(machine, key).await;
        Some(())
    }

    /// A body that breaks off: nothing was done, and the whole request does it once.
    async fn body_cut_off(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let (head, body) = self.purchase(machine, key);
        raw.write(&head).await;
        raw.write(&body[..body.len() / 2]).await;
        drop(raw);
        self.settle(machine, key).await;
        Some(())
    }

    /// More than was announced is the beginning of another request, and that is none.
    async fn longer_body(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let (head, mut body) = self.purchase(machine, key);
        body.extend_from_slice(b"}}}} more than announced\r\n\r\n");
        raw.write(&[head, body].concat()).await;
        let first = raw.reply(ANSWER_MAX).await;
        let closed = raw.closed(SLACK, None).await;
        let shown = self.expect(&raw, "one fate", key, first.is_some(), "the request before the rest was not answered");
        let what = "what is no request left the connection open";
        self.expect(&raw, "slow callers are cut", key, closed.is_some(), what);
        let noted = [self.note(key, machine, first, Later::Asked)];
        self.settle_as(machine, key, &noted).await;
        shown
    }

    /// Many requests in one write: answered in order, the same one twice with one effect.
    async fn pipelined(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let (head, body) = self.purchase(machine, key);
        let order = [head, body].concat();
        raw.write(&[HEALTH, &order, HEALTH, &order, HEALTH].concat()).await;
        let mut replies = Vec::new();
        while replies.len() < 5 {
            match raw.reply(ANSWER_MAX * 2).await {
                Some(reply) => replies.push(reply),
                None => break,
            }
        }
        let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        let right = statuses.len() == 5 && [0, 2, 4].iter().all(|at| statuses[*at] == 200);
        let what = format!("five requests were answered {statuses:?}");
        let shown = self.expect(&raw, "one fate", key, right, &what);
        drop(raw);
        let noted = [1, 3].map(|at| self.note(key, machine, replies.get(at).cloned(), Later::Asked));
        self.settle_as(machine, key, &noted).await;
        shown
    }

    /// Headers larger than any are: refused, and the connection is closed.
    async fn huge_headers(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let huge = "a".repeat(20_000);
        raw.write(format!("GET /healthz HTTP/1.1\r\nhost: n\r\nx-huge: {huge}\r\n\r\n").as_bytes()).await;
        let reply = raw.reply(SLACK).await;
        let closed = raw.closed(SLACK, None).await;
        // The answer may be lost with the rest of what was sent, as a socket does that closes unread.
        let right = closed.is_some() && reply.as_ref().is_none_or(|reply| reply.status == 431);
        let what = format!("answered {:?}, closed: {}", reply.map(|reply| reply.status), closed.is_some());
        self.expect(&raw, "slow callers are cut", key, right, &what)
    }

    /// Bodies larger than any are: refused by their announcement, or when they were read.
    async fn huge_body(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let bytes = *self.caller.random.pick(&[BODY_BYTES_MAX + 1, 4 * BODY_BYTES_MAX, 64 << 20]);
        let head = format!(
            "POST /v1/orders HTTP/1.1\r\nhost: n\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\ncontent-length: {bytes}\r\n\r\n"
        );
        raw.write(head.as_bytes()).await;
        if bytes < 1 << 20 {
            for part in vec![b'a'; bytes].chunks(16_384) {
                raw.write(part).await;
            }
        }
        let reply = raw.reply(SLACK * 2).await;
        let status = reply.map(|reply| reply.status);
        let busy = status == Some(503) && self.caller.scene.calm(now()).is_none();
        let what = format!("a body of {bytes} bytes was answered {status:?}");
        self.expect(&raw, "slow callers are cut", key, status == Some(413) || busy, &what)
    }

    /// A caller who does not wait for the answer, and comes back later or never.
    async fn gone(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        let (head, body) = self.purchase(machine, key);
        raw.write(&[head, body].concat()).await;
        tokio::time::sleep(Duration::from_millis(self.caller.random.between(0, 25))).await;
        drop(raw);
        if self.caller.random.happens(300_000) {
            note_order(Ended::Gone { unknown: true }, &self.selves[&machine.province].0, &self.book);
        } else {
            self.settle(machine, key).await;
        }
        Some(())
    }

    /// More connections than there are places: the rest waits outside, and when the crowd has gone
    /// there is room at once.
    async fn crowd(&self, machine: &Machine, key: &str) -> Option<()> {
        let until = now() + CROWD_STAYS;
        self.caller.scene.trouble(until);
        let mut crowd = JoinSet::new();
        for _ in 0..CONNECTIONS_MAX + 8 {
            let machine = machine.clone();
            crowd.spawn(async move {
                let stay = tokio::time::timeout(CROWD_STAYS, Raw::connect(&machine, PUBLIC_PORT));
                let raw = stay.await.ok().flatten();
                tokio::time::sleep(until.saturating_sub(now())).await;
                raw.is_some()
            });
        }
        let before = machine.changes();
        tokio::time::sleep(CROWD_STAYS / 2).await;
        let taken = machine.held().map(|held| held.callers);
        let mut inside = 0;
        while let Some(joined) = crowd.join_next().await {
            inside += usize::from(joined.is_ok_and(|inside| inside));
        }
        let mut raw = Raw::connect(machine, PUBLIC_PORT).await?;
        raw.write(HEALTH).await;
        let reply = raw.reply(SLACK).await;
        // A process that was only starting then says nothing.
        let taken = taken.filter(|_| machine.changes() == before)?;
        let what = format!("{inside} of the crowd's connections were taken at once, {taken} with those of others");
        let right = inside <= CONNECTIONS_MAX && taken == CONNECTIONS_MAX;
        self.expect(&raw, "connections are bounded", key, right, &what)?;
        let what = "no answer after the crowd had gone";
        self.expect(&raw, "connections are bounded", key, reply.is_some_and(|reply| reply.status == 200), what)
    }

    /// More requests at once than are worked on: the rest is refused at once, and nothing was done.
    async fn flood(&self, machine: &Machine, key: &str) -> Option<()> {
        let stalled_until = now() + Duration::from_millis(*self.caller.random.pick(&FLOOD_STALLS_MS));
        self.caller.scene.trouble(stalled_until);
        machine.stall(stalled_until);
        let mut flood = JoinSet::new();
        for number in 0..FLOOD {
            let (machine, key) = (machine.clone(), format!("{key}-{number}"));
            let (head, body) = self.purchase(&machine, &key);
            flood.spawn(async move {
                let mut raw = Raw::connect(&machine, PUBLIC_PORT).await;
                let begun = now();
                let mut reply = None;
                if let Some(raw) = &mut raw {
                    raw.write(&[head, body].concat()).await;
                    reply = raw.reply(ANSWER_MAX).await;
                }
                let served = raw.as_ref().is_some_and(Raw::is_served);
                // Whoever had to wait for a connection comes when the flood is over.
                let in_time = raw.is_some() && begun + SLACK * 2 < stalled_until;
                let at_once = now().saturating_sub(begun) <= SLACK;
                (number, key, Came { sent: raw.is_some(), served, in_time, at_once }, reply)
            });
        }
        let mut ended = Vec::new();
        while let Some(Ok(one)) = flood.join_next().await {
            ended.push(one);
        }
        // Whoever ends first is not who began first.
        ended.sort_by_key(|one| one.0);
        let served = ended.iter().all(|(_, _, came, _)| came.served);
        let offered = ended.iter().filter(|(_, _, came, _)| came.in_time).count();
        let status = |reply: &Option<Reply>| reply.as_ref().map(|reply| reply.status);
        let refused = |reply| matches!(status(reply), Some(429 | 503));
        let refused = ended.iter().filter(|(_, _, came, reply)| came.in_time && came.at_once && refused(reply)).count();
        for (number, key, _, reply) in ended.into_iter().filter(|(_, _, came, _)| came.sent) {
            if number % 4 == 0 {
                let noted = [self.note(&key, machine, reply, Later::Asked)];
                self.settle_as(machine, &key, &noted).await;
            } else {
                self.note(&key, machine, reply, Later::NeverAsked);
            }
        }
        if !served {
            return None;
        }
        self.caller.scene.count_many("requests refused at once in a flood", refused as u64);
        if refused + IN_FLIGHT_MAX < offered {
            let what = format!("{key}: {refused} of {offered} requests were refused at once");
            self.caller.scene.violated("requests are bounded", what);
        }
        Some(())
    }

    /// A province that gives another one little time: told *unknown* when it is over, and the same
    /// message again does it once.
    async fn deadline(&self, machine: &Machine, key: &str) -> Option<()> {
        let mut raw = Raw::connect(machine, PEER_PORT).await?;
        let others = self.machines.iter().map(|machine| machine.province);
        let serving = others.into_iter().find(|province| *province != machine.province)?;
        let serial = u16::try_from(self.caller.random.below(1 << 12)).unwrap_or(0);
        let at = LogTime(wall_ms());
        let payment = PaymentId::issue(at, serving, serial);
        let message = json!({
            "reversal_id": ReversalId::issue(at, serving, serial).to_string(),
            "order_id": OrderId::issue(at, serving, serial).to_string(), "serving": serving.to_string(),
        });
        let path = format!("/peer/v1/payments/{payment}/reversal");
        let given = Duration::from_millis(self.caller.random.between(50, 600));
        self.caller.scene.trouble(now() + STALL);
        machine.stall(now() + STALL);
        let begun = now();
        let (head, body) = change(&path, key, &format!("{DEADLINE_HEADER}: {}\r\n", given.as_millis()), &message);
        raw.write(&[head, body].concat()).await;
        let reply = raw.reply(ANSWER_MAX).await;
        let took = now().saturating_sub(begun);
        let told = reply.as_ref().map(|reply| (reply.status, reply.json()["code"].as_str().map(str::to_owned)));
        let right = told == Some((504, Some("outcome_unknown".to_owned())))
            && reply.is_some_and(|reply| reply.header(NOT_DONE_HEADER).is_none())
            && took >= given
            && took <= given + SLACK;
        // Only who was not let in at all may be told that nothing was done.
        let busy = told.as_ref().is_some_and(|(status, _)| *status == 503) && took <= SLACK;
        let what = format!("given {} ms, answered {told:?} after {} ms", given.as_millis(), ms(took));
        self.expect(&raw, "deadlines between provinces", key, right || busy, &what)?;
        for _ in 0..2 {
            let (head, body) = change(&path, key, "", &message);
            raw.write(&[head, body].concat()).await;
            let reply = raw.reply(ANSWER_MAX).await;
            let kind = reply.as_ref().map(|reply| (reply.status, reply.json()["result"]["kind"].clone()));
            let open = matches!(kind, None | Some((429 | 503 | 504, _)));
            let right = kind == Some((200, Value::from("done")));
            self.expect(&raw, "deadlines between provinces", key, right || open, &format!("asked again: {kind:?}"))?;
        }
        Some(())
    }

    fn purchase(&self, machine: &Machine, key: &str) -> (Vec<u8>, Vec<u8>) {
        let (person, goods) = &self.selves[&machine.province];
        change("/v1/orders", key, "", &purchase(person, goods))
    }

    /// Writes down what a raw answer to a purchase came to; returns the order it names.
    fn note(&self, key: &str, machine: &Machine, reply: Option<Reply>, later: Later) -> Option<String> {
        let ended = match fate::of(reply.ok_or(mpss_routing::http::NoReply::Unknown)) {
            Ok(Fate::Answer(reply)) => Ended::Answered(reply),
            Ok(Fate::Refused(_)) => Ended::Gone { unknown: false },
            Ok(Fate::Unknown) => Ended::Gone { unknown: later == Later::NeverAsked },
            Err(what) => {
                self.caller.scene.violated("one fate", format!("{key}: {what}"));
                return None;
            }
        };
        note_order(ended, &self.selves[&machine.province].0, &self.book)
    }

    /// Asks for the same purchase until it is answered: whatever happened before, it is done once.
    async fn settle(&self, machine: &Machine, key: &str) {
        self.settle_as(machine, key, &[]).await;
    }

    /// The same, where answers have named an order before.
    async fn settle_as(&self, machine: &Machine, key: &str, before: &[Option<String>]) {
        let (person, goods) = &self.selves[&machine.province];
        let body = purchase(person, goods);
        let ended = self.caller.ask(machine.province, "/v1/orders", key, &body, Patience::Endless).await;
        let order = note_order(ended, person, &self.book);
        if before.iter().flatten().any(|before| Some(before) != order.as_ref()) {
            self.caller.scene.violated("one effect", format!("{key}: {before:?}, then {order:?}"));
        }
    }

    /// A few whole periods of looking, and a wait that ends well inside the one after them.
    fn some_periods(&self) -> (u32, Duration) {
        let periods = u32::try_from(self.caller.random.below(3)).unwrap_or(0);
        let into = self.caller.random.between(100, ms(HEADER_DEADLINE) - 100);
        (periods, HEADER_DEADLINE * periods + Duration::from_millis(into))
    }

    fn cut_at(&self, raw: &Raw, key: &str, closed: Option<Duration>, expected: Duration) -> Option<()> {
        let right = closed.is_some_and(|closed| closed + SLACK >= expected && closed <= expected + SLACK);
        let what = format!("cut after {:?} ms, not {} ms", closed.map(ms), ms(expected));
        self.expect(raw, "slow callers are cut", key, right, &what)
    }

    /// Nothing is expected of a process that has gone meanwhile.
    fn expect(&self, raw: &Raw, property: &str, key: &str, right: bool, what: &str) -> Option<()> {
        if !raw.is_served() {
            return None;
        }
        if !right {
            self.caller.scene.violated(property, format!("{key}: {what}"));
        }
        Some(())
    }
}
