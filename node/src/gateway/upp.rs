//! The unified payment platform (统一支付平台, UPP) as it is told things: how a payment has ended that it was told
//! is pending. `POST {url}` `{"notice_id","order_number","status"}`, signed as the UPP signs to us; any answer of
//! 2xx is its word that it knows.

use std::time::Duration;

use mpss_domain::upp::UppEnd;
use mpss_domain::{PaymentId, UppNumber};
use mpss_runtime::BoxFuture;
use serde::{Deserialize, Serialize};

use super::NoAnswer;
use super::signed_notices::SignedNotices;

/// How a payment has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UppNotice {
    /// By which it is known; the same however often it is sent.
    pub notice_id: String,
    /// The UPP's number of the order.
    pub order_number: String,
    /// `paid`, `declined` or `reversed`.
    pub status: String,
    /// The name of the refusal, when it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
}

impl UppNotice {
    /// What is told of the end of a payment.
    #[must_use]
    pub fn new(payment: PaymentId, number: UppNumber, end: UppEnd) -> Self {
        let refusal = match end {
            UppEnd::Declined(refusal) => Some(refusal),
            UppEnd::Paid | UppEnd::Reversed => None,
        };
        Self {
            notice_id: payment.to_string(),
            order_number: number.to_string(),
            status: end.name().to_owned(),
            code: refusal.map(|refusal| refusal.code().to_owned()),
            number: refusal.map(mpss_domain::Refusal::number),
        }
    }
}

/// A way to tell the UPP.
pub trait UppNotices: Send + Sync + 'static {
    /// Tells it once; `at_ms` is the time of the signature, in ms since 1970.
    fn tell(&self, notice: UppNotice, at_ms: u64) -> BoxFuture<'_, Result<(), NoAnswer>>;
}

/// A UPP that listens for JSON over HTTP.
pub struct HttpUppNotices(SignedNotices);

impl HttpUppNotices {
    /// The UPP at `url`; notices are signed with `key`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(url: &str, key: Vec<u8>, deadline: Duration) -> Result<Self, reqwest::Error> {
        SignedNotices::new(url, key, deadline).map(Self)
    }
}

impl UppNotices for HttpUppNotices {
    fn tell(&self, notice: UppNotice, at_ms: u64) -> BoxFuture<'_, Result<(), NoAnswer>> {
        Box::pin(async move { self.0.tell(&notice, at_ms).await })
    }
}

#[cfg(test)]
mod tests {
    use mpss_domain::ids::IssuedId;
    use mpss_domain::{LogTime, ProvinceId, Refusal};

    use super::*;

    #[test]
    fn a_notice_has_the_bytes_that_were_agreed() {
        let payment = PaymentId::issue(LogTime(1_795_399_200_000), ProvinceId::new(44).expect("Guangdong"), 7);
        let number: UppNumber = "N-1".parse().expect("a number");
        let text = |end| serde_json::to_string(&UppNotice::new(payment, number, end)).expect("JSON");
        assert_eq!(
            text(UppEnd::Paid),
            r#"{"notice_id":"P20261123020000000-44-00007","order_number":"N-1","status":"paid"}"#
        );
        let declined = text(UppEnd::Declined(Refusal::InsufficientFunds));
        assert!(declined.ends_with(r#""status":"declined","code":"insufficient_funds","number":3011}"#), "{declined}");
        let read: UppNotice = serde_json::from_str(&declined).expect("it reads as written");
        assert_eq!(read, UppNotice::new(payment, number, UppEnd::Declined(Refusal::InsufficientFunds)));
    }
}
