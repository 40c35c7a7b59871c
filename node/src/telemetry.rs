//! What operators see: logs, and metrics for Prometheus.
//!
//! Metrics are kept **per node, not per process**. A served node is alone in its process and has one
//! recorder whose every metric carries `province` and `node`. In the demo many nodes share a process:
//! each runs on threads of its own, and a thread that was given to a node ([`NodeMetrics::adopt_thread`])
//! records there. So `/metrics` of a node reads the same in the demo as in production.
//!
//! ```text
//!  counter!("mpss_…") ─▶ ByThread ─▶ the thread's node │ else the process's node ─▶ Prometheus text
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use mpss_cluster::{ReplicaStatus, Role};
use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;

/// Upper bounds of duration histograms, in seconds: from one fast write to the longest wait at a door.
const DURATION_BOUNDS_SECONDS: [f64; 16] =
    [0.000_5, 0.001, 0.002, 0.003, 0.005, 0.007_5, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Nodes one process keeps metrics for.
const NODES_MAX: usize = 1_000;

/// Where log lines go.
#[derive(Debug)]
pub enum LogTarget {
    /// Standard error.
    Stderr,
    /// A file that many nodes of one process share, appended to.
    File(std::fs::File),
}

/// Starts logging for the process. Later calls change nothing: the first to start decides.
///
/// # Errors
/// Names the setting: a filter that can not be read, or a format other than `text` and `json`.
pub fn start_logs(filter: &str, format: &str, target: LogTarget) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("telemetry.log = {filter:?}: {error}"))?;
    let ansi = matches!(target, LogTarget::Stderr) && std::io::IsTerminal::is_terminal(&std::io::stderr());
    let shared = matches!(target, LogTarget::File(_));
    let writer = match target {
        LogTarget::Stderr => tracing_subscriber::fmt::writer::BoxMakeWriter::new(std::io::stderr),
        LogTarget::File(file) => tracing_subscriber::fmt::writer::BoxMakeWriter::new(Arc::new(file)),
    };
    // Threads are named after their node where many nodes share a process.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_thread_names(shared).with_writer(writer);
    // A second start in one process (tests) finds a subscriber in place, which is no fault.
    match format {
        "text" => drop(builder.try_init()),
        "json" => drop(builder.json().flatten_event(true).try_init()),
        other => return Err(format!("telemetry.format = {other:?}: it is text or json")),
    }
    Ok(())
}

/// The metrics of one node.
pub struct NodeMetrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl std::fmt::Debug for NodeMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeMetrics")
    }
}

thread_local! {
    static OF_THREAD: RefCell<Option<Arc<NodeMetrics>>> = const { RefCell::new(None) };
}
static OF_PROCESS: OnceLock<Arc<NodeMetrics>> = OnceLock::new();
static NODES: Mutex<BTreeMap<(String, u64), Arc<NodeMetrics>>> = Mutex::new(BTreeMap::new());

impl NodeMetrics {
    /// The metrics of a node of this process; the same again when the node is started again, because
    /// a counter of a process never goes back.
    #[must_use]
    pub fn of(province: &str, node: u64) -> Arc<Self> {
        // Only the first call in a process finds no recorder installed.
        let _ = metrics::set_global_recorder(ByThread);
        let mut nodes = NODES.lock();
        if nodes.len() >= NODES_MAX {
            nodes.pop_first();
        }
        Arc::clone(nodes.entry((province.to_owned(), node)).or_insert_with(|| Arc::new(Self::new(province, node))))
    }

    fn new(province: &str, node: u64) -> Self {
        let recorder = PrometheusBuilder::new()
            .add_global_label("province", province)
            .add_global_label("node", node.to_string())
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &DURATION_BOUNDS_SECONDS)
            .expect("there are bounds")
            .build_recorder();
        describe(&recorder);
        let handle = recorder.handle();
        Self { recorder, handle }
    }

    /// From now on this thread records here.
    pub fn adopt_thread(self: &Arc<Self>) {
        OF_THREAD.with(|slot| *slot.borrow_mut() = Some(Arc::clone(self)));
    }

    /// From now on every thread that belongs to no node records here. The first node of a process wins.
    pub fn adopt_process(self: &Arc<Self>) {
        let _ = OF_PROCESS.set(Arc::clone(self));
    }

    /// Everything, in Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

/// `/metrics` of a node, asked on one of its threads: its counters, where its replica stands, and
/// what the process uses.
#[must_use]
pub fn metrics_text(status: &ReplicaStatus) -> String {
    let Some(here) = here() else { return String::new() };
    record_replica(&here.recorder, status);
    record_process(&here.recorder);
    here.text()
}

fn here() -> Option<Arc<NodeMetrics>> {
    // A thread that is ending has no slot any more; its last words are not counted.
    let of_thread = OF_THREAD.try_with(|slot| slot.borrow().clone()).ok().flatten();
    of_thread.or_else(|| OF_PROCESS.get().cloned())
}

/// The process's recorder: passes everything to the node the thread belongs to.
struct ByThread;

impl Recorder for ByThread {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        if let Some(here) = here() {
            here.recorder.describe_counter(name, unit, text);
        }
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        if let Some(here) = here() {
            here.recorder.describe_gauge(name, unit, text);
        }
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        if let Some(here) = here() {
            here.recorder.describe_histogram(name, unit, text);
        }
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        here().map_or_else(Counter::noop, |here| here.recorder.register_counter(key, metadata))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        here().map_or_else(Gauge::noop, |here| here.recorder.register_gauge(key, metadata))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        here().map_or_else(Histogram::noop, |here| here.recorder.register_histogram(key, metadata))
    }
}

/// HELP of the gauges that are set when someone looks.
const LOOKED_UP: &[(&str, &str)] = &[
    ("mpss_replica_leader", "1 when this replica leads its province, else 0"),
    ("mpss_replica_term", "Election term this replica knows of"),
    ("mpss_replica_log_last_index", "Last log entry this replica has"),
    ("mpss_replica_log_first_index", "Oldest log entry this replica still has"),
    ("mpss_replica_log_committed_index", "Last log entry known to be on a quorum"),
    ("mpss_replica_log_applied_index", "Last log entry applied to the state"),
    ("mpss_replica_snapshot_index", "Last log entry in this replica's newest snapshot"),
    ("mpss_replica_voters", "Voting replicas of the province as this replica knows them"),
    ("mpss_replica_lag_entries", "On the leader: log entries a replica is behind, by replica"),
    ("process_resident_memory_bytes", "Resident memory of the process"),
    ("process_open_fds", "Open file descriptors of the process"),
    ("process_threads", "Threads of the process"),
];

/// HELP of the gauges that are set where things happen.
const GAUGES: &[(&str, &str)] = &[
    ("mpss_rows", "Rows of the state, by table"),
    ("mpss_state_version", "The state version in force: the rules the log is decided by"),
    ("mpss_state_version_newest", "The newest state version this node executes"),
    ("mpss_outbox_rows", "Effects that are committed and not yet acknowledged, by kind"),
    ("mpss_open_orders", "Orders that are not final"),
    ("mpss_orders_being_driven", "Orders and transfers the leader is bringing to their end"),
    ("mpss_sps_being_told", "SPs with notices under way"),
    ("mpss_circuit_open", "1 while calls to a province are held back because it does not answer, by peer"),
    ("mpss_bank_line_open", "1 while this node is signed on to the bank"),
    ("mpss_smpp_line_open", "1 while this node is bound to the SMS centre"),
];

/// HELP of the counters.
const COUNTERS: &[(&str, &str)] = &[
    ("mpss_http_requests_total", "Requests answered at the doors, by door, method, route and status"),
    ("mpss_purchases_total", "Purchases asked for here, by way (local, roaming, national) and result"),
    ("mpss_driver_steps_total", "Steps of the order driver, by result"),
    ("mpss_notices_total", "Notices to SPs, by result"),
    ("mpss_calls_total", "Calls to whoever has the money of accounts outside, by rail, what was asked and result"),
    ("mpss_bank_unusable_total", "Messages of the bank that could not be read, or whose MAC was wrong"),
    ("mpss_bank_network_total", "Network messages that the bank sent, by code"),
    ("mpss_sms_total", "Texts handed to the SMS centre, or messages when it speaks SMPP, by result"),
    ("mpss_isag_faults_total", "Faults answered to the ISAG, by code"),
    ("mpss_sms_receipts_total", "Receipts of the SMS centre that were recorded"),
    ("mpss_sms_words_total", "Messages of subscribers, by what came of them"),
    ("mpss_ivr_steps_total", "Steps of calls that voice gateways brought, by what came next"),
    ("mpss_smpp_lines_ended_total", "Lines to the SMS centre that came down, or could not be made"),
    ("mpss_passwords_sent_total", "Payment passwords sent home with a payment, sealed or in the clear"),
    ("mpss_passwords_taken_total", "Payment passwords that came with a payment, sealed or in the clear"),
    ("mpss_smpp_unusable_total", "PDUs of the SMS centre that can not be used"),
    ("mpss_actor_restarts_total", "Actors that failed and were started again, by actor"),
];

/// HELP of the histograms.
const HISTOGRAMS: &[(&str, &str)] = &[
    ("mpss_http_seconds", "Time to answer a request, by door, method and route"),
    ("mpss_sms_lag_seconds", "From the commit of a text to its acceptance by the SMS centre"),
];

/// HELP of the counter that is set when someone looks.
const CPU_SECONDS: (&str, &str) = ("process_cpu_seconds_total", "User and system time the process has used");

fn describe(recorder: &PrometheusRecorder) {
    for (name, help) in LOOKED_UP.iter().chain(GAUGES) {
        recorder.describe_gauge(KeyName::from_const_str(name), None, SharedString::const_str(help));
    }
    for (name, help) in COUNTERS {
        recorder.describe_counter(KeyName::from_const_str(name), None, SharedString::const_str(help));
    }
    for (name, help) in HISTOGRAMS {
        recorder.describe_histogram(KeyName::from_const_str(name), None, SharedString::const_str(help));
    }
    recorder.describe_counter(KeyName::from_const_str(CPU_SECONDS.0), None, SharedString::const_str(CPU_SECONDS.1));
}

const METADATA: Metadata<'static> = Metadata::new("mpss_node::telemetry", metrics::Level::INFO, None);

fn set(recorder: &PrometheusRecorder, name: &'static str, value: u64) {
    set_key(recorder, &Key::from_static_name(name), value);
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53: no log is longer")]
fn set_key(recorder: &PrometheusRecorder, key: &Key, value: u64) {
    recorder.register_gauge(key, &METADATA).set(value as f64);
}

fn record_replica(recorder: &PrometheusRecorder, status: &ReplicaStatus) {
    set(recorder, "mpss_replica_leader", u64::from(status.role == Role::Leader));
    set(recorder, "mpss_replica_term", status.term);
    set(recorder, "mpss_replica_log_last_index", status.last_log);
    set(recorder, "mpss_replica_log_first_index", status.first_log);
    set(recorder, "mpss_replica_log_committed_index", status.committed);
    set(recorder, "mpss_replica_log_applied_index", status.applied);
    set(recorder, "mpss_replica_snapshot_index", status.snapshot);
    set(recorder, "mpss_replica_voters", status.voters.len() as u64);
    for (node, replicated) in &status.replicated {
        let labels = vec![metrics::Label::new("replica", node.to_string())];
        let key = Key::from_parts("mpss_replica_lag_entries", labels);
        set_key(recorder, &key, status.last_log.saturating_sub(*replicated));
    }
}

fn record_process(recorder: &PrometheusRecorder) {
    let Some(usage) = ProcessUsage::of_self() else { return };
    set(recorder, "process_resident_memory_bytes", usage.resident_bytes);
    set(recorder, "process_open_fds", usage.open_files);
    set(recorder, "process_threads", usage.threads);
    // The exporter's counters are whole numbers, so whole seconds.
    let cpu = recorder.register_counter(&Key::from_static_name(CPU_SECONDS.0), &METADATA);
    cpu.absolute(usage.cpu.as_secs());
}

/// What a process uses, as `/proc` tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// User and system time.
    pub cpu: Duration,
    /// Open file descriptors; 0 when they can not be seen.
    pub open_files: u64,
    /// Threads.
    pub threads: u64,
}

impl ProcessUsage {
    /// This process.
    #[must_use]
    pub fn of_self() -> Option<Self> {
        Self::read("self")
    }

    /// Another process of the same owner.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        Self::read(&pid.to_string())
    }

    fn read(pid: &str) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let open_files = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |dir| dir.count() as u64);
        let mut usage = Self::parse(&status, &stat, rustix::param::clock_ticks_per_second())?;
        usage.open_files = open_files;
        Some(usage)
    }

    fn parse(status: &str, stat: &str, ticks_per_second: u64) -> Option<Self> {
        let figure = |name: &str| -> Option<u64> {
            status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
        };
        // The command's name may hold spaces and brackets; the fields follow its last bracket.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // Fields 14 and 15 of proc(5); the first after the name is field 3.
        let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Self {
            resident_bytes: figure("VmRSS:")? * 1_024,
            cpu: Duration::from_millis(ticks * 1_000 / ticks_per_second.max(1)),
            open_files: 0,
            threads: figure("Threads:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> ReplicaStatus {
        ReplicaStatus {
            node: 1,
            role: Role::Leader,
            term: 7,
            leader: Some(1),
            last_log: 120,
            committed: 118,
            applied: 117,
            snapshot: 100,
            first_log: 90,
            voters: BTreeMap::new(),
            learners: BTreeMap::new(),
            replicated: BTreeMap::from([(2, 119), (3, 20)]),
        }
    }

    #[test]
    fn threads_of_different_nodes_keep_their_metrics_apart() {
        let threads = [(1, 5), (2, 9)].map(|(node, times)| {
            std::thread::spawn(move || {
                NodeMetrics::of("44", node).adopt_thread();
                metrics::describe_counter!("mpss_test_purchases_total", "Purchases of this test");
                metrics::counter!("mpss_test_purchases_total").increment(times);
                metrics_text(&status())
            })
        });
        let [first, second] = threads.map(|thread| thread.join().expect("no panic"));
        assert!(first.contains("mpss_test_purchases_total{province=\"44\",node=\"1\"} 5"), "{first}");
        assert!(second.contains("mpss_test_purchases_total{province=\"44\",node=\"2\"} 9"), "{second}");
    }

    #[test]
    fn what_a_node_tells_is_clean_prometheus_text() {
        let text = std::thread::spawn(|| {
            NodeMetrics::of("51", 1).adopt_thread();
            metrics_text(&status())
        })
        .join()
        .expect("no panic");
        assert!(text.contains("mpss_replica_log_applied_index{province=\"51\",node=\"1\"} 117"), "{text}");
        assert!(text.contains("replica=\"3\"") && text.contains("} 100"), "lag of replica 3: {text}");
        let mut helped = std::collections::BTreeSet::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and a sentence");
                assert!(!help.is_empty());
                assert!(helped.insert(name.to_owned()), "HELP once for {name}");
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().expect("a name");
                assert!(helped.contains(name), "{name} is explained before it is told: {line}");
                assert!(name.starts_with("mpss_") || name.starts_with("process_"), "{name}");
            }
        }
    }

    #[test]
    fn a_filter_that_can_not_be_read_names_its_setting() {
        let error = start_logs("info,[", "text", LogTarget::Stderr).expect_err("no filter");
        assert!(error.contains("telemetry.log"), "{error}");
        let error = start_logs("info", "xml", LogTarget::Stderr).expect_err("no format");
        assert!(error.contains("telemetry.format"), "{error}");
    }

    #[test]
    fn reads_what_a_process_uses() {
        let status = "Name:\tm (p) s\nVmRSS:\t    2048 kB\nThreads:\t7\n";
        let stat = "12 (m (p) s) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 7 0 99 0 0";
        let usage = ProcessUsage::parse(status, stat, 100).expect("well formed");
        assert_eq!(usage.resident_bytes, 2_097_152);
        assert_eq!(usage.cpu, Duration::from_secs(2));
        assert_eq!(usage.threads, 7);
        assert!(ProcessUsage::of_self().is_some_and(|own| own.resident_bytes > 0 && own.open_files > 0));
    }
}
