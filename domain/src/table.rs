//! An ordered map in copy-on-write leaves: the form of every big table of the state.
//!
//! ```text
//!  branches ──▶ [first key, Arc] ──▶ leaves [first key, Arc] ──▶ keys […] rows […]
//! ```
//!
//! Three levels, whatever the size: a clone copies one pointer a branch, so a snapshot never stops
//! `apply`; the first write after a snapshot copies one leaf, never the map; there is no rehash. Most
//! tables are keyed by identities that ascend with time, so new rows land side by side in the last
//! leaf and a snapshot costs copies of the few leaves that are still being written.

use std::fmt;
use std::sync::Arc;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Leaves in one branch at most.
const BRANCH_LEAVES_MAX: usize = 128;

/// An ordered map of copy-on-write leaves with at most `LEAF` rows each.
pub struct Table<K, V, const LEAF: usize> {
    branches: Vec<Branch<K, V>>,
    rows: usize,
}

struct Branch<K, V> {
    /// Not above the first key below it.
    first: K,
    leaves: Arc<Vec<Leaf<K, V>>>,
}

struct Leaf<K, V> {
    /// Not above the first key below it.
    first: K,
    rows: Arc<Rows<K, V>>,
}

/// Keys apart from rows, so that a search walks through a few cache lines.
struct Rows<K, V> {
    keys: Vec<K>,
    rows: Vec<V>,
}

/// Where a row stands; valid until the table is changed by an insertion or removal.
#[derive(Clone, Copy)]
pub struct Slot {
    branch: u32,
    leaf: u32,
    row: u32,
}

impl<K: Ord + Copy, V: Clone, const LEAF: usize> Table<K, V, LEAF> {
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

    /// Where the row under `key` stands.
    #[must_use]
    pub fn find(&self, key: &K) -> Option<Slot> {
        let branch = self.branches.partition_point(|branch| branch.first <= *key).checked_sub(1)?;
        let leaves = &self.branches[branch].leaves;
        let leaf = leaves.partition_point(|leaf| leaf.first <= *key).checked_sub(1)?;
        let row = leaves[leaf].rows.keys.binary_search(key).ok()?;
        Some(Slot { branch: branch as u32, leaf: leaf as u32, row: row as u32 })
    }

    /// The row at a slot that [`Table::find`] gave.
    #[must_use]
    pub fn at(&self, slot: Slot) -> &V {
        &self.branches[slot.branch as usize].leaves[slot.leaf as usize].rows.rows[slot.row as usize]
    }

    /// The row at a slot that [`Table::find`] gave, to be changed. Copies the leaf when a clone
    /// still holds it.
    pub fn at_mut(&mut self, slot: Slot) -> &mut V {
        let leaves = Arc::make_mut(&mut self.branches[slot.branch as usize].leaves);
        &mut Arc::make_mut(&mut leaves[slot.leaf as usize].rows).rows[slot.row as usize]
    }

    /// The row under `key`.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.find(key).map(|slot| self.at(slot))
    }

    /// The row under `key`, to be changed. A miss copies nothing.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.find(key).map(|slot| self.at_mut(slot))
    }

    /// Puts a row; returns the one it replaces.
    pub fn insert(&mut self, key: K, row: V) -> Option<V> {
        match self.place(&key) {
            Ok(slot) => Some(std::mem::replace(self.at_mut(slot), row)),
            Err(slot) => {
                self.insert_at(slot, key, row);
                None
            }
        }
    }

    /// Where the row under `key` stands, or else where it would stand.
    ///
    /// # Errors
    /// The place for [`Table::insert_at`].
    pub(crate) fn place(&self, key: &K) -> Result<Slot, Slot> {
        // Most rows are the newest of their table: the ends are looked at before searching.
        let branch = match self.branches.last() {
            Some(last) if last.first <= *key => self.branches.len() - 1,
            Some(_) => self.branches.partition_point(|branch| branch.first <= *key).saturating_sub(1),
            None => return Err(Slot { branch: 0, leaf: 0, row: 0 }),
        };
        let leaves = &self.branches[branch].leaves;
        let leaf = match leaves.last() {
            Some(last) if last.first <= *key => leaves.len() - 1,
            _ => leaves.partition_point(|leaf| leaf.first <= *key).saturating_sub(1),
        };
        let keys = &leaves[leaf].rows.keys;
        let found = match keys.last() {
            Some(last) if last < key => Err(keys.len()),
            _ => keys.binary_search(key),
        };
        let slot = |row: usize| Slot { branch: branch as u32, leaf: leaf as u32, row: row as u32 };
        found.map(slot).map_err(slot)
    }

    /// Puts a row that is not there at the place that [`Table::place`] gave for it.
    pub(crate) fn insert_at(&mut self, slot: Slot, key: K, row: V) {
        self.rows += 1;
        let (at_branch, at_leaf, at) = (slot.branch as usize, slot.leaf as usize, slot.row as usize);
        let Some(branch) = self.branches.get_mut(at_branch) else {
            self.branches.push(Branch { first: key, leaves: Arc::new(vec![Leaf::of_one(key, row, 1)]) });
            return;
        };
        branch.first = branch.first.min(key);
        let leaves = Arc::make_mut(&mut branch.leaves);
        let leaf = &mut leaves[at_leaf];
        leaf.first = leaf.first.min(key);
        let full = Arc::make_mut(&mut leaf.rows);
        if full.keys.len() < LEAF {
            full.insert(at, key, row);
            return;
        }
        // Rows that arrive in the order of their keys leave full leaves behind them; others split
        // the leaf in two halves.
        let right = if at == LEAF {
            // More will follow, so its memory is taken at once.
            Leaf::of_one(key, row, LEAF)
        } else {
            let mut right = full.split_off(LEAF / 2);
            match at.checked_sub(LEAF / 2) {
                Some(at) if at > 0 => right.insert(at, key, row),
                _ => full.insert(at, key, row),
            }
            Leaf { first: right.keys[0], rows: Arc::new(right) }
        };
        leaves.insert(at_leaf + 1, right);
        if leaves.len() > BRANCH_LEAVES_MAX {
            let split = if at_leaf + 2 == leaves.len() { leaves.len() - 1 } else { leaves.len() / 2 };
            let right = leaves.split_off(split);
            let branch = Branch { first: right[0].first, leaves: Arc::new(right) };
            self.branches.insert(at_branch + 1, branch);
        }
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let slot = self.find(key)?;
        let (at_branch, at_leaf) = (slot.branch as usize, slot.leaf as usize);
        let leaves = Arc::make_mut(&mut self.branches[at_branch].leaves);
        let rows = Arc::make_mut(&mut leaves[at_leaf].rows);
        rows.keys.remove(slot.row as usize);
        let row = rows.rows.remove(slot.row as usize);
        self.rows -= 1;
        if rows.keys.is_empty() {
            leaves.remove(at_leaf);
            if leaves.is_empty() {
                self.branches.remove(at_branch);
            }
        } else if rows.keys.len() * 4 <= rows.keys.capacity() {
            // What outlives its neighbours must not hold their memory.
            let keep = rows.keys.len() * 2;
            rows.keys.shrink_to(keep);
            rows.rows.shrink_to(keep);
        }
        Some(row)
    }

    /// All rows, ascending by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.branches.iter().flat_map(|branch| branch.leaves.iter()).flat_map(|leaf| leaf.rows.iter(0))
    }

    /// The rows from `key` on, ascending.
    pub fn iter_from(&self, key: K) -> impl Iterator<Item = (&K, &V)> {
        let at_branch = self.branches.partition_point(|branch| branch.first <= key).saturating_sub(1);
        let leaves = self.branches[at_branch.min(self.branches.len())..].iter().flat_map(|branch| branch.leaves.iter());
        // Only leaves of the first branch can end below the key, and the search in one is cheap.
        leaves
            .skip_while(move |leaf| leaf.rows.keys.last().is_some_and(|last| *last < key))
            .flat_map(move |leaf| leaf.rows.iter(leaf.rows.keys.partition_point(|k| *k < key)))
    }

    /// The row with the lowest key.
    #[must_use]
    pub fn first(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// Takes out a few thousand rows at the high end and says whether any are left: for letting go
    /// of a whole table without stopping for it.
    pub(crate) fn drop_some(&mut self) -> bool {
        if let Some(branch) = self.branches.pop() {
            self.rows -= branch.leaves.iter().map(|leaf| leaf.rows.keys.len()).sum::<usize>();
        }
        !self.branches.is_empty()
    }
}

impl<K: Copy, V> Leaf<K, V> {
    fn of_one(key: K, row: V, capacity: usize) -> Self {
        let mut rows = Rows { keys: Vec::with_capacity(capacity), rows: Vec::with_capacity(capacity) };
        rows.insert(0, key, row);
        Self { first: key, rows: Arc::new(rows) }
    }
}

impl<K: Copy, V: Clone> Clone for Rows<K, V> {
    fn clone(&self) -> Self {
        // A leaf is copied to be written, so the copy has the same room.
        let mut copy =
            Self { keys: Vec::with_capacity(self.keys.capacity()), rows: Vec::with_capacity(self.rows.capacity()) };
        copy.keys.extend_from_slice(&self.keys);
        copy.rows.extend_from_slice(&self.rows);
        copy
    }
}

impl<K, V> Rows<K, V> {
    fn insert(&mut self, at: usize, key: K, row: V) {
        self.keys.insert(at, key);
        self.rows.insert(at, row);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self { keys: self.keys.split_off(at), rows: self.rows.split_off(at) }
    }

    fn iter(&self, from: usize) -> impl Iterator<Item = (&K, &V)> {
        self.keys[from..].iter().zip(&self.rows[from..])
    }
}

impl<K, V, const LEAF: usize> Default for Table<K, V, LEAF> {
    fn default() -> Self {
        const { assert!(LEAF >= 4, "a leaf that splits leaves rows on both sides") };
        Self { branches: Vec::new(), rows: 0 }
    }
}

impl<K: Copy, V, const LEAF: usize> Clone for Table<K, V, LEAF> {
    fn clone(&self) -> Self {
        Self { branches: self.branches.clone(), rows: self.rows }
    }
}

impl<K: Copy, V> Clone for Branch<K, V> {
    fn clone(&self) -> Self {
        Self { first: self.first, leaves: Arc::clone(&self.leaves) }
    }
}

impl<K: Copy, V> Clone for Leaf<K, V> {
    fn clone(&self) -> Self {
        Self { first: self.first, rows: Arc::clone(&self.rows) }
    }
}

impl<K: Ord + Copy + fmt::Debug, V: Clone + fmt::Debug, const LEAF: usize> fmt::Debug for Table<K, V, LEAF> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Copy, V: Clone + PartialEq, const LEAF: usize> PartialEq for Table<K, V, LEAF> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Copy + Serialize, V: Clone + Serialize, const LEAF: usize> Serialize for Table<K, V, LEAF> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.rows))?;
        for row in self.iter() {
            rows.serialize_element(&row)?;
        }
        rows.end()
    }
}

impl<'de, K, V, const LEAF: usize> Deserialize<'de> for Table<K, V, LEAF>
where
    K: Ord + Copy + Deserialize<'de>,
    V: Clone + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<K, V, const LEAF: usize>(std::marker::PhantomData<(K, V)>);
        impl<'de, K, V, const LEAF: usize> Visitor<'de> for InOrder<K, V, LEAF>
        where
            K: Ord + Copy + Deserialize<'de>,
            V: Clone + Deserialize<'de>,
        {
            type Value = Table<K, V, LEAF>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the rows of a table")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
                let mut table = Table::default();
                while let Some((key, row)) = rows.next_element()? {
                    table.insert(key, row);
                }
                Ok(table)
            }
        }
        deserializer.deserialize_seq(InOrder(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A few thousand insertions, replacements and removals against the standard ordered map, with a
    /// clone taken now and then that must not change afterwards.
    #[test]
    fn behaves_like_an_ordered_map_and_clones_stand_still() {
        let mut table = Table::<u64, u64, 4>::default();
        let mut map = BTreeMap::new();
        let mut clones = Vec::new();
        let mut bits = 1_u64;
        for step in 0..20_000_u64 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = match step % 3 {
                0 => step, // ascending, as identities are
                _ => (bits >> 40) % 4_000,
            };
            if bits >> 63 == 0 || step < 3_000 {
                assert_eq!(table.insert(key, step), map.insert(key, step));
            } else {
                assert_eq!(table.remove(&key), map.remove(&key));
            }
            assert_eq!(table.get(&key), map.get(&key));
            if let Some(row) = table.get_mut(&(key / 2)) {
                *row += 1;
                *map.get_mut(&(key / 2)).expect("both hold it") += 1;
            }
            if step % 1_000 == 0 {
                assert!(table.iter().eq(map.iter()));
                assert!(table.iter_from(key).eq(map.range(key..)));
                assert_eq!(table.first(), map.first_key_value());
                clones.push((table.clone(), map.clone()));
            }
        }
        assert_eq!(table.len(), map.len());
        for (table, map) in clones {
            assert!(table.iter().eq(map.iter()));
        }
        while table.drop_some() {}
        assert!(table.is_empty() && table.iter_from(0).next().is_none());
    }
}
