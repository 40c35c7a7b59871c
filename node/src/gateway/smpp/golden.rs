//! PDUs byte for byte, as the specification shows them.

#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::BytesMut;
use mpss_domain::Msisdn;

use super::cut::{Alphabet, cut};
use super::wire::{BadLength, Identity, bytes_of, command, take};
use crate::gateway::message_centre::ShortMessage;

pub(super) fn identity() -> Identity {
    Identity {
        system_id: "mpss44".into(),
        password: zeroize::Zeroizing::new("secret08".to_owned()),
        system_type: String::new(),
        service_type: "MPSS".into(),
        source: (0, 1),
        destination: (1, 1),
        prefix: "86".into(),
        validity_s: 86_400,
    }
}

fn hex_of(pdu: rusmpp::Pdu) -> String {
    hex::encode(bytes_of(&command(7, pdu)))
}

#[test]
fn what_we_ask_is_what_the_specification_says() {
    let identity = identity();
    let head = |length: &str, id: &str| format!("000000{length}000000{id}0000000000000007");
    assert_eq!(
        hex_of(identity.bind()),
        head("25", "09") + "6d707373343400" + "736563726574303800" + "00" + "34" + "0000" + "00",
        "bind_transceiver: system_id, password, no type, version 3.4, all numbers"
    );
    let message = ShortMessage {
        source: "11888".into(),
        to: Msisdn::new(18_900_000_001).unwrap(),
        coding: 8,
        bytes: cut("余额", Alphabet::Gsm, 1).messages.remove(0),
        is_part: false,
        reference: 0xbeef,
    };
    let addresses = "4d50535300".to_owned() + "0001313138383800" + "010138363138393030303030303031" + "00";
    assert_eq!(
        hex_of(identity.submit(&message)),
        head("51", "04")
            + &addresses
            + "000000"
            + "00"
            + "3030303030313030303030303030305200"
            + "01000800"
            + "04"
            + "4f59989d"
            + "02040002beef",
        "submit_sm: a day's validity, a receipt, UCS2, our reference"
    );
    let part = ShortMessage { is_part: true, ..message };
    let bytes = bytes_of(&command(7, identity.submit(&part)));
    assert_eq!(bytes[16 + addresses.len() / 2], 0x40, "a part says that a header stands in front");
    assert_eq!(
        hex_of(identity.cancel("11888", Msisdn::new(18_900_000_001).unwrap())),
        head("2e", "08") + "4d50535300" + "00" + &addresses[10..],
        "cancel_sm without a message id"
    );
    assert_eq!(hex_of(identity.query("11888", "m1")), head("1b", "03") + "6d3100" + "0001313138383800");
}

#[test]
fn frames_are_cut_by_their_length() {
    let one = bytes_of(&command(1, rusmpp::Pdu::EnquireLink));
    let mut received = BytesMut::from([one.as_slice(), &one[..9]].concat().as_slice());
    assert_eq!(take(&mut received).unwrap().unwrap().sequence, 1);
    assert_eq!((take(&mut received), received.len()), (Ok(None), 9));
    assert_eq!(take(&mut BytesMut::from([0, 0, 0, 15].as_slice())), Err(BadLength(15)));
    assert_eq!(take(&mut BytesMut::from([0xff; 4].as_slice())), Err(BadLength(u32::MAX)));
    // One that can not be read (a submit_sm of nothing) does not spoil the next.
    let broken = [0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5];
    let mut received = BytesMut::from([&broken, one.as_slice()].concat().as_slice());
    let frame = take(&mut received).unwrap().unwrap();
    assert_eq!((frame.command, frame.sequence), (4, 5));
    assert_eq!(take(&mut received).unwrap().unwrap().pdu.unwrap().sequence_number(), 1);
}
