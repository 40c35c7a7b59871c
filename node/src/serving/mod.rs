//! Serving: where an order is taken, whoever's subscriber buys.
//!
//! ```text
//!  local      PlaceOrder with the password's verdict: order and payment in one step
//!  elsewhere  PlaceOrder ─▶ order `paying`, payment id issued ─▶ home is asked ─▶ RecordPayment
//!                                 └─ whatever happens to this node or the answer: the leader's
//!                                    order driver finds the order and resolves it
//! ```
//!
//! Whether the order may be taken at all is decided by `apply`, so that the same request gets the
//! same refusal; what is looked up here only says whom to ask.

use std::time::Duration;

use mpss_domain::bills::{Bill, PayBill};
use mpss_domain::confirmation::AskPurchase;
use mpss_domain::order::ReversalReason;
use mpss_domain::shipping::{BuyShipped, Recipient};
use mpss_domain::{
    AccountSelector, Channel, Command, LogTime, Money, Msisdn, OrderId, Outcome, PasswordVerdict, ProductId,
    ProvinceId, Purchase, Refusal, Reply, Request, Verb,
};
use mpss_routing::Route;

use crate::home::Home;
use crate::home::judging::{Owner, propose_judged};
use crate::node::Context;
use crate::not_done::{NotDone, accepted};
use crate::password::PaymentPassword;

mod bills;
mod by_code;
mod charges;
mod password_way;
mod payment;
mod settling;

pub use bills::BillStanding;
pub use by_code::OrderByCode;
pub use charges::AskCharge;
use payment::Proof;
pub(crate) use payment::confirmation_message;

/// How long the answer to a reversal or refund waits for the home province's acknowledgement, so that
/// the usual answer is final.
const SETTLING_WAIT: Duration = Duration::from_secs(2);

/// How long the answer to an order waits for whoever has the buyer's money, so that the usual answer says
/// whether it is paid.
const RAIL_WAIT: Duration = Duration::from_secs(5);

/// The serving side of a node.
#[derive(Clone)]
pub struct Serving {
    context: Context,
    home: Home,
}

/// A purchase.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    /// Who buys.
    pub msisdn: Msisdn,
    /// What; a product of this province.
    pub product: ProductId,
    /// How many.
    pub quantity: u32,
    /// From which account.
    pub account: AccountSelector,
    /// The buyer's payment password; `None` for a bill that is to go without, and when the buyer is asked by text.
    pub password: Option<PaymentPassword>,
    /// The door.
    pub channel: Channel,
    /// Where the buyer is now.
    pub location: ProvinceId,
    /// What goes with it.
    pub with: With,
}

/// What goes with a purchase.
#[derive(Debug, Clone)]
pub enum With {
    /// Nothing.
    Nothing,
    /// The bill it pays, as the payer saw it.
    Bill(Bill),
    /// To whom the goods are sent.
    Recipient(Recipient),
    /// The payer is asked by text; there is no password.
    Consent {
        /// The money is only set aside.
        reserve: bool,
    },
}

/// What the buyer has typed.
struct Typed {
    /// Nothing: a bill that is to go without, or the buyer is asked by text.
    without: bool,
    /// The payment password, until it is on its way.
    password: Option<PaymentPassword>,
}

/// Which way a purchase goes, as far as this replica can tell.
#[derive(Debug, Clone, Copy)]
struct Way {
    home: ProvinceId,
    epoch: u64,
    /// `local`, `roaming`, `national`, or `refused` when `apply` is going to refuse it.
    name: &'static str,
}

impl Serving {
    /// The serving side of a node.
    #[must_use]
    pub fn new(context: Context, home: Home) -> Self {
        Self { context, home }
    }

    /// Takes an order and sees to its payment: in one step when this is also home, else by asking the
    /// home province while the caller waits. The order may still be `paying` when this returns; it is
    /// then driven on by the leader. When the home province can not be reached the order is
    /// `reversing`: the reversal is stored and forwarded, so the payment can never be made later.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn place_order(&self, request: Request, mut ask: PlaceOrder) -> Result<Reply, NotDone> {
        if let With::Bill(bill) = ask.with {
            ask.with = With::Bill(self.check_bill(request, ask.product, bill).await?);
        }
        // Kept apart, so that it is wiped once it is judged or sealed and not when the buyer is answered.
        let mut typed = Typed { without: ask.password.is_none(), password: ask.password.take() };
        let way = self.way(&ask)?;
        let first = self.take(request, &ask, &mut typed, way).await;
        let result = match first {
            // The number plan changed between look and log: this replica's was the old one.
            Err(NotDone::Refused { refusal: Refusal::NotHome, .. }) => {
                self.context.replica.read_linearizable(|_| ()).await?;
                self.take(request, &ask, &mut typed, self.way(&ask)?).await
            }
            result => result,
        };
        metrics::counter!("mpss_purchases_total", "way" => way.name, "result" => result_name(&result)).increment(1);
        result
    }

    async fn take(&self, request: Request, ask: &PlaceOrder, typed: &mut Typed, way: Way) -> Result<Reply, NotDone> {
        let &PlaceOrder { msisdn, product, quantity, account, channel, location, .. } = ask;
        let Way { home, epoch, .. } = way;
        let code = self.home.six_digits();
        let without_password = typed.without;
        let verb = |verdict: Option<PasswordVerdict>| {
            let purchase = Purchase { msisdn, home, epoch, location, product, quantity, account, channel, verdict };
            match &ask.with {
                With::Nothing => {
                    Verb::PlaceOrder { msisdn, home, epoch, location, product, quantity, account, channel, verdict }
                }
                With::Bill(bill) => Verb::PayBill(Box::new(PayBill { purchase, bill: *bill, without_password })),
                With::Recipient(to) => Verb::BuyShipped(Box::new(BuyShipped { purchase, to: to.clone() })),
                &With::Consent { reserve } => Verb::AskPurchase(Box::new(AskPurchase { purchase, code, reserve })),
            }
        };
        self.context.is_readable(verb(None).since()).await?;
        if matches!(ask.with, With::Consent { .. }) && (home == self.context.province || self.is_connected(home)) {
            // The subscriber has minutes: nobody waits for the answer here.
            return self.propose(request, verb(None)).await;
        }
        if home == self.context.province {
            let taken = match &typed.password {
                Some(password) => {
                    let verb = |verdict| verb(Some(verdict));
                    let owner = Owner::Number(msisdn);
                    propose_judged(&self.context, Some(request), owner, password.clone(), verb).await?
                }
                None => self.propose(request, verb(None)).await?,
            };
            return self.paid_here(taken).await;
        }
        if !self.is_connected(home) {
            // Nothing is recorded that could only wait for ever.
            return Err(NotDone::Unavailable(format!("province {home} is not connected")));
        }
        // Before anything is recorded: without the key nothing could be sent.
        let way_home = match typed.without {
            true => None,
            false => Some(self.way_of_password(request, home).await?),
        };
        let taken = self.propose(request, verb(None)).await?;
        let proof = match (typed.password.take(), way_home) {
            (Some(password), Some(way)) => Proof::Password(password, way, home),
            _ => Proof::Bill,
        };
        match taken.outcome {
            Outcome::Order(order) => self.ask_home_to_pay(order, taken, proof).await,
            _ => Ok(taken),
        }
    }

    fn is_connected(&self, home: ProvinceId) -> bool {
        self.context.settings.provinces.contains_key(&home.to_string())
    }

    /// Whose subscriber buys, by this replica's number plan.
    fn way(&self, ask: &PlaceOrder) -> Result<Way, NotDone> {
        let here = self.context.province;
        let wall = LogTime(self.context.seams.clock.wall_ms());
        self.context.replica.read(|state| {
            let (plan, at) = (state.plan(), state.now().max(wall));
            if plan.epoch == 0 {
                return Err(NotDone::Unavailable("no number plan is in force yet".into()));
            }
            let scope = state.product(ask.product).map(|product| product.terms().scope);
            let route = scope.map(|scope| mpss_routing::route(plan, at, ask.msisdn, here, scope, ask.location));
            Ok(match route {
                Some(Ok(Route::Local { epoch })) => Way { home: here, epoch, name: "local" },
                Some(Ok(Route::Roaming { home, epoch })) => Way { home, epoch, name: "roaming" },
                Some(Ok(Route::National { home, epoch })) => Way { home, epoch, name: "national" },
                Some(Err(_)) | None => {
                    let home = plan.home_of(ask.msisdn, at).map_or(here, |belonging| belonging.home);
                    Way { home, epoch: plan.epoch, name: "refused" }
                }
            })
        })
    }

    /// Reverses an order. Answers when the money is back, or after a bounded wait while the reversal
    /// is still on its way: it is stored and forwarded until the home province acknowledges it.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn reverse_order(
        &self,
        request: Request,
        order: OrderId,
        reason: ReversalReason,
        note: String,
    ) -> Result<Reply, NotDone> {
        let reply = self.propose(request, Verb::ReverseOrder { order, reason, note }).await?;
        Ok(self.settled_reversal(order, reply).await)
    }

    /// Refunds an order, whole or in part. Answers when the money is back or the home province has
    /// refused, or after a bounded wait.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn refund_order(
        &self,
        request: Request,
        order: OrderId,
        amount: Money,
        note: String,
    ) -> Result<Reply, NotDone> {
        let reply = self.propose(request, Verb::RefundOrder { order, amount, note }).await?;
        match reply.outcome {
            Outcome::Refund(_, refund) => self.settled_refund(order, refund, reply).await,
            _ => Ok(reply),
        }
    }

    async fn propose(&self, request: Request, verb: Verb) -> Result<Reply, NotDone> {
        accepted(self.context.replica.propose(Command { request: Some(request), verb }).await?)
    }

    /// The home side of the same node.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }
}

/// The word for a result, for metrics.
fn result_name(result: &Result<Reply, NotDone>) -> &'static str {
    match result {
        Ok(_) => "taken",
        Err(NotDone::Refused { refusal, .. }) => refusal.code(),
        Err(NotDone::Malformed { code, .. }) => code,
        Err(NotDone::Busy { .. }) => "busy",
        Err(NotDone::Unavailable(_)) => "unavailable",
        Err(NotDone::SealKey(_)) => "seal_key_unavailable",
        Err(NotDone::Unknown) => "unknown",
    }
}

#[cfg(test)]
mod tests;
