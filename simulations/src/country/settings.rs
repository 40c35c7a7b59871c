//! What each node is told when it starts: as an operator's file would say it.

use std::fmt::Write as _;

use mpss_config::Settings;
use mpss_domain::ProvinceId;
use mpss_routing::http::ProvinceUrls;

use super::{Country, Machine, name_of};
use crate::outside::{UPP_KEY, VAULT_KEY};

/// Where the nodes of a province are reached.
pub(super) fn urls(country: &Country, province: ProvinceId) -> ProvinceUrls {
    let names = country.names_of(province);
    let urls = |port: u16| names.iter().map(|name| format!("http://{name}:{port}")).collect();
    ProvinceUrls { public: urls(80), peer: urls(81) }
}

/// The settings of the node on a machine.
pub(super) fn of(country: &Country, name: &str, machine: &Machine) -> Settings {
    let mut text = String::new();
    let mut line = |what: String| {
        let _ = writeln!(text, "{what}");
    };
    line(format!("node.province = \"{}\"", machine.province));
    line(format!("node.number = {}", machine.number));
    line(format!("node.data_dir = \"/{name}\""));
    // Small, so that segments are used again and snapshots are taken and sent within a minute.
    line("replication.segment_bytes = 65536".to_owned());
    line("replication.snapshot_log_bytes = 262144".to_owned());
    line("replication.digest_interval_entries = 50".to_owned());
    line(format!("replication.state_version_max = {}", machine.program));
    line(format!("password.peppers.1 = \"{}\"", "5a".repeat(32)));
    line(format!("seal.keys.1 = \"{:02x}{}\"", machine.province.code(), "4d".repeat(31)));
    line(format!("vault.key = \"{}\"", hex(&VAULT_KEY)));
    if country.plan().upp_accounts.contains(&machine.province) {
        line(format!("upp.door_key = \"{}\"", hex(UPP_KEY)));
        line("upp.account_url = \"http://upp:80\"".to_owned());
        line("upp.virtual_accounts = \"upp\"".to_owned());
    }
    if machine.founder {
        for place in 1..=country.plan().replicas {
            let other = name_of(machine.province, place);
            line(format!("founders.{place}.raft_address = \"{other}:82\""));
            line(format!("founders.{place}.public_url = \"http://{other}:80\""));
        }
    }
    for province in country.plan().provinces.iter().filter(|other| **other != machine.province) {
        let urls = urls(country, *province);
        line(format!("provinces.{province}.public_urls = {:?}", urls.public));
        line(format!("provinces.{province}.peer_urls = {:?}", urls.peer));
    }
    Settings::parse(&text, "simulation", []).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
