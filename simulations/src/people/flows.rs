//! What people do, and how often.

use serde::{Deserialize, Serialize};

macro_rules! flows {
    ($($(#[doc = $doc:literal])* $name:ident $word:ident = $share:literal;)*) => {
        /// One thing a person does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Flow { $($(#[doc = $doc])* $name,)* }

        impl Flow {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word for it in a scenario and a record.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($word),)* }
            }
        }

        /// How often people do what: shares of all they do. Those not given are as usual.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Habits { $($(#[doc = $doc])* pub $word: u32,)* }

        impl Default for Habits {
            fn default() -> Self {
                Self { $($word: $share,)* }
            }
        }

        impl Habits {
            /// Nothing at all.
            pub const NONE: Self = Self { $($word: 0,)* };

            /// The share of one flow.
            #[must_use]
            pub const fn share(&self, flow: Flow) -> u32 {
                match flow { $(Flow::$name => self.$word,)* }
            }
        }
    };
}

flows! {
    /// Buys what the own province sells to its own subscribers.
    Local local = 260;
    /// Buys what another province sells to visitors.
    Roaming roaming = 200;
    /// Buys what the whole nation is sold.
    National national = 120;
    /// Several purchases at once, from several phones of a family.
    Racing racing = 30;
    /// Buys in another province and has the service desk there reverse the order before it is paid.
    Impatient impatient = 25;
    /// Sends money to another subscriber.
    Transfer transfer = 110;
    /// Looks at the balance.
    Balance balance = 80;
    /// Looks at the statement.
    Statement statement = 15;
    /// Looks at what is on sale.
    Catalogue catalogue = 15;
    /// Pays cash in at an agent.
    TopUp top_up = 30;
    /// Sets other limits.
    Limits limits = 15;
    /// Sets another payment password.
    Password password = 10;
    /// Types a wrong payment password.
    WrongPassword wrong_password = 12;
    /// Freezes the account, mostly until a time.
    Freeze freeze = 12;
    /// Thaws it.
    Thaw thaw = 8;
    /// Has an order reversed.
    Reversal reversal = 40;
    /// Has a part of an order refunded.
    Refund refund = 40;
    /// Goes to another province, or home.
    Travel travel = 40;
    /// Sends something that no program should send.
    BadInput bad_input = 15;
    /// Sends another request with a request id that was used before.
    Conflict conflict = 8;
    /// Buys by phone bill, whatever is for sale; opens the account first.
    Bill bill = 0;
    /// Buys by bank card, whatever is for sale; the bank binds the card first.
    Card card = 0;
    /// Wins: the SP gives a prize for a bet, sometimes twice, or for one that was undone.
    Award award = 0;
    /// Buys PIN cards, looks at them, shows them to nobody, wants the money back in time or too late.
    Cards cards = 0;
    /// Buys tickets, goes through gates with them, wants the money of some back.
    Tickets tickets = 0;
    /// Pays bills: asks what is due, pays it, now and then one that a neighbour pays at the same time.
    Bills bills = 0;
    /// Tops up by recharge cards: fresh ones, used ones, a neighbour's, one at two places at once.
    Recharge recharge = 0;
    /// Buys at the UPP, which has it paid: some orders come twice, some are called off before they come.
    Upp upp = 0;
    /// Buys goods that are sent; the SP says that they are, buyers say that they are there, or want the money back.
    Shopping shopping = 0;
    /// Bets on draws until they close, and a little longer; the SP opens them and moves their close.
    Bets bets = 0;
    /// Pays at machines by one-time codes: at two at once, again, too late, with a guess.
    Codes codes = 0;
    /// Tops the virtual account up from the bank account: from two phones at once, again, with a wrong password.
    BankTopUp bank_top_up = 0;
}

impl Habits {
    /// All shares together.
    #[must_use]
    pub fn total(&self) -> u64 {
        Flow::ALL.iter().map(|flow| u64::from(self.share(*flow))).sum()
    }

    /// The flow that a draw below [`Self::total`] falls on.
    #[must_use]
    pub fn drawn(&self, mut draw: u64) -> Flow {
        for flow in Flow::ALL {
            let share = u64::from(self.share(*flow));
            if draw < share {
                return *flow;
            }
            draw -= share;
        }
        Flow::Balance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_is_drawn_as_often_as_its_share_says() {
        let habits = Habits::default();
        let mut counts = std::collections::BTreeMap::<Flow, u32>::new();
        for draw in 0..habits.total() {
            *counts.entry(habits.drawn(draw)).or_default() += 1;
        }
        for flow in Flow::ALL {
            assert_eq!(counts.get(flow).copied().unwrap_or_default(), habits.share(*flow), "{}", flow.name());
        }
    }
}
