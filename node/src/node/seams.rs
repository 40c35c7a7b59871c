//! The seams as they are in production.

use std::path::Path;
use std::sync::Arc;

use mpss_config::Settings;
use mpss_runtime::real::{FileDisk, OsRandom, TcpTransport, TokioClock, TokioSpawner};
use mpss_runtime::{Seams, Spawner, Transport};

use super::NodeError;

/// Clock, entropy, tasks, the node's folder and its replication door, as the settings name them.
///
/// # Errors
/// [`NodeError::Io`] when the folder is in use or the address can not be listened on.
pub async fn real_seams(settings: &Settings) -> Result<Seams, NodeError> {
    let address = settings.listen.raft.to_string();
    let transport = TcpTransport::bind(&address).await.map_err(|source| NodeError::Io {
        what: format!("setting listen.raft: {address} can not be listened on"),
        source,
    })?;
    real_seams_over(&settings.node.data_dir, Arc::new(transport), Arc::new(TokioSpawner::new()))
}

/// The same with a transport and a spawner made by the caller: who holds the spawner can end the
/// node's tasks at once.
///
/// # Errors
/// [`NodeError::Io`] when the folder is in use.
pub fn real_seams_over(
    data_dir: &Path,
    transport: Arc<dyn Transport>,
    spawner: Arc<dyn Spawner>,
) -> Result<Seams, NodeError> {
    let disk = FileDisk::open(data_dir).map_err(|source| NodeError::Io {
        what: format!("setting node.data_dir: {} can not be used", data_dir.display()),
        source,
    })?;
    Ok(Seams {
        clock: Arc::new(TokioClock::new()),
        random: Arc::new(OsRandom),
        spawner,
        disk: Arc::new(disk),
        transport,
    })
}
