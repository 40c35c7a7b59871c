//! Top-ups by recharge card (product §2): the PIN is sealed here, before anything is written.

use mpss_domain::{AccountId, Reply, Request, Verb};

use super::Home;
use crate::card_pin::{CardPin, PinSafe};
use crate::not_done::NotDone;

impl Home {
    /// Takes a top-up by recharge card.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn top_up_by_card(
        &self,
        request: Request,
        safe: &PinSafe,
        account: AccountId,
        pin: &CardPin,
    ) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let card = safe.recharge_card(pin);
        let pin = safe.seal_recharge(account, pin, &*self.context.seams.random);
        self.propose(Some(request), Verb::TopUpByCard { account, card, pin }).await
    }
}
