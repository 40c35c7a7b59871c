//! One node, put together.

use std::sync::Arc;

use mpss_cluster::Replica;
use mpss_domain::ProvinceId;
use mpss_routing::Dispatch;
use mpss_runtime::Seams;

use crate::password::PasswordJudge;

/// What every part of a node works with. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Whose node this is.
    pub province: ProvinceId,
    /// The node's number.
    pub number: u64,
    /// Log and state.
    pub replica: Replica,
    /// The way to other provinces.
    pub dispatch: Dispatch,
    /// Judges payment passwords of this province's subscribers.
    pub judge: PasswordJudge,
    /// Clock, randomness, tasks.
    pub seams: Seams,
    /// What this node was started with.
    pub settings: Arc<mpss_config::Settings>,
}
