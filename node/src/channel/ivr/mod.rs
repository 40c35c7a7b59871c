//! Voice menus (product §2: operations by IVR): a gateway brings each step of a call, and is told what to say and what to
//! collect.
//!
//! ```text
//!  step ─▶ whose number? ─▶ state (of the gateway's keeping) + digits ─▶ menu ─▶ Next ──────────────▶ said
//!             └─no: says where                                             └─▶ Deed ─▶ Home ─▶ after ─┘
//! ```
//!
//! Nothing of a call is kept here. Whatever is done because of a step is done under the id of the call and the step's number,
//! so that a step which comes again, because our answer was lost, gets the same answer and does nothing again, at whichever
//! node it comes in. That a subscriber calls from the line is one factor; what changes an account needs the payment
//! password as well, as on the web; a purchase needs the code that was texted. Account changes are told by text as well,
//! by the rules themselves.

use mpss_domain::account::Language;
use mpss_domain::texts::answer::SmsAnswer;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, AccountStatus, LogTime, Money, Msisdn, Operator, Outcome, Refusal, Reply,
    Request, State,
};
use sha2::{Digest, Sha256};

use crate::channel::sms::Words;
use crate::home::Home;
use crate::node::Context;
use crate::not_done::NotDone;

pub(crate) mod menu;
pub(crate) mod prompts;
pub(crate) mod token;
pub(crate) mod voicexml;

#[cfg(test)]
mod tests;

use menu::{Deed, Heard, Next, Offer, Place, Standing, Switch, Then};
use prompts::{Part, Sentence};
use token::StepOf;

/// Which account is frozen or thawed: the first of these that is there.
const USUAL: [AccountKind; 3] = [AccountKind::StoredValue, AccountKind::Communication, AccountKind::Bank];

/// What calls are answered by. Cheap to share.
pub(crate) struct Calls {
    context: Context,
    home: Home,
    words: Words,
}

/// What a step came to.
#[derive(Debug, Clone)]
pub(crate) struct Stepped {
    /// What is said, and how the call goes on.
    pub(crate) next: Next,
    /// The log's reply, when something was done.
    pub(crate) reply: Option<Reply>,
}

impl From<Next> for Stepped {
    fn from(next: Next) -> Self {
        Self { next, reply: None }
    }
}

impl Calls {
    pub(crate) fn new(context: Context) -> Self {
        Self { home: Home::new(context.clone()), words: Words::new(context.clone()), context }
    }

    /// One step of a call: where it stands, `None` for the first, and what was entered.
    ///
    /// # Errors
    /// [`NotDone::Busy`], [`NotDone::Unavailable`], [`NotDone::Unknown`]: the same step is to come again.
    pub(crate) async fn step(
        &self,
        of: &StepOf<'_>,
        standing: Option<Standing>,
        digits: &str,
    ) -> Result<Stepped, NotDone> {
        let offer = self.offer();
        let heard = match standing {
            None => Heard::Next(menu::begin(offer)),
            Some(standing) => menu::hear(standing, digits, offer),
        };
        let stepped = match (heard, standing) {
            // In which language it is told where to call has to be known first.
            (Heard::Next(next), _) if next.asks_for(Place::Language) => next.into(),
            (Heard::Next(next), _) => self.stranger(of.caller, next.language)?.unwrap_or(next).into(),
            (Heard::Do(deed), Some(standing)) => match self.stranger(of.caller, standing.language)? {
                Some(next) => next.into(),
                None => self.carry_out(of, standing, deed, offer).await?,
            },
            (Heard::Do(_), None) => unreachable!("a call begins with a question"),
        };
        if of.step < self.context.settings.ivr.call_steps_max {
            return Ok(stepped);
        }
        Ok(Stepped { next: menu::cut_off(stepped.next), ..stepped })
    }

    fn offer(&self) -> Offer {
        let settings = &self.context.settings.ivr;
        let language = match settings.languages.as_str() {
            "chinese" => Some(Language::Chinese),
            "english" => Some(Language::English),
            _ => None,
        };
        Offer { language, operator: !settings.operator.is_empty(), tries_max: settings.entry_tries_max }
    }

    /// What a caller is told whose home is not here.
    fn stranger(&self, caller: Msisdn, language: Language) -> Result<Option<Next>, NotDone> {
        let wall = LogTime(self.context.seams.clock.wall_ms());
        let home = self.context.replica.read(|state| {
            let plan = state.plan();
            (plan.epoch > 0).then(|| plan.lookup(caller, state.now().max(wall)))
        });
        let home = home.ok_or_else(|| NotDone::Unavailable("no number plan is in force yet".into()))?;
        let home = home.filter(|found| found.operator == Operator::ChinaTelecom).map(|found| found.home);
        let is_here = home == Some(self.context.province);
        Ok((!is_here).then(|| menu::elsewhere(language, home.map(|province| province.to_string()))))
    }

    /// Does something and says what it came to.
    async fn carry_out(
        &self,
        of: &StepOf<'_>,
        standing: Standing,
        deed: Deed,
        offer: Offer,
    ) -> Result<Stepped, NotDone> {
        match self.act(of.caller, request(of, deed.name()), deed).await {
            Ok((says, reply)) => Ok(Stepped { next: menu::after(standing, Ok(says), offer), reply }),
            Err(NotDone::Refused { refusal, .. }) => Ok(menu::after(standing, Err(refusal), offer).into()),
            Err(error) => Err(error),
        }
    }

    async fn act(&self, caller: Msisdn, request: Request, deed: Deed) -> Result<(Vec<Part>, Option<Reply>), NotDone> {
        match deed {
            Deed::Balance => Ok((self.balance(caller).await?, None)),
            Deed::Switch(switch, password) => {
                let account = self.account(caller).await?;
                let (sentence, reply) = match switch {
                    Switch::Freeze => {
                        (Sentence::AccountFrozen, self.home.freeze(request, account, password, None).await?)
                    }
                    Switch::Thaw => (Sentence::AccountThawed, self.home.unfreeze(request, account, password).await?),
                };
                Ok((vec![Part::Say(sentence)], Some(reply)))
            }
            Deed::Confirm { code, agreed } => {
                let reply = self.home.confirm(request, caller, code, agreed).await?;
                Ok((word_of(&reply.outcome), Some(reply)))
            }
        }
    }

    /// What a subscriber has.
    async fn balance(&self, of: Msisdn) -> Result<Vec<Part>, NotDone> {
        let SmsAnswer::Accounts(accounts) = self.words.own_accounts(of).await? else {
            unreachable!("accounts are answered with accounts")
        };
        let mut says = Vec::new();
        for account in &accounts {
            says.push(Part::Say(match account.kind {
                AccountKind::StoredValue => Sentence::AccountVirtual,
                AccountKind::Communication => Sentence::AccountCommunication,
                AccountKind::Bank => Sentence::AccountBank,
            }));
            says.push(Part::Say(match account.status {
                AccountStatus::Pending => Sentence::StatusPending,
                AccountStatus::Active => Sentence::StatusActive,
                AccountStatus::Frozen { .. } | AccountStatus::Closed => Sentence::StatusFrozen,
            }));
            says.extend(account.balance.into_iter().flat_map(available));
        }
        Ok(if says.is_empty() { vec![Part::Say(Sentence::NoAccounts)] } else { says })
    }

    /// The account that is frozen or thawed. One that was closed is taken when there is no other, so that a step which
    /// comes again after that is still the same request.
    async fn account(&self, of: Msisdn) -> Result<AccountId, NotDone> {
        let look = move |state: &State| {
            let mine = || USUAL.into_iter().filter_map(|kind| state.select_account(of, AccountSelector::Kind(kind)));
            let open = mine().find(|account| account.status != AccountStatus::Closed);
            open.or_else(|| mine().next()).map(|account| account.id)
        };
        let found = self.context.replica.read_linearizable(look).await?;
        found.ok_or(NotDone::refused(Refusal::AccountNotFound))
    }
}

impl Next {
    fn asks_for(&self, place: Place) -> bool {
        matches!(self.then, Then::Collect(standing) if standing.place == place)
    }
}

fn available(amount: Money) -> [Part; 2] {
    [Part::Say(Sentence::Available), Part::Amount(amount)]
}

/// What a word came to.
fn word_of(outcome: &Outcome) -> Vec<Part> {
    let Outcome::Word(word) = outcome else { return vec![Part::Say(Sentence::ResultByText)] };
    let sentence = if word.agreed { Sentence::PurchaseAgreed } else { Sentence::PurchaseRefused };
    let mut says = vec![Part::Say(sentence), Part::Name(word.title.clone()), Part::Amount(word.amount)];
    if word.agreed {
        says.push(Part::Say(Sentence::ResultByText));
    }
    says
}

/// The id of what is done because of a step. What was entered is no part of it: a step is done once, and the answer to it
/// stays what it was.
fn request(of: &StepOf<'_>, deed: &str) -> Request {
    let mut digest = Sha256::new();
    digest.update(b"mpss-ivr-step");
    of.write(|part| digest.update(part));
    let key = u128::from_be_bytes(digest.finalize()[..16].try_into().expect("SHA-256 has 32 bytes"));
    let content = Sha256::new().chain_update(b"mpss-ivr-deed").chain_update(deed).finalize();
    Request { key, content: u64::from_be_bytes(content[..8].try_into().expect("SHA-256 has 32 bytes")) }
}
