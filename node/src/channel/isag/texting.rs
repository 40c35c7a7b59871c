//! Texts that an SP sends to subscribers through us (Parlay X SMS): `sendSms`, and `getSmsDeliveryStatus`, which says what
//! became of them. They go the way of every text of ours.
//!
//! `sendSms` has no name of its own for a request; as with reservations the header's `transactionId` stands in, or its time
//! stamp. The identifier that is answered is made of it, so nothing but the log has to remember whose it is.

use mpss_domain::texts::by_sp::{SP_NUMBERS_MAX, SP_WORDS_CHARS_MAX, SendText, TextStanding};
use mpss_domain::texts::{Fate, ReceiptFate};
use mpss_domain::{Command, Msisdn, Outcome, Refusal, Request, State, Verb};
use sha2::{Digest, Sha256};

use super::IsagParts;
use super::fault::{Code, Fault, unknown};
use super::header::RequestHeader;
use super::names::{Interface, Names};
use crate::isag_sps::IsagSp;
use crate::not_done::{NotDone, accepted};
use crate::soap::{Element, in_envelope};

/// Where a text stands, in the words of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryStatus {
    /// With the network.
    DeliveredToNetwork,
    /// Nobody knows.
    DeliveryUncertain,
    /// It will not arrive.
    DeliveryImpossible,
    /// It waits.
    MessageWaiting,
    /// With the handset.
    DeliveredToTerminal,
    /// Nobody tells.
    DeliveryNotificationNotSupported,
    /// China Telecom's: it could not be charged for.
    AuthPriceFailed,
}

impl DeliveryStatus {
    /// All of them, in the standard's order.
    pub(crate) const ALL: [Self; 7] = [
        Self::DeliveredToNetwork,
        Self::DeliveryUncertain,
        Self::DeliveryImpossible,
        Self::MessageWaiting,
        Self::DeliveredToTerminal,
        Self::DeliveryNotificationNotSupported,
        Self::AuthPriceFailed,
    ];

    /// The word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DeliveredToNetwork => "DeliveredToNetwork",
            Self::DeliveryUncertain => "DeliveryUncertain",
            Self::DeliveryImpossible => "DeliveryImpossible",
            Self::MessageWaiting => "MessageWaiting",
            Self::DeliveredToTerminal => "DeliveredToTerminal",
            Self::DeliveryNotificationNotSupported => "DeliveryNotificationNotSupported",
            Self::AuthPriceFailed => "AuthPriceFailed",
        }
    }

    /// Whose word this is; some gateways say of the subscriber's balance what the standard has another word for.
    pub(crate) fn named(word: &str) -> Option<Self> {
        if word == "Insufficient_Balance" {
            return Some(Self::AuthPriceFailed);
        }
        Self::ALL.into_iter().find(|status| status.name() == word)
    }

    /// What a receipt that says so means.
    pub(crate) fn fate(self) -> ReceiptFate {
        match self {
            Self::DeliveredToNetwork | Self::MessageWaiting => ReceiptFate::There,
            Self::DeliveredToTerminal => ReceiptFate::Delivered,
            Self::DeliveryImpossible | Self::AuthPriceFailed => ReceiptFate::Failed { why: self.name().to_owned() },
            Self::DeliveryUncertain | Self::DeliveryNotificationNotSupported => ReceiptFate::Unknown,
        }
    }
}

/// What is asked about texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Texts {
    /// Send one.
    Send { to: Vec<Msisdn>, words: String },
    /// What became of them?
    Status { request: u128 },
}

impl Texts {
    /// Reads what `body` asks.
    ///
    /// # Errors
    /// A fault that names the part to blame.
    pub(super) fn read(body: &Element) -> Result<Self, Fault> {
        if !matches!(Names::of_local(&body.namespace), Some((_, Interface::SendSms))) {
            return Err(Fault::Soap("soapenv:Client", "no message of SendSms is in this namespace".to_owned()));
        }
        match body.name.as_str() {
            "sendSms" => Self::read_send(body),
            "getSmsDeliveryStatus" => {
                let given = once(body, "requestIdentifier")?.and_then(Element::word).unwrap_or_default();
                let plain = given.len() == 32 && given.bytes().all(|byte| byte.is_ascii_hexdigit());
                let request = plain.then(|| u128::from_str_radix(given, 16).ok()).flatten();
                request.map(|request| Self::Status { request }).ok_or_else(|| Fault::input("requestIdentifier"))
            }
            name => Err(Fault::Soap("soapenv:Client", format!("SendSms has no operation {name}"))),
        }
    }

    fn read_send(body: &Element) -> Result<Self, Fault> {
        if once(body, "charging")?.is_some() {
            return Err(Code::ChargingNotSupported.with([]));
        }
        if once(body, "receiptRequest")?.is_some() {
            return Err(Code::NoReceipts.with([]));
        }
        let mut to = Vec::new();
        for address in body.named("addresses") {
            let number = address.word().unwrap_or_default().parse();
            let number: Msisdn = number.map_err(|_| Code::Address.with(["addresses"]))?;
            // Whoever is named twice is told once.
            if !to.contains(&number) {
                to.push(number);
            }
            if to.len() > SP_NUMBERS_MAX {
                return Err(Code::TooManyAddresses.with(["addresses"]));
            }
        }
        if to.is_empty() {
            return Err(Code::Address.with(["addresses"]));
        }
        let words = once(body, "message")?.and_then(Element::word).ok_or_else(|| Fault::input("message"))?;
        if words.chars().count() > SP_WORDS_CHARS_MAX {
            return Err(Code::TooLong.with([&SP_WORDS_CHARS_MAX.to_string()]));
        }
        if words.chars().any(char::is_control) {
            return Err(Fault::input("message"));
        }
        // `senderName` is not shown: the name in front of a text is the one the SP was admitted under.
        Ok(Self::Send { to, words: words.to_owned() })
    }
}

/// A part that may be there once.
pub(super) fn once<'a>(parent: &'a Element, name: &'static str) -> Result<Option<&'a Element>, Fault> {
    let mut found = parent.named(name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(Fault::input(name)),
    }
}

/// An SP with the header that came with what it asks.
pub(super) struct Texting<'a> {
    pub(super) door: &'a IsagParts,
    pub(super) sp: &'a IsagSp,
    pub(super) header: &'a RequestHeader,
}

impl Texting<'_> {
    /// Does what is asked, and answers in the names it came in.
    ///
    /// # Errors
    /// A fault.
    pub(super) async fn perform(&self, texts: &Texts, names: Names) -> Result<String, Fault> {
        match texts {
            Texts::Send { to, words } => {
                let request = self.send(to, words).await?;
                Ok(answered("sendSms", names, |inside| inside.leaf("ns1:result", &format!("{request:032x}"))))
            }
            Texts::Status { request } => {
                let standings = self.standings(*request).await?;
                Ok(answered("getSmsDeliveryStatus", names, |inside| {
                    for (to, status) in standings {
                        inside.element("ns1:result", &[], |result| {
                            result.leaf("address", &format!("tel:{to}"));
                            result.leaf("deliveryStatus", status);
                        });
                    }
                }))
            }
        }
    }

    /// Has a text sent, once for each name of the request; gives that.
    async fn send(&self, to: &[Msisdn], words: &str) -> Result<u128, Fault> {
        let (context, sp) = (&self.door.context, self.sp.sp);
        let key = self.key()?;
        let now = context.seams.clock.monotonic();
        let whose = u64::try_from(digest(&[self.sp.number.as_bytes()]) >> 64).expect("64 bits are left");
        self.door.text_rates.admit(whose, now).map_err(|_| Code::NoResources.with([]))?;
        let numbers: Vec<String> = to.iter().map(Msisdn::to_string).collect();
        let content = digest(&[words.as_bytes(), numbers.join(",").as_bytes()]);
        let content = u64::try_from(content >> 64).expect("64 bits are left");
        let verb = Verb::SendText(Box::new(SendText { sp, to: to.to_vec(), words: words.to_owned() }));
        context.is_readable(verb.since()).await?;
        let command = Command { request: Some(Request { key, content }), verb };
        let reply = context.replica.propose(command).await.map_err(NotDone::from);
        match reply.and_then(accepted) {
            Ok(reply) if matches!(reply.outcome, Outcome::TextsTaken(_)) => Ok(key),
            Ok(_) => Err(unknown()),
            Err(NotDone::Refused { refusal, .. }) => Err(refused(refusal)),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the texts of a request of this SP stand.
    async fn standings(&self, request: u128) -> Result<Vec<(Msisdn, &'static str)>, Fault> {
        let sp = self.sp.sp;
        let look = move |state: &State| {
            let taken = state.texts_of_request(request).filter(|taken| taken.sp == sp)?;
            Some(taken.texts().map(|(id, to)| (to, state.text_standing(id))).collect::<Vec<_>>())
        };
        let found = self.door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?;
        // Another SP's is as unknown as one that never was.
        let found = found.ok_or_else(|| Fault::input("requestIdentifier"))?;
        let tells = self.door.context.settings.tells_of_texts();
        Ok(found.into_iter().map(|(to, standing)| (to, status_of(standing, tells).name())).collect())
    }

    fn key(&self) -> Result<u128, Fault> {
        let (kind, name) = match (&self.header.transaction, &self.header.time_stamp) {
            (Some(transaction), _) => ("transaction", transaction),
            (None, Some(at)) => ("time stamp", at),
            // Without a name a repetition would be a second text.
            (None, None) => return Err(Fault::input("transactionId")),
        };
        Ok(digest(&[b"mpss-isag-text", self.sp.number.as_bytes(), kind.as_bytes(), name.as_bytes()]))
    }
}

/// The standard's word; `tells` when the centre tells what becomes of texts.
const fn status_of(standing: TextStanding, tells: bool) -> DeliveryStatus {
    match standing {
        TextStanding::Waiting | TextStanding::Is(Fate::Sending) => DeliveryStatus::MessageWaiting,
        TextStanding::Is(Fate::Sent) => DeliveryStatus::DeliveredToNetwork,
        TextStanding::Is(Fate::Delivered) => DeliveryStatus::DeliveredToTerminal,
        TextStanding::Is(Fate::Failed | Fate::Superseded) => DeliveryStatus::DeliveryImpossible,
        TextStanding::Is(Fate::Unknown) => DeliveryStatus::DeliveryUncertain,
        // A centre that tells nothing has taken it; of one that does it is too long ago to say.
        TextStanding::Gone if tells => DeliveryStatus::DeliveryUncertain,
        TextStanding::Gone => DeliveryStatus::DeliveredToNetwork,
    }
}

/// A refusal, told of the parts that these messages have.
fn refused(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::DuplicateRequest | Refusal::RequestTooOld => Fault::input("transactionId"),
        Refusal::UnknownNumber | Refusal::ForeignOperator | Refusal::NotHome => Code::Address.with(["addresses"]),
        other => other.into(),
    }
}

fn answered(operation: &str, names: Names, inside: impl FnOnce(&mut crate::soap::Written)) -> String {
    in_envelope(None, |body| {
        let element = format!("ns1:{operation}Response");
        body.element(&element, &[("xmlns:ns1", &names.local(Interface::SendSms))], inside);
    })
}

/// SHA-256 of parts, each with its length in front; its first 16 bytes.
pub(super) fn digest(parts: &[&[u8]]) -> u128 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    u128::from_be_bytes(digest.finalize()[..16].try_into().expect("SHA-256 has 32 bytes"))
}
