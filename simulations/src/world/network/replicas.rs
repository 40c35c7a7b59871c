//! Calls between replicas. They are begun in the order they were sent, as on one connection. Where the
//! weather puts messages out of order, a connection breaks: what is on it arrives still, nobody hears
//! the answers, and what is sent next, on a new connection, may overtake it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mpss_runtime::transport::ServeGuard;
use mpss_runtime::{BoxFuture, CallError, Clock, Handler, Spawner, Transport};
use tokio::sync::{mpsc, oneshot};

use super::{Fate, Network, machine};
use crate::world::SimSpawner;

/// A request on its way.
pub(super) struct Delivery {
    pub(super) to: String,
    pub(super) request: Bytes,
    pub(super) answer: oneshot::Sender<Bytes>,
    /// The connection it came on is broken.
    pub(super) broken: Arc<AtomicBool>,
}

impl Delivery {
    /// The same request, with an answer that goes nowhere.
    pub(super) fn copied(&self) -> Self {
        let (to, request) = (self.to.clone(), self.request.clone());
        Self { to, request, answer: oneshot::channel().0, broken: Arc::default() }
    }
}

/// Whoever answers at an address.
pub(super) struct Serving {
    number: u64,
    spawner: SimSpawner,
    handler: Arc<dyn Handler>,
}

/// Hands over what is on one line, one after the other, as long as both its ends are there.
pub(super) async fn carry(
    network: Network,
    mut waiting: mpsc::UnboundedReceiver<(Duration, Delivery)>,
    gone: Arc<AtomicBool>,
) {
    while let Some((at, delivery)) = waiting.recv().await {
        network.inner.clock.sleep_until(at).await;
        if gone.load(Ordering::Relaxed) {
            return;
        }
        network.deliver(delivery).await;
    }
}

impl Network {
    pub(super) async fn deliver(&self, delivery: Delivery) {
        let serving = |network: &Self| {
            let state = network.inner.state.lock();
            let serving = state.replicas.get(&delivery.to)?;
            Some((serving.spawner.clone(), serving.handler.clone()))
        };
        let Some((spawner, handler)) = serving(self) else { return };
        // What is sent to a process that stands still waits in its machine's buffers.
        spawner.gate().open().await;
        if spawner.is_ended() {
            return;
        }
        self.inner.trace.mark(1, &delivery.request);
        let Delivery { to, request, answer, broken } = delivery;
        // The order of arrival is kept by beginning here.
        let work = handler.handle(request.clone());
        let eavesdropper = self.inner.eavesdropper.clone();
        spawner.spawn(
            "call",
            Box::pin(async move {
                let answered = work.await;
                eavesdropper.answering(machine(&to), &request, &answered);
                if !broken.load(Ordering::Relaxed) {
                    // Whoever asked may have given up.
                    let _ = answer.send(answered);
                }
            }),
        );
    }
}

pub(super) fn transport(network: &Network, address: &str, spawner: SimSpawner) -> Arc<dyn Transport> {
    Arc::new(SimTransport { network: network.clone(), address: address.to_owned(), spawner })
}

struct SimTransport {
    network: Network,
    address: String,
    spawner: SimSpawner,
}

impl Transport for SimTransport {
    fn call(&self, address: &str, request: Bytes, deadline: Duration) -> BoxFuture<'static, Result<Bytes, CallError>> {
        let (network, from, to) = (self.network.clone(), self.address.clone(), address.to_owned());
        if self.spawner.is_ended() {
            return Box::pin(async { Err(CallError::Unreachable(to)) });
        }
        let there = network.inner.state.lock().replicas.contains_key(&to);
        let (answer, answered) = oneshot::channel();
        // A sender that is kept and never used is silence.
        let mut silent = None;
        match network.fate(&from, &to) {
            Fate::Arrives(_) if !there => return Box::pin(async { Err(CallError::Unreachable(to)) }),
            Fate::Arrives(way) => {
                network.inner.eavesdropper.asked(machine(&from), machine(&to), &request);
                let delivery = Delivery { to: to.clone(), request, answer, broken: Arc::default() };
                network.send(&from, way, delivery);
            }
            Fate::Cut if network.inner.random.happens(500_000) => {
                return Box::pin(async { Err(CallError::Unreachable(to)) });
            }
            Fate::Cut | Fate::Lost => silent = Some(answer),
        }
        Box::pin(async move {
            let _silent = silent;
            let unknown = || CallError::Unknown(to.clone());
            let reply = tokio::time::timeout(deadline, answered);
            let reply = reply.await.map_err(|_| unknown())?.map_err(|_| unknown())?;
            match network.fate(&to, &from) {
                Fate::Arrives(way) => {
                    network.inner.clock.sleep(way.after).await;
                    Ok(reply)
                }
                Fate::Lost | Fate::Cut => Err(unknown()),
            }
        })
    }

    fn serve(&self, handler: Arc<dyn Handler>) -> BoxFuture<'_, io::Result<ServeGuard>> {
        let number = {
            let mut state = self.network.inner.state.lock();
            state.next += 1;
            let number = state.next;
            state.replicas.insert(self.address.clone(), Serving { number, spawner: self.spawner.clone(), handler });
            number
        };
        let (network, address) = (self.network.clone(), self.address.clone());
        Box::pin(std::future::ready(Ok(ServeGuard::new(move || {
            let mut state = network.inner.state.lock();
            // A successor may serve the address already.
            if state.replicas.get(&address).is_some_and(|serving| serving.number == number) {
                state.replicas.remove(&address);
            }
        }))))
    }
}
