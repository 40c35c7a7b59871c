//! What a message holds, shows and answers.

use super::*;

fn purchase() -> Message {
    crate::gateway::bank::iso8583::golden::purchase()
}

#[test]
fn what_does_not_fit_leaves_the_message_as_it_was() {
    let mut message = purchase();
    let before = message.clone();
    assert_eq!(message.set(65, "1").expect_err("unknown").problem, Problem::Unknown);
    assert!(message.set(4, "12").is_err());
    assert!(message.set_amount(Money::fen(-1)).is_err());
    assert!(message.set_amount(Money::fen(1_000_000_000_000)).is_err());
    assert_eq!(message, before);
    message.set_amount(Money::fen(999_999_999_999)).expect("twelve digits");
    assert_eq!(message.amount(), Some(Money::fen(999_999_999_999)));
}

#[test]
fn nothing_secret_is_shown() {
    let mut message = purchase();
    message.set_pin_block(*b"PINPINPI");
    message.set(35, "6212345678901232=25121010000").expect("track 2");
    message.set(61, "01310101199001011234").expect("an identity card");
    message.set(103, "6217001234567890123").expect("an account");
    let shown = format!("{message:?}");
    assert!(shown.contains("2: 621234******1232"), "{shown}");
    assert!(shown.contains("103: 621700*********0123"), "{shown}");
    assert!(shown.contains("52: (8 hidden)"), "{shown}");
    for secret in ["6212345678901232", "PINPIN", "310101199001011234", "6217001234567890123"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_well_formed_field_that_means_nothing_is_named_and_spoils_nothing_else() {
    let mut message = purchase();
    for (number, value) in [(7, "0230000000"), (11, "000000"), (12, "240000"), (15, "0000"), (39, "  "), (90, "")] {
        let value = if number == 90 { "9".repeat(42) } else { value.to_owned() };
        message.set(number, value).expect("well-formed");
    }
    let problems = [
        message.transmission_time().expect_err("7").to_string(),
        message.stan().expect_err("11").to_string(),
        message.local_time().expect_err("12").to_string(),
        message.settlement_date().expect_err("15").to_string(),
        message.response_code().expect_err("39").to_string(),
        message.original_data().expect_err("90").to_string(),
    ];
    assert_eq!(
        problems,
        [
            "field 7 (transmission date and time): no date and time",
            "field 11 (system trace audit number): zero is no trace number",
            "field 12 (time, local transaction): no time of day",
            "field 15 (date, settlement): no day",
            "field 39 (response code): blank",
            "field 90 (original data elements): names no message",
        ]
    );
    assert_eq!(message.amount(), Some(Money::fen(1000)));
}

#[test]
fn an_answer_answers_its_request_and_no_other() {
    let request = purchase();
    let mut answer = request.answer().expect("a request");
    answer.set_response_code(ResponseCode::APPROVED);
    assert_eq!(answer.kind(), MessageType::FinancialAnswer);
    assert!(answer.is_answer_to(&request));
    assert!(!request.is_answer_to(&answer) && !request.is_answer_to(&request));
    assert!(answer.answer().is_none());

    let mut other = request.clone();
    other.set_stan(request.stan().expect("valid").expect("there").next());
    assert!(!answer.is_answer_to(&other));
    let mut other = request.clone();
    other.set_acquirer(&Institution::new("01020000").expect("valid"));
    assert!(!answer.is_answer_to(&other));
    let mut other = request.clone();
    other.set(number::TRANSMISSION_TIME, "0722101501").expect("fits");
    assert!(!answer.is_answer_to(&other));
    for (number, value) in
        [(number::PAN, "6212345678901240"), (number::AMOUNT, "000000001001"), (number::CURRENCY, "840")]
    {
        let mut other = answer.clone();
        other.set(number, value).expect("fits");
        assert!(!other.is_answer_to(&request), "field {number}");
        other.remove(number);
        assert!(other.is_answer_to(&request), "field {number}");
    }
    let mut bare = answer.clone();
    bare.remove(number::ACQUIRER);
    assert!(bare.is_answer_to(&request));
    bare.remove(number::STAN);
    assert!(!bare.is_answer_to(&request));
}

#[test]
fn balances_are_read() {
    let mut message = Message::new(MessageType::FinancialAnswer);
    assert_eq!(message.additional_amounts(), Ok(vec![]));
    message.set(54, "1001156C0000000123451002156D000000000099").expect("text");
    let amounts = message.additional_amounts().expect("two balances");
    assert_eq!(amounts.iter().map(|one| one.amount.as_fen()).collect::<Vec<_>>(), [12_345, -99]);
    assert_eq!((&amounts[1].account_type, &amounts[1].amount_type, &amounts[1].currency), (b"10", b"02", b"156"));
    for broken in ["1001156C00000001234", "1001156X000000012345", "1001156C0000000123451"] {
        message.set(54, broken).expect("text");
        assert!(message.additional_amounts().is_err(), "{broken}");
    }
}

#[test]
fn the_mac_stands_in_the_last_field_of_the_last_bitmap() {
    let mut message = purchase();
    message.set_mac([1; 8]);
    assert_eq!(message.get(64), Some(&[1; 8][..]));
    let mut reversal = crate::gateway::bank::iso8583::golden::reversal();
    reversal.set_mac([2; 8]);
    assert_eq!((reversal.get(128), reversal.mac()), (Some(&[2; 8][..]), Some([2; 8])));
}

#[test]
fn a_reversal_is_of_the_transaction_it_names() {
    assert_eq!(crate::gateway::bank::iso8583::golden::reversal().transaction(), Some(Transaction::Purchase));
    assert_eq!(purchase().transaction(), Some(Transaction::Purchase));
    let mut nameless = crate::gateway::bank::iso8583::golden::reversal();
    nameless.remove(number::ORIGINAL_DATA);
    assert_eq!(nameless.transaction(), None);
}
