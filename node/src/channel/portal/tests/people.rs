//! Reviewers and people of SPs.

use super::*;

const PASSWORD: &str = "a long password of rita's";

fn person(role: &str, sp: &str) -> PersonSettings {
    let password_hash = crate::long_password::hash(PASSWORD, &OsRandom);
    PersonSettings { password_hash, role: role.to_owned(), sp: sp.to_owned() }
}

/// Portals with a reviewer, and a person of the first SP that is admitted.
async fn site() -> (Site, SpId) {
    let mut site = Site::open().await;
    let sp = site.sp("first").await;
    let mut settings = (*site.trial.context.settings).clone();
    settings.portal_people.insert("rita".to_owned(), person("reviewer", ""));
    settings.portal_people.insert("sam".to_owned(), person("sp", &sp.to_string()));
    site.trial.context.settings = Arc::new(settings);
    let options = HttpOptions::new(&site.trial.context.settings.door, Arc::new(String::new));
    let (context, home, serving) = (site.trial.context.clone(), site.trial.home.clone(), site.trial.serving.clone());
    let (_, _, inside) = router_and_inside(context.clone(), home, serving, options);
    site.router = router(context, inside).unwrap().0;
    (site, sp)
}

async fn signs_in(browser: &mut Browser<'_>, name: &str, password: &str) -> Seen {
    browser.fills("/people/sign-in", "/people/sign-in", &[("name", name), ("password", password)]).await
}

#[tokio::test]
async fn wrong_passwords_lock_a_name() {
    let (site, _) = site().await;
    let mut browser = site.browser();
    for name in ["rita", "nobody"] {
        for _ in 0..5 {
            signs_in(&mut browser, name, "wrong").await.says(422, "wrong_name_or_password");
        }
        signs_in(&mut browser, name, PASSWORD).await.says(429, "too_many_attempts");
    }
    assert_eq!(signs_in(&mut browser, "sam", PASSWORD).await.location, "/sp");
}

#[tokio::test]
async fn a_reviewer_approves_what_somebody_else_has_uploaded() {
    let (site, sp) = site().await;
    let (own, others) = (site.upload(sp, "own", "rita").await, site.upload(sp, "others", "lucy").await);
    let mut browser = site.browser();
    browser.get("/desk").await.says(401, "not_signed_in");
    assert_eq!(signs_in(&mut browser, "rita", PASSWORD).await.location, "/desk");
    let approve = [("decision", "approve")];
    let refused = browser.fills("/desk", &format!("/desk/goods/{own}/review"), &approve).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    refused.says(422, "reviewed_by_uploader");
    let done = browser.fills("/desk", &format!("/desk/goods/{others}/review"), &approve).await;
    assert_eq!(done.location, "/desk", "{}", done.text);
    browser.fills("/desk", &format!("/desk/goods/{others}/publish"), &[]).await;
    let status = |id| site.trial.context.replica.read(|state| state.product(id).unwrap().status.name().to_owned());
    assert_eq!((status(own), status(others)), ("in_review".to_owned(), "published".to_owned()));
    browser.fills("/desk/sps", &format!("/desk/sps/{sp}/suspend"), &[]).await;
    assert!(site.trial.context.replica.read(|state| state.sp(sp).unwrap().suspended));
    // The desk is not the SP's.
    browser.get("/sp").await.says(404, "not_found");
    for path in ["/desk", "/desk/applications", "/desk/sps"] {
        assert_eq!(browser.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_person_of_an_sp_sees_its_own_goods_and_orders_only() {
    let (site, sp) = site().await;
    let other = site.sp("second").await;
    let (own, others) = (site.upload(sp, "own thing", "sam").await, site.upload(other, "other thing", "lucy").await);
    for product in [own, others] {
        site.trial.propose(Verb::ReviewProduct { product, rejected: None, by: "reviewer".into() }).await;
        site.trial.propose(Verb::PublishProduct { product }).await;
    }
    let mut buyer = site.signed_in(1).await;
    let (first, second) = (buyer.buys(own).await, buyer.buys(others).await);
    let mut browser = site.browser();
    assert_eq!(signs_in(&mut browser, "sam", PASSWORD).await.location, "/sp");
    let goods = browser.get("/sp").await.text;
    assert!(goods.contains("own thing") && !goods.contains("other thing"), "{goods}");
    let orders = browser.get("/sp/orders").await.text;
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    assert!(orders.contains(&id(&first)) && !orders.contains(&id(&second)), "{orders}");
    assert!(!orders.contains(&local(1).to_string()), "the buyer's number is masked");
    assert!(!browser.get("/sp/orders?status=refunded").await.text.contains(&id(&first)));
    assert!(!browser.get("/sp/orders?day=2020-01-01").await.text.contains(&id(&first)));
    browser.get(&format!("/sp/goods/{others}")).await.says(404, "not_found");
    let before = site.digest();
    let form = [("title", "mine now"), ("application", "lottery"), ("scope", "local"), ("price", "1.00")];
    browser.fills("/sp", &format!("/sp/goods/{others}"), &form).await.says(404, "not_found");
    browser.fills("/sp", &format!("/sp/goods/{others}/withdraw"), &[]).await.says(404, "not_found");
    browser.get("/desk").await.says(404, "not_found");
    browser.fills("/sp", &format!("/desk/goods/{own}/withdraw"), &[]).await.says(404, "not_found");
    assert_eq!(site.digest(), before, "nothing moved");
    for path in ["/sp/settlement", "/sp/keys"] {
        assert_eq!(browser.get(path).await.status, StatusCode::OK, "{path}");
    }
    let uploaded = browser.fills("/sp", "/sp/goods", &form).await;
    assert_eq!(uploaded.location, "/sp", "{}", uploaded.text);
    assert!(browser.get("/sp").await.text.contains("mine now"));
    let wrong = [("title", "x"), ("application", "lottery"), ("scope", "local"), ("price", "free")];
    assert_eq!(browser.fills("/sp", "/sp/goods", &wrong).await.status.as_u16(), 400);
}
