//! What must be true once faults are over and everybody was answered: in every province's state, and
//! at its doors.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::{EffectId, Money, Msisdn, OrderId, OrderStatus, PaymentStatus, ProvinceId, State, TransferStatus};

use super::callers::{Book, ENDOWMENT};
use super::machine::{CONNECTIONS_MAX, IN_FLIGHT_MAX, Machine};
use super::scene::Scene;

/// Orders, transfers and effects that are not at their end.
#[must_use]
pub fn open(machines: &[Machine]) -> Vec<String> {
    let mut open = Vec::new();
    for machine in machines {
        let look = |state: &State| {
            let orders = state.orders().filter(|order| !order.status.is_final());
            let orders = orders.map(|order| format!("order {} is {}", order.id, order.status.name()));
            let transfers = state.transfers().filter(|transfer| transfer.status == TransferStatus::Crediting);
            let transfers = transfers.map(|transfer| format!("transfer {} is crediting", transfer.id));
            let effects = state.effects_from(EffectId::default()).count();
            let effects = (effects > 0).then(|| format!("{effects} effects wait"));
            orders.chain(transfers).chain(effects).map(|what| format!("{}: {what}", machine.name)).collect()
        };
        open.extend(machine.read(look).unwrap_or_else(|| vec![format!("{} is down", machine.name)]));
    }
    open
}

/// What is held at the doors although everybody has gone.
#[must_use]
pub fn leaked(machines: &[Machine]) -> Vec<String> {
    let held = machines.iter().filter_map(|machine| Some((&machine.name, machine.held()?)));
    held.filter(|(_, held)| held.callers + held.provinces > 0 || held.requests != [0; 3])
        .map(|(name, held)| format!("{name}: {held:?}"))
        .collect()
}

/// Looks at the bounds of the doors, in every step.
pub fn bounds(machines: &[Machine], full: &mut BTreeSet<ProvinceId>, scene: &Scene) {
    for machine in machines {
        let Some(held) = machine.held() else { continue };
        if held.callers > CONNECTIONS_MAX || held.provinces > CONNECTIONS_MAX {
            scene.violated("connections are bounded", format!("{}: {held:?}", machine.name));
        }
        if held.requests.iter().any(|requests| *requests > IN_FLIGHT_MAX) {
            scene.violated("requests are bounded", format!("{}: {held:?}", machine.name));
        }
        if held.callers < CONNECTIONS_MAX {
            full.remove(&machine.province);
        } else if full.insert(machine.province) {
            scene.count("times every place was taken");
        }
    }
}

/// What money and orders have to say.
pub fn judge(machines: &[Machine], book: &Book, scene: &Scene) {
    let country = Country::look(machines);
    country.one_effect(book, scene);
    country.nothing_half_done(scene);
    country.wallets(book, scene);
    country.clearing(scene);
    for wrong in &country.unbalanced {
        scene.violated("books", wrong);
    }
}

/// The states of all provinces, as far as the oracle needs them.
#[derive(Default)]
struct Country {
    orders: BTreeMap<OrderId, (Msisdn, OrderStatus, Money)>,
    /// By order: what was taken for it, once for each payment that stands.
    paid: BTreeMap<OrderId, Vec<(Msisdn, Money)>>,
    transfers: BTreeMap<String, (Msisdn, Msisdn, Money, bool)>,
    wallets: BTreeMap<Msisdn, Money>,
    /// What `one` owes `other`, as `one` says.
    owes: BTreeMap<(ProvinceId, ProvinceId), i128>,
    unbalanced: Vec<String>,
}

impl Country {
    fn look(machines: &[Machine]) -> Self {
        let mut country = Self::default();
        for machine in machines {
            let looked = machine.read(|state| country.read(machine.province, state));
            if looked.is_none() {
                country.unbalanced.push(format!("{} is down", machine.name));
            }
        }
        country
    }

    fn read(&mut self, province: ProvinceId, state: &State) {
        for order in state.orders() {
            self.orders.insert(order.id, (order.msisdn, order.status, order.amount - order.refunded));
        }
        for payment in state.payments() {
            let stands = matches!(payment.status, PaymentStatus::Captured | PaymentStatus::PartlyRefunded);
            if let (true, Some(order), Some(msisdn)) = (stands, payment.order, payment.msisdn) {
                self.paid.entry(order).or_default().push((msisdn, payment.amount - payment.refunded));
            }
        }
        for transfer in state.transfers() {
            let done = transfer.status == TransferStatus::Completed;
            self.transfers.insert(transfer.id.to_string(), (transfer.payer, transfer.payee, transfer.amount, done));
        }
        for account in state.accounts() {
            self.wallets.insert(account.msisdn, account.available + account.held);
        }
        let balance = state.trial_balance();
        if balance.debits != balance.credits {
            self.unbalanced.push(format!("{province}: debits {} credits {}", balance.debits, balance.credits));
        }
        for line in balance.lines {
            let Some((kind, other)) = line.name.split_once(':') else { continue };
            let Some(other) = other.parse().ok().and_then(ProvinceId::new) else { continue };
            if kind == "due_to" || kind == "due_from" {
                *self.owes.entry((province, other)).or_default() += line.credit - line.debit;
            }
        }
    }

    /// Everything that was answered is there, and what is there was answered, or may have been done
    /// for somebody who has gone.
    fn one_effect(&self, book: &Book, scene: &Scene) {
        for (msisdn, (_, knows)) in &*book.lock() {
            let mine = self.orders.iter().filter(|(_, (buyer, ..))| buyer.to_string() == *msisdn);
            let mine: BTreeSet<String> = mine.map(|(id, _)| id.to_string()).collect();
            let sent = self.transfers.iter().filter(|(_, (payer, ..))| payer.to_string() == *msisdn);
            let sent: BTreeSet<String> = sent.map(|(id, _)| id.clone()).collect();
            for (what, there, told, open) in [
                ("orders", &mine, &knows.orders, knows.orders_open),
                ("transfers", &sent, &knows.transfers, knows.transfers_open),
            ] {
                for lost in told.difference(there) {
                    scene.violated("one effect", format!("{msisdn}: {lost} was answered and is not there"));
                }
                let more: Vec<_> = there.difference(told).collect();
                if more.len() > open {
                    let what = format!("{msisdn}: {what} nobody was told of, with {open} outcomes open: {more:?}");
                    scene.violated("one effect", what);
                }
            }
        }
    }

    /// An order that was delivered was paid once; one that was declined or reversed was not.
    fn nothing_half_done(&self, scene: &Scene) {
        for (id, (msisdn, status, amount)) in &self.orders {
            let paid = self.paid.get(id).map(Vec::as_slice).unwrap_or_default();
            let right = match status {
                OrderStatus::Delivered | OrderStatus::PartlyRefunded => paid == [(*msisdn, *amount)],
                _ => paid.is_empty(),
            };
            if !right {
                scene.violated("nothing half done", format!("order {id} is {}, paid {paid:?}", status.name()));
            }
        }
        for order in self.paid.keys().filter(|order| !self.orders.contains_key(order)) {
            scene.violated("nothing half done", format!("order {order} was paid and is not there"));
        }
    }

    /// A wallet holds what was paid in, less what was bought and sent, and what was received.
    fn wallets(&self, book: &Book, scene: &Scene) {
        let mut expected: BTreeMap<Msisdn, Money> = BTreeMap::new();
        for msisdn in book.lock().keys().filter_map(|msisdn| msisdn.parse().ok()) {
            expected.insert(msisdn, Money::fen(ENDOWMENT));
        }
        let mut add = |msisdn: Msisdn, money: Money| {
            if let Some(wallet) = expected.get_mut(&msisdn) {
                *wallet += money;
            }
        };
        for (msisdn, amount) in self.paid.values().flatten() {
            add(*msisdn, -*amount);
        }
        for (payer, payee, amount, _) in self.transfers.values().filter(|transfer| transfer.3) {
            add(*payer, -*amount);
            add(*payee, *amount);
        }
        for (msisdn, expected) in expected {
            let there = self.wallets.get(&msisdn).copied();
            if there != Some(expected) {
                scene.violated("wallets", format!("{msisdn} has {there:?}, not {expected}"));
            }
        }
    }

    /// What one province owes another is what the other is owed.
    fn clearing(&self, scene: &Scene) {
        for (&(one, other), owes) in &self.owes {
            let owed = self.owes.get(&(other, one)).copied().unwrap_or_default();
            if owes + owed != 0 {
                scene.violated("clearing", format!("{one} owes {other} {owes} fen, {other} is owed {} fen", -owed));
            }
        }
    }
}
