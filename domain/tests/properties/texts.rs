//! Every text a subscriber may be sent, in both languages, word for word (source §5.4).

use mpss_domain::account::Language;
use mpss_domain::ids::IssuedId;
use mpss_domain::texts::answer::{OwnAccount, SmsAnswer};
use mpss_domain::texts::keyword::Keyword;
use mpss_domain::wish::WishRefusal;
use mpss_domain::{AccountKind, AccountStatus, LogTime, Money, Msisdn, OrderId, Refusal, SmsText, TransferId};

use crate::world::{START, province};

const KIND: AccountKind = AccountKind::StoredValue;

fn texts() -> Vec<(SmsText, &'static str, &'static str)> {
    let limits = (Money::yuan(200), Money::yuan(1_000));
    let (amount, balance) = (Money::fen(1_230), Money::fen(98_770));
    let order = OrderId::issue(START, province(44), 7);
    let transfer = TransferId::issue(START, province(44), 8);
    let other = Msisdn::new(18_912_345_678).expect("valid");
    let midnight = LogTime(START.0 + 14 * 3_600_000);
    let own = vec![
        OwnAccount { kind: KIND, status: AccountStatus::Active, balance: Some(balance), limits },
        OwnAccount { kind: AccountKind::Bank, status: AccountStatus::Frozen { until: None }, balance: None, limits },
    ];
    vec![
        (
            SmsText::AccountOpened { kind: KIND, limits },
            "您的虚拟账户已开通，单笔限额200.00元，每日限额1000.00元。",
            "Your stored-value account is open. Limits: 200.00 yuan per payment, 1000.00 yuan per day.",
        ),
        (
            SmsText::AccountOpened { kind: AccountKind::Communication, limits },
            "您的通信账户已开通，单笔限额200.00元，每日限额1000.00元。",
            "Your communication account is open. Limits: 200.00 yuan per payment, 1000.00 yuan per day.",
        ),
        (
            SmsText::AccountClosed { kind: KIND, paid_out: Money::ZERO },
            "您的虚拟账户已注销。",
            "Your stored-value account is closed.",
        ),
        (
            SmsText::AccountClosed { kind: AccountKind::Bank, paid_out: amount },
            "您的银行账户已注销，余额12.30元已由代理点以现金退还。",
            "Your bank account is closed. The balance of 12.30 yuan was paid out in cash.",
        ),
        (
            SmsText::AccountChanged { kind: KIND, password: false, limits },
            "您的虚拟账户已变更：单笔限额200.00元，每日限额1000.00元。",
            "Your stored-value account was changed. Limits: 200.00 yuan per payment, 1000.00 yuan per day.",
        ),
        (
            SmsText::AccountChanged { kind: KIND, password: true, limits },
            "您的虚拟账户已变更：支付密码已修改，单笔限额200.00元，每日限额1000.00元。",
            "Your stored-value account was changed. The payment password is new. Limits: 200.00 yuan per payment, 1000.00 yuan per day.",
        ),
        (
            SmsText::AccountFrozen { kind: KIND, until: None },
            "您的虚拟账户已冻结，冻结期间不能支付，退回的款项仍会入账。",
            "Your stored-value account is frozen: it can not pay. Money that comes back still arrives.",
        ),
        (
            SmsText::AccountFrozen { kind: KIND, until: Some(midnight) },
            "您的虚拟账户已冻结，将于2026年11月24日00:00自动解冻，期间不能支付，退回的款项仍会入账。",
            "Your stored-value account is frozen until 2026-11-24 00:00: it can not pay. Money that comes back still arrives.",
        ),
        (
            SmsText::AccountThawed { kind: KIND },
            "您的虚拟账户已解冻，可以正常使用。",
            "Your stored-value account is no longer frozen.",
        ),
        (
            SmsText::PasswordLocked { until: midnight },
            "支付密码连续输入错误，已被锁定至2026年11月24日00:00。如非本人操作，请立即联系客服。",
            "Too many wrong payment passwords: locked until 2026-11-24 00:00. If this was not you, call customer service now.",
        ),
        (
            SmsText::ToppedUp { amount, balance },
            "充值12.30元成功，当前可用余额987.70元。",
            "12.30 yuan topped up. Available: 987.70 yuan.",
        ),
        (
            SmsText::Debited { order, title: "双色球".into(), amount, balance },
            "您购买“双色球”支付12.30元成功，可用余额987.70元。订单号O20261123020000000-44-00007。",
            "You paid 12.30 yuan for \"双色球\". Available: 987.70 yuan. Order O20261123020000000-44-00007.",
        ),
        (
            SmsText::Reversed { order, amount, balance },
            "订单O20261123020000000-44-00007已冲正，12.30元已退回您的账户，可用余额987.70元。",
            "Order O20261123020000000-44-00007 was reversed: 12.30 yuan came back. Available: 987.70 yuan.",
        ),
        (
            SmsText::Refunded { order, amount, balance },
            "订单O20261123020000000-44-00007退款12.30元已到账，可用余额987.70元。",
            "Order O20261123020000000-44-00007: 12.30 yuan was refunded. Available: 987.70 yuan.",
        ),
        (
            SmsText::TransferSent { transfer, payee: other, amount, balance },
            "您向189****5678转帐12.30元，可用余额987.70元。转帐号T20261123020000000-44-00008。",
            "You sent 12.30 yuan to 189****5678. Available: 987.70 yuan. Transfer T20261123020000000-44-00008.",
        ),
        (
            SmsText::TransferReceived { transfer, payer: other, amount, balance },
            "189****5678向您转帐12.30元已到账，可用余额987.70元。转帐号T20261123020000000-44-00008。",
            "189****5678 sent you 12.30 yuan. Available: 987.70 yuan. Transfer T20261123020000000-44-00008.",
        ),
        (
            SmsText::TransferReturned { transfer, amount, balance },
            "转帐T20261123020000000-44-00008未能入账，12.30元已退回您的账户，可用余额987.70元。",
            "Transfer T20261123020000000-44-00008 could not be credited: 12.30 yuan came back. Available: 987.70 yuan.",
        ),
        (
            SmsText::PaidOutside { order, title: "双色球".into(), amount, kind: AccountKind::Communication },
            "您购买“双色球”使用通信账户支付12.30元成功。订单号O20261123020000000-44-00007。",
            "You paid 12.30 yuan for \"双色球\" by your communication account. Order O20261123020000000-44-00007.",
        ),
        (
            SmsText::ConfirmBinding { last_four: "1234".into(), code: 42, until: midnight },
            "您尾号1234的银行卡申请绑定本号码用于支付，验证码000042，2026年11月24日00:00前有效。如非本人操作请勿告知他人。",
            "The bank card ending in 1234 asks to be bound to this number. Code 000042, valid until 2026-11-24 00:00. Tell nobody unless it was you.",
        ),
        (
            SmsText::HoldGivenUp { order, amount, kind: AccountKind::Bank },
            "订单O20261123020000000-44-00007已取消，银行账户上预留的12.30元已解除，未扣款。",
            "Order O20261123020000000-44-00007 was cancelled: the 12.30 yuan set aside on your bank account are free again.",
        ),
        (
            SmsText::ReversedOutside { order, amount, kind: AccountKind::Bank },
            "订单O20261123020000000-44-00007已冲正，12.30元已退回您的银行账户。",
            "Order O20261123020000000-44-00007 was reversed: 12.30 yuan went back to your bank account.",
        ),
        (
            SmsText::RefundedOutside { order, amount, kind: AccountKind::Communication },
            "订单O20261123020000000-44-00007退款12.30元已退回您的通信账户。",
            "Order O20261123020000000-44-00007: 12.30 yuan was refunded to your communication account.",
        ),
        (
            SmsText::Awarded { order, amount, balance },
            "恭喜您中奖！订单O20261123020000000-44-00007奖金12.30元（税后）已到账，可用余额987.70元。",
            "You have won! 12.30 yuan after tax for order O20261123020000000-44-00007. Available: 987.70 yuan.",
        ),
        (
            SmsText::AwardedOutside { order, amount, kind: AccountKind::Communication },
            "恭喜您中奖！订单O20261123020000000-44-00007奖金12.30元（税后）已转入您的通信账户。",
            "You have won! 12.30 yuan after tax for order O20261123020000000-44-00007 went to your communication account.",
        ),
        (
            SmsText::AwardWaits { order, amount },
            "恭喜您中奖！订单O20261123020000000-44-00007奖金12.30元（税后）待领取：开通或解冻账户后自动到账。",
            "You have won! 12.30 yuan after tax for order O20261123020000000-44-00007 wait for you: open an account, or have yours thawed.",
        ),
        (
            SmsText::RechargedByCard { amount, balance },
            "充值卡充值12.30元成功，当前可用余额987.70元。",
            "12.30 yuan topped up by recharge card. Available: 987.70 yuan.",
        ),
        (
            SmsText::RechargeRefused { why: Refusal::RechargeCardExpired },
            "充值卡充值未成功：充值卡已过期。",
            "The top-up by recharge card failed: recharge card expired.",
        ),
        (
            SmsText::RechargeLocked { until: midnight },
            "充值卡密码多次输入错误，充值卡充值已锁定至2026年11月24日00:00。",
            "Too many wrong recharge card PINs: topping up by card is locked until 2026-11-24 00:00.",
        ),
        (
            SmsText::Shipped { order, carrier: "顺丰".into(), tracking: "SF1".parse().expect("a number") },
            "订单O20261123020000000-44-00007的商品已由顺丰发出，运单号SF1。收到后请确认收货。",
            "The goods of order O20261123020000000-44-00007 are on their way: 顺丰, SF1. Please confirm when they are there.",
        ),
        (
            SmsText::CardChanged { last_four: "5678".into() },
            "您的银行账户的银行卡资料已变更，现使用尾号5678的银行卡。如非本人申请，请立即联系银行。",
            "The card of your bank account was changed: it uses the card ending in 5678 now. If this was not asked for by you, call your bank now.",
        ),
        (
            SmsText::WishRefused { last_four: "1234".into(), why: WishRefusal::NotTheHolder },
            "您申请绑定尾号1234的银行卡未成功：本号码与持卡人预留号码不符。",
            "Your bank does not bind the card ending in 1234: this number is not the card holder's.",
        ),
        (
            SmsText::WishLapsed { last_four: "1234".into() },
            "您申请绑定尾号1234的银行卡，银行未在24小时内答复，申请已失效，您可以重新申请。",
            "Your bank did not answer within 24 hours whether it binds the card ending in 1234. You may ask again.",
        ),
        (
            SmsText::ToppedUpByBank { amount, balance },
            "银行卡充值12.30元成功，当前可用余额987.70元。",
            "12.30 yuan topped up from your bank card. Available: 987.70 yuan.",
        ),
        (
            SmsText::BankTopUpRefused { amount, why: Refusal::InsufficientFunds },
            "银行卡充值12.30元未成功：余额不足。",
            "The top-up of 12.30 yuan from your bank card failed: insufficient funds.",
        ),
        (
            SmsText::ConfirmPurchase {
                order,
                merchant: "音乐台".into(),
                title: "一首歌".into(),
                amount,
                code: 42,
                until: midnight,
                reserve: false,
            },
            "音乐台请求您为“一首歌”支付12.30元。同意请回复Y000042，不同意请回复N000042，2026年11月24日00:00前有效。请勿将验证码告知他人。",
            "音乐台 asks you to pay 12.30 yuan for \"一首歌\". Reply Y000042 to agree, N000042 to refuse, by 2026-11-24 00:00. Tell nobody the code.",
        ),
        (
            SmsText::ConfirmPurchase {
                order,
                merchant: "酒店".into(),
                title: "一晚".into(),
                amount,
                code: 123_456,
                until: midnight,
                reserve: true,
            },
            "酒店请求您为“一晚”预留12.30元。同意请回复Y123456，不同意请回复N123456，2026年11月24日00:00前有效。请勿将验证码告知他人。",
            "酒店 asks you to set aside 12.30 yuan for \"一晚\". Reply Y123456 to agree, N123456 to refuse, by 2026-11-24 00:00. Tell nobody the code.",
        ),
        (
            SmsText::PartTaken { order, taken: amount, freed: Money::fen(70), kind: KIND },
            "订单O20261123020000000-44-00007实扣12.30元，虚拟账户上其余预留的0.70元已解除。",
            "Order O20261123020000000-44-00007: 12.30 yuan was taken, the other 0.70 yuan on your stored-value account is free.",
        ),
        (
            SmsText::FromSp { sender: "音乐台".into(), words: "您的歌已就绪。".into() },
            "音乐台：您的歌已就绪。",
            "音乐台: 您的歌已就绪。",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::Help)),
            "可发送：KT 密码；YE；MX；CZ 卡密，CZ 号码 卡密；ZF 号码 金额 密码；Y 确认码；N 确认码；BK 验证码 密码；DJ 密码；JD 密码；XE 单笔 每日 密码；GM 旧密码 新密码；ZX 密码；0000；BZ。",
            "You may send: OPEN password; BALANCE; STATEMENT; TOPUP card, TOPUP number card; PAY number amount password; Y code; N code; BIND code password; FREEZE password; THAW password; LIMIT payment day password; PASSWORD old new; CLOSE password; 0000; HELP.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::HowToUse(Keyword::Pay))),
            "指令格式不正确，请发送：ZF 号码 金额 密码。",
            "Please send: PAY number amount password.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::Refused(Keyword::Pay, Refusal::InsufficientFunds))),
            "支付未成功：余额不足。",
            "PAY was refused: insufficient funds.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::WeakPassword)),
            "支付密码过于简单，请换一个。",
            "This payment password is too easily guessed: choose another one.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::PasswordsDiffer)),
            "两次输入的新密码不一致，请重新发送。",
            "The two new passwords are not the same: send it again.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::HomeElsewhere(province(51)))),
            "本号码的归属省为51，请发送至归属省的服务号码。",
            "This number is at home in province 51: send it to that province's service number.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::Accounts(Vec::new()))),
            "您尚未开通账户，开通请发送：KT 密码。",
            "You have no account yet. To open one, send: OPEN password.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::Accounts(own))),
            "虚拟账户正常，可用余额987.70元，单笔限额200.00元，每日限额1000.00元；银行账户已冻结，单笔限额200.00元，每日限额1000.00元。",
            "stored-value account active, available 987.70 yuan, limits 200.00 yuan per payment and 1000.00 per day; bank account frozen, limits 200.00 yuan per payment and 1000.00 per day.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::Moves(vec![(START, Money::ZERO - amount), (START, amount)], balance))),
            "2026年11月23日10:00 -12.30元；2026年11月23日10:00 +12.30元；可用余额987.70元。",
            "2026-11-23 10:00 -12.30 yuan; 2026-11-23 10:00 +12.30 yuan; available: 987.70 yuan.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::CodeNeeded(Keyword::Yes))),
            "请连同短信中的确认码一起发送：Y 确认码。",
            "Please send it with the code of the text: Y code.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::Confirmed(Keyword::Yes))),
            "您已确认该笔支付。",
            "You have confirmed the payment.",
        ),
        (
            SmsText::Answer(Box::new(SmsAnswer::Confirmed(Keyword::No))),
            "您已拒绝该笔支付，未扣款。",
            "You have declined the payment: nothing was taken.",
        ),
    ]
}

#[test]
fn every_text_reads_as_written() {
    for (text, chinese, english) in texts() {
        assert_eq!(text.render(Language::Chinese), format!("【移动支付】{chinese}"));
        assert_eq!(text.render(Language::English), format!("[Mobile Payment] {english}"));
    }
}

/// Holds the list above to the enum: a new text does not compile here until it is thought of.
#[test]
fn no_text_is_left_out() {
    let mut kinds: Vec<_> = texts()
        .iter()
        .map(|(text, ..)| match text {
            SmsText::AccountOpened { .. } => 0,
            SmsText::AccountClosed { .. } => 1,
            SmsText::AccountChanged { .. } => 2,
            SmsText::AccountFrozen { .. } => 3,
            SmsText::AccountThawed { .. } => 4,
            SmsText::PasswordLocked { .. } => 5,
            SmsText::ToppedUp { .. } => 6,
            SmsText::Debited { .. } => 7,
            SmsText::Reversed { .. } => 8,
            SmsText::Refunded { .. } => 9,
            SmsText::TransferSent { .. } => 10,
            SmsText::TransferReceived { .. } => 11,
            SmsText::TransferReturned { .. } => 12,
            SmsText::PaidOutside { .. } => 13,
            SmsText::ConfirmBinding { .. } => 14,
            SmsText::HoldGivenUp { .. } => 15,
            SmsText::ReversedOutside { .. } => 16,
            SmsText::RefundedOutside { .. } => 17,
            SmsText::Awarded { .. } => 18,
            SmsText::AwardedOutside { .. } => 19,
            SmsText::AwardWaits { .. } => 20,
            SmsText::RechargedByCard { .. } => 21,
            SmsText::RechargeRefused { .. } => 22,
            SmsText::RechargeLocked { .. } => 23,
            SmsText::Shipped { .. } => 24,
            SmsText::CardChanged { .. } => 25,
            SmsText::WishRefused { .. } => 26,
            SmsText::WishLapsed { .. } => 27,
            SmsText::ToppedUpByBank { .. } => 28,
            SmsText::BankTopUpRefused { .. } => 29,
            SmsText::ConfirmPurchase { .. } => 30,
            SmsText::PartTaken { .. } => 31,
            SmsText::FromSp { .. } => 32,
            SmsText::Answer(_) => 33,
        })
        .collect();
    kinds.dedup();
    assert_eq!(kinds, (0..34).collect::<Vec<_>>());
}
