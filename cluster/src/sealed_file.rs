//! Small files that are replaced whole: written beside, synced, renamed, and the folder synced.
//!
//! ```text
//! crc32c u32 │ length u32 │ version u8 + value
//! ```

use std::io;
use std::sync::Arc;

use mpss_runtime::Disk;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::replica::StartError;

const HEADER_BYTES: usize = 8;
/// Largest value, in bytes.
const VALUE_BYTES_MAX: u64 = 1 << 20;

/// `value` with its length and checksum in front.
pub(crate) fn seal<T: Serialize>(value: &T) -> Vec<u8> {
    seal_bytes(&codec::encode(value))
}

/// A version byte and a value with their length and checksum in front.
pub(crate) fn seal_bytes(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("small values only").to_le_bytes();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend_from_slice(&crc32c::crc32c_append(crc32c::crc32c(&length), body).to_le_bytes());
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(body);
    bytes
}

/// The value sealed at the front of `bytes`, or what is wrong with it.
pub(crate) fn unseal<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    codec::decode(unseal_bytes(bytes)?).map_err(|error| error.to_string())
}

/// The version byte and the value sealed at the front of `bytes`, or what is wrong with them.
pub(crate) fn unseal_bytes(bytes: &[u8]) -> Result<&[u8], String> {
    if bytes.len() < HEADER_BYTES {
        return Err("cut off".to_owned());
    }
    let stored = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"));
    let length = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes")) as usize;
    let body = bytes.get(HEADER_BYTES..HEADER_BYTES + length).ok_or("cut off")?;
    if stored != crc32c::crc32c(&bytes[4..HEADER_BYTES + length]) {
        return Err("the checksum does not match".to_owned());
    }
    Ok(body)
}

/// Replaces file `name`. Durable when this returns.
pub(crate) async fn write<T: Serialize>(disk: &Arc<dyn Disk>, name: &str, value: &T) -> io::Result<()> {
    let beside = format!("{name}.new");
    let bytes = seal(value);
    let file = disk.open(&beside).await?;
    file.write_at(0, &bytes).await?;
    file.set_len(bytes.len() as u64).await?;
    file.sync().await?;
    disk.rename(&beside, name).await?;
    disk.sync_dir().await
}

/// Reads file `name`; `None` when there is none.
pub(crate) async fn read<T: DeserializeOwned>(disk: &Arc<dyn Disk>, name: &str) -> Result<Option<T>, StartError> {
    let io = |source| StartError::Io { what: format!("reading {name}"), source };
    if !disk.list().await.map_err(io)?.iter().any(|present| present == name) {
        return Ok(None);
    }
    let file = disk.open(name).await.map_err(io)?;
    let length = file.len().await.map_err(io)?;
    let damaged = |what: String| StartError::Damaged { file: name.to_owned(), offset: 0, what };
    if length > VALUE_BYTES_MAX {
        return Err(damaged(format!("{length} bytes are too many")));
    }
    let mut bytes = vec![0; usize::try_from(length).expect("bounded above")];
    file.read_at(0, &mut bytes).await.map_err(io)?;
    unseal(&bytes).map(Some).map_err(damaged)
}
