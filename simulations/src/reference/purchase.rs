//! 购买, taking an order (product §4, §5; source §4.2, §6.3). The order of refusals: the request id;
//! quantity and amount; the number; the product; its SP; the scope; the stock; the bill; the recipient; the draw; then, at home, the account;
//! the password; the status; the limits; the funds.

use std::collections::BTreeMap;

use mpss_domain::bills::Bill;
use mpss_domain::catalogue::{ProductRef, ProductStatus, Terms};
use mpss_domain::draws::Draw;
use mpss_domain::journal::PostingReason;
use mpss_domain::order::OrderEvent;
use mpss_domain::shipping::Recipient;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, Effect, LedgerAccount, LogTime, Money, Msisdn, OrderId, Outcome,
    PaymentId, ProductId, ProvinceId, Purchase, Refusal, SmsText,
};

use super::Reference;
use super::accounts::check_in_use;
use super::bill_ceilings::{By, OfBill};
use super::days::day_of;
use super::orders::Sale;
use super::payments::Decision;
use super::rules::check_visible;
use super::vault::CARDS_PER_ORDER_MAX;
use super::wallet::Movement;

/// May one request move this much?
pub(super) fn check_amount(amount: Money) -> Result<(), Refusal> {
    if amount <= Money::ZERO || amount > Money::REQUEST_MAX {
        return Err(Refusal::AmountOutOfRange);
    }
    Ok(())
}

/// What an order comes to.
pub(super) struct Deal {
    amount: Money,
    from_vault: bool,
    draw: Option<Draw>,
}

/// A payment that passed every check.
pub(super) struct Debit<'a> {
    pub(super) payment: PaymentId,
    pub(super) order: OrderId,
    pub(super) serving: ProvinceId,
    pub(super) msisdn: Msisdn,
    pub(super) account: AccountId,
    pub(super) amount: Money,
    pub(super) epoch: u64,
    pub(super) against: LedgerAccount,
    pub(super) title: &'a str,
    pub(super) bill: Option<OfBill>,
}

impl Reference {
    pub(super) fn place_order(
        &mut self,
        purchase: &Purchase,
        (bill, to): (Option<Bill>, Option<&Recipient>),
        by: Option<By>,
    ) -> Result<Outcome, Refusal> {
        let &Purchase { msisdn, home, epoch, location, product, quantity, account, channel, verdict } = purchase;
        let Deal { amount, from_vault, draw } = self.check_deal(purchase, (bill, to))?;
        let terms = self.terms_of(product).expect("just checked").clone();
        let version = u32::try_from(self.goods[&product].versions.len()).expect("versions are counted in 32 bits");
        let product = ProductRef { id: product, version };
        let paid_here = home == self.province;
        let payer = if paid_here {
            // A door that sent no verdict took another province for home.
            let by = by.or(verdict.filter(|_| bill.is_none()).map(By::Password)).ok_or(Refusal::PasswordChanged)?;
            Some(self.check_payer(msisdn, account, by, amount)?)
        } else {
            None
        };

        let id: OrderId = self.identities.next(self.now, self.province);
        let payment: PaymentId = self.identities.next(self.now, self.province);
        let sale = Sale {
            payment,
            msisdn,
            home,
            location,
            product,
            sp: terms.sp,
            scope: terms.scope,
            quantity,
            amount,
            account,
            channel,
            epoch,
            pay_by: LogTime(self.now.0.saturating_add(self.policy.payment_bound_ms)),
            deliver_by: LogTime(0),
            timeline: Vec::new(),
            from_vault,
            bill,
            draw,
            to: to.cloned(),
            sent: None,
            has_tickets: false,
            gates: BTreeMap::new(),
        };
        self.orders.insert(id, sale);
        if from_vault {
            self.reserve(id);
        }
        self.event(id, OrderEvent::Created);
        if let Some((payer, bill)) = payer {
            self.debit(&Debit {
                payment,
                order: id,
                serving: self.province,
                msisdn,
                account: payer,
                amount,
                epoch,
                against: LedgerAccount::SpPayable(terms.sp),
                title: &terms.title,
                bill,
            });
            self.paid(id);
        } else {
            self.event(id, OrderEvent::PaymentAsked);
            let takeover = LogTime(self.now.0.saturating_add(self.policy.payment_takeover_ms));
            self.effect_not_before(takeover, Effect::ResolvePayment { order: id, home });
        }
        Ok(Outcome::Order(id))
    }

    /// The checks where the order is taken.
    pub(super) fn check_deal(
        &self,
        purchase: &Purchase,
        (bill, to): (Option<Bill>, Option<&Recipient>),
    ) -> Result<Deal, Refusal> {
        let &Purchase { msisdn, home, epoch, location, product, quantity, .. } = purchase;
        let known = self.goods.get(&product);
        // The cheapest thing costs a fen, so even of an unknown product there is a quantity too large.
        let price = known.map_or(1, |product| product.versions[product.versions.len() - 1].price.as_fen());
        let mut fen = i128::from(price) * i128::from(quantity);
        if let (Some(bill), Some(_)) = (bill, known) {
            // The price is the most that one bill may come to.
            let fits = quantity == 1 && bill.amount.as_fen() <= price;
            fen = if fits { i128::from(bill.amount.as_fen().max(0)) } else { 0 };
        }
        if fen == 0 || fen > i128::from(Money::REQUEST_MAX.as_fen()) {
            return Err(Refusal::AmountOutOfRange);
        }
        let amount = Money::fen(i64::try_from(fen).expect("at most what one request may move"));
        let from_vault = known.is_some_and(|product| self.sells_from_vault(product));
        if from_vault && quantity > CARDS_PER_ORDER_MAX {
            return Err(Refusal::AmountOutOfRange);
        }
        if home == ProvinceId::NATIONAL {
            return Err(Refusal::NotHome);
        }
        self.check_home(msisdn, home, epoch)?;
        let product = known.ok_or(Refusal::ProductNotFound)?;
        if product.status != ProductStatus::Published {
            return Err(Refusal::ProductNotPublished);
        }
        let terms = &product.versions[product.versions.len() - 1];
        if self.sps[&terms.sp].suspended {
            return Err(Refusal::SpSuspended);
        }
        check_visible(terms.scope, self.province, home, location)?;
        if from_vault && self.for_sale(product.id).len() < quantity as usize {
            return Err(Refusal::OutOfStock);
        }
        self.check_bill(terms, bill)?;
        self.check_recipient(terms, to)?;
        let draw = self.open_draw(product.id, terms)?;
        Ok(Deal { amount, from_vault, draw })
    }

    /// As they are sold now.
    pub(super) fn terms_of(&self, product: ProductId) -> Option<&Terms> {
        self.goods.get(&product).and_then(|product| product.versions.last())
    }

    /// The checks at home, from the account on.
    pub(super) fn check_payer(
        &mut self,
        msisdn: Msisdn,
        selector: AccountSelector,
        by: By,
        amount: Money,
    ) -> Result<(AccountId, Option<OfBill>), Refusal> {
        let named = match selector {
            AccountSelector::Id(id) => Some(id),
            AccountSelector::Kind(kind) => self.newest_account(msisdn, kind),
        };
        let id = named.ok_or(Refusal::AccountNotFound)?;
        let wallet = self.wallets.get(&id).filter(|wallet| wallet.msisdn == msisdn).ok_or(Refusal::AccountNotFound)?;
        if wallet.kind != AccountKind::StoredValue {
            return Err(Refusal::AccountKindUnsupported);
        }
        let (kind, limit) = (wallet.kind, wallet.per_payment_limit);
        match by {
            By::Password(verdict) | By::Bill(_, Some(verdict)) => self.check_password(msisdn, id, verdict)?,
            By::Bill(customer, None) => self.check_no_password(msisdn, customer, (amount, limit))?,
        }
        let wallet = &self.wallets[&id];
        check_in_use(wallet)?;
        if matches!(by, By::Bill(..)) {
            self.check_bill_ceilings(msisdn, kind, amount)?;
        } else {
            self.check_limits(id, amount)?;
        }
        if amount > wallet.balance() {
            return Err(Refusal::InsufficientFunds);
        }
        Ok((id, Self::of_bill(kind, by)))
    }

    fn check_limits(&self, id: AccountId, amount: Money) -> Result<(), Refusal> {
        let wallet = &self.wallets[&id];
        // A ceiling that was lowered binds at once, whatever limit the subscriber has set.
        let ceilings = self.ceilings(wallet.kind, self.people[&wallet.msisdn].tier);
        if amount > wallet.per_payment_limit || amount > ceilings.per_payment {
            return Err(Refusal::PerPaymentLimitExceeded);
        }
        let used = wallet.used_on(day_of(self.now)) + amount;
        if used > wallet.daily_limit || used > ceilings.daily {
            return Err(Refusal::DailyLimitExceeded);
        }
        Ok(())
    }

    /// The one place where a purchase is paid.
    pub(super) fn debit(&mut self, debit: &Debit<'_>) {
        let &Debit { order, amount, account, bill, .. } = debit;
        let used = if bill.is_some() { Money::ZERO } else { amount };
        let out = Movement::of(-amount, PostingReason::Purchase(order), debit.against).using(used);
        let balance = self.move_money(account, &out);
        let decision = Decision {
            order: Some(order),
            msisdn: Some(debit.msisdn),
            account: Some(account),
            serving: debit.serving,
            amount,
            epoch: debit.epoch,
            day: day_of(self.now),
            at: self.now,
            index: self.index,
            declined: None,
            reversal: None,
            refunds: Vec::new(),
            bill,
        };
        self.payments.insert(debit.payment, decision);
        if let Some(bill) = bill {
            self.know_customer(debit.msisdn, bill);
        }
        self.text(debit.msisdn, SmsText::Debited { order, title: debit.title.to_owned(), amount, balance });
    }
}
