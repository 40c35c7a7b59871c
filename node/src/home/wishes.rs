//! Cards that subscribers want to be bound: asked for here, answered by the bank.

use mpss_domain::outside::Card;
use mpss_domain::wish::{AskBinding, BindWished, WishRefusal};
use mpss_domain::{Msisdn, Reply, Request, Verb, WishId};

use super::Home;
use crate::card_pin::PinSafe;
use crate::gateway::bank::iso8583::Pan;
use crate::not_done::NotDone;

/// A card as its holder names it.
#[derive(Debug, Clone)]
pub struct WishedCard {
    /// Whose number.
    pub msisdn: Msisdn,
    /// The bank's institution code.
    pub bank: String,
    /// The card's number.
    pub number: Pan,
}

impl Home {
    /// A subscriber asks for a card to be bound. Its number is sealed here, before anything is written.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn ask_binding(&self, request: Request, safe: &PinSafe, card: WishedCard) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let WishedCard { msisdn, bank, number } = card;
        let last_four = number.digits()[number.digits().len() - 4..].to_owned();
        let number = safe.seal_card_number(msisdn, &number, &*self.context.seams.random);
        let ask = AskBinding { msisdn, bank, last_four, number };
        self.propose(Some(request), Verb::AskBinding(Box::new(ask))).await
    }

    /// A bank binds a card that its holder asked for.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn bind_wished(
        &self,
        request: Request,
        wish: WishId,
        msisdn: Msisdn,
        card: Card,
    ) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        let code = self.six_digits();
        self.propose(Some(request), Verb::BindWished(Box::new(BindWished { wish, msisdn, card, code }))).await
    }

    /// A bank does not bind a card that its holder asked for.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn refuse_wish(&self, request: Request, wish: WishId, why: WishRefusal) -> Result<Reply, NotDone> {
        self.outside_is_known().await?;
        self.propose(Some(request), Verb::RefuseWish { wish, why }).await
    }
}
