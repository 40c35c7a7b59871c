//! Between provinces: a network that loses, repeats and reorders; and messages that nobody should
//! have sent.

use mpss_domain::bills::PayForBill;
use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::{
    AccountSelector, Effect, EffectId, Money, OrderId, Outcome, PaymentId, ProvinceId, RefundId, Refusal, ReversalId,
    Scope, TransferId, Verb,
};

use crate::draw::Draw;
use crate::goods::customer;
use crate::money_moves::{amount, province_of, somebody};
use crate::walk::{CODES, Walk};

/// What travels.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// Asked of a home province; the answer goes back to the province.
    Asked(Verb, usize),
    /// Answered.
    Answer(Verb),
}

fn place_of(province: ProvinceId) -> usize {
    CODES.iter().position(|code| *code == province.code()).expect("one of three")
}

fn answer(outcome: &Outcome) -> Result<(), Refusal> {
    match outcome {
        Outcome::Refused(refusal) => Err(*refusal),
        _ => Ok(()),
    }
}

impl Walk {
    /// Asks home to pay an order that was taken here.
    pub(crate) fn ask_home(&mut self, at: usize, order: OrderId, draw: &mut Draw) {
        let Some(row) = self.provinces[at].state.order(order) else { return };
        if row.home == self.provinces[at].id {
            return;
        }
        let home = place_of(row.home);
        let mut request = PayRequest {
            payment: row.payment,
            order,
            serving: self.provinces[at].id,
            msisdn: row.msisdn,
            epoch: row.epoch,
            scope: row.scope,
            location: row.location,
            account: row.account,
            amount: row.amount,
            title: "goods".into(),
            verdict: self.provinces[home].verdict_of(draw, Some(row.msisdn)),
        };
        // Whoever asks may be mistaken, or worse.
        match draw.below(40) {
            0 => request.amount = amount(draw),
            1 => request.msisdn = somebody(draw, CODES[home]),
            2 => request.location = province_of(draw.of(&CODES)),
            3 => request.scope = draw.of(&[Scope::Local, Scope::Roaming, Scope::National]),
            4 => request.serving = province_of(draw.of(&CODES)),
            5 => request.account = AccountSelector::Id(self.provinces[home].some_account(draw)),
            6 => request.epoch += 1,
            _ => {}
        }
        // Of what is no bill too, now and then: home takes the other's word for it.
        let bill = self.provinces[at].state.bill_of(order);
        let is_bill = if bill.is_some() { !draw.one_in(10) } else { draw.one_in(20) };
        let verb = if is_bill && self.provinces[home].state.version().has_outside_rails() {
            let customer = bill.map_or_else(|| customer(draw), |bill| bill.customer);
            let without_password = draw.one_in(3);
            Verb::PayForBill(Box::new(PayForBill { request, customer, without_password }))
        } else {
            Verb::Pay(Box::new(request))
        };
        self.forward(home, Message::Asked(verb, at));
    }

    fn forward(&mut self, to: usize, message: Message) {
        self.asked.push((to, message.clone()));
        self.net.push((to, message));
    }

    /// A message that is long forgotten turns up again.
    pub(crate) fn long_ago(&mut self, draw: &mut Draw) {
        if let Some(place) = (self.asked.len() as u64).checked_sub(1) {
            let place = usize::try_from(draw.below(place + 1)).expect("small");
            self.net.push(self.asked[place].clone());
        }
    }

    /// What the outbox of a province forwards, again and again.
    pub(crate) fn send(&mut self, at: usize, draw: &mut Draw) {
        let rows: Vec<_> = self.provinces[at].state.effects_from(EffectId(0)).map(|row| row.effect.clone()).collect();
        for effect in rows {
            if draw.one_in(3) {
                continue;
            }
            let state = &self.provinces[at].state;
            let (home, verb) = match effect {
                Effect::ResolvePayment { order, .. } => {
                    self.ask_home(at, order, draw);
                    continue;
                }
                Effect::ReversePayment { order, home } => {
                    let row = state.order(order).expect("an order that waits is kept");
                    let (reversal, _) = row.reversal().expect("it was asked for");
                    (home, Verb::ReversePayment { payment: row.payment, reversal, order })
                }
                Effect::RefundPayment { order, refund, amount, home } => {
                    let payment = state.order(order).expect("an order that waits is kept").payment;
                    (home, Verb::RefundPayment { payment, refund, amount })
                }
                Effect::CreditTransfer { transfer, payee_home } => {
                    let row = state.transfer(transfer).expect("a transfer that waits is kept");
                    let (payer, payee, amount) = (row.payer, row.payee, row.amount);
                    let epoch = state.plan().epoch;
                    (payee_home, Verb::CreditTransfer { transfer, payer, payee, amount, epoch })
                }
                _ => continue,
            };
            self.forward(place_of(home), Message::Asked(verb, at));
        }
    }

    /// A message arrives: any of those under way, which may stay, or be lost.
    pub(crate) fn deliver(&mut self, draw: &mut Draw) {
        for _ in 0..=draw.below(3) {
            if self.net.is_empty() {
                return;
            }
            let place = usize::try_from(draw.below(self.net.len() as u64)).expect("small");
            let (to, message) = if draw.one_in(5) { self.net[place].clone() } else { self.net.swap_remove(place) };
            if draw.one_in(6) {
                continue;
            }
            match message {
                Message::Answer(verb) => drop(self.provinces[to].ask_internally(verb)),
                Message::Asked(verb, from) => {
                    let outcome = self.provinces[to].ask_internally(verb.clone());
                    self.answer_to(from, &verb, &outcome);
                }
            }
        }
    }

    fn answer_to(&mut self, from: usize, asked: &Verb, outcome: &Outcome) {
        let result = answer(outcome);
        let verb = match *asked {
            Verb::Pay(ref request) => Verb::RecordPayment { order: request.order, result },
            Verb::ReversePayment { order, .. } if *outcome == Outcome::Reversed => Verb::RecordReversal { order },
            Verb::RefundPayment { refund, .. } => {
                let known = self.provinces[from].refunds.iter().find(|(_, known)| *known == refund);
                let Some(&(order, _)) = known else { return };
                Verb::RecordRefund { order, refund, result }
            }
            Verb::CreditTransfer { transfer, .. } => Verb::RecordTransferCredit { transfer, result },
            _ => return,
        };
        self.net.push((from, Message::Answer(verb)));
    }

    /// Anything at all, about anything there is.
    pub(crate) fn meddle(&mut self, at: usize, draw: &mut Draw) {
        let other = draw.of(&[0, 1, 2]);
        let order = self.provinces[if draw.one_in(2) { at } else { other }].some_order(draw);
        let payment = self.some_payment(at, other, draw);
        let refusal = draw.of(&[Refusal::InsufficientFunds, Refusal::NotHome, Refusal::PasswordChanged]);
        let result = if draw.one_in(2) { Ok(()) } else { Err(refusal) };
        let transfer = self.some_transfer(other, draw);
        let province = &self.provinces[at];
        let refunds = &self.provinces[other].refunds;
        let unknown = (order, RefundId::issue(province.at, province.id, 9_999));
        let (refunded, refund) = draw.recent(refunds).unwrap_or(unknown);
        let payee = somebody(draw, CODES[at]);
        let verb = match draw.below(10) {
            0 => Verb::RecordPayment { order, result },
            1 => Verb::GiveUpPayment { order },
            2 => Verb::RecordReversal { order },
            3 => Verb::RecordRefund { order: if draw.one_in(2) { order } else { refunded }, refund, result },
            4 => {
                let reversal = ReversalId::issue(province.at, province.id, 7);
                Verb::ReversePayment { payment, reversal, order }
            }
            5..=6 => {
                let part = Money::fen(i64::try_from(draw.below(3_000)).expect("small"));
                let refund = if draw.one_in(2) { refund } else { RefundId::issue(province.at, province.id, 8) };
                Verb::RefundPayment { payment, refund, amount: part }
            }
            7 => {
                let epoch = province.state.plan().epoch;
                Verb::CreditTransfer { transfer, payer: somebody(draw, 51), payee, amount: amount(draw), epoch }
            }
            8 => Verb::RecordTransferCredit { transfer, result },
            _ => {
                let row = self.provinces[other].state.payment(payment);
                let Some(row) = row.cloned().or_else(|| self.provinces[at].state.payment(payment).cloned()) else {
                    return;
                };
                let msisdn = row.msisdn.unwrap_or(payee);
                Verb::Pay(Box::new(PayRequest {
                    payment,
                    order: row.order.unwrap_or(order),
                    serving: payment.province().unwrap_or(row.serving),
                    msisdn,
                    epoch: row.epoch,
                    scope: draw.of(&[Scope::Local, Scope::Roaming, Scope::National]),
                    location: row.serving,
                    account: AccountSelector::Kind(mpss_domain::AccountKind::StoredValue),
                    amount: row.amount,
                    title: "goods".into(),
                    verdict: province.verdict_of(draw, Some(msisdn)),
                }))
            }
        };
        self.provinces[at].ask(draw, verb);
    }

    /// One that was made, one of an order, one nobody heard of, one that is very old.
    fn some_payment(&self, at: usize, other: usize, draw: &mut Draw) -> PaymentId {
        let province = &self.provinces[at];
        let made: Vec<_> = province.state.payments().map(|payment| payment.id).collect();
        let asked: Vec<_> = self.provinces[other].state.orders().map(|order| order.payment).collect();
        let number = u16::try_from(draw.below(20)).expect("small");
        let unheard = PaymentId::issue(province.at, self.provinces[other].id, number);
        match draw.below(10) {
            0 => unheard,
            1 => {
                let long_ago = mpss_domain::LogTime(province.at.0 - draw.below(150 * 86_400_000));
                PaymentId::issue(long_ago, self.provinces[other].id, number)
            }
            2 => PaymentId::from_bits(draw.bits() >> 1),
            3..=5 => draw.recent(&asked).unwrap_or(unheard),
            _ => draw.recent(&made).unwrap_or(unheard),
        }
    }

    fn some_transfer(&self, other: usize, draw: &mut Draw) -> TransferId {
        let province = &self.provinces[other];
        let number = u16::try_from(draw.below(20)).expect("small");
        let unheard = TransferId::issue(province.at, province.id, number);
        match draw.below(6) {
            0 => unheard,
            1 => {
                let long_ago = mpss_domain::LogTime(province.at.0 - draw.below(150 * 86_400_000));
                TransferId::issue(long_ago, province.id, number)
            }
            _ => draw.recent(&province.transfers).unwrap_or(unheard),
        }
    }
}
