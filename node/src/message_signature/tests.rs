//! Signatures that RFC 9421 prints, our own both ways, and every way in which one is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use axum::http::{HeaderMap, HeaderValue};
use data_encoding::BASE64;
use mpss_domain::sp_keys::SpKeyAlgorithm;

use super::base::component;
use super::*;

const NOW: u64 = 1_795_399_200;
const BODY: &[u8] = br#"{"reason": "called off"}"#;
const COVERED: [&str; 5] = ["@method", "@target-uri", "content-type", "content-digest", "idempotency-key"];

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

fn change_headers() -> HeaderMap {
    let digest = content_digest(BODY);
    headers(&[("content-type", "application/json"), ("content-digest", &digest), ("idempotency-key", "k-1")])
}

fn message(headers: &HeaderMap) -> Message<'_> {
    Message {
        method: "POST",
        scheme: "http",
        authority: "Node-1.Example:8080",
        path: "/v1/sp/orders/O1/reversal",
        query: None,
        headers,
    }
}

fn keys() -> Vec<SignKey> {
    let of = |algorithm, bytes: &[u8]| SignKey::new(algorithm, bytes).unwrap();
    vec![
        of(SpKeyAlgorithm::HmacSha256, &[7; 32]),
        of(SpKeyAlgorithm::Ed25519, &[8; 32]),
        of(SpKeyAlgorithm::Sm2Sm3, &[9; 32]),
    ]
}

fn drawn(created_s: u64) -> Signature {
    Signature { created_s, nonce: "nonce-0001".to_owned() }
}

/// A request that was signed with this key, at this time, covering so much.
fn signed(key: SignKey, covered: &[&str], at: u64) -> HeaderMap {
    let mut all = change_headers();
    let signer = Signer { key_id: "S1/k1".to_owned(), key };
    let added = signer.sign(&message(&all), covered, &drawn(at));
    all.extend(added);
    all
}

fn read(headers: &HeaderMap) -> Result<Presented, Fault> {
    Presented::read(&message(headers), BODY, Kind::Change, NOW)
}

#[test]
fn what_rfc_9421_signs_with_ed25519_and_hmac_is_right() {
    let headers = headers(&[
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ]);
    let message = Message {
        method: "POST",
        scheme: "https",
        authority: "example.com",
        path: "/foo",
        query: Some("param=Value&Pet=dog"),
        headers: &headers,
    };
    let input = |text: &str| match sfv::Parser::new(text).parse::<sfv::List>().unwrap().remove(0) {
        sfv::ListEntry::InnerList(list) => list,
        sfv::ListEntry::Item(_) => panic!("an inner list"),
    };
    let ed25519 = input(
        r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
    );
    let key = BASE64.decode(b"JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=").unwrap();
    let key = CheckKey::new(SpKeyAlgorithm::Ed25519, &key).unwrap();
    let signature = BASE64
        .decode(b"wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==")
        .unwrap();
    let base = message.base(&ed25519).unwrap();
    assert!(key.has_signed(base.as_bytes(), &signature), "{base}");
    assert!(!key.has_signed(&base.as_bytes()[1..], &signature));

    let hmac = input(r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#);
    let secret = BASE64
        .decode(b"uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
        .unwrap();
    let key = CheckKey::new(SpKeyAlgorithm::HmacSha256, &secret).unwrap();
    let signature = BASE64.decode(b"pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=").unwrap();
    let base = message.base(&hmac).unwrap();
    assert!(key.has_signed(base.as_bytes(), &signature), "{base}");
}

#[test]
fn derived_components_are_what_rfc_9421_says() {
    let headers = headers(&[("x-one", " a "), ("x-two", "b")]);
    let mut headers = headers;
    headers.append("x-one", HeaderValue::from_static("c"));
    let message = Message { query: Some("a=1&b"), path: "", ..message(&headers) };
    let of = |name: &str| {
        let base = message.base(&sfv::InnerList::new(vec![component(name)]));
        base.map(|base| base.lines().next().unwrap().split_once(": ").unwrap().1.to_owned())
    };
    for (name, value) in [
        ("@method", "POST"),
        ("@target-uri", "http://node-1.example:8080/?a=1&b"),
        ("@authority", "node-1.example:8080"),
        ("@scheme", "http"),
        ("@request-target", "/?a=1&b"),
        ("@path", "/"),
        ("@query", "?a=1&b"),
        ("x-one", "a, c"),
        ("x-two", "b"),
    ] {
        assert_eq!(of(name).as_deref(), Ok(value), "{name}");
    }
    for name in ["@status", "@query-param", "x-three", "X-One"] {
        assert!(matches!(of(name), Err(Fault::Malformed(_))), "{name}");
    }
    let twice = sfv::InnerList::new(vec![component("@method"), component("@method")]);
    assert!(matches!(message.base(&twice), Err(Fault::Malformed(_))));
}

#[test]
fn what_is_signed_with_a_key_is_right_by_that_key_alone() {
    for key in keys() {
        let (name, check) = (format!("{key:?}"), key.check_key());
        assert!(!name.contains('7') || name.contains("256"), "no key is printed: {name}");
        let headers = signed(key, &COVERED, NOW);
        let presented = read(&headers).unwrap();
        assert_eq!((presented.key_id.as_str(), presented.nonce.as_str()), ("S1/k1", "nonce-0001"));
        assert_eq!(presented.check(&check), Ok(()), "{name}");
        for other in [
            (SpKeyAlgorithm::HmacSha256, [1; 32]),
            (SpKeyAlgorithm::Ed25519, [1; 32]),
            (SpKeyAlgorithm::Sm2Sm3, [1; 32]),
        ] {
            let other = SignKey::new(other.0, &other.1).unwrap().check_key();
            let same_way = other.algorithm() == check.algorithm();
            let fault = if same_way { Fault::Wrong } else { Fault::AlgorithmMismatch };
            assert_eq!(presented.check(&other), Err(fault), "{name}");
        }
        // Public keys are read back from what is shown of them.
        if let Some(bytes) = check.public_bytes() {
            let again = CheckKey::new(check.algorithm(), &bytes).unwrap();
            assert_eq!(presented.check(&again), Ok(()), "{name}");
        }
    }
}

#[test]
fn nothing_of_a_request_can_be_changed_once_it_is_signed() {
    for key in keys() {
        let check = key.check_key();
        let headers = signed(key, &COVERED, NOW);
        let wrong = |message: Message<'_>| {
            Presented::read(&message, BODY, Kind::Change, NOW).and_then(|presented| presented.check(&check))
        };
        let good = message(&headers);
        assert_eq!(wrong(good), Ok(()));
        for changed in [
            Message { method: "PUT", ..good },
            Message { scheme: "https", ..good },
            Message { authority: "node-2.example:8080", ..good },
            Message { path: "/v1/sp/orders/O2/reversal", ..good },
            Message { query: Some(""), ..good },
        ] {
            assert_eq!(wrong(changed), Err(Fault::Wrong), "{changed:?}");
        }
        for (name, value) in [("content-type", "text/plain"), ("idempotency-key", "k-2")] {
            let mut changed = headers.clone();
            changed.insert(name, HeaderValue::from_static(value));
            assert_eq!(wrong(message(&changed)), Err(Fault::Wrong), "{name}");
        }
        // Another body with its own digest.
        let mut changed = headers.clone();
        let digest = content_digest(b"{}");
        changed.insert("content-digest", HeaderValue::from_str(&digest).unwrap());
        let other = Presented::read(&message(&changed), b"{}", Kind::Change, NOW).unwrap().check(&check);
        assert_eq!(other, Err(Fault::Wrong));
        for place in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[place] ^= 1;
            assert_eq!(Presented::read(&good, &body, Kind::Change, NOW).unwrap_err(), Fault::DigestMismatch);
        }
        // Each parameter of the signature is signed too.
        for (from, to) in
            [("nonce-0001", "nonce-0002"), ("S1/k1", "S1/k2"), (";created=1", ";expires=1999999999;created=1")]
        {
            let mut changed = headers.clone();
            let input = changed["signature-input"].to_str().unwrap().replace(from, to);
            changed.insert("signature-input", HeaderValue::from_str(&input).unwrap());
            assert_eq!(wrong(message(&changed)), Err(Fault::Wrong), "{to}");
        }
    }
}

#[test]
fn a_signature_is_good_for_five_minutes_and_no_longer() {
    let at = |created| read(&signed(keys().remove(0), &COVERED, created)).map(|_| ());
    for good in [NOW - 300, NOW, NOW + 300] {
        assert_eq!(at(good), Ok(()), "{good}");
    }
    assert_eq!(at(NOW - 301), Err(Fault::Expired));
    assert_eq!(at(NOW + 301), Err(Fault::FromFuture));
    assert_eq!(at(0), Err(Fault::Expired));
}

#[test]
fn what_must_be_covered_is_named() {
    let without = |left_out: &str| {
        let covered: Vec<_> = COVERED.into_iter().filter(|name| *name != left_out).collect();
        read(&signed(keys().remove(0), &covered, NOW)).map(|_| ())
    };
    for name in COVERED {
        assert_eq!(without(name), Err(Fault::Incomplete(name)));
    }
    let parts = ["@method", "@authority", "@path", "content-type", "content-digest", "idempotency-key"];
    let headers = signed(keys().remove(0), &parts, NOW);
    assert!(Presented::read(&message(&headers), BODY, Kind::Change, NOW).is_ok());
    let with_query = Message { query: Some("a=1"), ..message(&headers) };
    assert_eq!(Presented::read(&with_query, BODY, Kind::Change, NOW).unwrap_err(), Fault::Incomplete("@target-uri"));
    // A question has no body.
    let headers = signed(keys().remove(0), &["@method", "@target-uri"], NOW);
    assert!(Presented::read(&message(&headers), b"", Kind::Question, NOW).is_ok());
    let mut headers = signed(keys().remove(0), &["@method", "@target-uri", "content-type", "idempotency-key"], NOW);
    headers.remove("content-digest");
    assert_eq!(read(&headers).unwrap_err(), Fault::DigestMissing);
    let mut headers = signed(keys().remove(0), &COVERED, NOW);
    headers.remove("content-digest");
    assert_eq!(read(&headers).unwrap_err(), Fault::DigestMissing);
}

#[test]
fn whatever_can_not_be_read_is_refused_by_name() {
    let good = signed(keys().remove(1), &COVERED, NOW);
    let input = good["signature-input"].to_str().unwrap().to_owned();
    let with = |name: &'static str, value: &str| {
        let mut headers = good.clone();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        read(&headers).and_then(|presented| presented.check(&keys()[1].check_key()))
    };
    assert_eq!(with("signature-input", &input), Ok(()));
    for name in ["signature-input", "signature"] {
        let mut headers = good.clone();
        headers.remove(name);
        assert_eq!(read(&headers).unwrap_err(), Fault::Missing, "{name}");
        assert_eq!(with(name, ""), Err(Fault::Missing));
        for text in
            ["sig1", "sig1=", "sig1=1", "sig1=\"a\"", "sig1=()", "sig1=:AA==:, sig2=:AA==:", "other=:AA==:", "sig1=:*:"]
        {
            let fault = with(name, text).unwrap_err();
            assert!(
                matches!(fault, Fault::Malformed(_) | Fault::Incomplete(_) | Fault::Wrong),
                "{name}: {text}: {fault}"
            );
        }
        assert_eq!(with(name, &format!("sig1=\"{}\"", "x".repeat(5_000))), Err(Fault::TooLarge));
    }
    for (from, to, fault) in [
        (";created=1795399200", "", Fault::Incomplete("created")),
        (";keyid=\"S1/k1\"", "", Fault::Incomplete("keyid")),
        (";nonce=\"nonce-0001\"", "", Fault::Incomplete("nonce")),
        (";alg=\"ed25519\"", "", Fault::Incomplete("alg")),
        ("alg=\"ed25519\"", "alg=\"hmac-sha256\"", Fault::AlgorithmMismatch),
        ("alg=\"ed25519\"", "alg=\"rsa-pss-sha512\"", Fault::AlgorithmMismatch),
        ("created=1795399200", "created=1795399200;expires=1795399199", Fault::Expired),
        ("\"nonce-0001\"", "\"short\"", Fault::Malformed("a nonce has 8 to 128 characters")),
        ("created=1795399200", "created=\"now\"", Fault::Malformed("created and expires are whole seconds since 1970")),
        ("created=1795399200", "created=-1", Fault::Malformed("created and expires are whole seconds since 1970")),
        ("\"@method\"", "\"@method\" \"@method\"", Fault::Malformed("a component is covered twice")),
        ("\"@method\"", "\"@method\" \"x-nobody\"", Fault::Malformed("a covered header is not there")),
        ("\"@method\"", "\"@method\" \"@status\"", Fault::Malformed("a derived component is not known here")),
        (
            "\"@method\"",
            "\"@method\" \"date\";sf",
            Fault::Malformed("parameters of covered components are not known here"),
        ),
    ] {
        assert!(input.contains(from), "{input}: {from}");
        assert_eq!(with("signature-input", &input.replace(from, to)), Err(fault), "{to}");
    }
    let many: String = (0..40).map(|number| format!("\"x-{number}\" ")).collect();
    assert_eq!(with("signature-input", &input.replace("(", &format!("({many}"))), Err(Fault::TooLarge));
    for text in ["sha-256", "sha-256=1", "md5=:AA==:", "nonsense ===", ""] {
        let fault = with("content-digest", text).unwrap_err();
        assert!(matches!(fault, Fault::Malformed(_) | Fault::DigestMismatch), "{text}: {fault}");
    }
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    for (algorithm, bytes) in [
        (SpKeyAlgorithm::HmacSha256, vec![1; 15]),
        (SpKeyAlgorithm::HmacSha256, vec![1; 65]),
        (SpKeyAlgorithm::Ed25519, vec![1; 31]),
        (SpKeyAlgorithm::Ed25519, [vec![1], vec![0; 31]].concat()),
        (SpKeyAlgorithm::Sm2Sm3, [vec![4], vec![1; 64]].concat()),
        (SpKeyAlgorithm::Sm2Sm3, vec![0]),
        (SpKeyAlgorithm::IsagMd5, vec![1; 32]),
    ] {
        assert_eq!(CheckKey::new(algorithm, &bytes).err(), Some(NoKey), "{algorithm:?} {bytes:?}");
    }
    assert_eq!(SignKey::new(SpKeyAlgorithm::Sm2Sm3, &[0; 32]).err(), Some(NoKey));
    assert_eq!(SignKey::new(SpKeyAlgorithm::Ed25519, &[0; 33]).err(), Some(NoKey));
}
