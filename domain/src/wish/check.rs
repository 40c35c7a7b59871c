//! What must hold of wishes.

use crate::effect::Effect;
use crate::state::State;
use crate::timer::{Timer, TimerKind};
use crate::wish::WishStatus;

impl State {
    /// Each open wish is its subscriber's only one, ends by itself, and is told to the bank; a card's number is
    /// kept no longer than that.
    pub(crate) fn check_wishes(&self) -> Result<(), String> {
        for wish in self.wishes() {
            let (id, open) = (wish.id, wish.status.is_open());
            let listed = self.outside.wishes.open.get(&wish.msisdn) == Some(&id);
            let timer = self.timers.get(&Timer::new(wish.until, TimerKind::WishLapses(id))).is_some();
            if open != listed || open != timer {
                return Err(format!("{id} is {:?}, listed: {listed}, and its timer is set: {timer}", wish.status));
            }
            let waits = wish.status == WishStatus::Waiting;
            let effect = self.effects.get(&wish.waits_for).map(|row| &row.effect);
            let told = matches!(effect, Some(Effect::AskBank { wish }) if *wish == id);
            if waits != told || waits == wish.number.as_bytes().is_empty() {
                return Err(format!("{id} is {:?} and waits for {effect:?}", wish.status));
            }
        }
        let open = self.wishes().filter(|wish| wish.status.is_open()).count();
        if open == self.outside.wishes.open.len() { Ok(()) } else { Err("a wish is listed that is not there".into()) }
    }
}
