//! What subscribers see and do.

use super::*;

#[tokio::test]
async fn five_wrong_passwords_lock_the_number() {
    let site = Site::open().await;
    site.trial.open(local(1), Money::yuan(50)).await;
    let mut browser = site.browser();
    for _ in 0..5 {
        browser.signs_in(local(1), "000001").await.says(422, "wrong_password");
    }
    browser.signs_in(local(1), RIGHT).await.says(429, "password_locked");
    // Who is a subscriber is not told.
    browser.signs_in(local(2), RIGHT).await.says(422, "wrong_password");
    assert_eq!(browser.get("/accounts").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_buys_once() {
    let site = Site::open().await;
    let product = site.trial.product(Scope::Local).await;
    let mut browser = site.signed_in(1).await;
    let shown = browser.get(&format!("/goods/{product}")).await;
    let (token, id) = (shown.field("form_token"), shown.field("request_id"));
    let form = [
        ("form_token", token.as_str()),
        ("request_id", id.as_str()),
        ("quantity", "2"),
        ("how", "password"),
        ("payment_password", RIGHT),
    ];
    let path = format!("/goods/{product}/buy");
    let (first, second) = (browser.post(&path, &form).await, browser.post(&path, &form).await);
    assert_eq!(first.status, StatusCode::SEE_OTHER, "{}", first.text);
    assert_eq!(first.location, second.location);
    assert_eq!(site.orders(), 1);
    let balance = browser.get("/accounts").await.text;
    assert!(balance.contains("48.00"), "{balance}");
    // A page that is loaded again is another form.
    browser.buys(product).await;
    assert_eq!(site.orders(), 2);
}

#[tokio::test]
async fn a_refusal_is_said_beside_its_field_and_keeps_what_was_filled_in() {
    let site = Site::open().await;
    let product = site.trial.product(Scope::Local).await;
    let mut browser = site.signed_in(1).await;
    let (page, path) = (format!("/goods/{product}"), format!("/goods/{product}/buy"));
    let wrong = [("quantity", "3"), ("how", "password"), ("payment_password", "864207")];
    let seen = browser.fills(&page, &path, &wrong).await;
    seen.says(422, "wrong_password");
    assert!(seen.text.contains("id=\"payment_password-wrong\"") && seen.text.contains("value=\"3\""), "{}", seen.text);
    assert!(!seen.text.contains("864207"), "a password is never shown again");
    let much = [("quantity", "60"), ("how", "password"), ("payment_password", RIGHT)];
    browser.fills(&page, &path, &much).await.says(422, "insufficient_funds");
}

#[tokio::test]
async fn what_is_anothers_is_not_found() {
    let site = Site::open().await;
    let product = site.trial.product_for(Application::Ticketing, Scope::Local).await;
    let mut owner = site.signed_in(1).await;
    let order = owner.buys(product).await;
    assert_eq!(owner.get(&order).await.status, StatusCode::OK);
    let account = site.trial.context.replica.read(|state| state.subscriber(local(1)).unwrap().accounts);
    let account = account.into_iter().flatten().next().unwrap();
    let statement = format!("/accounts/{account}");
    assert_eq!(owner.get(&statement).await.status, StatusCode::OK);
    let mut other = site.signed_in(2).await;
    for path in [order.as_str(), statement.as_str()] {
        other.get(path).await.says(404, "not_found");
        site.browser().get(path).await;
    }
    assert_eq!(site.browser().get(&order).await.status, StatusCode::NOT_FOUND);
    let before = site.digest();
    for path in [format!("{order}/cards"), format!("{order}/confirm"), format!("{statement}/freeze")] {
        let seen = other.fills("/accounts", &path, &[("payment_password", RIGHT), ("code", "123456")]).await;
        seen.says(404, "not_found");
    }
    assert_eq!(site.digest(), before, "nothing moved");
}

#[tokio::test]
async fn a_visitor_buys_without_a_session_and_signs_in_at_home() {
    let site = Site::open().await;
    let product = site.trial.product(Scope::Roaming).await;
    let (number, mut browser) = (visitor(1).to_string(), site.browser());
    browser.signs_in(visitor(1), RIGHT).await.says(422, "not_home");
    let catalogue = browser.get(&format!("/?number={number}")).await;
    assert!(catalogue.text.contains(&product.to_string()) && catalogue.text.contains("Sichuan"), "{}", catalogue.text);
    let page = format!("/goods/{product}?number={number}");
    let form = [("msisdn", number.as_str()), ("how", "password"), ("payment_password", RIGHT)];
    let seen = browser.fills(&page, &format!("/goods/{product}/buy"), &form).await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
    assert_eq!(browser.get(&seen.location).await.status, StatusCode::OK);
    assert_eq!(site.browser().get(&seen.location).await.status, StatusCode::NOT_FOUND, "another browser");
    browser.get("/accounts").await.says(401, "not_signed_in");
}

#[tokio::test]
async fn an_account_is_frozen_and_thawed_with_the_password() {
    let site = Site::open().await;
    let mut browser = site.signed_in(1).await;
    let account = site.trial.context.replica.read(|state| state.subscriber(local(1)).unwrap().accounts);
    let account = account.into_iter().flatten().next().unwrap();
    let freeze = format!("/accounts/{account}/freeze");
    browser.fills("/accounts", &freeze, &[("payment_password", "000001")]).await.says(422, "wrong_password");
    let frozen = browser.fills("/accounts", &freeze, &[("payment_password", RIGHT), ("thaw_on", "2099-01-02")]).await;
    assert_eq!(frozen.location, "/accounts", "{}", frozen.text);
    assert!(browser.get("/accounts").await.text.contains("2099-01-02 00:00:00"));
    let thawed = browser.fills("/accounts", &format!("/accounts/{account}/thaw"), &[("payment_password", RIGHT)]).await;
    assert_eq!(thawed.location, "/accounts", "{}", thawed.text);
    assert!(browser.get("/accounts").await.text.contains("Active"));
}
