//! The namespaces of Parlay X, and of China Telecom's profile of it (CTCC): one rule makes the second from the first.

/// Whose names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// ETSI's and 3GPP's.
    ParlayX,
    /// China Telecom's.
    Ctcc,
}

/// Of which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 2.0.
    V2_0,
    /// 2.1, which the WSDL served here is of.
    V2_1,
    /// 2.2, which the WSDL of texts served here is of.
    V2_2,
    /// 3.1.
    V3_1,
}

/// What may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    /// Amounts that are charged and refunded.
    AmountCharging,
    /// Amounts that are reserved first.
    ReserveAmountCharging,
    /// Texts to subscribers.
    SendSms,
    /// What the ISAG tells of our texts to subscribers, and what they send.
    SmsNotification,
}

/// The names that one message uses, and its answer with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names {
    /// Whose.
    pub(crate) family: Family,
    /// Of which version.
    pub(crate) version: Version,
}

/// The namespace of China Telecom's common types, in which headers are.
pub(crate) const CTCC_COMMON: &str = "http://www.chinatelecom.com.cn/schema/ctcc/common/v2_1";

impl Family {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::ParlayX, Self::Ctcc];

    /// How it is named in addresses of this door.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::ParlayX => "parlayx",
            Self::Ctcc => "ctcc",
        }
    }

    const fn authority(self) -> &'static str {
        match self {
            Self::ParlayX => "http://www.csapi.org",
            Self::Ctcc => "http://www.chinatelecom.com.cn",
        }
    }
}

impl Version {
    const ALL: [Self; 4] = [Self::V2_0, Self::V2_1, Self::V2_2, Self::V3_1];

    const fn word(self) -> &'static str {
        match self {
            Self::V2_0 => "v2_0",
            Self::V2_1 => "v2_1",
            Self::V2_2 => "v2_2",
            Self::V3_1 => "v3_1",
        }
    }
}

impl Interface {
    /// All of them.
    pub(crate) const ALL: [Self; 4] =
        [Self::AmountCharging, Self::ReserveAmountCharging, Self::SendSms, Self::SmsNotification];

    /// Its name, in WSDL and in its address.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AmountCharging => "AmountCharging",
            Self::ReserveAmountCharging => "ReserveAmountCharging",
            Self::SendSms => "SendSms",
            Self::SmsNotification => "SmsNotification",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::AmountCharging => "payment/amount_charging",
            Self::ReserveAmountCharging => "payment/reserve_amount_charging",
            Self::SendSms => "sms/send",
            Self::SmsNotification => "sms/notification",
        }
    }

    /// Is it about texts, with their types?
    pub(crate) const fn is_of_texts(self) -> bool {
        matches!(self, Self::SendSms | Self::SmsNotification)
    }
}

impl Names {
    /// What the WSDL served here is of.
    pub(crate) const fn served(family: Family) -> Self {
        Self { family, version: Version::V2_1 }
    }

    /// The same for one interface: ETSI's texts are of 2.2, China Telecom's of 2.1.
    pub(crate) const fn served_of(interface: Interface, family: Family) -> Self {
        match family {
            Family::ParlayX if interface.is_of_texts() => Self { family, version: Version::V2_2 },
            _ => Self::served(family),
        }
    }

    /// The namespace of the types of texts.
    pub(crate) fn texts(self) -> String {
        format!("{}/schema/{}/sms/{}", self.family.authority(), self.family.word(), self.version.word())
    }

    /// The namespace of an interface's messages.
    pub(crate) fn local(self, interface: Interface) -> String {
        let (authority, family) = (self.family.authority(), self.family.word());
        format!("{authority}/schema/{family}/{}/{}/local", interface.path(), self.version.word())
    }

    /// The namespace of the types that all interfaces share; version 2.0 shares those of 2.1.
    pub(crate) fn shared(self) -> String {
        let version = if self.version == Version::V3_1 { Version::V3_1 } else { Version::V2_1 };
        format!("{}/schema/{}/common/{}", self.family.authority(), self.family.word(), version.word())
    }

    /// The namespace of the faults that all interfaces share.
    pub(crate) fn faults(self) -> String {
        let version = if self.version == Version::V3_1 { Version::V3_1 } else { Version::V2_0 };
        format!("{}/wsdl/{}/common/{}/faults", self.family.authority(), self.family.word(), version.word())
    }

    /// The namespace of a part of an interface's WSDL: `interface` or `service`.
    pub(crate) fn wsdl(self, interface: Interface, part: &str) -> String {
        let (authority, family) = (self.family.authority(), self.family.word());
        format!("{authority}/wsdl/{family}/{}/{}/{part}", interface.path(), self.version.word())
    }

    /// Whose messages are in this namespace.
    pub(crate) fn of_local(namespace: &str) -> Option<(Self, Interface)> {
        let names = Family::ALL.into_iter().flat_map(|family| Version::ALL.map(|version| Self { family, version }));
        let mut known = names.flat_map(|names| Interface::ALL.map(|interface| (names, interface)));
        known.find(|(names, interface)| names.local(*interface) == namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_in_use() {
        let parlay_x = Names::served(Family::ParlayX);
        let amount = Interface::AmountCharging;
        assert_eq!(parlay_x.local(amount), "http://www.csapi.org/schema/parlayx/payment/amount_charging/v2_1/local");
        assert_eq!(parlay_x.shared(), "http://www.csapi.org/schema/parlayx/common/v2_1");
        assert_eq!(parlay_x.faults(), "http://www.csapi.org/wsdl/parlayx/common/v2_0/faults");
        assert_eq!(Names::served(Family::Ctcc).shared(), CTCC_COMMON);
        let texts = [Family::ParlayX, Family::Ctcc].map(|family| Names::served_of(Interface::SendSms, family));
        assert_eq!(texts[0].local(Interface::SendSms), "http://www.csapi.org/schema/parlayx/sms/send/v2_2/local");
        assert_eq!(texts[0].texts(), "http://www.csapi.org/schema/parlayx/sms/v2_2");
        assert_eq!(texts[0].shared(), "http://www.csapi.org/schema/parlayx/common/v2_1");
        assert_eq!(
            texts[1].local(Interface::SendSms),
            "http://www.chinatelecom.com.cn/schema/ctcc/sms/send/v2_1/local"
        );
        let ctcc = Names::served(Family::Ctcc);
        assert_eq!(ctcc.faults(), "http://www.chinatelecom.com.cn/wsdl/ctcc/common/v2_0/faults");
        assert_eq!(ctcc.local(amount), "http://www.chinatelecom.com.cn/schema/ctcc/payment/amount_charging/v2_1/local");
        let newer = Names { family: Family::ParlayX, version: Version::V3_1 };
        assert_eq!(newer.local(amount), "http://www.csapi.org/schema/parlayx/payment/amount_charging/v3_1/local");
        assert_eq!(newer.shared(), "http://www.csapi.org/schema/parlayx/common/v3_1");
    }

    #[test]
    fn every_namespace_is_known_by_itself() {
        let mut seen = std::collections::BTreeSet::new();
        for family in Family::ALL {
            for version in Version::ALL {
                for interface in Interface::ALL {
                    let names = Names { family, version };
                    assert_eq!(Names::of_local(&names.local(interface)), Some((names, interface)));
                    assert!(seen.insert(names.local(interface)));
                }
            }
        }
        assert_eq!(Names::of_local("http://www.csapi.org/schema/parlayx/payment/amount_charging/v9_9/local"), None);
        assert_eq!(Names::of_local(""), None);
    }
}
