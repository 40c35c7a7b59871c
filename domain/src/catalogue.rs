//! SPs and what they sell (product §3, source §5.5).

use serde::{Deserialize, Serialize};

use crate::ids::{ProductId, SpId};
use crate::money::Money;
use crate::time::LogTime;
use crate::visibility::Scope;

/// A service provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sp {
    /// Its id.
    pub id: SpId,
    /// Its name.
    pub name: String,
    /// Where delivery notices are sent: an http URL.
    pub notice_url: String,
    /// Suspended at once by the operator.
    pub suspended: bool,
    /// When it was admitted.
    pub admitted_at: LogTime,
}

/// The application a product belongs to (product §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Application {
    /// 缴费
    BillPayment,
    /// 彩票
    Lottery,
    /// 购卡
    CardSale,
    /// 购物
    Shopping,
    /// 付费
    PayPerUse,
    /// 票务
    Ticketing,
}

impl Application {
    /// All, in order.
    pub const ALL: [Self; 6] =
        [Self::BillPayment, Self::Lottery, Self::CardSale, Self::Shopping, Self::PayPerUse, Self::Ticketing];

    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BillPayment => "bill_payment",
            Self::Lottery => "lottery",
            Self::CardSale => "card_sale",
            Self::Shopping => "shopping",
            Self::PayPerUse => "pay_per_use",
            Self::Ticketing => "ticketing",
        }
    }

    /// How long an SP may take to answer a delivery notice when the product does not say, in ms.
    #[must_use]
    pub const fn default_delivery_deadline_ms(self) -> u32 {
        match self {
            Self::PayPerUse => 15_000,
            _ => 60_000,
        }
    }
}

/// What an uploader says of a product. Immutable: a change makes a new version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Whose it is.
    pub sp: SpId,
    /// What it is called.
    pub title: String,
    /// What kind of thing it is.
    pub application: Application,
    /// Whom it is for.
    pub scope: Scope,
    /// Price of one, in fen.
    pub price: Money,
    /// How long the SP may take to answer the delivery notice, in ms.
    pub delivery_deadline_ms: u32,
}

impl Terms {
    /// These terms with the application's usual deadline where none is given.
    #[must_use]
    pub fn with_deadline(&self) -> Self {
        let mut terms = self.clone();
        if terms.delivery_deadline_ms == 0 {
            terms.delivery_deadline_ms = terms.application.default_delivery_deadline_ms();
        }
        terms
    }

    /// Is nothing said anew but how long the SP may take?
    #[must_use]
    pub fn differs_in_deadline_only(&self, other: &Self) -> bool {
        let delivery_deadline_ms = other.delivery_deadline_ms;
        *other == Self { delivery_deadline_ms, ..self.clone() } && self.delivery_deadline_ms != delivery_deadline_ms
    }
}

/// The product's life cycle: upload → review → publish → withdraw → delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductStatus {
    /// Waits for a reviewer who is not the uploader.
    InReview,
    /// Refused by the reviewer.
    Rejected {
        /// Why.
        reason: String,
    },
    /// Passed, not yet on sale.
    Approved,
    /// On sale.
    Published,
    /// No longer on sale.
    Withdrawn,
    /// Gone from every list. Orders keep what they bought, and nobody gets its id again.
    Deleted,
}

impl ProductStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InReview => "in_review",
            Self::Rejected { .. } => "rejected",
            Self::Approved => "approved",
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
            Self::Deleted => "deleted",
        }
    }
}

/// A product with every version of its terms: an order names the version it bought, so what was
/// bought never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its id; names the province it belongs to.
    pub id: ProductId,
    /// Every version of the terms; the last is the newest. Versions count from 1.
    pub versions: Vec<Terms>,
    /// Where it stands.
    pub status: ProductStatus,
    /// Who uploaded it.
    pub uploaded_by: String,
    /// When it was uploaded.
    pub uploaded_at: LogTime,
}

impl Product {
    /// The newest terms.
    ///
    /// # Panics
    /// Never: a product is made with its first version.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        self.versions.last().expect("a product has at least one version")
    }
}

/// A product in the version that was bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProductRef {
    /// The product.
    pub id: ProductId,
    /// The version, counting from 1.
    pub version: u32,
}
