//! The door against a real replica, message by message. Subscribers are played: what they would say, a test sets.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode};
use http_body_util::BodyExt;
use mpss_config::Settings;
use mpss_domain::{AccountId, LogTime, Money, OrderId, ProductId, Refusal, Reply, Request, Scope, SpId};
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;
use tower::ServiceExt;
use zeroize::Zeroizing;

use super::login::sp_password;
use super::names::{Family, Interface, Names, Version};
use super::purchases::{Purchases, Standing};
use super::{router, router_over};
use crate::channel::in_flight::InFlight;
use crate::isag_sps::{IsagSp, IsagSps};
use crate::node::trial::{RIGHT, Trial, guangdong, local, purchase};
use crate::not_done::NotDone;
use crate::serving::{AskCharge, Serving};
use crate::soap::{ENVELOPE, Element, Envelope};

mod charges;
mod consent;
mod hostile;
mod notified;
mod refunds;
mod reservations;
mod served;
mod texts;

const NUMBER: &str = "35100123";
const SECRET: &str = "secret";

/// The door of a province of one replica, with one SP and one product of two yuan.
struct Shop {
    trial: Trial,
    router: Router,
    in_flight: InFlight,
    subscriber: Arc<Played>,
    account: AccountId,
    product: ProductId,
    next: Mutex<u64>,
}

/// A subscriber as a test sets one, over the real serving side.
struct Played {
    serving: Serving,
    says: Mutex<Says>,
    /// What was asked, and with which request.
    asked: Mutex<Vec<(Request, AskCharge)>>,
    /// What was taken or let go of.
    ended: Mutex<Vec<(Request, OrderId, Option<u32>)>>,
    /// What these end with.
    ends: Mutex<Result<(), Refusal>>,
}

#[derive(Clone)]
enum Says {
    Yes,
    No(Refusal),
    /// Nothing, and the patience is over.
    Nothing,
    /// Nothing, for ever.
    Never,
    /// The purchase is not even begun.
    Begun(NotDone),
}

impl Purchases for Played {
    fn begin(&self, request: Request, asked: AskCharge) -> BoxFuture<'_, Result<Reply, NotDone>> {
        self.asked.lock().push((request, asked.clone()));
        Box::pin(async move {
            if let Says::Begun(not_done) = self.says.lock().clone() {
                return Err(not_done);
            }
            let mut place = purchase(asked.msisdn, asked.product, RIGHT);
            place.quantity = asked.quantity;
            self.serving.place_order(request, place).await
        })
    }

    fn decided(&self, _: OrderId, _: Duration) -> BoxFuture<'_, Standing> {
        Box::pin(async move {
            let says = self.says.lock().clone();
            match says {
                Says::Yes => Standing::Agreed,
                Says::No(refusal) => Standing::Refused(refusal),
                Says::Nothing | Says::Begun(_) => Standing::Open,
                Says::Never => std::future::pending().await,
            }
        })
    }

    fn take(&self, request: Request, order: OrderId, quantity: u32) -> BoxFuture<'_, Result<Reply, NotDone>> {
        self.end(request, order, Some(quantity))
    }

    fn let_go(&self, request: Request, order: OrderId) -> BoxFuture<'_, Result<Reply, NotDone>> {
        self.end(request, order, None)
    }
}

impl Played {
    fn end(&self, request: Request, order: OrderId, quantity: Option<u32>) -> BoxFuture<'_, Result<Reply, NotDone>> {
        self.ended.lock().push((request, order, quantity));
        let ends = *self.ends.lock();
        let reply = Reply { outcome: mpss_domain::Outcome::Order(order), index: 1, replayed: false };
        Box::pin(std::future::ready(ends.map(|()| reply).map_err(NotDone::refused)))
    }

    fn says(&self, what: Says) {
        *self.says.lock() = what;
    }
}

/// Two SPs, of which the second has nothing to sell.
struct Two(SpId);
impl IsagSps for Two {
    fn numbered(&self, number: &str) -> Option<IsagSp> {
        use mpss_domain::ids::IssuedId;
        let sp = match number {
            NUMBER => self.0,
            "35100124" => SpId::issue(LogTime(1_795_437_296_789), guangdong(), 9),
            _ => return None,
        };
        let secrets = vec![Zeroizing::new(SECRET.to_owned())];
        Some(IsagSp { number: number.to_owned(), sp, secrets, notice_url: String::new() })
    }

    fn of(&self, _: SpId) -> Option<IsagSp> {
        None
    }
}

/// What was answered.
#[derive(Debug)]
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Told {
    #[track_caller]
    fn body(&self) -> Element {
        Envelope::read(self.text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {}", self.text)).body
    }

    /// The empty element that says that it was done, in these names.
    #[track_caller]
    fn done(&self, operation: &str, namespace: &str) -> Element {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.headers["content-type"], "text/xml; charset=utf-8");
        let body = self.body();
        assert_eq!((body.name, body.namespace.as_str()), (format!("{operation}Response"), namespace));
        self.body()
    }

    /// The code of the fault, and what its text names.
    #[track_caller]
    fn fault(&self) -> (String, Vec<String>) {
        assert_eq!(self.status, 500, "{}", self.text);
        let body = self.body();
        assert_eq!((body.name.as_str(), body.namespace.as_str()), ("Fault", ENVELOPE), "{}", self.text);
        let code = body.child("faultcode").unwrap().word().unwrap().to_owned();
        let Some(detail) = body.child("detail") else { return (code, Vec::new()) };
        let [exception] = detail.children.as_slice() else { panic!("{}", self.text) };
        assert_eq!(exception.name, if code.starts_with("POL") { "PolicyException" } else { "ServiceException" });
        assert_eq!(exception.child("messageId").unwrap().word(), Some(code.as_str()));
        assert!(exception.children.iter().all(|part| part.namespace.is_empty()), "{}", self.text);
        let variables = exception.named("variables").map(|value| value.word().unwrap_or_default().to_owned()).collect();
        (code, variables)
    }

    /// The same in one line.
    #[track_caller]
    fn fault_line(&self) -> String {
        let (code, variables) = self.fault();
        [vec![code], variables].concat().join(" ")
    }
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// The door as a node has it: the subscriber is really asked.
    async fn open_served(change: impl FnOnce(&mut Settings)) -> Self {
        let mut shop = Self::open_with(|_| {}).await;
        let mut context = shop.trial.context.clone();
        let mut settings = (*context.settings).clone();
        change(&mut settings);
        context.settings = Arc::new(settings);
        let sp = shop.trial.context.replica.read(|state| state.product(shop.product).unwrap().terms().sp);
        (shop.router, shop.in_flight) = router(context, shop.trial.serving.clone(), Arc::new(Two(sp)));
        shop
    }

    async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let trial = Trial::start().await;
        let account = trial.open(local(1), Money::yuan(50)).await;
        let product = trial.product(Scope::Local).await;
        // The group is raised to the newest version with what is written to its log.
        let doors = |state: &mpss_domain::State| (state.version() >= mpss_domain::StateVersion::DOORS).then_some(());
        trial.until("the version of doors", doors).await;
        let sp = trial.context.replica.read(|state| state.product(product).unwrap().terms().sp);
        let mut context = trial.context.clone();
        let mut settings = (*context.settings).clone();
        change(&mut settings);
        context.settings = Arc::new(settings);
        let subscriber = Arc::new(Played {
            serving: trial.serving.clone(),
            says: Mutex::new(Says::Yes),
            asked: Mutex::default(),
            ended: Mutex::default(),
            ends: Mutex::new(Ok(())),
        });
        let (router, in_flight) = router_over(context, trial.serving.clone(), Arc::new(Two(sp)), subscriber.clone());
        Self { trial, router, in_flight, subscriber, account, product, next: Mutex::new(0) }
    }

    /// A header that is good now, and was never used before.
    fn header(&self) -> String {
        self.header_of(NUMBER, "")
    }

    fn header_of(&self, number: &str, more: &str) -> String {
        let mut next = self.next.lock();
        *next += 1;
        // One of the last seconds; with the transaction number no two headers are the same.
        let stamp = stamp(self.trial.context.seams.clock.wall_ms());
        let transaction = if more.contains("transactionId") {
            String::new()
        } else {
            format!("<transactionId>T{next}</transactionId>")
        };
        format!(
            "<h:RequestSOAPHeader xmlns:h='http://www.chinatelecom.com.cn/schema/ctcc/common/v2_1'><h:spId>{number}</h:spId>\
             <h:spPassword>{}</h:spPassword><h:timeStamp>{stamp}</h:timeStamp>{transaction}{more}</h:RequestSOAPHeader>",
            sp_password(number, SECRET, &stamp)
        )
    }

    async fn send(&self, interface: &str, message: impl Into<Vec<u8>>) -> Told {
        let request = HttpRequest::builder()
            .method("POST")
            .uri(format!("/isag/services/{interface}"))
            .header("content-type", "text/xml; charset=utf-8")
            .header("soapaction", "\"\"");
        self.ask(request.body(Body::from(message.into())).unwrap()).await
    }

    async fn ask(&self, request: HttpRequest<Body>) -> Told {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Told { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Asks for an operation in the names that the WSDL has.
    async fn asks(&self, interface: Interface, operation: &str, parts: &str) -> Told {
        let message = message(Names::served(Family::ParlayX), interface, operation, &self.header(), parts);
        self.send(interface.name(), message).await
    }

    /// Charges the first subscriber.
    async fn charges(&self, reference: &str, charge: &str) -> Told {
        self.asks(Interface::AmountCharging, "chargeAmount", &parts(reference, charge)).await
    }

    fn code(&self) -> String {
        format!("<code>{}</code>", self.product)
    }

    fn balance(&self) -> Money {
        let find = |state: &mpss_domain::State| state.account(self.account).unwrap().available;
        self.trial.context.replica.read(find)
    }
}

fn parts(reference: &str, charge: &str) -> String {
    let user = format!("<l:endUserIdentifier>tel:86{}</l:endUserIdentifier>", local(1));
    format!(
        "{user}<l:charge><description>一张票</description>{charge}</l:charge><l:referenceCode>{reference}</l:referenceCode>"
    )
}

fn message(names: Names, interface: Interface, operation: &str, header: &str, parts: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:Envelope xmlns:e='{ENVELOPE}' xmlns:l='{}'>\
         <e:Header>{header}</e:Header><e:Body><l:{operation}>{parts}</l:{operation}></e:Body></e:Envelope>",
        names.local(interface)
    )
}

/// Month to second in China.
fn stamp(wall_ms: u64) -> String {
    LogTime(wall_ms).month_to_second_in_china().iter().map(|part| format!("{part:02}")).collect()
}
