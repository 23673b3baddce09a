//! The store with real SQLite files.

mod changes;
mod durability;
mod golden;
mod overlay;
mod query;
mod queue;
mod settle;
mod stage;

use mizu_sync_protocol::{Cursor, Wire};
use tempfile::TempDir;

use super::{Durability, Location, Owner, Store, StoreError};
use crate::model::{
    BatchRequest, Edit, EntityKey, Intent, NewMutation, Object, Outcome, Page, Selection, ServerEntity,
};
use crate::time::Timestamp;

/// A store in a file of its own.
pub struct Fixture {
    pub store: Store,
    pub folder: TempDir,
}

pub fn owner() -> Owner {
    Owner { scope: "user:1".to_owned(), principal: None, client: "client-1".to_owned() }
}

pub const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).unwrap();
        Self { store, folder }
    }

    /// As if the process had died and begun again.
    pub fn reopened(self) -> Self {
        let Self { store, folder } = self;
        drop(store);
        let store = open(&folder).unwrap();
        store.check_invariants().unwrap();
        Self { store, folder }
    }

    pub fn write(&self, id: &str, edit: Edit) -> Result<(), StoreError> {
        self.store.write(vec![mutation(&format!("m-{id}"), Intent::Entity(todo(id), edit))])
    }

    pub fn create(&self, id: &str, data: &str) {
        self.write(id, Edit::Create(object(data))).unwrap();
    }

    pub fn update(&self, id: &str, set: &str) {
        self.write(id, Edit::Update { set: object(set), unset: Vec::new(), seen: None }).unwrap();
    }

    pub fn shown(&self, id: &str) -> Option<String> {
        self.store.check_invariants().unwrap();
        self.store.get(&todo(id)).unwrap().map(|row| row.data.as_str().to_owned())
    }

    /// Places in the queue of what a push would hold.
    pub fn next(&self, wire: Wire) -> Vec<u64> {
        let request = BatchRequest { wire, ..request() };
        self.store.take_batch(&request).unwrap().mutations.iter().map(|mutation| mutation.seq).collect()
    }

    pub fn ack(&self, seq: u64, at: u64) {
        self.record(seq, Outcome::Acked { cursor: Some(cursor(at)), tag: None, round: 0 });
    }

    pub fn reject(&self, seq: u64) {
        self.record(seq, Outcome::Rejected { code: "conflict".to_owned(), error: "no".to_owned() });
    }

    pub fn record(&self, seq: u64, outcome: Outcome) {
        self.store.record(&[(seq, outcome)], AT).unwrap();
        self.store.check_invariants().unwrap();
    }

    pub fn page(&self, at: u64, changes: Vec<ServerEntity>) {
        let page = Page { changes, cursor: cursor(at), round: 1, ends_round: true, ..Page::default() };
        self.store.apply_page(&page).unwrap();
        self.store.check_invariants().unwrap();
    }
}

pub fn open(folder: &TempDir) -> Result<Store, StoreError> {
    Store::open(Location::File(folder.path().join("todos.db")), owner(), Durability::Relaxed)
}

pub fn request() -> BatchRequest {
    BatchRequest {
        selection: Selection::Next { limit: 100 },
        wire: Wire::Extended,
        whole: false,
        max_bytes: 900 * 1024,
        bytes_each: 256,
        server_now: None,
    }
}

pub fn mutation(id: &str, intent: Intent) -> NewMutation {
    NewMutation { id: id.to_owned(), created_at: AT, intent }
}

pub fn todo(id: &str) -> EntityKey {
    EntityKey::new("todo", id)
}

pub fn object(text: &str) -> Object {
    Object::parse(text.to_owned()).unwrap()
}

pub fn cursor(number: u64) -> Cursor {
    Cursor::new(number).unwrap()
}

pub fn put(id: &str, data: &str) -> ServerEntity {
    ServerEntity { key: todo(id), data: Some(object(data)) }
}

pub fn gone(id: &str) -> ServerEntity {
    ServerEntity { key: todo(id), data: None }
}
