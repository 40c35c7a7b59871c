//! An XML document as a tree of elements, read within bounds. Of XML only elements, attributes, text, CDATA, comments
//! (passed over), the five predefined entities and references to characters are understood.

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

/// Elements inside each other at most.
const DEPTH_MAX: usize = 16;
/// Elements of one document at most.
const ELEMENTS_MAX: usize = 2_048;
/// Attributes of one element at most, declarations of namespaces among them.
const ATTRIBUTES_MAX: usize = 24;
/// Bytes of a name at most, its prefix included.
const NAME_BYTES_MAX: usize = 128;
/// Bytes of one attribute's value at most.
const ATTRIBUTE_BYTES_MAX: usize = 512;
/// Bytes of the text of one element at most.
const TEXT_BYTES_MAX: usize = 8_192;
/// What may stand in front of a document in UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Why bytes are no document that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotXml {
    /// Not UTF-8, or said to be in another encoding.
    #[error("only UTF-8 is read here")]
    Encoding,
    /// It declares a document type.
    #[error("a document type may not be declared")]
    DocumentType,
    /// It refers to an entity that it would have to declare.
    #[error("only the five predefined entities may be used")]
    Entity,
    /// It has a processing instruction.
    #[error("processing instructions are not read")]
    Instruction,
    /// More of something than is read.
    #[error("more than {0}")]
    TooMuch(&'static str),
    /// It is not well-formed.
    #[error("not well-formed: {0}")]
    Malformed(String),
}

/// One element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    /// The namespace; empty for none.
    pub(crate) namespace: String,
    /// The name without its prefix.
    pub(crate) name: String,
    /// Namespace (empty for none), name and value; without declarations of namespaces.
    pub(crate) attributes: Vec<(String, String, String)>,
    /// What is in it, in order.
    pub(crate) children: Vec<Element>,
    /// The text directly in it, in one piece.
    pub(crate) text: String,
}

impl Element {
    /// The children with this name, in whatever namespace.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first of them.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Its text without white space around it; `None` when that is empty.
    pub(crate) fn word(&self) -> Option<&str> {
        let text = self.text.trim_matches([' ', '\t', '\r', '\n']);
        (!text.is_empty()).then_some(text)
    }

    /// An attribute's value.
    pub(crate) fn attribute(&self, namespace: &str, name: &str) -> Option<&str> {
        let mut all = self.attributes.iter();
        all.find(|(space, known, _)| space == namespace && known == name).map(|(_, _, value)| value.as_str())
    }
}

/// Reads a whole document.
///
/// # Errors
/// See [`NotXml`]; what is refused has had no effect.
pub(crate) fn read(bytes: &[u8]) -> Result<Element, NotXml> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotXml::Encoding)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut reading = Reading { open: Vec::new(), root: None, elements: 0, begun: false };
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(malformed)?;
        let begun = std::mem::replace(&mut reading.begun, true);
        match event {
            Event::Decl(declared) if begun => {
                return Err(NotXml::Malformed(format!("{} again", declared_name(&declared))));
            }
            Event::Decl(declared) => declaration(&declared)?,
            Event::Start(start) => {
                let element = reading.element(namespace_of(namespace)?, &start, &reader)?;
                reading.open.push(element);
            }
            Event::Empty(start) => {
                let element = reading.element(namespace_of(namespace)?, &start, &reader)?;
                reading.close(element)?;
            }
            // That the names match is for the reader to see.
            Event::End(_) => match reading.open.pop() {
                Some(element) => reading.close(element)?,
                None => return Err(NotXml::Malformed("an end without a beginning".into())),
            },
            Event::Text(text) => reading.text(&text.xml10_content())?,
            Event::CData(text) => {
                if reading.open.is_empty() {
                    return Err(NotXml::Malformed("text outside of the document".into()));
                }
                reading.text(&text.xml10_content())?;
            }
            Event::GeneralRef(reference) => {
                if reading.open.is_empty() {
                    return Err(NotXml::Malformed("text outside of the document".into()));
                }
                reading.text(referred(&reference)?.encode_utf8(&mut [0; 4]))?;
            }
            Event::Comment(_) => {}
            Event::DocType(_) => return Err(NotXml::DocumentType),
            Event::PI(_) => return Err(NotXml::Instruction),
            Event::Eof => break,
        }
    }
    match reading.root {
        Some(root) if reading.open.is_empty() => Ok(root),
        _ => Err(NotXml::Malformed("it ends before it is whole".into())),
    }
}

/// What has been read so far.
struct Reading {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
    begun: bool,
}

impl Reading {
    fn element(
        &mut self,
        namespace: String,
        start: &BytesStart<'_>,
        reader: &NsReader<&[u8]>,
    ) -> Result<Element, NotXml> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(NotXml::TooMuch("2048 elements"));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(NotXml::TooMuch("16 elements inside each other"));
        }
        let name = local(start.name())?;
        let mut attributes = Vec::new();
        for (count, attribute) in start.attributes().enumerate() {
            if count >= ATTRIBUTES_MAX {
                return Err(NotXml::TooMuch("24 attributes"));
            }
            let attribute = attribute.map_err(malformed)?;
            if attribute.value.len() > ATTRIBUTE_BYTES_MAX {
                return Err(NotXml::TooMuch("512 bytes of an attribute"));
            }
            if attribute.value.contains('<') {
                return Err(NotXml::Malformed("< in an attribute".into()));
            }
            // Without entities of its own nothing grows here.
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| NotXml::Entity)?;
            is_text(&value)?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (space, _) = reader.resolver().resolve_attribute(attribute.key);
            attributes.push((namespace_of(space)?, local(attribute.key)?, value.into_owned()));
        }
        Ok(Element { namespace, name, attributes, children: Vec::new(), text: String::new() })
    }

    fn close(&mut self, element: Element) -> Result<(), NotXml> {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.root.is_none() => self.root = Some(element),
            None => return Err(NotXml::Malformed("a second document".into())),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), NotXml> {
        is_text(text)?;
        let Some(element) = self.open.last_mut() else {
            let blank = text.bytes().all(|byte| byte.is_ascii_whitespace());
            return if blank { Ok(()) } else { Err(NotXml::Malformed("text outside of the document".into())) };
        };
        if element.text.len() + text.len() > TEXT_BYTES_MAX {
            return Err(NotXml::TooMuch("8192 bytes of text"));
        }
        element.text.push_str(text);
        Ok(())
    }
}

fn malformed(error: impl std::fmt::Display) -> NotXml {
    // What the reader says may repeat what it read.
    NotXml::Malformed(error.to_string().chars().filter(|c| !c.is_control()).take(120).collect())
}

fn declared_name(_: &BytesDecl<'_>) -> &'static str {
    "the declaration"
}

fn declaration(declared: &BytesDecl<'_>) -> Result<(), NotXml> {
    if declared.version().map_err(malformed)? != "1.0" {
        return Err(NotXml::Malformed("only version 1.0 is read".into()));
    }
    match declared.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if ["utf-8", "utf8", "us-ascii"].contains(&encoding.to_ascii_lowercase().as_str()) => Ok(()),
        Some(_) => Err(NotXml::Encoding),
    }
}

fn namespace_of(resolved: ResolveResult<'_>) -> Result<String, NotXml> {
    match resolved {
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Bound(namespace) => Ok(namespace.as_ref().to_owned()),
        ResolveResult::Unknown(prefix) => Err(malformed(format!("the prefix {prefix} is not declared"))),
    }
}

fn local(name: QName<'_>) -> Result<String, NotXml> {
    let whole: &str = name.as_ref();
    if whole.len() > NAME_BYTES_MAX {
        return Err(NotXml::TooMuch("128 bytes of a name"));
    }
    let (local, prefix) = name.decompose();
    let is_name = |text: &str| {
        let mut characters = text.chars();
        let begins = |c: char| c.is_alphabetic() || c == '_';
        characters.next().is_some_and(begins) && characters.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let local: &str = local.as_ref();
    if !is_name(local) || prefix.is_some_and(|prefix| !is_name(prefix.as_ref())) {
        return Err(NotXml::Malformed("a name that is none".into()));
    }
    Ok(local.to_owned())
}

fn referred(reference: &BytesRef<'_>) -> Result<char, NotXml> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| NotXml::Entity)? {
        return Ok(character);
    }
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(NotXml::Entity),
    }
}

/// Only characters that XML 1.0 knows.
fn is_text(text: &str) -> Result<(), NotXml> {
    if text.chars().all(super::written::is_character) {
        Ok(())
    } else {
        Err(NotXml::Malformed("a character that has no place in XML".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> NotXml {
        read(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn elements_attributes_and_text_are_read() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- x --><a:b xmlns:a='urn:a' xmlns='urn:d' a:k='1 &lt; 2' l='z'>\
                    x&amp;y<![CDATA[<&>]]>&#x4e2d;&#65; <c/><d xmlns=''> 7\n</d></a:b>\n";
        let root = read(text.as_bytes()).expect("a document");
        assert_eq!((root.namespace.as_str(), root.name.as_str()), ("urn:a", "b"));
        assert_eq!(root.word(), Some("x&y<&>中A"));
        assert_eq!(root.attribute("urn:a", "k"), Some("1 < 2"));
        assert_eq!(root.attribute("", "l"), Some("z"));
        assert_eq!(root.child("c").map(|c| c.namespace.as_str()), Some("urn:d"));
        let d = root.named("d").next().expect("d");
        assert_eq!((d.namespace.as_str(), d.word()), ("", Some("7")));
        assert_eq!(root.child("c").expect("c").word(), None);
    }

    #[test]
    fn what_could_grow_fetch_or_run_is_refused_by_name() {
        let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><l>&b;</l>";
        assert_eq!(refused(laughs), NotXml::DocumentType);
        assert_eq!(refused("<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>"), NotXml::DocumentType);
        assert_eq!(refused("<l>&b;</l>"), NotXml::Entity);
        assert_eq!(refused("<l k='&b;'/>"), NotXml::Entity);
        assert_eq!(refused("<l>&#xd800;</l>"), NotXml::Entity);
        assert_eq!(refused("<?php x?><l/>"), NotXml::Instruction);
        assert_eq!(refused("<?xml version='1.0' encoding='GB18030'?><l/>"), NotXml::Encoding);
        assert_eq!(read(b"<l>\xd6\xd0</l>"), Err(NotXml::Encoding));
        assert_eq!(read(b"\xff\xfe<\0l\0/\0>\0"), Err(NotXml::Encoding));
    }

    #[test]
    fn every_bound_holds_at_its_edge() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(read(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(refused(&nested(DEPTH_MAX + 1)), NotXml::TooMuch("16 elements inside each other"));
        assert!(matches!(refused(&"<a>".repeat(100_000)), NotXml::TooMuch(_)));
        let many = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
        assert!(read(many(ELEMENTS_MAX).as_bytes()).is_ok());
        assert_eq!(refused(&many(ELEMENTS_MAX + 1)), NotXml::TooMuch("2048 elements"));
        let attributes = |count: usize| {
            let all: String = (0..count).map(|k| format!(" k{k}='v'")).collect();
            format!("<a{all}/>")
        };
        assert!(read(attributes(ATTRIBUTES_MAX).as_bytes()).is_ok());
        assert_eq!(refused(&attributes(ATTRIBUTES_MAX + 1)), NotXml::TooMuch("24 attributes"));
        let value = |bytes: usize| format!("<a k='{}'/>", "v".repeat(bytes));
        assert!(read(value(ATTRIBUTE_BYTES_MAX).as_bytes()).is_ok());
        assert_eq!(refused(&value(ATTRIBUTE_BYTES_MAX + 1)), NotXml::TooMuch("512 bytes of an attribute"));
        let text = |bytes: usize| format!("<a>{}</a>", "v".repeat(bytes));
        assert!(read(text(TEXT_BYTES_MAX).as_bytes()).is_ok());
        assert_eq!(refused(&text(TEXT_BYTES_MAX + 1)), NotXml::TooMuch("8192 bytes of text"));
        let name = |bytes: usize| format!("<{}/>", "n".repeat(bytes));
        assert!(read(name(NAME_BYTES_MAX).as_bytes()).is_ok());
        assert_eq!(refused(&name(NAME_BYTES_MAX + 1)), NotXml::TooMuch("128 bytes of a name"));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "",
            " ",
            "x",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a/>&amp;",
            "<![CDATA[x]]><a/>",
            "<x:a/>",
            "<a x:k='1'/>",
            "<a k='1' k='2'/>",
            "<a k='<'/>",
            "<a k=1/>",
            "<a>\u{1}</a>",
            "<a>&#1;</a>",
            "<1a/>",
            "<a>& </a>",
            "<?xml version='1.1'?><a/>",
            "<a/><?xml version='1.0'?>",
            "<a><!-- -- --></a>",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
