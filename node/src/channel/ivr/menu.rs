//! The menu: what follows from what a caller has entered. It knows no clock, no account and no network.
//!
//! ```text
//!  Language ─▶ Menu ─1─▶ balance ─▶ Menu          4─▶ Decision ─1,2─▶ Code ─▶ word ─▶ Menu
//!                ├─2,3─▶ Password ─▶ freeze, thaw ─▶ Menu        0─▶ operator   9─▶ Menu
//!                                        └─ wrong: the same entry again, at most so many times, then goodbye
//! ```

use mpss_domain::Refusal;
use mpss_domain::account::Language;

use super::prompts::{Part, Sentence};
use crate::password::PaymentPassword;

/// Goes back to the menu from any entry below it.
const BACK: &str = "*";

/// Where a call stands: what the caller has been asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In which language.
    Language,
    /// What is to be done.
    Menu,
    /// Yes or no to a purchase.
    Decision,
    /// The payment password, for a verb.
    Password(Switch),
    /// The code of the text, for a yes or a no.
    Code {
        /// Is it a yes?
        agreed: bool,
    },
}

/// What is done to an account with the payment password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    /// 冻结.
    Freeze,
    /// 解冻.
    Thaw,
}

/// Where a call stands, in which language, and how often the present entry has been tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) place: Place,
    pub(crate) language: Language,
    pub(crate) tries: u8,
}

/// What is to be done. Passwords and codes in it are never printed.
#[derive(Clone)]
pub(crate) enum Deed {
    /// The accounts and what is in them.
    Balance,
    /// Freeze, or thaw.
    Switch(Switch, PaymentPassword),
    /// The word for a purchase.
    Confirm {
        /// The code of the text.
        code: u32,
        /// Is it a yes?
        agreed: bool,
    },
}

impl std::fmt::Debug for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Deed {
    /// What it is, without anything that is secret.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::Switch(Switch::Freeze, _) => "freeze",
            Self::Switch(Switch::Thaw, _) => "thaw",
            Self::Confirm { agreed: true, .. } => "agree",
            Self::Confirm { agreed: false, .. } => "refuse",
        }
    }
}

/// How a call goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The caller enters something.
    Collect(Standing),
    /// A person takes over.
    Transfer,
    /// It ends.
    HangUp,
}

/// What is said, and how the call goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) says: Vec<Part>,
    pub(crate) language: Language,
    pub(crate) then: Then,
}

/// What follows from an entry.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    /// An answer at once.
    Next(Next),
    /// Something is to be done first; [`after`] has the answer.
    Do(Deed),
}

/// What the menu offers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    /// The one language; `None` to ask.
    pub(crate) language: Option<Language>,
    /// Is there somebody to be put through to?
    pub(crate) operator: bool,
    /// Tries of one entry at most.
    pub(crate) tries_max: u8,
}

/// A call comes in.
pub(crate) fn begin(offer: Offer) -> Next {
    let place = if offer.language.is_some() { Place::Menu } else { Place::Language };
    let language = offer.language.unwrap_or_default();
    ask(vec![Part::Say(Sentence::Welcome)], language, place, offer)
}

/// The caller has entered `digits`, or nothing in time.
pub(crate) fn hear(standing: Standing, digits: &str, offer: Offer) -> Heard {
    // The key that ends an entry says nothing.
    let digits = digits.strip_suffix('#').unwrap_or(digits);
    if digits.is_empty() {
        return Heard::Next(again(standing, Part::Say(Sentence::NothingEntered), offer));
    }
    let language = standing.language;
    let go = |place| Heard::Next(ask(Vec::new(), language, place, offer));
    match (standing.place, digits) {
        (Place::Language, "1") => Heard::Next(ask(Vec::new(), Language::Chinese, Place::Menu, offer)),
        (Place::Language, "2") => Heard::Next(ask(Vec::new(), Language::English, Place::Menu, offer)),
        (Place::Menu, "1") => Heard::Do(Deed::Balance),
        (Place::Menu, "2") => go(Place::Password(Switch::Freeze)),
        (Place::Menu, "3") => go(Place::Password(Switch::Thaw)),
        (Place::Menu, "4") => go(Place::Decision),
        (Place::Menu, "9") => go(Place::Menu),
        (Place::Menu, "0") if offer.operator => {
            Heard::Next(Next { says: vec![Part::Say(Sentence::PutThrough)], language, then: Then::Transfer })
        }
        (Place::Decision, "1") => go(Place::Code { agreed: true }),
        (Place::Decision, "2") => go(Place::Code { agreed: false }),
        (Place::Decision | Place::Password(_) | Place::Code { .. }, BACK) => go(Place::Menu),
        (Place::Password(switch), digits) => match PaymentPassword::parse(digits) {
            Some(password) => Heard::Do(Deed::Switch(switch, password)),
            None => Heard::Next(again(standing, Part::Say(Sentence::NotUnderstood), offer)),
        },
        (Place::Code { agreed }, digits) => match code_of(digits) {
            Some(code) => Heard::Do(Deed::Confirm { code, agreed }),
            None => Heard::Next(again(standing, Part::Say(Sentence::NotUnderstood), offer)),
        },
        _ => Heard::Next(again(standing, Part::Say(Sentence::NotUnderstood), offer)),
    }
}

/// What was to be done is done, and this is to be said; or it was refused.
pub(crate) fn after(standing: Standing, done: Result<Vec<Part>, Refusal>, offer: Offer) -> Next {
    match done {
        Ok(says) => ask(says, standing.language, Place::Menu, offer),
        Err(refusal @ (Refusal::WrongPassword | Refusal::WrongCode)) => again(standing, Part::Refused(refusal), offer),
        // Nothing that needs the password is done for a while: no use in going on.
        Err(refusal @ Refusal::PasswordLocked(_)) => goodbye(vec![Part::Refused(refusal)], standing.language),
        Err(refusal) => ask(vec![Part::Refused(refusal)], standing.language, Place::Menu, offer),
    }
}

/// The caller belongs somewhere else: `home` says where, when it is one of ours.
pub(crate) fn elsewhere(language: Language, home: Option<String>) -> Next {
    let says = match home {
        Some(province) => {
            vec![Part::Say(Sentence::HomeElsewhere), Part::Digits(province), Part::Say(Sentence::CallHome)]
        }
        None => vec![Part::Say(Sentence::NoSubscriber)],
    };
    goodbye(says, language)
}

/// A call that goes on for too long ends, with what this step has come to.
pub(crate) fn cut_off(next: Next) -> Next {
    let Then::Collect(standing) = next.then else { return next };
    // What is asked for is not said: it can not be entered any more.
    let asked = questions(standing.place, true);
    let mut says: Vec<Part> = next.says.into_iter().filter(|part| !asked.contains(part)).collect();
    says.push(Part::Say(Sentence::CallTooLong));
    goodbye(says, next.language)
}

/// The caller has ended the call.
pub(crate) fn ended(language: Language) -> Next {
    Next { says: Vec::new(), language, then: Then::HangUp }
}

/// Says something and asks for an entry, for the first time.
fn ask(mut says: Vec<Part>, language: Language, place: Place, offer: Offer) -> Next {
    says.extend(questions(place, offer.operator));
    Next { says, language, then: Then::Collect(Standing { place, language, tries: 0 }) }
}

/// The same entry once more, or goodbye.
fn again(standing: Standing, why: Part, offer: Offer) -> Next {
    let tries = standing.tries.saturating_add(1);
    if tries >= offer.tries_max {
        return goodbye(vec![why], standing.language);
    }
    let mut next = ask(vec![why], standing.language, standing.place, offer);
    next.then = Then::Collect(Standing { tries, ..standing });
    next
}

fn goodbye(mut says: Vec<Part>, language: Language) -> Next {
    says.push(Part::Say(Sentence::Goodbye));
    Next { says, language, then: Then::HangUp }
}

/// What is said to ask for an entry.
fn questions(place: Place, operator: bool) -> Vec<Part> {
    let says: &[Sentence] = match place {
        Place::Language => &[Sentence::ChooseLanguage],
        Place::Menu if operator => &[Sentence::Menu, Sentence::MenuOperator],
        Place::Menu => &[Sentence::Menu],
        Place::Decision => &[Sentence::AgreeOrRefuse],
        Place::Password(_) => &[Sentence::EnterPassword],
        Place::Code { .. } => &[Sentence::EnterCode],
    };
    says.iter().copied().map(Part::Say).collect()
}

impl Place {
    /// Digits that are collected at most.
    pub(crate) const fn digits_max(self) -> u8 {
        match self {
            Self::Language | Self::Menu | Self::Decision => 1,
            Self::Password(_) | Self::Code { .. } => 6,
        }
    }

    /// Must what is entered be kept out of logs and recordings?
    pub(crate) const fn is_secret(self) -> bool {
        matches!(self, Self::Password(_) | Self::Code { .. })
    }
}

fn code_of(digits: &str) -> Option<u32> {
    let six = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    six.then(|| digits.parse().ok()).flatten()
}
