//! Settings: defaults, then a file, then the environment (`MPSS__SECTION__KEY`). Every error names
//! the key and where its value came from.
//!
//! ```text
//!  defaults/*.toml ─▶ settings file ─▶ environment ─▶ each value by its kind ─▶ values against each other ─▶ Settings
//! ```
//!
//! A node never starts with settings it does not wholly understand: unknown keys are refused, and all
//! problems are told at once.

mod check;
mod dispatch;
mod door;
mod isag;
mod isag_texts;
mod ivr;
mod key;
mod layers;
mod node;
mod number_plan;
mod outbox;
mod password;
mod portal;
mod problem;
mod rails;
mod recharge;
mod relation;
mod replication;
mod seal;
mod secret;
mod smpp;
mod sp;
mod telemetry;
mod upp;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use mpss_domain::ProvinceId;
use serde::Deserialize;

pub use dispatch::DispatchSettings;
pub use door::DoorSettings;
pub use isag::{IsagSettings, IsagSpSettings};
pub use isag_texts::IsagTextSettings;
pub use ivr::{IvrGatewaySettings, IvrSettings};
pub use key::{REPLICA_NUMBER_MAX, TEXT_BYTES_MAX, URLS_MAX};
pub use node::{ListenSettings, MemberSettings, NodeSettings, ProvinceSettings};
pub use number_plan::NumberPlanSettings;
pub use outbox::OutboxSettings;
pub use password::PasswordSettings;
pub use portal::{People, PersonSettings, PortalSettings};
pub use problem::{Problem, SettingsError};
pub use rails::RailSettings;
pub use recharge::RechargeSettings;
pub use replication::ReplicationSettings;
pub use seal::SealSettings;
pub use secret::SecretSettings;
pub use smpp::SmppSettings;
pub use sp::SpSettings;
pub use telemetry::TelemetrySettings;
pub use upp::UppSettings;

use check::Checked;
use key::Key;
use layers::Layer;

/// The largest settings file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

const KEYS: &[&[Key]] = &[
    node::KEYS,
    replication::KEYS,
    door::KEYS,
    password::KEYS,
    seal::KEYS,
    dispatch::KEYS,
    outbox::KEYS,
    rails::KEYS,
    recharge::KEYS,
    upp::KEYS,
    isag::KEYS,
    isag_texts::KEYS,
    portal::KEYS,
    ivr::KEYS,
    secret::KEYS,
    sp::KEYS,
    smpp::KEYS,
    number_plan::KEYS,
    telemetry::KEYS,
];

const DEFAULTS: &str = concat!(
    include_str!("../defaults/node.toml"),
    "\n",
    include_str!("../defaults/listen.toml"),
    "\n",
    include_str!("../defaults/founders.toml"),
    "\n",
    include_str!("../defaults/provinces.toml"),
    "\n",
    include_str!("../defaults/replication.toml"),
    "\n",
    include_str!("../defaults/door.toml"),
    "\n",
    include_str!("../defaults/password.toml"),
    "\n",
    include_str!("../defaults/seal.toml"),
    "\n",
    include_str!("../defaults/dispatch.toml"),
    "\n",
    include_str!("../defaults/outbox.toml"),
    "\n",
    include_str!("../defaults/smpp.toml"),
    "\n",
    include_str!("../defaults/rails.toml"),
    "\n",
    include_str!("../defaults/recharge.toml"),
    "\n",
    include_str!("../defaults/upp.toml"),
    "\n",
    include_str!("../defaults/isag.toml"),
    "\n",
    include_str!("../defaults/isag_texts.toml"),
    "\n",
    include_str!("../defaults/portal.toml"),
    include_str!("../defaults/ivr.toml"),
    "\n",
    include_str!("../defaults/vault.toml"),
    "\n",
    include_str!("../defaults/tickets.toml"),
    "\n",
    include_str!("../defaults/sp.toml"),
    "\n",
    include_str!("../defaults/number_plan.toml"),
    "\n",
    include_str!("../defaults/telemetry.toml"),
);

/// Everything one node is started with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who the node is.
    pub node: NodeSettings,
    /// Its doors.
    pub listen: ListenSettings,
    /// The replicas that found the province's group: number → addresses.
    #[serde(default)]
    pub founders: BTreeMap<String, MemberSettings>,
    /// Other provinces (and `00`): code → addresses.
    #[serde(default)]
    pub provinces: BTreeMap<String, ProvinceSettings>,
    /// Replication.
    pub replication: ReplicationSettings,
    /// The callers' door.
    pub door: DoorSettings,
    /// The payment password.
    pub password: PasswordSettings,
    /// How payment passwords travel between provinces.
    pub seal: SealSettings,
    /// Sending home.
    pub dispatch: DispatchSettings,
    /// Telling SPs and subscribers.
    pub outbox: OutboxSettings,
    /// The SMS centre, when it speaks SMPP.
    pub smpp: SmppSettings,
    /// Accounts whose money is outside.
    pub rails: RailSettings,
    /// Recharge cards.
    pub recharge: RechargeSettings,
    /// The unified payment platform.
    pub upp: UppSettings,
    /// The door for SPs that are connected through the ISAG.
    pub isag: IsagSettings,
    /// Those SPs: number at the ISAG → who it is.
    #[serde(default)]
    pub isag_sps: BTreeMap<String, IsagSpSettings>,
    /// Texts by way of the ISAG.
    pub isag_texts: IsagTextSettings,
    /// The portals.
    pub portal: PortalSettings,
    /// Who signs in to them by name.
    #[serde(default)]
    pub portal_people: People,
    /// The door for voice menus.
    pub ivr: IvrSettings,
    /// The gateways that may use it: name → key.
    #[serde(default)]
    pub ivr_gateways: BTreeMap<String, IvrGatewaySettings>,
    /// PIN cards.
    pub vault: SecretSettings,
    /// Tickets.
    pub tickets: SecretSettings,
    /// SPs that speak HTTP with us directly.
    pub sp: SpSettings,
    /// Number plan file put in force when the state has none.
    pub number_plan: NumberPlanSettings,
    /// Logs.
    pub telemetry: TelemetrySettings,
}

impl Settings {
    /// Does whoever takes our texts tell what becomes of each?
    #[must_use]
    pub const fn tells_of_texts(&self) -> bool {
        !self.smpp.address.is_empty() || self.isag_texts.is_used()
    }

    /// Defaults, then `file`, then those of the `environment`'s variables that begin with `MPSS__`
    /// (`std::env::vars()`, say).
    ///
    /// # Errors
    /// When the file can not be read, and else every missing, unknown, wrong or contradicting value at
    /// once. A file that holds a pepper is refused when anybody but its owner can get at it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let Some(path) = file else { return Self::merge(None, environment) };
        let unreadable = |source| SettingsError::Unreadable { path: path.to_owned(), source };
        let opened = std::fs::File::open(path).map_err(unreadable)?;
        let open_to_others = is_open_to_others(&opened).map_err(unreadable)?;
        let mut text = String::new();
        opened.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            let what = format!("it is larger than {FILE_BYTES_MAX} bytes");
            return Err(unreadable(std::io::Error::new(std::io::ErrorKind::FileTooLarge, what)));
        }
        let layer = Layer::file(&text, &format!("file {}", path.display()))?;
        Self::merge(Some((layer, open_to_others)), environment)
    }

    /// As [`Settings::load`], with the text of a settings file that is in memory; `place` names it in
    /// errors.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn parse(
        text: &str,
        place: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        Self::merge(Some((Layer::file(text, place)?, None)), environment)
    }

    /// The defaults as a settings file: every setting with what it means. What is required is there as
    /// a comment.
    #[must_use]
    pub const fn default_toml() -> &'static str {
        DEFAULTS
    }

    /// The founders by number.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no number; loaded ones are
    /// checked.
    #[must_use]
    pub fn founders_by_number(&self) -> BTreeMap<u64, &MemberSettings> {
        let number = |name: &String| name.parse().expect("loaded settings have numbered founders");
        self.founders.iter().map(|(name, member)| (number(name), member)).collect()
    }

    /// Where other provinces are reached, this one left out should it be among them.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no province; loaded ones are
    /// checked.
    #[must_use]
    pub fn other_provinces(&self) -> BTreeMap<ProvinceId, &ProvinceSettings> {
        let here = self.node.province_id();
        let province = |code: &String| code.parse().expect("loaded settings name provinces by their codes");
        let all = self.provinces.iter().map(|(code, settings)| (province(code), settings));
        all.filter(|(province, _)| *province != here).collect()
    }

    fn merge(
        file: Option<(Layer, Option<u32>)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut problems = Vec::new();
        let mut sections = BTreeMap::new();
        let mut layers = config::Config::builder().add_source(Layer::defaults(DEFAULTS)?);
        if let Some((layer, open_to_others)) = file {
            if let Some(mode) = open_to_others {
                for (key, source) in check::secrets(layer.values(), KEYS) {
                    let expected = format!(
                        "a file that holds it must be open to its owner alone (mode 600, not {mode:o}); \
                         chmod 600, or set it in the environment"
                    );
                    problems.push(Problem { key, value: None, source: Some(source), expected });
                }
            }
            sections = layer.sections();
            layers = layers.add_source(layer);
        }
        let merged = layers.add_source(Layer::environment(environment)).build();
        let merged = merged.and_then(|merged| config::Source::collect(&merged));
        let merged = merged.expect("layers that are in memory can be merged");
        match Checked::new(&merged, sections, KEYS).into_tree() {
            Ok(tree) if problems.is_empty() => {
                Ok(tree.try_deserialize().expect("values of the right kinds make settings"))
            }
            Ok(_) => Err(SettingsError::Invalid(problems)),
            Err(others) => {
                problems.extend(others);
                problems.sort();
                Err(SettingsError::Invalid(problems))
            }
        }
    }
}

/// The file's mode when group or others can get at it.
#[cfg(unix)]
fn is_open_to_others(file: &std::fs::File) -> std::io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Elsewhere there are no modes to look at.
#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::File) -> std::io::Result<Option<u32>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_stands_in_the_printed_defaults() {
        for key in KEYS.iter().copied().flatten() {
            let (section, name) = key.path.rsplit_once('.').expect("settings stand in sections");
            // A named section is shown by an example.
            let heading = section.split('.').next().expect("not empty");
            let from = DEFAULTS.find(&format!("[{heading}")).unwrap_or_else(|| panic!("no section {heading}"));
            let setting = if name == "*" { "1 = ".to_owned() } else { format!("{name} = ") };
            assert!(DEFAULTS[from..].contains(&setting), "{} is not documented", key.path);
        }
    }
}
