//! 银行资料变更: the bank says that a bound card was replaced, or that its mode changed (product §2, §5; source §5.1).
//!
//! ```text
//!  waiting   the binding carries the new card; where its last four digits are others the subscriber is asked
//!            anew, with a new code: what is confirmed is the card that the text names
//!  active    the account stands on the new card for whatever begins from then on; what has begun ends on the
//!            card it began with, and what is given back later goes to the card of then
//! ```

use crate::effect::SmsText;
use crate::ids::{AccountId, BindingId};
use crate::journal::AccountChange;
use crate::outcome::Outcome;
use crate::outside::{Card, Means};
use crate::rail::call::Call;
use crate::rail::{BindingStatus, CallStep};
use crate::refusal::Refusal;
use crate::state::State;

impl State {
    /// The bank puts another card in the place of a bound one. The same card again changes nothing.
    ///
    /// # Errors
    /// In this order: [`Refusal::BindingNotFound`]; [`Refusal::BindingEnded`].
    pub(crate) fn change_card(&mut self, id: BindingId, card: &Card, code: u32) -> Result<Outcome, Refusal> {
        let binding = self.binding(id).ok_or(Refusal::BindingNotFound)?;
        let (status, msisdn) = (binding.status, binding.msisdn);
        if matches!(status, BindingStatus::Refused | BindingStatus::Lapsed | BindingStatus::Ended) {
            return Err(Refusal::BindingEnded);
        }
        if binding.card == *card {
            return Ok(Outcome::Binding(id));
        }

        // From here it must succeed.
        let named_before = binding.card.last_four == card.last_four;
        let row = self.outside.bindings.get_mut(&id).expect("just found");
        row.card = card.clone();
        if status == BindingStatus::Waiting && !named_before {
            row.code = code % 1_000_000;
        }
        self.entry.digest.feed(row);
        match status {
            BindingStatus::Active(account) => {
                let link = self.outside.links.get_mut(&account).expect("an account on a card has a link");
                link.means = Means::Card(Box::new(card.clone()));
                self.entry.digest.feed(link);
                self.record_change(account, AccountChange::CardChanged);
                self.tell(msisdn, SmsText::CardChanged { last_four: card.last_four.clone() });
            }
            _ if named_before => {}
            _ => self.ask_to_confirm(id),
        }
        Ok(Outcome::Binding(id))
    }

    /// The card that a call is asked of, when its account stands on one. What completes, releases or takes back
    /// another call is asked of that one's card: the bank knows the original by it. What gives money is asked of
    /// the card of now.
    pub(super) fn card_of(&self, account: AccountId, call: &Call) -> Option<Box<Card>> {
        let gives = matches!(call.step, CallStep::Refund | CallStep::Credit);
        #[cfg(feature = "mutants")]
        let gives = gives || self.is_mutant(crate::mutant::Mutant::ReplacedCardAsked);
        let original = call.original.as_ref().filter(|_| !gives).and_then(|original| self.call(original.call));
        if let Some(original) = original {
            return original.card.clone();
        }
        match &self.link(account)?.means {
            Means::Card(card) => Some(card.clone()),
            Means::PhoneBill(_) | Means::Upp => None,
        }
    }
}
