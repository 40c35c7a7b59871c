//! Parties outside in a mood.

use super::Hand;
use crate::outside::Mood;
use crate::scenario::{FaultKind, Strike};

/// Who is in it.
#[derive(Clone, Copy)]
enum Party {
    Sps,
    Smsc,
    Ismp,
    Bank,
}

impl Hand {
    pub(super) async fn strike_outside(&mut self, strike: &Strike) {
        use FaultKind as K;
        let parts = u32::try_from(strike.strength).unwrap_or(u32::MAX);
        let mood = match strike.kind {
            K::SpLoses | K::SmscLoses | K::IsmpLoses | K::BankLoses => Mood { lost: parts, ..Mood::default() },
            K::SpLate | K::SmscLate | K::IsmpLate | K::BankLate => Mood { late_ms: strike.strength, ..Mood::default() },
            K::SpTwice | K::SmscTwice | K::IsmpTwice | K::BankTwice => Mood { twice: parts, ..Mood::default() },
            _ => Mood { refused: parts, ..Mood::default() },
        };
        let (party, name) = match strike.kind {
            K::SpLoses | K::SpLate | K::SpTwice | K::SpRefuses => (Party::Sps, "all SPs"),
            K::IsmpLoses | K::IsmpLate | K::IsmpTwice | K::IsmpRefuses => (Party::Ismp, "ISMP"),
            K::BankLoses | K::BankLate | K::BankTwice | K::BankRefuses => (Party::Bank, "bank"),
            _ => (Party::Smsc, "SMS centre"),
        };
        let (sps, smsc, rails) =
            (self.country.sps().clone(), self.country.smsc().clone(), self.country.rails().clone());
        let number = match party {
            Party::Sps => sps.begin(mood),
            Party::Smsc => smsc.begin(mood),
            Party::Ismp => rails.begin(false, mood),
            Party::Bank => rails.begin(true, mood),
        };
        let span = self.broken(strike, name, strike.strength.to_string());
        self.last(strike.lasts_ms).await;
        match party {
            Party::Sps => sps.end(number),
            Party::Smsc => smsc.end(number),
            Party::Ismp => rails.end(false, number),
            Party::Bank => rails.end(true, number),
        }
        self.mended(span);
    }
}
