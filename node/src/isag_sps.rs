//! Service providers that are connected through the ISAG: the number that each has there, what it proves itself with,
//! and where its notices go. Both doors to them ask here: what comes from an SP, and what an SP is told.
//!
//! Numbers and addresses are in the settings; secrets are keys of the SP in the replicated state (`isag-md5`), set, replaced
//! and ended as any other key of an SP.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpss_cluster::Replica;
use mpss_config::Settings;
use mpss_domain::sp_keys::{SpKeyAlgorithm, SpKeyMaterial};
use mpss_domain::{LogTime, SpId, State};
use mpss_runtime::Clock;
use zeroize::Zeroizing;

use crate::card_pin::PinSafe;

/// An SP that is connected through the ISAG.
#[derive(Clone)]
pub struct IsagSp {
    /// Its number, such as `35100123`.
    pub number: String,
    /// Which of the SPs that were admitted here it is.
    pub sp: SpId,
    /// What it may prove itself with now, newest first; several while one follows the other.
    pub secrets: Vec<Zeroizing<String>>,
    /// Where its notices go; empty when they go as those of any other SP.
    pub notice_url: String,
}

impl std::fmt::Debug for IsagSp {
    /// Without the secrets: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IsagSp").field("number", &self.number).field("sp", &self.sp).finish_non_exhaustive()
    }
}

/// Who is connected through the ISAG.
pub trait IsagSps: Send + Sync + 'static {
    /// The SP with this number.
    fn numbered(&self, number: &str) -> Option<IsagSp>;

    /// What this SP is at the ISAG.
    fn of(&self, sp: SpId) -> Option<IsagSp>;
}

/// Those that the settings name, with their keys in the state.
pub struct KeyedSps {
    /// By number: which SP, and where its notices go.
    by_number: BTreeMap<String, (SpId, String)>,
    replica: Replica,
    /// Opens secrets; without it no SP can prove anything.
    pins: Option<PinSafe>,
    clock: Arc<dyn Clock>,
}

impl KeyedSps {
    /// The SPs of these settings.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no SP; loaded ones are checked.
    #[must_use]
    pub fn new(settings: &Settings, replica: Replica, pins: Option<PinSafe>, clock: Arc<dyn Clock>) -> Self {
        let by_number = settings.isag_sps.iter().map(|(number, sp)| {
            let id = sp.sp_id.parse().expect("loaded settings name an SP");
            (number.clone(), (id, sp.notice_url.clone()))
        });
        Self { by_number: by_number.collect(), replica, pins, clock }
    }

    fn keyed(&self, number: &str, sp: SpId, notice_url: &str) -> IsagSp {
        let wall = LogTime(self.clock.wall_ms());
        let mut keys = self.replica.read(|state: &State| {
            let at = state.now().max(wall);
            let good =
                state.sp_keys(sp).filter(|(_, key)| key.algorithm == SpKeyAlgorithm::IsagMd5 && key.is_good_at(at));
            good.map(|(id, key)| (key.good_from, id, key.material.clone())).collect::<Vec<_>>()
        });
        keys.sort_by_key(|(good_from, ..)| std::cmp::Reverse(*good_from));
        let secrets = keys.into_iter().filter_map(|(_, id, material)| {
            let (SpKeyMaterial::Secret(sealed), Some(pins)) = (material, &self.pins) else { return None };
            let opened = pins.open_sp_secret(sp, id, &sealed);
            if let Err(error) = &opened {
                tracing::error!(%error, %sp, key = %id, "a secret was sealed with another vault.key");
            }
            let text = std::str::from_utf8(&opened.ok()?).ok()?.to_owned();
            Some(Zeroizing::new(text))
        });
        IsagSp { number: number.to_owned(), sp, secrets: secrets.collect(), notice_url: notice_url.to_owned() }
    }
}

impl IsagSps for KeyedSps {
    fn numbered(&self, number: &str) -> Option<IsagSp> {
        let (sp, notice_url) = self.by_number.get(number)?;
        Some(self.keyed(number, *sp, notice_url))
    }

    fn of(&self, sp: SpId) -> Option<IsagSp> {
        let (number, (_, notice_url)) = self.by_number.iter().find(|(_, (known, _))| *known == sp)?;
        Some(self.keyed(number, sp, notice_url))
    }
}
