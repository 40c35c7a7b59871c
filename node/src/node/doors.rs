//! The doors of a node: open when the node can work, closed first when it stops.

use std::sync::Arc;

use axum::Router;
use mpss_runtime::TaskHandle;
use tokio::sync::{oneshot, watch};

use super::{Context, Listeners};
use crate::channel::in_flight::InFlight;
use crate::channel::{self, ServeOptions};
use crate::home::Home;
use crate::isag_sps::KeyedSps;
use crate::serving::Serving;

/// What stands behind the doors: requests in, answers out, no sockets.
#[derive(Debug, Clone)]
pub struct Services {
    /// Callers.
    pub public: Router,
    /// Other provinces.
    pub peer: Router,
    /// Pages for people, when the settings have them.
    pub portal: Option<Router>,
    in_flight: [InFlight; 3],
}

impl Services {
    pub(super) fn new(context: &Context, home: Home, serving: Serving) -> Self {
        let (public, callers, inside) = channel::http::router(context.clone(), home.clone(), serving.clone());
        let portal = channel::portal::router(context.clone(), inside).map(|(portal, _)| portal);
        let clock = Arc::clone(&context.seams.clock);
        let sps = KeyedSps::new(&context.settings, context.replica.clone(), context.pins.clone(), clock);
        let (isag, at_the_isag) = channel::isag::router(context.clone(), serving, Arc::new(sps));
        let (peer, provinces) = channel::peer::router(context.clone(), home);
        Self { public: public.merge(isag), peer, portal, in_flight: [callers, provinces, at_the_isag] }
    }

    /// Requests being worked on now: callers', other provinces', and those of SPs at the ISAG.
    #[must_use]
    pub fn requests_in_flight(&self) -> [usize; 3] {
        self.in_flight.each_ref().map(InFlight::count)
    }
}

/// The doors and the word that closes them.
pub(super) struct Doors {
    shutdown: watch::Sender<bool>,
    tasks: Vec<(TaskHandle, oneshot::Receiver<()>)>,
}

impl Doors {
    /// No doors: whoever started the node brings requests to its [`Services`].
    pub(super) fn none() -> Self {
        Self { shutdown: watch::channel(false).0, tasks: Vec::new() }
    }

    /// Opens them.
    pub(super) fn open(context: &Context, services: Services, listeners: Listeners) -> Self {
        let (shutdown, shut) = watch::channel(false);
        let portal = listeners.portal.zip(services.portal);
        let tasks = [(listeners.public, services.public), (listeners.peer, services.peer)]
            .into_iter()
            .chain(portal)
            .map(|(listener, router)| {
                let options = ServeOptions::new(&context.settings.door);
                let door = channel::serve(listener, router, options, context.seams.clone(), shut.clone());
                let (ended, end) = oneshot::channel();
                let task = async move {
                    door.await;
                    // Nobody waits when the node was killed.
                    let _ = ended.send(());
                };
                (context.seams.spawner.spawn("door", Box::pin(task)), end)
            })
            .collect();
        Self { shutdown, tasks }
    }

    /// Takes nothing new, and waits until what was taken is answered.
    pub(super) async fn close(self) {
        self.shutdown.send_replace(true);
        for (_, end) in self.tasks {
            // A door that is gone has ended too.
            let _ = end.await;
        }
    }

    /// Ends the doors at once.
    pub(super) fn slam(self) {
        for (task, _) in self.tasks {
            task.abort();
        }
    }
}
