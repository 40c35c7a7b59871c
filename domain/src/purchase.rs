//! 购买, taking an order (product §4, §5; source §4.2, §6.3).
//!
//! ```text
//!  home here       checks ─▶ debit, order, payment, text, delivery notice: one step, or a refusal
//!                            that leaves nothing behind
//!  home elsewhere  checks ─▶ order in `paying`; home is asked ─▶ RecordPayment ─▶ delivery notice
//!  from the vault  as these, with cards reserved by the same step; delivered once it is paid
//! ```
//!
//! Precedence of refusals, each before anything moves. First the request id
//! ([`Refusal::DuplicateRequest`], in the machine). Then, where the order is taken:
//!
//! 1. quantity and amount, more cards than one order may take, and a bill above the most that its product
//!    is for: [`Refusal::AmountOutOfRange`]
//! 2. the number: [`Refusal::UnknownNumber`], [`Refusal::ForeignOperator`], [`Refusal::NotHome`]
//! 3. the product: [`Refusal::ProductNotFound`], [`Refusal::ProductNotPublished`]
//! 4. its SP: [`Refusal::SpSuspended`]
//! 5. the scope: [`Refusal::NotVisible`]
//! 6. the stock of a product that is sold from the vault: [`Refusal::OutOfStock`]; whether a bill goes with
//!    the product and can be had: [`Refusal::BillNeeded`], [`Refusal::NotForBills`],
//!    [`Refusal::BillBeingPaid`], [`Refusal::BillPaid`]; whether it is said to whom goods are sent:
//!    [`Refusal::RecipientNeeded`], [`Refusal::NotShippedGoods`]; whether it is paid per use, when it is paid by a
//!    code: [`Refusal::NotPayPerUse`]; the draw of a bet: [`Refusal::DrawClosed`]
//!
//! and then at home, by [`State::check_payer`], whether the order was taken there or elsewhere (by a code,
//! [`State::check_payer_by_code`] stands in the place of 7 and 8):
//!
//! 7. the account: [`Refusal::AccountNotFound`], [`Refusal::AccountKindUnsupported`]
//! 8. the password: [`Refusal::PasswordLocked`], [`Refusal::PasswordChanged`], [`Refusal::WrongPassword`]; or of a
//!    bill without one: [`Refusal::PasswordLocked`], [`Refusal::PasswordNeeded`]
//! 9. the account's status: [`Refusal::AccountPending`], [`Refusal::AccountFrozen`],
//!    [`Refusal::AccountClosed`]
//! 10. limits, or of a bill its own ceilings: [`Refusal::PerPaymentLimitExceeded`], then
//!     [`Refusal::DailyLimitExceeded`]
//! 11. funds: [`Refusal::InsufficientFunds`]

use serde::{Deserialize, Serialize};

use crate::Verb;
use crate::account::AccountSelector;
use crate::bills::{Bill, PayBill};
use crate::catalogue::{Application, ProductRef, ProductStatus, Terms};
use crate::confirmation::{AskPurchase, CONFIRM_WITHIN_MS, Confirmation};
use crate::draws::Draw;
use crate::effect::{Effect, EffectId, SmsText};
use crate::ids::{Msisdn, OrderId, PaymentId, ProductId, ProvinceId, SpId};
use crate::journal::{JournalBody, PostingReason};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Counts, Movement, OpenOrders, Step};
use crate::order::{Channel, Order, OrderEvent, OrderStatus};
use crate::outcome::Outcome;
use crate::password::PasswordVerdict;
use crate::payer::{Approval, Payer};
use crate::payment::{Payment, PaymentStatus};
use crate::payment_codes::{PaymentCode, Presenter};
use crate::refusal::Refusal;
use crate::shipping::Recipient;
use crate::state::State;
use crate::time::LogTime;
use crate::timer::{Timer, TimerKind};
use crate::vault::CARDS_PER_ORDER_MAX;
use crate::visibility::{Scope, visible};

/// What [`crate::Verb::PlaceOrder`] says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purchase {
    /// Who buys.
    pub msisdn: Msisdn,
    /// Whose subscriber it is, by the number plan.
    pub home: ProvinceId,
    /// The number plan epoch that said so.
    pub epoch: u64,
    /// Where the subscriber is now.
    pub location: ProvinceId,
    /// What.
    pub product: ProductId,
    /// How many.
    pub quantity: u32,
    /// From which account.
    pub account: AccountSelector,
    /// The door.
    pub channel: Channel,
    /// The password's verdict; `None` when home is elsewhere and will judge.
    pub verdict: Option<PasswordVerdict>,
}

impl Purchase {
    /// The verdict at home.
    ///
    /// # Errors
    /// [`Refusal::PasswordChanged`] when the edge took another province for home: let it look again.
    fn password(&self) -> Result<PasswordVerdict, Refusal> {
        self.verdict.ok_or(Refusal::PasswordChanged)
    }
}

/// What goes with a purchase.
#[derive(Debug, Clone, Copy)]
pub(crate) enum With<'a> {
    /// Nothing.
    Nothing,
    /// The bill it pays, and how.
    Bill(&'a PayBill),
    /// To whom the goods are sent.
    Recipient(&'a Recipient),
    /// The one-time code that it is paid by; `None` when home is elsewhere and will judge.
    Code(Option<PaymentCode>),
    /// The subscriber is asked by text whether to pay.
    Consent(&'a AskPurchase),
}

impl<'a> With<'a> {
    const fn bill(self) -> Option<Bill> {
        match self {
            Self::Bill(ask) => Some(ask.bill),
            _ => None,
        }
    }

    /// Is it paid by a code? Only what is paid per use is.
    fn check_code(self, terms: &Terms) -> Result<(), Refusal> {
        let by_code = matches!(self, Self::Code(_));
        if by_code && terms.application != Application::PayPerUse { Err(Refusal::NotPayPerUse) } else { Ok(()) }
    }

    const fn recipient(self) -> Option<&'a Recipient> {
        match self {
            Self::Recipient(to) => Some(to),
            _ => None,
        }
    }
}

/// What is for sale, at what price: the product as far as an order needs it.
#[derive(Clone, Copy)]
struct Deal<'a> {
    product: ProductRef,
    sp: SpId,
    scope: Scope,
    amount: Money,
    /// Sold from our own stock of cards.
    from_vault: bool,
    /// What goes with it.
    with: With<'a>,
    /// The draw it is a bet on.
    draw: Option<Draw>,
}

/// A notice that waits for so long is never sent: what it is about ends before.
const NEVER_TOLD_MS: u64 = 86_400_000;

/// Most orders see no more events than these.
const TIMELINE_USUAL: usize = 4;

impl Verb {
    /// The purchase that something goes with.
    #[must_use]
    pub const fn purchase(&self) -> Option<&Purchase> {
        match self {
            Self::PayBill(ask) => Some(&ask.purchase),
            Self::BuyShipped(ask) => Some(&ask.purchase),
            Self::BuyByCode(ask) => Some(&ask.purchase),
            Self::AskPurchase(ask) => Some(&ask.purchase),
            _ => None,
        }
    }
}

impl State {
    /// Takes an order.
    ///
    /// # Errors
    /// In the order of the module's list.
    pub(crate) fn place_order(&mut self, purchase: &Purchase, with: With<'_>) -> Result<Outcome, Refusal> {
        let deal = self.check_deal(purchase, with)?;
        if purchase.home == self.province {
            self.sell_at_home(purchase, &deal)
        } else {
            self.sell_away(purchase, &deal)
        }
    }

    /// The checks of the serving side.
    fn check_deal<'a>(&self, purchase: &Purchase, with: With<'a>) -> Result<Deal<'a>, Refusal> {
        let product = self.product(purchase.product);
        // No price is below one fen, so a quantity can be too large whatever the product.
        if purchase.quantity == 0 || i64::from(purchase.quantity) > Money::REQUEST_MAX.as_fen() {
            return Err(Refusal::AmountOutOfRange);
        }
        let amount = product.map(|product| match with.bill() {
            Some(bill) => (purchase.quantity == 1 && bill.amount <= product.terms().price).then_some(bill.amount),
            None => product.terms().price.checked_mul(purchase.quantity),
        });
        if let Some(amount) = amount {
            amount.ok_or(Refusal::AmountOutOfRange)?.check_request()?;
        }
        let from_vault = product.is_some_and(|product| self.sells_from_vault(product.id, product.terms()));
        if from_vault && purchase.quantity > CARDS_PER_ORDER_MAX {
            return Err(Refusal::AmountOutOfRange);
        }
        if purchase.home.is_national() {
            return Err(Refusal::NotHome);
        }
        self.check_home(purchase.msisdn, purchase.home, purchase.epoch)?;
        let (Some(product), Some(Some(amount))) = (product, amount) else { return Err(Refusal::ProductNotFound) };
        if product.status != ProductStatus::Published {
            return Err(Refusal::ProductNotPublished);
        }
        let terms = product.terms();
        if self.sp(terms.sp).is_none_or(|sp| sp.suspended) {
            return Err(Refusal::SpSuspended);
        }
        visible(terms.scope, self.province, purchase.home, purchase.location).map_err(Refusal::NotVisible)?;
        if from_vault && !self.has_in_stock(product.id, purchase.quantity) {
            return Err(Refusal::OutOfStock);
        }
        self.check_bill(terms, with.bill().as_ref())?;
        self.check_recipient(terms, with.recipient())?;
        with.check_code(terms)?;
        Ok(Deal {
            product: ProductRef { id: product.id, version: product.versions.len() as u32 },
            sp: terms.sp,
            scope: terms.scope,
            amount,
            from_vault,
            with,
            draw: self.open_draw(product.id, terms)?,
        })
    }

    fn sell_at_home(&mut self, purchase: &Purchase, deal: &Deal<'_>) -> Result<Outcome, Refusal> {
        let &Purchase { msisdn, account, .. } = purchase;
        let payer = match deal.with {
            With::Code(code) => {
                // Without it the edge took another province for home: let it look again.
                let code = code.ok_or(Refusal::PasswordChanged)?;
                self.check_payer_by_code(code, Presenter::Sp(deal.sp), msisdn, account, deal.amount)?
            }
            With::Bill(ask) => {
                let verdict = if ask.without_password { None } else { Some(purchase.password()?) };
                self.check_payer(msisdn, account, Approval::Bill(ask.bill.customer, verdict), deal.amount)?
            }
            With::Nothing | With::Recipient(_) => {
                self.check_payer(msisdn, account, Approval::Password(purchase.password()?), deal.amount)?
            }
            With::Consent(ask) => return self.ask_at_home(purchase, deal, ask),
        };

        // From here it must succeed.
        let mut order = self.new_order(purchase, deal);
        if let With::Code(Some(code)) = deal.with {
            self.use_code(code, order.payment);
        }
        self.order_event(&mut order, OrderEvent::Created);
        self.pay_here(&mut order, payer, false);
        let id = order.id;
        self.orders.insert(id, order);
        Ok(Outcome::Order(id))
    }

    /// Has an order paid whose home this is; or its money set aside, when it is `reserved`.
    pub(crate) fn pay_here(&mut self, order: &mut Order, payer: Payer, reserve: bool) {
        let outside = payer.rail.is_some();
        let debit = Debit {
            payment: order.payment,
            order: order.id,
            serving: self.province,
            msisdn: order.msisdn,
            payer,
            amount: order.amount,
            epoch: order.epoch,
            against: LedgerAccount::SpPayable(order.sp),
            open_orders: OpenOrders::OneMore,
            title: self.title_of(order.product),
            hold: reserve,
        };
        if outside {
            self.order_event(order, OrderEvent::PaymentAsked);
            order.waits_until = self.now.plus_ms(self.policy.payment_bound_ms);
            self.timers.insert(Timer::new(order.waits_until, TimerKind::PaymentBound(order.id)), ());
        }
        self.debit(debit);
        match (outside, reserve) {
            (true, _) => {}
            (false, true) => self.order_reserved(order),
            (false, false) => {
                let deadline_ms = self.terms_of(order).expect("a product that was sold is kept").delivery_deadline_ms;
                order.booked = true;
                self.order_paid(order, deadline_ms);
            }
        }
    }

    /// Takes an order whose subscriber is asked here.
    fn ask_at_home(&mut self, purchase: &Purchase, deal: &Deal<'_>, ask: &AskPurchase) -> Result<Outcome, Refusal> {
        self.check_askable(purchase.msisdn, purchase.account, deal.amount)?;

        // From here it must succeed.
        let mut order = self.new_order(purchase, deal);
        let id = order.id;
        self.order_event(&mut order, OrderEvent::Created);
        self.order_event(&mut order, OrderEvent::ConfirmationAsked);
        let row = Confirmation {
            payment: order.payment,
            order: id,
            serving: self.province,
            msisdn: order.msisdn,
            account: order.account,
            amount: order.amount,
            epoch: order.epoch,
            title: self.title_of(order.product),
            code: ask.code,
            wrong_codes: 0,
            until: self.now.plus_ms(CONFIRM_WITHIN_MS),
            reserve: ask.reserve,
        };
        let merchant = self.sp(order.sp).expect("the deal has found the SP").name.clone();
        self.orders.insert(id, order);
        self.ask_subscriber(row, &merchant);
        Ok(Outcome::Order(id))
    }

    fn sell_away(&mut self, purchase: &Purchase, deal: &Deal<'_>) -> Result<Outcome, Refusal> {
        // From here it must succeed.
        let mut order = self.new_order(purchase, deal);
        let id = order.id;
        self.order_event(&mut order, OrderEvent::Created);
        if let With::Consent(ask) = deal.with {
            self.order_event(&mut order, OrderEvent::ConfirmationAsked);
            order.waits_for = self.add_effect(Effect::AskConfirmation { order: id, home: order.home });
            // Home has its own bound and says so; this one is for a home that is never heard of.
            order.waits_until = self.now.plus_ms(CONFIRM_WITHIN_MS + self.policy.payment_bound_ms);
            self.timers.insert(Timer::new(order.waits_until, TimerKind::PaymentBound(id)), ());
            if ask.reserve {
                self.doors.reservations.insert(id, ());
            }
            self.orders.insert(id, order);
            return Ok(Outcome::Order(id));
        }
        self.order_event(&mut order, OrderEvent::PaymentAsked);
        // Whoever took the order asks at once; only when nobody has recorded an answer after a
        // while does the driver of open orders take over.
        let takeover = self.now.plus_ms(self.policy.payment_takeover_ms);
        let resolve = Effect::ResolvePayment { order: id, home: order.home };
        order.waits_for = self.add_effect_not_before(takeover, resolve);
        order.waits_until = self.now.plus_ms(self.policy.payment_bound_ms);
        self.timers.insert(Timer::new(order.waits_until, TimerKind::PaymentBound(id)), ());
        self.orders.insert(id, order);
        Ok(Outcome::Order(id))
    }

    fn new_order(&mut self, purchase: &Purchase, deal: &Deal<'_>) -> Order {
        let order = Order {
            id: self.ids.issue(self.now, self.province),
            payment: self.ids.issue(self.now, self.province),
            msisdn: purchase.msisdn,
            home: purchase.home,
            location: purchase.location,
            product: deal.product,
            sp: deal.sp,
            scope: deal.scope,
            quantity: purchase.quantity,
            amount: deal.amount,
            account: purchase.account,
            channel: purchase.channel,
            epoch: purchase.epoch,
            status: OrderStatus::Created,
            refunded: Money::ZERO,
            refund_pending: Money::ZERO,
            booked: false,
            deliver_by: LogTime(0),
            waits_for: EffectId(0),
            waits_until: LogTime(0),
            timeline: Vec::with_capacity(TIMELINE_USUAL),
        };
        if deal.from_vault {
            self.reserve_cards(&order);
        }
        if let Some(draw) = deal.draw {
            self.bet_on(order.id, draw);
        }
        match deal.with {
            With::Nothing | With::Code(_) | With::Consent(_) => {}
            With::Bill(ask) => self.hold_bill(&order, ask.bill),
            With::Recipient(to) => self.keep_recipient(&order, to),
        }
        order
    }

    /// Lets an event happen to an order with all that goes with it, and tells the journal.
    pub(crate) fn order_event(&mut self, order: &mut Order, event: OrderEvent) {
        order.happen(self.now, self.index, event);
        self.entry.record(None, JournalBody::OrderMoved { order: order.id, event });
        self.cards_follow(order, event);
        self.tickets_follow(order, event);
        self.bill_follows(order, event);
        self.shipment_follows(order, event);
    }

    /// The order is paid: tell the SP to deliver. Cards of the vault are delivered by ourselves, at once;
    /// no SP is asked.
    pub(crate) fn order_paid(&mut self, order: &mut Order, delivery_deadline_ms: u32) {
        self.order_event(order, OrderEvent::Paid);
        self.order_event(order, OrderEvent::DeliveryAsked);
        if self.is_from_vault(order.id) {
            self.delivered(order);
            return;
        }
        let closes_at = self.draw_of(order.id).map_or(LogTime(u64::MAX), |draw| draw.closes_at).max(self.now);
        order.deliver_by = self.now.plus_ms(u64::from(delivery_deadline_ms)).min(closes_at);
        // Paid after the close: the SP is not told, and the next tick takes the bet back.
        let not_before = if closes_at == self.now { self.now.plus_ms(NEVER_TOLD_MS) } else { self.now };
        let notice = Effect::DeliveryNotice { sp: order.sp, order: order.id };
        order.waits_for = self.add_effect_not_before(not_before, notice);
        order.waits_until = order.deliver_by;
        self.timers.insert(Timer::new(order.deliver_by, TimerKind::DeliveryDeadline(order.id)), ());
    }

    /// Ends what an order waits for: the effect and the timer.
    pub(crate) fn end_wait(&mut self, order: &mut Order) {
        self.end_effect(std::mem::take(&mut order.waits_for));
        let kind = match order.status {
            OrderStatus::Paying | OrderStatus::AwaitingConfirmation => TimerKind::PaymentBound(order.id),
            OrderStatus::Reserved => TimerKind::ReservationLapses(order.id),
            _ => TimerKind::DeliveryDeadline(order.id),
        };
        self.timers.remove(&Timer::new(std::mem::take(&mut order.waits_until), kind));
    }

    fn title_of(&self, product: ProductRef) -> String {
        let row = self.product(product.id).expect("just sold");
        row.versions[product.version as usize - 1].title.clone()
    }
}

/// A payment that all checks have passed.
pub(crate) struct Debit {
    pub(crate) payment: PaymentId,
    pub(crate) order: OrderId,
    pub(crate) serving: ProvinceId,
    pub(crate) msisdn: Msisdn,
    pub(crate) payer: Payer,
    pub(crate) amount: Money,
    pub(crate) epoch: u64,
    pub(crate) against: LedgerAccount,
    pub(crate) open_orders: OpenOrders,
    pub(crate) title: String,
    /// Only set it aside.
    pub(crate) hold: bool,
}

impl State {
    /// Debits, keeps the payment, tells the subscriber; or asks whoever has the money. The one place where a purchase is paid.
    pub(crate) fn debit(&mut self, debit: Debit) {
        if let Some(rail) = debit.payer.rail {
            self.ask_rail(rail, debit);
            return;
        }
        let Debit { order, amount, hold, .. } = debit;
        let counts = if debit.payer.bill.is_some() { Counts::Apart } else { Counts::Today };
        let balance = self.move_money_at(
            debit.payer.account,
            Movement {
                step: if hold { Step::Hold(counts) } else { Step::Debit(counts) },
                amount,
                reason: PostingReason::Purchase(order),
                against: debit.against,
                counterparty: None,
                open_orders: debit.open_orders,
            },
        );
        let status = if hold { PaymentStatus::Reserved } else { PaymentStatus::Captured };
        let payment = Payment {
            order: Some(order),
            msisdn: Some(debit.msisdn),
            account: Some(debit.payer.id),
            amount,
            epoch: debit.epoch,
            ..self.decided(debit.payment, debit.serving, status)
        };
        self.payments.insert(debit.payment, payment);
        self.count_if_bill(&debit);
        if hold {
            self.bound_hold(debit.payment);
        }
        self.tell_at(debit.payer.subscriber, SmsText::Debited { order, title: debit.title, amount, balance });
    }

    /// What a bill takes counts by itself.
    pub(crate) fn count_if_bill(&mut self, debit: &Debit) {
        if let Some(bill) = debit.payer.bill {
            let kind = self.accounts.at(debit.payer.account).kind;
            self.count_bill(debit.payment, (debit.msisdn, kind), bill, debit.amount);
        }
    }
}
