//! Another province, as far as its peers see it.

use std::collections::BTreeMap;
use std::time::Duration;

use mpss_config::SealSettings;
use mpss_domain::ProvinceId;
use mpss_routing::wire::{
    self, BillMessage, PaymentFate, PaymentMessage, PeerAnswer, PeerResult, SealedPasswordMessage,
};
use mpss_routing::{PeerCall, PeerError, PeerReply, PeerTransport, peer::PeerDoor};
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::eventually;
use crate::seal::{Binding, SealKeys};

/// How the other province behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Does what it is asked and answers.
    #[default]
    Answers,
    /// Does what it is asked; the answer is lost.
    LosesAnswers,
    /// Nobody is there.
    Unreachable,
    /// Refuses payments and credits with this number.
    Refuses(u16),
    /// Does nothing and does not answer before it is told to behave otherwise.
    HoldsBefore,
    /// Does what it is asked and does not answer before it is told to behave otherwise.
    HoldsAfter,
}

/// What the other province says when it is asked for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sealing {
    /// Gives its key of this version.
    Gives(u16),
    /// Does not seal yet.
    No,
    /// Is not reached.
    Silent,
}

/// Its keys.
fn seal_keys(give_out: u16) -> SealKeys {
    let keys = [7, 8].map(|version| (version.to_string(), format!("{version:02x}").repeat(32)));
    SealKeys::new(&SealSettings { keys: keys.into(), give_out, clear: "refused".into() })
}

/// A home province as far as its peers see it: it keeps what was decided under each id.
pub(crate) struct FakeHome {
    manner: watch::Sender<Manner>,
    sealing: Mutex<Sealing>,
    books: Mutex<Books>,
}

/// What the other province keeps.
#[derive(Debug, Default, Clone)]
pub(crate) struct Books {
    /// Payments: their fate, and why they were declined.
    pub(crate) payments: BTreeMap<String, (PaymentFate, Option<u16>)>,
    pub(crate) refunds: BTreeMap<String, i64>,
    pub(crate) transfers: BTreeMap<String, i64>,
    pub(crate) awards: BTreeMap<String, i64>,
    /// Every call, repetitions included: method and path.
    pub(crate) calls: Vec<String>,
    /// How often money moved.
    pub(crate) movements: u32,
    /// Passwords that were sent, or codes.
    pub(crate) passwords: Vec<String>,
    /// Payment messages as they came, and which version they were sealed to.
    pub(crate) raw: Vec<(bytes::Bytes, Option<u16>)>,
    /// How often the key was asked for.
    pub(crate) asked_for_key: u32,
    /// What was said of payments that are for bills, in order.
    pub(crate) bills: Vec<BillMessage>,
    /// How often a subscriber was to be asked about each payment, and whether only to set money aside.
    pub(crate) asked: BTreeMap<String, (u32, bool)>,
    /// What was taken of each payment that is held: all of it when not said.
    pub(crate) captured: BTreeMap<String, Option<i64>>,
}

impl Default for FakeHome {
    fn default() -> Self {
        Self {
            manner: watch::Sender::new(Manner::Answers),
            sealing: Mutex::new(Sealing::Gives(7)),
            books: Mutex::default(),
        }
    }
}

impl FakeHome {
    pub(crate) fn behave(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    pub(crate) fn seals(&self, sealing: Sealing) {
        *self.sealing.lock() = sealing;
    }

    /// What it says when it is asked for its key.
    fn key(&self, province: ProvinceId) -> Result<PeerReply, PeerError> {
        self.books.lock().asked_for_key += 1;
        match *self.sealing.lock() {
            Sealing::Silent => Err(PeerError::Unreachable(province)),
            Sealing::No => {
                let headers = vec![("content-type".into(), "application/problem+json".into())];
                Ok(PeerReply { status: 404, headers, body: "{}".into() })
            }
            Sealing::Gives(version) => {
                let key = seal_keys(version).given_out().unwrap();
                let body = wire::encode(&PeerAnswer { result: PeerResult::SealKey(key), log_index: 1 });
                Ok(PeerReply { status: 200, headers: Vec::new(), body })
            }
        }
    }

    pub(crate) fn books(&self) -> Books {
        self.books.lock().clone()
    }

    /// Makes a payment known as if another request had brought it.
    pub(crate) fn knows(&self, payment: &str, fate: PaymentFate, refusal: Option<u16>) {
        self.books.lock().payments.insert(payment.to_owned(), (fate, refusal));
    }

    /// Waits until the books are as `is` describes.
    pub(crate) async fn until(&self, what: &str, is: impl Fn(&Books) -> bool) {
        eventually(what, || is(&self.books.lock())).await;
    }

    fn act(&self, manner: Manner, here: ProvinceId, call: &PeerCall) -> PeerResult {
        let mut books = self.books.lock();
        let parts: Vec<&str> = call.path.trim_start_matches("/peer/v1/").split('/').collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("POST", ["payments"]) => {
                let message: PaymentMessage = serde_json::from_slice(&call.body).unwrap();
                let code = message.payment_code.clone();
                let password = match &message.sealed_password {
                    Some(sealed) => opened(sealed, here, &message),
                    None => message.payment_password.clone(),
                };
                books.passwords.push(code.unwrap_or(password));
                let version = message.sealed_password.as_ref().map(|sealed| sealed.key_version);
                books.raw.push((call.body.clone(), version));
                books.bills.extend(message.bill.clone());
                let Some(asked) = &message.confirmation else { return books.pay(&message, manner) };
                let row = books.asked.entry(message.payment_id.clone()).or_insert((0, asked.reserve));
                row.0 += 1;
                // The subscriber says yes while home is asked for the third time.
                match (row.0, manner) {
                    (1 | 2, Manner::Answers) => PeerResult::fate(PaymentFate::Unknown, None),
                    _ => match books.pay(&message, manner) {
                        PeerResult::Done if asked.reserve => PeerResult::Held,
                        other => other,
                    },
                }
            }
            ("GET", ["payments", id]) => match books.payments.get(*id) {
                Some((fate, refusal)) => PeerResult::Fate { fate: *fate, refusal: *refusal, detail: None },
                None => PeerResult::Fate { fate: PaymentFate::Unknown, refusal: None, detail: None },
            },
            ("POST", ["payments", id, "capture"]) => {
                let message: wire::CaptureMessage = serde_json::from_slice(&call.body).unwrap();
                books.captured.insert((*id).to_owned(), message.amount_fen);
                PeerResult::Done
            }
            ("POST", ["payments", id, "reversal"]) => {
                let before = books.payments.insert((*id).to_owned(), (PaymentFate::Reversed, None));
                books.movements += u32::from(matches!(before, Some((PaymentFate::Captured, _))));
                PeerResult::Done
            }
            ("POST", ["payments", _, "refunds"]) => {
                let message: wire::RefundMessage = serde_json::from_slice(&call.body).unwrap();
                let new = books.refunds.insert(message.refund_id, message.amount_fen).is_none();
                books.movements += u32::from(new);
                PeerResult::Done
            }
            ("POST", ["transfers"]) => {
                let message: wire::TransferMessage = serde_json::from_slice(&call.body).unwrap();
                if let Manner::Refuses(number) = manner {
                    return PeerResult::Refused { number, detail: None };
                }
                let new = books.transfers.insert(message.transfer_id, message.amount_fen).is_none();
                books.movements += u32::from(new);
                PeerResult::Done
            }
            ("POST", ["awards"]) => {
                let message: wire::AwardMessage = serde_json::from_slice(&call.body).unwrap();
                if let Manner::Refuses(number) = manner {
                    return PeerResult::Refused { number, detail: None };
                }
                let new = books.awards.insert(message.award_id, message.amount_fen).is_none();
                books.movements += u32::from(new);
                PeerResult::Done
            }
            ("POST", ["payment-codes"]) => match manner {
                Manner::Refuses(number) => PeerResult::Refused { number, detail: None },
                _ => PeerResult::CodeOf(wire::CodeOwnerMessage {
                    msisdn: super::visitor(1).to_string(),
                    account_id: "A20260101120000000-51-00001".into(),
                }),
            },
            other => panic!("nobody asks that: {other:?}"),
        }
    }
}

/// What was sealed for this payment.
fn opened(sealed: &SealedPasswordMessage, home: ProvinceId, message: &PaymentMessage) -> String {
    let binding = Binding {
        home,
        serving: message.serving.parse().unwrap(),
        payment: message.payment_id.parse().unwrap(),
        order: message.order_id.parse().unwrap(),
        msisdn: message.msisdn.parse().unwrap(),
        amount: mpss_domain::Money::fen(message.amount_fen),
    };
    seal_keys(0).open(sealed, &binding).unwrap().reveal().to_owned()
}

impl Books {
    fn pay(&mut self, message: &PaymentMessage, manner: Manner) -> PeerResult {
        let known = self.payments.get(&message.payment_id).copied();
        let (fate, refusal) = known.unwrap_or_else(|| {
            let decided = match manner {
                Manner::Refuses(number) => (PaymentFate::Declined, Some(number)),
                _ => (PaymentFate::Captured, None),
            };
            self.movements += u32::from(decided.0 == PaymentFate::Captured);
            decided
        });
        // `not_home` is not kept: the payment may still be made there.
        if refusal != Some(mpss_domain::Refusal::NotHome.number()) {
            self.payments.insert(message.payment_id.clone(), (fate, refusal));
        }
        match (fate, refusal) {
            (PaymentFate::Captured, _) => PeerResult::Done,
            (PaymentFate::Declined, Some(number)) => PeerResult::Refused { number, detail: None },
            _ => PeerResult::refused(mpss_domain::Refusal::AlreadyReversed),
        }
    }
}

impl PeerTransport for FakeHome {
    fn call(
        &self,
        province: ProvinceId,
        _door: PeerDoor,
        call: PeerCall,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<PeerReply, PeerError>> {
        Box::pin(async move {
            // What there is of national goods is nothing that these tests are about.
            if call.path.starts_with("/v1/national-goods") || call.path.starts_with("/v1/catalogue") {
                return Err(PeerError::Unreachable(province));
            }
            if call.path == "/peer/v1/seal-key" {
                return self.key(province);
            }
            self.books.lock().calls.push(format!("{} {}", call.method, call.path));
            let manner = *self.manner.borrow();
            let released = async {
                let mut changes = self.manner.subscribe();
                let _ = changes.wait_for(|now| *now != manner).await;
            };
            let result = match manner {
                Manner::Unreachable => return Err(PeerError::Unreachable(province)),
                Manner::HoldsBefore => {
                    let _ = tokio::time::timeout(deadline, released).await;
                    return Err(PeerError::Unknown(province));
                }
                Manner::HoldsAfter => {
                    let result = self.act(manner, province, &call);
                    if tokio::time::timeout(deadline, released).await.is_err() {
                        return Err(PeerError::Unknown(province));
                    }
                    result
                }
                Manner::LosesAnswers => {
                    self.act(manner, province, &call);
                    return Err(PeerError::Unknown(province));
                }
                Manner::Answers | Manner::Refuses(_) => self.act(manner, province, &call),
            };
            let body = serde_json::to_vec(&PeerAnswer { result, log_index: 1 }).unwrap().into();
            Ok(PeerReply { status: 200, headers: Vec::new(), body })
        })
    }
}
