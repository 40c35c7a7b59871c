//! What subscribers send, read and done.

#![allow(clippy::unwrap_used, reason = "tests")]

use mpss_domain::account::Language;
use mpss_domain::texts::answer::SmsAnswer;
use mpss_domain::texts::keyword::{Keyword, TABLE};
use mpss_domain::{
    AccountKind, AccountSelector, AccountStatus, Effect, EffectId, LogTime, Money, Msisdn, SmsText, State, StateVersion,
};
use proptest::prelude::*;

use super::Words;
use super::words::{Spoken, is_command, understand};
use crate::node::trial::{Trial, local, visitor};

fn command(words: &str) -> Spoken {
    match understand(words).1 {
        Some(Ok(spoken)) => spoken,
        other => panic!("{words}: {other:?}"),
    }
}

fn answered(words: &str) -> SmsAnswer {
    match understand(words).1 {
        Some(Err(answer)) => answer,
        other => panic!("{words}: {other:?}"),
    }
}

#[test]
fn one_thing_may_be_written_in_many_ways() {
    for words in [
        "ZF 18900000002 12.5 739164",
        "zf18900000002#12.50*739164",
        "ＺＦ１８９０００００００２　１２．５　７３９１６４",
        "支付 +8618900000002 12.5 739164",
        "  Pay\t18900000002,12.5,739164 \r\n",
    ] {
        let Spoken::Pay { payee, amount, password } = command(words) else { panic!("{words}") };
        assert_eq!((payee.number(), amount), (18_900_000_002, Money::fen(1_250)), "{words}");
        assert_eq!(password.reveal(), "739164");
    }
    for words in ["YE", "ye ", "余额", "余额。", "ＹＥ", "balance", "#YE#"] {
        assert!(matches!(command(words), Spoken::Balance), "{words}");
    }
    for words in ["Y123456", "y 123456", "是123456", "YES 123456", "Ｙ１２３４５６", "Y#123456#"] {
        assert!(matches!(command(words), Spoken::Confirm { code: 123_456, agreed: true }), "{words}");
    }
    assert!(matches!(command("N 000001"), Spoken::Confirm { code: 1, agreed: false }));
    assert!(matches!(command("0000"), Spoken::Mine) && matches!(command("00000"), Spoken::Mine));
    assert!(matches!(command("dj tx 739164"), Spoken::Freeze { kind: Some(AccountKind::Communication), .. }));
    assert!(matches!(command("XE 50 80.00 739164"), Spoken::Limits { .. }));
    assert!(matches!(command("BK 123456 739164"), Spoken::Bind { code: 123_456, .. }));
}

#[test]
fn a_recharge_card_may_stand_behind_a_number() {
    let cards = [
        ("CZ123456789012345678", None, "123456789012345678"),
        ("CZ 18900000002 123456789012345678", Some(18_900_000_002), "123456789012345678"),
        ("cz18900000002123456789012345678", Some(18_900_000_002), "123456789012345678"),
        ("充值 12345678", None, "12345678"),
        // 29 digits that begin with no number of a subscriber are one PIN.
        ("CZ28900000002123456789012345678", None, "28900000002123456789012345678"),
    ];
    for (words, number, digits) in cards {
        let Spoken::TopUp { whose, pin } = command(words) else { panic!("{words}") };
        assert_eq!((whose.map(Msisdn::number), pin.reveal()), (number, digits), "{words}");
    }
    assert_eq!(answered("CZ 1234567"), SmsAnswer::HowToUse(Keyword::TopUp));
}

#[test]
fn what_is_not_whole_is_explained_and_what_is_no_command_is_not_guessed() {
    for (words, answer) in [
        ("Y", SmsAnswer::CodeNeeded(Keyword::Yes)),
        ("否", SmsAnswer::CodeNeeded(Keyword::No)),
        ("Y12345", SmsAnswer::HowToUse(Keyword::Yes)),
        ("KT", SmsAnswer::HowToUse(Keyword::Open)),
        ("KT 12345", SmsAnswer::HowToUse(Keyword::Open)),
        ("KT 739164 739165", SmsAnswer::PasswordsDiffer),
        ("GM 739164 591837 591838", SmsAnswer::PasswordsDiffer),
        ("ZF 18900000002 1.234 739164", SmsAnswer::HowToUse(Keyword::Pay)),
        ("YE 1", SmsAnswer::HowToUse(Keyword::Balance)),
    ] {
        assert_eq!(answered(words), answer, "{words}");
    }
    for words in ["", "   ", "你好", "YEAH", "KTV", "ZFB 1", "000000", "是的", "余额宝", "\u{0}"] {
        assert!(understand(words).1.is_none(), "{words}");
    }
    for (words, language) in [
        ("YE", Language::Chinese),
        ("BALANCE", Language::English),
        ("hello", Language::English),
        ("0000", Language::Chinese),
        ("你好", Language::Chinese),
        ("KT", Language::Chinese),
    ] {
        assert_eq!(understand(words).0, language, "{words}");
    }
}

#[test]
fn no_word_stands_for_two_commands() {
    let mut words: Vec<&str> = TABLE.iter().flat_map(|usage| usage.words).copied().collect();
    let all = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), all);
    for usage in TABLE {
        for word in usage.words {
            // Each is found by its own word, whatever it is the beginning of.
            let keyword = match understand(word).1 {
                Some(Ok(spoken)) => spoken.keyword(),
                Some(Err(SmsAnswer::HowToUse(keyword) | SmsAnswer::CodeNeeded(keyword))) => keyword,
                other => panic!("{word}: {other:?}"),
            };
            assert_eq!(keyword, usage.keyword, "{word}");
        }
    }
}

#[test]
fn nothing_that_was_said_shows_a_password() {
    for words in ["KT 739164", "ZF 18900000002 5 739164", "GM 739164 739165", "CZ 739164739164", "XE 5 6 739164"] {
        let shown = format!("{:?}", understand(words).1);
        assert!(!shown.contains("739164"), "{shown}");
    }
}

proptest! {
    #[test]
    fn anything_may_be_sent(words in any::<String>()) {
        let _ = is_command(words.as_bytes());
    }
}

/// The texts to a number that wait, in words.
fn texts(state: &State, to: Msisdn) -> Vec<String> {
    let rows = state.effects_from(EffectId(0));
    rows.filter_map(|row| match &row.effect {
        Effect::Sms { to: whom, language, text } if *whom == to => Some(text.render(*language)),
        _ => None,
    })
    .collect()
}

impl Trial {
    async fn doors(&self) {
        let newest = |state: &State| (state.version() == StateVersion::NEWEST).then_some(());
        self.until("the newest rules", newest).await;
    }

    async fn says(&self, from: Msisdn, words: &str) -> Vec<String> {
        let before = self.context.replica.read(|state| texts(state, from)).len();
        Words::new(self.context.clone()).hear(from, words).await.unwrap();
        self.context.replica.read(|state| texts(state, from)).split_off(before)
    }

    fn account_of(&self, whose: Msisdn) -> Option<(AccountStatus, Money)> {
        let stored = AccountSelector::Kind(AccountKind::StoredValue);
        self.context
            .replica
            .read(|state| state.select_account(whose, stored).map(|account| (account.status, account.available)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_does_everything_by_text() {
    let trial = Trial::start().await;
    trial.doors().await;
    let (me, other) = (local(1), local(2));
    assert!(trial.says(me, "0000").await[0].contains("您尚未开通账户"));
    assert!(trial.says(me, "KT 739164").await[0].contains("您的虚拟账户已开通"));
    assert!(trial.says(me, "开通 739164").await[0].contains("开通未成功：账户已开通"));
    trial.open(other, Money::ZERO).await;
    let account = trial.context.replica.read(|state| {
        state.select_account(me, AccountSelector::Kind(AccountKind::StoredValue)).map(|account| account.id)
    });
    trial.home.top_up_cash(trial.request(), account.unwrap(), Money::yuan(50), "agent".into()).await.unwrap();
    assert!(trial.says(me, "ZF 18900000002 12.50 739164").await[0].contains("向189****0002转帐12.50元"));
    assert_eq!(trial.account_of(other).unwrap().1, Money::fen(1_250));
    assert!(trial.says(me, "ZF 18900000002 100 739164").await[0].contains("支付未成功：余额不足"));
    assert!(trial.says(me, "YE").await[0].contains("虚拟账户正常，可用余额37.50元"));
    let moves = &trial.says(me, "MX").await[0];
    assert!(moves.contains("-12.50元") && moves.contains("+50.00元；可用余额37.50元"), "{moves}");
    assert!(trial.says(me, "XE 20 30 739164").await[0].contains("单笔限额20.00元，每日限额30.00元"));
    assert!(trial.says(me, "GM 739164 591837").await[0].contains("支付密码已修改"));
    assert!(trial.says(me, "GM 591837 111111").await[0].contains("支付密码过于简单"));
    // Another one: ten different commands in two minutes are looked at.
    assert!(trial.says(other, "DJ 591837").await[0].contains("冻结未成功：支付密码错误"));
    assert!(trial.says(other, "DJ 739164").await[0].contains("已冻结"));
    assert_eq!(trial.account_of(other).unwrap().0, AccountStatus::Frozen { until: None });
    assert!(trial.says(other, "JD739164").await[0].contains("已解冻"));
    assert!(trial.says(other, "ZX 739164").await[0].contains("注销未成功：账户尚有余额"));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_come_again_do_and_answer_nothing_again() {
    let trial = Trial::start().await;
    trial.doors().await;
    let (me, other) = (local(1), local(2));
    trial.open(me, Money::yuan(50)).await;
    trial.open(other, Money::ZERO).await;
    for words in ["ZF 18900000002 5 739164", "YE", "Y", "DJ 111112", "ZF"] {
        assert_eq!(trial.says(me, words).await.len(), 1, "{words}");
        for _ in 0..3 {
            assert_eq!(trial.says(me, words).await, Vec::<String>::new(), "{words} again");
        }
    }
    assert_eq!(trial.account_of(other).unwrap().1, Money::yuan(5), "paid once");
    let failures = trial.context.replica.read(|state| state.subscriber(me).unwrap().credential.failures);
    assert_eq!(failures, 1, "a wrong password that comes again counts once");
    // Nobody understands these: help comes once.
    assert_eq!(trial.says(me, "hello").await.len(), 1);
    assert_eq!(trial.says(me, "hello?").await.len(), 0);
    // The eleventh in two minutes is not looked at.
    for words in ["a", "b", "c"] {
        trial.says(me, words).await;
    }
    assert_eq!(trial.says(me, "MX").await.len(), 0);
    assert_eq!(trial.says(other, "MX").await.len(), 1, "another's may");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_and_not_finished_is_finished_when_it_comes_again() {
    use mpss_domain::{Command, Outcome, Verb};
    let trial = Trial::start().await;
    trial.doors().await;
    let me = local(1);
    trial.open(me, Money::yuan(50)).await;
    // A node heard it and died.
    let words = trial.context.judge.words_digest(me, "YE");
    let heard = trial.context.replica.propose(Command::internal(Verb::HearWords { from: me, words })).await.unwrap();
    assert!(matches!(heard.outcome, Outcome::Heard { again: false, .. }));
    assert_eq!(trial.says(me, "YE").await.len(), 1);
    assert_eq!(trial.says(me, "YE").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_at_home_elsewhere_is_told_where_and_strangers_nothing() {
    let trial = Trial::start().await;
    trial.doors().await;
    assert_eq!(
        trial.says(visitor(1), "KT 739164").await,
        ["【移动支付】本号码的归属省为51，请发送至归属省的服务号码。"]
    );
    let stranger = Msisdn::new(13_900_000_000).unwrap();
    assert_eq!(trial.says(stranger, "YE").await, Vec::<String>::new());
    assert!(trial.context.replica.read(|state| state.subscriber(visitor(1)).is_none()));
}

#[test]
fn a_code_is_worth_its_time_only() {
    let until = LogTime(7);
    let text = SmsText::ConfirmBinding { last_four: "1234".into(), code: 1, until };
    assert_eq!(text.good_until(), Some(until));
    assert_eq!(SmsText::AccountThawed { kind: AccountKind::Bank }.good_until(), None);
}
