//! A request has exactly one fate: an answer, a refusal that says when to come again, or *unknown*.

use mpss_routing::http::NoReply;
use mpss_routing::wire::NOT_DONE_HEADER;

use super::http::Reply;

/// What became of one try.
#[derive(Debug, Clone)]
pub enum Fate {
    /// Decided, for ever.
    Answer(Reply),
    /// Surely not done; worth asking again after this many seconds.
    Refused(u64),
    /// Done or not.
    Unknown,
}

/// The fate that a reply tells.
///
/// # Errors
/// When it tells none, or two at once.
pub fn of(reply: Result<Reply, NoReply>) -> Result<Fate, String> {
    let reply = match reply {
        Ok(reply) => reply,
        Err(NoReply::NotSent) => return Ok(Fate::Refused(0)),
        Err(NoReply::Unknown) => return Ok(Fate::Unknown),
    };
    let not_done = reply.header(NOT_DONE_HEADER) == Some("1");
    let retry_after = reply.header("retry-after").and_then(|seconds| seconds.parse().ok());
    let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
    let wrong = |what: &str| Err(format!("{} {code:?} {what}: {:?}", reply.status, reply.headers));
    match reply.status {
        200..=299 | 404 | 413 | 422 if not_done || retry_after.is_some() => wrong("is decided and says that it is not"),
        200..=299 | 404 | 413 | 422 => Ok(Fate::Answer(reply)),
        429 | 503 => match retry_after {
            Some(seconds) if not_done => Ok(Fate::Refused(seconds)),
            Some(_) => wrong("does not say that nothing was done"),
            None => wrong("does not say when to come again"),
        },
        // A body that did not come was never understood.
        408 if code == "body_incomplete" => Ok(Fate::Refused(0)),
        504 if not_done => wrong("is unknown and says that it was not done"),
        504 if code == "outcome_unknown" => Ok(Fate::Unknown),
        _ => wrong("is no fate of a request that is well formed"),
    }
}
