//! The description that is served: for each interface, in the shape ETSI gives it, a WSDL of the service which imports
//! one of the interface, which imports the shared faults and the shared types. All of it is made from the tables below
//! and from [`Names`], so it says what the reader and the writer beside it do.

use super::header::REQUEST_HEADER;
use super::names::{CTCC_COMMON, Family, Interface, Names};
use super::texting::DeliveryStatus;
use crate::soap::Written;

pub(super) const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
pub(super) const SOAP: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
pub(super) const HTTP: &str = "http://schemas.xmlsoap.org/soap/http";
pub(super) const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// The exceptions that every operation may end with.
const EXCEPTIONS: [&str; 2] = ["ServiceException", "PolicyException"];

/// A part of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Where the service is.
    Service,
    /// Its operations and messages.
    Interface,
    /// The faults that all share.
    Faults,
    /// The types that all share, and the headers with those of China Telecom.
    Types,
}

/// An operation as it is described.
struct Shape {
    name: &'static str,
    parts: &'static [Field],
    /// What it answers.
    answers: &'static [Field],
}

const USER: Field = ("endUserIdentifier", "xsd:anyURI", "1", "1");
const CHARGE: Field = ("charge", "common:ChargingInformation", "1", "1");
const REFERENCE: Field = ("referenceCode", "xsd:string", "1", "1");
const RESERVATION: Field = ("reservationIdentifier", "xsd:string", "1", "1");
const CORRELATOR: Field = ("correlator", "xsd:string", "1", "1");
const TEXT: &[Field] = &[("result", "xsd:string", "1", "1")];

const AMOUNT_CHARGING: &[Shape] = &[
    Shape { name: "chargeAmount", parts: &[USER, CHARGE, REFERENCE], answers: &[] },
    Shape { name: "refundAmount", parts: &[USER, CHARGE, REFERENCE], answers: &[] },
];
const RESERVE_AMOUNT_CHARGING: &[Shape] = &[
    Shape { name: "reserveAmount", parts: &[USER, CHARGE], answers: TEXT },
    Shape { name: "reserveAdditionalAmount", parts: &[RESERVATION, CHARGE], answers: &[] },
    Shape { name: "chargeReservation", parts: &[RESERVATION, CHARGE, REFERENCE], answers: &[] },
    Shape { name: "releaseReservation", parts: &[RESERVATION], answers: &[] },
];
const SEND_SMS: &[Shape] = &[
    Shape {
        name: "sendSms",
        parts: &[
            ("addresses", "xsd:anyURI", "1", "unbounded"),
            ("senderName", "xsd:string", "0", "1"),
            ("charging", "common:ChargingInformation", "0", "1"),
            ("message", "xsd:string", "1", "1"),
            ("receiptRequest", "common:SimpleReference", "0", "1"),
        ],
        answers: TEXT,
    },
    Shape {
        name: "getSmsDeliveryStatus",
        parts: &[("requestIdentifier", "xsd:string", "1", "1")],
        answers: &[("result", "texts:DeliveryInformation", "0", "unbounded")],
    },
];

const RECEIPT: Shape = Shape {
    name: "notifySmsDeliveryReceipt",
    parts: &[CORRELATOR, ("deliveryStatus", "texts:DeliveryInformation", "1", "1")],
    answers: &[],
};
const SMS_NOTIFICATION: &[Shape] = &[
    Shape { name: "notifySmsReception", parts: &[CORRELATOR, ("message", "texts:SmsMessage", "1", "1")], answers: &[] },
    RECEIPT,
];
/// China Telecom has another word for what words belong to.
const SMS_NOTIFICATION_CTCC: &[Shape] = &[
    Shape {
        name: "notifySmsReception",
        parts: &[("registrationIdentifier", "xsd:string", "1", "1"), ("message", "texts:SmsMessage", "1", "1")],
        answers: &[],
    },
    RECEIPT,
];

const fn shapes(interface: Interface, family: Family) -> &'static [Shape] {
    match interface {
        Interface::AmountCharging => AMOUNT_CHARGING,
        Interface::ReserveAmountCharging => RESERVE_AMOUNT_CHARGING,
        Interface::SendSms => SEND_SMS,
        Interface::SmsNotification if matches!(family, Family::Ctcc) => SMS_NOTIFICATION_CTCC,
        Interface::SmsNotification => SMS_NOTIFICATION,
    }
}

impl Part {
    /// What the query of an address asks for: `?wsdl`, `?wsdl=interface`, `?wsdl=faults` or `?xsd=common`, each with
    /// `&names=ctcc` for China Telecom's names.
    pub(crate) fn asked(query: &str) -> Option<(Self, Family)> {
        let (mut part, mut family) = (None, Family::ParlayX);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (name.to_ascii_lowercase().as_str(), value) {
                ("wsdl", "") if part.is_none() => part = Some(Self::Service),
                ("wsdl", "interface") if part.is_none() => part = Some(Self::Interface),
                ("wsdl", "faults") if part.is_none() => part = Some(Self::Faults),
                ("xsd", "common") if part.is_none() => part = Some(Self::Types),
                ("names", word) => family = Family::ALL.into_iter().find(|family| family.word() == word)?,
                _ => return None,
            }
        }
        part.map(|part| (part, family))
    }

    /// The part's address below that of its service.
    fn query(self, family: Family) -> String {
        let part = match self {
            Self::Service => "wsdl",
            Self::Interface => "wsdl=interface",
            Self::Faults => "wsdl=faults",
            Self::Types => "xsd=common",
        };
        format!("{part}&names={}", family.word())
    }
}

/// The document that is `part` of an interface's description, for whoever reaches the service at `address`.
pub(crate) fn described(part: Part, interface: Interface, family: Family, address: &str) -> String {
    let page = Page { interface, names: Names::served_of(interface, family), address };
    match part {
        Part::Service => page.service(),
        Part::Interface => page.interface(),
        Part::Faults => page.faults(),
        Part::Types => page.types(),
    }
}

struct Page<'a> {
    interface: Interface,
    names: Names,
    address: &'a str,
}

impl Page<'_> {
    fn at(&self, part: Part, family: Family) -> String {
        format!("{}?{}", self.address, part.query(family))
    }

    fn definitions(
        &self,
        name: &str,
        target: &str,
        more: &[(&str, &str)],
        inside: impl FnOnce(&mut Written),
    ) -> String {
        let mut attributes =
            vec![("name", name), ("targetNamespace", target), ("xmlns:wsdl", WSDL), ("xmlns:xsd", XSD)];
        attributes.extend(more);
        Written::document(|root| root.element("wsdl:definitions", &attributes, inside))
    }

    fn import(&self, inside: &mut Written, namespace: &str, part: Part) {
        let location = self.at(part, self.names.family);
        inside.empty("wsdl:import", &[("namespace", namespace), ("location", &location)]);
    }

    fn service(&self) -> String {
        let name = self.interface.name();
        let (target, interface) =
            (self.names.wsdl(self.interface, "service"), self.names.wsdl(self.interface, "interface"));
        let spaces = [("xmlns:interface", interface.as_str()), ("xmlns:service", &target), ("xmlns:soap", SOAP)];
        self.definitions(&format!("{name}_service"), &target, &spaces, |wsdl| {
            self.import(wsdl, &interface, Part::Interface);
            let binding = format!("{name}Binding");
            let port_type = format!("interface:{name}");
            wsdl.element("wsdl:binding", &[("name", &binding), ("type", &port_type)], |bound| {
                bound.empty("soap:binding", &[("style", "document"), ("transport", HTTP)]);
                let header = header_of(self.interface);
                for shape in shapes(self.interface, self.names.family) {
                    bound.element("wsdl:operation", &[("name", shape.name)], |bound| bound_operation(bound, header));
                }
            });
            wsdl.element("wsdl:service", &[("name", &format!("{name}Service"))], |service| {
                let port = [("name", name), ("binding", &format!("service:{binding}"))];
                service.element("wsdl:port", &port, |port| port.empty("soap:address", &[("location", self.address)]));
            });
        })
    }

    fn interface(&self) -> String {
        let name = self.interface.name();
        let (target, local) = (self.names.wsdl(self.interface, "interface"), self.names.local(self.interface));
        let (shared, faults, texts) = (self.names.shared(), self.names.faults(), self.names.texts());
        let mut spaces = vec![
            ("xmlns:interface", target.as_str()),
            ("xmlns:local", &local),
            ("xmlns:common", &shared),
            ("xmlns:faults", &faults),
            ("xmlns:head", CTCC_COMMON),
        ];
        let of_texts = self.interface.is_of_texts();
        if of_texts {
            spaces.push(("xmlns:texts", &texts));
        }
        self.definitions(&format!("{name}_interface"), &target, &spaces, |wsdl| {
            self.import(wsdl, &faults, Part::Faults);
            wsdl.element("wsdl:types", &[], |types| {
                if of_texts {
                    types.element("xsd:schema", &[("targetNamespace", texts.as_str())], text_types);
                }
                let schema = [("targetNamespace", local.as_str()), ("elementFormDefault", "qualified")];
                types.element("xsd:schema", &schema, |schema| {
                    if of_texts {
                        schema.empty("xsd:import", &[("namespace", &texts)]);
                    }
                    self.import_types(schema, self.names.family);
                    if self.names.family != Family::Ctcc {
                        self.import_types(schema, Family::Ctcc);
                    }
                    for shape in shapes(self.interface, self.names.family) {
                        elements(schema, shape);
                    }
                });
            });
            let header = header_of(self.interface);
            message(wsdl, header, &format!("head:{header}"));
            for shape in shapes(self.interface, self.names.family) {
                for what in ["", "Response"] {
                    let element = format!("{}{what}", shape.name);
                    message(wsdl, &message_name(shape.name, what), &format!("local:{element}"));
                }
            }
            wsdl.element("wsdl:portType", &[("name", name)], |port| {
                for shape in shapes(self.interface, self.names.family) {
                    port.element("wsdl:operation", &[("name", shape.name)], |operation| ported(operation, shape.name));
                }
            });
        })
    }

    fn import_types(&self, schema: &mut Written, family: Family) {
        let (namespace, location) = (Names::served(family).shared(), self.at(Part::Types, family));
        schema.empty("xsd:import", &[("namespace", &namespace), ("schemaLocation", &location)]);
    }

    fn faults(&self) -> String {
        let (target, shared) = (self.names.faults(), self.names.shared());
        self.definitions("common_faults", &target, &[("xmlns:common", &shared)], |wsdl| {
            wsdl.element("wsdl:types", &[], |types| {
                types.element("xsd:schema", &[], |schema| self.import_types(schema, self.names.family));
            });
            for exception in EXCEPTIONS {
                message(wsdl, exception, &format!("common:{exception}"));
            }
        })
    }

    fn types(&self) -> String {
        let target = self.names.shared();
        let schema = [("targetNamespace", target.as_str()), ("xmlns:common", &target), ("xmlns:xsd", XSD)];
        Written::document(|root| {
            root.element("xsd:schema", &schema, |schema| {
                for exception in EXCEPTIONS {
                    schema.empty("xsd:element", &[("name", exception), ("type", &format!("common:{exception}"))]);
                }
                for exception in EXCEPTIONS {
                    record(
                        schema,
                        exception,
                        &[
                            ("messageId", "xsd:string", "1", "1"),
                            ("text", "xsd:string", "1", "1"),
                            ("variables", "xsd:string", "0", "unbounded"),
                        ],
                    );
                }
                record(
                    schema,
                    "ChargingInformation",
                    &[
                        ("description", "xsd:string", "1", "1"),
                        ("currency", "xsd:string", "0", "1"),
                        ("amount", "xsd:decimal", "0", "1"),
                        ("code", "xsd:string", "0", "1"),
                    ],
                );
                record(
                    schema,
                    "SimpleReference",
                    &[
                        ("endpoint", "xsd:anyURI", "1", "1"),
                        ("interfaceName", "xsd:string", "1", "1"),
                        ("correlator", "xsd:string", "1", "1"),
                    ],
                );
                if self.names.family == Family::Ctcc {
                    headers(schema);
                }
            });
        })
    }
}

/// China Telecom's headers.
fn headers(schema: &mut Written) {
    for (name, fields) in [(REQUEST_HEADER, REQUEST_FIELDS), (NOTIFY_HEADER, NOTIFY_FIELDS)] {
        schema.empty("xsd:element", &[("name", name), ("type", &format!("common:{name}"))]);
        record(schema, name, fields);
    }
}

/// What heads a notice.
pub(crate) const NOTIFY_HEADER: &str = "NotifySOAPHeader";

/// A field: its name, its type, how often it must and may be there.
type Field = (&'static str, &'static str, &'static str, &'static str);

const REQUEST_FIELDS: &[Field] = &[
    ("spId", "xsd:string", "1", "1"),
    ("spPassword", "xsd:string", "1", "1"),
    ("timeStamp", "xsd:string", "1", "1"),
    ("productId", "xsd:string", "0", "1"),
    ("SAN", "xsd:string", "0", "1"),
    ("transactionId", "xsd:string", "0", "1"),
    ("transEnd", "xsd:string", "0", "1"),
    ("linkId", "xsd:string", "0", "1"),
    ("OA", "xsd:anyURI", "0", "1"),
    ("FA", "xsd:anyURI", "0", "1"),
    ("multicastMessaging", "xsd:boolean", "0", "1"),
];
const NOTIFY_FIELDS: &[Field] = &[
    ("spRevId", "xsd:string", "0", "1"),
    ("spRevpassword", "xsd:string", "0", "1"),
    ("spId", "xsd:string", "1", "1"),
    ("SAN", "xsd:string", "0", "1"),
    ("transactionId", "xsd:string", "0", "1"),
    ("linkId", "xsd:string", "0", "1"),
];

fn record(schema: &mut Written, name: &str, fields: &[Field]) {
    schema.element("xsd:complexType", &[("name", name)], |kind| {
        kind.element("xsd:sequence", &[], |sequence| {
            for (name, kind, least, most) in fields {
                let field = [("name", *name), ("type", *kind), ("minOccurs", *least), ("maxOccurs", *most)];
                sequence.empty("xsd:element", &field);
            }
        });
    });
}

/// How texts stand.
fn text_types(schema: &mut Written) {
    schema.element("xsd:simpleType", &[("name", "DeliveryStatus")], |kind| {
        kind.element("xsd:restriction", &[("base", "xsd:string")], |words| {
            for status in DeliveryStatus::ALL {
                words.empty("xsd:enumeration", &[("value", status.name())]);
            }
        });
    });
    record(
        schema,
        "DeliveryInformation",
        &[("address", "xsd:anyURI", "1", "1"), ("deliveryStatus", "texts:DeliveryStatus", "1", "1")],
    );
    record(
        schema,
        "SmsMessage",
        &[
            ("message", "xsd:string", "1", "1"),
            ("senderAddress", "xsd:anyURI", "1", "1"),
            ("smsServiceActivationNumber", "xsd:anyURI", "1", "1"),
            ("dateTime", "xsd:dateTime", "0", "1"),
        ],
    );
}

/// The elements of an operation's two messages.
fn elements(schema: &mut Written, shape: &Shape) {
    let parts = |sequence: &mut Written, parts: &[Field]| {
        for (name, kind, least, most) in parts {
            let mut field = vec![("name", *name), ("type", *kind)];
            if (*least, *most) != ("1", "1") {
                field.extend([("minOccurs", *least), ("maxOccurs", *most)]);
            }
            sequence.empty("xsd:element", &field);
        }
    };
    let answer = shape.answers;
    for (name, inside) in [(shape.name.to_owned(), shape.parts), (format!("{}Response", shape.name), answer)] {
        schema.element("xsd:element", &[("name", &name)], |element| {
            element.element("xsd:complexType", &[], |kind| {
                kind.element("xsd:sequence", &[], |sequence| parts(sequence, inside));
            });
        });
    }
}

fn message_name(operation: &str, what: &str) -> String {
    format!("{operation}{}", if what.is_empty() { "Request" } else { what })
}

fn message(wsdl: &mut Written, name: &str, element: &str) {
    wsdl.element("wsdl:message", &[("name", name)], |message| {
        let is_named = [REQUEST_HEADER, NOTIFY_HEADER].contains(&name) || EXCEPTIONS.contains(&name);
        let part = if is_named { name } else { "parameters" };
        message.empty("wsdl:part", &[("name", part), ("element", element)]);
    });
}

fn ported(operation: &mut Written, name: &str) {
    for (element, what) in [("wsdl:input", ""), ("wsdl:output", "Response")] {
        operation.empty(element, &[("message", &format!("interface:{}", message_name(name, what)))]);
    }
    for exception in EXCEPTIONS {
        operation.empty("wsdl:fault", &[("name", exception), ("message", &format!("faults:{exception}"))]);
    }
}

/// What heads the messages of an interface.
fn header_of(interface: Interface) -> &'static str {
    if interface == Interface::SmsNotification { NOTIFY_HEADER } else { REQUEST_HEADER }
}

fn bound_operation(operation: &mut Written, header: &str) {
    operation.empty("soap:operation", &[("soapAction", ""), ("style", "document")]);
    operation.element("wsdl:input", &[], |input| {
        let message = format!("interface:{header}");
        input.empty("soap:header", &[("message", &message), ("part", header), ("use", "literal")]);
        input.empty("soap:body", &[("use", "literal")]);
    });
    operation.element("wsdl:output", &[], |output| output.empty("soap:body", &[("use", "literal")]));
    for exception in EXCEPTIONS {
        operation.element("wsdl:fault", &[("name", exception)], |fault| {
            fault.empty("soap:fault", &[("name", exception), ("use", "literal")]);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soap::{Element, read};

    const ADDRESS: &str = "http://node.example:8080/isag/services/AmountCharging";

    fn page(part: Part, family: Family) -> Element {
        read(described(part, Interface::AmountCharging, family, ADDRESS).as_bytes()).expect("well-formed")
    }

    #[test]
    fn every_part_is_asked_for_by_the_address_that_imports_it() {
        for family in Family::ALL {
            for part in [Part::Service, Part::Interface, Part::Faults, Part::Types] {
                assert_eq!(Part::asked(&part.query(family)), Some((part, family)));
            }
        }
        assert_eq!(Part::asked("wsdl"), Some((Part::Service, Family::ParlayX)));
        assert_eq!(Part::asked("WSDL"), Some((Part::Service, Family::ParlayX)));
        for query in ["", "wsdl=x", "xsd", "names=ctcc", "wsdl&xsd=common", "wsdl&names=x", "wsdl&wsdl"] {
            assert_eq!(Part::asked(query), None, "{query}");
        }
    }

    #[test]
    fn the_service_imports_the_interface_and_that_the_faults_and_types() {
        for family in Family::ALL {
            let names = Names::served(family);
            let service = page(Part::Service, family);
            let import = service.child("import").expect("an import");
            let wanted = format!("{ADDRESS}?wsdl=interface&names={}", family.word());
            assert_eq!(import.attribute("", "location"), Some(wanted.as_str()));
            let at = service
                .child("service")
                .and_then(|service| service.child("port")?.child("address")?.attribute("", "location"));
            assert_eq!(at, Some(ADDRESS));
            let interface = page(Part::Interface, family);
            assert_eq!(import.attribute("", "namespace"), interface.attribute("", "targetNamespace"));
            let faults = page(Part::Faults, family);
            let import = interface.child("import").expect("an import");
            assert_eq!(import.attribute("", "namespace"), faults.attribute("", "targetNamespace"));
            let schema = interface.child("types").and_then(|types| types.child("schema")).expect("a schema");
            let imported: Vec<_> =
                schema.named("import").filter_map(|import| import.attribute("", "namespace")).collect();
            let types = page(Part::Types, family);
            assert!(imported.contains(&types.attribute("", "targetNamespace").expect("a target")), "{imported:?}");
            assert!(imported.contains(&CTCC_COMMON), "headers are China Telecom's in both: {imported:?}");
            assert_eq!(types.attribute("", "targetNamespace"), Some(names.shared().as_str()));
        }
    }
}
