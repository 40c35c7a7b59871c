//! Every manner, as an SP sees it that checks as the platform itself does.

use axum::http::HeaderMap;
use mpss_domain::sp_keys::SpKeyAlgorithm;

use super::*;
use crate::message_signature::{CheckKey, Fault, Kind, Presented};

const URL: &str = "http://127.0.0.1:9000/notices?of=sp";

fn signer(name: &str, byte: u8) -> Signer {
    let key = SignKey::new(SpKeyAlgorithm::Ed25519, &[byte; 32]).expect("a key");
    Signer { key_id: name.to_owned(), key }
}

fn checked(headers: &HeaderMap, body: &[u8]) -> Result<String, Fault> {
    let message = Message {
        method: "POST",
        scheme: "http",
        authority: "127.0.0.1:9000",
        path: "/notices",
        query: Some("of=sp"),
        headers,
    };
    let now_s = TokioClock::new().wall_ms() / 1_000;
    let presented = Presented::read(&message, body, Kind::Notice, now_s)?;
    let known: [(&str, CheckKey); 2] =
        [("signs", 1), ("next", 2)].map(|(name, byte)| (name, signer(name, byte).key.check_key()));
    let key = known.iter().find(|(name, _)| *name == presented.key_id).ok_or(Fault::UnknownKey)?;
    presented.check(&key.1)?;
    Ok(presented.key_id)
}

#[tokio::test]
async fn true_words_are_believed_and_each_false_one_is_found_by_what_is_wrong_with_it() {
    let teller = Teller::new(URL, [signer("signs", 1), signer("next", 2)], Seen::new()).expect("a teller");
    let url = Url::parse(URL).expect("an address");
    let body = Bytes::from_static(br#"{"notices":[{"kind":"deliver","order_id":"O1"}]}"#);
    for (manner, verdict) in [
        (Manner::Again, Ok("signs")),
        (Manner::MoreMembers, Ok("signs")),
        (Manner::Replayed, Ok("signs")),
        (Manner::NextKey, Ok("next")),
        (Manner::Unsigned, Err(Fault::Missing)),
        (Manner::OtherBody, Err(Fault::DigestMismatch)),
        (Manner::OtherKey, Err(Fault::Wrong)),
        (Manner::UnknownKey, Err(Fault::UnknownKey)),
        (Manner::Old, Err(Fault::Expired)),
        (Manner::OtherTarget, Err(Fault::Wrong)),
        (Manner::DigestNotCovered, Err(Fault::Incomplete("content-digest"))),
        (Manner::NoDigest, Err(Fault::DigestMissing)),
    ] {
        let (headers, sent) = teller.dressed(&url, &body, manner);
        assert_eq!(checked(&headers, &sent), verdict.map(str::to_owned), "{manner:?}");
        assert_eq!(notices_in(&sent), [("deliver".to_owned(), "O1".to_owned())], "{manner:?} reads alike");
    }
}

#[tokio::test]
async fn two_true_words_have_two_signatures() {
    let teller = Teller::new(URL, [signer("signs", 1), signer("next", 2)], Seen::new()).expect("a teller");
    let url = Url::parse(URL).expect("an address");
    let signed = || teller.dressed(&url, &Bytes::from_static(b"{}"), Manner::Again).0["signature"].clone();
    assert_ne!(signed(), signed());
}

#[test]
fn an_address_that_is_none_is_named() {
    for wrong in ["nowhere", "ftp://127.0.0.1/x", "http://"] {
        let made = Teller::new(wrong, [signer("signs", 1), signer("next", 2)], Seen::new());
        let failure = made.err().expect("refused");
        assert!(failure.what.contains("--notice-url"), "{}", failure.what);
    }
}
