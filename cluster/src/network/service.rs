//! Answering other replicas.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;
use mpss_runtime::{BoxFuture, Clock, Handler};
use openraft::ReadPolicy;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderError, TransferLeaderRequest, VoteRequest,
};
use serde::Serialize;

use super::link::Link;
use super::wire::{
    self, AppendAnswer, ChunkAnswer, ChunkHead, DoubtAnswer, DoubtAsked, Envelope, HistoryAnswer, HistoryAsked, Kind,
    LogEndAnswer, ProposeAnswer, ProposeRefusal, ReadIndexAnswer, Refusal, TransferAnswer, TransferAsked,
    VersionsAsked, VoteAnswer, VoteAsked,
};
use crate::codec::{self, CodecError};
use crate::doubt::Gate;
use crate::history::History;
use crate::log::store::LogStore;
use crate::machine;
use crate::proposer::Queue;
use crate::raft_runtime::NodeScope;
use crate::replica::ProposeError;
use crate::snapshot::file::SnapshotFile;
use crate::snapshot::receiver::{ChunkPlace, Receiver, Taken};
use crate::stored::VoteRow;
use crate::types::{Raft, RaftLogId, RaftVote};
use crate::versions::Heard;

/// Journal rows in one answer, in bytes.
const HISTORY_BYTES_MAX: usize = 1 << 20;

/// Everything a request may need.
pub(crate) struct Service {
    pub(crate) raft: Raft,
    pub(crate) link: Arc<Link>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) history: History,
    pub(crate) log: LogStore,
    pub(crate) heard: Arc<Heard>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) scope: Arc<NodeScope>,
    /// Snapshots that are being installed; none or one, unless a leader sends again.
    pub(crate) installing: AtomicU32,
}

/// One snapshot that is being installed, also when the one who asked for it goes away.
struct Installing<'a>(&'a AtomicU32);

impl<'a> Installing<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Installing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The door other replicas knock at.
pub(crate) struct Door(pub(crate) Arc<Service>);

type Answered = BoxFuture<'static, Bytes>;

impl Handler for Door {
    fn handle(&self, request: Bytes) -> Answered {
        let service = &self.0;
        match service.admit(request) {
            Ok((envelope, body)) => match service.begin(&envelope, body) {
                Ok(work) => Box::pin(service.scope.enter(work)),
                Err(error) => service.refuse(&Refusal::Malformed(error.to_string())),
            },
            Err(refusal) => service.refuse(&refusal),
        }
    }
}

fn malformed(error: &CodecError) -> Refusal {
    Refusal::Malformed(error.to_string())
}

impl Service {
    fn refuse(&self, refusal: &Refusal) -> Answered {
        Box::pin(std::future::ready(wire::answer::<()>(self.link.disk, Err(refusal))))
    }

    fn reply<T: Serialize>(&self, result: &Result<T, Refusal>) -> Bytes {
        wire::answer(self.link.disk, result.as_ref())
    }

    /// Checks that the request is meant for this replica, and comes from one it knows.
    fn admit(&self, mut request: Bytes) -> Result<(Envelope, Bytes), Refusal> {
        let envelope = wire::take_envelope(&mut request).map_err(|error| malformed(&error))?;
        let link = &self.link;
        if envelope.province != link.province || envelope.to != link.node {
            return Err(Refusal::WrongTarget { node: link.node, province: link.province.code() });
        }
        if !link.disks.is_ours(envelope.group) {
            return Err(Refusal::OtherGroup { node: link.node });
        }
        if envelope.to_disk != 0 && envelope.to_disk != link.disk {
            link.fatal.report(format!(
                "replica {} of province {} lives on another disk than the one replica {} knows it by: its number must \
                 not be used again after the disk was lost; join with a new number",
                link.node,
                link.province.code(),
                envelope.from
            ));
            return Err(Refusal::OtherDisk { node: link.node });
        }
        if !link.disks.meet(envelope.from, envelope.from_disk) {
            return Err(Refusal::UnknownDisk { node: envelope.from });
        }
        if link.fatal.is_told() {
            return Err(Refusal::Stopped);
        }
        Ok((envelope, request))
    }

    /// Begins the work. What must keep the order of arrival has happened when this returns.
    fn begin(self: &Arc<Self>, envelope: &Envelope, body: Bytes) -> Result<Answered, CodecError> {
        let this = self.clone();
        Ok(match envelope.kind {
            Kind::Append => {
                let (head, entries) = wire::decode_append(body)?;
                if !self.gate.admits_leader(head.vote) {
                    return Ok(self.refuse(&Refusal::InDoubt));
                }
                if !entries.is_empty() && self.installing.load(Ordering::SeqCst) > 0 {
                    return Ok(self.refuse(&Refusal::Installing));
                }
                let rpc = AppendEntriesRequest {
                    vote: head.vote.into(),
                    prev_log_id: head.previous.map(Into::into),
                    entries,
                    leader_commit: head.committed.map(Into::into),
                };
                let raft = self.raft.clone();
                // Polled once right here, outside tokio's budget, the request is in openraft's queue
                // behind those that came before.
                let mut taken: BoxFuture<'static, _> =
                    Box::pin(tokio::task::unconstrained(async move { raft.append_entries(rpc).await }));
                let at_once = (&mut taken).now_or_never();
                Box::pin(async move {
                    let answered = match at_once {
                        Some(answered) => answered,
                        None => taken.await,
                    };
                    this.reply(&answered.map_err(|_| Refusal::Stopped).map(append_answer))
                })
            }
            Kind::Vote | Kind::PreVote => {
                let asked: VoteAsked = codec::decode_body(&body)?;
                let pre = envelope.kind == Kind::PreVote;
                Box::pin(async move { this.reply(&this.vote(asked, pre).await) })
            }
            Kind::SnapshotChunk => {
                let (head, bytes) = wire::decode_chunk(body)?;
                if !self.gate.admits_leader(head.vote) {
                    return Ok(self.refuse(&Refusal::InDoubt));
                }
                Box::pin(async move { this.reply(&this.clone().chunk(head, bytes).await) })
            }
            Kind::TransferLeader => {
                let asked: TransferAsked = codec::decode_body(&body)?;
                Box::pin(async move { this.reply(&this.transfer(asked).await) })
            }
            Kind::Propose => {
                let (deadline_ms, commands) = wire::decode_propose(body)?;
                Box::pin(async move { this.reply(&Ok(this.propose(deadline_ms, commands).await)) })
            }
            Kind::ReadIndex => Box::pin(async move { this.reply(&Ok(this.read_index().await)) }),
            Kind::HistoryPart => {
                let asked: HistoryAsked = codec::decode_body(&body)?;
                Box::pin(async move { this.reply(&this.clone().history_part(asked).await) })
            }
            Kind::Doubt => {
                let asked: DoubtAsked = codec::decode_body(&body)?;
                let from = envelope.from;
                Box::pin(async move { this.reply(&Ok(this.doubt(from, asked).await)) })
            }
            Kind::Versions => {
                let answer = self.heard.answer(codec::decode_body::<VersionsAsked>(&body)?);
                Box::pin(std::future::ready(self.reply(&Ok(answer))))
            }
            Kind::LogEnd => {
                let last = self.log.last_log_id().map(Into::into);
                Box::pin(std::future::ready(self.reply(&Ok(LogEndAnswer { last }))))
            }
        })
    }

    async fn vote(&self, asked: VoteAsked, pre: bool) -> Result<VoteAnswer, Refusal> {
        if !self.gate.admits_candidate(asked.last) {
            return Err(Refusal::InDoubt);
        }
        let rpc = VoteRequest {
            vote: asked.vote.into(),
            last_log_id: asked.last.map(Into::into),
            leadership_transfer: asked.transfer,
        };
        let response = if pre { self.raft.pre_vote(rpc).await } else { self.raft.vote(rpc).await };
        let response = response.map_err(|_| Refusal::Stopped)?;
        Ok(VoteAnswer {
            vote: (&response.vote).into(),
            granted: response.vote_granted,
            last: response.last_log_id.map(Into::into),
        })
    }

    async fn chunk(self: Arc<Self>, head: ChunkHead, bytes: Bytes) -> Result<ChunkAnswer, Refusal> {
        let vote = RaftVote::from(head.vote);
        if let Some(higher) = self.log.vote().filter(|own| *own > vote) {
            return Ok(ChunkAnswer::HigherVote((&higher).into()));
        }
        let place =
            ChunkPlace { vote: head.vote, transfer: head.transfer, offset: head.offset, file_bytes: head.file_bytes };
        let receiver = self.receiver.clone();
        let taken =
            self.scope.on_dedicated("snapshot receive", async move { receiver.take(place, &bytes).await }).await;
        let taken = taken.ok_or(Refusal::Stopped)?.map_err(|error| {
            self.link.fatal.report(format!("receiving a snapshot failed: {error}"));
            Refusal::Stopped
        })?;
        match taken {
            Taken::Continue => Ok(ChunkAnswer::Continue),
            Taken::Restart => Ok(ChunkAnswer::Restart),
            Taken::Whole(snapshot) => {
                let vote = self.install(vote, snapshot).await?;
                Ok(ChunkAnswer::Installed(VoteRow::from(&vote)))
            }
        }
    }

    /// Installs a snapshot, unless the log reaches beyond its end already: a leader whose entries
    /// arrived while their answers were lost sends one that ends before the log here does, and
    /// openraft must not be led back behind what it has submitted. So the entry the snapshot ends at
    /// is offered first, as an append would: where it is in the log, it is committed by that and the
    /// snapshot has nothing to add; where it is not, the log ends before it or is cut off there, and
    /// nothing is appended until the snapshot is installed.
    async fn install(&self, vote: RaftVote, snapshot: SnapshotFile) -> Result<RaftVote, Refusal> {
        let _installing = Installing::begin(&self.installing);
        let end = snapshot.head.last_log_id.map(RaftLogId::from);
        let offer = AppendEntriesRequest { vote, prev_log_id: end, entries: Vec::new(), leader_commit: end };
        match self.raft.append_entries(offer).await.map_err(|_| Refusal::Stopped)? {
            AppendEntriesResponse::Success | AppendEntriesResponse::PartialSuccess(_) => Ok(vote),
            AppendEntriesResponse::HigherVote(higher) => Ok(higher),
            AppendEntriesResponse::Conflict => {
                let installed = self.raft.install_full_snapshot(vote, machine::as_raft(snapshot)).await;
                Ok(installed.map_err(|_| Refusal::Stopped)?.vote)
            }
        }
    }

    async fn transfer(&self, asked: TransferAsked) -> Result<TransferAnswer, Refusal> {
        if self.gate.is_in_doubt() {
            return Err(Refusal::InDoubt);
        }
        let rpc = TransferLeaderRequest::new(asked.from.into(), asked.to, asked.last.map(Into::into));
        Ok(match self.raft.handle_transfer_leader(rpc).await.map_err(|_| Refusal::Stopped)? {
            Ok(()) => TransferAnswer::Accepted,
            Err(TransferLeaderError::VoteChanged { actual, .. }) => TransferAnswer::VoteChanged((&actual).into()),
            Err(TransferLeaderError::LogNotFlushed { actual, .. }) => {
                TransferAnswer::NotFlushed(actual.map(Into::into))
            }
        })
    }

    async fn propose(&self, deadline_ms: u32, commands: Vec<Bytes>) -> ProposeAnswer {
        if !self.raft.is_leader() {
            return ProposeAnswer::NotLeader;
        }
        let deadline = self.clock.monotonic() + Duration::from_millis(u64::from(deadline_ms));
        let waiting: Vec<_> = commands
            .into_iter()
            .map(|command| {
                // Checked one by one, so that none can spoil the entry for its neighbours.
                codec::decode_command(&command).map_err(|_| ProposeRefusal::Malformed)?;
                self.queue.push(command, deadline, true).map_err(refusal)
            })
            .collect();
        let results = waiting.into_iter().map(|waiting| async move {
            match waiting {
                Ok(waiting) => waiting.await.map_err(refusal),
                Err(refused) => Err(refused),
            }
        });
        ProposeAnswer::Results(join_all(results).await)
    }

    async fn read_index(&self) -> ReadIndexAnswer {
        match self.raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
            Ok(linearizer) => ReadIndexAnswer::Index(linearizer.read_log_id().index()),
            Err(_) => ReadIndexAnswer::NotLeader,
        }
    }

    async fn history_part(self: Arc<Self>, asked: HistoryAsked) -> Result<HistoryAnswer, Refusal> {
        let history = self.history.clone();
        let read = async move { history.part(asked.after, asked.upto, HISTORY_BYTES_MAX) };
        let (after, upto, rows) =
            self.scope.on_dedicated("history part", read).await.and_then(Result::ok).ok_or(Refusal::Stopped)?;
        let rows = rows.into_iter().map(|row| (row.key.number(), row.value.to_vec())).collect();
        Ok(HistoryAnswer { after, upto, rows })
    }

    /// A replica in doubt is expected to have a shorter log than it acknowledged, until it says that
    /// the doubt is over.
    async fn doubt(&self, from: u64, asked: DoubtAsked) -> DoubtAnswer {
        let allowed = self.raft.trigger().allow_next_revert(&from, asked == DoubtAsked::Begin).await;
        // Only a leader knows how far others are.
        if !matches!(allowed, Ok(Ok(()))) {
            return DoubtAnswer::NotLeader;
        }
        match self.log.vote() {
            Some(vote) if vote.committed && vote.leader_id.node_id == self.link.node => {
                DoubtAnswer::Leads { vote: (&vote).into(), last: self.log.last_log_id().map(Into::into) }
            }
            _ => DoubtAnswer::NotLeader,
        }
    }
}

fn append_answer(response: AppendEntriesResponse<crate::types::Types>) -> AppendAnswer {
    match response {
        AppendEntriesResponse::Success => AppendAnswer::Success,
        AppendEntriesResponse::PartialSuccess(last) => AppendAnswer::Partial(last.map(Into::into)),
        AppendEntriesResponse::Conflict => AppendAnswer::Conflict,
        AppendEntriesResponse::HigherVote(vote) => AppendAnswer::HigherVote((&vote).into()),
    }
}

fn refusal(error: ProposeError) -> ProposeRefusal {
    match error {
        ProposeError::Busy { retry_after } => {
            ProposeRefusal::Busy(u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX))
        }
        ProposeError::Unavailable | ProposeError::Stopped => ProposeRefusal::Unavailable,
        ProposeError::TooLarge { .. } => ProposeRefusal::Malformed,
        ProposeError::Unknown => ProposeRefusal::Unknown,
    }
}
