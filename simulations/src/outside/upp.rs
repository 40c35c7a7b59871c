//! The platform of unified payments (UPP): its own orders, which a province pays for, and virtual accounts that it
//! keeps for some subscribers, with the books of the simulator that the program ships, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;

use mpss_domain::{Money, Msisdn};
use mpss_node::gateway::NoAnswer;
use mpss_node::gateway::upp::{UppNotice, UppNotices};
use mpss_node::simulator::upp_accounts::{Purse, Purses};
use mpss_runtime::{BoxFuture, Clock};
use parking_lot::Mutex;

use super::rails::{SimRails, Way};
use super::{Moods, SILENCE};

/// What the UPP signs its requests with, and is told things with.
pub(crate) const UPP_KEY: &[u8] = b"the key of unified payments, too";

/// What an account at the UPP has on it when it is opened, in fen.
const PURSE_FEN: i64 = 20_000;

/// What the UPP knows of the end of a payment; what stands below is truer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heard {
    /// It is asked for; nobody has said yet.
    Nothing,
    /// Nobody knows yet: it waits to be told.
    Pending,
    /// It was refused.
    Declined,
    /// Paid: deliver.
    Paid,
    /// It is undone, or never will be.
    Reversed,
}

/// An order as the UPP has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UppOrder {
    /// Who pays.
    pub msisdn: String,
    /// How much.
    pub amount: Money,
    /// What it was told.
    pub heard: Heard,
    /// What was given back by refunds.
    pub refunded: Money,
    /// The notice that came about it, and how often.
    pub notice: Option<(UppNotice, u32)>,
}

/// What the UPP has.
#[derive(Debug, Default)]
pub struct SimUpp {
    pub(super) purses: Mutex<Purses>,
    pub(super) moods: Moods,
    orders: Mutex<BTreeMap<String, UppOrder>>,
    /// Notices that say something else than the one before.
    contradictions: Mutex<Vec<String>>,
}

impl SimUpp {
    /// A subscriber has an account there, from now on.
    pub fn open_purse(&self, msisdn: Msisdn) {
        self.purses.lock().set_purse(msisdn, Purse { balance_fen: PURSE_FEN, reserved_fen: 0 });
    }

    /// What is gone from an account, and what of that is set aside; `None` when there is none.
    #[must_use]
    pub fn taken_from(&self, msisdn: Msisdn) -> Option<(Money, Money)> {
        let purse = self.purses.lock().purse(msisdn)?;
        let gone = PURSE_FEN - purse.balance_fen - purse.reserved_fen;
        Some((Money::fen(gone), Money::fen(purse.reserved_fen)))
    }

    /// The most questions about one call.
    #[must_use]
    pub fn most_asked(&self) -> u32 {
        self.purses.lock().most_asked()
    }

    /// It takes an order, which is to be paid.
    pub fn take_order(&self, number: &str, msisdn: &str, amount: Money) {
        let (msisdn, heard) = (msisdn.to_owned(), Heard::Nothing);
        let order = UppOrder { msisdn, amount, heard, refunded: Money::ZERO, notice: None };
        self.orders.lock().insert(number.to_owned(), order);
    }

    /// It was answered about an order, or told. What is undone stays so; who was refused may have been heard the
    /// second time.
    pub fn hear(&self, number: &str, heard: Heard) {
        if let Some(order) = self.orders.lock().get_mut(number) {
            order.heard = order.heard.max(heard);
        }
    }

    /// A refund of so much stands.
    pub fn give_back(&self, number: &str, amount: Money) {
        if let Some(order) = self.orders.lock().get_mut(number) {
            order.refunded += amount;
        }
    }

    /// What it has heard of an order.
    #[must_use]
    pub fn heard(&self, number: &str) -> Heard {
        self.orders.lock().get(number).map_or(Heard::Nothing, |order| order.heard)
    }

    /// Its orders.
    #[must_use]
    pub fn orders(&self) -> BTreeMap<String, UppOrder> {
        self.orders.lock().clone()
    }

    /// What it was told that can not be true.
    #[must_use]
    pub fn contradictions(&self) -> Vec<String> {
        self.contradictions.lock().clone()
    }

    fn take_notice(&self, notice: UppNotice) {
        let heard = match &*notice.status {
            "paid" => Heard::Paid,
            "declined" => Heard::Declined,
            _ => Heard::Reversed,
        };
        let number = notice.order_number.clone();
        let mut orders = self.orders.lock();
        let wrong = match orders.get_mut(&number) {
            None => Some(format!("{notice:?} is about an order that the UPP never took")),
            Some(order) => match &mut order.notice {
                Some((known, _)) if *known != notice => Some(format!("{known:?}, then {notice:?}")),
                Some((_, times)) => {
                    *times += 1;
                    None
                }
                none => {
                    *none = Some((notice, 1));
                    None
                }
            },
        };
        drop(orders);
        self.contradictions.lock().extend(wrong);
        self.hear(&number, heard);
    }
}

/// The way of a node that tells the UPP something.
pub(super) struct ToUpp(pub(super) Arc<SimRails>);

impl ToUpp {
    async fn take(&self, notice: UppNotice) -> Result<(), NoAnswer> {
        let rails = &self.0;
        rails.mark(10, format!("{notice:?}").as_bytes());
        match rails.way(rails.upp().moods.now(), 60) {
            Way::Silence { done } => {
                if done {
                    rails.upp().take_notice(notice);
                }
                rails.clock().sleep(super::PATIENCE).await;
                Err(SILENCE)
            }
            Way::Answer { refused: true, .. } => Err(NoAnswer::Status(500)),
            Way::Answer { after, times, .. } => {
                rails.clock().sleep(after).await;
                for _ in 0..times {
                    rails.upp().take_notice(notice.clone());
                }
                Ok(())
            }
        }
    }
}

impl UppNotices for ToUpp {
    fn tell(&self, notice: UppNotice, _: u64) -> BoxFuture<'_, Result<(), NoAnswer>> {
        Box::pin(self.take(notice))
    }
}
