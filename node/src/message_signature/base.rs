//! The signature base (RFC 9421, 2.5): the text that is signed, made of the parts of a message.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use sfv::{BareItem, FieldType as _, InnerList, Item, List, ListEntry};

use super::fault::Fault;

/// Largest text that is signed, in bytes.
const BASE_BYTES_MAX: usize = 16 << 10;

/// A request, as far as it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// `GET` or `POST`, say.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Whom it was sent to: host, and port unless it is the scheme's own.
    pub authority: &'a str,
    /// Path, as it was sent.
    pub path: &'a str,
    /// Query without `?`, as it was sent; nothing when there was none.
    pub query: Option<&'a str>,
    /// Its headers.
    pub headers: &'a HeaderMap,
}

impl Message<'_> {
    /// The text that is signed when these components are, with these parameters.
    pub(super) fn base(&self, input: &InnerList) -> Result<String, Fault> {
        let mut base = String::new();
        for (place, item) in input.items.iter().enumerate() {
            let BareItem::String(name) = &item.bare_item else {
                return Err(Fault::Malformed("a covered component is no string"));
            };
            if !item.params.is_empty() {
                return Err(Fault::Malformed("parameters of covered components are not known here"));
            }
            if input.items[..place].iter().any(|earlier| earlier.bare_item == item.bare_item) {
                return Err(Fault::Malformed("a component is covered twice"));
            }
            let value = self.component(name.as_str())?;
            writeln!(base, "\"{}\": {value}", name.as_str()).expect("strings take text");
            if base.len() > BASE_BYTES_MAX {
                return Err(Fault::TooLarge);
            }
        }
        write!(base, "\"@signature-params\": {}", written(input)?).expect("strings take text");
        Ok(base)
    }

    fn component(&self, name: &str) -> Result<String, Fault> {
        let authority = || self.authority.to_ascii_lowercase();
        let path = if self.path.is_empty() { "/" } else { self.path };
        let query = || self.query.map_or_else(String::new, |query| format!("?{query}"));
        Ok(match name {
            "@method" => self.method.to_owned(),
            "@target-uri" => format!("{}://{}{path}{}", self.scheme, authority(), query()),
            "@authority" => authority(),
            "@scheme" => self.scheme.to_owned(),
            "@request-target" => format!("{path}{}", query()),
            "@path" => path.to_owned(),
            "@query" => format!("?{}", self.query.unwrap_or_default()),
            derived if derived.starts_with('@') => {
                return Err(Fault::Malformed("a derived component is not known here"));
            }
            header if header.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                return Err(Fault::Malformed("a covered header is not in lower case"));
            }
            header => self.header(header)?,
        })
    }

    /// All values of a header, as RFC 9421, 2.1 combines them.
    fn header(&self, name: &str) -> Result<String, Fault> {
        let mut combined: Option<String> = None;
        for value in self.headers.get_all(name) {
            let text = value.to_str().map_err(|_| Fault::Malformed("a covered header is not ASCII"))?.trim();
            match &mut combined {
                Some(combined) => {
                    combined.push_str(", ");
                    combined.push_str(text);
                }
                None => combined = Some(text.to_owned()),
            }
        }
        combined.ok_or(match name {
            super::CONTENT_DIGEST => Fault::DigestMissing,
            "content-type" => Fault::Incomplete("content-type"),
            "idempotency-key" => Fault::Incomplete("idempotency-key"),
            _ => Fault::Malformed("a covered header is not there"),
        })
    }
}

/// An inner list as it is written strictly, whatever spaces it came with.
pub(super) fn written(list: &InnerList) -> Result<String, Fault> {
    let list: List = vec![ListEntry::InnerList(list.clone())];
    list.serialize().ok_or(Fault::Malformed("Signature-Input can not be written"))
}

/// A component of this name.
pub(super) fn component(name: &str) -> Item {
    let name = sfv::String::from_string(name.to_owned()).expect("components are named in ASCII");
    Item::new(BareItem::String(name))
}
