//! The way to the ISAG against one that answers as it is told.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use mpss_domain::{EffectId, LogTime, ProvinceId};
use mpss_runtime::real::TokioClock;
use parking_lot::Mutex;

use super::super::message_centre::name_of;
use super::*;
use crate::soap::fault_of;

/// What is answered to the next message.
enum Next {
    Is(StatusCode, String),
    /// The line is cut without an answer.
    Nothing,
}

#[derive(Clone, Default)]
struct Isag(Arc<Mutex<Played>>);

#[derive(Default)]
struct Played {
    next: VecDeque<Next>,
    asked: Vec<(HeaderMap, String)>,
}

async fn answer(State(isag): State<Isag>, headers: HeaderMap, body: String) -> Response {
    let mut inside = isag.0.lock();
    inside.asked.push((headers, body));
    match inside.next.pop_front() {
        Some(Next::Is(status, text)) => (status, text).into_response(),
        Some(Next::Nothing) | None => {
            let broken = futures::stream::once(std::future::ready(Err::<&[u8], _>(std::io::Error::other("cut"))));
            axum::body::Body::from_stream(broken).into_response()
        }
    }
}

struct Scene {
    isag: Isag,
    way: IsagTexts,
}

fn text() -> WholeText {
    let name = name_of(ProvinceId::new(44).unwrap(), LogTime(1_795_437_296_789), EffectId(77));
    WholeText { to: Msisdn::new(18_900_000_001).unwrap(), words: "您 <好> & 7".into(), name }
}

fn fault(code: &str, variable: &str) -> Next {
    let kind = if code.starts_with("POL") { "PolicyException" } else { "ServiceException" };
    let text = fault_of("soapenv:Server", "it is so", |fault| {
        fault.element("detail", &[], |detail| {
            let space = [("xmlns:c", "http://www.csapi.org/schema/parlayx/common/v2_1")];
            detail.element(&format!("c:{kind}"), &space, |exception| {
                exception.leaf("messageId", code);
                exception.leaf("text", "it is so");
                exception.leaf("variables", variable);
            });
        });
    });
    Next::Is(StatusCode::INTERNAL_SERVER_ERROR, text)
}

fn done(operation: &str, inside: &str) -> Next {
    let text = format!(
        "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body>\
         <{operation}Response xmlns='http://www.chinatelecom.com.cn/schema/ctcc/sms/send/v2_1/local'>{inside}\
         </{operation}Response></e:Body></e:Envelope>"
    );
    Next::Is(StatusCode::OK, text)
}

impl Scene {
    async fn open() -> Self {
        let isag = Isag::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/SendSms", listener.local_addr().unwrap());
        let router = Router::new().route("/SendSms", post(answer)).with_state(isag.clone());
        let _served = tokio::spawn(async move { axum::serve(listener, router).await });
        Self::to(url, isag)
    }

    fn to(url: String, isag: Isag) -> Self {
        let options = IsagTextOptions {
            url,
            sp_number: "35100144".into(),
            secret: Zeroizing::new("between-us".into()),
            product_id: "135100144000000000001".into(),
            source: "11888".into(),
            ctcc: true,
            notify_url: "http://10.44.0.1:8080/isag/services/SmsNotification".into(),
            refuses_known_correlators: true,
        };
        let way = IsagTexts::new(client(Duration::from_secs(10)).unwrap(), options, Arc::new(TokioClock::new()));
        Self { isag, way }
    }

    async fn sends(&self, next: Next) -> Result<Submitted, Lost> {
        self.isag.0.lock().next.push_back(next);
        self.way.submit(Handed::Text(text())).await
    }

    async fn asks(&self, next: Next) -> Result<ReceiptFate, Lost> {
        self.isag.0.lock().next.push_back(next);
        self.way.query(String::new(), "request-7".into()).await
    }

    fn last(&self) -> (HeaderMap, Envelope) {
        let inside = self.isag.0.lock();
        let (headers, text) = inside.asked.last().unwrap();
        (headers.clone(), Envelope::read(text.as_bytes()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_sent_in_china_telecoms_names_with_a_receipt_asked_for() {
    let scene = Scene::open().await;
    let taken = scene.sends(done("sendSms", "<result>request-7</result>")).await;
    assert_eq!(taken, Ok(Submitted::Taken("request-7".into())));
    let (headers, envelope) = scene.last();
    assert_eq!(
        (headers["content-type"].as_bytes(), headers["soapaction"].as_bytes()),
        (&b"text/xml; charset=utf-8"[..], &b"\"\""[..])
    );
    let [header] = envelope.headers.as_slice() else { panic!("one header") };
    let field = |name| header.child(name).and_then(Element::word).unwrap().to_owned();
    assert_eq!((header.name.as_str(), header.namespace.as_str()), (REQUEST_HEADER, CTCC_COMMON));
    assert_eq!(
        (field("spId"), field("productId"), field("SAN")),
        ("35100144".into(), "135100144000000000001".into(), "11888".into())
    );
    assert_eq!(field("spPassword"), sp_password("35100144", "between-us", &field("timeStamp")));
    assert_eq!(field("transactionId"), text().name);
    let body = envelope.body;
    let local = "http://www.chinatelecom.com.cn/schema/ctcc/sms/send/v2_1/local";
    assert_eq!((body.name.as_str(), body.namespace.as_str()), ("sendSms", local));
    let names: Vec<_> = body.children.iter().map(|child| (child.name.as_str(), child.namespace == local)).collect();
    assert_eq!(names, [("addresses", true), ("senderName", true), ("message", true), ("receiptRequest", true)]);
    assert_eq!(body.child("addresses").unwrap().word(), Some("tel:8618900000001"));
    assert_eq!(body.child("message").unwrap().text, "您 <好> & 7");
    let reference = body.child("receiptRequest").unwrap();
    let part = |name| reference.child(name).and_then(Element::word).unwrap();
    assert_eq!(part("endpoint"), "http://10.44.0.1:8080/isag/services/SmsNotification");
    assert_eq!((part("interfaceName"), part("correlator")), ("SmsNotification", text().name.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fault_is_about_decides_what_becomes_of_the_text() {
    let scene = Scene::open().await;
    let refused = |why: &str| Ok(Submitted::Refused(why.to_owned()));
    for (code, variable, wanted) in [
        // It has this correlator: the text is with it.
        ("SVC0005", "correlator", Ok(Submitted::Taken(text().name))),
        ("SVC0004", "addresses", refused("SVC0004 addresses")),
        ("SVC0002", "message", refused("SVC0002 message")),
        ("SVC0280", "", refused("SVC0280")),
        ("POL0002", "tel:8618900000001", refused("POL0002 tel:8618900000001")),
        ("POL1010", "service", refused("POL1010 service")),
        // About us: a wrong secret must not lose a province's texts.
        ("SVC0002", "spPassword", Ok(Submitted::Busy)),
        ("POL0001", "not_authenticated", Ok(Submitted::Busy)),
        ("SVC1000", "", Ok(Submitted::Busy)),
        ("SVC0283", "", Ok(Submitted::Busy)),
        // Something went wrong, before or after.
        ("SVC0001", "timeout", Err(Lost::Unknown)),
        ("ns1:Whatever", "", Err(Lost::Unknown)),
    ] {
        assert_eq!(scene.sends(fault(code, variable)).await, wanted, "{code} {variable}");
    }
    // A fault without a detail has its code alone, in front of which some put a prefix.
    for (code, wanted) in [
        ("SVC0005", Ok(Submitted::Taken(text().name))),
        ("ns0:SVC0004", refused("SVC0004")),
        ("soapenv:Server", Err(Lost::Unknown)),
    ] {
        let bare = fault_of(code, "it is so", |_| {});
        assert_eq!(scene.sends(Next::Is(StatusCode::INTERNAL_SERVER_ERROR, bare)).await, wanted, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_of_the_isag_leaves_it_open() {
    let scene = Scene::open().await;
    for next in [
        Next::Nothing,
        Next::Is(StatusCode::OK, "<html/>".into()),
        Next::Is(StatusCode::OK, String::new()),
        Next::Is(StatusCode::SERVICE_UNAVAILABLE, "later".into()),
        done("sendLogo", "<result>r</result>"),
    ] {
        assert_eq!(scene.sends(next).await, Err(Lost::Unknown));
    }
    // Without an identifier it is known by its correlator alone.
    assert_eq!(scene.sends(done("sendSms", "")).await, Ok(Submitted::Taken(text().name)));
    // Nobody listens there: that is certain.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/SendSms", closed.local_addr().unwrap());
    drop(closed);
    let nobody = Scene::to(url, Isag::default());
    assert_eq!(nobody.way.submit(Handed::Text(text())).await, Err(Lost::NotSent));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_about_what_it_tells_nothing_of() {
    let scene = Scene::open().await;
    let status = |word: &str| {
        done(
            "getSmsDeliveryStatus",
            &format!("<result><address>tel:18900000001</address><deliveryStatus>{word}</deliveryStatus></result>"),
        )
    };
    let failed = |why: &str| ReceiptFate::Failed { why: why.into() };
    for (word, wanted) in [
        ("DeliveredToTerminal", ReceiptFate::Delivered),
        ("DeliveredToNetwork", ReceiptFate::There),
        ("MessageWaiting", ReceiptFate::There),
        ("DeliveryImpossible", failed("DeliveryImpossible")),
        ("Insufficient_Balance", failed("AuthPriceFailed")),
        ("DeliveryUncertain", ReceiptFate::Unknown),
        ("Perhaps", ReceiptFate::Unknown),
    ] {
        assert_eq!(scene.asks(status(word)).await, Ok(wanted), "{word}");
    }
    assert_eq!(scene.last().1.body.child("requestIdentifier").unwrap().word(), Some("request-7"));
    assert_eq!(scene.asks(fault("SVC0002", "requestIdentifier")).await, Ok(ReceiptFate::Unknown));
    assert_eq!(scene.asks(fault("SVC1000", "")).await, Err(Lost::Unknown));
    assert_eq!(scene.asks(Next::Nothing).await, Err(Lost::Unknown));
    assert_eq!(scene.way.cancel(String::new(), text().to).await, Ok(Cancelled::Unsupported));
}
