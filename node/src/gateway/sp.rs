//! Service providers: delivery and cancel notices in batches over HTTP.
//!
//! `POST {notice_url}` `{"notices":[…]}` → `{"answers":[{"order_id","result":"accepted"|"refused"}]}`.
//! An order that is not among the answers has no answer yet and is asked about again with the same
//! notice id. Answers about orders that were not asked about are no harm: they are not looked at.
//!
//! Every request is signed with the platform's own key, when the settings have one (`notice_signing.rs`); a notice names
//! the number of the SP's event that it is about, so that what is told at once and what is read by number are one
//! sequence.
//!
//! An SP with bills is asked at the same place: `{"bill_query":{…}}` → `{"bill":{"status":"due"|"paid"|
//! "unknown","amount","payer","period","customer"}}`, with `amount` when it is due.

use std::time::Duration;

use mpss_runtime::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::NoAnswer;
use super::notice_signing::NoticeSigning;

/// What an SP is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Paid: deliver.
    Deliver,
    /// Void: do not deliver, or take back.
    Cancel,
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The same on every retry.
    pub notice_id: String,
    /// The number of the SP's event that this is about; none of what was decided before events had numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_number: Option<u64>,
    /// What to do.
    pub kind: NoticeKind,
    /// The order.
    pub order_id: String,
    /// Whose it is.
    pub sp_id: String,
    /// What was bought.
    pub product_id: String,
    /// Its title.
    pub title: String,
    /// Its application, such as `lottery`.
    pub application: &'static str,
    /// How many.
    pub quantity: u32,
    /// Yuan with two places.
    pub amount: String,
    /// The bill it pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill_number: Option<String>,
    /// The draw that the bet is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw_id: Option<String>,
    /// To whom the goods are sent; with notices to deliver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<RecipientPart>,
    /// Who took the order: two digits.
    pub serving_province: String,
    /// The buyer's number with its middle hidden.
    pub msisdn_masked: String,
    /// The answer is due then: RFC 3339.
    pub deliver_by: String,
}

/// To whom goods are sent.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct RecipientPart {
    /// Name.
    pub name: String,
    /// A telephone number the carrier can call.
    pub phone: String,
    /// Where.
    pub address: String,
}

impl std::fmt::Debug for RecipientPart {
    /// Without a word of it: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecipientPart(******)")
    }
}

/// What an SP answered about one order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The order.
    pub order_id: String,
    /// `accepted` or `refused`; any other word is no answer.
    pub result: String,
}

/// A question about a bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillQuery {
    /// Whose bill.
    pub sp_id: String,
    /// The product that pays it.
    pub product_id: String,
    /// Its number.
    pub bill_number: String,
}

/// Where a bill stands, in its SP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillStatus {
    /// To be paid.
    Due,
    /// Paid, here or elsewhere.
    Paid,
    /// There is no such bill.
    Unknown,
}

/// What an SP says of a bill.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BillAnswer {
    /// Where it stands.
    pub status: BillStatus,
    /// Yuan with two places, when it is due.
    #[serde(default)]
    pub amount: Option<String>,
    /// Whose bill it is, as far as it may be shown.
    #[serde(default)]
    pub payer: Option<String>,
    /// For which time.
    #[serde(default)]
    pub period: Option<String>,
    /// The SP's number of the customer whose bills these are, the same from bill to bill: who has paid one with the
    /// password pays the next without it.
    #[serde(default)]
    pub customer: Option<String>,
}

impl BillAnswer {
    /// What an SP says that has no such bill.
    pub const UNKNOWN: Self =
        Self { status: BillStatus::Unknown, amount: None, payer: None, period: None, customer: None };
}

/// A way to tell SPs.
pub trait SpGateway: Send + Sync + 'static {
    /// Tells the SP at `url`.
    fn notify<'a>(&'a self, url: &'a str, notices: Vec<Notice>) -> BoxFuture<'a, Result<Vec<Answer>, NoAnswer>>;

    /// Asks the SP at `url` about a bill.
    fn bill<'a>(&'a self, url: &'a str, query: BillQuery) -> BoxFuture<'a, Result<BillAnswer, NoAnswer>>;
}

/// SPs that speak JSON over HTTP.
#[derive(Debug, Clone)]
pub struct HttpSpGateway {
    client: reqwest::Client,
    signing: Option<NoticeSigning>,
}

impl HttpSpGateway {
    /// A gateway to all SPs; each request may take `deadline`, and is signed anew when there is what to sign with.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(deadline: Duration, signing: Option<NoticeSigning>) -> Result<Self, reqwest::Error> {
        Ok(Self { client: super::client(deadline)?, signing })
    }

    async fn post<A: DeserializeOwned>(&self, url: &str, body: &impl Serialize) -> Result<A, NoAnswer> {
        let Some(signing) = &self.signing else { return super::post(&self.client, url, body).await };
        let body = serde_json::to_vec(body).expect("a struct of texts and numbers can be written as JSON");
        let headers = signing.headers(url, &body);
        super::answer_of(self.client.post(url).headers(headers).body(body)).await
    }
}

#[derive(Serialize)]
struct Notices {
    notices: Vec<Notice>,
}

#[derive(Deserialize)]
struct Answers {
    answers: Vec<Answer>,
}

#[derive(Serialize)]
struct BillQuestion {
    bill_query: BillQuery,
}

#[derive(Deserialize)]
struct BillAnswered {
    bill: BillAnswer,
}

impl SpGateway for HttpSpGateway {
    fn notify<'a>(&'a self, url: &'a str, notices: Vec<Notice>) -> BoxFuture<'a, Result<Vec<Answer>, NoAnswer>> {
        Box::pin(async move {
            let answers: Answers = self.post(url, &Notices { notices }).await?;
            Ok(answers.answers)
        })
    }

    fn bill<'a>(&'a self, url: &'a str, bill_query: BillQuery) -> BoxFuture<'a, Result<BillAnswer, NoAnswer>> {
        Box::pin(async move {
            let answered: BillAnswered = self.post(url, &BillQuestion { bill_query }).await?;
            Ok(answered.bill)
        })
    }
}
