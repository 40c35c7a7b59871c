//! The machine under test, asked for each step with a command.

use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::order::ReversalReason;
use mpss_domain::{
    AccountId, LogTime, Money, Msisdn, OrderId, PasswordVerdict, PaymentId, ProductId, RefundId, ReversalId, Scope,
    SpId, TransferId, Verb,
};

use super::steps::Step;
use super::{DAILY, OTHER, PER_PAYMENT};
use crate::world::{START, STORED_VALUE, World, buying, msisdn, opening, province};

/// The machine under test, with the names the steps have for its rows.
pub(super) struct Machine {
    pub(super) world: World,
    pub(super) sp: SpId,
    pub(super) product: ProductId,
    pub(super) accounts: Vec<Option<AccountId>>,
    pub(super) key: u128,
    pub(super) last: Option<(u128, Verb)>,
}

impl Machine {
    fn account(&self, who: usize) -> AccountId {
        self.accounts[who].unwrap_or(AccountId::issue(START, province(OTHER), who as u16))
    }

    pub(super) fn person(who: usize) -> Msisdn {
        msisdn(44, who as u64)
    }

    fn order(&self, order: usize) -> OrderId {
        let unknown = OrderId::issue(START, province(OTHER), 1);
        if self.world.orders.is_empty() { unknown } else { self.world.orders[order % self.world.orders.len()] }
    }

    pub(super) fn verb(&self, step: &Step) -> Verb {
        let right = PasswordVerdict { verifier_version: 1, matches: true };
        let at = |n: usize| LogTime(START.0 - 1_000 + n as u64);
        let payment = |n: usize| PaymentId::issue(at(n), province(OTHER), 1);
        let payment_order = |n: usize| OrderId::issue(at(n), province(OTHER), 1);
        match *step {
            Step::Open(who) => opening(Self::person(who), Some((PER_PAYMENT / 100, DAILY / 100))),
            Step::TopUp(who, fen) => {
                Verb::TopUpCash { account: self.account(who), amount: Money::fen(fen), agent: String::new() }
            }
            Step::Buy { who, quantity, right } => {
                let mut verb = buying(Self::person(who), province(44), province(44), self.product, quantity);
                if let Verb::PlaceOrder { verdict, .. } = &mut verb {
                    *verdict = Some(PasswordVerdict { verifier_version: 1, matches: right });
                }
                verb
            }
            Step::Deliver { order, accepted } => {
                Verb::RecordDeliveries { answers: vec![(self.order(order), accepted)] }
            }
            Step::Reverse(order) => {
                Verb::ReverseOrder { order: self.order(order), reason: ReversalReason::Requested, note: String::new() }
            }
            Step::Refund(order, fen) => {
                Verb::RefundOrder { order: self.order(order), amount: Money::fen(fen), note: String::new() }
            }
            Step::Freeze { who, for_ms } => Verb::FreezeAccount {
                account: self.account(who),
                verdict: right,
                until: for_ms.map(|ms| self.world.at.plus_ms(ms)),
            },
            Step::Unfreeze(who) => Verb::UnfreezeAccount { account: self.account(who), verdict: right },
            Step::Close { who, agent } => Verb::CloseAccount {
                account: self.account(who),
                verdict: right,
                pay_out_agent: agent.then(String::new),
            },
            Step::Pay { payment: n, who, fen } => Verb::Pay(Box::new(PayRequest {
                payment: payment(n),
                order: payment_order(n),
                serving: province(OTHER),
                msisdn: Self::person(who),
                epoch: 0,
                scope: Scope::Roaming,
                location: province(OTHER),
                account: STORED_VALUE,
                amount: Money::fen(fen),
                title: String::new(),
                verdict: right,
            })),
            Step::ReversePayment(n) => Verb::ReversePayment {
                payment: payment(n),
                reversal: ReversalId::issue(START, province(OTHER), n as u16),
                order: payment_order(n),
            },
            Step::RefundPayment { payment: n, refund, fen } => Verb::RefundPayment {
                payment: payment(n),
                refund: RefundId::issue(START, province(OTHER), refund),
                amount: Money::fen(fen),
            },
            Step::Transfer { from, to, fen } => self.transfer(from, Self::person(to), 44, fen),
            Step::Send { from, fen } => self.transfer(from, msisdn(OTHER, 0), OTHER, fen),
            Step::TransferAnswer { transfer, credited } => {
                let sent: Vec<_> = self.sent();
                let unknown = TransferId::issue(START, province(OTHER), 1);
                let transfer = if sent.is_empty() { unknown } else { sent[transfer % sent.len()] };
                let result = if credited { Ok(()) } else { Err(mpss_domain::Refusal::PayeeNotFound) };
                Verb::RecordTransferCredit { transfer, result }
            }
            Step::Receive { transfer, who, fen } => Verb::CreditTransfer {
                transfer: TransferId::issue(START, province(OTHER), transfer),
                payer: msisdn(OTHER, 0),
                payee: Self::person(who),
                amount: Money::fen(fen),
                epoch: 0,
            },
            Step::Pass(_) => Verb::Tick,
            Step::Again => unreachable!("it stands for another step"),
        }
    }

    fn transfer(&self, from: usize, payee: Msisdn, payee_home: u8, fen: i64) -> Verb {
        Verb::Transfer {
            payer: Self::person(from),
            payee,
            payee_home: province(payee_home),
            epoch: 0,
            amount: Money::fen(fen),
            verdict: PasswordVerdict { verifier_version: 1, matches: true },
        }
    }

    /// Transfers that went to another province.
    fn sent(&self) -> Vec<TransferId> {
        let away = |id: &&TransferId| self.world.state.transfer(**id).is_some_and(|row| row.payee_home != province(44));
        self.world.transfers.iter().filter(away).copied().collect()
    }
}
