//! Where each node of a small nation lives: its ports, its folder, its settings file. Also used by
//! the bench, whose nation is one province.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mpss_domain::ProvinceId;
use mpss_runtime::Random;
use mpss_runtime::real::OsRandom;
use serde::{Deserialize, Serialize};

use crate::command_line::Failure;

/// One replica's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Province code.
    pub(crate) province: u8,
    /// Number inside the province.
    pub(crate) number: u64,
    /// Callers' door.
    pub(crate) public: SocketAddr,
    /// Provinces' door.
    pub(crate) peer: SocketAddr,
    /// Replication.
    pub(crate) raft: SocketAddr,
    /// Pages for people, when the nation has them.
    #[serde(default)]
    pub(crate) portal: Option<SocketAddr>,
}

impl Place {
    /// Whose replica it is.
    pub(crate) fn province(&self) -> ProvinceId {
        ProvinceId::new(self.province).expect("places are made from provinces, and checked when read")
    }

    /// `44-1`.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.province(), self.number)
    }

    /// `http://host:port` of the callers' door.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.public)
    }

    /// `http://host:port` of the portals.
    pub(crate) fn portal_url(&self) -> Option<String> {
        self.portal.map(|address| format!("http://{address}"))
    }

    /// The settings file below `folder`.
    pub(crate) fn settings_file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.toml", self.name()))
    }
}

/// Where the simulated ISMP and the simulated bank are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutsidePlaces {
    /// The ISMP.
    pub(crate) ismp: SocketAddr,
    /// Where the bank speaks ISO 8583.
    pub(crate) bank: SocketAddr,
    /// Where the bank is looked at.
    pub(crate) bank_testers: SocketAddr,
}

/// All places of a nation, kept in a file so that a second run finds its nodes where they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Map {
    /// Every replica, by province and number.
    pub(crate) places: Vec<Place>,
    /// The service providers' simulator.
    pub(crate) sp: SocketAddr,
    /// The SMS centre's simulator.
    pub(crate) sms: SocketAddr,
    /// Whoever has the money of accounts outside, when the nation has them.
    #[serde(default)]
    pub(crate) outside: Option<OutsidePlaces>,
    /// The UPP's simulator, when the nation has one.
    #[serde(default)]
    pub(crate) upp: Option<SocketAddr>,
    /// The secret of each province's payment passwords, by code.
    peppers: BTreeMap<u8, String>,
    /// What cards are sealed with and tickets signed with, by province code, and what the bank and the UPP sign with.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// Scripted days that were played; each has people of its own.
    #[serde(default)]
    pub(crate) days: u64,
}

const MAP_FILE: &str = "nation.json";
/// The secret that the bank signs with.
const BANK_DOOR: &str = "bank-door";
/// Who reviews, in each province.
const REVIEWER: &str = "reviewer";
/// Who is of an SP, and where.
const SP_PERSON: &str = "seller";
/// The province of that SP.
pub(crate) const SP_PROVINCE: u8 = 44;
/// That SP.
const PORTAL_SP: &str = "portal-sp";
/// The secret that the SMS centre signs with.
const WORDS_DOOR: &str = "words-door";
/// The secret that the UPP signs with.
const UPP_DOOR: &str = "upp-door";

impl Map {
    /// The map in `folder`, or a new one on free ports with three replicas for each province.
    pub(crate) fn open(folder: &Path, provinces: &[ProvinceId]) -> Result<Self, Failure> {
        let path = folder.join(MAP_FILE);
        let refuse = |why: String| Failure::start(format!("{}: {why}", path.display()));
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let map: Self = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
                match map.places.iter().find(|place| ProvinceId::new(place.province).is_none()) {
                    Some(place) => Err(refuse(format!("there is no province {}", place.province))),
                    None => Ok(map),
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let map = Self::new(provinces)?;
                map.save(folder)?;
                Ok(map)
            }
            Err(error) => Err(refuse(error.to_string())),
        }
    }

    fn new(provinces: &[ProvinceId]) -> Result<Self, Failure> {
        let mut ports = Ports::draw();
        let mut free = || ports.free();
        let mut places = Vec::new();
        for province in provinces {
            for number in 1..=3 {
                places.push(Place {
                    province: province.code(),
                    number,
                    public: free()?,
                    peer: free()?,
                    raft: free()?,
                    portal: None,
                });
            }
        }
        let (sp, sms) = (free()?, free()?);
        let outside = Some(OutsidePlaces { ismp: free()?, bank: free()?, bank_testers: free()? });
        let upp = Some(free()?);
        let peppers = provinces.iter().map(|province| (province.code(), pepper())).collect();
        Ok(Self { places, sp, sms, outside, upp, peppers, secrets: BTreeMap::new(), days: 0 })
    }

    /// A province alone, without anybody outside but SPs and the SMS centre.
    pub(crate) fn alone(folder: &Path, province: ProvinceId) -> Result<Self, Failure> {
        let map = Self { outside: None, upp: None, ..Self::open(folder, &[province])? };
        map.save(folder)?;
        Ok(map)
    }

    /// Gives places to an ISMP, a bank and a UPP, and every secret that goes with them, cards and tickets. What has
    /// them already keeps them.
    pub(crate) fn with_outside(mut self, folder: &Path) -> Result<Self, Failure> {
        if self.outside.is_none() {
            let mut ports = Ports::draw();
            self.outside =
                Some(OutsidePlaces { ismp: ports.free()?, bank: ports.free()?, bank_testers: ports.free()? });
        }
        if self.upp.is_none() {
            self.upp = Some(Ports::draw().free()?);
        }
        let mut ports = Ports::draw();
        for place in &mut self.places {
            if place.portal.is_none() {
                place.portal = Some(ports.free()?);
            }
        }
        let secrets = ["vault", "tickets", "portal", "seal"];
        let provinces = self.peppers.keys().flat_map(|code| secrets.map(|what| format!("{what}-{code}")));
        for name in provinces.chain([BANK_DOOR, UPP_DOOR, WORDS_DOOR].map(str::to_owned)).collect::<Vec<_>>() {
            self.secrets.entry(name).or_insert_with(pepper);
        }
        if !self.secrets.contains_key(REVIEWER) {
            for person in [REVIEWER, SP_PERSON] {
                let mut password = pepper();
                password.truncate(20);
                self.secrets.insert(format!("{person}-hash"), crate::long_password::hash(&password, &OsRandom));
                self.secrets.insert(person.to_owned(), password);
            }
        }
        self.save(folder)?;
        Ok(self)
    }

    /// Who signs in to the portals by name: name, password, and in which province (`None`: in each).
    pub(crate) fn people(&self) -> Vec<(&'static str, &str, Option<u8>)> {
        let person = |name, place| Some((name, self.secrets.get(name)?.as_str(), place));
        let sp = self.portal_sp().and_then(|_| person(SP_PERSON, Some(SP_PROVINCE)));
        person(REVIEWER, None).into_iter().chain(sp).collect()
    }

    /// The SP whose person signs in, once it is admitted.
    pub(crate) fn portal_sp(&self) -> Option<&str> {
        self.secrets.get(PORTAL_SP).map(String::as_str)
    }

    /// Notes which SP that is.
    pub(crate) fn set_portal_sp(&mut self, sp: &str) {
        self.secrets.insert(PORTAL_SP.to_owned(), sp.to_owned());
    }

    /// The settings by which people sign in at `place`.
    fn people_settings(&self, place: &Place) -> Vec<String> {
        let person = |name: &str, role: &str, sp: &str| {
            let hash = &self.secrets[&format!("{name}-hash")];
            [("password_hash", hash.as_str()), ("role", role), ("sp", sp)]
                .map(|(key, value)| format!("portal_people.{name}.{key} = \"{value}\""))
        };
        let mut lines = person(REVIEWER, "reviewer", "").to_vec();
        if let Some(sp) = self.portal_sp().filter(|_| place.province == SP_PROVINCE) {
            lines.extend(person(SP_PERSON, "sp", sp));
        }
        lines
    }

    /// What the bank signs its requests with, as hex digits.
    pub(crate) fn bank_key(&self) -> &str {
        &self.secrets[BANK_DOOR]
    }

    /// What the SMS centre signs with what subscribers send, as hex digits.
    pub(crate) fn words_key(&self) -> &str {
        &self.secrets[WORDS_DOOR]
    }

    /// What the UPP signs its requests with, as hex digits.
    pub(crate) fn upp_key(&self) -> &str {
        &self.secrets[UPP_DOOR]
    }

    /// The settings by which a node reaches the ISMP, the bank and the UPP, and seals cards and signs tickets.
    pub(crate) fn outside_settings(&self, place: &Place) -> Vec<String> {
        let (Some(outside), Some(upp)) = (self.outside, self.upp) else { return Vec::new() };
        let (code, secret) = (place.province, |name: String| self.secrets[&name].as_str());
        let mut lines = vec![
            format!("rails.ismp_url = \"http://{}\"", outside.ismp),
            format!("rails.bank_address = \"{}\"", outside.bank),
            // Messages are told apart by it and by numbers that each province counts for itself.
            format!("rails.bank_institution = \"4802{}00\"", place.province()),
            format!("rails.bank_door_key = \"{}\"", self.bank_key()),
            format!("outbox.sms_door_key = \"{}\"", self.words_key()),
            format!("upp.door_key = \"{}\"", self.upp_key()),
            format!("upp.notice_url = \"http://{upp}/upp/v1/notices\""),
            // Nobody but this machine reaches the demo, without TLS.
            "portal.cookie_secure = false".to_owned(),
            format!("portal.listen = \"{}\"", place.portal.map_or_else(String::new, |address| address.to_string())),
            format!("portal.session_key = \"{}\"", secret(format!("portal-{code}"))),
            format!("vault.key = \"{}\"", secret(format!("vault-{code}"))),
            format!("tickets.key = \"{}\"", secret(format!("tickets-{code}"))),
            format!("seal.keys.1 = \"{}\"", secret(format!("seal-{code}"))),
        ];
        lines.extend(self.people_settings(place));
        lines
    }

    /// Writes the map; readable by its owner alone, because it holds secrets.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).expect("a map is always written");
        write_private(&folder.join(MAP_FILE), &text)
    }

    /// The replicas of a province.
    pub(crate) fn of(&self, province: ProvinceId) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(move |place| place.province == province.code())
    }

    /// Callers' doors of a province.
    pub(crate) fn urls(&self, province: ProvinceId) -> Vec<String> {
        self.of(province).map(Place::url).collect()
    }

    /// The portals of a province.
    pub(crate) fn portals(&self, province: ProvinceId) -> Vec<String> {
        self.of(province).filter_map(Place::portal_url).collect()
    }

    /// `http://…` of the service providers' simulator.
    pub(crate) fn sp_url(&self) -> String {
        format!("http://{}", self.sp)
    }

    /// `http://…` of the SMS centre's simulator.
    pub(crate) fn sms_url(&self) -> String {
        format!("http://{}", self.sms)
    }

    /// Writes the settings file of `place`: what differs from the defaults, plus `more`, lines of
    /// `section.key = value`.
    pub(crate) fn write_settings(&self, folder: &Path, place: &Place, more: &[&str]) -> Result<PathBuf, Failure> {
        let path = place.settings_file(folder);
        write_private(&path, &self.settings(folder, place, more))?;
        Ok(path)
    }

    fn settings(&self, folder: &Path, place: &Place, more: &[&str]) -> String {
        let mut text = String::new();
        let mut line = |text_of_line: String| {
            text.push_str(&text_of_line);
            text.push('\n');
        };
        line(format!("node.province = \"{}\"", place.province()));
        line(format!("node.number = {}", place.number));
        line(format!("node.data_dir = {:?}", folder.join(place.name()).display().to_string()));
        line(format!("listen.public = \"{}\"", place.public));
        line(format!("listen.peer = \"{}\"", place.peer));
        line(format!("listen.raft = \"{}\"", place.raft));
        line(format!("outbox.sms_url = \"{}/messages\"", self.sms_url()));
        line(format!("password.peppers.1 = \"{}\"", self.peppers[&place.province]));
        for founder in self.of(place.province()) {
            line(format!("founders.{}.raft_address = \"{}\"", founder.number, founder.raft));
            line(format!("founders.{}.public_url = \"{}\"", founder.number, founder.url()));
        }
        let others: std::collections::BTreeSet<u8> =
            self.places.iter().map(|other| other.province).filter(|code| *code != place.province).collect();
        for code in others {
            let province = ProvinceId::new(code).expect("checked when the map was opened");
            let list = |door: fn(&Place) -> SocketAddr| {
                let mut list = String::new();
                for other in self.of(province) {
                    let comma = if list.is_empty() { "" } else { ", " };
                    let _ = write!(list, "{comma}\"http://{}\"", door(other));
                }
                list
            };
            line(format!("provinces.{province}.public_urls = [{}]", list(|other| other.public)));
            line(format!("provinces.{province}.peer_urls = [{}]", list(|other| other.peer)));
        }
        more.iter().for_each(|more| line((*more).to_owned()));
        text
    }
}

/// Hands out free loopback ports, none twice. What the system hands out comes from the range that outgoing
/// connections use too: while its node is down, or not started yet, any of them may take it. These are from
/// below that range, one after the other from a place that is drawn, so that nations started at one time
/// hardly meet.
struct Ports {
    next: u16,
    end: u16,
    /// Bound until all are handed out.
    held: Vec<TcpListener>,
}

impl Ports {
    const FIRST: u16 = 10_240;
    /// Where outgoing connections usually begin.
    const USUAL_END: u16 = 32_768;

    fn draw() -> Self {
        let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
        let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
        let end = first.filter(|first| *first > Self::FIRST + 5_000).unwrap_or(Self::USUAL_END);
        let mut drawn = [0; 2];
        OsRandom.fill(&mut drawn);
        let next = Self::FIRST + u16::from_be_bytes(drawn) % (end - Self::FIRST);
        Self { next, end, held: Vec::new() }
    }

    fn free(&mut self) -> Result<SocketAddr, Failure> {
        for _ in Self::FIRST..self.end {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.next));
            self.next = if self.next + 1 < self.end { self.next + 1 } else { Self::FIRST };
            if let Ok(listener) = TcpListener::bind(address) {
                self.held.push(listener);
                return Ok(address);
            }
        }
        Err(Failure::start(format!("no free loopback port from {} to {}", Self::FIRST, self.end - 1)))
    }
}

/// 32 random bytes as hex digits.
pub(crate) fn pepper() -> String {
    let mut bytes = [0_u8; 32];
    OsRandom.fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::start(format!("{}: {error}", path.display()));
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.create(true).truncate(true).write(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// A folder that is removed at the end, unless it is to be looked at.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    /// The folder named, or a new one below the machine's temporary folder.
    pub(crate) fn open(named: Option<&Path>, what: &str) -> Result<Self, Failure> {
        let (path, temporary) = match named {
            Some(path) => (path.to_owned(), false),
            None => (std::env::temp_dir().join(format!("mpss-{what}-{}", std::process::id())), true),
        };
        std::fs::create_dir_all(&path).and_then(|()| path.canonicalize()).map(|path| Self { path, temporary }).map_err(
            |error| Failure::start(format!("--data-dir {}: {error}", named.unwrap_or(Path::new("")).display())),
        )
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a temporary folder, because someone will want to look into it.
    pub(crate) fn keep(&mut self) -> &Path {
        self.temporary = false;
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn provinces() -> Vec<ProvinceId> {
        [0, 11, 44].map(|code| ProvinceId::new(code).expect("a province")).to_vec()
    }

    #[test]
    fn a_second_run_finds_the_nodes_where_they_were() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Map::open(folder.path(), &provinces()).expect("a map");
        assert_eq!(first.places.len(), 9);
        let ports: std::collections::BTreeSet<_> =
            first.places.iter().flat_map(|place| [place.public, place.peer, place.raft]).collect();
        assert_eq!(ports.len(), 27, "no port twice");
        assert!(ports.iter().all(|port| (Ports::FIRST..Ports::USUAL_END).contains(&port.port())), "{ports:?}");
        assert_eq!(Map::open(folder.path(), &provinces()).expect("the same map"), first);
        let mode = std::fs::metadata(folder.path().join(MAP_FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "it holds secrets");
    }

    #[test]
    fn every_settings_file_is_accepted_by_the_node_that_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let map = Map::open(folder.path(), &provinces()).expect("a map");
        let map = map.with_outside(folder.path()).expect("more places");
        assert_eq!(Map::open(folder.path(), &provinces()).expect("the same map"), map);
        assert_eq!(map.clone().with_outside(folder.path()).expect("the same places"), map);
        for place in &map.places {
            let mut more = map.outside_settings(place);
            more.push("telemetry.log = \"warn\"".into());
            let more: Vec<_> = more.iter().map(String::as_str).collect();
            let path = map.write_settings(folder.path(), place, &more).expect("written");
            let settings = mpss_config::Settings::load(Some(&path), []).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(settings.node.number, place.number);
            assert_eq!(settings.listen.raft, place.raft);
            assert_eq!(settings.founders.len(), 3);
            assert_eq!(settings.provinces.len(), 2, "every province but its own");
            assert_eq!(settings.telemetry.log, "warn");
            assert_eq!(settings.rails.bank_institution, format!("4802{}00", place.province()));
            assert!(settings.vault.key_bytes().is_some() && settings.tickets.key_bytes().is_some());
            assert!(settings.upp.door_key_bytes().is_some() && !settings.upp.notice_url.is_empty());
        }
    }

    #[test]
    fn a_temporary_folder_is_removed_and_a_named_one_stays() {
        let named = tempfile::tempdir().expect("a folder");
        drop(Folder::open(Some(named.path()), "test").expect("opened"));
        assert!(named.path().exists());
        let temporary = Folder::open(None, "folder-test").expect("made");
        let path = temporary.path().to_owned();
        assert!(path.exists());
        drop(temporary);
        assert!(!path.exists());
    }
}
