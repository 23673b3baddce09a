//! What of the sync can be observed, each by a computed value that wakes only those for whom it is another one.

use std::sync::Arc;

use mizu_sync_protocol::Cursor;

use super::monitor::Monitor;
use super::status::{Connectivity, Status};
use crate::reactive::{Computed, Source};
use crate::store::Store;

pub struct Observed {
    /// All of it.
    pub status: Computed<Status>,
    online: Computed<bool>,
    cursor: Computed<Cursor>,
    blocked: Computed<Option<String>>,
}

impl Observed {
    pub fn new(source: &Source, store: &Arc<Store>, monitor: &Arc<Monitor>) -> Self {
        let (source, store, monitor) = (source.clone(), Arc::clone(store), Arc::clone(monitor));
        let status = Computed::new(move || {
            source.track();
            Status::of(&monitor.seen(), store.counts())
        });
        let of = status.clone();
        let online = Computed::new(move || of.with(|status| status.connection == Connectivity::Online));
        let of = status.clone();
        let cursor = Computed::new(move || of.with(|status| status.cursor));
        let of = status.clone();
        let blocked = Computed::new(move || of.with(|status| status.blocked.clone()));
        Self { status, online, cursor, blocked }
    }

    /// Whether the server answers.
    pub fn online(&self) -> bool {
        self.online.get()
    }

    /// How far the server's log was pulled.
    pub fn cursor(&self) -> Cursor {
        self.cursor.get()
    }

    /// What the server says of a write that keeps failing.
    pub fn blocked(&self) -> Option<String> {
        self.blocked.get()
    }
}
