//! A message: a type and fields that fit the table.

use std::collections::BTreeMap;
use std::fmt;

use mpss_domain::Money;

use super::codes::{Access, MessageType, NetworkCode, ProcessingCode, ResponseCode, ReversalReason, Transaction};
use super::fields::{Exposure, FieldError, Problem, field, number};
use super::moment::{MonthDay, MonthDayTime, TimeOfDay, YearMonth};
use super::original::OriginalData;
use super::pan::{Pan, masked};
use super::stan::Stan;

/// A message. Digits and text are held as ASCII, binary fields as bytes, whatever the coding.
///
/// Getters answer `Ok(None)` when the field is absent, and an error when it is well-formed and still
/// means nothing, such as a 30th of February: an answer is not thrown away whole for the date in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    kind: MessageType,
    fields: BTreeMap<u8, Vec<u8>>,
}

/// The code of an institution (fields 32, 33, 99 and 100): up to 11 digits; UnionPay's have eight, four
/// for the institution and four for its region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Institution(String);

impl Institution {
    /// `None` unless it is 1 to 11 digits.
    #[must_use]
    pub fn new(digits: &str) -> Option<Self> {
        let valid = (1..=11).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        valid.then(|| Self(digits.to_owned()))
    }

    /// Its digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// One balance of field 54.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdditionalAmount {
    /// Of which type of account: two digits.
    pub account_type: [u8; 2],
    /// Which amount: 01 is the ledger's, 02 what is available.
    pub amount_type: [u8; 2],
    /// In which currency: three digits, 156 for yuan.
    pub currency: [u8; 3],
    /// How much, in fen; below zero when the cardholder owes it.
    pub amount: Money,
}

impl AdditionalAmount {
    const BYTES: usize = 20;

    fn parse(record: &[u8]) -> Option<Self> {
        let record: &[u8; Self::BYTES] = record.try_into().ok()?;
        let (head, digits) = record.split_at(8);
        let fen = i64::try_from(decimal(digits)?).ok()?;
        let amount = match head[7] {
            b'C' => Money::fen(fen),
            b'D' => Money::fen(-fen),
            _ => return None,
        };
        head[..7].iter().all(u8::is_ascii_digit).then_some(())?;
        Some(Self {
            account_type: [head[0], head[1]],
            amount_type: [head[2], head[3]],
            currency: [head[4], head[5], head[6]],
            amount,
        })
    }
}

impl Message {
    /// A message without fields.
    #[must_use]
    pub const fn new(kind: MessageType) -> Self {
        Self { kind, fields: BTreeMap::new() }
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> MessageType {
        self.kind
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, number: u8) -> Option<&[u8]> {
        self.fields.get(&number).map(Vec::as_slice)
    }

    /// The fields it has, ascending.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.fields.iter().map(|(number, value)| (*number, value.as_slice()))
    }

    /// Sets a field.
    ///
    /// # Errors
    /// When the value does not fit the table's row; the message is as it was.
    pub fn set(&mut self, number: u8, value: impl Into<Vec<u8>>) -> Result<(), FieldError> {
        let value = value.into();
        let Some(field) = field(number) else {
            return Err(FieldError { number, problem: Problem::Unknown });
        };
        field.check(&value)?;
        self.fields.insert(number, value);
        Ok(())
    }

    /// Takes a field away.
    pub fn remove(&mut self, number: u8) {
        self.fields.remove(&number);
    }

    /// A setter whose argument's type already fits the row.
    fn put(&mut self, number: u8, value: impl fmt::Display) {
        self.set(number, value.to_string()).expect("the type of the argument fits the row");
    }

    /// What `read` makes of a field.
    fn read<T>(
        &self,
        number: u8,
        otherwise: &'static str,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        let Some(value) = self.get(number) else { return Ok(None) };
        read(value).map(Some).ok_or(FieldError { number, problem: Problem::Meaning(otherwise) })
    }

    /// A field that holds ASCII, or nothing when it holds GBK.
    fn text(&self, number: u8) -> Option<&str> {
        self.get(number).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// An answer to this message: the fields that name the transaction are repeated, as the switch
    /// does. `None` when it is an answer itself. The response code is for the caller to set.
    #[must_use]
    pub fn answer(&self) -> Option<Self> {
        const REPEATED: [u8; 18] = [
            number::PAN,
            number::PROCESSING_CODE,
            number::AMOUNT,
            number::TRANSMISSION_TIME,
            number::STAN,
            number::LOCAL_TIME,
            number::LOCAL_DATE,
            number::SETTLEMENT_DATE,
            number::MERCHANT_CATEGORY,
            number::CONDITION,
            number::ACQUIRER,
            number::FORWARDER,
            number::RETRIEVAL_REFERENCE,
            number::TERMINAL,
            number::MERCHANT,
            number::CURRENCY,
            number::NETWORK_CODE,
            number::RECEIVER,
        ];
        let mut answer = Self::new(self.kind.answer()?);
        answer.fields.extend(REPEATED.iter().filter_map(|number| Some((*number, self.fields.get(number)?.clone()))));
        Some(answer)
    }

    /// The transaction it asks for, when the profile has it.
    #[must_use]
    pub fn transaction(&self) -> Option<Transaction> {
        // A reversal repeats the original's codes; its type stands in the original data.
        let kind = match self.kind {
            kind if kind.is_reversal() => self.original_data().ok()??.kind,
            kind => kind,
        };
        let access = Access::of_condition(self.condition().unwrap_or_default());
        Transaction::of(kind, self.processing_code()?, access)
    }

    /// Does it answer `request`? It has the type that answers it, the same trace number and transmission
    /// time and, where it repeats them, the same institutions, card, amount and currency.
    #[must_use]
    pub fn is_answer_to(&self, request: &Self) -> bool {
        let repeats = |number: u8| self.get(number).is_none_or(|value| request.get(number) == Some(value));
        let same = |number: u8| self.get(number).is_some() && self.get(number) == request.get(number);
        request.kind.answer() == Some(self.kind)
            && same(number::STAN)
            && same(number::TRANSMISSION_TIME)
            && repeats(number::ACQUIRER)
            && repeats(number::FORWARDER)
            && repeats(number::PAN)
            && repeats(number::AMOUNT)
            && repeats(number::CURRENCY)
    }
}

/// Typed getters and setters, by field number.
impl Message {
    /// Field 2.
    ///
    /// # Errors
    /// When it has fewer than 13 digits.
    pub fn pan(&self) -> Result<Option<Pan>, FieldError> {
        self.read(number::PAN, "shorter than a card number", |value| Pan::new(std::str::from_utf8(value).ok()?))
    }

    /// Field 2.
    pub fn set_pan(&mut self, pan: &Pan) {
        self.put(number::PAN, pan.digits());
    }

    /// Field 3.
    #[must_use]
    pub fn processing_code(&self) -> Option<ProcessingCode> {
        self.get(number::PROCESSING_CODE).and_then(ProcessingCode::new)
    }

    /// Field 3.
    pub fn set_processing_code(&mut self, code: ProcessingCode) {
        self.put(number::PROCESSING_CODE, code);
    }

    /// Field 4, in fen.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        let fen = self.get(number::AMOUNT).and_then(decimal)?;
        i64::try_from(fen).ok().map(Money::fen)
    }

    /// Field 4, in fen.
    ///
    /// # Errors
    /// When it is below zero or has more than twelve digits.
    pub fn set_amount(&mut self, amount: Money) -> Result<(), FieldError> {
        const FEN_MAX: i64 = 999_999_999_999;
        if !(0..=FEN_MAX).contains(&amount.as_fen()) {
            let problem = Problem::Meaning("an amount is 0 to 999999999999 fen");
            return Err(FieldError { number: number::AMOUNT, problem });
        }
        self.put(number::AMOUNT, format_args!("{:012}", amount.as_fen()));
        Ok(())
    }

    /// Field 7.
    ///
    /// # Errors
    /// When it is no date and time.
    pub fn transmission_time(&self) -> Result<Option<MonthDayTime>, FieldError> {
        self.read(number::TRANSMISSION_TIME, "no date and time", MonthDayTime::parse)
    }

    /// Field 7.
    pub fn set_transmission_time(&mut self, at: MonthDayTime) {
        self.put(number::TRANSMISSION_TIME, at);
    }

    /// Field 11.
    ///
    /// # Errors
    /// When it is zero.
    pub fn stan(&self) -> Result<Option<Stan>, FieldError> {
        self.read(number::STAN, "zero is no trace number", |value| Stan::new(u32::try_from(decimal(value)?).ok()?))
    }

    /// Field 11.
    pub fn set_stan(&mut self, stan: Stan) {
        self.put(number::STAN, stan);
    }

    /// Field 12.
    ///
    /// # Errors
    /// When it is no time of day.
    pub fn local_time(&self) -> Result<Option<TimeOfDay>, FieldError> {
        self.read(number::LOCAL_TIME, "no time of day", TimeOfDay::parse)
    }

    /// Field 12.
    pub fn set_local_time(&mut self, time: TimeOfDay) {
        self.put(number::LOCAL_TIME, time);
    }

    /// Field 13.
    ///
    /// # Errors
    /// When it is no day.
    pub fn local_date(&self) -> Result<Option<MonthDay>, FieldError> {
        self.read(number::LOCAL_DATE, "no day", MonthDay::parse)
    }

    /// Field 13.
    pub fn set_local_date(&mut self, date: MonthDay) {
        self.put(number::LOCAL_DATE, date);
    }

    /// Field 14.
    ///
    /// # Errors
    /// When it is no month.
    pub fn expiry(&self) -> Result<Option<YearMonth>, FieldError> {
        self.read(number::EXPIRY, "no month", YearMonth::parse)
    }

    /// Field 14.
    pub fn set_expiry(&mut self, month: YearMonth) {
        self.put(number::EXPIRY, month);
    }

    /// Field 15: the day on which the two sides settle it.
    ///
    /// # Errors
    /// When it is no day.
    pub fn settlement_date(&self) -> Result<Option<MonthDay>, FieldError> {
        self.read(number::SETTLEMENT_DATE, "no day", MonthDay::parse)
    }

    /// Field 15.
    pub fn set_settlement_date(&mut self, date: MonthDay) {
        self.put(number::SETTLEMENT_DATE, date);
    }

    /// Field 18.
    #[must_use]
    pub fn merchant_category(&self) -> Option<&str> {
        self.text(number::MERCHANT_CATEGORY)
    }

    /// Field 22.
    #[must_use]
    pub fn entry_mode(&self) -> Option<&str> {
        self.text(number::ENTRY_MODE)
    }

    /// Field 25.
    #[must_use]
    pub fn condition(&self) -> Option<&str> {
        self.text(number::CONDITION)
    }

    /// Field 32.
    #[must_use]
    pub fn acquirer(&self) -> Option<Institution> {
        self.text(number::ACQUIRER).and_then(Institution::new)
    }

    /// Field 32.
    pub fn set_acquirer(&mut self, institution: &Institution) {
        self.put(number::ACQUIRER, institution.digits());
    }

    /// Field 33.
    #[must_use]
    pub fn forwarder(&self) -> Option<Institution> {
        self.text(number::FORWARDER).and_then(Institution::new)
    }

    /// Field 33.
    pub fn set_forwarder(&mut self, institution: &Institution) {
        self.put(number::FORWARDER, institution.digits());
    }

    /// Field 37.
    #[must_use]
    pub fn retrieval_reference(&self) -> Option<&str> {
        self.text(number::RETRIEVAL_REFERENCE)
    }

    /// Field 38.
    #[must_use]
    pub fn authorization_code(&self) -> Option<&str> {
        self.text(number::AUTHORIZATION_CODE)
    }

    /// Field 39.
    ///
    /// # Errors
    /// When it is blank.
    pub fn response_code(&self) -> Result<Option<ResponseCode>, FieldError> {
        self.read(number::RESPONSE_CODE, "blank", ResponseCode::new)
    }

    /// Field 39.
    pub fn set_response_code(&mut self, code: ResponseCode) {
        self.put(number::RESPONSE_CODE, code);
    }

    /// Field 41.
    #[must_use]
    pub fn terminal(&self) -> Option<&str> {
        self.text(number::TERMINAL)
    }

    /// Field 42.
    #[must_use]
    pub fn merchant(&self) -> Option<&str> {
        self.text(number::MERCHANT)
    }

    /// Field 43, perhaps in GBK.
    #[must_use]
    pub fn merchant_name(&self) -> Option<&[u8]> {
        self.get(number::MERCHANT_NAME)
    }

    /// Field 48.
    #[must_use]
    pub fn additional_data(&self) -> Option<&[u8]> {
        self.get(number::ADDITIONAL_DATA)
    }

    /// Field 49: 156 for yuan.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        self.text(number::CURRENCY)
    }

    /// Field 49, yuan.
    pub fn set_currency_yuan(&mut self) {
        self.put(number::CURRENCY, "156");
    }

    /// Field 52, as it was encrypted.
    #[must_use]
    pub fn pin_block(&self) -> Option<[u8; 8]> {
        self.eight(number::PIN_BLOCK)
    }

    /// Field 52, encrypted.
    pub fn set_pin_block(&mut self, block: [u8; 8]) {
        self.fields.insert(number::PIN_BLOCK, block.to_vec());
    }

    /// Field 53.
    #[must_use]
    pub fn security_control(&self) -> Option<&str> {
        self.text(number::SECURITY_CONTROL)
    }

    /// Field 54.
    ///
    /// # Errors
    /// When it is not made of whole balances.
    pub fn additional_amounts(&self) -> Result<Vec<AdditionalAmount>, FieldError> {
        let amounts = self.read(number::ADDITIONAL_AMOUNTS, "not made of balances", |value| {
            value.chunks(AdditionalAmount::BYTES).map(AdditionalAmount::parse).collect()
        })?;
        Ok(amounts.unwrap_or_default())
    }

    /// Field 60, its first four digits: why it is reversed.
    ///
    /// # Errors
    /// When the list has no such reason.
    pub fn reversal_reason(&self) -> Result<Option<ReversalReason>, FieldError> {
        self.read(number::REASON, "no known reason", |value| ReversalReason::from_digits(value.get(..4)?))
    }

    /// Field 60, nothing but its first four digits.
    pub fn set_reversal_reason(&mut self, reason: ReversalReason) {
        self.put(number::REASON, reason);
    }

    /// Field 61.
    #[must_use]
    pub fn cardholder_authentication(&self) -> Option<&[u8]> {
        self.get(number::CARDHOLDER_AUTHENTICATION)
    }

    /// Field 70.
    ///
    /// # Errors
    /// When the profile has no such code.
    pub fn network_code(&self) -> Result<Option<NetworkCode>, FieldError> {
        self.read(number::NETWORK_CODE, "no known code", NetworkCode::from_digits)
    }

    /// Field 70.
    pub fn set_network_code(&mut self, code: NetworkCode) {
        self.put(number::NETWORK_CODE, code);
    }

    /// Field 90.
    ///
    /// # Errors
    /// When it names no message that can have been sent.
    pub fn original_data(&self) -> Result<Option<OriginalData>, FieldError> {
        self.read(number::ORIGINAL_DATA, "names no message", OriginalData::parse)
    }

    /// Field 90.
    pub fn set_original_data(&mut self, original: &OriginalData) {
        self.put(number::ORIGINAL_DATA, original);
    }

    /// Field 100.
    #[must_use]
    pub fn receiver(&self) -> Option<Institution> {
        self.text(number::RECEIVER).and_then(Institution::new)
    }

    /// Field 100.
    pub fn set_receiver(&mut self, institution: &Institution) {
        self.put(number::RECEIVER, institution.digits());
    }

    /// Field 102: the account that is debited.
    #[must_use]
    pub fn from_account(&self) -> Option<&[u8]> {
        self.get(number::FROM_ACCOUNT)
    }

    /// Field 103: the account that is credited.
    #[must_use]
    pub fn to_account(&self) -> Option<&[u8]> {
        self.get(number::TO_ACCOUNT)
    }

    /// Field 121.
    #[must_use]
    pub fn switch_data(&self) -> Option<&[u8]> {
        self.get(number::SWITCH_DATA)
    }

    /// The MAC: field 128, or 64 in a message that has none.
    #[must_use]
    pub fn mac(&self) -> Option<[u8; 8]> {
        self.eight(number::SECOND_MAC).or_else(|| self.eight(number::MAC))
    }

    /// Sets the MAC: field 128 in a message with a second bitmap, else 64.
    pub fn set_mac(&mut self, mac: [u8; 8]) {
        self.fields.insert(self.mac_field(), mac.to_vec());
    }

    /// Which field the MAC stands in: the last one that the bitmaps have.
    fn mac_field(&self) -> u8 {
        if self.has_second_bitmap() { number::SECOND_MAC } else { number::MAC }
    }

    /// Is there a field past the first bitmap?
    pub(super) fn has_second_bitmap(&self) -> bool {
        self.fields.last_key_value().is_some_and(|(number, _)| *number > 64)
    }

    fn eight(&self, number: u8) -> Option<[u8; 8]> {
        self.get(number)?.try_into().ok()
    }
}

impl fmt::Debug for Message {
    /// What may be shown of it, by the table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |number: u8, value: &[u8]| match field(number).map(|field| field.exposure) {
            Some(Exposure::Open) => value.escape_ascii().to_string(),
            Some(Exposure::Masked) => masked(value),
            Some(Exposure::Hidden) | None => format!("({} hidden)", value.len()),
        };
        let mut map = f.debug_map();
        map.entry(&0, &format_args!("{}", self.kind));
        for (number, value) in self.fields() {
            map.entry(&number, &format_args!("{}", shown(number, value)));
        }
        map.finish()
    }
}

/// The number that digits write; `None` past 64 bits or when they are no digits.
fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purchase() -> Message {
        super::super::golden::purchase()
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
        let mut reversal = super::super::golden::reversal();
        reversal.set_mac([2; 8]);
        assert_eq!((reversal.get(128), reversal.mac()), (Some(&[2; 8][..]), Some([2; 8])));
    }

    #[test]
    fn a_reversal_is_of_the_transaction_it_names() {
        assert_eq!(super::super::golden::reversal().transaction(), Some(Transaction::Purchase));
        assert_eq!(purchase().transaction(), Some(Transaction::Purchase));
        let mut nameless = super::super::golden::reversal();
        nameless.remove(number::ORIGINAL_DATA);
        assert_eq!(nameless.transaction(), None);
    }
}
