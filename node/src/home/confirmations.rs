//! 二次确认: a subscriber is asked, and answers (product §5, 6.3.1).

use mpss_domain::command::PayRequest;
use mpss_domain::confirmation::AskConfirmation;
use mpss_domain::{Msisdn, Outcome, Reply, Request, State, StateVersion, Verb};

use super::Home;
use crate::not_done::NotDone;

impl Home {
    /// Asks a subscriber for another province; the same payment again says how that stands. It is asked for often, so
    /// what is open is answered without a proposal.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn ask_confirmation(&self, ask: PayRequest, merchant: String, reserve: bool) -> Result<Reply, NotDone> {
        self.context.is_readable(StateVersion::DOORS).await?;
        let payment = ask.payment;
        let look = |state: &State| state.confirmation(payment).map(|_| state.index());
        if let Some(index) = self.context.replica.read(look) {
            return Ok(Reply { outcome: Outcome::ConfirmationAsked(payment), index, replayed: true });
        }
        let code = self.six_digits();
        let verb = Verb::AskConfirmation(Box::new(AskConfirmation { request: ask, merchant, code, reserve }));
        let reply = self.propose(None, verb).await?;
        match reply.outcome {
            Outcome::PaymentPending(account) => self.rail_answer(payment, account, reply).await,
            _ => Ok(reply),
        }
    }

    /// A subscriber's word: yes or no to what the code was sent for.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn confirm(&self, request: Request, msisdn: Msisdn, code: u32, agreed: bool) -> Result<Reply, NotDone> {
        self.context.is_readable(StateVersion::DOORS).await?;
        self.propose(Some(request), Verb::Confirm { msisdn, code, agreed }).await
    }
}
