//! Amounts: decimal text in yuan on the wire, whole fen inside. Never a float.

use std::fmt;

use mpss_domain::Money;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::{EdgeCode, Problem};

/// No amount that may be named has more digits than `10000000.00`.
const AMOUNT_CHARS_MAX: usize = 11;

/// Reads an amount such as `12.30`, `12.3` or `12`. Signs, exponents, separators, a third place and
/// anything above [`Money::REQUEST_MAX`] are refused; whether nothing (`0.00`) makes sense is for the
/// domain to say.
pub(crate) fn amount(field: &'static str, text: &str) -> Result<Money, Problem> {
    let refuse = |detail: &'static str| Err(Problem::field(EdgeCode::InvalidAmount, field, detail));
    let (yuan, places) = text.split_once('.').map_or((text, None), |(yuan, places)| (yuan, Some(places)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(yuan) || places.is_some_and(|places| !digits(places)) || (yuan.len() > 1 && yuan.starts_with('0')) {
        return refuse("an amount is a decimal text in yuan such as \"12.30\", without sign, exponent or separators");
    }
    if places.is_some_and(|places| places.len() > 2) {
        return refuse("an amount has at most two places: the fen is the smallest unit");
    }
    if text.len() > AMOUNT_CHARS_MAX {
        return refuse("the amount is larger than any single request may name");
    }
    let mut decimal = Decimal::from_str_exact(text)
        .map_err(|_| Problem::field(EdgeCode::InvalidAmount, field, "not a decimal number"))?;
    // With at most two places this only adds zeros: the mantissa becomes whole fen.
    decimal.rescale(2);
    let fen = i64::try_from(decimal.mantissa()).expect("eleven characters of digits fit into 64 bits");
    let money = Money::fen(fen);
    if money > Money::REQUEST_MAX {
        return refuse("the amount is larger than any single request may name");
    }
    Ok(money)
}

/// An amount as it is written on the wire: yuan with two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Yuan(pub(crate) Money);

impl Serialize for Yuan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Yuan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A sum of the books as it is written on the wire: may pass 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct YuanSum(pub(crate) i128);

impl Serialize for YuanSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for YuanSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_understood() {
        for (text, fen) in [
            ("0.00", 0),
            ("0", 0),
            ("0.01", 1),
            ("0.1", 10),
            ("12", 1_200),
            ("12.3", 1_230),
            ("12.30", 1_230),
            ("10000000.00", 1_000_000_000),
        ] {
            assert_eq!(amount("amount", text).map(Money::as_fen).ok(), Some(fen), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_field() {
        for text in [
            "",
            " ",
            "12.345",
            "12.340",
            "0.001",
            "-1.00",
            "+1.00",
            "-0.00",
            "1e3",
            "1E3",
            "12,30",
            "1_000.00",
            "1 000.00",
            " 12.30",
            "12.30 ",
            ".50",
            "12.",
            ".",
            "..",
            "1.2.3",
            "012.30",
            "00",
            "0x10",
            "NaN",
            "Infinity",
            "١٢.٣٠",
            "１２.３０",
            "¥12.30",
            "12.30元",
            "10000000.01",
            "99999999999",
            "92233720368547758.08",
            "340282366920938463463374607431768211456.00",
            "12.30\u{0}",
        ] {
            let problem = amount("daily_limit", text).expect_err(text);
            assert_eq!((problem.code(), problem.field_name()), ("invalid_amount", Some("daily_limit")), "{text}");
        }
    }

    #[test]
    fn sums_past_64_bits_are_written_out() {
        assert_eq!(YuanSum(i128::from(i64::MAX) * 100 + 7).to_string(), "9223372036854775807.07");
        assert_eq!(YuanSum(-5).to_string(), "-0.05");
        assert_eq!(serde_json::to_string(&Yuan(Money::fen(1_230))).expect("a string"), "\"12.30\"");
    }
}
