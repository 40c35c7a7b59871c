//! Refusals: outcomes with a stable number and name. A number is never reused or removed.

use serde::{Deserialize, Serialize};

use crate::time::LogTime;
use crate::visibility::HiddenBecause;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $(($data:ty))? = $number:literal $code:literal $retry:ident $zh:literal;)*) => {
        /// Why a request was refused. Nothing moved.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Refusal { $($(#[$doc])* $name $(($data))?,)* }

        impl Refusal {
            /// The stable number.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(refusals!(@pat $name $(($data))?) => $number,)* }
            }

            /// The stable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(refusals!(@pat $name $(($data))?) => $code,)* }
            }

            /// True when the same request may succeed later without being changed.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(refusals!(@pat $name $(($data))?) => refusals!(@retry $retry),)* }
            }

            /// One Chinese sentence for the subscriber.
            #[must_use]
            pub const fn text_zh(self) -> &'static str {
                match self { $(refusals!(@pat $name $(($data))?) => $zh,)* }
            }

            /// Every number and name, ascending by number.
            pub const TABLE: &'static [(u16, &'static str)] = &[$(($number, $code),)*];
        }
    };
    (@pat $name:ident ($data:ty)) => { Self::$name(_) };
    (@pat $name:ident) => { Self::$name };
    (@retry retry) => { true };
    (@retry never) => { false };
}

refusals! {
    /// The request id was used before with other content.
    DuplicateRequest = 1001 "duplicate_request" never "请求号已被使用";
    /// The identity is older than what is still remembered, so it can not be told from a repetition.
    RequestTooOld = 1002 "request_too_old" never "请求已过期";

    /// No range of the number plan holds the number.
    UnknownNumber = 2001 "unknown_number" never "号码不存在";
    /// The number belongs to another operator.
    ForeignOperator = 2002 "foreign_operator" never "不是中国电信用户";
    /// This province is not the number's home under its number plan; look it up again.
    NotHome = 2003 "not_home" retry "非归属省，请重新查询";

    /// There is no such account, or the subscriber has none of the kind.
    AccountNotFound = 3001 "account_not_found" never "账户不存在";
    /// The subscriber has an account of this kind already.
    AccountExists = 3002 "account_exists" never "账户已开通";
    /// The account is frozen.
    AccountFrozen = 3003 "account_frozen" retry "账户已冻结";
    /// The account is closed.
    AccountClosed = 3004 "account_closed" never "账户已注销";
    /// The account has not been confirmed yet.
    AccountPending = 3005 "account_pending" retry "账户未激活";
    /// Money remains in the account.
    BalanceRemains = 3006 "balance_remains" never "账户尚有余额";
    /// Orders that use the account are still open.
    OpenOrdersRemain = 3007 "open_orders_remain" retry "尚有未完成的订单";
    /// The limit asked for is above the ceiling of the account's kind and tier.
    LimitAboveCeiling = 3008 "limit_above_ceiling" never "限额超过上限";
    /// The amount is above the account's limit for one payment.
    PerPaymentLimitExceeded = 3009 "per_payment_limit_exceeded" never "超过单笔限额";
    /// The amount does not fit into what is left of today's limit.
    DailyLimitExceeded = 3010 "daily_limit_exceeded" retry "超过当日限额";
    /// The available balance is smaller than the amount.
    InsufficientFunds = 3011 "insufficient_funds" retry "余额不足";
    /// The balance would rise above the ceiling of the account's kind and tier.
    BalanceCeilingExceeded = 3012 "balance_ceiling_exceeded" retry "超过余额上限";
    /// The account is not frozen.
    AccountNotFrozen = 3013 "account_not_frozen" never "账户未冻结";
    /// The thaw date lies in the past.
    ThawDateInPast = 3014 "thaw_date_in_past" never "解冻日期已过";
    /// Accounts of this kind can not be used for this operation.
    AccountKindUnsupported = 3015 "account_kind_unsupported" never "不支持该账户类型";
    /// A limit is not positive, or the one per payment is above the one per day.
    InvalidLimit = 3016 "invalid_limit" never "限额无效";
    /// The account is frozen already.
    AlreadyFrozen = 3017 "already_frozen" never "账户已处于冻结状态";

    /// The payment password is wrong; the attempt was counted.
    WrongPassword = 4001 "wrong_password" never "支付密码错误";
    /// Too many wrong passwords today; until the time given.
    PasswordLocked(LogTime) = 4002 "password_locked" retry "支付密码已锁定";
    /// The password was changed while the request was under way; not counted, send again.
    PasswordChanged = 4003 "password_changed" retry "支付密码已变更，请重试";

    /// There is no such SP.
    SpNotFound = 5001 "sp_not_found" never "商户不存在";
    /// The SP is suspended.
    SpSuspended = 5002 "sp_suspended" retry "商户已暂停";
    /// There is no such product.
    ProductNotFound = 5003 "product_not_found" never "商品不存在";
    /// The product is not on sale.
    ProductNotPublished = 5004 "product_not_published" never "商品未上架";
    /// The product is not for this subscriber, here and now.
    NotVisible(HiddenBecause) = 5005 "not_visible" never "您当前无法购买该商品";
    /// Nothing is left of the product.
    OutOfStock = 5006 "out_of_stock" retry "商品已售罄";
    /// Whoever uploaded a product must not review it.
    ReviewedByUploader = 5007 "reviewed_by_uploader" never "上传人不得审核";
    /// The product's status does not allow this step.
    WrongProductStatus = 5008 "wrong_product_status" never "商品状态不允许该操作";
    /// A national product is uploaded at the national platform, any other at a province.
    WrongPlaceForScope = 5009 "wrong_place_for_scope" never "商品范围与平台不符";
    /// The SP exists already or is not suspended.
    WrongSpStatus = 5010 "wrong_sp_status" never "商户状态不允许该操作";

    /// There is no such order.
    OrderNotFound = 6001 "order_not_found" never "订单不存在";
    /// There is no such payment.
    PaymentNotFound = 6002 "payment_not_found" never "支付不存在";
    /// The payment was reversed, or cancelled before it came.
    AlreadyReversed = 6003 "already_reversed" never "已冲正";
    /// The reversal window is over; a refund is possible.
    ReversalWindowClosed = 6004 "reversal_window_closed" never "已超过冲正期限";
    /// More would be refunded than was paid.
    RefundExceedsPaid = 6005 "refund_exceeds_paid" never "退款超过可退金额";
    /// The order's status does not allow this step.
    WrongOrderStatus = 6006 "wrong_order_status" retry "订单状态不允许该操作";
    /// The payment id was used before with other content.
    PaymentMismatch = 6007 "payment_mismatch" never "支付内容不一致";
    /// The amount is not positive or above what one request may move.
    AmountOutOfRange = 6008 "amount_out_of_range" never "金额超出范围";
    /// The order was refunded in part; what remains can only be refunded.
    PartlyRefunded = 6009 "partly_refunded" never "订单已部分退款";
    /// The price the buyer saw is not the price in force.
    PriceChanged = 6010 "price_changed" retry "价格已变更";
    /// The other side never answered within the bound; nothing was kept of the payment.
    Unresolved = 6011 "unresolved" retry "交易超时未完成，已撤销";

    /// Payer and payee are the same.
    PayerIsPayee = 7001 "payer_is_payee" never "不能向自己转帐";
    /// The payee has no stored-value account.
    PayeeNotFound = 7002 "payee_not_found" never "收款账户不存在";
    /// The payee's account takes no part in new transactions now.
    PayeeNotActive = 7003 "payee_not_active" retry "收款账户不可用";
    /// The payee's balance would rise above its ceiling.
    PayeeCeilingExceeded = 7004 "payee_ceiling_exceeded" retry "收款账户超过余额上限";
    /// There is no such transfer.
    TransferNotFound = 7005 "transfer_not_found" never "转帐不存在";

    /// The number plan offered is not newer than the one in force.
    PlanNotNewer = 9001 "plan_not_newer" never "号段表版本未更新";
    /// The policy offered is not newer than the one in force, or contradicts itself.
    PolicyNotNewer = 9002 "policy_not_newer" never "策略版本未更新";

    // In the log and in snapshots a refusal is known by its place: new ones are added at the end.

    /// A newer program is being installed and does not decide yet.
    NotYet = 10001 "not_yet" retry "系统升级中，请稍后重试";
    /// Whoever has the account's money could not be reached; it was asked nothing.
    RailUnavailable = 10002 "rail_unavailable" retry "支付渠道暂不可用，请稍后重试";
    /// Whoever has the account's money refused and does not say why.
    DeclinedOutside = 10003 "declined_outside" never "支付渠道拒绝交易";
    /// The card can not be used: expired, lost, or not for this.
    CardUnusable = 10004 "card_unusable" never "银行卡不可用";
    /// The phone line is not in service.
    LineNotInService = 10005 "line_not_in_service" never "号码未在服务状态";
    /// No card waits to be bound to this number.
    BindingNotFound = 10006 "binding_not_found" never "没有待确认的银行卡绑定";
    /// The code is not the one in the text; it was counted.
    WrongCode = 10007 "wrong_code" never "验证码错误";

    /// The SP's award number was used before with other content.
    AwardMismatch = 10101 "award_mismatch" never "派奖内容不一致";
    /// The order is no delivered bet of this subscriber with this SP.
    NotABet = 10102 "not_a_bet" never "订单不可派奖";
    /// An award of this bet stands.
    AlreadyAwarded = 10103 "already_awarded" never "该订单已派奖";
    /// The SP's prize pool holds less.
    PoolTooSmall = 10104 "pool_too_small" retry "奖池余额不足";
    /// There is no such award.
    AwardNotFound = 10105 "award_not_found" never "派奖记录不存在";
    /// The award's status does not allow this step.
    WrongAwardStatus = 10106 "wrong_award_status" never "派奖状态不允许该操作";
    /// Whoever asked for an award must not approve it.
    ApprovedByAsker = 10107 "approved_by_asker" never "申请人不得审批";
    /// The bet was awarded: it can not be undone.
    OrderAwarded = 10108 "order_awarded" never "订单已派奖，不能冲正或退款";

    /// The product, or the order, is not sold from a vault of cards.
    NotFromVault = 10201 "not_from_vault" never "不是库存卡类商品";
    /// A batch is empty, or holds more lines than one request may bring.
    BatchSize = 10202 "batch_size" never "批次为空或超过上限";
    /// The batch was loaded before with other content.
    BatchMismatch = 10203 "batch_mismatch" never "批次号已被使用";
    /// Only the buyer of an order may see its cards.
    NotTheBuyer = 10204 "not_the_buyer" never "不是该订单的购买人";
    /// The cards were shown to the buyer, so the order can not be undone.
    CardShown = 10205 "card_shown" never "卡密已查看，不能撤销或退款";
    /// Cards, tickets and bills are refunded whole.
    WholePiecesOnly = 10206 "whole_pieces_only" never "只能按整张退款";

    /// There is no such ticket.
    TicketNotFound = 10301 "ticket_not_found" never "票不存在";
    /// The ticket was refunded, or its order reversed.
    TicketVoid = 10302 "ticket_void" never "票已作废";
    /// The ticket was checked before, at the time given.
    TicketUsed(LogTime) = 10303 "ticket_used" never "票已使用";

    /// No recharge card has this PIN; it was counted.
    RechargeCardUnknown = 10401 "recharge_card_unknown" never "充值卡密码错误";
    /// The recharge card was used before.
    RechargeCardUsed = 10402 "recharge_card_used" never "充值卡已被使用";
    /// The last day of the recharge card is over.
    RechargeCardExpired = 10403 "recharge_card_expired" never "充值卡已过期";
    /// Another top-up by the same card is under way.
    RechargeCardInUse = 10404 "recharge_card_in_use" retry "该充值卡正在充值中";
    /// The recharge platform does not let the card be used: not activated, or locked there.
    RechargeCardBlocked = 10405 "recharge_card_blocked" never "充值卡未激活或已锁定";
    /// Too many wrong PINs of recharge cards today; until the time given.
    RechargeLocked(LogTime) = 10406 "recharge_locked" retry "充值卡密码多次输入错误，充值卡充值已锁定";
    /// So many recharge cards are being checked for the account that no more is asked at once.
    RechargesUnderWay = 10407 "recharges_under_way" retry "充值卡充值处理中，请稍后再试";
    /// There is no such top-up by recharge card or bank card.
    TopUpNotFound = 10408 "top_up_not_found" never "充值记录不存在";

    /// The product is paid by the number of a bill.
    BillNeeded = 10451 "bill_needed" never "该商品须按账单缴费";
    /// The product is no bill payment.
    NotForBills = 10452 "not_for_bills" never "该商品不是缴费业务";
    /// Another order is paying this bill.
    BillBeingPaid = 10453 "bill_being_paid" retry "账单正在缴费中";
    /// The bill was paid here.
    BillPaid = 10454 "bill_paid" never "账单已缴费";
    /// The bill does not go without the password: it is too large for that, or the first of this customer.
    PasswordNeeded = 10455 "password_needed" never "请输入支付密码";

    /// The UPP's order number was used before with other content.
    UppOrderMismatch = 10501 "upp_order_mismatch" never "统一支付平台订单内容不一致";
    /// There is no order of the UPP with this number.
    UppOrderNotFound = 10502 "upp_order_not_found" never "统一支付平台订单不存在";
    /// The UPP's order was declined: there is nothing to confirm or to give back.
    UppOrderNotPaid = 10503 "upp_order_not_paid" never "统一支付平台订单未支付";
    /// The UPP's refund number was used before with another amount.
    UppRefundMismatch = 10504 "upp_refund_mismatch" never "统一支付平台退款金额不一致";

    /// Goods are sent to somebody: name, telephone number and address are missing.
    RecipientNeeded = 10551 "recipient_needed" never "请填写收货人、电话和地址";
    /// Nothing is sent for this order or product.
    NotShippedGoods = 10552 "not_shipped_goods" never "该商品无需寄送";
    /// The goods are not on their way yet.
    NotShipped = 10553 "not_shipped" retry "商品尚未发货";
    /// The goods are on their way: money goes back by a refund.
    AlreadyShipped = 10554 "already_shipped" never "商品已发货，请申请退款";

    /// The draw is closed: no bet is taken any more.
    DrawClosed = 10571 "draw_closed" never "本期投注已截止";
    /// The product is no lottery.
    NotALottery = 10572 "not_a_lottery" never "该商品不是彩票";
    /// A draw closes in the future.
    DrawInPast = 10573 "draw_in_past" never "截止时间已过";

    /// The binding was refused, has lapsed or was ended.
    BindingEnded = 10601 "binding_ended" never "银行卡绑定已结束";
    /// No subscriber asked for a card to be bound under this id and number.
    WishNotFound = 10611 "wish_not_found" never "绑卡申请不存在";
    /// The bank has not answered yet about a card that the subscriber asked for.
    WishWaits = 10612 "wish_waits" retry "绑卡申请处理中，请等待银行答复";
    /// The wish was answered before, or has lapsed.
    WishOver = 10613 "wish_over" never "绑卡申请已结束";

    /// Nobody has this payment code; it was counted.
    PaymentCodeUnknown = 10621 "payment_code_unknown" never "付费码错误";
    /// The payment code has paid.
    PaymentCodeUsed = 10622 "payment_code_used" never "付费码已使用";
    /// The payment code's minute is over.
    PaymentCodeExpired = 10623 "payment_code_expired" never "付费码已过期";
    /// The payment code is not for so much.
    AmountAboveCode = 10624 "amount_above_code" never "超过付费码金额上限";
    /// So many payment codes of the subscriber are open that no more is issued at once.
    PaymentCodesOpen = 10625 "payment_codes_open" retry "未使用的付费码过多，请稍后再试";
    /// Too many codes that nobody has were presented today; until the time given.
    PaymentCodesLocked(LogTime) = 10626 "payment_codes_locked" retry "付费码错误次数过多，已锁定";
    /// Only what is paid per use is paid by a code.
    NotPayPerUse = 10627 "not_pay_per_use" never "该商品不支持付费码支付";

    /// The subscriber has no bank account: no card is bound.
    NoBankAccount = 10631 "no_bank_account" never "未开通银行账户";

    /// What was given as a key can not be one of this algorithm.
    SpKeyUnusable = 10701 "sp_key_unusable" never "密钥与算法不符";
    /// The key would end before it begins, or has ended.
    SpKeyPeriod = 10702 "sp_key_period" never "密钥有效期无效";
    /// The SP has, or had, another key with this id.
    SpKeyExists = 10703 "sp_key_exists" never "密钥标识已被使用";
    /// The SP has as many keys as one may have.
    SpKeysFull = 10704 "sp_keys_full" retry "密钥数量超过上限";
    /// The SP has no such key.
    SpKeyNotFound = 10705 "sp_key_not_found" never "密钥不存在";
    /// The key has ended.
    SpKeyEnded = 10706 "sp_key_ended" never "密钥已失效";
    /// More different words of one number came in a short time than are looked at.
    TooManyWords = 10741 "too_many_words" retry "短信指令过于频繁，请稍后再试";
    /// The SP has uploaded something else under this number of its own.
    GoodsReferenceUsed = 10761 "goods_reference_used" never "商户商品编号已被使用";
    /// The price is above what an SP of this risk grade may ask.
    PriceAboveGrade = 10762 "price_above_grade" never "价格超过商户风险等级上限";
    /// Changes of national goods that do not follow what is known here.
    GoodsChangesOutOfOrder = 10763 "goods_changes_out_of_order" never "全国商品变更不连续";
    /// The business licence is missing, or a kind of document is there twice.
    DocumentsIncomplete = 10764 "documents_incomplete" never "商户资质材料不完整";
    /// The last day of a document is over.
    DocumentExpired = 10765 "document_expired" never "商户资质材料已过期";
    /// Where the SP is paid is missing.
    SettlementAccountMissing = 10766 "settlement_account_missing" never "缺少商户结算账户";
    /// There is no such application of an SP.
    SpApplicationNotFound = 10767 "sp_application_not_found" never "商户入驻申请不存在";
    /// The application's status does not allow this step.
    SpApplicationOver = 10768 "sp_application_over" never "商户入驻申请状态不允许该操作";
    /// Whoever entered an SP or its document must not admit it.
    AdmittedByAsker = 10769 "admitted_by_asker" never "录入人不得审核商户";

    /// Nothing waits for this subscriber's word.
    NothingToConfirm = 10781 "nothing_to_confirm" never "没有待确认的交易";
    /// The subscriber is asked about so much that no more is asked at once.
    ConfirmationsOpen = 10782 "confirmations_open" retry "待确认的交易过多，请稍后再试";
    /// The subscriber said no, or gave wrong codes.
    ConfirmationRefused = 10783 "confirmation_refused" never "用户未同意支付";
    /// The subscriber gave no word in time.
    ConfirmationExpired = 10784 "confirmation_expired" never "用户未在规定时间内确认";
}

impl Refusal {
    /// True when the refusal tells of a race inside the platform and not of the request: it is not
    /// remembered under the request id, so the same request may be proposed again.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::PasswordChanged | Self::NotHome | Self::NotYet)
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn one_number_one_name_one_meaning() {
        for pair in Refusal::TABLE.windows(2) {
            assert!(pair[0].0 < pair[1].0, "numbers ascend: {pair:?}");
        }
        let mut names: Vec<_> = Refusal::TABLE.iter().map(|row| row.1).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Refusal::TABLE.len());
    }
}
