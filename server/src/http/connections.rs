//! All open connections. When there is no room for another, the one that has kept the server waiting longest makes
//! room: who holds many connections and does nothing with them locks nobody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::place::Place;

pub(super) struct Connections {
    slots: Arc<Semaphore>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    places: BTreeMap<u64, Arc<Place>>,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { slots, open: Mutex::default() })
    }

    /// Makes room for one more. `None` if all the others are being worked for.
    pub(super) async fn admit(self: &Arc<Self>) -> Option<Guest> {
        let slot = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) if self.close_stalest() => Arc::clone(&self.slots).acquire_owned().await.ok()?,
            Err(_) => return None,
        };
        let place = Arc::new(Place::new());
        let mut open = self.open();
        let key = open.next;
        open.next += 1;
        open.places.insert(key, Arc::clone(&place));
        Some(Guest { place, key, connections: Arc::clone(self), _slot: slot })
    }

    /// Closes the connection that has kept the server waiting longest, one without a request if there is any. Whether
    /// one was closed.
    pub(super) fn close_stalest(&self) -> bool {
        let open = self.open();
        let waiting = open.places.values().filter_map(|place| Some((place.waiting()?, place)));
        let Some((_, stalest)) = waiting.min_by_key(|(waiting, _)| *waiting) else { return false };
        stalest.close();
        true
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.open().places.len()
    }

    /// Closes the connections without a request.
    pub(super) fn close_idle(&self) {
        for place in self.open().places.values() {
            place.close_if_idle();
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the connections, until it is dropped.
pub(super) struct Guest {
    pub(super) place: Arc<Place>,
    key: u64,
    connections: Arc<Connections>,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.connections.open().places.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Exchange;
    use super::*;

    fn admit(connections: &Arc<Connections>) -> Guest {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(connections.admit()).unwrap()
    }

    fn is_open(guest: &Guest) -> bool {
        guest.place.waiting().is_some()
    }

    #[test]
    fn who_has_been_idle_longest_makes_room_first_and_who_has_a_request_last() {
        let connections = Connections::new(4);
        let guests = [(); 4].map(|()| admit(&connections));
        let uploading = Exchange::begin(Arc::clone(&guests[0].place));
        drop(Exchange::begin(Arc::clone(&guests[1].place)));
        let working = Exchange::begin(Arc::clone(&guests[3].place));
        let work = working.work();
        for closed in [2, 1, 0] {
            assert!(is_open(&guests[closed]) && connections.close_stalest());
            assert!(!is_open(&guests[closed]), "{closed}");
        }
        assert!(!connections.close_stalest());
        drop(work);
        assert!(is_open(&guests[3]));
        drop(uploading);
    }

    #[test]
    fn a_live_socket_makes_room_last_unless_it_has_asked_for_nothing() {
        let connections = Connections::new(4);
        let guests = [(); 4].map(|()| admit(&connections));
        for (guest, has_subscriptions) in [(0, true), (1, false), (2, true)] {
            guests[guest].place.live(has_subscriptions);
        }
        guests[0].place.live(true);
        let uploading = Exchange::begin(Arc::clone(&guests[3].place));
        for closed in [1, 3, 2, 0] {
            assert!(is_open(&guests[closed]) && connections.close_stalest());
            assert!(!is_open(&guests[closed]), "{closed}");
        }
        drop(uploading);
    }

    #[test]
    fn a_stop_leaves_live_sockets_to_say_goodbye() {
        let connections = Connections::new(3);
        let guests = [(); 3].map(|()| admit(&connections));
        guests[0].place.live(true);
        guests[1].place.live(false);
        connections.close_idle();
        assert_eq!(guests.each_ref().map(is_open), [true, true, false]);
    }

    #[test]
    fn who_leaves_makes_room() {
        let connections = Connections::new(1);
        for _ in 0..3 {
            assert!(is_open(&admit(&connections)));
        }
        assert!(connections.open().places.is_empty());
    }
}
