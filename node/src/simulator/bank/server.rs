//! The socket of a simulated bank, and what testers set and see.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use mpss_domain::Money;
use mpss_runtime::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};

use super::host::{BankHost, CardState};
use crate::gateway::bank::iso8583::{MESSAGE_BYTES_MAX, Message, ResponseCode};
use crate::gateway::bank::rail::BankLink;
use crate::gateway::bank::wire::{Came, Wire};
use crate::gateway::rail::Lost;
use crate::simulator::manner::{Fate, Temper};

/// A simulated bank. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BankSimulator {
    /// Its books.
    pub host: Arc<Mutex<BankHost>>,
    /// How it behaves.
    pub temper: Arc<Temper>,
    /// Rises with every crash: connections of before end.
    crashes: Arc<watch::Sender<u64>>,
    /// Answers that came too late for whoever asked without a socket.
    late: Arc<(Mutex<VecDeque<Message>>, Notify)>,
}

impl BankSimulator {
    /// A bank where every card has money.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            host: Arc::default(),
            temper: Arc::new(Temper::new(seed)),
            crashes: Arc::new(watch::Sender::new(0)),
            late: Arc::default(),
        }
    }

    /// Everybody is cut off; what was done stays done.
    pub fn crash(&self) {
        self.crashes.send_modify(|crashes| *crashes += 1);
    }

    /// What becomes of a request: its answer, after how many ms, and how often. `None` is silence.
    pub fn act(&self, request: &Message) -> Option<(Message, Fate)> {
        let is_network = request.network_code().ok().flatten().is_some();
        let fate = if is_network {
            Fate { times: 1, ..Fate::default() }
        } else {
            let card = request.pan().ok().flatten();
            self.temper.fate_to(card.as_ref().map_or("", |card| card.digits()))
        };
        if fate.lost || (is_network && self.temper.manner().dead) {
            return None;
        }
        let refused = fate
            .refused
            .as_deref()
            .map(|code| ResponseCode::new(code.as_bytes()).unwrap_or(ResponseCode::new(b"05").expect("two digits")));
        let answer = self.host.lock().answer(request, refused)?;
        Some((answer, fate))
    }

    /// Behaviour and memory for testers.
    pub fn router(&self) -> Router {
        let routes = Router::new()
            .route("/simulator/bank", get(show))
            .route("/simulator/bank/crash", post(crash))
            .route("/simulator/bank/day-cut", post(cut_day))
            .route("/simulator/bank/cards/{token}", put(set_card).get(show_card))
            .route("/simulator/bank/cards/{token}/replacement", post(replace_card))
            .with_state(self.clone());
        self.temper
            .router("/simulator/bank")
            .merge(self.temper.router_to("/simulator/bank/cards/{token}/manner"))
            .merge(routes)
    }
}

/// Without a socket: time does not pass, so an answer that takes longer than it is waited for comes late.
impl BankLink for BankSimulator {
    fn exchange(&self, request: Message, patience: Duration) -> BoxFuture<'_, Result<Message, Lost>> {
        let result = match self.act(&request) {
            Some((answer, fate)) if !fate.answer_lost && !fate.crash => {
                let late = fate.after_ms > patience.as_millis() as u64;
                let again = if late { fate.times } else { fate.times.saturating_sub(1) };
                self.late.0.lock().extend((0..again).map(|_| answer.clone()));
                self.late.1.notify_one();
                if late { Err(Lost::Unknown) } else { Ok(answer) }
            }
            _ => Err(Lost::Unknown),
        };
        Box::pin(std::future::ready(result))
    }

    fn late(&self) -> BoxFuture<'_, Message> {
        Box::pin(async {
            loop {
                let answer = self.late.0.lock().pop_front();
                match answer {
                    Some(answer) => return answer,
                    None => self.late.1.notified().await,
                }
            }
        })
    }
}

/// Serves a bank's socket until `shutdown` becomes true.
///
/// # Errors
/// When the listener can not be used.
pub async fn serve(
    listener: std::net::TcpListener,
    bank: BankSimulator,
    wire: Arc<Wire>,
    mut shutdown: watch::Receiver<bool>,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let (bank, wire, shutdown) = (bank.clone(), wire.clone(), shutdown.clone());
                tokio::spawn(async move {
                    // A connection that breaks is its peer's to make again.
                    let _ = talk(stream, bank, wire, shutdown).await;
                });
            }
            () = ended(&mut shutdown) => return Ok(()),
        }
    }
}

async fn ended(shutdown: &mut watch::Receiver<bool>) {
    // An error means the sender is gone: whoever started the simulator has ended.
    let _ = shutdown.wait_for(|end| *end).await;
}

async fn talk(
    stream: TcpStream,
    bank: BankSimulator,
    wire: Arc<Wire>,
    mut shutdown: watch::Receiver<bool>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut crashes = bank.crashes.subscribe();
    crashes.borrow_and_update();
    let (mut reader, mut writer) = stream.into_split();
    let (out, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
    let mut received = Vec::new();
    loop {
        while let Some((came, bytes)) = wire.take(&received).map_err(std::io::Error::other)? {
            received.drain(..bytes);
            let Came::Message(request) = came else { continue };
            let Some((answer, fate)) = bank.act(&request) else { continue };
            if fate.crash {
                bank.crash();
                return Ok(());
            }
            if fate.answer_lost {
                continue;
            }
            let frame = wire.seal(answer).map_err(std::io::Error::other)?;
            let out = out.clone();
            tokio::spawn(async move {
                if fate.after_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(fate.after_ms)).await;
                }
                for _ in 0..fate.times {
                    // Whoever asked may have gone.
                    let _ = out.send(frame.clone());
                }
            });
        }
        tokio::select! {
            read = async {
                received.reserve(MESSAGE_BYTES_MAX);
                reader.read_buf(&mut received).await
            } => if read? == 0 { return Ok(()) },
            Some(frame) = outgoing.recv() => writer.write_all(&frame).await?,
            _ = crashes.changed() => return Ok(()),
            () = ended(&mut shutdown) => return Ok(()),
        }
    }
}

/// A card as testers see and set it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardBody {
    balance_fen: i64,
    #[serde(default)]
    held_fen: i64,
    #[serde(default)]
    blocked: bool,
}

impl From<CardState> for CardBody {
    fn from(card: CardState) -> Self {
        Self { balance_fen: card.balance.as_fen(), held_fen: card.held.as_fen(), blocked: card.blocked }
    }
}

async fn show(State(bank): State<BankSimulator>) -> Json<serde_json::Value> {
    let (requests, repeated, reversed) = bank.host.lock().counts();
    Json(json!({
        "manner": bank.temper.manner(), "requests": requests, "repeated": repeated, "reversed": reversed,
    }))
}

async fn crash(State(bank): State<BankSimulator>) -> Response {
    bank.crash();
    Json(json!({})).into_response()
}

async fn cut_day(State(bank): State<BankSimulator>) -> Response {
    bank.host.lock().cut_day();
    Json(json!({})).into_response()
}

async fn set_card(
    State(bank): State<BankSimulator>,
    Path(token): Path<String>,
    Json(card): Json<CardBody>,
) -> Json<CardBody> {
    let state =
        CardState { balance: Money::fen(card.balance_fen), held: Money::fen(card.held_fen), blocked: card.blocked };
    bank.host.lock().set_card(&token, state);
    Json(state.into())
}

/// The card in the place of another one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    card_token: String,
}

async fn replace_card(
    State(bank): State<BankSimulator>,
    Path(token): Path<String>,
    Json(replacement): Json<Replacement>,
) -> Json<CardBody> {
    let mut host = bank.host.lock();
    host.replace_card(&token, &replacement.card_token);
    Json(host.card(&token).into())
}

async fn show_card(State(bank): State<BankSimulator>, Path(token): Path<String>) -> Json<CardBody> {
    Json(bank.host.lock().card(&token).into())
}
