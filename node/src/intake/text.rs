//! Texts that people will read: names, titles, reasons. They end up on screens, in SMS and in
//! statements, so nothing in them may hide, reorder or pile up what is shown.

use super::{EdgeCode, Problem};

/// Combining marks on one character at most; real writing needs two or three.
const COMBINING_MARKS_MAX: usize = 4;

/// A text of 1 to `chars_max` characters, not bytes.
pub(crate) fn text(field: &'static str, value: &str, chars_max: usize) -> Result<String, Problem> {
    let refuse = |detail: String| Err(Problem::field(EdgeCode::InvalidText, field, detail));
    // A character has at most four bytes, so this bounds the work below as well.
    if value.len() > chars_max * 4 || value.chars().count() > chars_max {
        return refuse(format!("at most {chars_max} characters"));
    }
    if value.trim().is_empty() {
        return refuse("must not be empty".to_owned());
    }
    if value.trim() != value {
        return refuse("must not begin or end with white space".to_owned());
    }
    let mut marks = 0;
    for char in value.chars() {
        if let Some(what) = out_of_place(char) {
            return refuse(format!("holds U+{:04X}, {what}", u32::from(char)));
        }
        marks = if is_combining(char) { marks + 1 } else { 0 };
        if marks > COMBINING_MARKS_MAX {
            return refuse(format!("holds more than {COMBINING_MARKS_MAX} combining marks in a row"));
        }
    }
    if value.chars().next().is_some_and(is_combining) {
        return refuse("begins with a combining mark".to_owned());
    }
    Ok(value.to_owned())
}

/// A short code that people or machines of ours give out, such as an agent's: ASCII letters, digits
/// and `-_.:@`, or any text that may be read.
pub(crate) fn code(field: &'static str, value: &str) -> Result<String, Problem> {
    text(field, value, CODE_CHARS_MAX)
}

/// Characters of a short code at most.
pub(crate) const CODE_CHARS_MAX: usize = 64;
/// Characters of an SP's name at most.
pub(crate) const NAME_CHARS_MAX: usize = 64;
/// Characters of a product's title at most.
pub(crate) const TITLE_CHARS_MAX: usize = 100;
/// Characters of a reason at most.
pub(crate) const REASON_CHARS_MAX: usize = 200;
/// Bytes of a URL at most.
const URL_BYTES_MAX: usize = 1_024;

/// The URL of a server that notices are sent to.
pub(crate) fn url(field: &'static str, value: &str) -> Result<String, Problem> {
    let refuse = |detail: &'static str| Err(Problem::field(EdgeCode::InvalidUrl, field, detail));
    if value.len() > URL_BYTES_MAX || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("a URL has at most 1024 visible ASCII characters");
    }
    let Ok(uri) = value.parse::<axum::http::Uri>() else { return refuse("not a URL") };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return refuse("must start with http:// or https://");
    }
    let Some(authority) = uri.authority() else { return refuse("must name a host") };
    if authority.host().is_empty() || authority.as_str().contains('@') || authority.as_str().ends_with(':') {
        return refuse("must name a host, and no user");
    }
    Ok(value.to_owned())
}

fn out_of_place(char: char) -> Option<&'static str> {
    Some(match char {
        _ if char.is_control() => "a control character",
        '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            "which changes the direction of writing"
        }
        '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{00AD}' | '\u{180E}' => {
            "which can not be seen"
        }
        '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' => "which can not be seen",
        '\u{2028}' | '\u{2029}' => "which breaks the line",
        '\u{FFF9}'..='\u{FFFD}' => "which stands for no character",
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => "which means something else to everyone",
        '\u{E0000}'..='\u{E007F}' => "a tag",
        '\u{FDD0}'..='\u{FDEF}' => "which is no character",
        _ if u32::from(char) & 0xFFFE == 0xFFFE => "which is no character",
        _ => return None,
    })
}

const fn is_combining(char: char) -> bool {
    matches!(char,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05BD}' | '\u{064B}'..='\u{065F}'
        | '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}' | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{302A}'..='\u{302F}' | '\u{3099}'..='\u{309A}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}' | '\u{E0100}'..='\u{E01EF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_country_and_others_pass() {
        for value in ["双色球", "Bus ticket (一日)", "Cà phê sữa đá", "Ⅷ №5 ½", "👨‍👩‍👧 票", "a", &"票".repeat(100)]
        {
            assert_eq!(text("title", value, 100).ok().as_deref(), Some(value), "{value}");
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!(text("title", &"票".repeat(101), 100).is_err());
        assert!(text("title", &"𠮷".repeat(100), 100).is_ok());
        assert!(text("title", &"a".repeat(401), 100).is_err());
    }

    #[test]
    fn what_hides_reorders_or_piles_up_is_refused() {
        for value in [
            "",
            " ",
            "\t",
            "\u{3000}",
            " a",
            "a ",
            "a\u{0}b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}b",
            "a\u{1b}[31m",
            "\u{202E}tset",
            "a\u{2066}b",
            "a\u{200F}b",
            "a\u{200B}b",
            "a\u{FEFF}b",
            "\u{3164}",
            "a\u{2028}b",
            "a\u{FFFD}",
            "a\u{E000}",
            "a\u{10FFFF}",
            "a\u{E0041}",
            "a\u{FDD0}",
            "a\u{1FFFE}",
            "\u{0301}a",
            "Z\u{0300}\u{0301}\u{0302}\u{0303}\u{0304}",
        ] {
            let problem = text("title", value, 100).expect_err(value);
            assert_eq!((problem.code(), problem.field_name()), ("invalid_text", Some("title")), "{value:?}");
        }
    }

    #[test]
    fn urls_name_a_host_over_http() {
        for value in ["http://127.0.0.1:8080/notices", "https://sp.example/a?b=c", "http://[::1]:1/"] {
            assert_eq!(url("notice_url", value).ok().as_deref(), Some(value));
        }
        for value in [
            "",
            "/relative",
            "ftp://host/",
            "http://",
            "http:///path",
            "javascript:alert(1)",
            "http://user:pass@host/",
            "http://host:/",
            "http://ho st/",
            "http://主机/",
            &format!("http://host/{}", "a".repeat(2_000)),
        ] {
            let problem = url("notice_url", value).expect_err(value);
            assert_eq!((problem.code(), problem.field_name()), ("invalid_url", Some("notice_url")), "{value}");
        }
    }
}
