//! One place in a province's log has one meaning: an entry with the same index and the same leader
//! carries the same bytes wherever it is sent or stored.

use std::collections::BTreeMap;

use mpss_cluster::inspect::Place;
use mpss_domain::ProvinceId;

use super::{Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct LogIds {
    known: BTreeMap<(ProvinceId, Place), u64>,
}

impl Property for LogIds {
    fn name(&self) -> &'static str {
        "a log id has one payload"
    }

    fn clause(&self) -> &'static str {
        "product §4: one order of events in each province"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let (Seen::Appending { province, entries } | Seen::Durable { province, entries }) = seen else {
            return Vec::new();
        };
        let mut wrong = Vec::new();
        for (place, hash) in *entries {
            let known = *self.known.entry((*province, *place)).or_insert(*hash);
            if known != *hash {
                wrong.push(format!(
                    "{province}: {place:?} carries {known:016x} in one place and {hash:016x} in another"
                ));
            }
        }
        wrong
    }
}
