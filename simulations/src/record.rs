//! What a run leaves behind: everything a report, an explanation or a comparison needs, as one value
//! that is written as JSON. Times are milliseconds of virtual time since the run began unless a name
//! says otherwise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The form of the JSON; rises when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// See [`FORMAT`].
    pub format: u32,
    /// The version of the program.
    pub program: String,
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The command that runs the same again.
    pub command: String,
    /// Hash over everything that happened, 32 hexadecimal digits.
    pub trace: String,
    /// How many things the hash is over.
    pub events: u64,
    /// The wall clock when the run began, in milliseconds since 1970.
    pub began_at_ms: i64,
    /// How long the run was.
    pub virtual_ms: u64,
    /// When people began to live.
    pub open_ms: u64,
    /// When faults stopped.
    pub healed_ms: u64,
    /// The machine's own time the run took.
    pub real_ms: u64,
    /// The provinces, the national platform first.
    pub provinces: Vec<Province>,
    /// What came of it.
    pub verdict: Verdict,
    /// What was not as it must be; empty when the verdict is a pass.
    pub violations: Vec<Violation>,
    /// Everything anybody asked for, in the order it ended.
    pub operations: Vec<Operation>,
    /// The turns of people's lives that were lived, such as `13300046201:7`, sorted.
    #[serde(default)]
    pub turns: Vec<String>,
    /// Everything that was broken, in the order it began.
    pub faults: Vec<FaultSpan>,
    /// Who led when.
    pub leaders: Vec<Leadership>,
    /// The ways of orders; a choice of them, see [`OrderStory::why`].
    pub stories: Vec<OrderStory>,
    /// How often what happened: crashes, messages lost, leader changes, reversals, …
    pub counts: BTreeMap<String, u64>,
    /// What a sweep must have seen at least once, and how often this run saw it.
    pub seen: BTreeMap<String, u64>,
    /// What a reader of the run wants to know, line by line: time and words.
    pub lines: Vec<Line>,
}

/// A province.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Province {
    /// `44`.
    pub code: String,
    /// `Guangdong`.
    pub name: String,
    /// `广东`.
    pub name_zh: String,
    /// Its machines: `44-1`, …
    pub machines: Vec<String>,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything was as it must be.
    #[default]
    Passed,
    /// Something was not.
    Violated,
    /// The run itself went wrong, or did not see what it had to see.
    Inconclusive,
}

/// Something that was not as it must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The property's name, such as `clearing nets to zero`.
    pub property: String,
    /// Where the property comes from, such as `product §5, 6.3.3`.
    pub clause: String,
    /// What was wrong.
    pub what: String,
    /// When it was seen.
    pub at_ms: u64,
    /// The history around it, oldest first.
    pub around: Vec<Line>,
}

/// One thing somebody asked for, with all its tries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// When it was first sent.
    pub at_ms: u64,
    /// Until its answer, or until its asker gave up.
    pub took_ms: u64,
    /// Who asked: a number, or `operator`.
    pub who: String,
    /// What kind: `local`, `roaming`, `national`, `transfer`, `top_up`, `limits`, `password`, `freeze`,
    /// `thaw`, `reversal`, `refund`, `balance`, `statement`, `bad_input`, …
    pub flow: String,
    /// The province asked.
    pub asked: String,
    /// `done`, `refused` or `unknown`.
    pub result: Ending,
    /// The refusal's code, when refused.
    pub code: String,
    /// How often it was sent.
    pub tries: u32,
    /// The order it was about; empty when about none.
    pub order: String,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Done, and told so.
    Done,
    /// Refused, and told so.
    Refused,
    /// Nobody was told.
    #[default]
    Unknown,
}

/// Something broken, from when to when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultSpan {
    /// What kind, such as `crash` or `cut`.
    pub kind: String,
    /// What it struck: a machine, a province, two machines (`44-1 → 44-2`), an SP.
    pub target: String,
    /// More of it, for a reader.
    pub detail: String,
    /// When it began.
    pub from_ms: u64,
    /// When it ended; the same as the beginning for what has no length.
    pub to_ms: u64,
}

/// Who led a province from when on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leadership {
    /// The province.
    pub province: String,
    /// The machine; empty when nobody led.
    pub machine: String,
    /// The election.
    pub term: u64,
    /// From when on.
    pub from_ms: u64,
}

/// The way of one order through the country.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStory {
    /// The order.
    pub order: String,
    /// `local`, `roaming` or `national`.
    pub flow: String,
    /// Its status at the end.
    pub status: String,
    /// Why this order was chosen: `slowest`, `a leader died under it`, `reversed`, …
    pub why: String,
    /// Every message about it that went between two parties.
    pub hops: Vec<Hop>,
    /// What the provinces wrote down about it.
    pub steps: Vec<Step>,
}

/// A message between two parties.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// When it was sent.
    pub at_ms: u64,
    /// When it arrived; nothing when it was lost.
    pub arrived_ms: Option<u64>,
    /// Who sent it: `street`, a machine such as `44-1`, `SP accepts-44`, `SMSC`.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What, such as `POST /v1/orders` or `201 delivering`.
    pub what: String,
}

/// Something a province wrote down about an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When, by the log's time.
    pub at_ms: u64,
    /// Which province.
    pub province: String,
    /// The log entry.
    pub index: u64,
    /// What, such as `paid`.
    pub what: String,
}

/// One line of what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at_ms: u64,
    /// What.
    pub what: String,
}
