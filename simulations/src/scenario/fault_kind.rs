//! Everything that can go wrong, with how often it usually does.

use serde::{Deserialize, Serialize};

/// Whom a kind of fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// One machine.
    Machine,
    /// One province.
    Province,
    /// The way from one machine to another.
    Link,
    /// The whole network, or what goes to and from one machine.
    Network,
    /// Whoever stands outside, or the whole nation.
    Nation,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident $word:literal $reach:ident every $every:literal lasts $low:literal..$high:literal
        strength $least:literal..$most:literal;)*) => {
        /// One kind of fault. The words are those of scenarios and records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum FaultKind { $($(#[doc = $doc])* #[serde(rename = $word)] $name,)* }

        impl FaultKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word for it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it is, for a reader.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }

            /// Whom it strikes.
            #[must_use]
            pub const fn reach(self) -> Reach {
                match self { $(Self::$name => Reach::$reach,)* }
            }

            /// About how often it strikes in a country of twelve machines, in milliseconds.
            #[must_use]
            pub const fn usual_every_ms(self) -> u64 {
                match self { $(Self::$name => $every,)* }
            }

            /// How long it usually lasts, in milliseconds.
            #[must_use]
            pub const fn usual_lasts_ms(self) -> [u64; 2] {
                match self { $(Self::$name => [$low, $high],)* }
            }

            /// How bad it usually is, in its own measure.
            #[must_use]
            pub const fn usual_strength(self) -> [u64; 2] {
                match self { $(Self::$name => [$least, $most],)* }
            }
        }
    };
}

kinds! {
    /// A process ends in the middle of whatever it does; bytes that were not synced are lost, kept or
    /// torn (strength: bytes kept of a torn write, at most). It lasts until the process starts again.
    Crash "crash" Machine every 4_500 lasts 200..8_000 strength 0..4_096;
    /// A process is stopped in good order and started again.
    Restart "restart" Machine every 20_000 lasts 100..3_000 strength 0..0;
    /// All processes of a province crash at once.
    Blackout "blackout" Province every 45_000 lasts 500..3_000 strength 0..4_096;
    /// A process stands still, as one that was stopped by a signal does, and goes on.
    Pause "pause" Machine every 14_000 lasts 300..9_000 strength 0..0;
    /// Everything to and from a machine takes longer (strength: milliseconds).
    SlowNode "slow_node" Machine every 25_000 lasts 1_000..10_000 strength 20..300;
    /// Every sync of a machine's disk takes longer (strength: milliseconds).
    SlowDisk "slow_disk" Machine every 22_000 lasts 1_000..10_000 strength 5..80;
    /// A machine's disk stands still (strength: milliseconds for each sync).
    StalledSync "stalled_sync" Machine every 25_000 lasts 500..2_000 strength 500..4_000;
    /// A machine's disk is full (strength: bytes that are left).
    FullDisk "full_disk" Machine every 45_000 lasts 1_000..10_000 strength 0..60_000;
    /// A sync fails (strength: syncs that still succeed).
    SyncError "sync_error" Machine every 40_000 lasts 0..0 strength 0..20;
    /// A process crashes, and a bit of its log is another one when it starts again.
    BitFlipLog "bit_flip_log" Machine every 45_000 lasts 300..2_000 strength 0..0;
    /// A process crashes, and a bit of its snapshot is another one when it starts again.
    BitFlipSnapshot "bit_flip_snapshot" Machine every 70_000 lasts 300..2_000 strength 0..0;
    /// A machine's wall clock is wrong (strength: by how many milliseconds at most, either way).
    ClockJump "clock_jump" Machine every 18_000 lasts 1_000..20_000 strength 50..5_000;
    /// A machine is lost with its disk; another one takes its place under a new number.
    MachineReplaced "machine_replaced" Machine every 70_000 lasts 500..4_000 strength 0..0;
    /// All machines of a province are replaced, one after the other.
    ProvinceReplaced "province_replaced" Province every 240_000 lasts 200..1_000 strength 0..0;
    /// Nothing from one machine reaches another.
    Cut "cut" Link every 6_000 lasts 300..10_000 strength 0..0;
    /// Nothing reaches a machine, nothing leaves it, or both (strength: 0 both, 1 in, 2 out).
    Isolation "isolation" Machine every 18_000 lasts 500..10_000 strength 0..2;
    /// A province is cut off from all others.
    ProvinceCut "province_cut" Province every 25_000 lasts 1_000..15_000 strength 0..0;
    /// Messages get lost (strength: parts of a million).
    Loss "loss" Network every 14_000 lasts 1_000..12_000 strength 1_000..80_000;
    /// Messages take longer (strength: milliseconds at most).
    Delay "delay" Network every 14_000 lasts 1_000..12_000 strength 5..150;
    /// Messages arrive twice (strength: parts of a million).
    Duplication "duplication" Network every 16_000 lasts 1_000..12_000 strength 10_000..150_000;
    /// Messages overtake each other (strength: parts of a million).
    Reordering "reordering" Network every 16_000 lasts 1_000..12_000 strength 10_000..200_000;
    /// Requests to SPs, and their answers, get lost (strength: parts of a million).
    SpLoses "sp_loses" Nation every 22_000 lasts 1_000..8_000 strength 50_000..500_000;
    /// SPs answer late (strength: milliseconds).
    SpLate "sp_late" Nation every 25_000 lasts 1_000..8_000 strength 500..4_500;
    /// SPs are told twice what they were told once (strength: parts of a million).
    SpTwice "sp_twice" Nation every 25_000 lasts 1_000..10_000 strength 100_000..600_000;
    /// SPs turn requests away with an error (strength: parts of a million).
    SpRefuses "sp_refuses" Nation every 30_000 lasts 1_000..8_000 strength 100_000..800_000;
    /// Texts to the SMS centre, and its answers, get lost (strength: parts of a million).
    SmscLoses "smsc_loses" Nation every 22_000 lasts 1_000..8_000 strength 50_000..500_000;
    /// The SMS centre answers late (strength: milliseconds).
    SmscLate "smsc_late" Nation every 25_000 lasts 1_000..8_000 strength 500..4_500;
    /// The SMS centre takes texts twice (strength: parts of a million).
    SmscTwice "smsc_twice" Nation every 25_000 lasts 1_000..10_000 strength 100_000..600_000;
    /// The SMS centre turns texts away (strength: parts of a million).
    SmscRefuses "smsc_refuses" Nation every 30_000 lasts 1_000..8_000 strength 100_000..900_000;
    /// Calls to the ISMP, and its answers, get lost (strength: parts of a million).
    IsmpLoses "ismp_loses" Nation every 18_000 lasts 1_000..8_000 strength 50_000..500_000;
    /// The ISMP answers late (strength: milliseconds).
    IsmpLate "ismp_late" Nation every 22_000 lasts 1_000..8_000 strength 500..4_500;
    /// The ISMP works on a call twice (strength: parts of a million).
    IsmpTwice "ismp_twice" Nation every 25_000 lasts 1_000..10_000 strength 100_000..600_000;
    /// The ISMP refuses (strength: parts of a million).
    IsmpRefuses "ismp_refuses" Nation every 30_000 lasts 1_000..8_000 strength 100_000..800_000;
    /// Messages to the bank, and its answers, get lost (strength: parts of a million).
    BankLoses "bank_loses" Nation every 18_000 lasts 1_000..8_000 strength 50_000..500_000;
    /// The bank answers late, also too late (strength: milliseconds).
    BankLate "bank_late" Nation every 18_000 lasts 1_000..8_000 strength 500..40_000;
    /// The bank answers twice (strength: parts of a million).
    BankTwice "bank_twice" Nation every 25_000 lasts 1_000..10_000 strength 100_000..600_000;
    /// The bank refuses (strength: parts of a million).
    BankRefuses "bank_refuses" Nation every 30_000 lasts 1_000..8_000 strength 100_000..800_000;
    /// A newer number plan comes into force, province by province; some numbers change their home.
    NewPlan "new_plan" Nation every 40_000 lasts 500..8_000 strength 0..0;
    /// A subscriber carries the number to another operator, and comes back.
    PortedNumber "ported_number" Province every 25_000 lasts 2_000..12_000 strength 0..0;
    /// The machines of a province, whose program decides by the oldest rules alone until then, get one
    /// by one the program that decides by the newest.
    RollingUpgrade "rolling_upgrade" Province every 30_000 lasts 200..6_000 strength 0..0;
    /// A leader hands leadership over.
    LeadershipHandedOver "leadership_handed_over" Province every 16_000 lasts 0..0 strength 0..0;
    /// Calls to the recharge platform, and its answers, get lost (strength: parts of a million).
    RechargeLoses "recharge_loses" Nation every 18_000 lasts 1_000..8_000 strength 50_000..500_000;
    /// The recharge platform answers late (strength: milliseconds).
    RechargeLate "recharge_late" Nation every 22_000 lasts 1_000..8_000 strength 500..8_000;
    /// The recharge platform works on a call twice (strength: parts of a million).
    RechargeTwice "recharge_twice" Nation every 25_000 lasts 1_000..10_000 strength 100_000..600_000;
    /// The recharge platform refuses (strength: parts of a million).
    RechargeRefuses "recharge_refuses" Nation every 30_000 lasts 1_000..8_000 strength 100_000..800_000;
    /// Calls and notices to the UPP, and its answers, get lost (strength: parts of a million).
    UppLoses "upp_loses" Nation every 18_000 lasts 1_000..8_000 strength 50_000..500_000;
    /// The UPP answers late (strength: milliseconds).
    UppLate "upp_late" Nation every 22_000 lasts 1_000..8_000 strength 500..8_000;
    /// The UPP works on a call twice (strength: parts of a million).
    UppTwice "upp_twice" Nation every 25_000 lasts 1_000..10_000 strength 100_000..600_000;
    /// The UPP refuses (strength: parts of a million).
    UppRefuses "upp_refuses" Nation every 30_000 lasts 1_000..8_000 strength 100_000..800_000;
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
