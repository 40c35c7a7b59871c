//! A disk in memory that forgets what was not synced, tears writes, is slow, and fails when told to.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use futures::future::ready;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{BoxFuture, Disk, DiskFile};

/// What becomes of writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// All of them are lost: power is gone, nothing had reached the device.
    Lost,
    /// All of them are kept: only the process is gone.
    Kept,
    /// Of each file's unsynced writes, in order, this many bytes are kept.
    Torn(usize),
}

/// Told of every write that has become durable: folder, the file's name when it was made, the bytes.
pub type Onlooker = Arc<dyn Fn(&str, &str, &[u8]) + Send + Sync>;

#[derive(Default)]
struct FileState {
    /// Where it was made, and as what; files stay in their folder.
    folder: String,
    name: String,
    durable: Vec<u8>,
    current: Vec<u8>,
    /// Not synced yet.
    writes: Vec<(usize, Vec<u8>)>,
    resized: bool,
}

#[derive(Default)]
struct FolderState {
    durable: BTreeMap<String, u64>,
    current: BTreeMap<String, u64>,
}

#[derive(Default)]
struct World {
    files: BTreeMap<u64, FileState>,
    folders: BTreeMap<String, FolderState>,
    next_file: u64,
    incarnation: u64,
    syncs: u64,
    fail_sync_after: Option<u64>,
    capacity: Option<u64>,
    pace: Option<Pace>,
    onlooker: Option<Onlooker>,
    /// Rises with every change of names.
    names: watch::Sender<u64>,
}

/// How long the next sync takes: a future that passes the time.
pub type Pace = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// The device. Outlives the processes that use it.
#[derive(Clone, Default)]
pub struct Device {
    world: Arc<Mutex<World>>,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Device")
    }
}

impl Device {
    /// The root folder, as the present process has it.
    #[must_use]
    pub fn open(&self) -> Arc<dyn Disk> {
        let mut world = self.world.lock();
        world.folders.entry(String::new()).or_default();
        Arc::new(FaultDisk { world: self.world.clone(), folder: String::new(), incarnation: world.incarnation })
    }

    /// Ends the process: its handles are void, and what it did not sync is lost, kept or torn.
    pub fn crash(&self, crash: Crash) {
        let mut world = self.world.lock();
        world.incarnation += 1;
        world.fail_sync_after = None;
        for file in world.files.values_mut() {
            let writes = std::mem::take(&mut file.writes);
            let resized = std::mem::take(&mut file.resized);
            if crash == Crash::Kept {
                file.settle(&writes, resized);
            } else if !writes.is_empty() || resized {
                let mut kept = if let Crash::Torn(bytes) = crash { bytes } else { 0 };
                for (offset, bytes) in &writes {
                    let part = kept.min(bytes.len());
                    put(&mut file.durable, *offset, &bytes[..part]);
                    kept -= part;
                }
                file.current = file.durable.clone();
            }
        }
        for folder in world.folders.values_mut() {
            if crash == Crash::Kept {
                folder.durable = folder.current.clone();
            } else {
                folder.current = folder.durable.clone();
            }
        }
    }

    /// The next `after` syncs succeed, the one behind them fails.
    pub fn fail_sync_after(&self, after: u64) {
        self.world.lock().fail_sync_after = Some(after);
    }

    /// Every sync takes the time that `pace` gives; none when it was never set.
    pub fn set_pace(&self, pace: Pace) {
        self.world.lock().pace = Some(pace);
    }

    /// Every write that has become durable is told from now on.
    pub fn set_onlooker(&self, onlooker: Onlooker) {
        self.world.lock().onlooker = Some(onlooker);
    }

    /// Bytes written and not synced, over all files.
    #[must_use]
    pub fn unsynced_bytes(&self) -> u64 {
        let world = self.world.lock();
        world.files.values().flat_map(|file| &file.writes).map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// Bytes the device can hold.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.world.lock().capacity = bytes;
    }

    /// Bytes all files have together.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.world.lock().used()
    }

    /// How often anything was synced.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.world.lock().syncs
    }

    /// Names of the files in a folder, sorted; none when there is no such folder.
    #[must_use]
    pub fn names(&self, folder: &str) -> Vec<String> {
        self.world.lock().folders.get(folder).map(|folder| folder.current.keys().cloned().collect()).unwrap_or_default()
    }

    /// Rises whenever a file has got another name, or none.
    #[must_use]
    pub fn names_changed(&self) -> watch::Receiver<u64> {
        self.world.lock().names.subscribe()
    }

    /// Names in a folder that a crash would leave, sorted.
    #[must_use]
    pub fn durable_names(&self, folder: &str) -> Vec<String> {
        self.world.lock().folders.get(folder).map(|folder| folder.durable.keys().cloned().collect()).unwrap_or_default()
    }

    /// The bytes of a file, to be looked at or damaged.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn edit<T>(&self, folder: &str, name: &str, edit: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut world = self.world.lock();
        let file = world.folders[folder].current[name];
        let file = world.files.get_mut(&file).expect("a named file exists");
        let result = edit(&mut file.current);
        file.durable = file.current.clone();
        result
    }

    /// A device of its own that holds the same.
    #[must_use]
    pub fn copy(&self) -> Self {
        let world = self.world.lock();
        let mut copy = World { next_file: world.next_file, ..World::default() };
        for (id, file) in &world.files {
            let state = FileState {
                folder: file.folder.clone(),
                name: file.name.clone(),
                durable: file.durable.clone(),
                current: file.current.clone(),
                ..FileState::default()
            };
            copy.files.insert(*id, state);
        }
        for (name, folder) in &world.folders {
            let state = FolderState { durable: folder.durable.clone(), current: folder.current.clone() };
            copy.folders.insert(name.clone(), state);
        }
        Self { world: Arc::new(Mutex::new(copy)) }
    }
}

fn put(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if target.len() < offset + bytes.len() {
        target.resize(offset + bytes.len(), 0);
    }
    target[offset..offset + bytes.len()].copy_from_slice(bytes);
}

impl FileState {
    /// What was written since the last sync is durable now. Only that is copied: files are large and
    /// writes are small.
    fn settle(&mut self, writes: &[(usize, Vec<u8>)], resized: bool) {
        if resized {
            self.durable = self.current.clone();
            return;
        }
        for (offset, bytes) in writes {
            put(&mut self.durable, *offset, bytes);
        }
    }
}

impl World {
    fn used(&self) -> u64 {
        self.files.values().map(|file| file.current.len() as u64).sum()
    }
}

struct FaultDisk {
    world: Arc<Mutex<World>>,
    folder: String,
    incarnation: u64,
}

struct FaultFile {
    world: Arc<Mutex<World>>,
    file: u64,
    incarnation: u64,
}

fn done<'a, T: Send + 'a>(result: io::Result<T>) -> BoxFuture<'a, io::Result<T>> {
    Box::pin(ready(result))
}

fn dead() -> io::Error {
    io::Error::other("the process that opened this is gone")
}

impl FaultDisk {
    fn with<T>(&self, work: impl FnOnce(&mut World) -> io::Result<T>) -> io::Result<T> {
        let mut world = self.world.lock();
        if world.incarnation != self.incarnation {
            return Err(dead());
        }
        work(&mut world)
    }

    fn sub(&self, name: &str) -> String {
        if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) }
    }
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk for FaultDisk {
    fn open<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn DiskFile>>> {
        done(self.with(|world| {
            let next = world.next_file;
            let folder = world.folders.get_mut(&self.folder).ok_or_else(missing)?;
            let file = *folder.current.entry(name.to_owned()).or_insert(next);
            if file == next {
                world.next_file += 1;
                let made = FileState { folder: self.folder.clone(), name: name.to_owned(), ..FileState::default() };
                world.files.insert(file, made);
            }
            let opened = FaultFile { world: self.world.clone(), file, incarnation: self.incarnation };
            Ok(Arc::new(opened) as Arc<dyn DiskFile>)
        }))
    }

    fn list(&self) -> BoxFuture<'_, io::Result<Vec<String>>> {
        done(self.with(|world| Ok(world.folders[&self.folder].current.keys().cloned().collect())))
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, io::Result<()>> {
        done(self.with(|world| {
            let folder = world.folders.get_mut(&self.folder).ok_or_else(missing)?;
            let file = folder.current.remove(from).ok_or_else(missing)?;
            folder.current.insert(to.to_owned(), file);
            world.names.send_modify(|changes| *changes += 1);
            Ok(())
        }))
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<()>> {
        done(self.with(|world| {
            let folder = world.folders.get_mut(&self.folder).ok_or_else(missing)?;
            folder.current.remove(name).map(|_| ()).ok_or_else(missing)?;
            world.names.send_modify(|changes| *changes += 1);
            Ok(())
        }))
    }

    fn sync_dir(&self) -> BoxFuture<'_, io::Result<()>> {
        done(self.with(|world| {
            let folder = world.folders.get_mut(&self.folder).ok_or_else(missing)?;
            folder.durable = folder.current.clone();
            let alive: std::collections::BTreeSet<u64> = world
                .folders
                .values()
                .flat_map(|folder| folder.current.values().chain(folder.durable.values()).copied())
                .collect();
            world.files.retain(|id, _| alive.contains(id));
            Ok(())
        }))
    }

    fn free_bytes(&self) -> BoxFuture<'_, io::Result<u64>> {
        done(self.with(|world| Ok(world.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(world.used())))))
    }

    fn folder<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Arc<dyn Disk>>> {
        done(self.with(|world| {
            let folder = self.sub(name);
            world.folders.entry(folder.clone()).or_default();
            let opened = FaultDisk { world: self.world.clone(), folder, incarnation: self.incarnation };
            Ok(Arc::new(opened) as Arc<dyn Disk>)
        }))
    }

    fn path(&self) -> Option<std::path::PathBuf> {
        None
    }
}

impl FaultFile {
    fn with<T>(&self, work: impl FnOnce(&mut World) -> io::Result<T>) -> io::Result<T> {
        let mut world = self.world.lock();
        if world.incarnation != self.incarnation {
            return Err(dead());
        }
        work(&mut world)
    }
}

impl DiskFile for FaultFile {
    fn len(&self) -> BoxFuture<'_, io::Result<u64>> {
        done(self.with(|world| Ok(world.files.get(&self.file).ok_or_else(missing)?.current.len() as u64)))
    }

    fn read_at<'a>(&'a self, offset: u64, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<()>> {
        done(self.with(|world| {
            let file = world.files.get(&self.file).ok_or_else(missing)?;
            let from = usize::try_from(offset).expect("small");
            let part = file.current.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(part);
            Ok(())
        }))
    }

    fn write_at<'a>(&'a self, offset: u64, bytes: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        done(self.with(|world| {
            let offset = usize::try_from(offset).expect("small");
            let length = world.files.get(&self.file).ok_or_else(missing)?.current.len();
            let grown = (offset + bytes.len()).saturating_sub(length) as u64;
            if world.capacity.is_some_and(|capacity| world.used() + grown > capacity) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let file = world.files.get_mut(&self.file).expect("looked up above");
            put(&mut file.current, offset, bytes);
            file.writes.push((offset, bytes.to_vec()));
            Ok(())
        }))
    }

    fn set_len(&self, bytes: u64) -> BoxFuture<'_, io::Result<()>> {
        done(self.with(|world| {
            let file = world.files.get_mut(&self.file).ok_or_else(missing)?;
            file.current.resize(usize::try_from(bytes).expect("small"), 0);
            file.resized = true;
            Ok(())
        }))
    }

    fn sync(&self) -> BoxFuture<'_, io::Result<()>> {
        let pace = self.world.lock().pace.clone();
        Box::pin(async move {
            if let Some(pace) = pace {
                pace().await;
            }
            self.with(|world| {
                if let Some(after) = &mut world.fail_sync_after {
                    if *after == 0 {
                        return Err(io::Error::other("the device says EIO"));
                    }
                    *after -= 1;
                }
                world.syncs += 1;
                let onlooker = world.onlooker.clone();
                let file = world.files.get_mut(&self.file).ok_or_else(missing)?;
                let writes = std::mem::take(&mut file.writes);
                let resized = std::mem::take(&mut file.resized);
                file.settle(&writes, resized);
                if let Some(onlooker) = onlooker {
                    for (_, bytes) in &writes {
                        onlooker(&file.folder, &file.name, bytes);
                    }
                }
                Ok(())
            })
        })
    }
}
