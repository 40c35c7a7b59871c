//! The callers' interface: HTTP with JSON under `/v1`, described by its own OpenAPI document.
//!
//! ```text
//!  guard ─▶ route ─▶ Call (whole, bounded) ─▶ intake (typed) ─▶ here? ─yes─▶ home │ serving ─▶ reply ─▶ answer
//!                                                                 └─no─▶ pass on, as it came, once
//! ```
//!
//! A handler reads its request, understands it, finds out whose it is, has it done and shows what it
//! came to, in this order; it decides nothing. An answer to a change is made only of what stays the
//! same for ever (the request, the reply, rows as of the reply's log position), so that the first
//! answer can be given again byte by byte.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::channel::guard::{Guard, GuardParts};
use crate::channel::in_flight::InFlight;
use crate::channel::route_metrics::RouteMetrics;
use crate::home::Home;
use crate::intake::{EdgeCode, Problem};
use crate::node::Context;
use crate::serving::Serving;

mod account_body;
mod accounts;
mod answer;
mod awards;
mod bank;
mod bank_balance;
mod bank_top_up;
mod bill_policy;
mod bills;
mod call;
mod card_change;
mod cards;
mod catalogue;
mod cluster;
mod confirmations;
mod door;
mod draws;
mod former_home;
mod goods;
mod health;
mod inside;
mod ivr;
mod leader;
mod national_goods;
mod number_plan;
mod openapi;
mod openapi_forms;
mod order_body;
mod orders;
mod page;
mod pass_on;
mod payment_codes;
mod platform_keys;
mod policy;
mod product_files;
mod products;
mod query;
mod rate;
mod recharge;
mod shipping;
mod signature;
mod sms_words;
mod sp;
mod sp_applications;
mod sp_keys;
mod sps;
mod statement;
mod subscribers;
mod texts;
mod tickets;
mod top_ups;
mod transfers;
mod trial_balance;
mod upp;
mod wishes;

#[cfg(test)]
mod tests;

pub use door::{HttpOptions, MetricsText};
pub(crate) use inside::{Change, Inside, NotGiven, Question, encoded};
pub(crate) use leader::TO_LEADER;
pub(crate) use national_goods::ChangesBody;
pub(crate) use orders::QUANTITY_MAX;
pub(crate) use rate::Rates;
pub use signature::{signed, verify};

use door::Door;

/// The callers' interface of a node, bounded as its settings say, what counts its requests, and its handlers for other
/// doors of the node.
pub(crate) fn router(context: Context, home: Home, serving: Serving) -> (Router, InFlight, Inside) {
    let changes = context.replica.watch();
    let metrics_text: MetricsText = Arc::new(move || {
        let status = changes.borrow().clone();
        crate::telemetry::metrics_text(&status)
    });
    let options = HttpOptions::new(&context.settings.door, metrics_text);
    router_and_inside(context, home, serving, options)
}

/// The callers' interface of a node with these bounds, and what counts its requests.
#[cfg(test)]
pub(crate) fn router_with(context: Context, home: Home, serving: Serving, options: HttpOptions) -> (Router, InFlight) {
    let (router, in_flight, _) = router_and_inside(context, home, serving, options);
    (router, in_flight)
}

pub(crate) fn router_and_inside(
    context: Context,
    home: Home,
    serving: Serving,
    options: HttpOptions,
) -> (Router, InFlight, Inside) {
    let (router, document) = routes();
    let served = document.to_json().expect("a document can be written as JSON").into();
    let door = Door::new(context, home, serving, options, served);
    let metrics = RouteMetrics::new(document.paths.paths.iter().flat_map(|(path, item)| {
        let methods = [
            (&item.get, Method::GET),
            (&item.post, Method::POST),
            (&item.put, Method::PUT),
            (&item.patch, Method::PATCH),
        ];
        methods.into_iter().filter(|(operation, _)| operation.is_some()).map(|(_, method)| (path.as_str(), method))
    }));
    let guard = Guard(Arc::new(GuardParts {
        clock: Arc::clone(&door.context.seams.clock),
        in_flight: door.in_flight.clone(),
        deadline: door.options.request_deadline,
        body_deadline: door.options.body_deadline,
        metrics,
        deadline_header: None,
    }));
    let in_flight = door.in_flight.clone();
    let router = router.fallback(unknown_route).method_not_allowed_fallback(method_not_allowed);
    let inside = Inside::new(door.clone());
    (router.layer(guard).with_state(door), in_flight, inside)
}

/// The document that describes the callers' interface.
#[must_use]
pub fn document() -> OpenApi {
    routes().1
}

/// Every route, added only together with its description.
fn routes() -> (Router<Door>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(accounts::open))
        .routes(routes!(accounts::show, accounts::change))
        .routes(routes!(top_ups::make))
        .routes(routes!(top_ups::show))
        .routes(routes!(accounts::freeze))
        .routes(routes!(accounts::unfreeze))
        .routes(routes!(accounts::close))
        .routes(routes!(bank::confirm))
        .routes(routes!(bank::bind))
        .routes(routes!(bank::show))
        .routes(routes!(bank::unbind))
        .routes(routes!(card_change::change))
        .routes(routes!(wishes::ask))
        .routes(routes!(wishes::show))
        .routes(routes!(wishes::refuse))
        .routes(routes!(bank::freeze))
        .routes(routes!(bank::push))
        .routes(routes!(upp::pay))
        .routes(routes!(upp::show))
        .routes(routes!(upp::reverse))
        .routes(routes!(upp::refund))
        .routes(routes!(upp::confirm))
        .routes(routes!(bank_balance::show))
        .routes(routes!(statement::show))
        .routes(routes!(subscribers::show))
        .routes(routes!(sps::admit, sps::list))
        .routes(routes!(sps::show))
        .routes(routes!(sps::suspend))
        .routes(routes!(sps::resume))
        .routes(routes!(sp_keys::set, sp_keys::list))
        .routes(routes!(sp_keys::end))
        .routes(routes!(sp_applications::ask, sp_applications::list))
        .routes(routes!(sp_applications::show))
        .routes(routes!(sp_applications::review::decide))
        .routes(routes!(sp_applications::documents::renew))
        .routes(routes!(sp_applications::documents::due))
        .routes(routes!(sp_applications::policy::show, sp_applications::policy::set))
        .routes(routes!(products::upload, products::list))
        .routes(routes!(products::show, products::change))
        .routes(routes!(products::review))
        .routes(routes!(products::publish))
        .routes(routes!(products::withdraw))
        .routes(routes!(products::delete))
        .routes(routes!(product_files::send))
        .routes(routes!(national_goods::show))
        .routes(routes!(bills::query))
        .routes(routes!(draws::set, draws::show))
        .routes(routes!(cards::load))
        .routes(routes!(cards::stock))
        .routes(routes!(cards::reveal))
        .routes(routes!(tickets::show))
        .routes(routes!(tickets::check))
        .routes(routes!(catalogue::show))
        .routes(routes!(orders::place))
        .routes(routes!(confirmations::confirm))
        .routes(routes!(payment_codes::issue))
        .routes(routes!(payment_codes::place))
        .routes(routes!(orders::show))
        .routes(routes!(orders::reverse))
        .routes(routes!(orders::refund))
        .routes(routes!(orders::deliver))
        .routes(routes!(shipping::ship))
        .routes(routes!(shipping::receive))
        .routes(routes!(awards::pool::show, awards::pool::move_money))
        .routes(routes!(awards::ask))
        .routes(routes!(awards::show))
        .routes(routes!(awards::decide))
        .routes(routes!(awards::file::send))
        .routes(routes!(awards::prizes::waiting))
        .routes(routes!(awards::policy::show, awards::policy::set))
        .routes(routes!(sp::goods::upload))
        .routes(routes!(sp::goods::send))
        .routes(routes!(sp::charges::ask))
        .routes(routes!(sp::charges::charge))
        .routes(routes!(sp::orders::show))
        .routes(routes!(sp::orders::reverse))
        .routes(routes!(sp::orders::refund))
        .routes(routes!(sp::orders::deliver))
        .routes(routes!(sp::awards::ask))
        .routes(routes!(sp::awards::show))
        .routes(routes!(sp::requests::show))
        .routes(routes!(sp::events::list))
        .routes(routes!(platform_keys::show))
        .routes(routes!(transfers::make))
        .routes(routes!(transfers::show))
        .routes(routes!(sms_words::hear))
        .routes(routes!(ivr::step))
        .routes(routes!(texts::show))
        .routes(routes!(number_plan::install))
        .routes(routes!(number_plan::look_up))
        .routes(routes!(number_plan::port))
        .routes(routes!(policy::show, policy::set))
        .routes(routes!(bill_policy::show, bill_policy::set))
        .routes(routes!(trial_balance::show))
        .routes(routes!(cluster::show))
        .routes(routes!(cluster::change_members))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::show))
        .routes(routes!(page::show))
        .split_for_parts();
    openapi::complete(&mut document);
    (router, document)
}

async fn unknown_route() -> Problem {
    EdgeCode::UnknownRoute.into()
}

async fn method_not_allowed() -> Problem {
    EdgeCode::MethodNotAllowed.into()
}
