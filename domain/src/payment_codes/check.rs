//! What must hold of payment codes.

use crate::state::State;

impl State {
    /// Each code is listed by its subscriber and its end, and nothing else is; a used one names a payment of its
    /// account, at most as large, that no other code names.
    pub(crate) fn check_codes(&self) -> Result<(), String> {
        let codes = &self.outside.payment_codes;
        let mut paid = std::collections::BTreeSet::new();
        for row in self.payment_codes() {
            let code = row.code;
            let listed = codes.of.get(&(row.msisdn, code)).is_some() && codes.ends.get(&(row.until, code)).is_some();
            if !listed {
                return Err(format!("{code:?} is nobody's, or never ends"));
            }
            let Some(payment) = row.used else { continue };
            if !paid.insert(payment) {
                return Err(format!("{payment} was paid by two codes"));
            }
            let known = self.payment(payment).ok_or_else(|| format!("{code:?} paid {payment}, which is not there"))?;
            if known.account != Some(row.account) || known.amount > row.amount {
                return Err(format!("{code:?} is good for {} and paid {}", row.amount, known.amount));
            }
        }
        let rows = codes.rows.len();
        if (codes.of.len(), codes.ends.len()) == (rows, rows) {
            Ok(())
        } else {
            Err("a code is listed that is gone".into())
        }
    }
}
