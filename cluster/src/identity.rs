//! Whose folder this is. Written when the folder is first used and checked at every start.

use std::sync::Arc;

use mpss_runtime::{Disk, Random};

use crate::options::ReplicaOptions;
use crate::replica::StartError;
use crate::sealed_file;
use crate::stored::Identity;

const FILE: &str = "identity";

/// Reads the folder's identity, or gives it one when it is empty.
///
/// # Errors
/// [`StartError::Foreign`] when the folder is another replica's, or was used and has lost its
/// identity.
pub(crate) async fn claim(
    disk: &Arc<dyn Disk>,
    random: &Arc<dyn Random>,
    options: &ReplicaOptions,
) -> Result<Identity, StartError> {
    let io = |source| StartError::Io { what: "reading the identity of the folder".to_owned(), source };
    if let Some(found) = sealed_file::read::<Identity>(disk, FILE).await? {
        if (found.province, found.node) != (options.province, options.node) {
            return Err(StartError::Foreign(format!(
                "the folder belongs to replica {} of province {}, not to replica {} of province {}",
                found.node,
                found.province.code(),
                options.node,
                options.province.code()
            )));
        }
        return Ok(found);
    }
    let log = disk.folder("log").await.map_err(io)?;
    if !log.list().await.map_err(io)?.is_empty() {
        return Err(StartError::Foreign("the folder holds a log but no identity".to_owned()));
    }
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    let disk_id = u64::from_le_bytes(bytes).max(1);
    let identity = Identity { province: options.province, node: options.node, disk: disk_id };
    sealed_file::write(disk, FILE, &identity).await.map_err(io)?;
    Ok(identity)
}
