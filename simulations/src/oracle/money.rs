//! Money is neither made nor lost: in each province debits equal credits, wallets hold what the books
//! say, no wallet is below zero, and what was paid in is either in wallets or owed to SPs.

use mpss_domain::Money;

use crate::country::Country;
use crate::people::Told;

/// Everything that does not add up.
#[must_use]
pub fn check(country: &Country, _: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut cash, mut wallets, mut owed) = (0_i128, 0_i128, 0_i128);
    for province in &country.plan.provinces {
        let Some(leader) = country.leader(*province) else { continue };
        let Some((balance, held, below)) = country.read(&leader, |state| {
            let held: i128 =
                state.accounts().map(|account| i128::from((account.available + account.held).as_fen())).sum();
            let below: Vec<_> = state
                .accounts()
                .filter(|account| account.available.is_negative() || account.held.is_negative())
                .map(|account| format!("{leader}: account {} has {}", account.id, account.available))
                .collect();
            (state.trial_balance(), held, below)
        }) else {
            continue;
        };
        wrong.extend(below);
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
                Some("sp_payable") => owed += net,
                Some("agent_cash") => cash -= net,
                _ => {}
            }
        }
    }
    if cash != wallets + owed {
        wrong.push(format!("paid in {}, but {} in wallets and {} owed to SPs", yuan(cash), yuan(wallets), yuan(owed)));
    }
    wrong
}

fn yuan(fen: i128) -> String {
    i64::try_from(fen).map_or_else(|_| format!("{fen} fen"), |fen| Money::fen(fen).to_string())
}
