//! What Kotlin and Swift reach the SDK by: the only place that knows of UniFFI. Made by the feature `ffi`; the typed
//! APIs of the bindings stand on it, and no app calls it.
//!
//! # Idea
//! A call over the boundary costs microseconds, whatever it does, so there are few and they are coarse. Rows cross as
//! one array of bytes (`rows`), writes as one list, and of a change only that there is one: whoever listens then asks
//! what is new (`feed`), at its own pace and on a thread of its own. So no thread of the SDK ever waits for the other
//! language's code, but for the callbacks that the app has given.
//!
//! Values of signals, and the results of computed values, stay on the other side. Here are their nodes in the one graph
//! of the process (`graph`). What is read again and again is kept there on a lease: until this side recalls it, the other
//! side reads it without a call (`entity`, and the computed values of `graph`).
//!
//! # Limits
//! Values are JSON text here: what a type is, only the other side knows. Nothing waits for anything but the disk: what
//! takes longer is begun, and tells when it is worth looking again (`wait`).

mod batch;
mod callbacks;
mod client;
mod entity;
mod error;
mod feed;
mod graph;
mod options;
mod query;
mod queue;
mod rows;
mod status;
mod testing;
#[cfg(test)]
mod tests;
mod wait;
mod writes;

pub use batch::NativeBatch;
pub use callbacks::{
    CallbackError, Callbacks, NativeLevel, OnError, OnLog, OnOffline, OnOnline, OnRejected, OnSync,
    OnTokenNeeded,
};
pub use client::{NativeClient, new_id};
pub use entity::NativeEntity;
pub use error::{ApiError, ErrorKind, Problem};
pub use feed::{Listener, NativeFeed, News};
pub use graph::{Body, Compute, NativeComputed, NativeEffect, NativeSignal, batch, graph_counts, untrack};
pub use options::{ClientOptions, Header, IndexOption, Upcast, UpcastOption};
pub use query::{Condition, NativeQuery, Operator, OrderOption, QueryOptions, Value};
pub use queue::{NativePending, NativeRejected};
pub use rows::{NativeRow, NativeRows};
pub use status::{NativeAuth, NativeConnection, NativeStatus};
pub use testing::{
    Mutate, NativeApplied, NativeEndpoint, NativeRefusal, NativeServer, NativeTransaction, PreviewMark,
    open_preview, soon,
};
pub use wait::{Goal, NativeWait};
pub use writes::{Change, Changed, Expected, Write};
