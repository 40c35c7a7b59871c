//! What must hold between the rows of top-ups by card, their calls and the books.

use std::collections::BTreeMap;

use super::RechargeStatus;
use crate::ids::AccountId;
use crate::ledger::LedgerAccount;
use crate::rail::RailName;
use crate::rail::call::{CallStep, Phase, Subject};
use crate::state::State;

impl State {
    /// See [`State::check_all`]. Counts open top-ups in `open`, by account.
    pub(crate) fn check_recharges(&self, open: &mut BTreeMap<AccountId, u32>) -> Result<(), String> {
        let rows = &self.outside.recharges;
        let mut clearing = i128::from(rows.forgotten.as_fen());
        let (mut listed, mut with_card) = (0, 0);
        for row in self.recharges() {
            let (id, status) = (row.id, row.status);
            let here = || format!("{id} is {status:?}");
            let under_way = |step| {
                let mut calls = self.calls_about(Subject::Recharge(id));
                calls.any(|call| call.step == step && !call.phase.is_final())
            };
            let (checking, using) = (under_way(CallStep::Hold), under_way(CallStep::Capture));
            let expected = (status == RechargeStatus::Checking, status == RechargeStatus::Using);
            if (checking, using) != expected {
                return Err(format!("{}, is checked: {checking}, is used: {using}", here()));
            }
            if row.pin.as_bytes().is_empty() == checking {
                return Err(format!("{}, and its PIN is kept or lost", here()));
            }
            if status.is_final() != row.final_at.is_some() {
                return Err(format!("{} and its end is {:?}", here(), row.final_at));
            }
            let is_listed = rows.open.get(&(row.account, id)).is_some();
            if is_listed == status.is_final() {
                return Err(format!("{} and counts as open: {is_listed}", here()));
            }
            if is_listed {
                listed += 1;
                *open.entry(row.account).or_default() += 1;
            }
            let used = self.used_at_platform(id);
            if used && status != RechargeStatus::Credited {
                return Err(format!("{} and its card is used", here()));
            }
            let mut calls = self.calls_about(Subject::Recharge(id));
            let in_doubt = calls.any(|call| call.step == CallStep::Capture && call.phase == Phase::Abandoned);
            if status == RechargeStatus::Credited && !used && !in_doubt {
                return Err(format!("{} and nobody has used its card", here()));
            }
            if used {
                clearing += i128::from(row.amount.as_fen());
            }
            let something_open = self.calls_about(Subject::Recharge(id)).any(|call| !call.phase.is_final());
            let needs_card = status == RechargeStatus::Credited || something_open;
            if needs_card != (rows.cards.get(&row.card) == Some(&id)) {
                return Err(format!("{}, has its card: {}", here(), !needs_card));
            }
            with_card += usize::from(needs_card);
        }
        if listed != rows.open.len() || with_card != rows.cards.len() {
            return Err("open top-ups or cards without a row".into());
        }
        let turnover = self.books.turnover(LedgerAccount::RailClearing(RailName::Recharge));
        let balance = turnover.debit - turnover.credit;
        if balance != clearing {
            return Err(format!("the recharge platform owes {balance} fen by the books and {clearing} by its rows"));
        }
        Ok(())
    }
}
