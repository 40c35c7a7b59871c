//! Bad input at the callers' door: every request here is wrong in one way that is known, so every
//! answer must be a refusal that says so (4xx, problem+json, code, number, the field to blame), and
//! nothing moves, panics or hangs.
//!
//! `MPSS_BAD_INPUT_SEED` repeats the choices, `MPSS_BAD_INPUT_REQUESTS` sets how many.

#![allow(clippy::expect_used, reason = "a test")]

mod answers;
mod broken_http;
mod forms;
mod place;
mod values;
mod wrong;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::future::join_all;
use mpss_tests::binary;
use mpss_tests::country::CountryPlan;
use mpss_tests::seeded::Seeded;
use mpss_tests::stage::Stage;
use mpss_tests::trade::Trade;

use answers::lane;
use broken_http::broken_http;
use forms::forms;
use place::{everything, set_up, unharmed};
use wrong::wrong;

const REQUESTS_USUAL: usize = 30_000;
const LANES: usize = 8;
const HEADER_DEADLINE: Duration = Duration::from_secs(1);
const BODY_BYTES_MAX: usize = 65_536;

static STAGE: Stage = Stage::new(|| {
    CountryPlan::new(binary::mpss(), &["44"], 1)
        .setting("door", "subscriber_requests_per_second = 0")
        .setting("door", &format!("header_deadline_ms = {}", HEADER_DEADLINE.as_millis()))
        .setting("door", &format!("body_bytes_max = {BODY_BYTES_MAX}"))
});

async fn requests(trade: Trade<'_>) {
    let count = std::env::var("MPSS_BAD_INPUT_REQUESTS").map_or(REQUESTS_USUAL, |text| text.parse().expect("a count"));
    let mut seeded = Seeded::from_environment("MPSS_BAD_INPUT_SEED");
    let country = trade.country;
    let place = set_up(trade).await;
    let before = everything(trade, &place).await;
    let node = &country.nodes_of("44")[0];
    let pid = node.process.pid();

    let forms = forms(&place);
    let mut lanes = vec![Vec::new(); LANES];
    for number in 0..count {
        lanes[number % LANES].push(wrong(&forms, number, &mut seeded));
    }
    let (begun, tally) = (Instant::now(), Mutex::default());
    let complaints: Vec<_> =
        join_all(lanes.into_iter().map(|asks| lane(node.public, asks, &tally))).await.into_iter().flatten().collect();
    eprintln!("{count} wrong requests in {:?}: {:?}", begun.elapsed(), tally.lock().expect("a count"));
    let shown = complaints.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(complaints.is_empty(), "{} of {count} answers are wrong, such as:\n{shown}", complaints.len());
    unharmed(trade, &place, &before, pid).await;
}

#[test]
fn every_wrong_request_is_refused_by_name_and_nothing_moves() {
    STAGE.play(requests);
}

#[test]
fn what_is_no_http_is_sent_away() {
    STAGE.play(broken_http);
}
