//! Writes SVG. Two layers, so that a grid can be drawn when its height is known and still lie below.

use std::fmt::Write;

/// A rectangle, in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

/// A drawing under way.
#[derive(Debug, Default)]
pub(crate) struct Svg {
    below: String,
    above: String,
}

/// Words as they may stand between and inside of tags. What neither HTML nor XML can say becomes a
/// replacement character.
pub(crate) fn escape(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for character in words.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            other => text.push(sayable(other)),
        }
    }
    text
}

/// The character, or the replacement for one no page can hold.
pub(crate) fn sayable(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        '\u{FFFE}' | '\u{FFFF}' => char::REPLACEMENT_CHARACTER,
        other if other.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

impl Svg {
    /// A rectangle; what it stands for is told when the pointer rests on it.
    pub(crate) fn area(&mut self, class: &str, area: Area, title: &str) {
        push_area(&mut self.above, class, area, title);
    }

    /// A rectangle in the layer below.
    pub(crate) fn area_below(&mut self, class: &str, area: Area, title: &str) {
        push_area(&mut self.below, class, area, title);
    }

    /// A line.
    pub(crate) fn line(&mut self, class: &str, from: (i64, i64), to: (i64, i64)) {
        push_line(&mut self.above, class, from, to);
    }

    /// A line in the layer below.
    pub(crate) fn line_below(&mut self, class: &str, from: (i64, i64), to: (i64, i64)) {
        push_line(&mut self.below, class, from, to);
    }

    /// Words that begin at a place; the classes `end` and `middle` let them end or be centred there.
    pub(crate) fn words(&mut self, class: &str, at: (i64, i64), words: &str) {
        self.words_titled(class, at, words, "");
    }

    /// Words with more words when the pointer rests on them.
    pub(crate) fn words_titled(&mut self, class: &str, (x, y): (i64, i64), words: &str, title: &str) {
        put(&mut self.above, format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">"));
        push_title(&mut self.above, title);
        put(&mut self.above, format_args!("{}</text>", escape(words)));
    }

    /// A path; `way` is SVG's own language of moves.
    pub(crate) fn path(&mut self, class: &str, way: &str, title: &str) {
        put(&mut self.above, format_args!("<path class=\"{class}\" d=\"{way}\">"));
        push_title(&mut self.above, title);
        self.above.push_str("</path>");
    }

    /// A dot.
    pub(crate) fn dot(&mut self, class: &str, (x, y): (i64, i64), radius: i64) {
        put(&mut self.above, format_args!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>"));
    }

    /// What follows belongs together, until [`Svg::close`]; its title is told for all of it.
    pub(crate) fn open(&mut self, class: &str, title: &str) {
        put(&mut self.above, format_args!("<g class=\"{class}\">"));
        push_title(&mut self.above, title);
    }

    /// Ends what [`Svg::open`] began.
    pub(crate) fn close(&mut self) {
        self.above.push_str("</g>");
    }

    /// The whole drawing. `label` is for those who do not see it.
    pub(crate) fn finish(self, class: &str, (width, height): (i64, i64), label: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" role=\"img\" aria-label=\"{}\" \
             width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">{}{}</svg>",
            escape(label),
            self.below,
            self.above
        )
    }
}

fn push_area(text: &mut String, class: &str, area: Area, title: &str) {
    let Area { x, y, width, height } = area;
    put(text, format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""));
    if title.is_empty() {
        text.push_str("/>");
    } else {
        text.push('>');
        push_title(text, title);
        text.push_str("</rect>");
    }
}

fn push_line(text: &mut String, class: &str, (x1, y1): (i64, i64), (x2, y2): (i64, i64)) {
    put(text, format_args!("<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>"));
}

fn push_title(text: &mut String, title: &str) {
    if !title.is_empty() {
        put(text, format_args!("<title>{}</title>", escape(title)));
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes what it is given");
}

/// How many pixels words take in the small letters of our drawings, roughly; Chinese is double width.
pub(crate) fn wide(words: &str) -> i64 {
    i64::try_from(unicode_width::UnicodeWidthStr::width(words)).unwrap_or(0) * 63 / 10
}

/// As much of the words as fits into so many pixels, with an ellipsis when that is not all.
pub(crate) fn fitted(words: &str, pixels: i64) -> String {
    if wide(words) <= pixels {
        return words.to_owned();
    }
    let mut text = String::new();
    for character in words.chars() {
        text.push(character);
        if wide(&text) + 7 > pixels {
            text.pop();
            break;
        }
    }
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn words_are_made_harmless_and_fit() {
        assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
        assert_eq!(escape("a\u{0}\u{1b}b\u{FFFF}\n"), "a\u{FFFD}\u{FFFD}b\u{FFFD}\n");
        assert_eq!(fitted("short", 100), "short");
        let long = fitted("广东 Guangdong province", 60);
        assert!(long.ends_with('…') && wide(&long) <= 66, "{long}");
    }
}
