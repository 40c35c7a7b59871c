//! The mark that says: the last batch of this log was bad, so acknowledged entries may be missing.
//! It is durable before anything is written after the bad batch, and goes only when a leader has
//! confirmed the log, see [`crate::doubt`].

use std::io;
use std::sync::Arc;

use mpss_runtime::Disk;

use crate::replica::StartError;
use crate::sealed_file;
use crate::stored::DoubtMark;

pub(crate) const FILE: &str = "doubt";

pub(crate) async fn read(disk: &Arc<dyn Disk>) -> Result<Option<DoubtMark>, StartError> {
    sealed_file::read(disk, FILE).await
}

pub(crate) async fn set(disk: &Arc<dyn Disk>, mark: &DoubtMark) -> io::Result<()> {
    sealed_file::write(disk, FILE, mark).await
}

pub(crate) async fn clear(disk: &Arc<dyn Disk>) -> io::Result<()> {
    disk.remove(FILE).await?;
    disk.sync_dir().await
}
