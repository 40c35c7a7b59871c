//! The provinces' own interface, version 1: JSON over HTTP. Every message names the payment or
//! transfer it is about, so that it can be sent again without harm.
//!
//! | request | message | answer |
//! |---|---|---|
//! | `POST /peer/v1/payments` | [`PaymentMessage`] | `done`, `held` or `refused` |
//! | `GET /peer/v1/payments/{id}` | none | `fate` |
//! | `POST /peer/v1/payments/{id}/capture` | [`CaptureMessage`] | `done` or `refused` |
//! | `POST /peer/v1/payments/{id}/reversal` | [`ReversalMessage`] | `done` or `refused` |
//! | `POST /peer/v1/payments/{id}/refunds` | [`RefundMessage`] | `done` or `refused` |
//! | `POST /peer/v1/transfers` | [`TransferMessage`] | `done` or `refused` |
//! | `POST /peer/v1/awards` | [`AwardMessage`] | `done` or `refused` |
//! | `POST /peer/v1/payment-codes` | [`CodeMessage`] | `code_of` or `refused` |
//! | `GET /peer/v1/seal-key` | none | `seal_key`; 404 where passwords are not sealed yet |
//!
//! A refusal is an answer like any other: 200 with a [`PeerAnswer`]. Any other status is a problem
//! document (`application/problem+json`): 429 and 503 say that nothing was done and when to come
//! again (`Retry-After`), 504 that the outcome is unknown, other 4xx that the message was not
//! understood.

use std::fmt;

use mpss_domain::{HiddenBecause, LogTime, Refusal};
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Serialize};

mod sealed;

pub use sealed::{SealKeyMessage, SealedPasswordMessage};

/// Names the province that passed a caller's request on; a request with it is not passed on again.
pub const FORWARDED_HEADER: &str = "mpss-forwarded";

/// How many milliseconds the asking side goes on waiting for the answer. Work that can not be
/// finished in this time need not be begun.
pub const DEADLINE_HEADER: &str = "mpss-deadline-ms";

/// With value `1` on a 429 or 503: the request was surely not carried out.
pub const NOT_DONE_HEADER: &str = "mpss-not-done";

/// The largest message or answer between provinces that is read, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// `POST /peer/v1/payments`: debit at home.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentMessage {
    /// The payment; the same on every retry.
    pub payment_id: String,
    /// The order it pays for.
    pub order_id: String,
    /// Who asks: two digits.
    pub serving: String,
    /// Who pays.
    pub msisdn: String,
    /// The number plan epoch it was routed by.
    pub epoch: u64,
    /// `roaming` or `national`.
    pub scope: String,
    /// Where the subscriber is now: two digits.
    pub location: String,
    /// The account, by id, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// by kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_kind: Option<String>,
    /// Fen.
    pub amount_fen: i64,
    /// What is bought.
    pub title: String,
    /// The payment password as typed at the visited province, or
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub payment_password: String,
    /// sealed to the home province's key, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_password: Option<SealedPasswordMessage>,
    /// the one-time code that is paid by; of a bill perhaps neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_code: Option<String>,
    /// It is a bill that is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill: Option<BillMessage>,
    /// The subscriber is asked by text; then there is neither password nor code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<ConfirmationMessage>,
}

/// How a subscriber is asked whether to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationMessage {
    /// Who sells, as the subscriber is told.
    pub merchant: String,
    /// The money is only set aside.
    pub reserve: bool,
}

/// Of a bill, what the home province needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillMessage {
    /// Whose it is: 32 hexadecimal digits, the same from bill to bill of one customer; nothing when its SP does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
}

impl PaymentMessage {
    /// Is there a payment password, sealed or not?
    #[must_use]
    pub const fn has_password(&self) -> bool {
        !self.payment_password.is_empty() || self.sealed_password.is_some()
    }
}

impl fmt::Debug for PaymentMessage {
    /// Without the payment password or the code, and with the number masked: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentMessage")
            .field("payment_id", &self.payment_id)
            .field("order_id", &self.order_id)
            .field("serving", &self.serving)
            .field("msisdn", &masked(&self.msisdn))
            .field("epoch", &self.epoch)
            .field("scope", &self.scope)
            .field("location", &self.location)
            .field("amount_fen", &self.amount_fen)
            .finish_non_exhaustive()
    }
}

/// `GET /peer/v1/payments/{id}`: what became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentFate {
    /// Money was taken.
    Captured,
    /// Not taken.
    Declined,
    /// Taken and given back, or forbidden.
    Reversed,
    /// Never seen, or nobody knows yet.
    Unknown,
    /// Money is set aside, and taken once the order is delivered.
    Held,
}

/// `POST /peer/v1/payments/{id}/capture`: the order was delivered, take what is held for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureMessage {
    /// Less than is held, in fen; all of it when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_fen: Option<i64>,
    /// Who asks: two digits.
    pub serving: String,
}

/// The answer to a payment, a fate question, a reversal, a refund or a transfer credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAnswer {
    /// What it came to.
    pub result: PeerResult,
    /// Position in the answering province's log.
    pub log_index: u64,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PeerResult {
    /// Done, now or before.
    Done,
    /// Refused; nothing moved, and nothing will under this id.
    Refused {
        /// The refusal's stable number.
        number: u16,
        /// The refusal's data, when it has some: a lock's end in ms, a reason for hiding.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The fate of a payment.
    Fate {
        /// Its fate.
        fate: PaymentFate,
        /// Why it was declined.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refusal: Option<u16>,
        /// The refusal's data, when it has some.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The money of a payment is set aside, and taken once the order is delivered.
    Held,
    /// Whose a payment code is.
    CodeOf(CodeOwnerMessage),
    /// What payment passwords are sealed to.
    SealKey(SealKeyMessage),
}

/// Whose a payment code is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeOwnerMessage {
    /// Who pays by it.
    pub msisdn: String,
    /// From which account.
    pub account_id: String,
}

impl fmt::Debug for CodeOwnerMessage {
    /// With the number masked: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeOwnerMessage")
            .field("msisdn", &masked(&self.msisdn))
            .field("account_id", &self.account_id)
            .finish()
    }
}

/// `POST /peer/v1/payment-codes`: whose is a code that somebody presents?
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeMessage {
    /// The code as it was presented.
    pub payment_code: String,
    /// Who asks: two digits.
    pub serving: String,
}

impl fmt::Debug for CodeMessage {
    /// Without the code: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeMessage").field("serving", &self.serving).finish_non_exhaustive()
    }
}

impl PeerResult {
    /// Refused, with everything the other side needs to name the refusal exactly.
    #[must_use]
    pub fn refused(refusal: Refusal) -> Self {
        let (number, detail) = refusal_to_wire(refusal);
        Self::Refused { number, detail }
    }

    /// The fate of a payment, and why it was declined when it was.
    #[must_use]
    pub fn fate(fate: PaymentFate, declined: Option<Refusal>) -> Self {
        let (refusal, detail) = match declined.map(refusal_to_wire) {
            Some((number, detail)) => (Some(number), detail),
            None => (None, None),
        };
        Self::Fate { fate, refusal, detail }
    }
}

/// A refusal as number and data.
#[must_use]
pub fn refusal_to_wire(refusal: Refusal) -> (u16, Option<String>) {
    let detail = match refusal {
        Refusal::PasswordLocked(at)
        | Refusal::TicketUsed(at)
        | Refusal::RechargeLocked(at)
        | Refusal::PaymentCodesLocked(at) => Some(at.0.to_string()),
        Refusal::NotVisible(because) => Some(because.name().to_owned()),
        _ => None,
    };
    (refusal.number(), detail)
}

/// The refusal with this number and data. `None` for a number this version does not know, and for
/// data that does not belong to the number.
#[must_use]
pub fn refusal_from_wire(number: u16, detail: Option<&str>) -> Option<Refusal> {
    let with_times =
        [Refusal::PasswordLocked, Refusal::TicketUsed, Refusal::RechargeLocked, Refusal::PaymentCodesLocked];
    for with_time in with_times {
        if number == with_time(LogTime(0)).number() {
            return detail?.parse().ok().map(|at| with_time(LogTime(at)));
        }
    }
    if number == Refusal::NotVisible(HiddenBecause::NotVisitingNow).number() {
        let name = detail?;
        return HIDDEN_BECAUSE.into_iter().find(|because| because.name() == name).map(Refusal::NotVisible);
    }
    if detail.is_some() {
        return None;
    }
    let (_, code) = Refusal::TABLE.iter().find(|row| row.0 == number)?;
    // A refusal without data is a plain word to serde: its code in camel case. A test holds this for
    // the whole table.
    let word = camel_case(code);
    let word: StrDeserializer<'_, ValueError> = word.as_str().into_deserializer();
    Refusal::deserialize(word).ok()
}

const HIDDEN_BECAUSE: [HiddenBecause; 3] =
    [HiddenBecause::NotItsSubscriber, HiddenBecause::RoamingIsForVisitors, HiddenBecause::NotVisitingNow];

fn camel_case(code: &str) -> String {
    let mut word = String::with_capacity(code.len());
    for part in code.split('_') {
        let mut chars = part.chars();
        word.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        word.push_str(chars.as_str());
    }
    word
}

/// `POST /peer/v1/payments/{id}/reversal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReversalMessage {
    /// The reversal.
    pub reversal_id: String,
    /// The order.
    pub order_id: String,
    /// Who asks: two digits.
    pub serving: String,
}

/// `POST /peer/v1/payments/{id}/refunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundMessage {
    /// The refund.
    pub refund_id: String,
    /// Fen.
    pub amount_fen: i64,
    /// Who asks: two digits.
    pub serving: String,
}

/// `POST /peer/v1/awards`: take a prize for a subscriber of the province that is asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwardMessage {
    /// The award; the same on every retry. It names the province that gives.
    pub award_id: String,
    /// The bet.
    pub order_id: String,
    /// Who has won.
    pub msisdn: String,
    /// Fen, tax taken off.
    pub amount_fen: i64,
    /// The account that is wanted, by kind.
    pub account_kind: String,
    /// The number plan epoch it was routed by.
    pub epoch: u64,
}

impl fmt::Debug for AwardMessage {
    /// With the number masked: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwardMessage")
            .field("award_id", &self.award_id)
            .field("order_id", &self.order_id)
            .field("msisdn", &masked(&self.msisdn))
            .field("amount_fen", &self.amount_fen)
            .field("account_kind", &self.account_kind)
            .field("epoch", &self.epoch)
            .finish()
    }
}

/// `POST /peer/v1/transfers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferMessage {
    /// The transfer.
    pub transfer_id: String,
    /// Who pays.
    pub payer: String,
    /// Who is paid.
    pub payee: String,
    /// Fen.
    pub amount_fen: i64,
    /// The number plan epoch it was routed by.
    pub epoch: u64,
}

/// A message or answer that can not be read. Nothing of its content is repeated: it may hold a
/// payment password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Larger than any message between provinces.
    #[error("the message has {0} bytes, more than {MESSAGE_BYTES_MAX}")]
    TooLarge(usize),
    /// Not the JSON it should be.
    #[error("the message is not what it should be, at line {line}, column {column}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

/// Reads a message or an answer.
///
/// # Errors
/// See [`WireError`].
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, WireError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(WireError::TooLarge(bytes.len()));
    }
    serde_json::from_slice(bytes).map_err(|error| WireError::Malformed { line: error.line(), column: error.column() })
}

/// Writes a message or an answer.
///
/// # Panics
/// Never for the types of this module: they are structs of texts and numbers.
#[must_use]
pub fn encode<T: Serialize>(message: &T) -> bytes::Bytes {
    serde_json::to_vec(message).expect("structs of texts and numbers can be written as JSON").into()
}

/// A number as it may appear in logs; whatever is none is hidden altogether.
fn masked(msisdn: &str) -> String {
    msisdn.parse::<mpss_domain::Msisdn>().map_or_else(|_| "****".to_owned(), mpss_domain::Msisdn::masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: [u64; 4] = [0, 1, 1_795_437_296_789, u64::MAX];

    /// Every refusal there is; data variants with each of their data.
    fn every_refusal() -> Vec<Refusal> {
        let mut all = Vec::new();
        for (number, _) in Refusal::TABLE {
            if *number == Refusal::PasswordLocked(LogTime(0)).number() {
                all.extend(TIMES.map(|ms| Refusal::PasswordLocked(LogTime(ms))));
            } else if *number == Refusal::TicketUsed(LogTime(0)).number() {
                all.extend(TIMES.map(|ms| Refusal::TicketUsed(LogTime(ms))));
            } else if *number == Refusal::PaymentCodesLocked(LogTime(0)).number() {
                all.extend(TIMES.map(|ms| Refusal::PaymentCodesLocked(LogTime(ms))));
            } else if *number == Refusal::RechargeLocked(LogTime(0)).number() {
                all.extend(TIMES.map(|ms| Refusal::RechargeLocked(LogTime(ms))));
            } else if *number == Refusal::NotVisible(HiddenBecause::NotVisitingNow).number() {
                all.extend(HIDDEN_BECAUSE.map(Refusal::NotVisible));
            } else {
                all.push(refusal_from_wire(*number, None).unwrap_or_else(|| panic!("{number} is not read back")));
            }
        }
        all
    }

    #[test]
    fn every_refusal_comes_back_exactly() {
        let all = every_refusal();
        assert!(all.len() >= Refusal::TABLE.len());
        for refusal in all {
            let (number, detail) = refusal_to_wire(refusal);
            assert_eq!(refusal_from_wire(number, detail.as_deref()), Some(refusal));
            assert_eq!(Refusal::TABLE.iter().find(|row| row.0 == number).map(|row| row.1), Some(refusal.code()));
            for result in [PeerResult::refused(refusal), PeerResult::fate(PaymentFate::Declined, Some(refusal))] {
                let answer = PeerAnswer { result, log_index: 7 };
                assert_eq!(decode::<PeerAnswer>(&encode(&answer)), Ok(answer));
            }
        }
    }

    #[test]
    fn refusals_that_are_not_ours_are_not_guessed() {
        assert_eq!(refusal_from_wire(0, None), None);
        assert_eq!(refusal_from_wire(65_535, None), None);
        assert_eq!(refusal_from_wire(2_001, Some("1")), None, "unknown_number has no data");
        assert_eq!(refusal_from_wire(4_002, None), None, "a lock without its end");
        assert_eq!(refusal_from_wire(4_002, Some("-1")), None);
        assert_eq!(refusal_from_wire(5_005, None), None);
        assert_eq!(refusal_from_wire(5_005, Some("because")), None);
    }

    #[test]
    fn messages_have_the_bytes_they_were_published_with() {
        let payment = PaymentMessage {
            payment_id: "P20260101120000000-44-00001".into(),
            order_id: "O20260101120000000-44-00001".into(),
            serving: "44".into(),
            msisdn: "18912345678".into(),
            epoch: 3,
            scope: "roaming".into(),
            location: "44".into(),
            account_id: None,
            account_kind: Some("virtual".into()),
            amount_fen: 1_230,
            title: "彩票".into(),
            payment_password: "123456".into(),
            sealed_password: None,
            payment_code: None,
            bill: None,
            confirmation: None,
        };
        let text = r#"{"payment_id":"P20260101120000000-44-00001","order_id":"O20260101120000000-44-00001","serving":"44","msisdn":"18912345678","epoch":3,"scope":"roaming","location":"44","account_kind":"virtual","amount_fen":1230,"title":"彩票","payment_password":"123456"}"#;
        assert_eq!(encode(&payment), text);
        assert_eq!(decode::<PaymentMessage>(text.as_bytes()).as_ref(), Ok(&payment));
        let by_code = PaymentMessage {
            account_id: Some("A20260101120000000-51-00001".into()),
            account_kind: None,
            payment_password: String::new(),
            sealed_password: None,
            payment_code: Some("5101234567890124".into()),
            ..payment.clone()
        };
        let bill = PaymentMessage {
            payment_password: String::new(),
            sealed_password: None,
            bill: Some(BillMessage { customer: Some("00112233445566778899aabbccddeeff".into()) }),
            ..payment
        };
        let of_bill = r#""bill":{"customer":"00112233445566778899aabbccddeeff"}"#;
        let of_bill = text.replace(r#""payment_password":"123456""#, of_bill);
        assert_eq!(encode(&bill), of_bill);
        assert_eq!(decode::<PaymentMessage>(of_bill.as_bytes()), Ok(bill));
        let text = text.replace(r#""account_kind":"virtual""#, r#""account_id":"A20260101120000000-51-00001""#);
        let text = text.replace(r#""payment_password":"123456""#, r#""payment_code":"5101234567890124""#);
        assert_eq!(encode(&by_code), text);
        assert_eq!(decode::<PaymentMessage>(text.as_bytes()), Ok(by_code));
        let question = CodeMessage { payment_code: "5101234567890124".into(), serving: "44".into() };
        assert_eq!(encode(&question), r#"{"payment_code":"5101234567890124","serving":"44"}"#);
        for (answer, text) in [
            (PeerResult::Done, r#"{"result":{"kind":"done"},"log_index":9}"#),
            (
                PeerResult::refused(Refusal::InsufficientFunds),
                r#"{"result":{"kind":"refused","number":3011},"log_index":9}"#,
            ),
            (
                PeerResult::refused(Refusal::PasswordLocked(LogTime(5))),
                r#"{"result":{"kind":"refused","number":4002,"detail":"5"},"log_index":9}"#,
            ),
            (
                PeerResult::fate(PaymentFate::Captured, None),
                r#"{"result":{"kind":"fate","fate":"captured"},"log_index":9}"#,
            ),
            (
                PeerResult::CodeOf(CodeOwnerMessage {
                    msisdn: "18912345678".into(),
                    account_id: "A20260101120000000-51-00001".into(),
                }),
                r#"{"result":{"kind":"code_of","msisdn":"18912345678","account_id":"A20260101120000000-51-00001"},"log_index":9}"#,
            ),
        ] {
            let answer = PeerAnswer { result: answer, log_index: 9 };
            assert_eq!(encode(&answer), text);
            assert_eq!(decode::<PeerAnswer>(text.as_bytes()), Ok(answer));
        }
    }

    #[test]
    fn debug_output_shows_neither_password_nor_number() {
        let message = PaymentMessage {
            payment_id: "P".into(),
            order_id: "O".into(),
            serving: "44".into(),
            msisdn: "18912345678".into(),
            epoch: 1,
            scope: "roaming".into(),
            location: "44".into(),
            account_id: None,
            account_kind: None,
            amount_fen: 1,
            title: "t".into(),
            payment_password: "908172".into(),
            sealed_password: None,
            payment_code: Some("4401234567890128".into()),
            bill: None,
            confirmation: None,
        };
        let shown = format!("{message:?}");
        assert!(
            !shown.contains("908172")
                && !shown.contains("4401234567890128")
                && !shown.contains("18912345678")
                && shown.contains("189****5678"),
            "{shown}"
        );
    }

    #[test]
    fn what_can_not_be_read_is_refused_without_repeating_it() {
        let secret = br#"{"payment_password":"908172","extra":1}"#;
        let error = decode::<PaymentMessage>(secret).expect_err("not a payment");
        assert!(!error.to_string().contains("908172"), "{error}");
        assert_eq!(decode::<PeerAnswer>(&vec![b' '; MESSAGE_BYTES_MAX + 1]), Err(WireError::TooLarge(65_537)));
        assert!(decode::<PeerAnswer>(b"").is_err());
        assert!(decode::<ReversalMessage>(br#"{"reversal_id":"","order_id":"","serving":"","more":0}"#).is_err());
    }
}
