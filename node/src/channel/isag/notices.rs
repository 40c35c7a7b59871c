//! The description of what SPs are told: each of them offers this interface, and the ISAG door asks for it. Served so
//! that whoever writes an SP has it.

use super::names::CTCC_COMMON;
use super::wsdl::{HTTP, NOTIFY_HEADER, SOAP, WSDL, XSD};
use crate::gateway::isag::{NOTICES, NOTIFY};
use crate::soap::Written;

/// Its name, and where its description is.
pub(super) const INTERFACE: &str = "DeliveryNotification";

/// A field: its name, its type, and how often it must be there.
type Field = (&'static str, &'static str, &'static str);

const NOTICE: &[Field] = &[
    ("noticeIdentifier", "xsd:string", "1"),
    ("eventNumber", "xsd:unsignedLong", "0"),
    ("kind", "n:Kind", "1"),
    ("orderIdentifier", "xsd:string", "1"),
    ("productIdentifier", "xsd:string", "1"),
    ("title", "xsd:string", "1"),
    ("application", "xsd:string", "1"),
    ("quantity", "xsd:int", "1"),
    ("amount", "xsd:decimal", "1"),
    ("billNumber", "xsd:string", "0"),
    ("drawIdentifier", "xsd:string", "0"),
    ("recipient", "n:Recipient", "0"),
    ("servingProvince", "xsd:string", "1"),
    ("endUserMasked", "xsd:string", "1"),
    ("deliverBy", "xsd:dateTime", "1"),
];
const RECIPIENT: &[Field] =
    &[("name", "xsd:string", "1"), ("phone", "xsd:string", "1"), ("address", "xsd:string", "1")];
const ANSWER: &[Field] = &[("orderIdentifier", "xsd:string", "1"), ("result", "n:Result", "1")];

/// The whole description, below `services`, where those of the door are.
pub(super) fn described(services: &str) -> String {
    let (response, header) = (format!("{NOTIFY}Response"), format!("{services}/AmountCharging?xsd=common&names=ctcc"));
    Written::document(|root| {
        let spaces = [
            ("name", INTERFACE),
            ("targetNamespace", NOTICES),
            ("xmlns:n", NOTICES),
            ("xmlns:head", CTCC_COMMON),
            ("xmlns:wsdl", WSDL),
            ("xmlns:soap", SOAP),
            ("xmlns:xsd", XSD),
        ];
        root.element("wsdl:definitions", &spaces, |wsdl| {
            wsdl.element("wsdl:types", &[], |types| {
                let schema = [("targetNamespace", NOTICES), ("elementFormDefault", "qualified")];
                types.element("xsd:schema", &schema, |schema| {
                    schema.empty("xsd:import", &[("namespace", CTCC_COMMON), ("schemaLocation", &header)]);
                    choice(schema, "Kind", ["deliver", "cancel"]);
                    choice(schema, "Result", ["accepted", "refused"]);
                    record(schema, "Recipient", RECIPIENT);
                    record(schema, "Notice", NOTICE);
                    record(schema, "Answer", ANSWER);
                    list(schema, NOTIFY, ("notice", "n:Notice", "1"));
                    list(schema, &response, ("answer", "n:Answer", "0"));
                });
            });
            let head = format!("head:{NOTIFY_HEADER}");
            for (name, part, element) in [
                (NOTIFY_HEADER, NOTIFY_HEADER, head),
                (NOTIFY, "parameters", format!("n:{NOTIFY}")),
                (&response, "parameters", format!("n:{response}")),
            ] {
                wsdl.element("wsdl:message", &[("name", name)], |message| {
                    message.empty("wsdl:part", &[("name", part), ("element", &element)]);
                });
            }
            wsdl.element("wsdl:portType", &[("name", INTERFACE)], |port| {
                port.element("wsdl:operation", &[("name", NOTIFY)], |operation| {
                    operation.empty("wsdl:input", &[("message", &format!("n:{NOTIFY}"))]);
                    operation.empty("wsdl:output", &[("message", &format!("n:{response}"))]);
                });
            });
            bound(wsdl);
        });
    })
}

fn bound(wsdl: &mut Written) {
    let binding = format!("{INTERFACE}Binding");
    wsdl.element("wsdl:binding", &[("name", &binding), ("type", &format!("n:{INTERFACE}"))], |bound| {
        bound.empty("soap:binding", &[("style", "document"), ("transport", HTTP)]);
        bound.element("wsdl:operation", &[("name", NOTIFY)], |operation| {
            operation.empty("soap:operation", &[("soapAction", ""), ("style", "document")]);
            operation.element("wsdl:input", &[], |input| {
                let message = format!("n:{NOTIFY_HEADER}");
                input.empty("soap:header", &[("message", &message), ("part", NOTIFY_HEADER), ("use", "literal")]);
                input.empty("soap:body", &[("use", "literal")]);
            });
            operation.element("wsdl:output", &[], |output| output.empty("soap:body", &[("use", "literal")]));
        });
    });
    wsdl.element("wsdl:service", &[("name", &format!("{INTERFACE}Service"))], |service| {
        service.element("wsdl:port", &[("name", INTERFACE), ("binding", &format!("n:{binding}"))], |port| {
            // Where an SP is, is agreed with each.
            port.empty("soap:address", &[("location", "http://sp.example/isag/notices")]);
        });
    });
}

fn record(schema: &mut Written, name: &str, fields: &[Field]) {
    schema.element("xsd:complexType", &[("name", name)], |kind| {
        kind.element("xsd:sequence", &[], |sequence| {
            for (name, kind, least) in fields {
                sequence.empty("xsd:element", &[("name", *name), ("type", *kind), ("minOccurs", *least)]);
            }
        });
    });
}

fn list(schema: &mut Written, name: &str, (item, kind, least): Field) {
    schema.element("xsd:element", &[("name", name)], |element| {
        element.element("xsd:complexType", &[], |all| {
            all.element("xsd:sequence", &[], |sequence| {
                let item = [("name", item), ("type", kind), ("minOccurs", least), ("maxOccurs", "unbounded")];
                sequence.empty("xsd:element", &item);
            });
        });
    });
}

fn choice(schema: &mut Written, name: &str, words: [&str; 2]) {
    schema.element("xsd:simpleType", &[("name", name)], |kind| {
        kind.element("xsd:restriction", &[("base", "xsd:string")], |restriction| {
            for word in words {
                restriction.empty("xsd:enumeration", &[("value", word)]);
            }
        });
    });
}
