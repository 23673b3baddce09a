//! The virtual clock and what is going to happen: nothing else in a world moves time.

use std::collections::BTreeMap;
use std::time::Duration;

/// A point in a world's time: how long it has existed.
pub type Moment = Duration;

/// What is going to happen, in order. What is due at the same moment happens in the order in which it was
/// scheduled, so that a run depends on its seed alone.
#[derive(Debug)]
pub struct Schedule<E> {
    now: Moment,
    scheduled: u64,
    queue: BTreeMap<(Moment, u64), E>,
}

impl<E> Schedule<E> {
    /// A world at its beginning.
    #[must_use]
    pub fn new() -> Self {
        Self { now: Moment::ZERO, scheduled: 0, queue: BTreeMap::new() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Lets `event` happen at `moment`, or now if that is past.
    pub fn at(&mut self, moment: Moment, event: E) {
        self.scheduled += 1;
        self.queue.insert((moment.max(self.now), self.scheduled), event);
    }

    /// Lets `event` happen after `delay`.
    pub fn after(&mut self, delay: Duration, event: E) {
        self.at(self.now + delay, event);
    }

    /// Moves the clock to the next event due by `end`, and gives it; none, and the clock at `end`, where
    /// there is none.
    pub fn next_by(&mut self, end: Moment) -> Option<E> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= end);
        let Some(entry) = entry else {
            self.now = self.now.max(end);
            return None;
        };
        let ((moment, _), event) = entry.remove_entry();
        self.now = moment;
        Some(event)
    }
}

impl<E> Default for Schedule<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_together_happens_in_the_order_of_scheduling() {
        let mut schedule = Schedule::new();
        let second = Duration::from_secs(1);
        schedule.at(second * 2, 'c');
        schedule.at(second, 'a');
        schedule.after(second, 'b');
        let order: String = std::iter::from_fn(|| schedule.next_by(second * 9)).collect();
        assert_eq!((order.as_str(), schedule.now()), ("abc", second * 9));
    }
}
