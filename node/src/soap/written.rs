//! XML as it is written: well-formed by construction, every text escaped.

/// What stands in front of every document.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Has XML 1.0 a place for this character?
pub(super) const fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// A document that is being written.
#[derive(Debug)]
pub(crate) struct Written(String);

impl Written {
    /// A document; `root` writes its one element.
    pub(crate) fn document(root: impl FnOnce(&mut Self)) -> String {
        let mut written = Self(DECLARATION.to_owned());
        root(&mut written);
        written.0.push('\n');
        written.0
    }

    /// An element, its attributes, and what `inside` writes into it.
    pub(crate) fn element(&mut self, name: &str, attributes: &[(&str, &str)], inside: impl FnOnce(&mut Self)) {
        self.begin(name, attributes);
        let bare = self.0.len();
        self.0.push('>');
        let empty = self.0.len();
        inside(self);
        if self.0.len() == empty {
            self.0.truncate(bare);
            self.0.push_str("/>");
        } else {
            self.0.push_str("</");
            self.0.push_str(name);
            self.0.push('>');
        }
    }

    /// An element with nothing in it.
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.element(name, attributes, |_| {});
    }

    /// An element with a text in it.
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.element(name, &[], |inside| inside.text(text));
    }

    /// An element with a text in it, when there is one.
    pub(crate) fn leaf_of(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// A text. What XML has no place for is written as `U+FFFD`.
    pub(crate) fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                // As such they would be read as a line feed, or in attributes as a blank.
                '\r' => self.0.push_str("&#13;"),
                c if is_character(c) => self.0.push(c),
                _ => self.0.push('\u{fffd}'),
            }
        }
    }

    fn begin(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.text(value);
            self.0.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "a<b>&\"'\r\n中\u{1}\u{fffe}";
        let document = Written::document(|root| {
            root.element("a", &[("k", text)], |inside| {
                inside.leaf("b", text);
                inside.leaf_of("c", None);
                inside.empty("d", &[]);
            });
        });
        assert!(document.ends_with("<d/></a>\n"), "{document}");
        let read = read(document.as_bytes()).expect("well-formed");
        assert_eq!(read.child("b").map(|b| b.text.as_str()), Some("a<b>&\"'\r\n中\u{fffd}\u{fffd}"));
        // White space in attributes is normalised by whoever reads them.
        assert_eq!(read.attribute("", "k"), Some("a<b>&\"'\r 中\u{fffd}\u{fffd}"));
        assert_eq!(read.children.len(), 2);
    }
}
