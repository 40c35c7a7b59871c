//! Everything that reads bytes from a disk, a wire or a file a person wrote, each as one function
//! that may refuse and must never panic. `mpss-fuzz` searches them with libFuzzer; `tests/decoders.rs`
//! runs them over the committed seeds and random damage in every build.

use std::path::{Path, PathBuf};

use mpss_routing::{plan_file, wire};

use crate::seeded::Seeded;

/// One reader of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Decoder {
    /// Its name; also the folder of its seeds.
    pub name: &'static str,
    /// Reads. True when the bytes were understood; panics when an understood value does not survive
    /// being written and read again.
    pub understands: fn(&[u8]) -> bool,
}

/// All of them.
pub const ALL: &[Decoder] = &[
    Decoder { name: "number_plan", understands: number_plan },
    Decoder { name: "portability", understands: portability },
    Decoder { name: "peer_messages", understands: peer_messages },
    Decoder { name: "settings", understands: settings },
    Decoder { name: "log_batch", understands: log_batch },
    Decoder { name: "log_segment", understands: log_segment },
    Decoder { name: "replica_request", understands: mpss_cluster::fuzz::request },
    Decoder { name: "replica_answer", understands: mpss_cluster::fuzz::answer },
    Decoder { name: "iso8583", understands: mpss_node::gateway::bank::iso8583::fuzz::understands },
    Decoder { name: "message_signature", understands: mpss_node::message_signature::fuzz::understands },
    Decoder { name: "isag_message", understands: mpss_node::channel::isag::fuzz::understands },
    Decoder { name: "snapshot_head", understands: mpss_cluster::fuzz::snapshot_head },
];

/// The decoder with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Decoder> {
    ALL.iter().find(|decoder| decoder.name == name)
}

/// Where the seeds of a decoder are kept.
#[must_use]
pub fn seed_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name)
}

/// All seeds of a decoder, by file name.
///
/// # Panics
/// When they can not be read: they are part of the project.
#[must_use]
pub fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = seed_folder(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let bytes = std::fs::read(&path).expect("a readable seed");
            (path.file_name().expect("a name").to_string_lossy().into_owned(), bytes)
        })
        .collect();
    seeds.sort();
    seeds
}

/// `bytes`, damaged: a few bits, bytes or pieces changed, cut, repeated or swapped.
#[must_use]
pub fn damaged(bytes: &[u8], seeded: &mut Seeded) -> Vec<u8> {
    const TELLING: &[&[u8]] = &[
        b"\0",
        b"\xff\xff\xff\xff",
        b"-1",
        b"1e999",
        b"\"",
        b"{",
        b"]",
        b",",
        b"\r\n",
        b"\xef\xbb\xbf",
        b"9223372036854775808",
    ];
    let mut bytes = bytes.to_vec();
    for _ in 0..=seeded.below(4) {
        let place = seeded.index(bytes.len() + 1);
        match seeded.below(7) {
            0 if place < bytes.len() => bytes[place] ^= 1 << seeded.below(8),
            1 if place < bytes.len() => bytes[place] = seeded.bits().to_le_bytes()[0],
            2 => bytes.truncate(place),
            3 => drop(bytes.drain(place..(place + seeded.index(9)).min(bytes.len()))),
            4 => drop(bytes.splice(place..place, seeded.pick(TELLING).iter().copied())),
            5 => {
                let piece = bytes[place..(place + seeded.index(33)).min(bytes.len())].to_vec();
                let other = seeded.index(bytes.len() + 1);
                drop(bytes.splice(other..other, piece));
            }
            _ => drop(bytes.splice(place..place, seeded.bytes(8))),
        }
    }
    bytes
}

fn number_plan(bytes: &[u8]) -> bool {
    let Ok(plan) = plan_file::parse_plan_bytes(bytes, 7) else { return false };
    let again = plan_file::parse_plan(&plan_file::render_plan(&plan), 7);
    assert_eq!(again.as_ref(), Ok(&plan), "a plan that was read is read again");
    true
}

fn portability(bytes: &[u8]) -> bool {
    static PLAN: std::sync::LazyLock<mpss_domain::NumberPlan> = std::sync::LazyLock::new(mpss_routing::national_plan);
    let Ok(ported) = plan_file::parse_portability_bytes(bytes, &PLAN) else { return false };
    let again = plan_file::parse_portability(&plan_file::render_portability(&ported), &PLAN);
    assert_eq!(again.as_ref(), Ok(&ported), "overrides that were read are read again");
    true
}

fn peer_messages(bytes: &[u8]) -> bool {
    fn survives<T>(bytes: &[u8]) -> bool
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let Ok(message) = wire::decode::<T>(bytes) else { return false };
        assert_eq!(
            wire::decode::<T>(&wire::encode(&message)).as_ref(),
            Ok(&message),
            "a message that was read is read again"
        );
        true
    }
    let understood = [
        survives::<wire::PaymentMessage>(bytes),
        survives::<wire::ReversalMessage>(bytes),
        survives::<wire::RefundMessage>(bytes),
        survives::<wire::TransferMessage>(bytes),
        survives::<wire::PeerAnswer>(bytes),
    ];
    if let Ok(wire::PeerAnswer { result: wire::PeerResult::Refused { number, detail }, .. }) = wire::decode(bytes)
        && let Some(refusal) = wire::refusal_from_wire(number, detail.as_deref())
    {
        let (number, detail) = wire::refusal_to_wire(refusal);
        assert_eq!(wire::refusal_from_wire(number, detail.as_deref()), Some(refusal));
    }
    understood.contains(&true)
}

fn log_batch(bytes: &[u8]) -> bool {
    mpss_cluster::fuzz::batch(bytes).is_ok()
}

fn log_segment(bytes: &[u8]) -> bool {
    /// The seeds are cut from first segments.
    const EPOCH: u64 = 1;
    mpss_cluster::fuzz::segment(bytes, EPOCH) > 0
}

fn settings(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    match mpss_config::Settings::parse(text, "seed", []) {
        Ok(settings) => {
            let shown = format!("{settings:?}");
            for pepper in settings.password.peppers.values() {
                assert!(!shown.contains(pepper.as_str()), "a pepper is shown");
            }
            drop((settings.founders_by_number(), settings.other_provinces(), settings.password.pepper_keys()));
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}
