//! What is served beside operations: the description; and what is answered when there is too much to do.

use super::*;

async fn get(shop: &Shop, path: &str, host: &str) -> Told {
    let request = HttpRequest::get(format!("/isag/services/{path}")).header("host", host);
    shop.ask(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_names_the_host_that_was_asked() {
    let shop = Shop::open().await;
    for interface in Interface::ALL {
        for query in ["wsdl", "wsdl=interface&names=ctcc", "wsdl=faults&names=parlayx", "xsd=common&names=ctcc"] {
            let told = get(&shop, &format!("{}?{query}", interface.name()), "isag.example:8080").await;
            assert_eq!(
                (told.status, &told.headers["content-type"]),
                (StatusCode::OK, &"text/xml; charset=utf-8".parse().unwrap())
            );
            crate::soap::read(told.text.as_bytes()).unwrap();
            let addressed = told.text.contains(&format!("http://isag.example:8080/isag/services/{}", interface.name()));
            assert_eq!(addressed, !query.starts_with("xsd"), "{query}: {}", told.text);
        }
    }
    for host in ["a\"b", "a/b", "<x>", ""] {
        let told = get(&shop, "AmountCharging?wsdl", host).await;
        let listens = shop.trial.context.settings.listen.public.to_string();
        assert!(told.text.contains(&format!("location=\"http://{listens}/isag")), "{host}: {}", told.text);
    }
    for path in ["AmountCharging", "AmountCharging?xsd", "Other?wsdl", "AmountCharging?wsdl=../x"] {
        assert_eq!(get(&shop, path, "h").await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_to_do_is_a_fault_and_nothing_happened() {
    let shop = Shop::open_with(|settings| settings.isag.requests_in_flight_max = 1).await;
    shop.subscriber.says(Says::Never);
    let code = shop.code();
    {
        let mut first = Box::pin(shop.charges("R1", &code));
        while shop.subscriber.asked.lock().is_empty() {
            assert!(futures::poll!(&mut first).is_pending());
            tokio::task::yield_now().await;
        }
        let told = shop.charges("R2", &code).await;
        assert_eq!((told.fault_line().as_str(), told.headers.contains_key("retry-after")), ("SVC1000", true));
    }
    assert_eq!((shop.subscriber.asked.lock().len(), shop.in_flight.count()), (1, 0));
}
