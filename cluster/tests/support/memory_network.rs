//! A network in memory: links can be cut, answers lost.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mpss_runtime::transport::ServeGuard;
use mpss_runtime::{BoxFuture, CallError, Handler, Transport};
use parking_lot::Mutex;
use tokio::sync::watch;

#[derive(Default)]
struct Wires {
    serving: BTreeMap<String, (u64, Arc<dyn Handler>)>,
    cut: BTreeSet<(String, String)>,
    /// Answers on these links never arrive, although requests do.
    deaf: BTreeSet<(String, String)>,
    /// Appends on these links are answered as if the log did not fit.
    lying: BTreeSet<(String, String)>,
    /// Programs from before there were state versions.
    before_versions: BTreeSet<String>,
    /// How often they were asked for them.
    asked_before_versions: watch::Sender<u64>,
    next: u64,
}

/// The kind of request by which a leader asks for state versions.
const ASKS_FOR_VERSIONS: u8 = 11;

/// What a program that does not know it answers, byte for byte.
fn no_kind_of_request() -> Bytes {
    let what = b"11 is no kind of request";
    let mut answer = vec![1, 1];
    answer.extend_from_slice(&77_u64.to_le_bytes());
    answer.extend_from_slice(&[0, u8::try_from(what.len()).expect("short")]);
    answer.extend_from_slice(what);
    Bytes::from(answer)
}

/// The network.
#[derive(Clone, Default)]
pub struct MemoryNetwork {
    wires: Arc<Mutex<Wires>>,
}

impl MemoryNetwork {
    pub fn transport(&self, address: &str) -> Arc<dyn Transport> {
        Arc::new(MemoryTransport { wires: self.wires.clone(), address: address.to_owned() })
    }

    /// Cuts a replica off, or joins it again.
    pub fn set_cut(&self, address: &str, others: &[String], cut: bool) {
        let mut wires = self.wires.lock();
        for other in others.iter().filter(|other| *other != address) {
            for link in [(address.to_owned(), other.clone()), (other.clone(), address.to_owned())] {
                if cut {
                    wires.cut.insert(link);
                } else {
                    wires.cut.remove(&link);
                }
            }
        }
    }

    /// The replica at `address` runs a program from before there were state versions, or no more.
    pub fn set_before_versions(&self, address: &str, before: bool) {
        let mut wires = self.wires.lock();
        if before {
            wires.before_versions.insert(address.to_owned());
        } else {
            wires.before_versions.remove(address);
        }
    }

    /// How often programs from before there were state versions were asked for them.
    pub fn asked_before_versions(&self) -> watch::Receiver<u64> {
        self.wires.lock().asked_before_versions.subscribe()
    }

    /// Answers from `to` to `from` are lost, or arrive again.
    pub fn set_deaf(&self, from: &str, to: &str, deaf: bool) {
        let link = (from.to_owned(), to.to_owned());
        let mut wires = self.wires.lock();
        if deaf {
            wires.deaf.insert(link);
        } else {
            wires.deaf.remove(&link);
        }
    }
}

impl MemoryNetwork {
    /// `to` answers every append from `from` as if its log did not fit to what it has confirmed before.
    pub fn set_lying(&self, from: &str, to: &str) {
        self.wires.lock().lying.insert((from.to_owned(), to.to_owned()));
    }
}

/// Kind of an append in a request's second byte; the answer *conflict* behind an answer's ten bytes.
const APPEND: u8 = 1;
const CONFLICT: u8 = 2;
const ANSWER_HEADER_BYTES: usize = 10;

struct MemoryTransport {
    wires: Arc<Mutex<Wires>>,
    address: String,
}

impl Transport for MemoryTransport {
    fn call(&self, address: &str, request: Bytes, deadline: Duration) -> BoxFuture<'static, Result<Bytes, CallError>> {
        let link = (self.address.clone(), address.to_owned());
        let (handler, deaf, before_versions) = {
            let wires = self.wires.lock();
            let handler = wires.serving.get(address).map(|(_, handler)| handler.clone());
            let handler = handler.filter(|_| !wires.cut.contains(&link));
            (handler, wires.deaf.contains(&link), wires.before_versions.contains(address))
        };
        let lying = request.get(1) == Some(&APPEND) && self.wires.lock().lying.contains(&link);
        let address = address.to_owned();
        let Some(handler) = handler else {
            return Box::pin(std::future::ready(Err(CallError::Unreachable(address))));
        };
        if before_versions && request.get(1) == Some(&ASKS_FOR_VERSIONS) {
            self.wires.lock().asked_before_versions.send_modify(|times| *times += 1);
            return Box::pin(std::future::ready(Ok(no_kind_of_request())));
        }
        let answer = tokio::time::timeout(deadline, tokio::spawn(handler.handle(request)));
        let wires = self.wires.clone();
        Box::pin(async move {
            match answer.await {
                // Cut meanwhile, the answer does not come through either.
                Ok(Ok(answered)) if lying => {
                    let mut answer = answered[..ANSWER_HEADER_BYTES].to_vec();
                    answer.push(CONFLICT);
                    Ok(Bytes::from(answer))
                }
                Ok(Ok(answered)) if !deaf && !wires.lock().cut.contains(&link) => Ok(answered),
                _ => Err(CallError::Unknown(address)),
            }
        })
    }

    fn serve(&self, handler: Arc<dyn Handler>) -> BoxFuture<'_, io::Result<ServeGuard>> {
        let id = {
            let mut wires = self.wires.lock();
            wires.next += 1;
            let id = wires.next;
            wires.serving.insert(self.address.clone(), (id, handler));
            id
        };
        let (wires, address) = (self.wires.clone(), self.address.clone());
        Box::pin(std::future::ready(Ok(ServeGuard::new(move || {
            let mut wires = wires.lock();
            // A successor may serve the address already.
            if wires.serving.get(&address).is_some_and(|(serving, _)| *serving == id) {
                wires.serving.remove(&address);
            }
        }))))
    }
}
