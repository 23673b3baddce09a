//! What a batch has written.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::guess::{self, Guess};
use crate::reactive::graph::Graph;
use crate::reactive::graph::node::{NodeId, Value};
use crate::reactive::thread::Thread;

/// A signal with the type taken off.
pub trait SignalCell: Send + Sync {
    fn id(&self) -> NodeId;
    /// Whether a new value is no change.
    fn is_same(&self, old: &Value, new: &Value) -> bool;
}

/// A signal's value in the batch.
#[derive(Clone)]
pub struct Write {
    pub cell: Arc<dyn SignalCell>,
    pub value: Value,
    /// What the graph had when the two were compared.
    pub base: Value,
    /// None while it is no change.
    pub version: Option<u64>,
}

pub struct Buffer {
    writes: Vec<Write>,
    places: BTreeMap<NodeId, usize>,
    /// Another number after each write.
    pub state: u64,
    pub guesses: BTreeMap<NodeId, Guess>,
}

impl Buffer {
    pub const fn new() -> Self {
        Self { writes: Vec::new(), places: BTreeMap::new(), state: 0, guesses: BTreeMap::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// What was written to a signal.
    pub fn written(&self, id: NodeId) -> Option<&Write> {
        self.places.get(&id).map(|place| &self.writes[*place])
    }

    /// Writes to a signal. Gives what the buffer has no use for any more.
    pub fn write(&mut self, graph: &mut Graph, write: Write) {
        self.state = graph.new_number();
        let id = write.cell.id();
        if let Some(place) = self.places.get(&id) {
            let old = std::mem::replace(&mut self.writes[*place], write);
            graph.trash.push(old.into());
        } else {
            self.places.insert(id, self.writes.len());
            self.writes.push(write);
        }
    }

    /// The writes to signals that others have changed since.
    pub fn overtaken(&self, graph: &Graph) -> Vec<Write> {
        let is_overtaken = |write: &&Write| !Arc::ptr_eq(graph.signal_value(write.cell.id()), &write.base);
        self.writes
            .iter()
            .filter(is_overtaken)
            .map(|write| {
                let base = Value::clone(graph.signal_value(write.cell.id()));
                Write { base, ..write.clone() }
            })
            .collect()
    }

    /// A write was compared with what the graph has now.
    pub fn compared(&mut self, graph: &mut Graph, mut write: Write, is_same: bool) {
        write.version = if is_same { None } else { write.version.or_else(|| Some(graph.new_number())) };
        self.write(graph, write);
    }
}

impl From<Write> for crate::reactive::bin::Trash {
    fn from(write: Write) -> Self {
        Self::Other(Box::new(write))
    }
}

/// Lets all writes enter the graph, and with them the guesses that have come true. Gives the buffer, to be dropped.
pub fn apply(graph: &mut Graph, thread: &mut Thread) -> Option<Box<dyn Any + Send>> {
    if thread.buffer.is_empty() {
        return None;
    }
    let buffer = std::mem::replace(&mut thread.buffer, Buffer::new());
    let known = (buffer.state, graph.commits);
    let mut due = vec![];
    for write in &buffer.writes {
        if let Some(version) = write.version {
            let value = Value::clone(&write.value);
            graph.write(write.cell.id(), value, version, thread.token, &mut due);
        }
    }
    guess::publish(graph, &buffer.guesses, known);
    thread.due.extend(due.into_iter().map(std::cmp::Reverse));
    Some(Box::new(buffer))
}
