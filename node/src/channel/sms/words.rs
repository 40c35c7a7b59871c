//! Words as people write them: full-width digits and letters, any case, blanks, `#` and `*` between the parts or none
//! at all. They are read by the table of `mpss_domain::texts::keyword`.

use mpss_domain::account::Language;
use mpss_domain::texts::answer::SmsAnswer;
use mpss_domain::texts::keyword::{Keyword, TABLE};
use mpss_domain::{AccountKind, Money, Msisdn};
use zeroize::Zeroizing;

use crate::card_pin::CardPin;
use crate::intake::amount::amount;
use crate::password::PaymentPassword;

/// Letters that are looked at; nobody needs more.
const LETTERS_MAX: usize = 160;

/// Digits of the PIN of a recharge card when it follows another's number without anything between.
const GLUED_PIN_DIGITS: usize = 18;

/// Words for kinds of accounts.
const KINDS: [(AccountKind, [&str; 3]); 3] = [
    (AccountKind::StoredValue, ["XN", "虚拟", "VIRTUAL"]),
    (AccountKind::Communication, ["TX", "通信", "COMMUNICATION"]),
    (AccountKind::Bank, ["YH", "银行", "BANK"]),
];

/// What was said. Passwords and PINs in it are never printed.
#[derive(Debug)]
pub(crate) enum Spoken {
    Help,
    Balance,
    Mine,
    Statement,
    Open { kind: Option<AccountKind>, password: PaymentPassword },
    Close { kind: Option<AccountKind>, password: PaymentPassword },
    Freeze { kind: Option<AccountKind>, password: PaymentPassword },
    Thaw { kind: Option<AccountKind>, password: PaymentPassword },
    Limits { kind: Option<AccountKind>, per_payment: Money, daily: Money, password: PaymentPassword },
    Password { old: PaymentPassword, new: PaymentPassword },
    Pay { payee: Msisdn, amount: Money, password: PaymentPassword },
    TopUp { whose: Option<Msisdn>, pin: CardPin },
    Bind { code: u32, password: PaymentPassword },
    Confirm { code: u32, agreed: bool },
}

/// What words mean: in which language they are, and the command; what is answered to one that is not complete, and
/// nothing for what is no command.
pub(crate) fn understand(words: &str) -> (Language, Option<Result<Spoken, SmsAnswer>>) {
    let plain = plain(words);
    let Some((keyword, word, rest)) = keyword_of(&plain) else { return (language_of(&plain, None), None) };
    let parts: Vec<&str> = rest.split_whitespace().collect();
    (language_of(&plain, Some(word)), Some(spoken(keyword, &parts)))
}

/// The words with one way of writing each: capitals, half-width, blanks for whatever separates.
fn plain(words: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(words.len()));
    for letter in words.chars().take(LETTERS_MAX) {
        let half = match letter {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
            '\u{3000}' => ' ',
            _ => letter,
        };
        match half {
            '#' | '*' | ',' | '+' | ';' | ':' | '，' | '。' | '、' | '；' | '：' => plain.push(' '),
            half if half.is_whitespace() || half.is_control() => plain.push(' '),
            half => plain.extend(half.to_uppercase()),
        }
    }
    let trimmed = plain.trim().to_owned();
    Zeroizing::new(trimmed)
}

/// The longest word of the table that the words begin with, and what follows it.
fn keyword_of(plain: &str) -> Option<(Keyword, &'static str, &str)> {
    let known = TABLE.iter().flat_map(|usage| usage.words.iter().map(|word| (usage.keyword, *word)));
    let begins = known.filter(|(_, word)| {
        plain.strip_prefix(*word).is_some_and(|rest| {
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            // A longer word, or number, is another one.
            let goes_on = |next: char| if is_number { next.is_numeric() } else { next.is_alphabetic() };
            !rest.chars().next().is_some_and(goes_on)
        })
    });
    let (keyword, word) = begins.max_by_key(|(_, word)| word.len())?;
    Some((keyword, word, &plain[word.len()..]))
}

/// English is for who writes it: pinyin and bare digits are Chinese.
fn language_of(plain: &str, word: Option<&str>) -> Language {
    let english = match word {
        Some(word) => word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase()),
        None => !plain.is_empty() && plain.is_ascii() && plain.bytes().any(|byte| byte.is_ascii_alphabetic()),
    };
    if english { Language::English } else { Language::Chinese }
}

fn spoken(keyword: Keyword, parts: &[&str]) -> Result<Spoken, SmsAnswer> {
    let how = || SmsAnswer::HowToUse(keyword);
    let password = |text: &str| PaymentPassword::parse(text).ok_or_else(how);
    let money = |text: &str| amount("amount", text).map_err(|_| how());
    let code = |text: &str| -> Result<u32, SmsAnswer> {
        let six = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        if six { text.parse().map_err(|_| how()) } else { Err(how()) }
    };
    let (kind, plain_parts) = match parts.split_first() {
        Some((first, rest)) => match kind_of(first) {
            Some(kind) => (Some(kind), rest),
            None => (None, parts),
        },
        None => (None, parts),
    };
    match (keyword, plain_parts) {
        (Keyword::Help, _) => Ok(Spoken::Help),
        (Keyword::Balance, []) => Ok(Spoken::Balance),
        (Keyword::Mine, []) => Ok(Spoken::Mine),
        (Keyword::Statement, []) => Ok(Spoken::Statement),
        // Typed twice where somebody likes to.
        (Keyword::Open, [first, again]) if first != again => Err(SmsAnswer::PasswordsDiffer),
        (Keyword::Open, [first] | [first, _]) => Ok(Spoken::Open { kind, password: password(first)? }),
        (Keyword::Close, [given]) => Ok(Spoken::Close { kind, password: password(given)? }),
        (Keyword::Freeze, [given]) => Ok(Spoken::Freeze { kind, password: password(given)? }),
        (Keyword::Thaw, [given]) => Ok(Spoken::Thaw { kind, password: password(given)? }),
        (Keyword::Limits, [per_payment, daily, given]) => Ok(Spoken::Limits {
            kind,
            per_payment: money(per_payment)?,
            daily: money(daily)?,
            password: password(given)?,
        }),
        (Keyword::Password, [_, new, again]) if new != again => Err(SmsAnswer::PasswordsDiffer),
        (Keyword::Password, [old, new] | [old, new, _]) => {
            Ok(Spoken::Password { old: password(old)?, new: password(new)? })
        }
        (Keyword::Pay, [payee, sum, given]) => Ok(Spoken::Pay {
            payee: payee.parse().map_err(|_| how())?,
            amount: money(sum)?,
            password: password(given)?,
        }),
        (Keyword::TopUp, [pin]) => top_up(pin).ok_or_else(how),
        (Keyword::TopUp, [whose, pin]) => Ok(Spoken::TopUp {
            whose: Some(whose.parse().map_err(|_| how())?),
            pin: CardPin::parse_recharge(pin).ok_or_else(how)?,
        }),
        (Keyword::Bind, [sent, given]) => Ok(Spoken::Bind { code: code(sent)?, password: password(given)? }),
        // Which charge is meant is not guessed.
        (Keyword::Yes | Keyword::No, []) => Err(SmsAnswer::CodeNeeded(keyword)),
        (Keyword::Yes | Keyword::No, [sent]) => {
            Ok(Spoken::Confirm { code: code(sent)?, agreed: keyword == Keyword::Yes })
        }
        _ => Err(how()),
    }
}

fn kind_of(word: &str) -> Option<AccountKind> {
    KINDS.iter().find(|(_, words)| words.contains(&word)).map(|(kind, _)| *kind)
}

/// A PIN, or another's number and a PIN with nothing between.
fn top_up(digits: &str) -> Option<Spoken> {
    let glued = digits.len() == 11 + GLUED_PIN_DIGITS && digits.is_ascii();
    let whose = digits.get(..11).filter(|_| glued).and_then(|number| number.parse::<Msisdn>().ok());
    let pin = if whose.is_some() { &digits[11..] } else { digits };
    Some(Spoken::TopUp { whose, pin: CardPin::parse_recharge(pin)? })
}

/// For searching with damaged bytes: true when they are a complete command.
///
/// # Panics
/// When what would be answered can not be read.
#[must_use]
pub fn is_command(bytes: &[u8]) -> bool {
    let Ok(words) = std::str::from_utf8(bytes) else { return false };
    let (language, understood) = understand(words);
    if let Some(Err(answer)) = &understood {
        let text = mpss_domain::SmsText::Answer(Box::new(answer.clone())).render(language);
        assert!(!text.is_empty(), "whatever is answered can be read");
    }
    matches!(understood, Some(Ok(_)))
}
