//! Records for tests: a plausible run, one that is violated, one with nothing in it, one that is very
//! long, and one that tries to break out of the page.

use std::collections::BTreeMap;

use crate::record::{
    Ending, FORMAT, FaultSpan, Hop, Leadership, Line, Operation, OrderStory, Province, Record, Step, Verdict, Violation,
};

/// How many requests set the scene before people begin.
pub(crate) const SCENE: u64 = 90;

/// Numbers that look drawn and are always the same.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most.max(1)
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }
}

fn province(code: &str, name: &str, name_zh: &str) -> Province {
    let machines = (1..=3).map(|number| format!("{code}-{number}")).collect();
    Province { code: code.into(), name: name.into(), name_zh: name_zh.into(), machines }
}

fn fault(kind: &str, target: &str, detail: &str, from_ms: u64, to_ms: u64) -> FaultSpan {
    FaultSpan { kind: kind.into(), target: target.into(), detail: detail.into(), from_ms, to_ms }
}

fn faults(drawn: &mut Drawn) -> Vec<FaultSpan> {
    let mut faults = vec![
        fault("loss", "all", "60000 of a million", 5_200, 9_100),
        fault("clock_jump", "51-2", "3 412 ms ahead", 15_000, 30_000),
        fault("crash", "44-1", "leader; 512 bytes torn", 27_400, 33_000),
        fault("sp_loses", "all SPs", "333000", 34_000, 39_500),
        fault("delay", "all", "up to 120 ms", 38_000, 41_000),
        fault("blackout", "11", "all machines", 41_000, 43_200),
        fault("crash", "00-3", "lost what was not synced", 8_000, 11_500),
        fault("crash", "51-1", "bytes kept", 20_700, 22_000),
        fault("slow_disk", "44-3", "up to 400 ms a sync", 23_000, 26_000),
        fault("clock_jump", "11-1", "801 ms behind", 31_000, 31_000),
    ];
    for one in 1..=3 {
        for other in 1..=3 {
            faults.push(fault("cut", &format!("11-{one} ↔ 44-{other}"), "both ways", 12_000, 20_000));
        }
    }
    let machines = ["11-1", "11-2", "44-1", "44-2", "44-3", "51-1", "51-3", "00-1"];
    for _ in 0..14 {
        let (one, other) = (machines[drawn.below(8) as usize], machines[drawn.below(8) as usize]);
        let from = drawn.between(4_000, 42_000);
        if one != other {
            faults.push(fault("cut", &format!("{one} → {other}"), "one way", from, from + drawn.between(300, 3_000)));
        }
    }
    faults.sort_by_key(|fault| fault.from_ms);
    faults
}

fn leaders() -> Vec<Leadership> {
    let leader = |province: &str, machine: &str, term, from_ms| Leadership {
        province: province.into(),
        machine: machine.into(),
        term,
        from_ms,
    };
    vec![
        leader("00", "00-2", 1, 420),
        leader("11", "11-1", 1, 380),
        leader("44", "44-1", 1, 510),
        leader("51", "51-1", 1, 400),
        leader("51", "51-3", 2, 21_650),
        leader("44", "44-2", 2, 29_130),
        leader("11", "", 1, 41_000),
        leader("11", "11-2", 3, 44_020),
    ]
}

const FLOWS: [(&str, u64); 12] = [
    ("local", 34),
    ("roaming", 22),
    ("national", 10),
    ("transfer", 9),
    ("top_up", 7),
    ("balance", 6),
    ("statement", 4),
    ("refund", 3),
    ("reversal", 2),
    ("limits", 1),
    ("freeze", 1),
    ("bad_input", 1),
];

fn operations(drawn: &mut Drawn, faults: &[FaultSpan], leaders: &[Leadership]) -> Vec<Operation> {
    let mut operations = Vec::new();
    for number in 0..640 {
        let mut at = drawn.below(100);
        let flow = FLOWS.iter().find(|(_, share)| {
            let found = at < *share;
            at = at.saturating_sub(*share);
            found
        });
        let flow = flow.map_or("local", |(flow, _)| *flow);
        let at_ms = drawn.between(3_000, 58_500);
        let asked = ["11", "44", "51"][drawn.below(3) as usize];
        let mut took_ms = drawn.between(3, 14) + if flow == "local" { 0 } else { drawn.between(2, 30) };
        let mut tries = 1;
        let gone = leaders
            .iter()
            .filter(|leader| leader.province == asked && leader.term > 1)
            .any(|leader| (leader.from_ms.saturating_sub(2_800)..leader.from_ms).contains(&at_ms));
        let parted = flow == "roaming" && (12_000..20_000).contains(&at_ms) && asked != "51";
        let mut result = Ending::Done;
        if gone {
            (took_ms, tries) = (drawn.between(300, 3_100), drawn.between(2, 5) as u32);
        }
        if parted {
            (took_ms, tries) = (drawn.between(900, 9_000), 3);
            result = if drawn.below(3) == 0 { Ending::Unknown } else { Ending::Done };
        }
        if faults.iter().any(|fault| {
            (fault.kind == "loss" || fault.kind == "delay") && (fault.from_ms..fault.to_ms).contains(&at_ms)
        }) {
            took_ms += drawn.between(0, 240);
        }
        let mut code = String::new();
        if result == Ending::Done && (flow == "bad_input" || drawn.below(9) == 0) {
            result = Ending::Refused;
            code = match (flow, drawn.below(5)) {
                ("bad_input", _) => "bad_field",
                (_, 0) => "wrong_password",
                (_, 1) => "daily_limit",
                (_, 2) => "not_visible",
                _ => "insufficient_funds",
            }
            .into();
        }
        if gone && drawn.below(6) == 0 {
            result = Ending::Unknown;
            took_ms = 5_000;
        }
        let order = match flow {
            "local" | "roaming" | "national" => format!("G20261123{number:06}-{asked}"),
            _ => String::new(),
        };
        let who = if flow == "refund" { "operator".into() } else { format!("189000{asked}{:03}", drawn.below(40)) };
        let flow = flow.to_owned();
        operations.push(Operation { at_ms, took_ms, who, flow, asked: asked.into(), result, code, tries, order });
    }
    let told = |order: &str, flow: &str, at_ms, took_ms, tries| Operation {
        at_ms,
        took_ms,
        who: "18900011007".into(),
        flow: flow.into(),
        asked: order[order.len() - 2..].into(),
        result: Ending::Done,
        code: String::new(),
        tries,
        order: order.into(),
    };
    let scene = |number: u64| Operation {
        at_ms: 600 + number,
        took_ms: 4,
        who: "operator".into(),
        flow: "set_up".into(),
        result: Ending::Done,
        tries: 1,
        ..Operation::default()
    };
    operations.extend((0..SCENE).map(scene));
    operations.push(told("G20261123000118-11", "roaming", 19_201, 10_045, 2));
    operations.push(told("G20261123000009-51", "local", 35_010, 7, 1));
    operations.sort_by_key(|operation| operation.at_ms + operation.took_ms);
    operations
}

fn hop(at_ms: u64, from: &str, to: &str, what: &str, long: Option<u64>) -> Hop {
    Hop { at_ms, arrived_ms: long.map(|long| at_ms + long), from: from.into(), to: to.into(), what: what.into() }
}

fn step(at_ms: u64, province: &str, index: u64, what: &str) -> Step {
    Step { at_ms, province: province.into(), index, what: what.into() }
}

/// A roaming purchase that meets the partition and then the death of the home province's leader.
fn long_story() -> OrderStory {
    let mut hops = vec![
        hop(19_201, "street", "11-1", "POST /v1/orders", Some(2)),
        hop(19_204, "11-1", "11-2", "append 418", Some(1)),
        hop(19_204, "11-1", "11-3", "append 418", Some(3)),
        hop(19_205, "11-2", "11-1", "200 appended", Some(1)),
        hop(19_207, "11-3", "11-1", "200 appended", Some(1)),
    ];
    for number in 0..6 {
        hops.push(hop(19_209 + number * 120, "11-1", "44-1", "POST /peer/v1/payments", None));
    }
    hops.push(hop(20_140, "11-1", "44-1", "POST /peer/v1/payments", Some(14)));
    hops.push(hop(20_155, "44-1", "44-2", "append 1207", Some(1)));
    hops.push(hop(20_155, "44-1", "44-3", "append 1207", Some(2)));
    hops.push(hop(20_156, "44-2", "44-1", "200 appended", Some(1)));
    hops.push(hop(20_159, "44-1", "11-1", "201 paid", None));
    hops.push(hop(20_160, "44-3", "44-1", "200 appended", Some(1)));
    hops.push(hop(22_201, "street", "11-1", "GET /v1/orders/G20261123000118-11", Some(2)));
    hops.push(hop(22_203, "11-1", "street", "200 paying", Some(1)));
    for number in 0..5 {
        let at = 27_420 + number * 300;
        hops.push(hop(at, "11-1", "44-2", "POST /peer/v1/payments", Some(12)));
        hops.push(hop(at + 13, "44-2", "11-1", "503 not_leader, ask 44-1", Some(9)));
        hops.push(hop(at + 23, "11-1", "44-1", "POST /peer/v1/payments", None));
    }
    hops.push(hop(29_160, "11-1", "44-2", "POST /peer/v1/payments", Some(11)));
    hops.push(hop(29_173, "44-2", "11-1", "201 paid (again)", Some(12)));
    hops.push(hop(29_188, "11-1", "11-2", "append 431", Some(1)));
    hops.push(hop(29_188, "11-1", "11-3", "append 431", Some(2)));
    hops.push(hop(29_190, "11-2", "11-1", "200 appended", Some(1)));
    hops.push(hop(29_195, "11-1", "SP accepts-11", "POST /sps/accepts/notices", Some(22)));
    hops.push(hop(29_195, "11-1", "SMSC", "POST /messages 您已购买", Some(8)));
    hops.push(hop(29_204, "SMSC", "11-1", "200", Some(7)));
    hops.push(hop(29_219, "SP accepts-11", "11-1", "200 accepted", Some(20)));
    hops.push(hop(29_244, "11-1", "11-2", "append 432", Some(1)));
    hops.push(hop(29_246, "11-2", "11-1", "200 appended", Some(1)));
    hops.push(hop(30_402, "street", "11-1", "GET /v1/orders/G20261123000118-11", Some(1)));
    hops.push(hop(30_404, "11-1", "street", "200 delivered", Some(1)));
    let steps = vec![
        step(19_206, "11", 418, "created"),
        step(20_157, "44", 1_207, "debited 20.00"),
        step(29_190, "11", 431, "paid, delivery_asked"),
        step(29_246, "11", 432, "delivered"),
    ];
    OrderStory {
        order: "G20261123000118-11".into(),
        flow: "roaming".into(),
        status: "delivered".into(),
        why: "a leader died under it".into(),
        hops,
        steps,
    }
}

fn short_story() -> OrderStory {
    OrderStory {
        order: "G20261123000009-51".into(),
        flow: "local".into(),
        status: "reversed".into(),
        why: "reversed".into(),
        hops: vec![
            hop(35_010, "street", "51-3", "POST /v1/orders", Some(1)),
            hop(35_016, "51-3", "street", "201 delivering", Some(1)),
            hop(35_017, "51-3", "SP refuses-51", "POST /sps/refuses/notices", None),
            hop(35_517, "51-3", "SP refuses-51", "POST /sps/refuses/notices", Some(18)),
            hop(35_536, "SP refuses-51", "51-3", "409 refused", Some(15)),
            hop(35_560, "51-3", "SMSC", "POST /messages 已冲正", Some(6)),
        ],
        steps: vec![
            step(35_014, "51", 902, "created, paid, delivery_asked"),
            step(35_556, "51", 903, "refused by SP, reversed"),
        ],
    }
}

/// 3 provinces and the national platform, 60 s, a partition, a leader's death, 640 requests of people, two
/// ways of orders.
pub(crate) fn run(seed: u64) -> Record {
    let mut drawn = Drawn(seed);
    let faults = faults(&mut drawn);
    let leaders = leaders();
    let operations = operations(&mut drawn, &faults, &leaders);
    let mut lines: Vec<Line> = Vec::new();
    for fault in &faults {
        lines.push(Line {
            at_ms: fault.from_ms,
            what: format!("{} {} begins, {}", fault.kind, fault.target, fault.detail),
        });
    }
    lines.push(Line { at_ms: 45_000, what: "all faults are over".into() });
    lines.push(Line { at_ms: 58_900, what: "nothing is under way any more: 全部完成".into() });
    lines.sort_by_key(|line| line.at_ms);
    let counts = [
        ("crashes", 6),
        ("crashes of leaders", 2),
        ("messages arrived", 48_211 + seed),
        ("messages lost", 612 + seed),
        ("messages doubled", 207),
        ("reversals", 9),
        ("leader changes", 3),
        ("texts", 431),
    ];
    let seen = [
        ("leader died with unsynced tail", 3),
        ("request came twice and had one answer", 7),
        ("reversal came before its payment", 1),
        ("torn tail put a log in doubt", 2),
        ("ported number refused", 0),
    ];
    let map = |pairs: &[(&str, u64)]| -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect()
    };
    Record {
        format: FORMAT,
        program: "0.1.0".into(),
        scenario: "nation".into(),
        seed,
        command: format!("mpss-sim run --seed {seed} --provinces 11,44,51 --replicas 3 --people 40 --seconds 60"),
        trace: "5f1c0b9ad2e37746a1b0c9d8e7f60512".into(),
        events: 412_907,
        began_at_ms: 1_795_399_200_000,
        virtual_ms: 60_000,
        open_ms: 3_000,
        healed_ms: 45_000,
        real_ms: 2_380 + seed % 7 * 90,
        provinces: vec![
            province("00", "National platform", "全国平台"),
            province("11", "Beijing", "北京"),
            province("44", "Guangdong", "广东"),
            province("51", "Sichuan", "四川"),
        ],
        verdict: Verdict::Passed,
        violations: Vec::new(),
        operations,
        turns: Vec::new(),
        faults,
        leaders,
        stories: vec![long_story(), short_story()],
        counts: map(&counts),
        seen: map(&seen),
        lines,
    }
}

/// The same with a property that does not hold.
pub(crate) fn violated(seed: u64) -> Record {
    let mut record = run(seed);
    let around = record.lines.iter().filter(|line| line.at_ms > 25_000).take(14).cloned().collect();
    record.verdict = Verdict::Violated;
    record.violations = vec![
        Violation {
            property: "clearing nets to zero".into(),
            clause: "product §5, 6.3.3".into(),
            what: "province 11 says it owes 44 1 240.00, province 44 says it is owed 1 260.00".into(),
            at_ms: 58_900,
            around,
        },
        Violation {
            property: "an acknowledged purchase is there".into(),
            clause: "product §3, 4.1".into(),
            what: "order G20261123000118-11 was acknowledged at 29.246 s and 44 knows no payment of it".into(),
            at_ms: 58_950,
            around: Vec::new(),
        },
    ];
    record
}

/// A run that left nothing behind.
pub(crate) fn empty() -> Record {
    Record { format: FORMAT, verdict: Verdict::Inconclusive, ..Record::default() }
}

/// Every word is an attack on the page.
pub(crate) fn hostile() -> Record {
    let bad = || "</script><script>alert(\"1\")</script>'&\u{0}\u{1b}[31m<b>".to_owned();
    let mut record = run(3);
    record.verdict = Verdict::Violated;
    (record.program, record.scenario, record.command, record.trace) = (bad(), bad(), bad(), bad());
    record.violations = vec![Violation {
        property: bad(),
        clause: bad(),
        what: bad(),
        at_ms: 1,
        around: vec![Line { at_ms: 1, what: bad() }],
    }];
    record.provinces.push(Province { code: bad(), name: bad(), name_zh: bad(), machines: vec![bad()] });
    record.operations.push(Operation {
        flow: bad(),
        code: bad(),
        who: bad(),
        asked: bad(),
        order: bad(),
        result: Ending::Refused,
        ..Operation::default()
    });
    record.faults.push(FaultSpan { kind: bad(), target: bad(), detail: bad(), from_ms: 2, to_ms: 3 });
    record.leaders.push(Leadership { province: bad(), machine: bad(), term: 1, from_ms: 4 });
    record.stories.push(OrderStory {
        order: bad(),
        flow: bad(),
        status: bad(),
        why: bad(),
        hops: vec![hop(1, &bad(), "44-1", &bad(), None), hop(2, &bad(), &bad(), &bad(), Some(1))],
        steps: vec![step(3, &bad(), 1, &bad())],
    });
    record.counts.insert(bad(), 1);
    record.seen.insert(bad(), 0);
    record.lines.push(Line { at_ms: 5, what: bad() });
    record
}

/// Ten hours of a whole country.
pub(crate) fn huge() -> Record {
    let mut drawn = Drawn(11);
    let mut record = run(11);
    record.virtual_ms = 36_000_000;
    record.healed_ms = 35_000_000;
    record.open_ms = 0;
    let machines: Vec<String> = record.provinces.iter().flat_map(|province| province.machines.clone()).collect();
    record.operations = (0..100_000)
        .map(|number| Operation {
            at_ms: number * 360,
            took_ms: drawn.between(1, 4_000),
            flow: FLOWS[drawn.below(12) as usize].0.into(),
            result: [Ending::Done, Ending::Done, Ending::Refused, Ending::Unknown][drawn.below(4) as usize],
            code: format!("code_{}", drawn.below(20)),
            ..Operation::default()
        })
        .collect();
    record.faults = (0..20_000)
        .map(|_| {
            let from = drawn.below(35_000_000);
            let kind = ["crash", "cut", "clock_jump", "slow_disk", "isolation"][drawn.below(5) as usize];
            let target = &machines[drawn.below(12) as usize];
            fault(kind, target, "drawn", from, from + drawn.below(60_000))
        })
        .collect();
    record.faults.sort_by_key(|fault| fault.from_ms);
    record.lines = (0..100_000).map(|number| Line { at_ms: number * 360, what: format!("line {number}") }).collect();
    record.leaders = (0..20_000)
        .map(|number| Leadership {
            province: "44".into(),
            machine: format!("44-{}", number % 3 + 1),
            term: number,
            from_ms: number * 1_800,
        })
        .collect();
    record.stories = (0..100).map(|_| long_story()).collect();
    record
}
