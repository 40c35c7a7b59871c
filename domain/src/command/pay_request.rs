//! What a serving province asks of a home province.

use serde::{Deserialize, Serialize};

use crate::account::AccountSelector;
use crate::ids::{Msisdn, OrderId, PaymentId, ProvinceId};
use crate::money::Money;
use crate::password::PasswordVerdict;
use crate::visibility::Scope;

/// What a serving province asks of a home province.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayRequest {
    /// The payment id; the same on every retry.
    pub payment: PaymentId,
    /// The order.
    pub order: OrderId,
    /// Who asks.
    pub serving: ProvinceId,
    /// Who pays.
    pub msisdn: Msisdn,
    /// The epoch it was routed by.
    pub epoch: u64,
    /// For whom the product is sold.
    pub scope: Scope,
    /// Where the subscriber is now.
    pub location: ProvinceId,
    /// From which account.
    pub account: AccountSelector,
    /// How much.
    pub amount: Money,
    /// What is bought, for the subscriber's text.
    pub title: String,
    /// The password's verdict, reached at home.
    pub verdict: PasswordVerdict,
}
