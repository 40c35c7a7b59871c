//! Telling the bank how a binding stands: `POST {url}` `{"binding_id","status","msisdn"}`, signed as the
//! bank signs to us; any answer of 2xx is its word that it knows.

use std::time::Duration;

use mpss_runtime::BoxFuture;
use serde::Serialize;

use crate::gateway::NoAnswer;
use crate::gateway::signed_notices::SignedNotices;

/// How a binding stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BindingNotice {
    /// The binding.
    pub binding_id: String,
    /// `active`, `refused`, `lapsed` or `ended`.
    pub status: &'static str,
    /// Whose number.
    pub msisdn: String,
}

/// A way to tell the bank.
pub trait BankNotices: Send + Sync + 'static {
    /// Tells it once.
    fn tell(&self, notice: BindingNotice, at_ms: u64) -> BoxFuture<'_, Result<(), NoAnswer>>;
}

/// A bank that listens for JSON over HTTP.
pub struct HttpBankNotices(SignedNotices);

impl HttpBankNotices {
    /// The bank at `url`; notices are signed with `key`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(url: &str, key: Vec<u8>, deadline: Duration) -> Result<Self, reqwest::Error> {
        SignedNotices::new(url, key, deadline).map(Self)
    }
}

impl BankNotices for HttpBankNotices {
    fn tell(&self, notice: BindingNotice, at_ms: u64) -> BoxFuture<'_, Result<(), NoAnswer>> {
        Box::pin(async move { self.0.tell(&notice, at_ms).await })
    }
}
