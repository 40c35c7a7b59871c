//! Strict JSON: unknown fields, doubled fields and trailing text are refused, and whatever is wrong
//! is told with the field's name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use super::{EdgeCode, Problem};

/// Reads one JSON object. The good case is one pass without bookkeeping; only when that fails is the
/// body read once more to find out which field is to blame.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    // Without this an array would do as well, its values taken for the fields in order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(not_an_object(body));
    }
    match serde_json::from_slice(body) {
        Ok(value) => Ok(value),
        Err(_) => Err(blame::<T>(body)),
    }
}

#[cold]
fn not_an_object(body: &[u8]) -> Problem {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Problem::detailed(EdgeCode::MalformedJson, "the body is empty; a JSON object is expected");
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => Problem::detailed(EdgeCode::WrongType, "expected a JSON object"),
        Err(_) => EdgeCode::MalformedJson.into(),
    }
}

#[cold]
fn blame<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return Problem::detailed(EdgeCode::MalformedJson, "something follows the JSON object");
    };
    let path = error.path().to_string();
    let error = error.into_inner();
    if !error.is_data() {
        let place = format!("not JSON at line {}, column {}", error.line(), error.column());
        return Problem::detailed(EdgeCode::MalformedJson, place);
    }
    // serde's own words for the four things that can be wrong with an object; nothing of the value is
    // repeated, it may be a password.
    let message = error.to_string();
    let within = |name: &str| match path.as_str() {
        "." => name.to_owned(),
        parent if parent == name || parent.ends_with(&format!(".{name}")) => parent.to_owned(),
        parent => format!("{parent}.{name}"),
    };
    if let Some(name) = between(&message, "missing field `", "`") {
        return Problem::field(EdgeCode::MissingField, within(name), "this field is required");
    }
    if let Some(name) = between(&message, "duplicate field `", "`") {
        return Problem::field(EdgeCode::DuplicateField, within(name), "this field is given twice");
    }
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (name, known) = rest.rsplit_once("`, expected ").unwrap_or((rest, ""));
        // The names of the known fields follow the unknown one, so what the caller made up is cut off.
        let (name, known) = match name.split_once("`, expected ") {
            Some((name, more)) => (name.to_owned(), format!("{more}`, {known}")),
            None => (name.to_owned(), known.to_owned()),
        };
        let known = known.rsplit_once(" at line ").map_or(known.as_str(), |(known, _)| known);
        return Problem::field(EdgeCode::UnknownField, within(&name), format!("known here: {known}"));
    }
    let expected = message
        .rsplit_once(", expected ")
        .map(|(_, expected)| expected.rsplit_once(" at line ").map_or(expected, |(expected, _)| expected));
    let detail = expected.map_or_else(|| "not the value it should be".to_owned(), |what| format!("expected {what}"));
    if path == "." {
        Problem::detailed(EdgeCode::WrongType, detail)
    } else {
        Problem::field(EdgeCode::WrongType, path, detail)
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.split_once(after).map(|(name, _)| name)
}

/// A JSON string, borrowed from the body unless it holds escapes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Str<'a>(Cow<'a, str>);

impl Str<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Something of ours in its text form, for types that are both read and written.
    pub(crate) fn shown(value: &impl fmt::Display) -> Str<'static> {
        Str(Cow::Owned(value.to_string()))
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Serialize for Str<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A secret in a request: read, never written, never shown.
#[derive(Clone)]
pub(crate) struct Secret<'a>(Str<'a>);

impl Secret<'_> {
    pub(crate) fn reveal(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Secret<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Str::deserialize(deserializer).map(Self)
    }
}

/// Written as nothing: what a request's digest is made of must not tell a password.
impl Serialize for Secret<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(******)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        deep: u8,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Ask<'a> {
        #[serde(borrow)]
        name: Str<'a>,
        count: u32,
        inner: Option<Inner>,
    }

    fn refusal(body: &[u8]) -> (&'static str, Option<String>) {
        let problem = parse::<Ask<'_>>(body).err().expect("refused");
        assert_eq!(problem.status(), 400);
        (problem.code(), problem.field_name().map(str::to_owned))
    }

    #[test]
    fn the_field_to_blame_is_named() {
        let deep = format!("{{\"name\":{}1{},\"count\":1}}", "[".repeat(10_000), "]".repeat(10_000));
        let deeper = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (body, code, field) in [
            ("", "malformed_json", None),
            ("  \n", "malformed_json", None),
            ("{", "malformed_json", None),
            ("nul", "malformed_json", None),
            ("{\"name\":\"a\",\"count\":1} {}", "malformed_json", None),
            ("{\"name\":\"a\",\"count\":1,}", "malformed_json", None),
            ("{name:\"a\"}", "malformed_json", None),
            ("{\"name\":\"\\ud800\",\"count\":1}", "malformed_json", None),
            ("{\"name\":\"a\nb\",\"count\":1}", "malformed_json", None),
            ("\u{FEFF}{}", "malformed_json", None),
            ("null", "wrong_type", None),
            ("[1]", "wrong_type", None),
            ("\"text\"", "wrong_type", None),
            ("[\"a\",1,null]", "wrong_type", None),
            (&deeper, "wrong_type", None),
            (&deep, "wrong_type", Some("name")),
            ("{}", "missing_field", Some("name")),
            ("{\"name\":\"a\"}", "missing_field", Some("count")),
            ("{\"name\":5,\"count\":1}", "wrong_type", Some("name")),
            ("{\"name\":null,\"count\":1}", "wrong_type", Some("name")),
            ("{\"name\":\"a\",\"count\":\"1\"}", "wrong_type", Some("count")),
            ("{\"name\":\"a\",\"count\":-1}", "wrong_type", Some("count")),
            ("{\"name\":\"a\",\"count\":1.5}", "wrong_type", Some("count")),
            ("{\"name\":\"a\",\"count\":4294967296}", "wrong_type", Some("count")),
            ("{\"name\":\"a\",\"count\":1,\"more\":1}", "unknown_field", Some("more")),
            ("{\"name\":\"a\",\"name\":\"b\",\"count\":1}", "duplicate_field", Some("name")),
            ("{\"name\":\"a\",\"count\":1,\"inner\":{\"deep\":\"x\"}}", "wrong_type", Some("inner.deep")),
            ("{\"name\":\"a\",\"count\":1,\"inner\":{}}", "missing_field", Some("inner.deep")),
            ("{\"name\":\"a\",\"count\":1,\"inner\":{\"wide\":1}}", "unknown_field", Some("inner.wide")),
            ("{\"name\":\"a\",\"count\":1,\"inner\":{\"deep\":1,\"deep\":1}}", "duplicate_field", Some("inner.deep")),
        ] {
            let shown: String = body.chars().take(80).collect();
            assert_eq!(refusal(body.as_bytes()), (code, field.map(str::to_owned)), "{shown}");
        }
        assert_eq!(refusal(b"{\"name\":\"\xff\",\"count\":1}").0, "malformed_json");
    }

    #[test]
    fn made_up_field_names_do_no_harm() {
        let body = "{\"name\":\"a\",\"count\":1,\"x`, expected <b>\\u202e`\":1}";
        let (code, field) = refusal(body.as_bytes());
        assert_eq!(code, "unknown_field");
        assert!(field.expect("a field").is_ascii());
    }

    #[test]
    fn values_are_never_repeated() {
        let problem = parse::<Ask<'_>>(b"{\"name\":908172,\"count\":1}").err().expect("refused");
        assert!(!format!("{problem:?}").contains("908172"));
    }

    #[test]
    fn strings_are_borrowed_unless_escaped() {
        let plain = Str::deserialize(&mut serde_json::Deserializer::from_slice(b"\"abc\"")).expect("text");
        assert!(matches!(plain.0, Cow::Borrowed("abc")));
        let escaped = Str::deserialize(&mut serde_json::Deserializer::from_slice(b"\"a\\u0062c\"")).expect("text");
        assert_eq!(escaped.as_str(), "abc");
    }
}
