//! What an HTTP reply of another province comes to.

use std::time::Duration;

use mpss_domain::{AccountId, Msisdn, ProvinceId, Refusal};

use crate::peer::{PeerError, PeerReply};
use crate::wire::{NOT_DONE_HEADER, PaymentFate, PeerAnswer, PeerResult, decode, refusal_from_wire};

/// The longest pause another province can ask for.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// How a home province has paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// The money is set aside, and taken once the order is delivered; else it was taken.
    pub held: bool,
    /// Position in the home province's log.
    pub log_index: u64,
}

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Decided.
    Answer(PeerAnswer),
    /// Not now; nothing was done.
    NotNow { retry_after: Option<Duration> },
    /// The message was not understood; nothing was done.
    NotUnderstood { status: u16 },
    /// Anything may have happened.
    Nothing,
}

/// Reads a reply. What a node of MPSS says about having done nothing is believed; the same status from
/// something in between (a load balancer that lost its backend, say) proves nothing.
pub(crate) fn read(reply: &PeerReply) -> Heard {
    match reply.status {
        200..=299 => decode(&reply.body).map_or(Heard::Nothing, Heard::Answer),
        429 | 503 if speaks_for_itself(reply) => Heard::NotNow { retry_after: retry_after(reply) },
        429 | 503 => Heard::Nothing,
        // A request time-out is the server giving up in the middle.
        408 => Heard::Nothing,
        400..=499 if speaks_for_itself(reply) => Heard::NotUnderstood { status: reply.status },
        _ => Heard::Nothing,
    }
}

/// True when a reply tells that the province was reached. One that ran out of time inside (504) is as
/// good as none.
pub(crate) const fn was_reached(reply: &PeerReply) -> bool {
    reply.status != 504
}

/// Done at this log position, or refused. An answer that does not fit the question leaves everything
/// open.
pub(crate) fn done_or_refused(answer: PeerAnswer, province: ProvinceId) -> Result<Result<u64, Refusal>, PeerError> {
    match answer.result {
        PeerResult::Done => Ok(Ok(answer.log_index)),
        PeerResult::Refused { number, detail } => match refusal_from_wire(number, detail.as_deref()) {
            Some(refusal) => Ok(Err(refusal)),
            // A newer version's refusal: which one can not be said, so its fate has to be asked for.
            None => Err(PeerError::Unknown(province)),
        },
        PeerResult::Fate { .. } | PeerResult::Held | PeerResult::CodeOf(_) | PeerResult::SealKey(_) => {
            Err(PeerError::Unknown(province))
        }
    }
}

/// As [`done_or_refused`], for a payment: it may be held as well.
pub(crate) fn paid_or_refused(answer: PeerAnswer, province: ProvinceId) -> Result<Result<Paid, Refusal>, PeerError> {
    if answer.result == PeerResult::Held {
        return Ok(Ok(Paid { held: true, log_index: answer.log_index }));
    }
    Ok(done_or_refused(answer, province)?.map(|log_index| Paid { held: false, log_index }))
}

/// Whose a payment code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeOwner {
    /// Who pays by it.
    pub msisdn: Msisdn,
    /// From which account.
    pub account: AccountId,
}

/// Whose a code is, or why it is nobody's.
pub(crate) fn code_owner(answer: PeerAnswer, province: ProvinceId) -> Result<Result<CodeOwner, Refusal>, PeerError> {
    let PeerResult::CodeOf(owner) = answer.result else {
        // Done, held or a fate is no answer to this.
        return match done_or_refused(answer, province)? {
            Err(refusal) => Ok(Err(refusal)),
            Ok(_) => Err(PeerError::Unknown(province)),
        };
    };
    match (owner.msisdn.parse(), owner.account_id.parse()) {
        (Ok(msisdn), Ok(account)) => Ok(Ok(CodeOwner { msisdn, account })),
        _ => Err(PeerError::Unknown(province)),
    }
}

/// True when the home province can not say yet whether it pays.
pub(crate) fn is_pending(answer: &PeerAnswer) -> bool {
    matches!(answer.result, PeerResult::Fate { fate: PaymentFate::Unknown, .. })
}

/// The fate of a payment, and why it was declined.
pub(crate) fn fate_of(answer: PeerAnswer, province: ProvinceId) -> Result<(PaymentFate, Option<Refusal>), PeerError> {
    let PeerResult::Fate { fate, refusal, detail } = answer.result else {
        return Err(PeerError::Unknown(province));
    };
    let because = refusal.and_then(|number| refusal_from_wire(number, detail.as_deref()));
    Ok((fate, because))
}

/// True for a reply by which a node says that it surely did nothing.
pub(crate) fn is_not_done(reply: &PeerReply) -> bool {
    reply.header(NOT_DONE_HEADER) == Some("1")
}

fn speaks_for_itself(reply: &PeerReply) -> bool {
    is_not_done(reply)
        || reply.header("content-type").is_some_and(|kind| kind.trim_start().starts_with("application/problem+json"))
}

fn retry_after(reply: &PeerReply) -> Option<Duration> {
    let seconds: u64 = reply.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::encode;

    fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> PeerReply {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        PeerReply { status, headers, body: body.to_owned().into() }
    }

    #[test]
    fn only_what_is_sure_is_believed() {
        let problem = ("content-type", "application/problem+json");
        let done = r#"{"result":{"kind":"done"},"log_index":9}"#;
        let answer = Heard::Answer(PeerAnswer { result: PeerResult::Done, log_index: 9 });
        for (reply, expected) in [
            (reply(200, &[], done), answer.clone()),
            (reply(201, &[], done), answer),
            (reply(200, &[], ""), Heard::Nothing),
            (reply(200, &[], "<html>"), Heard::Nothing),
            (reply(204, &[], ""), Heard::Nothing),
            (reply(302, &[problem], done), Heard::Nothing),
            (reply(503, &[], ""), Heard::Nothing),
            (reply(503, &[problem], ""), Heard::NotNow { retry_after: None }),
            (
                reply(503, &[("mpss-not-done", "1"), ("retry-after", "3")], ""),
                Heard::NotNow { retry_after: Some(Duration::from_secs(3)) },
            ),
            (
                reply(429, &[problem, ("retry-after", "99999999")], ""),
                Heard::NotNow { retry_after: Some(RETRY_AFTER_MAX) },
            ),
            (
                reply(429, &[problem, ("retry-after", "Fri, 31 Dec 2027 23:59:59 GMT")], ""),
                Heard::NotNow { retry_after: None },
            ),
            (reply(503, &[("mpss-not-done", "0")], ""), Heard::Nothing),
            (reply(400, &[problem], "{}"), Heard::NotUnderstood { status: 400 }),
            (reply(400, &[], "{}"), Heard::Nothing),
            (reply(404, &[("content-type", "text/html")], ""), Heard::Nothing),
            (reply(408, &[problem], ""), Heard::Nothing),
            (reply(500, &[problem], ""), Heard::Nothing),
            (reply(504, &[problem], ""), Heard::Nothing),
        ] {
            assert_eq!(read(&reply), expected, "{reply:?}");
        }
    }

    #[test]
    fn answers_to_another_question_leave_everything_open() {
        let province = ProvinceId::new(51).expect("Sichuan");
        let unknown = PeerError::Unknown(province);
        let answer = |result| PeerAnswer { result, log_index: 4 };
        let fate = answer(PeerResult::fate(PaymentFate::Captured, None));
        assert_eq!(done_or_refused(fate, province), Err(unknown.clone()));
        assert_eq!(fate_of(answer(PeerResult::Done), province), Err(unknown.clone()));
        let future = answer(PeerResult::Refused { number: 65_000, detail: None });
        assert_eq!(done_or_refused(future, province), Err(unknown.clone()));
        assert_eq!(code_owner(answer(PeerResult::Done), province), Err(unknown.clone()));
        let refused = answer(PeerResult::refused(Refusal::PaymentCodeUsed));
        assert_eq!(code_owner(refused, province), Ok(Err(Refusal::PaymentCodeUsed)));
        let owner = |account: &str| {
            let (msisdn, account_id) = ("18912345678".to_owned(), account.to_owned());
            answer(PeerResult::CodeOf(crate::wire::CodeOwnerMessage { msisdn, account_id }))
        };
        assert!(code_owner(owner("A20260101120000000-51-00001"), province).is_ok_and(|owner| owner.is_ok()));
        assert_eq!(code_owner(owner("A1"), province), Err(unknown.clone()));
        assert_eq!(done_or_refused(owner("A20260101120000000-51-00001"), province), Err(unknown));
        let declined = answer(PeerResult::fate(PaymentFate::Declined, Some(Refusal::InsufficientFunds)));
        assert_eq!(decode::<PeerAnswer>(&encode(&declined)).as_ref(), Ok(&declined));
        assert_eq!(fate_of(declined, province), Ok((PaymentFate::Declined, Some(Refusal::InsufficientFunds))));
    }
}
