//! What is on a bound card, asked at the bank.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::outside::Card;
use mpss_domain::{Command, StateVersion, Verb};
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;

use super::*;
use crate::gateway::bank::iso8583::{Institution, Message, ResponseCode, SwitchFailure};
use crate::gateway::bank::rail::{Acquirer, BankLink, BankRail};
use crate::gateway::rail::Lost;
use crate::simulator::bank::{BankHost, CardState};

/// What stands for every bound card.
pub(super) const TOKEN: &str = "6212345678901234567";
const CODE: u32 = 123_456;

/// A bank in this process, or none that answers.
#[derive(Default)]
struct Bank {
    host: Mutex<BankHost>,
    refuses: Mutex<Option<ResponseCode>>,
    silent: Mutex<bool>,
}

struct ToBank(Arc<Bank>);

impl BankLink for ToBank {
    fn exchange(&self, request: Message, _: Duration) -> BoxFuture<'_, Result<Message, Lost>> {
        // As it comes over the wire.
        let refused = *self.0.refuses.lock();
        let answer = self.0.host.lock().answer(&request, refused).ok_or(Lost::Unknown);
        let answer = if *self.0.silent.lock() { Err(Lost::Unknown) } else { answer };
        Box::pin(std::future::ready(answer))
    }

    fn late(&self) -> BoxFuture<'_, Message> {
        Box::pin(std::future::pending())
    }
}

/// How we are known to the bank.
pub(super) fn acquirer() -> Acquirer {
    Acquirer {
        institution: Institution::new("00014400").expect("a code"),
        forwarder: None,
        terminal: "MPSS0001".into(),
        merchant: "898110048140001".into(),
        merchant_category: "4814".into(),
        switch_failure: SwitchFailure::Unknown,
    }
}

/// Binds a card to a number; gives the bank account on it.
pub(super) async fn bound(shop: &Shop, last: u64, pre_freeze: bool) -> String {
    let card = Card { bank: "01020000".into(), token: TOKEN.into(), last_four: "4567".into(), pre_freeze };
    let bind = Verb::BindCard { msisdn: local(last), card, code: CODE };
    shop.trial.context.replica.propose(Command::internal(bind)).await.expect("bound");
    let confirm = json!({"msisdn": local(last).to_string(), "code": format!("{CODE:06}"), "payment_password": RIGHT});
    let confirmed = shop.post("/v1/bindings/confirm", &format!("confirm-{last}"), confirm).await.is(201).json();
    confirmed["account_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_the_card_is_asked_at_the_bank() {
    let mut trial = Trial::start().await;
    let bank = Arc::new(Bank::default());
    trial.context.rails.bank = Some(Arc::new(BankRail::new(Arc::new(ToBank(bank.clone())), acquirer())));
    trial.until("the version of cards", |state| (state.version() == StateVersion::NEWEST).then_some(())).await;
    let shop = Shop::open_over(trial, |_| {});
    let account = bound(&shop, 1, false).await;
    let path = format!("/v1/accounts/{account}/bank-balance");

    let state =
        CardState { balance: mpss_domain::Money::fen(123_456), held: mpss_domain::Money::fen(6_544), blocked: false };
    bank.host.lock().set_card(TOKEN, state);
    let mut told = shop.get(&path).await.is(200).json();
    assert!(told["as_of"].take().is_string());
    assert_eq!(
        told,
        json!({
            "account_id": account, "card_last_four": "4567", "available": "1234.56", "ledger": "1300.00",
            "as_of": null,
        })
    );
    // It is read anew each time, and moves nothing.
    bank.host.lock().set_card(TOKEN, CardState { balance: mpss_domain::Money::fen(1), ..state });
    assert_eq!(shop.get(&path).await.is(200).json()["available"], "0.01");

    bank.host.lock().set_card(TOKEN, CardState { blocked: true, ..state });
    shop.get(&path).await.problem(422, "card_unusable");
    *bank.refuses.lock() = Some(ResponseCode::new(b"91").expect("two digits"));
    shop.get(&path).await.problem(422, "rail_unavailable");
    *bank.silent.lock() = true;
    shop.get(&path).await.problem(422, "rail_unavailable");

    let stored = shop.account(2, 100).await;
    shop.get(&format!("/v1/accounts/{stored}/bank-balance")).await.problem(422, "account_kind_unsupported");
    let nobody = "/v1/accounts/A20260101120000000-44-00001/bank-balance";
    shop.get(nobody).await.problem(404, "account_not_found");
}
