//! Is the SP who it says it is, now, and not somebody who repeats what it said?
//!
//! ```text
//!  spId ─▶ known? ─▶ spPassword = MD5(spId ‖ secret ‖ timeStamp)? ─▶ timeStamp about now? ─▶ never seen before? ─▶ in
//! ```
//!
//! MD5 and a time without a year are the ISAG's rule, not ours; both are kept as narrow as the rule allows. What was seen
//! is remembered for as long as its time stamp is good, with the whole message, so that two requests of one second are
//! two. It is remembered by each node for itself: what is repeated at another node of the province gets past this check,
//! and then the answer that its `referenceCode` had, because that is in the log.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use mpss_domain::LogTime;
use parking_lot::Mutex;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::fault::{Code, Fault};
use super::header::RequestHeader;
use crate::isag_sps::{IsagSp, IsagSps};

/// What is hashed for an SP that nobody knows, so that it takes as long as for one that is known.
const NOBODYS_SECRET: &str = "nobody";

/// How SPs are let in.
pub(crate) struct Login {
    sps: Arc<dyn IsagSps>,
    /// `None` where the ISAG has checked whoever it passes on.
    check: Option<Check>,
}

struct Check {
    /// How far a time stamp may be from now, in ms, before and after.
    window_ms: u64,
    replays: Mutex<Replays>,
}

impl Login {
    /// Lets in those of `sps`; `check` says whether they must prove themselves, and then `window` and how many messages
    /// are remembered at most.
    pub(crate) fn new(sps: Arc<dyn IsagSps>, check: bool, window: Duration, replays_max: usize) -> Self {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let replays = Mutex::new(Replays::new(2 * window, replays_max));
        Self { sps, check: check.then_some(Check { window_ms, replays }) }
    }

    /// The SP that has sent this message.
    ///
    /// # Errors
    /// A fault that does not tell an SP that is not known from one that has not proved itself.
    pub(crate) fn admit(
        &self,
        header: &RequestHeader,
        message: &[u8],
        wall: LogTime,
        monotonic: Duration,
    ) -> Result<IsagSp, Fault> {
        let nobody = || Code::Policy.with(["sp_not_authenticated"]);
        let number = header.sp.as_deref().ok_or_else(nobody)?;
        let known = self.sps.numbered(number);
        let Some(check) = &self.check else { return known.ok_or_else(nobody) };
        let (Some(password), Some(at)) = (&header.password, &header.time_stamp) else { return Err(nobody()) };
        let given = hex::decode(password).unwrap_or_default();
        let nobodys = [Zeroizing::new(NOBODYS_SECRET.to_owned())];
        let secrets = known.as_ref().map_or(&nobodys[..], |sp| sp.secrets.as_slice());
        let proves = |secret: &Zeroizing<String>| {
            let expected = digest(number, secret, at);
            bool::from(given.as_slice().ct_eq(&expected[..]))
        };
        let proved = secrets.iter().any(proves);
        let sp = known.filter(|_| proved).ok_or_else(nobody)?;
        if !is_about(at, wall, check.window_ms) {
            return Err(Code::Policy.with(["time_stamp_not_now"]));
        }
        let seen = Sha256::new()
            .chain_update(number.as_bytes())
            .chain_update([0])
            .chain_update(at.as_bytes())
            .chain_update(&given)
            .chain_update(message)
            .finalize();
        let seen = u128::from_be_bytes(seen[..16].try_into().expect("SHA-256 has 32 bytes"));
        match check.replays.lock().note(seen, monotonic) {
            Noted::First => Ok(sp),
            Noted::Again => Err(Code::Policy.with(["replay_refused"])),
            // Whoever is let in unseen could be anybody.
            Noted::Full => Err(Code::NoResources.with([])),
        }
    }
}

/// MD5 of the SP's number, its secret and the time stamp.
pub(crate) fn digest(number: &str, secret: &str, time_stamp: &str) -> [u8; 16] {
    let digest = Md5::new().chain_update(number).chain_update(secret).chain_update(time_stamp);
    digest.finalize().into()
}

/// The same as it is sent.
pub(crate) fn sp_password(number: &str, secret: &str, time_stamp: &str) -> String {
    hex::encode_upper(digest(number, secret, time_stamp))
}

/// `MMDDHHMMSS` in China.
pub(crate) fn time_stamp(now: LogTime) -> String {
    now.month_to_second_in_china().iter().map(|part| format!("{part:02}")).collect()
}

/// Is `MMDDHHMMSS`, in China and of whichever year is nearest, within `window_ms` of now?
fn is_about(time_stamp: &str, now: LogTime, window_ms: u64) -> bool {
    if time_stamp.len() != 10 || !time_stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let part = |place: usize| time_stamp[place..place + 2].parse::<i8>().expect("two digits");
    let china = jiff::tz::offset(8);
    let Some(here) = i64::try_from(now.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) else {
        return false;
    };
    let year = china.to_datetime(here).year();
    (year - 1..=year + 1).any(|year| {
        let civil = jiff::civil::DateTime::new(year, part(0), part(2), part(4), part(6), part(8), 0);
        let at = civil.ok().and_then(|civil| china.to_timestamp(civil).ok());
        let at = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
        at.is_some_and(|at| at.abs_diff(now.0) <= window_ms)
    })
}

/// What became of noting something.
#[derive(Debug, PartialEq, Eq)]
enum Noted {
    First,
    Again,
    Full,
}

/// What was seen of late: two generations, of which the older one is forgotten whole once the newer one has lasted for
/// `keep`. So everything is remembered for that long at least, and never more than `max` at once.
struct Replays {
    keep: Duration,
    max: usize,
    begun: Duration,
    newer: HashSet<u128>,
    older: HashSet<u128>,
}

impl Replays {
    fn new(keep: Duration, max: usize) -> Self {
        Self { keep, max, begun: Duration::ZERO, newer: HashSet::new(), older: HashSet::new() }
    }

    fn note(&mut self, seen: u128, now: Duration) -> Noted {
        let age = now.saturating_sub(self.begun);
        if age >= self.keep {
            let newer = std::mem::take(&mut self.newer);
            self.older = if age < 2 * self.keep { newer } else { HashSet::new() };
            self.begun = now;
        }
        if self.newer.contains(&seen) || self.older.contains(&seen) {
            Noted::Again
        } else if self.newer.len() + self.older.len() >= self.max {
            Noted::Full
        } else {
            self.newer.insert(seen);
            Noted::First
        }
    }
}

#[cfg(test)]
mod tests {
    use mpss_domain::ProvinceId;
    use mpss_domain::ids::IssuedId;

    use super::*;

    /// The ISAG's own example, as public client code has it, with a secret that was made up.
    const NUMBER: &str = "35100123";
    const SECRET: &str = "secret";
    const STAMP: &str = "0722101010";
    const PASSWORD: &str = "7A1DDEC2061F8155009F26658647D016";

    struct One;
    impl IsagSps for One {
        fn numbered(&self, number: &str) -> Option<IsagSp> {
            let sp = mpss_domain::SpId::issue(LogTime(1_795_437_296_789), ProvinceId::new(44).expect("Guangdong"), 1);
            // The second is the older one, which is good for a while still.
            let secrets = [SECRET, "older"].map(|secret| Zeroizing::new(secret.to_owned())).to_vec();
            let known = IsagSp { number: NUMBER.to_owned(), sp, secrets, notice_url: String::new() };
            (number == NUMBER).then_some(known)
        }

        fn of(&self, _: mpss_domain::SpId) -> Option<IsagSp> {
            None
        }
    }

    fn at(text: &str) -> LogTime {
        let at: jiff::Timestamp = text.parse().expect("a time");
        LogTime(at.as_millisecond().unsigned_abs())
    }

    fn login(replays_max: usize) -> Login {
        Login::new(Arc::new(One), true, Duration::from_secs(300), replays_max)
    }

    fn header(sp: &str, password: &str, stamp: &str) -> RequestHeader {
        let [sp, password, stamp] = [sp, password, stamp].map(|text| Some(text.to_owned()));
        RequestHeader { sp, password, time_stamp: stamp, ..RequestHeader::default() }
    }

    fn told(login: &Login, header: &RequestHeader, message: &[u8], wall: LogTime) -> String {
        match login.admit(header, message, wall, Duration::from_secs(1)) {
            Ok(sp) => sp.number,
            Err(fault) => fault.text().rsplit(' ').next().expect("a word").to_owned(),
        }
    }

    #[test]
    fn the_rule_is_the_isags() {
        assert_eq!(sp_password(NUMBER, SECRET, STAMP), PASSWORD);
        let now = at("2026-07-22T10:10:15+08:00");
        let login = login(10);
        assert_eq!(told(&login, &header(NUMBER, PASSWORD, STAMP), b"1", now), NUMBER);
        assert_eq!(told(&login, &header(NUMBER, &PASSWORD.to_lowercase(), STAMP), b"2", now), NUMBER);
        let older = sp_password(NUMBER, "older", STAMP);
        assert_eq!(told(&login, &header(NUMBER, &older, STAMP), b"2", now), NUMBER, "while one follows the other");
        let wrong = PASSWORD.replace('7', "8");
        for (sp, password, stamp) in [
            (NUMBER, wrong.as_str(), STAMP),
            (NUMBER, "", STAMP),
            (NUMBER, &PASSWORD[..30], STAMP),
            (NUMBER, PASSWORD, "0722101011"),
            ("35100124", PASSWORD, STAMP),
            ("35100124", &sp_password("35100124", NOBODYS_SECRET, STAMP), STAMP),
        ] {
            assert_eq!(
                told(&login, &header(sp, password, stamp), b"3", now),
                "sp_not_authenticated",
                "{sp} {password}"
            );
        }
        assert_eq!(told(&login, &RequestHeader::default(), b"4", now), "sp_not_authenticated");
    }

    #[test]
    fn a_time_stamp_is_good_for_five_minutes_both_ways_and_over_new_year() {
        for (now, stamp, good) in [
            ("2026-07-22T10:15:10+08:00", STAMP, true),
            ("2026-07-22T10:15:11+08:00", STAMP, false),
            ("2026-07-22T10:05:10+08:00", STAMP, true),
            ("2026-07-22T10:05:09+08:00", STAMP, false),
            ("2027-01-01T00:01:00+08:00", "1231235830", true),
            ("2026-12-31T23:58:30+08:00", "0101000100", true),
            ("2026-12-31T23:58:30+08:00", "0101000400", false),
            ("2028-02-29T00:00:00+08:00", "0229000100", true),
            ("2026-03-01T00:00:00+08:00", "0229000000", false),
            ("2026-07-22T10:10:10+08:00", "1322101010", false),
            ("2026-07-22T10:10:10+08:00", "0722102510", false),
            ("2026-07-22T10:10:10+08:00", "072210101", false),
            ("2026-07-22T10:10:10+08:00", "20260722101010", false),
            ("2026-07-22T10:10:10+08:00", "０722101010", false),
            ("2026-07-22T02:10:10Z", STAMP, true),
            ("2026-07-22T10:10:10Z", STAMP, false),
        ] {
            assert_eq!(is_about(stamp, at(now), 300_000), good, "{now} {stamp}");
            assert!(is_about(&time_stamp(at(now)), at(now), 1_000), "{now}");
            let header = header(NUMBER, &sp_password(NUMBER, SECRET, stamp), stamp);
            let wanted = if good { NUMBER } else { "time_stamp_not_now" };
            assert_eq!(told(&login(10), &header, b"1", at(now)), wanted, "{now} {stamp}");
        }
    }

    #[test]
    fn a_message_is_taken_once() {
        let (login, now) = (login(3), at("2026-07-22T10:10:15+08:00"));
        let first = header(NUMBER, PASSWORD, STAMP);
        assert_eq!(told(&login, &first, b"message", now), NUMBER);
        assert_eq!(told(&login, &first, b"message", now), "replay_refused");
        assert_eq!(told(&login, &first, b"another", now), NUMBER);
        let later = header(NUMBER, &sp_password(NUMBER, SECRET, "0722101012"), "0722101012");
        assert_eq!(told(&login, &later, b"message", now), NUMBER, "an honest repetition has a new time");
        // Nothing is forgotten to make room.
        assert_eq!(told(&login, &later, b"fourth", now), "resources");
        assert_eq!(told(&login, &first, b"message", now), "replay_refused");
    }

    #[test]
    fn what_does_not_prove_itself_fills_nothing() {
        let (login, now) = (login(1), at("2026-07-22T10:10:15+08:00"));
        for round in 0..10_u8 {
            assert_eq!(told(&login, &header(NUMBER, "00", STAMP), &[round], now), "sp_not_authenticated");
        }
        assert_eq!(told(&login, &header(NUMBER, PASSWORD, STAMP), b"m", now), NUMBER);
    }

    #[test]
    fn what_was_seen_is_forgotten_only_when_its_time_is_over() {
        let mut replays = Replays::new(Duration::from_secs(600), 10);
        let s = Duration::from_secs;
        assert_eq!(replays.note(1, s(1)), Noted::First);
        assert_eq!(replays.note(2, s(599)), Noted::First);
        assert_eq!(replays.note(2, s(1_198)), Noted::Again, "599 s later");
        assert_eq!(replays.note(3, s(1_199)), Noted::First);
        assert_eq!(replays.note(2, s(1_199)), Noted::Again);
        assert_eq!(replays.note(3, s(1_799)), Noted::Again, "600 s later");
        assert_eq!(replays.note(2, s(2_000)), Noted::First);
        assert_eq!(replays.note(3, s(9_000)), Noted::First, "all is over");
    }

    #[test]
    fn where_the_isag_has_checked_only_the_number_counts() {
        let open = Login::new(Arc::new(One), false, Duration::from_secs(300), 1);
        let now = at("2026-07-22T10:10:15+08:00");
        let header = RequestHeader { sp: Some(NUMBER.to_owned()), ..RequestHeader::default() };
        assert_eq!(told(&open, &header, b"1", now), NUMBER);
        assert_eq!(told(&open, &header, b"1", now), NUMBER);
        let nobody = RequestHeader { sp: Some("35100124".to_owned()), ..RequestHeader::default() };
        assert_eq!(told(&open, &nobody, b"1", now), "sp_not_authenticated");
    }
}
