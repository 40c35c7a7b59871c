//! The keys that other provinces want payment passwords sealed to, as they have given them.
//!
//! ```text
//!  known and fresh ─▶ used
//!  else            ─▶ home is asked, once however many buyers wait ─┬─ answers     ─▶ kept
//!                                                                   └─ does not    ─▶ the old one, when there is one
//! ```
//!
//! A key that is known outlives its home province's silence: old versions are opened there for as long as they are
//! configured. Whoever has given a key is never again taken for a province that does not seal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::ProvinceId;
use mpss_routing::{Dispatch, PeerError};
use mpss_runtime::Clock;
use parking_lot::Mutex;

use crate::seal::HomeKey;

/// How long a key is used without asking again: the longest until a new one is taken up.
const FRESH_FOR: Duration = Duration::from_secs(600);

/// How long a province that does not seal yet is not asked again.
const UNSEALED_FOR: Duration = Duration::from_secs(30);

/// Keys of other provinces. Cheap to clone.
#[derive(Clone, Default)]
pub struct HomeKeys {
    places: Arc<Mutex<BTreeMap<ProvinceId, Arc<Place>>>>,
}

/// What is known of one province.
#[derive(Default)]
struct Place {
    /// Whoever holds it asks; the others wait for what comes of it.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

/// The key, `None` for a province that does not seal yet, and until when it is used unasked.
#[derive(Default)]
struct Known {
    key: Option<Option<HomeKey>>,
    fresh_until: Duration,
    /// When home was last asked in vain, and what came of it.
    failed: Option<(Duration, PeerError)>,
}

impl HomeKeys {
    /// The key of `home`, asked for when it is not known; `None` when `home` does not seal yet.
    ///
    /// # Errors
    /// When it is not known and can not be had.
    pub async fn key_of(
        &self,
        home: ProvinceId,
        dispatch: &Dispatch,
        clock: &dyn Clock,
    ) -> Result<Option<HomeKey>, PeerError> {
        let place = Arc::clone(self.places.lock().entry(home).or_default());
        let began = clock.monotonic();
        if let Some(key) = place.fresh(began) {
            return Ok(key);
        }
        let _turn = place.asking.lock().await;
        if let Some(key) = place.fresh(clock.monotonic()) {
            return Ok(key);
        }
        // Whoever waited while another asked in vain does not ask once more.
        if let Some(error) = place.failed_since(began) {
            return place.known.lock().key.clone().ok_or(error);
        }
        let answer = dispatch.seal_key(home).await;
        place.learn(home, answer, clock.monotonic())
    }

    /// Asks again before the key of `home` is used the next time: home did not take what was sealed to it.
    pub fn doubt(&self, home: ProvinceId) {
        if let Some(place) = self.places.lock().get(&home) {
            place.known.lock().fresh_until = Duration::ZERO;
        }
    }
}

impl Place {
    fn fresh(&self, now: Duration) -> Option<Option<HomeKey>> {
        let known = self.known.lock();
        known.key.clone().filter(|_| now < known.fresh_until)
    }

    fn failed_since(&self, began: Duration) -> Option<PeerError> {
        let known = self.known.lock();
        known.failed.clone().filter(|(at, _)| *at > began).map(|(_, error)| error)
    }

    fn learn(
        &self,
        home: ProvinceId,
        answer: Result<Option<mpss_routing::wire::SealKeyMessage>, PeerError>,
        now: Duration,
    ) -> Result<Option<HomeKey>, PeerError> {
        let mut known = self.known.lock();
        let had_key = matches!(known.key, Some(Some(_)));
        let read = answer.and_then(|message| match message {
            None if had_key => {
                tracing::warn!(%home, "a province that has given a key says that it has none");
                Err(PeerError::NotUnderstood { province: home, status: 404 })
            }
            None => Ok(None),
            Some(message) => HomeKey::read(&message).map(Some).ok_or_else(|| {
                tracing::error!(%home, version = message.version, "what the province gave is no key");
                PeerError::Unknown(home)
            }),
        });
        match read {
            Ok(key) => {
                known.fresh_until = now + if key.is_some() { FRESH_FOR } else { UNSEALED_FOR };
                known.key = Some(key.clone());
                Ok(key)
            }
            Err(error) => {
                known.failed = Some((now, error.clone()));
                known.key.clone().ok_or(error)
            }
        }
    }
}

impl std::fmt::Debug for HomeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HomeKeys")
    }
}
