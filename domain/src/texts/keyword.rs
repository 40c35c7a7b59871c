//! What a subscriber may send: one table of words, and how each is used. How tolerantly they are read is the edge's
//! affair; what they are is the same wherever they are read or explained.

use serde::{Deserialize, Serialize};

/// A command of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Keyword {
    /// 开通.
    Open,
    /// 注销.
    Close,
    /// 余额.
    Balance,
    /// 明细.
    Statement,
    /// 充值, by recharge card.
    TopUp,
    /// 支付: money to another subscriber.
    Pay,
    /// Yes to a charge that waits for it.
    Yes,
    /// No to it.
    No,
    /// 绑卡: the code of a bank card that is to be bound.
    Bind,
    /// 冻结.
    Freeze,
    /// 解冻.
    Thaw,
    /// 限额.
    Limits,
    /// 改密.
    Password,
    /// What a subscriber has.
    Mine,
    /// 帮助.
    Help,
}

/// A command's words and how it is used.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Which.
    pub keyword: Keyword,
    /// Words it is known by, in capitals: of pinyin, Chinese, English.
    pub words: &'static [&'static str],
    /// How it is used, in Chinese.
    pub zh: &'static str,
    /// How it is used, in English.
    pub en: &'static str,
}

/// Every command, in the order help names them.
pub const TABLE: &[Usage] = &[
    usage(Keyword::Open, &["KT", "开通", "OPEN"], "KT 密码", "OPEN password"),
    usage(Keyword::Balance, &["YE", "余额", "BALANCE"], "YE", "BALANCE"),
    usage(Keyword::Statement, &["MX", "明细", "STATEMENT"], "MX", "STATEMENT"),
    usage(Keyword::TopUp, &["CZ", "充值", "TOPUP"], "CZ 卡密，CZ 号码 卡密", "TOPUP card, TOPUP number card"),
    usage(Keyword::Pay, &["ZF", "支付", "PAY"], "ZF 号码 金额 密码", "PAY number amount password"),
    usage(Keyword::Yes, &["Y", "是", "YES"], "Y 确认码", "Y code"),
    usage(Keyword::No, &["N", "否", "NO"], "N 确认码", "N code"),
    usage(Keyword::Bind, &["BK", "绑卡", "BIND"], "BK 验证码 密码", "BIND code password"),
    usage(Keyword::Freeze, &["DJ", "冻结", "FREEZE"], "DJ 密码", "FREEZE password"),
    usage(Keyword::Thaw, &["JD", "解冻", "THAW"], "JD 密码", "THAW password"),
    usage(Keyword::Limits, &["XE", "限额", "LIMIT"], "XE 单笔 每日 密码", "LIMIT payment day password"),
    usage(Keyword::Password, &["GM", "改密", "PASSWORD"], "GM 旧密码 新密码", "PASSWORD old new"),
    usage(Keyword::Close, &["ZX", "注销", "CLOSE"], "ZX 密码", "CLOSE password"),
    usage(Keyword::Mine, &["0000", "00000", "查询", "MINE"], "0000", "0000"),
    usage(Keyword::Help, &["BZ", "帮助", "HELP"], "BZ", "HELP"),
];

const fn usage(keyword: Keyword, words: &'static [&'static str], zh: &'static str, en: &'static str) -> Usage {
    Usage { keyword, words, zh, en }
}

impl Keyword {
    /// How it is used.
    ///
    /// # Panics
    /// Never: each stands in the table.
    #[must_use]
    pub fn usage(self) -> &'static Usage {
        TABLE.iter().find(|usage| usage.keyword == self).expect("each stands in the table")
    }
}
