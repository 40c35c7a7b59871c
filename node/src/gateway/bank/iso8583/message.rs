//! A message: a type and fields that fit the table.

use std::collections::BTreeMap;
use std::fmt;

use mpss_domain::Money;

use super::additional_amount::{AdditionalAmount, decimal};
use super::codes::{Access, MessageType, NetworkCode, ProcessingCode, ResponseCode, ReversalReason, Transaction};
use super::fields::{Exposure, FieldError, Problem, field, number};
use super::institution::Institution;
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

    /// Field 54, of six balances at most.
    ///
    /// # Errors
    /// When there are more, or one has more than twelve digits.
    pub fn set_additional_amounts(&mut self, amounts: &[AdditionalAmount]) -> Result<(), FieldError> {
        let written: Option<Vec<String>> = amounts.iter().map(AdditionalAmount::written).collect();
        let problem = Problem::Meaning("a balance has at most twelve digits");
        let written = written.ok_or(FieldError { number: number::ADDITIONAL_AMOUNTS, problem })?;
        self.set(number::ADDITIONAL_AMOUNTS, written.concat())
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

#[cfg(test)]
mod tests;
