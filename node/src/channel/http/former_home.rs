//! An order that is known by a number of the UPP alone is with the home that its payer had when it came. When the
//! number plan has moved the payer since, the homes of before are asked first, as the request came:
//!
//! ```text
//!  home of now ─▶ has it itself ─▶ answers
//!       └─▶ home of before ─▶ has it, or believes to be home still ─▶ its answer is the answer
//!                  └─▶ has nothing, and by its plan can never have ─▶ home of now answers
//! ```
//!
//! Plans only go forward, so a province that says that it is not the home will never pay for that number. One that
//! forbids what it never saw says so in vain: the home of now forbids it, too.

use axum::http::HeaderName;
use axum::response::Response;
use mpss_domain::{Msisdn, Refusal, UppNumber};
use mpss_routing::PeerReply;
use serde::Deserialize;

use super::call::Call;
use super::door::DoorParts;
use super::pass_on;
use crate::intake::Problem;
use crate::not_done::NotDone;

/// Says that a request is for the home of before, which must not pass it on.
static FORMER_HOME: HeaderName = HeaderName::from_static("mpss-former-home");

/// What an answer has to say here.
#[derive(Deserialize)]
struct Said<'a> {
    /// The name of a refusal.
    #[serde(default)]
    code: Option<&'a str>,
    /// There when money was ever asked for.
    #[serde(default)]
    order_id: Option<&'a str>,
}

/// Has it what the request is about?
fn has_it(reply: &PeerReply) -> bool {
    // What is not understood is not nothing.
    let Ok(said) = serde_json::from_slice::<Said<'_>>(&reply.body) else { return true };
    match reply.status {
        200..300 => said.order_id.is_some(),
        _ => {
            let nothing_there = [Refusal::NotHome.code(), Refusal::UppOrderNotFound.code()];
            said.code.is_none_or(|code| !nothing_there.contains(&code))
        }
    }
}

impl DoorParts {
    /// The answer to a request of the UPP when another province is to give it.
    ///
    /// # Errors
    /// As of any request that is passed on.
    pub(super) async fn upp_elsewhere(
        &self,
        call: &Call,
        number: UppNumber,
        msisdn: Msisdn,
    ) -> Result<Option<Response>, Problem> {
        if call.headers().contains_key(&FORMER_HOME) {
            return Ok(None);
        }
        // A number that was carried to another operator stays at home, and with it what was paid before.
        if let Some(elsewhere) = self.elsewhere(self.belonging(msisdn)?.map(|belonging| belonging.home)) {
            return self.pass_on(call, elsewhere).await.map(Some);
        }
        let former = self.context.replica.read(|state| state.former_homes(msisdn));
        if former.is_empty() {
            return Ok(None);
        }
        let is_here = |state: &mpss_domain::State| state.upp_order(number).is_some_and(|row| row.asked.is_some());
        if self.context.replica.read_linearizable(is_here).await.map_err(NotDone::from)? {
            return Ok(None);
        }
        for home in former {
            let reply = self.reply_of(call, home, Some((FORMER_HOME.as_str(), "1"))).await?;
            if has_it(&reply) {
                return pass_on::answer(reply).map(Some);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_it_answers_for_it() {
        let says = |status, body: &str| {
            has_it(&PeerReply { status, headers: Vec::new(), body: body.as_bytes().to_vec().into() })
        };
        assert!(says(201, r#"{"order_number":"U1","order_id":"O1","amount_fen":5}"#));
        assert!(says(422, r#"{"code":"wrong_password","number":10101}"#));
        assert!(says(503, "upstream") && says(200, "upstream"));
        assert!(!says(200, r#"{"order_number":"U1","amount_fen":0}"#), "forbidden before it came");
        assert!(!says(422, r#"{"code":"not_home"}"#));
        assert!(!says(404, r#"{"code":"upp_order_not_found"}"#));
    }
}
