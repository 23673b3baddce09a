//! Where one connection stands, and for how long: whether it may be closed for another, and when its time is up.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::limits::ServerLimits;

pub(super) struct Place {
    standing: Mutex<Standing>,
    closed: Notify,
}

#[derive(Clone, Copy)]
struct Standing {
    phase: Phase,
    /// For the phases in which the client sends a body or takes an answer: since it last did.
    since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Idle,
    Head,
    Body,
    Work,
    Answer,
    /// A live socket that has asked for nothing yet.
    Upgraded,
    /// A live socket with subscriptions; since its client was last heard of.
    Live,
    Closed,
}

/// What a connection waits for its client for; the lesser is closed first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Waiting {
    /// For a request, since then.
    Idle(Instant),
    /// For the rest of one, or for its answer to be taken.
    Exchange(Instant),
    /// For nothing, but it can do without: it is told of changes, and would otherwise ask for them.
    Live(Instant),
}

impl Standing {
    fn enter(&mut self, phase: Phase) {
        if self.phase != Phase::Closed {
            *self = Self { phase, since: Instant::now() };
        }
    }

    fn deadline(self, limits: &ServerLimits) -> Option<Instant> {
        let limit = match self.phase {
            Phase::New | Phase::Head => limits.head,
            Phase::Idle => limits.idle,
            Phase::Answer => limits.answer,
            // The body has a limit as a whole, and an answer that tells of it.
            Phase::Body | Phase::Work | Phase::Closed => return None,
            // A live socket has limits of its own.
            Phase::Upgraded | Phase::Live => return None,
        };
        self.since.checked_add(limit)
    }
}

impl Place {
    pub(super) fn new() -> Self {
        let standing = Standing { phase: Phase::New, since: Instant::now() };
        Self { standing: Mutex::new(standing), closed: Notify::new() }
    }

    /// Bytes have come or gone.
    pub(super) fn moved(&self) {
        let mut standing = self.standing();
        match standing.phase {
            Phase::New | Phase::Idle => standing.enter(Phase::Head),
            Phase::Body | Phase::Answer => standing.since = Instant::now(),
            Phase::Head | Phase::Work | Phase::Upgraded | Phase::Live | Phase::Closed => {}
        }
    }

    /// What its client keeps it waiting for.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let Standing { phase, since } = *self.standing();
        match phase {
            Phase::New | Phase::Idle | Phase::Head | Phase::Upgraded => Some(Waiting::Idle(since)),
            Phase::Body | Phase::Answer => Some(Waiting::Exchange(since)),
            Phase::Live => Some(Waiting::Live(since)),
            Phase::Work | Phase::Closed => None,
        }
    }

    /// The client of a live socket was heard of.
    pub(super) fn live(&self, has_subscriptions: bool) {
        let mut standing = self.standing();
        match (has_subscriptions, standing.phase) {
            (true, _) => standing.enter(Phase::Live),
            (false, Phase::Upgraded) => {}
            (false, _) => standing.enter(Phase::Upgraded),
        }
    }

    pub(super) fn close(&self) {
        self.standing().phase = Phase::Closed;
        self.closed.notify_one();
    }

    pub(super) fn close_if_idle(&self) {
        if matches!(self.standing().phase, Phase::New | Phase::Idle | Phase::Head) {
            self.close();
        }
    }

    /// Ends when the connection is to be closed for another.
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }

    /// Ends when the connection is to be closed: for another, or because its time is up.
    ///
    /// To be polled whenever the connection has been, since that is what changes its phase.
    pub(super) async fn given_up(&self, limits: &ServerLimits) {
        let mut closed = pin!(self.closed());
        let mut alarm = pin!(sleep_until(Instant::now() + limits.head));
        poll_fn(|context| {
            if closed.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            loop {
                let Some(deadline) = self.standing().deadline(limits) else { return Poll::Pending };
                if deadline <= Instant::now() {
                    return Poll::Ready(());
                }
                // An alarm that is too early does no harm, and is cheaper than one that is set with every byte.
                if deadline < alarm.deadline() || alarm.is_elapsed() {
                    alarm.as_mut().reset(deadline);
                }
                ready!(alarm.as_mut().poll(context));
            }
        })
        .await;
    }

    fn enter(&self, phase: Phase) {
        self.standing().enter(phase);
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request and its answer, until all of that is dropped.
#[derive(Clone)]
pub(super) struct Exchange(Arc<Ongoing>);

struct Ongoing {
    place: Arc<Place>,
    /// Whether a live socket follows, and not the next request.
    upgrades: AtomicBool,
}

impl Exchange {
    /// The head of a request is there.
    pub(super) fn begin(place: Arc<Place>) -> Self {
        place.enter(Phase::Body);
        Self(Arc::new(Ongoing { place, upgrades: AtomicBool::new(false) }))
    }

    /// The request is there: until this is dropped, the connection is not closed for another. `None` if it has been.
    pub(super) fn work(&self) -> Option<Work<'_>> {
        let place = &*self.0.place;
        let mut standing = place.standing();
        standing.enter(Phase::Work);
        (standing.phase == Phase::Work).then(|| Work(place))
    }

    /// The answer is there.
    pub(super) fn answer(&self) {
        self.0.place.enter(Phase::Answer);
    }

    /// After its answer the connection is a live socket: no moment in which it would seem to be idle.
    pub(super) fn upgrade(&self) {
        self.0.upgrades.store(true, Ordering::Relaxed);
    }
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        let upgrades = *self.upgrades.get_mut();
        self.place.enter(if upgrades { Phase::Upgraded } else { Phase::Idle });
    }
}

pub(super) struct Work<'a>(&'a Place);

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.enter(Phase::Answer);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: ServerLimits = ServerLimits {
        connections: 1,
        memory: 0,
        head: Duration::from_secs(10),
        idle: Duration::from_secs(20),
        body: Duration::from_secs(30),
        answer: Duration::from_secs(40),
        stop: Duration::from_secs(50),
        ping: Duration::from_secs(60),
        silence: Duration::from_secs(70),
    };

    /// The limit that applies, and since when.
    fn limit(place: &Place) -> Option<(Instant, Duration)> {
        let standing = *place.standing();
        standing.deadline(&LIMITS).map(|deadline| (standing.since, deadline - standing.since))
    }

    #[test]
    fn the_time_for_a_head_begins_with_its_first_byte_and_no_byte_prolongs_it() {
        let place = Arc::new(Place::new());
        drop(Exchange::begin(Arc::clone(&place)));
        let (idle, limit_of_idle) = limit(&place).unwrap();
        place.moved();
        let head = limit(&place).unwrap();
        place.moved();
        assert_eq!((limit_of_idle, head.1), (LIMITS.idle, LIMITS.head));
        assert!(limit(&place) == Some(head) && head.0 >= idle);
    }

    #[test]
    fn work_has_no_limit_and_an_answer_has_one_between_its_bytes() {
        let place = Arc::new(Place::new());
        let exchange = Exchange::begin(Arc::clone(&place));
        let work = exchange.work().unwrap();
        assert!(limit(&place).is_none() && place.waiting().is_none());
        drop(work);
        let (begun, limit_of_answer) = limit(&place).unwrap();
        place.moved();
        assert_eq!(limit_of_answer, LIMITS.answer);
        assert!(limit(&place).unwrap().0 >= begun);
    }

    #[test]
    fn a_connection_that_becomes_a_live_socket_is_not_idle_in_between() {
        let place = Arc::new(Place::new());
        let exchange = Exchange::begin(Arc::clone(&place));
        drop(exchange.work());
        exchange.upgrade();
        exchange.answer();
        drop(exchange);
        place.close_if_idle();
        place.live(false);
        assert!(place.waiting().is_some(), "a stop has taken it for idle");
    }

    #[test]
    fn a_connection_that_is_closed_for_another_is_not_worked_for() {
        let place = Arc::new(Place::new());
        let exchange = Exchange::begin(Arc::clone(&place));
        place.close();
        assert!(exchange.work().is_none());
        drop(exchange);
        assert!(place.waiting().is_none());
    }
}
