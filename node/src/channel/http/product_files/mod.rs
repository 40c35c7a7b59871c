//! Files of goods (product §3, source §6.2: one or a CSV batch): many uploads, each of which comes to its own end.
//!
//! ```text
//!  file ─▶ text ─▶ header ─▶ lines ─┬─ wrong in itself ────────────────▶ refused, by line and field
//!                                   ├─ known under its reference ──────▶ the product of then
//!                                   └─ proposed, so many at once ──────▶ taken, or refused by a rule
//! ```
//!
//! A line has the SP's own number for the product, its `reference`, which an SP uses once. So the same file, sent again
//! under any request id, makes nothing twice: one that broke off goes on, and one in which some lines were wrong is
//! corrected and sent whole. Answers are told as they come, a line each, so that ten thousand of them wait for no
//! deadline; the last one counts, and without it the file broke off.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use mpss_domain::goods_reference::UploadListed;
use mpss_domain::ids::IssuedId;
use mpss_domain::{Command, GoodsReference, Outcome, ProductId, Refusal, SpId, StateVersion, Verb};
use serde::Serialize;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::door::Door;
use super::products::UploadAsk;
use crate::channel::in_flight::Place;
use crate::intake::field::{self, Shown};
use crate::intake::request_id::RequestKey;
use crate::intake::{EdgeCode, Problem, text as texts};
use crate::not_done::{NotDone, accepted};

mod text;

use text::{Column, Header, LINES_MAX};

/// The one resource that takes files of goods.
pub(crate) const PATH: &str = "/v1/product-files";
/// Lines of a file that are under way at once: they share log entries.
const LINES_AT_ONCE: usize = 256;
/// A line that can not be decided in this time is told to come again.
const LINE_PATIENCE: Duration = Duration::from_secs(5);
/// A text with one JSON object on each line.
const JSON_LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// What one line came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProductLine)]
pub(crate) struct LineBody {
    /// The line in the file, counting from 1; the header is line 1.
    #[schema(example = 2)]
    line: u64,
    /// The SP's own number, when the line could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// The product, when it was taken now or before; it waits for its review.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "G20260101120000000-44-00001")]
    product_id: Option<Shown<ProductId>>,
    /// Why it was not taken: the stable name that the upload of one product would be refused with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "invalid_amount")]
    refused: Option<&'static str>,
    /// The column to blame; `line` for a line that has other fields than the header says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "price")]
    field: Option<String>,
    /// More about that, for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// True when the same line may be taken later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    come_again: bool,
}

/// The last line of the answer.
#[derive(Debug, Default, Clone, Copy, Serialize, ToSchema)]
#[schema(as = ProductFileCounts)]
pub(crate) struct CountsBody {
    /// Lines whose products are there.
    taken: usize,
    /// Lines that were refused.
    refused: usize,
    /// Of those, lines that may be taken when the file is sent again.
    come_again: usize,
}

/// A line of the answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ProductFileAnswer)]
pub(crate) enum AnswerLine {
    /// What one line came to, in the order of the file.
    Line(LineBody),
    /// The last one.
    Counts(CountsBody),
}

/// A line that can be proposed, or why it can not.
struct Line {
    number: u64,
    reference: Option<String>,
    ask: Result<UploadListed, Problem>,
}

/// Takes a file of goods: CSV whose first line names the columns `reference`, `sp_id`, `title`, `application`,
/// `scope`, `price` and `delivery_deadline_ms` in any order. Each line comes to its own end; the same file may be sent
/// again without harm. The answer is one JSON object a line, told as they come; the last one counts.
#[utoipa::path(
    post, path = "/v1/product-files", tag = "catalogue", operation_id = "send_product_file",
    params(
        ("by" = String, Query, description = "Who uploads; must not review them", example = "lucy"),
        ("sp_id" = Option<String>, Query, description = "Whose goods they are, when the file has no such column"),
    ),
    request_body(content = String, content_type = "text/csv"),
    responses((
        status = 200, description = "A result for each line, and the counts",
        content_type = "application/x-ndjson", body = AnswerLine,
    )),
)]
pub(crate) async fn send(State(door): State<Door>, call: Call) -> Answer {
    let key = call.key()?;
    let query = call.query(&["by", "sp_id"])?;
    let by = texts::code("by", query.required("by")?)?;
    let sp: Option<SpId> = query.get("sp_id").map(|sp| field::id("sp_id", sp)).transpose()?;
    call.media_type("text/csv")?;
    if let Some(elsewhere) = sp.and_then(|sp| door.elsewhere(sp.province())) {
        return door.pass_on(&call, elsewhere).await;
    }
    let whose = sp.map_or(Whose::AsEachLineSays, Whose::Usually);
    take(door, &call, key, whose, &by).await
}

/// Whose goods the lines of a file are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    /// Each line names its SP.
    AsEachLineSays,
    /// This SP's where a line names none.
    Usually(SpId),
    /// This SP's alone; a line that names another is refused as if that one were not there.
    Only(SpId),
}

impl Whose {
    const fn beside(self) -> Option<SpId> {
        match self {
            Self::AsEachLineSays => None,
            Self::Usually(sp) | Self::Only(sp) => Some(sp),
        }
    }
}

/// Takes a file whose sender is known.
pub(super) async fn take(door: Door, call: &Call, key: RequestKey, whose: Whose, by: &str) -> Answer {
    door.context.is_readable(StateVersion::DOORS).await?;
    let content_type = call.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut lines = read(&text::decode(content_type, &call.body)?, whose.beside(), by)?;
    if let Whose::Only(own) = whose {
        for line in &mut lines {
            if line.ask.as_ref().is_ok_and(|ask| ask.terms.sp != own) {
                line.ask = Err(Problem::refused(Refusal::SpNotFound).blaming("sp_id"));
            }
        }
    }
    // What is told while it is done is under way like any other request.
    let place = door.in_flight.enter().ok_or_else(|| Problem::edge(EdgeCode::Busy))?;
    let mut response = Response::new(told(door, place, key, lines));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, JSON_LINES);
    Ok(response)
}

/// All lines of a file, each understood or not.
fn read(text: &str, sp: Option<SpId>, by: &str) -> Result<Vec<Line>, Problem> {
    let mut rest = text::lines(text);
    let header = Header::read(rest.next().map(|(_, line)| line), sp.is_some())?;
    let mut lines = Vec::new();
    let mut first = BTreeMap::<(SpId, GoodsReference), u64>::new();
    for (number, line) in rest {
        if lines.len() == LINES_MAX {
            return Err(Problem::detailed(EdgeCode::BodyTooLarge, format!("at most {LINES_MAX} lines")));
        }
        let mut line = understood(number, &header, line, sp, by);
        if let Ok(ask) = &line.ask {
            // Which of the two was meant, nobody can know; what comes first is taken.
            let before = *first.entry((ask.terms.sp, ask.reference)).or_insert(number);
            if before != number {
                let problem = Problem::refused(Refusal::GoodsReferenceUsed).blaming("reference");
                line.ask = Err(problem.because(format!("line {before} has it")));
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

fn understood(number: u64, header: &Header, line: &str, sp: Option<SpId>, by: &str) -> Line {
    let row = match header.cut(line) {
        Ok(row) => row,
        Err(problem) => return Line { number, reference: None, ask: Err(problem) },
    };
    let reference = header.field(&row, Column::Reference).map(str::to_owned);
    let required = |column: Column| {
        let missing = || Problem::field(EdgeCode::MissingField, column.name(), "this field is required");
        header.field(&row, column).ok_or_else(missing)
    };
    let ask = || {
        let reference = field::id("reference", required(Column::Reference)?)?;
        // An SP in the file goes before the one beside it.
        let beside = sp.map(|sp| sp.to_string());
        let sp = header.field(&row, Column::SpId).or(beside.as_deref());
        let deadline = header.field(&row, Column::DeliveryDeadlineMs).map(|ms| {
            let wrong =
                || Problem::field(EdgeCode::WrongType, "delivery_deadline_ms", "a whole number of milliseconds");
            ms.parse::<u32>().map_err(|_| wrong())
        });
        let ask = UploadAsk::of_line(
            sp.map_or_else(|| required(Column::SpId), Ok)?,
            required(Column::Title)?,
            required(Column::Application)?,
            required(Column::Scope)?,
            required(Column::Price)?,
            deadline.transpose()?,
        );
        let (terms, _) = ask.understand()?;
        Ok(UploadListed { reference, terms, by: by.to_owned() })
    };
    let ask = ask();
    Line { number, reference, ask }
}

/// The answer, told while the lines are done.
fn told(door: Door, place: Place, key: RequestKey, lines: Vec<Line>) -> Body {
    let done = futures::stream::iter(lines).map(move |line| take_line(door.clone(), key, line)).buffered(LINES_AT_ONCE);
    let lines = done.map(Some).chain(futures::stream::iter([None]));
    let told = lines.scan((CountsBody::default(), place), |(counts, _place), line| {
        let line = match line {
            Some(line) => {
                counts.taken += usize::from(line.product_id.is_some());
                counts.refused += usize::from(line.product_id.is_none());
                counts.come_again += usize::from(line.come_again);
                AnswerLine::Line(line)
            }
            None => AnswerLine::Counts(*counts),
        };
        let mut bytes = serde_json::to_vec(&line).expect("answers are structs of texts and numbers");
        bytes.push(b'\n');
        std::future::ready(Some(Ok::<_, std::convert::Infallible>(Bytes::from(bytes))))
    });
    Body::from_stream(told)
}

async fn take_line(door: Door, key: RequestKey, line: Line) -> LineBody {
    let Line { number, reference, ask } = line;
    let mut body = LineBody {
        line: number,
        reference,
        product_id: None,
        refused: None,
        field: None,
        detail: None,
        come_again: false,
    };
    let refuse = |mut body: LineBody, problem: &Problem| {
        body.refused = Some(problem.code());
        body.field = problem.field_name().map(str::to_owned);
        body.detail = problem.detail_text().map(str::to_owned);
        body
    };
    let ask = match ask {
        Ok(ask) => ask,
        Err(problem) => return refuse(body, &problem),
    };
    // What stands under a reference stays: what this replica knows of one needs no place in the log.
    match door.context.replica.read(|state| state.uploaded_before(&ask)) {
        Ok(None) => {}
        Ok(Some(known)) => {
            body.product_id = Some(Shown(known));
            return body;
        }
        Err(refusal) => return refuse(body, &blamed(refusal)),
    }
    let request = key.of_line(number).with_content("POST", PATH, &ask);
    let command = Command { request: Some(request), verb: Verb::UploadListed(Box::new(ask)) };
    let proposed = door.context.replica.propose(command);
    let reply = tokio::select! {
        biased;
        reply = proposed => reply.map_err(NotDone::from).and_then(accepted),
        () = door.context.seams.clock.sleep(LINE_PATIENCE) => Err(NotDone::Unknown),
    };
    match reply {
        Ok(reply) => {
            if let Outcome::Product(id) = reply.outcome {
                body.product_id = Some(Shown(id));
            }
            body
        }
        Err(NotDone::Refused { refusal, .. }) => {
            body.come_again = refusal.is_transient();
            refuse(body, &blamed(refusal))
        }
        Err(not_done) => {
            body.come_again = true;
            refuse(body, &Problem::from(not_done))
        }
    }
}

/// A rule's refusal, with the column it is about.
fn blamed(refusal: Refusal) -> Problem {
    let problem = Problem::refused(refusal);
    match refusal {
        Refusal::SpNotFound | Refusal::SpSuspended => problem.blaming("sp_id"),
        Refusal::WrongPlaceForScope => problem.blaming("scope"),
        Refusal::AmountOutOfRange | Refusal::PriceAboveGrade => problem.blaming("price"),
        Refusal::GoodsReferenceUsed => problem.blaming("reference"),
        _ => problem,
    }
}
