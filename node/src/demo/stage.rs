//! The stage of the scripted day: what is done goes through the public interface, is compared with
//! what must come of it, and is told in one line. What does not come out as it must is told too, and
//! remembered to the end.

use std::collections::BTreeMap;
use std::time::Duration;

use mpss_domain::{Msisdn, ProvinceId};
use serde_json::{Value, json};

use super::caller::{Answer, Caller, fen, yuan};
use super::cast::{Cast, PASSWORD, Person};
use super::nation::Nation;
use crate::command_line::{Failure, Paint, Printer, pad};

/// How long an order may take to become final, in seconds; `Prefer: wait`.
const FINAL_WAIT_S: u32 = 10;

/// Something on sale.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    /// Its id.
    pub(crate) id: String,
    /// Where it is sold.
    pub(crate) place: ProvinceId,
    /// What it is called.
    pub(crate) title: &'static str,
    /// Price of one, in fen; for bills the most that one may come to.
    pub(crate) price: i128,
    /// Whose it is.
    pub(crate) sp: String,
}

/// A stored-value account as the script expects it.
#[derive(Debug, Clone)]
pub(crate) struct Wallet {
    /// Its id.
    pub(crate) account: String,
    /// Where it is kept.
    pub(crate) home: ProvinceId,
    /// What it must hold, in fen.
    pub(crate) balance: i128,
    /// Texts its owner must have been sent.
    pub(crate) texts: u64,
}

/// An order as the script remembers it.
#[derive(Debug, Clone)]
pub(crate) struct Bought {
    /// Its id.
    pub(crate) id: String,
    /// Where it was taken.
    pub(crate) place: ProvinceId,
}

/// A purchase to be tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purchase<'a> {
    /// What.
    pub(crate) product: &'a Product,
    /// How many.
    pub(crate) quantity: u32,
    /// At whose node, when not at the product's province.
    pub(crate) asked_at: Option<ProvinceId>,
    /// The password typed.
    pub(crate) password: &'a str,
    /// The kind of account that pays.
    pub(crate) account: &'a str,
    /// The bill that is paid: its number, and what it comes to in fen.
    pub(crate) bill: Option<(&'a str, i128)>,
}

impl<'a> Purchase<'a> {
    /// So many of a product, asked for where it is sold, with the right password.
    pub(crate) const fn of(product: &'a Product, quantity: u32) -> Self {
        Self { product, quantity, asked_at: None, password: PASSWORD, account: "virtual", bill: None }
    }

    pub(crate) const fn from(self, account: &'a str) -> Self {
        Self { account, ..self }
    }

    pub(crate) const fn bill(self, number: &'a str, fen: i128) -> Self {
        Self { bill: Some((number, fen)), ..self }
    }

    pub(crate) const fn asked_at(self, place: ProvinceId) -> Self {
        Self { asked_at: Some(place), ..self }
    }

    pub(crate) const fn password(self, password: &'a str) -> Self {
        Self { password, ..self }
    }

    pub(crate) fn place(&self) -> ProvinceId {
        self.asked_at.unwrap_or(self.product.place)
    }

    /// What it costs, in fen.
    pub(crate) fn cost(&self) -> i128 {
        self.bill.map_or(self.product.price * i128::from(self.quantity), |(_, fen)| fen)
    }

    /// What it costs out of the virtual account, in fen.
    fn cost_here(&self) -> i128 {
        if self.account == "virtual" { self.cost() } else { 0 }
    }

    /// What is sent.
    pub(crate) fn body(&self, msisdn: Msisdn) -> Value {
        let mut body = json!({
            "msisdn": msisdn.to_string(), "product_id": self.product.id, "quantity": self.quantity,
            "account_kind": self.account, "payment_password": self.password, "channel": "app",
        });
        if let Some((number, fen)) = self.bill {
            body["bill_number"] = number.into();
            body["bill_amount"] = yuan(fen).into();
        }
        body
    }

    fn told(&self) -> String {
        let times = if self.quantity == 1 { String::new() } else { format!(" ×{}", self.quantity) };
        let bill = self.bill.map_or_else(String::new, |(number, _)| format!(" {number}"));
        let account = match self.account {
            "communication" => ", on the phone bill",
            "bank" => ", from the bank",
            _ => "",
        };
        let place = self.place();
        format!("{}{times}{bill} in {} {}{account}", self.product.title, place.name_zh(), place)
    }
}

/// The stage.
pub(crate) struct Stage<'p> {
    /// Where it plays.
    pub(crate) nation: Nation,
    /// Who asks.
    pub(crate) caller: Caller,
    /// Who plays.
    pub(crate) cast: Cast,
    /// Accounts by number.
    pub(crate) wallets: BTreeMap<Msisdn, Wallet>,
    /// Orders that were paid at some time.
    pub(crate) orders: Vec<Bought>,
    printer: &'p mut Printer,
    wrong: Vec<String>,
    steps: u64,
    /// The day, part of names at the simulators so that a second day has its own.
    day: u64,
}

impl<'p> Stage<'p> {
    /// A stage before the first scene.
    pub(crate) fn new(mut nation: Nation, printer: &'p mut Printer) -> Result<Self, Failure> {
        let day = nation.begin_day()?;
        // Keys are remembered for days, so those of a former day must not come again.
        let caller = Caller::new(format!("demo-{}-{day}", std::process::id()))?;
        Ok(Self {
            nation,
            caller,
            cast: Cast::of_day(day)?,
            wallets: BTreeMap::new(),
            orders: Vec::new(),
            printer,
            wrong: Vec::new(),
            steps: 0,
            day,
        })
    }

    /// A scene begins.
    pub(crate) fn scene(&mut self, zh: &str, en: &str) {
        self.printer.heading(format!("{zh}  {en}"));
    }

    /// Everything that did not come out as it must.
    pub(crate) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Steps played.
    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    /// The printer, for tables.
    pub(crate) fn printer(&mut self) -> &mut Printer {
        self.printer
    }

    /// The nation, when the play is over.
    pub(crate) fn into_nation(self) -> Nation {
        self.nation
    }

    /// The name of an SP, or the number of an order of the UPP, at the simulator: no other day has it.
    pub(crate) fn of_day(&self, name: &str) -> String {
        format!("{name}-{}", self.day)
    }

    /// Callers' doors of a province.
    pub(crate) fn doors(&self, province: ProvinceId) -> Vec<String> {
        self.nation.map().urls(province)
    }

    /// A step that came out as it must.
    pub(crate) fn good(&mut self, who: &str, what: &str, moved: Option<i128>, took: Duration) {
        self.told("✓", Paint::Good, who, what, moved, Some(took));
    }

    /// A step that did not; the play goes on where it can.
    pub(crate) fn bad(&mut self, who: &str, what: impl Into<String>) {
        let what = what.into();
        self.told("✗", Paint::Bad, who, &what, None, None);
        self.wrong.push(format!("{who}: {what}"));
    }

    fn told(&mut self, mark: &str, paint: Paint, who: &str, what: &str, moved: Option<i128>, took: Option<Duration>) {
        const WHO: usize = 27;
        const WHAT: usize = 84;
        self.steps += 1;
        let mark = self.printer.paint(paint, mark);
        let moved = moved.map_or_else(String::new, |fen| format!("{}{}", if fen > 0 { "+" } else { "" }, yuan(fen)));
        let took = took.map_or_else(String::new, |took| format!("{} ms", took.as_millis()));
        let line = format!("  {mark} {} {} {moved:>9} {took:>8}", pad(who, WHO), pad(what, WHAT));
        self.printer.line(line.trim_end());
    }

    /// `陈静 广东 18912345678`.
    pub(crate) fn who(person: &Person) -> String {
        format!("{} {} {}", pad(person.name, 4), pad(person.home.name_zh(), 4), person.msisdn)
    }

    /// Notes that a subscriber's money moved and that the subscriber must have been told.
    pub(crate) fn moved(&mut self, msisdn: Msisdn, fen: i128, texts: u64) {
        if let Some(wallet) = self.wallets.get_mut(&msisdn) {
            wallet.balance += fen;
            wallet.texts += texts;
        }
    }

    /// An answer that must be a success; told when it is not.
    pub(crate) fn must(&mut self, who: &str, what: &str, answer: Answer) -> Option<Answer> {
        if answer.is_done() {
            return Some(answer);
        }
        self.bad(who, format!("{what}: {}", answer.told()));
        None
    }

    /// An answer that must be this refusal, told either way.
    pub(crate) fn refused(&mut self, who: &str, what: &str, code: &str, answer: &Answer) {
        if (400..500).contains(&answer.status) && answer.code() == code {
            let why = format!("{what} → refused: {code} {}", answer.text("detail_zh"));
            self.good(who, &why, None, answer.took);
        } else {
            self.bad(who, format!("{what}: must be refused as {code}, and is {}", answer.told()));
        }
    }

    /// Opens an account and puts cash in.
    pub(crate) async fn opens(
        &mut self,
        person: &Person,
        cash: i128,
        limits: Option<(i128, i128)>,
    ) -> Result<(), Failure> {
        let (who, doors) = (Self::who(person), self.doors(person.home));
        let mut body = json!({ "msisdn": person.msisdn.to_string(), "kind": "virtual", "payment_password": PASSWORD });
        if let Some((per_payment, daily)) = limits {
            body["per_payment_limit"] = yuan(per_payment).into();
            body["daily_limit"] = yuan(daily).into();
        }
        let answer = self.caller.post(&doors, "/v1/accounts", &body).await?;
        let Some(answer) = self.must(&who, "opens an account", answer) else { return Ok(()) };
        let account = answer.text("account_id").to_owned();
        let wallet = Wallet { account: account.clone(), home: person.home, balance: 0, texts: 1 };
        self.wallets.insert(person.msisdn, wallet);
        let limits = (answer.text("per_payment_limit").to_owned(), answer.text("daily_limit").to_owned());
        let body = json!({ "method": "cash", "amount": yuan(cash), "agent_id": "agent-1" });
        let topped = self.caller.post(&doors, &format!("/v1/accounts/{account}/top-ups"), &body).await?;
        let took = answer.took + topped.took;
        if self.must(&who, "tops up", topped).is_some() {
            self.moved(person.msisdn, cash, 1);
            let what = format!("opens an account (limits {} / {}), tops up at an agent", limits.0, limits.1);
            self.good(&who, &what, Some(cash), took);
        }
        Ok(())
    }

    /// Tries a purchase.
    pub(crate) async fn tries(&self, msisdn: Msisdn, purchase: Purchase<'_>) -> Result<Answer, Failure> {
        self.caller.post(&self.doors(purchase.place()), "/v1/orders", &purchase.body(msisdn)).await
    }

    /// An order in its final status.
    pub(crate) async fn settled(&self, order: &Bought) -> Result<Answer, Failure> {
        self.caller.order(&self.doors(order.place), &order.id, FINAL_WAIT_S).await
    }

    /// A purchase that must be paid and delivered.
    pub(crate) async fn buys(&mut self, person: &Person, purchase: Purchase<'_>) -> Result<Option<Bought>, Failure> {
        self.buys_and_gets(person, purchase, "delivered").await
    }

    /// A purchase that must be paid and then end in `status`: `delivered`, or `reversed`.
    pub(crate) async fn buys_and_gets(
        &mut self,
        person: &Person,
        purchase: Purchase<'_>,
        status: &str,
    ) -> Result<Option<Bought>, Failure> {
        let (who, what) = (Self::who(person), format!("buys {}", purchase.told()));
        let answer = self.tries(person.msisdn, purchase).await?;
        let Some(answer) = self.must(&who, &what, answer) else { return Ok(None) };
        let order = Bought { id: answer.text("order_id").to_owned(), place: purchase.product.place };
        self.orders.push(order.clone());
        self.moved(person.msisdn, -purchase.cost_here(), 1);
        let settled = self.settled(&order).await?;
        let took = answer.took + settled.took;
        if settled.text("status") != status {
            self.bad(&who, format!("{what}: must be {status}, and is {}", settled.told()));
            return Ok(Some(order));
        }
        if fen(settled.text("amount")) != Some(purchase.cost()) {
            self.bad(&who, format!("{what}: must cost {}: {}", yuan(purchase.cost()), settled.told()));
        }
        if status == "reversed" {
            self.moved(person.msisdn, purchase.cost_here(), 1);
            self.good(&who, &format!("{what}: paid, not delivered, reversed: money is back"), Some(0), took);
        } else {
            let paid = if person.home == purchase.product.place { "paid" } else { "debited at home" };
            let home = if person.home == purchase.product.place { "" } else { person.home.name_zh() };
            let space = if home.is_empty() { "" } else { " " };
            let what = format!("{what}: {paid}{space}{home}, delivered");
            self.good(&who, &what, Some(-purchase.cost()), took);
        }
        Ok(Some(order))
    }

    /// A purchase that must be refused.
    pub(crate) async fn may_not_buy(
        &mut self,
        person: &Person,
        purchase: Purchase<'_>,
        code: &str,
    ) -> Result<(), Failure> {
        let answer = self.tries(person.msisdn, purchase).await?;
        self.refused(&Self::who(person), &format!("tries {}", purchase.told()), code, &answer);
        Ok(())
    }
}
