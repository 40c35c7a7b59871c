//! The bank account as a rail: calls in the words of ISO 8583, UnionPay host profile.
//!
//! | call | message | fields that tell it apart |
//! |---|---|---|
//! | take | 0200 purchase | 3 `000000`, 25 `08` |
//! | hold | 0100 pre-authorisation | 3 `030000`, 25 `06` |
//! | capture | 0200 completion | 3 `000000`, 25 `06`, 38 and 90 of the hold |
//! | release | 0100 void of a pre-authorisation | 3 `200000`, 25 `06`, 38 and 90 of the hold |
//! | void | 0200 void of a purchase or completion | 3 `200000`, 25 as the original, 38, 90 |
//! | refund | 0220, again 0221 | 3 `200000`, 25 `08`, 38 and 90 of what took the money |
//! | undo | 0420, again 0421 | 3 and 25 of the original, 60 the reason, 90 |
//! | balance query | 0200 | 3 `300000`, 25 `00`; no amount, and 54 in the answer |
//!
//! The keys of a message come from the call's row, so it is the same however often and by whomever it is
//! sent: field 11 from its serial, fields 7, 12 and 13 from its time, field 37 from its serial.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use mpss_domain::outside::Card;
use mpss_domain::rail::{Answer, Call, CallAnswer, CallStep, Keys, Original};
use mpss_domain::{CallId, Money, Refusal};
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;

use super::iso8583::{
    FieldError, Institution, Message, MessageType, MonthDay, MonthDayTime, OriginalData, Outcome, Pan, ProcessingCode,
    ResponseCode, ReversalReason, Stan, SwitchFailure, TimeOfDay, number,
};
use crate::gateway::rail::{Lost, RailGateway, RailRequest};

/// Calls whose answer is still listened for after they were given up.
const GIVEN_UP_MAX: usize = 4_096;

/// The way to the bank: a socket, or the simulator.
pub trait BankLink: Send + Sync + 'static {
    /// Sends one message and waits for its answer at most so long.
    fn exchange(&self, request: Message, patience: Duration) -> BoxFuture<'_, Result<Message, Lost>>;

    /// Waits for the next answer whose request was given up.
    fn late(&self) -> BoxFuture<'_, Message>;
}

/// How long a balance is waited for.
const BALANCE_PATIENCE: Duration = Duration::from_secs(5);

/// What is on a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardBalance {
    /// What can be spent.
    pub available: Money,
    /// What the bank's books say, when it says so.
    pub ledger: Option<Money>,
}

/// How we are known to the bank; agreed when the link is opened.
#[derive(Debug, Clone)]
pub struct Acquirer {
    /// Field 32.
    pub institution: Institution,
    /// Field 33, when somebody else forwards for us.
    pub forwarder: Option<Institution>,
    /// Field 41: 8 characters.
    pub terminal: String,
    /// Field 42: 15 characters.
    pub merchant: String,
    /// Field 18: 4 digits.
    pub merchant_category: String,
    /// What 96 means there.
    pub switch_failure: SwitchFailure,
}

/// Bank cards as a rail.
pub struct BankRail {
    link: Arc<dyn BankLink>,
    acquirer: Acquirer,
    /// Calls that were given up, with the messages their answers will answer.
    given_up: Mutex<VecDeque<(Message, CallId, CallStep, bool)>>,
}

impl std::fmt::Debug for BankRail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BankRail").field("acquirer", &self.acquirer).finish_non_exhaustive()
    }
}

impl BankRail {
    /// A rail over this link.
    #[must_use]
    pub fn new(link: Arc<dyn BankLink>, acquirer: Acquirer) -> Self {
        Self { link, acquirer, given_up: Mutex::default() }
    }

    async fn sent(&self, request: &RailRequest) -> Answer {
        let Some(card) = &request.call.card else { return Answer::NotSent };
        let repeat = request.is_repeat();
        let message = match self.message(&request.call, card, repeat) {
            Ok(message) => message,
            Err(error) => {
                // A token that is no card number, say: nothing can be asked for it.
                tracing::error!(call = %request.call.id, %error, "a call can not be written down for the bank");
                return Answer::NotSent;
            }
        };
        let asked = message.clone();
        let lost = match self.link.exchange(message, request.patience()).await {
            Ok(answer) if answer.is_answer_to(&asked) => return self.meaning(&answer, request.call.step, repeat),
            Ok(answer) => {
                // It has our keys, and it is about another card or amount: who knows what was done.
                tracing::error!(call = %request.call.id, ?answer, "the bank answers something it was not asked");
                Lost::Unknown
            }
            Err(lost) => lost,
        };
        if lost == Lost::Unknown {
            let mut given_up = self.given_up.lock();
            if given_up.len() == GIVEN_UP_MAX {
                given_up.pop_front();
            }
            given_up.push_back((asked, request.call.id, request.call.step, repeat));
        }
        lost.into()
    }

    /// Asks what is on a card. It moves nothing, so it has no row and is asked once.
    ///
    /// # Errors
    /// [`Refusal::RailUnavailable`] when the bank gives no usable answer, or why it will not say.
    pub async fn balance(&self, card: &Card, keys: Keys) -> Result<CardBalance, Refusal> {
        let request = self.balance_query(card, keys).map_err(|error| {
            tracing::error!(%error, "a balance can not be asked for");
            Refusal::CardUnusable
        })?;
        let asked = request.clone();
        let answer = self.link.exchange(request, BALANCE_PATIENCE).await.map_err(|_| Refusal::RailUnavailable)?;
        if !answer.is_answer_to(&asked) {
            tracing::error!(?answer, "the bank answers something it was not asked");
            return Err(Refusal::RailUnavailable);
        }
        let code = answer.response_code().ok().flatten().ok_or(Refusal::RailUnavailable)?;
        if code.outcome(self.acquirer.switch_failure) != Outcome::Approved {
            return Err(refusal_of(code));
        }
        let amounts = answer.additional_amounts().map_err(|_| Refusal::RailUnavailable)?;
        let yuan = |kind: &[u8; 2]| {
            let found = amounts.iter().find(|amount| amount.amount_type == *kind && amount.currency == *b"156");
            found.map(|amount| amount.amount)
        };
        let (ledger, available) = (yuan(b"01"), yuan(b"02"));
        let available = available.or(ledger).ok_or(Refusal::RailUnavailable)?;
        Ok(CardBalance { available, ledger })
    }

    fn balance_query(&self, card: &Card, keys: Keys) -> Result<Message, FieldError> {
        let mut message = self.keyed(MessageType::FinancialRequest, keys)?;
        message.set_pan(&Pan::new(&card.token).ok_or_else(|| no_card(number::PAN))?);
        message.set_processing_code(ProcessingCode::BALANCE);
        message.set_currency_yuan();
        message.set(number::MERCHANT_CATEGORY, self.acquirer.merchant_category.as_bytes())?;
        message.set(number::ENTRY_MODE, "012")?;
        message.set(number::CONDITION, NORMAL)?;
        message.set(number::RETRIEVAL_REFERENCE, format!("{:012}", keys.serial % 1_000_000_000_000))?;
        message.set(number::TERMINAL, self.acquirer.terminal.as_bytes())?;
        message.set(number::MERCHANT, self.acquirer.merchant.as_bytes())?;
        Ok(message)
    }

    /// A call as a message.
    ///
    /// # Errors
    /// When something of it does not fit into its field.
    pub fn message(&self, call: &Call, card: &Card, repeat: bool) -> Result<Message, FieldError> {
        let original = call.original.as_ref();
        let original_access = original.map_or(IMMEDIATE, |original| access_of(original.step));
        let (kind, processing, access) = match call.step {
            CallStep::Take => (MessageType::FinancialRequest, ProcessingCode::PURCHASE, IMMEDIATE),
            CallStep::Hold => (MessageType::AuthorizationRequest, ProcessingCode::PRE_AUTHORIZATION, PRE_AUTHORIZED),
            CallStep::Capture => (MessageType::FinancialRequest, ProcessingCode::PURCHASE, PRE_AUTHORIZED),
            CallStep::Release => (MessageType::AuthorizationRequest, ProcessingCode::VOID_OR_REFUND, PRE_AUTHORIZED),
            CallStep::Void => (MessageType::FinancialRequest, ProcessingCode::VOID_OR_REFUND, original_access),
            CallStep::Refund => (MessageType::FinancialAdvice, ProcessingCode::VOID_OR_REFUND, IMMEDIATE),
            // A payout is asked for once; whatever became of that, the confirmation has it done.
            CallStep::Credit if repeat => (MessageType::FinancialAdvice, ProcessingCode::PAYOUT, CONFIRMED),
            CallStep::Credit => (MessageType::FinancialRequest, ProcessingCode::PAYOUT, NORMAL),
            CallStep::Undo => {
                let processing = match original.map(|original| original.step) {
                    Some(CallStep::Hold) => ProcessingCode::PRE_AUTHORIZATION,
                    _ => ProcessingCode::PURCHASE,
                };
                (MessageType::ReversalAdvice, processing, original_access)
            }
        };
        let first_advice = call.step == CallStep::Credit && call.sent == 2;
        let kind = if repeat && !first_advice { kind.repeat() } else { kind };
        let mut message = self.keyed(kind, call.keys)?;
        let pan = Pan::new(&card.token).ok_or_else(|| no_card(number::PAN))?;
        message.set_pan(&pan);
        message.set_processing_code(processing);
        message.set_amount(call.amount)?;
        message.set_currency_yuan();
        message.set(number::MERCHANT_CATEGORY, self.acquirer.merchant_category.as_bytes())?;
        message.set(number::ENTRY_MODE, "012")?;
        message.set(number::CONDITION, access)?;
        message.set(number::RETRIEVAL_REFERENCE, format!("{:012}", call.keys.serial % 1_000_000_000_000))?;
        message.set(number::TERMINAL, self.acquirer.terminal.as_bytes())?;
        message.set(number::MERCHANT, self.acquirer.merchant.as_bytes())?;
        if let Some(original) = original {
            if !original.reference.is_empty() {
                message.set(number::AUTHORIZATION_CODE, original.reference.as_bytes())?;
            }
            let key = self.keyed(kind_of(original), original.keys)?;
            if let Some(data) = OriginalData::of(&key) {
                message.set_original_data(&data);
            }
        }
        if call.step == CallStep::Credit && repeat {
            let payout = self.keyed(MessageType::FinancialRequest, call.keys)?;
            if let Some(data) = OriginalData::of(&payout) {
                message.set_original_data(&data);
            }
        }
        if call.step == CallStep::Undo {
            message.set_reversal_reason(ReversalReason::AcquirerTimedOut);
        }
        Ok(message)
    }

    /// A message with the fields by which it is known.
    fn keyed(&self, kind: MessageType, keys: Keys) -> Result<Message, FieldError> {
        let (stan, at) = key_of(keys).ok_or_else(|| no_card(number::TRANSMISSION_TIME))?;
        let mut message = Message::new(kind);
        message.set_transmission_time(at);
        message.set_stan(stan);
        message.set_local_time(at.time);
        message.set_local_date(at.date);
        message.set_acquirer(&self.acquirer.institution);
        if let Some(forwarder) = &self.acquirer.forwarder {
            message.set_forwarder(forwarder);
        }
        Ok(message)
    }

    /// What an answer says about a call.
    fn meaning(&self, answer: &Message, step: CallStep, repeat: bool) -> Answer {
        let Ok(Some(code)) = answer.response_code() else { return Answer::NoAnswer };
        if code.is_defective() {
            tracing::warn!(%code, "the bank has done it and its books may differ");
        }
        if code.is_security_alarm() {
            tracing::error!(%code, "the bank asks for new keys");
        }
        // A part of what was asked is not what was asked: give it up.
        if code == ResponseCode::new(b"10").expect("two digits") {
            return Answer::NoAnswer;
        }
        let reference = answer.authorization_code().unwrap_or_default().to_owned();
        match code.outcome(self.acquirer.switch_failure) {
            Outcome::Approved => Answer::Approved { reference },
            // There is nothing there to be undone, or it was undone before.
            Outcome::Declined if step.gives_up() && matches!(&code.to_string()[..], "12" | "22" | "25") => {
                Answer::Approved { reference: String::new() }
            }
            // It was taken back by the one before this one, whose answer was lost.
            Outcome::Declined if repeat && step == CallStep::Void && &code.to_string()[..] == "22" => {
                Answer::Approved { reference: String::new() }
            }
            Outcome::Declined => Answer::Declined(refusal_of(code)),
            Outcome::AskAgain if step.is_asked() => Answer::Declined(Refusal::RailUnavailable),
            Outcome::AskAgain | Outcome::Unknown => Answer::NoAnswer,
        }
    }

    async fn next_late(&self) -> CallAnswer {
        loop {
            let answer = self.link.late().await;
            let found = {
                let mut given_up = self.given_up.lock();
                let place = given_up.iter().position(|(asked, ..)| answer.is_answer_to(asked));
                place.and_then(|place| given_up.remove(place))
            };
            if let Some((_, call, step, repeat)) = found {
                return CallAnswer { call, answer: self.meaning(&answer, step, repeat) };
            }
        }
    }
}

impl Acquirer {
    /// As the settings say.
    ///
    /// # Errors
    /// When the institution is no code.
    pub fn of(settings: &mpss_config::RailSettings) -> Result<Self, super::wire::WireError> {
        let institution = Institution::new(&settings.bank_institution)
            .ok_or(super::wire::WireError::Institution("rails.bank_institution"))?;
        Ok(Self {
            institution,
            forwarder: None,
            terminal: settings.bank_terminal.clone(),
            merchant: settings.bank_merchant.clone(),
            merchant_category: settings.bank_merchant_category.clone(),
            switch_failure: SwitchFailure::default(),
        })
    }
}

/// Field 25: money moves at once, as for mail and telephone orders.
const IMMEDIATE: &str = "08";
/// Field 25: nothing special.
const NORMAL: &str = "00";
/// Field 25: a payout is confirmed.
const CONFIRMED: &str = "68";
/// Field 25: it moves in two steps.
const PRE_AUTHORIZED: &str = "06";

const fn access_of(step: CallStep) -> &'static str {
    match step {
        CallStep::Hold | CallStep::Capture => PRE_AUTHORIZED,
        _ => IMMEDIATE,
    }
}

/// The type of the message that asked for the original.
const fn kind_of(original: &Original) -> MessageType {
    match original.step {
        CallStep::Hold => MessageType::AuthorizationRequest,
        _ => MessageType::FinancialRequest,
    }
}

/// Trace number and transmission time.
fn key_of(keys: Keys) -> Option<(Stan, MonthDayTime)> {
    // Trace numbers are 1 to 999 999; one that comes again has another second in its time.
    let stan = Stan::new(u32::try_from(keys.serial.saturating_sub(1) % 999_999 + 1).ok()?)?;
    let [month, day, hour, minute, second] = keys.at.month_to_second_in_china();
    let at = MonthDayTime { date: MonthDay::new(month, day)?, time: TimeOfDay::new(hour, minute, second)? };
    Some((stan, at))
}

fn no_card(number: u8) -> FieldError {
    use super::iso8583::Problem;
    FieldError { number, problem: Problem::Meaning("not what a call has") }
}

/// Why the bank declined, as the subscriber may be told.
fn refusal_of(code: ResponseCode) -> Refusal {
    match &code.to_string()[..] {
        "51" => Refusal::InsufficientFunds,
        "04" | "07" | "14" | "21" | "33" | "36" | "41" | "43" | "54" | "57" | "62" | "67" => Refusal::CardUnusable,
        "90" | "91" | "92" => Refusal::RailUnavailable,
        _ => Refusal::DeclinedOutside,
    }
}

impl RailGateway for BankRail {
    fn send<'a>(&'a self, request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        Box::pin(self.sent(request))
    }

    fn ask<'a>(&'a self, _request: &'a RailRequest) -> BoxFuture<'a, Answer> {
        // The profile has no question about a transaction.
        Box::pin(std::future::ready(Answer::NoAnswer))
    }

    fn late(&self) -> BoxFuture<'_, CallAnswer> {
        Box::pin(self.next_late())
    }
}
