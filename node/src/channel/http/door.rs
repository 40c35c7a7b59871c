//! What the callers' handlers work with.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mpss_config::DoorSettings;
use mpss_domain::number_plan::Belonging;
use mpss_domain::{Command, LogTime, Msisdn, Operator, ProvinceId, Reply, Request, Verb};

use super::goods::NationalGoods;
use super::leader::LeaderLink;
use super::rate::Rates;
use crate::channel::in_flight::InFlight;
use crate::channel::ivr::Calls;
use crate::channel::sms::Words;
use crate::home::Home;
use crate::intake::{EdgeCode, Problem};
use crate::message_signature::Nonces;
use crate::node::Context;
use crate::not_done::{NotDone, accepted};
use crate::serving::Serving;

/// The text of `/metrics`.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// Questions that wait for an order to end at most; more are answered at once.
const WAITS_MAX: usize = 4_096;

/// Bounds of the callers' door.
#[derive(Clone)]
pub struct HttpOptions {
    /// Requests being worked on at most; more are answered 503 at once.
    pub requests_in_flight_max: usize,
    /// Largest body in bytes, save for the number plan.
    pub body_bytes_max: usize,
    /// A body must have come within this time.
    pub body_deadline: Duration,
    /// A request must have been answered within this time.
    pub request_deadline: Duration,
    /// Requests a second for one subscriber on average; 0 for no bound.
    pub subscriber_requests_per_second: u32,
    /// The text of `/metrics`.
    pub metrics_text: MetricsText,
}

impl HttpOptions {
    /// The bounds that the settings name.
    #[must_use]
    pub fn new(settings: &DoorSettings, metrics_text: MetricsText) -> Self {
        Self {
            requests_in_flight_max: settings.requests_in_flight_max,
            body_bytes_max: settings.body_bytes_max,
            body_deadline: Duration::from_millis(settings.header_deadline_ms),
            request_deadline: Duration::from_millis(settings.request_deadline_ms),
            subscriber_requests_per_second: settings.subscriber_requests_per_second,
            metrics_text,
        }
    }
}

impl std::fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpOptions")
            .field("requests_in_flight_max", &self.requests_in_flight_max)
            .finish_non_exhaustive()
    }
}

/// What the callers' handlers work with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door(Arc<DoorParts>);

pub(crate) struct DoorParts {
    pub(crate) context: Context,
    pub(crate) home: Home,
    pub(crate) serving: Serving,
    /// Hears what subscribers send by text.
    pub(crate) words: Words,
    /// Answers calls.
    pub(crate) calls: Calls,
    pub(crate) options: HttpOptions,
    pub(crate) goods: NationalGoods,
    pub(crate) leader: LeaderLink,
    pub(crate) waits: InFlight,
    pub(crate) in_flight: InFlight,
    /// The OpenAPI document as it is served.
    pub(crate) document: Bytes,
    /// Signatures of SPs that were taken.
    pub(crate) nonces: Nonces,
    pub(crate) sp_rates: Rates,
    rates: Rates,
}

impl Deref for Door {
    type Target = DoorParts;
    fn deref(&self) -> &DoorParts {
        &self.0
    }
}

impl Door {
    pub(crate) fn new(context: Context, home: Home, serving: Serving, options: HttpOptions, document: Bytes) -> Self {
        let rates = Rates::new(options.subscriber_requests_per_second, &*context.seams.random);
        Self(Arc::new(DoorParts {
            words: Words::new(context.clone()),
            calls: Calls::new(context.clone()),
            home,
            serving,
            goods: NationalGoods::default(),
            leader: LeaderLink::new(context.nodes.clone(), options.request_deadline),
            waits: InFlight::new(WAITS_MAX),
            in_flight: InFlight::new(options.requests_in_flight_max),
            document,
            nonces: Nonces::new(context.settings.sp.nonces_max),
            sp_rates: Rates::new(context.settings.sp.requests_per_second, &*context.seams.random),
            rates,
            options,
            context,
        }))
    }
}

impl DoorParts {
    /// Whose node this is.
    pub(crate) fn here(&self) -> ProvinceId {
        self.context.province
    }

    /// The wall clock, for what a question shows; changes go by log time.
    pub(crate) fn wall(&self) -> LogTime {
        LogTime(self.context.seams.clock.wall_ms())
    }

    /// Lets a request for one subscriber or account in, or tells it to slow down.
    pub(crate) fn admit(&self, whose: u64) -> Result<(), Problem> {
        self.rates.admit(whose, self.context.seams.clock.monotonic())
    }

    /// The province that must be asked instead of this one.
    pub(crate) fn elsewhere(&self, province: Option<ProvinceId>) -> Option<ProvinceId> {
        province.filter(|province| *province != self.here())
    }

    /// The home of one of our numbers when it is not here. A number that is not ours, or not known,
    /// is left to this province's rules, so that the refusal is remembered with the request.
    pub(crate) fn home_elsewhere(&self, msisdn: Msisdn) -> Result<Option<ProvinceId>, Problem> {
        let home = self.belonging(msisdn)?.filter(|belonging| belonging.operator == Operator::ChinaTelecom);
        Ok(self.elsewhere(home.map(|belonging| belonging.home)))
    }

    /// Where a number belongs, whoever serves it: one that was carried to another operator stays at home.
    pub(super) fn belonging(&self, msisdn: Msisdn) -> Result<Option<Belonging>, Problem> {
        let wall = self.wall();
        let belonging = self.context.replica.read(|state| {
            let plan = state.plan();
            (plan.epoch > 0).then(|| plan.lookup(msisdn, state.now().max(wall)))
        });
        belonging.ok_or_else(|| Problem::detailed(EdgeCode::Unavailable, "no number plan is in force yet"))
    }

    /// Proposes a change that needs no password. A refusal is a problem.
    pub(crate) async fn propose(&self, request: Request, verb: Verb) -> Result<Reply, Problem> {
        self.context.is_readable(verb.since()).await?;
        let reply = self.context.replica.propose(Command { request: Some(request), verb }).await;
        Ok(accepted(reply.map_err(NotDone::from)?)?)
    }
}
