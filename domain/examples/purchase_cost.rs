//! What one purchase costs `apply`, and what rows cost in memory, on this machine:
//! `cargo run --release -p mpss-domain --example purchase_cost [accounts] [orders]`.
#![allow(
    clippy::print_stdout,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it measures"
)]

use std::time::{Duration, Instant};

use mpss_domain::account::{Language, Tier};
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::command::Request;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, Batch, Channel, Command, LogTime, Money, Msisdn, OrderId, Outcome,
    PasswordVerdict, PasswordVerifier, ProductId, ProvinceId, Scope, State, Verb,
};

/// The allocator of the node.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 256;

struct Machine {
    state: State,
    index: u64,
    now: LogTime,
    keys: u128,
}

impl Machine {
    fn apply(&mut self, verbs: Vec<Verb>, keyed: bool) -> Vec<Outcome> {
        let commands = verbs
            .into_iter()
            .map(|verb| {
                // As random as a hash, and the same in every run.
                self.keys = self.keys.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(1);
                Command { request: keyed.then_some(Request { key: self.keys, content: 1 }), verb }
            })
            .collect();
        let batch = Batch { at: self.now, commands };
        self.index += 1;
        self.state.apply(self.index, &batch).replies.into_iter().map(|reply| reply.outcome).collect()
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let (accounts, orders) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(1_000_000));
    let province = ProvinceId::new(44).expect("Guangdong");
    let mut machine =
        Machine { state: State::new(province), index: 0, now: LogTime(1_795_437_296_789), keys: 0x1234_5678 };
    let product = sell_something(&mut machine);

    if std::env::var_os("WARM_MEMORY").is_some() {
        // The first touch of a page is the kernel's cost, and on a virtual machine the host's.
        drop((0..accounts / 16 + orders / 32).map(|_| vec![1_u8; 60_000]).collect::<Vec<_>>());
    }
    let empty = resident_bytes();
    let opened = processor_time();
    let ids = open_accounts(&mut machine, accounts);
    println!("open       {:>8.0} ns each", (processor_time() - opened).as_nanos() as f64 / accounts as f64);
    let with_accounts = resident_bytes();
    println!("account    {:>8} bytes each", (with_accounts - empty) / accounts);

    let mut taken = Vec::with_capacity(orders);
    let (mut spent, mut worst) = (Duration::ZERO, Duration::ZERO);
    let mut buyer = 0_usize;
    while taken.len() < orders {
        let verbs: Vec<_> = (0..BATCH)
            .map(|_| {
                buyer = (buyer + 7_919_993) % ids.len();
                purchase(Msisdn::new(18_900_000_000 + buyer as u64).expect("valid"), province, product)
            })
            .collect();
        let commands = verbs;
        machine.now = machine.now.plus_ms(1);
        let (outcomes, took) = timed(&mut machine, commands);
        (spent, worst) = (spent + took, worst.max(took));
        for outcome in outcomes {
            let Outcome::Order(order) = outcome else { panic!("{outcome:?}") };
            taken.push(order);
        }
    }
    let per = |total: Duration, count: usize| total.as_nanos() as f64 / count as f64;
    println!("purchase   {:>8.0} ns each, worst batch of {BATCH} {worst:?}", per(spent, taken.len()));
    println!(
        "open order {:>8} bytes each (order, payment, request, text, notice, timer)",
        (resident_bytes() - with_accounts) / taken.len()
    );

    let clone = Instant::now();
    let snapshot = machine.state.clone();
    println!("clone      {:>8.0} us", clone.elapsed().as_nanos() as f64 / 1_000.0);
    let verbs = (0..64 * BATCH).map(|_| {
        buyer = (buyer + 7_919_993) % ids.len();
        purchase(Msisdn::new(18_900_000_000 + buyer as u64).expect("valid"), province, product)
    });
    let verbs: Vec<_> = verbs.collect();
    let (mut copying, mut worst) = (Duration::ZERO, Duration::ZERO);
    for verbs in verbs.chunks(BATCH) {
        let (_, took) = timed(&mut machine, verbs.to_vec());
        (copying, worst) = (copying + took, worst.max(took));
    }
    println!("purchase   {:>8.0} ns each right after a clone, worst batch {worst:?}", per(copying, 64 * BATCH));
    drop(snapshot);

    let mut delivering = Duration::ZERO;
    for orders in taken.chunks(BATCH) {
        delivering += deliver(&mut machine, orders);
    }
    println!("delivery   {:>8.0} ns each", per(delivering, taken.len()));
    let digest = Instant::now();
    let content = machine.state.content_digest();
    println!("content digest {content:032x} in {:?}", digest.elapsed());
    machine.state.check_all().expect("the invariants hold");
}

fn timed(machine: &mut Machine, verbs: Vec<Verb>) -> (Vec<Outcome>, Duration) {
    let start = processor_time();
    let outcomes = machine.apply(verbs, true);
    (outcomes, processor_time() - start)
}

/// Time this thread has had on a processor, so that a busy machine does not count.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds"))
}

fn deliver(machine: &mut Machine, orders: &[OrderId]) -> Duration {
    let answers = orders.iter().map(|order| (*order, true)).collect();
    let start = processor_time();
    machine.apply(vec![Verb::RecordDeliveries { answers }], false);
    processor_time() - start
}

fn sell_something(machine: &mut Machine) -> ProductId {
    let admit = Verb::AdmitSp { name: "彩票中心".into(), notice_url: "http://sp.example/notice".into() };
    let Outcome::Sp(sp) = machine.apply(vec![admit], false).remove(0) else { panic!("admitted") };
    let terms = Terms {
        sp,
        title: "双色球".into(),
        application: Application::Lottery,
        scope: Scope::Local,
        price: Money::fen(1),
        delivery_deadline_ms: 3_600_000,
    };
    let upload = Verb::UploadProduct { product: None, terms, by: "uploader".into() };
    let Outcome::Product(product) = machine.apply(vec![upload], false).remove(0) else { panic!("uploaded") };
    let review = Verb::ReviewProduct { product, rejected: None, by: "reviewer".into() };
    machine.apply(vec![review, Verb::PublishProduct { product }], false);
    product
}

fn open_accounts(machine: &mut Machine, accounts: usize) -> Vec<AccountId> {
    let numbers: Vec<_> = (0..accounts as u64).map(|n| Msisdn::new(18_900_000_000 + n).expect("valid")).collect();
    let mut ids = Vec::with_capacity(accounts);
    for numbers in numbers.chunks(BATCH) {
        machine.now = machine.now.plus_ms(1);
        let open = |&msisdn: &Msisdn| Verb::OpenAccount {
            msisdn,
            kind: AccountKind::StoredValue,
            tier: Tier::Basic,
            language: Language::Chinese,
            verifier: PasswordVerifier { pepper: 1, salt: [7; 16], tag: [9; 32] },
            verdict: PasswordVerdict { verifier_version: 0, matches: false },
            per_payment_limit: None,
            daily_limit: None,
        };
        let opened = machine.apply(numbers.iter().map(open).collect(), false);
        let accounts: Vec<_> = opened
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Account(view) => view.account.id,
                other => panic!("{other:?}"),
            })
            .collect();
        let top_up = |&account: &AccountId| Verb::TopUpCash { account, amount: Money::yuan(100), agent: "a".into() };
        machine.apply(accounts.iter().map(top_up).collect(), false);
        // As an outbox would: the texts are sent.
        let effects = machine.state.effects_from(mpss_domain::EffectId(0)).map(|row| row.id).collect();
        machine.apply(vec![Verb::AcknowledgeEffects { effects }], false);
        ids.extend(accounts);
    }
    ids
}

fn purchase(msisdn: Msisdn, province: ProvinceId, product: ProductId) -> Verb {
    Verb::PlaceOrder {
        msisdn,
        home: province,
        epoch: 1,
        location: province,
        product,
        quantity: 1,
        account: AccountSelector::Kind(AccountKind::StoredValue),
        channel: Channel::App,
        verdict: Some(PasswordVerdict { verifier_version: 1, matches: true }),
    }
}

/// Bytes of this process in memory, by the kernel's own count.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4_096
}
