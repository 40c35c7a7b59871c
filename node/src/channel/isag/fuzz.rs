//! The reader of messages as one function, for those who search for bytes that break it.

use super::header::RequestHeader;
use super::names::{Interface, Names};
use super::notified::Told;
use super::operation::Operation;
use super::{answered, fault::Fault};
use crate::soap::Envelope;

/// Reads bytes as a message to either interface. True when one was understood.
///
/// # Panics
/// When what is answered is no message itself, or in other names than the request.
#[must_use]
pub fn understands(bytes: &[u8]) -> bool {
    let envelope = match Envelope::read(bytes) {
        Ok(envelope) => envelope,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            check_fault(&error.into(), Names::served(super::Family::ParlayX));
            return false;
        }
    };
    let Some((names, interface)) = Names::of_local(&envelope.body.namespace) else { return false };
    let header = RequestHeader::read(&envelope.headers);
    if let Err(fault) = &header {
        check_fault(fault, names);
    }
    let mut understood = false;
    for asked in Interface::ALL {
        match Operation::read(asked, &envelope.body) {
            Ok(operation) => {
                understood = true;
                assert_eq!(asked, interface);
                let answer = answered(asked, operation.name(), names, Some("O20260101120000000-44-00001"));
                let read = Envelope::read(answer.as_bytes()).expect("an answer is a message");
                assert_eq!(Names::of_local(&read.body.namespace), Some((names, asked)));
            }
            Err(fault) => check_fault(&fault, names),
        }
    }
    match Told::read(&envelope.body) {
        Ok(told) => {
            assert_eq!(interface, Interface::SmsNotification);
            understood = true;
            let answer = answered(interface, told.operation(), names, None);
            assert!(Envelope::read(answer.as_bytes()).is_ok());
        }
        Err(fault) => check_fault(&fault, names),
    }
    understood && header.is_ok()
}

fn check_fault(fault: &Fault, names: Names) {
    let read = Envelope::read(fault.written(names).as_bytes()).expect("a fault is a message");
    assert_eq!((read.body.name.as_str(), read.body.namespace.as_str()), ("Fault", crate::soap::ENVELOPE));
    let code = read.body.child("faultcode").and_then(crate::soap::Element::word);
    assert_eq!(code, Some(fault.code()));
    assert!(read.body.child("faultstring").is_some());
}
