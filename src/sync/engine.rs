//! The state machine: what both lanes share, and how events reach them.

use std::mem;
use std::time::Duration;

use mizu_sync_protocol::{Cursor, LogPosition, LogPositions, Tag, Wire, limits};

use super::backoff::Backoff;
use super::error::SyncError;
use super::event::{
    Action, Answer, Command, Event, Exchange, Failure, Head, Moment, Notice, Plan, Queue, Reply, Stored, Time,
};
use super::pull::Pull;
use super::push::Push;
use super::state::{Access, Connection, Progress, SyncState};
use super::trials::Trials;
use crate::model::{RejectedMutation, Replica, Versions};
use crate::net::{Endpoint, Lane};
use crate::store::StoreError;
use crate::time::Timestamp;

/// What does not change while the engine lives.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data partition.
    pub scope: String,
    /// The base URL, for messages.
    pub base_url: String,
    /// The versions of the app and of its dialect.
    pub versions: Versions,
    /// Whether patches are sent as whole objects whatever the wire: where there is a dialect.
    pub whole_objects: bool,
    /// Between two pulls when nothing else asks for one.
    pub pull_interval: Duration,
    /// The longest that a mutation is held back to batch it with later ones.
    pub push_interval: Duration,
    /// A known bug, awake.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<crate::planted::Bug>,
}

/// The longest wait between two attempts while somebody waits for them.
const MOST_WANTED: Duration = Duration::from_secs(5);
/// The longest wait between two attempts otherwise.
const MOST_IDLE: Duration = Duration::from_secs(60);
/// The longest `Retry-After` that is obeyed.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(300);
/// When a refused scope is asked for again.
const FORBIDDEN_RETRY: Duration = Duration::from_secs(15 * 60);
/// When a snapshot that was too large is asked for again.
const TOO_LARGE_RETRY: Duration = Duration::from_secs(3600);
/// How long the sync goes on in the background after the last thing that asked for it, or that it achieved.
const BACKGROUND_TIME: Duration = Duration::from_secs(30);
/// A request older than this is given up when the network is back: its socket may be dead.
const STALE_REQUEST: Duration = Duration::from_secs(2);
/// How long to wait when the server's log changes again within the last of these.
const LOG_CHANGE_FIRST: Duration = Duration::from_secs(60);
const LOG_CHANGE_MOST: Duration = Duration::from_secs(3600);

/// When a lane may send again.
#[derive(Debug, Default)]
pub struct Gate {
    backoff: Backoff,
    until: Moment,
    /// What the server asked for. Unlike the rest, the network's return does not lift it.
    retry_after: Moment,
    /// What is in the way of this lane.
    pub error: Option<SyncError>,
}

impl Gate {
    pub fn opens(&self) -> Moment {
        self.until.max(self.retry_after)
    }

    fn hurry(&mut self) {
        self.backoff.reset();
        self.until = Moment::ZERO;
    }

    fn succeed(&mut self) {
        self.backoff.reset();
        self.until = Moment::ZERO;
        self.retry_after = Moment::ZERO;
        self.error = None;
    }

    /// Closes it for a while after a failure.
    pub fn fail(&mut self, now: Moment, most: Duration, rng: &mut fastrand::Rng) {
        let wait = self.backoff.fail(most, rng);
        self.close_until(now + wait);
    }

    pub fn close_until(&mut self, moment: Moment) {
        self.until = self.until.max(moment);
    }
}

/// The sync engine. See the [module](super).
pub struct Engine {
    pub(super) config: Config,
    pub(super) rng: fastrand::Rng,
    /// What the file remembers; none before [`Event::Started`].
    pub(super) replica: Option<Replica>,
    pub(super) queue: Queue,
    pub(super) time: Time,
    pub(super) network_up: bool,
    pub(super) foreground: bool,
    /// In the background: until when something may be sent.
    background_until: Moment,
    /// Whether the server has answered anything since the start: only then its time is known, if it tells it.
    pub(super) heard: bool,
    server_time: Option<(Timestamp, Moment)>,
    pub(super) push: Push,
    pub(super) pull: Pull,
    pub(super) trials: Trials,
    /// Counts the times that the server's log became another one. An answer from before says nothing.
    pub(super) log_epoch: u64,
    log_changed_at: Option<Moment>,
    log_change_wait: Duration,
    connection: Connection,
    access: Access,
    next_ticket: u64,
    /// Exchanges that failed.
    failures: u64,
    published: Option<SyncState>,
    wake: Option<Option<Moment>>,
    actions: Vec<Action>,
}

impl Engine {
    /// An engine that does nothing before [`Event::Started`]. `rng` decides the jitter.
    pub fn new(config: Config, rng: fastrand::Rng) -> Self {
        let time = Time { now: Moment::ZERO, wall: Timestamp::from_millis(0) };
        Self {
            config,
            rng,
            replica: None,
            queue: Queue::default(),
            time,
            network_up: true,
            foreground: true,
            background_until: Moment::ZERO,
            heard: false,
            server_time: None,
            push: Push::default(),
            pull: Pull::default(),
            trials: Trials::default(),
            log_epoch: 0,
            log_changed_at: None,
            log_change_wait: Duration::ZERO,
            connection: Connection::default(),
            access: Access::default(),
            next_ticket: 0,
            failures: 0,
            published: None,
            wake: None,
            actions: Vec::new(),
        }
    }

    /// Takes an event, with the time and the state of the queue when it is handled, and gives what follows.
    pub fn handle(&mut self, event: Event, time: Time, queue: Queue) -> Vec<Action> {
        self.time = time;
        self.queue = queue;
        match event {
            Event::Started(replica) => self.started(*replica),
            Event::Queued => self.push_queued(),
            Event::Answered(answer) => self.answered(*answer),
            Event::Stored(Ok(stored)) => self.stored(stored),
            Event::Stored(Err(error)) => self.store_failed(error),
            // The driver's timer is gone with it.
            Event::Due => self.wake = None,
            Event::Network(up) => self.network_changed(up),
            Event::Foreground(foreground) => self.foreground_changed(foreground),
            Event::SyncRequested => self.sync_requested(),
        }
        self.proceed();
        std::mem::take(&mut self.actions)
    }

    fn started(&mut self, replica: Replica) {
        let stale = replica.versions != self.config.versions;
        self.trials = Trials::new(replica.suspects.clone());
        #[cfg(feature = "planted-bugs")]
        if self.has_bug(crate::planted::Bug::CountsOutages) {
            self.trials.count_outages();
        }
        self.pull.snapshot_wanted = !replica.bootstrapped
            || replica.resync
            || replica.stage.is_some()
            || stale && replica.quarantined > 0;
        self.pull.wanted = true;
        if stale && !self.pull.snapshot_wanted {
            self.store(Command::LearnVersions(self.config.versions.clone()));
        }
        self.replica = Some(replica);
        self.pull.sweeping = true;
        self.store(Command::Sweep);
    }

    fn answered(&mut self, answer: Answer) {
        let Answer { ticket, lane, head, result } = answer;
        if let Some(head) = head {
            self.heard_from_server(head, result.is_ok());
        }
        match (lane, result) {
            (Lane::Push, Ok(Reply::Push(results))) => self.pushed(ticket, results),
            (Lane::Pull, Ok(Reply::Pull(reply))) => self.pulled(ticket, reply),
            (Lane::Pull, Ok(Reply::Snapshot(reply))) => self.snapshot_read(ticket, reply),
            (Lane::Push, Ok(_)) | (Lane::Pull, Ok(Reply::Push(_))) => {}
            (Lane::Push, Err(failure)) => self.push_failed(ticket, failure, head),
            (Lane::Pull, Err(failure)) => self.pull_failed(ticket, failure),
        }
    }

    /// Learns the server's time, and from an answer 200 in which form it is spoken to.
    fn heard_from_server(&mut self, head: Head, well: bool) {
        self.heard = true;
        if let Some(server_time) = head.server_time {
            self.server_time = Some((server_time, self.time.now));
        }
        if !well {
            return;
        }
        let wire = if head.extended { Wire::Extended } else { Wire::Plain };
        let Some(replica) = &mut self.replica else { return };
        let known = replica.wire.replace(wire);
        self.push.wire_in_doubt = false;
        if known != Some(wire) {
            self.store(Command::LearnWire(wire));
            // Another kind of server cannot have the same log.
            if known.is_some() {
                self.log_changed();
            }
        }
        if self.connection != Connection::Online {
            self.connection = Connection::Online;
            self.notify(Notice::Online);
        }
    }

    fn stored(&mut self, stored: Stored) {
        match stored {
            Stored::Batch(batch) => self.batch_taken(batch),
            Stored::Recorded(rejected) => {
                self.notify_rejected(rejected);
                self.recorded();
            }
            Stored::LogChanged(rejected) => self.notify_rejected(rejected),
            Stored::PageApplied(applied) | Stored::StagePaged(applied) => self.page_stored(applied),
            Stored::StageBegun(generation) => self.stage_begun(generation),
            Stored::StageCheckpointed => self.pull_idle(),
            Stored::Swapped(applied) => self.swapped(applied),
            Stored::Swept { more } => self.swept(more),
            Stored::StageDropped | Stored::AttemptsCounted | Stored::Learnt => {}
        }
    }

    /// Both lanes begin again from what is known to be stored.
    fn store_failed(&mut self, error: StoreError) {
        self.report(Lane::Pull, SyncError::Store(error));
        self.push_abandon();
        self.pull_abandon();
        let (now, most) = (self.time.now, self.most_wait());
        let until = now + self.pull.gate.backoff.fail(most, &mut self.rng);
        self.pull.gate.close_until(until);
        self.push.gate.close_until(until);
    }

    fn network_changed(&mut self, up: bool) {
        self.network_up = up;
        if !up {
            if self.connection == Connection::Online {
                self.connection = Connection::Offline;
                self.notify(Notice::Offline);
            }
            return;
        }
        self.hurry();
        self.pull.wanted = true;
        let sending = [(Lane::Push, self.push.sending_since()), (Lane::Pull, self.pull.sending_since())];
        let stale = sending
            .into_iter()
            .filter(|(_, since)| since.is_some_and(|since| self.time.now >= since + STALE_REQUEST));
        self.actions.extend(stale.map(|(lane, _)| Action::Interrupt(lane)));
    }

    fn foreground_changed(&mut self, foreground: bool) {
        let shown = foreground && !self.foreground;
        self.foreground = foreground;
        self.go_on_in_background();
        if shown {
            self.hurry();
            self.pull.wanted = true;
        }
    }

    fn sync_requested(&mut self) {
        self.hurry();
        self.pull.wanted = true;
        self.go_on_in_background();
        if matches!(self.access, Access::Forbidden { .. }) {
            self.access = Access::Granted;
        }
    }

    /// No more waiting for what is not the server's wish.
    fn hurry(&mut self) {
        self.push.gate.hurry();
        self.pull.gate.hurry();
        self.trials.hurry();
        self.push.nothing_to_take = false;
    }

    /// Starts whatever may start now, and says when to be woken.
    fn proceed(&mut self) {
        if let Access::Forbidden { until } = self.access
            && self.time.now >= until
        {
            self.access = Access::Granted;
        }
        self.proceed_pull();
        self.proceed_push();
        let wake = self.next_wake();
        if self.wake != Some(wake) {
            self.wake = Some(wake);
            self.actions.push(Action::WakeAt(wake));
        }
        let state = self.state();
        if self.published.as_ref() != Some(&state) {
            self.published = Some(state.clone());
            self.actions.push(Action::Publish(Box::new(state)));
        }
    }

    fn next_wake(&self) -> Option<Moment> {
        if self.replica.is_none() || !self.network_up {
            return None;
        }
        match self.access {
            Access::NeedsAuth => None,
            Access::Forbidden { until } => self.foreground.then_some(until),
            Access::Granted => {
                let due = [self.push_due(), self.pull_due()].into_iter().flatten().min();
                due.filter(|due| self.foreground || *due < self.background_until)
            }
        }
    }

    /// Whether anything may be sent at all.
    pub(super) fn may_send(&self) -> bool {
        let active = self.foreground || self.time.now < self.background_until;
        active && self.replica.is_some() && self.network_up && self.access == Access::Granted
    }

    /// Something asks for the sync, or it gets on: it may go on for a while when the app is not seen.
    pub(super) fn go_on_in_background(&mut self) {
        self.background_until = self.time.now + BACKGROUND_TIME;
    }

    fn state(&self) -> SyncState {
        let replica = self.replica.as_ref();
        SyncState {
            connection: self.connection,
            access: self.access,
            cursor: replica.map_or(Cursor::ZERO, |replica| replica.cursor),
            bootstrapped: replica.is_some_and(|replica| replica.bootstrapped),
            uploading: self.push.sending_since().is_some(),
            downloading: self.pull.sending_since().is_some(),
            progress: replica
                .and_then(|replica| replica.stage.as_ref())
                .map(|stage| Progress { rows: stage.rows, total: stage.total }),
            blocked: self.trials.reason().map(str::to_owned),
            error: self.error().cloned(),
            failures: self.failures,
            rounds_begun: self.pull.rounds_begun,
            caught_up_round: self.pull.caught_up_round,
        }
    }

    pub(super) fn store(&mut self, command: Command) {
        self.actions.push(Action::Store(command));
    }

    pub(super) fn notify(&mut self, notice: Notice) {
        self.actions.push(Action::Notify(notice));
    }

    fn notify_rejected(&mut self, rejected: Vec<RejectedMutation>) {
        self.actions.extend(rejected.into_iter().map(|mutation| Action::Notify(Notice::Rejected(mutation))));
    }

    pub(super) fn gate(&mut self, lane: Lane) -> &mut Gate {
        match lane {
            Lane::Push => &mut self.push.gate,
            Lane::Pull => &mut self.pull.gate,
        }
    }

    fn error(&self) -> Option<&SyncError> {
        self.push.gate.error.as_ref().or(self.pull.gate.error.as_ref())
    }

    /// Remembers what is in the way of a lane, and tells the app, unless it knows of something like it.
    pub(super) fn report(&mut self, lane: Lane, error: SyncError) {
        let known = self.error().is_some_and(|known| mem::discriminant(known) == mem::discriminant(&error));
        if !known {
            self.notify(Notice::Error(error.clone()));
        }
        self.gate(lane).error = Some(error);
        self.failures += 1;
    }

    /// Sends a request; gives its ticket.
    pub(super) fn exchange(&mut self, plan: Plan, log: Option<LogPositions>) -> u64 {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        self.actions.push(Action::Exchange(Box::new(Exchange { ticket, plan, log })));
        ticket
    }

    /// The server's time now, as far as it is known.
    pub(super) fn server_now(&self) -> Option<Timestamp> {
        self.server_time.map(|(time, at)| time.plus(self.time.now.saturating_sub(at)))
    }

    /// The server's time, or this device's.
    pub(super) fn best_now(&self) -> Timestamp {
        self.server_now().unwrap_or(self.time.wall)
    }

    /// The longest wait after a failure now.
    pub(super) fn most_wait(&self) -> Duration {
        let bootstrapped = self.replica.as_ref().is_some_and(|replica| replica.bootstrapped);
        let wanted = self.queue.pending > 0 || !bootstrapped;
        if self.foreground && wanted { MOST_WANTED } else { MOST_IDLE }
    }

    /// One exchange of this lane went well: what was in its way is over.
    pub(super) fn lane_succeeded(&mut self, lane: Lane) {
        self.gate(lane).succeed();
        self.go_on_in_background();
        for lane in [Lane::Push, Lane::Pull] {
            self.gate(lane).error.take_if(|error| matches!(error, SyncError::Offline { .. }));
        }
    }

    /// What the failures of both lanes have in common: the gate, access and what the app is told.
    pub(super) fn lane_failed(&mut self, endpoint: Endpoint, failure: Failure) {
        let lane = endpoint.lane();
        let url = format!("{}/{}", self.config.base_url, endpoint.path());
        let scope = self.config.scope.clone();
        let mut most = self.most_wait();
        let mut retry_after = None;
        let error = match failure {
            Failure::Offline(crate::net::TransportError::Interrupted { .. }) => return,
            Failure::Offline(error) => {
                if self.connection != Connection::Offline {
                    self.connection = Connection::Offline;
                    self.notify(Notice::Offline);
                }
                SyncError::Offline { scope, error }
            }
            Failure::NotProtocol(reason) => SyncError::NotProtocol { scope, url, reason },
            Failure::TooLarge if endpoint == Endpoint::Snapshot => {
                // It would be as large the next time, and cost as much.
                self.pull.gate.close_until(self.time.now + TOO_LARGE_RETRY);
                SyncError::TooLarge { scope, limit: limits::MAX_SNAPSHOT }
            }
            Failure::TooLarge => {
                SyncError::NotProtocol { scope, url, reason: "the answer is too large".to_owned() }
            }
            Failure::Store(error) => SyncError::Store(error),
            Failure::Dialect(reason) => SyncError::Dialect { reason },
            Failure::Status { status: 401, .. } => {
                self.access = Access::NeedsAuth;
                SyncError::NeedsAuth { scope }
            }
            Failure::Status { status: 403, .. } => {
                self.access = Access::Forbidden { until: self.time.now + FORBIDDEN_RETRY };
                SyncError::Forbidden { scope }
            }
            Failure::Status { status, error, retry_after: after, .. } => {
                let message = error;
                if matches!(status, 408 | 425 | 429 | 500..=599) {
                    retry_after = after;
                    SyncError::Unavailable { scope, url, status, message }
                } else {
                    most = MOST_IDLE;
                    SyncError::Misconfigured { scope, url, status, message }
                }
            }
        };
        let now = self.time.now;
        let gate = match lane {
            Lane::Push => &mut self.push.gate,
            Lane::Pull => &mut self.pull.gate,
        };
        gate.fail(now, most, &mut self.rng);
        if let Some(after) = retry_after {
            gate.retry_after = now + after.min(MOST_RETRY_AFTER);
        }
        self.report(lane, error);
    }

    /// The server's log is not the one that the file knows.
    pub(super) fn log_changed(&mut self) {
        self.log_epoch += 1;
        let again = self.log_changed_at.is_some_and(|at| self.time.now.saturating_sub(at) < LOG_CHANGE_MOST);
        self.log_changed_at = Some(self.time.now);
        if again {
            self.log_change_wait = (self.log_change_wait * 2).clamp(LOG_CHANGE_FIRST, LOG_CHANGE_MOST);
            self.pull.gate.close_until(self.time.now + self.log_change_wait);
            let seconds = self.log_change_wait.as_secs();
            self.report(
                Lane::Pull,
                SyncError::LogKeepsChanging { url: self.config.base_url.clone(), seconds },
            );
        } else {
            self.log_change_wait = Duration::ZERO;
            self.notify(Notice::Error(SyncError::LogChanged));
        }
        #[cfg(feature = "planted-bugs")]
        if self.has_bug(crate::planted::Bug::KeepsAcksOfAnotherLog) {
            self.gone(false);
            return;
        }
        let command = Command::LogChanged { server_now: self.server_now(), at: self.time.wall };
        self.store(command);
        if let Some(replica) = &mut self.replica {
            replica.resync = true;
            replica.stage = None;
            replica.acked = None;
        }
        self.pull.snapshot_wanted = true;
        self.push.nothing_to_take = false;
        self.pull_abandon();
    }

    #[cfg(feature = "planted-bugs")]
    pub(super) fn has_bug(&self, bug: crate::planted::Bug) -> bool {
        self.config.bug == Some(bug)
    }

    /// What to tell the server of its log, when asking at `cursor`.
    pub(super) fn log_positions(&self, cursor: Cursor, tag: Option<&Tag>) -> Option<LogPositions> {
        let replica = self.replica.as_ref()?;
        let pulled = LogPosition { cursor, tag: tag?.clone() };
        let acked = replica.acked.as_ref();
        let acked = acked.and_then(|(cursor, tag)| Some(LogPosition { cursor: *cursor, tag: tag.clone()? }));
        Some(LogPositions { pulled, acked })
    }
}
