//! openraft's way to one other replica.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BufMut;
use futures::{FutureExt, Stream, StreamExt};
use mpss_runtime::BoxFuture;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{AnyError, OptionalSend, RPCTypes, RaftNetworkFactory, RaftNetworkV2, Snapshot};

use super::link::{Link, LinkError};
use super::wire::{
    self, AppendAnswer, ChunkAnswer, ChunkHead, Kind, TransferAnswer, TransferAsked, VoteAnswer, VoteAsked,
};
use crate::Member;
use crate::codec;
use crate::snapshot::file::{self, SnapshotFile};
use crate::types::{RaftLeader, RaftLogId, RaftVote, Types};

/// Appends on their way to one replica at most.
const APPENDS_IN_FLIGHT_MAX: usize = 32;
/// Bytes of a snapshot in one message.
const CHUNK_BYTES: u64 = 1 << 20;
/// Times a whole snapshot is begun again within one sending.
const RESTARTS_MAX: u32 = 3;

/// Makes clients.
pub(crate) struct Clients {
    pub(crate) link: Arc<Link>,
    /// An append with entries may have to wait for the other disk, so it gets longer than a heartbeat.
    pub(crate) append_deadline: Duration,
    pub(crate) chunk_deadline: Duration,
    pub(crate) transfers: Arc<AtomicU64>,
}

impl RaftNetworkFactory<Types> for Clients {
    type Network = Client;

    async fn new_client(&mut self, target: u64, node: &Member) -> Client {
        Client {
            link: self.link.clone(),
            target,
            member: node.clone(),
            append_deadline: self.append_deadline,
            chunk_deadline: self.chunk_deadline,
            transfers: self.transfers.clone(),
        }
    }
}

/// One other replica.
pub(crate) struct Client {
    link: Arc<Link>,
    target: u64,
    member: Member,
    append_deadline: Duration,
    chunk_deadline: Duration,
    transfers: Arc<AtomicU64>,
}

impl Client {
    fn error(&self, error: LinkError, action: RPCTypes, timeout: Duration) -> RPCError<Types> {
        rpc_error(error, self.link.node, self.target, action, timeout)
    }

    /// Sends one append now; the future waits for its answer.
    fn append(
        &self,
        rpc: &AppendEntriesRequest<Types>,
        option: &RPCOption,
    ) -> BoxFuture<'static, Result<AppendEntriesResponse<Types>, RPCError<Types>>> {
        let deadline = if rpc.entries.is_empty() { option.soft_ttl() } else { self.append_deadline };
        let request = wire::encode_append(
            &self.link.envelope(Kind::Append, self.target),
            (&rpc.vote).into(),
            rpc.prev_log_id.map(Into::into),
            rpc.leader_commit.map(Into::into),
            &rpc.entries,
        );
        let answered = self.link.send::<AppendAnswer>(self.target, &self.member, request, deadline);
        let (from, target) = (self.link.node, self.target);
        Box::pin(async move {
            match answered.await {
                Ok(AppendAnswer::Success) => Ok(AppendEntriesResponse::Success),
                Ok(AppendAnswer::Partial(last)) => Ok(AppendEntriesResponse::PartialSuccess(last.map(Into::into))),
                Ok(AppendAnswer::Conflict) => Ok(AppendEntriesResponse::Conflict),
                Ok(AppendAnswer::HigherVote(vote)) => Ok(AppendEntriesResponse::HigherVote(vote.into())),
                Err(error) => Err(rpc_error(error, from, target, RPCTypes::AppendEntries, deadline)),
            }
        })
    }

    async fn ask_vote(
        &self,
        kind: Kind,
        rpc: VoteRequest<Types>,
        option: &RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let asked = VoteAsked {
            vote: (&rpc.vote).into(),
            last: rpc.last_log_id.map(Into::into),
            transfer: rpc.leadership_transfer,
        };
        let deadline = option.soft_ttl();
        let answer: VoteAnswer = self
            .link
            .ask(self.target, &self.member, kind, &asked, deadline)
            .await
            .map_err(|error| self.error(error, RPCTypes::Vote, deadline))?;
        Ok(VoteResponse {
            vote: answer.vote.into(),
            vote_granted: answer.granted,
            last_log_id: answer.last.map(Into::into),
        })
    }

    /// Sends the whole file once. `None` when the other side wants it from the start again.
    async fn send_file(
        &self,
        vote: RaftVote,
        snapshot: &SnapshotFile,
    ) -> Result<Option<RaftVote>, StreamingError<Types>> {
        let transfer = self.transfers.fetch_add(1, Ordering::Relaxed);
        let file_bytes = file::file_bytes(snapshot.head.content_bytes);
        let mut offset = 0;
        loop {
            let length = (file_bytes - offset).min(CHUNK_BYTES);
            let mut bytes = vec![0; usize::try_from(length).expect("at most CHUNK_BYTES")];
            snapshot
                .file
                .read_at(offset, &mut bytes)
                .await
                .map_err(|error| StreamingError::Network(NetworkError::new(&AnyError::new(&error))))?;
            let head = ChunkHead { vote: (&vote).into(), transfer, offset, file_bytes, crc32c: crc32c::crc32c(&bytes) };
            let mut encoded = Vec::with_capacity(64);
            codec::encode_onto(&head, &mut encoded);
            let envelope = self.link.envelope(Kind::SnapshotChunk, self.target);
            let mut request = wire::begin_request(&envelope, encoded.len() + bytes.len());
            request.put_slice(&encoded);
            request.put_slice(&bytes);
            let answer = self
                .link
                .send::<ChunkAnswer>(self.target, &self.member, request.freeze(), self.chunk_deadline)
                .await
                .map_err(|error| self.error(error, RPCTypes::InstallSnapshot, self.chunk_deadline))?;
            offset += length;
            match answer {
                ChunkAnswer::Continue if offset < file_bytes => {}
                ChunkAnswer::Continue | ChunkAnswer::Restart => return Ok(None),
                ChunkAnswer::Installed(vote) | ChunkAnswer::HigherVote(vote) => return Ok(Some(vote.into())),
            }
        }
    }
}

fn rpc_error(error: LinkError, from: u64, target: u64, action: RPCTypes, timeout: Duration) -> RPCError<Types> {
    match error {
        LinkError::Unreachable(_) | LinkError::Refused(_) => RPCError::Unreachable(Unreachable::new(&error)),
        LinkError::Unknown(_) => RPCError::Timeout(Timeout { action, id: from, target, timeout }),
    }
}

impl RaftNetworkV2<Types> for Client {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        self.append(&rpc, &option).await
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> openraft::base::BoxFuture<
        's,
        Result<openraft::base::BoxStream<'s, Result<StreamAppendResult<Types>, RPCError<Types>>>, RPCError<Types>>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        let stream =
            AppendStream { client: self, input: Some(input), option, in_flight: VecDeque::new(), ended: false };
        let boxed: openraft::base::BoxStream<'s, _> = Box::pin(stream);
        Box::pin(std::future::ready(Ok(boxed)))
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.ask_vote(Kind::Vote, rpc, &option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.ask_vote(Kind::PreVote, rpc, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: RaftVote,
        snapshot: Snapshot<RaftLeader, u64, Member, SnapshotFile>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let sending = async {
            for _ in 0..=RESTARTS_MAX {
                if let Some(vote) = self.send_file(vote, &snapshot.snapshot).await? {
                    return Ok(SnapshotResponse::new(vote));
                }
            }
            let error = AnyError::error("the other replica keeps asking for the snapshot from its start");
            Err(StreamingError::Unreachable(Unreachable::new(&error)))
        };
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            sent = sending => sent,
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let asked = TransferAsked {
            from: req.from_leader().into(),
            to: *req.to_node_id(),
            last: req.last_log_id().copied().map(Into::into),
        };
        let deadline = option.soft_ttl();
        let answer: TransferAnswer = self
            .link
            .ask(self.target, &self.member, Kind::TransferLeader, &asked, deadline)
            .await
            .map_err(|error| self.error(error, RPCTypes::TransferLeader, deadline))?;
        Ok(match answer {
            TransferAnswer::Accepted => Ok(()),
            TransferAnswer::VoteChanged(actual) => Err(openraft::raft::TransferLeaderError::VoteChanged {
                expected: *req.from_leader(),
                actual: actual.into(),
            }),
            TransferAnswer::NotFlushed(actual) => Err(openraft::raft::TransferLeaderError::LogNotFlushed {
                expected: req.last_log_id().copied(),
                actual: actual.map(Into::into),
            }),
        })
    }
}

/// One append that waits for its answer.
struct InFlight {
    previous: Option<RaftLogId>,
    last: Option<RaftLogId>,
    answered: BoxFuture<'static, Result<AppendEntriesResponse<Types>, RPCError<Types>>>,
}

/// Appends sent one behind the other without waiting, answers given in order.
///
/// The stream ends when its input has ended and everything is answered: openraft begins with a
/// stream of a single request and waits for its end.
struct AppendStream<'s, S> {
    client: &'s mut Client,
    input: Option<S>,
    option: RPCOption,
    in_flight: VecDeque<InFlight>,
    ended: bool,
}

impl<S> Stream for AppendStream<'_, S>
where
    S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
{
    type Item = Result<StreamAppendResult<Types>, RPCError<Types>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        while this.in_flight.len() < APPENDS_IN_FLIGHT_MAX
            && let Some(input) = &mut this.input
        {
            match input.poll_next_unpin(context) {
                Poll::Ready(Some(rpc)) => {
                    let last = rpc.entries.last().map(|entry| entry.log_id).or(rpc.prev_log_id);
                    let answered = this.client.append(&rpc, &this.option);
                    this.in_flight.push_back(InFlight { previous: rpc.prev_log_id, last, answered });
                }
                Poll::Ready(None) => this.input = None,
                Poll::Pending => break,
            }
        }
        let Some(oldest) = this.in_flight.front_mut() else {
            return if this.input.is_none() { Poll::Ready(None) } else { Poll::Pending };
        };
        let answer = std::task::ready!(oldest.answered.poll_unpin(context));
        let oldest = this.in_flight.pop_front().expect("it was at the front");
        let item = match answer {
            Err(error) => {
                this.ended = true;
                Err(error)
            }
            Ok(AppendEntriesResponse::Conflict) if oldest.previous.is_none() => {
                // Nothing can conflict with the start of the log.
                this.ended = true;
                Err(RPCError::Network(NetworkError::new(&AnyError::error("a conflict at the start of the log"))))
            }
            Ok(response) => {
                // After anything but full success the rest of the pipeline is void.
                let partial = matches!(&response, AppendEntriesResponse::PartialSuccess(last) if *last != oldest.last);
                let result = response.into_stream_result(oldest.previous, oldest.last);
                this.ended = partial || result.is_err();
                Ok(result)
            }
        };
        Poll::Ready(Some(item))
    }
}
