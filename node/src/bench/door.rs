//! Load at the HTTP door: many connections, one purchase under way on each, the next as soon as the
//! last is answered. A purchase that is not answered is sent again under its request id until it is;
//! its latency runs from its first try. Every other answer is counted by name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mpss_domain::Msisdn;

use super::http1::{Connection, ID_BYTES, PurchaseRequest, order_of};
use super::latency::{Latency, new_histogram};
use super::proposer::{Done, PASSWORD, micros, millis, scattered};

/// Pause before a purchase is sent again.
const PAUSE: Duration = Duration::from_millis(5);
/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(20);
/// How long one purchase may take before it is given up as unknown.
const TRIES_MAX: Duration = Duration::from_secs(60);

/// What is bought, by whom, where.
pub(super) struct Errand<'a> {
    /// Doors; connections take turns.
    pub(super) doors: &'a [SocketAddr],
    pub(super) connections: u32,
    /// Who buys.
    pub(super) buyers: &'a [Msisdn],
    /// What, taking turns.
    pub(super) products: &'a [[u8; ID_BYTES]],
    pub(super) warm_up: Duration,
    pub(super) run: Duration,
    /// The first request id; each purchase takes the next.
    pub(super) first_key: u64,
}

/// What came of it.
pub(super) struct Bought {
    pub(super) done: Done,
    /// Every acknowledged order.
    pub(super) orders: Vec<[u8; ID_BYTES]>,
    /// The next request id.
    pub(super) next_key: u64,
}

/// What the connections share; they all live on one thread.
struct Ledger {
    next_key: u64,
    counted: u64,
    latency: Histogram<u64>,
    errors: BTreeMap<String, u64>,
    orders: Vec<[u8; ID_BYTES]>,
}

impl Ledger {
    fn error(&mut self, name: String) {
        *self.errors.entry(name).or_default() += 1;
    }
}

/// Buys until the time is over; returns when every purchase is answered.
pub(super) async fn buy(errand: &Errand<'_>) -> Bought {
    let ledger = Rc::new(RefCell::new(Ledger {
        next_key: errand.first_key,
        counted: 0,
        latency: new_histogram(),
        errors: BTreeMap::new(),
        orders: Vec::new(),
    }));
    let counts_from = Instant::now() + errand.warm_up;
    let ends = counts_from + errand.run;
    let connections = (0..errand.connections).map(|number| {
        let door = errand.doors[number as usize % errand.doors.len()];
        connection(errand, door, ledger.clone(), counts_from, ends)
    });
    // On one thread, so that nothing is shared between cores but sockets.
    futures::future::join_all(connections).await;
    let ledger =
        Rc::try_unwrap(ledger).map_or_else(|_| unreachable!("every connection has ended"), RefCell::into_inner);
    let done = Done {
        acknowledged: ledger.orders.len() as u64,
        counted: ledger.counted,
        counted_ms: millis(errand.run),
        latency: Latency::of(&ledger.latency),
        errors: ledger.errors,
    };
    Bought { done, orders: ledger.orders, next_key: ledger.next_key }
}

async fn connection(
    errand: &Errand<'_>,
    door: SocketAddr,
    ledger: Rc<RefCell<Ledger>>,
    counts_from: Instant,
    ends: Instant,
) {
    let mut request = PurchaseRequest::new(door, PASSWORD);
    let mut open = None;
    while Instant::now() < ends {
        let key = {
            let mut ledger = ledger.borrow_mut();
            ledger.next_key += 1;
            ledger.next_key - 1
        };
        let turn = usize::try_from(key).unwrap_or_default();
        let buyer = errand.buyers[usize::try_from(scattered(key)).unwrap_or_default() % errand.buyers.len()];
        let bytes = request.patched(key, buyer.number(), &errand.products[turn % errand.products.len()]);
        let sent = Instant::now();
        let answered = until_answered(&mut open, door, bytes, &ledger).await;
        let Some(order) = answered else { continue };
        let now = Instant::now();
        let mut ledger = ledger.borrow_mut();
        ledger.orders.push(order);
        if sent >= counts_from && now <= ends {
            ledger.counted += 1;
            ledger.latency.saturating_record(micros(now - sent));
        }
    }
}

/// Sends one purchase until it is acknowledged; `None` when it is refused or given up.
async fn until_answered(
    open: &mut Option<Connection>,
    door: SocketAddr,
    request: &[u8],
    ledger: &Rc<RefCell<Ledger>>,
) -> Option<[u8; ID_BYTES]> {
    let give_up = Instant::now() + TRIES_MAX;
    loop {
        let error = match tokio::time::timeout(TRY_MAX, one_try(open, door, request)).await {
            Ok(Ok((201, Some(order)))) => return Some(order),
            Ok(Ok((status, _))) => {
                ledger.borrow_mut().error(format!("http_{status}"));
                if !matches!(status, 429 | 503 | 504) {
                    return None;
                }
                None
            }
            Ok(Err(error)) => Some(format!("connection_{:?}", error.kind()).to_lowercase()),
            Err(_) => Some("no_answer_in_time".to_owned()),
        };
        if let Some(error) = error {
            *open = None;
            ledger.borrow_mut().error(error);
        }
        if Instant::now() > give_up {
            ledger.borrow_mut().error("given_up".to_owned());
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn one_try(
    open: &mut Option<Connection>,
    door: SocketAddr,
    request: &[u8],
) -> std::io::Result<(u16, Option<[u8; ID_BYTES]>)> {
    let connection = match open {
        Some(connection) => connection,
        None => open.insert(Connection::open(door).await?),
    };
    let answer = connection.ask(request).await?;
    Ok((answer.status, order_of(answer.body)))
}

/// Looks every order up, as any caller can; returns how many are not there and paid.
pub(super) async fn missing(doors: &[SocketAddr], connections: u32, orders: &[[u8; ID_BYTES]]) -> std::io::Result<u64> {
    let share = orders.len().div_ceil(connections as usize).max(1);
    let looks = orders.chunks(share).enumerate().map(|(number, orders)| async move {
        let door = doors[number % doors.len()];
        let mut connection = Connection::open(door).await?;
        let mut missing = 0;
        for order in orders {
            let id = std::str::from_utf8(order).unwrap_or_default();
            let request = format!("GET /v1/orders/{id} HTTP/1.1\r\nhost: {door}\r\n\r\n");
            let answer = connection.ask(request.as_bytes()).await?;
            let is_there =
                answer.status == 200 && order_of(answer.body).as_ref() == Some(order) && is_paid(answer.body);
            missing += u64::from(!is_there);
        }
        Ok::<u64, std::io::Error>(missing)
    });
    let counts = futures::future::try_join_all(looks).await?;
    Ok(counts.into_iter().sum())
}

/// Bought and not taken back: no one reverses anything in the bench.
fn is_paid(body: &[u8]) -> bool {
    [&b"\"status\":\"paid\""[..], b"\"status\":\"delivering\"", b"\"status\":\"delivered\""]
        .iter()
        .any(|status| body.windows(status.len()).any(|window| window == *status))
}
