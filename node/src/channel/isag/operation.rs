//! What an SP asks: the operations of Parlay X Payment that are offered, read from the body of a message. Parts are
//! known by their names, whatever namespace they are in and in whatever order they come.

use mpss_domain::{Money, Msisdn};
use serde::Serialize;

use super::fault::{Code, Fault};
use super::names::{Interface, Names};
use crate::intake::amount;
use crate::intake::field::Shown;
use crate::soap::Element;

/// Characters of a reference code or of the number of a reservation at most.
const REFERENCE_CHARS_MAX: usize = 64;
/// Characters of a description at most.
const DESCRIPTION_CHARS_MAX: usize = 500;
/// What stands for yuan; `0` and nothing, too.
const CURRENCIES: [&str; 4] = ["CNY", "156", "RMB", "0"];
/// The same for whoever is told.
const CURRENCIES_TOLD: &str = "CNY, 156, RMB, 0";

/// What to charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Charge {
    /// For the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// How much, in fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    /// For what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Charge the subscriber.
    ChargeAmount { user: Shown<Msisdn>, charge: Charge, reference: String },
    /// Give back what was charged.
    RefundAmount { user: Shown<Msisdn>, charge: Charge, reference: String },
    /// Hold an amount.
    ReserveAmount { user: Shown<Msisdn>, charge: Charge },
    /// Hold more.
    ReserveAdditionalAmount { reservation: String },
    /// Take what is held, all or a part.
    ChargeReservation { reservation: String, charge: Charge, reference: String },
    /// Let go of what is held.
    ReleaseReservation { reservation: String },
}

impl Operation {
    /// Reads what `body` asks of `interface`.
    ///
    /// # Errors
    /// A fault that names the part to blame.
    pub(crate) fn read(interface: Interface, body: &Element) -> Result<Self, Fault> {
        match Names::of_local(&body.namespace) {
            Some((_, asked)) if asked == interface => Self::of(interface, body),
            _ => Err(Fault::Soap("soapenv:Client", format!("no message of {} is in this namespace", interface.name()))),
        }
    }

    fn of(interface: Interface, body: &Element) -> Result<Self, Fault> {
        let user = || end_user(body);
        let charge = || Charge::read(body);
        let reference = || reference_of(body, "referenceCode");
        let reservation = || reference_of(body, "reservationIdentifier");
        Ok(match (interface, body.name.as_str()) {
            (Interface::AmountCharging, "chargeAmount") => {
                Self::ChargeAmount { user: user()?, charge: charge()?, reference: reference()? }
            }
            (Interface::AmountCharging, "refundAmount") => {
                Self::RefundAmount { user: user()?, charge: charge()?, reference: reference()? }
            }
            (Interface::ReserveAmountCharging, "reserveAmount") => {
                Self::ReserveAmount { user: user()?, charge: charge()? }
            }
            (Interface::ReserveAmountCharging, "reserveAdditionalAmount") => {
                Self::ReserveAdditionalAmount { reservation: reservation()? }
            }
            (Interface::ReserveAmountCharging, "chargeReservation") => {
                Self::ChargeReservation { reservation: reservation()?, charge: charge()?, reference: reference()? }
            }
            (Interface::ReserveAmountCharging, "releaseReservation") => {
                Self::ReleaseReservation { reservation: reservation()? }
            }
            (_, name) => {
                let what = format!("{} has no operation {name}", interface.name());
                return Err(Fault::Soap("soapenv:Client", what));
            }
        })
    }

    /// Its name, as it is answered.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ChargeAmount { .. } => "chargeAmount",
            Self::RefundAmount { .. } => "refundAmount",
            Self::ReserveAmount { .. } => "reserveAmount",
            Self::ReserveAdditionalAmount { .. } => "reserveAdditionalAmount",
            Self::ChargeReservation { .. } => "chargeReservation",
            Self::ReleaseReservation { .. } => "releaseReservation",
        }
    }
}

impl Charge {
    /// `charge`, or what stood in its place in version 2.0: `amount` and `billingText`.
    fn read(body: &Element) -> Result<Self, Fault> {
        let charge = part(body, "charge")?;
        let (inside, text) = match charge {
            Some(charge) => (charge, "description"),
            None => (body, "billingText"),
        };
        if inside.named(text).count() > 1 {
            return Err(Code::Descriptions.with(["charge"]));
        }
        let description = part(inside, text)?.and_then(Element::word);
        if description.is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
            return Err(Fault::input("charge.description"));
        }
        let currency = part(inside, "currency")?.and_then(Element::word);
        if currency.is_some_and(|currency| !CURRENCIES.contains(&currency.to_ascii_uppercase().as_str())) {
            return Err(Code::InputChoice.with(["charge.currency", CURRENCIES_TOLD]));
        }
        let amount = part(inside, "amount")?.and_then(Element::word).map(yuan).transpose()?;
        let code = part(inside, "code")?.and_then(Element::word);
        if code.is_some_and(|code| !is_reference(code)) {
            return Err(Fault::input("charge.code"));
        }
        Ok(Self { description: description.map(str::to_owned), amount, code: code.map(str::to_owned) })
    }
}

/// A part that may be there once.
fn part<'a>(parent: &'a Element, name: &'static str) -> Result<Option<&'a Element>, Fault> {
    let mut found = parent.children.iter().filter(|child| child.name == name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(Fault::input(name)),
    }
}

fn end_user(body: &Element) -> Result<Shown<Msisdn>, Fault> {
    let text = part(body, "endUserIdentifier")?.and_then(Element::word).unwrap_or_default();
    let number = text.parse().map_err(|_| Code::Address.with(["endUserIdentifier"]))?;
    Ok(Shown(number))
}

fn reference_of(body: &Element, name: &'static str) -> Result<String, Fault> {
    let text = part(body, name)?.and_then(Element::word).filter(|text| is_reference(text));
    text.map(str::to_owned).ok_or_else(|| Fault::input(name))
}

/// 1 to 64 visible ASCII characters.
fn is_reference(text: &str) -> bool {
    (1..=REFERENCE_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `xsd:decimal` in yuan, as far as it is whole fen: a plus in front and zeros at both ends mean nothing.
fn yuan(text: &str) -> Result<Money, Fault> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let places = places.trim_end_matches('0');
    let plain = if places.is_empty() { whole.to_owned() } else { format!("{whole}.{places}") };
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    match amount::amount("amount", &plain) {
        Ok(money) if digits => Ok(money),
        _ => Err(Fault::input("charge.amount")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::Family;
    use super::*;
    use crate::soap::read;

    fn body(name: &str, parts: &str) -> Element {
        let namespace = Names::served(Family::ParlayX).local(Interface::AmountCharging);
        read(format!("<n:{name} xmlns:n='{namespace}'>{parts}</n:{name}>").as_bytes()).expect("a body")
    }

    fn charged(parts: &str) -> Result<Operation, Fault> {
        Operation::read(Interface::AmountCharging, &body("chargeAmount", parts))
    }

    const USER: &str = "<n:endUserIdentifier>tel:8618912345678</n:endUserIdentifier>";
    const REFERENCE: &str = "<n:referenceCode>R-1</n:referenceCode>";

    #[test]
    fn parts_are_found_wherever_they_stand() {
        let number = Msisdn::new(18_912_345_678).expect("a number");
        let whole =
            Charge { description: Some("a ticket".into()), amount: Some(Money::yuan(10)), code: Some("G1".into()) };
        let wanted = Operation::ChargeAmount { user: Shown(number), charge: whole, reference: "R-1".into() };
        for charge in [
            "<n:charge><description>a ticket</description><currency>CNY</currency><amount>10</amount><code>G1</code></n:charge>",
            "<charge><n:code>G1</n:code><n:amount>+010.00</n:amount><n:currency/><n:description> a ticket </n:description></charge>",
            "<n:charge><code>G1</code><currency>rmb</currency><amount>10.000</amount><description>a ticket</description></n:charge>",
            "<code>G1</code><n:amount>10.0</n:amount><billingText>a ticket</billingText>",
        ] {
            assert_eq!(charged(&format!("{REFERENCE}{charge}{USER}")).as_ref(), Ok(&wanted), "{charge}");
        }
        for user in ["tel:+8618912345678", "+8618912345678", "18912345678", " 8618912345678 "] {
            let parts =
                format!("<endUserIdentifier>{user}</endUserIdentifier><charge><code>G1</code></charge>{REFERENCE}");
            assert!(matches!(charged(&parts), Ok(Operation::ChargeAmount { user, .. }) if user == Shown(number)));
        }
    }

    #[test]
    fn a_part_that_can_not_be_so_is_named() {
        let told = |parts: String| {
            let fault = charged(&parts).expect_err(&parts);
            format!("{} {}", fault.code(), fault.text().rsplit(' ').next().expect("a word"))
        };
        let charge = |inside: &str| format!("{USER}<charge>{inside}</charge>{REFERENCE}");
        assert_eq!(told(format!("<charge/>{REFERENCE}")), "SVC0004 endUserIdentifier");
        assert_eq!(
            told(format!("<endUserIdentifier>sip:x@y</endUserIdentifier><charge/>{REFERENCE}")),
            "SVC0004 endUserIdentifier"
        );
        assert_eq!(told(format!("{USER}{USER}<charge/>{REFERENCE}")), "SVC0002 endUserIdentifier");
        assert_eq!(told(format!("{USER}<charge/>")), "SVC0002 referenceCode");
        assert_eq!(
            told(format!("{USER}<charge/><referenceCode>{}</referenceCode>", "r".repeat(65))),
            "SVC0002 referenceCode"
        );
        assert_eq!(told(format!("{USER}<charge/><referenceCode>a b</referenceCode>")), "SVC0002 referenceCode");
        assert_eq!(told(charge("<amount>1,00</amount>")), "SVC0002 charge.amount");
        assert_eq!(told(charge("<amount>.</amount>")), "SVC0002 charge.amount");
        assert_eq!(told(charge("<amount>-1</amount>")), "SVC0002 charge.amount");
        assert_eq!(told(charge("<amount>0.001</amount>")), "SVC0002 charge.amount");
        assert_eq!(told(charge("<amount>1e3</amount>")), "SVC0002 charge.amount");
        assert_eq!(told(charge("<amount>99999999999999999999</amount>")), "SVC0002 charge.amount");
        assert_eq!(told(charge("<amount>1</amount><amount>2</amount>")), "SVC0002 amount");
        assert_eq!(told(charge("<currency>USD</currency>")), "SVC0003 0");
        assert_eq!(told(charge("<code>商品</code>")), "SVC0002 charge.code");
        assert_eq!(told(charge("<description>a</description><description>b</description>")), "POL0012 charge");
    }

    #[test]
    fn each_interface_has_its_own_operations() {
        let reserve = body("reserveAmount", USER);
        for interface in Interface::ALL {
            assert_eq!(Operation::read(interface, &reserve).expect_err("not here").code(), "soapenv:Client");
        }
    }
}
