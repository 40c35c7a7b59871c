//! The one place that turns values into bytes and back: version byte, size limit, no trailing
//! bytes. What is written to disk or wire is described in [`crate::stored`] and
//! [`crate::network::wire`]; every change of those is a new version here.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bytes::Bytes;
use mpss_domain::{Batch, Command, LogTime};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Version of everything persisted or sent by this build. A reader refuses any other.
pub(crate) const FORMAT_VERSION: u8 = 1;
/// Largest encoded command, in bytes.
pub(crate) const COMMAND_BYTES_MAX: usize = 1 << 20;
/// A batch takes no further command from this size on, in bytes.
pub(crate) const ENTRY_TARGET_BYTES: usize = 1 << 20;
/// Bytes one decoded value may claim; a corrupt length can not ask for more.
const DECODE_BYTES_MAX: usize = 64 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<DECODE_BYTES_MAX>> =
    bincode::config::standard().with_limit::<DECODE_BYTES_MAX>();
/// For streams of any length whose parts are checked by themselves (snapshots).
const STREAM_CONFIG: Configuration<LittleEndian, Varint> = bincode::config::standard();
/// Bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by another version.
    #[error("version {found} can not be read by this build, which reads version {FORMAT_VERSION}")]
    Version {
        /// The version met.
        found: u8,
    },
    /// Malformed, cut off, or too large.
    #[error("malformed: {0}")]
    Malformed(String),
}

/// `value` with its version byte.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = vec![FORMAT_VERSION];
    encode_onto(value, &mut bytes);
    bytes
}

/// `value` without a version byte, after what `bytes` holds already.
pub(crate) fn encode_onto<T: Serialize>(value: &T, bytes: &mut Vec<u8>) {
    bincode::serde::encode_into_std_write(value, bytes, CONFIG)
        .expect("writing to memory can not fail, and no value of ours refuses to be written");
}

/// The value `bytes` hold, version byte first, all of them.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match bytes.split_first() {
        Some((&FORMAT_VERSION, rest)) => decode_body(rest),
        Some((&found, _)) => Err(CodecError::Version { found }),
        None => Err(CodecError::Malformed("empty".to_owned())),
    }
}

/// The value `bytes` hold, all of them, without a version byte.
pub(crate) fn decode_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = decode_part(bytes)?;
    if used == bytes.len() {
        Ok(value)
    } else {
        Err(CodecError::Malformed(format!("{} bytes too many", bytes.len() - used)))
    }
}

/// The value at the front of `bytes` and how many bytes it takes.
pub(crate) fn decode_part<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), CodecError> {
    bincode::serde::decode_from_slice(bytes, CONFIG).map_err(|error| CodecError::Malformed(error.to_string()))
}

/// Streams `value` into `writer`.
pub(crate) fn encode_stream<T: Serialize>(value: &T, writer: &mut impl std::io::Write) -> std::io::Result<()> {
    bincode::serde::encode_into_std_write(value, writer, STREAM_CONFIG).map(|_| ()).map_err(|error| match error {
        bincode::error::EncodeError::Io { inner, .. } => inner,
        other => std::io::Error::other(other),
    })
}

/// Reads a value back from a stream.
pub(crate) fn decode_stream<T: DeserializeOwned>(reader: &mut impl std::io::Read) -> std::io::Result<T> {
    bincode::serde::decode_from_std_read(reader, STREAM_CONFIG).map_err(|error| match error {
        bincode::error::DecodeError::Io { inner, .. } => inner,
        other => std::io::Error::other(other),
    })
}

/// One command, as it is put into a batch.
pub(crate) fn encode_command(command: &Command) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    encode_onto(command, &mut bytes);
    bytes
}

/// A command as it came over the wire.
pub(crate) fn decode_command(bytes: &[u8]) -> Result<Command, CodecError> {
    decode_body(bytes)
}

/// Commands that are encoded already, as one entry: byte for byte what encoding the [`Batch`] gives.
pub(crate) fn join_batch(at: LogTime, commands: &[impl AsRef<[u8]>]) -> Bytes {
    let length: usize = commands.iter().map(|command| command.as_ref().len()).sum();
    let mut bytes = Vec::with_capacity(length + 32);
    bytes.push(FORMAT_VERSION);
    encode_onto(&at, &mut bytes);
    // A sequence is its length followed by its elements.
    encode_onto(&(commands.len() as u64), &mut bytes);
    for command in commands {
        bytes.extend_from_slice(command.as_ref());
    }
    Bytes::from(bytes)
}

/// The commands of one entry.
///
/// # Errors
/// When the bytes are no batch of this version.
pub fn decode_batch(bytes: &[u8]) -> Result<Batch, CodecError> {
    decode(bytes)
}

#[cfg(test)]
mod tests {
    use mpss_domain::Verb;

    use super::*;

    #[test]
    fn joined_commands_are_the_encoded_batch() {
        let commands = vec![
            Command::internal(Verb::Tick),
            Command::internal(Verb::CompareDigest { index: 300, digest: 7 << 90 }),
            Command::internal(Verb::AcknowledgeEffects { effects: Vec::new() }),
        ];
        let at = LogTime(1_795_437_296_789);
        let encoded: Vec<_> = commands.iter().map(encode_command).collect();
        let joined = join_batch(at, &encoded);
        let batch = Batch { at, commands };
        assert_eq!(joined, encode(&batch));
        assert_eq!(decode_batch(&joined).expect("decodes"), batch);
    }

    #[test]
    fn other_versions_trailing_bytes_and_cut_bytes_are_refused() {
        let bytes = encode(&(7_u64, "text".to_owned()));
        assert_eq!(decode::<(u64, String)>(&bytes).expect("decodes"), (7, "text".to_owned()));
        let mut newer = bytes.clone();
        newer[0] = 2;
        assert_eq!(decode::<(u64, String)>(&newer), Err(CodecError::Version { found: 2 }));
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(decode::<(u64, String)>(&longer), Err(CodecError::Malformed(_))));
        for cut in 0..bytes.len() {
            assert!(decode::<(u64, String)>(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_length_that_lies_does_not_allocate() {
        let mut bytes = vec![FORMAT_VERSION];
        encode_onto(&u64::MAX, &mut bytes);
        assert!(decode::<Vec<u8>>(&bytes).is_err());
        assert!(decode::<Vec<Command>>(&bytes).is_err());
        assert!(decode::<String>(&bytes).is_err());
    }
}
