//! How a line is read: its verb, its names and its `key=value`, and what a single word means.
//!
//! ```text
//! 12.30  5m  44  roaming  telecom  insufficient_funds      an amount, a time, a province, a scope, an operator, a refusal
//! ```

use std::collections::BTreeMap;

use mpss_domain::{AccountKind, Money, Operator, ProvinceId, Refusal, Scope};

pub(super) struct Words<'a> {
    pub(super) verb: &'a str,
    pub(super) names: Vec<&'a str>,
    pub(super) values: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let mut words = split_quoted(line).into_iter();
        let verb = words.next().unwrap_or_default();
        let (mut names, mut values) = (Vec::new(), BTreeMap::new());
        for word in words {
            match word.split_once('=') {
                Some((key, value)) => {
                    values.insert(key, value.trim_matches('"'));
                }
                None => names.push(word.trim_matches('"')),
            }
        }
        Self { verb, names, values }
    }

    pub(super) fn name(&self, at: usize) -> Result<&'a str, String> {
        self.names.get(at).copied().ok_or_else(|| format!("word {} is missing", at + 2))
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).copied()
    }

    pub(super) fn need(&self, key: &str) -> Result<&'a str, String> {
        self.get(key).ok_or_else(|| format!("{key}= is missing"))
    }

    pub(super) fn money(&self, key: &str) -> Result<Money, String> {
        money(self.need(key)?)
    }

    pub(super) fn maybe_money(&self, key: &str) -> Result<Option<Money>, String> {
        self.get(key).map(money).transpose()
    }
}

/// Splits at spaces outside double quotes.
fn split_quoted(line: &str) -> Vec<&str> {
    let (mut words, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                words.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&line[start..]);
    words.retain(|word| !word.is_empty());
    words
}

pub(super) fn money(text: &str) -> Result<Money, String> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (yuan, fen) = digits.split_once('.').ok_or_else(|| format!("{text} is no amount like 12.30"))?;
    let fen = format!("{yuan}{fen}").parse::<i64>().map_err(|_| format!("{text} is no amount"))?;
    Ok(Money::fen(sign * fen))
}

pub(super) fn duration_ms(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().map_err(|_| format!("{text} is no time like 5m"))?;
    Ok(number
        * match unit {
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(format!("{unit} is no unit of time")),
        })
}

pub(super) fn province(text: &str) -> Result<ProvinceId, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

pub(super) fn kind(text: &str) -> Result<AccountKind, String> {
    Ok(match text {
        "virtual" => AccountKind::StoredValue,
        "communication" => AccountKind::Communication,
        "bank" => AccountKind::Bank,
        other => return Err(format!("{other} is no kind of account")),
    })
}

pub(super) fn scope(text: &str) -> Result<Scope, String> {
    Ok(match text {
        "local" => Scope::Local,
        "roaming" => Scope::Roaming,
        "national" => Scope::National,
        other => return Err(format!("{other} is no scope")),
    })
}

pub(super) fn operator(text: &str) -> Result<Operator, String> {
    Ok(match text {
        "telecom" => Operator::ChinaTelecom,
        "mobile" => Operator::ChinaMobile,
        "unicom" => Operator::ChinaUnicom,
        other => return Err(format!("{other} is no operator")),
    })
}

/// A refusal by its name, as another province would answer it.
pub(super) fn refusal(code: &str) -> Result<Refusal, String> {
    let known = [
        Refusal::InsufficientFunds,
        Refusal::WrongPassword,
        Refusal::AccountNotFound,
        Refusal::DailyLimitExceeded,
        Refusal::NotHome,
        Refusal::PasswordChanged,
        Refusal::AlreadyReversed,
        Refusal::RefundExceedsPaid,
        Refusal::PayeeNotFound,
        Refusal::PayeeCeilingExceeded,
        Refusal::PaymentNotFound,
        Refusal::Unresolved,
        Refusal::ConfirmationExpired,
        Refusal::ConfirmationRefused,
        Refusal::DeclinedOutside,
        Refusal::CardUnusable,
        Refusal::LineNotInService,
        Refusal::RechargeCardUnknown,
        Refusal::RechargeCardUsed,
        Refusal::RechargeCardExpired,
        Refusal::RechargeCardInUse,
        Refusal::RechargeCardBlocked,
    ];
    known.into_iter().find(|refusal| refusal.code() == code).ok_or_else(|| format!("{code} is not listed here"))
}

pub(super) fn answer(text: &str) -> Result<Result<(), Refusal>, String> {
    Ok(if text == "ok" { Ok(()) } else { Err(refusal(text)?) })
}

pub(super) fn same<T: PartialEq + std::fmt::Display>(what: &str, is: T, expected: T) -> Result<(), String> {
    if is == expected { Ok(()) } else { Err(format!("{what} is {is}, expected {expected}")) }
}
