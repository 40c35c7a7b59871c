//! Nothing outside is told before it is committed: every text and every notice is of an effect that
//! some replica has applied.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::{Effect, EffectId, ProvinceId};
use mpss_node::gateway::sp::NoticeKind;

use super::{Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct AfterCommit {
    last: BTreeMap<ProvinceId, EffectId>,
    texts: BTreeSet<String>,
    deliveries: BTreeSet<String>,
    cancellations: BTreeSet<String>,
}

impl Property for AfterCommit {
    fn name(&self) -> &'static str {
        "effects come after commit"
    }

    fn clause(&self) -> &'static str {
        "product §4: debit first, then tell the SP"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        match seen {
            Seen::Applied { province, entry, first: true, .. } => {
                let last = self.last.entry(*province).or_default();
                for row in entry.state.effects_from(EffectId(last.0 + 1)) {
                    *last = row.id;
                    match &row.effect {
                        Effect::Sms { .. } => drop(self.texts.insert(format!("{province}-{}", row.id.0))),
                        Effect::DeliveryNotice { order, .. } => drop(self.deliveries.insert(order.to_string())),
                        Effect::CancelNotice { order, .. } => drop(self.cancellations.insert(order.to_string())),
                        _ => {}
                    }
                }
                Vec::new()
            }
            Seen::Text { message_id } if !self.texts.contains(*message_id) => {
                vec![format!("text {message_id} was sent, and no replica has applied it")]
            }
            Seen::Noticed { notice } => {
                let known = match notice.kind {
                    NoticeKind::Deliver => &self.deliveries,
                    NoticeKind::Cancel => &self.cancellations,
                };
                let known = known.contains(&notice.order_id);
                let what =
                    || format!("{:?} of {} was told, and no replica has applied it", notice.kind, notice.order_id);
                (!known).then(what).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}
