//! Query parameters: known ones, once each.

use crate::intake::{EdgeCode, Problem};

/// Parameters in one query at most.
const PARAMETERS_MAX: usize = 16;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(&'static str, String)>);

impl Query {
    pub(crate) fn read(query: &str, known: &'static [&'static str]) -> Result<Self, Problem> {
        let mut given = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()).take(PARAMETERS_MAX) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let Some(name) = known.iter().copied().find(|known| *known == name) else {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Problem::field(
                    EdgeCode::UnknownField,
                    name.to_owned(),
                    format!("parameters here: {known}"),
                ));
            };
            if given.iter().any(|(before, _)| *before == name) {
                return Err(Problem::field(EdgeCode::DuplicateField, name, "this parameter is given twice"));
            }
            let value = decode(value)
                .ok_or_else(|| Problem::field(EdgeCode::InvalidText, name, "not percent-encoded UTF-8"))?;
            given.push((name, value));
        }
        Ok(Self(given))
    }

    /// A parameter, when it is given.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that must be given.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| Problem::field(EdgeCode::MissingField, name, "this parameter is required"))
    }

    /// A yes or no; no when it is not given.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        self.get(name)
            .map_or(Ok(false), |text| crate::intake::field::choice(name, text, &[("true", true), ("false", false)]))
    }

    /// A whole number between 1 and `max`, or `usual`.
    pub(crate) fn limit(&self, name: &'static str, usual: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.get(name) else { return Ok(usual) };
        text.parse()
            .ok()
            .filter(|limit| (1..=max).contains(limit))
            .ok_or_else(|| Problem::field(EdgeCode::OutOfRange, name, format!("a whole number from 1 to {max}")))
    }
}

/// Percent-decoding, with `+` for a space except where the value could be a number with its country
/// code or a time with its offset: there it stays what it is.
fn decode(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (rest.next()?, rest.next()?);
            let digit = |byte: u8| char::from(byte).to_digit(16);
            bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["msisdn", "explain", "limit"];

    #[test]
    fn known_parameters_are_read_once() {
        let query = Query::read("msisdn=%2B8618912345678&explain=true&limit=7", KNOWN).expect("good");
        assert_eq!(query.get("msisdn"), Some("+8618912345678"));
        assert_eq!(query.flag("explain"), Ok(true));
        assert_eq!(query.limit("limit", 10, 100), Ok(7));
        assert_eq!(Query::read("msisdn=+8618912345678", KNOWN).expect("good").get("msisdn"), Some("+8618912345678"));
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        for (query, code, field) in [
            ("who=1", "unknown_field", "who"),
            ("msisdn=1&msisdn=2", "duplicate_field", "msisdn"),
            ("msisdn=%f", "invalid_text", "msisdn"),
            ("msisdn=%ff", "invalid_text", "msisdn"),
        ] {
            let problem = Query::read(query, KNOWN).expect_err(query);
            assert_eq!((problem.code(), problem.field_name()), (code, Some(field)), "{query}");
        }
        let query = Query::read("explain=maybe&limit=0", KNOWN).expect("read");
        assert_eq!(query.flag("explain").expect_err("no").code(), "invalid_choice");
        assert_eq!(query.limit("limit", 10, 100).expect_err("no").code(), "out_of_range");
        assert_eq!(query.required("msisdn").expect_err("no").code(), "missing_field");
    }
}
