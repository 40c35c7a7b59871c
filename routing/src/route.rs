//! Which way a purchase goes.

use mpss_domain::{LogTime, Msisdn, NumberPlan, ProvinceId, Refusal, Scope};

/// The way of a purchase, and the epoch that said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Serving province and home are one.
    Local {
        /// The number plan's epoch.
        epoch: u64,
    },
    /// A visitor: paid in `home`.
    Roaming {
        /// Where it is paid.
        home: ProvinceId,
        /// The number plan's epoch.
        epoch: u64,
    },
    /// Taken by the national platform: paid in `home`.
    National {
        /// Where it is paid.
        home: ProvinceId,
        /// The number plan's epoch.
        epoch: u64,
    },
}

/// Whose subscriber is it, may it buy, and which way does the purchase go.
///
/// # Errors
/// `UnknownNumber`, `ForeignOperator`, `NotVisible`.
pub fn route(
    plan: &NumberPlan,
    at: LogTime,
    msisdn: Msisdn,
    serving: ProvinceId,
    scope: Scope,
    location: ProvinceId,
) -> Result<Route, Refusal> {
    let belonging = plan.home_of(msisdn, at)?;
    let (home, epoch) = (belonging.home, belonging.epoch);
    mpss_domain::visibility::visible(scope, serving, home, location).map_err(Refusal::NotVisible)?;
    Ok(if serving.is_national() {
        Route::National { home, epoch }
    } else if home == serving {
        Route::Local { epoch }
    } else {
        Route::Roaming { home, epoch }
    })
}
