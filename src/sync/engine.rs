//! The state machine: what both lanes share, and how events reach them.

use std::time::Duration;

use mizu_sync_protocol::{LogPositions, Wire};

use super::access::Asking;
use super::backoff::Backoff;
use super::event::{
    Action, Answer, Command, Event, Exchange, Head, Moment, Notice, Plan, Queue, Reply, Stored, Time,
};
use super::live::Live;
use super::pull::Pull;
use super::push::Push;
use super::state::{Access, Connection, Progress, SyncState};
use super::trials::Trials;
use crate::model::{RejectedMutation, Replica, Versions};
use crate::net::Lane;
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
    /// Whether a live socket is wanted.
    pub live: bool,
    /// Whether the app can be asked for a token.
    pub asks_for_token: bool,
    /// Between two pulls when nothing else asks for one.
    pub pull_interval: Duration,
    /// The longest that a mutation is held back to batch it with later ones.
    pub push_interval: Duration,
    /// A known bug, awake.
    #[cfg(feature = "planted-bugs")]
    pub bug: Option<crate::planted::Bug>,
}

/// How long the sync goes on in the background after the last thing that asked for it, or that it achieved.
const BACKGROUND_TIME: Duration = Duration::from_secs(30);

/// The sync engine.
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
    /// A server that is not ours refused a request in the extended form: it is asked in the plain one, which all
    /// take, until an answer 200 teaches.
    plainly: bool,
    pub(super) push: Push,
    pub(super) pull: Pull,
    pub(super) live: Live,
    pub(super) asking: Asking,
    pub(super) trials: Trials,
    /// Counts the times that the server's log became another one. An answer from before says nothing.
    pub(super) log_epoch: u64,
    pub(super) log_changed_at: Option<Moment>,
    pub(super) log_change_wait: Duration,
    pub(super) connection: Connection,
    pub(super) access: Access,
    next_ticket: u64,
    /// Exchanges that failed.
    pub(super) failures: u64,
    /// After a failure of the store: when what the file remembers is read again.
    pub(super) reload: Option<Moment>,
    pub(super) store_backoff: Backoff,
    published: Option<SyncState>,
    wake: Option<Option<Moment>>,
    pub(super) actions: Vec<Action>,
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
            plainly: false,
            push: Push::default(),
            pull: Pull::default(),
            live: Live::default(),
            asking: Asking::default(),
            trials: Trials::default(),
            log_epoch: 0,
            log_changed_at: None,
            log_change_wait: Duration::ZERO,
            connection: Connection::default(),
            access: Access::default(),
            next_ticket: 0,
            failures: 0,
            reload: None,
            store_backoff: Backoff::default(),
            published: None,
            wake: None,
            actions: Vec::new(),
        }
    }

    /// Takes an event, with the time and the state of the queue when it is handled, and gives what follows.
    pub fn handle(&mut self, event: Event, time: Time, queue: Queue) -> Vec<Action> {
        self.time = time;
        let waited = std::mem::replace(&mut self.queue, queue).pending;
        match event {
            Event::Started(replica) => self.started(*replica),
            Event::Queued => self.push_queued(waited),
            Event::Discarded(seq) => self.trials.discarded(seq),
            Event::Answered(answer) => self.answered(*answer),
            Event::Stored(Ok(stored)) => self.stored(stored),
            Event::Stored(Err(error)) => self.store_failed(error),
            // The driver's timer is gone with it.
            Event::Due => self.wake = None,
            Event::Network(up) => self.network_changed(up),
            Event::Foreground(foreground) => self.foreground_changed(foreground),
            Event::SyncRequested(request) => self.sync_requested(request),
            Event::Live(ticket, news) => self.live_told(ticket, news),
            Event::LiveEnded(ticket, end) => self.live_ended(ticket, end),
            Event::Hint(cursor) => {
                self.hinted(cursor);
                self.go_on_in_background();
            }
            Event::TokenSet => self.token_set(),
        }
        self.proceed();
        std::mem::take(&mut self.actions)
    }

    /// Begins with what the file remembers, and with nothing under way.
    fn started(&mut self, replica: Replica) {
        let stale = replica.versions != self.config.versions;
        self.trials = Trials::new(replica.suspects.clone());
        #[cfg(feature = "planted-bugs")]
        if self.has_bug(crate::planted::Bug::CountsOutages) {
            self.trials.count_outages();
        }
        let reread = stale && replica.quarantined > 0;
        self.pull.snapshot_wanted =
            !replica.bootstrapped || replica.resync || replica.stage.is_some() || reread;
        self.pull.wanted = true;
        if stale && !self.pull.snapshot_wanted {
            self.store(Command::LearnVersions(self.config.versions.clone()));
        }
        let begin_anew = reread && replica.stage.is_some();
        self.replica = Some(replica);
        if begin_anew {
            // What an older version could not read may be in it.
            self.drop_stage();
        }
        self.pull.sweeping = true;
        self.store(Command::Sweep);
    }

    fn answered(&mut self, answer: Answer) {
        let Answer { ticket, lane, head, result } = answer;
        self.gate(lane).give_up = None;
        match head {
            Some(head) if result.is_ok() => {
                self.learn_time(head);
                self.learn_wire(head);
            }
            // Only our servers have this header: it is the server itself that refuses.
            Some(head) if head.extended => self.learn_time(head),
            // Whoever stands between may have any clock.
            _ => {}
        }
        match (lane, result) {
            (Lane::Push, Ok(Reply::Push(results))) => self.pushed(ticket, results),
            (Lane::Pull, Ok(Reply::Pull(reply))) => self.pulled(ticket, reply),
            (Lane::Pull, Ok(Reply::Snapshot(reply))) => self.snapshot_read(ticket, reply),
            (Lane::Push, Ok(_)) | (Lane::Pull, Ok(Reply::Push(_))) => {}
            (Lane::Push, Err(failure)) => self.push_failed(ticket, failure, head),
            (Lane::Pull, Err(failure)) => self.pull_failed(ticket, failure, head),
        }
    }

    /// Learns the server's time from an answer that is its own.
    fn learn_time(&mut self, head: Head) {
        self.heard = true;
        if let Some(server_time) = head.server_time {
            self.server_time = Some((server_time, self.time.now));
        }
    }

    /// Learns from an answer 200 in which form the server is spoken to.
    fn learn_wire(&mut self, head: Head) {
        let wire = if head.extended { Wire::Extended } else { Wire::Plain };
        let Some(replica) = &mut self.replica else { return };
        let known = replica.wire.replace(wire);
        self.plainly = false;
        self.live.answered();
        if known != Some(wire) {
            // Another kind of server cannot have the same log.
            match known {
                Some(_) => self.log_changed(),
                None => self.store(Command::LearnWire(wire)),
            }
        }
        if self.connection != Connection::Online {
            self.connection = Connection::Online;
            self.notify(Notice::Online);
        }
    }

    fn stored(&mut self, stored: Stored) {
        match stored {
            Stored::Reloaded(replica) => {
                self.store_backoff.reset();
                self.started(*replica);
            }
            Stored::Batch(batch) => self.batch_taken(batch),
            Stored::Recorded(rejected) => {
                self.notify_rejected(rejected);
                self.recorded();
            }
            Stored::LogChanged(rejected) | Stored::AcksDoubted(rejected) => self.notify_rejected(rejected),
            Stored::PageApplied(applied) | Stored::StagePaged(applied) => self.page_stored(applied),
            Stored::StageBegun(generation) => self.stage_begun(generation),
            Stored::StageCheckpointed => self.stage_checkpointed(),
            Stored::Swapped(applied) => self.swapped(applied),
            Stored::Swept { more } => self.swept(more),
            Stored::StageDropped | Stored::AttemptsCounted | Stored::Learnt => {}
        }
    }

    pub(super) fn interrupt(&mut self, lane: Lane) {
        self.actions.push(Action::Interrupt(lane));
    }

    /// Starts whatever may start now, and says when to be woken.
    fn proceed(&mut self) {
        if let Access::Forbidden { until } = self.access
            && self.time.now >= until
        {
            self.grant_access();
        }
        if self.reload.take_if(|moment| *moment <= self.time.now).is_some() {
            self.store(Command::Reload);
        }
        self.give_up_stale_requests();
        self.proceed_live();
        self.proceed_pull();
        self.proceed_push();
        let wake = self.next_wake();
        if self.wake != Some(wake) {
            self.wake = Some(wake);
            self.actions.push(Action::WakeAt(wake));
        }
        // Before it has begun there is nothing to show: whoever drives it knows more of the file.
        if self.replica.is_none() && self.published.is_none() {
            return;
        }
        let state = self.state();
        if self.published.as_ref() != Some(&state) {
            self.published = Some(state.clone());
            self.actions.push(Action::Publish(Box::new(state)));
        }
    }

    fn next_wake(&self) -> Option<Moment> {
        let stale = [self.push.gate.give_up, self.pull.gate.give_up].into_iter().flatten().min();
        [stale, self.reload, self.live_due(), self.next_request()].into_iter().flatten().min()
    }

    fn next_request(&self) -> Option<Moment> {
        if self.replica.is_none() || !self.network_up {
            return None;
        }
        match self.access {
            Access::AwaitingToken | Access::NeedsAuth => None,
            Access::Forbidden { until } => self.foreground.then_some(until),
            Access::Granted => {
                let due = [self.push_due(), self.pull_due()].into_iter().flatten().min();
                due.filter(|due| self.foreground || *due < self.background_until)
            }
        }
    }

    /// The form in which the server is spoken to now; none before its first answer.
    pub(super) fn wire(&self) -> Option<Wire> {
        let known = self.replica.as_ref()?.wire;
        if self.plainly { known.map(|_| Wire::Plain) } else { known }
    }

    /// Whether a refusal comes from a server that does not know the extended form, in which it was asked. It is
    /// asked in the plain one then.
    pub(super) fn learns_to_be_plain(&mut self, asked: Option<Wire>, head: Option<Head>) -> bool {
        let learns = asked == Some(Wire::Extended) && head.is_some_and(|head| !head.extended);
        self.plainly |= learns;
        learns
    }

    /// Whether anything may be sent at all.
    pub(super) fn may_send(&self) -> bool {
        let active = self.foreground || self.time.now < self.background_until;
        active && self.replica.is_some() && self.network_up && self.access == Access::Granted
    }

    /// Something asks for the sync, or it gets on: it may go on for a while when the app is not seen.
    pub(super) fn go_on_in_background(&mut self) {
        self.background_until = self.time.now.saturating_add(BACKGROUND_TIME);
    }

    fn state(&self) -> SyncState {
        let replica = self.replica.as_ref();
        // While the file is read again, what was known of it stays to be seen.
        let before = self.published.clone().unwrap_or_default();
        SyncState {
            connection: self.connection,
            access: self.access,
            tokens: self.asking.token,
            live: self.live.state(),
            cursor: replica.map_or(before.cursor, |replica| replica.cursor),
            bootstrapped: replica.map_or(before.bootstrapped, |replica| replica.bootstrapped),
            uploading: self.push.sending_since().is_some(),
            downloading: self.pull.sending_since().is_some(),
            progress: replica
                .and_then(|replica| replica.stage.as_ref())
                .map(|stage| Progress { rows: stage.rows, total: stage.total }),
            no_network: !self.network_up,
            last_sync: self.pull.last_sync,
            blocked: self.trials.reason().map(str::to_owned),
            error: self.error().cloned(),
            failures: self.failures,
            request_served: self.pull.request_served,
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

    /// Sends a request; gives its ticket.
    pub(super) fn exchange(&mut self, plan: Plan, log: Option<LogPositions>) -> u64 {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let token = self.asking.token;
        self.gate(plan.lane()).sent_with = token;
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

    #[cfg(feature = "planted-bugs")]
    pub(super) fn has_bug(&self, bug: crate::planted::Bug) -> bool {
        self.config.bug == Some(bug)
    }
}
