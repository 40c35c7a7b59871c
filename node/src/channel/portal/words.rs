//! Every text of the portals in both languages, one line each.

use super::table::{Lang, words};

words! {
    site: "移动支付", "Mobile payment";
    skip: "跳到正文", "Skip to content";
    other_language: "English", "中文";
    sign_in: "登录", "Sign in";
    sign_out: "退出", "Sign out";
    signed_in_as: "当前用户", "Signed in as";
    catalogue: "商品", "Goods";
    accounts: "账户", "Accounts";
    statement: "账单", "Statement";
    texts: "短信记录", "Text messages";
    texts_why: "仅显示发送情况，不显示短信内容和验证码。", "What became of texts to you. Their words, and codes in them, are not shown.";
    msisdn: "手机号码", "Phone number";
    payment_password: "支付密码（6位数字）", "Payment password (6 digits)";
    show_goods: "查看商品", "Show goods";
    who_buys: "请输入手机号码，查看您在此地可以购买的商品。", "Give your number to see what you can buy here.";
    nothing_here: "没有内容。", "Nothing here.";
    incomplete: "全国商品暂时无法显示。", "National goods can not be shown now.";
    title: "名称", "Title";
    seller: "商户", "Sold by";
    price: "价格（元）", "Price (yuan)";
    kind: "类型", "Kind";
    scope: "范围", "For";
    buy: "购买", "Buy";
    quantity: "数量", "Quantity";
    account: "付款账户", "Pay from";
    how: "确认方式", "Confirm by";
    by_password: "支付密码", "Payment password";
    by_sms: "短信验证码", "Code by text";
    bill_number: "账单号", "Bill number";
    bill_amount: "账单金额（元）", "Bill amount (yuan)";
    recipient_name: "收货人", "Recipient";
    recipient_phone: "收货人电话", "Recipient's phone";
    recipient_address: "收货地址", "Address";
    not_yours: "此商品不对您开放。", "You can not buy this here and now.";
    order: "订单", "Order";
    amount: "金额（元）", "Amount (yuan)";
    status: "状态", "Status";
    refunded: "已退款（元）", "Refunded (yuan)";
    resolves_by: "最迟处理时间", "Resolved by";
    history: "经过", "What happened";
    still_open: "处理中，本页会自动刷新。", "Still under way; this page looks again by itself.";
    code: "短信验证码（6位数字）", "Code of the text (6 digits)";
    code_sent: "已发送短信验证码，请输入以确认付款。", "A code was sent to you by text. Enter it to pay.";
    agree: "同意付款", "Pay";
    refuse: "拒绝", "Refuse";
    show_cards: "查看卡密", "Show the cards";
    cards_final: "查看后订单不能撤销或退款。", "Once shown, the order can not be undone or refunded.";
    card_number: "卡号", "Card number";
    card_pin: "卡密", "PIN";
    expires: "有效期至", "Good until";
    ticket: "票", "Ticket";
    ticket_code: "票码", "Code";
    balance: "余额（元）", "Balance (yuan)";
    held: "冻结金额（元）", "Held (yuan)";
    daily_limit: "每日限额（元）", "Daily limit (yuan)";
    per_payment_limit: "单笔限额（元）", "Limit for one payment (yuan)";
    used_today: "今日已用（元）", "Used today (yuan)";
    frozen_until: "冻结至", "Frozen until";
    freeze: "冻结账户", "Freeze the account";
    thaw: "解冻账户", "Thaw the account";
    thaw_on: "解冻日期（可不填）", "Thaw by itself on (optional)";
    from: "从（含）", "From (day)";
    until: "至（含）", "To (day)";
    show: "显示", "Show";
    reference: "编号", "Reference";
    after_it: "余额（元）", "Balance (yuan)";
    earlier: "更早", "Earlier";
    at_home: "您的号码不属于本省。账户和账单请在归属省的门户查看；本地商品可以直接购买。",
        "Your number is not of this province. See accounts and statement at the portal of your home province; goods can be bought here without signing in.";
    home_province: "归属省", "Home province";
    not_signed_in: "请先登录。", "Please sign in.";
    session_over: "会话已结束，请重新登录。", "The session is over. Please sign in again.";
    form_not_ours: "页面已过期，未作任何更改，请重试。", "This page has expired. Nothing was changed; please try again.";
    not_found: "未找到该页面。", "There is no such page.";
    too_many: "请求过于频繁，请稍后再试。", "Too many requests. Try again in a moment.";
    wrong_sign_in: "手机号码或支付密码不正确。", "Number or payment password is not right.";
    wrong_person: "用户名或密码不正确。", "Name or password is not right.";
    locked: "尝试次数过多，请稍后再试。", "Too many attempts. Try again later.";
    refused: "未完成", "Not done";
    name: "用户名", "Name";
    password: "密码", "Password";
    desk: "审核台", "Reviewer's desk";
    in_review: "待审核商品", "Goods to be reviewed";
    ready: "已通过、待上架", "Approved, not on sale";
    on_sale: "在售商品", "Goods on sale";
    uploaded_by: "上传人", "Uploaded by";
    uploaded_at: "上传时间", "Uploaded at";
    deadline: "交付期限（毫秒）", "Delivery deadline (ms)";
    approve: "通过", "Approve";
    reject: "拒绝", "Reject";
    reason: "原因（拒绝时必填）", "Reason (needed to reject)";
    publish: "上架", "Publish";
    withdraw: "下架", "Withdraw";
    applications: "商户申请", "SPs' applications";
    sps: "商户", "SPs";
    documents: "证件", "Documents";
    contact: "联系人", "Contact";
    settlement_bank: "结算银行", "Settlement bank";
    entered_by: "录入人", "Entered by";
    risk_grade: "风险等级", "Risk grade";
    suspend: "暂停", "Suspend";
    resume: "恢复", "Resume";
    own_goods: "我的商品", "Own goods";
    orders: "订单", "Orders";
    settlement: "待结算", "Settlement to come";
    payable: "应付商户（元）", "Payable to the SP (yuan)";
    prize_pool: "奖池（元）", "Prize pool (yuan)";
    keys: "密钥", "Keys";
    upload: "上传商品", "Upload goods";
    change: "修改", "Change";
    day: "日期", "Day";
    all: "全部", "All";
    national: "全国平台", "National platform";
}

/// What a word of the interface is called; the word itself when it has no name here.
pub(crate) fn named(lang: Lang, word: &str) -> &str {
    let found = NAMES.iter().find(|(known, _, _)| *known == word);
    found.map_or(word, |(_, zh, en)| lang.pick(zh, en))
}

const NAMES: &[(&str, &str, &str)] = &[
    // Kinds of account.
    ("virtual", "虚拟账户", "Virtual account"),
    ("communication", "通信账户", "Phone bill"),
    ("bank", "银行账户", "Bank card"),
    // Life cycles.
    ("pending", "待确认", "Pending"),
    ("active", "正常", "Active"),
    ("frozen", "已冻结", "Frozen"),
    ("closed", "已销户", "Closed"),
    ("created", "已创建", "Created"),
    ("awaiting_confirmation", "等待确认", "Waiting for your word"),
    ("confirmation_asked", "已发短信确认", "You were asked by text"),
    ("paying", "付款中", "Paying"),
    ("payment_asked", "请求付款", "Payment asked"),
    ("paid", "已付款", "Paid"),
    ("reserved", "已预留", "Money set aside"),
    ("charged", "已计费", "Charged"),
    ("delivering", "交付中", "Delivering"),
    ("delivery_asked", "请求交付", "Delivery asked"),
    ("delivered", "已交付", "Delivered"),
    ("declined", "已拒绝", "Declined"),
    ("expired", "已过期", "Expired"),
    ("reversing", "冲正中", "Being reversed"),
    ("reversal_asked", "请求冲正", "Reversal asked"),
    ("reversed", "已冲正", "Reversed"),
    ("partly_refunded", "部分退款", "Partly refunded"),
    ("refund_asked", "请求退款", "Refund asked"),
    ("refund_declined", "退款被拒", "Refund declined"),
    ("refunded", "已退款", "Refunded"),
    ("late_acceptance", "商户迟到的确认", "Accepted too late"),
    ("late_payment", "迟到的付款", "Paid too late"),
    ("ticket_checked", "已检票", "Ticket checked"),
    ("cards_shown", "卡密已查看", "Cards shown"),
    ("shipped", "已发货", "On the way"),
    ("received", "已收货", "Received"),
    // Goods.
    ("bill_payment", "缴费", "Bills"),
    ("lottery", "彩票", "Lottery"),
    ("card_sale", "购卡", "Cards"),
    ("shopping", "购物", "Shopping"),
    ("pay_per_use", "付费", "Pay per use"),
    ("ticketing", "票务", "Tickets"),
    ("local", "本地", "Local"),
    ("roaming", "漫游地", "Visitors"),
    ("national", "全国", "National"),
    ("in_review", "待审核", "In review"),
    ("approved", "已通过", "Approved"),
    ("published", "在售", "On sale"),
    ("rejected", "未通过", "Rejected"),
    ("withdrawn", "已下架", "Withdrawn"),
    ("admitted", "已准入", "Admitted"),
    ("suspended", "已暂停", "Suspended"),
    // Statement.
    ("purchase", "消费", "Purchase"),
    ("clearing", "清算", "Clearing"),
    ("reversal", "冲正", "Reversal"),
    ("refund", "退款", "Refund"),
    ("top_up", "充值", "Top-up"),
    ("pay_out", "销户取款", "Paid out"),
    ("transfer", "转账", "Transfer"),
    ("transfer_returned", "转账退回", "Transfer returned"),
    ("returned", "退回", "Returned"),
    ("award", "派奖", "Award"),
    // Texts and keys.
    ("waiting", "等待", "Waiting"),
    ("sending", "发送中", "Being sent"),
    ("sent", "已发送", "Sent"),
    ("failed", "失败", "Failed"),
    ("superseded", "已作废", "Superseded"),
    ("unknown", "未知", "Unknown"),
    ("good", "有效", "Good"),
    ("over", "已过期", "Over"),
    ("ended", "已终止", "Ended"),
    ("valid", "有效", "Valid"),
    ("checked", "已检票", "Checked"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_named_once_and_in_both_languages() {
        let mut seen = std::collections::BTreeSet::new();
        for (word, zh, en) in NAMES {
            assert!(seen.insert(word), "{word} is named twice");
            assert!(!zh.is_ascii() && en.is_ascii(), "{word}: {zh} {en}");
        }
        assert_eq!(named(Lang::English, "no_such_word"), "no_such_word");
    }
}
