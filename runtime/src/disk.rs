//! Disk. Operations return futures so that simulated time can pass in them; the real disk completes
//! them before they return and is used from dedicated threads.

use std::io;
use std::sync::Arc;

use crate::BoxFuture;

/// One node's folder on a disk. Names are plain file names, without separators.
pub trait Disk: Send + Sync + 'static {
    /// Opens a file for reading and writing, making it when it is missing. A new file's name is
    /// durable only after [`Disk::sync_dir`].
    fn open<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn DiskFile>>>;

    /// All file names, sorted.
    fn list(&self) -> BoxFuture<'_, io::Result<Vec<String>>>;

    /// Renames, replacing what was there. Atomic; durable after [`Disk::sync_dir`].
    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, io::Result<()>>;

    /// Removes a file. Durable after [`Disk::sync_dir`].
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<()>>;

    /// Makes names durable.
    fn sync_dir(&self) -> BoxFuture<'_, io::Result<()>>;

    /// Bytes that can still be written.
    fn free_bytes(&self) -> BoxFuture<'_, io::Result<u64>>;

    /// A folder below this one, made when it is missing.
    fn folder<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn Disk>>>;

    /// Where the folder is in the file system of the machine, for libraries that open files
    /// themselves (sled). `None` in the simulator.
    fn path(&self) -> Option<std::path::PathBuf>;
}

/// An open file.
#[expect(
    clippy::len_without_is_empty,
    reason = "a file's length is asked to read it whole, never to see whether it is empty"
)]
pub trait DiskFile: Send + Sync + 'static {
    /// Length in bytes.
    fn len(&self) -> BoxFuture<'_, io::Result<u64>>;

    /// Reads exactly `buffer.len()` bytes at `offset`.
    fn read_at<'a>(&'a self, offset: u64, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<()>>;

    /// Writes all of `bytes` at `offset`, growing the file when needed. Not durable yet.
    fn write_at<'a>(&'a self, offset: u64, bytes: &'a [u8]) -> BoxFuture<'a, io::Result<()>>;

    /// Cuts or extends (with zeros) the file.
    fn set_len(&self, bytes: u64) -> BoxFuture<'_, io::Result<()>>;

    /// Makes everything written durable. After an error nothing may be assumed of what was written
    /// before, so the caller must stop.
    fn sync(&self) -> BoxFuture<'_, io::Result<()>>;
}
