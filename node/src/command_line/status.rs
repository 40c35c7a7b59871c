//! `mpss status`: how nodes are, asked over the same interface as everybody's.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::arguments::StatusArguments;
use super::client_runtime;
use super::exit::Failure;
use super::printer::{Align, Paint, Printer, Table};
use super::stop_signal::StopSignal;
use crate::demo::Caller;

/// Asks, prints, and fails when something is wrong.
pub(super) fn run(arguments: &StatusArguments, printer: &mut Printer) -> Result<(), Failure> {
    for url in &arguments.url {
        if !url.starts_with("http://") {
            return Err(Failure::usage(format!("--url {url}: a node is named as http://host:port")));
        }
    }
    client_runtime()?.block_on(look(arguments, printer))
}

async fn look(arguments: &StatusArguments, printer: &mut Printer) -> Result<(), Failure> {
    let caller = Caller::new("status")?;
    let mut stop = StopSignal::listen()?;
    loop {
        let nodes = look_once(arguments, &caller).await;
        let wrong = judge(&nodes, arguments.lag_max);
        print(arguments, &nodes, &wrong, printer);
        if !arguments.watch {
            return verdict(&wrong);
        }
        tokio::select! {
            biased;
            _ = stop.wait() => return verdict(&wrong),
            () = tokio::time::sleep(Duration::from_millis(arguments.interval_ms)) => {}
        }
    }
}

fn verdict(wrong: &[String]) -> Result<(), Failure> {
    if wrong.is_empty() { Ok(()) } else { Err(Failure::check(wrong.join("\n"))) }
}

/// One node as it was seen.
#[derive(Debug, Clone, Default, Serialize)]
struct Seen {
    url: String,
    /// Why there is nothing more to say.
    error: Option<String>,
    province: String,
    node: u64,
    role: String,
    term: u64,
    leader: Option<u64>,
    last_log: u64,
    committed: u64,
    applied: u64,
    snapshot: u64,
    /// The state version in force there.
    state_version: Option<u64>,
    /// The oldest and the newest that the node's program executes.
    state_versions: Option<(u64, u64)>,
    healthy: bool,
    /// Why it is not healthy.
    health: String,
    /// Debits and credits as told, in yuan.
    books: Option<(String, String)>,
    log_index: Option<u64>,
    digest: Option<String>,
}

async fn look_once(arguments: &StatusArguments, caller: &Caller) -> Vec<Seen> {
    let deadline = Duration::from_millis(arguments.deadline_ms);
    let looks = arguments.url.iter().map(|url| async move {
        let url = url.trim_end_matches('/');
        let (cluster, ready, books) = tokio::join!(
            caller.look(url, "/v1/cluster", deadline),
            caller.look(url, "/readyz", deadline),
            caller.look(url, "/v1/trial-balance", deadline),
        );
        let mut seen = match cluster {
            Ok(answer) if answer.is_done() => read_cluster(&answer.body),
            Ok(answer) => Seen { error: Some(answer.told()), ..Seen::default() },
            Err(why) => Seen { error: Some(why), ..Seen::default() },
        };
        url.clone_into(&mut seen.url);
        (seen.healthy, seen.health) = match ready {
            Ok(answer) if answer.is_done() => (true, "ready".to_owned()),
            Ok(answer) => (false, answer.told()),
            Err(why) => (false, why),
        };
        if let Ok(answer) = books
            && answer.is_done()
        {
            seen.books = Some((answer.text("debits").to_owned(), answer.text("credits").to_owned()));
            seen.log_index = answer.body["log_index"].as_u64();
            seen.digest = answer.body["digest"].as_str().map(str::to_owned);
        }
        seen
    });
    futures::future::join_all(looks).await
}

fn read_cluster(body: &Value) -> Seen {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let own = number(&body["told_by"]);
    let replicas = body["replicas"].as_array().map(Vec::as_slice).unwrap_or_default();
    let itself = replicas.iter().find(|replica| replica["node"].as_u64() == Some(own));
    let role = itself.and_then(|replica| replica["role"].as_str()).unwrap_or("no member");
    Seen {
        province: body["province"].as_str().unwrap_or_default().to_owned(),
        node: own,
        role: role.to_owned(),
        term: number(&body["term"]),
        leader: body["leader"].as_u64(),
        last_log: number(&body["log"]["last"]),
        committed: number(&body["log"]["committed"]),
        applied: number(&body["log"]["applied"]),
        snapshot: number(&body["log"]["snapshot"]),
        state_version: body["state_version"].as_u64(),
        state_versions: itself.and_then(|replica| {
            Some((replica["oldest_state_version"].as_u64()?, replica["newest_state_version"].as_u64()?))
        }),
        ..Seen::default()
    }
}

/// Everything that is not as it must be.
fn judge(nodes: &[Seen], lag_max: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut provinces: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for node in nodes {
        if let Some(error) = &node.error {
            wrong.push(format!("{}: {error}", node.url));
            continue;
        }
        provinces.entry(&node.province).or_default().push(node);
        if !node.healthy {
            wrong.push(format!("{}: not ready: {}", node.url, node.health));
        }
        match &node.books {
            None => wrong.push(format!("{}: does not tell its books", node.url)),
            Some((debits, credits)) if debits != credits => {
                wrong.push(format!("{}: debits {debits} and credits {credits} do not balance", node.url));
            }
            Some(_) => {}
        }
    }
    for (province, nodes) in provinces {
        if nodes.iter().all(|node| node.leader.is_none()) {
            wrong.push(format!("province {province} has no leader"));
        }
        let newest = nodes.iter().map(|node| node.committed).max().unwrap_or_default();
        for node in &nodes {
            let lag = newest.saturating_sub(node.applied);
            if lag > lag_max {
                wrong.push(format!("{}: {lag} log entries behind province {province}", node.url));
            }
        }
        let mut digests: BTreeMap<u64, &Seen> = BTreeMap::new();
        for node in nodes {
            let (Some(index), Some(digest)) = (node.log_index, &node.digest) else { continue };
            let first = *digests.entry(index).or_insert(node);
            if first.digest.as_ref() != Some(digest) {
                let (one, other) = (&first.url, &node.url);
                wrong.push(format!("{one} and {other} have different states at log position {index}"));
            }
        }
    }
    wrong
}

fn print(arguments: &StatusArguments, nodes: &[Seen], wrong: &[String], printer: &mut Printer) {
    if arguments.json {
        let all = serde_json::json!({ "nodes": nodes, "wrong": wrong });
        printer.line(all.to_string());
        return;
    }
    if arguments.watch && printer.is_terminal() {
        printer.text("\u{1b}[2J\u{1b}[H");
    }
    let mut table = Table::new(&[
        ("node", Align::Left),
        ("url", Align::Left),
        ("role", Align::Left),
        ("term", Align::Right),
        ("last log", Align::Right),
        ("committed", Align::Right),
        ("applied", Align::Right),
        ("snapshot", Align::Right),
        ("lag", Align::Right),
        ("state version", Align::Left),
        ("health", Align::Left),
        ("books", Align::Left),
    ]);
    for node in nodes {
        table.painted_row(row(node, nodes));
    }
    printer.table(&table);
    for what in wrong {
        let what = printer.paint(Paint::Bad, what);
        printer.line(format!("  ✗ {what}"));
    }
}

fn row(node: &Seen, all: &[Seen]) -> Vec<(String, Option<Paint>)> {
    if let Some(error) = &node.error {
        let mut cells = vec![("?".to_owned(), None), (node.url.clone(), None), (error.clone(), Some(Paint::Bad))];
        cells.resize(12, (String::new(), None));
        return cells;
    }
    let newest = all.iter().filter(|other| other.province == node.province).map(|other| other.committed).max();
    let lag = newest.unwrap_or_default().saturating_sub(node.applied);
    let plain = |text: String| (text, None);
    let role = (node.role == "leader").then_some(Paint::Good);
    let health = if node.healthy { Paint::Good } else { Paint::Bad };
    let books = match &node.books {
        None => ("not told".to_owned(), Some(Paint::Bad)),
        Some((debits, credits)) if debits == credits => (format!("balanced at {debits}"), Some(Paint::Good)),
        Some((debits, credits)) => (format!("{debits} ≠ {credits}"), Some(Paint::Bad)),
    };
    vec![
        plain(format!("{}-{}", node.province, node.node)),
        plain(node.url.clone()),
        (node.role.clone(), role),
        plain(node.term.to_string()),
        plain(node.last_log.to_string()),
        plain(node.committed.to_string()),
        plain(node.applied.to_string()),
        plain(node.snapshot.to_string()),
        plain(lag.to_string()),
        plain(state_version(node)),
        (if node.healthy { "ready".to_owned() } else { node.health.clone() }, Some(health)),
        books,
    ]
}

/// The version in force and what the node's program executes: `1 of 1 to 2`. A node from before there
/// were versions says nothing.
fn state_version(node: &Seen) -> String {
    match (node.state_version, node.state_versions) {
        (Some(in_force), Some((oldest, newest))) => format!("{in_force} of {oldest} to {newest}"),
        (Some(in_force), None) => in_force.to_string(),
        (None, _) => "not told".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(number: u64) -> Seen {
        let body = json!({
            "province": "44", "told_by": number, "leader": 1, "term": 3,
            "replicas": [{ "node": 1, "role": "leader" }, { "node": 2, "role": "follower" }, { "node": 3, "role": "follower" }],
            "log": { "first": 1, "last": 120, "committed": 120, "applied": 119, "snapshot": 0 },
        });
        Seen {
            url: format!("http://127.0.0.1:{number}"),
            healthy: true,
            books: Some(("5.00".into(), "5.00".into())),
            log_index: Some(119),
            digest: Some("ab".into()),
            ..read_cluster(&body)
        }
    }

    #[test]
    fn a_healthy_province_is_healthy() {
        assert_eq!(judge(&[node(1), node(2), node(3)], 10), Vec::<String>::new());
    }

    #[test]
    fn everything_wrong_is_named() {
        let silent = Seen { url: "http://gone".into(), error: Some("refused".into()), ..Seen::default() };
        let cases = [
            (silent, "http://gone: refused"),
            (Seen { healthy: false, health: "starting".into(), ..node(2) }, "not ready: starting"),
            (Seen { books: Some(("5.00".into(), "4.99".into())), ..node(2) }, "do not balance"),
            (Seen { books: None, ..node(2) }, "does not tell its books"),
            (Seen { applied: 5, ..node(2) }, "115 log entries behind"),
            (Seen { digest: Some("cd".into()), ..node(2) }, "different states at log position 119"),
        ];
        for (wrong, named) in cases {
            let found = judge(&[node(1), wrong, node(3)], 10);
            assert_eq!(found.len(), 1, "{named}: {found:?}");
            assert!(found[0].contains(named), "{named}: {found:?}");
        }
        let leaderless = [1, 2, 3].map(|number| Seen { leader: None, ..node(number) });
        assert_eq!(judge(&leaderless, 10), ["province 44 has no leader"]);
    }

    #[test]
    fn the_state_version_is_told_with_what_the_program_executes() {
        assert_eq!(state_version(&node(1)), "not told");
        let body = json!({
            "told_by": 1, "state_version": 1,
            "replicas": [{ "node": 1, "oldest_state_version": 1, "newest_state_version": 2 }],
        });
        assert_eq!(state_version(&read_cluster(&body)), "1 of 1 to 2");
    }

    #[test]
    fn replicas_at_different_positions_may_differ() {
        let behind = Seen { log_index: Some(118), digest: Some("cd".into()), ..node(2) };
        assert_eq!(judge(&[node(1), behind], 10), Vec::<String>::new());
    }
}
