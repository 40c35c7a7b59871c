//! What must hold between the rows of top-ups by bank card and their calls.

use std::collections::BTreeMap;

use super::BankTopUpStatus;
use crate::ids::AccountId;
use crate::money::Money;
use crate::rail::call::{CallStep, Phase, Subject};
use crate::state::State;

impl State {
    /// See [`State::check_all`]. Counts open top-ups in `open`, at the account they come into and at the one they
    /// come from.
    pub(crate) fn check_bank_top_ups(&self, open: &mut BTreeMap<AccountId, u32>) -> Result<(), String> {
        let mut listed = 0;
        for row in self.bank_top_ups() {
            let (id, status) = (row.id, row.status);
            let here = || format!("{id} is {status:?}");
            let calls: Vec<_> = self.calls_about(Subject::BankTopUp(id)).collect();
            let asked = calls.iter().any(|call| call.step.is_asked() && !call.phase.is_final());
            let captured = calls.iter().any(|call| call.step == CallStep::Capture && !call.phase.is_final());
            let expected = (status == BankTopUpStatus::Pending, status == BankTopUpStatus::Capturing);
            if (asked, captured) != expected {
                return Err(format!("{}, is asked for: {asked}, is captured: {captured}", here()));
            }
            if status.is_final() != row.final_at.is_some() {
                return Err(format!("{} and its end is {:?}", here(), row.final_at));
            }
            let is_listed = self.outside.bank_top_ups.open.get(&(row.account, id)).is_some();
            if is_listed == status.is_final() {
                return Err(format!("{} and counts as open: {is_listed}", here()));
            }
            if is_listed {
                listed += 1;
                *open.entry(row.account).or_default() += 1;
                *open.entry(row.bank).or_default() += 1;
            }
            let taken = calls.iter().filter(|call| match call.step {
                CallStep::Take => call.phase == Phase::Approved,
                // Held for us, and perhaps taken.
                CallStep::Capture => matches!(call.phase, Phase::Approved | Phase::Abandoned),
                _ => false,
            });
            let times = taken.count();
            if times != usize::from(status == BankTopUpStatus::Credited) {
                return Err(format!("{} and its money was taken {times} times", here()));
            }
            if row.balance != Money::ZERO && status != BankTopUpStatus::Credited {
                return Err(format!("{} and left a balance of {}", here(), row.balance));
            }
            if calls.iter().any(|call| (call.account, call.amount) != (row.bank, row.amount)) {
                return Err(format!("{} and another account or amount is called for it", here()));
            }
        }
        if listed != self.outside.bank_top_ups.open.len() {
            return Err("open top-ups by bank card without a row".into());
        }
        Ok(())
    }
}
