//! One province to try things on.

use mpss_domain::account::{Language, Tier};
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::outside::Means;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, Applied, Batch, Channel, Command, LogTime, Money, Msisdn, OrderId,
    Outcome, PasswordVerdict, PasswordVerifier, ProductId, ProvinceId, Refusal, Scope, SpId, State, TransferId, Verb,
};

/// 2026-11-23 10:00 in China.
pub(crate) const START: LogTime = LogTime(1_795_399_200_000);
pub(crate) const RIGHT: PasswordVerdict = PasswordVerdict { verifier_version: 1, matches: true };
pub(crate) const WRONG: PasswordVerdict = PasswordVerdict { verifier_version: 1, matches: false };
pub(crate) const STORED_VALUE: AccountSelector = AccountSelector::Kind(AccountKind::StoredValue);

/// A province, its log, and the time of its leader.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) at: LogTime,
    pub(crate) log: Vec<(u64, Batch)>,
    /// Every order taken here.
    pub(crate) orders: Vec<OrderId>,
    /// Every transfer that left here.
    pub(crate) transfers: Vec<TransferId>,
}

pub(crate) fn province(code: u8) -> ProvinceId {
    ProvinceId::new(code).expect("a province")
}

/// The `n`-th subscriber of a province.
pub(crate) fn msisdn(home: u8, n: u64) -> Msisdn {
    Msisdn::new(18_000_000_000 + u64::from(home) * 1_000_000 + n).expect("valid")
}

pub(crate) fn verifier() -> PasswordVerifier {
    PasswordVerifier { pepper: 1, salt: [7; 16], tag: [9; 32] }
}

pub(crate) fn opening(msisdn: Msisdn, limits: Option<(i64, i64)>) -> Verb {
    Verb::OpenAccount {
        msisdn,
        kind: AccountKind::StoredValue,
        tier: Tier::Basic,
        language: Language::Chinese,
        verifier: verifier(),
        verdict: RIGHT,
        per_payment_limit: limits.map(|(per_payment, _)| Money::yuan(per_payment)),
        daily_limit: limits.map(|(_, daily)| Money::yuan(daily)),
    }
}

impl World {
    pub(crate) fn new(code: u8) -> Self {
        Self {
            state: State::new(province(code)),
            at: START,
            log: Vec::new(),
            orders: Vec::new(),
            transfers: Vec::new(),
        }
    }

    pub(crate) fn batch(&mut self, commands: Vec<Command>) -> Applied {
        let (index, batch) = (self.state.index() + 1, Batch { at: self.at, commands });
        let applied = self.state.apply(index, &batch);
        for (command, reply) in batch.commands.iter().zip(&applied.replies) {
            match (&command.verb, &reply.outcome) {
                (Verb::PlaceOrder { .. }, Outcome::Order(id)) if !reply.replayed => self.orders.push(*id),
                (Verb::Transfer { .. }, Outcome::Transfer(id)) if !reply.replayed => self.transfers.push(*id),
                _ => {}
            }
        }
        self.log.push((index, batch));
        applied
    }

    pub(crate) fn ask(&mut self, verb: Verb) -> Outcome {
        self.batch(vec![Command::internal(verb)]).replies.remove(0).outcome
    }

    pub(crate) fn open(&mut self, msisdn: Msisdn, limits: Option<(i64, i64)>) -> AccountId {
        match self.ask(opening(msisdn, limits)) {
            Outcome::Account(view) => view.account.id,
            other => panic!("{other:?}"),
        }
    }

    /// Opens an account whose money is elsewhere.
    pub(crate) fn open_outside(&mut self, msisdn: Msisdn, tier: Tier, means: Means) {
        let opened = self.ask(Verb::OpenOutside {
            msisdn,
            tier,
            language: Language::Chinese,
            verifier: verifier(),
            verdict: RIGHT,
            per_payment_limit: None,
            daily_limit: None,
            means,
        });
        assert!(matches!(opened, Outcome::Account(_)), "{opened:?}");
    }

    pub(crate) fn top_up(&mut self, account: AccountId, yuan: i64) {
        let outcome = self.ask(Verb::TopUpCash { account, amount: Money::yuan(yuan), agent: "agent".into() });
        assert!(matches!(outcome, Outcome::ToppedUp { .. }), "{outcome:?}");
    }

    pub(crate) fn admit(&mut self) -> SpId {
        match self.ask(Verb::AdmitSp { name: "SP".into(), notice_url: "http://sp.example".into() }) {
            Outcome::Sp(id) => id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn publish(&mut self, sp: SpId, scope: Scope, price: Money) -> ProductId {
        let terms = Terms {
            sp,
            title: "goods".into(),
            application: Application::PayPerUse,
            scope,
            price,
            delivery_deadline_ms: 60_000,
        };
        let Outcome::Product(product) = self.ask(Verb::UploadProduct { product: None, terms, by: "u".into() }) else {
            panic!("not uploaded")
        };
        self.ask(Verb::ReviewProduct { product, rejected: None, by: "r".into() });
        assert_eq!(self.ask(Verb::PublishProduct { product }), Outcome::Product(product));
        product
    }

    /// What our side is owed (positive) or owes (negative) under one name of the books.
    pub(crate) fn balance(&self, name: &str) -> i128 {
        let books = self.state.trial_balance();
        books.lines.iter().find(|line| line.name == name).map_or(0, |line| line.debit - line.credit)
    }
}

/// A purchase of one piece or more, by a subscriber of this province.
pub(crate) fn buying(buyer: Msisdn, home: ProvinceId, location: ProvinceId, product: ProductId, quantity: u32) -> Verb {
    Verb::PlaceOrder {
        msisdn: buyer,
        home,
        epoch: 0,
        location,
        product,
        quantity,
        account: STORED_VALUE,
        channel: Channel::App,
        verdict: Some(RIGHT),
    }
}

/// The code of a refusal, or `ok`.
pub(crate) fn code_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Refused(refusal) | Outcome::OrderDeclined(_, refusal) => Refusal::code(*refusal),
        _ => "ok",
    }
}
