//! Home against a real replica.

#![allow(clippy::unwrap_used, reason = "tests")]

use mpss_domain::{AccountKind, AccountSelector, Money, Outcome, Refusal, Verb};

use super::judging::{Owner, propose_judged};
use super::*;
use crate::node::trial::{RIGHT, Trial, guangdong, local, opening, password, purchase, range, visitor};

fn refused<T: std::fmt::Debug>(result: Result<T, NotDone>) -> Refusal {
    match result {
        Err(NotDone::Refused { refusal, .. }) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_passwords_lock_and_a_right_one_then_learns_nothing() {
    let trial = Trial::start().await;
    let account = trial.open(local(1), Money::yuan(10)).await;
    for _ in 0..5 {
        let wrong = trial.home.freeze(trial.request(), account, password("111112"), None).await;
        assert_eq!(refused(wrong), Refusal::WrongPassword);
    }
    let right = trial.home.freeze(trial.request(), account, password(RIGHT), None).await;
    assert!(matches!(refused(right), Refusal::PasswordLocked(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_guesses_at_once_learn_five_times_wrong_and_no_more() {
    let trial = Trial::start().await;
    let account = trial.open(local(1), Money::yuan(10)).await;
    let guesses = (0..100).map(|n| {
        // The right one is among them, in the middle.
        let digits = if n == 50 { RIGHT.to_owned() } else { format!("{:06}", 500_000 + n) };
        trial.home.unfreeze(trial.request(), account, password(&digits))
    });
    let answers: Vec<_> = futures::future::join_all(guesses).await.into_iter().map(refused).collect();
    let wrong = answers.iter().filter(|refusal| **refusal == Refusal::WrongPassword).count();
    let locked = answers.iter().filter(|refusal| matches!(refusal, Refusal::PasswordLocked(_))).count();
    let let_in = answers.iter().filter(|refusal| **refusal == Refusal::AccountNotFrozen).count();
    assert_eq!(wrong + locked + let_in, 100);
    assert!(wrong <= 9, "a right one in between starts the count again: {wrong}");
    assert!(locked >= 90, "the rest learn nothing: {locked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_about_a_password_that_was_changed_meanwhile_is_reached_again() {
    let trial = Trial::start().await;
    let account = trial.open(local(1), Money::yuan(10)).await;
    let first = std::sync::atomic::AtomicBool::new(true);
    let replica = trial.context.replica.clone();
    let verdicts = std::sync::Mutex::new(Vec::new());
    let verb = |verdict| {
        verdicts.lock().unwrap().push(verdict);
        if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            // Between look and log somebody changes the password to itself: another version.
            let verifier = trial.context.judge.verifier(local(1), &password(RIGHT), &*trial.context.seams.random);
            let change = Verb::ChangeAccount {
                account,
                verdict,
                verifier: Some(verifier),
                per_payment_limit: None,
                daily_limit: None,
            };
            tokio::task::block_in_place(|| {
                let proposed = replica.propose(Command::internal(change));
                tokio::runtime::Handle::current().block_on(proposed).unwrap();
            });
        }
        Verb::FreezeAccount { account, verdict, until: None }
    };
    let request = Some(trial.request());
    let reply = propose_judged(&trial.context, request, Owner::Account(account), password(RIGHT), verb).await.unwrap();
    assert!(matches!(reply.outcome, Outcome::Account(_)) && !reply.replayed);
    let versions: Vec<_> = verdicts.lock().unwrap().iter().map(|verdict| verdict.verifier_version).collect();
    assert_eq!(versions, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_password_is_refused_when_it_is_set_and_only_then() {
    let trial = Trial::start().await;
    let weak = trial.home.open_account(trial.request(), opening(local(2), "123456")).await;
    assert_eq!(weak.unwrap_err(), NotDone::weak_password("payment_password"));
    assert!(trial.context.replica.read(|state| state.subscriber(local(2)).is_none()));
    let account = trial.open(local(1), Money::ZERO).await;
    let ask = ChangeAccount {
        account,
        password: password(RIGHT),
        new_password: Some(password("000001")),
        per_payment_limit: None,
        daily_limit: None,
    };
    // 189 0000 0001 ends in 000001.
    let weak = trial.home.change_account(trial.request(), ask).await;
    assert_eq!(weak.unwrap_err(), NotDone::weak_password("new_payment_password"));
    let guess = trial.home.freeze(trial.request(), account, password("123456"), None).await;
    assert_eq!(refused(guess), Refusal::WrongPassword, "as a guess it is counted like any other");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_not_ours_are_refused_by_name_and_the_same_request_gets_the_same_answer() {
    let trial = Trial::start().await;
    let foreign = mpss_domain::Msisdn::new(13_900_000_001).unwrap();
    let request = trial.request();
    for replayed in [false, true] {
        let answer = trial.home.open_account(request, opening(foreign, RIGHT)).await;
        let expected = NotDone::Refused { refusal: Refusal::UnknownNumber, order: None, replayed };
        assert_eq!(answer.unwrap_err(), expected);
    }
    let elsewhere = trial.home.open_account(trial.request(), opening(visitor(1), RIGHT)).await;
    assert_eq!(refused(elsewhere), Refusal::NotHome);
    trial.open(local(1), Money::yuan(10)).await;
    let send = |payee| trial.home.transfer(trial.request(), local(1), payee, Money::yuan(1), password(RIGHT));
    assert_eq!(refused(send(foreign).await), Refusal::UnknownNumber);
    assert!(matches!(send(visitor(1)).await.unwrap().outcome, Outcome::Transfer(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_for_another_province_is_judged_here_and_answered_the_same_again() {
    let trial = Trial::start().await;
    trial.open(local(1), Money::yuan(10)).await;
    let sichuan = crate::node::trial::sichuan();
    let ask = |serial| {
        use mpss_domain::ids::IssuedId;
        let now = trial.context.replica.read(mpss_domain::State::now);
        PayRequest {
            payment: PaymentId::issue(now, sichuan, serial),
            order: OrderId::issue(now, sichuan, serial),
            serving: sichuan,
            msisdn: local(1),
            epoch: 1,
            scope: mpss_domain::Scope::Roaming,
            location: sichuan,
            account: AccountSelector::Kind(AccountKind::StoredValue),
            amount: Money::yuan(3),
            title: "a thing".into(),
            verdict: mpss_domain::PasswordVerdict { verifier_version: 0, matches: false },
        }
    };
    let (first, second) = (ask(1), ask(2));
    let wrong = trial.home.pay(first.clone(), password("111112")).await;
    assert_eq!(refused(wrong), Refusal::WrongPassword);
    let right = trial.home.pay(first, password(RIGHT)).await;
    assert_eq!(refused(right), Refusal::WrongPassword, "a payment id is decided once");
    for _ in 0..2 {
        assert!(matches!(trial.home.pay(second.clone(), password(RIGHT)).await.unwrap().outcome, Outcome::Paid(_)));
    }
    let balance = |state: &mpss_domain::State| {
        state.select_account(local(1), AccountSelector::Kind(AccountKind::StoredValue)).unwrap().available
    };
    assert_eq!(trial.context.replica.read(balance), Money::yuan(7), "debited once");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_reaches_the_disk() {
    let trial = Trial::start().await;
    let product = trial.product(mpss_domain::Scope::Local).await;
    let account = trial.open(local(1), Money::yuan(10)).await;
    trial.serving.place_order(trial.request(), purchase(local(1), product, RIGHT)).await.unwrap();
    refused(trial.serving.place_order(trial.request(), purchase(local(1), product, "862539")).await);
    let ask = ChangeAccount {
        account,
        password: password(RIGHT),
        new_password: Some(password("951627")),
        per_payment_limit: None,
        daily_limit: None,
    };
    trial.home.change_account(trial.request(), ask).await.unwrap();
    // A command that could carry a password would carry it as text or as digits; neither is written.
    let title = b"a thing";
    trial.context.replica.snapshot_now().await.unwrap();
    let folder = trial.stop().await;
    let mut seen_title = false;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            seen_title |= bytes.windows(title.len()).any(|window| window == title);
            for digits in [RIGHT, "862539", "951627"] {
                let text = digits.as_bytes();
                let plain: Vec<u8> = text.iter().map(|digit| digit - b'0').collect();
                for needle in [text, &plain] {
                    assert!(!bytes.windows(6).any(|window| window == needle), "{digits} is in {}", path.display());
                }
            }
        }
    }
    assert!(seen_title, "the search finds what was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_belongs_where_the_plan_in_force_says() {
    let trial = Trial::start().await;
    assert_eq!(trial.home.home_of(visitor(1)).unwrap(), (crate::node::trial::sichuan(), 1));
    trial.install_plan(2, vec![range(1_330_000, 44)]).await;
    assert_eq!(trial.home.home_of(visitor(1)).unwrap(), (guangdong(), 2));
    assert_eq!(trial.home.home_of(local(1)).unwrap(), (guangdong(), 2), "named here, refused by apply");
}
