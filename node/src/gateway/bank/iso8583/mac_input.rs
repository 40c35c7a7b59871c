//! What a MAC is made of. Terminals and some banks take the bytes up to the MAC; UnionPay's hosts take
//! selected fields as text. Which one, and which fields, belongs to the link.

use super::encode::{Coding, encode};
use super::fields::{Length, field, number};
use super::message::Message;

/// The fields that UnionPay's hosts select, besides the message type. *Inferred*: the list is agreed with
/// the switch when the link is opened.
pub const SWITCH_FIELDS: &[u8] = &[
    number::PAN,
    number::PROCESSING_CODE,
    number::AMOUNT,
    number::TRANSMISSION_TIME,
    number::STAN,
    number::MERCHANT_CATEGORY,
    number::CONDITION,
    28,
    number::ACQUIRER,
    number::FORWARDER,
    number::AUTHORIZATION_CODE,
    number::RESPONSE_CODE,
    number::TERMINAL,
    number::MERCHANT,
    number::ORIGINAL_DATA,
];

/// The bytes from the message type to the last field before the MAC, with the MAC's bit set.
#[must_use]
pub fn bytes_before_mac(message: &Message, coding: Coding) -> Vec<u8> {
    let mut with_mac = message.clone();
    with_mac.set_mac([0; 8]);
    let mut bytes = encode(&with_mac, coding);
    // The MAC is the last field of whichever bitmap is the last.
    bytes.truncate(bytes.len() - coding.binary.bytes(8));
    bytes
}

/// The message type and the selected fields the message has, as text: parted by one blank each, in
/// capitals, nothing kept but letters, digits, blanks, commas and full stops, never two blanks in a row.
/// Variable fields come with their length in front (*inferred*).
#[must_use]
pub fn selected_fields(message: &Message, selected: &[u8]) -> Vec<u8> {
    let values = selected.iter().filter_map(|number| Some((*number, message.get(*number)?)));
    let mut text = message.kind().digits().to_owned();
    for (number, value) in values {
        text.push(' ');
        match field(number).map(|field| field.length) {
            Some(Length::TwoDigits(_)) => text.push_str(&format!("{:02}", value.len())),
            Some(Length::ThreeDigits(_)) => text.push_str(&format!("{:03}", value.len())),
            Some(Length::Fixed(_)) | None => {}
        }
        let kept = value.iter().filter(|byte| byte.is_ascii_alphanumeric() || b" ,.".contains(byte));
        text.extend(kept.map(|byte| char::from(byte.to_ascii_uppercase())));
    }
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::{decode, golden};
    use super::*;

    #[test]
    fn the_bytes_are_those_in_front_of_the_mac() {
        for coding in Coding::ALL {
            for mut message in golden::all() {
                message.remove(number::MAC);
                message.remove(number::SECOND_MAC);
                let before = bytes_before_mac(&message, coding);
                message.set_mac(*b"01234567");
                let whole = encode(&message, coding);
                assert!(whole.starts_with(&before), "{}", message.kind());
                let mac = &whole[before.len()..];
                assert!(mac == b"01234567" || mac == b"3031323334353637", "{}", message.kind());
                // Whoever receives it finds the same bytes, MAC and all.
                assert_eq!(bytes_before_mac(&decode(&whole, coding).expect("ours"), coding), before);
            }
        }
    }

    #[test]
    fn selected_fields_are_parted_by_one_blank_each() {
        let mut message = golden::purchase();
        message.set(number::TERMINAL, "a-b  c. ").expect("text");
        let text = selected_fields(&message, SWITCH_FIELDS);
        assert_eq!(
            String::from_utf8(text).expect("ASCII"),
            "0200 166212345678901232 000000 000000001000 0722101500 000123 4814 08 0800010000 AB C. 898110048140001"
        );
    }
}
