//! What the ISAG tells when our texts go by way of it (Parlay X SMS Notification): what became of each, and what
//! subscribers send. It may be told at any node: what follows is in the log before it is answered.
//!
//! ```text
//!  notifySmsDeliveryReceipt ─▶ correlator: one of our names? ─▶ RecordTexts
//!  notifySmsReception ──────▶ channel::sms, under the ISAG's own number for it ─▶ HearWords …
//! ```
//!
//! The ISAG proves itself as the header allows: MD5 over our number there, the secret and its `transactionId`. That says
//! nothing of the message behind it; who can reach this door is the network's to see to.

use std::time::Duration;

use md5::{Digest as _, Md5};
use mpss_domain::texts::{PartStatus, Receipt, ReceiptFate, reference_of};
use mpss_domain::{Command, EffectId, Msisdn, Refusal, Request, State, Verb};
use subtle::ConstantTimeEq;

use super::IsagParts;
use super::fault::{Code, Fault};
use super::header::RequestHeader;
use super::names::{Interface, Names};
use super::texting::{DeliveryStatus, digest, once};
use crate::gateway::message_centre::named;
use crate::not_done::{NotDone, accepted};
use crate::soap::Element;

/// Letters of what a subscriber sends, at most; longer ones are no command.
const WORDS_CHARS_MAX: usize = 1_000;

/// How often a receipt is written down at most, until it is seen to have been: the answer that names the text may be
/// written down at the same time.
const WRITTEN_MAX: u32 = 4;

/// How long the answer is waited for that gives the text its other name, and how often it is looked for: most receipts
/// come right behind it. Afterwards it is taken for lost.
const ANSWER_WAIT: Duration = Duration::from_millis(500);
const ANSWER_LOOK: Duration = Duration::from_millis(25);

/// What is told.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// What became of a text.
    Receipt { correlator: String, to: Msisdn, status: DeliveryStatus },
    /// What a subscriber has sent.
    Words { from: Msisdn, words: String },
}

impl std::fmt::Debug for Told {
    /// Without the words: they may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Receipt { correlator, status, .. } => f
                .debug_struct("Receipt")
                .field("correlator", correlator)
                .field("status", status)
                .finish_non_exhaustive(),
            Self::Words { from, .. } => f.debug_struct("Words").field("from", from).finish_non_exhaustive(),
        }
    }
}

impl Told {
    /// Reads what `body` tells.
    ///
    /// # Errors
    /// A fault that names the part to blame.
    pub(super) fn read(body: &Element) -> Result<Self, Fault> {
        if !matches!(Names::of_local(&body.namespace), Some((_, Interface::SmsNotification))) {
            return Err(Fault::Soap("soapenv:Client", "no message of SmsNotification is in this namespace".to_owned()));
        }
        match body.name.as_str() {
            "notifySmsDeliveryReceipt" => {
                let correlator = once(body, "correlator")?.and_then(Element::word);
                let correlator = correlator.ok_or_else(|| Fault::input("correlator"))?.to_owned();
                let about = once(body, "deliveryStatus")?.ok_or_else(|| Fault::input("deliveryStatus"))?;
                let to = number(about, "address")?;
                let word = once(about, "deliveryStatus")?.and_then(Element::word).unwrap_or_default();
                let status = DeliveryStatus::named(word).ok_or_else(|| {
                    let all = DeliveryStatus::ALL.map(DeliveryStatus::name).join(", ");
                    Code::InputChoice.with(["deliveryStatus", &all])
                })?;
                Ok(Self::Receipt { correlator, to, status })
            }
            "notifySmsReception" => {
                let message = once(body, "message")?.ok_or_else(|| Fault::input("message"))?;
                let from = number(message, "senderAddress")?;
                let words = once(message, "message")?.map(|words| words.text.as_str()).unwrap_or_default();
                if words.chars().count() > WORDS_CHARS_MAX {
                    return Err(Code::TooLong.with([&WORDS_CHARS_MAX.to_string()]));
                }
                Ok(Self::Words { from, words: words.to_owned() })
            }
            name => Err(Fault::Soap("soapenv:Client", format!("SmsNotification has no operation {name}"))),
        }
    }

    /// What is answered.
    pub(super) const fn operation(&self) -> &'static str {
        match self {
            Self::Receipt { .. } => "notifySmsDeliveryReceipt",
            Self::Words { .. } => "notifySmsReception",
        }
    }
}

fn number(of: &Element, name: &'static str) -> Result<Msisdn, Fault> {
    let given = once(of, name)?.and_then(Element::word).unwrap_or_default();
    given.parse().map_err(|_| Code::Address.with([name]))
}

impl IsagParts {
    /// Is this the ISAG? What it tells is told to us by our number there.
    ///
    /// # Errors
    /// A fault that does not say which of the two is wrong.
    pub(super) fn is_the_isag(&self, header: &RequestHeader) -> Result<(), Fault> {
        let settings = &self.context.settings;
        if !settings.isag.checks_headers() {
            return Ok(());
        }
        let nobody = || Code::Policy.with(["isag_not_authenticated"]);
        let (Some(told), Some(password)) = (&header.told, &header.told_password) else { return Err(nobody()) };
        // Without a number of its own two messages could not be told apart.
        let transaction = header.transaction.as_deref().ok_or_else(|| Fault::input("transactionId"))?;
        let given = hex::decode(password).unwrap_or_default();
        let texts = &settings.isag_texts;
        let expected =
            Md5::new().chain_update(told).chain_update(&*texts.secret()).chain_update(transaction).finalize();
        let proves = bool::from(given.as_slice().ct_eq(&expected[..]));
        if proves && *told == texts.sp_number { Ok(()) } else { Err(nobody()) }
    }

    /// Writes down what was told, with everything that follows.
    ///
    /// # Errors
    /// A fault; it is to be told again, and is the same then.
    pub(super) async fn take_notice(&self, header: &RequestHeader, told: &Told) -> Result<(), Fault> {
        match told {
            Told::Receipt { correlator, to, status } => self.take_receipt(correlator, *to, *status).await,
            Told::Words { from, words } => {
                let request = header.transaction.as_deref().map(|transaction| {
                    let key = digest(&[b"mpss-isag-words", transaction.as_bytes()]);
                    // What was said stays out of the log, as everywhere.
                    let said = self.context.judge.words_digest(*from, words);
                    let content = digest(&[&from.number().to_be_bytes(), &said.0.to_be_bytes()]);
                    Request { key, content: u64::try_from(content >> 64).expect("64 bits are left") }
                });
                match self.words.hear_as(*from, words, request).await {
                    Ok(_) => Ok(()),
                    Err(NotDone::Refused { refusal: Refusal::DuplicateRequest | Refusal::RequestTooOld, .. }) => {
                        Err(Fault::input("transactionId"))
                    }
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// Waits a moment while a text is with the ISAG and its answer is not written down.
    async fn answered(&self, id: EffectId) {
        let clock = &self.context.seams.clock;
        let until = clock.monotonic() + ANSWER_WAIT;
        let is_asked = |state: &State| {
            let part = state.text(id).and_then(|text| text.parts.first());
            part.is_some_and(|part| matches!(part.status, PartStatus::Asked(_)))
        };
        while self.context.replica.read(is_asked) && clock.monotonic() < until {
            clock.sleep(ANSWER_LOOK).await;
        }
    }

    async fn take_receipt(&self, correlator: &str, to: Msisdn, status: DeliveryStatus) -> Result<(), Fault> {
        let strange = || Fault::input("correlator");
        let (province, decided, id) = named(correlator).ok_or_else(strange)?;
        if province != self.context.province {
            return Err(strange());
        }
        self.answered(id).await;
        let replica = &self.context.replica;
        let fate = status.fate();
        for _ in 0..WRITTEN_MAX {
            let look = move |state: &State| {
                let text = state.text(id).filter(|text| text.at == decided)?;
                let part = text.parts.first()?;
                let reference = reference_of(id, 0, text.tries);
                Some((text.to, part.status, part.message.clone(), reference))
            };
            let found = replica.read_linearizable(look).await.map_err(NotDone::from)?;
            // It was never one of ours, or so long ago that nobody asks any more.
            let (known, stands, message, reference) = found.ok_or_else(strange)?;
            if known != to {
                return Err(Code::Address.with(["address"]));
            }
            let is_new = match stands {
                PartStatus::Asked(_) => true,
                PartStatus::Taken(_) => fate != ReceiptFate::There,
                PartStatus::Unknown => fate != ReceiptFate::Unknown,
                PartStatus::Waiting | PartStatus::Delivered | PartStatus::Failed => false,
            };
            if !is_new {
                return Ok(());
            }
            let message = message.unwrap_or_else(|| correlator.to_owned());
            let receipt = Receipt { to, message, reference: Some(reference), fate: fate.clone() };
            let verb = Verb::RecordTexts { news: Vec::new(), receipts: vec![receipt] };
            self.context.is_readable(verb.since()).await?;
            let reply = replica.propose(Command::internal(verb)).await.map_err(NotDone::from);
            reply.and_then(accepted)?;
            metrics::counter!("mpss_sms_receipts_total").increment(1);
        }
        Err(Code::NoResources.with([]))
    }
}
