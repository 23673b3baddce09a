//! Known bugs, each asleep until woken by name: they show that the simulator would find them. Compiled in
//! with the feature `planted-bugs` only.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The answer to a push moves the pull cursor, over other people's changes.
    PushMovesCursor,
    /// An acked mutation settles before a pull has brought what it did.
    SettlesEarly,
    /// A push that failed is not tried again before the next local write.
    LostWakeUp,
    /// What was acked stays acked when the server's log turns out to be another one.
    KeepsAcksOfAnotherLog,
    /// A staged snapshot is swapped in without having been caught up.
    SwapsWithoutCatchingUp,
    /// The failures of an outage count towards the rejection of a mutation.
    CountsOutages,
    /// A hint that comes during a pull is dropped, though the pull may end below it.
    DropsHintsDuringPull,
}

impl Bug {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 7] = [
        ("push-moves-cursor", Self::PushMovesCursor),
        ("settles-early", Self::SettlesEarly),
        ("lost-wake-up", Self::LostWakeUp),
        ("keeps-acks-of-another-log", Self::KeepsAcksOfAnotherLog),
        ("swaps-without-catching-up", Self::SwapsWithoutCatchingUp),
        ("counts-outages", Self::CountsOutages),
        ("drops-hints-during-pull", Self::DropsHintsDuringPull),
    ];
}
