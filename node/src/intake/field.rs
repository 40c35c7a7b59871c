//! One check for each kind of value a request may hold. Each names the field it refuses.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use mpss_domain::ids::IdError;
use mpss_domain::{AccountKind, LogTime, Msisdn, ProvinceId};
use serde::{Serialize, Serializer};

use super::{EdgeCode, Problem};
use crate::password::PaymentPassword;

/// A time's text has no more characters than this.
const TIME_CHARS_MAX: usize = 40;
/// 9999-12-31T23:59:59.999Z, the last time that can be written.
const TIME_MS_MAX: u64 = 253_402_300_799_999;

/// A subscriber number; prefixes `+86`, `86`, `tel:` are normalised away.
pub(crate) fn msisdn(field: &'static str, text: &str) -> Result<Msisdn, Problem> {
    text.parse().map_err(|IdError(what)| Problem::field(EdgeCode::InvalidMsisdn, field, what))
}

/// An identity.
pub(crate) fn id<T: FromStr<Err = IdError>>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|IdError(what)| Problem::field(EdgeCode::InvalidId, field, what))
}

/// A province.
pub(crate) fn province(field: &'static str, text: &str) -> Result<ProvinceId, Problem> {
    text.parse().map_err(|IdError(what)| Problem::field(EdgeCode::InvalidChoice, field, what))
}

/// A payment password. What was typed is never repeated.
pub(crate) fn password(field: &'static str, text: &str) -> Result<PaymentPassword, Problem> {
    PaymentPassword::parse(text)
        .ok_or_else(|| Problem::field(EdgeCode::InvalidPassword, field, "a payment password has six digits"))
}

/// A time of RFC 3339, in whole milliseconds; finer parts are cut off.
pub(crate) fn time(field: &'static str, text: &str) -> Result<LogTime, Problem> {
    const WHAT: &str = "a time is written as in RFC 3339, such as 2026-01-31T16:00:00+08:00, from 1970 on";
    let refuse = || Problem::field(EdgeCode::InvalidTime, field, WHAT);
    // The library also reads looser forms; the interface promises RFC 3339.
    let shape = text.len() <= TIME_CHARS_MAX
        && text.is_ascii()
        && text.as_bytes().get(10).is_some_and(|byte| matches!(byte, b'T' | b't'))
        && !text.contains('[');
    let at = shape.then(|| text.parse::<jiff::Timestamp>().ok()).flatten().ok_or_else(refuse)?;
    u64::try_from(at.as_millisecond()).ok().filter(|ms| *ms <= TIME_MS_MAX).map(LogTime).ok_or_else(refuse)
}

/// One of a few words.
pub(crate) fn choice<T: Copy>(field: &'static str, text: &str, words: &[(&'static str, T)]) -> Result<T, Problem> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Problem::field(EdgeCode::InvalidChoice, field, format!("one of: {}", words.join(", ")))
    })
}

/// An account kind.
pub(crate) fn account_kind(field: &'static str, text: &str) -> Result<AccountKind, Problem> {
    const KINDS: [(&str, AccountKind); 3] = [
        (AccountKind::StoredValue.name(), AccountKind::StoredValue),
        (AccountKind::Communication.name(), AccountKind::Communication),
        (AccountKind::Bank.name(), AccountKind::Bank),
    ];
    choice(field, text, &KINDS)
}

/// A whole number between two bounds.
pub(crate) fn within<T: PartialOrd + fmt::Display>(
    field: &'static str,
    value: T,
    bounds: RangeInclusive<T>,
) -> Result<T, Problem> {
    if bounds.contains(&value) {
        Ok(value)
    } else {
        let detail = format!("from {} to {}", bounds.start(), bounds.end());
        Err(Problem::field(EdgeCode::OutOfRange, field, detail))
    }
}

/// Something with a text form, as it is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mpss_domain::{AccountId, OrderId};

    fn refused<T: std::fmt::Debug>(result: Result<T, Problem>) -> (&'static str, String) {
        let problem = result.expect_err("refused");
        (problem.code(), problem.field_name().expect("a field").to_owned())
    }

    #[test]
    fn each_kind_of_value_has_its_code() {
        assert_eq!(refused(msisdn("msisdn", "1891234567")), ("invalid_msisdn", "msisdn".into()));
        assert_eq!(refused(msisdn("payee_msisdn", "028-1234567")), ("invalid_msisdn", "payee_msisdn".into()));
        assert_eq!(refused(id::<AccountId>("id", "O20260101120000000-44-00001")), ("invalid_id", "id".into()));
        assert_eq!(refused(id::<OrderId>("id", "../../etc/passwd")), ("invalid_id", "id".into()));
        assert_eq!(refused(province("location", "99")), ("invalid_choice", "location".into()));
        assert_eq!(refused(account_kind("kind", "Virtual")), ("invalid_choice", "kind".into()));
        assert_eq!(refused(within("quantity", 0, 1..=100)), ("out_of_range", "quantity".into()));
    }

    #[test]
    fn passwords_are_six_digits_and_stay_hidden() {
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", "12 456", "-12345"] {
            let problem = password("payment_password", text).expect_err(text);
            assert_eq!(problem.code(), "invalid_password");
            assert!(text.is_empty() || !format!("{problem:?}").contains(text), "{text}");
        }
        assert!(password("payment_password", "000000").is_ok());
    }

    #[test]
    fn times_are_rfc_3339() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-23T12:34:56.789Z", 1_795_437_296_789),
            ("2026-11-23T20:34:56.789+08:00", 1_795_437_296_789),
            ("2026-11-23t12:34:56.7891234z", 1_795_437_296_789),
        ] {
            assert_eq!(time("until", text).map(|at| at.0).ok(), Some(ms), "{text}");
        }
        for text in [
            "",
            "2026-11-23",
            "2026-11-23 12:34:56Z",
            "2026-11-23T12:34:56",
            "2026-02-29T00:00:00Z",
            "2026-11-23T25:00:00Z",
            "1969-12-31T23:59:59Z",
            "+010000-01-01T00:00:00Z",
            "2026-11-23T12:34:56+08:00[Asia/Shanghai]",
            "1795437296",
            "tomorrow",
            "２０２６-11-23T12:34:56Z",
        ] {
            assert_eq!(refused(time("until", text)), ("invalid_time", "until".into()), "{text}");
        }
    }
}
