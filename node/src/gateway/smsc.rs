//! The SMS centre: texts in batches over HTTP.
//!
//! `POST {sms_url}` `{"messages":[{"message_id","to","text","language"}]}` →
//! `{"accepted":["message_id",…]}`. What is not named was not accepted.

use std::time::Duration;

use mpss_runtime::BoxFuture;
use serde::{Deserialize, Serialize};

use super::NoAnswer;

/// One text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text {
    /// The same on every retry, so that the centre can drop repetitions.
    pub message_id: String,
    /// The number, 11 digits.
    pub to: String,
    /// The words.
    pub text: String,
    /// `zh` or `en`.
    pub language: &'static str,
}

/// A way to send texts.
pub trait SmsGateway: Send + Sync + 'static {
    /// Sends texts; the ids of those that were accepted.
    fn send(&self, texts: Vec<Text>) -> BoxFuture<'_, Result<Vec<String>, NoAnswer>>;
}

/// An SMS centre that speaks JSON over HTTP.
#[derive(Debug, Clone)]
pub struct HttpSmsGateway {
    client: reqwest::Client,
    url: String,
}

impl HttpSmsGateway {
    /// A gateway to `url`; each request may take `deadline`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(url: &str, deadline: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self { client: super::client(deadline)?, url: url.to_owned() })
    }
}

#[derive(Serialize)]
struct Messages {
    messages: Vec<Text>,
}

#[derive(Deserialize)]
struct Accepted {
    accepted: Vec<String>,
}

impl SmsGateway for HttpSmsGateway {
    fn send(&self, messages: Vec<Text>) -> BoxFuture<'_, Result<Vec<String>, NoAnswer>> {
        Box::pin(async move {
            let accepted: Accepted = super::post(&self.client, &self.url, &Messages { messages }).await?;
            Ok(accepted.accepted)
        })
    }
}
