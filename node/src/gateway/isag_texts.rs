//! Texts to subscribers by way of the ISAG (Parlay X SMS; product §5.4): `sendSms` with a receipt asked for, and
//! `getSmsDeliveryStatus` about what it tells nothing of. What it tells by itself comes in by the ISAG's door
//! (`channel/isag/notified.rs`).
//!
//! A text's name is the correlator of its receipt. Parlay X refuses one that it has (`SVC0005`), which is how a text whose
//! answer was lost may be handed over again. What a fault says about the text is told from what it says about us: the
//! first is the end of that text, the second is no reason to lose any.

use std::sync::Arc;
use std::time::Duration;

use mpss_config::IsagTextSettings;
use mpss_domain::texts::ReceiptFate;
use mpss_domain::{LogTime, Msisdn};
use mpss_runtime::{BoxFuture, Clock};
use reqwest::header::CONTENT_TYPE;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::message_centre::{Cancelled, Handed, Inbound, Manner, MessageCentre, Submitted, WholeText};
use super::rail::Lost;
use crate::channel::isag::{
    CTCC_COMMON, DeliveryStatus, Family, Interface, Names, REQUEST_HEADER, sp_password, time_stamp,
};
use crate::soap::{Element, Envelope, Written, in_envelope};

/// A correlator that it has had.
const KNOWN: &str = "SVC0005";

/// How we are known to the ISAG, and where it is.
#[derive(Clone)]
pub struct IsagTextOptions {
    /// Its interface `SendSms`.
    pub url: String,
    /// Our number there.
    pub sp_number: String,
    /// What proves us.
    pub secret: Zeroizing<String>,
    /// The product that texts are counted under.
    pub product_id: String,
    /// From which number texts come.
    pub source: String,
    /// In China Telecom's names, or else in ETSI's.
    pub ctcc: bool,
    /// Where it tells us what became of texts.
    pub notify_url: String,
    /// A correlator that it has had is refused by it.
    pub refuses_known_correlators: bool,
}

impl IsagTextOptions {
    /// As the settings have it.
    #[must_use]
    pub fn of(settings: &IsagTextSettings) -> Self {
        Self {
            url: settings.url.clone(),
            sp_number: settings.sp_number.clone(),
            secret: settings.secret(),
            product_id: settings.product_id.clone(),
            source: settings.source.clone(),
            ctcc: settings.names == "ctcc",
            notify_url: settings.notify_url.clone(),
            refuses_known_correlators: settings.refuses_known_correlators,
        }
    }

    fn names(&self) -> Names {
        Names::served_of(Interface::SendSms, if self.ctcc { Family::Ctcc } else { Family::ParlayX })
    }
}

impl std::fmt::Debug for IsagTextOptions {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IsagTextOptions").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The way to the ISAG.
pub struct IsagTexts {
    client: reqwest::Client,
    options: IsagTextOptions,
    clock: Arc<dyn Clock>,
    open: watch::Sender<Option<Duration>>,
}

impl std::fmt::Debug for IsagTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IsagTexts").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What the ISAG answers.
enum Said {
    Done(Element),
    Fault { code: String, variables: Vec<String>, text: String },
}

/// A client of the ISAG; each request may take `deadline`.
///
/// # Errors
/// When the machine can not make an HTTP client.
pub fn client(deadline: Duration) -> Result<reqwest::Client, reqwest::Error> {
    super::client(deadline)
}

impl IsagTexts {
    /// A way by `client`.
    #[must_use]
    pub fn new(client: reqwest::Client, options: IsagTextOptions, clock: Arc<dyn Clock>) -> Self {
        // There is no line that could be down: each request finds out for itself.
        let open = watch::Sender::new(Some(clock.monotonic()));
        Self { client, options, clock, open }
    }

    /// Sends `operation` and reads what is answered to it.
    async fn ask(
        &self,
        operation: &str,
        transaction: Option<&str>,
        inside: impl Fn(&mut Written),
    ) -> Result<Said, Lost> {
        let stamp = time_stamp(LogTime(self.clock.wall_ms()));
        let options = &self.options;
        let header = |header: &mut Written| {
            let element = format!("ctcc:{REQUEST_HEADER}");
            header.element(&element, &[("xmlns:ctcc", CTCC_COMMON)], |fields| {
                fields.leaf("spId", &options.sp_number);
                fields.leaf("spPassword", &sp_password(&options.sp_number, &options.secret, &stamp));
                fields.leaf("timeStamp", &stamp);
                fields.leaf_of("productId", Some(options.product_id.as_str()).filter(|product| !product.is_empty()));
                fields.leaf("SAN", &options.source);
                fields.leaf_of("transactionId", transaction);
            });
        };
        let local = options.names().local(Interface::SendSms);
        let message = in_envelope(Some(&header), |body| {
            body.element(&format!("sms:{operation}"), &[("xmlns:sms", &local)], &inside);
        });
        let request = self.client.post(&options.url).header(CONTENT_TYPE, "text/xml; charset=utf-8");
        let (status, bytes) = super::whole_answer_of_any(request.header("soapaction", "\"\"").body(message)).await?;
        // Whatever is no message does not come from the ISAG itself: it may have got the request.
        let body = Envelope::read(&bytes).map_err(|_| Lost::Unknown)?.body;
        if body.name == "Fault" {
            return Ok(fault(&body));
        }
        if !status.is_success() || body.name != format!("{operation}Response") {
            return Err(Lost::Unknown);
        }
        Ok(Said::Done(body))
    }

    async fn send(&self, text: WholeText) -> Result<Submitted, Lost> {
        let options = &self.options;
        let said = self.ask("sendSms", Some(&text.name), |inside| {
            inside.leaf("sms:addresses", &format!("tel:86{}", text.to));
            inside.leaf("sms:senderName", &options.source);
            inside.leaf("sms:message", &text.words);
            inside.element("sms:receiptRequest", &[], |reference| {
                reference.leaf("endpoint", &options.notify_url);
                reference.leaf("interfaceName", Interface::SmsNotification.name());
                reference.leaf("correlator", &text.name);
            });
        });
        match said.await? {
            Said::Done(done) => {
                let request = done.child("result").and_then(Element::word);
                // Without an identifier it can be found by its correlator alone.
                Ok(Submitted::Taken(request.map_or(text.name, str::to_owned)))
            }
            Said::Fault { code, .. } if code == KNOWN => Ok(Submitted::Taken(text.name)),
            Said::Fault { code, variables, text } => {
                let variable = variables.first().map_or("", String::as_str);
                match about(&code, variable) {
                    About::TheText => Ok(Submitted::Refused(format!("{code} {variable}").trim_end().to_owned())),
                    About::Us => {
                        tracing::warn!(code, text, "the ISAG takes no texts of ours; they are tried again");
                        Ok(Submitted::Busy)
                    }
                    About::Nothing => Err(Lost::Unknown),
                }
            }
        }
    }

    async fn status(&self, request: &str) -> Result<ReceiptFate, Lost> {
        let said = self.ask("getSmsDeliveryStatus", None, |inside| inside.leaf("sms:requestIdentifier", request));
        match said.await? {
            Said::Done(done) => {
                let told = done.child("result").and_then(|result| result.child("deliveryStatus"));
                let status = told.and_then(Element::word).and_then(DeliveryStatus::named);
                Ok(status.map_or(ReceiptFate::Unknown, DeliveryStatus::fate))
            }
            // It does not know it, or not any more.
            Said::Fault { code, .. } if matches!(code.as_str(), "SVC0002" | "SVC0003" | "SVC0004" | "POL0010") => {
                Ok(ReceiptFate::Unknown)
            }
            Said::Fault { .. } => Err(Lost::Unknown),
        }
    }
}

/// What a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// This text, to this number: others may go.
    TheText,
    /// How we are known there, or that it has too much to do: nothing of ours was taken.
    Us,
    /// It says that something went wrong: whether before or after it had the text, it does not say.
    Nothing,
}

/// What a fault with this code, about this part, means.
fn about(code: &str, part: &str) -> About {
    match code {
        "SVC0004" | "SVC0280" | "POL0002" => About::TheText,
        "SVC0002" | "SVC0003" if matches!(part, "addresses" | "message") => About::TheText,
        // From 1000 on they are an operator's: balance, provisioning, suspension of the subscriber.
        code if code.starts_with("POL1") => About::TheText,
        "SVC0001" => About::Nothing,
        code if code.starts_with("SVC") || code.starts_with("POL") => About::Us,
        _ => About::Nothing,
    }
}

/// A fault: by the exception in its detail, else by its own code, which some write with a prefix.
fn fault(body: &Element) -> Said {
    let word = |of: &Element, name: &str| of.child(name).and_then(Element::word).map(str::to_owned);
    let exception = body.child("detail").and_then(|detail| detail.children.first());
    let own = word(body, "faultcode").unwrap_or_default();
    let code = exception.and_then(|exception| word(exception, "messageId"));
    let code = code.unwrap_or_else(|| own.rsplit(':').next().unwrap_or_default().to_owned());
    let variables = exception.into_iter().flat_map(|exception| exception.named("variables"));
    let variables = variables.filter_map(Element::word).map(str::to_owned).collect();
    let text = word(body, "faultstring").unwrap_or_default();
    Said::Fault { code, variables, text }
}

impl MessageCentre for IsagTexts {
    fn manner(&self) -> Manner {
        Manner::Texts { known_again: self.options.refuses_known_correlators }
    }

    fn submit(&self, handed: Handed) -> BoxFuture<'_, Result<Submitted, Lost>> {
        Box::pin(async move {
            match handed {
                Handed::Text(text) => self.send(text).await,
                Handed::Message(_) => Ok(Submitted::Refused("cut".into())),
            }
        })
    }

    /// Nothing that was taken is given back.
    fn cancel(&self, _source: String, _to: Msisdn) -> BoxFuture<'_, Result<Cancelled, Lost>> {
        Box::pin(std::future::ready(Ok(Cancelled::Unsupported)))
    }

    fn query(&self, _source: String, message: String) -> BoxFuture<'_, Result<ReceiptFate, Lost>> {
        Box::pin(async move { self.status(&message).await })
    }

    /// What it tells by itself comes in by a door.
    fn next(&self) -> BoxFuture<'_, Inbound> {
        Box::pin(std::future::pending())
    }

    fn open_since(&self) -> watch::Receiver<Option<Duration>> {
        self.open.subscribe()
    }
}

#[cfg(test)]
mod tests;
