//! Tickets (票务): shown to their buyer, checked once at a gate (product specification §3).

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use mpss_domain::ids::IssuedId;
use mpss_domain::tickets::{Ticket, TicketId};
use mpss_domain::{LogTime, OrderId, Outcome, Refusal, State as ProvinceState, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::unexpected;
use super::answer;
use super::call::{Answer, Call};
use super::door::{Door, DoorParts};
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;
use crate::ticket_code::TicketPen;

/// The tickets of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tickets)]
pub(crate) struct TicketsBody {
    /// The order.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// One for each piece, the first at place 1.
    tickets: Vec<TicketPart>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// A ticket as its buyer sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ticket)]
pub(crate) struct TicketPart {
    /// Its place in the order.
    #[schema(example = 1)]
    place: u32,
    /// What a gate reads. Whoever has it may enter.
    #[schema(example = "03D8-T8GA-0001-3000-2W5E-YC3M-6Z0R-Q7BK")]
    code: String,
    /// `valid`, `checked`, `refunded` or `reversed`.
    #[schema(example = "valid")]
    status: &'static str,
    /// When it was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    checked_at: Option<Shown<LogTime>>,
}

impl TicketPart {
    fn of(id: TicketId, ticket: Ticket, pen: &TicketPen) -> Self {
        let checked_at = match ticket {
            Ticket::Checked { at, .. } => Some(Shown(at)),
            _ => None,
        };
        Self { place: id.place, code: pen.sign(id), status: ticket.name(), checked_at }
    }
}

/// Shows the tickets of an order to its buyer. They are there once the order is delivered.
#[utoipa::path(
    get, path = "/v1/orders/{id}/tickets", tag = "orders", operation_id = "show_tickets",
    params(
        ("id" = String, Path, description = "The order", example = "O20260101120000000-44-00001"),
        ("msisdn" = String, Query, description = "The buyer", example = "18912345678"),
    ),
    responses((status = 200, description = "The tickets", body = TicketsBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["msisdn"])?;
    let id: OrderId = call.id()?;
    let buyer = field::msisdn("msisdn", query.required("msisdn")?)?;
    door.admit(buyer.number())?;
    if let Some(elsewhere) = door.elsewhere(id.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let pen = door.pen()?;
    let look = |state: &ProvinceState| {
        let order = state.order(id).ok_or(Refusal::OrderNotFound)?;
        if order.msisdn != buyer {
            return Err(Refusal::NotTheBuyer);
        }
        let tickets = state.tickets_of(id).unwrap_or_default();
        let parts =
            (1_u32..).zip(tickets).map(|(place, ticket)| TicketPart::of(TicketId { order: id, place }, *ticket, pen));
        Ok((parts.collect(), state.index()))
    };
    let found = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    let (tickets, log_index) = found.map_err(|refusal| Problem::refused(refusal).of_path())?;
    let mut response = answer::found(&TicketsBody { order_id: Shown(id), tickets, log_index });
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What a gate has read.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CheckTicket)]
pub(crate) struct CheckAsk<'a> {
    /// The code, with or without hyphens.
    #[serde(borrow)]
    #[schema(value_type = String, example = "03D8-T8GA-0001-3000-2W5E-YC3M-6Z0R-Q7BK")]
    code: Str<'a>,
}

/// A ticket that was good.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TicketChecked)]
pub(crate) struct CheckedBody {
    /// The order it came with.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// Its place in the order.
    #[schema(example = 1)]
    place: u32,
    /// What it is for.
    #[schema(example = "Concert")]
    title: String,
    /// When it was checked.
    #[schema(value_type = String, format = DateTime)]
    checked_at: Shown<LogTime>,
    /// Position in the province's log.
    log_index: u64,
}

/// Checks a ticket at a gate: it lets one in, once. The gate's request id makes a repetition the same check;
/// any other one is refused with the time of the first (`checked_at`).
#[utoipa::path(
    post, path = "/v1/tickets/check", tag = "orders", operation_id = "check_ticket",
    request_body = CheckAsk<'_>,
    responses((status = 200, description = "Let them in", body = CheckedBody)),
)]
pub(crate) async fn check(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let ask: CheckAsk<'_> = call.json()?;
    // Only the province that sold it can say whether it is one.
    let unsigned = || Problem::refused(Refusal::TicketNotFound);
    let named = TicketPen::order_named(ask.code.as_str()).ok_or_else(unsigned)?;
    let province = named.province().ok_or_else(unsigned)?;
    if let Some(elsewhere) = door.elsewhere(Some(province)) {
        return door.pass_on(&call, elsewhere).await;
    }
    let ticket = door.pen()?.read(ask.code.as_str()).ok_or_else(unsigned)?;
    let request = call.request(key, &ask);
    let reply = door.propose(request, Verb::CheckTicket { ticket, gate: request.key }).await?;
    let Outcome::TicketChecked(ticket, at) = reply.outcome else { return Err(unexpected(&reply)) };
    let look = |state: &ProvinceState| Some(state.terms_of(state.order(ticket.order)?)?.title.clone());
    let title = door.context.replica.read_at(reply.index, look).await;
    let title = title.map_err(|_| Problem::edge(EdgeCode::OutcomeUnknown))?.ok_or_else(|| unexpected(&reply))?;
    let body = CheckedBody {
        order_id: Shown(ticket.order),
        place: ticket.place,
        title,
        checked_at: Shown(at),
        log_index: reply.index,
    };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}

impl DoorParts {
    fn pen(&self) -> Result<&TicketPen, Problem> {
        self.context.tickets.as_ref().ok_or_else(|| Problem::edge(EdgeCode::TicketsClosed))
    }
}
