//! What a `deliver_sm` says: a receipt of a message, or words of a subscriber.

use mpss_domain::Msisdn;
use mpss_domain::texts::{MESSAGE_CHARS_MAX, Receipt, ReceiptFate};
use rusmpp::pdus::DeliverSm;
use rusmpp::tlvs::TlvValue;
use zeroize::Zeroizing;

use super::alphabet::read;
use super::wire::message_of;
use crate::gateway::message_centre::Came;

/// Bits of `esm_class` that say which kind of message it is.
const KIND: u8 = 0b0011_1100;
/// A receipt.
const RECEIPT: u8 = 0b0000_0100;
/// A word on the way, before the last one.
const INTERMEDIATE: u8 = 0b0010_0000;

/// What came; `None` when nothing can be done about it: it is from nobody, or says nothing of a message.
#[must_use]
pub fn came(deliver: &DeliverSm, prefix: &str) -> Option<Came> {
    let from = number(deliver.source_addr.as_str(), prefix)?;
    let message = Zeroizing::new(message_of(deliver));
    let words = Zeroizing::new(read(u8::from(deliver.data_coding), &message));
    match u8::from(deliver.esm_class) & KIND {
        RECEIPT | INTERMEDIATE => receipt(deliver, from, &words).map(Came::Receipt),
        0 => Some(Came::Words { from, words }),
        _ => None,
    }
}

/// A subscriber's number as a centre writes it.
fn number(text: &str, prefix: &str) -> Option<Msisdn> {
    let bare = text.strip_prefix(prefix).filter(|rest| rest.len() == 11).unwrap_or(text);
    bare.parse().ok()
}

/// A receipt: by its parameters where it has them, else by its words,
/// `id:… sub:001 dlvrd:001 submit date:… done date:… stat:DELIVRD err:000 text:…`.
fn receipt(deliver: &DeliverSm, to: Msisdn, words: &str) -> Option<Receipt> {
    let (mut message, mut state, mut reference) = (None, None, None);
    for tlv in deliver.tlvs() {
        match tlv.value() {
            Some(TlvValue::ReceiptedMessageId(id)) => message = Some(id.as_str().trim_end_matches('\0').to_owned()),
            Some(TlvValue::MessageState(known)) => state = Some(u8::from(*known)),
            Some(TlvValue::UserMessageReference(known)) => reference = Some(known.value),
            _ => {}
        }
    }
    let message = message.filter(|id| !id.is_empty()).or_else(|| said(words, "id:").map(str::to_owned))?;
    if message.is_empty() || message.len() > MESSAGE_CHARS_MAX {
        return None;
    }
    let fate = match (state, said(words, "stat:")) {
        (Some(state), _) => fate_of_state(state, said(words, "err:").unwrap_or_default()),
        (None, Some(stat)) => fate_of_word(stat, said(words, "err:").unwrap_or_default()),
        (None, None) => return None,
    };
    Some(Receipt { to, message, reference, fate })
}

/// What stands behind a name, up to the next blank.
fn said<'a>(words: &'a str, name: &str) -> Option<&'a str> {
    let at = words.find(name)?;
    // A name may be the end of another one.
    if at > 0 && !words[..at].ends_with(' ') {
        return None;
    }
    words[at + name.len()..].split(' ').next()
}

/// What a state of SMPP means.
#[must_use]
pub fn fate_of_state(state: u8, error: &str) -> ReceiptFate {
    let word = match state {
        0 | 1 | 6 => return ReceiptFate::There,
        2 => return ReceiptFate::Delivered,
        4 => return ReceiptFate::Deleted,
        3 => "EXPIRED",
        5 => "UNDELIV",
        8 => "REJECTD",
        _ => return ReceiptFate::Unknown,
    };
    failed(word, error)
}

fn fate_of_word(stat: &str, error: &str) -> ReceiptFate {
    match stat.to_ascii_uppercase().as_str() {
        "DELIVRD" => ReceiptFate::Delivered,
        "ACCEPTD" | "ENROUTE" => ReceiptFate::There,
        "DELETED" => ReceiptFate::Deleted,
        word @ ("EXPIRED" | "UNDELIV" | "REJECTD") => failed(word, error),
        _ => ReceiptFate::Unknown,
    }
}

fn failed(word: &str, error: &str) -> ReceiptFate {
    let tells = error.len() <= 8 && error.bytes().any(|byte| byte != b'0');
    ReceiptFate::Failed { why: if tells { format!("{word} {error}") } else { word.to_owned() } }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use rusmpp::types::{COctetString, OctetString};
    use rusmpp::values::{DataCoding, EsmClass};

    use super::*;

    fn deliver(from: &str, esm_class: u8, words: &str) -> DeliverSm {
        DeliverSm::builder()
            .source_addr(COctetString::from_str(from).expect("short"))
            .esm_class(EsmClass::from(esm_class))
            .data_coding(DataCoding::Ia5)
            .short_message(OctetString::from_slice(words.as_bytes()).expect("short"))
            .build()
    }

    #[test]
    fn receipts_are_told_from_words() {
        let text = "id:a1 sub:001 dlvrd:001 submit date:2611271200 done date:2611271201 stat:DELIVRD err:000 text:x";
        for (stat, err, fate) in [
            ("DELIVRD", "000", ReceiptFate::Delivered),
            ("delivrd", "000", ReceiptFate::Delivered),
            ("ACCEPTD", "000", ReceiptFate::There),
            ("EXPIRED", "000", ReceiptFate::Failed { why: "EXPIRED".into() }),
            ("UNDELIV", "069", ReceiptFate::Failed { why: "UNDELIV 069".into() }),
            ("UNKNOWN", "000", ReceiptFate::Unknown),
        ] {
            let text = text.replace("DELIVRD", stat).replace("err:000", &format!("err:{err}"));
            match came(&deliver("8618900000001", 4, &text), "86") {
                Some(Came::Receipt(receipt)) => {
                    assert_eq!((receipt.message.as_str(), receipt.to.number()), ("a1", 18_900_000_001));
                    assert_eq!(receipt.fate, fate, "{stat}");
                }
                other => panic!("{stat}: {other:?}"),
            }
        }
        match came(&deliver("18900000001", 0, text), "") {
            Some(Came::Words { words, .. }) => assert_eq!(words.as_str(), text, "words that look like a receipt"),
            other => panic!("{other:?}"),
        }
        assert!(came(&deliver("10086", 0, "YE"), "").is_none(), "from no subscriber");
        assert!(came(&deliver("18900000001", 4, "stat:DELIVRD"), "").is_none(), "of no message");
        assert!(came(&deliver("18900000001", 4, "id:a1 substat:DELIVRD"), "").is_none(), "says nothing");
    }

    #[test]
    fn states_are_what_smpp_says() {
        let word = |state| match fate_of_state(state, "") {
            ReceiptFate::Failed { why } => why,
            fate => format!("{fate:?}"),
        };
        let words: Vec<_> = (0..10).map(word).collect();
        let expected =
            ["There", "There", "Delivered", "EXPIRED", "Deleted", "UNDELIV", "There", "Unknown", "REJECTD", "Unknown"];
        assert_eq!(words, expected);
    }
}
