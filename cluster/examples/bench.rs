//! Three replicas in one process, over loopback and real files, under a closed loop of callers:
//! `cargo run --release -p mpss-cluster --example bench -- [callers] [seconds] [replicas] [leader|all]`.
//!
//! It measures replication alone: the command is a small one that leaves no journal record.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that can not go on has nothing to say")]
#![expect(clippy::float_arithmetic, reason = "figures are printed, not booked")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mpss_cluster::{Member, Replica, ReplicaOptions, Role};
use mpss_domain::{Command, ProvinceId, Verb};
use mpss_runtime::Seams;
use mpss_runtime::real::{FileDisk, OsRandom, TcpTransport, TokioClock, TokioSpawner};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, usual: u64| arguments.get(place).map_or(usual, |text| text.parse().unwrap());
    let (callers, seconds, replicas) = (number(0, 1_024), number(1, 5), number(2, 3));
    let everywhere = arguments.get(3).is_some_and(|word| word == "all");

    let folder = tempfile::tempdir_in(std::env::var("BENCH_DIR").unwrap_or_else(|_| ".".to_owned())).unwrap();
    let mut transports = Vec::new();
    let mut founders = BTreeMap::new();
    for node in 1..=replicas {
        let transport = TcpTransport::bind("127.0.0.1:0").await.unwrap();
        let raft_address = transport.local_addr().to_string();
        founders.insert(node, Member { raft_address, http_url: String::new() });
        transports.push((node, transport));
    }
    let mut group = Vec::new();
    for (node, transport) in transports {
        let seams = Seams {
            clock: Arc::new(TokioClock::new()),
            random: Arc::new(OsRandom),
            spawner: Arc::new(TokioSpawner::new()),
            disk: Arc::new(FileDisk::open(folder.path().join(node.to_string())).unwrap()),
            transport: Arc::new(transport),
        };
        let options = ReplicaOptions::new(node, ProvinceId::NATIONAL, founders.clone());
        group.push(Replica::start(options, seams, Arc::new(|reason| panic!("{reason}"))).await.unwrap());
    }
    let leader = loop {
        if let Some(leader) = group.iter().find(|replica| replica.watch().borrow().role == Role::Leader)
            && leader.propose(command()).await.is_ok()
        {
            break leader.clone();
        }
        tokio::task::yield_now().await;
    };

    let stop = Arc::new(AtomicBool::new(false));
    let first_entry = leader.watch().borrow().applied;
    let began = Instant::now();
    let clients: Vec<_> = (0..callers)
        .map(|client| {
            let replica =
                if everywhere { group[usize::try_from(client % replicas).unwrap()].clone() } else { leader.clone() };
            let stop = stop.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let asked = Instant::now();
                    replica.propose(command()).await.unwrap();
                    times.push(asked.elapsed());
                }
                times
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await.unwrap());
    }
    let took = began.elapsed();
    let entries = leader.watch().borrow().applied - first_entry;
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 1_000];
    println!(
        "{callers} callers, {replicas} replicas: {:.0} commands/s in {:.0} entries/s; p50 {:?} p99 {:?} max {:?}",
        times.len() as f64 / took.as_secs_f64(),
        entries as f64 / took.as_secs_f64(),
        at(500),
        at(990),
        at(1_000),
    );
    for replica in &group {
        replica.shutdown().await;
    }
}

fn command() -> Command {
    Command::internal(Verb::AcknowledgeEffects { effects: Vec::new() })
}
