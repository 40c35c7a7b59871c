//! The provinces' own door: `/peer/v1/…`, version 1 of [`mpss_routing::wire`].
//!
//! | request | is | answer |
//! |---|---|---|
//! | `POST /peer/v1/payments` | debit at home | done, held, refused |
//! | `GET /peer/v1/payments/{id}` | what became of it | fate |
//! | `POST /peer/v1/payments/{id}/capture` | take what is held | done, refused |
//! | `POST /peer/v1/payments/{id}/reversal` | reverse, even what was never seen | done, refused |
//! | `POST /peer/v1/payments/{id}/refunds` | give back | done, refused |
//! | `POST /peer/v1/transfers` | credit a transfer | done, refused |
//! | `POST /peer/v1/awards` | take a prize for a winner | done, refused |
//! | `POST /peer/v1/payment-codes` | whose is a code that somebody presents | code_of, refused |
//! | `GET /peer/v1/seal-key` | what are passwords sealed to | seal_key |
//!
//! Every message names what it is about, so sending it again does no harm. A refusal is an answer; a
//! problem says either that surely nothing happened (429, 503) or that nobody knows (504). The two
//! must never be confused: the other province decides by them whether to ask again or to reverse.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, RawPathParams, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use mpss_domain::bills::BillCustomer;
use mpss_domain::command::PayRequest;
use mpss_domain::ids::{IdError, IssuedId};
use mpss_domain::payment_codes::Presenter;
use mpss_domain::{
    AccountSelector, AwardId, Money, OrderId, Outcome, PasswordVerdict, PaymentId, PaymentStatus, ProvinceId, RefundId,
    Reply, ReversalId, Scope, TransferId,
};
use mpss_routing::wire::{
    self, AwardMessage, CaptureMessage, CodeMessage, CodeOwnerMessage, MESSAGE_BYTES_MAX, PaymentFate, PaymentMessage,
    PeerAnswer, PeerResult, RefundMessage, ReversalMessage, TransferMessage,
};
use serde::Deserialize;

use crate::channel::guard::{Guard, GuardParts};
use crate::channel::in_flight::InFlight;
use crate::channel::route_metrics::RouteMetrics;
use crate::channel::whole_body::{BodyBounds, whole_body};
use crate::code_digits::CodeDigits;
use crate::home::{Home, PrizeToTake};
use crate::intake::{EdgeCode, Problem, field, json, text};
use crate::node::Context;
use crate::not_done::NotDone;
use crate::password::PaymentPassword;
use crate::seal::{Binding, NotOpened};

const PAYMENTS: &str = "/peer/v1/payments";
const PAYMENT: &str = "/peer/v1/payments/{id}";
const CAPTURE: &str = "/peer/v1/payments/{id}/capture";
const REVERSAL: &str = "/peer/v1/payments/{id}/reversal";
const REFUNDS: &str = "/peer/v1/payments/{id}/refunds";
const TRANSFERS: &str = "/peer/v1/transfers";
const AWARDS: &str = "/peer/v1/awards";
const CODES: &str = "/peer/v1/payment-codes";
const SEAL_KEY: &str = "/peer/v1/seal-key";

/// What the handlers work with.
#[derive(Clone)]
struct PeerDoor {
    context: Context,
    home: Home,
    body_deadline: Duration,
}

type Answer = Result<Response, Problem>;

/// The provinces' own interface of a node, and what counts its requests.
pub(crate) fn router(context: Context, home: Home) -> (Router, InFlight) {
    let door = &context.settings.door;
    let body_deadline = Duration::from_millis(door.header_deadline_ms);
    let routes = [
        (PAYMENTS, Method::POST),
        (PAYMENT, Method::GET),
        (CAPTURE, Method::POST),
        (REVERSAL, Method::POST),
        (REFUNDS, Method::POST),
        (TRANSFERS, Method::POST),
        (AWARDS, Method::POST),
        (CODES, Method::POST),
        (SEAL_KEY, Method::GET),
    ];
    let in_flight = InFlight::new(door.requests_in_flight_max);
    let guard = Guard(Arc::new(GuardParts {
        clock: Arc::clone(&context.seams.clock),
        in_flight: in_flight.clone(),
        deadline: Duration::from_millis(door.request_deadline_ms),
        body_deadline,
        metrics: RouteMetrics::new(routes),
        deadline_header: Some(HeaderName::from_static(wire::DEADLINE_HEADER)),
    }));
    let router = Router::new()
        .route(PAYMENTS, post(pay))
        .route(PAYMENT, get(fate))
        .route(CAPTURE, post(capture))
        .route(REVERSAL, post(reverse))
        .route(REFUNDS, post(refund))
        .route(TRANSFERS, post(credit))
        .route(AWARDS, post(award))
        .route(CODES, post(whose))
        .route(SEAL_KEY, get(seal_key))
        .fallback(|| async { Problem::edge(EdgeCode::UnknownRoute) })
        .method_not_allowed_fallback(|| async { Problem::edge(EdgeCode::MethodNotAllowed) })
        .layer(guard)
        .with_state(PeerDoor { context, home, body_deadline });
    (router, in_flight)
}

/// One message of another province, read whole and bounded.
struct Message {
    body: Bytes,
    id: String,
}

impl FromRequest<PeerDoor> for Message {
    type Rejection = Problem;

    async fn from_request(request: Request, door: &PeerDoor) -> Result<Self, Problem> {
        use axum::extract::FromRequestParts as _;
        let (mut parts, body) = request.into_parts();
        let params = RawPathParams::from_request_parts(&mut parts, &()).await;
        let params = params.map_err(|_| Problem::field(EdgeCode::InvalidId, "id", "not UTF-8"))?;
        let id = params.iter().next().map_or_else(String::new, |(_, value)| value.to_owned());
        let bounds = BodyBounds { bytes_max: MESSAGE_BYTES_MAX, deadline: door.body_deadline };
        let body = whole_body(&parts.headers, body, &bounds, &*door.context.seams.clock).await?;
        Ok(Self { body, id })
    }
}

impl Message {
    fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        json::parse(&self.body)
    }

    fn id<T: std::str::FromStr<Err = IdError>>(&self) -> Result<T, Problem> {
        field::id("id", &self.id)
    }
}

/// An identity that the asking province must have issued itself: no province may touch another's.
fn issued_by<T: IssuedId + std::str::FromStr<Err = IdError>>(
    name: &'static str,
    id: T,
    serving: ProvinceId,
) -> Result<T, Problem> {
    if id.province() == Some(serving) {
        Ok(id)
    } else {
        Err(Problem::field(EdgeCode::InvalidId, name, "issued by another province than the one that asks"))
    }
}

fn positive_fen(name: &'static str, fen: i64) -> Result<Money, Problem> {
    field::within(name, fen, 1..=Money::REQUEST_MAX.as_fen()).map(Money::fen)
}

/// Debits for an order taken elsewhere.
async fn pay(State(door): State<PeerDoor>, message: Message) -> Answer {
    let ask: PaymentMessage = message.read()?;
    let serving: ProvinceId = field::province("serving", &ask.serving)?;
    let account = match (&ask.account_id, &ask.account_kind) {
        (Some(id), None) => AccountSelector::Id(field::id("account_id", id)?),
        (None, Some(kind)) => AccountSelector::Kind(field::account_kind("account_kind", kind)?),
        _ => {
            let what = "either account_id or account_kind";
            return Err(Problem::field(EdgeCode::ConflictingFields, "account_kind", what));
        }
    };
    let scopes = [(Scope::Roaming.name(), Scope::Roaming), (Scope::National.name(), Scope::National)];
    let pay = PayRequest {
        payment: issued_by("payment_id", field::id::<PaymentId>("payment_id", &ask.payment_id)?, serving)?,
        order: issued_by("order_id", field::id::<OrderId>("order_id", &ask.order_id)?, serving)?,
        serving,
        msisdn: field::msisdn("msisdn", &ask.msisdn)?,
        epoch: ask.epoch,
        scope: field::choice("scope", &ask.scope, &scopes)?,
        location: field::province("location", &ask.location)?,
        account,
        amount: positive_fen("amount_fen", ask.amount_fen)?,
        title: text::text("title", &ask.title, text::TITLE_CHARS_MAX)?,
        // Reached at home, where the password is judged.
        verdict: PasswordVerdict { verifier_version: 0, matches: false },
    };
    let span = tracing::Span::current();
    span.record("order_id", tracing::field::display(pay.order));
    span.record("payment_id", tracing::field::display(pay.payment));
    if let Some(asked) = &ask.confirmation {
        if ask.has_password() || ask.payment_code.is_some() || ask.bill.is_some() {
            let what = "neither payment_password, payment_code nor bill goes with it";
            return Err(Problem::field(EdgeCode::ConflictingFields, "confirmation", what));
        }
        let merchant = text::text("confirmation.merchant", &asked.merchant, text::TITLE_CHARS_MAX)?;
        return door.answer(door.home.ask_confirmation(pay, merchant, asked.reserve).await);
    }
    match (&ask.payment_code, &ask.bill) {
        (None, None) => {
            let password = door.password(&ask, &pay)?;
            door.answer(door.home.pay(pay, password).await)
        }
        (None, Some(bill)) => {
            let customer = bill.customer.as_deref().map(bill_customer).transpose()?;
            let password = ask.has_password().then(|| door.password(&ask, &pay)).transpose()?;
            door.answer(door.home.pay_for_bill(pay, customer, password).await)
        }
        (Some(_), bill) if ask.has_password() || bill.is_some() => {
            let what = "neither payment_password nor bill goes with payment_code";
            Err(Problem::field(EdgeCode::ConflictingFields, "payment_code", what))
        }
        (Some(code), _) => {
            let code = door.code(code)?;
            door.answer(door.home.pay_by_code(pay, code).await)
        }
    }
}

fn bill_customer(digits: &str) -> Result<BillCustomer, Problem> {
    let hex = digits.len() == 32 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let number = hex.then(|| u128::from_str_radix(digits, 16).ok()).flatten();
    let what = "32 hexadecimal digits";
    number.map(BillCustomer::new).ok_or_else(|| Problem::field(EdgeCode::InvalidValue, "bill.customer", what))
}

/// Whose is a code that is presented in another province?
async fn whose(State(door): State<PeerDoor>, message: Message) -> Answer {
    let ask: CodeMessage = message.read()?;
    let serving: ProvinceId = field::province("serving", &ask.serving)?;
    let code = door.code(&ask.payment_code)?;
    let log_index = door.context.replica.read(mpss_domain::State::index);
    match door.home.whose_code(Presenter::Province(serving), &code).await {
        Ok(row) => {
            let owner = CodeOwnerMessage { msisdn: row.msisdn.to_string(), account_id: row.account.to_string() };
            Ok(encoded(&PeerAnswer { result: PeerResult::CodeOf(owner), log_index }))
        }
        Err(not_done) => door.answer(Err(not_done)),
    }
}

/// What became of a payment. Read where everything acknowledged is seen: "never seen" makes the other
/// side reverse.
async fn fate(State(door): State<PeerDoor>, message: Message) -> Answer {
    let payment: PaymentId = message.id()?;
    let found = door
        .context
        .replica
        .read_linearizable(|state| (state.payment(payment).map(|payment| payment.status), state.index()));
    let (status, log_index) = found.await.map_err(NotDone::from)?;
    let (fate, declined) = match status {
        // One that a rail has not answered is as open as a payment that never came.
        None | Some(PaymentStatus::Pending) => (PaymentFate::Unknown, None),
        Some(PaymentStatus::Reserved) => (PaymentFate::Held, None),
        Some(PaymentStatus::Declined(refusal)) => (PaymentFate::Declined, Some(refusal)),
        Some(PaymentStatus::Released | PaymentStatus::Reversed | PaymentStatus::Reversing) => {
            (PaymentFate::Reversed, None)
        }
        Some(PaymentStatus::Captured | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded) => {
            (PaymentFate::Captured, None)
        }
    };
    Ok(encoded(&PeerAnswer { result: PeerResult::fate(fate, declined), log_index }))
}

/// Takes what is held for an order that was delivered elsewhere.
async fn capture(State(door): State<PeerDoor>, message: Message) -> Answer {
    let payment: PaymentId = message.id()?;
    let ask: CaptureMessage = message.read()?;
    let serving = field::province("serving", &ask.serving)?;
    let payment = issued_by("id", payment, serving)?;
    let amount = ask.amount_fen.map(|fen| positive_fen("amount_fen", fen)).transpose()?;
    tracing::Span::current().record("payment_id", tracing::field::display(payment));
    door.answer(door.home.capture_payment(payment, amount).await)
}

/// Reverses, even a payment never seen.
async fn reverse(State(door): State<PeerDoor>, message: Message) -> Answer {
    let payment: PaymentId = message.id()?;
    let ask: ReversalMessage = message.read()?;
    let serving = field::province("serving", &ask.serving)?;
    let payment = issued_by("id", payment, serving)?;
    let reversal = issued_by("reversal_id", field::id::<ReversalId>("reversal_id", &ask.reversal_id)?, serving)?;
    let order = issued_by("order_id", field::id::<OrderId>("order_id", &ask.order_id)?, serving)?;
    let span = tracing::Span::current();
    span.record("order_id", tracing::field::display(order));
    span.record("payment_id", tracing::field::display(payment));
    door.answer(door.home.reverse_payment(payment, reversal, order).await)
}

/// Refunds, whole or in part.
async fn refund(State(door): State<PeerDoor>, message: Message) -> Answer {
    let payment: PaymentId = message.id()?;
    let ask: RefundMessage = message.read()?;
    let serving = field::province("serving", &ask.serving)?;
    let payment = issued_by("id", payment, serving)?;
    let refund = issued_by("refund_id", field::id::<RefundId>("refund_id", &ask.refund_id)?, serving)?;
    let amount = positive_fen("amount_fen", ask.amount_fen)?;
    tracing::Span::current().record("payment_id", tracing::field::display(payment));
    door.answer(door.home.refund_payment(payment, refund, amount).await)
}

/// Credits a transfer that another province has debited.
async fn credit(State(door): State<PeerDoor>, message: Message) -> Answer {
    let ask: TransferMessage = message.read()?;
    let transfer: TransferId = field::id("transfer_id", &ask.transfer_id)?;
    let payer = field::msisdn("payer", &ask.payer)?;
    let payee = field::msisdn("payee", &ask.payee)?;
    let amount = positive_fen("amount_fen", ask.amount_fen)?;
    tracing::Span::current().record("transfer_id", tracing::field::display(transfer));
    door.answer(door.home.credit_transfer(transfer, payer, payee, amount, ask.epoch).await)
}

/// Takes a prize that another province gives to a subscriber of ours.
async fn award(State(door): State<PeerDoor>, message: Message) -> Answer {
    let ask: AwardMessage = message.read()?;
    let award: AwardId = field::id("award_id", &ask.award_id)?;
    let serving = award.province().unwrap_or(ProvinceId::NATIONAL);
    let prize = PrizeToTake {
        award,
        order: issued_by("order_id", field::id::<OrderId>("order_id", &ask.order_id)?, serving)?,
        msisdn: field::msisdn("msisdn", &ask.msisdn)?,
        amount: positive_fen("amount_fen", ask.amount_fen)?,
        wanted: field::account_kind("account_kind", &ask.account_kind)?,
        epoch: ask.epoch,
    };
    let span = tracing::Span::current();
    span.record("order_id", tracing::field::display(prize.order));
    door.answer(door.home.credit_award(prize).await)
}

/// What passwords are sealed to. Not before every node of the group takes sealed ones: a node that does not would
/// not understand the payment.
async fn seal_key(State(door): State<PeerDoor>) -> Answer {
    let look = |state: &mpss_domain::State| (state.version().has_doors(), state.index());
    let (mut all_take_it, mut log_index) = door.context.replica.read(look);
    if !all_take_it {
        // A replica that has yet to catch up must not speak for its province: whoever asks would send the clear one.
        (all_take_it, log_index) = door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
    }
    match door.context.seal.given_out().filter(|_| all_take_it) {
        Some(key) => Ok(encoded(&PeerAnswer { result: PeerResult::SealKey(key), log_index })),
        // What a program from before says.
        None => Err(Problem::edge(EdgeCode::UnknownRoute)),
    }
}

impl PeerDoor {
    /// The password of a payment, opened when it was sealed.
    fn password(&self, ask: &PaymentMessage, pay: &PayRequest) -> Result<PaymentPassword, Problem> {
        let Some(sealed) = &ask.sealed_password else {
            let password = field::password("payment_password", &ask.payment_password)?;
            if !self.context.settings.seal.is_clear_allowed() {
                let what = "must be sealed: sealed_password instead of it";
                return Err(Problem::field(EdgeCode::InvalidValue, "payment_password", what));
            }
            metrics::counter!("mpss_passwords_taken_total", "as" => "clear").increment(1);
            return Ok(password);
        };
        if !ask.payment_password.is_empty() {
            let what = "either payment_password or sealed_password";
            return Err(Problem::field(EdgeCode::ConflictingFields, "sealed_password", what));
        }
        let binding = Binding {
            home: self.context.province,
            serving: pay.serving,
            payment: pay.payment,
            order: pay.order,
            msisdn: pay.msisdn,
            amount: pay.amount,
        };
        let opened = self.context.seal.open(sealed, &binding).map_err(|why| match why {
            // Nothing was done: another node of this province may have the key.
            NotOpened::KeyUnknown(_) => Problem::from(NotDone::SealKey(why.to_string())),
            NotOpened::NotForThis => Problem::field(EdgeCode::InvalidValue, "sealed_password", why.to_string()),
        })?;
        metrics::counter!("mpss_passwords_taken_total", "as" => "sealed").increment(1);
        Ok(opened)
    }

    /// A code of this province.
    fn code(&self, digits: &str) -> Result<CodeDigits, Problem> {
        let ours = CodeDigits::parse(digits).filter(|code| code.home() == self.context.province);
        ours.ok_or_else(|| Problem::field(EdgeCode::InvalidValue, "payment_code", "no payment code of this province"))
    }

    fn answer(&self, result: Result<Reply, NotDone>) -> Answer {
        let (result, log_index) = match result {
            Ok(Reply { outcome: Outcome::Held(_), index, .. }) => (PeerResult::Held, index),
            // Not a time-out of ours: we are well, and whoever has the money has not answered.
            // Nor is a subscriber who has minutes to say yes or no.
            Ok(Reply { outcome: Outcome::PaymentPending(_) | Outcome::ConfirmationAsked(_), index, .. }) => {
                (PeerResult::fate(PaymentFate::Unknown, None), index)
            }
            Ok(reply) => (PeerResult::Done, reply.index),
            Err(NotDone::Refused { refusal, .. }) => {
                (PeerResult::refused(refusal), self.context.replica.read(mpss_domain::State::index))
            }
            Err(not_done) => return Err(not_done.into()),
        };
        Ok(encoded(&PeerAnswer { result, log_index }))
    }
}

fn encoded(answer: &PeerAnswer) -> Response {
    let mut response = Response::new(Body::from(wire::encode(answer)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests;
