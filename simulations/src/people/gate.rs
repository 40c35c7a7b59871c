//! A gate at which tickets are checked. It asks any node of the province that sold the ticket, with the
//! same request id until it is answered, as every caller does.

use std::time::Duration;

use mpss_cluster::ProposeError;
use mpss_domain::command::Request;
use mpss_domain::ids::IssuedId;
use mpss_domain::tickets::TicketId;
use mpss_domain::{Command, Outcome, ProvinceId, Refusal, Reply, Verb};
use mpss_runtime::Clock;
use serde_json::json;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::flows::Flow;
use super::street::{Answer, Body, Question, Street};
use super::{Check, Verdict};
use crate::country::name_of;
use crate::world::SeededRandom;

/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(20);
/// How long a gate keeps trying before the outcome is unknown.
const PATIENCE: Duration = Duration::from_secs(90);

/// A check that a gate asks for.
pub(super) struct Gate<'a> {
    pub(super) street: &'a Street,
    pub(super) ticket: TicketId,
    /// The request id: the same for every try, and when the gate asks again.
    pub(super) key: String,
    /// The platform is asked to remember the answer by the request id too, not by the ticket alone.
    pub(super) remembered: bool,
}

impl Gate<'_> {
    /// Asks until there is an answer; nothing when there was none: the outcome is unknown.
    pub(super) async fn check(&self, random: &SeededRandom) {
        let country = self.street.country();
        let Some(province) = self.ticket.order.province() else { return };
        let gate = xxh3_128(self.key.as_bytes());
        let verb = Verb::CheckTicket { ticket: self.ticket, gate };
        let content = xxh3_64(self.ticket.to_string().as_bytes());
        let request = self.remembered.then_some(Request { key: gate, content });
        let command = Command { request, verb };
        let clock = country.clock();
        let (sent_ms, until) = (clock.elapsed_ms(), clock.monotonic() + PATIENCE);
        let mut tries = 0;
        while clock.monotonic() < until {
            tries += 1;
            let node = name_of(province, random.between(1, country.plan().replicas));
            if let Some(reply) = self.try_once(&node, command.clone()).await {
                self.told(gate, &reply);
                self.write_down(province, tries, sent_ms, Some(&reply));
                return;
            }
            clock.sleep(Duration::from_millis(random.between(50, 200))).await;
        }
        self.write_down(province, tries, sent_ms, None);
    }

    async fn try_once(&self, node: &str, command: Command) -> Option<Reply> {
        let country = self.street.country();
        let replica = country.context(node)?.replica;
        let proposed = tokio::select! {
            biased;
            proposed = replica.propose(command) => proposed,
            () = country.clock().sleep(TRY_MAX) => Err(ProposeError::Unknown),
        };
        proposed.ok()
    }

    fn told(&self, gate: u128, reply: &Reply) {
        let verdict = match reply.outcome {
            Outcome::TicketChecked(ticket, at) if ticket == self.ticket => Verdict::Checked(at),
            Outcome::Refused(Refusal::TicketUsed(at)) => Verdict::Used(at),
            Outcome::Refused(Refusal::TicketVoid | Refusal::TicketNotFound) => Verdict::NoGood,
            // The program there knows no tickets yet.
            Outcome::Refused(Refusal::NotYet) => return,
            ref other => {
                let what = format!("gate {}: {} was answered {other:?}", self.key, self.ticket);
                self.street.note(|told| told.contradictions.push(what));
                return;
            }
        };
        let (ticket, word) = (self.ticket, verdict.word());
        self.street.country().tally().count(word);
        self.street.note(|told| told.checks.push(Check { ticket, gate, verdict }));
    }

    fn write_down(&self, province: ProvinceId, tries: u32, sent_ms: u64, reply: Option<&Reply>) {
        let question = Question {
            who: "gate".to_owned(),
            flow: Flow::Tickets.name(),
            province,
            method: "POST",
            path: format!("check of {}", self.ticket),
            key: self.key.clone(),
            body: Body::Nothing,
        };
        let answer = reply.map(|reply| {
            let (status, code) = match reply.outcome {
                Outcome::Refused(refusal) => (422, refusal.code()),
                _ => (200, ""),
            };
            Answer {
                status,
                body: json!({ "order_id": self.ticket.order.to_string(), "code": code }),
                index: Some(reply.index),
                replayed: reply.replayed,
                tries,
                sent_ms,
                answered_ms: self.street.country().clock().elapsed_ms(),
            }
        });
        self.street.write_down(&question, tries, sent_ms, answer.as_ref());
    }
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Checked(_) => "tickets let through",
            Self::Used(_) => "tickets told to be used",
            Self::NoGood => "tickets told to be no good",
        }
    }
}
