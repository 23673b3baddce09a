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
    /// Whether it differs from that. What does not is written too if others have written since.
    pub is_change: bool,
    /// The version that the value gets where it is a change.
    pub version: u64,
}

impl Write {
    /// The version of the signal in the batch.
    pub fn version(&self, graph: &Graph) -> u64 {
        let id = self.cell.id();
        let is_change = self.is_change || !Arc::ptr_eq(graph.signal_value(id), &self.base);
        if is_change { self.version } else { graph.version(id) }
    }
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
    pub fn compared(&mut self, graph: &mut Graph, write: Write, is_same: bool) {
        self.write(graph, Write { is_change: !is_same, ..write });
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
        if write.is_change {
            let value = Value::clone(&write.value);
            graph.write(write.cell.id(), value, write.version, thread.token, &mut due);
        }
    }
    guess::publish(graph, &buffer.guesses, known);
    thread.due.extend(due.into_iter().map(std::cmp::Reverse));
    Some(Box::new(buffer))
}
