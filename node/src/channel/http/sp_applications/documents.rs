//! Documents of SPs: what they are on the wire, new ones in the place of old ones, and which are due.

use axum::extract::State;
use axum::http::StatusCode;
use mpss_domain::ids::IssuedId;
use mpss_domain::sp_admission::{Document, DocumentKind};
use mpss_domain::{BusinessDay, SpApplicationId, SpId, Verb};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::channel::http::answer;
use crate::channel::http::call::{Answer, Call};
use crate::channel::http::door::Door;
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::NotDone;

/// How far ahead is looked when nothing is said, in days.
const DAYS_USUAL: usize = 30;
/// How far ahead may be looked, in days.
const DAYS_MAX: usize = 3_650;
/// Documents in one answer at most.
const LISTED_MAX: usize = 1_000;

/// A document of an SP. Its file is kept elsewhere.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SpDocument)]
pub(crate) struct DocumentWire<'a> {
    /// `business_licence`, `telecom_licence`, `tax_registration`, `account_permit`, `representative_identity`,
    /// `trade_permit` or `agreement`.
    #[serde(borrow)]
    #[schema(value_type = String, example = "business_licence")]
    kind: Str<'a>,
    /// The number on it.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "91440000123456789X")]
    number: Str<'a>,
    /// The name of its file.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 100, example = "licence-2026.pdf")]
    file: Str<'a>,
    /// SHA-256 of its file, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$")]
    sha256: Option<Str<'a>>,
    /// The last day on which it is good, in China.
    #[serde(borrow)]
    #[schema(value_type = String, format = Date, example = "2027-12-31")]
    valid_until: Str<'a>,
}

impl DocumentWire<'_> {
    pub(super) fn of(document: &Document) -> DocumentWire<'static> {
        DocumentWire {
            kind: Str::shown(&document.kind.name()),
            number: Str::shown(&document.number),
            file: Str::shown(&document.file),
            sha256: document.sha256.map(|digest| Str::shown(&hex::encode(digest))),
            valid_until: Str::shown(&document.valid_until),
        }
    }

    pub(super) fn understand(&self) -> Result<Document, Problem> {
        let kinds = DocumentKind::ALL.map(|kind| (kind.name(), kind));
        let sha256 = self.sha256.as_ref().map(|text| -> Result<[u8; 32], Problem> {
            let mut digest = [0; 32];
            let what = || Problem::field(EdgeCode::InvalidValue, "documents.sha256", "64 hex digits");
            hex::decode_to_slice(text.as_str(), &mut digest).map_err(|_| what())?;
            Ok(digest)
        });
        let day = self.valid_until.as_str().parse::<BusinessDay>();
        Ok(Document {
            kind: field::choice("documents.kind", self.kind.as_str(), &kinds)?,
            number: text::code("documents.number", self.number.as_str())?,
            file: text::text("documents.file", self.file.as_str(), text::TITLE_CHARS_MAX)?,
            sha256: sha256.transpose()?,
            valid_until: day
                .map_err(|error| Problem::field(EdgeCode::InvalidTime, "documents.valid_until", error.0))?,
        })
    }
}

/// A new document of an SP.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RenewSpDocument)]
pub(crate) struct RenewAsk<'a> {
    /// The document.
    #[serde(borrow)]
    document: DocumentWire<'a>,
    /// Who enters it.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "lucy")]
    entered_by: Str<'a>,
    /// Who has looked at it too; somebody else.
    #[serde(borrow)]
    #[schema(value_type = String, max_length = 64, example = "rita")]
    checked_by: Str<'a>,
}

/// An application with another document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpDocumentRenewed)]
pub(crate) struct RenewedBody {
    /// Which.
    #[schema(value_type = String, example = "L20260101120000000-44-00001")]
    application_id: Shown<SpApplicationId>,
    /// What was renewed.
    #[schema(example = "business_licence")]
    kind: &'static str,
    /// Position in the province's log.
    log_index: u64,
}

/// Puts a document of an admitted SP in the place of the one of its kind, or adds it.
#[utoipa::path(
    post, path = "/v1/sp-applications/{id}/documents", tag = "catalogue", operation_id = "renew_sp_document",
    params(("id" = String, Path, description = "The application", example = "L20260101120000000-44-00001")),
    request_body = RenewAsk<'_>,
    responses((status = 200, description = "In its place", body = RenewedBody)),
)]
pub(crate) async fn renew(State(door): State<Door>, call: Call) -> Answer {
    let (key, application): (_, SpApplicationId) = (call.key()?, call.id()?);
    let ask: RenewAsk<'_> = call.json()?;
    let document = Box::new(ask.document.understand()?);
    let by = text::code("entered_by", ask.entered_by.as_str())?;
    let checked_by = text::code("checked_by", ask.checked_by.as_str())?;
    if let Some(elsewhere) = door.elsewhere(application.province()) {
        return door.pass_on(&call, elsewhere).await;
    }
    let kind = document.kind.name();
    let verb = Verb::RenewDocument { application, document, by, checked_by };
    let reply = door.propose(call.request(key, &ask), verb).await.map_err(Problem::of_path)?;
    let body = RenewedBody { application_id: Shown(application), kind, log_index: reply.index };
    Ok(answer::changed(StatusCode::OK, &body, &reply))
}

/// A document that is over, or soon will be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DueSpDocument)]
pub(crate) struct DueBody {
    /// The SP.
    #[schema(value_type = String, example = "S20260101120000000-44-00001")]
    sp_id: Shown<SpId>,
    /// The SP's name.
    name: String,
    /// The application it came by.
    #[schema(value_type = String, example = "L20260101120000000-44-00001")]
    application_id: Shown<SpApplicationId>,
    /// The document.
    document: DocumentWire<'static>,
    /// Its last day is over.
    over: bool,
}

/// What is due.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DueSpDocuments)]
pub(crate) struct DueList {
    /// The document that is over first comes first; a thousand at most.
    documents: Vec<DueBody>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// Lists the documents of SPs that are over, or will be soon, at the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/sp-documents", tag = "catalogue", operation_id = "list_due_sp_documents",
    params(("due_within_days" = Option<u32>, Query, description = "How far ahead, 1 to 3650; 30 when not given")),
    responses((status = 200, description = "What is due", body = DueList)),
)]
pub(crate) async fn due(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["due_within_days"])?;
    let days = query.limit("due_within_days", DAYS_USUAL, DAYS_MAX)?;
    let today = door.wall().business_day();
    let upto = BusinessDay(today.0 + u32::try_from(days).unwrap_or(u32::MAX - today.0));
    let look = |state: &mpss_domain::State| {
        let mut due: Vec<_> = state.documents_due(upto).collect();
        due.sort_by_key(|due| (due.document.valid_until, due.sp));
        let documents = due.into_iter().take(LISTED_MAX).map(|due| DueBody {
            sp_id: Shown(due.sp),
            name: due.application.name.clone(),
            application_id: Shown(due.application.id),
            document: DocumentWire::of(due.document),
            over: due.document.valid_until < today,
        });
        DueList { documents: documents.collect(), log_index: state.index() }
    };
    Ok(answer::found(&door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?))
}
