//! What the sandbox's nodes are set to, besides the defaults.

use std::path::Path;

use mpss_config::{Settings, SpSettings};

use super::cast;
use crate::command_line::Failure;
use crate::demo::place::{Map, pepper};
use crate::message_signature::Signer;
use crate::platform_keys;

/// Secrets of one sandbox, each 32 bytes as hex digits.
pub(super) struct Secrets {
    vault: String,
    words: String,
    notice: String,
    published: String,
}

impl Secrets {
    pub(super) fn draw() -> Self {
        Self { vault: pepper(), words: pepper(), notice: pepper(), published: pepper() }
    }

    /// What the SMS centre signs with.
    pub(super) fn words_key(&self) -> Vec<u8> {
        hex::decode(&self.words).expect("hex digits")
    }

    /// Lines of `section.key = value`.
    pub(super) fn lines(&self) -> Vec<String> {
        vec![
            // Three nodes in one process must not pre-write gigabytes.
            "replication.segment_bytes = 8388608".to_owned(),
            // Whoever tries faults does not wait for long pauses.
            "outbox.pause_max_ms = 500".to_owned(),
            format!("vault.key = \"{}\"", self.vault),
            format!("outbox.sms_door_key = \"{}\"", self.words),
            format!("sp.notice_key = \"{}\"", self.notice),
            format!("sp.published_key = \"{}\"", self.published),
        ]
    }
}

/// The key that signs notices, and the one that is only shown.
pub(super) fn signers(map: &Map, folder: &Path) -> Result<[Signer; 2], Failure> {
    let place = map.of(cast::home()).next().ok_or_else(|| Failure::start("a sandbox without nodes"))?;
    let settings = Settings::load(Some(&place.settings_file(folder)), []);
    let mut sp = settings.map_err(|error| Failure::start(error.to_string()))?.sp;
    let signs = signer(&sp)?;
    std::mem::swap(&mut sp.notice_key, &mut sp.published_key);
    Ok([signs, signer(&sp)?])
}

fn signer(sp: &SpSettings) -> Result<Signer, Failure> {
    let signer = platform_keys::signer(sp).ok().flatten();
    signer.ok_or_else(|| Failure::start("a key of the sandbox is none; start it again"))
}
