//! Sending home: the same id on every retry, a deadline, and the difference between refused, not
//! reached and unknown.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::{Money, Msisdn, OrderId, PaymentId, ProvinceId, RefundId, Refusal, ReversalId, TransferId};
use mpss_runtime::{Clock, Random};

use crate::peer::{PeerCall, PeerError, PeerReply, PeerTransport};
use crate::wire::{PaymentFate, PaymentMessage};

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
        Self { peers, clock, random, options }
    }

    /// Asks `home` for a payment until it answers or `payment_deadline` is over. `Ok(Ok(index))`:
    /// captured. `Ok(Err(refusal))`: declined, nothing moved.
    ///
    /// # Errors
    /// `Unknown` unless no try can have reached the home province.
    pub async fn pay(&self, home: ProvinceId, message: PaymentMessage) -> Result<Result<u64, Refusal>, PeerError> {
        let _ = message;
        Err(PeerError::NotConnected(home))
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
        let _ = payment;
        Err(PeerError::NotConnected(home))
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
        let _ = (payment, reversal, order);
        Err(PeerError::NotConnected(home))
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
        let _ = (payment, refund, amount);
        Err(PeerError::NotConnected(home))
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
        let _ = (transfer, payer, payee, amount, epoch);
        Err(PeerError::NotConnected(payee_home))
    }

    /// Passes a caller's request on to the province it belongs to, once, and brings its answer back.
    /// A request that was passed on already (header `mpss-forwarded`) is not passed on again.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn forward(&self, province: ProvinceId, call: PeerCall) -> Result<PeerReply, PeerError> {
        let _ = call;
        Err(PeerError::NotConnected(province))
    }
}
