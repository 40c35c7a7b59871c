//! Messages that are cut, mangled or invented are errors, never panics.

use proptest::prelude::*;

use super::*;
use crate::types::log_id;

fn envelope(kind: Kind) -> Envelope {
    Envelope { kind, province: ProvinceId::NATIONAL, group: 1, from: 1, from_disk: 2, to: 3, to_disk: 4 }
}

fn append(entries: &[RaftEntry]) -> Bytes {
    let vote = VoteRow { term: 1, node: 1, committed: true };
    encode_append(&envelope(Kind::Append), vote, Some(log_id(1, 1, 4).into()), None, entries)
}

fn entry(index: u64, bytes: usize) -> RaftEntry {
    RaftEntry { log_id: log_id(1, 1, index), payload: RaftPayload::Normal(Payload(vec![7; bytes].into())) }
}

fn body(mut request: Bytes) -> Bytes {
    take_envelope(&mut request).expect("well formed");
    request
}

#[test]
fn entries_come_out_as_they_went_in() {
    let entries = [entry(5, 0), entry(6, 3_000), entry(7, 1)];
    let (head, decoded) = decode_append(body(append(&entries))).expect("well formed");
    assert_eq!(head.entries.len(), 3);
    assert_eq!(decoded, entries);
}

#[test]
fn entries_that_do_not_follow_each_other_are_refused() {
    assert!(decode_append(body(append(&[entry(6, 1)]))).is_err(), "not behind the previous one");
    assert!(decode_append(body(append(&[entry(5, 1), entry(7, 1)]))).is_err(), "a hole");
    assert!(decode_append(body(append(&[entry(5, 1), entry(5, 1)]))).is_err(), "twice");
}

#[test]
fn every_cut_of_a_message_is_an_error() {
    let append = append(&[entry(5, 40), entry(6, 40)]);
    let propose = encode_propose(&envelope(Kind::Propose), 9, &[b"one".as_slice(), b"two"]);
    for request in [append, propose] {
        assert!(fuzz_request(&request));
        for cut in 0..request.len() {
            assert!(!fuzz_request(&request[..cut]), "cut at {cut}");
        }
    }
}

#[test]
fn a_chunk_with_a_wrong_byte_or_past_its_file_is_refused() {
    let chunk = |offset, crc32c| {
        let vote = VoteRow { term: 1, node: 1, committed: true };
        let mut bytes = Vec::new();
        codec::encode_onto(&ChunkHead { vote, transfer: 1, offset, file_bytes: 10, crc32c }, &mut bytes);
        bytes.extend_from_slice(b"bytes");
        Bytes::from(bytes)
    };
    let crc = crc32c::crc32c(b"bytes");
    assert!(decode_chunk(chunk(5, crc)).is_ok());
    assert!(decode_chunk(chunk(6, crc)).is_err());
    assert!(decode_chunk(chunk(u64::MAX, crc)).is_err());
    assert!(decode_chunk(chunk(5, crc ^ 1)).is_err());
}

#[test]
fn an_answer_keeps_its_disk_and_its_refusal() {
    let bytes = answer(9, Ok(&ReadIndexAnswer::Index(4)));
    assert_eq!(take_answer(&bytes), Ok((9, Ok(ReadIndexAnswer::Index(4)))));
    let bytes = answer::<()>(9, Err(&Refusal::InDoubt));
    assert_eq!(take_answer::<ReadIndexAnswer>(&bytes), Ok((9, Err(Refusal::InDoubt))));
}

proptest! {
    #[test]
    fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 1_u8..13) {
        let _ = fuzz_request(&bytes);
        let _ = fuzz_answer(&bytes);
        // Past the envelope, where the decoders of bodies are.
        let mut request = begin_request(&envelope(Kind::Append), bytes.len()).to_vec();
        request[1] = kind;
        request.extend_from_slice(&bytes);
        let _ = fuzz_request(&request);
    }

    #[test]
    fn a_mangled_append_never_panics(place in 0_usize..200, bit in 0_u8..8) {
        let mut request = append(&[entry(5, 40), entry(6, 40)]).to_vec();
        let place = place % request.len();
        request[place] ^= 1 << bit;
        let _ = fuzz_request(&request);
    }
}
