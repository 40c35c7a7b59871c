//! What means harm, or is broken: refused, and nothing comes of it.

use super::*;

fn envelope(body: &str) -> String {
    format!("<e:Envelope xmlns:e='{ENVELOPE}'><e:Body>{body}</e:Body></e:Envelope>")
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_mean_harm_are_refused_without_any() {
    let shop = Shop::open_with(|settings| settings.isag_texts.url = "http://127.0.0.1:1/".into()).await;
    let before = shop.trial.context.replica.read(mpss_domain::State::digest);
    let laughs: String =
        (1..10).map(|k| format!("<!ENTITY l{k} \"{}\">", format!("&l{};", k - 1).repeat(10))).collect();
    let messages: Vec<(Vec<u8>, &str)> = vec![
        (format!("<!DOCTYPE x [<!ENTITY l0 \"ha\">{laughs}]>{}", envelope("<a>&l9;</a>")).into(), "soapenv:Client"),
        (format!("<!DOCTYPE x SYSTEM 'http://127.0.0.1:1/x'>{}", envelope("<a/>")).into(), "soapenv:Client"),
        (envelope("<a>&x;</a>").into(), "soapenv:Client"),
        ("<a>".repeat(20_000).into(), "soapenv:Client"),
        (envelope(&"<a/>".repeat(10_000)).into(), "soapenv:Client"),
        (vec![b'<'; 1 << 20], "soapenv:Client"),
        (vec![0xff; 100], "soapenv:Client"),
        (Vec::new(), "soapenv:Client"),
        (envelope("<a/>").replace(ENVELOPE, "http://www.w3.org/2003/05/soap-envelope").into(), "soapenv:VersionMismatch"),
        (
            format!("<e:Envelope xmlns:e='{ENVELOPE}'><e:Header><x e:mustUnderstand='1'/></e:Header><e:Body><a/></e:Body></e:Envelope>")
                .into(),
            "soapenv:MustUnderstand",
        ),
        (envelope("<a/>").into(), "POL0001"),
    ];
    for (message, code) in messages {
        let shown = String::from_utf8_lossy(&message[..message.len().min(60)]).into_owned();
        for interface in Interface::ALL {
            assert_eq!(shop.send(interface.name(), message.clone()).await.fault().0, code, "{shown}");
        }
    }
    let known = message(Names::served(Family::ParlayX), Interface::AmountCharging, "chargeAmount", &shop.header(), "");
    for (media, code) in [
        ("text/xml; charset=gb18030", "soapenv:Client"),
        ("text/xml; charset=utf-16", "soapenv:Client"),
        ("application/json", "soapenv:Client"),
        ("application/soap+xml", "soapenv:VersionMismatch"),
        ("text/xml;charset=\"UTF-8\"", "SVC0004"),
    ] {
        let request = HttpRequest::post("/isag/services/AmountCharging").header("content-type", media);
        let told = shop.ask(request.body(Body::from(known.clone())).unwrap()).await;
        assert_eq!(told.fault().0, code, "{media}");
    }
    assert_eq!(shop.trial.context.replica.read(mpss_domain::State::digest), before, "nothing moved");
    assert!(shop.subscriber.asked.lock().is_empty());
    assert_eq!(shop.in_flight.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_damaged_panic_nowhere() {
    let shop = Shop::open().await;
    let parts = parts("R1", "<amount>1</amount>");
    let whole = message(Names::served(Family::Ctcc), Interface::AmountCharging, "chargeAmount", &shop.header(), &parts);
    assert!(super::super::fuzz::understands(whole.as_bytes()));
    let random = shop.trial.context.seams.random.fork("damage");
    let mut draws = [0_u8; 4_000];
    random.fill(&mut draws);
    let mut refused = 0;
    for draw in draws.chunks_exact(4) {
        let mut bytes = whole.clone().into_bytes();
        let place = usize::from(u16::from_be_bytes([draw[0], draw[1]])) % bytes.len();
        match draw[3] % 3 {
            0 => bytes[place] = draw[2],
            1 => bytes.truncate(place),
            _ => bytes.insert(place, draw[2]),
        }
        refused += u32::from(!super::super::fuzz::understands(&bytes));
    }
    assert!(refused > 300, "{refused}");
}
