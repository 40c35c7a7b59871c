//! 派奖, awards: an SP gives a subscriber a prize for a bet (product §5, 6.4).
//!
//! ```text
//!  SP ─▶ serving province: prize pool debited ─▶ (two people, from an amount on) ─▶ home province
//!         │                                                          account wanted │ fallback │ waits
//!         └─ rejected, or home will not have it: back to the pool
//! ```
//!
//! The serving province keeps the award and its pool (`ask.rs`); the home province keeps what it owes
//! the subscriber and pays it out (`credit.rs`). What is paid is the amount less tax. A bet is awarded
//! once: while an award of it stands, it is neither reversed nor refunded.
//!
//! | step | debit | credit | where |
//! |---|---|---|---|
//! | the pool is funded | `settlement_account` | `prize_pool` | serving |
//! | asked | `prize_pool` | `awards_pending` | serving |
//! | home has it | `awards_pending` | `tax_payable` and `due_to` (or, at home here, `awards_waiting`) | serving |
//! | home has it | `due_from` | `awards_waiting` | home |
//! | paid to stored value | `awards_waiting` | the wallet | home |
//! | a peer is told to credit | `awards_waiting` | `rail_returning` | home |
//! | it has | `rail_returning` | `rail_clearing` | home |

use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::effect::EffectId;
use crate::ids::{AccountId, AwardId, CallId, IssuedId, Msisdn, OrderId, ProvinceId, SpId};
use crate::money::Money;
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Table;
use crate::time::LogTime;

pub(crate) mod ask;
pub(crate) mod credit;

/// Parts of a million.
const MILLION: i128 = 1_000_000;

/// What is data of the rules for awards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardPolicy {
    /// Rises with every change.
    pub version: u64,
    /// A prize up to this is free of tax; of a larger one the whole is taxed.
    pub tax_free_up_to: Money,
    /// The tax, in parts of a million.
    pub tax_ppm: u32,
    /// From this amount on a second person approves.
    pub approval_from: Money,
    /// Which accounts are tried, in this order, when the one that was wanted is not there.
    pub fallback: Vec<AccountKind>,
}

impl Default for AwardPolicy {
    /// A lottery prize up to 10 000 yuan is free, of a larger one a fifth is withheld.
    fn default() -> Self {
        Self {
            version: 0,
            tax_free_up_to: Money::yuan(10_000),
            tax_ppm: 200_000,
            approval_from: Money::yuan(10_000),
            fallback: vec![AccountKind::StoredValue, AccountKind::Communication, AccountKind::Bank],
        }
    }
}

impl AwardPolicy {
    /// The tax on a prize: half a fen and more is rounded up.
    #[must_use]
    pub fn tax_on(&self, prize: Money) -> Money {
        if prize <= self.tax_free_up_to {
            return Money::ZERO;
        }
        let parts = i128::from(prize.as_fen()) * i128::from(self.tax_ppm);
        let fen = (parts + MILLION / 2) / MILLION;
        Money::fen(i64::try_from(fen).expect("a tax is no more than its prize"))
    }

    fn is_sound(&self) -> bool {
        i128::from(self.tax_ppm) <= MILLION / 2
            && !self.tax_free_up_to.is_negative()
            && self.approval_from.is_positive()
    }
}

/// Where an award stands in the province that serves the SP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AwardStatus {
    /// A second person has to approve it.
    AwaitingApproval,
    /// The home province is told.
    Crediting,
    /// The home province has it, paid or not. Final.
    Accepted,
    /// The second person has rejected it. Final.
    Rejected,
    /// The home province will not have it. Final.
    Returned(Refusal),
}

impl AwardStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Crediting => "crediting",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Returned(_) => "returned",
        }
    }

    /// True when nothing more happens to it here.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected | Self::Returned(_))
    }

    /// Does the pool stand without the money?
    #[must_use]
    pub const fn stands(self) -> bool {
        matches!(self, Self::AwaitingApproval | Self::Crediting | Self::Accepted)
    }
}

/// An award, kept where the SP is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Award {
    /// Its id; names the serving province.
    pub id: AwardId,
    /// Whose pool pays.
    pub sp: SpId,
    /// The SP's own number for it.
    pub reference: String,
    /// What the edge makes of SP and reference.
    pub(crate) key: u128,
    /// The bet.
    pub order: OrderId,
    /// Who has won.
    pub msisdn: Msisdn,
    /// Where the winner is at home.
    pub home: ProvinceId,
    /// The number plan epoch the bet was routed by.
    pub epoch: u64,
    /// The prize.
    pub prize: Money,
    /// What is withheld of it.
    pub tax: Money,
    /// The account that was wanted.
    pub wanted: AccountKind,
    /// Where it stands.
    pub status: AwardStatus,
    /// Who asked.
    pub asked_by: String,
    /// Who approved or rejected it; empty when nobody had to.
    pub decided_by: String,
    /// When it was asked for.
    pub at: LogTime,
    /// The log entry that took it.
    pub index: u64,
    /// The log entry that sent it home; 0 before.
    pub sent_index: u64,
    /// When it came to its end, and by which log entry.
    pub final_at: Option<(LogTime, u64)>,
    /// The effect that tells the home province; 0 when none.
    pub waits_for: EffectId,
}

impl Award {
    /// Where it stood after log entry `index`, so that a repeated request can be given its first answer.
    #[must_use]
    pub fn status_as_of(&self, index: u64) -> AwardStatus {
        match self.final_at {
            Some((_, ended)) if ended <= index => self.status,
            _ if self.sent_index != 0 && self.sent_index <= index => AwardStatus::Crediting,
            _ => AwardStatus::AwaitingApproval,
        }
    }

    /// What the winner gets.
    #[must_use]
    pub fn net(&self) -> Money {
        self.prize - self.tax
    }
}

/// Where an award stands in the winner's home province.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrizeStatus {
    /// No account can take it now: it waits for the subscriber.
    Waiting,
    /// Whoever has the account's money is told to credit it.
    Paying(AccountId),
    /// Credited. Final.
    Paid(AccountId),
    /// Nobody knows, past the bound: reconciliation decides. Final.
    InDoubt(AccountId),
    /// It was not taken: nothing is owed, and nothing will be under this id. Final.
    Refused(Refusal),
}

impl PrizeStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Paying(_) => "paying",
            Self::Paid(_) => "paid",
            Self::InDoubt(_) => "in_doubt",
            Self::Refused(_) => "refused",
        }
    }
}

/// What a home province owes, or has paid, a winner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prize {
    /// The award.
    pub id: AwardId,
    /// The bet.
    pub order: OrderId,
    /// Who has won.
    pub msisdn: Msisdn,
    /// How much, tax taken off.
    pub amount: Money,
    /// The account that was wanted.
    pub wanted: AccountKind,
    /// Where it stands.
    pub status: PrizeStatus,
    /// Kinds of account whose peer has declined it since it was last looked at anew.
    pub declined: [bool; 3],
    /// When it came.
    pub at: LogTime,
    /// The log entry that took it.
    pub index: u64,
    /// When it is looked at again; zero when it is not.
    pub next_at: LogTime,
    /// Its calls, oldest first.
    pub calls: Vec<CallId>,
}

/// The rows of awards.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Awards {
    pub(crate) policy: AwardPolicy,
    pub(crate) awards: Table<AwardId, Award, 32>,
    /// By the SP's own number: the key the edge makes of SP and reference.
    pub(crate) references: Table<u128, AwardId, 64>,
    /// By the bet.
    pub(crate) bets: Table<OrderId, AwardId, 64>,
    pub(crate) prizes: Table<AwardId, Prize, 32>,
    /// Prizes that wait, by whose they are.
    pub(crate) waiting: Table<(Msisdn, AwardId), (), 64>,
}

impl State {
    /// The rules for awards in force.
    #[must_use]
    pub fn award_policy(&self) -> &AwardPolicy {
        &self.outside.awards.policy
    }

    /// An award of an SP of this province.
    #[must_use]
    pub fn award(&self, id: AwardId) -> Option<&Award> {
        self.outside.awards.awards.get(&id)
    }

    /// All awards kept, oldest first.
    pub fn awards(&self) -> impl Iterator<Item = &Award> {
        self.outside.awards.awards.iter().map(|(_, award)| award)
    }

    /// The award of a bet that stands.
    #[must_use]
    pub fn award_of(&self, order: OrderId) -> Option<&Award> {
        self.award(*self.outside.awards.bets.get(&order)?)
    }

    /// What became of an award in the winner's home province.
    #[must_use]
    pub fn prize(&self, id: AwardId) -> Option<&Prize> {
        self.outside.awards.prizes.get(&id)
    }

    /// All prizes kept, oldest first.
    pub fn prizes(&self) -> impl Iterator<Item = &Prize> {
        self.outside.awards.prizes.iter().map(|(_, prize)| prize)
    }

    /// The prizes that wait for a subscriber, oldest first.
    pub fn prizes_waiting(&self, msisdn: Msisdn) -> impl Iterator<Item = &Prize> {
        let first = (msisdn, AwardId::from_bits(0));
        let waiting = self.outside.awards.waiting.iter_from(first).take_while(move |((whose, _), ())| *whose == msisdn);
        waiting.filter_map(|((_, id), ())| self.prize(*id))
    }

    /// What is in an SP's prize pool, in fen.
    #[must_use]
    pub fn prize_pool(&self, sp: SpId) -> Money {
        let pool = self.books.turnover(crate::ledger::LedgerAccount::PrizePool(sp));
        Money::fen(i64::try_from(pool.credit - pool.debit).expect("a pool holds no more than was put in"))
    }

    /// Puts newer rules for awards in force.
    ///
    /// # Errors
    /// [`Refusal::PolicyNotNewer`] when they are not newer, or contradict themselves.
    pub(crate) fn set_award_policy(&mut self, policy: &AwardPolicy) -> Result<Outcome, Refusal> {
        if policy.version <= self.award_policy().version || !policy.is_sound() {
            return Err(Refusal::PolicyNotNewer);
        }
        self.outside.awards.policy = policy.clone();
        self.entry.digest.feed(policy);
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prize_is_taxed_whole_or_not_at_all() {
        let policy = AwardPolicy::default();
        let tax = |fen| policy.tax_on(Money::fen(fen)).as_fen();
        assert_eq!([0, 1, 1_000_000, 1_000_001, 1_000_002, 1_000_003].map(tax), [0, 0, 0, 200_000, 200_000, 200_001]);
    }
}
