//! Faults: what an SP is told that did not get what it asked for. One table says which code a refusal of ours is.
//!
//! `SVC` codes are about the request, or say that the service could not do it; `POL` codes say that it may not be done.
//! 0001 to 0199 are common to all of Parlay X, 0200 to 0999 its own, from 1000 on an operator's.

use mpss_domain::Refusal;

use super::names::Names;
use crate::not_done::NotDone;
use crate::soap::{NotSoap, fault_of};

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The message is no message of SOAP 1.1 that is understood here: the code that SOAP has for it, and why.
    Soap(&'static str, String),
    /// A code of Parlay X and what its text names.
    Coded(Code, Vec<String>),
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal $text:literal;)*) => {
        /// The codes that are answered here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code.
            pub(crate) const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// Its text; `%1` stands for the first of what it names, and so on.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The service could not do it.
    Service = "SVC0001" "A service error occurred. Error code is %1";
    /// A part of the message can not be so.
    Input = "SVC0002" "Invalid input value for message part %1";
    /// A part of the message must be one of a few.
    InputChoice = "SVC0003" "Invalid input value for message part %1, valid values are %2";
    /// The address is no subscriber's.
    Address = "SVC0004" "No valid addresses provided in message part %1";
    /// What to charge is not said, or contradicts itself.
    Charging = "SVC0007" "Invalid charging information";
    /// It was not charged.
    NotCharged = "SVC0270" "Charging operation failed, the charge was not applied";
    /// The text is too long.
    TooLong = "SVC0280" "Message too long. Maximum length is %1 characters";
    /// What becomes of texts is asked for, not told.
    NoReceipts = "SVC0283" "Delivery receipt is not supported";
    /// There is no room for it now; nothing happened.
    NoResources = "SVC1000" "No resources";
    /// It may not be done.
    Policy = "POL0001" "A policy error occurred. Error code is %1";
    /// More addresses than one message may have.
    TooManyAddresses = "POL0003" "Too many addresses specified in message part %1";
    /// Texts are not charged for.
    ChargingNotSupported = "POL0008" "Charging is not supported";
    /// More descriptions than one.
    Descriptions = "POL0012" "Too many description entries specified in message part %1";
    /// The balance is too small.
    Balance = "POL1000" "The balance of the subscriber's account is too small";
    /// The subscriber has no account for it.
    NotProvisioned = "POL1009" "The subscriber is not provisioned for %1";
    /// Subscriber or SP may not use it now.
    Suspended = "POL1010" "Suspended from %1";
}

impl Code {
    fn is_policy(self) -> bool {
        self.id().starts_with("POL")
    }

    /// The fault, with what its text names.
    pub(crate) fn with<const N: usize>(self, variables: [&str; N]) -> Fault {
        Fault::Coded(self, variables.map(str::to_owned).to_vec())
    }
}

impl Fault {
    /// The message is understood, and a part of it can not be so.
    pub(crate) fn input(part: &str) -> Self {
        Code::Input.with([part])
    }

    /// The code as it is answered.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Soap(code, _) => code,
            Self::Coded(code, _) => code.id(),
        }
    }

    /// The text as it is answered.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Soap(_, why) => why.clone(),
            Self::Coded(code, variables) => {
                let filled = variables.iter().enumerate().map(|(at, value)| (format!("%{}", at + 1), value));
                filled.fold(code.text().to_owned(), |text, (place, value)| text.replace(&place, value))
            }
        }
    }

    /// The message that says so, in these names.
    pub(crate) fn written(&self, names: Names) -> String {
        fault_of(self.code(), &self.text(), |fault| {
            // By SOAP's own rule a fault that is not about the body has no detail.
            let Self::Coded(code, variables) = self else { return };
            let exception = if code.is_policy() { "ns1:PolicyException" } else { "ns1:ServiceException" };
            fault.element("detail", &[], |detail| {
                detail.element(exception, &[("xmlns:ns1", &names.shared())], |exception| {
                    exception.leaf("messageId", code.id());
                    exception.leaf("text", code.text());
                    for value in variables {
                        exception.leaf("variables", value);
                    }
                });
            });
        })
    }
}

impl From<NotSoap> for Fault {
    fn from(error: NotSoap) -> Self {
        match error {
            NotSoap::Version => Self::Soap("soapenv:VersionMismatch", error.to_string()),
            error => Self::Soap("soapenv:Client", error.to_string()),
        }
    }
}

impl From<NotDone> for Fault {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Refused { refusal, .. } => refusal.into(),
            NotDone::Malformed { code, .. } => Code::Policy.with([code]),
            NotDone::Busy { .. } | NotDone::Unavailable(_) | NotDone::SealKey(_) => Code::NoResources.with([]),
            NotDone::Unknown => unknown(),
        }
    }
}

/// Nobody knows yet what comes of it.
pub(crate) fn unknown() -> Fault {
    Code::Service.with(["outcome_unknown: the same request may be sent again"])
}

/// The table: every refusal that an SP can meet at this door has its code here; any other is told by its name.
impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        use Refusal as R;
        match refusal {
            R::DuplicateRequest | R::RequestTooOld => Self::input("referenceCode"),
            R::UnknownNumber | R::ForeignOperator => Code::Address.with(["endUserIdentifier"]),
            R::ProductNotFound | R::ProductNotPublished => Self::input("charge.code"),
            R::PriceChanged => Code::Charging.with([]),
            R::OrderNotFound => Self::input("reservationIdentifier"),
            R::AmountOutOfRange | R::RefundExceedsPaid | R::WholePiecesOnly => Self::input("charge.amount"),
            R::InsufficientFunds => Code::Balance.with([]),
            R::AccountNotFound | R::AccountClosed | R::AccountPending | R::NoBankAccount => {
                Code::NotProvisioned.with([refusal.code()])
            }
            R::AccountFrozen | R::SpSuspended | R::LineNotInService => Code::Suspended.with([refusal.code()]),
            R::ConfirmationRefused | R::ConfirmationExpired => Code::NotCharged.with([]),
            R::DeclinedOutside | R::CardUnusable | R::Unresolved | R::AlreadyReversed => Code::NotCharged.with([]),
            R::RailUnavailable | R::NotYet | R::NotHome => Code::NoResources.with([]),
            other => Code::Policy.with([other.code()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::{CTCC_COMMON, Family};
    use super::*;

    #[test]
    fn codes_are_distinct_and_name_what_their_texts_need() {
        let mut ids: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
        ids.dedup();
        assert_eq!(ids.len(), Code::ALL.len());
        for (refusal, code, text) in [
            (Refusal::DuplicateRequest, "SVC0002", "Invalid input value for message part referenceCode"),
            (Refusal::ForeignOperator, "SVC0004", "No valid addresses provided in message part endUserIdentifier"),
            (Refusal::InsufficientFunds, "POL1000", "The balance of the subscriber's account is too small"),
            (Refusal::AccountFrozen, "POL1010", "Suspended from account_frozen"),
            (Refusal::DeclinedOutside, "SVC0270", "Charging operation failed, the charge was not applied"),
            (Refusal::DailyLimitExceeded, "POL0001", "A policy error occurred. Error code is daily_limit_exceeded"),
        ] {
            let fault = Fault::from(refusal);
            assert_eq!((fault.code(), fault.text().as_str()), (code, text));
            let Fault::Coded(coded, variables) = &fault else { panic!("{fault:?}") };
            assert_eq!(coded.text().matches('%').count(), variables.len(), "{fault:?}");
        }
    }

    #[test]
    fn a_fault_is_written_byte_for_byte() {
        let written = Code::InputChoice.with(["currency", "CNY, 156"]).written(Names::served(Family::ParlayX));
        let golden = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body><soapenv:Fault>\
            <faultcode>SVC0003</faultcode>\
            <faultstring>Invalid input value for message part currency, valid values are CNY, 156</faultstring>\
            <detail><ns1:ServiceException xmlns:ns1=\"http://www.csapi.org/schema/parlayx/common/v2_1\">\
            <messageId>SVC0003</messageId>\
            <text>Invalid input value for message part %1, valid values are %2</text>\
            <variables>currency</variables><variables>CNY, 156</variables>\
            </ns1:ServiceException></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>\n";
        assert_eq!(written, golden);
        let policy = Code::Policy.with(["x"]).written(Names::served(Family::Ctcc));
        assert!(policy.contains(&format!("<ns1:PolicyException xmlns:ns1=\"{CTCC_COMMON}\">")), "{policy}");
        let soap = Fault::from(NotSoap::Version).written(Names::served(Family::Ctcc));
        assert!(soap.contains("<faultcode>soapenv:VersionMismatch</faultcode>") && !soap.contains("detail"), "{soap}");
    }
}
