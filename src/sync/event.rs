//! What the engine is told, and what it asks for.

use std::time::Duration;

use mizu_sync_protocol::push::PushResult;
use mizu_sync_protocol::{Cursor, LogPositions, Tag, Wire};

use super::error::SyncError;
use super::state::SyncState;
use crate::model::{
    Applied, Batch, BatchRequest, Counts, EntityKey, Outcome, Outgoing, Page, RejectedMutation, Replica,
    ServerEntity, Stage, Unreadable, Versions,
};
use crate::net::{Lane, LiveEnd, LiveNews, TransportError};
use crate::store::StoreError;
use crate::time::Timestamp;

/// A point on a clock that never jumps and counts sleep: the time since it began.
pub type Moment = Duration;

/// The time at which an event is handled.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// For intervals.
    pub now: Moment,
    /// By the clock of this device, which may stand anywhere. Only shown, never reasoned with.
    pub wall: Timestamp,
}

/// What happened.
pub enum Event {
    /// The sync begins.
    Started(Box<Replica>),
    /// The app queued mutations.
    Queued,
    /// The app discarded the pending mutation in this place of the queue.
    Discarded(u64),
    /// An exchange ended.
    Answered(Box<Answer>),
    /// A command was executed.
    Stored(Result<Stored, StoreError>),
    /// The time asked for by [`Action::WakeAt`] has come.
    Due,
    /// The platform says that there is a network, or none.
    Network(bool),
    /// The platform says that the app is seen, or not.
    Foreground(bool),
    /// The app wants a sync now. Requests are numbered, upwards.
    SyncRequested(u64),
    /// The live socket with this ticket tells something.
    Live(u64, LiveNews),
    /// The live socket with this ticket has ended, by itself. None: the transport has no such thing.
    LiveEnded(u64, Option<LiveEnd>),
    /// The app has heard, by a socket of its own for instance, that the server's log has grown up to here.
    Hint(Cursor),
    /// The app has set a token. Whatever is sent after this has it.
    TokenSet,
}

/// What is to be done, in this order.
pub enum Action {
    /// Execute this on the store and report [`Event::Stored`], before any other event is handled.
    Store(Command),
    /// Make this exchange with the server and report [`Event::Answered`].
    Exchange(Box<Exchange>),
    /// End the exchange that is under way in this lane; it is still reported.
    Interrupt(Lane),
    /// Open a live socket, and report what it tells with this ticket, and its end.
    OpenLive(u64),
    /// End the live socket. What it still tells is of no interest.
    CloseLive,
    /// Report [`Event::Due`] at this time, and not at the one asked for before. None: never.
    WakeAt(Option<Moment>),
    /// Tell the app.
    Notify(Notice),
    /// This is what can be seen of the sync now.
    Publish(Box<SyncState>),
}

/// What the store is to do.
pub enum Command {
    Reload,
    TakeBatch(BatchRequest),
    Record { outcomes: Vec<(u64, Outcome)>, at: Timestamp },
    CountAttempts(Vec<u64>),
    LogChanged { wire: Option<Wire>, server_now: Option<Timestamp>, at: Timestamp },
    DoubtAcks { server_now: Option<Timestamp>, at: Timestamp },
    ApplyPage(Page),
    StageBegin,
    StageCheckpoint(Stage),
    StagePage { stage: Stage, page: Page },
    StageDrop,
    Swap { stage: Stage, ended_round: u64 },
    Sweep,
    LearnWire(Wire),
    LearnVersions(Versions),
}

/// What the store did: one for each [`Command`], in the same order.
pub enum Stored {
    Reloaded(Box<Replica>),
    Batch(Batch),
    Recorded(Vec<RejectedMutation>),
    AttemptsCounted,
    LogChanged(Vec<RejectedMutation>),
    AcksDoubted(Vec<RejectedMutation>),
    PageApplied(Applied),
    StageBegun(u64),
    StageCheckpointed,
    StagePaged(Applied),
    StageDropped,
    Swapped(Applied),
    Swept { more: bool },
    Learnt,
}

/// A request to the server.
pub struct Exchange {
    /// Comes back with the answer.
    pub ticket: u64,
    /// What to ask.
    pub plan: Plan,
    /// What the client knows of the log.
    pub log: Option<LogPositions>,
}

/// What to ask the server.
pub enum Plan {
    Push { mutations: Vec<Outgoing>, wire: Wire, client: String },
    Pull { cursor: Cursor, limit: u32, stream: bool },
    Snapshot { generation: u64, after: Option<EntityKey>, wire: Option<Wire> },
}

impl Plan {
    /// The lane that it travels in.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Push { .. } => Lane::Push,
            Self::Pull { .. } | Self::Snapshot { .. } => Lane::Pull,
        }
    }
}

/// What came of an exchange.
pub struct Answer {
    /// Of the exchange.
    pub ticket: u64,
    /// Its lane.
    pub lane: Lane,
    /// The head of the answer, if there was one.
    pub head: Option<Head>,
    /// What it says.
    pub result: Result<Reply, Failure>,
}

/// What the head of an answer tells beside its status.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Whether it came from a server of ours.
    pub extended: bool,
    /// The server's time.
    pub server_time: Option<Timestamp>,
}

/// An answer 200, read.
pub enum Reply {
    Push(Vec<PushResult>),
    Pull(PullReply),
    Snapshot(SnapshotReply),
}

/// A page of changes.
pub struct PullReply {
    /// What could be read of it, changes at or below the cursor sent left out.
    pub changes: Vec<ServerEntity>,
    /// What could not.
    pub unreadable: Vec<Unreadable>,
    /// The cursor of the last change.
    pub last: Option<Cursor>,
    pub has_more: bool,
    pub next_cursor: Option<Cursor>,
    pub tag: Option<Tag>,
}

/// A page of a snapshot. Its rows are in the stage already.
pub struct SnapshotReply {
    pub rows: u64,
    pub unreadable: u64,
    pub cursor: Cursor,
    pub tag: Option<Tag>,
    pub after: Option<EntityKey>,
    pub total: Option<u64>,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Failure {
    /// There was no answer.
    Offline(TransportError),
    /// An answer other than 200.
    Status { status: u16, code: Option<String>, error: String, retry_after: Option<Duration> },
    /// A 200 that is not of this protocol, a captive portal's page for instance.
    NotProtocol(String),
    /// A body that is larger than is read into memory.
    TooLarge,
    /// The rows of a snapshot could not be stored.
    Store(StoreError),
    /// The app's dialect refused or panicked.
    Dialect(String),
}

/// Something that the app may want to hear of.
pub enum Notice {
    /// The server answers.
    Online,
    /// It does not.
    Offline,
    /// Caught up with the server's log up to here.
    Synced(Cursor),
    /// Something is in the way. Reported once, until it is over or something else is.
    Error(SyncError),
    /// A mutation was refused.
    Rejected(RejectedMutation),
    /// The server does not accept the token. The sync goes on when the app sets another one.
    TokenNeeded,
}

/// How many mutations wait, as [`super::Engine::handle`] is told with every event.
pub type Queue = Counts;
