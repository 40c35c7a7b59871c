//! The one door to standard output. Everything else in the crate writes through it, so that tests
//! can read what a person would, and colours go to terminals only.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// Where output goes. A reader that has gone away (a closed pipe) ends nothing: what is done is
/// done whether or not someone reads about it.
pub struct Printer {
    out: Box<dyn Write + Send>,
    colour: bool,
    terminal: bool,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer").field("colour", &self.colour).finish()
    }
}

/// A colour with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// As it must be.
    Good,
    /// Not as it must be.
    Bad,
    /// Worth a look.
    Notice,
    /// A heading.
    Heading,
    /// Of lesser weight.
    Faint,
}

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Notice => "33",
            Self::Heading => "1",
            Self::Faint => "2",
        }
    }
}

impl Printer {
    /// To standard output; coloured when it is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn stdout() -> Self {
        let out = io::stdout();
        let terminal = out.is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        Self { out: Box::new(out), colour, terminal }
    }

    /// To any writer, without colours.
    #[must_use]
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self { out, colour: false, terminal: false }
    }

    /// True when a person watches, so that progress may be drawn and erased.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// One line.
    pub fn line(&mut self, text: impl AsRef<str>) {
        let _ = writeln!(self.out, "{}", text.as_ref());
        let _ = self.out.flush();
    }

    /// Text without an end of line.
    pub fn text(&mut self, text: impl AsRef<str>) {
        let _ = write!(self.out, "{}", text.as_ref());
    }

    /// Makes everything visible.
    pub fn flush(&mut self) {
        let _ = self.out.flush();
    }

    /// A heading, with an empty line before it.
    pub fn heading(&mut self, text: impl AsRef<str>) {
        let painted = self.paint(Paint::Heading, text.as_ref());
        self.line("");
        self.line(painted);
    }

    /// `text` in a colour, when colours are on.
    #[must_use]
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if self.colour { format!("\u{1b}[{}m{text}\u{1b}[0m", paint.code()) } else { text.to_owned() }
    }

    /// A table, indented by two spaces.
    pub fn table(&mut self, table: &Table) {
        let text = table.lay_out(self.colour);
        self.text(text);
        self.flush();
    }
}

/// Columns a terminal gives `text`: a Chinese character takes two.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
            0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x20000..=0x3fffd => 2,
            0x0300..=0x036f | 0x200b..=0x200f => 0,
            _ => 1,
        })
        .sum()
}

/// `text` filled with spaces to `columns`; never cut.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Which side a column is aligned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// Rows under headings, aligned by what a terminal shows.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<(String, Option<Paint>)>>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[(&str, Align)]) -> Self {
        Self { columns: columns.iter().map(|(name, align)| ((*name).to_owned(), *align)).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|cell| (cell.into(), None)).collect());
    }

    /// Adds a row in colours.
    pub fn painted_row(&mut self, cells: Vec<(String, Option<Paint>)>) {
        self.rows.push(cells);
    }

    fn lay_out(&self, colour: bool) -> String {
        let mut widths: Vec<usize> = self.columns.iter().map(|(name, _)| width(name)).collect();
        for row in &self.rows {
            for (cell, wide) in row.iter().zip(&mut widths) {
                *wide = (*wide).max(width(&cell.0));
            }
        }
        let mut out = String::new();
        let heading: Vec<_> = self.columns.iter().map(|(name, _)| (name.clone(), Some(Paint::Heading))).collect();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::from(" ");
            for (((cell, paint), wide), (_, align)) in row.iter().zip(&widths).zip(&self.columns) {
                let fill = " ".repeat(wide - width(cell));
                let shown = match paint {
                    Some(paint) if colour => format!("\u{1b}[{}m{cell}\u{1b}[0m", paint.code()),
                    _ => cell.clone(),
                };
                let (before, after) = if *align == Align::Right { (fill.as_str(), "") } else { ("", fill.as_str()) };
                let _ = write!(line, " {before}{shown}{after} ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(write: impl FnOnce(&mut Printer)) -> String {
        let page = Page::default();
        write(&mut Printer::to(Box::new(page.clone())));
        let bytes = page.0.lock().clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn figures_stand_under_each_other_beside_chinese_names() {
        let text = printed(|printer| {
            let mut table = Table::new(&[("province", Align::Left), ("fen", Align::Right)]);
            table.row(["北京", "1"]);
            table.row(["全国平台", "12345"]);
            table.painted_row(vec![("四川".into(), Some(Paint::Bad)), ("77".into(), None)]);
            printer.table(&table);
        });
        assert_eq!(text, "  province    fen\n  北京          1\n  全国平台  12345\n  四川         77\n");
    }

    #[test]
    fn colours_only_where_they_are_wanted() {
        let mut printer = Printer::to(Box::new(io::sink()));
        assert_eq!(printer.paint(Paint::Good, "ok"), "ok");
        printer.colour = true;
        assert_eq!(printer.paint(Paint::Good, "ok"), "\u{1b}[32mok\u{1b}[0m");
        let mut table = Table::new(&[("a", Align::Right)]);
        table.painted_row(vec![("1".into(), Some(Paint::Bad))]);
        assert!(table.lay_out(true).contains("\u{1b}[1;31m1\u{1b}[0m"));
    }

    #[test]
    fn a_reader_that_has_gone_away_ends_nothing() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        Printer::to(Box::new(Gone)).line("nobody reads this");
    }

    #[test]
    fn pads_by_columns_and_never_cuts() {
        assert_eq!(pad("广东", 6), "广东  ");
        assert_eq!(pad("Guangdong", 4), "Guangdong");
    }
}
