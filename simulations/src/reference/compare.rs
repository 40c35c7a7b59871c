//! At rest everything the real state holds is what the reference counts: rows, texts, books.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};

use mpss_domain::{
    Account, Effect, EffectId, EffectRow, LedgerAccount, LogTime, Money, Order, Payment, State, Subscriber, Transfer,
};

use super::Reference;
use super::accounts::Person;
use super::days::day_of;

/// Names each field of two rows in which they differ.
macro_rules! differing {
    ($out:expr, $whose:expr, $expected:expr, $found:expr, [$($field:ident),* $(,)?]) => {
        $(if $expected.$field != $found.$field {
            let (expected, found) = (&$expected.$field, &$found.$field);
            $out.push(format!("{}: expected {} {expected:?}, found {found:?}", $whose, stringify!($field)));
        })*
    };
}

impl Reference {
    /// Everything in which a real state differs from this reference, each as one sentence.
    ///
    /// What the state does not show is not compared: remembered requests (their answers are, when they
    /// are asked again) and transfers from elsewhere that the reference does not know.
    #[must_use]
    pub fn compare(&self, state: &State) -> Vec<String> {
        let mut out = Vec::new();
        same(&mut out, "the province", &self.province, &state.province());
        same(&mut out, "the last entry", &self.index, &state.index());
        same(&mut out, "log time", &self.now, &state.now());
        same(&mut out, "the policy", &self.policy, state.policy());
        if self.plan != **state.plan() {
            let (expected, found) = (self.plan.epoch, state.plan().epoch);
            out.push(format!("the number plan differs: expected epoch {expected}, found epoch {found}"));
        }
        self.compare_people(state, &mut out);
        self.compare_accounts(state, &mut out);
        self.compare_goods(state, &mut out);
        self.compare_orders(state, &mut out);
        self.compare_payments(state, &mut out);
        self.compare_transfers(state, &mut out);
        self.compare_vault(state, &mut out);
        self.compare_tickets(state, &mut out);
        self.compare_bills(state, &mut out);
        self.compare_bill_use(state, &mut out);
        self.compare_shipments(state, &mut out);
        self.compare_draws(state, &mut out);
        self.compare_told(state, &mut out);
        self.compare_effects(state, &mut out);
        self.compare_timers(state, &mut out);
        self.compare_books(state, &mut out);
        out
    }

    fn compare_people(&self, state: &State, out: &mut Vec<String>) {
        for (msisdn, person) in &self.people {
            match state.subscriber(*msisdn) {
                Some(found) => self.compare_person(person, found, out),
                None => out.push(format!("subscriber {msisdn}: expected, not found")),
            }
        }
    }

    fn compare_person(&self, person: &Person, found: &Subscriber, out: &mut Vec<String>) {
        let who = format!("subscriber {}", found.msisdn);
        let today = day_of(self.now);
        let credential = &found.credential;
        same(out, format!("{who}: customer code"), &person.customer_code, &found.customer_code.number());
        same(out, format!("{who}: tier"), &person.tier, &found.tier);
        same(out, format!("{who}: language"), &person.language, &found.language);
        same(out, format!("{who}: password version"), &person.version, &credential.version);
        if person.verifier != credential.verifier {
            out.push(format!("{who}: the password's verifier is another one"));
        }
        // What was counted on a day that is over says nothing any more, nor does a lock that has ended.
        let wrong = person.wrong.iter().filter(|at| day_of(**at) == today).count();
        let counted = if credential.failures_day == today { usize::from(credential.failures) } else { 0 };
        same(out, format!("{who}: wrong passwords today"), &wrong, &counted);
        let locked = |until: LogTime| (until > self.now).then_some(until);
        same(out, format!("{who}: locked until"), &locked(person.locked_until), &locked(credential.locked_until));
        let mut newest = [None; 3];
        for id in &person.accounts {
            newest[self.wallets[id].kind as usize] = Some(*id);
        }
        same(out, format!("{who}: accounts"), &newest, &found.accounts);
    }

    fn compare_accounts(&self, state: &State, out: &mut Vec<String>) {
        let today = day_of(self.now);
        let mut open = BTreeMap::new();
        for order in self.waiting.iter().map(|id| &self.orders[id]).filter(|order| order.home == self.province) {
            let account = self.payments.get(&order.payment).and_then(|payment| payment.account);
            *open.entry(account).or_insert(0) += 1;
        }
        for transfer in &self.crediting {
            *open.entry(Some(self.transfers[transfer].payer_account)).or_insert(0) += 1;
        }
        let mut known = BTreeSet::new();
        for found in state.accounts() {
            known.insert(found.id);
            let Some(wallet) = self.wallets.get(&found.id) else {
                out.push(format!("account {}: not expected, found {found:?}", found.id));
                continue;
            };
            let expected = wallet.row(found.id, today, open.get(&Some(found.id)).copied().unwrap_or_default());
            let used = if found.used_day == today { found.used } else { Money::ZERO };
            let found = &Account { used, used_day: today, ..found.clone() };
            differing!(
                out,
                format!("account {}", found.id),
                expected,
                found,
                [
                    msisdn,
                    kind,
                    status,
                    available,
                    held,
                    per_payment_limit,
                    daily_limit,
                    used,
                    open_orders,
                    opened_at,
                    last_record
                ]
            );
        }
        let missing = self.wallets.keys().filter(|id| !known.contains(*id));
        out.extend(missing.map(|id| format!("account {id}: expected, not found")));
    }

    fn compare_goods(&self, state: &State, out: &mut Vec<String>) {
        same(out, "the number of SPs", &self.sps.len(), &state.sps().count());
        for (id, sp) in &self.sps {
            same(out, format!("SP {id}"), &Some(sp), &state.sp(*id));
        }
        same(out, "the number of products", &self.goods.len(), &state.products().count());
        for (id, product) in &self.goods {
            same(out, format!("product {id}"), &Some(product), &state.product(*id));
        }
        self.compare_national(state, out);
    }

    fn compare_orders(&self, state: &State, out: &mut Vec<String>) {
        for (id, sale) in &self.orders {
            match state.order(*id) {
                Some(found) => {
                    compare_order(&sale.row(*id), found, out);
                    let question = self.question_of(*id).map(|row| &row.effect);
                    let waits_for = state.effect(found.waits_for).map(|row| &row.effect);
                    same(out, format!("order {id}: waits for"), &question, &waits_for);
                }
                None if self.order_may_be_gone(*id) => {}
                None => out.push(format!("order {id}: expected {:?}, not found", sale.status())),
            }
        }
        let unknown = state.orders().filter(|order| !self.orders.contains_key(&order.id));
        out.extend(unknown.map(|order| format!("order {}: not expected any more, found {:?}", order.id, order.status)));
    }

    fn compare_payments(&self, state: &State, out: &mut Vec<String>) {
        for (id, decision) in &self.payments {
            match state.payment(*id) {
                Some(found) => compare_payment(&decision.row(*id), found, out),
                None if self.payment_may_be_gone(*id) => {}
                None => out.push(format!("payment {id}: expected {:?}, not found", decision.status())),
            }
        }
        let unknown = state.payments().filter(|payment| !self.payments.contains_key(&payment.id));
        out.extend(unknown.map(|row| format!("payment {}: not expected any more, found {:?}", row.id, row.status)));
    }

    fn compare_transfers(&self, state: &State, out: &mut Vec<String>) {
        for (id, expected) in &self.transfers {
            match state.transfer(*id) {
                Some(found) => {
                    compare_transfer(expected, found, out);
                    let crediting = self
                        .outbox
                        .asked
                        .values()
                        .map(|row| &row.effect)
                        .find(|effect| matches!(effect, Effect::CreditTransfer { transfer, .. } if transfer == id));
                    let waits_for = state.effect(found.waits_for).map(|row| &row.effect);
                    same(out, format!("transfer {id}: waits for"), &crediting, &waits_for);
                }
                None if self.transfer_may_be_gone(*id) => {}
                None => out.push(format!("transfer {id}: expected {:?}, not found", expected.status)),
            }
        }
        let unknown = state.transfers().filter(|transfer| !self.transfers.contains_key(&transfer.id));
        out.extend(unknown.map(|row| format!("transfer {}: not expected any more, found {:?}", row.id, row.status)));
        for (id, expected) in &self.incoming {
            match state.incoming_transfer(*id) {
                None if self.incoming_may_be_gone(*id) => {}
                found => same(out, format!("transfer {id} from elsewhere"), &Some(expected), &found),
            }
        }
    }

    /// As multisets: what has to be done, and from when on; then under which number.
    fn compare_effects(&self, state: &State, out: &mut Vec<String>) {
        let mut expected: Vec<&EffectRow> = self.outbox.told.values().chain(self.outbox.asked.values()).collect();
        expected.sort_unstable_by_key(|row| row.id);
        if expected.iter().copied().eq(state.effects_from(EffectId(0))) {
            return;
        }
        let describe =
            |row: &EffectRow| format!("{:?} (decided {}, not before {})", row.effect, row.at, row.not_before);
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for row in expected {
            *counts.entry(describe(row)).or_default() += 1;
        }
        for row in state.effects_from(EffectId(0)) {
            *counts.entry(describe(row)).or_default() -= 1;
        }
        counts.retain(|_, count| *count != 0);
        for (effect, count) in &counts {
            let what = if *count > 0 { "expected, not found" } else { "found, not expected" };
            out.push(format!("effect {effect}: {what}, {} times", count.abs()));
        }
        if counts.is_empty() {
            out.push("the effects are those expected and have other numbers".to_owned());
        }
    }

    /// Nothing that ends by itself may be without a timer.
    fn compare_timers(&self, state: &State, out: &mut Vec<String>) {
        let Some((due, what)) = self.deadlines().min() else { return };
        if state.next_timer().is_none_or(|next| next > due) {
            let next = state.next_timer().map_or("nothing".to_owned(), |next| next.to_string());
            out.push(format!("{what:?} is due at {due}: expected a timer, found {next} to come first"));
        }
    }

    fn compare_books(&self, state: &State, out: &mut Vec<String>) {
        let mut expected = BTreeMap::from([("wallets".to_owned(), (self.all_wallets.debit, self.all_wallets.credit))]);
        for (account, turnover) in &self.books {
            let name = match account {
                LedgerAccount::Wallet(_) => unreachable!("wallets are one line"),
                LedgerAccount::SpPayable(sp) => format!("sp_payable:{sp}"),
                LedgerAccount::DueTo(province) => format!("due_to:{province}"),
                LedgerAccount::DueFrom(province) => format!("due_from:{province}"),
                LedgerAccount::AgentCash => "agent_cash".to_owned(),
                other => unreachable!("this model knows nothing of money outside, so {other} is not in it"),
            };
            expected.insert(name, (turnover.debit, turnover.credit));
        }
        let balance = state.trial_balance();
        let (debits, credits) =
            expected.values().fold((0, 0), |sum, turnover| (sum.0 + turnover.0, sum.1 + turnover.1));
        same(out, "all debits", &debits, &balance.debits);
        same(out, "all credits", &credits, &balance.credits);
        for line in balance.lines {
            let books = expected.remove(&line.name).unwrap_or_default();
            same(out, format!("debit and credit of {}", line.name), &books, &(line.debit, line.credit));
        }
        out.extend(expected.keys().map(|name| format!("the books have no line {name}")));
        let held: Money = self.wallets.values().map(super::wallet::Wallet::balance).sum();
        let owed = self.all_wallets.credit - self.all_wallets.debit;
        same(out, "what all wallets hold, by their movements and by the books", &i128::from(held.as_fen()), &owed);
    }
}

fn compare_order(expected: &Order, found: &Order, out: &mut Vec<String>) {
    differing!(
        out,
        format!("order {}", expected.id),
        expected,
        found,
        [
            id,
            payment,
            msisdn,
            home,
            location,
            product,
            sp,
            scope,
            quantity,
            amount,
            account,
            channel,
            epoch,
            status,
            refunded,
            refund_pending,
            booked,
            deliver_by,
            waits_until,
            timeline
        ]
    );
}

fn compare_payment(expected: &Payment, found: &Payment, out: &mut Vec<String>) {
    differing!(
        out,
        format!("payment {}", expected.id),
        expected,
        found,
        [id, order, msisdn, account, serving, amount, refunded, status, epoch, day, at, index, reversal, refunds]
    );
}

fn compare_transfer(expected: &Transfer, found: &Transfer, out: &mut Vec<String>) {
    differing!(
        out,
        format!("transfer {}", expected.id),
        expected,
        found,
        [id, payer, payer_account, payee, payee_home, amount, status, at, index, final_at]
    );
}

pub(super) fn same<T: PartialEq + Debug>(out: &mut Vec<String>, what: impl Display, expected: &T, found: &T) {
    if expected != found {
        out.push(format!("{what}: expected {expected:?}, found {found:?}"));
    }
}
