//! What a province must answer, told once more in the plainest way: the committed log is read along
//! with what the real state machine said to it, and every difference is named.
//!
//! ```text
//!  log entry ──▶ real State::apply ──▶ replies, journal
//!        │                                  │
//!        └─────▶ Reference::apply ◀─────────┘  the same answers, records, postings?
//!                     │
//!                     └─ compare(&State)       the same rows, texts, books at the end?
//! ```
//!
//! It is written from the specification and uses the domain's plain data alone: none of its rules, no
//! index that could be wrong in the same way, nothing kept that can be counted again. A balance is
//! the sum of its movements, a status is read off a timeline, a window is two times compared.
//!
//! Where the specification leaves open *when* something is forgotten (a request's answer after its
//! window, a row after its retention) the reference follows the real one, and only there: `answers.rs`,
//! `forgetting.rs`.

mod accounts;
mod answers;
mod bill_ceilings;
mod bills;
mod compare;
mod days;
mod draws;
mod forgetting;
mod goods;
mod identities;
mod national;
mod numbers;
mod orders;
mod outbox;
mod password;
mod payments;
mod purchase;
mod refunds;
mod reversals;
mod rules;
mod shipping;
mod sp_events;
mod tickets;
mod time_passes;
mod transfers;
mod vault;
mod wallet;

use std::collections::{BTreeMap, BTreeSet};

use mpss_domain::catalogue::{Product, Sp, Terms};
use mpss_domain::draws::Draw;
use mpss_domain::journal::{JournalBody, RecordPosition};
use mpss_domain::policy::Policy;
use mpss_domain::transfer::IncomingTransfer;
use mpss_domain::{
    AccountId, Batch, Command, JournalRecord, LedgerAccount, LogTime, Msisdn, NumberPlan, OrderId, Outcome, PaymentId,
    ProductId, ProvinceId, Purchase, Refusal, Reply, SpId, StateVersion, Transfer, TransferId, Verb,
};

use self::accounts::Person;
use self::answers::{Answers, Known, still_known};
use self::bill_ceilings::{BillRules, By};
use self::forgetting::Forgetting;
use self::identities::Identities;
use self::national::NationalGoods;
use self::orders::Sale;
use self::outbox::Outbox;
use self::payments::Decision;
use self::vault::Vault;
use self::wallet::{Turnover, Wallet};

/// Identities count milliseconds since 2020 in 41 bits, so log time ends a day before they do.
const LOG_TIME_MAX: LogTime = LogTime(1_577_836_800_000 + (1 << 41) - 86_400_000);

/// A command that handles many things leaves the rest for the next entry after so many records.
const RECORDS_SOFT_MAX: usize = 24_000;

/// Letters of a command that a difference quotes.
const QUOTED_MAX: usize = 400;

/// One province as the specification has it.
#[derive(Debug)]
pub struct Reference {
    province: ProvinceId,
    now: LogTime,
    index: u64,
    /// By which rules it decides.
    version: StateVersion,
    identities: Identities,
    policy: Policy,
    plan: NumberPlan,
    people: BTreeMap<Msisdn, Person>,
    wallets: BTreeMap<AccountId, Wallet>,
    frozen: BTreeSet<AccountId>,
    sps: BTreeMap<SpId, Sp>,
    goods: BTreeMap<ProductId, Product>,
    /// What each SP uploaded under numbers of its own.
    listed: BTreeMap<(SpId, String), (ProductId, Terms)>,
    national: NationalGoods,
    draws: BTreeMap<ProductId, Draw>,
    told: sp_events::Told,
    bills: BillRules,
    orders: BTreeMap<OrderId, Sale>,
    /// Orders whose goods are on their way.
    on_the_way: BTreeSet<OrderId>,
    /// Orders that wait for somebody, so that nobody has to look at those that ended.
    waiting: BTreeSet<OrderId>,
    payments: BTreeMap<PaymentId, Decision>,
    transfers: BTreeMap<TransferId, Transfer>,
    /// Transfers that are not final.
    crediting: BTreeSet<TransferId>,
    incoming: BTreeMap<TransferId, IncomingTransfer>,
    vault: Vault,
    outbox: Outbox,
    answers: Answers,
    /// All books but the single wallets, which stand here as one line.
    books: BTreeMap<LedgerAccount, Turnover>,
    all_wallets: Turnover,
    forgetting: Forgetting,
    /// What the entry that is being read must leave in the journal, with the command it is from.
    records: Vec<(usize, JournalRecord)>,
    command: usize,
}

impl Reference {
    /// The province before its first log entry.
    #[must_use]
    pub fn new(province: ProvinceId) -> Self {
        Self {
            province,
            now: LogTime(0),
            index: 0,
            version: StateVersion::FIRST,
            identities: Identities::default(),
            policy: Policy::default(),
            plan: NumberPlan::default(),
            people: BTreeMap::new(),
            wallets: BTreeMap::new(),
            frozen: BTreeSet::new(),
            sps: BTreeMap::new(),
            goods: BTreeMap::new(),
            listed: BTreeMap::new(),
            national: NationalGoods::default(),
            draws: BTreeMap::new(),
            told: sp_events::Told::default(),
            bills: BillRules::default(),
            orders: BTreeMap::new(),
            on_the_way: BTreeSet::new(),
            waiting: BTreeSet::new(),
            payments: BTreeMap::new(),
            transfers: BTreeMap::new(),
            crediting: BTreeSet::new(),
            incoming: BTreeMap::new(),
            vault: Vault::default(),
            outbox: Outbox::default(),
            answers: Answers::default(),
            books: BTreeMap::new(),
            all_wallets: Turnover::default(),
            forgetting: Forgetting::default(),
            records: Vec::new(),
            command: 0,
        }
    }

    /// Whose reference this is.
    #[must_use]
    pub fn province(&self) -> ProvinceId {
        self.province
    }

    /// The last log entry read.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Reads one committed entry with what the real state machine answered and recorded. Gives every
    /// difference as a sentence; after the first one the two have parted, so the rest may follow
    /// from it.
    pub fn apply(&mut self, index: u64, batch: &Batch, replies: &[Reply], journal: &[JournalRecord]) -> Vec<String> {
        let mut differences = Vec::new();
        if index <= self.index {
            differences.push(format!("entry {index} comes after entry {}", self.index));
        }
        if replies.len() != batch.commands.len() {
            let (asked, answered) = (batch.commands.len(), replies.len());
            differences.push(format!("entry {index}: expected {asked} replies, found {answered}"));
        }
        self.index = index;
        // Log time never goes back, whatever the leader's clock says.
        self.now = self.now.max(batch.at).min(LOG_TIME_MAX);
        self.answers.time_is(self.now, self.policy.duplicate_window_ms);
        self.records.clear();

        for (place, (command, found)) in batch.commands.iter().zip(replies).enumerate() {
            self.command = place;
            self.settle_what_was_forgotten(&command.verb, found, journal);
            let expected = self.answer(command, found);
            if expected != *found {
                differences.push(format!(
                    "entry {index}, command {place}, {}: expected {}, found {}",
                    quoted(&command.verb),
                    told(&expected),
                    told(found)
                ));
            }
        }
        differences.extend(self.compare_journal(batch, journal));
        differences
    }

    /// The first answer again, or the verb's.
    fn answer(&mut self, command: &Command, found: &Reply) -> Reply {
        let now = |outcome, index| Reply { outcome, index, replayed: false };
        let Some(request) = command.request else {
            return now(self.outcome(&command.verb), self.index);
        };
        // What is keyed on an order is known as long as the order is kept.
        let order = match command.verb {
            Verb::ReverseOrder { order, .. } | Verb::RefundOrder { order, .. } | Verb::RevealCards { order, .. } => {
                Some(order)
            }
            _ => None,
        };
        let order_known = order.filter(|order| still_known(found) || !self.order_may_be_gone(*order));
        match self.answers.look_up(request, order_known, found) {
            Known::Same(outcome, index) => return Reply { outcome, index, replayed: true },
            Known::OtherContent => return now(Outcome::Refused(Refusal::DuplicateRequest), self.index),
            Known::Nothing => {}
        }
        let outcome = self.outcome(&command.verb);
        if !matches!(outcome, Outcome::Refused(refusal) if tells_of_a_race(refusal)) {
            let kept = order.filter(|order| self.orders.contains_key(order));
            self.answers.remember(request, kept, self.now, self.index, &outcome);
        }
        now(outcome, self.index)
    }

    /// Does it know what a verb does? It knows nothing of money outside, nor of awards.
    #[must_use]
    pub fn knows(verb: &Verb) -> bool {
        let of_goods = matches!(
            verb,
            Verb::LoadCards { .. }
                | Verb::RevealCards { .. }
                | Verb::CheckTicket { .. }
                | Verb::PayBill(_)
                | Verb::PayForBill(_)
                | Verb::SetBillPolicy(_)
                | Verb::BuyShipped(_)
                | Verb::RecordShipment { .. }
                | Verb::RecordReceipt { .. }
                | Verb::SetDraw { .. }
                | Verb::DeleteProduct { .. }
                | Verb::UploadListed(_)
                | Verb::TakeNationalGoods(_)
        );
        of_goods || !verb.since().has_outside_rails()
    }

    fn outcome(&mut self, verb: &Verb) -> Outcome {
        // What came with newer rules is refused under older ones.
        if verb.since() > self.version {
            return Outcome::Refused(Refusal::NotYet);
        }
        self.decide(verb).unwrap_or_else(Outcome::Refused)
    }

    fn decide(&mut self, verb: &Verb) -> Result<Outcome, Refusal> {
        match verb {
            Verb::OpenAccount { .. } => self.open_account(verb),
            Verb::ChangeAccount { account, verdict, verifier, per_payment_limit, daily_limit } => {
                self.change_account(*account, *verdict, verifier.as_ref(), *per_payment_limit, *daily_limit)
            }
            Verb::CloseAccount { account, verdict, pay_out_agent } => {
                self.close_account(*account, *verdict, pay_out_agent.is_some())
            }
            Verb::FreezeAccount { account, verdict, until } => self.freeze_account(*account, *verdict, *until),
            Verb::UnfreezeAccount { account, verdict } => self.unfreeze_account(*account, *verdict),
            Verb::TopUpCash { account, amount, agent: _ } => self.top_up(*account, *amount),

            Verb::AdmitSp { name, notice_url } => Ok(self.admit_sp(name, notice_url)),
            Verb::SetSpSuspended { sp, suspended } => self.set_sp_suspended(*sp, *suspended),
            Verb::UploadProduct { product, terms, by } => self.upload(*product, terms, by),
            Verb::ReviewProduct { product, rejected, by } => self.review(*product, rejected.as_ref(), by),
            Verb::PublishProduct { product } => self.publish(*product),
            Verb::WithdrawProduct { product } => self.withdraw(*product),
            Verb::DeleteProduct { product } => self.delete(*product),
            Verb::UploadListed(ask) => self.upload_listed(ask),
            Verb::TakeNationalGoods(take) => self.take_national_goods(take),

            &Verb::PlaceOrder { msisdn, home, epoch, location, product, quantity, account, channel, verdict } => {
                let purchase = Purchase { msisdn, home, epoch, location, product, quantity, account, channel, verdict };
                self.place_order(&purchase, (None, None), None)
            }
            Verb::PayBill(ask) => {
                let verdict = ask.purchase.verdict.filter(|_| !ask.without_password);
                let by = By::Bill(ask.bill.customer, verdict);
                let by = (ask.without_password || verdict.is_some()).then_some(by);
                self.place_order(&ask.purchase, (Some(ask.bill), None), by)
            }
            Verb::PayForBill(ask) => {
                let verdict = (!ask.without_password).then_some(ask.request.verdict);
                self.pay(&ask.request, By::Bill(ask.customer, verdict))
            }
            Verb::SetBillPolicy(policy) => self.set_bill_policy(policy),
            Verb::BuyShipped(ask) => self.place_order(&ask.purchase, (None, Some(&ask.to)), None),
            Verb::RecordShipment { order, carrier, tracking } => self.record_shipment(*order, carrier, *tracking),
            Verb::SetDraw { product, draw } => self.set_draw(*product, *draw),
            Verb::RecordReceipt { order, buyer } => self.record_receipt(*order, *buyer),
            Verb::RecordPayment { order, result } => self.record_payment(*order, *result),
            Verb::GiveUpPayment { order } => self.give_up_payment(*order),
            Verb::RecordDeliveries { answers } => Ok(self.record_deliveries(answers)),
            Verb::ReverseOrder { order, reason, note: _ } => self.reverse_order(*order, *reason),
            Verb::RefundOrder { order, amount, note: _ } => self.refund_order(*order, *amount),
            Verb::RecordReversal { order } => self.record_reversal(*order),
            Verb::RecordRefund { order, refund, result } => self.record_refund(*order, *refund, *result),

            Verb::Pay(request) => self.pay(request, By::Password(request.verdict)),
            Verb::ReversePayment { payment, reversal, order } => self.reverse_payment(*payment, *reversal, *order),
            Verb::RefundPayment { payment, refund, amount } => self.refund_payment(*payment, *refund, *amount),

            Verb::Transfer { payer, payee, payee_home, epoch, amount, verdict } => {
                self.transfer(*payer, (*payee, *payee_home, *epoch), *amount, *verdict)
            }
            Verb::CreditTransfer { transfer, payer, payee, amount, epoch } => {
                self.credit_transfer(*transfer, (*payer, *payee), *amount, *epoch)
            }
            Verb::RecordTransferCredit { transfer, result } => self.record_transfer_credit(*transfer, *result),

            Verb::AcknowledgeEffects { effects } => Ok(self.acknowledge(effects)),
            Verb::Tick => Ok(self.tick()),
            // Digests are about replicas, not about what a province does.
            Verb::CompareDigest { .. } => Ok(Outcome::Done),
            Verb::InstallNumberPlan(plan) => self.install_number_plan(plan),
            Verb::PortNumber { msisdn, operator, from } => self.port_number(*msisdn, *operator, *from),
            Verb::SetPolicy(policy) => self.set_policy(policy),
            // Rules only ever get newer.
            Verb::RaiseVersion { to } => {
                self.version = self.version.max(*to);
                Ok(Outcome::Done)
            }
            Verb::LoadCards { product, batch, content, lines } => self.load_cards(*product, *batch, *content, lines),
            Verb::RevealCards { order, buyer } => self.reveal_cards(*order, *buyer),
            Verb::CheckTicket { ticket, gate } => self.check_ticket(*ticket, *gate),
            // Nobody here has an account whose money is outside, or wins: see `knows`.
            _ => Err(Refusal::NotYet),
        }
    }

    /// Notes what the journal must say next; gives where it stands.
    fn record(&mut self, previous: Option<RecordPosition>, body: JournalBody) -> RecordPosition {
        let place = u16::try_from(self.records.len()).expect("commands and records of an entry are bounded");
        let position = RecordPosition::new(self.index, place);
        self.records.push((self.command, JournalRecord { position, at: self.now, previous, body }));
        position
    }

    fn has_room(&self) -> bool {
        self.records.len() < RECORDS_SOFT_MAX
    }

    /// The first record that differs; those behind it would only be shifted.
    fn compare_journal(&self, batch: &Batch, journal: &[JournalRecord]) -> Option<String> {
        let same = self.records.iter().zip(journal).take_while(|((_, expected), found)| equal(expected, found)).count();
        let (expected, found) = (self.records.get(same), journal.get(same));
        if expected.is_none() && found.is_none() {
            return None;
        }
        let command = expected.map_or(batch.commands.len().saturating_sub(1), |(command, _)| *command);
        let verb = batch.commands.get(command).map(|command| quoted(&command.verb)).unwrap_or_default();
        let name = |record: Option<&JournalRecord>| record.map_or("nothing".to_owned(), |record| format!("{record:?}"));
        Some(format!(
            "entry {}, command {command}, {verb}: expected record {same} to be {}, found {}",
            self.index,
            name(expected.map(|(_, record)| record)),
            name(found)
        ))
    }
}

/// The order of the postings of one set says nothing.
fn equal(expected: &JournalRecord, found: &JournalRecord) -> bool {
    if expected == found {
        return true;
    }
    let sorted = |record: &JournalRecord| {
        let mut record = record.clone();
        if let JournalBody::Posted { postings, .. } = &mut record.body {
            postings.sort_unstable();
        }
        record
    };
    sorted(expected) == sorted(found)
}

/// Refusals that are no answer to keep: the same request may be sent again and succeed at once.
fn tells_of_a_race(refusal: Refusal) -> bool {
    [Refusal::PasswordChanged, Refusal::NotHome, Refusal::NotYet].contains(&refusal)
}

fn quoted(verb: &Verb) -> String {
    let mut text = format!("{verb:?}");
    if let Some((end, _)) = text.char_indices().nth(QUOTED_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn told(reply: &Reply) -> String {
    let again = if reply.replayed { " once more" } else { "" };
    format!("{:?}{again} (entry {})", reply.outcome, reply.index)
}
