//! All seams of one node in one value.

use std::sync::Arc;

use crate::{Clock, Disk, Random, Spawner, Transport};

/// Everything nondeterministic one node may touch.
#[derive(Clone)]
pub struct Seams {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Tasks.
    pub spawner: Arc<dyn Spawner>,
    /// The node's folder.
    pub disk: Arc<dyn Disk>,
    /// The network between replicas.
    pub transport: Arc<dyn Transport>,
}

impl std::fmt::Debug for Seams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seams")
    }
}
