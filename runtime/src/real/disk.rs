//! Files. Operations block and are complete when they return their future, so they are used from
//! dedicated threads.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::ready;

use crate::{BoxFuture, Disk, DiskFile};

/// Held by whoever has the folder open.
const LOCK_FILE: &str = ".lock";

/// A folder of the file system. While it is open no other process (and no second [`FileDisk`]) can
/// open it.
#[derive(Debug)]
pub struct FileDisk {
    path: PathBuf,
    /// The lock lives as long as any folder made from this one.
    _lock: Arc<File>,
}

impl FileDisk {
    /// Opens `path`, making it when it is missing.
    ///
    /// # Errors
    /// When the folder can not be made, or is open already (`WouldBlock`).
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        fs::create_dir_all(&path)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK_FILE))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: Arc::new(lock) }),
            Err(fs::TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is in use by another process", path.display()),
            )),
            Err(fs::TryLockError::Error(source)) => Err(source),
        }
    }

    fn file_path(&self, name: &str) -> io::Result<PathBuf> {
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name == "." || name == ".." || name == LOCK_FILE {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is no file name")));
        }
        Ok(self.path.join(name))
    }

    fn open_file(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.file_path(name)?)?;
        Ok(Arc::new(RealFile { file }))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if !entry.file_type()?.is_file() {
                continue;
            }
            // A name that is no text was not made by us.
            if let Ok(name) = entry.file_name().into_string()
                && name != LOCK_FILE
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn sub_folder(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        let path = self.file_path(name)?;
        if !path.is_dir() {
            fs::create_dir(&path)?;
            File::open(&self.path)?.sync_all()?;
        }
        Ok(Arc::new(Self { path, _lock: self._lock.clone() }))
    }

    fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

fn done<'a, T: Send + 'a>(result: io::Result<T>) -> BoxFuture<'a, io::Result<T>> {
    Box::pin(ready(result))
}

impl Disk for FileDisk {
    fn open<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn DiskFile>>> {
        done(self.open_file(name))
    }

    fn list(&self) -> BoxFuture<'_, io::Result<Vec<String>>> {
        done(self.names())
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, io::Result<()>> {
        done(self.file_path(from).and_then(|from| fs::rename(from, self.file_path(to)?)))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<()>> {
        done(self.file_path(name).and_then(fs::remove_file))
    }

    fn sync_dir(&self) -> BoxFuture<'_, io::Result<()>> {
        done(File::open(&self.path).and_then(|folder| folder.sync_all()))
    }

    fn free_bytes(&self) -> BoxFuture<'_, io::Result<u64>> {
        done(self.free())
    }

    fn folder<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn Disk>>> {
        done(self.sub_folder(name))
    }

    fn path(&self) -> Option<PathBuf> {
        Some(self.path.clone())
    }
}

/// A file of a [`FileDisk`].
#[derive(Debug)]
pub struct RealFile {
    file: File,
}

impl DiskFile for RealFile {
    fn len(&self) -> BoxFuture<'_, io::Result<u64>> {
        done(self.file.metadata().map(|metadata| metadata.len()))
    }

    fn read_at<'a>(&'a self, offset: u64, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<()>> {
        done(self.file.read_exact_at(buffer, offset))
    }

    fn write_at<'a>(&'a self, offset: u64, bytes: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        done(self.file.write_all_at(bytes, offset))
    }

    fn set_len(&self, bytes: u64) -> BoxFuture<'_, io::Result<()>> {
        done(self.file.set_len(bytes))
    }

    fn sync(&self) -> BoxFuture<'_, io::Result<()>> {
        // The data and whatever metadata is needed to read it back; not the times.
        done(self.file.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_names_are_sorted() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let disk = FileDisk::open(folder.path().join("made")).expect("opens");
        block_on(async {
            let file = disk.open("b").await.expect("made");
            file.write_at(3, b"money").await.expect("written");
            file.sync().await.expect("synced");
            let mut bytes = [9_u8; 8];
            file.read_at(0, &mut bytes).await.expect("read");
            assert_eq!(&bytes, b"\0\0\0money");
            assert!(file.read_at(4, &mut bytes).await.is_err(), "past the end");
            file.set_len(4).await.expect("cut");
            assert_eq!(file.len().await.expect("length"), 4);
            disk.open("a").await.expect("made");
            disk.folder("sub").await.expect("made").open("inner").await.expect("made");
            assert_eq!(disk.list().await.expect("listed"), ["a", "b"]);
            disk.rename("a", "b").await.expect("renamed over");
            disk.sync_dir().await.expect("synced");
            assert_eq!(disk.open("b").await.expect("opened").len().await.expect("length"), 0);
            disk.remove("b").await.expect("removed");
            assert!(disk.list().await.expect("listed").is_empty());
            assert!(disk.free_bytes().await.expect("asked") > 0);
        });
    }

    #[test]
    fn a_folder_can_be_open_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = FileDisk::open(folder.path()).expect("opens");
        let sub = block_on(first.folder("sub")).expect("made");
        drop(first);
        let second = FileDisk::open(folder.path()).map(|_| ()).expect_err("the sub folder holds the lock");
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
        drop(sub);
        FileDisk::open(folder.path()).expect("opens again");
    }

    #[test]
    fn names_can_not_leave_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let disk = FileDisk::open(folder.path()).expect("opens");
        for name in ["../x", "a/b", "", ".", "..", ".lock"] {
            assert!(block_on(disk.open(name)).is_err(), "{name:?}");
        }
    }
}
