//! Who the node is, where it listens, and where the others are.

use std::net::SocketAddr;
use std::path::PathBuf;

use mpss_domain::ProvinceId;
use serde::Deserialize;

use crate::check::number;
use crate::key::{Key, Kind, REPLICA_NUMBER_MAX};

pub(crate) const KEYS: &[Key] = &[
    Key { path: "node.province", kind: Kind::Province },
    number("node.number", 1, REPLICA_NUMBER_MAX, ""),
    Key { path: "node.data_dir", kind: Kind::Folder },
    Key { path: "listen.public", kind: Kind::SocketAddress },
    Key { path: "listen.peer", kind: Kind::SocketAddress },
    Key { path: "listen.raft", kind: Kind::SocketAddress },
    Key { path: "founders.*.raft_address", kind: Kind::HostPort },
    Key { path: "founders.*.public_url", kind: Kind::BaseUrl },
    Key { path: "provinces.*.public_urls", kind: Kind::BaseUrls },
    Key { path: "provinces.*.peer_urls", kind: Kind::BaseUrls },
];

/// Who the node is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSettings {
    /// Province code, `00` for the national platform.
    pub province: String,
    /// Number of this replica inside its province; never used again after its disk is lost.
    pub number: u64,
    /// Folder for log, snapshots and history.
    pub data_dir: PathBuf,
}

/// The node's doors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenSettings {
    /// Callers: `/v1`, health, metrics.
    pub public: SocketAddr,
    /// Other provinces: `/peer/v1`.
    pub peer: SocketAddr,
    /// The province's own replicas.
    pub raft: SocketAddr,
}

/// Where a replica is reached by its own group.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSettings {
    /// `host:port` of replication.
    pub raft_address: String,
    /// `http://host:port` of the callers' door.
    pub public_url: String,
}

/// Where another province is reached.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvinceSettings {
    /// Callers' door of each node.
    pub public_urls: Vec<String>,
    /// Provinces' door of each node.
    pub peer_urls: Vec<String>,
}

impl NodeSettings {
    /// Whose node it is.
    ///
    /// # Panics
    /// When the settings were put together by hand with something that is no province; loaded ones are
    /// checked.
    #[must_use]
    pub fn province_id(&self) -> ProvinceId {
        self.province.parse().expect("loaded settings name a province")
    }
}
