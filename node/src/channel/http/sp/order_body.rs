//! An order as its SP sees it: what it has to deliver and what became of it, and of the buyer no more than notices say.

use mpss_domain::catalogue::Terms;
use mpss_domain::shipping::Recipient;
use mpss_domain::{LogTime, Order, OrderId, ProductId, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::intake::amount::Yuan;
use crate::intake::field::Shown;

/// An order, taken out of the state to be shown to its SP.
#[derive(Debug, Clone)]
pub(crate) struct SpOrderFound {
    order: Order,
    terms: Option<Terms>,
    bill_number: Option<String>,
    draw_id: Option<String>,
    recipient: Option<Recipient>,
}

impl SpOrderFound {
    pub(super) fn find(state: &State, id: OrderId) -> Option<Self> {
        let order = state.order(id)?;
        Some(Self {
            order: order.clone(),
            terms: state.terms_of(order).cloned(),
            bill_number: state.bill_of(id).map(|bill| bill.number.to_string()),
            draw_id: state.draw_of(id).map(|draw| draw.id.to_string()),
            recipient: state.shipment_of(id).and_then(|row| row.to.clone()),
        })
    }

    /// True when nothing more happens by itself.
    pub(super) fn is_final(&self) -> bool {
        self.order.status.is_final()
    }

    /// The order as it was after log entry `index`; the same for ever after.
    pub(super) fn as_of(&self, index: u64) -> SpOrderBody {
        self.body(index, index)
    }

    /// The order as it was asked for at log entry `index`, so many pieces, whatever of them was charged since.
    pub(super) fn as_asked(&self, index: u64, quantity: u32) -> SpOrderBody {
        let asked = self.terms.as_ref().and_then(|terms| terms.price.checked_mul(quantity));
        SpOrderBody { quantity, amount: Yuan(asked.unwrap_or(self.order.amount)), ..self.as_of(index) }
    }

    /// The order as it is now, seen at log entry `index`.
    pub(super) fn now(&self, index: u64) -> SpOrderBody {
        SpOrderBody { recipient: self.recipient.as_ref().map(RecipientBody::of), ..self.body(u64::MAX, index) }
    }

    fn body(&self, as_of: u64, log_index: u64) -> SpOrderBody {
        let (order, then) = (&self.order, self.order.as_of(as_of));
        SpOrderBody {
            order_id: Shown(order.id),
            status: then.status.name(),
            product_id: Shown(order.product.id),
            title: self.terms.as_ref().map_or_else(String::new, |terms| terms.title.clone()),
            quantity: order.quantity,
            amount: Yuan(order.amount),
            refunded: Yuan(then.refunded),
            refund_pending: Yuan(then.refund_pending),
            bill_number: self.bill_number.clone(),
            draw_id: self.draw_id.clone(),
            recipient: None,
            msisdn_masked: order.msisdn.masked(),
            taken_at: Shown(then.timeline.first().map_or(LogTime(0), |entry| entry.at)),
            log_index,
        }
    }
}

/// An order, as its SP sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpOrder)]
pub(crate) struct SpOrderBody {
    /// Its id.
    #[schema(value_type = String, example = "O20260101120000000-44-00001")]
    order_id: Shown<OrderId>,
    /// As of any order: `delivering` until the SP has answered.
    #[schema(example = "delivering")]
    status: &'static str,
    /// What was bought.
    #[schema(value_type = String, example = "G20260101120000000-44-00001")]
    product_id: Shown<ProductId>,
    /// Its title, as it was bought.
    title: String,
    /// How many.
    #[schema(example = 1)]
    quantity: u32,
    /// What it came to, in yuan.
    #[schema(value_type = String, example = "12.30")]
    amount: Yuan,
    /// What refunds have given back, in yuan.
    #[schema(value_type = String, example = "0.00")]
    refunded: Yuan,
    /// What refunds under way will give back, in yuan.
    #[schema(value_type = String, example = "0.00")]
    refund_pending: Yuan,
    /// The bill it pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    bill_number: Option<String>,
    /// The draw that the bet is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    draw_id: Option<String>,
    /// To whom goods are sent; with a look at the order alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = RecipientBody, required = false)]
    recipient: Option<RecipientBody>,
    /// The buyer's number with its middle hidden.
    #[schema(example = "189****5678")]
    msisdn_masked: String,
    /// When it was taken.
    #[schema(value_type = String, format = DateTime)]
    taken_at: Shown<LogTime>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// To whom goods are sent.
#[derive(Serialize, ToSchema)]
#[schema(as = SpOrderRecipient)]
pub(crate) struct RecipientBody {
    /// Name.
    name: String,
    /// Telephone number.
    phone: String,
    /// Where.
    address: String,
}

impl RecipientBody {
    fn of(to: &Recipient) -> Self {
        Self { name: to.name.clone(), phone: to.phone.clone(), address: to.address.clone() }
    }
}

impl std::fmt::Debug for RecipientBody {
    /// Without a word of it: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecipientBody(******)")
    }
}
