//! A map in copy-on-write shards: cloning it copies one pointer a shard, so a snapshot never stops
//! `apply`, and the first write after a snapshot copies one shard, not the map.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a key chooses its shard. Must be the same on every replica and in every version.
pub trait ShardKey: Ord + Clone {
    /// Well-mixed bits of the key.
    fn shard_bits(&self) -> u64;
}

/// A map of `2^BITS` copy-on-write shards.
#[derive(Clone)]
pub struct Sharded<K, V, const BITS: u32> {
    shards: Vec<Arc<BTreeMap<K, V>>>,
    rows: usize,
}

impl<K: ShardKey, V: Clone, const BITS: u32> Default for Sharded<K, V, BITS> {
    fn default() -> Self {
        // Every shard starts as the same empty map, so an empty table costs pointers only.
        Self { shards: vec![Arc::new(BTreeMap::new()); 1 << BITS], rows: 0 }
    }
}

/// Spreads consecutive numbers over all shards (Fibonacci hashing).
#[must_use]
pub const fn spread(bits: u64) -> u64 {
    bits.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl<K: ShardKey, V: Clone, const BITS: u32> Sharded<K, V, BITS> {
    fn shard_of(key: &K) -> usize {
        // The high bits of the product are the well-mixed ones.
        (key.shard_bits() >> (64 - BITS)) as usize
    }

    /// The row under `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.shards[Self::shard_of(key)].get(key)
    }

    /// The row under `key`, to be changed. Copies the shard when a snapshot still holds it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let shard = &mut self.shards[Self::shard_of(key)];
        // Looking first keeps a miss from copying the shard.
        if !shard.contains_key(key) {
            return None;
        }
        Arc::make_mut(shard).get_mut(key)
    }

    /// Puts a row; returns the one it replaces.
    pub fn insert(&mut self, key: K, row: V) -> Option<V> {
        let before = Arc::make_mut(&mut self.shards[Self::shard_of(&key)]).insert(key, row);
        self.rows += usize::from(before.is_none());
        before
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let shard = &mut self.shards[Self::shard_of(key)];
        if !shard.contains_key(key) {
            return None;
        }
        let row = Arc::make_mut(shard).remove(key);
        self.rows -= usize::from(row.is_some());
        row
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// All rows, by shard and key: the same order on every replica.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }
}

impl<K: ShardKey + fmt::Debug, V: Clone + fmt::Debug, const BITS: u32> fmt::Debug for Sharded<K, V, BITS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: ShardKey, V: Clone + PartialEq, const BITS: u32> PartialEq for Sharded<K, V, BITS> {
    fn eq(&self, other: &Self) -> bool {
        self.shards == other.shards
    }
}

impl<K: ShardKey + Serialize, V: Clone + Serialize, const BITS: u32> Serialize for Sharded<K, V, BITS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.rows))?;
        for row in self.iter() {
            rows.serialize_element(&row)?;
        }
        rows.end()
    }
}

impl<'de, K: ShardKey + Deserialize<'de>, V: Clone + Deserialize<'de>, const BITS: u32> Deserialize<'de>
    for Sharded<K, V, BITS>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows<K, V, const BITS: u32>(std::marker::PhantomData<(K, V)>);
        impl<'de, K: ShardKey + Deserialize<'de>, V: Clone + Deserialize<'de>, const BITS: u32> Visitor<'de>
            for Rows<K, V, BITS>
        {
            type Value = Sharded<K, V, BITS>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rows of a sharded map")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
                let mut map = Sharded::default();
                while let Some((key, row)) = rows.next_element()? {
                    map.insert(key, row);
                }
                Ok(map)
            }
        }
        deserializer.deserialize_seq(Rows(std::marker::PhantomData))
    }
}
