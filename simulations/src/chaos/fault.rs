//! What can be broken, and the ways in which each fault strikes.

use serde::{Deserialize, Serialize};

/// Something that can be broken, as `--faults` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Processes end by SIGKILL.
    Kill,
    /// Processes stand still by SIGSTOP.
    Stop,
    /// Connections are refused, reset or held.
    Cut,
    /// Connections are slow.
    Delay,
    /// A data folder has no room.
    DiskFull,
    /// A sync of a data folder fails.
    SyncError,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Kill, Self::Stop, Self::Cut, Self::Delay, Self::DiskFull, Self::SyncError];

    /// The word for it on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Cut => "cut",
            Self::Delay => "delay",
            Self::DiskFull => "disk-full",
            Self::SyncError => "sync-error",
        }
    }

    /// The faults of a list such as `kill,stop`.
    ///
    /// # Errors
    /// When a word is none of them, is there twice, or there is none.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        let mut faults = Vec::new();
        for word in text.split(',').map(str::trim) {
            let known = || Self::ALL.map(Self::name).join(", ");
            let fault = Self::ALL.into_iter().find(|fault| fault.name() == word);
            let fault = fault.ok_or_else(|| format!("--faults: {word:?} is none of {}", known()))?;
            if faults.contains(&fault) {
                return Err(format!("--faults: {word} is there twice"));
            }
            faults.push(fault);
        }
        faults.sort_unstable();
        Ok(faults)
    }
}

/// One way in which a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blow {
    /// SIGKILL for a follower.
    KillFollower,
    /// SIGKILL for the leader.
    KillLeader,
    /// SIGKILL for all replicas of a province at once.
    KillProvince,
    /// SIGSTOP for a follower, SIGCONT later.
    StopFollower,
    /// SIGSTOP for the leader, SIGCONT later.
    StopLeader,
    /// Connections one side opens to the other are reset, new ones too.
    CutOneWay,
    /// The same in both directions.
    CutBothWays,
    /// Requests arrive, answers do not.
    HoldAnswers,
    /// Nothing arrives; connections stay open.
    HoldAll,
    /// Every open connection is reset, new ones are not.
    Reset,
    /// Everything arrives late, by more or less.
    Delay,
    /// Little arrives in a second.
    Throttle,
    /// The disk of a replica has no room.
    FullDisk,
    /// A sync of a replica fails.
    SyncError,
}

/// Who deals a blow. The two deal at the same time, each one blow after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Strikes processes and their disks.
    Machines,
    /// Strikes what is between them.
    Network,
}

impl Blow {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::KillFollower,
        Self::KillLeader,
        Self::KillProvince,
        Self::StopFollower,
        Self::StopLeader,
        Self::CutOneWay,
        Self::CutBothWays,
        Self::HoldAnswers,
        Self::HoldAll,
        Self::Reset,
        Self::Delay,
        Self::Throttle,
        Self::FullDisk,
        Self::SyncError,
    ];

    /// The fault it belongs to.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::KillFollower | Self::KillLeader | Self::KillProvince => Fault::Kill,
            Self::StopFollower | Self::StopLeader => Fault::Stop,
            Self::CutOneWay | Self::CutBothWays | Self::HoldAnswers | Self::HoldAll | Self::Reset => Fault::Cut,
            Self::Delay | Self::Throttle => Fault::Delay,
            Self::FullDisk => Fault::DiskFull,
            Self::SyncError => Fault::SyncError,
        }
    }

    /// Who deals it.
    #[must_use]
    pub const fn hand(self) -> Hand {
        match self.fault() {
            Fault::Cut | Fault::Delay => Hand::Network,
            Fault::Kill | Fault::Stop | Fault::DiskFull | Fault::SyncError => Hand::Machines,
        }
    }

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KillFollower => "kill follower",
            Self::KillLeader => "kill leader",
            Self::KillProvince => "kill province",
            Self::StopFollower => "stop follower",
            Self::StopLeader => "stop leader",
            Self::CutOneWay => "cut one way",
            Self::CutBothWays => "cut both ways",
            Self::HoldAnswers => "hold answers",
            Self::HoldAll => "hold all",
            Self::Reset => "reset connections",
            Self::Delay => "delay",
            Self::Throttle => "throttle",
            Self::FullDisk => "full disk",
            Self::SyncError => "sync error",
        }
    }

    /// How long it lasts at least and at most, in ms; what ends by an event is down for as long after it.
    #[must_use]
    pub const fn lasts_ms(self) -> (u64, u64) {
        match self {
            Self::StopFollower | Self::StopLeader => (300, 8_000),
            Self::KillFollower | Self::KillLeader | Self::KillProvince => (0, 2_000),
            Self::CutOneWay | Self::CutBothWays | Self::HoldAnswers | Self::HoldAll => (700, 4_000),
            Self::Delay | Self::Throttle => (1_500, 4_000),
            Self::Reset | Self::FullDisk | Self::SyncError => (0, 500),
        }
    }

    /// True when a province of one replica can be struck by it in the same way as one of many.
    #[must_use]
    pub const fn needs_followers(self) -> bool {
        matches!(self, Self::KillFollower | Self::StopFollower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_strikes_in_some_way_and_is_named() {
        for fault in Fault::ALL {
            assert!(Blow::ALL.iter().any(|blow| blow.fault() == fault), "{fault:?}");
            assert_eq!(Fault::list(fault.name()), Ok(vec![fault]));
        }
        assert_eq!(Fault::list("stop, kill"), Ok(vec![Fault::Kill, Fault::Stop]));
        assert!(Fault::list("kill,quake").expect_err("no fault").contains("\"quake\" is none of kill, stop"));
        assert!(Fault::list("kill,kill").expect_err("twice").contains("kill is there twice"));
        assert!(Fault::list("").is_err());
    }
}
