//! A file of ten thousand goods with planted errors (product §3, source §6.2): exactly those are refused, by line and
//! column; sent again it makes nothing twice, whoever is asked and whoever dies meanwhile.

#![allow(clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mpss_tests::client::Ask;
use mpss_tests::country::{CountryPlan, NATIONAL, Node};
use mpss_tests::stage::Stage;
use mpss_tests::trade::{Goods, Trade};
use mpss_tests::{binary, books, patience};
use serde_json::{Value, json};

const LINES: u64 = 10_000;
const PLANTED: u64 = 37;
const BOUND: Duration = Duration::from_secs(120);

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44"], 3)
        .replicas(NATIONAL, 1)
        .setting("door", "subscriber_requests_per_second = 0")
});

/// Every kind of error: the code and the column that must be blamed, and the line. `{r}` stands for a reference of its
/// own, `{sp}` for the SP, `{idle}` for one that is suspended.
const KINDS: [(&str, &str, &str); 20] = [
    ("invalid_amount", "price", "{r},{sp},thing,lottery,local,-1.00,"),
    ("invalid_amount", "price", "{r},{sp},thing,lottery,local,1.001,"),
    ("amount_out_of_range", "price", "{r},{sp},thing,lottery,local,0.00,"),
    ("missing_field", "price", "{r},{sp},thing,lottery,local,,"),
    ("missing_field", "title", "{r},{sp},,lottery,local,1.00,"),
    ("invalid_text", "title", "{r},{sp},th\u{202e}ing,lottery,local,1.00,"),
    ("missing_field", "reference", ",{sp},thing,lottery,local,1.00,"),
    ("invalid_id", "reference", "{r} {r},{sp},thing,lottery,local,1.00,"),
    ("goods_reference_used", "reference", "r3,{sp},thing,lottery,local,1.00,"),
    ("invalid_choice", "scope", "{r},{sp},thing,lottery,abroad,1.00,"),
    ("wrong_place_for_scope", "scope", "{r},{sp},thing,lottery,national,1.00,"),
    ("invalid_choice", "application", "{r},{sp},thing,gambling,local,1.00,"),
    ("invalid_id", "sp_id", "{r},lotto,thing,lottery,local,1.00,"),
    ("missing_field", "sp_id", "{r},,thing,lottery,local,1.00,"),
    ("sp_not_found", "sp_id", "{r},S20260101120000000-44-00001,thing,lottery,local,1.00,"),
    ("sp_suspended", "sp_id", "{r},{idle},thing,lottery,local,1.00,"),
    ("wrong_type", "delivery_deadline_ms", "{r},{sp},thing,lottery,local,1.00,soon"),
    ("out_of_range", "delivery_deadline_ms", "{r},{sp},thing,lottery,local,1.00,86400001"),
    ("invalid_text", "line", "{r},{sp},thing,lottery,local"),
    ("invalid_text", "line", "{r},{sp},\"thing,lottery,local,1.00,"),
];

/// A file, and what must be said of its planted lines.
struct File {
    text: String,
    wrong: BTreeMap<u64, (&'static str, &'static str)>,
}

fn file(sp: &str, idle: &str) -> File {
    let mut text = "reference,sp_id,title,application,scope,price,delivery_deadline_ms\r\n".to_owned();
    let mut wrong = BTreeMap::new();
    // The first and the last line, and between them as evenly as it goes.
    let planted: BTreeMap<u64, usize> =
        (0..PLANTED).map(|turn| (2 + turn * (LINES - 1) / (PLANTED - 1), turn as usize % KINDS.len())).collect();
    for line in 2..LINES + 2 {
        let reference = format!("r{line}");
        if let Some(kind) = planted.get(&line) {
            let (code, field, row) = KINDS[*kind];
            wrong.insert(line, (code, field));
            text.push_str(&row.replace("{r}", &reference).replace("{sp}", sp).replace("{idle}", idle));
        } else {
            text.push_str(&format!(
                "{reference},{sp},\"双色球, 第{line}期\",lottery,local,{}.{:02},",
                line % 90,
                1 + line % 99
            ));
        }
        text.push_str("\r\n");
    }
    File { text, wrong }
}

/// What came of a file that was sent: the lines that were told of, and the counts, unless it broke off.
#[derive(Default)]
struct Told {
    lines: Vec<Value>,
    counts: Option<Value>,
}

impl Told {
    fn refused(&self) -> BTreeMap<u64, (&str, &str)> {
        let refused = self.lines.iter().filter(|line| line.get("product_id").is_none());
        refused
            .map(|line| {
                let number = line["line"].as_u64().expect("a number");
                (number, (line["refused"].as_str().expect("a code"), line["field"].as_str().unwrap_or_default()))
            })
            .collect()
    }

    fn products(&self) -> BTreeMap<u64, &str> {
        let taken = self.lines.iter().filter_map(|line| Some((line["line"].as_u64()?, line["product_id"].as_str()?)));
        taken.collect()
    }

    /// True when everything has its end.
    fn is_over(&self) -> bool {
        self.counts.as_ref().is_some_and(|counts| counts["come_again"] == 0)
    }
}

/// Sends a file and listens until it is over or the node is gone; `on_line` sees how many lines were told so far.
async fn send(node: &Node, key: &str, file: &File, mut on_line: impl FnMut(usize)) -> Told {
    let mut told = Told::default();
    let client = reqwest::Client::builder().no_proxy().timeout(BOUND).build().expect("a client");
    let request = client.post(format!("{}/v1/product-files?by=lucy", node.url()));
    let request = request.header("content-type", "text/csv").header("idempotency-key", key).body(file.text.clone());
    let Ok(mut response) = request.send().await else { return told };
    if response.status() != 200 {
        return told;
    }
    let mut rest = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        rest.extend_from_slice(&piece);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let line: Value = serde_json::from_slice(&line).expect("a line is JSON");
            if line.get("line").is_some() {
                told.lines.push(line)
            } else {
                told.counts = Some(line)
            }
            on_line(told.lines.len());
        }
    }
    told
}

/// Sends a file to any node until each line has its end.
async fn send_to_the_end(trade: Trade<'_>, key: &str, file: &File) -> (Told, usize) {
    let mut pace = patience::pace(Duration::from_millis(200));
    for tries in 0.. {
        let nodes = trade.country.nodes_of("44");
        let told = send(&nodes[tries % nodes.len()], key, file, |_| ()).await;
        if told.is_over() {
            return (told, tries + 1);
        }
        assert!(tries < 100, "a file never comes to its end");
        pace.tick().await;
    }
    unreachable!("it ends")
}

/// The products of an SP, by every page of the list.
async fn count_of(trade: Trade<'_>, sp: &str) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let page = trade.must("44", &Ask::get(format!("/v1/products?sp_id={sp}&limit=500{cursor}"))).await.body;
        count += page["products"].as_array().expect("products").len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}

/// An SP, and one that is suspended. The province decides by the newest rules then.
async fn sps(trade: Trade<'_>, name: &str) -> (String, String) {
    let (sp, idle) = (trade.admit_sp("44", name).await, trade.admit_sp("44", &format!("idle-{name}")).await);
    let suspend = Ask::post(format!("/v1/sps/{idle}/suspend"), format!("suspend-{name}"), json!({}));
    trade.must("44", &suspend).await;
    patience::until("the newest rules are in force", BOUND, async || {
        let path = "/v1/sp-applications/L20260101120000000-44-00001/review";
        let body = json!({"decision": "approve", "risk_grade": "a", "reviewed_by": "rita"});
        let answer = trade.ask("44", &Ask::post(path, format!("rules-{name}"), body)).await?;
        if answer.code() == "not_yet" { Err(answer.body.to_string()) } else { Ok(()) }
    })
    .await;
    (sp, idle)
}

#[test]
fn exactly_the_planted_lines_are_refused_and_again_the_same() {
    STAGE.play(async |trade| {
        let (sp, idle) = sps(trade, "planted").await;
        let file = file(&sp, &idle);
        assert_eq!(file.wrong.len() as u64, PLANTED);
        assert!(file.wrong.contains_key(&2) && file.wrong.contains_key(&(LINES + 1)));
        let follower = trade.country.follower("44").await;
        let begun = Instant::now();
        let first = send(&follower, "planted", &file, |_| ()).await;
        eprintln!(
            "{} lines to a follower: {} in {:?}",
            first.lines.len(),
            first.counts.as_ref().expect("counts"),
            begun.elapsed()
        );
        assert_eq!(first.refused(), file.wrong.iter().map(|(line, what)| (*line, *what)).collect());
        assert_eq!(first.counts, Some(json!({"taken": LINES - PLANTED, "refused": PLANTED, "come_again": 0})));
        assert_eq!(count_of(trade, &sp).await as u64, LINES - PLANTED);

        // Again, to the leader, under its key and under another one: the same answers, nothing new.
        let leader = trade.country.leader("44").await;
        for key in ["planted", "planted-again"] {
            let begun = Instant::now();
            let again = send(&leader, key, &file, |_| ()).await;
            eprintln!("again as {key}: {} in {:?}", again.counts.as_ref().expect("counts"), begun.elapsed());
            assert_eq!((&again.lines, &again.counts), (&first.lines, &first.counts));
        }
        assert_eq!(count_of(trade, &sp).await as u64, LINES - PLANTED);
        books::check(trade).await;
    });
}

#[test]
fn a_file_goes_on_when_the_leader_dies_in_the_middle() {
    STAGE.play(async |trade| {
        for (round, to_leader) in [true, false].into_iter().enumerate() {
            let name = format!("dying-{round}");
            let (sp, idle) = sps(trade, &name).await;
            let file = file(&sp, &idle);
            let leader = trade.country.leader("44").await;
            let asked = if to_leader { leader.clone() } else { trade.country.follower("44").await };
            let mut killed = false;
            let first = send(&asked, &name, &file, |told| {
                // Whether it is the node that answers or the one behind it, it dies in the middle.
                if told == 1_500 {
                    leader.process.kill();
                    killed = true;
                }
            })
            .await;
            assert!(killed, "the file was over before it had begun: {} lines", first.lines.len());
            let before: Vec<_> = first.products().into_iter().map(|(line, id)| (line, id.to_owned())).collect();
            let (told, tries) = send_to_the_end(trade, &name, &file).await;
            leader.process.start();
            trade.country.ready(&leader).await;
            eprintln!(
                "asked the {}: {} of {} lines were taken when the leader died; over with {tries} more, {}",
                if to_leader { "leader" } else { "follower" },
                before.len(),
                first.lines.len(),
                told.counts.as_ref().expect("counts")
            );
            assert_eq!(told.refused(), file.wrong.iter().map(|(line, what)| (*line, *what)).collect());
            assert_eq!(told.products().len() as u64, LINES - PLANTED);
            // What was told as taken stays what it was, and there is one of each.
            let products = told.products();
            assert!(before.iter().all(|(line, id)| products[line] == id));
            assert_eq!(count_of(trade, &sp).await as u64, LINES - PLANTED);
        }
        books::check(trade).await;
    });
}

#[test]
fn national_goods_are_shown_while_the_national_platform_is_down() {
    STAGE.play(async |trade| {
        let sp = trade.admit_sp(NATIONAL, "airline").await;
        let flight = trade.publish(NATIONAL, &Goods::new(&sp, "flight", "national", 100)).await;
        let train = trade.publish(NATIONAL, &Goods::new(&sp, "train", "national", 100)).await;
        let shown = async |node: &Node| -> Result<Vec<String>, String> {
            let ask = Ask::get("/v1/catalogue?msisdn=18900000001".into());
            let answer = trade.client.once(&node.url(), &ask).await?;
            let products = answer.body["products"].as_array().ok_or_else(|| answer.body.to_string())?;
            let national = products.iter().filter(|product| product["province"] == NATIONAL);
            Ok(national.map(|product| product["product_id"].as_str().expect("an id").to_owned()).collect())
        };
        let until = async |what: &str, expected: Vec<String>| {
            for node in trade.country.nodes_of("44") {
                patience::until(what, BOUND, async || {
                    let shown = shown(&node).await?;
                    if shown == expected { Ok(()) } else { Err(format!("{shown:?}")) }
                })
                .await;
            }
        };
        until("both are shown", vec![flight.clone(), train.clone()]).await;
        let newest = trade.must(NATIONAL, &Ask::get("/v1/national-goods".into())).await.body["newest"].clone();
        let national = trade.country.nodes_of(NATIONAL).remove(0);
        patience::until("the province has copies", BOUND, async || {
            let body = trade.ask("44", &Ask::get("/v1/catalogue?msisdn=18900000001".into())).await?.body;
            if body["national_upto"] == newest { Ok(()) } else { Err(body.to_string()) }
        })
        .await;
        national.process.kill();
        until("both are shown without it", vec![flight.clone(), train.clone()]).await;
        // And so they are after everybody in the province was gone as well.
        let nodes = trade.country.nodes_of("44");
        nodes.iter().for_each(|node| node.process.kill());
        nodes.iter().for_each(|node| node.process.start());
        for node in &nodes {
            trade.country.ready(node).await;
        }
        until("both are shown after a restart", vec![flight.clone(), train.clone()]).await;
        national.process.start();
        trade.country.ready(&national).await;
        trade.must(NATIONAL, &Ask::post(format!("/v1/products/{train}/withdraw"), "train", json!({}))).await;
        until("the train is gone", vec![flight.clone()]).await;
        trade.must(NATIONAL, &Ask::post(format!("/v1/sps/{sp}/suspend"), "airline", json!({}))).await;
        until("nothing of a suspended SP is shown", Vec::new()).await;
    });
}
