//! One message of every type, and its bytes: what is sent is frozen.

use mpss_domain::Money;

use super::codes::{MessageType, NetworkCode, ProcessingCode, ResponseCode, ReversalReason};
use super::institution::Institution;
use super::message::Message;
use super::moment::{MonthDay, MonthDayTime, TimeOfDay};
use super::original::OriginalData;
use super::pan::Pan;
use super::stan::Stan;
use super::{Coding, decode, encode, number};

/// In the host's coding, in the order of [`MessageType::ALL`].
const EXPECTED: [&[u8]; 14] = [
    b"0100r8D\x81\x08\xe0\x98\x00166212345678901232030000000000001000072210150000012010150007224814012060800010000\
      072210150012MPSS0001898110048140001\xd6\xd0\xb9\xfa                                    156\xb9\x1d\x02\x0c\
      \x87\x1d\xff\xc11600000000000000",
    b"0110r:@\x81\x0e\xc0\x80\x00166212345678901232030000000000001000072210150000012010150007220722481406080001000\
      0072210150012Z9Y8X700MPSS0001898110048140001156",
    b"0200r8D\x81\x08\xc0\x80\x00166212345678901232000000000000001000072210150000012310150007224814012080800010000\
      072210150012MPSS0001898110048140001156",
    b"0210r:@\x81\x0e\xc0\x84\x01166212345678901232000000000000001000072210150000012310150007220722481408080001000\
      0072210150012A1B2C300MPSS00018981100481400011560201002156C000000123456B3A092AE",
    b"0220\xf28D\x81\x08\xc0\x80\x00\x00\x00\x00@\x00\x00\x00\x011662123456789012322000000000000010000722101500000\
      12610150007224814012080800010000072210150012MPSS000189811004814000115602000001230722101500000000100000000000\
      000049F267C0",
    b"0221\xf28D\x81\x08\xc0\x80\x00\x00\x00\x00@\x00\x00\x00\x011662123456789012322000000000000010000722101500000\
      12610150007224814012080800010000072210150012MPSS000189811004814000115602000001230722101500000000100000000000\
      000049F267C0",
    b"0230r8@\x81\n\xc0\x80\x0016621234567890123220000000000000100007221015000001261015000722481408080001000007221\
      015001200MPSS0001898110048140001156",
    b"0420\xf28D\x81\x08\xc0\x80\x10\x00\x00\x00@\x00\x00\x00\x001662123456789012320000000000000010000722101530000\
      12410150007224814012080800010000072210150012MPSS000189811004814000115600443540200000123072210150000000010000\
      00000000000",
    b"0421\xf28D\x81\x08\xc0\x80\x10\x00\x00\x00@\x00\x00\x00\x001662123456789012320000000000000010000722101530000\
      12410150007224814012080800010000072210150012MPSS000189811004814000115600443540200000123072210150000000010000\
      00000000000",
    b"0430r8@\x81\n\xc0\x80\x0016621234567890123200000000000000100007221015300001241015000722481408080001000007221\
      015001200MPSS0001898110048140001156",
    b"0800\x82 \x00\x01\x00\x00\x08\x00\x04\x00\x00\x01\x00\x00\x00\x000722101500000130080001000020000000000000001\
      01\x96\x96\x96\x96\x96\x96\x96\x96",
    b"0810\x82 \x00\x01\x02\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x000722101500000130080001000000101",
    b"0820\x82 \x00\x01\x00\x00\x00\x00\x04\x00\x00\x00\x10\x00\x00\x00072210150000013108000100000010800010000",
    b"0830\x82 \x00\x01\x02\x00\x00\x00\x04\x00\x00\x00\x10\x00\x00\x0007221015000001310800010000000010800010000",
];

fn at(minute: u8, second: u8) -> MonthDayTime {
    MonthDayTime {
        date: MonthDay::new(7, 22).expect("a day"),
        time: TimeOfDay::new(10, minute, second).expect("a time"),
    }
}

fn base(kind: MessageType, stan: u32) -> Message {
    let mut message = Message::new(kind);
    message.set_transmission_time(at(15, 0));
    message.set_stan(Stan::new(stan).expect("a trace number"));
    message.set_acquirer(&Institution::new("00010000").expect("an institution"));
    message
}

fn transaction(kind: MessageType, stan: u32, processing: ProcessingCode, condition: &str) -> Message {
    let mut message = base(kind, stan);
    message.set_pan(&Pan::new("6212345678901232").expect("a card number"));
    message.set_processing_code(processing);
    message.set_amount(Money::fen(1000)).expect("ten yuan");
    message.set_local_time(at(15, 0).time);
    message.set_local_date(at(15, 0).date);
    message.set_currency_yuan();
    for (number, value) in [
        (number::MERCHANT_CATEGORY, "4814"),
        (number::ENTRY_MODE, "012"),
        (number::CONDITION, condition),
        (number::RETRIEVAL_REFERENCE, "072210150012"),
        (number::TERMINAL, "MPSS0001"),
        (number::MERCHANT, "898110048140001"),
    ] {
        message.set(number, value).expect("fits");
    }
    message
}

/// A purchase by mail or telephone order, of ten yuan.
pub(super) fn purchase() -> Message {
    transaction(MessageType::FinancialRequest, 123, ProcessingCode::PURCHASE, "08")
}

/// Its reversal, because no answer came.
pub(super) fn reversal() -> Message {
    let original = purchase();
    let mut reversal = transaction(MessageType::ReversalAdvice, 124, ProcessingCode::PURCHASE, "08");
    reversal.set_transmission_time(at(15, 30));
    reversal.set_reversal_reason(ReversalReason::AcquirerTimedOut);
    reversal.set_original_data(&OriginalData::of(&original).expect("a key"));
    reversal
}

fn repeated(message: &Message) -> Message {
    let mut repeat = Message::new(message.kind().repeat());
    message.fields().for_each(|(number, value)| repeat.set(number, value).expect("fits"));
    repeat
}

fn answered(request: &Message, authorization: Option<&str>) -> Message {
    let mut answer = request.answer().expect("a request");
    answer.set_response_code(ResponseCode::APPROVED);
    if let Some(code) = authorization {
        answer.set(number::AUTHORIZATION_CODE, code).expect("fits");
        answer.set_settlement_date(at(0, 0).date);
    }
    answer
}

/// One of every type, in the order of [`MessageType::ALL`].
pub(super) fn all() -> Vec<Message> {
    let mut authorization =
        transaction(MessageType::AuthorizationRequest, 120, ProcessingCode::PRE_AUTHORIZATION, "06");
    authorization.set_pin_block([0xb9, 0x1d, 0x02, 0x0c, 0x87, 0x1d, 0xff, 0xc1]);
    authorization.set(number::SECURITY_CONTROL, "1600000000000000").expect("fits");
    authorization.set(number::MERCHANT_NAME, [&[0xd6, 0xd0, 0xb9, 0xfa][..], &[b' '; 36]].concat()).expect("GBK");
    let mut balance = answered(&purchase(), Some("A1B2C3"));
    balance.set(number::ADDITIONAL_AMOUNTS, "1002156C000000123456").expect("fits");
    balance.set_mac(*b"B3A092AE");
    let mut refund = transaction(MessageType::FinancialAdvice, 126, ProcessingCode::VOID_OR_REFUND, "08");
    refund.set_original_data(&OriginalData::of(&purchase()).expect("a key"));
    refund.set_mac(*b"49F267C0");
    let mut key_reset = base(MessageType::NetworkRequest, 130);
    key_reset.set_network_code(NetworkCode::KeyReset);
    key_reset.set(number::SECURITY_CONTROL, "2000000000000000").expect("fits");
    key_reset.set(number::KEY, [0x96; 8]).expect("fits");
    let mut sign_on = base(MessageType::NetworkAdvice, 131);
    sign_on.set_network_code(NetworkCode::SignOn);
    sign_on.set_receiver(&Institution::new("00010000").expect("an institution"));

    let answers = [answered(&authorization, Some("Z9Y8X7")), answered(&key_reset, None), answered(&sign_on, None)];
    let [authorized, keys, signed] = answers;
    vec![
        authorization,
        authorized,
        purchase(),
        balance,
        refund.clone(),
        repeated(&refund),
        answered(&refund, None),
        reversal(),
        repeated(&reversal()),
        answered(&reversal(), None),
        key_reset,
        keys,
        sign_on,
        signed,
    ]
}

#[test]
fn the_bytes_of_every_type_are_frozen() {
    let messages = all();
    assert!(messages.iter().map(Message::kind).eq(MessageType::ALL));
    for (message, expected) in messages.iter().zip(EXPECTED) {
        let bytes = encode(message, Coding::HOST);
        assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{}", message.kind());
    }
}

#[test]
fn what_was_written_is_read() {
    for coding in Coding::ALL {
        for message in all() {
            assert_eq!(decode(&encode(&message, coding), coding), Ok(message));
        }
    }
}

/// Two messages that another codec made (`pyiso8583`, with bitmaps as text).
#[test]
fn what_another_codec_wrote_is_read() {
    for (bytes, message) in [
        (
            "02007238448108C08000166212345678901232000000000000001000072210150000012310150007224814012080800010000\
             072210150012MPSS0001898110048140001156",
            purchase(),
        ),
        (
            "0420F238448108C08010000000400000000016621234567890123200000000000000100007221015300001241015000722481401\
             2080800010000072210150012MPSS000189811004814000115600443540200000123072210150000000010000000000000\
             00",
            reversal(),
        ),
    ] {
        assert_eq!(decode(bytes.as_bytes(), Coding::TEXT), Ok(message.clone()));
        assert_eq!(encode(&message, Coding::TEXT), bytes.as_bytes());
    }
}
