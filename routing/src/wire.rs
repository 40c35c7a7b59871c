//! The provinces' own interface, version 1: JSON over HTTP. Every message names the payment or
//! transfer it is about, so that it can be sent again without harm.

use serde::{Deserialize, Serialize};

/// `POST /peer/v1/payments`: debit at home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentMessage {
    /// The payment; the same on every retry.
    pub payment_id: String,
    /// The order it pays for.
    pub order_id: String,
    /// Who asks: two digits.
    pub serving: String,
    /// Who pays.
    pub msisdn: String,
    /// The number plan epoch it was routed by.
    pub epoch: u64,
    /// `roaming` or `national`.
    pub scope: String,
    /// Where the subscriber is now: two digits.
    pub location: String,
    /// The account, by id, or
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// by kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_kind: Option<String>,
    /// Fen.
    pub amount_fen: i64,
    /// What is bought.
    pub title: String,
    /// The payment password as typed at the visited province.
    pub payment_password: String,
}

/// `GET /peer/v1/payments/{id}`: what became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentFate {
    /// Money was taken.
    Captured,
    /// Not taken.
    Declined,
    /// Taken and given back, or forbidden.
    Reversed,
    /// Never seen.
    Unknown,
}

/// The answer to a payment, a fate question, a reversal, a refund or a transfer credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAnswer {
    /// What it came to.
    pub result: PeerResult,
    /// Position in the answering province's log.
    pub log_index: u64,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PeerResult {
    /// Done, now or before.
    Done,
    /// Refused; nothing moved, and nothing will under this id.
    Refused {
        /// The refusal's stable number.
        number: u16,
        /// The refusal's data, when it has some: a lock's end in ms, a reason for hiding.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// The fate of a payment.
    Fate {
        /// Its fate.
        fate: PaymentFate,
        /// Why it was declined.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refusal: Option<u16>,
    },
}

/// `POST /peer/v1/payments/{id}/reversal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReversalMessage {
    /// The reversal.
    pub reversal_id: String,
    /// The order.
    pub order_id: String,
    /// Who asks: two digits.
    pub serving: String,
}

/// `POST /peer/v1/payments/{id}/refunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundMessage {
    /// The refund.
    pub refund_id: String,
    /// Fen.
    pub amount_fen: i64,
    /// Who asks: two digits.
    pub serving: String,
}

/// `POST /peer/v1/transfers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferMessage {
    /// The transfer.
    pub transfer_id: String,
    /// Who pays.
    pub payer: String,
    /// Who is paid.
    pub payee: String,
    /// Fen.
    pub amount_fen: i64,
    /// The number plan epoch it was routed by.
    pub epoch: u64,
}
