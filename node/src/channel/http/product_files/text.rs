//! A file of goods as text: its encoding, its header, its lines.
//!
//! No field holds a line break, so a line of the file is a record, and a quote that is never closed spoils its own line
//! alone.

use encoding_rs::{Encoding, GB18030, GBK, UTF_8};

use crate::intake::{EdgeCode, Problem};

/// Lines of one file at most, the header not counted.
pub(super) const LINES_MAX: usize = 10_000;

/// What a column holds. A file has each at most once, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Reference,
    SpId,
    Title,
    Application,
    Scope,
    Price,
    DeliveryDeadlineMs,
}

impl Column {
    pub(super) const ALL: [Self; 7] = [
        Self::Reference,
        Self::SpId,
        Self::Title,
        Self::Application,
        Self::Scope,
        Self::Price,
        Self::DeliveryDeadlineMs,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::SpId => "sp_id",
            Self::Title => "title",
            Self::Application => "application",
            Self::Scope => "scope",
            Self::Price => "price",
            Self::DeliveryDeadlineMs => "delivery_deadline_ms",
        }
    }
}

/// What the first line of a file says of the others.
#[derive(Debug)]
pub(super) struct Header {
    /// Where each column is, in the order of [`Column::ALL`].
    places: [Option<usize>; 7],
    columns: usize,
}

/// One line, cut into its fields.
#[derive(Debug)]
pub(super) struct Row {
    fields: csv::StringRecord,
}

/// The file as text. What can not be read as the encoding says becomes U+FFFD, which no field may hold, so that it is
/// refused by the line it stands in.
///
/// # Errors
/// [`EdgeCode::UnsupportedMediaType`] for an encoding that is not understood.
pub(super) fn decode(content_type: &str, bytes: &[u8]) -> Result<String, Problem> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
    let mut charset = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let label = charset.next().map_or("utf-8", |(_, label)| label.trim().trim_matches('"'));
    let encoding = Encoding::for_label(label.as_bytes()).filter(|known| [UTF_8, GB18030, GBK].contains(known));
    // What Windows calls ANSI there is GB18030's own first half.
    let Some(encoding) = encoding.map(|known| if known == GBK { GB18030 } else { known }) else {
        let detail = "a file is encoded in UTF-8, or in GB18030 when the charset says so";
        return Err(Problem::field(EdgeCode::UnsupportedMediaType, "content-type", detail));
    };
    // A byte order mark at the beginning goes.
    Ok(encoding.decode(bytes).0.into_owned())
}

/// The lines that are not blank, each with its number in the file, counting from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = (1..).zip(text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)));
    numbered.filter(|(_, line)| !line.trim().is_empty())
}

/// Cuts a line into its fields; nothing when its quotes do not close.
fn cut(line: &str) -> Option<csv::StringRecord> {
    if line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return None;
    }
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).trim(csv::Trim::All).buffer_capacity(line.len().max(1));
    let mut fields = csv::StringRecord::new();
    reader.from_reader(line.as_bytes()).read_record(&mut fields).ok().filter(|read| *read)?;
    Some(fields)
}

impl Header {
    /// Reads the header of a file. The SP's column may be missing when the SP is named beside the file.
    ///
    /// # Errors
    /// A problem of the whole file, which names the column.
    pub(super) fn read(line: Option<&str>, sp_is_given: bool) -> Result<Self, Problem> {
        let refuse = |code, name: &str, detail: String| Err(Problem::field(code, name.to_owned(), detail));
        let Some(fields) = line.and_then(cut) else {
            return refuse(EdgeCode::InvalidText, "body", "the first line names the columns".to_owned());
        };
        let mut places = [None; 7];
        for (place, name) in fields.iter().enumerate() {
            let Some(column) = Column::ALL.iter().position(|known| known.name() == name) else {
                let known = Column::ALL.map(Column::name).join(", ");
                return refuse(EdgeCode::UnknownField, name, format!("known here: {known}"));
            };
            if places[column].replace(place).is_some() {
                return refuse(EdgeCode::DuplicateField, name, "this column is there twice".to_owned());
            }
        }
        let required = Column::ALL.into_iter().filter(|column| match column {
            Column::DeliveryDeadlineMs => false,
            Column::SpId => !sp_is_given,
            _ => true,
        });
        for column in required {
            if places[column as usize].is_none() {
                return refuse(EdgeCode::MissingField, column.name(), "this column is required".to_owned());
            }
        }
        Ok(Self { places, columns: fields.len() })
    }

    /// Cuts a line.
    ///
    /// # Errors
    /// A problem of the line, which blames the line.
    pub(super) fn cut(&self, line: &str) -> Result<Row, Problem> {
        let refuse = |detail: String| Err(Problem::field(EdgeCode::InvalidText, "line", detail));
        let Some(fields) = cut(line) else { return refuse("a quote is not closed".to_owned()) };
        if fields.len() != self.columns {
            return refuse(format!("has {} fields, the header {}", fields.len(), self.columns));
        }
        Ok(Row { fields })
    }

    /// A field of a line; nothing when it is empty, or the file has no such column.
    pub(super) fn field<'a>(&self, row: &'a Row, column: Column) -> Option<&'a str> {
        self.places[column as usize].and_then(|place| row.fields.get(place)).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "price,title,reference,scope,application,sp_id";

    #[test]
    fn columns_come_in_any_order_and_each_once() {
        let header = Header::read(Some(HEADER), false).expect("a header");
        let row = header.cut(r#"1.00,"双色球, ""大奖""", r1 ,local,lottery,"#).expect("a row");
        assert_eq!(header.field(&row, Column::Title), Some("双色球, \"大奖\""));
        assert_eq!(header.field(&row, Column::Price), Some("1.00"));
        assert_eq!(header.field(&row, Column::Reference), Some("r1"));
        assert_eq!(header.field(&row, Column::SpId), None);
        assert_eq!(header.field(&row, Column::DeliveryDeadlineMs), None);
        for (line, sp_is_given, code, field) in [
            ("", false, "invalid_text", "body"),
            ("price,title,\"reference", false, "invalid_text", "body"),
            ("price,title,reference,scope,application", false, "missing_field", "sp_id"),
            ("price,reference,scope,application", true, "missing_field", "title"),
            ("price,price,reference,scope,application,title", true, "duplicate_field", "price"),
            ("price,title,reference,scope,application,colour", true, "unknown_field", "colour"),
        ] {
            let problem = Header::read(Some(line), sp_is_given).expect_err(line);
            assert_eq!((problem.code(), problem.field_name()), (code, Some(field)), "{line}");
        }
        assert!(Header::read(Some("price,title,reference,scope,application"), true).is_ok());
        assert!(Header::read(None, true).is_err());
    }

    #[test]
    fn a_line_is_spoilt_by_itself_alone() {
        let header = Header::read(Some(HEADER), false).expect("a header");
        for line in ["1.00,\"open,r1,local,lottery,S", "1.00,a,r1,local,lottery", "1.00,a,r1,local,lottery,S,more"] {
            let problem = header.cut(line).expect_err(line);
            assert_eq!((problem.code(), problem.field_name()), ("invalid_text", Some("line")), "{line}");
        }
        assert!(header.cut("1.00,a,r1,local,lottery,S").is_ok());
    }

    #[test]
    fn lines_end_as_on_any_machine_and_keep_their_numbers() {
        let found: Vec<_> = lines("\u{feff}a\r\nb\n\n \r\nc").collect();
        assert_eq!(found, [(1, "a"), (2, "b"), (5, "c")]);
    }

    #[test]
    fn the_encoding_is_the_one_that_is_said() {
        let (gb, _, _) = GB18030.encode("标题,双色球");
        for label in ["gb18030", "GB18030", "\"gbk\"", "gb2312"] {
            assert_eq!(decode(&format!("text/csv; charset={label}"), &gb).ok().as_deref(), Some("标题,双色球"));
        }
        let utf8 = "\u{feff}标题".as_bytes();
        for given in ["text/csv", "text/csv; header=present", "text/csv;charset=UTF-8"] {
            assert_eq!(decode(given, utf8).ok().as_deref(), Some("标题"), "{given}");
        }
        // Not what it says: what is no character is seen where it stands.
        assert!(decode("text/csv", &gb).expect("text").contains('\u{fffd}'));
        for label in ["latin1", "utf-16", "big5", "none"] {
            let problem = decode(&format!("text/csv; charset={label}"), b"a").expect_err(label);
            assert_eq!(problem.code(), "unsupported_media_type");
        }
    }
}
