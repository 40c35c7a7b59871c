//! The books of the province whose node is asked.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::amount::YuanSum;
use crate::not_done::NotDone;

/// All books at one log position. Debits equal credits.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrialBalance)]
pub(crate) struct TrialBalanceBody {
    /// Each account of the books; the subscribers' wallets are one.
    accounts: Vec<TrialBalanceLine>,
    /// Sum of debits, in yuan.
    #[schema(value_type = String, example = "100.00")]
    debits: YuanSum,
    /// Sum of credits, in yuan.
    #[schema(value_type = String, example = "100.00")]
    credits: YuanSum,
    /// The log entry the books stand at.
    log_index: u64,
    /// The state's digest there, equal on all replicas.
    #[schema(example = "0f343b0931126a20f133d67c2b018a3b")]
    digest: String,
}

/// One account of the books.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrialBalanceLine)]
pub(crate) struct TrialBalanceLine {
    /// `wallets`, `sp_payable:S…`, `due_to:51`, `due_to:upp`, `due_from:51`, `agent_cash`, and so on.
    #[schema(example = "due_to:51")]
    name: String,
    /// Debit turnover since the beginning, in yuan.
    #[schema(value_type = String, example = "0.00")]
    debit: YuanSum,
    /// Credit turnover since the beginning, in yuan.
    #[schema(value_type = String, example = "12.30")]
    credit: YuanSum,
}

/// Shows the books of the province whose node is asked.
#[utoipa::path(
    get, path = "/v1/trial-balance", tag = "operation", operation_id = "show_trial_balance",
    responses((status = 200, description = "The books", body = TrialBalanceBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    // Added up from a clone: the books may be long, and nobody has to wait for them.
    let view = door.context.replica.read_linearizable(mpss_domain::State::clone).await.map_err(NotDone::from)?;
    Ok(answer::found(&TrialBalanceBody::of(&view)))
}

impl TrialBalanceBody {
    /// The books of `state`.
    pub(crate) fn of(state: &mpss_domain::State) -> Self {
        let books = state.trial_balance();
        let lines = books.lines.into_iter().map(|line| TrialBalanceLine {
            name: line.name,
            debit: YuanSum(line.debit),
            credit: YuanSum(line.credit),
        });
        Self {
            accounts: lines.collect(),
            debits: YuanSum(books.debits),
            credits: YuanSum(books.credits),
            log_index: books.index,
            digest: format!("{:032x}", books.digest),
        }
    }

    /// Name, debit and credit of each line, and whether debits equal credits.
    pub(crate) fn rows(&self) -> (impl Iterator<Item = (&str, YuanSum, YuanSum)>, bool) {
        let rows = self.accounts.iter().map(|line| (line.name.as_str(), line.debit, line.credit));
        (rows, self.debits == self.credits)
    }
}
