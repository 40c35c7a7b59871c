//! Passing a caller's request on, as it is, to the province it belongs to; once.

use std::time::Duration;

use mpss_domain::ProvinceId;

use crate::circuit::Urgency;
use crate::dispatch::{Attempt, Dispatch};
use crate::peer::{PeerCall, PeerDoor, PeerError, PeerReply};
use crate::wire::{DEADLINE_HEADER, FORWARDED_HEADER};

/// The longest a request that was passed on is waited for, whatever its caller says.
const DEADLINE_MAX: Duration = Duration::from_secs(60);

/// What belongs to one connection and not to the request or the answer (RFC 9110 §7.6.1), and what
/// the next connection writes anew.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Dispatch {
    /// Passes a caller's request on to the province it belongs to, once, and brings its answer back:
    /// status, headers and body as that province gave them, without what belongs to the connection.
    /// A request that was passed on already (header `mpss-forwarded`) is not passed on again.
    ///
    /// It is waited for as long as the header `mpss-deadline-ms` of `call` says; without one, as long
    /// as a purchase there can take, and what `Prefer: wait=N` asks for.
    ///
    /// # Errors
    /// [`PeerError::ForwardedBefore`]; [`PeerError::Unreachable`] when the province surely has not seen
    /// it, [`PeerError::Unknown`] when it may have acted on it.
    pub async fn forward(&self, province: ProvinceId, call: PeerCall) -> Result<PeerReply, PeerError> {
        if call.header(FORWARDED_HEADER).is_some() {
            return Err(PeerError::ForwardedBefore(province));
        }
        let deadline = self.forward_deadline(&call);
        let mut headers = without_hop_by_hop(call.headers);
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case(DEADLINE_HEADER));
        headers.push((FORWARDED_HEADER.into(), self.options.here.to_string()));
        let call = PeerCall { headers, ..call };
        match self.attempt(province, PeerDoor::Public, call, deadline, Urgency::Waiting).await {
            Attempt::Replied(reply) => Ok(PeerReply { headers: without_hop_by_hop(reply.headers), ..reply }),
            Attempt::CircuitOpen => Err(PeerError::Unreachable(province)),
            Attempt::Failed(error) => Err(error),
        }
    }

    fn forward_deadline(&self, call: &PeerCall) -> Duration {
        let told = call.header(DEADLINE_HEADER).and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
        let own = || self.options.payment_deadline + self.options.try_deadline * 2 + preferred_wait(call);
        told.unwrap_or_else(own).min(DEADLINE_MAX)
    }
}

/// `N` of `Prefer: wait=N` (RFC 7240 §4.3), in seconds.
fn preferred_wait(call: &PeerCall) -> Duration {
    let preferences = call.header("prefer").unwrap_or_default();
    let wait = preferences.split([',', ';']).find_map(|word| word.trim().strip_prefix("wait="));
    wait.and_then(|seconds| seconds.parse().ok()).map_or(Duration::ZERO, Duration::from_secs).min(DEADLINE_MAX)
}

fn without_hop_by_hop(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    // A connection's own header can name more of its kind.
    let named: Vec<String> = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let stays = |name: &str| !HOP_BY_HOP.contains(&name) && !named.iter().any(|named| named == name);
    headers.into_iter().filter(|(name, _)| stays(&name.to_ascii_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(headers: &[(&str, &str)]) -> PeerCall {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        PeerCall { method: "GET".into(), path: "/".into(), headers, body: bytes::Bytes::new() }
    }

    #[test]
    fn what_belongs_to_the_connection_stays_behind() {
        let headers = call(&[
            ("Connection", "close, X-Trace-Hop"),
            ("x-trace-hop", "1"),
            ("Host", "a"),
            ("content-length", "3"),
            ("Transfer-Encoding", "chunked"),
            ("idempotency-key", "k"),
            ("accept", "application/json"),
            ("accept", "text/plain"),
        ])
        .headers;
        let left: Vec<_> = without_hop_by_hop(headers).into_iter().map(|(name, value)| name + "=" + &value).collect();
        assert_eq!(left, ["idempotency-key=k", "accept=application/json", "accept=text/plain"]);
    }

    #[test]
    fn a_preferred_wait_is_found_among_other_preferences() {
        for (value, seconds) in [
            ("wait=10", 10),
            ("respond-async, wait=5", 5),
            ("handling=lenient; wait=7", 7),
            ("wait=-1", 0),
            ("wait=99999", 60),
            ("", 0),
        ] {
            assert_eq!(preferred_wait(&call(&[("prefer", value)])), Duration::from_secs(seconds), "{value}");
        }
    }
}
