//! One province: the real state, its reference, and what the walk knows of it.

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::command::Request;
use mpss_domain::ids::IssuedId;
use mpss_domain::journal::{AccountChange, JournalBody};
use mpss_domain::order::{OrderEvent, ReversalReason};
use mpss_domain::vault::{CardLine, CardNumber, CardResult};
use mpss_domain::{
    AccountId, Batch, Command, JournalRecord, LogTime, OrderId, Outcome, PasswordVerdict, ProductId, ProvinceId,
    RefundId, Refusal, Reply, SpId, State, TransferId, Verb,
};
use mpss_simulations::reference::Reference;

use crate::draw::Draw;

/// 2026-11-23 10:00 in China.
const START: LogTime = LogTime(1_795_399_200_000);

pub(crate) struct Province {
    pub(crate) id: ProvinceId,
    pub(crate) state: State,
    reference: Reference,
    /// The leader's clock.
    pub(crate) at: LogTime,
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) sps: Vec<SpId>,
    pub(crate) products: Vec<ProductId>,
    pub(crate) orders: Vec<OrderId>,
    pub(crate) refunds: Vec<(OrderId, RefundId)>,
    pub(crate) transfers: Vec<TransferId>,
    /// Batches of cards that were asked to be loaded.
    pub(crate) loads: Vec<Verb>,
    /// Numbers of cards that came in.
    numbers: BTreeSet<(SpId, CardNumber)>,
    /// Requests that were sent, and when.
    pub(crate) sent: Vec<(Request, LogTime)>,
    verbs: Vec<Verb>,
    pub(crate) commands: u64,
    pub(crate) seen: BTreeMap<String, u64>,
    pub(crate) difference: Option<String>,
}

impl Province {
    pub(crate) fn new(code: u8) -> Self {
        let id = ProvinceId::new(code).expect("a province");
        Self {
            id,
            state: State::new(id),
            reference: Reference::new(id),
            at: START,
            accounts: Vec::new(),
            sps: Vec::new(),
            products: Vec::new(),
            orders: Vec::new(),
            refunds: Vec::new(),
            transfers: Vec::new(),
            loads: Vec::new(),
            numbers: BTreeSet::new(),
            sent: Vec::new(),
            verbs: Vec::new(),
            commands: 0,
            seen: BTreeMap::new(),
            difference: None,
        }
    }

    /// One log entry, read by both.
    pub(crate) fn entry(&mut self, commands: Vec<Command>) -> Vec<Reply> {
        let (index, batch) = (self.state.index() + 1, Batch { at: self.at, commands });
        let applied = self.state.apply(index, &batch);
        let mut differences = self.reference.apply(index, &batch, &applied.replies, &applied.journal);
        if differences.is_empty() {
            differences = self.reference.compare(&self.state);
        }
        if let Some(first) = differences.into_iter().next() {
            self.difference.get_or_insert(format!("province {}: {first}", self.id));
        }
        self.commands += batch.commands.len() as u64;
        for (command, reply) in batch.commands.iter().zip(&applied.replies) {
            self.harvest(command, reply);
        }
        let only_time = batch.commands.iter().all(|command| command.verb == Verb::Tick);
        for record in &applied.journal {
            self.harvest_record(record, only_time);
        }
        applied.replies
    }

    /// One command, with a request id or without.
    pub(crate) fn ask(&mut self, draw: &mut Draw, verb: Verb) -> Outcome {
        let request = (!draw.one_in(3)).then(|| self.new_request(draw, &verb));
        self.entry(vec![Command { request, verb }]).remove(0).outcome
    }

    /// One command that is idempotent by what it names.
    pub(crate) fn ask_internally(&mut self, verb: Verb) -> Outcome {
        self.entry(vec![Command::internal(verb)]).remove(0).outcome
    }

    fn new_request(&mut self, draw: &mut Draw, verb: &Verb) -> Request {
        let request = Request { key: u128::from(draw.bits()), content: draw.bits() };
        self.sent.push((request, self.at));
        self.verbs.push(verb.clone());
        request
    }

    /// Something that was asked before, once more: the same, or with other content under its id.
    pub(crate) fn again(&mut self, draw: &mut Draw) {
        let Some(place) = self.sent.len().checked_sub(1) else { return };
        let back = if draw.one_in(2) { draw.below(8) } else { draw.below(place as u64 + 1) };
        let place = place.saturating_sub(usize::try_from(back).expect("small"));
        let ((mut request, sent_at), mut verb) = (self.sent[place], self.verbs[place].clone());
        match draw.below(6) {
            0 => request.content ^= 1,
            1 => verb = self.verbs[usize::try_from(draw.below(self.verbs.len() as u64)).expect("small")].clone(),
            _ => {}
        }
        let age = self.state.now().ms_since(sent_at);
        let window = self.state.policy().duplicate_window_ms;
        let reply = self.entry(vec![Command { request: Some(request), verb }]).remove(0);
        let after = age > window;
        if after {
            self.note(if reply.replayed { "again after the window" } else { "forgotten after the window" });
        }
        if !reply.replayed {
            self.sent[place].1 = self.at;
        }
    }

    /// About the password in force, mostly; now and then wrong, or about one that was changed.
    pub(crate) fn verdict(&self, draw: &mut Draw, account: Option<AccountId>) -> PasswordVerdict {
        let owner = account.and_then(|id| self.state.account(id)).map(|account| account.msisdn);
        self.verdict_of(draw, owner)
    }

    pub(crate) fn verdict_of(&self, draw: &mut Draw, owner: Option<mpss_domain::Msisdn>) -> PasswordVerdict {
        let subscriber = owner.and_then(|msisdn| self.state.subscriber(msisdn));
        let version = subscriber.map_or(0, |subscriber| subscriber.credential.version);
        let stale = u32::from(version > 0 && draw.one_in(15));
        PasswordVerdict { verifier_version: version - stale, matches: !draw.one_in(7) }
    }

    /// Somebody guesses a password, one after the other; the last may be the right one.
    pub(crate) fn guess(&mut self, draw: &mut Draw, account: AccountId) {
        let verifier_version = self.verdict(draw, Some(account)).verifier_version;
        let times = 4 + draw.below(4);
        for time in 1..=times {
            let matches = time == times && draw.one_in(2);
            let verdict = PasswordVerdict { verifier_version, matches };
            self.ask(draw, Verb::UnfreezeAccount { account, verdict });
        }
    }

    pub(crate) fn note(&mut self, what: &str) {
        *self.seen.entry(what.to_owned()).or_default() += 1;
    }

    fn harvest(&mut self, command: &Command, reply: &Reply) {
        let what = match &reply.outcome {
            Outcome::Refused(refusal) => refusal.code(),
            Outcome::OrderDeclined(..) => "order_declined",
            Outcome::Account(_) => "account",
            Outcome::ToppedUp { .. } => "topped_up",
            Outcome::Sp(_) => "sp",
            Outcome::Product(_) => "product",
            Outcome::Order(_) => "order",
            Outcome::Refund(..) => "refund",
            Outcome::Paid(_) => "paid",
            Outcome::Reversed => "reversed",
            Outcome::Refunded => "refunded",
            Outcome::Transfer(_) => "transfer",
            Outcome::Credited(_) => "credited",
            Outcome::PaymentPending(_) => "pending",
            Outcome::Held(_) => "held",
            Outcome::Binding(_) => "binding",
            Outcome::Award(_) => "award",
            Outcome::Pool { .. } => "pool",
            Outcome::CardsLoaded(_) => "cards loaded",
            Outcome::CardsShown(_) => "cards shown",
            Outcome::TicketChecked(..) => "ticket checked",
            Outcome::TopUpTaken(_) => "top-up taken",
            Outcome::Wish(_) => "wish",
            Outcome::PaymentCode(_) => "payment code",
            Outcome::Upp(_) => "order of the UPP",
            Outcome::ConfirmationAsked(_) => "asked",
            Outcome::Word(_) => "word",
            Outcome::Heard { .. } => "heard",
            Outcome::DeadlineChanged { .. } => "deadline changed",
            Outcome::SpApplication(_) => "application",
            Outcome::TextsTaken(_) => "texts of an SP",
            Outcome::Done => "done",
        };
        self.note(what);
        if reply.replayed {
            self.note("again");
            return;
        }
        let named = match command.verb {
            Verb::ReverseOrder { order, .. } | Verb::RefundOrder { order, .. } => Some(order),
            _ => None,
        };
        let ours = named.is_some_and(|order| self.orders.contains(&order));
        if ours && reply.outcome == Outcome::Refused(Refusal::OrderNotFound) {
            self.note("forgotten row");
        }
        match (&command.verb, &reply.outcome) {
            (Verb::LoadCards { product, lines, .. }, Outcome::CardsLoaded(results)) => {
                let sp = self.state.product(*product).map(|product| product.terms().sp);
                for (line, result) in lines.iter().zip(results) {
                    self.harvest_card(sp, line, *result);
                }
            }
            (Verb::OpenAccount { .. }, Outcome::Account(view)) => self.accounts.push(view.account.id),
            (Verb::AdmitSp { .. }, Outcome::Sp(id)) => self.sps.push(*id),
            (Verb::UploadProduct { product: None, .. }, Outcome::Product(id)) => self.products.push(*id),
            (Verb::PlaceOrder { .. }, Outcome::Order(id)) => {
                if self.state.draw_of(*id).is_some() {
                    self.note("bet on a draw");
                }
                self.orders.push(*id);
            }
            (Verb::BuyShipped(_), Outcome::Order(id)) => {
                self.note("goods to be sent");
                self.orders.push(*id);
            }
            (Verb::PayBill(_), Outcome::Order(id)) => {
                self.note("bill");
                self.orders.push(*id);
            }
            (Verb::RefundOrder { .. }, Outcome::Refund(order, refund)) => self.refunds.push((*order, *refund)),
            (Verb::Transfer { .. }, Outcome::Transfer(id)) => self.transfers.push(*id),
            _ => {}
        }
    }

    fn harvest_card(&mut self, sp: Option<SpId>, line: &CardLine, result: CardResult) {
        self.note(&format!("card {}", result.name()));
        if let (Some(sp), CardLine::Card(card), CardResult::Loaded) = (sp, line, result)
            && !self.numbers.insert((sp, card.number))
        {
            self.note("a number again");
        }
    }

    fn harvest_record(&mut self, record: &JournalRecord, only_time: bool) {
        if let JournalBody::OrderMoved { order, event: OrderEvent::DeliveryAsked } = record.body
            && self.state.draw_of(order).is_some_and(|draw| draw.closes_at <= record.at)
        {
            self.note("paid after the close");
        }
        let what = match &record.body {
            JournalBody::AccountChanged { change: AccountChange::Thawed, .. } if only_time => "thawed by itself",
            JournalBody::OrderMoved { event: OrderEvent::Shipped, .. } => "shipped",
            JournalBody::OrderMoved { event: OrderEvent::Received, .. } if only_time => "taken for received",
            JournalBody::OrderMoved { event: OrderEvent::Received, .. } => "received",
            JournalBody::OrderMoved { event: OrderEvent::LatePayment, .. } => "late payment",
            JournalBody::OrderMoved { event: OrderEvent::LateAcceptance, .. } => "late acceptance",
            JournalBody::OrderMoved { event: OrderEvent::ReversalAsked(_, reason), .. } => match reason {
                ReversalReason::DeliveryTimedOut => "delivery timed out",
                ReversalReason::PaymentUnknown => "payment given up",
                _ => return,
            },
            _ => return,
        };
        self.note(what);
    }

    /// An order of ours, or one nobody took.
    pub(crate) fn some_order(&self, draw: &mut Draw) -> OrderId {
        let nobody = OrderId::issue(self.at, self.id, 9_999);
        if draw.one_in(12) { nobody } else { draw.recent(&self.orders).unwrap_or(nobody) }
    }

    pub(crate) fn some_account(&self, draw: &mut Draw) -> AccountId {
        let nobody = AccountId::issue(self.at, self.id, 9_999);
        if draw.one_in(15) { nobody } else { draw.recent(&self.accounts).unwrap_or(nobody) }
    }
}
