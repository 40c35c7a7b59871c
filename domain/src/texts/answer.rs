//! What a subscriber is answered who has sent a command. What a command has done is told by the text that belongs to it
//! wherever it comes from; here is the rest: what was asked for, and why something was not done. No password is ever
//! repeated.

use serde::{Deserialize, Serialize};

use crate::account::{AccountKind, AccountStatus};
use crate::ids::ProvinceId;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::sms_text::{kind_en, kind_zh, time_en, time_zh};
use crate::texts::keyword::{Keyword, TABLE};
use crate::time::LogTime;

/// An account as its owner is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAccount {
    /// Its kind.
    pub kind: AccountKind,
    /// Where it stands.
    pub status: AccountStatus,
    /// What can be spent; of money that is kept here alone.
    pub balance: Option<Money>,
    /// Limits: per payment, per day.
    pub limits: (Money, Money),
}

/// What a subscriber is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmsAnswer {
    /// Every command, and how it is used.
    Help,
    /// A command that lacks something, or has too much.
    HowToUse(Keyword),
    /// It was refused.
    Refused(Keyword, Refusal),
    /// The new password is too easily guessed.
    WeakPassword,
    /// The two new passwords are not the same.
    PasswordsDiffer,
    /// The number is at home elsewhere.
    HomeElsewhere(ProvinceId),
    /// What the subscriber has, with balances.
    Accounts(Vec<OwnAccount>),
    /// The newest movements of the virtual account, newest first, and its balance.
    Moves(Vec<(LogTime, Money)>, Money),
    /// A confirmation without its code: which charge is meant is not guessed.
    CodeNeeded(Keyword),
    /// A charge was confirmed or declined.
    Confirmed(Keyword),
}

impl SmsAnswer {
    pub(crate) fn chinese(&self) -> String {
        match self {
            Self::Help => listed("可发送：", TABLE.iter().map(|usage| usage.zh), "；", "。"),
            Self::HowToUse(keyword) => format!("指令格式不正确，请发送：{}。", keyword.usage().zh),
            Self::Refused(keyword, why) => format!("{}未成功：{}。", keyword.usage().words[1], why.text_zh()),
            Self::WeakPassword => "支付密码过于简单，请换一个。".into(),
            Self::PasswordsDiffer => "两次输入的新密码不一致，请重新发送。".into(),
            Self::HomeElsewhere(home) => format!("本号码的归属省为{home}，请发送至归属省的服务号码。"),
            Self::Accounts(accounts) if accounts.is_empty() => {
                format!("您尚未开通账户，开通请发送：{}。", Keyword::Open.usage().zh)
            }
            Self::Accounts(accounts) => listed("", accounts.iter().map(own_zh), "；", "。"),
            Self::Moves(moves, balance) => {
                let moves = moves.iter().map(|(at, amount)| format!("{} {}元", time_zh(*at), signed(*amount)));
                listed("", moves.chain([format!("可用余额{balance}元")]), "；", "。")
            }
            Self::CodeNeeded(keyword) => format!("请连同短信中的确认码一起发送：{}。", keyword.usage().zh),
            Self::Confirmed(Keyword::No) => "您已拒绝该笔支付，未扣款。".into(),
            Self::Confirmed(_) => "您已确认该笔支付。".into(),
        }
    }

    pub(crate) fn english(&self) -> String {
        match self {
            Self::Help => listed("You may send: ", TABLE.iter().map(|usage| usage.en), "; ", "."),
            Self::HowToUse(keyword) => format!("Please send: {}.", keyword.usage().en),
            Self::Refused(keyword, why) => {
                format!("{} was refused: {}.", keyword.usage().words[2], why.code().replace('_', " "))
            }
            Self::WeakPassword => "This payment password is too easily guessed: choose another one.".into(),
            Self::PasswordsDiffer => "The two new passwords are not the same: send it again.".into(),
            Self::HomeElsewhere(home) => {
                format!("This number is at home in province {home}: send it to that province's service number.")
            }
            Self::Accounts(accounts) if accounts.is_empty() => {
                format!("You have no account yet. To open one, send: {}.", Keyword::Open.usage().en)
            }
            Self::Accounts(accounts) => listed("", accounts.iter().map(own_en), "; ", "."),
            Self::Moves(moves, balance) => {
                let moves = moves.iter().map(|(at, amount)| format!("{} {} yuan", time_en(*at), signed(*amount)));
                listed("", moves.chain([format!("available: {balance} yuan")]), "; ", ".")
            }
            Self::CodeNeeded(keyword) => format!("Please send it with the code of the text: {}.", keyword.usage().en),
            Self::Confirmed(Keyword::No) => "You have declined the payment: nothing was taken.".into(),
            Self::Confirmed(_) => "You have confirmed the payment.".into(),
        }
    }
}

fn listed<T: AsRef<str>>(head: &str, pieces: impl Iterator<Item = T>, between: &str, end: &str) -> String {
    let mut text = head.to_owned();
    for (at, piece) in pieces.enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        text.push_str(piece.as_ref());
    }
    text.push_str(end);
    text
}

fn signed(amount: Money) -> String {
    if amount.is_positive() { format!("+{amount}") } else { amount.to_string() }
}

fn own_zh(account: &OwnAccount) -> String {
    let status = match account.status {
        AccountStatus::Pending => "待激活",
        AccountStatus::Active => "正常",
        AccountStatus::Frozen { .. } => "已冻结",
        AccountStatus::Closed => "已注销",
    };
    let balance = account.balance.map(|balance| format!("，可用余额{balance}元")).unwrap_or_default();
    let (per_payment, daily) = account.limits;
    format!("{}{status}{balance}，单笔限额{per_payment}元，每日限额{daily}元", kind_zh(account.kind))
}

fn own_en(account: &OwnAccount) -> String {
    let balance = account.balance.map(|balance| format!(", available {balance} yuan")).unwrap_or_default();
    let (per_payment, daily) = account.limits;
    let (kind, status) = (kind_en(account.kind), account.status.name());
    format!("{kind} {status}{balance}, limits {per_payment} yuan per payment and {daily} per day")
}
