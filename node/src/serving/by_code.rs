//! An order that is paid by a one-time code (product §3 付费): whose it is, is asked at the province that the code
//! names; from there on it goes as any order.
//!
//! ```text
//!  code ─▶ home by its digits ─▶ whose, from which account ─┬─ here: BuyByCode, order and payment in one step
//!                                                           └─ elsewhere: BuyByCode ─▶ home is asked, with the code
//! ```
//!
//! The same request again is answered before the code is looked at: by then it is used.

use mpss_domain::payment_codes::{BuyByCode, Presenter};
use mpss_domain::{
    AccountSelector, Channel, Command, Outcome, ProductId, ProvinceId, Purchase, Refusal, Reply, Request, State, Verb,
};
use mpss_routing::CodeOwner;

use super::payment::Proof;
use super::{Serving, result_name};
use crate::code_digits::CodeDigits;
use crate::not_done::{NotDone, accepted};

/// A purchase that is paid by a code.
#[derive(Debug, Clone)]
pub struct OrderByCode {
    /// What; a product of this province.
    pub product: ProductId,
    /// How many.
    pub quantity: u32,
    /// The code.
    pub code: CodeDigits,
    /// Where the buyer is now.
    pub location: ProvinceId,
}

impl Serving {
    /// Takes an order that is paid by a code; as [`Serving::place_order`].
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn place_by_code(&self, request: Request, ask: OrderByCode) -> Result<Reply, NotDone> {
        let result = self.take_by_code(request, ask).await;
        metrics::counter!("mpss_purchases_total", "way" => "code", "result" => result_name(&result)).increment(1);
        result
    }

    async fn take_by_code(&self, request: Request, ask: OrderByCode) -> Result<Reply, NotDone> {
        let look = |state: &State| {
            let sp = state.product(ask.product).map(|product| product.terms().sp);
            (state.first_answer(request), sp)
        };
        let (first, sp) = self.context.replica.read_linearizable(look).await?;
        if let Some(first) = first {
            return self.seen_to(accepted(first)?, ask.code).await;
        }
        let sp = sp.ok_or(NotDone::refused(Refusal::ProductNotFound))?;
        let owner = self.owner_of(&ask.code, Presenter::Sp(sp)).await?;
        let here = self.context.province;
        let home = ask.code.home();
        let epoch = self.context.replica.read(|state| state.plan().epoch);
        let code = (home == here).then(|| self.context.pins.as_ref().map(|safe| safe.payment_code(&ask.code)));
        let purchase = Purchase {
            msisdn: owner.msisdn,
            home,
            epoch,
            location: ask.location,
            product: ask.product,
            quantity: ask.quantity,
            account: AccountSelector::Id(owner.account),
            channel: Channel::Pos,
            verdict: None,
        };
        let verb = Verb::BuyByCode(Box::new(BuyByCode { purchase, code: code.flatten() }));
        self.context.is_readable(verb.since()).await?;
        let taken = self.context.replica.propose(Command { request: Some(request), verb }).await?;
        self.seen_to(accepted(taken)?, ask.code).await
    }

    /// Waits for the payment of an order that is taken.
    async fn seen_to(&self, taken: Reply, code: CodeDigits) -> Result<Reply, NotDone> {
        match taken.outcome {
            Outcome::Order(_) if code.home() == self.context.province => self.paid_here(taken).await,
            Outcome::Order(order) => self.ask_home_to_pay(order, taken, Proof::Code(code)).await,
            _ => Ok(taken),
        }
    }

    async fn owner_of(&self, code: &CodeDigits, by: Presenter) -> Result<CodeOwner, NotDone> {
        let home = code.home();
        if home == self.context.province {
            let row = self.home.whose_code(by, code).await?;
            return Ok(CodeOwner { msisdn: row.msisdn, account: row.account });
        }
        if !self.context.settings.provinces.contains_key(&home.to_string()) {
            return Err(NotDone::Unavailable(format!("province {home} is not connected")));
        }
        match self.context.dispatch.whose_code(home, code.reveal()).await {
            Ok(owner) => owner.map_err(NotDone::refused),
            // It was a question: nothing can have happened.
            Err(error) => {
                tracing::warn!(%home, %error, "whose code it is could not be asked");
                Err(NotDone::Unavailable(format!("province {home} does not say whose code it is")))
            }
        }
    }
}
