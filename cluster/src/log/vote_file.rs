//! The vote, in a file of its own and twice in it, each copy synced before the next is written and
//! both before the vote is acted on. A vote that others rely on therefore survives a torn write and
//! one damaged copy; in the log it would share the fate of the last batch.

use std::io;
use std::sync::Arc;

use mpss_runtime::{Disk, DiskFile};

use crate::replica::StartError;
use crate::sealed_file;
use crate::stored::VoteRow;

pub(crate) const FILE: &str = "vote";
/// The copies are in different blocks of the device.
const COPY_BYTES: u64 = 4_096;
const COPIES: u64 = 2;

/// The open vote file.
pub(crate) struct VoteFile {
    file: Arc<dyn DiskFile>,
}

impl VoteFile {
    /// Opens the file and reads the vote; `None` when no vote was ever saved.
    pub(crate) async fn open(disk: &Arc<dyn Disk>) -> Result<(Self, Option<VoteRow>), StartError> {
        let io = |source| StartError::Io { what: "opening the vote".to_owned(), source };
        let fresh = !disk.list().await.map_err(io)?.iter().any(|name| name == FILE);
        let file = disk.open(FILE).await.map_err(io)?;
        if fresh {
            disk.sync_dir().await.map_err(io)?;
        }
        let vote_file = Self { file };
        let vote = vote_file.read().await?;
        if let Some(vote) = vote {
            // Both copies say the same again, so the next torn write finds one good copy.
            vote_file.write(vote).await.map_err(io)?;
        }
        Ok((vote_file, vote))
    }

    async fn read(&self) -> Result<Option<VoteRow>, StartError> {
        let io = |source| StartError::Io { what: "reading the vote".to_owned(), source };
        let length = self.file.len().await.map_err(io)?;
        let mut good: Vec<VoteRow> = Vec::new();
        let mut bad = 0;
        let mut copies = 0;
        for copy in 0..COPIES {
            let end = ((copy + 1) * COPY_BYTES).min(length);
            let Some(present) = end.checked_sub(copy * COPY_BYTES).filter(|present| *present > 0) else { continue };
            let mut bytes = vec![0; usize::try_from(present).expect("at most a copy")];
            self.file.read_at(copy * COPY_BYTES, &mut bytes).await.map_err(io)?;
            if bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            copies += 1;
            match sealed_file::unseal(&bytes) {
                Ok(vote) => good.push(vote),
                Err(_) => bad += 1,
            }
        }
        // The first copy may be ahead of the second, never behind.
        let newest = good.into_iter().max_by_key(|vote| (vote.term, vote.node, vote.committed));
        match newest {
            Some(vote) => Ok(Some(vote)),
            // The very first vote, torn before its first copy was synced: nobody was told of it.
            None if bad == 1 && copies == 1 && length <= COPY_BYTES => Ok(None),
            None if bad == 0 => Ok(None),
            None => Err(StartError::Damaged {
                file: FILE.to_owned(),
                offset: 0,
                what: "no copy of the vote can be read".to_owned(),
            }),
        }
    }

    /// Saves the vote. Durable, twice, when this returns.
    pub(crate) async fn write(&self, vote: VoteRow) -> io::Result<()> {
        let mut bytes = sealed_file::seal(&vote);
        bytes.resize(usize::try_from(COPY_BYTES).expect("small"), 0);
        for copy in 0..COPIES {
            self.file.write_at(copy * COPY_BYTES, &bytes).await?;
            #[cfg(feature = "mutants")]
            if crate::mutant::Mutant::VoteNotSynced.is_planted() {
                continue;
            }
            self.file.sync().await?;
        }
        Ok(())
    }
}
