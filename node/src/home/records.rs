//! An account's records on the read side, from the newest back.

use std::time::Duration;

use mpss_cluster::history::HistoryError;
use mpss_domain::{JournalRecord, RecordPosition};

use super::Home;
use crate::not_done::NotDone;

/// How long records are waited for that are decided but not in this node's history yet.
const HISTORY_WAIT: Duration = Duration::from_secs(3);

impl Home {
    /// A piece of an account's chain of records, newest first. What is decided reaches this node's history a moment
    /// later: that moment is waited for.
    ///
    /// # Errors
    /// [`NotDone::Unavailable`].
    pub(crate) async fn records_back_from(
        &self,
        newest: RecordPosition,
        records_max: usize,
    ) -> Result<Vec<JournalRecord>, NotDone> {
        let history = self.context.replica.history();
        let mut fed = history.watch();
        let mut over = self.context.seams.clock.sleep(HISTORY_WAIT);
        loop {
            fed.borrow_and_update();
            match history.chain(Some(newest), records_max) {
                Ok(records) => return Ok(records),
                Err(HistoryError::Missing(_)) => {}
                Err(error) => {
                    tracing::error!(%error, "the history can not be read");
                    return Err(NotDone::Unavailable("the history can not be read here".into()));
                }
            }
            let later = || NotDone::Unavailable("this node's history is being rebuilt".into());
            tokio::select! {
                biased;
                changed = fed.changed() => changed.map_err(|_| later())?,
                () = &mut over => return Err(later()),
            }
        }
    }
}
