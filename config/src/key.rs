//! What a setting may be: each has a path and a kind, and the kind says what is right.

use std::net::SocketAddr;

use config::{Value, ValueKind};
use mpss_domain::ProvinceId;

use crate::isag::{NUMBER_DIGITS, is_sp};
use crate::ivr::NAME_BYTES_MAX;
use crate::portal::is_person;

/// The highest number a replica can have.
pub const REPLICA_NUMBER_MAX: u64 = 1_000_000;

/// Addresses of one province at most.
pub const URLS_MAX: usize = 16;

/// The longest text a setting may be, in bytes.
pub const TEXT_BYTES_MAX: usize = 4_096;

/// One setting. A `*` in the path stands for a name.
pub(crate) struct Key {
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
}

/// What a value must be.
pub(crate) enum Kind {
    /// A whole number, both ends inside.
    Number {
        min: u64,
        max: u64,
        unit: &'static str,
    },
    Province,
    /// A path in the file system.
    Folder,
    SocketAddress,
    /// An IP address and a port, or empty.
    SocketAddressOrEmpty,
    /// `true` or `false`.
    YesOrNo,
    /// The name of a header in small letters, or empty.
    HeaderOrEmpty,
    /// A password by argon2id, never shown.
    PasswordHash,
    HostPort,
    /// `http://host:port`.
    BaseUrl,
    /// One or more of them.
    BaseUrls,
    /// `http://host:port/path`, or empty.
    UrlOrEmpty,
    /// `host:port`, or empty.
    HostPortOrEmpty,
    /// So many digits.
    Digits {
        min: usize,
        max: usize,
    },
    /// So many letters, digits and blanks.
    Letters {
        exactly: usize,
    },
    /// A key of 8 or 16 bytes in hex, or empty.
    KeyOrEmpty,
    /// 32 bytes in hex, or empty.
    LongKeyOrEmpty,
    /// 32 bytes in hex.
    Pepper,
    /// The id of an SP.
    Sp,
    OneOf(&'static [&'static str]),
    /// Any text, never shown.
    SecretText,
    /// Anything but nothing.
    SomeText,
    AnyText,
}

/// What a `*` may be.
#[derive(Clone, Copy)]
pub(crate) enum Name {
    Replica,
    Province,
    PepperVersion,
    IsagNumber,
    Person,
    IvrGateway,
}

impl Name {
    /// The kind of name below `section`.
    pub(crate) fn below(section: &str) -> Self {
        match section {
            "founders" => Self::Replica,
            "provinces" => Self::Province,
            "isag_sps" => Self::IsagNumber,
            "portal_people" => Self::Person,
            "ivr_gateways" => Self::IvrGateway,
            _ => Self::PepperVersion,
        }
    }

    pub(crate) fn check(self, name: &str) -> Result<(), String> {
        let number = name.parse::<u64>().ok().filter(|number| number.to_string() == name);
        match self {
            Self::Replica if number.is_some_and(|number| (1..=REPLICA_NUMBER_MAX).contains(&number)) => Ok(()),
            Self::Replica => Err(format!("a replica is named by its number, from 1 to {REPLICA_NUMBER_MAX}")),
            Self::Province => name.parse::<ProvinceId>().map(drop).map_err(|reason| reason.to_string()),
            Self::PepperVersion if number.is_some_and(|number| (1..=u64::from(u16::MAX)).contains(&number)) => Ok(()),
            Self::PepperVersion => Err(format!("a pepper is named by its version, from 1 to {}", u16::MAX)),
            Self::IsagNumber if name.len() == NUMBER_DIGITS && name.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
            Self::Person if is_person(name) => Ok(()),
            Self::Person => Err("a person is named by 1 to 32 small letters, digits, '-' or '_'".to_owned()),
            Self::IsagNumber => Err(format!("an SP is named by its number at the ISAG, {NUMBER_DIGITS} digits")),
            Self::IvrGateway if is_gateway_name(name) => Ok(()),
            Self::IvrGateway => {
                Err(format!("a gateway is named by 1 to {NAME_BYTES_MAX} small letters, digits and single underscores"))
            }
        }
    }
}

impl Kind {
    /// Values of this kind are never shown.
    pub(crate) const fn is_secret(&self) -> bool {
        matches!(self, Self::Pepper | Self::KeyOrEmpty | Self::LongKeyOrEmpty | Self::SecretText | Self::PasswordHash)
    }

    /// What would be right, as the rest of a sentence.
    pub(crate) fn expected(&self) -> String {
        match self {
            Self::Number { min, max, unit } => {
                let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
                format!("must be a whole number from {min} to {max}{unit}")
            }
            Self::Province => {
                "must be a two-digit GB/T 2260 province code in quotes such as \"44\", or \"00\" for the national \
                 platform"
                    .into()
            }
            Self::Folder => "must be the path of a folder".into(),
            Self::SocketAddress => "must be an IP address and a port such as \"127.0.0.1:8080\"".into(),
            Self::SocketAddressOrEmpty => {
                "must be an IP address and a port such as \"127.0.0.1:8083\", or empty".into()
            }
            Self::YesOrNo => "must be true or false".into(),
            Self::HeaderOrEmpty => "must be the name of a header in small letters, or empty".into(),
            Self::PasswordHash => "must be a hash as `mpss portal-password` prints it (\"$argon2id$…\")".into(),
            Self::HostPort => "must be a host and a port such as \"10.44.0.1:8082\"".into(),
            Self::BaseUrl => "must be a URL of the form \"http://host:port\"".into(),
            Self::BaseUrls => format!("must be a list of 1 to {URLS_MAX} URLs of the form \"http://host:port\""),
            Self::UrlOrEmpty => "must be a URL of the form \"http://host:port/path\", or empty".into(),
            Self::HostPortOrEmpty => "must be a host and a port such as \"10.44.0.9:7001\", or empty".into(),
            Self::Digits { min, max } if min == max => format!("must be {min} digits"),
            Self::Digits { min, max } => format!("must be {min} to {max} digits"),
            Self::Letters { exactly } => format!("must be {exactly} letters, digits or blanks"),
            Self::KeyOrEmpty => "must be a key as 16 or 32 hex digits, or empty".into(),
            Self::LongKeyOrEmpty => "must be 32 bytes as 64 hex digits, or empty".into(),
            Self::Pepper => "must be 32 bytes as 64 hex digits".into(),
            Self::Sp => "must be the id of an SP such as \"S20260101120000000-44-00001\"".into(),
            Self::OneOf(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                format!("must be {}", words.join(" or "))
            }
            Self::SomeText => "must be a text that is not empty".into(),
            Self::AnyText | Self::SecretText => "must be a text".into(),
        }
    }

    /// The value in its proper type, or `None` when it is not what it must be. Texts are taken for
    /// numbers and lists where `lenient`: environment variables can not say it otherwise.
    pub(crate) fn read(&self, value: &Value, lenient: bool) -> Option<ValueKind> {
        match self {
            Self::Number { min, max, .. } => {
                let number = match &value.kind {
                    ValueKind::I64(number) => u64::try_from(*number).ok()?,
                    ValueKind::U64(number) => *number,
                    ValueKind::String(text) if lenient && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                        text.parse().ok()?
                    }
                    _ => return None,
                };
                (*min..=*max).contains(&number).then_some(ValueKind::U64(number))
            }
            Self::YesOrNo => match &value.kind {
                ValueKind::Boolean(yes) => Some(ValueKind::Boolean(*yes)),
                ValueKind::String(text) if lenient => text.parse().ok().map(ValueKind::Boolean),
                _ => None,
            },
            Self::BaseUrls => {
                let urls: Vec<&str> = match &value.kind {
                    ValueKind::Array(urls) => urls.iter().map(text_of).collect::<Option<_>>()?,
                    ValueKind::String(text) if lenient => text.split(',').map(str::trim).collect(),
                    _ => return None,
                };
                let good = (1..=URLS_MAX).contains(&urls.len()) && urls.iter().all(|url| is_base_url(url));
                let origin = value.origin().map(str::to_owned);
                let urls = urls.into_iter().map(|url| Value::new(origin.as_ref(), url)).collect();
                good.then_some(ValueKind::Array(urls))
            }
            _ => {
                let text = text_of(value).filter(|text| text.len() <= TEXT_BYTES_MAX && self.accepts(text))?;
                Some(ValueKind::String(text.to_owned()))
            }
        }
    }

    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Number { .. } | Self::BaseUrls | Self::YesOrNo => false,
            Self::Province => text.parse::<ProvinceId>().is_ok(),
            Self::Folder => !text.is_empty() && !text.contains('\0'),
            Self::SocketAddress => text.parse::<SocketAddr>().is_ok(),
            Self::SocketAddressOrEmpty => text.is_empty() || Self::SocketAddress.accepts(text),
            Self::HeaderOrEmpty => text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
            Self::PasswordHash => text.starts_with("$argon2id$") && text.split('$').count() == 6,
            Self::HostPort => is_host_port(text),
            Self::BaseUrl => is_base_url(text),
            Self::UrlOrEmpty => text.is_empty() || is_url(text),
            Self::HostPortOrEmpty => text.is_empty() || is_host_port(text),
            Self::Digits { min, max } => {
                (*min..=*max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
            }
            Self::Letters { exactly } => {
                text.len() == *exactly && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
            }
            Self::KeyOrEmpty => matches!(text.len(), 0 | 16 | 32) && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            Self::LongKeyOrEmpty => text.is_empty() || Self::Pepper.accepts(text),
            Self::Pepper => text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            Self::Sp => is_sp(text),
            Self::OneOf(words) => words.contains(&text),
            Self::SomeText => !text.trim().is_empty(),
            Self::AnyText | Self::SecretText => true,
        }
    }
}

fn is_gateway_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !name.contains("__")
}

fn text_of(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::String(text) => Some(text),
        _ => None,
    }
}

/// `http://host:port`; a slash at the end does no harm. There is no TLS between provinces yet, so
/// `https` is refused here instead of failing at the first call.
fn is_base_url(text: &str) -> bool {
    text.strip_prefix("http://").is_some_and(|rest| is_host_port(rest.strip_suffix('/').unwrap_or(rest)))
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://") else { return false };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    is_host_port(authority) && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let port_is_good = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let host_is_good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
        }
    };
    host_is_good && port_is_good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_what_looks_like_one() {
        for text in ["http://10.44.0.1:8080", "http://node-1.gd.example:1", "http://[::1]:65535", "http://h:80/"] {
            assert!(is_base_url(text), "{text}");
        }
        for text in [
            "",
            "http://",
            "https://h:80",
            "http://h",
            "http://h:",
            "http://h:0",
            "http://h:65536",
            "http://h:+80",
            "http://h:80/x",
            "http://user@h:80",
            "http://h h:80",
            "HTTP://h:80",
            "http://::1:80",
            "http://[::g]:80",
            "h:80",
        ] {
            assert!(!is_base_url(text), "{text}");
        }
        assert!(is_url("http://h:9000/messages?x=1") && is_url("http://h:9000"));
        assert!(!is_url("http://h:9000/a b") && !is_url("http://h:9000/#x") && !is_url("ftp://h:9000/"));
    }

    #[test]
    fn names_are_written_in_one_way_only() {
        for (name, kind) in [("1", Name::Replica), ("00", Name::Province), ("65535", Name::PepperVersion)] {
            assert_eq!(kind.check(name), Ok(()));
        }
        for (name, kind) in [
            ("0", Name::Replica),
            ("01", Name::Replica),
            ("+1", Name::Replica),
            ("1000001", Name::Replica),
            ("4", Name::Province),
            ("99", Name::Province),
            ("0", Name::PepperVersion),
            ("65536", Name::PepperVersion),
            ("one", Name::PepperVersion),
            ("Centre", Name::IvrGateway),
            ("", Name::IvrGateway),
        ] {
            assert!(kind.check(name).is_err(), "{name}");
        }
    }
}
