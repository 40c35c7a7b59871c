//! Digests that replicas compare: of what every log entry did (running), and of all rows (content).
//!
//! Values are fed through serde in one fixed form (little-endian, lengths as 64 bits, variants by
//! number), so equal values give equal digests whatever machine or compiler made the replica.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::ser::{self, Serialize};
use serde::{Deserialize, Serializer};
use xxhash_rust::xxh3::Xxh3;

/// Log entries whose digest is kept, so that a leader's digest can be compared a while later.
pub const DIGESTS_KEPT: usize = 4_096;

/// The digests of the last [`DIGESTS_KEPT`] log entries.
#[derive(Debug, Clone, Default, serde::Serialize, Deserialize)]
pub(crate) struct DigestRing(Arc<VecDeque<(u64, u128)>>);

impl DigestRing {
    pub(crate) fn push(&mut self, index: u64, digest: u128) {
        let ring = Arc::make_mut(&mut self.0);
        if ring.len() == DIGESTS_KEPT {
            ring.pop_front();
        }
        ring.push_back((index, digest));
    }

    pub(crate) fn at(&self, index: u64) -> Option<u128> {
        self.0.binary_search_by_key(&index, |entry| entry.0).ok().map(|at| self.0[at].1)
    }
}

/// The digest of one log entry in the making. The buffer holds what one command left behind, so it
/// stays in the processor's cache; it is reused, and no part of the state.
#[derive(Default)]
pub(crate) struct EntryDigest {
    bytes: Vec<u8>,
    hasher: Xxh3,
}

impl Clone for EntryDigest {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for EntryDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntryDigest").finish_non_exhaustive()
    }
}

impl EntryDigest {
    pub(crate) fn feed<T: Serialize + ?Sized>(&mut self, value: &T) {
        feed(&mut self.bytes, value);
    }

    /// A command is done: what it left behind goes into the hash.
    pub(crate) fn end_command(&mut self) {
        self.hasher.update(&self.bytes);
        self.bytes.clear();
    }

    /// Chains what was fed to the digest before.
    pub(crate) fn chain(&mut self, before: u128) -> u128 {
        self.feed(&before);
        self.end_command();
        let digest = self.hasher.digest128();
        self.hasher.reset();
        digest
    }
}

/// The digest of one value.
pub(crate) fn digest_of<T: Serialize>(value: &T) -> u128 {
    let mut bytes = Buffered::default();
    feed(&mut bytes, value);
    bytes.flush();
    bytes.hasher.digest128()
}

/// Bytes on their way into a hash, in pieces that are worth its while.
#[derive(Default)]
struct Buffered {
    bytes: Vec<u8>,
    hasher: Xxh3,
}

/// Size of such a piece.
const PIECE_BYTES: usize = 16 << 10;

impl Buffered {
    fn flush(&mut self) {
        self.hasher.update(&self.bytes);
        self.bytes.clear();
    }
}

fn feed<B: Bytes, T: Serialize + ?Sized>(bytes: &mut B, value: &T) {
    value.serialize(Feed(bytes)).expect("feeding a digest can only fail on values that MPSS does not have");
}

/// Where bytes go.
trait Bytes {
    fn put(&mut self, bytes: &[u8]);
}

impl Bytes for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Bytes for Buffered {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= PIECE_BYTES {
            self.flush();
        }
    }
}

struct Feed<'a, B>(&'a mut B);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct FeedError(String);

impl ser::Error for FeedError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

macro_rules! feed_numbers {
    ($($method:ident $number:ty,)*) => {$(
        fn $method(self, value: $number) -> Result<(), FeedError> {
            self.0.put(&value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'a, B: Bytes> Serializer for Feed<'a, B> {
    type Ok = ();
    type Error = FeedError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    feed_numbers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
    }

    fn serialize_bool(self, value: bool) -> Result<(), FeedError> {
        self.serialize_u8(u8::from(value))
    }

    fn serialize_f32(self, _: f32) -> Result<(), FeedError> {
        Err(ser::Error::custom("the state holds no floats"))
    }

    fn serialize_f64(self, _: f64) -> Result<(), FeedError> {
        Err(ser::Error::custom("the state holds no floats"))
    }

    fn serialize_char(self, value: char) -> Result<(), FeedError> {
        self.serialize_u32(u32::from(value))
    }

    fn serialize_str(self, value: &str) -> Result<(), FeedError> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), FeedError> {
        self.0.put(&(value.len() as u64).to_le_bytes());
        self.0.put(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), FeedError> {
        self.serialize_u8(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), FeedError> {
        self.0.put(&[1]);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), FeedError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), FeedError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, number: u32, _: &'static str) -> Result<(), FeedError> {
        self.serialize_u32(number)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), FeedError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        number: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), FeedError> {
        self.0.put(&number.to_le_bytes());
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, FeedError> {
        let len = len.ok_or_else(|| <FeedError as ser::Error>::custom("every sequence knows its length"))?;
        self.0.put(&(len as u64).to_le_bytes());
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, FeedError> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, FeedError> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        number: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, FeedError> {
        self.0.put(&number.to_le_bytes());
        Ok(self)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self, FeedError> {
        self.serialize_seq(len)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, FeedError> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        number: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, FeedError> {
        self.0.put(&number.to_le_bytes());
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! feed_compounds {
    ($($compound:ident $method:ident $(($key:ty))?,)*) => {$(
        impl<B: Bytes> ser::$compound for Feed<'_, B> {
            type Ok = ();
            type Error = FeedError;
            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Result<(), FeedError> {
                value.serialize(Feed(self.0))
            }
            fn end(self) -> Result<(), FeedError> {
                Ok(())
            }
        }
    )*};
}

feed_compounds! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
    SerializeStruct serialize_field (&'static str),
    SerializeStructVariant serialize_field (&'static str),
}

impl<B: Bytes> ser::SerializeMap for Feed<'_, B> {
    type Ok = ();
    type Error = FeedError;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), FeedError> {
        key.serialize(Feed(self.0))
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), FeedError> {
        value.serialize(Feed(self.0))
    }
    fn end(self) -> Result<(), FeedError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    #[test]
    fn different_values_are_fed_differently() {
        let values = [
            digest_of(&("ab", "c")),
            digest_of(&("a", "bc")),
            digest_of(&vec![Some(1_u8)]),
            digest_of(&vec![None::<u8>, None]),
            digest_of(&(1_u8, 1_u8)),
            digest_of(&Money::fen(257)),
        ];
        for (at, value) in values.iter().enumerate() {
            assert!(!values[..at].contains(value), "value {at} collides");
        }
    }

    #[test]
    fn the_newest_digests_are_kept() {
        let mut ring = DigestRing::default();
        let last = DIGESTS_KEPT as u64 + 10;
        for index in (0..=last).filter(|index| index % 7 != 0) {
            ring.push(index, u128::from(index) + 1);
        }
        assert_eq!(ring.at(last), Some(u128::from(last) + 1));
        assert_eq!(ring.at(7), None, "not every log entry is applied");
        for index in last + 1..last * 2 {
            ring.push(index, 0);
        }
        assert_eq!((ring.at(last), ring.0.len()), (None, DIGESTS_KEPT));
    }

    #[test]
    fn a_digest_is_the_same_on_every_machine() {
        // Frozen: replicas of two versions compare these.
        assert_eq!(digest_of(&(7_u64, Some("支付"), [Money::fen(-5)])), GOLDEN);
    }

    const GOLDEN: u128 = 8_511_551_111_171_480_581_217_954_401_264_907_754;
}
