//! Provinces and the national platform as real processes, with the simulators of everything outside.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::client::{Ask, Client};
use super::outside::Outside;
use super::process::Process;
use super::{patience, ports, reaper};

/// The national platform.
pub const NATIONAL: &str = "00";
/// How long a node may take until it is ready; a loaded two-core machine starts twelve at once.
const READY_BOUND: Duration = Duration::from_secs(90);

/// What a country is made of.
#[derive(Debug, Clone)]
pub struct CountryPlan {
    program: PathBuf,
    provinces: Vec<(String, u64)>,
    settings: BTreeMap<String, Vec<String>>,
    folder: Option<PathBuf>,
    first_program: Option<PathBuf>,
    rails: bool,
}

impl CountryPlan {
    /// These provinces and the national platform with `replicas` each, run by `program`, which is `mpss`.
    #[must_use]
    pub fn new(program: &Path, provinces: &[&str], replicas: u64) -> Self {
        let all = provinces.iter().copied().chain([NATIONAL]);
        Self {
            program: program.into(),
            provinces: all.map(|province| (province.to_owned(), replicas)).collect(),
            settings: BTreeMap::new(),
            folder: None,
            first_program: None,
            rails: false,
        }
    }

    /// An ISMP, a bank, a recharge platform and a UPP, which asks the national platform, stand outside, and every
    /// node knows the way to them.
    #[must_use]
    pub const fn rails(mut self) -> Self {
        self.rails = true;
        self
    }

    /// Puts settings, data and logs into this folder, where they stay; else they go with the country.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Another number of replicas for one province.
    #[must_use]
    pub fn replicas(mut self, province: &str, replicas: u64) -> Self {
        for (_, count) in self.provinces.iter_mut().filter(|(name, _)| name == province) {
            *count = replicas;
        }
        self
    }

    /// A setting of every node, as TOML: `("door", "requests_in_flight_max = 10")`.
    #[must_use]
    pub fn setting(mut self, section: &str, line: &str) -> Self {
        self.settings.entry(section.into()).or_default().push(line.into());
        self
    }

    /// Nodes are first started with another program than the one under test.
    #[must_use]
    pub fn first_program(mut self, program: PathBuf) -> Self {
        self.first_program = Some(program);
        self
    }
}

/// One replica of one province.
#[derive(Debug)]
pub struct Node {
    /// Its province.
    pub province: String,
    /// Its number inside the province.
    pub number: u64,
    /// Callers' door.
    pub public: SocketAddr,
    /// Provinces' door.
    pub peer: SocketAddr,
    /// Replication.
    pub raft: SocketAddr,
    /// Its folder.
    pub data_dir: PathBuf,
    /// Its process.
    pub process: Process,
}

impl Node {
    /// `http://host:port` of its callers' door.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.public)
    }

    /// Its name: province and number.
    #[must_use]
    pub fn name(&self) -> &str {
        self.process.name()
    }

    /// Where it really listens.
    #[must_use]
    pub const fn listens(&self) -> SeenAt {
        SeenAt { public: self.public, peer: self.peer, raft: self.raft }
    }
}

/// Where a node finds another one.
#[derive(Debug, Clone, Copy)]
pub struct SeenAt {
    /// Callers' door.
    pub public: SocketAddr,
    /// Provinces' door.
    pub peer: SocketAddr,
    /// Replication.
    pub raft: SocketAddr,
}

/// Tells where the first node finds the second one. All replicas of a group must be told the same of
/// each other: the addresses are part of what the group is founded with.
pub type Finds<'a> = &'a dyn Fn(&Node, &Node) -> SeenAt;

/// A country that runs.
#[derive(Debug)]
pub struct Country {
    folder: PathBuf,
    keeps: bool,
    plan: CountryPlan,
    nodes: Mutex<BTreeMap<String, Vec<Arc<Node>>>>,
    sp: Simulator,
    sms: Simulator,
    outside: Option<Outside>,
    client: Client,
}

#[derive(Debug)]
struct Simulator {
    url: String,
    process: Process,
}

impl Country {
    /// Starts everything and waits until every node is ready.
    ///
    /// # Panics
    /// When a node is not ready in time; its log is shown.
    pub async fn start(plan: CountryPlan) -> Self {
        let country = Self::placed(plan);
        country.found(&|_, node| node.listens()).await;
        country
    }

    /// Gives every node its place; none runs yet. The simulators of the outside do.
    ///
    /// # Panics
    /// When there can be no folder or a simulator does not start.
    #[must_use]
    pub fn placed(plan: CountryPlan) -> Self {
        let keeps = plan.folder.is_some() || std::env::var_os("MPSS_KEEP").is_some();
        let folder = match &plan.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
                folder.clone()
            }
            None => tempfile::Builder::new().prefix("mpss-country-").tempdir().expect("a temporary folder").keep(),
        };
        if keeps {
            eprintln!("kept: {}", folder.display());
        } else {
            reaper::folder(&folder);
        }
        let simulator = |kind| Simulator::start(kind, &plan.program, &folder);
        let (sp, sms) = (simulator("sp"), simulator("sms"));
        let outside = plan.rails.then(|| Outside::start(&plan.program, &folder));
        let nodes = Mutex::default();
        let country = Self { folder, keeps, plan, nodes, sp, sms, outside, client: Client::new() };
        let provinces = country.plan.provinces.clone();
        for (province, replicas) in &provinces {
            let nodes = (1..=*replicas).map(|number| Arc::new(country.place(province, number))).collect();
            country.lock().insert(province.clone(), nodes);
        }
        country
    }

    /// Starts every node for the first time and waits until all are ready.
    ///
    /// # Panics
    /// When a node is not ready in time; its log is shown.
    pub async fn found(&self, finds: Finds<'_>) {
        for node in &self.nodes() {
            self.write_settings(node, true, finds);
            node.process.install(self.plan.first_program.as_deref());
            node.process.start();
        }
        if let Some(outside) = &self.outside {
            let national = self.nodes_of(NATIONAL);
            outside.start_upp(&self.urls(NATIONAL), &self.settings_of(&national[0]));
        }
        self.all_ready().await;
    }

    /// Where settings, data and logs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The caller used by the country itself; others may be made.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The provinces, the national platform last.
    #[must_use]
    pub fn provinces(&self) -> Vec<String> {
        self.plan.provinces.iter().map(|(province, _)| province.clone()).collect()
    }

    /// Every node.
    #[must_use]
    pub fn nodes(&self) -> Vec<Arc<Node>> {
        self.lock().values().flatten().cloned().collect()
    }

    /// The nodes of one province.
    ///
    /// # Panics
    /// When there is no such province.
    #[must_use]
    pub fn nodes_of(&self, province: &str) -> Vec<Arc<Node>> {
        self.lock().get(province).unwrap_or_else(|| panic!("no province {province} here")).clone()
    }

    /// The callers' doors of one province.
    #[must_use]
    pub fn urls(&self, province: &str) -> Vec<String> {
        self.nodes_of(province).iter().map(|node| node.url()).collect()
    }

    /// Where notices for a simulated SP go.
    #[must_use]
    pub fn sp_url(&self, sp: &str) -> String {
        format!("{}/sps/{sp}/notices", self.sp.url)
    }

    /// Sets how a simulated SP behaves: `accepts`, `refuses`, `silent`, `slow`, `duplicates`, `garbage`.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn sp_behaves(&self, sp: &str, behaviour: Value) {
        let answer = self.client.once(&self.sp.url, &Ask::put(format!("/simulator/sps/{sp}"), behaviour)).await;
        assert_eq!(answer.expect("the simulator answers").status, 200);
    }

    /// What a simulated SP did for one order; null when it never heard of it.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn sp_saw(&self, sp: &str, order: &str) -> Value {
        let ask = Ask::get(format!("/simulator/sps/{sp}/orders/{order}"));
        self.client.once(&self.sp.url, &ask).await.expect("the simulator answers").body
    }

    /// What the simulated SMS centre was sent for one number.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn texts_of(&self, msisdn: &str) -> Value {
        let ask = Ask::get(format!("/simulator/sms/{msisdn}"));
        self.client.once(&self.sms.url, &ask).await.expect("the simulator answers").body
    }

    /// Whoever has the money of accounts outside.
    ///
    /// # Panics
    /// When the plan says nothing of [`CountryPlan::rails`].
    #[must_use]
    pub fn outside(&self) -> &Outside {
        self.outside.as_ref().expect("a country planned with rails")
    }

    /// Takes a line out of a node's settings; the node reads them at its next start.
    ///
    /// # Panics
    /// When there is no such line.
    pub fn without_setting(&self, node: &Node, line: &str) {
        let path = self.settings_of(node);
        let text = std::fs::read_to_string(&path).expect("settings can be read");
        let left: Vec<_> = text.lines().filter(|there| *there != line).collect();
        assert!(left.len() < text.lines().count(), "{line:?} is not in {}", path.display());
        std::fs::write(&path, left.join("\n")).expect("settings can be written");
    }

    /// Adds a line to a section of a node's settings; the node reads them at its next start.
    ///
    /// # Panics
    /// When the node has no such section.
    pub fn with_setting(&self, node: &Node, section: &str, line: &str) {
        let path = self.settings_of(node);
        let text = std::fs::read_to_string(&path).expect("settings can be read");
        let head = format!("[{section}]\n");
        assert!(text.contains(&head), "{section} is not in {}", path.display());
        std::fs::write(&path, text.replace(&head, &format!("{head}{line}\n"))).expect("settings can be written");
    }

    fn settings_of(&self, node: &Node) -> PathBuf {
        self.folder.join(format!("{}-{}.toml", node.province, node.number))
    }

    /// Waits until every node that runs is ready.
    ///
    /// # Panics
    /// When one is not in time, or has ended.
    pub async fn all_ready(&self) {
        for node in self.nodes().iter().filter(|node| node.process.pid().is_some()) {
            self.ready(node).await;
        }
    }

    /// Waits until a node says it is ready.
    ///
    /// # Panics
    /// When it is not in time, or has ended.
    pub async fn ready(&self, node: &Node) {
        let ask = Ask::get("/readyz".into());
        patience::until(&format!("{} is ready", node.process.name()), READY_BOUND, async || {
            assert!(node.process.runs(), "{} has ended\n{}", node.process.name(), node.process.log_tail());
            let answer = self.client.once(&node.url(), &ask).await?;
            if answer.status == 200 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
        })
        .await;
    }

    /// Which node of a province leads, as the nodes themselves say.
    ///
    /// # Panics
    /// When none does within the bound.
    pub async fn leader(&self, province: &str) -> Arc<Node> {
        self.leads(province).await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Which node of a province leads, as the nodes themselves say.
    ///
    /// # Errors
    /// When none does within the bound.
    pub async fn leads(&self, province: &str) -> Result<Arc<Node>, String> {
        patience::asked(&format!("{province} has a leader"), READY_BOUND, async || {
            for node in self.nodes_of(province) {
                let Ok(answer) = self.client.once(&node.url(), &Ask::get("/v1/cluster".into())).await else { continue };
                let named = answer.body["leader"].as_u64();
                let leader = self.nodes_of(province).into_iter().find(|node| Some(node.number) == named);
                // A node that is down can not lead; whoever names it has not noticed yet.
                if let Some(leader) = leader.filter(|leader| leader.process.runs()) {
                    return Ok(leader);
                }
            }
            Err("no node names one that runs")
        })
        .await
    }

    /// A node that is not the leader.
    ///
    /// # Panics
    /// When there is none.
    pub async fn follower(&self, province: &str) -> Arc<Node> {
        let leader = self.leader(province).await;
        let follower = self.nodes_of(province).into_iter().find(|node| node.number != leader.number);
        follower.expect("a province has more than one replica")
    }

    /// Starts a replica that no one knows yet: it founds nothing and waits to be added.
    pub async fn start_newcomer(&self, province: &str, number: u64) -> Arc<Node> {
        let node = Arc::new(self.place(province, number));
        self.write_settings(&node, false, &|_, node| node.listens());
        node.process.start();
        self.lock().entry(province.into()).or_default().push(Arc::clone(&node));
        node
    }

    /// Forgets a replica that will not come back.
    pub fn forget(&self, gone: &Node) {
        if let Some(nodes) = self.lock().get_mut(&gone.province) {
            nodes.retain(|node| node.number != gone.number);
        }
    }

    /// The end of every log, for a failure's message.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for node in self.nodes() {
            text.push_str(&node.process.log_tail());
        }
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Arc<Node>>>> {
        self.nodes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn place(&self, province: &str, number: u64) -> Node {
        let name = format!("{province}-{number}");
        let settings = self.folder.join(format!("{name}.toml"));
        let arguments = ["serve", "--config", settings.to_str().expect("a plain path")];
        let log = self.folder.join(format!("{name}.log"));
        let process = Process::new(&name, &self.plan.program, &arguments, &log);
        Node {
            province: province.into(),
            number,
            public: ports::free(),
            peer: ports::free(),
            raft: ports::free(),
            data_dir: self.folder.join(&name),
            process,
        }
    }

    /// Writes what a node is started with, readable by its owner alone because it holds the pepper.
    fn write_settings(&self, node: &Node, founds: bool, finds: Finds<'_>) {
        let mut sections: BTreeMap<String, Vec<String>> = self.plan.settings.clone();
        let mut add = |section: String, lines: Vec<String>| sections.entry(section).or_default().extend(lines);
        add(
            "node".into(),
            vec![
                format!("province = \"{}\"", node.province),
                format!("number = {}", node.number),
                format!("data_dir = \"{}\"", node.data_dir.display()),
            ],
        );
        add(
            "listen".into(),
            vec![
                format!("public = \"{}\"", node.public),
                format!("peer = \"{}\"", node.peer),
                format!("raft = \"{}\"", node.raft),
            ],
        );
        for (province, nodes) in &*self.lock() {
            if *province == node.province {
                for founder in nodes.iter().filter(|_| founds) {
                    let seen = finds(node, founder);
                    add(
                        format!("founders.{}", founder.number),
                        vec![
                            format!("raft_address = \"{}\"", seen.raft),
                            format!("public_url = \"http://{}\"", seen.public),
                        ],
                    );
                }
            } else {
                let seen: Vec<SeenAt> = nodes.iter().map(|other| finds(node, other)).collect();
                let list = |urls: Vec<String>| format!("[{}]", urls.join(", "));
                let public = list(seen.iter().map(|seen| format!("\"http://{}\"", seen.public)).collect());
                let peer = list(seen.iter().map(|seen| format!("\"http://{}\"", seen.peer)).collect());
                add(
                    format!("provinces.{province}"),
                    vec![format!("public_urls = {public}"), format!("peer_urls = {peer}")],
                );
            }
        }
        let pepper = format!("{:02x}", node.province.parse::<u8>().expect("two digits")).repeat(32);
        add("password.peppers".into(), vec![format!("1 = \"{pepper}\"")]);
        let seal = format!("{:02x}", node.province.parse::<u8>().expect("two digits")).repeat(31);
        add("seal.keys".into(), vec![format!("1 = \"4d{seal}\"")]);
        add("outbox".into(), vec![format!("sms_url = \"{}/messages\"", self.sms.url)]);
        if let Some(outside) = &self.outside {
            for (section, line) in outside.settings_of(&node.province) {
                add(section.into(), vec![line]);
            }
        }
        let log = std::env::var("MPSS_TEST_LOG").unwrap_or_else(|_| "info,openraft=warn".into());
        if !self.plan.settings.contains_key("telemetry") {
            add("telemetry".into(), vec![format!("log = \"{log}\"")]);
        }
        let mut text = String::new();
        for (section, lines) in sections {
            write!(text, "[{section}]\n{}\n\n", lines.join("\n")).expect("a string takes everything");
        }
        let path = self.settings_of(node);
        let file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
        std::io::Write::write_all(&mut file.expect("settings can be written"), text.as_bytes()).expect("written");
    }
}

impl Simulator {
    fn start(kind: &str, program: &Path, folder: &Path) -> Self {
        let address = ports::free();
        let listen = address.to_string();
        let log = folder.join(format!("{kind}.log"));
        let process = Process::new(kind, program, &["simulate", kind, "--listen", &listen], &log);
        process.start();
        Self { url: format!("http://{address}"), process }
    }
}

impl Drop for Country {
    fn drop(&mut self) {
        for node in self.nodes() {
            if node.process.pid().is_some() {
                node.process.kill();
            }
        }
        if self.sp.process.pid().is_some() {
            self.sp.process.kill();
        }
        if !self.keeps {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
