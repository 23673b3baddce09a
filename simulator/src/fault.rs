//! What can go wrong, and how often it did.

/// What can go wrong in a world. Each must have happened in a run of any length worth the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A request never arrives.
    LostRequest,
    /// The answer to a request never arrives.
    LostReply,
    /// A message takes seconds.
    Delay,
    /// A request arrives twice.
    DuplicatedRequest,
    /// A message overtakes one that was sent before it.
    Reordered,
    /// Nothing reaches a device.
    PartitionIn,
    /// Nothing leaves a device.
    PartitionOut,
    /// Neither.
    PartitionBoth,
    /// Requests arrive, answers never do.
    HalfOpen,
    /// Something else answers 200 with a page of HTML.
    CaptivePortal,
    /// A device dies before a command is executed on its store.
    DeathBeforeStore,
    /// A device dies after that, before its engine hears of it.
    DeathAfterStore,
    /// A device dies while a request is under way.
    DeathInExchange,
    /// A device dies while a snapshot is being taken.
    DeathInSnapshot,
    /// The clock on a device's wall jumps by years.
    DeviceClockJump,
    /// A device sleeps for hours.
    Sleep,
    /// Everybody is away for days.
    Absence,
    /// An app is not seen for a while.
    Background,
    /// The platform says that there is no network, and later that there is.
    NetworkSignal,
    /// The server dies with a request that it has not looked at.
    ServerDeathBeforeHandling,
    /// The server dies after a commit, before the answer.
    ServerDeathAfterCommit,
    /// The server's clock jumps.
    ServerClockJump,
    /// A portal or gateway answers, with a clock of its own.
    StrangeClock,
    /// The server answers 5xx.
    ServerErrors,
    /// It does so although it has applied what was sent.
    ErrorAfterCommit,
    /// An answer with `Retry-After`.
    RetryAfter,
    /// The server answers 429.
    TooManyRequests,
    /// The server takes no large batch: 413.
    TooLarge,
    /// Every mutation fails with a 200 and some words.
    FreeTextOutage,
    /// A mutation that always fails.
    Poison,
    /// A mutation that breaks every connection on which it is sent.
    BreakingPoison,
    /// A mutation that is never answered.
    SilentPoison,
    /// A mutation that is refused.
    Refusal,
    /// The server forgets the beginning of its log.
    Trim,
    /// The server is restored from an older backup.
    Restore,
    /// After that, its log grows past where the clients were.
    Regrown,
    /// The server is one that speaks the plain form only.
    PlainServer,
    /// A server is replaced by one that speaks the other form.
    WireChange,
    /// The app writes while a snapshot is being taken.
    WriteDuringSnapshot,
    /// A live socket is not opened.
    SocketRefused,
    /// A live socket breaks.
    SocketDropped,
    /// Nothing comes on a live socket any more, and nobody says so.
    HalfOpenSocket,
    /// A hint, or the acknowledgement of a subscription, never comes.
    LostHint,
    /// A hint takes seconds.
    LateHint,
    /// A hint comes twice.
    DuplicatedHint,
    /// A hint overtakes one that was sent before it.
    ReorderedHint,
    /// A hint at what is not there.
    LyingHint,
    /// A request is refused because its token has expired.
    ExpiredToken,
    /// A live socket is refused or closed for that.
    ExpiredOnSocket,
    /// An app sets a good token, later.
    RenewedToken,
    /// An app sets a token that is refused too.
    BadToken,
}

impl Fault {
    /// All of them, with the words of the report.
    pub const ALL: [(Self, &'static str); 51] = [
        (Self::LostRequest, "lost request"),
        (Self::LostReply, "lost reply"),
        (Self::Delay, "delay of seconds"),
        (Self::DuplicatedRequest, "duplicated request"),
        (Self::Reordered, "reordered delivery"),
        (Self::PartitionIn, "partition, in"),
        (Self::PartitionOut, "partition, out"),
        (Self::PartitionBoth, "partition, both ways"),
        (Self::HalfOpen, "half-open connection"),
        (Self::CaptivePortal, "captive portal"),
        (Self::DeathBeforeStore, "client killed before a store command"),
        (Self::DeathAfterStore, "client killed after a store command"),
        (Self::DeathInExchange, "client killed during an exchange"),
        (Self::DeathInSnapshot, "client killed during a snapshot"),
        (Self::DeviceClockJump, "client's wall clock jumps by years"),
        (Self::Sleep, "client sleeps for 8 hours"),
        (Self::Absence, "everybody away for days"),
        (Self::Background, "app in the background"),
        (Self::NetworkSignal, "network down and up by the platform"),
        (Self::ServerDeathBeforeHandling, "server killed before handling"),
        (Self::ServerDeathAfterCommit, "server killed after commit"),
        (Self::ServerClockJump, "server's clock jumps"),
        (Self::StrangeClock, "strange clock of a portal or gateway"),
        (Self::ServerErrors, "5xx"),
        (Self::ErrorAfterCommit, "5xx after commit"),
        (Self::RetryAfter, "Retry-After"),
        (Self::TooManyRequests, "429"),
        (Self::TooLarge, "413"),
        (Self::FreeTextOutage, "mutation fails in an outage"),
        (Self::Poison, "poison mutation fails"),
        (Self::BreakingPoison, "poison mutation breaks the connection"),
        (Self::SilentPoison, "poison mutation is never answered"),
        (Self::Refusal, "mutation refused"),
        (Self::Trim, "log trimmed"),
        (Self::Restore, "restored from a backup"),
        (Self::Regrown, "regrown past the clients"),
        (Self::PlainServer, "plain server"),
        (Self::WireChange, "server of the other form"),
        (Self::WriteDuringSnapshot, "write during a snapshot"),
        (Self::SocketRefused, "live socket refused"),
        (Self::SocketDropped, "live socket dropped"),
        (Self::HalfOpenSocket, "half-open live socket"),
        (Self::LostHint, "lost hint"),
        (Self::LateHint, "hint delayed by seconds"),
        (Self::DuplicatedHint, "duplicated hint"),
        (Self::ReorderedHint, "reordered hints"),
        (Self::LyingHint, "lying hint"),
        (Self::ExpiredToken, "expired token on a request"),
        (Self::ExpiredOnSocket, "expired token on a live socket"),
        (Self::RenewedToken, "token renewed"),
        (Self::BadToken, "token refused again"),
    ];
}

/// How often each fault happened.
#[derive(Clone, Copy, Debug)]
pub struct FaultCounts([u64; Fault::ALL.len()]);

impl FaultCounts {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; Fault::ALL.len()])
    }

    /// It happened once more.
    pub const fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often it happened.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Adds those of another world.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

impl Default for FaultCounts {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_stands_at_its_own_place() {
        for (place, (fault, _)) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place, "{fault:?}");
        }
    }

    const GUIDE: &str = include_str!("../../docs/simulator.md");

    #[test]
    fn every_fault_is_in_the_guide() {
        for (_, name) in Fault::ALL {
            assert!(GUIDE.contains(name), "{name}");
        }
    }

    #[cfg(feature = "planted-bugs")]
    #[test]
    fn every_planted_bug_is_in_the_guide() {
        for (name, _) in crate::bugs::all() {
            assert!(GUIDE.contains(&format!("| `{name}` |")), "{name}");
        }
    }
}
