//! For tests: a province of one replica on a real disk, with a home province, an SMS centre and SPs
//! whose behaviour a test sets. Nothing here sleeps: a test waits for what it expects.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mpss_cluster::Role;
use mpss_config::Settings;
use mpss_domain::account::{Language, Tier};
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::number_plan::{NumberPlan, NumberRange, Operator};
use mpss_domain::policy::Policy;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, Channel, Command, Money, Msisdn, Order, OrderId, Outcome, ProductId,
    ProvinceId, Reply, Request, Scope, State, Verb,
};
use mpss_runtime::real::{TcpTransport, TokioSpawner};
use parking_lot::Mutex;

use super::{Context, Outside, parts, real_seams_over};
use crate::gateway::message_centre::OpenCentre;
use crate::home::{Home, OpenAccount};
use crate::password::PaymentPassword;
use crate::serving::{PlaceOrder, Serving, With};
use crate::supervision::Tree;

mod peers;
mod smsc;
mod sps;

pub(crate) use peers::{FakeHome, Manner, Sealing};
pub(crate) use smsc::{Centre, FakeSmsc};
pub(crate) use sps::{FakeSps, SpManner};

/// How long a test waits for what it expects.
const PATIENCE: Duration = Duration::from_secs(20);

/// Of 44, 10 000 numbers from 189 0000 0000 on.
pub(crate) fn local(last: u64) -> Msisdn {
    Msisdn::new(18_900_000_000 + last).unwrap()
}

/// Of 51.
pub(crate) fn visitor(last: u64) -> Msisdn {
    Msisdn::new(13_300_000_000 + last).unwrap()
}

pub(crate) fn guangdong() -> ProvinceId {
    ProvinceId::new(44).unwrap()
}

pub(crate) fn sichuan() -> ProvinceId {
    ProvinceId::new(51).unwrap()
}

pub(crate) fn password(digits: &str) -> PaymentPassword {
    PaymentPassword::parse(digits).unwrap()
}

/// A password that no test number or id contains.
pub(crate) const RIGHT: &str = "739164";

/// Everything outside is in this process.
fn outside(peers: &Arc<FakeHome>, smsc: &Arc<FakeSmsc>, sps: &Arc<FakeSps>) -> Outside {
    Outside {
        peers: peers.clone(),
        nodes: mpss_routing::http::sockets(),
        sms: Some(smsc.clone()),
        centre: None,
        sps: sps.clone(),
        rails: super::Rails::default(),
        witness: None,
    }
}

/// A province of one replica.
pub(crate) struct Trial {
    pub(crate) context: Context,
    pub(crate) home: Home,
    pub(crate) serving: Serving,
    pub(crate) peers: Arc<FakeHome>,
    pub(crate) smsc: Arc<FakeSmsc>,
    pub(crate) sps: Arc<FakeSps>,
    pub(crate) folder: tempfile::TempDir,
    spawner: Arc<TokioSpawner>,
    next_key: Mutex<u128>,
}

impl Trial {
    /// Province 44, leading, with a number plan.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spawner = Arc::new(TokioSpawner::new());
        let transport = Arc::new(TcpTransport::bind("127.0.0.1:0").await.unwrap());
        let mut settings = settings(folder.path(), transport.local_addr());
        change(&mut settings);
        let seams = real_seams_over(folder.path(), transport, spawner.clone()).unwrap();
        let (peers, smsc, sps) =
            (Arc::new(FakeHome::default()), Arc::new(FakeSmsc::default()), Arc::new(FakeSps::default()));
        let outside = outside(&peers, &smsc, &sps);
        let fatal = Arc::new(|why: String| panic!("the replica must not go on: {why}"));
        let context = parts::context(settings, seams, &outside, fatal).await.unwrap();
        let mut status = context.replica.watch();
        tokio::time::timeout(PATIENCE, status.wait_for(|status| status.role == Role::Leader)).await.unwrap().unwrap();
        let home = Home::new(context.clone());
        let serving = Serving::new(context.clone(), home.clone());
        let trial = Self { context, home, serving, peers, smsc, sps, folder, spawner, next_key: Mutex::new(1) };
        trial.install_plan(1, vec![range(1_890_000, 44), range(1_330_000, 51)]).await;
        trial
    }

    /// The node's actors.
    pub(crate) async fn actors(&self) -> Tree {
        let outside = outside(&self.peers, &self.smsc, &self.sps);
        let fatal = Arc::new(|why: String| panic!("the actors must not end: {why}"));
        Tree::start(&self.context, &outside, fatal).await.unwrap()
    }

    /// The node's actors, with a centre that tells what becomes of texts.
    pub(crate) async fn actors_with(&self, open: OpenCentre) -> Tree {
        let mut outside = outside(&self.peers, &self.smsc, &self.sps);
        outside.centre = Some(open);
        let fatal = Arc::new(|why: String| panic!("the actors must not end: {why}"));
        Tree::start(&self.context, &outside, fatal).await.unwrap()
    }

    pub(crate) async fn install_plan(&self, epoch: u64, mut ranges: Vec<NumberRange>) {
        ranges.sort_by_key(|range| range.first);
        let plan = NumberPlan { epoch, ranges, ..NumberPlan::default() };
        assert_eq!(self.propose(Verb::InstallNumberPlan(Box::new(plan))).await.outcome, Outcome::Done);
    }

    /// Puts a changed policy in force.
    pub(crate) async fn change_policy(&self, change: impl FnOnce(&mut Policy)) {
        let mut policy = self.context.replica.read(|state| state.policy().clone());
        policy.version += 1;
        change(&mut policy);
        assert_eq!(self.propose(Verb::SetPolicy(Box::new(policy))).await.outcome, Outcome::Done);
    }

    pub(crate) async fn propose(&self, verb: Verb) -> Reply {
        self.context.replica.propose(Command::internal(verb)).await.unwrap()
    }

    /// A request that was never made before.
    pub(crate) fn request(&self) -> Request {
        let mut next = self.next_key.lock();
        *next += 1;
        Request { key: *next, content: 7 }
    }

    /// A stored-value account with money in it.
    pub(crate) async fn open(&self, msisdn: Msisdn, money: Money) -> AccountId {
        let ask = opening(msisdn, RIGHT);
        let reply = self.home.open_account(self.request(), ask).await.unwrap();
        let Outcome::Account(view) = reply.outcome else { panic!("{reply:?}") };
        let id = view.account.id;
        if money.is_positive() {
            self.home.top_up_cash(self.request(), id, money, "agent".into()).await.unwrap();
        }
        id
    }

    /// A product on sale for one yuan, of an SP of its own.
    pub(crate) async fn product(&self, scope: Scope) -> ProductId {
        self.product_of("an SP", scope, 60_000).await
    }

    /// A product of an application on sale for one yuan, of an SP of its own.
    pub(crate) async fn product_for(&self, application: Application, scope: Scope) -> ProductId {
        self.product_with("an SP", application, scope, 60_000).await
    }

    /// A product on sale for one yuan; the SP is reached at `http://{name}`.
    pub(crate) async fn product_of(&self, sp: &str, scope: Scope, delivery_deadline_ms: u32) -> ProductId {
        self.product_with(sp, Application::Lottery, scope, delivery_deadline_ms).await
    }

    async fn product_with(
        &self,
        sp: &str,
        application: Application,
        scope: Scope,
        delivery_deadline_ms: u32,
    ) -> ProductId {
        let admit = Verb::AdmitSp { name: sp.to_owned(), notice_url: format!("http://{sp}") };
        let Outcome::Sp(sp) = self.propose(admit).await.outcome else { panic!("no SP") };
        let terms =
            Terms { sp, title: "a thing".into(), application, scope, price: Money::yuan(1), delivery_deadline_ms };
        let upload = Verb::UploadProduct { product: None, terms, by: "uploader".into() };
        let Outcome::Product(product) = self.propose(upload).await.outcome else { panic!("no product") };
        self.propose(Verb::ReviewProduct { product, rejected: None, by: "reviewer".into() }).await;
        self.propose(Verb::PublishProduct { product }).await;
        product
    }

    /// An order of a visitor that waits for its payment, as if whoever asked for it had died.
    pub(crate) async fn paying_order(&self, product: ProductId) -> OrderId {
        let verb = Verb::PlaceOrder {
            msisdn: visitor(1),
            home: sichuan(),
            epoch: 1,
            location: guangdong(),
            product,
            quantity: 1,
            account: AccountSelector::Kind(AccountKind::StoredValue),
            channel: Channel::App,
            verdict: None,
        };
        match self.propose(verb).await.outcome {
            Outcome::Order(order) => order,
            outcome => panic!("{outcome:?}"),
        }
    }

    pub(crate) fn order(&self, id: OrderId) -> Order {
        self.context.replica.read(|state| state.order(id).cloned()).unwrap()
    }

    /// Waits until the state has what `look` finds.
    pub(crate) async fn until<R>(&self, what: &str, look: impl Fn(&State) -> Option<R>) -> R {
        let mut changes = self.context.replica.watch();
        let wait = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = self.context.replica.read(&look) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never came: {what}"))
    }

    /// Stops the replica and ends every task.
    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.context.replica.shutdown().await;
        self.spawner.abort_all();
        self.folder
    }
}

/// Settings of the only replica of 44, quick to lead, with small batches.
pub(crate) fn settings(folder: &Path, raft: SocketAddr) -> Settings {
    let text = format!(
        r#"
        [node]
        province = "44"
        number = 1
        data_dir = "{}"
        [founders.1]
        raft_address = "{}"
        public_url = "http://127.0.0.1:1"
        [provinces.51]
        public_urls = ["http://127.0.0.1:1"]
        peer_urls = ["http://127.0.0.1:1"]
        [replication]
        heartbeat_ms = 50
        election_min_ms = 110
        election_max_ms = 200
        segment_bytes = 1048576
        [password.peppers]
        1 = "{}"
        [seal.keys]
        1 = "{}"
        [vault]
        key = "{}"
        [tickets]
        key = "{}"
        [dispatch]
        try_deadline_ms = 500
        payment_deadline_ms = 700
        pause_min_ms = 10
        pause_max_ms = 50
        [outbox]
        sms_url = "http://127.0.0.1:1/"
        sms_batch_max = 4
        notice_batch_max = 4
        pause_min_ms = 10
        pause_max_ms = 50
        [smpp]
        answer_deadline_ms = 200
        receipt_wait_ms = 1000
        give_up_ms = 2000
        receipt_overdue_ms = 300
        "#,
        folder.display(),
        raft,
        "5a".repeat(32),
        "4d".repeat(32),
        "6b".repeat(32),
        "7c".repeat(32),
    );
    Settings::parse(&text, "trial", []).unwrap()
}

/// Waits until something outside the state has happened.
pub(crate) async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let wait = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

pub(crate) fn range(prefix: u32, province: u8) -> NumberRange {
    let province = ProvinceId::new(province).unwrap();
    NumberRange { first: prefix, last: prefix, province, operator: Operator::ChinaTelecom }
}

pub(crate) fn opening(msisdn: Msisdn, digits: &str) -> OpenAccount {
    OpenAccount {
        msisdn,
        kind: AccountKind::StoredValue,
        tier: Tier::Basic,
        language: Language::Chinese,
        password: password(digits),
        per_payment_limit: None,
        daily_limit: None,
    }
}

pub(crate) fn purchase(msisdn: Msisdn, product: ProductId, digits: &str) -> PlaceOrder {
    PlaceOrder {
        msisdn,
        product,
        quantity: 1,
        account: AccountSelector::Kind(AccountKind::StoredValue),
        password: Some(password(digits)),
        channel: Channel::App,
        location: guangdong(),
        with: With::Nothing,
    }
}
