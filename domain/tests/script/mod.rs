//! Runs business scripts: one step a line, words and `key=value`, what is expected after `->`.
//!
//! ```text
//! province 44                       a fresh province; log time starts at 2026-11-23 10:00 China time
//! open alice msisdn=18900000001 -> ok
//! top-up alice amount=100.00 -> ok
//! order o1 buyer=alice product=ticket -> refused insufficient_funds
//! later 1h                          time passes, and the timers that are due fire
//! unseen 1h                         time passes, and nobody has looked at the timers yet
//! account alice balance=100.00 status=active
//! ```
//!
//! How a line is read is in `words.rs`, what the names in it stand for in `names.rs`. Words for accounts are in
//! `accounts.rs`, those for accounts whose money is outside in `rails.rs`, for SPs and products in `catalogue.rs`,
//! for orders in `orders.rs`, for payments that another province asks for in `payments.rs`, for transfers in
//! `transfers.rs`, for the number plan and the policy in `rules.rs`, for the books in `books.rs`, for texts and
//! whatever else waits to be done outside in `effects.rs`, for awards in `awards.rs`, for the vault of cards in
//! `cards.rs`, for tickets in `tickets.rs`, for bills in `bills.rs`, for recharge cards in `recharge.rs`, for orders
//! of the UPP in `upp.rs`, for goods that are sent in `shipping.rs`, for draws in `draws.rs`, for cards
//! that subscribers ask to be bound in `wishes.rs`, for one-time codes in `payment_codes.rs`, for top-ups by
//! bank card in `bank_top_ups.rs`, for what subscribers are asked to confirm in `confirmations.rs`,
//! for the keys of SPs and what SPs are told by number in `sp_keys.rs`, for what becomes of texts and what subscribers
//! send in `texts.rs`, for national goods on their way to provinces in `distribution.rs`, for SPs that come with
//! documents in `admission.rs`.
//!
//! Names (`alice`, `o1`) are given by the line that makes the thing. A step without `->` must not be
//! refused. `password=wrong` and `password=stale` stand for a wrong password and for a verdict about
//! a password that was changed since. `key=K` is the caller's request id.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mpss_domain::command::Request;
use mpss_domain::sp_events::SpEvent;
use mpss_domain::{
    AccountId, Applied, AwardId, Batch, BindingId, Command, EffectId, LogTime, Msisdn, OrderId, Outcome, PaymentId,
    ProductId, ProvinceId, RefundId, Refusal, SpApplicationId, SpId, State, StateVersion, TopUpId, TransferId, Verb,
    WishId,
};

mod accounts;
mod admission;
mod awards;
mod bank_top_ups;
mod bills;
mod books;
mod cards;
mod catalogue;
mod confirmations;
mod distribution;
mod draws;
mod effects;
mod names;
mod orders;
mod payment_codes;
mod payments;
mod rails;
mod recharge;
mod rules;
mod shipping;
mod sp_keys;
mod texts;
mod tickets;
mod transfers;
mod upp;
mod wishes;
mod words;

use words::{Words, duration_ms, operator, province, same};

/// 2026-11-23 10:00 in China.
pub(crate) const START: LogTime = LogTime(1_795_399_200_000);

/// One script being played.
pub(crate) struct Stage {
    state: State,
    refused: BTreeSet<&'static str>,
    index: u64,
    at: LogTime,
    msisdns: BTreeMap<String, Msisdn>,
    accounts: BTreeMap<String, AccountId>,
    sps: BTreeMap<String, SpId>,
    products: BTreeMap<String, ProductId>,
    orders: BTreeMap<String, OrderId>,
    payments: BTreeMap<String, (PaymentId, OrderId)>,
    refunds: BTreeMap<String, RefundId>,
    transfers: BTreeMap<String, TransferId>,
    bindings: BTreeMap<String, BindingId>,
    awards: BTreeMap<String, AwardId>,
    top_ups: BTreeMap<String, TopUpId>,
    wishes: BTreeMap<String, WishId>,
    heard: BTreeMap<SpId, Vec<SpEvent>>,
    applications: BTreeMap<String, SpApplicationId>,
    foreign_ids: u16,
}

/// Plays a script; gives the codes of every refusal it saw.
///
/// # Panics
/// With the line, when a step does not do what is expected.
pub(crate) fn play(name: &str, text: &str) -> BTreeSet<&'static str> {
    let mut stage = Stage::new(44);
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if let Err(complaint) = stage.step(line) {
            panic!("{name}:{}: {line}\n    {complaint}", number + 1);
        }
        stage.state.check_all().unwrap_or_else(|broken| panic!("{name}:{}: {line}\n    {broken}", number + 1));
    }
    stage.refused
}

impl Stage {
    fn new(code: u8) -> Self {
        Self {
            state: State::new(ProvinceId::new(code).expect("a province")),
            refused: BTreeSet::new(),
            index: 0,
            at: START,
            msisdns: BTreeMap::new(),
            accounts: BTreeMap::new(),
            sps: BTreeMap::new(),
            products: BTreeMap::new(),
            orders: BTreeMap::new(),
            payments: BTreeMap::new(),
            refunds: BTreeMap::new(),
            transfers: BTreeMap::new(),
            bindings: BTreeMap::new(),
            awards: BTreeMap::new(),
            top_ups: BTreeMap::new(),
            wishes: BTreeMap::new(),
            heard: BTreeMap::new(),
            applications: BTreeMap::new(),
            foreign_ids: 0,
        }
    }

    fn step(&mut self, line: &str) -> Result<(), String> {
        let (asked, expected) =
            line.split_once("->").map_or((line, "ok"), |(asked, expected)| (asked, expected.trim()));
        let words = Words::parse(asked.trim());
        match words.verb {
            "province" => {
                let refused = std::mem::take(&mut self.refused);
                *self = Self::new(province(words.name(0)?)?.code());
                self.refused = refused;
            }
            "later" => {
                self.at = self.at.plus_ms(duration_ms(words.name(0)?)?);
                let applied = self.apply(Command::internal(Verb::Tick));
                self.hear(&applied.journal)?;
            }
            "unseen" => self.at = self.at.plus_ms(duration_ms(words.name(0)?)?),
            "account" => self.see_account(&words)?,
            "see-order" => self.see_order(&words)?,
            "see-payment" => self.see_payment(&words)?,
            "see-transfer" => self.see_transfer(&words)?,
            "see-product" => {
                let id = self.products[words.name(0)?];
                same("status", self.state.product(id).expect("made").status.name(), words.need("status")?)?;
            }
            "books" => self.see_books(&words)?,
            "version" => same("the version in force", self.state.version().to_string().as_str(), words.name(0)?)?,
            "see-call" => self.see_call(&words)?,
            "see-cards" => self.see_cards(&words)?,
            "stock" => self.see_stock(&words)?,
            "see-tickets" => self.see_tickets(&words)?,
            "see-bill" => self.see_bill(&words)?,
            "bill-use" => self.see_bill_use(&words)?,
            "see-draw" => self.see_draw(&words)?,
            "see-shipment" => self.see_shipment(&words)?,
            "see-binding" => self.see_binding(&words)?,
            "see-calls" => self.see_calls(&words)?,
            "see-award" => self.see_award(&words)?,
            "see-prize" => self.see_prize(&words)?,
            "see-recharge" => self.see_recharge(&words)?,
            "see-bank-top-up" => self.see_bank_top_up(&words)?,
            "see-code" => self.see_code(&words)?,
            "see-asked" => self.see_asked(&words)?,
            "see-wish" => self.see_wish(&words)?,
            "see-key" => self.see_key(&words)?,
            "see-events" => self.see_events(&words)?,
            "see-notice" => self.see_notice(&words)?,
            "see-upp" => self.see_upp(&words)?,
            "see-changes" => self.see_changes(&words)?,
            "national-goods" => self.see_national_goods(&words)?,
            "see-application" => self.see_application(&words)?,
            "due" => self.see_due(&words)?,
            "same-product" => {
                let (one, other) = (self.product(words.name(0)?), self.product(words.name(1)?));
                same("the product", one.to_string(), other.to_string())?;
            }
            "told-upp" => self.see_upp_notice(&words)?,
            "see-text" => self.see_fate(&words)?,
            "texts" => self.see_totals(&words)?,
            "told" => self.see_text(&words)?,
            "waiting" => self.see_effects(&words)?,
            "next-timer" => {
                let next =
                    self.state.next_timer().map_or("none".into(), |at| format!("{}s", at.ms_since(self.at) / 1_000));
                same("the next timer", next.as_str(), words.name(0)?)?;
            }
            _ => self.ask(&words, expected)?,
        }
        Ok(())
    }

    fn apply(&mut self, command: Command) -> Applied {
        self.index += 1;
        self.state.apply(self.index, &Batch { at: self.at, commands: vec![command] })
    }

    fn ask(&mut self, words: &Words<'_>, expected: &str) -> Result<(), String> {
        let verb = self.verb(words)?;
        let mut content = String::new();
        write!(content, "{} {:?}", words.verb, words.names).expect("strings take text");
        for (key, value) in &words.values {
            if !matches!(*key, "key" | "password") {
                write!(content, " {key}={value}").expect("strings take text");
            }
        }
        let hash = |text: &str| {
            text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
        };
        let request = words.get("key").map(|key| Request { key: u128::from(hash(key)), content: hash(&content) });
        let mut applied = self.apply(Command { request, verb });
        self.hear(&applied.journal)?;
        let reply = applied.replies.remove(0);
        if let Outcome::Refused(refusal) | Outcome::OrderDeclined(_, refusal) = reply.outcome {
            self.refused.insert(refusal.code());
        }
        let mut is = match &reply.outcome {
            Outcome::Refused(Refusal::TicketUsed(at)) => {
                format!("refused ticket_used {}s ago", self.at.ms_since(*at) / 1_000)
            }
            Outcome::Refused(refusal) => format!("refused {}", refusal.code()),
            Outcome::OrderDeclined(_, refusal) => format!("declined {}", refusal.code()),
            Outcome::CardsLoaded(results) => cards::results(results),
            Outcome::Heard { again, .. } => if *again { "ok again" } else { "ok" }.to_owned(),
            Outcome::TicketChecked(_, at) => format!("ok {}s ago", self.at.ms_since(*at) / 1_000),
            _ => "ok".to_owned(),
        };
        if reply.replayed {
            is.push_str(" again");
        }
        self.learn(words, reply.outcome)?;
        same("the answer", is.as_str(), expected)
    }

    fn verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        Ok(match words.verb {
            "open" | "change" | "close" | "freeze" | "unfreeze" | "top-up" | "sign-in" => self.account_verb(words)?,
            "admit" | "suspend" | "resume" | "upload" | "list" | "review" | "publish" | "withdraw" | "delete" => {
                self.catalogue_verb(words)?
            }
            "take" => Self::take_verb(words)?,
            "apply" | "decide" | "renew" | "grades" => self.admission_verb(words)?,
            "draw" => self.draw_verb(words)?,
            "ship" | "receive" => self.shipping_verb(words)?,
            "order" | "record-payment" | "give-up" | "deliver" | "reverse" | "refund" | "record-reversal"
            | "record-refund" => self.order_verb(words)?,
            "pay" | "hold" | "reverse-payment" | "refund-payment" => self.payment_verb(words)?,
            "open-bill" | "open-card" | "open-upp" | "send" | "answer" | "record-hold" | "record-capture"
            | "capture-payment" | "bind" | "confirm" | "change-card" | "unbind" | "push" | "office-freeze" => {
                self.rail_verb(words)?
            }
            "load" | "reveal" => self.card_verb(words)?,
            "check" => self.check(words)?,
            "recharge" => self.recharge_verb(words)?,
            "bank-top-up" => self.bank_top_up_verb(words)?,
            "code" | "buy" | "pay-by-code" | "guess" => self.code_verb(words)?,
            "ask" | "ask-for" | "agree" | "disagree" | "charge" => self.confirmation_verb(words)?,
            "wish" | "refuse-wish" => self.wish_verb(words)?,
            "key" | "end-key" => self.sp_key_verb(words)?,
            "upp-pay" | "upp-reverse" | "upp-refund" | "upp-confirm" => self.upp_verb(words)?,
            "transfer" | "credit-transfer" | "record-transfer" => self.transfer_verb(words)?,
            "fund-pool" | "award" | "approve" | "reject" | "credit-award" | "record-award" | "award-policy" => {
                self.award_verb(words)?
            }
            "submit" | "taken" | "not-taken" | "refused" | "unknown" | "receipt" | "hears" | "reply" => {
                self.text_verb(words)?
            }
            "plan" => self.plan_verb(words)?,
            "port" => Verb::PortNumber {
                msisdn: self.msisdn(words.name(0)?)?,
                operator: operator(words.need("to")?)?,
                from: self.at.plus_ms(words.get("after").map_or(Ok(0), duration_ms)?),
            },
            "policy" => self.policy_verb(words)?,
            "bill-policy" => self.bill_policy_verb(words)?,
            "raise-version" => {
                let to = words.name(0)?.parse().map_err(|_| "a version is a number")?;
                Verb::RaiseVersion { to: StateVersion(to) }
            }
            "acknowledge" => {
                let effects = self.state.effects_from(EffectId(0)).map(|row| row.id).collect();
                Verb::AcknowledgeEffects { effects }
            }
            other => return Err(format!("nobody knows how to {other}")),
        })
    }
}
