//! A link on which each call meets its own fortune, and the home province behind it, which decides each
//! payment once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mpss_domain::{ProvinceId, Refusal};
use mpss_routing::peer::{PeerDoor, PeerTransport};
use mpss_routing::wire::{PaymentMessage, PeerAnswer, PeerResult, decode, encode};
use mpss_routing::{PeerCall, PeerError, PeerReply};
use mpss_runtime::{BoxFuture, Clock};

use crate::virtual_time::VirtualClock;

/// What happens to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fortune {
    /// Arrives, and so does the answer.
    Good,
    /// Arrives twice; the second answer comes back.
    Twice,
    /// Never arrives.
    RequestLost,
    /// Arrives; the answer does not.
    AnswerLost,
    /// Arrives; the answer comes after this time.
    AnswerAfter(Duration),
    /// Arrives after this time; the answer is lost.
    ArrivesAfter(Duration),
    /// No node can be reached.
    Unreachable,
    /// No address.
    NotConnected,
    /// A node answers this and does nothing.
    Says(PeerReply),
}

/// What the home province decides about a payment the first time it sees it.
pub(crate) type Rule = Box<dyn Fn(&PaymentMessage) -> PeerResult + Send>;

/// A link, and the home province behind it.
pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) fortunes: VecDeque<Fortune>,
    /// What happens when no fortune is left.
    pub(crate) then: Fortune,
    pub(crate) rule: Rule,
    pub(crate) decided: BTreeMap<String, PeerAnswer>,
    pub(crate) captures: BTreeMap<String, u32>,
    pub(crate) on_the_way: Vec<(Duration, PeerCall)>,
    pub(crate) calls: Vec<(Duration, PeerDoor, PeerCall, Duration)>,
}

#[derive(Clone)]
pub(crate) struct Link(pub(crate) Arc<Mutex<World>>);

impl World {
    /// The home province sees a call.
    fn arrives(&mut self, call: &PeerCall) -> PeerReply {
        if call.path != "/peer/v1/payments" {
            return ok(&PeerAnswer { result: PeerResult::Done, log_index: 77 });
        }
        let message: PaymentMessage = decode(&call.body).unwrap();
        let id = message.payment_id.clone();
        if let Some(first) = self.decided.get(&id) {
            return ok(first);
        }
        let answer = PeerAnswer { result: (self.rule)(&message), log_index: 1 + self.decided.len() as u64 };
        if answer.result == PeerResult::Done {
            *self.captures.entry(id.clone()).or_default() += 1;
        }
        let passing = matches!(&answer.result, PeerResult::Refused { number, .. }
            if [Refusal::NotHome.number(), Refusal::PasswordChanged.number()].contains(number));
        if !passing {
            self.decided.insert(id, answer.clone());
        }
        ok(&answer)
    }

    /// Lets everything arrive that was still on its way.
    pub(crate) fn settle(&mut self, until: Duration) {
        let (due, later) = std::mem::take(&mut self.on_the_way).into_iter().partition(|(at, _)| *at <= until);
        self.on_the_way = later;
        for (_, call) in due {
            self.arrives(&call);
        }
    }

    pub(crate) fn captured(&self) -> u32 {
        self.captures.values().sum()
    }
}

impl PeerTransport for Link {
    fn call(
        &self,
        province: ProvinceId,
        door: PeerDoor,
        call: PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<PeerReply, PeerError>> {
        let mut world = self.0.lock().unwrap();
        let now = world.clock.monotonic();
        world.settle(now);
        world.calls.push((now, door, call.clone(), deadline));
        let fortune = world.fortunes.pop_front().unwrap_or_else(|| world.then.clone());
        let reply = match fortune {
            Fortune::Good => Ok(world.arrives(&call)),
            Fortune::Twice => {
                world.arrives(&call);
                Ok(world.arrives(&call))
            }
            Fortune::RequestLost => return Box::pin(futures::future::pending()),
            Fortune::AnswerLost => {
                world.arrives(&call);
                return Box::pin(futures::future::pending());
            }
            Fortune::AnswerAfter(delay) => {
                let reply = world.arrives(&call);
                let wait = world.clock.sleep(delay);
                return Box::pin(async move {
                    wait.await;
                    Ok(reply)
                });
            }
            Fortune::ArrivesAfter(delay) => {
                world.on_the_way.push((now + delay, call));
                return Box::pin(futures::future::pending());
            }
            Fortune::Unreachable => Err(PeerError::Unreachable(province)),
            Fortune::NotConnected => Err(PeerError::NotConnected(province)),
            Fortune::Says(reply) => Ok(reply),
        };
        Box::pin(std::future::ready(reply))
    }
}

pub(crate) fn ok(answer: &PeerAnswer) -> PeerReply {
    PeerReply { status: 200, headers: vec![("content-type".into(), "application/json".into())], body: encode(answer) }
}

pub(crate) fn problem(status: u16, headers: &[(&str, &str)]) -> Fortune {
    let mut all = vec![("content-type".to_owned(), "application/problem+json".to_owned())];
    all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Fortune::Says(PeerReply { status, headers: all, body: Bytes::from_static(b"{}") })
}
