//! Deals the blows, and sees that each really hit: a fault that was not met proves nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::disk::SmallDisk;
use super::failover;
use super::fault::Blow;
use super::history::History;
use super::network::Network;
use super::proxy::{Link, Passed, Slowness, Way, Weather};
use super::schedule::{Links, Schedule, Strike};
use super::street::Market;
use super::sync_errors::Injection;
use super::watch::{Watch, tail};
use crate::processes::country::{Country, Node};
use crate::processes::patience;
use crate::processes::trade::Trade;
use crate::record::{FaultSpan, Violation};

/// How long a full disk may take to be met.
const FULL_BOUND: Duration = Duration::from_secs(15);
/// How long a sync may take to be asked for and to fail.
const SYNC_BOUND: Duration = Duration::from_secs(20);
/// How long a node may go on after a sync of its has failed.
const STOP_BOUND: Duration = Duration::from_secs(20);
/// How long a node may take to be in its group again.
const READY_BOUND: Duration = Duration::from_secs(60);
/// How long a signal may take to be seen.
const SIGNAL_BOUND: Duration = Duration::from_secs(5);
/// Syncs before the one that fails, at most.
const SYNCS_BEFORE_MAX: u64 = 30;
/// How long a node that met a full disk may take to end, when it does.
const END_BOUND: Duration = Duration::from_secs(4);
/// What a node ends with when it can not start and when it must not go on, as `mpss --help` says.
const NOT_STARTED: i32 = 3;
const MUST_NOT_GO_ON: i32 = 4;
/// Properties, and where they come from.
const SYNC_ENDS: (&str, &str) = ("a replica whose sync failed stops", "docs/ARCHITECTURE.md, invariant 3");
const NO_ROOM_ENDS: (&str, &str) = ("a replica without room ends in good order", "docs/OPERATING.md");
const NO_DAMAGE: (&str, &str) = ("a full disk is not taken for damage", "docs/decisions/0104-history.md");
/// What a node's log says of a disk without room, and of a sync that failed.
const NO_ROOM: &str = "No space left on device";
const IO_ERROR: &str = "Input/output error";

/// How often a blow was dealt, and how often it was seen to hit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Struck {
    /// Dealt.
    pub dealt: u64,
    /// Seen to hit.
    pub hit: u64,
}

/// What all blows together did.
#[derive(Debug, Default)]
pub struct Scars {
    /// By blow.
    pub struck: BTreeMap<Blow, Struck>,
    /// From when to when.
    pub spans: Vec<FaultSpan>,
    /// After a leader was killed, how long its callers waited.
    pub waits: Vec<Option<Duration>>,
    /// Times a node's log spoke of a disk without room.
    pub no_room: u64,
    /// Times a node's log spoke of a sync that failed.
    pub io_errors: u64,
    /// Nodes that refused to start while their disk had no room.
    pub not_started: u64,
    /// What is being struck now, by each hand.
    pub now: BTreeMap<&'static str, String>,
}

/// Deals the blows of one hand.
#[derive(Clone, Copy)]
pub struct Striker<'a> {
    /// Trades; its country is what is struck.
    pub trade: Trade<'a>,
    /// What is sold.
    pub market: &'a Market,
    /// The network.
    pub network: &'a Network,
    /// Disks that can be filled, by node.
    pub disks: &'a BTreeMap<String, SmallDisk>,
    /// Who starts nodes again.
    pub watch: &'a Watch,
    /// The time since the beginning.
    pub history: &'a History,
    /// What was done.
    pub scars: &'a Mutex<Scars>,
    /// When to stop.
    pub stop: &'a AtomicBool,
}

impl Striker<'_> {
    /// Strikes by this schedule until told to stop; the last blow ends before.
    ///
    /// # Errors
    /// When a blow can not be dealt, or a node does not come back from one.
    pub async fn strike(self, hand: &'static str, schedule: Schedule) -> Result<(), String> {
        for strike in schedule {
            self.pause(Duration::from_millis(strike.after_ms)).await;
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let from_ms = self.now_ms();
            self.scars(|scars| {
                scars.now.insert(hand, format!("{} in {}", strike.blow.name(), strike.province));
                scars.struck.entry(strike.blow).or_default().dealt += 1;
            });
            let (target, detail, hit) = self.deal(&strike).await?;
            let to_ms = self.now_ms();
            self.scars(|scars| {
                scars.now.remove(hand);
                scars.struck.entry(strike.blow).or_default().hit += u64::from(hit);
                scars.spans.push(FaultSpan { kind: strike.blow.name().into(), target, detail, from_ms, to_ms });
            });
        }
        Ok(())
    }

    fn scars<R>(self, look: impl FnOnce(&mut Scars) -> R) -> R {
        look(&mut self.scars.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now_ms(self) -> u64 {
        u64::try_from(self.history.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// A pause that ends early when it is time to stop.
    async fn pause(self, whole: Duration) {
        const STEP: Duration = Duration::from_millis(100);
        let end = tokio::time::Instant::now() + whole;
        while !self.stop.load(Ordering::Relaxed) && tokio::time::Instant::now() < end {
            tokio::time::sleep_until(end.min(tokio::time::Instant::now() + STEP)).await;
        }
    }

    fn country(&self) -> &Country {
        self.trade.country
    }

    /// What was struck, more of it, and whether it was seen to hit.
    async fn deal(self, strike: &Strike) -> Result<(String, String, bool), String> {
        let lasts = Duration::from_millis(strike.lasts_ms);
        let province = strike.province.as_str();
        match strike.blow {
            Blow::KillFollower => self.kill(self.follower(strike).await?, lasts).await,
            Blow::KillLeader => self.kill_leader(province, lasts).await,
            Blow::KillProvince => self.kill_province(province, lasts).await,
            Blow::StopFollower => self.stand_still(self.follower(strike).await?, lasts).await,
            Blow::StopLeader => self.stand_still(self.country().leads(province).await?, lasts).await,
            Blow::FullDisk => self.fill_disk(self.any(strike).await?, lasts).await,
            Blow::SyncError => self.fail_sync(self.any(strike).await?, strike, lasts).await,
            _ => self.weather(strike, lasts).await,
        }
    }

    /// A follower; the only replica when there is none.
    async fn follower(self, strike: &Strike) -> Result<Arc<Node>, String> {
        let leader = self.country().leads(&strike.province).await?;
        let others: Vec<_> =
            self.country().nodes_of(&strike.province).into_iter().filter(|node| node.number != leader.number).collect();
        Ok(if others.is_empty() { leader } else { Arc::clone(&others[chosen(strike.dice, others.len())]) })
    }

    /// The leader as often as not.
    async fn any(self, strike: &Strike) -> Result<Arc<Node>, String> {
        if strike.dice.is_multiple_of(2) {
            self.country().leads(&strike.province).await
        } else {
            self.follower(strike).await
        }
    }

    async fn kill(self, node: Arc<Node>, down: Duration) -> Result<(String, String, bool), String> {
        let _taken = self.watch.take([node.name().to_owned()]);
        node.process.kill();
        self.pause(down).await;
        self.come_back(&node).await?;
        Ok((node.name().to_owned(), format!("down for {} ms", down.as_millis()), true))
    }

    async fn kill_leader(self, province: &str, down: Duration) -> Result<(String, String, bool), String> {
        let node = self.country().leads(province).await?;
        let _taken = self.watch.take([node.name().to_owned()]);
        let number = self.scars(|scars| scars.waits.len());
        node.process.kill();
        let wait = failover::outage(self.trade, self.market, province, number).await;
        self.scars(|scars| scars.waits.push(wait));
        self.pause(down).await;
        self.come_back(&node).await?;
        let waited = wait
            .map_or("callers saw no end of it".to_owned(), |wait| format!("callers waited {} ms", wait.as_millis()));
        Ok((node.name().to_owned(), waited, true))
    }

    async fn kill_province(self, province: &str, down: Duration) -> Result<(String, String, bool), String> {
        let nodes = self.country().nodes_of(province);
        let _taken = self.watch.take(nodes.iter().map(|node| node.name().to_owned()));
        for node in &nodes {
            node.process.kill();
        }
        self.pause(down).await;
        for node in &nodes {
            node.process.start();
        }
        for node in &nodes {
            self.ready(node).await?;
        }
        Ok((province.to_owned(), format!("dark for {} ms", down.as_millis()), true))
    }

    async fn stand_still(self, node: Arc<Node>, lasts: Duration) -> Result<(String, String, bool), String> {
        let _taken = self.watch.take([node.name().to_owned()]);
        node.process.freeze();
        let stands = patience::asked(&format!("{} stands still", node.name()), SIGNAL_BOUND, async || {
            let state = node.process.pid().and_then(state_of);
            if state == Some('T') { Ok(()) } else { Err(format!("its state is {state:?}")) }
        })
        .await;
        // All of it, although it is time to stop: a stop shorter than drawn may change nothing.
        tokio::time::sleep(lasts).await;
        node.process.thaw();
        self.ready(&node).await?;
        Ok((node.name().to_owned(), format!("for {} ms", lasts.as_millis()), stands.is_ok()))
    }

    /// No room: the node must end or go on without what it can not write, and serve again after there is.
    async fn fill_disk(self, node: Arc<Node>, lasts: Duration) -> Result<(String, String, bool), String> {
        let disk = self.disks.get(node.name()).ok_or("fault disk-full: the node has no disk of its own")?;
        let _taken = self.watch.take([node.name().to_owned()]);
        let seen_before = mentions(&node, NO_ROOM);
        let aside_before = put_aside(&node);
        // Whether it was met is in the log, asked for below.
        let _ = patience::asked(&format!("{} meets its full disk", node.name()), FULL_BOUND, async || {
            disk.fill()?;
            let seen = mentions(&node, NO_ROOM) > seen_before;
            if seen || !node.process.runs() { Ok(()) } else { Err("it wrote nothing that needed room".to_owned()) }
        })
        .await;
        // What it met may be no reason to end: a spare segment can be made later as well.
        let ended = patience::asked(&format!("{} ends", node.name()), END_BOUND, async || {
            disk.fill()?;
            if node.process.runs() { Err("it runs".to_owned()) } else { Ok(()) }
        })
        .await;
        let mut told = "it went on".to_owned();
        if ended.is_ok() {
            let status = node.process.ended(SIGNAL_BOUND).await;
            if status.code() != Some(MUST_NOT_GO_ON) {
                self.went_wrong(&node, NO_ROOM_ENDS, format!("{} ended with {status} without room", node.name()));
            }
            told = format!("it ended: {status}");
            told.push_str(&self.start_without_room(&node, disk).await);
        }
        self.pause(lasts).await;
        let aside = put_aside(&node) - aside_before;
        if aside > 0 {
            let what = format!("{} put {aside} folders aside because its disk had no room", node.name());
            self.went_wrong(&node, NO_DAMAGE, what);
        }
        let seen = mentions(&node, NO_ROOM) - seen_before;
        self.scars(|scars| scars.no_room += u64::from(seen > 0));
        disk.empty()?;
        if !node.process.runs() {
            if node.process.pid().is_some() {
                node.process.ended(SIGNAL_BOUND).await;
            }
            node.process.start();
        }
        self.come_back_from(&node).await?;
        Ok((node.name().to_owned(), told, seen > 0))
    }

    /// A supervisor knows nothing of disks: it starts the node again while there is no room.
    async fn start_without_room(self, node: &Node, disk: &SmallDisk) -> String {
        node.process.start();
        let ended = patience::asked("it ends", END_BOUND, async || {
            disk.fill()?;
            if node.process.runs() { Err("it runs".to_owned()) } else { Ok(()) }
        });
        if ended.await.is_err() {
            return ", and started without room".to_owned();
        }
        let status = node.process.ended(SIGNAL_BOUND).await;
        self.scars(|scars| scars.not_started += 1);
        if ![Some(NOT_STARTED), Some(MUST_NOT_GO_ON)].contains(&status.code()) {
            let what = format!("{} was started without room and ended with {status}", node.name());
            self.went_wrong(node, NO_ROOM_ENDS, what);
        }
        format!(", and did not go on without room when it was started: {status}")
    }

    /// A sync that fails once: the node must end by itself.
    async fn fail_sync(
        self,
        node: Arc<Node>,
        strike: &Strike,
        down: Duration,
    ) -> Result<(String, String, bool), String> {
        let _taken = self.watch.take([node.name().to_owned()]);
        let pid = node.process.pid().ok_or_else(|| format!("{} does not run", node.name()))?;
        let seen_before = mentions(&node, IO_ERROR);
        let log = self.country().folder().join(format!("{}.strace", node.name()));
        let nth = 1 + strike.dice / 2 % SYNCS_BEFORE_MAX;
        let injection = Injection::attach(pid, nth, &log).await?;
        let failed = patience::asked(&format!("a sync of {} fails", node.name()), SYNC_BOUND, async || {
            if injection.injected() > 0 { Ok(()) } else { Err("none was asked for") }
        })
        .await;
        if failed.is_err() {
            drop(injection);
            return Ok((node.name().to_owned(), "it did not sync".into(), false));
        }
        let stopped = patience::asked(&format!("{} stops", node.name()), STOP_BOUND, async || {
            if node.process.runs() { Err("it goes on") } else { Ok(()) }
        })
        .await;
        drop(injection);
        let told = match stopped {
            Ok(()) => {
                let status = node.process.ended(SIGNAL_BOUND).await;
                if status.code() != Some(MUST_NOT_GO_ON) {
                    self.went_wrong(
                        &node,
                        SYNC_ENDS,
                        format!("{} ended with {status} when a sync failed", node.name()),
                    );
                }
                format!("sync {nth} of a thread failed, it ended: {status}")
            }
            Err(why) => {
                self.went_wrong(&node, SYNC_ENDS, format!("{} goes on although a sync failed ({why})", node.name()));
                node.process.kill();
                format!("sync {nth} of a thread failed and it went on")
            }
        };
        let seen = mentions(&node, IO_ERROR) - seen_before;
        self.scars(|scars| scars.io_errors += u64::from(seen > 0));
        self.pause(down).await;
        self.come_back(&node).await?;
        Ok((node.name().to_owned(), told, seen > 0))
    }

    fn went_wrong(self, node: &Node, (property, clause): (&str, &str), what: String) {
        let at_ms = self.now_ms();
        self.watch.add(Violation {
            property: property.into(),
            clause: clause.into(),
            what,
            at_ms,
            around: tail(&node.process.log(), at_ms),
        });
    }

    async fn weather(self, strike: &Strike, lasts: Duration) -> Result<(String, String, bool), String> {
        let (target, mut links) = self.links(strike).await?;
        if strike.blow == Blow::CutBothWays {
            let back: Vec<_> = links.iter().filter_map(|link| self.opposite(link)).collect();
            links.extend(back);
        }
        let before = sum(&links);
        let (weather, detail) = weather_of(strike);
        for link in &links {
            match weather {
                Some(weather) => link.set(weather),
                None => link.reset(),
            }
        }
        self.pause(lasts).await;
        let after = sum(&links);
        for link in &links {
            link.set(Weather::Clear);
        }
        Ok((target, detail, hits(strike.blow, before, after)))
    }

    fn opposite(self, link: &Link) -> Option<Arc<Link>> {
        let (from, to) = link.name().split_once(" → ")?;
        Some(self.network.link(to, from).clone())
    }

    async fn links(self, strike: &Strike) -> Result<(String, Vec<Arc<Link>>), String> {
        let country = self.country();
        let province = strike.province.as_str();
        let pairs = |from: &[Arc<Node>], to: &[Arc<Node>]| -> Vec<Arc<Link>> {
            let all = from.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
            let others = all.filter(|(from, to)| from.name() != to.name());
            others.map(|(from, to)| self.network.link(from.name(), to.name()).clone()).collect()
        };
        Ok(match &strike.links {
            Links::ToProvince(other) => {
                (format!("{province} → {other}"), pairs(&country.nodes_of(province), &country.nodes_of(other)))
            }
            Links::LeaderToFollowers => {
                let leader = [country.leads(province).await?];
                (format!("{} → its followers", leader[0].name()), pairs(&leader, &country.nodes_of(province)))
            }
            Links::FollowersToLeader => {
                let leader = [country.leads(province).await?];
                (format!("followers → {}", leader[0].name()), pairs(&country.nodes_of(province), &leader))
            }
            Links::LeaderToAll => {
                let leader = [country.leads(province).await?];
                (format!("{} → everybody", leader[0].name()), pairs(&leader, &country.nodes()))
            }
        })
    }

    async fn come_back(self, node: &Node) -> Result<(), String> {
        node.process.start();
        self.ready(node).await
    }

    /// As [`Self::ready`], for a node that may still end from what struck it: it is started again.
    async fn come_back_from(self, node: &Node) -> Result<(), String> {
        patience::asked(&format!("{} is ready again", node.name()), READY_BOUND, async || {
            if !node.process.runs() {
                if node.process.pid().is_some() {
                    node.process.ended(SIGNAL_BOUND).await;
                }
                node.process.start();
            }
            self.is_ready(node).await
        })
        .await
        .map_err(|why| format!("{why}\n{}", node.process.log_tail()))
    }

    async fn ready(self, node: &Node) -> Result<(), String> {
        patience::asked(&format!("{} is ready again", node.name()), READY_BOUND, async || {
            if !node.process.runs() {
                return Ok(Err(format!("{} ended when it came back\n{}", node.name(), node.process.log_tail())));
            }
            self.is_ready(node).await.map(Ok)
        })
        .await
        .map_err(|why| format!("{why}\n{}", node.process.log_tail()))?
    }

    async fn is_ready(self, node: &Node) -> Result<(), String> {
        let ask = crate::processes::client::Ask::get("/readyz".into());
        let answer = self.trade.client.once(&node.url(), &ask).await?;
        if answer.status == 200 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
    }
}

/// One of so many.
fn chosen(dice: u64, count: usize) -> usize {
    usize::try_from(dice / 2 % count as u64).expect("below a usize")
}

/// What the system says a process does: `T` when it stands still.
fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    // The name of the program stands in brackets before it and may hold anything.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Folders the node took for damaged and keeps.
fn put_aside(node: &Node) -> usize {
    let entries = std::fs::read_dir(&node.data_dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().contains(".damaged-")).count()
}

fn mentions(node: &Node, words: &str) -> usize {
    node.process.log().matches(words).count()
}

fn sum(links: &[Arc<Link>]) -> Passed {
    links.iter().fold(Passed::default(), |all, link| all.and(link.passed()))
}

/// The weather of a blow, none for a reset, and how it is told.
fn weather_of(strike: &Strike) -> (Option<Weather>, String) {
    let slow = |delay_ms: u64, jitter_ms: u64, bytes_per_second: Option<u32>| {
        let (delay, jitter) = (Duration::from_millis(delay_ms), Duration::from_millis(jitter_ms));
        Some(Weather::Slow(Slowness { delay, jitter, bytes_per_second }))
    };
    let weather = match strike.blow {
        Blow::CutOneWay | Blow::CutBothWays => Some(Weather::Cut),
        Blow::HoldAnswers => Some(Weather::Hold(Way::Back)),
        Blow::HoldAll => Some(Weather::Hold(Way::Both)),
        Blow::Delay => slow(5 + strike.dice % 200, strike.dice / 200 % 300, None),
        Blow::Throttle => slow(0, 0, Some(2_000 + u32::try_from(strike.dice % 40_000).expect("small"))),
        _ => None,
    };
    let told = match weather {
        Some(Weather::Slow(Slowness { bytes_per_second: Some(bytes), .. })) => format!("{bytes} bytes a second"),
        Some(Weather::Slow(slow)) => {
            format!("late by {} to {} ms", slow.delay.as_millis(), (slow.delay + slow.jitter).as_millis())
        }
        _ => format!("for {} ms", strike.lasts_ms),
    };
    (weather, told)
}

/// Whether what the links did meanwhile shows the blow.
const fn hits(blow: Blow, before: Passed, after: Passed) -> bool {
    match blow {
        Blow::CutOneWay | Blow::CutBothWays => after.refused + after.broken > before.refused + before.broken,
        Blow::Reset => after.broken > before.broken,
        Blow::HoldAnswers | Blow::HoldAll => after.held > before.held,
        Blow::Delay => after.delayed > before.delayed,
        Blow::Throttle => after.throttled > before.throttled,
        _ => false,
    }
}
