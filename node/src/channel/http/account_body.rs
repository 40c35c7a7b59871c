//! An account as callers see it.

use mpss_domain::ids::IssuedId;
use mpss_domain::{Account, AccountId, AccountStatus, BusinessDay, LogTime, Money, Msisdn, ProvinceId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::intake::amount::Yuan;
use crate::intake::field::Shown;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody {
    /// Its id; names the home province.
    #[schema(value_type = String, example = "A20260101120000000-44-00001")]
    account_id: Shown<AccountId>,
    /// Whose it is.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// `virtual`, `communication` or `bank`.
    #[schema(example = "virtual")]
    kind: &'static str,
    /// `pending`, `active`, `frozen` or `closed`.
    #[schema(example = "active")]
    status: &'static str,
    /// When a frozen account thaws by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    frozen_until: Option<Shown<LogTime>>,
    /// The subscriber's home province.
    #[schema(value_type = String, example = "44")]
    home_province: Shown<ProvinceId>,
    /// Yuan that can be spent; of a virtual account that is kept here only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "100.00")]
    balance: Option<Yuan>,
    /// Yuan held for payments that are not captured yet; of such an account only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "0.00")]
    held: Option<Yuan>,
    /// Most that can be spent in a day, in yuan.
    #[schema(value_type = String, example = "5000.00")]
    daily_limit: Yuan,
    /// Most that one payment may be, in yuan.
    #[schema(value_type = String, example = "1000.00")]
    per_payment_limit: Yuan,
    /// What was spent of the daily limit today (China time), in yuan.
    #[schema(value_type = String, example = "0.00")]
    used_today: Yuan,
    /// Orders and transfers that use the account and are not final.
    open_orders: u32,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    opened_at: Shown<LogTime>,
    /// What was paid out in cash when it was closed, in yuan.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "12.30")]
    paid_out: Option<Yuan>,
    /// Position in the home province's log that this shows.
    log_index: u64,
}

impl AccountBody {
    /// `account` on `today`, at log entry `log_index`; its money is shown when it is `kept_here`.
    pub(crate) fn new(account: &Account, kept_here: bool, today: BusinessDay, log_index: u64) -> Self {
        let money = |amount: Money| kept_here.then_some(Yuan(amount));
        let frozen_until = match account.status {
            AccountStatus::Frozen { until } => until.map(Shown),
            _ => None,
        };
        Self {
            account_id: Shown(account.id),
            msisdn: Shown(account.msisdn),
            kind: account.kind.name(),
            status: account.status.name(),
            frozen_until,
            home_province: Shown(account.id.province().unwrap_or(ProvinceId::NATIONAL)),
            balance: money(account.available),
            held: money(account.held),
            daily_limit: Yuan(account.daily_limit),
            per_payment_limit: Yuan(account.per_payment_limit),
            used_today: Yuan(account.used_on(today)),
            open_orders: account.open_orders,
            opened_at: Shown(account.opened_at),
            paid_out: None,
            log_index,
        }
    }

    /// The same, with what was paid out at its closing.
    pub(crate) fn paid_out(mut self, amount: Money) -> Self {
        self.paid_out = Some(Yuan(amount));
        self
    }
}
