//! What must be true afterwards, computed from what was acknowledged and compared with what every
//! province says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;

use super::client::{Ask, fen, yuan};
use super::trade::{Bought, Rows, Trade, is_final};
use super::{patience, trade};

/// How long everything may take to come to rest.
const REST_BOUND: Duration = Duration::from_secs(120);
/// Questions asked at once.
const QUESTIONS_AT_ONCE: usize = 16;

/// What the check went through, for printing.
#[derive(Debug, Default)]
pub struct Findings {
    /// Outcomes that were unknown and are known now.
    pub resolved: usize,
    /// Orders, each found once and as acknowledged.
    pub orders: usize,
    /// Of these, how many in each final status.
    pub by_status: BTreeMap<String, usize>,
    /// Transfers.
    pub transfers: usize,
    /// Wallets whose balance is what the acknowledged history says.
    pub wallets: usize,
    /// Replicas whose digests were compared.
    pub replicas: usize,
    /// Everything in all wallets together, in fen.
    pub in_wallets: i64,
}

/// Asks for what is unknown, waits until all is final, and compares everything.
///
/// # Panics
/// When anything differs, with every difference and its history.
pub async fn check(trade: Trade<'_>) -> Findings {
    let (findings, wrong) = compare(trade).await;
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    findings
}

/// Asks for what is unknown, waits until all is final, and compares everything: what was gone through,
/// and every difference with its history.
///
/// # Panics
/// When a province can not be asked.
pub async fn compare(trade: Trade<'_>) -> (Findings, Vec<String>) {
    let (resolved, mut wrong) = resolve(trade).await;
    let mut findings = Findings { resolved, ..Findings::default() };

    let orders = all_final(trade, &mut wrong).await;
    for (id, order) in &orders {
        let status = order["status"].as_str().unwrap_or_default().to_owned();
        *findings.by_status.entry(status).or_default() += 1;
        let bought = trade.record.rows().orders[id].clone();
        wrong.extend(order_differs(id, &bought, order).map(|what| with_history(trade, id, &what)));
    }
    findings.orders = orders.len();
    let transfers = all_transfers(trade, &mut wrong).await;
    findings.transfers = transfers.len();

    let expected = expected_balances(&trade.record.rows(), &orders, &transfers, &mut wrong);
    let wallets: Vec<_> = trade.record.rows().wallets.clone().into_iter().collect();
    let mut by_province: BTreeMap<String, i64> = BTreeMap::new();
    for (msisdn, wallet) in &wallets {
        let (is, must) = (trade.balance(&wallet.province, &wallet.account_id).await, expected[msisdn]);
        if is != must {
            let what = format!("{msisdn} has {} and must have {}", yuan(is), yuan(must));
            wrong.push(with_history(trade, msisdn, &what));
        }
        *by_province.entry(wallet.province.clone()).or_default() += is;
    }
    findings.wallets = wallets.len();
    findings.in_wallets = by_province.values().sum();
    wrong.extend(statements_differ(trade, &orders).await);

    let mut books = BTreeMap::new();
    for province in trade.country.provinces() {
        let (balance, replicas) = match agreed(trade, &province).await {
            Ok(agreed) => agreed,
            Err(why) => {
                wrong.push(why);
                continue;
            }
        };
        findings.replicas += replicas;
        wrong.extend(unbalanced(&province, &balance));
        let in_wallets = credit_of(&balance, |name| name == "wallets");
        let must = by_province.get(&province).copied().unwrap_or(0);
        if in_wallets != i128::from(must) {
            wrong.push(format!("{province}: the books hold {in_wallets} fen for subscribers, accounts hold {must}"));
        }
        let owed = credit_of(&balance, |name| name.starts_with("sp_payable:"));
        let earned: i64 = orders
            .iter()
            .filter(|(id, _)| trade::province_of(id) == province)
            .map(|(_, order)| kept_by_sp(order))
            .sum();
        if owed != i128::from(earned) {
            wrong.push(format!("{province}: the books owe SPs {owed} fen, orders say {earned}"));
        }
        books.insert(province, balance);
    }
    wrong.extend(clearing_differs(&books));
    wrong.append(&mut trade.record.rows().contradictions);
    (findings, wrong)
}

/// The trial balance of one province, the same at all its replicas.
///
/// # Panics
/// When replicas that stand at the same log entry do not agree, or they never stand at the same one.
pub async fn replicas_agree(trade: Trade<'_>, province: &str) -> (Value, usize) {
    agreed(trade, province).await.unwrap_or_else(|why| panic!("{why}"))
}

async fn agreed(trade: Trade<'_>, province: &str) -> Result<(Value, usize), String> {
    let mut seen: BTreeMap<u64, (String, Value)> = BTreeMap::new();
    patience::asked(&format!("{province}: all replicas stand at one log entry"), REST_BOUND, async || {
        let mut positions = BTreeSet::new();
        let nodes = trade.country.nodes_of(province);
        for node in nodes.iter().filter(|node| node.process.runs()) {
            let answer = trade.client.once(&node.url(), &Ask::get("/v1/trial-balance".into())).await?;
            if answer.status != 200 {
                return Err(format!("{}: {} {}", node.process.name(), answer.status, answer.body));
            }
            let position = answer.body["log_index"].as_u64().expect("a log position");
            let digest = answer.text("digest");
            let (first, _) = seen.entry(position).or_insert_with(|| (digest.clone(), answer.body.clone()));
            if *first != digest {
                return Ok(Err(format!("{}: another digest at log entry {position}", node.name())));
            }
            positions.insert(position);
        }
        match positions.iter().collect::<Vec<_>>()[..] {
            [one] => Ok(Ok((seen[one].1.clone(), nodes.len()))),
            _ => Err(format!("they stand at {positions:?}")),
        }
    })
    .await?
}

/// What does not balance in one province's books.
#[must_use]
pub fn unbalanced(province: &str, balance: &Value) -> Vec<String> {
    let lines = balance["accounts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let sum = |side: &str| -> i128 { lines.iter().map(|line| amount(&line[side])).sum() };
    let told = |side: &str| amount(&balance[side]);
    let mut wrong = Vec::new();
    if told("debits") != told("credits") {
        wrong.push(format!("{province}: debits {} and credits {} differ", balance["debits"], balance["credits"]));
    }
    for (lines, total) in [("debit", "debits"), ("credit", "credits")] {
        if sum(lines) != told(total) {
            wrong.push(format!("{province}: the {lines} column sums to {}, {total} says {}", sum(lines), told(total)));
        }
    }
    wrong
}

/// Where two provinces' books about each other do not cancel out.
#[must_use]
pub fn clearing_differs(books: &BTreeMap<String, Value>) -> Vec<String> {
    let owes = |from: &str, to: &str| {
        credit_of(&books[from], |name| name == format!("due_to:{to}") || name == format!("due_from:{to}"))
    };
    let mut wrong = Vec::new();
    for (a, balance) in books {
        for line in balance["accounts"].as_array().into_iter().flatten() {
            let name = line["name"].as_str().unwrap_or_default();
            if let Some(other) = name.strip_prefix("due_to:").or_else(|| name.strip_prefix("due_from:"))
                // The UPP is no province.
                && other != "upp"
                && !books.contains_key(other)
            {
                wrong.push(format!("{a}: books about {other}, which is not in this country"));
            }
        }
        for b in books.keys().filter(|b| *b > a) {
            let (ours, theirs) = (owes(a, b), owes(b, a));
            if ours + theirs != 0 {
                wrong.push(format!("{a} owes {b} {ours} fen, {b} owes {a} {theirs} fen: they do not cancel out"));
            }
        }
    }
    wrong
}

/// Credit less debit of the accounts with these names, in fen.
#[must_use]
pub fn credit_of(balance: &Value, named: impl Fn(&str) -> bool) -> i128 {
    let lines = balance["accounts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ours = lines.iter().filter(|line| line["name"].as_str().is_some_and(&named));
    ours.map(|line| amount(&line["credit"]) - amount(&line["debit"])).sum()
}

fn amount(value: &Value) -> i128 {
    fen(value.as_str().unwrap_or_else(|| panic!("{value} is no amount"))).into()
}

/// Sends again what nobody answered, until it is answered.
async fn resolve(trade: Trade<'_>) -> (usize, Vec<String>) {
    let unknown = std::mem::take(&mut trade.record.rows().unknown);
    let (mut resolved, mut wrong) = (0, Vec::new());
    for (province, errand) in unknown {
        match trade.client.ask(&trade.country.urls(&province), &errand.ask, REST_BOUND).await {
            Ok(answer) => {
                trade.record.note(&province, &errand.kind, &answer);
                resolved += 1;
            }
            Err(error) => wrong.push(format!("still unknown: {error}")),
        }
    }
    (resolved, wrong)
}

/// Every acknowledged order as it is when nothing more happens to it by itself.
async fn all_final(trade: Trade<'_>, wrong: &mut Vec<String>) -> BTreeMap<String, Value> {
    let orders: Vec<_> = trade.record.rows().orders.iter().map(|(id, order)| (id.clone(), order.clone())).collect();
    let asked = orders.into_iter().map(|(id, order)| async move {
        let answer = patience::asked(&format!("order {id} is final"), REST_BOUND, async || {
            let answer = trade.order(&order.serving, &id, 5).await?;
            if answer.status != 200 {
                return Ok(Err(format!("acknowledged, and not there: {id}: {} {}", answer.status, answer.body)));
            }
            let pending = answer.body["refund_pending"].as_str().is_some_and(|pending| fen(pending) > 0);
            let rests = is_final(&answer.text("status")) && !pending;
            if rests { Ok(Ok(answer.body)) } else { Err(answer.body.to_string()) }
        })
        .await;
        (id, answer.flatten())
    });
    let answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(QUESTIONS_AT_ONCE).collect().await;
    sorted_out(trade, answers, wrong)
}

/// What was found; what was not is a difference.
fn sorted_out(
    trade: Trade<'_>,
    answers: Vec<(String, Result<Value, String>)>,
    wrong: &mut Vec<String>,
) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (id, answer) in answers {
        match answer {
            Ok(body) => drop(found.insert(id, body)),
            Err(why) => wrong.push(with_history(trade, &id, &why)),
        }
    }
    found
}

async fn all_transfers(trade: Trade<'_>, wrong: &mut Vec<String>) -> BTreeMap<String, Value> {
    let transfers: Vec<_> = trade.record.rows().transfers.iter().map(|(id, sent)| (id.clone(), sent.clone())).collect();
    let mut answers = Vec::new();
    for (id, sent) in transfers {
        let answer = patience::asked(&format!("transfer {id} is final"), REST_BOUND, async || {
            let answer = trade.ask(&sent.province, &Ask::get(format!("/v1/transfers/{id}"))).await?;
            if answer.status != 200 {
                return Ok(Err(format!("acknowledged, and not there: {id}: {} {}", answer.status, answer.body)));
            }
            let settled = matches!(answer.text("status").as_str(), "completed" | "returned");
            if settled { Ok(Ok(answer.body)) } else { Err(answer.body.to_string()) }
        })
        .await;
        answers.push((id, answer.flatten()));
    }
    sorted_out(trade, answers, wrong)
}

/// How an order is not what was acknowledged.
fn order_differs(id: &str, bought: &Bought, order: &Value) -> Option<String> {
    let text = |name: &str| order[name].as_str().unwrap_or_default();
    let status = text("status");
    let refunded = fen(text("refunded"));
    let acknowledged: i64 = bought.refunds.iter().sum();
    if text("msisdn") != bought.msisdn
        || fen(text("amount")) != bought.amount
        || text("payment_id") != bought.payment_id
    {
        return Some(format!("{id} is another order than the one acknowledged: {order} against {bought:?}"));
    }
    if bought.paid && status == "declined" {
        return Some(format!("{id} was acknowledged as paid and is declined"));
    }
    if bought.paid && bought.sp_accepts && !bought.reversal_asked && status == "reversed" {
        return Some(format!("{id} was reversed and nobody asked for it: {order}"));
    }
    if bought.reversal_asked && status != "reversed" {
        return Some(format!("{id}: a reversal was acknowledged and it is {status}"));
    }
    if refunded != acknowledged {
        return Some(format!("{id}: {} acknowledged refunds, {} given", yuan(acknowledged), yuan(refunded)));
    }
    if refunded > bought.amount {
        return Some(format!("{id}: more was refunded than was paid"));
    }
    None
}

/// What an order costs its buyer in the end, in fen.
fn cost(order: &Value) -> i64 {
    match order["status"].as_str().unwrap_or_default() {
        "declined" | "reversed" => 0,
        _ => fen(order["amount"].as_str().unwrap_or_default()) - fen(order["refunded"].as_str().unwrap_or_default()),
    }
}

fn kept_by_sp(order: &Value) -> i64 {
    cost(order)
}

/// What every wallet must hold, in fen: all that came in less all that went out.
fn expected_balances(
    rows: &Rows,
    orders: &BTreeMap<String, Value>,
    transfers: &BTreeMap<String, Value>,
    wrong: &mut Vec<String>,
) -> BTreeMap<String, i64> {
    let mut balances: BTreeMap<_, _> =
        rows.wallets.iter().map(|(msisdn, wallet)| (msisdn.clone(), wallet.paid_in)).collect();
    let mut move_by = |msisdn: &str, amount: i64| {
        *balances.get_mut(msisdn).unwrap_or_else(|| panic!("{msisdn} has no account in the record")) += amount;
    };
    for (id, order) in orders.iter().filter(|(id, _)| rows.pays_from_wallet(id)) {
        move_by(&rows.orders[id].msisdn, -cost(order));
    }
    for paid in rows.upp.values() {
        move_by(&paid.msisdn, -paid.cost);
    }
    for (id, transfer) in transfers.iter().filter(|(_, transfer)| transfer["status"] == "completed") {
        let sent = &rows.transfers[id];
        if fen(transfer["amount"].as_str().unwrap_or_default()) != sent.amount {
            wrong.push(format!("{id} moved another amount than {}: {transfer}", yuan(sent.amount)));
        }
        move_by(&sent.payer, -sent.amount);
        move_by(&sent.payee, sent.amount);
    }
    balances
}

/// Orders that a buyer's statement shows not at all or more than once.
async fn statements_differ(trade: Trade<'_>, orders: &BTreeMap<String, Value>) -> Vec<String> {
    let wallets: Vec<_> = trade.record.rows().wallets.clone().into_iter().collect();
    let mut wrong = Vec::new();
    let mut debits: BTreeMap<String, usize> = BTreeMap::new();
    for (msisdn, wallet) in wallets {
        let (mut entries, sum) = statement(trade, &wallet.province, &wallet.account_id).await;
        let balance = trade.balance(&wallet.province, &wallet.account_id).await;
        if sum != balance {
            wrong.push(format!("{msisdn}: the statement sums to {}, the balance is {}", yuan(sum), yuan(balance)));
        }
        entries.retain(|entry| entry["kind"] == "purchase");
        for entry in entries {
            *debits.entry(entry["reference"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    let paid_from_wallets = orders.iter().filter(|(id, _)| trade.record.rows().pays_from_wallet(id));
    for (id, order) in paid_from_wallets {
        let (times, taken) = (debits.remove(id).unwrap_or(0), order["status"] != "declined");
        // An order reversed before its payment came was never debited.
        let may_be_none = order["status"] == "reversed";
        if times > 1 || (times == 0 && taken && !may_be_none) || (times == 1 && !taken) {
            wrong.push(with_history(trade, id, &format!("{id} is {} and debited {times} times", order["status"])));
        }
    }
    for (id, paid) in trade.record.rows().upp.clone() {
        let times = debits.remove(&id).unwrap_or(0);
        if times > 1 || (times == 0 && paid.cost > 0) {
            wrong.push(with_history(
                trade,
                &id,
                &format!("{id} of the UPP cost {} and was debited {times} times", paid.cost),
            ));
        }
    }
    for (id, times) in debits {
        wrong.push(with_history(trade, &id, &format!("{id} was debited {times} times and never acknowledged")));
    }
    wrong
}

/// All entries of an account's statement, and their sum in fen.
///
/// # Panics
/// When it can not be read or its pages never end.
pub async fn statement(trade: Trade<'_>, province: &str, account: &str) -> (Vec<Value>, i64) {
    const PAGES_MAX: usize = 10_000;
    let (mut entries, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..PAGES_MAX {
        let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        let page = trade.must(province, &Ask::get(format!("/v1/accounts/{account}/statement{query}"))).await.body;
        entries.extend(page["entries"].as_array().expect("entries").iter().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            let sum = entries.iter().map(|entry| fen(entry["amount"].as_str().unwrap_or("0.00"))).sum();
            return (entries, sum);
        }
    }
    panic!("the statement of {account} never ends")
}

fn with_history(trade: Trade<'_>, about: &str, what: &str) -> String {
    format!("{what}\n{}", trade.client.attempts().about(about))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn books(lines: &[(&str, &str, &str)], debits: &str, credits: &str) -> Value {
        let lines: Vec<_> =
            lines.iter().map(|(name, debit, credit)| json!({"name": name, "debit": debit, "credit": credit})).collect();
        json!({"accounts": lines, "debits": debits, "credits": credits})
    }

    #[test]
    fn sums_that_do_not_hold_are_found() {
        let good = [("wallets", "1.00", "5.00"), ("agent_cash", "5.00", "1.00")];
        assert!(unbalanced("44", &books(&good, "6.00", "6.00")).is_empty());
        assert_eq!(unbalanced("44", &books(&good, "6.01", "6.00")).len(), 2);
        assert_eq!(unbalanced("44", &books(&good[..1], "6.00", "6.00")).len(), 2);
    }

    #[test]
    fn clearing_that_does_not_cancel_out_is_found() {
        let ours = books(&[("due_to:51", "1.00", "3.00")], "", "");
        let theirs = |due| books(&[("due_from:44", due, "1.00")], "", "");
        let both = |due| BTreeMap::from([("44".to_owned(), ours.clone()), ("51".to_owned(), theirs(due))]);
        assert!(clearing_differs(&both("3.00")).is_empty());
        assert_eq!(clearing_differs(&both("2.99")).len(), 1);
        assert_eq!(clearing_differs(&BTreeMap::from([("44".to_owned(), ours.clone())])).len(), 1);
    }
}
