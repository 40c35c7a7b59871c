//! Sealing and opening.

#![allow(clippy::unwrap_used, reason = "tests")]

use mpss_domain::ids::IssuedId as _;
use mpss_domain::time::LogTime;
use mpss_runtime::real::OsRandom;

use super::*;

fn keys(versions: &[u16], give_out: u16) -> SealKeys {
    let keys = versions.iter().map(|version| (version.to_string(), format!("{version:02x}").repeat(32)));
    SealKeys::new(&SealSettings { keys: keys.collect(), give_out, clear: "refused".into() })
}

fn province(code: u8) -> ProvinceId {
    ProvinceId::new(code).unwrap()
}

fn for_payment(serial: u16) -> Binding {
    let (at, serving) = (LogTime(1_795_437_296_789), province(44));
    Binding {
        home: province(51),
        serving,
        payment: PaymentId::issue(at, serving, serial),
        order: OrderId::issue(at, serving, serial),
        msisdn: Msisdn::new(18_912_345_678).unwrap(),
        amount: Money::fen(1_250),
    }
}

fn password(digits: &str) -> PaymentPassword {
    PaymentPassword::parse(digits).unwrap()
}

#[test]
fn home_opens_what_was_sealed_for_this_payment_and_for_no_other() {
    let home = keys(&[1], 0);
    let key = HomeKey::read(&home.given_out().unwrap()).unwrap();
    let right = for_payment(1);
    let sealed = key.seal(&password("838291"), &right, &OsRandom).unwrap();
    assert_eq!(home.open(&sealed, &right).unwrap().reveal(), "838291");
    let others = [
        Binding { home: province(44), ..right },
        Binding { serving: province(31), ..right },
        Binding { payment: for_payment(2).payment, ..right },
        Binding { order: for_payment(2).order, ..right },
        Binding { msisdn: Msisdn::new(18_912_345_679).unwrap(), ..right },
        Binding { amount: Money::fen(1_251), ..right },
    ];
    for other in others {
        assert_eq!(home.open(&sealed, &other).unwrap_err(), NotOpened::NotForThis, "{other:?}");
    }
}

#[test]
fn no_two_seals_are_alike_and_none_shows_the_digits() {
    let key = HomeKey::read(&keys(&[1], 0).given_out().unwrap()).unwrap();
    let seal = || key.seal(&password("838291"), &for_payment(1), &OsRandom).unwrap();
    let (one, other) = (seal(), seal());
    assert_ne!(one.encapsulated, other.encapsulated);
    assert_ne!(one.ciphertext, other.ciphertext);
    assert_eq!((one.encapsulated.len(), one.ciphertext.len()), (64, 44));
    assert!(!format!("{one:?}").contains("838291"));
}

#[test]
fn damage_is_no_password_and_never_a_panic() {
    let home = keys(&[1], 0);
    let key = HomeKey::read(&home.given_out().unwrap()).unwrap();
    let whole = key.seal(&password("838291"), &for_payment(1), &OsRandom).unwrap();
    let with =
        |encapsulated: String, ciphertext: String| SealedPasswordMessage { encapsulated, ciphertext, ..whole.clone() };
    let flipped = |digits: &str| {
        let mut bytes = hex::decode(digits).unwrap();
        bytes[3] ^= 1;
        hex::encode(bytes)
    };
    for damaged in [
        with(flipped(&whole.encapsulated), whole.ciphertext.clone()),
        with(whole.encapsulated.clone(), flipped(&whole.ciphertext)),
        with(String::new(), whole.ciphertext.clone()),
        with(whole.encapsulated.clone(), String::new()),
        with("0".repeat(64), whole.ciphertext.clone()),
        with(whole.encapsulated.clone(), "zz".repeat(22)),
        with(whole.encapsulated.clone(), "ab".repeat(30_000)),
    ] {
        assert_eq!(home.open(&damaged, &for_payment(1)).unwrap_err(), NotOpened::NotForThis);
    }
}

#[test]
fn what_is_sealed_without_being_six_digits_is_none() {
    let home = keys(&[1], 0);
    let public = hex::decode(home.given_out().unwrap().public_key).unwrap();
    for text in [&b"83829a"[..], b"", b"8382911", &[0xff; 6]] {
        let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeS::Base,
            &PublicKey::from_bytes(&public).unwrap(),
            INFO,
            text,
            &for_payment(1).bytes(),
            &mut Drawn(&OsRandom),
        )
        .unwrap();
        let sealed = SealedPasswordMessage {
            key_version: 1,
            encapsulated: hex::encode(encapsulated.to_bytes()),
            ciphertext: hex::encode(ciphertext),
        };
        assert_eq!(home.open(&sealed, &for_payment(1)).unwrap_err(), NotOpened::NotForThis);
    }
}

#[test]
fn an_old_key_still_opens_and_a_missing_one_is_told_apart() {
    let before = keys(&[1], 0);
    let sealed = HomeKey::read(&before.given_out().unwrap()).unwrap();
    let sealed = sealed.seal(&password("838291"), &for_payment(1), &OsRandom).unwrap();
    let rotated = keys(&[1, 2], 0);
    assert_eq!(rotated.given_out().unwrap().version, 2);
    assert_eq!(keys(&[1, 2], 1).given_out(), before.given_out(), "the new one is known and not given out yet");
    assert_eq!(rotated.open(&sealed, &for_payment(1)).unwrap().reveal(), "838291");
    assert_eq!(keys(&[2], 0).open(&sealed, &for_payment(1)).unwrap_err(), NotOpened::KeyUnknown(1));
    assert_eq!(keys(&[], 0).given_out(), None);
}

#[test]
fn what_is_no_key_is_not_sealed_to() {
    let message = |public_key: &str| SealKeyMessage { version: 1, public_key: public_key.to_owned() };
    for digits in ["", "00", "zz", &"ab".repeat(33)] {
        assert!(HomeKey::read(&message(digits)).is_none(), "{digits}");
    }
    let small_order = HomeKey::read(&message(&"00".repeat(32)));
    let sealed = small_order.and_then(|key| key.seal(&password("838291"), &for_payment(1), &OsRandom));
    assert!(sealed.is_none(), "a point of small order gives away what is sealed to it");
}
