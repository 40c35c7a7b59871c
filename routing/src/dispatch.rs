//! Sending home: the same id on every retry, a deadline, and the difference between refused, not
//! reached and unknown.
//!
//! ```text
//!             circuit       PeerTransport                     what the reply comes to
//!  pay ──▶ admitted? ──▶ one try, with deadline ──▶ answer     done or refused: the end
//!   ▲          │no                                  not now    nothing was done: again after a pause
//!   │          ▼                                    no reply   may have been done: again, same id
//!   └── pause, doubling, with jitter ◀──────────────┘
//! ```
//!
//! What is returned is what is certain. Once a single try may have reached the home province, only an
//! answer that the province keeps for ever can end the doubt; everything else is
//! [`PeerError::Unknown`], and the order driver finds out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::Either;
use mpss_domain::{Money, Msisdn, OrderId, PaymentId, ProvinceId, RefundId, Refusal, ReversalId, TransferId};
use mpss_runtime::{Clock, Random};

use crate::answer::{
    CodeOwner, Heard, Paid, code_owner, done_or_refused, fate_of, is_pending, paid_or_refused, read, was_reached,
};
use crate::circuit::{Circuits, Urgency};
use crate::peer::{PeerCall, PeerDoor, PeerError, PeerReply, PeerTransport};
use crate::wire::{
    AwardMessage, CaptureMessage, CodeMessage, DEADLINE_HEADER, PaymentFate, PaymentMessage, PeerAnswer, PeerResult,
    RefundMessage, ReversalMessage, SealKeyMessage, TransferMessage, encode,
};

/// Bounds of dispatching.
#[derive(Debug, Clone)]
pub struct DispatchOptions {
    /// Whose node this is.
    pub here: ProvinceId,
    /// How long one try may take.
    pub try_deadline: Duration,
    /// How long all tries of one payment may take while the buyer waits.
    pub payment_deadline: Duration,
    /// Pause before the first retry; doubles with jitter up to `pause_max`.
    pub pause_min: Duration,
    /// Longest pause.
    pub pause_max: Duration,
    /// Failures in a row that open a province's circuit.
    pub circuit_failures: u32,
    /// How long an open circuit refuses before one call may probe.
    pub circuit_open: Duration,
}

/// Sends requests to other provinces.
#[derive(Clone)]
pub struct Dispatch {
    pub(crate) peers: Arc<dyn PeerTransport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) options: DispatchOptions,
    pub(crate) circuits: Arc<Circuits>,
}

impl Dispatch {
    /// A dispatcher over `peers`.
    #[must_use]
    pub fn new(
        peers: Arc<dyn PeerTransport>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        options: DispatchOptions,
    ) -> Self {
        let circuits = Arc::new(Circuits::new(options.circuit_failures, options.circuit_open));
        Self { peers, clock, random, options, circuits }
    }

    /// Provinces that calls are not sent to for now because they could not be reached.
    #[must_use]
    pub fn open_circuits(&self) -> Vec<ProvinceId> {
        self.circuits.open()
    }

    /// Asks `home` for a payment until it answers or `payment_deadline` is over. `Ok(Ok(paid))`:
    /// captured or held. `Ok(Err(refusal))`: declined, nothing moved.
    ///
    /// A home province that says "not now" (429, 503) is asked again when it wants to be, one that can
    /// not be reached or does not answer after a pause; always with the same payment id.
    ///
    /// # Errors
    /// `Unknown` unless no try can have reached the home province.
    pub async fn pay(&self, home: ProvinceId, message: PaymentMessage) -> Result<Result<Paid, Refusal>, PeerError> {
        let body = encode(&message);
        let deadline = self.clock.monotonic() + self.options.payment_deadline;
        let mut pause = self.options.pause_min;
        let mut tries = 0_u32;
        let mut in_doubt = false;
        loop {
            let left = deadline.saturating_sub(self.clock.monotonic());
            let call = post("/peer/v1/payments".into(), body.clone());
            let tried = self.attempt(home, PeerDoor::Peer, call, self.options.try_deadline.min(left), Urgency::Waiting);
            tries += 1;
            let (error, retry_after) = match tried.await {
                Attempt::Replied(reply) => match read(&reply) {
                    // Home has it and waits for whoever has the money.
                    Heard::Answer(answer) if is_pending(&answer) => (PeerError::Unknown(home), None),
                    Heard::Answer(answer) => {
                        let decided = paid_or_refused(answer, home);
                        // A refusal that is not kept under the payment id says nothing about an earlier
                        // try that may still be under way.
                        let passing = matches!(&decided, Ok(Err(refusal)) if refusal.is_transient());
                        return if in_doubt && passing { Err(PeerError::Unknown(home)) } else { decided };
                    }
                    Heard::NotUnderstood { status } => {
                        tracing::error!(payment_id = %message.payment_id, %home, status, "not understood");
                        let error = PeerError::NotUnderstood { province: home, status };
                        return Err(if in_doubt { PeerError::Unknown(home) } else { error });
                    }
                    Heard::NotNow { retry_after } => (PeerError::Busy(home), retry_after),
                    Heard::Nothing => (PeerError::Unknown(home), None),
                },
                // Nothing was sent and nothing will be soon: refusing at once is what the circuit is for.
                // In the middle of a payment the buyer waits already, and the province may come back.
                Attempt::CircuitOpen if tries == 1 => return Err(PeerError::Unreachable(home)),
                Attempt::CircuitOpen => (PeerError::Unreachable(home), None),
                Attempt::Failed(error @ PeerError::NotConnected(_)) if !in_doubt => return Err(error),
                Attempt::Failed(error) => (error, None),
            };
            in_doubt |= error.is_unknown();
            let wait = self.jittered(pause).max(retry_after.unwrap_or_default());
            pause = pause.saturating_mul(2).min(self.options.pause_max);
            if self.clock.monotonic() + wait >= deadline {
                let error = if in_doubt { PeerError::Unknown(home) } else { error };
                tracing::warn!(payment_id = %message.payment_id, %home, tries, %error, "the payment was not answered");
                return Err(error);
            }
            self.clock.sleep(wait).await;
        }
    }

    /// Has the home province ask its subscriber, or hears what came of it. One try; the caller stores and forwards.
    /// `None`: the subscriber is asked, or whoever has the money.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn ask_confirmation(
        &self,
        home: ProvinceId,
        message: &PaymentMessage,
    ) -> Result<Option<Result<Paid, Refusal>>, PeerError> {
        let answer = self.ask_once(home, post("/peer/v1/payments".into(), encode(message))).await?;
        if is_pending(&answer) { Ok(None) } else { paid_or_refused(answer, home).map(Some) }
    }

    /// What became of a payment: its fate, and why when it was declined. One try.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn fate(
        &self,
        home: ProvinceId,
        payment: PaymentId,
    ) -> Result<(PaymentFate, Option<Refusal>), PeerError> {
        let call = PeerCall {
            method: "GET".into(),
            path: format!("/peer/v1/payments/{payment}"),
            headers: vec![("accept".into(), "application/json".into())],
            body: Bytes::new(),
        };
        fate_of(self.ask_once(home, call).await?, home)
    }

    /// Asks for a reversal. One try; the caller stores and forwards.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn reverse(
        &self,
        home: ProvinceId,
        payment: PaymentId,
        reversal: ReversalId,
        order: OrderId,
    ) -> Result<Result<u64, Refusal>, PeerError> {
        let message = ReversalMessage {
            reversal_id: reversal.to_string(),
            order_id: order.to_string(),
            serving: self.options.here.to_string(),
        };
        let call = post(format!("/peer/v1/payments/{payment}/reversal"), encode(&message));
        done_or_refused(self.ask_once(home, call).await?, home)
    }

    /// Has what is held for an order taken, or a part of it. One try; the caller stores and forwards.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn capture(
        &self,
        home: ProvinceId,
        payment: PaymentId,
        part: Option<Money>,
    ) -> Result<Result<u64, Refusal>, PeerError> {
        let message = CaptureMessage { amount_fen: part.map(Money::as_fen), serving: self.options.here.to_string() };
        let call = post(format!("/peer/v1/payments/{payment}/capture"), encode(&message));
        done_or_refused(self.ask_once(home, call).await?, home)
    }

    /// Asks for a refund. One try; the caller stores and forwards.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn refund(
        &self,
        home: ProvinceId,
        payment: PaymentId,
        refund: RefundId,
        amount: Money,
    ) -> Result<Result<u64, Refusal>, PeerError> {
        let message = RefundMessage {
            refund_id: refund.to_string(),
            amount_fen: amount.as_fen(),
            serving: self.options.here.to_string(),
        };
        let call = post(format!("/peer/v1/payments/{payment}/refunds"), encode(&message));
        done_or_refused(self.ask_once(home, call).await?, home)
    }

    /// Asks for a transfer's credit. One try; the caller stores and forwards.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn credit_transfer(
        &self,
        payee_home: ProvinceId,
        transfer: TransferId,
        payer: Msisdn,
        payee: Msisdn,
        amount: Money,
        epoch: u64,
    ) -> Result<Result<u64, Refusal>, PeerError> {
        let message = TransferMessage {
            transfer_id: transfer.to_string(),
            payer: payer.to_string(),
            payee: payee.to_string(),
            amount_fen: amount.as_fen(),
            epoch,
        };
        let call = post("/peer/v1/transfers".into(), encode(&message));
        done_or_refused(self.ask_once(payee_home, call).await?, payee_home)
    }

    /// Has the winner's home take an award. One try; the caller stores and forwards.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn credit_award(
        &self,
        home: ProvinceId,
        message: &AwardMessage,
    ) -> Result<Result<u64, Refusal>, PeerError> {
        let call = post("/peer/v1/awards".into(), encode(message));
        done_or_refused(self.ask_once(home, call).await?, home)
    }

    /// Asks whose a payment code is, while the buyer waits. One try: it is a question.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn whose_code(&self, home: ProvinceId, code: &str) -> Result<Result<CodeOwner, Refusal>, PeerError> {
        let message = CodeMessage { payment_code: code.to_owned(), serving: self.options.here.to_string() };
        let call = post("/peer/v1/payment-codes".into(), encode(&message));
        code_owner(self.ask_with(home, call, Urgency::Waiting).await?, home)
    }

    /// What `home` wants payment passwords sealed to, asked while the buyer waits; `None` when it does not seal yet. One
    /// try: it is a question.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn seal_key(&self, home: ProvinceId) -> Result<Option<SealKeyMessage>, PeerError> {
        let call = PeerCall {
            method: "GET".into(),
            path: "/peer/v1/seal-key".into(),
            headers: vec![("accept".into(), "application/json".into())],
            body: Bytes::new(),
        };
        let deadline = self.options.try_deadline;
        match self.attempt(home, PeerDoor::Peer, call, deadline, Urgency::Waiting).await {
            Attempt::Replied(reply) => match read(&reply) {
                Heard::Answer(PeerAnswer { result: PeerResult::SealKey(key), .. }) => Ok(Some(key)),
                Heard::NotUnderstood { status: 404 } => Ok(None),
                Heard::NotUnderstood { status } => Err(PeerError::NotUnderstood { province: home, status }),
                Heard::NotNow { .. } => Err(PeerError::Busy(home)),
                Heard::Answer(_) | Heard::Nothing => Err(PeerError::Unknown(home)),
            },
            Attempt::CircuitOpen => Err(PeerError::Unreachable(home)),
            Attempt::Failed(error) => Err(error),
        }
    }

    /// One try of something that is stored and forwarded.
    async fn ask_once(&self, province: ProvinceId, call: PeerCall) -> Result<PeerAnswer, PeerError> {
        self.ask_with(province, call, Urgency::Stored).await
    }

    async fn ask_with(&self, province: ProvinceId, call: PeerCall, urgency: Urgency) -> Result<PeerAnswer, PeerError> {
        match self.attempt(province, PeerDoor::Peer, call, self.options.try_deadline, urgency).await {
            Attempt::Replied(reply) => match read(&reply) {
                Heard::Answer(answer) => Ok(answer),
                Heard::NotNow { .. } => Err(PeerError::Busy(province)),
                Heard::NotUnderstood { status } => {
                    tracing::error!(%province, status, "the province did not understand the call");
                    Err(PeerError::NotUnderstood { province, status })
                }
                Heard::Nothing => Err(PeerError::Unknown(province)),
            },
            Attempt::CircuitOpen => Err(PeerError::Unreachable(province)),
            Attempt::Failed(error) => Err(error),
        }
    }

    /// One try: past the circuit, with a deadline of our own, and with the verdict told to the circuit.
    pub(crate) async fn attempt(
        &self,
        province: ProvinceId,
        door: PeerDoor,
        mut call: PeerCall,
        deadline: Duration,
        urgency: Urgency,
    ) -> Attempt {
        let Some(pass) = self.circuits.admit(province, urgency, self.clock.monotonic()) else {
            return Attempt::CircuitOpen;
        };
        call.headers.push((DEADLINE_HEADER.into(), deadline.as_millis().to_string()));
        let give_up = self.clock.sleep(deadline);
        let answered = self.peers.call(province, door, call, deadline);
        // An answer that is there in the last moment counts.
        let result = match futures::future::select(answered, give_up).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => Err(PeerError::Unknown(province)),
        };
        match result {
            Ok(reply) => {
                if was_reached(&reply) {
                    pass.answered();
                } else {
                    pass.failed(self.clock.monotonic());
                }
                Attempt::Replied(reply)
            }
            Err(error) => {
                tracing::debug!(%province, %error, "a try failed");
                if matches!(error, PeerError::Unreachable(_) | PeerError::Unknown(_)) {
                    pass.failed(self.clock.monotonic());
                }
                Attempt::Failed(error)
            }
        }
    }

    /// Between half of `pause` and all of it, so that many buyers do not come back as one.
    fn jittered(&self, pause: Duration) -> Duration {
        let half = pause / 2;
        let range = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        half + Duration::from_micros(self.random.below(range.saturating_add(1)))
    }
}

/// What one try came to.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The province answered something.
    Replied(PeerReply),
    /// Nothing was sent.
    CircuitOpen,
    /// There is no reply.
    Failed(PeerError),
}

fn post(path: String, body: Bytes) -> PeerCall {
    let headers =
        vec![("content-type".into(), "application/json".into()), ("accept".into(), "application/json".into())];
    PeerCall { method: "POST".into(), path, headers, body }
}
