//! The books of all provinces, and the proof: debits equal credits in each, what two provinces say of
//! each other cancels out, replicas agree, balances and texts are those the script expects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mpss_domain::ProvinceId;
use serde_json::Value;

use super::caller::{fen, yuan};
use super::nation::{LOOK_MAX, LOOK_PAUSE, provinces};
use super::stage::Stage;
use crate::command_line::{Align, Failure, Paint, Table};

/// How long everything may take to come to rest: stored and forwarded reversals, texts, notices.
const REST_MAX: Duration = Duration::from_secs(20);

/// One province's books as one replica told them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// Debit and credit turnover in fen, by account.
    lines: BTreeMap<String, (i128, i128)>,
    /// Sum of debits as told.
    debits: i128,
    /// Sum of credits as told.
    credits: i128,
    /// Log position.
    index: u64,
    /// Digest there.
    digest: String,
}

impl Books {
    /// Reads `/v1/trial-balance`.
    pub(crate) fn read(body: &Value) -> Option<Self> {
        let amount = |value: &Value| fen(value.as_str()?);
        let mut lines = BTreeMap::new();
        for line in body["accounts"].as_array()? {
            let sides = (amount(&line["debit"])?, amount(&line["credit"])?);
            lines.insert(line["name"].as_str()?.to_owned(), sides);
        }
        Some(Self {
            lines,
            debits: amount(&body["debits"])?,
            credits: amount(&body["credits"])?,
            index: body["log_index"].as_u64()?,
            digest: body["digest"].as_str()?.to_owned(),
        })
    }

    /// Debit less credit of the accounts whose name `is` one of those meant.
    fn balance(&self, is: impl Fn(&str) -> bool) -> i128 {
        self.lines.iter().filter(|(name, _)| is(name)).map(|(_, (debit, credit))| debit - credit).sum()
    }

    /// What this province says another owes it (negative: it owes the other).
    fn claims_on(&self, other: ProvinceId) -> i128 {
        let (to, from) = (format!("due_to:{other}"), format!("due_from:{other}"));
        self.balance(|name| name == to || name == from)
    }

    fn unbalanced(&self, province: ProvinceId) -> Vec<String> {
        let mut wrong = Vec::new();
        let of = format!("{} {province}", province.name_zh());
        if self.debits != self.credits {
            let (debits, credits) = (yuan(self.debits), yuan(self.credits));
            wrong.push(format!("{of}: debits {debits} and credits {credits} do not balance"));
        }
        let sums = self.lines.values().fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1));
        if sums != (self.debits, self.credits) {
            let what = "the accounts sum to another total than the books say";
            wrong.push(format!("{of}: {what}: {} / {}", yuan(sums.0), yuan(sums.1)));
        }
        wrong
    }
}

/// What two provinces say of each other and does not cancel out.
pub(crate) fn clearing_differs(books: &BTreeMap<ProvinceId, Books>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (a, of_a) in books {
        for (b, of_b) in books.iter().filter(|(b, _)| *b > a) {
            let (ours, theirs) = (of_a.claims_on(*b), of_b.claims_on(*a));
            if ours + theirs != 0 {
                wrong.push(format!(
                    "clearing between {} {a} and {} {b} does not net to zero: {a} books {}, {b} books {}",
                    a.name_zh(),
                    b.name_zh(),
                    yuan(ours),
                    yuan(theirs)
                ));
            }
        }
    }
    wrong
}

/// Everything the proof rests on, seen at one time.
#[derive(Default)]
struct Sight {
    /// By province; of the replica that was asked first.
    books: BTreeMap<ProvinceId, Books>,
    /// Replicas compared, and those that stood at one log position with the others of their province.
    replicas: usize,
    unbalanced: Vec<String>,
    clearing: Vec<String>,
    digests: Vec<String>,
    accounts: Vec<String>,
    orders: Vec<String>,
    texts: Vec<String>,
    texts_seen: u64,
}

impl Sight {
    fn wrong(&self) -> impl Iterator<Item = &String> {
        [&self.unbalanced, &self.clearing, &self.digests, &self.accounts, &self.orders, &self.texts]
            .into_iter()
            .flatten()
    }
}

/// Waits until everything has come to rest, prints the books and the proof, and returns what is
/// wrong.
pub(crate) async fn prove(stage: &mut Stage<'_>) -> Result<Vec<String>, Failure> {
    let give_up = Instant::now() + REST_MAX;
    let sight = loop {
        let sight = look(stage).await?;
        // A node that must not go on will not come to rest either.
        if sight.wrong().next().is_none() || Instant::now() > give_up || stage.nation.fatal().is_some() {
            break sight;
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    };
    print_books(stage, &sight.books);
    stage.scene("证明", "The proof");
    let (provinces, wallets, orders) = (sight.books.len(), stage.wallets.len(), stage.orders.len());
    let pairs = provinces * provinces.saturating_sub(1) / 2;
    let proofs = [
        (format!("debits equal credits in each of {provinces} books"), &sight.unbalanced),
        (format!("clearing nets to zero for each of {pairs} pairs of provinces"), &sight.clearing),
        (format!("{} replicas agree: one digest at one log position in each province", sight.replicas), &sight.digests),
        (format!("{wallets} accounts hold to the fen what the day left them"), &sight.accounts),
        (format!("{orders} paid orders are final, none is open"), &sight.orders),
        (
            format!("{} texts reached {wallets} subscribers, none missing, none too many", sight.texts_seen),
            &sight.texts,
        ),
    ];
    for (proof, wrong) in proofs {
        let printer = stage.printer();
        let (mark, paint) = if wrong.is_empty() { ("✓", Paint::Good) } else { ("✗", Paint::Bad) };
        let mark = printer.paint(paint, mark);
        printer.line(format!("  {mark} {proof}"));
        for what in wrong {
            let what = printer.paint(Paint::Bad, what);
            printer.line(format!("      {what}"));
        }
    }
    let mut wrong: Vec<String> = sight.wrong().cloned().collect();
    wrong.extend(stage.nation.fatal());
    Ok(wrong)
}

async fn look(stage: &Stage<'_>) -> Result<Sight, Failure> {
    let mut sight = Sight::default();
    for province in provinces() {
        look_at_province(stage, province, &mut sight).await;
    }
    // Two provinces are read one after the other; what moved in between shows as a difference once,
    // and not at the next look.
    sight.clearing = clearing_differs(&sight.books);
    for (msisdn, wallet) in &stage.wallets {
        let path = format!("/v1/accounts/{}", wallet.account);
        let answer = stage.caller.get(&stage.doors(wallet.home), &path).await?;
        if fen(answer.text("balance")) != Some(wallet.balance) {
            let (must, is) = (yuan(wallet.balance), answer.text("balance"));
            sight.accounts.push(format!("{msisdn} must hold {must} and holds {is}"));
        }
        let path = format!("/simulator/sms/{msisdn}");
        let answer = stage.caller.get(&[stage.nation.map().sms_url()], &path).await?;
        let received = answer.body["received"].as_u64().unwrap_or_default();
        sight.texts_seen += received;
        if received != wallet.texts {
            sight.texts.push(format!("{msisdn} must have been sent {} texts and was sent {received}", wallet.texts));
        }
    }
    for order in &stage.orders {
        const FINAL: [&str; 4] = ["delivered", "reversed", "partly_refunded", "refunded"];
        let answer = stage.caller.get(&stage.doors(order.place), &format!("/v1/orders/{}", order.id)).await?;
        if !FINAL.contains(&answer.text("status")) {
            sight.orders.push(format!("order {} is {}", order.id, answer.told()));
        }
    }
    Ok(sight)
}

async fn look_at_province(stage: &Stage<'_>, province: ProvinceId, sight: &mut Sight) {
    let of = format!("{} {province}", province.name_zh());
    let (mut positions, mut digests) = (BTreeSet::new(), BTreeMap::<u64, String>::new());
    for place in stage.nation.map().of(province) {
        let told = match stage.caller.look(&place.url(), "/v1/trial-balance", LOOK_MAX).await {
            Ok(answer) => Books::read(&answer.body).ok_or_else(|| answer.told()),
            Err(why) => Err(why),
        };
        let books = match told {
            Ok(books) => books,
            Err(why) => {
                sight.digests.push(format!("{of}: replica {} does not tell its books: {why}", place.name()));
                continue;
            }
        };
        sight.replicas += 1;
        positions.insert(books.index);
        let first = digests.entry(books.index).or_insert_with(|| books.digest.clone());
        if *first != books.digest {
            let (name, index) = (place.name(), books.index);
            sight.digests.push(format!("{of}: replica {name} has another digest at log position {index}"));
        }
        sight.unbalanced.extend(books.unbalanced(province));
        sight.books.entry(province).or_insert(books);
    }
    if positions.len() > 1 {
        sight.digests.push(format!("{of}: replicas stand at different log positions {positions:?}"));
    }
    sight.unbalanced.sort();
    sight.unbalanced.dedup();
}

fn print_books(stage: &mut Stage<'_>, books: &BTreeMap<ProvinceId, Books>) {
    stage.scene("帐簿", "The books (yuan; debit balances positive, credit balances negative)");
    let names: Vec<String> = books.keys().map(|province| format!("{} {province}", province.name_zh())).collect();
    let mut columns = vec![("account", Align::Left)];
    columns.extend(names.iter().map(|name| (name.as_str(), Align::Right)));
    let mut table = Table::new(&columns);
    let kind = |name: &str| if name.starts_with("sp_payable:") { "sp_payable".to_owned() } else { name.to_owned() };
    let rows: BTreeSet<String> = books.values().flat_map(|books| books.lines.keys()).map(|name| kind(name)).collect();
    for row in rows {
        let mut cells = vec![row.clone()];
        cells.extend(books.values().map(|books| {
            let has = books.lines.keys().any(|name| kind(name) == row);
            if has { yuan(books.balance(|name| kind(name) == row)) } else { "·".to_owned() }
        }));
        table.row(cells);
    }
    for (name, side) in [("debits", 0), ("credits", 1)] {
        let mut cells = vec![name.to_owned()];
        cells.extend(books.values().map(|books| yuan(if side == 0 { books.debits } else { books.credits })));
        table.row(cells);
    }
    let mut cells = vec!["log position".to_owned()];
    cells.extend(books.values().map(|books| books.index.to_string()));
    table.row(cells);
    stage.printer().table(&table);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn books(lines: &[(&str, &str, &str)], debits: &str, credits: &str) -> Books {
        let lines: Vec<_> = lines
            .iter()
            .map(|(name, debit, credit)| json!({ "name": name, "debit": debit, "credit": credit }))
            .collect();
        let body = json!({ "accounts": lines, "debits": debits, "credits": credits, "log_index": 7, "digest": "ab" });
        Books::read(&body).expect("well formed")
    }

    fn province(code: u8) -> ProvinceId {
        ProvinceId::new(code).expect("a province")
    }

    #[test]
    fn sums_that_do_not_hold_are_named() {
        let lines = [("wallets", "1.00", "5.00"), ("agent_cash", "5.00", "1.00")];
        assert!(books(&lines, "6.00", "6.00").unbalanced(province(44)).is_empty());
        let wrong = books(&lines, "6.01", "6.00").unbalanced(province(44));
        assert_eq!(wrong.len(), 2);
        assert!(wrong[0].contains("广东 44") && wrong[0].contains("6.01"), "{wrong:?}");
    }

    #[test]
    fn clearing_that_does_not_net_to_zero_is_named() {
        let of = |debit| {
            BTreeMap::from([
                (
                    province(11),
                    books(&[("due_to:44", "0.00", "80.00"), ("due_from:44", "1.00", "0.00")], "0.00", "0.00"),
                ),
                (province(44), books(&[("due_from:11", debit, "1.00")], "0.00", "0.00")),
            ])
        };
        assert!(clearing_differs(&of("80.00")).is_empty());
        let wrong = clearing_differs(&of("79.99"));
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].contains("北京 11") && wrong[0].contains("广东 44"), "{wrong:?}");
        // A province that says nothing of a debt the other books is found as well.
        let silent = BTreeMap::from([
            (province(11), books(&[("due_to:44", "0.00", "80.00")], "0.00", "0.00")),
            (province(44), books(&[], "0.00", "0.00")),
        ]);
        assert_eq!(clearing_differs(&silent).len(), 1);
    }

    #[test]
    fn books_that_can_not_be_read_are_no_books() {
        assert!(Books::read(&json!({ "accounts": [], "debits": "1" })).is_none());
        assert!(Books::read(&json!({ "code": "unavailable" })).is_none());
    }
}
