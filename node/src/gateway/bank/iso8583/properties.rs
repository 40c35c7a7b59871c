//! What holds for every message and for all bytes.

use proptest::prelude::*;

use super::codes::MessageType;
use super::fields::{Content, FIELDS, Field, Length};
use super::{Coding, Message, decode, encode, fuzz, golden};

fn value(field: &'static Field) -> BoxedStrategy<Vec<u8>> {
    let lengths = match field.length {
        Length::Fixed(length) => length..=length,
        Length::TwoDigits(max) | Length::ThreeDigits(max) => {
            usize::from(matches!(field.content, Content::Digits | Content::Track))..=max
        }
    };
    let characters = match field.content {
        Content::Digits => prop::sample::select(b"0123456789".to_vec()).boxed(),
        Content::Track => prop::sample::select(b"0123456789=".to_vec()).boxed(),
        Content::Alphanumeric => prop::sample::select(b"09AZaz".to_vec()).boxed(),
        Content::Signed => {
            let digits = prop::collection::vec(b'0'..=b'9', field.max() - 1);
            return (prop::sample::select(b"CD".to_vec()), digits)
                .prop_map(|(sign, digits)| [&[sign][..], &digits].concat())
                .boxed();
        }
        Content::Text => prop_oneof![0x20..=0x7e_u8, 0x80..=0xfe_u8].boxed(),
        Content::Binary => any::<u8>().boxed(),
    };
    prop::collection::vec(characters, lengths).boxed()
}

fn message() -> impl Strategy<Value = Message> {
    let kinds = prop::sample::select(MessageType::ALL.to_vec());
    let fields = prop::sample::subsequence(FIELDS.to_vec(), 0..=FIELDS.len()).prop_flat_map(|fields| {
        let values = |field: Field| {
            let field = super::field(field.number).expect("a row");
            value(field).prop_map(move |value| (field.number, value))
        };
        fields.into_iter().map(values).collect::<Vec<_>>()
    });
    (kinds, fields).prop_map(|(kind, fields)| {
        let mut message = Message::new(kind);
        fields.into_iter().for_each(|(number, value)| message.set(number, value).expect("fits"));
        message
    })
}

/// Bytes of a message with a few of them changed, so that reading gets past the bitmap.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>());
    (message(), prop::sample::select(Coding::ALL.to_vec()), prop::collection::vec(change, 1..4)).prop_map(
        |(message, coding, changes)| {
            let mut bytes = encode(&message, coding);
            changes.into_iter().for_each(|(at, to)| *at.get_mut(&mut bytes) = to);
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(message in message()) {
        for coding in Coding::ALL {
            let read = decode(&encode(&message, coding), coding);
            prop_assert_eq!(read.as_ref(), Ok(&message));
        }
    }

    #[test]
    fn what_is_read_is_written_byte_for_byte(bytes in damaged()) {
        for coding in Coding::ALL {
            if let Ok(message) = decode(&bytes, coding) {
                prop_assert_eq!(&encode(&message, coding), &bytes);
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), damaged in damaged()) {
        let _ = fuzz::understands(&bytes);
        let _ = fuzz::understands(&damaged);
    }
}

#[test]
fn whoever_searches_for_faults_starts_from_what_is_understood() {
    for message in golden::all() {
        for coding in Coding::ALL {
            assert!(fuzz::understands(&encode(&message, coding)), "{}", message.kind());
        }
    }
    assert!(!fuzz::understands(b"") && !fuzz::understands(b"0200"));
}
