//! What must hold of keys.

use std::collections::BTreeMap;

use super::{KEYS_MAX, SpKeyMaterial};
use crate::ids::SpId;
use crate::state::State;

impl State {
    /// Each key is an SP's, fits its algorithm as long as it was not ended, and keeps no secret once it was; no SP
    /// has more of them than it may.
    pub(crate) fn check_sp_keys(&self) -> Result<(), String> {
        let mut count = BTreeMap::<SpId, usize>::new();
        for ((sp, id), key) in self.doors.sp_keys.rows.iter() {
            if self.sp(*sp).is_none() {
                return Err(format!("the key {id} is nobody's: {sp}"));
            }
            let wiped = matches!(&key.material, SpKeyMaterial::Secret(sealed) if sealed.as_bytes().is_empty());
            let kept = if key.ended_at.is_some() {
                wiped == key.algorithm.is_secret()
            } else {
                key.material.fits(key.algorithm)
            };
            if !kept {
                return Err(format!("the key {id} of {sp} does not fit {}", key.algorithm.name()));
            }
            *count.entry(*sp).or_default() += 1;
        }
        match count.iter().find(|(_, count)| **count > KEYS_MAX) {
            Some((sp, count)) => Err(format!("{sp} has {count} keys")),
            None => Ok(()),
        }
    }
}
