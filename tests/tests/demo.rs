//! The demonstration, as a person would run it: every step of its day is told, the books hold, and
//! it fails when they are broken on purpose.

#![allow(clippy::expect_used, reason = "a test")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use mpss_tests::{binary, reaper};

fn run(mpss: &Path, arguments: &[&str]) -> Output {
    let data = tempfile::tempdir().expect("a folder");
    reaper::folder(data.path());
    let child = Command::new(mpss)
        .args(["demo", "--once", "--data-dir", data.path().to_str().expect("a plain path")])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mpss starts");
    let pid = child.id();
    reaper::born(pid);
    let output = child.wait_with_output().expect("it ends");
    reaper::dead(pid);
    output
}

fn told(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What the day must show, each by the words that one of its lines holds.
const STEPS: &[(&str, &[&str])] = &[
    ("goods are reviewed by somebody else", &["reviewed_by_uploader"]),
    ("accounts are opened, money comes in", &["opens an account", "tops up", "+500.00"]),
    ("a local purchase", &["陈静 广东", "buys 体彩大乐透", "paid, delivered"]),
    ("the same product refused to a visitor", &["李娜 北京", "tries 体彩大乐透", "in 广东", "not_visible"]),
    ("a roaming purchase refused to locals", &["陈静 广东", "tries 机场贵宾厅", "not_visible"]),
    ("a roaming purchase by a visitor", &["李娜 北京", "buys 机场贵宾厅", "debited at home 北京"]),
    ("a national purchase from Beijing", &["全国话费卡", "in 北京", "debited at home 北京"]),
    ("a national purchase from Guangdong", &["全国话费卡", "in 广东", "debited at home 广东"]),
    ("a national purchase from Sichuan", &["全国话费卡", "in 四川", "debited at home 四川"]),
    ("a transfer between provinces", &["陈静 广东", "sends 张丽", "in 四川"]),
    ("a purchase on the phone bill", &["陈静 广东", "体彩大乐透", "on the phone bill: paid, delivered"]),
    ("what the ISMP has of it", &["ISMP", "1000.00 → 994.00"]),
    ("a card that takes at once", &["李娜 北京", "from the bank: debited at home 北京"]),
    ("a card on which is held first", &["刘洋 四川", "from the bank: debited at home 四川"]),
    ("what the bank has of both", &["银行", "10000.00 → 9920.00"]),
    ("an order of the UPP", &["李娜 北京", "buys 机票 at the UPP", "debited at home 北京", "-26.00"]),
    ("it is delivered and confirmed", &["统一支付平台", "UPP-1-0: its SP delivers, and it confirms"]),
    ("another one is reversed", &["统一支付平台", "UPP-2-0: its SP refuses, and it reverses", "+18.00"]),
    ("and never paid again", &["asks for UPP-2-0 once more", "already_reversed"]),
    ("what the UPP is owed", &["due_to:upp", "-26.00"]),
    ("a one-time payment code", &["陈静 广东", "asks for a payment code: 44"]),
    ("a gate that wants more than it is for", &["地铁闸机", "amount_above_code"]),
    ("a gate that is paid by it", &["地铁闸机", "paid by 陈静, opens", "-4.00"]),
    ("a code that was used", &["地铁闸机", "payment_code_used"]),
    ("a bill is asked for", &["asks for bill", "86.50 due"]),
    ("a bill is paid", &["buys 电费", "paid, delivered", "-86.50"]),
    ("a bill is not paid again", &["电费", "bill_paid"]),
    ("a card is sold and shown", &["sees the card", "the same card"]),
    ("a card that is not there", &["游戏点卡", "out_of_stock"]),
    ("a ticket lets one in", &["checks it: 话剧票", "let in"]),
    ("a ticket checked twice", &["checks it again (first:", "ticket_used"]),
    ("a ticket that was given back", &["ticket_void"]),
    ("an award", &["陈静 广东", "wins: prize 50.00", "+50.00"]),
    ("the same award again", &["the same award, paid once"]),
    ("too little money", &["insufficient_funds"]),
    ("more than one payment may be", &["per_payment_limit_exceeded"]),
    ("more than a day may have", &["daily_limit_exceeded"]),
    ("a wrong password", &["wrong_password"]),
    ("a locked password", &["right password", "password_locked"]),
    ("a number that is none", &["unknown_number"]),
    ("another operator's number", &["foreign_operator"]),
    ("a suspended SP", &["sp_suspended"]),
    ("the same request again", &["sends the same request again", "paid once"]),
    ("the same request id with other content", &["duplicate_request"]),
    ("an SP that refuses", &["电影票", "not delivered, reversed"]),
    ("an SP that stays silent", &["夜宵", "not delivered, reversed"]),
    ("a partial refund", &["gets 30.00 of order", "+30.00"]),
    ("more refunded than paid", &["refund_exceeds_paid"]),
    ("a frozen account", &["刘洋 四川", "account_frozen"]),
    ("money that comes back to a frozen account", &["刘洋 四川", "gets 50.00 of order"]),
    ("a leader killed", &["leader 44-", "killed after"]),
    ("another leads", &["leads now"]),
    ("nothing lost", &["acknowledged purchases are there, each delivered once"]),
    ("the books", &["wallets", "-"]),
    ("clearing", &["due_to:44", "-130.00"]),
    ("debits and credits", &["debits equal credits in each of 4 books"]),
    ("clearing nets to zero", &["clearing nets to zero"]),
    ("replicas agree", &["12 replicas agree"]),
];

#[test]
fn the_scripted_day_is_told_and_ends_well() {
    let output = run(binary::mpss(), &[]);
    let text = told(&output);
    assert!(output.status.success(), "{:?}\n{text}", output.status);
    let shown = |words: &[&str]| text.lines().any(|line| words.iter().all(|word| line.contains(word)));
    let missing: Vec<_> = STEPS.iter().filter(|(_, words)| !shown(words)).map(|(step, _)| step).collect();
    assert!(missing.is_empty(), "not told: {missing:?}\n{text}");
    let timed = text.lines().filter(|line| line.contains('✓') && line.trim_end().ends_with(" ms")).count();
    assert!(timed > 40, "steps say how long they took: {timed} do\n{text}");
}

#[test]
fn broken_books_are_found() {
    let output = run(binary::mpss_with_mutants(), &["--break", "books"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("due_") || text.contains("clearing") || text.contains("invariant"),
        "it does not say what is wrong\n{text}"
    );
}

#[test]
fn a_build_for_use_can_not_be_broken() {
    let output = run(binary::mpss(), &["--break", "books"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}
