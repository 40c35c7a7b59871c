//! Sessions, forms, headers, and how pages are written.

use super::*;

#[tokio::test]
async fn a_form_that_is_not_ours_moves_nothing() {
    let site = Site::open().await;
    let product = site.trial.product(Scope::Local).await;
    let mut browser = site.signed_in(1).await;
    let shown = browser.get(&format!("/goods/{product}")).await;
    let (token, id) = (shown.field("form_token"), shown.field("request_id"));
    let mut other = site.signed_in(2).await;
    let foreign = other.get("/accounts").await.field("form_token");
    let path = format!("/goods/{product}/buy");
    let rest = [("request_id", id.as_str()), ("how", "password"), ("payment_password", RIGHT)];
    let before = site.digest();
    for wrong in ["", &foreign, &token[1..]] {
        let form: Vec<_> = rest.into_iter().chain([("form_token", wrong)]).collect();
        browser.post(&path, &form).await.says(403, "form_not_ours");
    }
    let form: Vec<_> = rest.into_iter().chain([("form_token", token.as_str())]).collect();
    for origin in ["http://evil.test", "null", "http://portal.test.evil.test"] {
        browser.origin = Some(origin.to_owned());
        browser.post(&path, &form).await.says(403, "form_not_ours");
    }
    assert_eq!(site.digest(), before, "nothing moved");
    // Phones that say nothing of where a form comes from have its token.
    browser.origin = None;
    assert_eq!(browser.post(&path, &form).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn cookies_are_for_this_host_and_no_script() {
    for (secure, prefix, end) in [(true, "__Host-mpss-44-", "; Secure"), (false, "mpss-44-", "SameSite=Strict")] {
        let site = Site::open_with(|settings| settings.portal.cookie_secure = secure).await;
        site.trial.open(local(1), Money::yuan(1)).await;
        let mut browser = site.browser();
        let seen = browser.signs_in(local(1), RIGHT).await;
        let cookie = seen.set_cookies.iter().find(|cookie| cookie.contains("subscriber=")).unwrap();
        assert!(cookie.starts_with(prefix) && cookie.ends_with(end), "{cookie}");
        for flag in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
            assert!(cookie.contains(flag), "{cookie}");
        }
        assert!(!cookie.contains(&local(1).to_string()), "it is sealed");
        let page = browser.get("/accounts").await;
        assert_eq!(page.cache, "no-store");
        assert!(page.policy.starts_with("default-src 'none'; style-src 'self'"), "{}", page.policy);
        browser.fills("/accounts", "/sign-out", &[]).await;
        browser.get("/accounts").await.says(401, "not_signed_in");
    }
}

#[tokio::test]
async fn a_session_ends_by_time_by_another_key_and_by_a_new_password() {
    let site = Site::open().await;
    let mut browser = site.signed_in(1).await;
    let (cookie, value) = browser.cookies.iter().find(|(name, _)| name.ends_with("subscriber")).unwrap();
    let (cookie, value) = (cookie.clone(), value.clone());
    let (seal, settings) = (Seal::new(&[0x8d; 32]), &site.trial.context.settings.portal);
    let session = seal.open(&cookie, &value).unwrap();
    let now = session.used_ms;
    let who = || Who::Subscriber { msisdn: local(1).number(), password: 1 };
    for (used, begun, good) in [
        (now, now, true),
        (now - settings.idle_ms + 5_000, now - settings.idle_ms + 5_000, true),
        (now - settings.idle_ms - 1, now - settings.idle_ms - 1, false),
        (now, now - settings.session_ms - 1, false),
    ] {
        let mut old = Session::begin(who(), begun, &OsRandom);
        old.used_ms = used;
        browser.cookies.insert(cookie.clone(), seal.seal(&cookie, &old, &OsRandom));
        let seen = browser.get("/accounts").await;
        assert_eq!(seen.status.is_success(), good, "{used} {begun}: {}", seen.text);
    }
    let forged = Seal::new(&[0x8e; 32]).seal(&cookie, &session, &OsRandom);
    let moved = seal.seal("mpss-44-guest", &session, &OsRandom);
    for wrong in [forged, moved, value[1..].to_owned(), String::new()] {
        browser.cookies.insert(cookie.clone(), wrong);
        browser.get("/accounts").await.says(401, "not_signed_in");
    }
    browser.cookies.insert(cookie.clone(), value);
    assert_eq!(browser.get("/accounts").await.status, StatusCode::OK);
    let account = site.trial.context.replica.read(|state| state.subscriber(local(1)).unwrap().accounts);
    let change = crate::home::ChangeAccount {
        account: account.into_iter().flatten().next().unwrap(),
        password: crate::node::trial::password(RIGHT),
        new_password: Some(crate::node::trial::password("480213")),
        per_payment_limit: None,
        daily_limit: None,
    };
    site.trial.home.change_account(site.trial.request(), change).await.unwrap();
    browser.get("/accounts").await.says(401, "not_signed_in");
}

#[tokio::test]
async fn what_others_have_written_is_text() {
    let site = Site::open().await;
    let seller = site.sp("<script>sells").await;
    let product = site.upload(seller, "<script>is sold", "alice").await;
    site.trial.propose(Verb::ReviewProduct { product, rejected: None, by: "rita".into() }).await;
    site.trial.propose(Verb::PublishProduct { product }).await;
    let mut browser = site.signed_in(1).await;
    for path in ["/".to_owned(), format!("/goods/{product}"), "/?number=%22%3E%3Cscript%3E&lang=en".to_owned()] {
        let text = browser.get(&path).await.text;
        for shown in ["&#60;script&#62;sells", "&#60;script&#62;is sold"] {
            assert!(text.contains(shown) && !text.contains("<script"), "{path}: {text}");
        }
    }
    let text = site.browser().get("/?number=%22%3E%3Cscript%3E").await.text;
    assert!(text.contains("&#34;&#62;&#60;script&#62;") && !text.contains("<script"), "{text}");
}

#[tokio::test]
async fn pages_are_plain_in_both_languages() {
    let site = Site::open().await;
    let product = site.trial.product(Scope::Local).await;
    let mut browser = site.signed_in(1).await;
    let order = browser.buys(product).await;
    let paths =
        ["/", "/accounts", "/texts", "/sign-in?x", "/nowhere", "/people/sign-in", "/desk", "/sp"].map(str::to_owned);
    for path in paths.into_iter().chain([order, format!("/goods/{product}")]) {
        for (language, tag) in [("zh-CN,zh;q=0.9", "zh-CN"), ("en-GB", "en")] {
            browser.language = language;
            let seen = browser.get(&path).await;
            if seen.status == StatusCode::SEE_OTHER {
                continue;
            }
            let text = &seen.text;
            assert!(text.starts_with("<!DOCTYPE html>") && text.contains(&format!("<html lang=\"{tag}\">")), "{path}");
            assert_eq!(text.matches("<h1>").count(), 1, "{path}");
            for (found, what) in [
                (text.contains("<script"), "a script"),
                (text.contains(" style="), "an inline style"),
                (text.contains("javascript:") || text.contains(" onclick=") || text.contains(" onload="), "a handler"),
                (text.contains("http://") || text.contains("https://"), "something from elsewhere"),
                (text.contains("width="), "a fixed width"),
            ] {
                assert!(!found || what == "a fixed width" && text.contains("width=device-width"), "{path} has {what}");
            }
        }
    }
    let style = browser.get("/portal.css").await;
    assert_eq!((style.status, style.text.as_str()), (StatusCode::OK, STYLE));
    let pixels = STYLE.split("px").filter_map(|before| {
        let digits: String = before.chars().rev().take_while(char::is_ascii_digit).collect();
        digits.chars().rev().collect::<String>().parse::<u32>().ok()
    });
    assert!(pixels.max().unwrap() <= 240, "nothing is wider than a small phone");
}

#[tokio::test]
async fn a_language_that_is_chosen_stays() {
    let site = Site::open().await;
    let mut browser = site.browser();
    assert!(browser.get("/?lang=zh").await.text.contains("<html lang=\"zh-CN\">"));
    assert!(browser.get("/").await.text.contains("<html lang=\"zh-CN\">"), "though the browser would like English");
}

#[tokio::test]
async fn one_address_can_not_ask_for_ever() {
    let site = Site::open_with(|settings| settings.portal.address_requests_per_second = 1).await;
    let mut browser = site.browser();
    let mut refused = 0;
    for _ in 0..20 {
        refused += usize::from(browser.get("/").await.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 10, "{refused}");
}
