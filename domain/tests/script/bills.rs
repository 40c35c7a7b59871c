//! Words for bills.
//!
//! ```text
//! order o1 buyer=alice product=power bill=E-10 amount=86.50      pays a bill
//!       … customer=flat7                                         whose it is, as its SP says
//!       … password=none                                          without the password
//! see-bill power E-10 o1                                         which order has a bill of an SP; or `nobody`
//! see-order o1 …                                                 as for any order
//! bill-use alice virtual all=86.50 without_password=0.00         what bills have used of today
//! bill-policy version=1 free=200.00 free_daily=500.00 known=400d basic=3000.00 basic_daily=10000.00
//! ```

use mpss_domain::Verb;
use mpss_domain::bills::{BillCustomer, BillPolicy};

use super::Stage;
use super::words::{Words, duration_ms, kind, money, same};

/// Whose bill it is: any name.
pub(super) fn customer(words: &Words<'_>) -> Option<BillCustomer> {
    let digest = |name: &str| name.bytes().fold(0, |digest: u128, byte| digest * 256 + u128::from(byte));
    words.get("customer").map(|name| BillCustomer::new(digest(name)))
}

pub(super) fn without_password(words: &Words<'_>) -> bool {
    words.get("password") == Some("none")
}

impl Stage {
    pub(super) fn bill_policy_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let mut policy = BillPolicy {
            version: words.need("version")?.parse().map_err(|_| "version is a number")?,
            ..self.state.bill_policy().clone()
        };
        for (key, value) in &words.values {
            match *key {
                "version" => {}
                "free" => policy.without_password.per_payment = money(value)?,
                "free_daily" => policy.without_password.daily = money(value)?,
                "known" => policy.known_for_ms = duration_ms(value)?,
                "basic" => policy.ceilings[1][1].per_payment = money(value)?,
                "basic_daily" => policy.ceilings[1][1].daily = money(value)?,
                other => return Err(format!("the policy of bills has no {other}")),
            }
        }
        Ok(Verb::SetBillPolicy(Box::new(policy)))
    }

    pub(super) fn see_bill_use(&self, words: &Words<'_>) -> Result<(), String> {
        let (msisdn, kind) = (self.msisdn(words.name(0)?)?, kind(words.name(1)?)?);
        let used = self.state.bill_use(msisdn, kind, self.state.now().business_day());
        for (key, value) in &words.values {
            match *key {
                "all" => same(key, used.all, money(value)?)?,
                "without_password" => same(key, used.without_password, money(value)?)?,
                other => return Err(format!("what bills use has no {other}")),
            }
        }
        Ok(())
    }

    pub(super) fn see_bill(&self, words: &Words<'_>) -> Result<(), String> {
        let sp = *self.sps.get(words.name(0)?).ok_or("no such SP")?;
        let number = words.name(1)?.parse().map_err(|error| format!("{error}"))?;
        let payer = self.state.bill_payer(sp, number);
        let name = payer.map(|payer| {
            let known = self.orders.iter().find(|(_, order)| **order == payer);
            known.map_or_else(|| payer.to_string(), |(name, _)| name.clone())
        });
        if let Some(bill) = payer.and_then(|payer| self.state.bill_of(payer)) {
            same("the bill of the order that has it", bill.number.to_string().as_str(), words.name(1)?)?;
        }
        same("who has the bill", name.as_deref().unwrap_or("nobody"), words.name(2)?)
    }
}
