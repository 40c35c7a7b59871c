//! Bills (缴费): what one comes to is asked at its SP, before anything moves (product specification §3).
//!
//! ```text
//!  query   number ─▶ SP ─▶ due, how much │ paid │ unknown
//!  pay     number, amount as the payer saw it ─▶ SP: still due, the same? ─▶ PayBill
//!                                                  └─ no ─▶ refused, nothing moved
//! ```
//!
//! The SP has the last word with the delivery notice, which names the bill: a bill that was paid somewhere
//! else between question and notice is refused there and reversed.

use mpss_domain::bills::{Bill, BillCustomer, BillNumber};
use mpss_domain::catalogue::{Application, ProductStatus};
use mpss_domain::{Money, OrderStatus, ProductId, Refusal, Request, SpId, State};

use super::Serving;
use crate::gateway::sp::{BillAnswer, BillQuery, BillStatus};
use crate::not_done::NotDone;
use crate::sp_digest::sp_digest;

/// Bytes of an SP's number of a customer at most.
const CUSTOMER_BYTES_MAX: usize = 64;

/// A bill as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillStanding {
    /// What can be done with it.
    pub status: BillStatus,
    /// What is due, in fen; when it is due.
    pub amount: Option<Money>,
    /// Whose bill it is, as its SP shows it to those who pay.
    pub payer: Option<String>,
    /// For which time.
    pub period: Option<String>,
    /// Whose bills these are, the same from bill to bill; `None` when the SP does not say.
    pub customer: Option<BillCustomer>,
    /// An order here is paying it.
    pub being_paid: bool,
}

/// Whom to ask about a bill.
struct Asked {
    sp: SpId,
    url: String,
    query: BillQuery,
    /// The order here that has it, and whether it has paid it.
    held: Option<OrderStatus>,
}

impl Serving {
    /// Asks the SP of a product about a bill.
    ///
    /// # Errors
    /// [`NotDone::Refused`] when the product is not sold or is no bill payment; [`NotDone::Unavailable`] when
    /// the SP gives no usable answer.
    pub async fn query_bill(&self, product: ProductId, number: BillNumber) -> Result<BillStanding, NotDone> {
        let look = |state: &State| asked(state, product, number);
        let asked = self.context.replica.read_linearizable(look).await??;
        self.standing(asked).await
    }

    /// The bill, when it is still as the payer saw it, with the customer that its SP names. A request that was answered
    /// before is not looked at again: it gets its first answer.
    ///
    /// # Errors
    /// Those of [`Serving::query_bill`] that the log would not give itself, and [`Refusal::BillPaid`],
    /// [`Refusal::PriceChanged`], `bill_not_found`.
    pub(super) async fn check_bill(&self, request: Request, product: ProductId, bill: Bill) -> Result<Bill, NotDone> {
        let look = |state: &State| (!state.knows_request(request)).then(|| asked(state, product, bill.number));
        // What the rules refuse anyway is for them to refuse, so that it is remembered with the request.
        let Some(Ok(asked)) = self.context.replica.read_linearizable(look).await? else { return Ok(bill) };
        if asked.held.is_some() {
            return Ok(bill);
        }
        let standing = self.standing(asked).await?;
        match (standing.status, standing.amount) {
            (BillStatus::Due, Some(amount)) if amount == bill.amount => {
                Ok(Bill { customer: standing.customer, ..bill })
            }
            (BillStatus::Due, _) => Err(NotDone::refused(Refusal::PriceChanged)),
            (BillStatus::Paid, _) => Err(NotDone::refused(Refusal::BillPaid)),
            (BillStatus::Unknown, _) => Err(NotDone::Malformed {
                code: "bill_not_found",
                field: "bill_number",
                what: "the SP knows no bill with this number".into(),
            }),
        }
    }

    async fn standing(&self, asked: Asked) -> Result<BillStanding, NotDone> {
        let answer = self.context.sps.bill(&asked.url, asked.query).await.map_err(|error| {
            tracing::warn!(%error, "an SP did not say what a bill comes to");
            NotDone::Unavailable("the SP of this bill does not answer".into())
        })?;
        let BillAnswer { status, amount, payer, period, customer } = answer;
        let amount = amount.filter(|_| status == BillStatus::Due);
        let amount = amount.map(|text| crate::intake::amount::amount("amount", &text)).transpose();
        // An amount that is none is no answer.
        let amount = amount.map_err(|_| NotDone::Unavailable("the SP of this bill gives no usable amount".into()))?;
        if status == BillStatus::Due && !amount.is_some_and(Money::is_positive) {
            return Err(NotDone::Unavailable("the SP of this bill gives no amount".into()));
        }
        let status = if asked.held == Some(OrderStatus::Delivered) { BillStatus::Paid } else { status };
        let being_paid = asked.held.is_some_and(|held| held != OrderStatus::Delivered);
        // Too long or empty it names nobody.
        let customer = customer.filter(|word| (1..=CUSTOMER_BYTES_MAX).contains(&word.len()));
        let customer = customer.map(|word| BillCustomer::new(sp_digest("mpss-bill-customer", asked.sp, &word)));
        Ok(BillStanding { status, amount, payer, period, customer, being_paid })
    }
}

fn asked(state: &State, product: ProductId, number: BillNumber) -> Result<Asked, NotDone> {
    let row = state.product(product).ok_or(NotDone::refused(Refusal::ProductNotFound))?;
    if row.status != ProductStatus::Published {
        return Err(NotDone::refused(Refusal::ProductNotPublished));
    }
    let terms = row.terms();
    let sp = state.sp(terms.sp).filter(|sp| !sp.suspended).ok_or(NotDone::refused(Refusal::SpSuspended))?;
    if terms.application != Application::BillPayment {
        return Err(NotDone::refused(Refusal::NotForBills));
    }
    let held = state.bill_payer(sp.id, number).and_then(|order| state.order(order)).map(|order| order.status);
    let query =
        BillQuery { sp_id: sp.id.to_string(), product_id: product.to_string(), bill_number: number.to_string() };
    Ok(Asked { sp: sp.id, url: sp.notice_url.clone(), query, held })
}
