//! Asking another replica.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use mpss_domain::ProvinceId;
use mpss_runtime::{BoxFuture, CallError, Transport};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::disks::Disks;
use super::wire::{self, Envelope, Kind, Refusal};
use crate::Member;
use crate::codec;
use crate::fatal::Fatal;

/// This replica's end of all connections.
pub(crate) struct Link {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) province: ProvinceId,
    pub(crate) node: u64,
    pub(crate) disk: u64,
    pub(crate) disks: Arc<Disks>,
    pub(crate) fatal: Fatal,
}

/// A request without a useful answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    /// It never arrived.
    #[error("{0}")]
    Unreachable(String),
    /// It may have been carried out.
    #[error("{0}")]
    Unknown(String),
    /// It was not carried out.
    #[error("refused: {0}")]
    Refused(Refusal),
}

impl Link {
    pub(crate) fn envelope(&self, kind: Kind, to: u64) -> Envelope {
        Envelope {
            kind,
            province: self.province,
            group: self.disks.group(),
            from: self.node,
            from_disk: self.disk,
            to,
            to_disk: self.disks.of(to),
        }
    }

    /// Sends `request`, which begins with an envelope for `to`, now; the future waits for the answer.
    pub(crate) fn send<T: DeserializeOwned + 'static>(
        self: &Arc<Self>,
        to: u64,
        member: &Member,
        request: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<T, LinkError>> {
        let sent = self.transport.call(&member.raft_address, request, deadline);
        let link = self.clone();
        Box::pin(async move {
            let bytes = sent.await.map_err(|error| match error {
                CallError::Unreachable(what) => LinkError::Unreachable(what),
                CallError::Unknown(what) => LinkError::Unknown(what),
            })?;
            link.judge(to, &bytes)
        })
    }

    /// Asks `to` with `body` and waits for the answer.
    pub(crate) fn ask<Q: Serialize, T: DeserializeOwned + 'static>(
        self: &Arc<Self>,
        to: u64,
        member: &Member,
        kind: Kind,
        body: &Q,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<T, LinkError>> {
        let mut encoded = Vec::with_capacity(128);
        codec::encode_onto(body, &mut encoded);
        let mut request = wire::begin_request(&self.envelope(kind, to), encoded.len());
        request.put_slice(&encoded);
        self.send(to, member, request.freeze(), deadline)
    }

    fn judge<T: DeserializeOwned>(&self, to: u64, bytes: &[u8]) -> Result<T, LinkError> {
        let (disk, result) = wire::take_answer::<T>(bytes)
            // It was carried out, perhaps, and said so in words this build does not know.
            .map_err(|error| LinkError::Unknown(format!("replica {to} answered {error}")))?;
        match result {
            Err(Refusal::UnknownDisk { .. }) => {
                self.fatal.report(format!(
                    "replica {} of province {} is known to replica {to} with another disk: its number must not be used \
                     again after the disk was lost; join with a new number",
                    self.node,
                    self.province.code()
                ));
                Err(LinkError::Refused(Refusal::UnknownDisk { node: self.node }))
            }
            // What comes from another replica than the one meant says nothing of the disk of that one.
            Err(refusal @ (Refusal::WrongTarget { .. } | Refusal::OtherGroup { .. })) => {
                Err(LinkError::Refused(refusal))
            }
            Err(refusal) => Err(LinkError::Refused(refusal)),
            Ok(value) if self.disks.meet(to, disk) => Ok(value),
            // It was carried out, but by one that is not the replica this one knows.
            Ok(_) => Err(LinkError::Unknown(format!("replica {to} answered from another disk"))),
        }
    }
}
