//! Settings against each other. A relation is only looked at when all of its values are right in
//! themselves, so that one mistake is told once.

use std::collections::BTreeMap;

use crate::check::Checked;

/// Replicas that found a group at most: more only cost time for each write.
pub(crate) const FOUNDERS_MAX: usize = 9;

pub(crate) fn check(checked: &mut Checked) {
    replication(checked);
    deadlines(checked);
    listeners(checked);
    founders(checked);
    peppers(checked);
    crate::rails::check(checked);
    crate::recharge::check(checked);
    crate::upp::check(checked);
    crate::sp::check(checked);
    crate::seal::check(checked);
    crate::isag::check(checked);
    crate::portal::check(checked);
    crate::ivr::check(checked);
    crate::smpp::check(checked);
    crate::isag_texts::check(checked);
    at_most(checked, "rails.bank_reconnect_min_ms", "rails.bank_reconnect_max_ms");
    at_most(checked, "smpp.reconnect_min_ms", "smpp.reconnect_max_ms");
    at_most(checked, "smpp.receipt_wait_ms", "smpp.give_up_ms");
}

fn replication(checked: &mut Checked) {
    let (heartbeat, election_min) = ("replication.heartbeat_ms", "replication.election_min_ms");
    if let (Some(beat), Some(min)) = (checked.number(heartbeat), checked.number(election_min))
        && beat.saturating_mul(2) >= min
    {
        // One lost heartbeat must not be taken for a lost leader.
        let limit = checked.shown(election_min);
        checked.add(heartbeat, format!("must be less than half of {limit}"));
    }
    less(checked, election_min, "replication.election_max_ms");
    at_most(checked, "replication.batch_commands_max", "replication.queue_commands_max");
    at_most(checked, "replication.segment_bytes", "replication.snapshot_log_bytes");
}

fn deadlines(checked: &mut Checked) {
    at_most(checked, "dispatch.try_deadline_ms", "dispatch.payment_deadline_ms");
    at_most(checked, "dispatch.pause_min_ms", "dispatch.pause_max_ms");
    at_most(checked, "outbox.pause_min_ms", "outbox.pause_max_ms");
    at_most(checked, "door.header_deadline_ms", "door.request_deadline_ms");
    // Whoever waits longest must still be able to answer: the log and the home province give up first.
    less(checked, "replication.propose_deadline_ms", "door.request_deadline_ms");
    less(checked, "dispatch.payment_deadline_ms", "door.request_deadline_ms");
}

fn listeners(checked: &mut Checked) {
    let keys = ["listen.public", "listen.peer", "listen.raft", "portal.listen"];
    for (position, key) in keys.iter().enumerate() {
        for earlier in &keys[..position] {
            let (Some(address), Some(other)) = (checked.text(key), checked.text(earlier)) else { continue };
            if address == other && !address.ends_with(":0") {
                let other = checked.shown(earlier);
                checked.add(key, format!("must differ from {other}"));
            }
        }
    }
}

fn founders(checked: &mut Checked) {
    if checked.has_problem_in("founders") {
        return;
    }
    let mut names: Vec<String> = checked.names("founders").into_iter().map(str::to_owned).collect();
    names.sort_by_key(|name| name.parse::<u64>().ok());
    if let Some(number) = checked.number("node.number")
        && !names.is_empty()
        && !names.contains(&number.to_string())
    {
        let expected = format!(
            "must be one of the founders ({}); a replica that is added to a group later has no founders at all",
            names.join(", ")
        );
        checked.add("node.number", expected);
    }
    if let Some(extra) = names.get(FOUNDERS_MAX) {
        let expected = format!("must not be there: a group is founded by {FOUNDERS_MAX} replicas at most");
        checked.add(&format!("founders.{extra}.raft_address"), expected);
    }
    for setting in ["raft_address", "public_url"] {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for name in &names {
            let key = format!("founders.{name}.{setting}");
            let Some(value) = checked.text(&key).map(str::to_owned) else { continue };
            if let Some(earlier) = seen.get(&value) {
                let other = checked.shown(earlier);
                checked.add(&key, format!("must differ from {other}"));
            } else {
                seen.insert(value, key);
            }
        }
    }
}

fn peppers(checked: &mut Checked) {
    if checked.names("password.peppers").is_empty() && !checked.has_problem_in("password") {
        let expected = "at least one pepper is needed, 32 bytes as 64 hex digits; set it as \
                        MPSS__PASSWORD__PEPPERS__1 or in a settings file that its owner alone can read";
        checked.add("password.peppers", expected.to_owned());
    }
}

fn less(checked: &mut Checked, small: &str, large: &str) {
    relate(checked, small, large, "less than", |small, large| small < large);
}

fn at_most(checked: &mut Checked, small: &str, large: &str) {
    relate(checked, small, large, "at most", |small, large| small <= large);
}

fn relate(checked: &mut Checked, small: &str, large: &str, words: &str, holds: fn(u64, u64) -> bool) {
    if let (Some(a), Some(b)) = (checked.number(small), checked.number(large))
        && !holds(a, b)
    {
        let limit = checked.shown(large);
        checked.add(small, format!("must be {words} {limit}"));
    }
}
