//! Money is neither made nor lost: every set of postings sums to zero; in each province debits equal
//! credits, wallets hold what the books say, none is below zero; and over all, what was paid in is in
//! wallets, owed to SPs, the UPP, winners or the tax office, or on its way between two provinces.

use mpss_domain::journal::JournalBody;
use mpss_domain::{Money as Fen, TransferStatus};

use super::{AtRest, Property, Seen};

/// See the module.
#[derive(Default)]
pub(super) struct Money;

impl Property for Money {
    fn name(&self) -> &'static str {
        "money is conserved"
    }

    fn clause(&self) -> &'static str {
        "product §7: debits equal credits after every command"
    }

    fn see(&mut self, seen: &Seen<'_>) -> Vec<String> {
        let Seen::Applied { machine, entry, first: true, .. } = seen else { return Vec::new() };
        let mut wrong = Vec::new();
        for record in entry.journal {
            let JournalBody::Posted { reason, postings, statement } = &record.body else { continue };
            let sum: i128 = postings.iter().map(|(_, amount)| i128::from(amount.as_fen())).sum();
            if sum != 0 {
                wrong.push(format!("{machine}: the postings of {reason:?} sum to {sum} fen"));
            }
            if statement.as_ref().is_some_and(|line| line.balance.is_negative()) {
                wrong.push(format!("{machine}: {statement:?} of {reason:?} is below zero"));
            }
        }
        wrong
    }

    fn at_rest(&mut self, rest: &AtRest<'_>) -> Vec<String> {
        let country = rest.country;
        let mut wrong = Vec::new();
        let (mut cash, mut wallets, mut owed, mut on_its_way) = (0_i128, 0_i128, 0_i128, 0_i128);
        for province in &country.plan().provinces {
            let Some(leader) = country.leader(*province) else { continue };
            let Some((balance, held, below, crediting)) = country.read(&leader, |state| {
                let total = |account: &mpss_domain::Account| i128::from((account.available + account.held).as_fen());
                let held: i128 = state.accounts().map(total).sum();
                let below: Vec<_> = state
                    .accounts()
                    .filter(|account| account.available.is_negative() || account.held.is_negative())
                    .map(|account| format!("{leader}: account {} has {}", account.id, account.available))
                    .collect();
                let crediting = state.transfers().filter(|transfer| transfer.status == TransferStatus::Crediting);
                let crediting: i128 = crediting.map(|transfer| i128::from(transfer.amount.as_fen())).sum();
                (state.trial_balance(), held, below, crediting)
            }) else {
                continue;
            };
            wrong.extend(below);
            on_its_way += crediting;
            if balance.debits != balance.credits {
                wrong.push(format!("{leader}: debits {} credits {}", balance.debits, balance.credits));
            }
            for line in &balance.lines {
                let net = line.credit - line.debit;
                match line.name.split(':').next() {
                    Some("wallets") if net != held => {
                        wrong.push(format!("{leader}: wallets hold {held}, the books say {net}"));
                    }
                    Some("wallets") => wallets += net,
                    Some("due_to") if line.name == "due_to:upp" => owed += net,
                    Some("sp_payable" | "prize_pool" | "awards_pending" | "awards_waiting" | "tax_payable") => {
                        owed += net;
                    }
                    // What peers outside have taken for us, or are to give back, and what SPs paid in.
                    Some(
                        "agent_cash" | "settlement_account" | "rail_held" | "rail_clearing" | "rail_returning"
                        | "suspense",
                    ) => cash -= net,
                    _ => {}
                }
            }
        }
        if cash != wallets + owed + on_its_way {
            wrong.push(format!(
                "paid in {}, but {} in wallets, {} owed to SPs, the UPP, winners and the tax office, {} on its way",
                yuan(cash),
                yuan(wallets),
                yuan(owed),
                yuan(on_its_way)
            ));
        }
        wrong
    }
}

fn yuan(fen: i128) -> String {
    i64::try_from(fen).map_or_else(|_| format!("{fen} fen"), |fen| Fen::fen(fen).to_string())
}
