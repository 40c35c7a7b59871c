//! SPs and the SMS centre in a mood.

use super::Hand;
use crate::outside::Mood;
use crate::scenario::{FaultKind, Strike};

impl Hand {
    pub(super) async fn strike_outside(&mut self, strike: &Strike) {
        let parts = u32::try_from(strike.strength).unwrap_or(u32::MAX);
        let (mood, is_sp) = match strike.kind {
            FaultKind::SpLoses => (Mood { lost: parts, ..Mood::default() }, true),
            FaultKind::SpLate => (Mood { late_ms: strike.strength, ..Mood::default() }, true),
            FaultKind::SpTwice => (Mood { twice: parts, ..Mood::default() }, true),
            FaultKind::SpRefuses => (Mood { refused: parts, ..Mood::default() }, true),
            FaultKind::SmscLoses => (Mood { lost: parts, ..Mood::default() }, false),
            FaultKind::SmscLate => (Mood { late_ms: strike.strength, ..Mood::default() }, false),
            FaultKind::SmscTwice => (Mood { twice: parts, ..Mood::default() }, false),
            _ => (Mood { refused: parts, ..Mood::default() }, false),
        };
        let (sps, smsc) = (self.country.sps().clone(), self.country.smsc().clone());
        let number = if is_sp { sps.begin(mood) } else { smsc.begin(mood) };
        let span = self.broken(strike, if is_sp { "all SPs" } else { "SMS centre" }, strike.strength.to_string());
        self.last(strike.lasts_ms).await;
        if is_sp {
            sps.end(number)
        } else {
            smsc.end(number)
        }
        self.mended(span);
    }
}
