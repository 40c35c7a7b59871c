//! What is said: one table of sentences in both languages, each with a stable id that a gateway can play a recording by.
//! Amounts, digits and names are parts of their own.

use mpss_domain::account::Language;
use mpss_domain::{Money, Refusal};

use crate::intake::refusal_text;

macro_rules! sentences {
    ($($(#[$doc:meta])* $name:ident = $id:literal $zh:literal $en:literal;)*) => {
        /// A sentence of the menu.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Sentence { $($(#[$doc])* $name,)* }

        impl Sentence {
            /// Every one.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What a recording of it is found by.
            pub(crate) const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            const fn zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }

            const fn en(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }
        }
    };
}

sentences! {
    Welcome = "welcome" "欢迎使用移动支付。" "Welcome to mobile payment.";
    /// In both languages: nothing is chosen yet.
    ChooseLanguage = "choose_language" "中文请按1。For English, press 2." "中文请按1。For English, press 2.";
    Menu = "menu"
        "查询余额请按1，冻结账户请按2，解冻账户请按3，确认交易请按4，重听请按9。"
        "For your balance, press 1. To freeze your account, 2. To unfreeze it, 3. To confirm a purchase, 4. To hear this again, 9.";
    MenuOperator = "menu_operator" "人工服务请按0。" "For an operator, press 0.";
    AgreeOrRefuse = "agree_or_refuse"
        "同意交易请按1，拒绝交易请按2，返回请按星号键。"
        "To agree to the purchase, press 1. To refuse it, 2. To go back, press star.";
    EnterCode = "enter_code"
        "请输入短信中的六位验证码，以井号键结束，返回请按星号键。"
        "Please enter the six digits of the text message, then hash. To go back, press star.";
    EnterPassword = "enter_password"
        "请输入六位支付密码，以井号键结束，返回请按星号键。"
        "Please enter the six digits of your payment password, then hash. To go back, press star.";
    NothingEntered = "nothing_entered" "没有收到您的输入。" "Nothing was entered.";
    NotUnderstood = "not_understood" "输入有误。" "That was not understood.";
    PutThrough = "put_through" "正在为您转接人工服务。" "You are being put through to an operator.";
    Goodbye = "goodbye" "感谢您的来电，再见。" "Thank you for calling. Goodbye.";
    CallTooLong = "call_too_long" "本次通话步骤过多。" "This call has taken too many steps.";
    NoAccounts = "no_accounts" "您尚未开通账户。" "You have no account yet.";
    AccountVirtual = "account_virtual" "虚拟账户" "Virtual account";
    AccountCommunication = "account_communication" "通信账户" "Communication account";
    AccountBank = "account_bank" "银行账户" "Bank account";
    StatusPending = "status_pending" "待确认。" "waits for your confirmation.";
    StatusActive = "status_active" "正常。" "in use.";
    StatusFrozen = "status_frozen" "已冻结。" "frozen.";
    Available = "available" "可用余额" "The available balance is";
    AccountFrozen = "account_frozen" "账户已冻结。" "The account is frozen.";
    AccountThawed = "account_thawed" "账户已解冻。" "The account is no longer frozen.";
    PurchaseAgreed = "purchase_agreed" "已确认交易" "The purchase is agreed to:";
    PurchaseRefused = "purchase_refused" "已拒绝交易" "The purchase is refused:";
    ResultByText = "result_by_text" "结果将以短信通知。" "The result will be told by text message.";
    HomeElsewhere = "home_elsewhere" "本号码的归属省为" "The home province of this number is";
    CallHome = "call_home" "请拨打归属省的服务号码。" "Please call the service number of that province.";
    NoSubscriber = "no_subscriber" "本号码不能使用本服务。" "This service is not for this number.";
}

/// One part of what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A sentence.
    Say(Sentence),
    /// Why something was refused.
    Refused(Refusal),
    /// An amount.
    Amount(Money),
    /// Digits, each said by itself.
    Digits(String),
    /// A name, read aloud.
    Name(String),
}

impl Part {
    /// What a recording is found by; of what is no recording, what it is.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Say(sentence) => sentence.id().to_owned(),
            Self::Refused(refusal) => format!("refusal.{}", refusal.code()),
            Self::Amount(_) => "amount".to_owned(),
            Self::Digits(_) => "digits".to_owned(),
            Self::Name(_) => "name".to_owned(),
        }
    }

    /// `prompt`, `amount`, `digits` or `name`.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Say(_) | Self::Refused(_) => "prompt",
            Self::Amount(_) => "amount",
            Self::Digits(_) => "digits",
            Self::Name(_) => "name",
        }
    }

    /// What is to be said, for a machine that says amounts and digits in its own way.
    pub(crate) fn value(&self) -> Option<String> {
        match self {
            Self::Say(_) | Self::Refused(_) => None,
            Self::Amount(amount) => Some(amount.to_string()),
            Self::Digits(text) | Self::Name(text) => Some(text.clone()),
        }
    }

    /// The words.
    pub(crate) fn text(&self, language: Language) -> String {
        match (self, language) {
            (Self::Say(sentence), Language::Chinese) => sentence.zh().to_owned(),
            (Self::Say(sentence), Language::English) => sentence.en().to_owned(),
            (Self::Refused(refusal), Language::Chinese) => format!("{}。", refusal.text_zh()),
            (Self::Refused(refusal), Language::English) => refusal_text::english(refusal.number()).to_owned(),
            (Self::Amount(amount), Language::Chinese) => format!("{amount}元。"),
            (Self::Amount(amount), Language::English) => format!("{amount} yuan."),
            (Self::Digits(text) | Self::Name(text), _) => text.clone(),
        }
    }
}

/// The language as RFC 5646 has it.
pub(crate) const fn tag(language: Language) -> &'static str {
    match language {
        Language::Chinese => "zh-CN",
        Language::English => "en-US",
    }
}
