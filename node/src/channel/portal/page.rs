//! What all pages have, and the pages that say one thing.

use askama::Template;

use super::table::Lang;
use super::words::{Words, named};
use crate::channel::http::NotGiven;

/// How far China's time is before UTC.
const EIGHT_HOURS_MS: u64 = 28_800_000;

/// What all pages have.
pub(super) struct Page {
    pub(super) lang: Lang,
    pub(super) w: &'static Words,
    pub(super) title: String,
    /// Whose portal it is.
    pub(super) province: String,
    /// A page of the desk or of SPs.
    pub(super) is_people: bool,
    pub(super) is_reviewer: bool,
    pub(super) is_sp: bool,
    /// Who has signed in.
    pub(super) who: Option<String>,
    pub(super) form_token: String,
    /// The request id of the page's form.
    pub(super) request_id: String,
    /// This page in the other language.
    pub(super) other_language: String,
    /// The page is to be looked at again by itself.
    pub(super) refresh: bool,
    /// What was not done, and why.
    pub(super) trouble: Option<Trouble>,
}

impl Page {
    /// What a word of the interface is called.
    pub(super) fn named<'a>(&self, word: &'a str) -> &'a str {
        named(self.lang, word)
    }

    /// What is wrong with a field.
    pub(super) fn wrong(&self, field: &str) -> Option<&Trouble> {
        self.trouble.as_ref().filter(|trouble| trouble.field == field)
    }

    /// A moment, in China's time, to the second.
    #[expect(clippy::unused_self, reason = "templates ask the page")]
    pub(super) fn when(&self, time: &str) -> String {
        let Ok(time) = crate::intake::field::time("time", time) else { return time.to_owned() };
        let mut text = time.plus_ms(EIGHT_HOURS_MS).to_string().replace('T', " ");
        text.truncate(19);
        text
    }
}

/// Why a form was not carried out.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// The field to blame; empty for none.
    pub(super) field: String,
    pub(super) text: String,
    pub(super) code: String,
}

impl Trouble {
    pub(super) fn of(why: &NotGiven, lang: Lang) -> Self {
        let usual = match why.code.as_str() {
            "wrong_password" | "password_locked" | "password_changed" => "payment_password",
            "unknown_number" | "foreign_operator" => "msisdn",
            "insufficient_funds"
            | "daily_limit_exceeded"
            | "per_payment_limit_exceeded"
            | "account_not_found"
            | "account_frozen"
            | "account_kind_unsupported" => "account_kind",
            "confirmation_not_found" | "wrong_code" => "code",
            _ => "",
        };
        Self {
            field: why.field.clone().unwrap_or_else(|| usual.to_owned()),
            text: lang.pick(&why.detail_zh, &why.detail).to_owned(),
            code: why.code.clone(),
        }
    }
}

/// One thing that is said, with its stable code.
pub(super) struct Message {
    pub(super) text: String,
    pub(super) code: String,
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "portal/plain.html")]
pub(super) struct Plain {
    pub(super) p: Page,
    pub(super) message: Message,
}

/// A page where nothing is known of who asks.
#[derive(Template)]
#[template(path = "portal/bare.html")]
pub(super) struct Bare {
    pub(super) zh: &'static str,
    pub(super) en: &'static str,
}
