//! Ports that stay free while a node is down.
//!
//! A port handed out by the system (`bind` to 0) comes from the range that outgoing connections use
//! too: while its node is dead, any connection may take it and the restart fails. Ports are taken
//! from below that range instead.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{LazyLock, Mutex};

use super::seeded::Seeded;

const FIRST: u64 = 10_240;
const TRIES_MAX: usize = 10_000;

/// Hands out loopback ports, none twice.
///
/// # Panics
/// When none is free.
#[must_use]
pub fn free() -> SocketAddr {
    static TAKEN: LazyLock<Mutex<(Seeded, std::collections::BTreeSet<u16>)>> = LazyLock::new(|| {
        // Other test processes on this machine start elsewhere.
        let start = u64::from(std::process::id()) ^ std::time::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_secs());
        Mutex::new((Seeded::new(start), std::collections::BTreeSet::new()))
    });
    let mut taken = TAKEN.lock().expect("never poisoned: nothing below panics while it is held");
    for _ in 0..TRIES_MAX {
        let port = FIRST + taken.0.below(outgoing_first() - FIRST);
        let port = u16::try_from(port).expect("below the outgoing range");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if !taken.1.contains(&port) && TcpListener::bind(address).is_ok() {
            taken.1.insert(port);
            return address;
        }
    }
    drop(taken);
    panic!("no free port below {}", outgoing_first())
}

/// The first port of outgoing connections.
fn outgoing_first() -> u64 {
    const USUAL: u64 = 32_768;
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .filter(|first| *first > FIRST + 5_000)
        .unwrap_or(USUAL)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_port_is_handed_out_twice() {
        let mut ports: Vec<_> = (0..50).map(|_| super::free().port()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| u64::from(*port) < super::outgoing_first()));
    }
}
