//! One caller's request, read whole and bounded; not yet understood.

use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use mpss_domain::ids::IdError;
use mpss_domain::{Msisdn, ProvinceId, Request as RequestId};
use serde::{Deserialize, Serialize};

use super::door::Door;
use super::query::Query;
use crate::channel::guard::is_change;
use crate::channel::whole_body::{BodyBounds, whole_body};
use crate::intake::request_id::RequestKey;
use crate::intake::{EdgeCode, Problem, field, json};

/// Largest number plan, in bytes: several times the national table.
const PLAN_BYTES_MAX: usize = 4 << 20;
/// The one resource that takes so much.
pub(crate) const PLAN_PATH: &str = "/v1/number-plan";
/// Largest file of awards, in bytes: twice what its lines can usually need.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Largest file of goods, in bytes: more than the longest lines that are taken can need.
const PRODUCT_FILE_BYTES_MAX: usize = 8 << 20;
/// How the paths that take files end.
const FILE_PATH_END: &str = "/award-files";

/// One caller's request.
pub(crate) struct Call {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    params: Vec<(String, String)>,
}

impl FromRequest<Door> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, door: &Door) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        // Only paths with placeholders are worth copying.
        let params = match RawPathParams::from_request_parts(&mut parts, &()).await {
            Ok(params) => params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            Err(_) => return Err(Problem::detailed(EdgeCode::InvalidId, "the path is not UTF-8")),
        };
        let body = if is_change(&parts.method) {
            let bytes_max = match parts.uri.path() {
                PLAN_PATH => PLAN_BYTES_MAX,
                super::product_files::PATH | super::sp::goods::FILES_PATH => PRODUCT_FILE_BYTES_MAX,
                path if path.ends_with(FILE_PATH_END) => FILE_BYTES_MAX,
                _ => door.options.body_bytes_max,
            };
            let bounds = BodyBounds { bytes_max, deadline: door.options.body_deadline };
            whole_body(&parts.headers, body, &bounds, &*door.context.seams.clock).await?
        } else {
            Bytes::new()
        };
        Ok(Self { parts, body, params })
    }
}

impl Call {
    /// A request that another door of this node makes.
    pub(super) fn inside(parts: Parts, body: Bytes, params: Vec<(String, String)>) -> Self {
        Self { parts, body, params }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.parts.method
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    /// The caller's request id.
    pub(crate) fn key(&self) -> Result<RequestKey, Problem> {
        RequestKey::read(self.headers())
    }

    /// The request as it is remembered: id, and digest of what was understood.
    pub(crate) fn request(&self, key: RequestKey, ask: &impl Serialize) -> RequestId {
        key.with_content(self.method().as_str(), self.target(), ask)
    }

    /// The body, which must be one JSON object.
    pub(crate) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        self.media_type("application/json")?;
        json::parse(&self.body)
    }

    /// The body must be of this type and not compressed.
    pub(crate) fn media_type(&self, wanted: &'static str) -> Result<(), Problem> {
        let refuse = |field: &'static str| {
            Err(Problem::field(EdgeCode::UnsupportedMediaType, field, format!("only {wanted} is taken, uncompressed")))
        };
        let given = self.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Parameters such as charset say nothing new: JSON is UTF-8.
        let given = given.split(';').next().unwrap_or_default().trim();
        if !given.eq_ignore_ascii_case(wanted) {
            return refuse("content-type");
        }
        if self.headers().contains_key(CONTENT_ENCODING) {
            return refuse("content-encoding");
        }
        Ok(())
    }

    /// The body must be empty, or an empty JSON object as some clients can not help sending.
    pub(crate) fn no_body(&self) -> Result<(), Problem> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        self.json::<Nothing>().map(|Nothing {}| ())
    }

    /// The query parameters, each of which must be one of `known` and given once.
    pub(crate) fn query(&self, known: &'static [&'static str]) -> Result<Query, Problem> {
        Query::read(self.parts.uri.query().unwrap_or_default(), known)
    }

    /// A placeholder of the path.
    pub(super) fn param(&self, name: &'static str) -> &str {
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The identity in the path.
    pub(crate) fn id<T: FromStr<Err = IdError>>(&self) -> Result<T, Problem> {
        field::id("id", self.param("id"))
    }

    /// The subscriber number in the path.
    pub(crate) fn msisdn(&self) -> Result<Msisdn, Problem> {
        field::msisdn("msisdn", self.param("msisdn"))
    }

    /// The province whose node passed this request on.
    pub(crate) fn forwarded_by(&self) -> Option<ProvinceId> {
        self.headers().get(mpss_routing::wire::FORWARDED_HEADER)?.to_str().ok()?.parse().ok()
    }

    /// True when another node passed this request on; it is not passed on again.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.headers().contains_key(mpss_routing::wire::FORWARDED_HEADER)
    }
}

/// What every handler comes to.
pub(crate) type Answer = Result<axum::response::Response, Problem>;
