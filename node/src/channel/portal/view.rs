//! What pages show of the answers of the callers' interface.

use serde::Deserialize;

/// What can be bought.
#[derive(Debug, Deserialize)]
pub(super) struct Catalogue {
    pub(super) home_province: String,
    pub(super) products: Vec<Goods>,
    pub(super) complete: bool,
    #[serde(default)]
    pub(super) hidden: Vec<Hidden>,
}

/// Something that can be bought.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Goods {
    pub(super) product_id: String,
    pub(super) sp_name: String,
    pub(super) title: String,
    pub(super) application: String,
    pub(super) scope: String,
    pub(super) price: String,
}

/// Something that is hidden, and why.
#[derive(Debug, Deserialize)]
pub(super) struct Hidden {
    pub(super) product_id: String,
    pub(super) because: String,
    pub(super) reason: String,
}

/// A subscriber.
#[derive(Debug, Deserialize)]
pub(super) struct Subscriber {
    pub(super) accounts: Vec<Account>,
}

/// An account.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Account {
    pub(super) account_id: String,
    pub(super) kind: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) frozen_until: Option<String>,
    #[serde(default)]
    pub(super) balance: Option<String>,
    #[serde(default)]
    pub(super) held: Option<String>,
    pub(super) daily_limit: String,
    pub(super) per_payment_limit: String,
    pub(super) used_today: String,
}

/// A page of a statement.
#[derive(Debug, Deserialize)]
pub(super) struct Statement {
    pub(super) entries: Vec<Entry>,
    #[serde(default)]
    pub(super) next_cursor: Option<String>,
}

/// A line of a statement.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) at: String,
    pub(super) kind: String,
    pub(super) amount: String,
    pub(super) balance: String,
    #[serde(default)]
    pub(super) reference: Option<String>,
}

impl Entry {
    /// The order it belongs to, when it is one that can be shown.
    pub(super) fn order(&self) -> Option<&str> {
        self.reference.as_deref().filter(|reference| reference.starts_with('O'))
    }
}

/// An order.
#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) order_id: String,
    pub(super) status: String,
    pub(super) msisdn: String,
    pub(super) product: Ordered,
    pub(super) quantity: u32,
    pub(super) amount: String,
    pub(super) refunded: String,
    #[serde(default)]
    pub(super) bill_number: Option<String>,
    #[serde(default)]
    pub(super) account_kind: Option<String>,
    #[serde(default)]
    pub(super) resolves_by: Option<String>,
    pub(super) timeline: Vec<Happened>,
}

impl Order {
    /// True while something more happens by itself.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.status.as_str(),
            "created" | "awaiting_confirmation" | "paying" | "paid" | "reserved" | "delivering" | "reversing"
        )
    }

    /// Did this happen to it?
    pub(super) fn has(&self, event: &str) -> bool {
        self.timeline.iter().any(|happened| happened.event == event)
    }
}

/// What was ordered.
#[derive(Debug, Deserialize)]
pub(super) struct Ordered {
    pub(super) title: String,
    pub(super) application: String,
}

/// Something that happened to an order.
#[derive(Debug, Deserialize)]
pub(super) struct Happened {
    pub(super) at: String,
    pub(super) event: String,
    pub(super) detail: String,
}

/// An order that was taken.
#[derive(Debug, Deserialize)]
pub(super) struct Taken {
    pub(super) order_id: String,
}

/// The cards of an order.
#[derive(Deserialize)]
pub(super) struct Cards {
    pub(super) cards: Vec<Card>,
}

/// A card; never printed.
#[derive(Deserialize)]
pub(super) struct Card {
    pub(super) number: String,
    pub(super) pin: String,
    pub(super) expires: String,
}

/// The tickets of an order.
#[derive(Deserialize)]
pub(super) struct Tickets {
    pub(super) tickets: Vec<Ticket>,
}

/// A ticket; whoever has its code may enter.
#[derive(Deserialize)]
pub(super) struct Ticket {
    pub(super) place: u32,
    pub(super) code: String,
    pub(super) status: String,
}

/// What became of texts.
#[derive(Debug, Deserialize)]
pub(super) struct Texts {
    pub(super) texts: Vec<Text>,
}

/// What became of one.
#[derive(Debug, Deserialize)]
pub(super) struct Text {
    pub(super) text_id: String,
    pub(super) status: String,
    pub(super) at: String,
}

/// An answer of which nothing is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Anything {}

/// Products.
#[derive(Debug, Deserialize)]
pub(super) struct Products {
    pub(super) products: Vec<Product>,
}

/// A product with all that it says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Product {
    pub(super) product_id: String,
    pub(super) sp_id: String,
    pub(super) title: String,
    pub(super) application: String,
    pub(super) scope: String,
    pub(super) price: String,
    pub(super) delivery_deadline_ms: u32,
    pub(super) status: String,
    #[serde(default)]
    pub(super) rejected_because: Option<String>,
    pub(super) uploaded_by: String,
    #[serde(default)]
    pub(super) uploaded_at: Option<String>,
}

/// SPs that ask to be admitted.
#[derive(Debug, Deserialize)]
pub(super) struct Applications {
    pub(super) applications: Vec<Application>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(super) struct Application {
    pub(super) application_id: String,
    pub(super) name: String,
    pub(super) notice_url: String,
    pub(super) contact_name: String,
    pub(super) contact_phone: String,
    pub(super) documents: Vec<Document>,
    pub(super) settlement_bank: String,
    pub(super) settlement_account_last_four: String,
    pub(super) entered_by: String,
    pub(super) at: String,
}

/// A document of theirs.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) kind: String,
    pub(super) number: String,
    pub(super) file: String,
    pub(super) valid_until: String,
}

/// SPs.
#[derive(Debug, Deserialize)]
pub(super) struct Sps {
    pub(super) sps: Vec<Sp>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(super) struct Sp {
    pub(super) sp_id: String,
    pub(super) name: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) risk_grade: Option<String>,
}

/// Keys of an SP.
#[derive(Debug, Deserialize)]
pub(super) struct Keys {
    pub(super) keys: Vec<Key>,
}

/// One of them, without what it is.
#[derive(Debug, Deserialize)]
pub(super) struct Key {
    pub(super) key_id: String,
    pub(super) algorithm: String,
    pub(super) status: String,
}
