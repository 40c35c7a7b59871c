//! The head of a snapshot file as bytes. It names the state version before anything else, because
//! that says how the rest is read, and by whom it may be.
//!
//! ```text
//!  state version 1   format 1 │ head                    as it was before there were versions
//!  any later one     format 2 │ state version │ head    which a program of that time refuses by its format
//! ```

use std::io;

use mpss_domain::StateVersion;

use crate::codec;
use crate::sealed_file;
use crate::stored::SnapshotHead;
use crate::versions::Executes;

/// The format of heads that name their state version.
const NAMES_VERSION: u8 = 2;

/// A snapshot by rules this replica does not execute.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct OtherVersion(String);

/// True when `error` tells of a whole snapshot that is not for this program.
pub(crate) fn is_other_version(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<OtherVersion>())
}

pub(super) fn corrupt(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// The head with its length and checksum in front.
pub(crate) fn seal(head: &SnapshotHead) -> Vec<u8> {
    if head.state_version == StateVersion::FIRST {
        return sealed_file::seal(head);
    }
    let mut body = vec![NAMES_VERSION];
    codec::encode_onto(&head.state_version, &mut body);
    codec::encode_onto(head, &mut body);
    sealed_file::seal_bytes(&body)
}

/// The head at the front of `bytes`.
///
/// # Errors
/// When it is damaged, or of a version this replica does not execute; see [`is_other_version`].
pub(crate) fn unseal(bytes: &[u8], executes: Executes) -> io::Result<SnapshotHead> {
    let body = sealed_file::unseal_bytes(bytes).map_err(corrupt)?;
    let malformed = |error: codec::CodecError| corrupt(error.to_string());
    let may_be_read = |version| {
        if executes.range.contains(version) {
            return Ok(());
        }
        let objection = executes.objection(&format!("the snapshot is of version {version}"), version);
        Err(io::Error::new(io::ErrorKind::InvalidData, OtherVersion(objection)))
    };
    let head = if let Some((&NAMES_VERSION, rest)) = body.split_first() {
        let (version, used) = codec::decode_part::<StateVersion>(rest).map_err(malformed)?;
        if version == StateVersion::FIRST {
            return Err(corrupt("the first state version is not named"));
        }
        may_be_read(version)?;
        let head: SnapshotHead = codec::decode_body(&rest[used..]).map_err(malformed)?;
        SnapshotHead { state_version: version, ..head }
    } else {
        let head: SnapshotHead = codec::decode(body).map_err(malformed)?;
        may_be_read(StateVersion::FIRST)?;
        head
    };
    if head.membership.to_raft().is_none() {
        return Err(corrupt("a voter is no member"));
    }
    let used = seal(&head).len();
    if bytes[used..].iter().any(|byte| *byte != 0) {
        return Err(corrupt("something is behind the head"));
    }
    Ok(head)
}

/// Reads a snapshot's head from raw bytes, for fuzzing: no input may panic.
#[must_use]
pub fn fuzz_head(bytes: &[u8]) -> bool {
    unseal(bytes, Executes::everything()).is_ok()
}
