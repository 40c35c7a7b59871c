//! The command line, as clap sees it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; everything that was checked is as it must be
  1  a check failed: books, digests, health
  2  the command line or the configuration can not be used
  3  it could not start: a port is taken, a folder is locked or damaged
  4  it was running and must not go on: disk error, damage, divergence";

/// Mobile payment service system: one node, a demonstration of a whole nation, a measurement, and
/// the simulators of what stands outside.
#[derive(Debug, Parser)]
#[command(name = "mpss", version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub subcommand: Subcommand,
}

/// What `mpss` can do.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Start a small nation in this process and, with --once, play its day and check the books
    ///
    /// Starts the national platform and the provinces 11 Beijing, 44 Guangdong and 51 Sichuan, three
    /// replicas each, with simulators of service providers, SMS centre, ISMP, bank and UPP, on free
    /// loopback ports. Stays up until Ctrl-C unless --once is given.
    Demo(DemoArguments),
    /// Run one node until it is told to stop
    ///
    /// Settings are layered: built-in defaults, then --config, then the environment
    /// (MPSS__SECTION__KEY=value). Prints one line when ready. SIGTERM or SIGINT stops it cleanly:
    /// requests under way are finished, nothing new is taken.
    Serve(ServeArguments),
    /// Measure purchases per second of one province on this machine
    ///
    /// Starts three replicas of one province as three processes with generated settings in a temporary
    /// folder, and the simulators as two more; measures the disk's durable write rate, the HTTP door,
    /// the proposer, one hot SP against many; then checks the books and that every acknowledged
    /// purchase exists. Load generator and replicas share this machine's cores: read figures as a
    /// floor.
    Bench(BenchArguments),
    /// Ask nodes how they are
    ///
    /// Exits 1 when a node does not answer, a province has no leader or lags, books do not balance, or
    /// replicas that stand at the same log position do not agree.
    Status(StatusArguments),
    /// Start a province for an SP to try its software against, with faults at will
    ///
    /// Three replicas in this process, an SP with a key and a product, subscribers who answer by
    /// themselves. What the SP asks and what it is told goes through a front that can lose, delay,
    /// refuse, double and forge it, and shows what went past. Nothing is kept.
    Sandbox(SandboxArguments),
    /// Play an SP through all that it must get right, in a sandbox, and report how it did
    ///
    /// Has subscribers buy and calls off, loses answers, forges signatures, kills a node; judges by what
    /// went past and by what became of the orders. What the SP must ask by itself is given to --driver as
    /// {"task": "charge", "msisdn", "product_id", "quantity"}, {"task": "refund", "order_id", "amount"},
    /// {"task": "reversal", "order_id"} or {"task": "read_events"}; without it, said in words. Exits 1
    /// when something that must be was not seen.
    SpConformance(ConformanceArguments),
    /// Hash a password for somebody who signs in to the portals by name
    ///
    /// Reads the password, one line of at least 12 characters, from standard input, and prints what
    /// portal_people.NAME.password_hash is set to.
    PortalPassword,
    /// Run a simulator of something outside
    #[command(visible_alias = "outside")]
    Simulate(SimulateArguments),
}

/// A nation in one process.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpss demo                                       start it, try it with curl, end with Ctrl-C
  mpss demo --once                                play the scripted day, print it, check the books
  mpss demo --data-dir ./nation --ready-file r    keep state between runs; write all URLs to r")]
pub struct DemoArguments {
    /// Play the scripted day, print it, check the books, and exit 0 or 1
    #[arg(long)]
    pub once: bool,

    /// Write {"national": [url, …], "provinces": {"44": [url, …], …}, "simulators": {…}} to this
    /// file once all is ready
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,

    /// Keep state (and ports) in this folder; without it a temporary folder is used and removed
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// What the nodes log, to mpss.log in the data folder: error, warn, info, debug, or a filter such as
    /// info,mpss_cluster=debug
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    pub log: String,

    /// Break something on purpose, so that --once must find it and exit 1 (needs a build with the
    /// cargo feature `mutants`)
    #[arg(long = "break", value_name = "WHAT", requires = "once")]
    pub breakage: Option<Breakage>,
}

/// A province to try things against.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpss sandbox --notice-url http://127.0.0.1:9000/mpss/notices      for the SP that listens there
  mpss sandbox                                                      for a simulated one
What becomes of what the SP asks (asking) and is told (telling); rates are parts of a million:
  curl -X PUT localhost:8090/sandbox/asking -H 'content-type: application/json' \\
       -d '{\"answer_lost\": 100000, \"latency_ms\": 30, \"next\": [\"lost\", \"crash\"]}'
  rates: lost (503), answer_lost (504), late (with late_ms), twice (told only), refused (429),
  crash (504, and the leading node is killed and started again); dead: true
  next: what becomes of the next requests: none, lost, answer_lost, late, twice, refused, crash
What a subscriber answers who is asked: yes, no or silent, after so many ms:
  curl -X PUT localhost:8090/sandbox/subscribers/18900000000 -H 'content-type: application/json' \\
       -d '{\"answers\": \"no\", \"after_ms\": 2000}'
The SP is told of orders again, in some manner: again, more_members, next_key; or falsely: unsigned,
other_body, other_key, unknown_key, old, other_target, digest_not_covered, no_digest, replayed:
  curl -X POST localhost:8090/sandbox/notices -H 'content-type: application/json' \\
       -d '{\"orders\": [\"O…\"], \"as\": \"old\"}'
The SP is told elsewhere from now on:
  curl -X PUT localhost:8090/sandbox/sp -H 'content-type: application/json' \\
       -d '{\"notice_url\": \"http://…\"}'
Who is there, and what went past:
  curl localhost:8090/sandbox
  curl localhost:8090/sandbox/seen?after=0")]
pub struct SandboxArguments {
    /// Where the platform is, for the SP; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Where the SP is told things; without it a simulated SP is
    #[arg(long, value_name = "URL")]
    pub notice_url: Option<String>,

    /// Throws the dice of the rates
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Write {"url", "sp_id", "key", "platform_keys", "product_id", "subscribers", …} to this file once
    /// all is ready
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,

    /// What the nodes log, to mpss.log in the temporary folder: error, warn, info, debug, or a filter
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    pub log: String,
}

/// An SP and what it must get right.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpss sp-conformance --sandbox http://127.0.0.1:8090 --driver http://127.0.0.1:9000/driver
  mpss sp-conformance --sandbox http://127.0.0.1:8090 --html report.html --json report.json
  mpss sp-conformance --sandbox http://127.0.0.1:8090 --only forged-body,forged-old")]
pub struct ConformanceArguments {
    /// A running sandbox, http://host:port, to which the SP is connected
    #[arg(long, value_name = "URL")]
    pub sandbox: String,

    /// Where the SP's own tests take tasks, as JSON posted to it; any answer of 2xx takes one
    #[arg(long, value_name = "URL")]
    pub driver: Option<String>,

    /// How long is waited for anything, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub patience_s: u64,

    /// Play these cases only, by their names
    #[arg(long, value_name = "CASE", value_delimiter = ',')]
    pub only: Vec<String>,

    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the report as a page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// What the demo can break on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Breakage {
    /// Clearing between provinces books one side only
    Books,
}

/// One node, one process.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpss serve --print-defaults > node.toml         every setting, its unit and its default
  mpss serve --config node.toml                   run the node
  MPSS__TELEMETRY__LOG=debug mpss serve --config node.toml")]
pub struct ServeArguments {
    /// The node's settings (TOML)
    #[arg(long, value_name = "FILE", required_unless_present = "print_defaults")]
    pub config: Option<PathBuf>,

    /// Print every setting with its default and exit
    #[arg(long)]
    pub print_defaults: bool,

    /// Write {"pid", "province", "node", "public_url", "peer_url", "raft_address"} to this file once
    /// the node takes requests
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,

    /// Serve the measuring endpoint of `mpss bench` on this loopback address
    #[arg(long, value_name = "ADDR", hide = true)]
    pub bench_proposer: Option<SocketAddr>,
}

/// Health and books of running nodes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpss status --url http://127.0.0.1:8080
  mpss status --url http://10.0.0.1:8080 --url http://10.0.0.2:8080 --url http://10.0.0.3:8080 --watch
  mpss status --url http://127.0.0.1:8080 --json | jq .")]
pub struct StatusArguments {
    /// A node's callers' door, http://host:port; may be given many times
    #[arg(long, value_name = "URL", required = true)]
    pub url: Vec<String>,

    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,

    /// Ask again every --interval-ms until Ctrl-C
    #[arg(long)]
    pub watch: bool,

    /// Time between two looks with --watch, in ms
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..))]
    pub interval_ms: u64,

    /// How long a node may take to answer, in ms
    #[arg(long, value_name = "MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub deadline_ms: u64,

    /// Log entries a replica may be behind its leader before that counts as wrong
    #[arg(long, value_name = "ENTRIES", default_value_t = 10_000)]
    pub lag_max: u64,
}

/// Run a simulator alone, for testers and integrators.
#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Which one
    #[command(subcommand)]
    pub simulator: Simulator,
}

/// The simulators.
#[derive(Debug, clap::Subcommand)]
pub enum Simulator {
    /// Any number of service providers: POST /sps/{name}/notices
    #[command(after_help = "\
How an SP behaves is set while it runs:
  curl -X PUT localhost:9100/simulator/sps/lotto -H 'content-type: application/json' \\
       -d '{\"mode\": \"slow\", \"delay_ms\": 300, \"products\": {\"G…\": \"refuses\"}}'
  modes: accepts, refuses, silent, slow, duplicates, garbage
What it saw:
  curl localhost:9100/simulator/sps/lotto
  curl localhost:9100/simulator/sps/lotto/orders/O…")]
    Sp(ListenArguments),
    /// The SMS centre: POST /messages
    #[command(after_help = "\
How it behaves is set while it runs:
  curl -X PUT localhost:9101/simulator/sms -H 'content-type: application/json' -d '{\"mode\": \"refuses\"}'
  modes: accepts, refuses, loses_answers, slow (with delay_ms)
What it was sent:
  curl localhost:9101/simulator/sms
  curl localhost:9101/simulator/sms/18912345678
With --node and --config, a subscriber sends a command, here brought twice as if our answer got lost:
  curl -X POST localhost:9101/simulator/sms/18912345678/words -H 'content-type: application/json' \
    -d '{\"text\":\"YE\",\"times\":2}'")]
    Sms(SmsArguments),
    /// The ISMP, which has the money of communication accounts: POST /ismp/v1/calls
    #[command(after_help = "\
How it behaves is set while it runs; rates are parts of a million:
  curl -X PUT localhost:9102/simulator/ismp -H 'content-type: application/json' \\
       -d '{\"answer_lost\": 100000, \"latency_ms\": 30, \"next\": [\"lost\", \"crash\"]}'
  rates: lost, answer_lost, late (with late_ms), twice, refused (with refusal), crash; dead: true
  next: what becomes of the next requests: none, lost, answer_lost, late, twice, refused, crash
A line's bill, in fen:
  curl -X PUT localhost:9102/simulator/ismp/lines/18912345678 -H 'content-type: application/json' \\
       -d '{\"in_service\": true, \"billing\": \"postpaid\", \"credit_fen\": 5000}'
How it behaves to one line alone, and what is left of next:
  PUT, GET /simulator/ismp/lines/18912345678/manner
What it saw:
  curl localhost:9102/simulator/ismp")]
    Ismp(IsmpArguments),
    /// A bank that speaks ISO 8583 over TCP
    #[command(after_help = "\
How it behaves is set while it runs; rates are parts of a million:
  curl -X PUT localhost:9103/simulator/bank -H 'content-type: application/json' \\
       -d '{\"refused\": 50000, \"refusal\": \"51\", \"late\": 10000, \"late_ms\": 30000}'
  rates: lost, answer_lost, late (with late_ms), twice, refused (with refusal), crash; dead: true
  next: what becomes of the next requests: none, lost, answer_lost, late, twice, refused, crash
A card, in fen:
  curl -X PUT localhost:9103/simulator/bank/cards/6200000000000000001 -H 'content-type: application/json' \\
       -d '{\"balance_fen\": 100000}'
How it behaves to one card alone, and what is left of next:
  PUT, GET /simulator/bank/cards/6200000000000000001/manner
It replaces a card, with all that is on it:
  curl -X POST localhost:9103/simulator/bank/cards/6200000000000000001/replacement \\
       -H 'content-type: application/json' -d '{\"card_token\": \"6200000000000000002\"}'
How it answers cards that subscribers want to be bound, with --node; told at POST /bank/v1/notices:
  curl -X PUT localhost:9103/simulator/bank/wishes -H 'content-type: application/json' \\
       -d '{\"answer\": \"refuses\", \"reason\": \"not_the_holder\", \"after_ms\": 500}'
  answers: binds (with mode: real_time, pre_freeze), refuses (with reason), silent; deaf: true
  curl localhost:9103/simulator/bank/wishes/Q20260101120000000-44-00001
Its day is cut, and it crashes:
  curl -X POST localhost:9103/simulator/bank/day-cut
  curl -X POST localhost:9103/simulator/bank/crash")]
    Bank(BankArguments),
    /// The recharge platform, which knows every recharge card: POST /recharge/v1/calls
    #[command(after_help = "\
How it behaves is set while it runs; rates are parts of a million:
  curl -X PUT localhost:9104/simulator/recharge -H 'content-type: application/json' \\
       -d '{\"answer_lost\": 100000, \"latency_ms\": 30, \"next\": [\"lost\", \"crash\"]}'
  rates: lost, answer_lost, late (with late_ms), twice, refused (with refusal), crash; dead: true
  next: what becomes of the next requests: none, lost, answer_lost, late, twice, refused, crash
  refusal: unknown_pin, used, expired, set_aside, not_active, not_set_aside, refused
A card by its PIN, in fen; it has no others:
  curl -X PUT localhost:9104/simulator/recharge/cards/730955118842907716 \\
       -H 'content-type: application/json' -d '{\"worth_fen\": 5000, \"state\": \"active\"}'
  states: active, not_active, expired, set_aside, used
How it behaves to one card alone, and what is left of next:
  PUT, GET /simulator/recharge/cards/730955118842907716/manner
What it saw, and how a card is now:
  curl localhost:9104/simulator/recharge
  curl localhost:9104/simulator/recharge/cards/730955118842907716")]
    Recharge(IsmpArguments),
    /// The unified payment platform, which has its orders paid here: POST /upp/v1/notices
    #[command(after_help = "\
What it has asked of a node, signed; times sends it again under the same request id:
  curl -X POST localhost:9105/simulator/upp/orders/N1/payment -H 'content-type: application/json' \\
       -d '{\"times\": 2, \"body\": {\"msisdn\": \"18912345678\", \"account_kind\": \"virtual\",
            \"amount_fen\": 2000, \"title\": \"a flight\", \"payment_password\": \"739164\"}}'
  verbs: payment, query, reversal (with reversal_number, reason), refund (with refund_number, amount_fen),
  confirmation; each with body.msisdn
What becomes of the delivery of an order that is paid: silent, confirmed, or refused and so reversed; late with after_ms:
  curl -X PUT localhost:9105/simulator/upp/delivery -H 'content-type: application/json' \\
       -d '{\"fulfilment\": \"confirmed\", \"after_ms\": 5000}'
of one order alone when the errand of its payment has the same as \"delivery\"
How it takes notices is set while it runs, about all orders or one; rates are parts of a million:
  curl -X PUT localhost:9105/simulator/upp -H 'content-type: application/json' \\
       -d '{\"answer_lost\": 100000, \"latency_ms\": 30, \"next\": [\"lost\", \"refused\", \"crash\"]}'
  rates: lost, answer_lost, late (with late_ms), twice, refused, crash; dead: true
What it saw, and what it knows of an order:
  curl localhost:9105/simulator/upp
  curl localhost:9105/simulator/upp/orders/N1
  PUT, GET /simulator/upp/orders/N1/manner
A virtual account that it keeps, in fen, and how it behaves when it is asked for its money, or that of one:
  curl -X PUT localhost:9105/simulator/upp/accounts/18912345678 \\
       -H 'content-type: application/json' -d '{\"balance_fen\": 10000}'
  PUT, GET /simulator/upp/accounts and /simulator/upp/accounts/18912345678/manner")]
    Upp(UppArguments),
}

/// Where a simulated SMS centre listens, and where it brings what subscribers send.
#[derive(Debug, Args)]
pub struct SmsArguments {
    /// Address; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// A node to which it brings what subscribers send; again for each one more, which is asked when one does not
    /// answer
    #[arg(long, value_name = "URL", requires = "config")]
    pub node: Vec<String>,

    /// The node's settings, whose outbox.sms_door_key it signs with
    #[arg(long, value_name = "FILE", requires = "node")]
    pub config: Option<PathBuf>,

    /// Write {"url": …} to this file once it listens
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
}

/// Where a simulated UPP listens, and whom it asks.
#[derive(Debug, Args)]
pub struct UppArguments {
    /// Address; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// A node that it asks: of a province, or of the national platform; again for each one more, which is asked
    /// when one does not answer
    #[arg(long, value_name = "URL", required = true)]
    pub node: Vec<String>,

    /// The node's settings, whose upp.door_key it signs with
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Throws the dice of lost, late and refused answers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Write {"url": …} to this file once it listens
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
}

/// Where a simulated bank listens.
#[derive(Debug, Args)]
pub struct BankArguments {
    /// Where testers set and see; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Where ISO 8583 is spoken; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub bank_listen: SocketAddr,

    /// The node's settings whose [rails] say how the bank is spoken with; the defaults when not given
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The node at which it answers cards that subscribers want to be bound; signed with rails.bank_door_key
    #[arg(long, value_name = "URL", requires = "config")]
    pub node: Option<String>,

    /// Throws the dice of lost, late and refused answers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Write {"url": …, "bank": "host:port"} to this file once it listens
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
}

/// Where a simulated ISMP, or recharge platform, listens.
#[derive(Debug, Args)]
pub struct IsmpArguments {
    /// Address; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Throws the dice of lost, late and refused answers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Write {"url": …} to this file once it listens
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
}

/// Where a simulator listens.
#[derive(Debug, Args)]
pub struct ListenArguments {
    /// Address; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Write {"url": …} to this file once it listens
    #[arg(long, value_name = "PATH")]
    pub ready_file: Option<PathBuf>,
}

/// Purchases per second, durable, beside the disk's own speed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mpss bench                                      all of it, about two minutes
  mpss bench --seconds 3 --accounts 1000          a quick look
  mpss bench --scale-accounts 1000000             also memory per account and start-up time
  mpss bench --json bench.json                    figures for a program")]
pub struct BenchArguments {
    /// Accounts that buy
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub accounts: u32,

    /// Length of each measurement, in seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: u64,

    /// Time before each measurement that is not counted, in seconds
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub warm_up_seconds: u64,

    /// Connections at the HTTP door; each has one purchase under way
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub connections: u32,

    /// Commands under way at the proposer
    #[arg(long, value_name = "N", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    pub in_flight: u32,

    /// Which nodes the connections go to
    #[arg(long, value_enum, default_value_t = BenchTarget::Leader)]
    pub target: BenchTarget,

    /// SPs the products belong to in the measurement with many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub sps: u32,

    /// Also load this many accounts and measure memory per account and per open order, and start-up
    /// time from snapshot; 0 leaves it out
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20_000_000))]
    pub scale_accounts: u32,

    /// Put the replicas' data here instead of a temporary folder; must be on the disk to be measured
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Which nodes the connections of the bench go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchTarget {
    /// All to the leader
    Leader,
    /// Spread over the three nodes; followers pass purchases on
    Spread,
}

#[cfg(test)]
mod tests;
