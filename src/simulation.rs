//! For this project's own simulator: the engine, the store and what stands between them, without threads,
//! sockets and clocks. Not part of the public API.

pub use crate::client::exchange::Exchanger;
pub use crate::client::execute::execute;
pub use crate::model::{
    Change, ChangeSet, Counts, Edit, EntityKey, Intent, NewMutation, Object, Outgoing, Patch, Replica,
    Versions,
};
pub use crate::store::{
    Durability, Location, OUTCOME_UNKNOWN, OUTCOME_UNKNOWN_ERROR, Owner, Store, StoreError, StoredRow,
};
pub use crate::sync::{
    Access, Action, Answer, Command, Config, Connection, Engine, Event, Exchange, Failure, LiveState, Moment,
    Notice, Plan, Stored, SyncState, Time,
};
