//! The readers of this module as one function, for those who search for bytes that break them.

use super::{
    Coding, Counts, Frame, Framing, Header, LengthPrefix, MacAlgorithm, MacKey, Message, SWITCH_FIELDS, UnionPayHeader,
    bytes_before_mac, decode, encode, number, selected_fields,
};

/// Reads bytes as a message in every coding, and as a stream in several framings. True when a message was
/// understood.
///
/// # Panics
/// When a message that was understood is not written again byte for byte, or shows a card number.
#[must_use]
pub fn understands(bytes: &[u8]) -> bool {
    let mut understood = false;
    for coding in Coding::ALL {
        understood |= message(bytes, coding);
        for framing in framings() {
            let mut left = bytes;
            while let Ok(Some((frame, used))) = framing.take(left) {
                left = &left[used..];
                if let Frame::Message { message: framed, .. } | Frame::Rejected { message: framed, .. } = frame {
                    understood |= message(framed, coding);
                    check_frame(&framing, framed);
                }
            }
        }
    }
    understood
}

fn framings() -> [Framing; 4] {
    let header = UnionPayHeader::new("00010000", "48020000").expect("digits");
    let framing = |prefix, counts, header| Framing { prefix, counts, header };
    [
        framing(LengthPrefix::Binary, Counts::Rest, Header::Fixed(vec![0x60, 0, 3, 0, 0])),
        framing(LengthPrefix::Packed, Counts::Rest, Header::None),
        framing(LengthPrefix::Ascii, Counts::Whole, Header::None),
        framing(LengthPrefix::Ascii, Counts::Rest, Header::UnionPay(header)),
    ]
}

fn check_frame(framing: &Framing, message: &[u8]) {
    let frame = framing.frame(message).expect("what was read is short enough to be written");
    let again = framing.take(&frame).expect("ours").expect("whole");
    assert!(matches!(again.0, Frame::Message { message: again, .. } if again == message), "a frame is read again");
}

fn message(bytes: &[u8], coding: Coding) -> bool {
    let message = match decode(bytes, coding) {
        Ok(message) => message,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    assert_eq!(encode(&message, coding), bytes, "what was read is written byte for byte");
    check_getters(&message);
    let key = MacKey::new(MacAlgorithm::X9_19, b"fedcba98ABCDEFGH").expect("a key");
    for data in [bytes_before_mac(&message, coding), selected_fields(&message, SWITCH_FIELDS)] {
        assert!(key.is_mac_of(&key.mac(&data), &data));
    }
    true
}

/// Calls every getter that interprets, and those whose answer can be checked.
fn check_getters(message: &Message) {
    let shown = format!("{message:?}");
    if let Ok(Some(pan)) = message.pan() {
        let digits = pan.digits();
        let hidden = &digits[..digits.len() - 4];
        let own = format!("2: {hidden}");
        assert!(!shown.contains(&own), "a card number is shown");
    }
    if let Ok(Some(original)) = message.original_data() {
        let value = message.get(number::ORIGINAL_DATA).expect("it was read");
        assert_eq!(original.to_string().as_bytes(), value, "original data is written as it was read");
    }
    if let Some(amount) = message.amount() {
        let mut again = message.clone();
        again.set_amount(amount).expect("an amount that was read");
        assert_eq!(&again, message, "an amount is written as it was read");
    }
    if let Ok(Some(code)) = message.response_code() {
        let _ = (code.outcome(super::SwitchFailure::Unknown), code.meaning());
    }
    if let Some(answer) = message.answer() {
        let keyed = message.get(number::STAN).is_some() && message.get(number::TRANSMISSION_TIME).is_some();
        assert_eq!(answer.is_answer_to(message), keyed, "an answer answers its request");
    }
    let _ = (message.stan(), message.transmission_time(), message.local_time(), message.local_date(), message.expiry());
    let _ =
        (message.settlement_date(), message.additional_amounts(), message.reversal_reason(), message.network_code());
    let _ = (message.transaction(), message.acquirer(), message.forwarder(), message.receiver(), message.mac());
}
