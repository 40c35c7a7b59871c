//! Who is at the other end of a connection. The address of a replica is one for its whole group, so a
//! connection to it does not say who made it; the system does: the port belongs to a socket, and the
//! socket to a process.

use std::fs;

/// Which of these processes made the connection that comes from `port` of this machine; `None` when none
/// did, or it is gone.
#[must_use]
pub(super) fn of_port(port: u16, processes: impl IntoIterator<Item = u32>) -> Option<u32> {
    let inode = socket_of(&fs::read_to_string("/proc/net/tcp").ok()?, port)?;
    let link = format!("socket:[{inode}]");
    processes.into_iter().find(|pid| holds(*pid, &link))
}

/// The socket whose own end is 127.0.0.1:`port`. One that is closing has none.
fn socket_of(table: &str, port: u16) -> Option<u64> {
    let own = format!("0100007F:{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.nth(1)?;
        let inode: u64 = words.nth(7)?.parse().ok()?;
        (address == own && inode != 0).then_some(inode)
    })
}

fn holds(pid: u32, link: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target.to_str() == Some(link)))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_belongs_to_the_process_that_made_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let port = stream.local_addr().expect("connected").port();
        let us = std::process::id();
        assert_eq!(of_port(port, [1, us]), Some(us));
        assert_eq!(of_port(port, []), None);
        drop(stream);
        drop(listener);
        assert_eq!(of_port(port, [us]), None, "gone");
    }

    #[test]
    fn a_port_is_found_in_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                     0: 0100007F:1F90 0100007F:C350 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0\n\
                     1: 0100007F:1F90 0100007F:C351 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0\n";
        assert_eq!(socket_of(table, 8080), Some(4711));
        assert_eq!(socket_of(table, 8081), None);
    }
}
