//! The words of every text a subscriber may be sent, in Chinese and English (source §5.4). Pure: the
//! same text gives the same words wherever it is sent from. Times are China time.

use crate::account::{AccountKind, Language};
use crate::effect::SmsText;
use crate::money::Money;
use crate::time::{LogTime, civil};

/// China is eight hours ahead of UTC all year.
const CHINA_OFFSET_MS: u64 = 8 * 3_600_000;

impl SmsText {
    /// The words in one language.
    #[must_use]
    pub fn render(&self, language: Language) -> String {
        match language {
            Language::Chinese => format!("【移动支付】{}", self.chinese()),
            Language::English => format!("[Mobile Payment] {}", self.english()),
        }
    }

    fn chinese(&self) -> String {
        match self {
            Self::AccountOpened { kind, limits: (per_payment, daily) } => {
                format!("您的{}已开通，单笔限额{per_payment}元，每日限额{daily}元。", kind_zh(*kind))
            }
            Self::AccountClosed { kind, paid_out: Money::ZERO } => format!("您的{}已注销。", kind_zh(*kind)),
            Self::AccountClosed { kind, paid_out } => {
                format!("您的{}已注销，余额{paid_out}元已由代理点以现金退还。", kind_zh(*kind))
            }
            Self::AccountChanged { kind, password, limits: (per_payment, daily) } => {
                let password = if *password { "支付密码已修改，" } else { "" };
                format!("您的{}已变更：{password}单笔限额{per_payment}元，每日限额{daily}元。", kind_zh(*kind))
            }
            Self::AccountFrozen { kind, until: None } => {
                format!("您的{}已冻结，冻结期间不能支付，退回的款项仍会入账。", kind_zh(*kind))
            }
            Self::AccountFrozen { kind, until: Some(until) } => {
                format!(
                    "您的{}已冻结，将于{}自动解冻，期间不能支付，退回的款项仍会入账。",
                    kind_zh(*kind),
                    time_zh(*until)
                )
            }
            Self::AccountThawed { kind } => format!("您的{}已解冻，可以正常使用。", kind_zh(*kind)),
            Self::PasswordLocked { until } => {
                format!("支付密码连续输入错误，已被锁定至{}。如非本人操作，请立即联系客服。", time_zh(*until))
            }
            Self::ToppedUp { amount, balance } => format!("充值{amount}元成功，当前可用余额{balance}元。"),
            Self::Debited { order, title, amount, balance } => {
                format!("您购买“{title}”支付{amount}元成功，可用余额{balance}元。订单号{order}。")
            }
            Self::Reversed { order, amount, balance } => {
                format!("订单{order}已冲正，{amount}元已退回您的账户，可用余额{balance}元。")
            }
            Self::Refunded { order, amount, balance } => {
                format!("订单{order}退款{amount}元已到账，可用余额{balance}元。")
            }
            Self::TransferSent { transfer, payee, amount, balance } => {
                format!("您向{}转帐{amount}元，可用余额{balance}元。转帐号{transfer}。", payee.masked())
            }
            Self::TransferReceived { transfer, payer, amount, balance } => {
                format!("{}向您转帐{amount}元已到账，可用余额{balance}元。转帐号{transfer}。", payer.masked())
            }
            Self::TransferReturned { transfer, amount, balance } => {
                format!("转帐{transfer}未能入账，{amount}元已退回您的账户，可用余额{balance}元。")
            }
            Self::PaidOutside { order, title, amount, kind } => {
                format!("您购买“{title}”使用{}支付{amount}元成功。订单号{order}。", kind_zh(*kind))
            }
            Self::ConfirmBinding { last_four, code, until } => {
                format!(
                    "您尾号{last_four}的银行卡申请绑定本号码用于支付，验证码{code:06}，{}前有效。如非本人操作请勿告知他人。",
                    time_zh(*until)
                )
            }
            Self::HoldGivenUp { order, amount, kind } => {
                format!("订单{order}已取消，{}上预留的{amount}元已解除，未扣款。", kind_zh(*kind))
            }
            Self::ReversedOutside { order, amount, kind } => {
                format!("订单{order}已冲正，{amount}元已退回您的{}。", kind_zh(*kind))
            }
            Self::RefundedOutside { order, amount, kind } => {
                format!("订单{order}退款{amount}元已退回您的{}。", kind_zh(*kind))
            }
            Self::Awarded { order, amount, balance } => {
                format!("恭喜您中奖！订单{order}奖金{amount}元（税后）已到账，可用余额{balance}元。")
            }
            Self::AwardedOutside { order, amount, kind } => {
                format!("恭喜您中奖！订单{order}奖金{amount}元（税后）已转入您的{}。", kind_zh(*kind))
            }
            Self::AwardWaits { order, amount } => {
                format!("恭喜您中奖！订单{order}奖金{amount}元（税后）待领取：开通或解冻账户后自动到账。")
            }
            Self::RechargedByCard { amount, balance } => {
                format!("充值卡充值{amount}元成功，当前可用余额{balance}元。")
            }
            Self::RechargeRefused { why } => format!("充值卡充值未成功：{}。", why.text_zh()),
            Self::RechargeLocked { until } => {
                format!("充值卡密码多次输入错误，充值卡充值已锁定至{}。", time_zh(*until))
            }
            Self::Shipped { order, carrier, tracking } => {
                format!("订单{order}的商品已由{carrier}发出，运单号{tracking}。收到后请确认收货。")
            }
            Self::CardChanged { last_four } => {
                format!("您的银行账户的银行卡资料已变更，现使用尾号{last_four}的银行卡。如非本人申请，请立即联系银行。")
            }
            Self::WishRefused { last_four, why } => {
                format!("您申请绑定尾号{last_four}的银行卡未成功：{}。", why.text_zh())
            }
            Self::WishLapsed { last_four } => {
                format!("您申请绑定尾号{last_four}的银行卡，银行未在24小时内答复，申请已失效，您可以重新申请。")
            }
            Self::ToppedUpByBank { amount, balance } => {
                format!("银行卡充值{amount}元成功，当前可用余额{balance}元。")
            }
            Self::BankTopUpRefused { amount, why } => {
                format!("银行卡充值{amount}元未成功：{}。", why.text_zh())
            }
            Self::ConfirmPurchase { merchant, title, amount, code, until, reserve, .. } => {
                let pay = if *reserve { "预留" } else { "支付" };
                let until = time_zh(*until);
                format!(
                    "{merchant}请求您为“{title}”{pay}{amount}元。同意请回复Y{code:06}，不同意请回复N{code:06}，{until}前有效。请勿将验证码告知他人。"
                )
            }
            Self::PartTaken { order, taken, freed, kind } => {
                format!("订单{order}实扣{taken}元，{}上其余预留的{freed}元已解除。", kind_zh(*kind))
            }
            Self::Answer(answer) => answer.chinese(),
            Self::FromSp { sender, words } => format!("{sender}：{words}"),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::AccountOpened { kind, limits: (per_payment, daily) } => {
                let kind = kind_en(*kind);
                format!("Your {kind} is open. Limits: {per_payment} yuan per payment, {daily} yuan per day.")
            }
            Self::AccountClosed { kind, paid_out: Money::ZERO } => format!("Your {} is closed.", kind_en(*kind)),
            Self::AccountClosed { kind, paid_out } => {
                format!("Your {} is closed. The balance of {paid_out} yuan was paid out in cash.", kind_en(*kind))
            }
            Self::AccountChanged { kind, password, limits: (per_payment, daily) } => {
                let password = if *password { " The payment password is new." } else { "" };
                let kind = kind_en(*kind);
                format!(
                    "Your {kind} was changed.{password} Limits: {per_payment} yuan per payment, {daily} yuan per day."
                )
            }
            Self::AccountFrozen { kind, until: None } => {
                format!("Your {} is frozen: it can not pay. Money that comes back still arrives.", kind_en(*kind))
            }
            Self::AccountFrozen { kind, until: Some(until) } => {
                let (kind, until) = (kind_en(*kind), time_en(*until));
                format!("Your {kind} is frozen until {until}: it can not pay. Money that comes back still arrives.")
            }
            Self::AccountThawed { kind } => format!("Your {} is no longer frozen.", kind_en(*kind)),
            Self::PasswordLocked { until } => {
                let until = time_en(*until);
                format!(
                    "Too many wrong payment passwords: locked until {until}. If this was not you, call customer service now."
                )
            }
            Self::ToppedUp { amount, balance } => format!("{amount} yuan topped up. Available: {balance} yuan."),
            Self::Debited { order, title, amount, balance } => {
                format!("You paid {amount} yuan for \"{title}\". Available: {balance} yuan. Order {order}.")
            }
            Self::Reversed { order, amount, balance } => {
                format!("Order {order} was reversed: {amount} yuan came back. Available: {balance} yuan.")
            }
            Self::Refunded { order, amount, balance } => {
                format!("Order {order}: {amount} yuan was refunded. Available: {balance} yuan.")
            }
            Self::TransferSent { transfer, payee, amount, balance } => {
                let payee = payee.masked();
                format!("You sent {amount} yuan to {payee}. Available: {balance} yuan. Transfer {transfer}.")
            }
            Self::TransferReceived { transfer, payer, amount, balance } => {
                let payer = payer.masked();
                format!("{payer} sent you {amount} yuan. Available: {balance} yuan. Transfer {transfer}.")
            }
            Self::TransferReturned { transfer, amount, balance } => {
                format!(
                    "Transfer {transfer} could not be credited: {amount} yuan came back. Available: {balance} yuan."
                )
            }
            Self::PaidOutside { order, title, amount, kind } => {
                format!("You paid {amount} yuan for \"{title}\" by your {}. Order {order}.", kind_en(*kind))
            }
            Self::ConfirmBinding { last_four, code, until } => {
                format!(
                    "The bank card ending in {last_four} asks to be bound to this number. Code {code:06}, valid until {}. Tell nobody unless it was you.",
                    time_en(*until)
                )
            }
            Self::HoldGivenUp { order, amount, kind } => {
                let kind = kind_en(*kind);
                format!("Order {order} was cancelled: the {amount} yuan set aside on your {kind} are free again.")
            }
            Self::ReversedOutside { order, amount, kind } => {
                format!("Order {order} was reversed: {amount} yuan went back to your {}.", kind_en(*kind))
            }
            Self::RefundedOutside { order, amount, kind } => {
                format!("Order {order}: {amount} yuan was refunded to your {}.", kind_en(*kind))
            }
            Self::Awarded { order, amount, balance } => {
                format!("You have won! {amount} yuan after tax for order {order}. Available: {balance} yuan.")
            }
            Self::AwardedOutside { order, amount, kind } => {
                let kind = kind_en(*kind);
                format!("You have won! {amount} yuan after tax for order {order} went to your {kind}.")
            }
            Self::AwardWaits { order, amount } => {
                format!(
                    "You have won! {amount} yuan after tax for order {order} wait for you: open an account, or have yours thawed."
                )
            }
            Self::RechargedByCard { amount, balance } => {
                format!("{amount} yuan topped up by recharge card. Available: {balance} yuan.")
            }
            Self::RechargeRefused { why } => {
                format!("The top-up by recharge card failed: {}.", why.code().replace('_', " "))
            }
            Self::RechargeLocked { until } => {
                format!("Too many wrong recharge card PINs: topping up by card is locked until {}.", time_en(*until))
            }
            Self::Shipped { order, carrier, tracking } => {
                format!(
                    "The goods of order {order} are on their way: {carrier}, {tracking}. Please confirm when they are there."
                )
            }
            Self::CardChanged { last_four } => format!(
                "The card of your bank account was changed: it uses the card ending in {last_four} now. If this was not asked for by you, call your bank now."
            ),
            Self::WishRefused { last_four, why } => {
                format!("Your bank does not bind the card ending in {last_four}: {}.", why.text_en())
            }
            Self::WishLapsed { last_four } => format!(
                "Your bank did not answer within 24 hours whether it binds the card ending in {last_four}. You may ask again."
            ),
            Self::ToppedUpByBank { amount, balance } => {
                format!("{amount} yuan topped up from your bank card. Available: {balance} yuan.")
            }
            Self::BankTopUpRefused { amount, why } => {
                format!("The top-up of {amount} yuan from your bank card failed: {}.", why.code().replace('_', " "))
            }
            Self::ConfirmPurchase { merchant, title, amount, code, until, reserve, .. } => {
                let pay = if *reserve { "set aside" } else { "pay" };
                let until = time_en(*until);
                format!(
                    "{merchant} asks you to {pay} {amount} yuan for \"{title}\". Reply Y{code:06} to agree, N{code:06} to \
                     refuse, by {until}. Tell nobody the code."
                )
            }
            Self::PartTaken { order, taken, freed, kind } => {
                format!(
                    "Order {order}: {taken} yuan was taken, the other {freed} yuan on your {} is free.",
                    kind_en(*kind)
                )
            }
            Self::Answer(answer) => answer.english(),
            Self::FromSp { sender, words } => format!("{sender}: {words}"),
        }
    }
}

pub(crate) const fn kind_zh(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Communication => "通信账户",
        AccountKind::StoredValue => "虚拟账户",
        AccountKind::Bank => "银行账户",
    }
}

pub(crate) const fn kind_en(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Communication => "communication account",
        AccountKind::StoredValue => "stored-value account",
        AccountKind::Bank => "bank account",
    }
}

pub(crate) fn time_zh(at: LogTime) -> String {
    let (year, month, day, hour, minute, ..) = civil(at.0.saturating_add(CHINA_OFFSET_MS));
    format!("{year}年{month}月{day}日{hour:02}:{minute:02}")
}

pub(crate) fn time_en(at: LogTime) -> String {
    let (year, month, day, hour, minute, ..) = civil(at.0.saturating_add(CHINA_OFFSET_MS));
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
}
