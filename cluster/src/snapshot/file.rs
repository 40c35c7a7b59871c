//! The bytes of a snapshot file.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use mpss_domain::State;
use mpss_runtime::{Disk, DiskFile};
use xxhash_rust::xxh3::Xxh3;

use super::head::{self, corrupt};
use crate::codec;
use crate::stored::SnapshotHead;
use crate::versions::Executes;

/// Bytes in front of the first chunk.
pub(crate) const HEAD_BYTES: u64 = 64 << 10;
/// Encoded state in one chunk, at most.
const CHUNK_BYTES: usize = 256 << 10;
const CHUNK_HEADER_BYTES: u64 = 8;

/// An open snapshot file.
#[derive(Clone)]
pub(crate) struct SnapshotFile {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) name: String,
    pub(crate) head: SnapshotHead,
}

impl std::fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotFile").field("name", &self.name).finish_non_exhaustive()
    }
}

fn chunk_checksum(number: u64, bytes: &[u8]) -> u32 {
    // The number keeps chunks from changing places unnoticed.
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), bytes)
}

/// The length of a file with this much content.
pub(crate) fn file_bytes(content_bytes: u64) -> u64 {
    HEAD_BYTES + content_bytes + content_bytes.div_ceil(CHUNK_BYTES as u64) * CHUNK_HEADER_BYTES
}

/// Writes `state` into a new file `name`: content first, the head that makes it valid last. Durable
/// when this returns, under a name that is not.
pub(crate) async fn write(
    disk: &Arc<dyn Disk>,
    name: &str,
    state: &State,
    head: SnapshotHead,
) -> io::Result<SnapshotFile> {
    let file = disk.open(name).await?;
    file.set_len(0).await?;
    let mut chunks = ChunkWriter {
        file: file.clone(),
        streams: disk.path().is_some(),
        waiting: Vec::new(),
        buffer: Vec::with_capacity(CHUNK_BYTES),
        offset: HEAD_BYTES,
        number: 0,
        content_bytes: 0,
        digest: Xxh3::new(),
    };
    codec::encode_stream(state, &mut chunks)?;
    if state.version().has_outside_rails() {
        codec::encode_stream(state.outside(), &mut chunks)?;
    }
    if state.version().has_doors() {
        codec::encode_stream(state.doors(), &mut chunks)?;
    }
    chunks.end_chunk()?;
    for (offset, bytes) in std::mem::take(&mut chunks.waiting) {
        file.write_at(offset, &bytes).await?;
    }
    let head = SnapshotHead {
        state_version: state.version(),
        content_bytes: chunks.content_bytes,
        content_digest: chunks.digest.digest128(),
        state_digest: state.digest(),
        ..head
    };
    let mut sealed = head::seal(&head);
    if sealed.len() as u64 > HEAD_BYTES {
        return Err(corrupt("the head of the snapshot is too large"));
    }
    sealed.resize(usize::try_from(HEAD_BYTES).expect("small"), 0);
    file.write_at(0, &sealed).await?;
    file.sync().await?;
    Ok(SnapshotFile { disk: disk.clone(), file, name: name.to_owned(), head })
}

/// Cuts what is written into checked chunks.
struct ChunkWriter {
    file: Arc<dyn DiskFile>,
    /// The disk completes writes before it returns, so chunks go out as they fill; otherwise they
    /// wait until there is somewhere to await.
    streams: bool,
    waiting: Vec<(u64, Vec<u8>)>,
    buffer: Vec<u8>,
    offset: u64,
    number: u64,
    content_bytes: u64,
    digest: Xxh3,
}

impl ChunkWriter {
    fn end_chunk(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let length = u32::try_from(self.buffer.len()).expect("at most CHUNK_BYTES");
        let mut chunk = Vec::with_capacity(self.buffer.len() + 8);
        chunk.extend_from_slice(&length.to_le_bytes());
        chunk.extend_from_slice(&chunk_checksum(self.number, &self.buffer).to_le_bytes());
        chunk.extend_from_slice(&self.buffer);
        self.digest.update(&self.buffer);
        self.content_bytes += u64::from(length);
        self.number += 1;
        self.buffer.clear();
        let offset = self.offset;
        self.offset += chunk.len() as u64;
        if self.streams {
            return self
                .file
                .write_at(offset, &chunk)
                .now_or_never()
                .expect("a disk with a path completes its operations before it returns");
        }
        self.waiting.push((offset, chunk));
        Ok(())
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.end_chunk()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the head of file `name` and checks that this replica executes its version and that the file
/// is as long as the head says.
pub(crate) async fn open(disk: &Arc<dyn Disk>, name: &str, executes: Executes) -> io::Result<SnapshotFile> {
    let file = disk.open(name).await?;
    let length = file.len().await?;
    if length < HEAD_BYTES {
        return Err(corrupt("cut off in its head"));
    }
    let mut bytes = vec![0; usize::try_from(HEAD_BYTES).expect("small")];
    file.read_at(0, &mut bytes).await?;
    let head = head::unseal(&bytes, executes)?;
    if length != file_bytes(head.content_bytes) {
        return Err(corrupt(format!("{length} bytes long instead of {}", file_bytes(head.content_bytes))));
    }
    Ok(SnapshotFile { disk: disk.clone(), file, name: name.to_owned(), head })
}

/// Copies a snapshot from elsewhere into file `name` of `disk`. Durable when this returns.
pub(crate) async fn copy(
    disk: &Arc<dyn Disk>,
    name: &str,
    from: &SnapshotFile,
    executes: Executes,
) -> io::Result<SnapshotFile> {
    let file = disk.open(name).await?;
    file.set_len(0).await?;
    let length = file_bytes(from.head.content_bytes);
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    while offset < length {
        let step = (length - offset).min(CHUNK_BYTES as u64);
        let part = &mut bytes[..usize::try_from(step).expect("at most CHUNK_BYTES")];
        from.file.read_at(offset, part).await?;
        file.write_at(offset, part).await?;
        offset += step;
    }
    file.sync().await?;
    open(disk, name, executes).await
}

/// Where content is read from: the file itself when its disk completes reads before it returns, else
/// a copy made before.
enum Source {
    File(Arc<dyn DiskFile>),
    Copy(Bytes),
}

impl Source {
    async fn new(snapshot: &SnapshotFile, streams: bool) -> io::Result<Self> {
        if streams {
            return Ok(Self::File(snapshot.file.clone()));
        }
        let length = usize::try_from(snapshot.file.len().await?).expect("a simulated file fits into memory");
        let mut bytes = vec![0; length];
        snapshot.file.read_at(0, &mut bytes).await?;
        Ok(Self::Copy(Bytes::from(bytes)))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file
                .read_at(offset, buffer)
                .now_or_never()
                .expect("a disk with a path completes its operations before it returns"),
            Self::Copy(bytes) => {
                let from = usize::try_from(offset).map_err(|_| corrupt("cut off"))?;
                let part = bytes.get(from..from.saturating_add(buffer.len())).ok_or_else(|| corrupt("cut off"))?;
                buffer.copy_from_slice(part);
                Ok(())
            }
        }
    }
}

/// Reads content chunk by chunk, checking each.
struct ChunkReader {
    source: Source,
    content_bytes: u64,
    offset: u64,
    number: u64,
    read_bytes: u64,
    chunk: Vec<u8>,
    at: usize,
    digest: Xxh3,
}

impl ChunkReader {
    fn new(source: Source, head: &SnapshotHead) -> Self {
        Self {
            source,
            content_bytes: head.content_bytes,
            offset: HEAD_BYTES,
            number: 0,
            read_bytes: 0,
            chunk: Vec::new(),
            at: 0,
            digest: Xxh3::new(),
        }
    }

    /// Loads the next chunk; false at the end.
    fn next_chunk(&mut self) -> io::Result<bool> {
        if self.read_bytes == self.content_bytes {
            return Ok(false);
        }
        let mut header = [0_u8; 8];
        self.source.read_at(self.offset, &mut header)?;
        let length = u32::from_le_bytes(header[..4].try_into().expect("four bytes"));
        let expected = (self.content_bytes - self.read_bytes).min(CHUNK_BYTES as u64);
        if u64::from(length) != expected {
            return Err(corrupt(format!("chunk {} says it is {length} bytes long", self.number)));
        }
        self.chunk.resize(length as usize, 0);
        self.source.read_at(self.offset + CHUNK_HEADER_BYTES, &mut self.chunk)?;
        let stored = u32::from_le_bytes(header[4..].try_into().expect("four bytes"));
        if stored != chunk_checksum(self.number, &self.chunk) {
            return Err(corrupt(format!("the checksum of chunk {} does not match", self.number)));
        }
        self.digest.update(&self.chunk);
        self.offset += CHUNK_HEADER_BYTES + u64::from(length);
        self.read_bytes += u64::from(length);
        self.number += 1;
        self.at = 0;
        Ok(true)
    }

    /// Reads to the end and compares the digest of everything.
    fn finish(mut self, head: &SnapshotHead) -> io::Result<()> {
        if self.at < self.chunk.len() {
            return Err(corrupt("something is behind the state"));
        }
        if self.next_chunk()? {
            return Err(corrupt("something is behind the state"));
        }
        if self.digest.digest128() != head.content_digest {
            return Err(corrupt("the digest of the content does not match"));
        }
        Ok(())
    }
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() && !self.next_chunk()? {
            return Ok(0);
        }
        let taken = buffer.len().min(self.chunk.len() - self.at);
        buffer[..taken].copy_from_slice(&self.chunk[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// Checks every byte of the content against its checksums, without building the state.
pub(crate) async fn verify(disk: &Arc<dyn Disk>, snapshot: &SnapshotFile) -> io::Result<()> {
    let source = Source::new(snapshot, disk.path().is_some()).await?;
    let mut chunks = ChunkReader::new(source, &snapshot.head);
    while chunks.next_chunk()? {}
    chunks.at = chunks.chunk.len();
    chunks.finish(&snapshot.head)
}

/// Builds the state, checking every byte.
pub(crate) async fn load(disk: &Arc<dyn Disk>, snapshot: &SnapshotFile) -> io::Result<State> {
    let source = Source::new(snapshot, disk.path().is_some()).await?;
    let mut chunks = ChunkReader::new(source, &snapshot.head);
    let rows: State = codec::decode_stream(&mut chunks)?;
    let version = snapshot.head.state_version;
    let mut state = rows.under(version);
    if version.has_outside_rails() {
        state = state.with_outside(codec::decode_stream(&mut chunks)?);
    }
    if version.has_doors() {
        state = state.with_doors(codec::decode_stream(&mut chunks)?);
    }
    chunks.finish(&snapshot.head)?;
    if state.digest() != snapshot.head.state_digest || state.province() != snapshot.head.province {
        return Err(corrupt("the state is another one than the head says"));
    }
    #[cfg(feature = "mutants")]
    let state = forgetting(state);
    Ok(state)
}

#[cfg(feature = "mutants")]
fn forgetting(mut state: State) -> State {
    if crate::mutant::Mutant::SnapshotForgetsRequests.is_planted() {
        state.forget_requests();
    }
    state
}
