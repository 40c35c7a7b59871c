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
//! Words for accounts whose money is outside are in `rails.rs`, those for awards in `awards.rs`, for the vault
//! of cards in `cards.rs`, for tickets in `tickets.rs`, for bills in `bills.rs`, for recharge cards in
//! `recharge.rs`, for orders of the UPP in `upp.rs`, for goods that are sent in `shipping.rs`, for draws in
//! `draws.rs`.
//!
//! Names (`alice`, `o1`) are given by the line that makes the thing. A step without `->` must not be
//! refused. `password=wrong` and `password=stale` stand for a wrong password and for a verdict about
//! a password that was changed since. `key=K` is the caller's request id.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mpss_domain::account::{Language, Tier};
use mpss_domain::bills::{Bill, PayBill};
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::command::{PayRequest, Request};
use mpss_domain::ids::IssuedId;
use mpss_domain::number_plan::NumberRange;
use mpss_domain::order::{OrderEvent, ReversalReason};
use mpss_domain::shipping::BuyShipped;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, AccountStatus, Applied, AwardId, Batch, BindingId, Channel, Command,
    Effect, EffectId, LedgerAccount, LogTime, Money, Msisdn, NumberPlan, Operator, OrderId, Outcome, PasswordVerdict,
    PasswordVerifier, PaymentId, ProductId, ProvinceId, Purchase, RefundId, Refusal, ReversalId, Scope, SpId, State,
    StateVersion, TopUpId, TransferId, Verb,
};

mod awards;
mod bills;
mod cards;
mod draws;
mod rails;
mod recharge;
mod shipping;
mod tickets;
mod upp;

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

struct Words<'a> {
    verb: &'a str,
    names: Vec<&'a str>,
    values: BTreeMap<&'a str, &'a str>,
}

impl<'a> Words<'a> {
    fn parse(line: &'a str) -> Self {
        let mut words = split_quoted(line).into_iter();
        let verb = words.next().unwrap_or_default();
        let (mut names, mut values) = (Vec::new(), BTreeMap::new());
        for word in words {
            match word.split_once('=') {
                Some((key, value)) => {
                    values.insert(key, value.trim_matches('"'));
                }
                None => names.push(word.trim_matches('"')),
            }
        }
        Self { verb, names, values }
    }

    fn name(&self, at: usize) -> Result<&'a str, String> {
        self.names.get(at).copied().ok_or_else(|| format!("word {} is missing", at + 2))
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).copied()
    }

    fn need(&self, key: &str) -> Result<&'a str, String> {
        self.get(key).ok_or_else(|| format!("{key}= is missing"))
    }

    fn money(&self, key: &str) -> Result<Money, String> {
        money(self.need(key)?)
    }

    fn maybe_money(&self, key: &str) -> Result<Option<Money>, String> {
        self.get(key).map(money).transpose()
    }
}

/// Splits at spaces outside double quotes.
fn split_quoted(line: &str) -> Vec<&str> {
    let (mut words, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                words.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&line[start..]);
    words.retain(|word| !word.is_empty());
    words
}

fn money(text: &str) -> Result<Money, String> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (yuan, fen) = digits.split_once('.').ok_or_else(|| format!("{text} is no amount like 12.30"))?;
    let fen = format!("{yuan}{fen}").parse::<i64>().map_err(|_| format!("{text} is no amount"))?;
    Ok(Money::fen(sign * fen))
}

fn duration_ms(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().map_err(|_| format!("{text} is no time like 5m"))?;
    Ok(number
        * match unit {
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(format!("{unit} is no unit of time")),
        })
}

fn province(text: &str) -> Result<ProvinceId, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

fn verifier() -> PasswordVerifier {
    PasswordVerifier { pepper: 1, salt: [7; 16], tag: [9; 32] }
}

/// A refusal by its name, as another province would answer it.
fn refusal(code: &str) -> Result<Refusal, String> {
    let known = [
        Refusal::InsufficientFunds,
        Refusal::WrongPassword,
        Refusal::AccountNotFound,
        Refusal::DailyLimitExceeded,
        Refusal::NotHome,
        Refusal::PasswordChanged,
        Refusal::AlreadyReversed,
        Refusal::RefundExceedsPaid,
        Refusal::PayeeNotFound,
        Refusal::PayeeCeilingExceeded,
        Refusal::PaymentNotFound,
        Refusal::Unresolved,
        Refusal::DeclinedOutside,
        Refusal::CardUnusable,
        Refusal::LineNotInService,
        Refusal::RechargeCardUnknown,
        Refusal::RechargeCardUsed,
        Refusal::RechargeCardExpired,
        Refusal::RechargeCardInUse,
        Refusal::RechargeCardBlocked,
    ];
    known.into_iter().find(|refusal| refusal.code() == code).ok_or_else(|| format!("{code} is not listed here"))
}

fn answer(text: &str) -> Result<Result<(), Refusal>, String> {
    Ok(if text == "ok" { Ok(()) } else { Err(refusal(text)?) })
}

fn same<T: PartialEq + std::fmt::Display>(what: &str, is: T, expected: T) -> Result<(), String> {
    if is == expected { Ok(()) } else { Err(format!("{what} is {is}, expected {expected}")) }
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
                self.apply(Command::internal(Verb::Tick));
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
            "see-draw" => self.see_draw(&words)?,
            "see-shipment" => self.see_shipment(&words)?,
            "see-binding" => self.see_binding(&words)?,
            "see-calls" => self.see_calls(&words)?,
            "see-award" => self.see_award(&words)?,
            "see-prize" => self.see_prize(&words)?,
            "see-recharge" => self.see_recharge(&words)?,
            "see-upp" => self.see_upp(&words)?,
            "told-upp" => self.see_upp_notice(&words)?,
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
        let reply = self.apply(Command { request, verb }).replies.remove(0);
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
            Outcome::TicketChecked(_, at) => format!("ok {}s ago", self.at.ms_since(*at) / 1_000),
            _ => "ok".to_owned(),
        };
        if reply.replayed {
            is.push_str(" again");
        }
        self.learn(words, reply.outcome)?;
        same("the answer", is.as_str(), expected)
    }

    /// Gives what was made the name the line has for it.
    fn learn(&mut self, words: &Words<'_>, outcome: Outcome) -> Result<(), String> {
        let name = words.names.first().map(|name| (*name).to_owned()).unwrap_or_default();
        match outcome {
            Outcome::Account(view)
                if matches!(words.verb, "open" | "open-bill" | "open-card" | "open-upp" | "confirm") =>
            {
                self.msisdns.insert(name.clone(), view.account.msisdn);
                {
                    self.accounts.insert(name, view.account.id);
                }
            }
            Outcome::Sp(id) => {
                self.sps.insert(name, id);
            }
            Outcome::Product(id) => {
                self.products.insert(name, id);
            }
            Outcome::Order(id) if words.verb == "order" => {
                self.orders.insert(name, id);
            }
            Outcome::Refund(_, id) if words.verb == "refund" => {
                self.refunds.insert(words.get("as").unwrap_or("refund").to_owned(), id);
            }
            Outcome::Binding(id) if words.verb == "bind" => {
                self.bindings.insert(name, id);
            }
            Outcome::Award(id) if words.verb == "award" => {
                self.awards.insert(name, id);
            }
            Outcome::TopUpTaken(id) => {
                self.top_ups.insert(name, id);
            }
            Outcome::Transfer(id) if words.verb == "transfer" => {
                self.transfers.insert(name, id);
            }
            Outcome::Upp(view) => self.learn_upp(name, &view),
            _ => {}
        }
        Ok(())
    }

    fn purchase(&self, words: &Words<'_>) -> Result<Purchase, String> {
        let msisdn = self.msisdn(words.need("buyer")?)?;
        let home = words.get("home").map_or(Ok(self.state.province()), province)?;
        Ok(Purchase {
            msisdn,
            home,
            epoch: self.epoch(words)?,
            location: words.get("location").map_or(Ok(self.state.province()), province)?,
            product: self.product(words.need("product")?),
            quantity: words.get("quantity").map_or(Ok(1), str::parse).map_err(|_| "quantity is a number")?,
            account: self.selector(words)?,
            channel: Channel::App,
            verdict: (home == self.state.province() && words.get("password") != Some("unjudged"))
                .then(|| self.verdict(words, msisdn)),
        })
    }

    fn msisdn(&self, text: &str) -> Result<Msisdn, String> {
        match self.msisdns.get(text) {
            Some(msisdn) => Ok(*msisdn),
            None => text.parse().map_err(|error| format!("{text}: {error}")),
        }
    }

    /// An account by its name; `unknown` is one that does not exist.
    fn account(&self, name: &str) -> Result<AccountId, String> {
        if name == "unknown" {
            return Ok(AccountId::issue(LogTime(START.0 - 1), self.state.province(), 1));
        }
        self.accounts.get(name).copied().ok_or_else(|| format!("no account is called {name}"))
    }

    fn product(&self, name: &str) -> ProductId {
        let unknown = ProductId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        self.products.get(name).copied().unwrap_or(unknown)
    }

    fn order(&self, name: &str) -> OrderId {
        let unknown = OrderId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        self.orders.get(name).copied().unwrap_or(unknown)
    }

    /// What the edge would find when it compares the password that is typed.
    fn verdict(&self, words: &Words<'_>, msisdn: Msisdn) -> PasswordVerdict {
        let version = self.state.subscriber(msisdn).map_or(0, |subscriber| subscriber.credential.version);
        match words.get("password") {
            Some("wrong") => PasswordVerdict { verifier_version: version, matches: false },
            Some("stale") => PasswordVerdict { verifier_version: version.saturating_sub(1), matches: true },
            _ => PasswordVerdict { verifier_version: version, matches: true },
        }
    }

    fn verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        Ok(match words.verb {
            "open" | "change" | "close" | "freeze" | "unfreeze" | "top-up" => self.account_verb(words)?,
            "admit" | "suspend" | "resume" | "upload" | "review" | "publish" | "withdraw" => {
                self.catalogue_verb(words)?
            }
            "draw" => self.draw_verb(words)?,
            "ship" | "receive" => self.shipping_verb(words)?,
            "order" | "record-payment" | "give-up" | "deliver" | "reverse" | "refund" | "record-reversal"
            | "record-refund" => self.order_verb(words)?,
            "pay" | "hold" | "reverse-payment" | "refund-payment" => self.payment_verb(words)?,
            "open-bill" | "open-card" | "open-upp" | "send" | "answer" | "record-hold" | "record-capture"
            | "capture-payment" | "bind" | "confirm" | "unbind" | "push" | "office-freeze" => self.rail_verb(words)?,
            "load" | "reveal" => self.card_verb(words)?,
            "check" => self.check(words)?,
            "recharge" => self.recharge_verb(words)?,
            "upp-pay" | "upp-reverse" | "upp-refund" | "upp-confirm" => self.upp_verb(words)?,
            "transfer" | "credit-transfer" | "record-transfer" => self.transfer_verb(words)?,
            "fund-pool" | "award" | "approve" | "reject" | "credit-award" | "record-award" | "award-policy" => {
                self.award_verb(words)?
            }
            "plan" => self.plan_verb(words)?,
            "port" => Verb::PortNumber {
                msisdn: self.msisdn(words.name(0)?)?,
                operator: operator(words.need("to")?)?,
                from: self.at.plus_ms(words.get("after").map_or(Ok(0), duration_ms)?),
            },
            "policy" => self.policy_verb(words)?,
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

    fn account_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        if words.verb == "open" {
            let msisdn = self.msisdn(words.need("msisdn")?)?;
            return Ok(Verb::OpenAccount {
                msisdn,
                kind: match words.get("kind") {
                    Some("communication") => AccountKind::Communication,
                    Some("bank") => AccountKind::Bank,
                    _ => AccountKind::StoredValue,
                },
                tier: match words.get("tier") {
                    Some("anonymous") => Tier::Anonymous,
                    Some("full") => Tier::Full,
                    _ => Tier::Basic,
                },
                language: if words.get("language") == Some("english") { Language::English } else { Language::Chinese },
                verifier: verifier(),
                verdict: self.verdict(words, msisdn),
                per_payment_limit: words.maybe_money("per_payment")?,
                daily_limit: words.maybe_money("daily")?,
            });
        }
        let account = self.account(words.name(0)?)?;
        let owner = self.state.account(account).map(|account| account.msisdn);
        let verdict =
            owner.map_or(PasswordVerdict { verifier_version: 0, matches: false }, |owner| self.verdict(words, owner));
        Ok(match words.verb {
            "change" => Verb::ChangeAccount {
                account,
                verdict,
                verifier: (words.get("new_password") == Some("yes")).then(verifier),
                per_payment_limit: words.maybe_money("per_payment")?,
                daily_limit: words.maybe_money("daily")?,
            },
            "close" => Verb::CloseAccount { account, verdict, pay_out_agent: words.get("agent").map(str::to_owned) },
            "freeze" => {
                let until = match words.get("for") {
                    Some("past") => Some(self.at),
                    Some(text) => Some(self.at.plus_ms(duration_ms(text)?)),
                    None => None,
                };
                Verb::FreezeAccount { account, verdict, until }
            }
            "unfreeze" => Verb::UnfreezeAccount { account, verdict },
            _ => Verb::TopUpCash { account, amount: words.money("amount")?, agent: "agent".into() },
        })
    }

    fn catalogue_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let name = words.name(0)?;
        let unknown = SpId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        let sp = |name: &str| self.sps.get(name).copied().unwrap_or(unknown);
        let by = || Ok::<_, String>(words.need("by")?.to_owned());
        Ok(match words.verb {
            "admit" => Verb::AdmitSp { name: name.into(), notice_url: "http://sp.example/notice".into() },
            "suspend" => Verb::SetSpSuspended { sp: sp(name), suspended: true },
            "resume" => Verb::SetSpSuspended { sp: sp(name), suspended: false },
            "upload" => Verb::UploadProduct {
                product: words.get("change").map(|name| self.product(name)),
                terms: Terms {
                    sp: sp(words.need("sp")?),
                    title: words.get("title").unwrap_or(name).into(),
                    application: match words.get("application") {
                        Some("pay_per_use") => Application::PayPerUse,
                        Some("shopping") => Application::Shopping,
                        Some("card_sale") => Application::CardSale,
                        Some("ticketing") => Application::Ticketing,
                        Some("bill_payment") => Application::BillPayment,
                        _ => Application::Lottery,
                    },
                    scope: scope(words.get("scope").unwrap_or("local"))?,
                    price: words.money("price")?,
                    delivery_deadline_ms: words.get("deadline").map_or(Ok(0), duration_ms)? as u32,
                },
                by: by()?,
            },
            "review" => Verb::ReviewProduct {
                product: self.product(name),
                rejected: words.get("reject").map(str::to_owned),
                by: by()?,
            },
            "publish" => Verb::PublishProduct { product: self.product(name) },
            _ => Verb::WithdrawProduct { product: self.product(name) },
        })
    }

    fn order_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let order = self.order(words.name(0)?);
        Ok(match words.verb {
            "order" => {
                let purchase = self.purchase(words)?;
                if let Some(name) = words.get("to") {
                    return Ok(Verb::BuyShipped(Box::new(BuyShipped { purchase, to: shipping::recipient(name) })));
                }
                let Some(number) = words.get("bill") else {
                    let Purchase { msisdn, home, epoch, location, product, quantity, account, channel, verdict } =
                        purchase;
                    return Ok(Verb::PlaceOrder {
                        msisdn,
                        home,
                        epoch,
                        location,
                        product,
                        quantity,
                        account,
                        channel,
                        verdict,
                    });
                };
                let number = number.parse().map_err(|error| format!("{number}: {error}"))?;
                let bill = Bill { number, amount: words.money("amount")? };
                Verb::PayBill(Box::new(PayBill { purchase, bill }))
            }
            "record-payment" => Verb::RecordPayment { order, result: answer(words.name(1)?)? },
            "give-up" => Verb::GiveUpPayment { order },
            "deliver" => Verb::RecordDeliveries { answers: vec![(order, words.name(1)? == "accepted")] },
            "reverse" => Verb::ReverseOrder {
                order,
                reason: match words.get("reason") {
                    Some("sp_asked") => ReversalReason::SpAsked,
                    _ => ReversalReason::Requested,
                },
                note: "as asked".into(),
            },
            "refund" => Verb::RefundOrder { order, amount: words.money("amount")?, note: "as asked".into() },
            "record-reversal" => Verb::RecordReversal { order },
            _ => Verb::RecordRefund { order, refund: self.refund(words.name(1)?), result: answer(words.name(2)?)? },
        })
    }

    fn epoch(&self, words: &Words<'_>) -> Result<u64, String> {
        words.get("epoch").map_or(Ok(self.state.plan().epoch), str::parse).map_err(|_| "epoch is a number".into())
    }

    fn selector(&self, words: &Words<'_>) -> Result<AccountSelector, String> {
        Ok(match words.get("account") {
            Some("communication") => AccountSelector::Kind(AccountKind::Communication),
            Some("bank") => AccountSelector::Kind(AccountKind::Bank),
            Some(name) => AccountSelector::Id(self.account(name)?),
            None => AccountSelector::Kind(AccountKind::StoredValue),
        })
    }

    fn refund(&self, name: &str) -> RefundId {
        let foreign = name.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(byte)));
        let unknown = RefundId::issue(START, ProvinceId::new(65).expect("Xinjiang"), foreign);
        self.refunds.get(name).copied().unwrap_or(unknown)
    }

    /// The ids of a payment that another province asks for, made at the first mention of its name.
    fn foreign_payment(&mut self, words: &Words<'_>) -> Result<(PaymentId, OrderId), String> {
        let name = words.name(0)?.to_owned();
        if let Some(known) = self.payments.get(&name) {
            return Ok(*known);
        }
        let serving = province(words.get("serving").unwrap_or("51"))?;
        let at = LogTime(self.at.0 - words.get("age").map_or(Ok(0), duration_ms)?);
        self.foreign_ids += 1;
        let ids = (PaymentId::issue(at, serving, self.foreign_ids), OrderId::issue(at, serving, self.foreign_ids));
        self.payments.insert(name, ids);
        Ok(ids)
    }

    fn payment_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        let (payment, order) = match self.orders.get(words.name(0)?) {
            // A payment of an order of our own.
            Some(order) => (self.state.order(*order).expect("made").payment, *order),
            None => self.foreign_payment(words)?,
        };
        let order = words.get("order").map_or(order, |name| self.order(name));
        Ok(match words.verb {
            "pay" | "hold" => {
                let msisdn = self.msisdn(words.need("payer")?)?;
                let serving = province(words.get("serving").unwrap_or("51"))?;
                let verb = if words.verb == "pay" { Verb::Pay } else { Verb::HoldPayment };
                verb(Box::new(PayRequest {
                    payment,
                    order,
                    serving,
                    msisdn,
                    epoch: self.epoch(words)?,
                    scope: scope(words.get("scope").unwrap_or("roaming"))?,
                    location: words.get("location").map_or(Ok(serving), province)?,
                    account: self.selector(words)?,
                    amount: words.money("amount")?,
                    title: "visitor's ticket".into(),
                    verdict: self.verdict(words, msisdn),
                }))
            }
            "reverse-payment" => {
                let reversal = ReversalId::issue(self.at, payment.province().expect("issued"), 7);
                Verb::ReversePayment { payment, reversal, order }
            }
            _ => Verb::RefundPayment {
                payment,
                refund: self.refund(words.need("refund")?),
                amount: words.money("amount")?,
            },
        })
    }

    fn transfer_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        let name = words.name(0)?.to_owned();
        Ok(match words.verb {
            "transfer" => {
                let payer = self.msisdn(words.need("payer")?)?;
                Verb::Transfer {
                    payer,
                    payee: self.msisdn(words.need("payee")?)?,
                    payee_home: words.get("payee_home").map_or(Ok(self.state.province()), province)?,
                    epoch: self.epoch(words)?,
                    amount: words.money("amount")?,
                    verdict: self.verdict(words, payer),
                }
            }
            "credit-transfer" => {
                let from = province(words.get("from").unwrap_or("51"))?;
                let at = LogTime(self.at.0 - words.get("age").map_or(Ok(0), duration_ms)?);
                self.foreign_ids += 1;
                let new = TransferId::issue(at, from, self.foreign_ids);
                let transfer = *self.transfers.entry(name).or_insert(new);
                Verb::CreditTransfer {
                    transfer,
                    payer: Msisdn::new(18_011_112_222).expect("valid"),
                    payee: self.msisdn(words.need("payee")?)?,
                    amount: words.money("amount")?,
                    epoch: self.epoch(words)?,
                }
            }
            _ => {
                let unknown = TransferId::issue(LogTime(START.0 - 1), self.state.province(), 1);
                let transfer = self.transfers.get(&name).copied().unwrap_or(unknown);
                Verb::RecordTransferCredit { transfer, result: answer(words.name(1)?)? }
            }
        })
    }

    /// `plan epoch=1 1890000-1890099=44:telecom …`
    fn plan_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let mut ranges = Vec::new();
        for (key, value) in &words.values {
            let Some((first, last)) = key.split_once('-') else { continue };
            let (home, operator_name) = value.split_once(':').ok_or("a range belongs to province:operator")?;
            let number = |text: &str| text.parse().map_err(|_| format!("{text} is no prefix"));
            let range = NumberRange {
                first: number(first)?,
                last: number(last)?,
                province: province(home)?,
                operator: operator(operator_name)?,
            };
            ranges.push(range);
        }
        Ok(Verb::InstallNumberPlan(Box::new(NumberPlan { epoch: self.epoch(words)?, ranges, ported: BTreeMap::new() })))
    }

    fn policy_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let mut policy = self.state.policy().clone();
        policy.version = words.need("version")?.parse().map_err(|_| "version is a number")?;
        for (key, value) in &words.values {
            match *key {
                "version" => {}
                "retention" => policy.retention_ms = duration_ms(value)?,
                "reversal_window" => policy.reversal_window_ms = duration_ms(value)?,
                "duplicate_window" => policy.duplicate_window_ms = duration_ms(value)?,
                "payment_bound" => policy.payment_bound_ms = duration_ms(value)?,
                "basic_balance" => policy.ceilings[1][1].balance = money(value)?,
                "basic_daily" => policy.ceilings[1][1].daily = money(value)?,
                "basic_per_payment" => policy.ceilings[1][1].per_payment = money(value)?,
                "password_failures" => policy.password_failures_max = value.parse().map_err(|_| "a number")?,
                other => return Err(format!("policy has no {other}")),
            }
        }
        Ok(Verb::SetPolicy(Box::new(policy)))
    }

    fn see_account(&self, words: &Words<'_>) -> Result<(), String> {
        let account = self.state.account(self.account(words.name(0)?)?).ok_or("there is no such account")?;
        for (key, value) in &words.values {
            match *key {
                "balance" => same(key, account.available, money(value)?)?,
                "held" => same(key, account.held, money(value)?)?,
                "used" => same(key, account.used_on(self.state.now().business_day()), money(value)?)?,
                "daily" => same(key, account.daily_limit, money(value)?)?,
                "per_payment" => same(key, account.per_payment_limit, money(value)?)?,
                "open_orders" => same(key, account.open_orders.to_string().as_str(), value)?,
                "status" => same(key, account.status.name(), value)?,
                "thaws_in" => {
                    let AccountStatus::Frozen { until: Some(until) } = account.status else {
                        return Err("it does not thaw".into());
                    };
                    same(key, until.ms_since(self.at), duration_ms(value)?)?;
                }
                other => return Err(format!("an account has no {other}")),
            }
        }
        Ok(())
    }

    fn see_order(&mut self, words: &Words<'_>) -> Result<(), String> {
        let order = self.state.order(self.order(words.name(0)?)).ok_or("there is no such order")?;
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, order.status.name(), value)?,
                "amount" => same(key, order.amount, money(value)?)?,
                "refunded" => same(key, order.refunded, money(value)?)?,
                "pending" => same(key, order.refund_pending, money(value)?)?,
                "version" => same(key, order.product.version.to_string().as_str(), value)?,
                "timeline" => {
                    let events: Vec<_> = order.timeline.iter().map(|entry| entry.event.name()).collect();
                    same(key, events.join(",").as_str(), value)?;
                }
                "because" => {
                    let declined = order.timeline.iter().find_map(|entry| match entry.event {
                        OrderEvent::Declined(refusal) => Some(refusal.code()),
                        _ => None,
                    });
                    same(key, declined.unwrap_or("not declined"), value)?;
                    self.refused.extend(declined);
                }
                other => return Err(format!("an order has no {other}")),
            }
        }
        Ok(())
    }

    fn see_payment(&self, words: &Words<'_>) -> Result<(), String> {
        let name = words.name(0)?;
        let id = match self.orders.get(name) {
            Some(order) => self.state.order(*order).expect("made").payment,
            None => self.payments.get(name).ok_or("no payment has this name")?.0,
        };
        let payment = self.state.payment(id);
        let status = payment.map_or("unknown", |payment| payment.status.name());
        same("status", status, words.need("status")?)?;
        match (words.get("refunded"), payment) {
            (Some(refunded), Some(payment)) => same("refunded", payment.refunded, money(refunded)?),
            _ => Ok(()),
        }
    }

    fn see_transfer(&self, words: &Words<'_>) -> Result<(), String> {
        let id = self.transfers.get(words.name(0)?).ok_or("no transfer has this name")?;
        let status = self.state.transfer(*id).map_or("unknown", |transfer| transfer.status.name());
        same("status", status, words.need("status")?)
    }

    /// `books sp_payable:lottery=12.00 due_to:51=1.00`: what we owe, less what we are owed.
    fn see_books(&self, words: &Words<'_>) -> Result<(), String> {
        let balance = self.state.trial_balance();
        for (name, value) in &words.values {
            let line_name = match name.split_once(':') {
                Some(("sp_payable", sp)) => {
                    LedgerAccount::SpPayable(*self.sps.get(sp).ok_or("no SP has this name")?).to_string()
                }
                Some(("prize_pool", sp)) => {
                    LedgerAccount::PrizePool(*self.sps.get(sp).ok_or("no SP has this name")?).to_string()
                }
                _ => (*name).to_owned(),
            };
            let owed =
                balance.lines.iter().find(|line| line.name == line_name).map_or(0, |line| line.credit - line.debit);
            same(name, owed, i128::from(money(value)?.as_fen()))?;
        }
        Ok(())
    }

    /// `told alice "words"`: the newest text to her has these words.
    fn see_text(&self, words: &Words<'_>) -> Result<(), String> {
        let to = self.msisdn(words.name(0)?)?;
        let texts = self.state.effects_from(EffectId(0)).filter_map(|row| match &row.effect {
            Effect::Sms { to: whom, language, text } if *whom == to => Some(text.render(*language)),
            _ => None,
        });
        let last = texts.last().unwrap_or_else(|| "(nothing)".into());
        let expected = words.name(1)?;
        if last.contains(expected) { Ok(()) } else { Err(format!("the newest text is {last}")) }
    }

    /// `waiting notice=1 cancel=0`: how many effects of a kind are not done.
    fn see_effects(&self, words: &Words<'_>) -> Result<(), String> {
        for (key, value) in &words.values {
            let count = self.state.effects_from(EffectId(0)).filter(|row| match &row.effect {
                Effect::Sms { .. } => *key == "sms",
                Effect::DeliveryNotice { .. } => *key == "notice",
                Effect::CancelNotice { .. } => *key == "cancel",
                Effect::ResolvePayment { .. } => *key == "resolve",
                Effect::ReversePayment { .. } => *key == "reverse",
                Effect::RefundPayment { .. } => *key == "refund",
                Effect::CreditTransfer { .. } => *key == "credit",
                Effect::Call { .. } => *key == "call",
                Effect::TellBank { .. } => *key == "bank",
                Effect::CapturePayment { .. } => *key == "capture",
                Effect::CreditAward { .. } => *key == "award",
                Effect::TellUpp { .. } => *key == "upp",
            });
            same(key, count.count().to_string().as_str(), value)?;
        }
        Ok(())
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    Ok(match text {
        "local" => Scope::Local,
        "roaming" => Scope::Roaming,
        "national" => Scope::National,
        other => return Err(format!("{other} is no scope")),
    })
}

fn operator(text: &str) -> Result<Operator, String> {
    Ok(match text {
        "telecom" => Operator::ChinaTelecom,
        "mobile" => Operator::ChinaMobile,
        "unicom" => Operator::ChinaUnicom,
        other => return Err(format!("{other} is no operator")),
    })
}
