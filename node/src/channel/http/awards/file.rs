//! Award files: many awards of one SP, each of which comes to its own end.

use std::time::Duration;

use axum::extract::State;
use futures::StreamExt as _;
use mpss_domain::award::AwardStatus;
use mpss_domain::ids::IssuedId;
use mpss_domain::{AwardId, Command, Outcome, Refusal, SpId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key_of;
use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::amount::amount;
use crate::intake::field::{self, Shown};
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::{NotDone, accepted};

/// Lines of a file that are under way at once: they share log entries.
const LINES_AT_ONCE: usize = 256;
/// Lines of one file at most.
const LINES_MAX: usize = 5_000;
/// A line that can not be decided in this time is told to come again.
const LINE_PATIENCE: Duration = Duration::from_secs(5);

/// What the first line of a file names, in any order.
const COLUMNS: [&str; 5] = ["reference", "order_id", "msisdn", "prize", "account_kind"];

/// One line of an award file as it was sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLine {
    reference: String,
    order_id: String,
    msisdn: String,
    prize: String,
    account_kind: String,
}

/// What one line came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwardLine)]
pub(crate) struct LineBody {
    /// The line in the file, counting from 1; the header is line 1.
    #[schema(example = 2)]
    line: u64,
    /// The SP's own number, when the line could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// The award, when it was taken now or before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "W20260101120000000-44-00001")]
    award_id: Option<Shown<AwardId>>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "accepted")]
    status: Option<&'static str>,
    /// Why it was not taken: the stable name of a refusal, or of what is wrong with the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "already_awarded")]
    refused: Option<&'static str>,
    /// More about that, for a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// True when the same line may be taken later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    come_again: bool,
}

impl LineBody {
    const fn new(line: u64, reference: Option<String>) -> Self {
        Self { line, reference, award_id: None, status: None, refused: None, detail: None, come_again: false }
    }
}

/// What an award file came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AwardFileResult)]
pub(crate) struct FileBody {
    /// Lines whose awards stand.
    taken: usize,
    /// Lines that were refused.
    refused: usize,
    /// Each line, in the order of the file.
    lines: Vec<LineBody>,
}

/// Takes a file of awards of one SP: CSV with the header `reference,order_id,msisdn,prize,account_kind`.
/// Each line comes to its own end; the same file may be sent again without harm.
#[utoipa::path(
    post, path = "/v1/sps/{id}/award-files", tag = "awards", operation_id = "send_award_file",
    params(
        ("id" = String, Path, description = "The SP", example = "S20260101120000000-44-00001"),
        ("by" = String, Query, description = "Who asks for them", example = "lottery-clerk-3"),
    ),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "A result for each line", body = FileBody)),
)]
pub(crate) async fn send(State(door): State<Door>, call: Call) -> Answer {
    // What is asked for twice is known by the lines themselves; the key is checked like any other.
    call.key()?;
    let sp: SpId = call.id()?;
    let query = call.query(&["by"])?;
    let by = query.get("by").ok_or_else(|| Problem::field(EdgeCode::MissingField, "by", "who asks for them"))?;
    let by = text::code("by", by)?;
    call.media_type("text/csv")?;
    if let Some(elsewhere) = door.elsewhere(sp.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let known = door.context.replica.read_linearizable(|state| state.sp(sp).is_some()).await.map_err(NotDone::from)?;
    if !known {
        return Err(Problem::refused(Refusal::SpNotFound).of_path());
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&*call.body);
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let missing = COLUMNS.iter().find(|column| !header.iter().any(|named| named == **column));
    if let Some(missing) = missing {
        let detail = format!("the first line names the columns, and not {missing}");
        return Err(Problem::field(EdgeCode::InvalidText, "body", detail));
    }
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        if lines.len() == LINES_MAX {
            return Err(Problem::field(EdgeCode::InvalidText, "body", format!("at most {LINES_MAX} lines")));
        }
        let at = record.position().map_or(0, csv::Position::line);
        lines.push((at, record.deserialize::<FileLine>(Some(&header)).map_err(|error| error.to_string())));
    }
    let done = futures::stream::iter(lines.into_iter().map(|(at, line)| door.take_line(sp, by.clone(), at, line)))
        .buffered(LINES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let taken = done.iter().filter(|line| line.award_id.is_some()).count();
    Ok(answer::found(&FileBody { taken, refused: done.len() - taken, lines: done }))
}

fn unreadable(error: &csv::Error) -> Problem {
    let line = error.position().map_or(0, csv::Position::line);
    Problem::field(EdgeCode::InvalidText, "body", format!("line {line} is no CSV of this header"))
}

impl Door {
    async fn take_line(&self, sp: SpId, by: String, at: u64, line: Result<FileLine, String>) -> LineBody {
        let line = match line {
            Ok(line) => line,
            Err(what) => {
                let (refused, detail) = (Some(EdgeCode::InvalidText.code()), Some(what));
                return LineBody { refused, detail, ..LineBody::new(at, None) };
            }
        };
        let mut body = LineBody::new(at, Some(line.reference.clone()));
        let verb = match understood(sp, by, &line) {
            Ok(verb) => verb,
            Err(problem) => {
                body.refused = Some(problem.code());
                body.detail = problem.field_name().map(str::to_owned);
                return body;
            }
        };
        let proposed = self.context.replica.propose(Command::internal(verb));
        let reply = tokio::select! {
            biased;
            reply = proposed => reply.map_err(NotDone::from).and_then(accepted),
            () = self.context.seams.clock.sleep(LINE_PATIENCE) => Err(NotDone::Unknown),
        };
        match reply {
            Ok(reply) => {
                let Outcome::Award(id) = reply.outcome else { return body };
                let look = |state: &mpss_domain::State| state.award(id).map(|award| award.status_as_of(reply.index));
                body.award_id = Some(Shown(id));
                body.status =
                    self.context.replica.read_at(reply.index, look).await.ok().flatten().map(AwardStatus::name);
            }
            Err(NotDone::Refused { refusal, .. }) => {
                body.refused = Some(refusal.code());
                body.come_again = refusal.retryable();
            }
            Err(not_done) => {
                body.refused = Some(Problem::from(not_done).code());
                body.come_again = true;
            }
        }
        body
    }
}

fn understood(sp: SpId, by: String, line: &FileLine) -> Result<Verb, Problem> {
    let reference = text::code("reference", &line.reference)?;
    Ok(Verb::AskAward {
        sp,
        key: key_of(sp, &reference),
        reference,
        order: field::id("order_id", &line.order_id)?,
        msisdn: field::msisdn("msisdn", &line.msisdn)?,
        prize: amount("prize", &line.prize)?,
        wanted: field::account_kind("account_kind", &line.account_kind)?,
        by,
    })
}
