//! Waiting for something to happen in this replica's state.

use std::time::Duration;

use mpss_domain::State;

use crate::node::Context;

/// Looks at this replica's state again and again, each time something was applied, until `look` finds
/// something or `wait` is over.
pub(crate) async fn watched<R>(
    context: &Context,
    wait: Duration,
    look: impl Fn(&State) -> Option<R> + Send,
) -> Option<R> {
    let mut changes = context.replica.watch();
    let over = context.seams.clock.sleep(wait);
    tokio::pin!(over);
    loop {
        changes.borrow_and_update();
        if let Some(found) = context.replica.read(&look) {
            return Some(found);
        }
        tokio::select! {
            biased;
            changed = changes.changed() => changed.ok()?,
            () = &mut over => return None,
        }
    }
}
