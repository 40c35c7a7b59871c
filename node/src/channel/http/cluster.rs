//! The province's group: who is in it, where each stands, and changes of it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use mpss_cluster::{Member, MembershipError, Replica, ReplicaStatus, Role};
use mpss_domain::ProvinceId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use super::leader::TO_LEADER;
use crate::intake::field::{self, Shown};
use crate::intake::json::Str;
use crate::intake::{EdgeCode, Problem, text};
use crate::not_done::NotDone;

/// Log entries a replica may be behind and still count as up to date: what is under way.
const LAG_USUAL: u64 = 1_000;
/// Voters at most.
const VOTERS_MAX: usize = 9;
/// Characters of an address at most.
const ADDRESS_CHARS_MAX: usize = 255;

/// The province's group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cluster)]
pub(crate) struct ClusterBody {
    /// The province.
    #[schema(value_type = String, example = "44")]
    province: Shown<ProvinceId>,
    /// Its name.
    #[schema(example = "Guangdong")]
    name: &'static str,
    /// Its name in Chinese.
    #[schema(example = "广东")]
    name_zh: &'static str,
    /// The replica that tells this; only the leader knows how far the others are.
    told_by: u64,
    /// Who leads; null while nobody does.
    leader: Option<u64>,
    /// The election this is the result of.
    term: u64,
    /// The state version in force where this is told: the rules the log is decided by.
    #[schema(example = 2)]
    state_version: u16,
    /// Every replica of the group.
    replicas: Vec<ReplicaBody>,
    /// The replica that tells this, in detail.
    log: LogBody,
    /// Requests being worked on at the node that tells this.
    requests_in_flight: usize,
}

/// A replica of the group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClusterReplica)]
pub(crate) struct ReplicaBody {
    /// Its number.
    pub(crate) node: u64,
    /// `leader`, `follower`, `candidate`, `learner`, `stopped`, or `voter` when it is not known which.
    #[schema(example = "leader")]
    pub(crate) role: &'static str,
    /// Whether it votes.
    pub(crate) votes: bool,
    /// Where replication reaches it.
    pub(crate) raft_address: String,
    /// Where callers reach it.
    pub(crate) http_url: String,
    /// Last log entry it is known to have; null when this replica does not know.
    pub(crate) replicated: Option<u64>,
    /// Log entries it is behind; null when this replica does not know.
    pub(crate) lag: Option<u64>,
    /// `up_to_date`, `behind` or `unknown`.
    #[schema(example = "up_to_date")]
    pub(crate) health: &'static str,
    /// The oldest state version its program executes; null when this replica does not know.
    #[schema(example = 1)]
    pub(crate) oldest_state_version: Option<u16>,
    /// The newest one; the group is raised to what every replica executes.
    #[schema(example = 2)]
    pub(crate) newest_state_version: Option<u16>,
}

/// Where a replica's log stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClusterLog)]
pub(crate) struct LogBody {
    /// Oldest log entry it still has.
    first: u64,
    /// Last log entry it has.
    last: u64,
    /// Last log entry known to be on a quorum.
    committed: u64,
    /// Last log entry applied.
    applied: u64,
    /// Last log entry in its newest snapshot.
    snapshot: u64,
}

impl ClusterBody {
    /// The group as `replica` sees it.
    pub(crate) fn new(province: ProvinceId, replica: &Replica, requests_in_flight: usize) -> Self {
        let status = &replica.watch().borrow().clone();
        let versions = replica.versions();
        let replica = |node: &u64, member: &Member, votes: bool| ReplicaBody {
            oldest_state_version: versions.executed.get(node).map(|range| range.oldest.0),
            newest_state_version: versions.executed.get(node).map(|range| range.newest.0),
            ..self::replica(status, *node, member, votes)
        };
        let voters = status.voters.iter().map(|(node, member)| replica(node, member, true));
        let learners = status.learners.iter().map(|(node, member)| replica(node, member, false));
        Self {
            province: Shown(province),
            name: province.name_en(),
            name_zh: province.name_zh(),
            told_by: status.node,
            leader: status.leader,
            term: status.term,
            state_version: versions.in_force.0,
            replicas: voters.chain(learners).collect(),
            log: LogBody {
                first: status.first_log,
                last: status.last_log,
                committed: status.committed,
                applied: status.applied,
                snapshot: status.snapshot,
            },
            requests_in_flight,
        }
    }

    pub(crate) fn replicas(&self) -> &[ReplicaBody] {
        &self.replicas
    }
}

fn replica(status: &ReplicaStatus, node: u64, member: &Member, votes: bool) -> ReplicaBody {
    let itself = node == status.node;
    let replicated = if itself { Some(status.last_log) } else { status.replicated.get(&node).copied() };
    // The commit index is what a replica has to have: the leader's last entry may still be under way.
    let lag = replicated.map(|replicated| status.committed.saturating_sub(replicated));
    ReplicaBody {
        node,
        role: match (itself, status.leader == Some(node), votes) {
            (true, ..) => role_name(status.role),
            (_, true, _) => "leader",
            (.., false) => "learner",
            _ if status.leader.is_some() => "follower",
            _ => "voter",
        },
        votes,
        raft_address: member.raft_address.clone(),
        http_url: member.http_url.clone(),
        replicated,
        lag,
        health: match lag {
            Some(lag) if lag <= LAG_USUAL => "up_to_date",
            Some(_) => "behind",
            None => "unknown",
        },
        oldest_state_version: None,
        newest_state_version: None,
    }
}

pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Learner => "learner",
        Role::Stopped => "stopped",
    }
}

/// Shows the province's group as its leader sees it, or as this node does when the leader can not be
/// asked.
#[utoipa::path(
    get, path = "/v1/cluster", tag = "operation", operation_id = "show_cluster",
    responses((status = 200, description = "The group", body = ClusterBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let status = door.context.replica.watch().borrow().clone();
    if let Some(leader) = leader_elsewhere(&status)
        && !call.headers().contains_key(TO_LEADER)
        && let Ok(answer) = door.leader.pass(&call, leader).await
        && answer.status() == StatusCode::OK
    {
        return Ok(answer);
    }
    Ok(answer::found(&ClusterBody::new(door.here(), &door.context.replica, door.in_flight.count())))
}

fn leader_elsewhere(status: &ReplicaStatus) -> Option<&Member> {
    status.leader.filter(|leader| *leader != status.node).and_then(|leader| status.voters.get(&leader))
}

/// A change of the group. Each names what is wanted, so asking again does no harm.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeMembers)]
pub(crate) struct MembersAsk<'a> {
    /// `add_learner` (with node, raft_address, http_url), `change_voters` (with voters),
    /// `remove_learner` (with node) or `transfer_leadership` (with node).
    #[serde(borrow)]
    #[schema(value_type = String, example = "add_learner")]
    change: Str<'a>,
    /// The replica's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 4)]
    node: Option<u64>,
    /// Where replication reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "10.44.0.4:8082")]
    raft_address: Option<Str<'a>>,
    /// Where callers reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uri", example = "http://10.44.0.4:8080")]
    http_url: Option<Str<'a>>,
    /// Exactly these are to vote; each must be in the group already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!([1, 2, 4]))]
    voters: Option<Vec<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MembersChange {
    AddLearner,
    ChangeVoters,
    RemoveLearner,
    TransferLeadership,
}

const CHANGES: [(&str, MembersChange); 4] = [
    ("add_learner", MembersChange::AddLearner),
    ("change_voters", MembersChange::ChangeVoters),
    ("remove_learner", MembersChange::RemoveLearner),
    ("transfer_leadership", MembersChange::TransferLeadership),
];

/// Adds a replica, takes one out, changes who votes, or hands leadership over. Any node passes it to the leader.
#[utoipa::path(
    post, path = "/v1/cluster/members", tag = "operation", operation_id = "change_members",
    request_body = MembersAsk<'_>,
    responses((status = 200, description = "Done; the group as the leader sees it now", body = ClusterBody)),
)]
pub(crate) async fn change_members(State(door): State<Door>, call: Call) -> Answer {
    call.key()?;
    let ask: MembersAsk<'_> = call.json()?;
    let change = field::choice("change", ask.change.as_str(), &CHANGES)?;
    ask.only_what_belongs_to(change)?;
    let replica = &door.context.replica;
    let done = match change {
        MembersChange::AddLearner => replica.add_learner(ask.node()?, ask.member()?).await,
        MembersChange::ChangeVoters => replica.change_voters(ask.voters()?).await,
        MembersChange::RemoveLearner => replica.remove_learner(ask.node()?).await,
        MembersChange::TransferLeadership => replica.transfer_leadership(ask.node()?).await,
    };
    match done {
        Ok(()) => {
            tracing::warn!(change = ask.change.as_str(), node = ask.node, voters = ?ask.voters, "the group was changed");
            Ok(answer::found(&ClusterBody::new(door.here(), &door.context.replica, door.in_flight.count())))
        }
        Err(MembershipError::NotLeader(Some(leader))) => door.leader.pass(&call, &leader).await,
        Err(MembershipError::NotLeader(None)) => {
            Err(NotDone::Unavailable("the province has no leader now".to_owned()).into())
        }
        Err(MembershipError::Refused(why)) => Err(Problem::detailed(EdgeCode::ClusterChangeRefused, why)),
        Err(MembershipError::Unknown) => Err(EdgeCode::OutcomeUnknown.into()),
    }
}

impl MembersAsk<'_> {
    fn only_what_belongs_to(&self, change: MembersChange) -> Result<(), Problem> {
        let given = BTreeMap::from([
            ("node", self.node.is_some()),
            ("raft_address", self.raft_address.is_some()),
            ("http_url", self.http_url.is_some()),
            ("voters", self.voters.is_some()),
        ]);
        let wanted: &[&str] = match change {
            MembersChange::AddLearner => &["node", "raft_address", "http_url"],
            MembersChange::ChangeVoters => &["voters"],
            MembersChange::RemoveLearner | MembersChange::TransferLeadership => &["node"],
        };
        for (field, given) in given {
            match (given, wanted.contains(&field)) {
                (true, false) => {
                    return Err(Problem::field(EdgeCode::ConflictingFields, field, "does not belong to this change"));
                }
                (false, true) => {
                    return Err(Problem::field(EdgeCode::MissingField, field, "required for this change"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&self) -> Result<u64, Problem> {
        field::within("node", self.node.unwrap_or_default(), 1..=u64::MAX)
    }

    fn member(&self) -> Result<Member, Problem> {
        let raft_address = self.raft_address.as_ref().map_or("", Str::as_str);
        let http_url = self.http_url.as_ref().map_or("", Str::as_str);
        let is_address = raft_address.len() <= ADDRESS_CHARS_MAX
            && raft_address.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty()
                    && host.bytes().all(|byte| byte.is_ascii_graphic())
                    && port.parse::<u16>().is_ok_and(|port| port > 0)
            });
        if !is_address {
            return Err(Problem::field(EdgeCode::InvalidUrl, "raft_address", "written as host:port"));
        }
        Ok(Member { raft_address: raft_address.to_owned(), http_url: text::url("http_url", http_url)? })
    }

    fn voters(&self) -> Result<Vec<u64>, Problem> {
        let voters = self.voters.clone().unwrap_or_default();
        let mut sorted = voters.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.is_empty() || sorted.len() > VOTERS_MAX || sorted.len() != voters.len() || sorted[0] == 0 {
            return Err(Problem::field(
                EdgeCode::OutOfRange,
                "voters",
                format!("1 to {VOTERS_MAX} different replicas"),
            ));
        }
        Ok(voters)
    }
}
