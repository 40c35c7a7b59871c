//! The bank's side of the UnionPay host profile. Every card has money on it until told otherwise. A
//! message is known by type, sender, trace number and transmission time: it is done once and answered the same;
//! one whose reversal came before it is refused.

use std::collections::BTreeMap;

use mpss_domain::Money;

use crate::gateway::bank::iso8583::{
    AdditionalAmount, Institution, Message, MessageType, MonthDayTime, OriginalData, ResponseCode, Stan, Transaction,
    number,
};

/// What a card may spend when nobody said otherwise: ten thousand yuan.
const BALANCE: Money = Money::yuan(10_000);

/// One card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardState {
    /// What is on it and not set aside.
    pub balance: Money,
    /// What is set aside.
    pub held: Money,
    /// Nothing may be taken from it.
    pub blocked: bool,
}

impl Default for CardState {
    fn default() -> Self {
        Self { balance: BALANCE, held: Money::ZERO, blocked: false }
    }
}

/// By what a message is known; the institution that sent it counts its numbers for itself.
type Key = (MessageType, Stan, MonthDayTime, u64);

/// What one transaction has done.
#[derive(Debug, Clone)]
struct Done {
    transaction: Transaction,
    card: String,
    amount: Money,
    /// Given back by refunds.
    refunded: Money,
    /// Taken back, given up or reversed.
    over: bool,
    /// A hold that was completed.
    completed: bool,
    /// The hold it completed.
    original: Option<Key>,
    /// On which of the bank's days.
    day: u32,
}

/// A bank's books.
#[derive(Debug, Default)]
pub struct BankHost {
    cards: BTreeMap<String, CardState>,
    done: BTreeMap<Key, Done>,
    answers: BTreeMap<Key, Message>,
    /// Originals that must never come.
    forbidden: BTreeMap<Key, ()>,
    /// Cards that were replaced, and by which.
    replaced: BTreeMap<String, String>,
    day: u32,
    approved: u32,
    requests: u64,
    repeated: u64,
    reversed: u64,
}

impl BankHost {
    /// Answers a message; `None` for one that is an answer itself. `refused` makes it refuse, with this
    /// code, what it would do.
    pub fn answer(&mut self, request: &Message, refused: Option<ResponseCode>) -> Option<Message> {
        let mut answer = request.answer()?;
        self.requests += 1;
        let Some(key) = key_of(request) else {
            answer.set_response_code(code(b"30"));
            return Some(answer);
        };
        if request.network_code().ok().flatten().is_some() {
            answer.set_response_code(ResponseCode::APPROVED);
            return Some(answer);
        }
        if let Some(known) = self.answers.get(&key) {
            self.repeated += 1;
            return Some(known.clone());
        }
        if request.transaction() == Some(Transaction::BalanceQuery) {
            self.tell_balance(request, refused, &mut answer);
            return Some(answer);
        }
        let is_advice = matches!(key.0, MessageType::ReversalAdvice | MessageType::FinancialAdvice);
        let result = match refused {
            // What is told and not asked is not refused for policy.
            Some(refused) if !is_advice => Err(refused),
            _ => self.act(key, request),
        };
        match result {
            Ok(()) => {
                self.approved += 1;
                answer.set_response_code(ResponseCode::APPROVED);
                let authorization = format!("{:06}", self.approved % 1_000_000);
                answer.set(number::AUTHORIZATION_CODE, authorization).expect("six digits");
            }
            Err(code) => answer.set_response_code(code),
        }
        self.answers.insert(key, answer.clone());
        Some(answer)
    }

    /// What is on a card. It is read anew however often it is asked for.
    fn tell_balance(&self, request: &Message, refused: Option<ResponseCode>, answer: &mut Message) {
        let card = request.pan().ok().flatten();
        let state = card.as_ref().map(|pan| self.card(pan.digits()));
        let (code, state) = match (refused, state) {
            (Some(refused), _) => (refused, None),
            (None, None) => (code(b"14"), None),
            (None, Some(state)) if state.blocked => (code(b"62"), None),
            (None, Some(state)) => (ResponseCode::APPROVED, Some(state)),
        };
        answer.set_response_code(code);
        if let Some(state) = state {
            let amount =
                |amount_type, amount| AdditionalAmount { account_type: *b"00", amount_type, currency: *b"156", amount };
            let told = [amount(*b"01", state.balance + state.held), amount(*b"02", state.balance)];
            answer.set_additional_amounts(&told).expect("no card has a million million on it");
        }
    }

    fn act(&mut self, key: Key, request: &Message) -> Result<(), ResponseCode> {
        let transaction = request.transaction().ok_or(code(b"40"))?;
        let card = request.pan().ok().flatten().ok_or(code(b"14"))?.digits().to_owned();
        let amount = request.amount().filter(|amount| amount.is_positive()).ok_or(code(b"13"))?;
        let original = request.original_data().ok().flatten().map(|data| original_key(&data));
        if key.0.is_reversal() {
            return self.reverse(original.ok_or(code(b"30"))?, &card);
        }
        if self.forbidden.contains_key(&key) {
            return Err(code(b"12"));
        }
        let mut done = Done {
            transaction,
            card: card.clone(),
            amount,
            refunded: Money::ZERO,
            over: false,
            completed: false,
            original,
            day: self.day,
        };
        match transaction {
            Transaction::Purchase => {
                let state = self.spendable(&card, amount)?;
                state.balance -= amount;
            }
            Transaction::PreAuthorization => {
                let state = self.spendable(&card, amount)?;
                state.balance -= amount;
                state.held += amount;
            }
            Transaction::Completion => {
                let hold = self.open(original, Transaction::PreAuthorization, &card)?;
                if hold.completed {
                    return Err(code(b"22"));
                }
                if amount > hold.amount {
                    return Err(code(b"61"));
                }
                hold.completed = true;
                let held = hold.amount;
                let state = self.behind(&card);
                state.held -= held;
                state.balance += held - amount;
            }
            Transaction::PreAuthorizationVoid => {
                let hold = self.open(original, Transaction::PreAuthorization, &card)?;
                if hold.completed {
                    return Err(code(b"22"));
                }
                hold.over = true;
                let held = hold.amount;
                let state = self.behind(&card);
                state.held -= held;
                state.balance += held;
            }
            Transaction::PurchaseVoid | Transaction::CompletionVoid => {
                let (day, kind) = (
                    self.day,
                    if transaction == Transaction::PurchaseVoid {
                        Transaction::Purchase
                    } else {
                        Transaction::Completion
                    },
                );
                let taken = self.open(original, kind, &card)?;
                // Its day is over: it can be refunded, and not voided.
                if taken.day != day {
                    return Err(code(b"12"));
                }
                if taken.amount != amount || taken.refunded.is_positive() {
                    return Err(code(b"64"));
                }
                taken.over = true;
                self.behind(&card).balance += amount;
            }
            Transaction::Refund => {
                let taken = self.taken(original, &card)?;
                if taken.over {
                    return Err(code(b"22"));
                }
                if taken.refunded + amount > taken.amount {
                    return Err(code(b"64"));
                }
                taken.refunded += amount;
                self.behind(&card).balance += amount;
            }
            Transaction::Payout => self.behind(&card).balance += amount,
            // It has the payout done, if that was not seen; one that comes after it is not done again.
            Transaction::PayoutConfirmation => {
                let payout = original.ok_or(code(b"30"))?;
                let repeated = (MessageType::FinancialRequest, payout.1, payout.2, payout.3);
                if !self.done.contains_key(&repeated) {
                    self.forbidden.insert(repeated, ());
                    self.behind(&card).balance += amount;
                }
            }
            _ => return Err(code(b"40")),
        }
        done.over = false;
        self.done.insert(key, done);
        Ok(())
    }

    fn spendable(&mut self, card: &str, amount: Money) -> Result<&mut CardState, ResponseCode> {
        if self.replaced.contains_key(card) {
            return Err(code(b"41"));
        }
        let state = self.behind(card);
        if state.blocked {
            return Err(code(b"62"));
        }
        if state.balance < amount {
            return Err(code(b"51"));
        }
        Ok(state)
    }

    /// A transaction of this kind that stands.
    fn open(&mut self, key: Option<Key>, kind: Transaction, card: &str) -> Result<&mut Done, ResponseCode> {
        let done = key.and_then(|key| self.done.get_mut(&key)).ok_or(code(b"25"))?;
        if done.transaction != kind || done.card != card {
            return Err(code(b"25"));
        }
        if done.over { Err(code(b"22")) } else { Ok(done) }
    }

    /// A transaction that has taken money, by this card or one that it replaced.
    fn taken(&mut self, key: Option<Key>, card: &str) -> Result<&mut Done, ResponseCode> {
        let now = self.newest(card).to_owned();
        let key = key.filter(|key| self.done.get(key).is_some_and(|done| self.newest(&done.card) == now));
        let done = key.and_then(|key| self.done.get_mut(&key)).ok_or(code(b"25"))?;
        match done.transaction {
            Transaction::Purchase | Transaction::Completion => Ok(done),
            _ => Err(code(b"12")),
        }
    }

    /// As if the original had never been; one that never came can not come any more.
    fn reverse(&mut self, original: Key, card: &str) -> Result<(), ResponseCode> {
        if self.done.get(&original).is_some_and(|done| done.card != card) {
            return Err(code(b"25"));
        }
        self.forbidden.insert(original, ());
        let Some(done) = self.done.get_mut(&original) else { return Ok(()) };
        if std::mem::replace(&mut done.over, true) {
            return Ok(());
        }
        self.reversed += 1;
        let (card, amount, transaction, hold) = (done.card.clone(), done.amount, done.transaction, done.original);
        match transaction {
            Transaction::Purchase => self.behind(&card).balance += amount,
            Transaction::PreAuthorization => {
                let state = self.behind(&card);
                state.held -= amount;
                state.balance += amount;
            }
            Transaction::Completion => {
                // The hold is what it was.
                let held = hold.and_then(|hold| self.done.get_mut(&hold)).map_or(amount, |hold| {
                    hold.completed = false;
                    hold.amount
                });
                let state = self.behind(&card);
                state.balance += amount - held;
                state.held += held;
            }
            _ => {}
        }
        Ok(())
    }

    /// A card as it is now; of one that was replaced, the one in its place.
    #[must_use]
    pub fn card(&self, token: &str) -> CardState {
        self.cards.get(self.newest(token)).copied().unwrap_or_default()
    }

    /// Sets a card.
    pub fn set_card(&mut self, token: &str, state: CardState) {
        *self.behind(token) = state;
    }

    /// Puts another card in the place of one, with all that is on it. Nothing new is taken from the old one; what
    /// has begun on it ends on it, and what it paid for may be refunded to the new one.
    pub fn replace_card(&mut self, token: &str, by: &str) {
        let state = self.card(token);
        let old = self.newest(token).to_owned();
        self.cards.remove(&old);
        self.replaced.remove(by);
        if old != by {
            self.replaced.insert(old, by.to_owned());
        }
        self.cards.insert(by.to_owned(), state);
    }

    /// The card that is in the place of one now.
    fn newest<'a>(&'a self, token: &'a str) -> &'a str {
        let mut token = token;
        while let Some(by) = self.replaced.get(token) {
            token = by;
        }
        token
    }

    /// Where the money of a card is.
    fn behind(&mut self, token: &str) -> &mut CardState {
        let newest = self.newest(token).to_owned();
        self.cards.entry(newest).or_default()
    }

    /// The bank's day is cut: what was taken before is not voided any more.
    pub fn cut_day(&mut self) {
        self.day += 1;
    }

    /// Messages that came, those that came again, and transactions that were reversed.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64, u64) {
        (self.requests, self.repeated, self.reversed)
    }
}

fn code(code: &[u8; 2]) -> ResponseCode {
    ResponseCode::new(code).expect("two digits")
}

/// A message's key; a repeated advice is the advice.
fn key_of(message: &Message) -> Option<Key> {
    let kind = match message.kind() {
        MessageType::ReversalAdviceRepeat => MessageType::ReversalAdvice,
        MessageType::FinancialAdviceRepeat => MessageType::FinancialAdvice,
        kind => kind,
    };
    Some((kind, message.stan().ok()??, message.transmission_time().ok()??, value_of(message.acquirer())))
}

/// An institution without the zeros before it, which are lost where fields are filled up with such; 0
/// for none.
fn value_of(institution: Option<Institution>) -> u64 {
    institution.and_then(|institution| institution.digits().parse().ok()).unwrap_or_default()
}

fn original_key(data: &OriginalData) -> Key {
    (data.kind, data.stan, data.transmission_time, value_of(data.acquirer()))
}
