//! The same request id gets the same answer, and with other content it is refused. Both are judged on
//! the committed log, so no failover, snapshot or restart is left out.

use std::collections::BTreeMap;

use mpss_domain::{Command, LogTime, Outcome, ProvinceId, Refusal, Reply, Verb};

use super::{AtRest, Property, Seen};

struct First {
    content: u64,
    outcome: Outcome,
    index: u64,
    at: LogTime,
}

/// See the module.
#[derive(Default)]
pub(super) struct OneAnswer {
    known: BTreeMap<(ProvinceId, u128), First>,
}

impl OneAnswer {
    fn check(
        &mut self,
        province: ProvinceId,
        (at, window_ms): (LogTime, u64),
        command: &Command,
        reply: &Reply,
    ) -> Option<String> {
        let request = command.request?;
        // What names an order is kept as long as the order, everything else for the window.
        let of_order =
            matches!(command.verb, Verb::ReverseOrder { .. } | Verb::RefundOrder { .. } | Verb::RevealCards { .. });
        let first = self.known.get(&(province, request.key));
        let first = first.filter(|first| of_order || at.ms_since(first.at) <= window_ms);
        let Some(first) = first else {
            if reply.replayed {
                return Some(format!("entry {} answers a request again that was never answered", reply.index));
            }
            let transient = matches!(reply.outcome, Outcome::Refused(refusal) if refusal.is_transient());
            if !transient && reply.outcome != Outcome::Refused(Refusal::DuplicateRequest) {
                let outcome = reply.outcome.clone();
                let first = First { content: request.content, outcome, index: reply.index, at };
                self.known.insert((province, request.key), first);
            }
            return None;
        };
        if first.content != request.content {
            let refused = reply.outcome == Outcome::Refused(Refusal::DuplicateRequest);
            return (!refused).then(|| format!("a request id of entry {} was taken with other content", first.index));
        }
        let same = reply.replayed && reply.index == first.index && reply.outcome == first.outcome;
        (!same).then(|| {
            let (before, now) = (&first.outcome, &reply.outcome);
            format!(
                "the request of entry {} was answered {before:?}, then {now:?} by entry {}",
                first.index, reply.index
            )
        })
    }
}

impl Property for OneAnswer {
    fn name(&self) -> &'static str {
        "one request has one answer"
    }

    fn clause(&self) -> &'static str {
        "product §4: identity"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { province, entry, first: true, .. } = seen else { return Vec::new() };
        let time = (entry.state.now(), entry.state.policy().duplicate_window_ms);
        let pairs = entry.batch.commands.iter().zip(entry.replies);
        let wrong = pairs.filter_map(|(command, reply)| self.check(*province, time, command, reply));
        wrong.map(|what| format!("{province}: {what}")).collect()
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        rest.told.contradictions.clone()
    }
}
