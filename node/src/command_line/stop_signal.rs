//! The wish to stop: Ctrl-C or SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

use super::exit::Failure;

/// Listens from the moment it is made, so that a signal that comes while something starts is not lost.
pub(crate) struct StopSignal {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignal {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::start(format!("can not listen for signals: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Completes when someone wants the process to stop, and names the signal.
    pub(crate) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
