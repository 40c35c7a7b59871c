//! Parties outside in a mood.

use super::Hand;
use crate::outside::{Mood, Peer};
use crate::scenario::{FaultKind, Strike};

/// Who is in it.
#[derive(Clone, Copy)]
enum Party {
    Sps,
    Smsc,
    Rail(Peer),
}

impl Hand {
    pub(super) async fn strike_outside(&mut self, strike: &Strike) {
        use FaultKind as K;
        let parts = u32::try_from(strike.strength).unwrap_or(u32::MAX);
        let mood = match strike.kind {
            K::SpLoses | K::SmscLoses | K::IsmpLoses | K::BankLoses | K::RechargeLoses | K::UppLoses => {
                Mood { lost: parts, ..Mood::default() }
            }
            K::SpLate | K::SmscLate | K::IsmpLate | K::BankLate | K::RechargeLate | K::UppLate => {
                Mood { late_ms: strike.strength, ..Mood::default() }
            }
            K::SpTwice | K::SmscTwice | K::IsmpTwice | K::BankTwice | K::RechargeTwice | K::UppTwice => {
                Mood { twice: parts, ..Mood::default() }
            }
            _ => Mood { refused: parts, ..Mood::default() },
        };
        let (party, name) = match strike.kind {
            K::SpLoses | K::SpLate | K::SpTwice | K::SpRefuses => (Party::Sps, "all SPs"),
            K::IsmpLoses | K::IsmpLate | K::IsmpTwice | K::IsmpRefuses => (Party::Rail(Peer::Ismp), "ISMP"),
            K::BankLoses | K::BankLate | K::BankTwice | K::BankRefuses => (Party::Rail(Peer::Bank), "bank"),
            K::RechargeLoses | K::RechargeLate | K::RechargeTwice | K::RechargeRefuses => {
                (Party::Rail(Peer::Recharge), "recharge platform")
            }
            K::UppLoses | K::UppLate | K::UppTwice | K::UppRefuses => (Party::Rail(Peer::Upp), "UPP"),
            _ => (Party::Smsc, "SMS centre"),
        };
        let (sps, smsc, rails) =
            (self.country.sps().clone(), self.country.smsc().clone(), self.country.rails().clone());
        let number = match party {
            Party::Sps => sps.begin(mood),
            Party::Smsc => smsc.begin(mood),
            Party::Rail(peer) => rails.begin(peer, mood),
        };
        let span = self.broken(strike, name, strike.strength.to_string());
        self.last(strike.lasts_ms).await;
        match party {
            Party::Sps => sps.end(number),
            Party::Smsc => smsc.end(number),
            Party::Rail(peer) => rails.end(peer, number),
        }
        self.mended(span);
    }
}
