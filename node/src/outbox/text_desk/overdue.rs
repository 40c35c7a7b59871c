//! Messages that the centre took and tells nothing more of: it is asked.

use std::time::Duration;

use mpss_domain::LogTime;
use mpss_domain::texts::Receipt;
use ractor::ActorRef;

use super::{Desk, DeskMessage};
use crate::supervision::tasks::{Report, Task};

/// Messages asked about in one turn.
const ASKED_MAX: usize = 16;

/// Between two looks at what is overdue.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl Desk {
    /// Asks about those that the centre was silent about longest, when that is too long.
    pub(super) fn ask_about_overdue(&mut self, myself: &ActorRef<DeskMessage>) {
        let now = self.now();
        let any_waits = self.context.replica.read(|state| state.awaited_parts().next().is_some());
        if self.querying.is_some() || !any_waits {
            return;
        }
        if now < self.query_from {
            self.alarm.set(&self.context.seams, self.query_from, myself, DeskMessage::Alarm);
            return;
        }
        let overdue_ms = self.context.settings.smpp.receipt_overdue_ms;
        let every = LOOK_EVERY.min(Duration::from_millis(overdue_ms));
        self.query_from = now + every;
        let wall = LogTime(self.context.seams.clock.wall_ms());
        let found: Vec<_> = self.context.replica.read(|state| {
            let late = state.awaited_parts().take_while(|(since, ..)| wall.ms_since(*since) >= overdue_ms);
            let named = late.filter_map(|(_, id, at)| {
                let text = state.text(id)?;
                let message = text.parts.get(usize::from(at))?.message.clone()?;
                Some((id, at, text.to, message))
            });
            named.take(ASKED_MAX).collect()
        });
        self.alarm.set(&self.context.seams, self.query_from, myself, DeskMessage::Alarm);
        if found.is_empty() {
            return;
        }
        let asked: Vec<_> =
            found.into_iter().map(|(id, at, to, message)| (self.source_of(id, at), to, message)).collect();
        let report = Report::new(myself.clone(), DeskMessage::Queried(Vec::new()));
        let centre = self.centre.clone();
        let work = async move {
            let mut receipts = Vec::new();
            for (source, to, message) in asked {
                // Without an answer it is asked about again.
                if let Ok(fate) = centre.query(source, message.clone()).await {
                    receipts.push(Receipt { to, message, reference: None, fate });
                }
            }
            report.say(DeskMessage::Queried(receipts));
        };
        self.querying = Some(Task::start(&self.context.seams, "query_sm", Box::pin(work)));
    }
}
