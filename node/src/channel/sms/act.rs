//! What is done when a subscriber has sent a command: the same operations as from any other door.

use mpss_domain::account::{Language, Tier};
use mpss_domain::texts::answer::SmsAnswer;
use mpss_domain::texts::keyword::Keyword;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, AccountStatus, Money, Msisdn, Outcome, PaymentStatus, Refusal, Request,
    State,
};

use super::{Words, no_account};
use crate::card_pin::CardPin;
use crate::home::{ChangeAccount, ConfirmBinding, OpenAccount};
use crate::not_done::NotDone;
use crate::password::PaymentPassword;

/// Which account a command is about when it does not say: the first of these that is there.
const USUAL: [AccountKind; 3] = [AccountKind::StoredValue, AccountKind::Communication, AccountKind::Bank];

type Done = Result<Option<SmsAnswer>, NotDone>;

impl Words {
    /// A subscriber's account of a kind, or the usual one.
    async fn account(&self, of: Msisdn, kind: Option<AccountKind>) -> Result<AccountId, NotDone> {
        let find = |state: &State, kind: AccountKind| {
            let account = state.select_account(of, AccountSelector::Kind(kind))?;
            (account.status != AccountStatus::Closed).then_some(account.id)
        };
        let look = move |state: &State| match kind {
            Some(kind) => find(state, kind),
            None => USUAL.into_iter().find_map(|kind| find(state, kind)),
        };
        self.context.replica.read_linearizable(look).await?.ok_or_else(no_account)
    }

    pub(super) async fn open(
        &self,
        msisdn: Msisdn,
        request: Request,
        language: Language,
        (kind, password): (Option<AccountKind>, PaymentPassword),
    ) -> Done {
        let kind = kind.unwrap_or(AccountKind::StoredValue);
        if kind == AccountKind::Bank {
            // A card is bound from the bank's side, or asked for where its number can be typed.
            return Err(NotDone::refused(Refusal::AccountKindUnsupported));
        }
        let (tier, per_payment_limit, daily_limit) = (Tier::default(), None, None);
        let ask = OpenAccount { msisdn, kind, tier, language, password, per_payment_limit, daily_limit };
        self.home.open_account(request, ask).await?;
        Ok(None)
    }

    pub(super) async fn close(
        &self,
        from: Msisdn,
        request: Request,
        (kind, password): (Option<AccountKind>, PaymentPassword),
    ) -> Done {
        let account = self.account(from, kind).await;
        let account = match account {
            Ok(account) => account,
            // When it is closed already, that may be because these words came before.
            Err(error) => self.closed(from, kind).await?.ok_or(error)?,
        };
        self.home.close_account(request, account, password, None).await?;
        Ok(None)
    }

    async fn closed(&self, of: Msisdn, kind: Option<AccountKind>) -> Result<Option<AccountId>, NotDone> {
        let kind = kind.unwrap_or(AccountKind::StoredValue);
        let look = move |state: &State| state.select_account(of, AccountSelector::Kind(kind)).map(|account| account.id);
        Ok(self.context.replica.read_linearizable(look).await?)
    }

    pub(super) async fn freeze(
        &self,
        from: Msisdn,
        request: Request,
        (kind, password): (Option<AccountKind>, PaymentPassword),
    ) -> Done {
        let account = self.account(from, kind).await?;
        self.home.freeze(request, account, password, None).await?;
        Ok(None)
    }

    pub(super) async fn thaw(
        &self,
        from: Msisdn,
        request: Request,
        (kind, password): (Option<AccountKind>, PaymentPassword),
    ) -> Done {
        let account = self.account(from, kind).await?;
        self.home.unfreeze(request, account, password).await?;
        Ok(None)
    }

    pub(super) async fn limits(
        &self,
        from: Msisdn,
        request: Request,
        kind: Option<AccountKind>,
        (per_payment, daily): (Money, Money),
        password: PaymentPassword,
    ) -> Done {
        let account = self.account(from, kind).await?;
        let (per_payment_limit, daily_limit) = (Some(per_payment), Some(daily));
        let ask = ChangeAccount { account, password, new_password: None, per_payment_limit, daily_limit };
        self.home.change_account(request, ask).await?;
        Ok(None)
    }

    /// A new payment password; it is one for all accounts.
    pub(super) async fn password(
        &self,
        from: Msisdn,
        request: Request,
        old: PaymentPassword,
        new: PaymentPassword,
    ) -> Done {
        let account = self.account(from, None).await?;
        let (per_payment_limit, daily_limit) = (None, None);
        let ask = ChangeAccount { account, password: old, new_password: Some(new), per_payment_limit, daily_limit };
        self.home.change_account(request, ask).await?;
        Ok(None)
    }

    /// A top-up by recharge card, of the sender's account or another's.
    pub(super) async fn top_up(&self, whose: Msisdn, request: Request, pin: CardPin) -> Done {
        let (true, Some(safe)) = (self.context.rails.recharge.is_some(), &self.context.pins) else {
            return Err(NotDone::refused(Refusal::RailUnavailable));
        };
        let account = self.account(whose, Some(AccountKind::StoredValue)).await?;
        self.home.top_up_by_card(request, safe, account, &pin).await?;
        Ok(None)
    }

    /// The word for a bank card that is to be bound.
    pub(super) async fn bind(&self, msisdn: Msisdn, request: Request, code: u32, password: PaymentPassword) -> Done {
        let (per_payment_limit, daily_limit) = (None, None);
        let ask = ConfirmBinding { msisdn, code, password, per_payment_limit, daily_limit };
        self.home.confirm_binding(request, ask).await?;
        Ok(None)
    }

    /// The word for a charge. That it was paid is told by the purchase's own text; the rest is answered.
    pub(super) async fn confirm(&self, msisdn: Msisdn, request: Request, code: u32, agreed: bool) -> Done {
        let reply = self.home.confirm(request, msisdn, code, agreed).await?;
        let Outcome::Word(word) = reply.outcome else { return Ok(None) };
        if !word.agreed {
            return Ok(Some(SmsAnswer::Confirmed(Keyword::No)));
        }
        let look = |state: &State| state.payment(word.payment).map(|payment| payment.status);
        let is_set_aside = self.context.replica.read(look) == Some(PaymentStatus::Reserved);
        Ok(is_set_aside.then_some(SmsAnswer::Confirmed(Keyword::Yes)))
    }
}
