//! Identities. Orders, payments and whatever else is issued sort by time and name the province
//! that issued them (product §4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::{LogTime, civil, from_civil};

/// A province by its GB/T 2260 two-digit code; `00` is the national platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProvinceId(u8);

impl ProvinceId {
    /// The national platform.
    pub const NATIONAL: Self = Self(0);
    /// The 31 provinces that have a home network, ascending.
    pub const ALL: [u8; 31] = [
        11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62,
        63, 64, 65,
    ];

    /// The province with this code, or `None` when there is no such province.
    #[must_use]
    pub fn new(code: u8) -> Option<Self> {
        (code == 0 || Self::ALL.binary_search(&code).is_ok()).then_some(Self(code))
    }

    /// The numeric code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// True for the national platform.
    #[must_use]
    pub const fn is_national(self) -> bool {
        self.0 == 0
    }

    /// The Chinese name.
    #[must_use]
    pub const fn name_zh(self) -> &'static str {
        match self.0 {
            0 => "全国平台",
            11 => "北京",
            12 => "天津",
            13 => "河北",
            14 => "山西",
            15 => "内蒙古",
            21 => "辽宁",
            22 => "吉林",
            23 => "黑龙江",
            31 => "上海",
            32 => "江苏",
            33 => "浙江",
            34 => "安徽",
            35 => "福建",
            36 => "江西",
            37 => "山东",
            41 => "河南",
            42 => "湖北",
            43 => "湖南",
            44 => "广东",
            45 => "广西",
            46 => "海南",
            50 => "重庆",
            51 => "四川",
            52 => "贵州",
            53 => "云南",
            54 => "西藏",
            61 => "陕西",
            62 => "甘肃",
            63 => "青海",
            64 => "宁夏",
            _ => "新疆",
        }
    }

    /// The English name.
    #[must_use]
    pub const fn name_en(self) -> &'static str {
        match self.0 {
            0 => "National platform",
            11 => "Beijing",
            12 => "Tianjin",
            13 => "Hebei",
            14 => "Shanxi",
            15 => "Inner Mongolia",
            21 => "Liaoning",
            22 => "Jilin",
            23 => "Heilongjiang",
            31 => "Shanghai",
            32 => "Jiangsu",
            33 => "Zhejiang",
            34 => "Anhui",
            35 => "Fujian",
            36 => "Jiangxi",
            37 => "Shandong",
            41 => "Henan",
            42 => "Hubei",
            43 => "Hunan",
            44 => "Guangdong",
            45 => "Guangxi",
            46 => "Hainan",
            50 => "Chongqing",
            51 => "Sichuan",
            52 => "Guizhou",
            53 => "Yunnan",
            54 => "Tibet",
            61 => "Shaanxi",
            62 => "Gansu",
            63 => "Qinghai",
            64 => "Ningxia",
            _ => "Xinjiang",
        }
    }
}

impl fmt::Display for ProvinceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// A text that is not the identity it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct IdError(pub &'static str);

impl FromStr for ProvinceId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = text.as_bytes();
        if bytes.len() != 2 || !bytes.iter().all(u8::is_ascii_digit) {
            return Err(IdError(
                "a province is a two-digit GB/T 2260 code such as 44, or 00 for the national platform",
            ));
        }
        Self::new((bytes[0] - b'0') * 10 + (bytes[1] - b'0')).ok_or(IdError("there is no province with this code"))
    }
}

/// A subscriber number: 11 digits, starting with 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Msisdn(u64);

impl Msisdn {
    /// The number, or `None` unless it has 11 digits and starts with 1.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number >= 10_000_000_000 && number < 20_000_000_000 { Some(Self(number)) } else { None }
    }

    /// The 11 digits as a number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The first seven digits, by which the number plan is looked up.
    #[must_use]
    pub const fn prefix(self) -> u32 {
        (self.0 / 10_000) as u32
    }

    /// The number with its middle hidden, as it may appear in logs: `189****1234`.
    #[must_use]
    pub fn masked(self) -> String {
        format!("{}****{:04}", self.0 / 100_000_000, self.0 % 10_000)
    }
}

impl fmt::Display for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Msisdn {
    /// Masked: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl FromStr for Msisdn {
    type Err = IdError;
    /// Accepts `+86`, `86` and `tel:` in front and normalises them away.
    fn from_str(text: &str) -> Result<Self, IdError> {
        const WHAT: IdError = IdError("a subscriber number has 11 digits and starts with 1");
        let text = text.strip_prefix("tel:").unwrap_or(text);
        let text = text.strip_prefix("+86").unwrap_or(text);
        let text = if text.len() == 13 { text.strip_prefix("86").unwrap_or(text) } else { text };
        if text.len() != 11 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(WHAT);
        }
        text.parse().ok().and_then(Self::new).ok_or(WHAT)
    }
}

/// One subscriber's code, unique in the nation: province, serial number, check digit (Luhn).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CustomerCode(u64);

impl CustomerCode {
    /// The code of the `serial`-th subscriber of a province.
    #[must_use]
    pub fn issue(province: ProvinceId, serial: u64) -> Self {
        let body = u64::from(province.code()) * 10_000_000_000 + serial % 10_000_000_000;
        Self(body * 10 + luhn_check_digit(body))
    }

    /// The code as a number (13 digits, leading zeros left out).
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

fn luhn_check_digit(mut body: u64) -> u64 {
    let (mut sum, mut double) = (0, true);
    while body > 0 {
        let digit = body % 10;
        sum += if double { digit * 2 / 10 + digit * 2 % 10 } else { digit };
        double = !double;
        body /= 10;
    }
    (10 - sum % 10) % 10
}

impl fmt::Display for CustomerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013}", self.0)
    }
}

/// The parts of an issued identity: 41 bits of milliseconds since 2020-01-01 UTC, 7 bits of province,
/// 16 bits of serial number inside the millisecond.
const EPOCH_2020_MS: u64 = 1_577_836_800_000;
const SERIAL_BITS: u32 = 16;
const PROVINCE_BITS: u32 = 7;

/// What every issued identity shares.
pub trait IssuedId: Copy + Ord + fmt::Display {
    /// The letter its text starts with.
    const LETTER: char;

    /// The identity with these bits.
    fn from_bits(bits: u64) -> Self;

    /// The identity's 64 bits; they sort by time.
    fn bits(self) -> u64;

    /// The identity issued at `at` by `province` as number `serial` inside that millisecond.
    fn issue(at: LogTime, province: ProvinceId, serial: u16) -> Self {
        let ms = at.0.saturating_sub(EPOCH_2020_MS);
        Self::from_bits(
            (ms << (SERIAL_BITS + PROVINCE_BITS)) | (u64::from(province.code()) << SERIAL_BITS) | u64::from(serial),
        )
    }

    /// When it was issued.
    fn issued_at(self) -> LogTime {
        LogTime((self.bits() >> (SERIAL_BITS + PROVINCE_BITS)) + EPOCH_2020_MS)
    }

    /// The province that issued it. `None` for bits that no province could have issued.
    fn province(self) -> Option<ProvinceId> {
        ProvinceId::new((self.bits() >> SERIAL_BITS) as u8 & 0x7f)
    }
}

fn format_issued(letter: char, bits: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (y, mo, d, h, mi, s, ms) = civil((bits >> (SERIAL_BITS + PROVINCE_BITS)) + EPOCH_2020_MS);
    let province = (bits >> SERIAL_BITS) & 0x7f;
    let serial = bits & 0xffff;
    write!(f, "{letter}{y:04}{mo:02}{d:02}{h:02}{mi:02}{s:02}{ms:03}-{province:02}-{serial:05}")
}

fn parse_issued(letter: char, text: &str) -> Option<u64> {
    // L yyyymmddhhmmssmmm - pp - sssss
    let bytes = text.as_bytes();
    if bytes.len() != 27 || bytes[0] != letter as u8 || bytes[18] != b'-' || bytes[21] != b'-' {
        return None;
    }
    let digits = |from: usize, to: usize| -> Option<u64> {
        bytes[from..to].iter().try_fold(0_u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
    };
    let at = from_civil(
        digits(1, 5)?,
        digits(5, 7)?,
        digits(7, 9)?,
        digits(9, 11)?,
        digits(11, 13)?,
        digits(13, 15)?,
        digits(15, 18)?,
    )?;
    let ms = at.checked_sub(EPOCH_2020_MS)?;
    let province = ProvinceId::new(u8::try_from(digits(19, 21)?).ok()?)?;
    let serial = u16::try_from(digits(22, 27)?).ok()?;
    if ms >> (64 - SERIAL_BITS - PROVINCE_BITS) != 0 {
        return None;
    }
    Some((ms << (SERIAL_BITS + PROVINCE_BITS)) | (u64::from(province.code()) << SERIAL_BITS) | u64::from(serial))
}

/// Names that others give: up to 32 printable ASCII characters without spaces.
macro_rules! given_names {
    ($($(#[$doc:meta])* $name:ident $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 32]);

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let mut bytes = [0; 32];
                if text.is_empty() || text.len() > bytes.len() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(IdError($what));
                }
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                Ok(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = self.0.split(|byte| *byte == 0).next().unwrap_or_default();
                f.write_str(&String::from_utf8_lossy(text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

given_names! {
    /// The name an SP gives to a batch.
    BatchId "a batch id has 1 to 32 printable ASCII characters without spaces";
    /// The number an SP gave to a bill.
    BillNumber "a bill number has 1 to 32 printable ASCII characters without spaces";
    /// The number an SP gave to a draw.
    DrawId "a draw id has 1 to 32 printable ASCII characters without spaces";
    /// The number an SP gives to goods it uploads.
    GoodsReference "a reference has 1 to 32 printable ASCII characters without spaces";
    /// The number a carrier gave to goods.
    TrackingNumber "a tracking number has 1 to 32 printable ASCII characters without spaces";
    /// The number the UPP gave to an order, a reversal or a refund.
    UppNumber "a number of the UPP has 1 to 32 printable ASCII characters without spaces";
    /// What a key that an SP signs with is called; no two of one SP are called the same.
    SpKeyId "a key id has 1 to 32 printable ASCII characters without spaces";
}

macro_rules! issued_ids {
    ($($(#[$doc:meta])* $name:ident $letter:literal $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(u64);

        impl IssuedId for $name {
            const LETTER: char = $letter;
            fn from_bits(bits: u64) -> Self { Self(bits) }
            fn bits(self) -> u64 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                format_issued($letter, self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_issued($letter, text).map(Self).ok_or(IdError($what))
            }
        }
    )*};
}

issued_ids! {
    /// An account of a subscriber; issued by the home province.
    AccountId 'A' "an account id looks like A20260101120000000-44-00001";
    /// An order; issued by the serving province.
    OrderId 'O' "an order id looks like O20260101120000000-44-00001";
    /// A payment; issued by the serving province together with its order.
    PaymentId 'P' "a payment id looks like P20260101120000000-44-00001";
    /// A reversal of one order or transfer.
    ReversalId 'V' "a reversal id looks like V20260101120000000-44-00001";
    /// A refund of one order, whole or partial.
    RefundId 'R' "a refund id looks like R20260101120000000-44-00001";
    /// A phone-to-phone transfer; issued by the payer's home province.
    TransferId 'T' "a transfer id looks like T20260101120000000-44-00001";
    /// A top-up.
    TopUpId 'U' "a top-up id looks like U20260101120000000-44-00001";
    /// A service provider; issued where it was admitted.
    SpId 'S' "an SP id looks like S20260101120000000-44-00001";
    /// An application of an SP that wants to be admitted; issued where it was asked for.
    SpApplicationId 'L' "an SP application id looks like L20260101120000000-44-00001";
    /// A card that a bank binds to a number; issued by the number's home province.
    BindingId 'B' "a binding id looks like B20260101120000000-44-00001";
    /// A call to a peer outside; issued by the home province.
    CallId 'C' "a call id looks like C20260101120000000-44-00001";
    /// An award of an SP; issued by the province that serves it.
    AwardId 'W' "an award id looks like W20260101120000000-44-00001";
    /// A card that a subscriber wants to be bound; issued by the home province.
    WishId 'Q' "a wish id looks like Q20260101120000000-44-00001";
    /// A product; issued where it was uploaded, which is where it is sold.
    ProductId 'G' "a product id looks like G20260101120000000-44-00001";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issued_id_names_its_province_and_sorts_by_time() {
        let province = ProvinceId::new(44).expect("Guangdong");
        let at = LogTime(1_795_437_296_789);
        let first = OrderId::issue(at, province, 17);
        let second = OrderId::issue(at.plus_ms(1), ProvinceId::NATIONAL, 0);
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!((first.issued_at(), first.province()), (at, Some(province)));
        assert_eq!(first.to_string().parse(), Ok(first));
        assert!("O2026112312345678-44-00017".parse::<OrderId>().is_err());
        assert!(first.to_string().replace('O', "P").parse::<OrderId>().is_err());
        assert!("O20261123123456789-99-00017".parse::<OrderId>().is_err());
        assert!("O20261123123456789-44-99999".parse::<OrderId>().is_err());
    }

    #[test]
    fn numbers_are_normalised_and_masked() {
        for text in ["18912345678", "+8618912345678", "8618912345678", "tel:+8618912345678", "tel:18912345678"] {
            assert_eq!(text.parse::<Msisdn>().map(Msisdn::number), Ok(18_912_345_678), "{text}");
        }
        for text in ["", "1891234567", "28912345678", "١٨٩١٢٣٤٥٦٧٨", "189123456789", "8618912345678 ", "+861891234567x"]
        {
            assert!(text.parse::<Msisdn>().is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", Msisdn::new(18_912_345_678).expect("valid")), "189****5678");
    }

    #[test]
    fn customer_codes_carry_a_luhn_digit() {
        let code = CustomerCode::issue(ProvinceId::new(44).expect("Guangdong"), 1);
        assert_eq!(code.to_string(), "4400000000016");
    }
}
