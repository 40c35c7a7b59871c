//! Forms of what a request may hold, said in the OpenAPI document so exactly that a program can tell a good value
//! from a bad one before it asks.
//!
//! They follow from what each field already says of itself, so that none can be forgotten: an example that is an
//! identity, a number, an amount or a province stands for all of them; words in backticks, when the example is one
//! of them, are all that there are; `A to B` in the description of a whole number are its bounds.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mpss_domain::{Msisdn, ProvinceId};
use serde_json::Value;
use utoipa::Number;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi as Document, RefOr};

/// A subscriber number with what may stand in front of it.
const MSISDN: &str = "^(tel:)?([+]86)?(86)?1[0-9]{10}$";
/// Yuan with at most two places, up to ten million.
const AMOUNT: &str = "^((0|[1-9][0-9]{0,6})([.][0-9]{1,2})?|10000000([.]0{1,2})?)$";
/// What people read: nothing around it that can not be seen, no control character. What else may not be in it,
/// such as what turns the direction of writing, no pattern says in a way that can be read.
const TEXT: &str = r"^\S([^\x00-\x1f\x7f-\x9f]*\S)?$";

/// An identity but for its letter: a moment from 2020 on, a province, a serial number.
static IDENTITY: LazyLock<String> = LazyLock::new(|| {
    const DAY: &str = "((0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])(29|30)|(0[13578]|1[02])31)";
    const LEAP_DAY: &str = "20([2468][048]|[357][26])0229";
    const TIME: &str = "([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9][0-9]{3}";
    const SERIAL: &str = "([0-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
    let provinces = provinces().join("|");
    format!("(20([2-7][0-9]|8[0-8]){DAY}|{LEAP_DAY}){TIME}-({provinces})-{SERIAL}$")
});

/// The two-digit codes of all provinces, that of the national platform first.
fn provinces() -> Vec<String> {
    let codes = std::iter::once(0).chain(ProvinceId::ALL);
    codes.map(|code| format!("{code:02}")).collect()
}

/// Says the forms of every parameter, and of every field that a body may hold.
pub(super) fn say(document: &mut Document) {
    let mut asked = BTreeSet::new();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.parameters.iter_mut().flatten().for_each(|parameter| {
                if let RefOr::T(parameter) = parameter {
                    of_parameter(parameter);
                }
            });
            let content = operation.request_body.iter().flat_map(|body| match body {
                RefOr::T(body) => body.content.values().collect(),
                RefOr::Ref(_) => Vec::new(),
            });
            for content in content {
                if let RefOr::T(content) = content
                    && let Some(schema) = &content.schema
                {
                    references(schema, &mut asked);
                }
            }
        }
    }
    let Some(components) = &mut document.components else { return };
    let mut open: Vec<String> = asked.iter().cloned().collect();
    while let Some(name) = open.pop() {
        let Some(schema) = components.schemas.get_mut(&name) else { continue };
        let mut inner = BTreeSet::new();
        references(schema, &mut inner);
        open.extend(inner.into_iter().filter(|name| asked.insert(name.clone())));
        if let RefOr::T(Schema::Object(object)) = schema {
            for field in object.properties.values_mut() {
                if let RefOr::T(Schema::Object(field)) = field {
                    let description = field.description.clone().unwrap_or_default();
                    let example = field.example.clone();
                    of_value(field, &description, example.as_ref());
                }
            }
        }
    }
}

/// The names of the schemas that this one mentions.
fn references(schema: &RefOr<Schema>, into: &mut BTreeSet<String>) {
    match schema {
        RefOr::Ref(reference) => {
            into.extend(reference.ref_location.rsplit('/').next().map(str::to_owned));
        }
        RefOr::T(Schema::Object(object)) => object.properties.values().for_each(|field| references(field, into)),
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &array.items {
                references(items, into);
            }
        }
        RefOr::T(Schema::OneOf(any)) => any.items.iter().for_each(|item| references(item, into)),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().for_each(|item| references(item, into)),
        RefOr::T(Schema::AnyOf(any)) => any.items.iter().for_each(|item| references(item, into)),
        RefOr::T(_) => {}
    }
}

fn of_parameter(parameter: &mut Parameter) {
    let description = parameter.description.clone().unwrap_or_default();
    // The library writes a parameter's example and does not show it.
    let written = serde_json::to_value(&*parameter).expect("a parameter can be written as JSON");
    let example = written.get("example").cloned();
    if let Some(RefOr::T(Schema::Object(value))) = &mut parameter.schema {
        of_value(value, &description, example.as_ref());
    }
}

/// Says the form of one value.
fn of_value(value: &mut Object, description: &str, example: Option<&Value>) {
    if is(value, &Type::Integer) {
        if let Some((least, most)) = bounds(description) {
            (value.minimum, value.maximum) = (Some(Number::UInt(least)), Some(Number::UInt(most)));
        }
        return;
    }
    if !is(value, &Type::String) || value.pattern.is_some() || value.enum_values.is_some() {
        return;
    }
    let example = example.and_then(Value::as_str).unwrap_or_default();
    let words: Vec<&str> = description.split('`').skip(1).step_by(2).collect();
    if words.contains(&example) {
        of_words(value, words.into_iter().map(str::to_owned));
    } else if example.len() == 2 && example.parse::<ProvinceId>().is_ok() {
        of_words(value, provinces().into_iter());
    } else if example.len() == 11 && example.parse::<Msisdn>().is_ok() {
        value.pattern = Some(MSISDN.to_owned());
    } else if is_amount(example) {
        value.pattern = Some(AMOUNT.to_owned());
    } else if is_identity(example) {
        value.pattern = Some(format!("^{}{}", &example[..1], *IDENTITY));
    } else if value.max_length.is_some() && value.format.is_none() {
        value.min_length = Some(1);
        value.pattern = Some(TEXT.to_owned());
    }
}

fn of_words(value: &mut Object, words: impl Iterator<Item = String>) {
    let none = matches!(&value.schema_type, SchemaType::Array(types) if types.contains(&Type::Null));
    value.enum_values = Some(words.map(Value::String).chain(none.then_some(Value::Null)).collect());
}

fn is(value: &Object, kind: &Type) -> bool {
    match &value.schema_type {
        SchemaType::Type(only) => only == kind,
        SchemaType::Array(types) => types.contains(kind),
        SchemaType::AnyValue => false,
    }
}

fn is_amount(example: &str) -> bool {
    let digits = |part: &str, most: usize| (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    example.split_once('.').is_some_and(|(yuan, fen)| digits(yuan, 8) && fen.len() == 2 && digits(fen, 2))
}

fn is_identity(example: &str) -> bool {
    example.len() == 27 && example.is_ascii() && example.as_bytes()[18] == b'-' && example.as_bytes()[21] == b'-'
}

/// `A to B` in a description.
fn bounds(description: &str) -> Option<(usize, usize)> {
    let words: Vec<&str> = description.split([' ', ';', ',', '.']).collect();
    words.windows(3).find_map(|three| match three {
        [least, "to", most] => Some((least.parse().ok()?, most.parse().ok()?)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_from_words() {
        assert_eq!(bounds("Texts shown, 1 to 500; 100 when not given"), Some((1, 500)));
        assert_eq!(bounds("Written to the log"), None);
    }

    #[test]
    fn an_example_tells_the_form() {
        let text = || Object::with_type(Type::String);
        let formed = |description: &str, example: &str| {
            let mut value = text();
            of_value(&mut value, description, Some(&Value::from(example)));
            (value.pattern, value.enum_values.map(|words| words.len()))
        };
        assert_eq!(formed("Who", "18912345678"), (Some(MSISDN.to_owned()), None));
        assert_eq!(formed("How much", "86.50"), (Some(AMOUNT.to_owned()), None));
        assert_eq!(formed("Where", "44"), (None, Some(ProvinceId::ALL.len() + 1)));
        assert_eq!(formed("`agree` or `refuse`", "agree"), (None, Some(2)));
        assert_eq!(formed("Anything", "2026-a"), (None, None));
        let (pattern, _) = formed("What", "G20260101120000000-44-00001");
        assert!(pattern.is_some_and(|pattern| pattern.starts_with("^G(20([2-7]")));
    }
}
