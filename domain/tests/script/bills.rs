//! Words for bills.
//!
//! ```text
//! order o1 buyer=alice product=power bill=E-10 amount=86.50      pays a bill
//! see-bill power E-10 o1                                         which order has a bill of an SP; or `nobody`
//! see-order o1 …                                                 as for any order
//! ```

use super::Stage;
use super::words::{Words, same};

impl Stage {
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
