//! A small disk for one node, which can be filled: a file system in memory of its own, so that a full one
//! is nobody else's.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags};

use crate::processes::reaper;

/// Bytes of ballast written at once, first and when those no longer fit.
const BLOCKS_BYTES: [usize; 2] = [1 << 20, 4 << 10];

/// A mounted disk; unmounted when it is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk of this size at `path`, which is made.
    ///
    /// # Errors
    /// When that is not allowed, with what to do about it.
    pub fn mount(path: &Path, bytes: u64) -> Result<Self, String> {
        fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let options = std::ffi::CString::new(format!("size={bytes},mode=0700")).expect("digits and letters");
        rustix::mount::mount("mpss-chaos", path, "tmpfs", MountFlags::empty(), Some(options.as_c_str())).map_err(
            |error| {
                format!(
                    "fault disk-full: no small disk can be mounted at {}: {error}. It takes root (CAP_SYS_ADMIN); \
                     leave disk-full out of --faults to go without",
                    path.display()
                )
            },
        )?;
        reaper::mount(path);
        Ok(Self { path: path.into() })
    }

    /// Takes all room that is left; to be done again while the node lets go of some.
    ///
    /// # Errors
    /// When it can not be written for another reason.
    pub fn fill(&self) -> Result<(), String> {
        let told = |error: std::io::Error| format!("{}: {error}", self.ballast().display());
        fs::create_dir_all(self.ballast_folder()).or_else(full_is_enough).map_err(told)?;
        let mut ballast = match File::options().create(true).append(true).open(self.ballast()) {
            Ok(ballast) => ballast,
            Err(error) => return full_is_enough(error).map_err(told),
        };
        for block in BLOCKS_BYTES {
            let zeros = vec![0; block];
            loop {
                // A part that still fits is as good as the whole.
                match ballast.write_all(&zeros) {
                    Ok(()) => {}
                    Err(error) => {
                        full_is_enough(error).map_err(told)?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the room back.
    ///
    /// # Errors
    /// When the ballast can not be removed.
    pub fn empty(&self) -> Result<(), String> {
        match fs::remove_dir_all(self.ballast_folder()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(format!("{}: {error}", self.ballast_folder().display())),
        }
    }

    /// A folder: the node looks at the files beside it.
    fn ballast_folder(&self) -> PathBuf {
        self.path.join("ballast")
    }

    fn ballast(&self) -> PathBuf {
        self.ballast_folder().join("zeros")
    }
}

fn full_is_enough(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == ErrorKind::StorageFull { Ok(()) } else { Err(error) }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached: it goes when the last file in it is closed. What can not be unmounted the reaper tries
        // again.
        let _ = rustix::mount::unmount(&self.path, UnmountFlags::DETACH);
    }
}
