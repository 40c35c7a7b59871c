//! Fills gaps of the read side from other replicas.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mpss_runtime::Clock;
use tokio::sync::watch;

use super::History;
use super::row::{Row, RowKey};
use crate::Member;
use crate::network::link::Link;
use crate::network::wire::{HistoryAnswer, HistoryAsked, Kind};
use crate::raft_runtime::NodeScope;
use crate::replica::ReplicaStatus;

/// Pause when nobody could tell anything of the gaps.
const PAUSE: Duration = Duration::from_millis(500);
/// Time for one answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks other replicas for what is missing.
pub(crate) struct Filler {
    pub(crate) history: History,
    pub(crate) link: Arc<Link>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scope: Arc<NodeScope>,
    pub(crate) status: watch::Receiver<ReplicaStatus>,
}

impl Filler {
    /// Works for as long as the replica does.
    pub(crate) async fn run(self) {
        let mut changed = self.history.watch();
        loop {
            let mut filled = false;
            for gap in self.history.gaps() {
                filled |= self.fill(gap).await;
            }
            if filled {
                continue;
            }
            if self.history.gaps().is_empty() {
                if changed.changed().await.is_err() {
                    return;
                }
            } else {
                self.clock.sleep(PAUSE).await;
            }
        }
    }

    fn others(&self) -> BTreeMap<u64, Member> {
        let status = self.status.borrow();
        let mut all = status.voters.clone();
        all.extend(status.learners.clone());
        all.remove(&self.link.node);
        all
    }

    /// Asks everyone in turn for (part of) a gap; true when somebody had some of it.
    async fn fill(&self, (after, upto): (u64, u64)) -> bool {
        for (node, member) in self.others() {
            let asked = HistoryAsked { after, upto };
            let answer = self.link.ask::<_, HistoryAnswer>(node, &member, Kind::HistoryPart, &asked, DEADLINE).await;
            let Ok(answer) = answer else { continue };
            // What was not asked for is not believed.
            if answer.after < after || answer.upto > upto || answer.after >= answer.upto {
                continue;
            }
            let rows: Vec<Row> = answer
                .rows
                .into_iter()
                .map(|(key, value)| Row { key: RowKey::from_number(key), value: Bytes::from(value) })
                .collect();
            if rows.iter().any(|row| row.key.index() <= answer.after || row.key.index() > answer.upto) {
                continue;
            }
            let history = self.history.clone();
            let store = async move { history.fill(answer.after, answer.upto, rows) };
            match self.scope.on_dedicated("history fill", store).await {
                Some(Ok(())) => return true,
                Some(Err(error)) => tracing::warn!(%error, node, "a part of the history could not be stored"),
                None => return false,
            }
        }
        false
    }
}
