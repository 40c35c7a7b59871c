//! Setting and ending keys.

use super::{KEYS_MAX, OPEN_KEYS_MAX, SetSpKey, SpKey, SpKeyId, SpKeyMaterial};
use crate::ids::SpId;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::time::LogTime;

impl State {
    /// Adds a key of an SP.
    ///
    /// # Errors
    /// In this order: [`Refusal::SpKeyUnusable`], [`Refusal::SpKeyPeriod`], [`Refusal::SpNotFound`],
    /// [`Refusal::SpKeyExists`], [`Refusal::SpKeysFull`].
    pub(crate) fn set_sp_key(&mut self, ask: &SetSpKey) -> Result<Outcome, Refusal> {
        if !ask.material.fits(ask.algorithm) {
            return Err(Refusal::SpKeyUnusable);
        }
        let good_from = ask.good_from.unwrap_or(self.now);
        if ask.good_until.is_some_and(|until| until <= good_from.max(self.now)) {
            return Err(Refusal::SpKeyPeriod);
        }
        self.sp(ask.sp).ok_or(Refusal::SpNotFound)?;
        if self.sp_key(ask.sp, ask.key).is_some() {
            return Err(Refusal::SpKeyExists);
        }
        let forgotten = self.sp_keys_to_forget(ask.sp);
        let now = self.now;
        let open = self.sp_keys(ask.sp).filter(|(_, key)| key.is_open_at(now)).count();
        let all = self.sp_keys(ask.sp).count() - forgotten.len();
        if open >= OPEN_KEYS_MAX || all >= KEYS_MAX {
            return Err(Refusal::SpKeysFull);
        }

        // From here it must succeed.
        for id in forgotten {
            self.entry.digest.feed(&id);
            self.doors.sp_keys.rows.remove(&(ask.sp, id));
        }
        let key = SpKey {
            algorithm: ask.algorithm,
            material: ask.material.clone(),
            good_from,
            good_until: ask.good_until,
            set_at: self.now,
            ended_at: None,
        };
        self.entry.digest.feed(&(ask.sp, ask.key, &key));
        self.doors.sp_keys.rows.insert((ask.sp, ask.key), key);
        Ok(Outcome::Sp(ask.sp))
    }

    /// Ends a key at once.
    ///
    /// # Errors
    /// In this order: [`Refusal::SpNotFound`], [`Refusal::SpKeyNotFound`], [`Refusal::SpKeyEnded`].
    pub(crate) fn end_sp_key(&mut self, sp: SpId, id: SpKeyId) -> Result<Outcome, Refusal> {
        self.sp(sp).ok_or(Refusal::SpNotFound)?;
        let key = self.sp_key(sp, id).ok_or(Refusal::SpKeyNotFound)?;
        if !key.is_open_at(self.now) {
            return Err(Refusal::SpKeyEnded);
        }

        // From here it must succeed.
        let now = self.now;
        let key = self.doors.sp_keys.rows.get_mut(&(sp, id)).expect("just found");
        key.ended_at = Some(now);
        if let SpKeyMaterial::Secret(sealed) = &mut key.material {
            sealed.wipe();
        }
        self.entry.digest.feed(&(sp, id, &*key));
        Ok(Outcome::Sp(sp))
    }

    /// Keys that ended so long ago that nobody asks for them: they go when the next one is set, so that an SP
    /// never has more rows than [`KEYS_MAX`].
    fn sp_keys_to_forget(&self, sp: SpId) -> Vec<SpKeyId> {
        let before = LogTime(self.now.0.saturating_sub(self.policy.retention_ms));
        let over = self.sp_keys(sp).filter(|(_, key)| key.end().is_some_and(|end| end < before));
        over.map(|(id, _)| id).collect()
    }
}
