//! Commands: what may be asked of the state machine. The time comes with the batch; identities are
//! issued by `apply` from log time, so equal logs issue equal identities.

use serde::{Deserialize, Serialize};

use crate::account::{AccountKind, AccountSelector, Language, Tier};
use crate::award::AwardPolicy;
use crate::bank_top_up::TopUpByBank;
use crate::bills::{BillPolicy, PayBill, PayForBill};
use crate::catalogue::Terms;
use crate::confirmation::{AskConfirmation, AskPurchase};
use crate::distribution::TakeGoods;
use crate::draws::Draw;
use crate::effect::EffectId;
use crate::goods_reference::UploadListed;
use crate::ids::{
    AccountId, AwardId, BindingId, CallId, Msisdn, OrderId, PaymentId, ProductId, ProvinceId, RefundId, ReversalId,
    SpApplicationId, SpId, TransferId, UppNumber, WishId,
};
use crate::money::Money;
use crate::number_plan::{NumberPlan, Operator};
use crate::order::{Channel, ReversalReason};
use crate::outside::{Card, Means};
use crate::password::{PasswordVerdict, PasswordVerifier};
use crate::payment_codes::{BuyByCode, IssueCode, PayByCode, Presenter};
use crate::policy::Policy;
use crate::rail::CallAnswer;
use crate::recharge::RechargeCard;
use crate::refusal::Refusal;
use crate::shipping::{BuyShipped, TrackingNumber};
use crate::sp_admission::{AdmissionPolicy, AskAdmission, Document, Verdict};
use crate::sp_keys::{SetSpKey, SpKeyId};
use crate::texts::answer::SmsAnswer;
use crate::texts::by_sp::SendText;
use crate::texts::heard::WordsDigest;
use crate::texts::{Receipt, TextNews};
use crate::tickets::TicketId;
use crate::time::LogTime;
use crate::upp::PayUpp;
use crate::vault::{BatchId, CardLine, SealedPin};
use crate::version::StateVersion;
use crate::wish::{AskBinding, BindWished, WishRefusal};

mod batch;
mod pay_request;
mod since;

pub use batch::{Batch, Command, Request};
pub use pay_request::PayRequest;

/// What can be asked. New verbs are added at the end: in the log a verb is known by its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Verb {
    /// 开户. Home province.
    OpenAccount {
        /// Whose.
        msisdn: Msisdn,
        /// Which kind.
        kind: AccountKind,
        /// Real-name tier as the operator knows it.
        tier: Tier,
        /// Language of messages.
        language: Language,
        /// Used when the subscriber has no payment password yet.
        verifier: PasswordVerifier,
        /// Used when the subscriber has one.
        verdict: PasswordVerdict,
        /// Limit for one payment; the ceiling when not given.
        per_payment_limit: Option<Money>,
        /// Limit for one day; the ceiling when not given.
        daily_limit: Option<Money>,
    },
    /// Change of password or limits. Home province.
    ChangeAccount {
        /// Which.
        account: AccountId,
        /// The present password.
        verdict: PasswordVerdict,
        /// The new password's verifier.
        verifier: Option<PasswordVerifier>,
        /// New limit for one payment.
        per_payment_limit: Option<Money>,
        /// New limit for one day.
        daily_limit: Option<Money>,
    },
    /// 销户. Home province.
    CloseAccount {
        /// Which.
        account: AccountId,
        /// The present password.
        verdict: PasswordVerdict,
        /// The agent who pays the balance out in cash; without one a balance refuses the closing.
        pay_out_agent: Option<String>,
    },
    /// 账户冻结. Home province.
    FreezeAccount {
        /// Which.
        account: AccountId,
        /// The present password.
        verdict: PasswordVerdict,
        /// Thaws by itself then.
        until: Option<LogTime>,
    },
    /// 解冻. Home province.
    UnfreezeAccount {
        /// Which.
        account: AccountId,
        /// The present password.
        verdict: PasswordVerdict,
    },
    /// Top-up in cash at an agent. Home province.
    TopUpCash {
        /// Which.
        account: AccountId,
        /// How much.
        amount: Money,
        /// Who took the cash.
        agent: String,
    },

    /// Admit an SP.
    AdmitSp {
        /// Its name.
        name: String,
        /// Where notices go.
        notice_url: String,
    },
    /// Suspend an SP at once, or let it sell again.
    SetSpSuspended {
        /// Which.
        sp: SpId,
        /// Suspended or not.
        suspended: bool,
    },
    /// Upload a product, or a new version of one (which goes back to review).
    UploadProduct {
        /// An existing product to change; a new one when not given.
        product: Option<ProductId>,
        /// What is said of it.
        terms: Terms,
        /// Who uploads.
        by: String,
    },
    /// Review.
    ReviewProduct {
        /// Which.
        product: ProductId,
        /// The reason of a rejection; `None` approves.
        rejected: Option<String>,
        /// Who reviews; not the uploader.
        by: String,
    },
    /// Put on sale.
    PublishProduct {
        /// Which.
        product: ProductId,
    },
    /// Take off sale.
    WithdrawProduct {
        /// Which.
        product: ProductId,
    },

    /// A purchase taken by the province that is also home: order and payment in one step.
    /// A purchase whose home is elsewhere: the order alone; its payment is asked for outside.
    PlaceOrder {
        /// Who buys.
        msisdn: Msisdn,
        /// Whose subscriber it is, by the number plan.
        home: ProvinceId,
        /// The number plan epoch that said so.
        epoch: u64,
        /// Where the subscriber is now.
        location: ProvinceId,
        /// What.
        product: ProductId,
        /// How many.
        quantity: u32,
        /// From which account.
        account: AccountSelector,
        /// The door.
        channel: Channel,
        /// The password's verdict; `None` when home is elsewhere and will judge.
        verdict: Option<PasswordVerdict>,
    },
    /// What the home province answered for an order. Serving province.
    RecordPayment {
        /// Which.
        order: OrderId,
        /// Debited, or why not.
        result: Result<(), Refusal>,
    },
    /// Nobody knows what became of the payment and its bound is over: reverse it.
    GiveUpPayment {
        /// Which.
        order: OrderId,
    },
    /// What SPs answered to delivery notices. Serving province.
    RecordDeliveries {
        /// Each order and whether the SP accepted.
        answers: Vec<(OrderId, bool)>,
    },
    /// 冲正 of an order. Serving province.
    ReverseOrder {
        /// Which.
        order: OrderId,
        /// Why.
        reason: ReversalReason,
        /// As said by whoever asked.
        note: String,
    },
    /// 退款 of an order, whole or partial. Serving province.
    RefundOrder {
        /// Which.
        order: OrderId,
        /// How much.
        amount: Money,
        /// As said by whoever asked.
        note: String,
    },
    /// The home province acknowledged the reversal. Serving province.
    RecordReversal {
        /// Which.
        order: OrderId,
    },
    /// The home province answered a refund. Serving province.
    RecordRefund {
        /// Which order.
        order: OrderId,
        /// Which refund.
        refund: RefundId,
        /// Given back, or why not.
        result: Result<(), Refusal>,
    },

    /// Debit at home for an order taken elsewhere. Home province.
    Pay(Box<PayRequest>),
    /// Reverse at home, even a payment never seen. Home province.
    ReversePayment {
        /// Which.
        payment: PaymentId,
        /// The reversal's id.
        reversal: ReversalId,
        /// The order, for the subscriber's text.
        order: OrderId,
    },
    /// Refund at home. Home province.
    RefundPayment {
        /// Which.
        payment: PaymentId,
        /// The refund's id.
        refund: RefundId,
        /// How much.
        amount: Money,
    },

    /// Transfer from a subscriber of this province. Payer's home.
    Transfer {
        /// Who pays.
        payer: Msisdn,
        /// Who is paid.
        payee: Msisdn,
        /// Where the payee's account is, by the number plan.
        payee_home: ProvinceId,
        /// The number plan epoch that said so.
        epoch: u64,
        /// How much.
        amount: Money,
        /// The payer's password.
        verdict: PasswordVerdict,
    },
    /// Credit a transfer from another province. Payee's home.
    CreditTransfer {
        /// Which; names the payer's home.
        transfer: TransferId,
        /// Who pays.
        payer: Msisdn,
        /// Who is paid.
        payee: Msisdn,
        /// How much.
        amount: Money,
        /// The number plan epoch it was routed by.
        epoch: u64,
    },
    /// What the payee's province answered. Payer's home.
    RecordTransferCredit {
        /// Which.
        transfer: TransferId,
        /// Credited, or why not.
        result: Result<(), Refusal>,
    },

    /// Effects that are done and need no answer.
    AcknowledgeEffects {
        /// Which.
        effects: Vec<EffectId>,
    },
    /// Time passes: fires what is due.
    Tick,
    /// The leader's running digest at an earlier log entry; a replica that has another one there has diverged.
    CompareDigest {
        /// The entry.
        index: u64,
        /// The digest.
        digest: u128,
    },
    /// Put a newer number plan in force.
    InstallNumberPlan(Box<NumberPlan>),
    /// Note that a number was carried to another operator (home province stays).
    PortNumber {
        /// Which.
        msisdn: Msisdn,
        /// To whom.
        operator: Operator,
        /// From when.
        from: LogTime,
    },
    /// Put a newer policy in force.
    SetPolicy(Box<Policy>),
    /// Decide by newer rules from here on. The leader proposes it when every replica can.
    RaiseVersion {
        /// By which.
        to: StateVersion,
    },

    /// 开户 of an account whose money is outside. Home province.
    OpenOutside {
        /// Whose.
        msisdn: Msisdn,
        /// Real-name tier as the operator knows it.
        tier: Tier,
        /// Language of messages.
        language: Language,
        /// Used when the subscriber has no payment password yet.
        verifier: PasswordVerifier,
        /// Used when the subscriber has one.
        verdict: PasswordVerdict,
        /// Limit for one payment; the ceiling when not given.
        per_payment_limit: Option<Money>,
        /// Limit for one day; the ceiling when not given.
        daily_limit: Option<Money>,
        /// Where its money is.
        means: Means,
    },
    /// These calls are about to be sent, or asked about. Home province.
    BeginCalls {
        /// Which.
        calls: Vec<CallId>,
    },
    /// What came of calls. Home province.
    RecordCalls {
        /// Each call and its answer.
        answers: Vec<CallAnswer>,
    },
    /// The home province holds the money for an order. Serving province.
    RecordHold {
        /// Which.
        order: OrderId,
    },
    /// Take at home what is held for an order that was delivered elsewhere. Home province.
    CapturePayment {
        /// Which.
        payment: PaymentId,
        /// Less than is held; the rest is given up. All of it when not given.
        amount: Option<Money>,
    },
    /// The home province acknowledged a capture. Serving province.
    RecordCapture {
        /// Which order.
        order: OrderId,
    },
    /// A bank asks for a card to be bound to a number. Home province.
    BindCard {
        /// Whose number.
        msisdn: Msisdn,
        /// The card.
        card: Card,
        /// What the subscriber will have to repeat: six digits, drawn by whoever proposes.
        code: u32,
    },
    /// The subscriber confirms a binding with the code, and the account is opened. Home province.
    ConfirmBinding {
        /// Whose.
        msisdn: Msisdn,
        /// The code as typed.
        code: u32,
        /// Language of messages.
        language: Language,
        /// Real-name tier: the bank has seen the holder.
        tier: Tier,
        /// Used when the subscriber has no payment password yet.
        verifier: PasswordVerifier,
        /// Used when the subscriber has one.
        verdict: PasswordVerdict,
        /// Limit for one payment; the ceiling when not given.
        per_payment_limit: Option<Money>,
        /// Limit for one day; the ceiling when not given.
        daily_limit: Option<Money>,
    },
    /// A bank ends a binding. Home province.
    UnbindCard {
        /// Which.
        binding: BindingId,
    },
    /// 划账充值: a bank pushes money into a subscriber's virtual account. Home province.
    PushTopUp {
        /// Whose.
        msisdn: Msisdn,
        /// How much.
        amount: Money,
    },
    /// 账户冻结 by customer service or the bank, without the payment password. Home province.
    FreezeByOffice {
        /// Which.
        account: AccountId,
        /// Thaws by itself then.
        until: Option<LogTime>,
        /// Who asks, for the record.
        by: String,
    },
    /// As [`Verb::Pay`], but only set aside, by whatever rail, until [`Verb::CapturePayment`] takes it. Home province.
    HoldPayment(Box<PayRequest>),
    /// Put money into an SP's prize pool, or take it out again. Serving province.
    FundPool {
        /// Whose.
        sp: SpId,
        /// How much.
        amount: Money,
        /// Out of the pool, back to the SP.
        out: bool,
        /// Who says so, for the record.
        by: String,
    },
    /// 派奖: an SP gives a subscriber a prize for a bet. Serving province.
    AskAward {
        /// Who gives.
        sp: SpId,
        /// The SP's own number for it.
        reference: String,
        /// First 16 bytes of the SHA-256 of SP and reference.
        key: u128,
        /// The bet.
        order: OrderId,
        /// Who has won.
        msisdn: Msisdn,
        /// The prize.
        prize: Money,
        /// Into which account.
        wanted: AccountKind,
        /// Who asks.
        by: String,
    },
    /// The second person's word on an award. Serving province.
    DecideAward {
        /// Which.
        award: AwardId,
        /// Approved, or rejected.
        approved: bool,
        /// Who; not the one who asked.
        by: String,
    },
    /// Take an award that another province gives to a subscriber of this one. Home province.
    CreditAward {
        /// Which; names the serving province.
        award: AwardId,
        /// The bet.
        order: OrderId,
        /// Who has won.
        msisdn: Msisdn,
        /// How much, tax taken off.
        amount: Money,
        /// Into which account.
        wanted: AccountKind,
        /// The number plan epoch it was routed by.
        epoch: u64,
    },
    /// What the winner's home province answered. Serving province.
    RecordAward {
        /// Which.
        award: AwardId,
        /// Taken, or why not.
        result: Result<(), Refusal>,
    },
    /// Put newer rules for awards in force.
    SetAwardPolicy(Box<AwardPolicy>),
    /// PIN cards come into the vault of a product. Serving province.
    LoadCards {
        /// Which product.
        product: ProductId,
        /// The SP's own name of the batch: the same batch again changes nothing.
        batch: BatchId,
        /// First 8 bytes of a keyed digest of what the batch holds, PINs included. Without a key PINs
        /// could be searched by it.
        content: u64,
        /// What is in it, at most [`crate::vault::CARDS_PER_BATCH_MAX`] lines.
        lines: Vec<CardLine>,
    },
    /// The buyer wants to see the cards of an order. Serving province.
    RevealCards {
        /// Which order.
        order: OrderId,
        /// Who asks.
        buyer: Msisdn,
    },
    /// A gate checks a ticket. Serving province.
    CheckTicket {
        /// Which.
        ticket: TicketId,
        /// The gate's request id: the same check again is no second one.
        gate: u128,
    },
    /// A purchase that pays a bill to the fen; otherwise as [`Verb::PlaceOrder`].
    PayBill(Box<PayBill>),
    /// Top-up by a recharge card (充值卡). Home province.
    TopUpByCard {
        /// Which account.
        account: AccountId,
        /// Which card.
        card: RechargeCard,
        /// Its PIN, sealed for the account.
        pin: SealedPin,
    },
    /// A purchase of goods that are sent to somebody; otherwise as [`Verb::PlaceOrder`].
    BuyShipped(Box<BuyShipped>),
    /// The goods of an order are on their way. Serving province.
    RecordShipment {
        /// Which order.
        order: OrderId,
        /// Who carries them.
        carrier: String,
        /// What the carrier calls them.
        tracking: TrackingNumber,
    },
    /// The goods of an order are there. Serving province.
    RecordReceipt {
        /// Which order.
        order: OrderId,
        /// Who says so.
        buyer: Msisdn,
    },
    /// Bets on a product are for this draw from here on. Where the product is.
    SetDraw {
        /// Which product.
        product: ProductId,
        /// Which draw, and when it closes.
        draw: Draw,
    },
    /// Debit for an order of the UPP. Home province.
    PayUpp(Box<PayUpp>),
    /// Reverse an order of the UPP, even one never seen. Home province.
    ReverseUpp {
        /// The UPP's number of the order.
        number: UppNumber,
        /// Whose order.
        msisdn: Msisdn,
        /// The UPP's number of the reversal.
        reversal: UppNumber,
        /// Why, as the UPP says, for the record.
        note: String,
    },
    /// Refund an order of the UPP, whole or in part. Home province.
    RefundUpp {
        /// The UPP's number of the order.
        number: UppNumber,
        /// Whose order.
        msisdn: Msisdn,
        /// The UPP's number of the refund.
        refund: UppNumber,
        /// How much.
        amount: Money,
    },
    /// The UPP says that an order was delivered. Home province.
    ConfirmUpp {
        /// The UPP's number of the order.
        number: UppNumber,
        /// Whose order.
        msisdn: Msisdn,
    },
    /// 银行资料变更: a bank puts another card in the place of a bound one. Home province.
    ChangeCard {
        /// Which binding.
        binding: BindingId,
        /// The card from now on.
        card: Card,
        /// What the subscriber will have to repeat if asked anew: six digits, drawn by whoever proposes.
        code: u32,
    },
    /// 绑卡申请: a subscriber asks from our side for a card to be bound. Home province.
    AskBinding(Box<AskBinding>),
    /// A bank binds the card that a subscriber asked for; otherwise as [`Verb::BindCard`].
    BindWished(Box<BindWished>),
    /// A bank does not bind the card that a subscriber asked for. Home province.
    RefuseWish {
        /// Which wish.
        wish: WishId,
        /// Why.
        why: WishRefusal,
    },
    /// A subscriber asks for a one-time payment code. Home province.
    IssueCode(Box<IssueCode>),
    /// A purchase that is paid by a code; otherwise as [`Verb::PlaceOrder`].
    BuyByCode(Box<BuyByCode>),
    /// As [`Verb::Pay`], by a code instead of the password. Home province.
    PayByCode(Box<PayByCode>),
    /// Somebody presented a payment code that is not known. The code's home province.
    CountGuess {
        /// Who.
        by: Presenter,
    },
    /// As [`Verb::Pay`], for a bill. Home province.
    PayForBill(Box<PayForBill>),
    /// Put newer rules for bills in force.
    SetBillPolicy(Box<BillPolicy>),
    /// Top-up from the subscriber's own bank account (银行卡充值). Home province.
    TopUpByBank(Box<TopUpByBank>),

    /// A purchase that its subscriber is asked about by text; otherwise as [`Verb::PlaceOrder`].
    AskPurchase(Box<AskPurchase>),
    /// Another province wants a subscriber of ours to be asked about a payment. Home province.
    AskConfirmation(Box<AskConfirmation>),
    /// 二次确认: a subscriber's word. Home province.
    Confirm {
        /// Whose.
        msisdn: Msisdn,
        /// The code as it was given back.
        code: u32,
        /// Yes, or no.
        agreed: bool,
    },
    /// An SP charges so many pieces of what is reserved for it; the others are given up. Serving province.
    ChargeReservation {
        /// Which order.
        order: OrderId,
        /// How many.
        quantity: u32,
    },
    /// A key that an SP signs with.
    SetSpKey(Box<SetSpKey>),
    /// A key that an SP must not sign with any more, from now on.
    EndSpKey {
        /// Whose.
        sp: SpId,
        /// Which.
        key: SpKeyId,
    },
    /// What the SMS centre has said of texts, and what it is about to be asked. Idempotent by what it names.
    RecordTexts {
        /// Of texts by their effect.
        news: Vec<TextNews>,
        /// Of messages by what the centre calls them.
        receipts: Vec<Receipt>,
    },
    /// A subscriber has sent words to the service number. Home province.
    HearWords {
        /// Who.
        from: Msisdn,
        /// What, as a keyed digest.
        words: WordsDigest,
    },
    /// What a subscriber has sent is answered by text.
    AnswerWords {
        /// Whom.
        to: Msisdn,
        /// In which language when the subscriber has not said.
        language: Language,
        /// What.
        answer: SmsAnswer,
    },
    /// Take a product out of every list. Its id is never used again.
    DeleteProduct {
        /// Which.
        product: ProductId,
    },
    /// Upload a product under the SP's own number for it.
    UploadListed(Box<UploadListed>),
    /// Take changes of national goods. In a province.
    TakeNationalGoods(Box<TakeGoods>),
    /// Ask for an SP to be admitted, with its documents.
    AskAdmission(Box<AskAdmission>),
    /// The second person's word on an SP.
    DecideAdmission {
        /// Which application.
        application: SpApplicationId,
        /// Admitted, or not.
        verdict: Verdict,
        /// Who; not the one who entered it.
        by: String,
    },
    /// A new document of an admitted SP.
    RenewDocument {
        /// The SP's application.
        application: SpApplicationId,
        /// The document.
        document: Box<Document>,
        /// Who enters it.
        by: String,
        /// Who has looked at it too; somebody else.
        checked_by: String,
    },
    /// Put newer rules for SPs in force.
    SetAdmissionPolicy(Box<AdmissionPolicy>),
    /// Count and lock by a password alone: somebody signs in. Home province.
    CheckPassword {
        /// Whose.
        msisdn: Msisdn,
        /// What the edge found when it compared the password.
        verdict: PasswordVerdict,
    },
    /// An SP sends a text to subscribers. Home province.
    SendText(Box<SendText>),
}
