//! Who may see and buy a product (product §1, source §4.2). One pure function, used by every path
//! that shows or sells.

use serde::{Deserialize, Serialize};

use crate::ids::ProvinceId;

/// Whom a product is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// 本地: the province's own subscribers, wherever they are.
    Local,
    /// 漫游地: visitors who are in the province now.
    Roaming,
    /// 全国: everyone.
    National,
}

impl Scope {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Roaming => "roaming",
            Self::National => "national",
        }
    }
}

/// Why a product is hidden from a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HiddenBecause {
    /// A local product of another province than the subscriber's home.
    NotItsSubscriber,
    /// A roaming product of the subscriber's own home province.
    RoamingIsForVisitors,
    /// A roaming product of a province where the subscriber is not now.
    NotVisitingNow,
}

impl HiddenBecause {
    /// The stable word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotItsSubscriber => "not_its_subscriber",
            Self::RoamingIsForVisitors => "roaming_is_for_visitors",
            Self::NotVisitingNow => "not_visiting_now",
        }
    }

    /// One sentence for a person.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::NotItsSubscriber => "a local product is sold to subscribers of its own province only",
            Self::RoamingIsForVisitors => {
                "a roaming product is for visitors; the province's own subscribers do not see it"
            }
            Self::NotVisitingNow => "a roaming product is sold to visitors who are in its province now",
        }
    }
}

/// May a subscriber of `home`, who is in `location` now, see and buy a product of `scope` that
/// belongs to `province`?
///
/// # Errors
/// The first reason that hides it.
pub fn visible(
    scope: Scope,
    province: ProvinceId,
    home: ProvinceId,
    location: ProvinceId,
) -> Result<(), HiddenBecause> {
    match scope {
        Scope::National => Ok(()),
        Scope::Local if home == province => Ok(()),
        Scope::Local => Err(HiddenBecause::NotItsSubscriber),
        #[cfg(feature = "mutants")]
        Scope::Roaming if home == province && crate::mutant::Mutant::RoamingSoldToLocals.is_planted() => Ok(()),
        Scope::Roaming if home == province => Err(HiddenBecause::RoamingIsForVisitors),
        Scope::Roaming if location == province => Ok(()),
        Scope::Roaming => Err(HiddenBecause::NotVisitingNow),
    }
}
