//! Subscribers with one account each, and what is in it as whoever has the money says.

use std::time::{Duration, UNIX_EPOCH};

use mpss_tests::client::{Ask, yuan};
use mpss_tests::outside::{Contents, DOOR_KEY, Purse};
use mpss_tests::patience;
use mpss_tests::trade::{PASSWORD, Trade};
use serde_json::json;

use super::outcome::Account;

/// The text with the code comes within this.
const TEXT_BOUND: Duration = Duration::from_secs(60);
/// What is in a new virtual account with money, here or at the UPP, in fen.
const MONEY: i64 = 10_000;

/// Who buys.
#[derive(Debug, Clone)]
pub(crate) struct Payer {
    pub(crate) msisdn: String,
    pub(crate) home: &'static str,
    /// The account's id.
    pub(crate) account: String,
    /// Whoever has its money outside.
    purse: Option<Purse>,
    /// What was in it at first.
    first: Contents,
}

impl Payer {
    /// Opens an account; `with_money` says whether anything is on it, as far as that is ours.
    pub(crate) async fn open(
        trade: Trade<'_>,
        home: &'static str,
        msisdn: &str,
        account: Account,
        with_money: bool,
    ) -> Self {
        let (id, purse) = match account {
            Account::Virtual => {
                let money = if with_money { MONEY } else { 0 };
                (trade.open_with(home, msisdn, money).await, None)
            }
            Account::Communication => {
                (open_outside(trade, home, msisdn, "communication").await, Some(Purse::Line(msisdn.into())))
            }
            Account::RealTime => bind(trade, home, msisdn, "real_time").await,
            Account::PreFreeze => bind(trade, home, msisdn, "pre_freeze").await,
            Account::AtUpp => {
                trade.country.outside().upp_has(trade.client, msisdn, MONEY).await;
                (open_outside(trade, home, msisdn, "virtual").await, Some(Purse::Upp(msisdn.into())))
            }
        };
        Self::new(trade, (home, msisdn, id), purse).await
    }

    /// Opens a virtual account without money, to be topped up by the card with this PIN.
    pub(crate) async fn with_card(trade: Trade<'_>, home: &'static str, msisdn: &str, pin: &str) -> Self {
        let id = trade.open(home, msisdn, None).await;
        Self::new(trade, (home, msisdn, id), Some(Purse::Recharge(pin.into()))).await
    }

    async fn new(
        trade: Trade<'_>,
        (home, msisdn, account): (&'static str, &str, String),
        purse: Option<Purse>,
    ) -> Self {
        let mut payer = Self { msisdn: msisdn.into(), home, account, purse, first: Contents { free: 0, held: 0 } };
        payer.first = payer.contents(trade).await;
        payer
    }

    /// The PIN of the card it tops up by; empty without one.
    pub(crate) fn pin(&self) -> &str {
        match &self.purse {
            Some(Purse::Recharge(pin)) => pin,
            _ => "",
        }
    }

    /// Sets what becomes of the next requests about this one.
    pub(crate) async fn peer_behaves(&self, trade: Trade<'_>, manner: serde_json::Value) {
        if let Some(purse) = &self.purse {
            trade.country.outside().behaves_to(trade.client, purse, manner).await;
        }
    }

    /// How many of these are still to come.
    pub(crate) async fn still_to_come(&self, trade: Trade<'_>) -> usize {
        match &self.purse {
            Some(purse) => trade.country.outside().still_to_come(trade.client, purse).await,
            None => 0,
        }
    }

    /// Compares what is in it now with what must be: so much taken and so much set aside.
    pub(crate) async fn differs(&self, trade: Trade<'_>, taken: i64, held: i64) -> Result<(), String> {
        let is = self.contents(trade).await;
        let must = Contents { free: self.first.free - taken - held, held };
        if is == must {
            return Ok(());
        }
        let told = |contents: Contents| format!("{} and {} held", yuan(contents.free), yuan(contents.held));
        Err(format!("{} has {} and must have {}", self.msisdn, told(is), told(must)))
    }

    /// No order uses the account any more.
    pub(crate) async fn has_nothing_open(&self, trade: Trade<'_>) -> Result<(), String> {
        let body = trade.must(self.home, &Ask::get(format!("/v1/accounts/{}", self.account))).await.body;
        if body["open_orders"] == 0 { Ok(()) } else { Err(format!("{}: open orders in {body}", self.msisdn)) }
    }

    async fn contents(&self, trade: Trade<'_>) -> Contents {
        match &self.purse {
            Some(purse) => trade.country.outside().contents(trade.client, purse).await,
            None => Contents { free: trade.balance(self.home, &self.account).await, held: 0 },
        }
    }
}

/// Opens an account whose money is outside; its id.
async fn open_outside(trade: Trade<'_>, home: &str, msisdn: &str, kind: &str) -> String {
    let body = json!({ "msisdn": msisdn, "kind": kind, "payment_password": PASSWORD });
    trade.must(home, &Ask::post("/v1/accounts", format!("open-{msisdn}"), body)).await.text("account_id")
}

/// Has a card bound from the bank's side and confirmed with the code of the text (product §5, 6.1.2).
async fn bind(trade: Trade<'_>, home: &str, msisdn: &str, mode: &str) -> (String, Option<Purse>) {
    const PATH: &str = "/v1/bank/bindings";
    let token = format!("62{msisdn:0>17}");
    let body = json!({
        "msisdn": msisdn, "bank": "01020000", "card_token": token, "card_last_four": &token[15..], "mode": mode,
        "holder_checked": true,
    });
    let now = UNIX_EPOCH.elapsed().expect("after 1970").as_millis().try_into().expect("a time");
    let signature = mpss_node::channel::http::signed(&DOOR_KEY, now, "POST", PATH, body.to_string().as_bytes());
    let ask = Ask::post(PATH, format!("bind-{msisdn}"), body).header("mpss-signature", signature);
    trade.must(home, &ask).await;
    let code = patience::until(&format!("{msisdn} is sent a code"), TEXT_BOUND, async || {
        let texts = trade.country.texts_of(msisdn).await.to_string();
        let after = texts.split_once("验证码").ok_or("no code yet")?.1;
        Ok::<_, &str>(after.chars().take_while(char::is_ascii_digit).collect::<String>())
    })
    .await;
    let body = json!({ "msisdn": msisdn, "code": code, "payment_password": PASSWORD });
    let opened = trade.must(home, &Ask::post("/v1/bindings/confirm", format!("confirm-{msisdn}"), body)).await;
    (opened.text("account_id"), Some(Purse::Card(token)))
}
