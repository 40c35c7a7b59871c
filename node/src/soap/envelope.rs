//! The envelope of SOAP 1.1: headers in front, one element in the body.

use super::document::{Element, NotXml, read};
use super::written::Written;

/// The namespace of SOAP 1.1.
pub(crate) const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// What stands in the header, in order.
    pub(crate) headers: Vec<Element>,
    /// The one element of the body.
    pub(crate) body: Element,
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSoap {
    /// It is no XML that is read here.
    #[error(transparent)]
    Xml(#[from] NotXml),
    /// It is of another version of SOAP.
    #[error("only SOAP 1.1 is spoken here")]
    Version,
    /// It is no envelope with one element in its body.
    #[error("{0}")]
    Shape(&'static str),
}

impl Envelope {
    /// Reads a message.
    ///
    /// # Errors
    /// See [`NotSoap`].
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, NotSoap> {
        let root = read(bytes)?;
        if root.name != "Envelope" {
            return Err(NotSoap::Shape("the document is no Envelope"));
        }
        if root.namespace != ENVELOPE {
            return Err(NotSoap::Version);
        }
        let mut headers = Vec::new();
        let mut body = None;
        for (place, part) in root.children.into_iter().enumerate() {
            match part.name.as_str() {
                _ if part.namespace != ENVELOPE || body.is_some() => {
                    return Err(NotSoap::Shape("only a Header and a Body may stand in the Envelope"));
                }
                "Header" if place == 0 => headers = part.children,
                "Body" => body = Some(part.children),
                _ => return Err(NotSoap::Shape("only a Header and a Body may stand in the Envelope")),
            }
        }
        let mut body = body.ok_or(NotSoap::Shape("the Envelope has no Body"))?.into_iter();
        match (body.next(), body.next()) {
            (Some(body), None) => Ok(Self { headers, body }),
            _ => Err(NotSoap::Shape("one element must stand in the Body")),
        }
    }

    /// A header that must be understood and is none of `known`.
    pub(crate) fn not_understood(&self, known: &[&str]) -> Option<&Element> {
        self.headers.iter().find(|header| {
            let must = header.attribute(ENVELOPE, "mustUnderstand").is_some_and(|must| matches!(must, "1" | "true"));
            must && !known.contains(&header.name.as_str())
        })
    }
}

/// A message with what `header` and `body` write.
pub(crate) fn in_envelope(header: Option<&dyn Fn(&mut Written)>, body: impl FnOnce(&mut Written)) -> String {
    Written::document(|root| {
        root.element("soapenv:Envelope", &[("xmlns:soapenv", ENVELOPE)], |envelope| {
            if let Some(header) = header {
                envelope.element("soapenv:Header", &[], |inside| header(inside));
            }
            envelope.element("soapenv:Body", &[], body);
        });
    })
}

/// A fault: its code, its text, and what `detail` writes.
pub(crate) fn fault_of(code: &str, text: &str, detail: impl FnOnce(&mut Written)) -> String {
    in_envelope(None, |body| {
        body.element("soapenv:Fault", &[], |fault| {
            fault.leaf("faultcode", code);
            fault.leaf("faultstring", text);
            detail(fault);
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(inside: &str) -> String {
        format!("<s:Envelope xmlns:s='{ENVELOPE}'>{inside}</s:Envelope>")
    }

    #[test]
    fn a_message_has_headers_and_one_body() {
        let text = envelope("<s:Header><h s:mustUnderstand='1'/><k/></s:Header><s:Body><b><c>7</c></b></s:Body>");
        let read = Envelope::read(text.as_bytes()).expect("a message");
        assert_eq!((read.headers.len(), read.body.name.as_str()), (2, "b"));
        assert_eq!(read.not_understood(&["k"]).map(|header| header.name.as_str()), Some("h"));
        assert_eq!(read.not_understood(&["h"]), None);
        assert!(Envelope::read(envelope("<s:Body><b/></s:Body>").as_bytes()).is_ok(), "headers are not needed");
    }

    #[test]
    fn what_is_no_message_is_told_from_another_version() {
        let newer = "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body><b/></s:Body></s:Envelope>";
        assert_eq!(Envelope::read(newer.as_bytes()), Err(NotSoap::Version));
        assert!(matches!(Envelope::read(b"<a/>"), Err(NotSoap::Shape(_))));
        for inside in [
            "",
            "<s:Body/>",
            "<s:Header/>",
            "<s:Body><a/><b/></s:Body>",
            "<s:Body><a/></s:Body><s:Body><a/></s:Body>",
            "<s:Body><a/></s:Body><s:Header/>",
            "<Body><a/></Body>",
            "<s:Header/><s:Header/><s:Body><a/></s:Body>",
        ] {
            assert!(matches!(Envelope::read(envelope(inside).as_bytes()), Err(NotSoap::Shape(_))), "{inside}");
        }
    }
}
