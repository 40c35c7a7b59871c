//! What the bank is told: how a binding stands, `POST {url}` `{"binding_id","status","msisdn"}`, and of a card that a
//! subscriber wants to be bound, `POST {url}` `{"wish_id","msisdn","bank","card_number"}`; signed as the bank signs to
//! us. Any answer of 2xx is its word that it knows.

use std::time::Duration;

use mpss_runtime::BoxFuture;
use serde::{Deserialize, Serialize};

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

/// A card that a subscriber wants to be bound.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WishNotice {
    /// The wish; the same however often it is told. The bank names it in its answer.
    pub wish_id: String,
    /// Whose number.
    pub msisdn: String,
    /// The bank's institution code, as the subscriber gave it.
    pub bank: String,
    /// The card's number.
    pub card_number: String,
}

impl std::fmt::Debug for WishNotice {
    /// Without the card's number: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WishNotice").field("wish_id", &self.wish_id).field("bank", &self.bank).finish_non_exhaustive()
    }
}

/// A way to tell the bank.
pub trait BankNotices: Send + Sync + 'static {
    /// Tells it once how a binding stands.
    fn tell(&self, notice: BindingNotice, at_ms: u64) -> BoxFuture<'_, Result<(), NoAnswer>>;

    /// Tells it once of a card that a subscriber wants to be bound.
    fn tell_wish(&self, notice: WishNotice, at_ms: u64) -> BoxFuture<'_, Result<(), NoAnswer>>;
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

    fn tell_wish(&self, notice: WishNotice, at_ms: u64) -> BoxFuture<'_, Result<(), NoAnswer>> {
        Box::pin(async move { self.0.tell(&notice, at_ms).await })
    }
}
