//! Deliberate faults, compiled in only with the feature `mutants`: what a proof must find.

use std::sync::OnceLock;

use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::Step;
use crate::state::State;

macro_rules! mutants {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal;)*) => {
        /// One deliberate fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant { $($(#[doc = $doc])* $name,)* }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word for it on a command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

mutants! {
    /// The serving side forgets to book what a home province paid: clearing does not net to zero.
    ClearingOneSide = "clearing-one-side";
    /// A repeated request is taken for a new one: it debits twice.
    DoubleDebitOnRetry = "double-debit-on-retry";
    /// Money is credited and nothing debited for it: the replica stops.
    CreditWithoutDebit = "credit-without-debit";
    /// A payment that comes after its own reversal debits all the same.
    LateDebitRevives = "late-debit-revives";
    /// A transfer that the payee's province refuses stays set aside: the payer never gets it back.
    HoldNeverReleased = "hold-never-released";
    /// `apply` does not look at the daily limit; whoever proposes has looked at it before.
    LimitOutsideApply = "limit-outside-apply";
    /// A province debits subscribers who are at home elsewhere under its own number plan.
    DebitAtWrongProvince = "debit-at-wrong-province";
    /// Answers of SPs are recorded in the order of a hash map.
    DigestByMapOrder = "digest-by-map-order";
    /// A payment that is reversed a second time gives the money back a second time.
    ReversedTwice = "reversed-twice";
    /// A roaming product is sold to the province's own subscribers too.
    RoamingSoldToLocals = "roaming-sold-to-locals";
    /// Nobody is told of a freeze or a thaw.
    FreezeNotTold = "freeze-not-told";
    /// A thaw date passes and nothing happens.
    ThawForgotten = "thaw-forgotten";
    /// A call outside that is not answered is taken for refused: nothing undoes it.
    TimeoutTakenForRefusal = "timeout-taken-for-refusal";
    /// A call outside that is given up is not undone.
    UnknownNotUndone = "unknown-not-undone";
    /// An award number that comes again, or another one, awards the same bet once more.
    BetAwardedTwice = "bet-awarded-twice";
    /// A bet can be reversed although it was awarded.
    AwardedBetReversed = "awarded-bet-reversed";
    /// `apply` does not look at the stock of cards; whoever proposes has looked at it before.
    StockOutsideApply = "stock-outside-apply";
    /// A card that was shown to its buyer can be reversed, and is for sale again.
    CardReturnedThoughShown = "card-returned-though-shown";
    /// A ticket that was checked is good for another check.
    TicketCheckedTwice = "ticket-checked-twice";
    /// An order can be reversed, and its tickets refunded, though they were used.
    UsedTicketGivenBack = "used-ticket-given-back";
    /// `apply` does not look whether a bill is paid; whoever proposes has asked the SP before.
    BillPaidTwice = "bill-paid-twice";
    /// Any bill goes without the password, and not only those of customers paid for before.
    AnyBillWithoutPassword = "any-bill-without-password";
    /// What a bill has used of a day is never given back.
    BillUseKept = "bill-use-kept";
    /// What a recharge card is worth is credited when the card is set aside, used or not.
    RechargeCreditedBeforeUse = "recharge-credited-before-use";
    /// A recharge card of which nobody knows whether it was used is not credited past the bound.
    RechargeLostPastBound = "recharge-lost-past-bound";
    /// An order number of the UPP that comes again is paid again.
    UppOrderPaidTwice = "upp-order-paid-twice";
    /// An order of the UPP that was reversed before it came is paid when it comes.
    LateUppPaymentRevives = "late-upp-payment-revives";
    /// A one-time payment code pays again and again in its minute.
    CodePaysTwice = "code-pays-twice";
    /// What completes or undoes a call is asked of the card that has come in the place of the call's.
    ReplacedCardAsked = "replaced-card-asked";
    /// The UPP is not told how a payment that was pending has ended.
    UppNotTold = "upp-not-told";
    /// A top-up by bank card in real-time mode is credited when it is asked for, before the bank has answered.
    BankTopUpCreditedUnanswered = "bank-top-up-credited-unanswered";
}

impl Mutant {
    /// The fault of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }

    /// True when this fault is planted everywhere in this process.
    #[must_use]
    pub fn is_planted(self) -> bool {
        planted() == Some(self)
    }
}

static EVERYWHERE: OnceLock<Mutant> = OnceLock::new();

/// Plants a fault in every state this process makes or reads from now on, for a demonstration whose
/// states are made deep inside replicas. The first call decides.
pub fn plant_everywhere(mutant: Mutant) {
    let _ = EVERYWHERE.set(mutant);
}

/// What a new state begins with.
pub(crate) fn planted() -> Option<Mutant> {
    EVERYWHERE.get().copied()
}

impl State {
    /// Plants a fault, or takes it out again. It is no part of what replicas agree on.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }

    /// Forgets which requests were answered, as a snapshot without them would.
    pub fn forget_requests(&mut self) {
        self.requests = crate::requests::Requests::default();
    }

    /// True when this state has the fault.
    pub(crate) fn is_mutant(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

impl Mutant {
    /// What this fault makes of a balanced set of postings.
    pub(crate) fn post(self, step: Step, mut postings: Vec<(LedgerAccount, Money)>) -> Vec<(LedgerAccount, Money)> {
        if self == Self::CreditWithoutDebit && step == Step::Credit {
            postings.truncate(1);
        }
        postings
    }
}
