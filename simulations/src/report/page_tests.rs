//! What the pages must show, read back as a browser would: by elements, not by text.

#![allow(clippy::unwrap_used, reason = "a test")]

use roxmltree::{Document, Node, ParsingOptions};

use super::sweep::SweepSummary;
use super::{html, sample, sweep_html};
use crate::record::{Record, Verdict};

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("the page is not well-formed: {error}"))
}

fn has_class(node: &Node<'_, '_>, class: &str) -> bool {
    node.attribute("class").is_some_and(|words| words.split(' ').any(|word| word == class))
}

fn count(document: &Document<'_>, class: &str) -> usize {
    document.descendants().filter(|node| has_class(node, class)).count()
}

fn words(node: &Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

fn first<'a, 'input>(document: &'a Document<'input>, class: &str) -> Node<'a, 'input> {
    document.descendants().find(|node| has_class(node, class)).unwrap_or_else(|| panic!("no {class}"))
}

/// Leaves a page where a person can look at it, when `MPSS_REPORT_DIR` says where.
fn leave(name: &str, page: &str) {
    if let Some(folder) = std::env::var_os("MPSS_REPORT_DIR") {
        std::fs::write(std::path::Path::new(&folder).join(name), page).unwrap();
    }
}

fn page_of(name: &str, record: &Record) -> String {
    let page = html::page(record);
    leave(name, &page);
    page
}

#[test]
fn the_page_of_a_run_shows_all_of_it() {
    let record = sample::run(7);
    let page = page_of("run.html", &record);
    let document = parsed(&page);
    assert_eq!(
        words(&document.descendants().find(|node| node.has_tag_name(("http://www.w3.org/1999/xhtml", "h1"))).unwrap()),
        "通过 passed"
    );
    assert!(words(&first(&document, "again")).starts_with(&record.command));
    for part in [&record.trace, "广东 Guangdong 44", "25×", "412907 events", "2026-11-23 10:00:00 +08:00"] {
        assert!(words(&document.root_element()).contains(part), "{part}");
    }
    let headings: Vec<String> =
        document.descendants().filter(|node| node.tag_name().name() == "h2").map(|node| words(&node)).collect();
    assert_eq!(
        headings,
        [
            "时间线Timeline",
            "业务Flows",
            "订单之路Ways of orders",
            "故障 × 业务Coverage of faults and flows",
            "计数Counts",
            "事件Events"
        ]
    );
    let plot = first(&document, "plot");
    let inside = |class: &str| plot.descendants().filter(|node| has_class(node, class)).count();
    assert_eq!(inside("alive"), 12, "a lane for each machine");
    assert_eq!((inside("led"), inside("dark")), (7, 6), "leaderships, and machines in the dark");
    assert_eq!(inside("moment"), 2);
    let touched = plot.descendants().filter(|node| has_class(node, "touch"));
    let ended: u64 =
        touched.filter_map(|node| words(&node).lines().nth(1)?.split(' ').next()?.parse::<u64>().ok()).sum();
    assert_eq!(ended + sample::SCENE, record.operations.len() as u64, "what set the scene is not drawn");
    assert!(page.contains("without the 90 that set the scene"));
    assert!(inside("done") > 40 && inside("refused") > 20 && inside("unknown") > 2 && inside("slowest") > 40);
    assert_eq!((count(&document, "story"), count(&document, "never")), (2, 3 + coverage_pairs_without(&document)));
}

/// The badge over the matrix is there only when a pair never met.
fn coverage_pairs_without(document: &Document<'_>) -> usize {
    usize::from(count(document, "h0") > 0)
}

#[test]
fn the_matrix_and_the_tables_say_what_was_counted() {
    let record = sample::run(7);
    let page = html::page(&record);
    let document = parsed(&page);
    let coverage = super::coverage::coverage(&record.faults, &record.operations);
    let rows: Vec<Node<'_, '_>> =
        first(&document, "heat").descendants().filter(|node| node.tag_name().name() == "tr").collect();
    assert_eq!(rows.len(), 1 + coverage.rows.len() + 2);
    assert_eq!(count(&document, "h0"), coverage.never());
    for (row, counted) in rows[1..].iter().zip(&coverage.rows) {
        assert!(words(row).contains(&counted.kind));
        let cells: Vec<String> = row
            .children()
            .filter(|node| node.tag_name().name() == "td")
            .map(|cell| words(&cell).trim_start_matches("✕ ").replace('\u{202F}', ""))
            .collect();
        assert_eq!(cells, counted.met.iter().map(u64::to_string).collect::<Vec<_>>());
    }
    let below: Vec<String> = rows[rows.len() - 2..].iter().map(words).collect();
    let joined = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<String>();
    assert_eq!(
        below,
        [format!("无故障 no fault{}", joined(&coverage.calm)), format!("全部 all{}", joined(&coverage.all))]
    );
    let never: Vec<String> = document
        .descendants()
        .filter(|node| node.tag_name().name() == "tr" && has_class(node, "never"))
        .map(|row| words(&row))
        .collect();
    assert_eq!(never, ["ported number refused✕ 从未 never seen"]);
}

#[test]
fn a_violation_is_told_with_its_clause_and_its_history() {
    let record = sample::violated(7);
    let page = page_of("violated.html", &record);
    let document = parsed(&page);
    assert_eq!(count(&document, "violation"), 2);
    let told = words(&first(&document, "violation"));
    for part in ["clearing nets to zero", "product §5, 6.3.3", "1 260.00", "44-1 begins"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(page.contains("<h1><span lang=\"zh\">违反</span> VIOLATED</h1>"));
}

#[test]
fn a_record_with_nothing_in_it_is_a_page_too() {
    for record in [sample::empty(), Record { verdict: Verdict::Passed, ..sample::empty() }, Record::default()] {
        let page = page_of("empty.html", &record);
        let document = parsed(&page);
        assert_eq!((count(&document, "plot"), count(&document, "story"), count(&document, "heat")), (1, 0, 0));
        assert!(words(&document.root_element()).contains("Nobody asked for anything"));
    }
}

#[test]
fn nothing_from_a_record_becomes_part_of_the_page() {
    let page = page_of("hostile.html", &sample::hostile());
    let document = parsed(&page);
    let scripts = document.descendants().filter(|node| node.tag_name().name() == "script").count();
    assert_eq!(scripts, 1, "the page's own");
    assert!(!page.contains("alert(\"1\")</script>") && !page.contains("<b>'") && !page.contains('\u{1b}'));
    let told = words(&document.root_element());
    assert!(told.matches("</script><script>alert(\"1\")</script>'&").count() >= 20, "it is shown as the words it is");
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let mut summary = SweepSummary::new("0.1.0", "nation", "mpss-sim sweep", 0);
    summary.add(&sample::run(1));
    for page in [html::page(&sample::run(7)), sweep_html::page(&summary)] {
        let document = parsed(&page);
        for node in document.descendants() {
            assert!(!["link", "img", "iframe", "object", "embed", "base"].contains(&node.tag_name().name()));
            for attribute in node.attributes() {
                let reaches =
                    attribute.name() == "src" || attribute.name() == "href" && !attribute.value().starts_with('#');
                assert!(!reaches, "{} {}", attribute.name(), attribute.value());
            }
        }
        let elsewhere = page.replace("http://www.w3.org/", "");
        assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://") && !elsewhere.contains("url("));
    }
}

#[test]
fn a_very_long_run_is_a_page_of_bounded_size() {
    let record = sample::huge();
    let page = page_of("huge.html", &record);
    let document = parsed(&page);
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    // What is not drawn is said.
    assert!(page.contains("94000 lines are not shown here") && page.contains("76 more ways"));
    let touched = document.descendants().filter(|node| has_class(node, "touch"));
    let ended: u64 =
        touched.filter_map(|node| words(&node).lines().nth(1)?.split(' ').next()?.parse::<u64>().ok()).sum();
    assert_eq!(ended, 100_000, "buckets hold every request");
}

#[test]
fn the_same_record_gives_the_same_page() {
    assert_eq!(html::page(&sample::run(5)), html::page(&sample::run(5)));
}

#[test]
fn the_page_of_a_sweep_shows_every_seed() {
    let mut summary = SweepSummary::new("0.1.0", "nation", "mpss-sim sweep --seeds 1..60", 1_795_399_200_000);
    for seed in 1..=60 {
        summary.add(&if seed == 42 { sample::violated(seed) } else { sample::run(seed) });
    }
    summary.add_lost(61, "mpss-sim run --seed 61", "signal 11");
    summary.real_ms = 92_000;
    let page = sweep_html::page(&summary);
    leave("sweep.html", &page);
    let document = parsed(&page);
    let cells: Vec<Node<'_, '_>> = first(&document, "cells").children().filter(Node::is_element).collect();
    let of = |class: &str| cells.iter().filter(|cell| has_class(cell, class)).count();
    assert_eq!((cells.len(), of("violated"), of("inconclusive")), (61, 1, 1));
    assert_eq!((count(&document, "violation"), count(&document, "small")), (3, 4));
    assert!(page.contains("mpss-sim run --seed 42 ") && page.contains("违反") && page.contains("signal 11"));
    assert!(words(&document.root_element()).contains("ported number refused✕ 从未 never seen"));

    let nothing = sweep_html::page(&SweepSummary::new("", "", "", 0));
    leave("sweep-empty.html", &nothing);
    parsed(&nothing);
}

#[test]
fn a_sweep_over_very_many_seeds_is_a_page_of_bounded_size() {
    let mut summary = SweepSummary::new("0.1.0", "nation", "mpss-sim sweep", 0);
    let record = Record { operations: Vec::new(), stories: Vec::new(), lines: Vec::new(), ..sample::violated(1) };
    for seed in 0..10_000 {
        summary.add(&Record { seed, ..record.clone() });
    }
    let page = sweep_html::page(&summary);
    parsed(&page);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    assert!(page.contains("and 19500 more, in the summary"));
}
